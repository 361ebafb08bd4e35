"""JSON for programs. Called by `cli/commands/` only.

database     what `backup`, `migrate`, `erase` and `prune` did
doctor       findings of `doctor`
imports      lines that `import` took and refused
playbook     a playbook that `playbook check` found usable
ranking      what `rank train`, `score`, `evaluate` and `rollback` did
rank_report  `rank report`
report       `report`
"""

"""Text for a terminal. Called by `cli/commands/` only.

batch        progress and end of `batch`
candidates   candidates of `try`, also while they are written
compare      rows of `compare`, and `compare report`
database     what `backup`, `migrate`, `erase` and `prune` did
doctor       findings of `doctor`
experiments  what `experiment start`, `list` and `report` tell
knowledge    documents, passages, and what was read
imports      lines that `import` took and refused
playbook     a playbook that `playbook check` found usable
ranking      what `rank train`, `score`, `evaluate` and `rollback` did
rank_report  `rank report`
report       `report`
tables       the only tables
"""

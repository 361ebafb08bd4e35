"""Commands of `suggest`, one module each.

backup, demo, doctor, erase, export, import_, migrate, playbook, rank, rank_report, rank_rollback, report, serve, try_
"""

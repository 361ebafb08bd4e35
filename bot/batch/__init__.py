"""Drafts for the rows of a file: as many at once as the model's server takes, each paid for once.

rows       the rows of JSON Lines or CSV: conversations, and what cannot be used
plan       what is drafted for each row: styles, models, playbook; the survey of the input before anything is paid
spending   tokens and cost, measured and estimated
run        the run itself: rows go in, drafts are journaled, entries come out in the input's order
files      none is replaced by mistake; the journal beside OUT
output     entries as JSON Lines or CSV

May be called by `cli/`.
"""

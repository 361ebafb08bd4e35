"""Experiments on live requests: arms with playbooks or models of their own, drawn at random, judged at every look.

plan       the arms that somebody wants, and what is wrong with them
start      an experiment made of a plan, with the text of each playbook; arms whose files have changed since
assigner   the arm drawn for each new request, and what an arm drafts with
report     what became of each arm's requests, and how sure the difference is
guardrail  arms whose drafts fail, or are dismissed, clearly more often

Called by `suggesting/`, `handlers/` and `cli/`; `plan` also by `playbook`.
"""

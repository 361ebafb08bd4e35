"""The commands of `suggest`, one module each: its options, one call, its result. Called by `cli/main.py` only.

COMMANDS is the map: a module is named as its command is, with an underscore where Python keeps the word for itself.
`compare_report` stands below a command that is one itself (`cli/lazy_command.py`).
"""

from typing import Final

COMMANDS: Final[dict[str, str]] = {
    "serve": "Run the bot, over Socket Mode or, with --http, signed HTTP.",
    "try_": "Draft replies to one message in this terminal, and choose one.",
    "batch": "Draft texts for every row of a file, into another.",
    "demo": "Show Slack in the browser on this machine, with the bot in it.",
    "doctor": "Check settings, tokens, scopes, database, model: what to fix.",
    "export": "Export the choice log, or training data made from it.",
    "import_": "Import requests from files into the choice log.",
    "report": "Report what became of replies, how sure that is, what it cost.",
    "compare": "Set two versions side by side, blind, and record picks.",
    "experiment_start": "Draw live requests for arms with playbooks or models of their own.",
    "experiment_stop": "Stop an experiment; its report stays.",
    "experiment_list": "List the experiments with their arms.",
    "experiment_report": "Tell which arm is better, and how sure that is, at whatever look.",
    "prune": "Delete the texts of old requests, and keep their numbers.",
    "erase": "Delete requests for good.",
    "backup": "Copy the choice log while the bot runs.",
    "migrate": "Bring a database to this version's schema.",
    "manifest": "Print the manifest that the Slack app is made from.",
    "knowledge_add": "Add files and folders to the knowledge that drafts use.",
    "knowledge_list": "List the documents that drafts use, with their dates.",
    "knowledge_show": "Show one document with its passages, as drafts are given them.",
    "knowledge_search": "Find the passages that fit a question, best first: the best one of each document.",
    "knowledge_refresh": "Read again what has changed in the files and folders that were added, and drop what is gone.",
    "knowledge_remove": "Remove documents by id, or files and folders with all their documents.",
    "knowledge_gaps": "List the questions that nothing was found for, most frequent first, with their replies.",
    "knowledge_eval": "Measure how often the search finds what answers a question.",
    "playbook_init": "Write an annotated playbook to a file of your own.",
    "playbook_check": "Say whether a playbook can be used; if not, where and why.",
    "rank_report": "Report which style, model and prompt wins, how sure that is, and what orders replies now.",
    "rank_train": "Learn from choices which replies are picked, corrected for position and person.",
    "rank_score": "Write a choice log back with scores, and how probable each choice was.",
    "rank_evaluate": "Say how well choices can be predicted that were not learned from, beside knowing positions only.",
    "rank_gate": "Tell if learned order is proven better than chance, by the choices in a database. Nothing is stored.",
    "rank_rollback": "Go back to the ranker that ordered replies before, or to uniform order.",
}
"""The first line of each command's help, by its module."""

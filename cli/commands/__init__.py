"""The commands of `suggest`, one module each: its options, one call, its result. Called by `cli/main.py` only.

COMMANDS is the map: a module is named as its command is, with an underscore where Python keeps the word for itself.
`compare_report` stands below a command that is one itself (`cli/lazy_command.py`).
"""

from typing import Final

COMMANDS: Final[dict[str, str]] = {
    "serve": "Run the bot, over Socket Mode or, with --http, signed HTTP.",
    "try_": "Draft replies to one message in this terminal, and choose one.",
    "batch": "Draft texts for every row of a file, into another.",
    "demo": "Show Slack in the browser, on this machine, with the bot in it.",
    "doctor": "Say what is missing: settings, tokens, scopes, database, model.",
    "export": "Write out the choice log, or what can be learned from it.",
    "import_": "Take requests from files into the choice log.",
    "report": "Tell what became of the replies, and how sure that is.",
    "compare": "Set two versions side by side, blind, and record picks.",
    "prune": "Forget the texts of old requests, and keep their numbers.",
    "erase": "Delete requests for good.",
    "backup": "Copy the choice log while the bot runs.",
    "migrate": "Bring a database to this version's schema.",
    "manifest": "Print the manifest that the Slack app is made from.",
    "knowledge_add": "Read files and folders into what drafts know.",
    "knowledge_list": "List the documents that drafts know, with their dates.",
    "knowledge_show": "Show one document with its passages, as drafts are given them.",
    "knowledge_search": "Find the passages that fit a question, best first: the best one of each document.",
    "knowledge_refresh": "Read again what has changed in the files and folders that were added, and drop what is gone.",
    "knowledge_remove": "Remove documents by id, or files and folders with all their documents.",
    "knowledge_gaps": "List the questions that nothing was found for, most frequent first, with their replies.",
    "knowledge_eval": "Measure how often the search finds what answers a question.",
    "playbook_init": "Write a playbook, annotated, to a file of your own.",
    "playbook_check": "Say whether a playbook can be used; if not, where and why.",
    "rank_report": "Tell which style, model and prompt wins, how sure that is, and what orders replies now.",
    "rank_train": "Learn from choices which replies are picked, corrected for position and person.",
    "rank_score": "Write a choice log back with scores, and how probable each choice was.",
    "rank_evaluate": "Say how well choices can be predicted that were not learned from, beside knowing positions only.",
    "rank_gate": "Tell if learned order is proven better than chance, by the choices in a database. Nothing is stored.",
    "rank_rollback": "Go back to the ranker that ordered replies before, or to uniform order.",
}
"""The first line of each command's help, by its module."""

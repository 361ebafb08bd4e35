"""Knowledge of the team: its pages, macros and earlier replies, read from files and searched by their words.

sources.py      reads files and folders: Markdown, HTML, text, PDF, CSV, JSON Lines
splitting.py    splits a document into passages
terms.py        turns text into terms to search by, in any language
index.py        ranks passages for a question, by BM25
vectors.py      vectors of passages, and their ranking fused with that by words
embeddings.py   vectors by an OpenAI-compatible server, through LangChain
library.py      the use cases: add, refresh, remove, search
passages.py     passages numbered for a prompt, and the citations of a reply
earlier_replies.py  what was sent to similar messages
questions.py    what a customer asks
retrieval.py    passages for one request
likeness.py     questions grouped by likeness
gaps.py         questions that nothing was found for
evaluation.py   measures a search against questions with known answers

Called by `bot/drafting/`, `bot/suggesting/`, `handlers/blocks/` and `cli/`. LangChain splits and embeds texts here;
else only `bot/drafting/` has it.
"""

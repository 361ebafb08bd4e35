"""What is kept: the nouns, the tables, every query, the migrations. Knows neither Slack nor LangChain.

records    the nouns, frozen; every other room speaks in them
tables     how they are laid out, once for SQLite and PostgreSQL
database   connections: one writer, several readers, transactions with a time limit
requests   suggestion requests and their candidates, from the ask to what was shown
choices    what agents decided, and taking it back
deliveries how far a reply has got on its way into the conversation
leases     work that one replica does at a time
rankers    what was learned from the log, and which ranker orders what is shown
choicelog  whole requests, in order, for reports and exports
reports    the log counted, for reports
backup     a checked copy of a SQLite file, made while it is written to
migrations Alembic scripts, forward only

May be called by `bot/` and `cli/`; it imports no other room.
"""

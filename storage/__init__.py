"""What is kept: the nouns, the tables, every query, the migrations. Knows neither Slack nor LangChain.

records    the nouns, frozen; every other room speaks in them
tables     how they are laid out, once for SQLite and PostgreSQL
database   connections: one writer, several readers, transactions with a time limit
sqlite     an aiosqlite connection that changes threads once a statement
postgresql connections through psycopg
schema     brings a database to this program's tables; migrations/ has Alembic's scripts, forward only
requests   suggestion requests and their candidates, from the ask to what was shown
choices    what agents decided, and taking it back
deliveries how far a reply has got on its way into the conversation
vault      what placeholders stand for, while a request is open
seen       the unique keys of what Slack delivers
replicas   which processes are alive, and taking over from those that are not
switches   for all replicas at once, such as whether drafting is paused
leases     work that one replica does at a time
rankers    what was learned from the log, and which ranker orders what is shown
choicelog  whole requests, in order
rawlog     the log as it stands in the tables, streamed, for exports
importing  requests from elsewhere, taken in as they are
erasing    texts or whole requests, forgotten
audit      facts about the log itself: exports, imports, ranker changes
reports    the log counted, for reports
backup     a checked copy of a SQLite file, made while it is written to
errors     what can go wrong, in words that the other rooms may catch

May be called by `bot/` and `cli/`; it imports no other room.
"""

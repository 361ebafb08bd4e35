"""The database: records, tables, queries, migrations. Knows neither Slack nor LangChain.

records       the nouns, frozen; every other room speaks in them
fields        the types of their fields, and the mark of those that the choice log has
tables        their layout, once for SQLite and PostgreSQL
engine        connections and transactions
repositories  one a noun: requests, choices, deliveries, rankers …
queries       reads over the whole log: entries, export rows, reports
journal       the finished drafts of a batch, in a file of their own
schema        brings a database to this program's tables; migrations/ has Alembic's scripts, forward only
rows          records as rows of the tables, and rows as records
errors        failures that the other rooms may catch

May be called by `bot/` and `cli/`, and by `handlers/` for records and errors; it imports no other room.
"""

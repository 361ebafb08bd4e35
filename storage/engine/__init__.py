"""Connections and transactions.

database       transactions with a time limit; one writer, several readers
transaction    what a transaction is for the repositories, and a step
sqlite         connections through aiosqlite, each with a thread in which steps run
step_queues    steps that wait for a connection of SQLite's, done in groups
sqlite_backup  a checked copy of a SQLite file, made while it is written to
postgresql     connections through psycopg
permissions    rights that a PostgreSQL role lacks, and the SQL that grants them

May be called by `storage/` and `cli/`.
"""

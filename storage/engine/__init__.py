"""Connections and transactions.

database       transactions with a time limit; one writer, several readers
sqlite         connections through aiosqlite
sqlite_backup  a checked copy of a SQLite file, made while it is written to
postgresql     connections through psycopg
permissions    rights that a PostgreSQL role lacks, and the SQL that grants them

May be called by `storage/` and `cli/`.
"""

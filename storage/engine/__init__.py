"""Connections and transactions.

database    transactions with a time limit; one writer, several readers
sqlite      aiosqlite
postgresql  psycopg
permissions  rights that a PostgreSQL role lacks, and the SQL that grants them
"""

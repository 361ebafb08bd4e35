"""Connections and transactions.

database    transactions with a time limit; one writer, several readers
sqlite      aiosqlite
postgresql  psycopg
"""

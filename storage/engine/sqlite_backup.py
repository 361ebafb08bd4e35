"""Backups of a SQLite database: a copy of one moment, made while others write, and checked before it counts."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from storage.errors import DatabaseUnavailable

TABLES: Final = (
    "requests",
    "candidates",
    "choices",
    "events",
    "deliveries",
    "playbooks",
    "audit",
    "knowledge_documents",
    "knowledge_passages",
)
BUSY_S: Final = 5.0

_SELECT_VERSION: Final = "SELECT version_num FROM alembic_version"


class DamagedCopy(Exception):  # noqa: N818 - named for what was found
    """The copy differs from the database; the message says in what."""


def copy(source: Path, target: Path, *, schema: str) -> dict[str, int]:
    """Copy `source`, which has this schema, into `target`, a file that is not there yet, and check it.

    Readers and the writer go on meanwhile. The target is one file, on the disk, readable by its owner only. Returns the
    number of rows of each table. Raises DamagedCopy, DatabaseUnavailable, OSError. Blocks: for a thread.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    target.chmod(0o600)  # whatever the umask left of it
    try:
        wanted = _copy_database(source, target)
    except sqlite3.Error as error:
        raise DatabaseUnavailable(str(error)) from error
    found = check(target, schema=schema)
    if found != wanted:
        raise DamagedCopy(f"it has {found} rows, not {wanted}")
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return found


def check(file: Path, *, schema: str) -> dict[str, int]:
    """Check by reading all of a database that it is whole, of this schema, with every reference in place.

    Returns the number of rows of each table. Raises DamagedCopy.
    """
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            problems = [str(row[0]) for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
            problems += [f"{row[0]} refers to nothing" for row in database.execute("PRAGMA foreign_key_check")]
            problems += [f"schema {row[0]}" for row in database.execute(_SELECT_VERSION) if row[0] != schema]
            if problems:
                raise DamagedCopy(problems[0])
            return _count_rows(database)
    except sqlite3.Error as error:
        raise DamagedCopy(str(error)) from error


def _copy_database(source: Path, target: Path) -> dict[str, int]:
    """Copy and count in one read transaction, so that the copy must have these rows, whoever writes meanwhile."""
    with closing(sqlite3.connect(source, timeout=BUSY_S, isolation_level=None)) as database:
        database.execute("BEGIN")
        wanted = _count_rows(database)
        with closing(sqlite3.connect(target, isolation_level=None)) as copied:
            database.backup(copied)
            # One file, without a write-ahead log beside it; the bot switches it on again.
            copied.execute("PRAGMA journal_mode = DELETE").fetchall()
        database.execute("ROLLBACK")
        return wanted


def _count_rows(database: sqlite3.Connection) -> dict[str, int]:
    return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608 - our own names

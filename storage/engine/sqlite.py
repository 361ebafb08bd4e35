"""An aiosqlite connection that changes threads once a statement.

aiosqlite and SQLAlchemy between them change threads four times a statement (make a cursor, execute, fetch, close) and
once more for BEGIN and for ROLLBACK: 94 times a suggestion, click included; here 26. And no cursor outlives its
statement, so none is ever freed in another thread than the connection's.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Final, Self

import aiosqlite

PRAGMAS: Final = ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
"""Commits are durable. What is deleted or replaced is overwritten with zeros."""

_FETCH_SIZE: Final = 64


async def connect(path: Path | str, *, begin: str, busy_ms: int) -> "SqliteConnection":
    """Open a connection: WAL, foreign keys, durable commits; transactions start with `begin`."""

    def open_() -> sqlite3.Connection:
        make_private(path)
        connection = sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None)
        try:
            _switch_to_wal(connection, until=time.monotonic() + busy_ms / 1000)
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    connection = SqliteConnection(open_, begin=begin)
    with ExitStack() as unless_opened:
        unless_opened.callback(connection.join)
        await connection
        unless_opened.pop_all()
    return connection


def make_private(path: Path | str) -> None:
    """Create the file for its owner only, whatever the umask; one that is there already is left as it is.

    SQLite gives the files beside it the same mode.
    """
    file = Path(path).resolve()
    with suppress(OSError):  # SQLite, which opens it next, says what is wrong
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        file.chmod(0o600)


def scrub(path: Path, *, busy_ms: int) -> bool:
    """Move the write-ahead log into the database and empty it, so that what was overwritten is gone from the disk.

    False if somebody was in the middle of reading or writing. Blocks: for a thread.
    """
    with closing(sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def _switch_to_wal(connection: sqlite3.Connection, *, until: float) -> None:
    """Switch to WAL, waiting until then for the file, which SQLite does not always do by itself."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(0.02)
        else:
            return


class SqliteConnection(aiosqlite.Connection):
    """A connection that begins a transaction with its first statement, in the same change of threads."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], *, begin: str) -> None:
        super().__init__(connector, _FETCH_SIZE)
        self._thread.daemon = True  # a connection that nobody closed does not keep the process alive
        self._begin = begin
        self._sent = 0
        self._ran = 0

    def __del__(self) -> None:
        """Stop the thread of a connection that cannot be awaited any more, since its event loop ended."""
        if self._connection is not None:
            self.stop()

    def join(self) -> None:
        """Wait for the end of a thread that was told to stop: until then it answers to this event loop."""
        self._thread.join()

    def cursor(self) -> "SqliteCursor":  # type: ignore[override]  # made without changing threads
        return SqliteCursor(self)

    async def run(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run `work` within a transaction in the connection's thread."""

        def in_transaction() -> Any:
            connection = self._conn
            try:
                if not connection.in_transaction:
                    connection.execute(self._begin).close()
                return work(connection)
            finally:
                self._ran += 1

        self._sent += 1
        return await self._execute(in_transaction)  # type: ignore[no-untyped-call]

    async def rollback(self) -> None:
        """Roll back, unless no transaction is open and no statement of a cancelled task is still to run."""
        if self._sent != self._ran or self.in_transaction:
            await super().rollback()


class SqliteCursor:
    """One statement's results, all in memory: what SQLAlchemy needs of a cursor."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> "SqliteCursor":
        def execute_and_fetch(connection: sqlite3.Connection) -> None:
            self._store_result(connection.execute(sql, tuple(parameters)))

        await self._connection.run(execute_and_fetch)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> "SqliteCursor":
        def execute_and_fetch(connection: sqlite3.Connection) -> None:
            self._store_result(connection.executemany(sql, parameters))  # type: ignore[arg-type]

        await self._connection.run(execute_and_fetch)
        return self

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None:
        """Do nothing: it was closed with its statement."""

    def _store_result(self, cursor: sqlite3.Cursor) -> None:
        """Store the results in the connection's thread, and close the driver's cursor there."""
        self.description = cursor.description
        self._rows = cursor.fetchall() if cursor.description else []
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        cursor.close()

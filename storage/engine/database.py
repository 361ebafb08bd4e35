"""Connections to one database: transactions with a time limit, one writer at a time where the engine wants it so."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.engine import sqlite
from storage.errors import DatabaseUnavailable, DatabaseUnsuitable

WRITE_LIMIT_S: Final = 2.0
"""The longest that a write waits: half of it for its turn in this process, half for other processes."""

_READERS: Final = 4

_NOT_ALLOWED: Final = {"42501", "25006"}
"""PostgreSQL's codes: the role lacks a right; the transaction may only read."""

_INVALID_URL: Final = (
    "not a URL that PostgreSQL takes: write postgresql://user:password@host:5432/database?option=value, "
    "with %40 for @, %2F for / and %25 for % in names and passwords"
)


class Database:
    """One database. `write()` and `read()` are transactions; both raise `DatabaseUnavailable` where it fails them.

    SQLite: writes take turns on one connection and begin as `BEGIN IMMEDIATE`, so that two writers wait for each other
    rather than deadlock; readers have connections of their own and never wait for the writer (WAL).
    PostgreSQL: transactions run side by side, and lock the rows that they decide on.
    """

    def __init__(
        self, url: str, *, write_limit_s: float = WRITE_LIMIT_S, statement_limit_s: float | None = None
    ) -> None:
        """Open no connection yet.

        `statement_limit_s` is for PostgreSQL, where somebody waits for each statement: a server that hangs is then
        given up in time. Without it, a statement may take as long as it takes.
        """
        self.url = parse_url(url)
        self.is_shared = self.url.get_backend_name() == "postgresql"
        self._patience_s = write_limit_s / 2
        if self.is_shared:
            from storage.engine import postgresql

            target = postgresql.PostgresTarget.from_url(url)
            self._turn = asyncio.Semaphore(target.connections)
            engine = partial(
                postgresql.create_engine, target, write_limit_s=write_limit_s, statement_limit_s=statement_limit_s
            )
            self._writer, self._readers = engine(read_only=False), engine(read_only=True)
        else:
            self._turn = asyncio.Semaphore(1)
            busy_ms = int(write_limit_s * 500)
            self._writer = _create_sqlite_engine(self.url, connections=1, begin="BEGIN IMMEDIATE", busy_ms=busy_ms)
            self._readers = _create_sqlite_engine(self.url, connections=_READERS, begin="BEGIN", busy_ms=busy_ms)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a write transaction: committed at the end of the block, rolled back by an exception in it."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._turn.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable("other writes did not finish in time") from error
        try:
            async with _translate_errors(), self._writer.begin() as connection:
                yield connection
        finally:
            self._turn.release()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a read transaction: everything read in the block is of the same moment."""
        async with _translate_errors(), self._readers.begin() as connection:
            yield connection

    async def scrub(self, *, patience_s: float = 0.05) -> bool:
        """Overwrite on the disk what was replaced or deleted.

        False if that has to wait for others, or for PostgreSQL's VACUUM. Raises DatabaseUnavailable.
        """
        if self.is_shared:
            return False
        file = Path(self.url.database or "")
        log = file.with_name(f"{file.name}-wal")
        if not log.exists() or log.stat().st_size == 0:
            return True
        try:
            return await asyncio.to_thread(sqlite.scrub, file, busy_ms=int(patience_s * 1000))
        except sqlite3.Error as error:
            raise DatabaseUnavailable(str(error)) from error

    async def aclose(self) -> None:
        """Close all connections."""
        await self._readers.dispose()
        await self._writer.dispose()


def parse_url(url: str) -> URL:
    """Parse a `SUGGEST_DATABASE_URL` for SQLAlchemy. Raises ValueError with what to write instead."""
    path = url.removeprefix("sqlite:///")
    if path not in {url, "", ":memory:"}:  # in memory, each connection would have a database of its own
        return make_url(url).set(drivername="sqlite+aiosqlite")
    if url.startswith(("postgresql://", "postgres://")):
        return _parse_postgresql(url)
    raise ValueError("not a database that can be used: write sqlite:///path/to/suggest.db or postgresql://…")


def _parse_postgresql(url: str) -> URL:
    """Parse the URL as libpq does; several hosts stay in one text. URLs are shown and logged, so without the password.

    What libpq says about a wrong URL is not passed on: it quotes the part that it did not understand, and where signs
    in a password are not escaped that is the password.
    """
    try:
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict

        from storage.engine.postgresql import PostgresTarget
    except ImportError as error:
        raise ValueError("PostgreSQL needs psycopg: install suggest-replies[postgresql]") from error
    conninfo = PostgresTarget.from_url(url).conninfo
    try:
        parts = conninfo_to_dict(conninfo)
    except Error:
        raise ValueError(_INVALID_URL) from None
    port = str(parts.get("port") or "")
    if not all(one.isdigit() or not one for one in port.split(",")):
        raise ValueError(_INVALID_URL)
    return URL.create(
        "postgresql+psycopg",
        username=_to_text(parts.get("user")),
        host=_to_text(parts.get("host")),
        port=int(port) if port.isdigit() else None,
        database=_to_text(parts.get("dbname")),
    )


def _to_text(value: object) -> str | None:
    return None if value is None else str(value)


def get_database_file(url: str) -> Path:
    """Return the file of a SQLite URL."""
    return Path(parse_url(url).database or "")


@asynccontextmanager
async def _translate_errors() -> AsyncIterator[None]:
    """Raise errors of drivers and pools in the block as those of `storage.errors`."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _NOT_ALLOWED:
            raise DatabaseUnsuitable(str(error.orig)) from error
        if isinstance(error, IntegrityError | DataError | ProgrammingError):
            raise  # refused for what was asked: nothing is wrong with the database
        raise DatabaseUnavailable(str(error.orig)) from error
    except PoolTimeoutError as error:
        raise DatabaseUnavailable("all connections are busy") from error
    except OSError as error:
        raise DatabaseUnavailable(type(error).__name__) from error


def _create_sqlite_engine(url: URL, *, connections: int, begin: str, busy_ms: int) -> AsyncEngine:
    return create_async_engine(
        url,
        async_creator=partial(sqlite.connect, url.database or "", begin=begin, busy_ms=busy_ms),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=2 * busy_ms / 1000,
        hide_parameters=True,  # errors are logged: customers' words and Slack's secrets must not be
    )

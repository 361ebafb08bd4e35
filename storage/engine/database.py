"""Connections to one database: transactions with a time limit, one writer at a time where the engine wants it so."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from storage.engine import sqlite
from storage.engine.transaction import Step, Transaction, WriteObserver, ignore_times
from storage.errors import DatabaseUnavailable, DatabaseUnsuitable

WRITE_LIMIT_S: Final = 2.0
"""The longest that a write may wait before it is committed; half of it for other processes."""

T = TypeVar("T")

_NOT_ALLOWED: Final = {"42501", "25006"}
"""PostgreSQL's codes: the role lacks a right; the transaction may only read."""

_LOST_STATEMENTS: Final = {"26000", "42P05"}
"""PostgreSQL's codes: a prepared statement is not there; it is there already. Another session is behind a pooler."""

_INVALID_URL: Final = (
    "not a URL that PostgreSQL takes: write postgresql://user:password@host:5432/database?option=value, "
    "with %40 for @, %2F for / and %25 for % in names and passwords"
)


class Engine(Protocol):
    """Connections to one database; see `Database` for what the methods do."""

    def write(self) -> AbstractAsyncContextManager[Transaction]: ...
    def read(self) -> AbstractAsyncContextManager[Transaction]: ...
    async def run(self, step: Step[T]) -> T: ...
    async def ride(self, step: Step[T]) -> T: ...
    async def look(self, step: Step[T]) -> T: ...
    async def aclose(self) -> None: ...


class Database:
    """One database. What is asked of it are transactions; they raise `DatabaseUnavailable` where it fails them.

    SQLite: one connection writes, and begins with `BEGIN IMMEDIATE`, so that two programs wait for each other rather
    than deadlock; steps that wait at the same time are committed together. Readers have connections of their own and
    never wait for the writer (WAL).
    PostgreSQL: transactions run side by side, and lock the rows that they decide on.
    """

    def __init__(
        self,
        url: str,
        *,
        write_limit_s: float = WRITE_LIMIT_S,
        statement_limit_s: float | None = None,
        observe: WriteObserver = ignore_times,
    ) -> None:
        """Open no connection yet.

        `statement_limit_s` is for PostgreSQL, where somebody waits for each statement: a server that hangs is then
        given up in time. Without it, a statement may take as long as it takes.
        """
        self.url = parse_url(url)
        self.is_shared = self.url.get_backend_name() == "postgresql"
        self._engine: Engine
        if self.is_shared:
            from storage.engine.postgresql import PostgresEngine

            self._engine = PostgresEngine(
                url, write_limit_s=write_limit_s, statement_limit_s=statement_limit_s, observe=observe
            )
        else:
            self._engine = sqlite.SqliteEngine(self.url.database or "", write_limit_s=write_limit_s, observe=observe)

    async def run(self, step: Step[T]) -> T:
        """Commit a step, a whole transaction; in SQLite perhaps together with others. An exception undoes the step."""
        with _translate_errors():
            return await self._engine.run(step)

    async def ride(self, step: Step[T]) -> T:
        """Commit a step for which nobody waits: in SQLite with the next other one, a moment later at most."""
        with _translate_errors():
            return await self._engine.ride(step)

    async def look(self, step: Step[T]) -> T:
        """Run a step that only reads."""
        with _translate_errors():
            return await self._engine.look(step)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Open a write transaction of its own: committed at the end of the block, rolled back by an exception in it.

        For what is long, or must not wait in a group: migrating, erasing, importing.
        """
        with _translate_errors():
            async with self._engine.write() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Open a read transaction: everything read in the block is of the same moment."""
        with _translate_errors():
            async with self._engine.read() as connection:
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
        await self._engine.aclose()


def parse_url(url: str) -> URL:
    """Parse a `SUGGEST_DATABASE_URL` for SQLAlchemy. Raises ValueError with what to write instead."""
    path = url.removeprefix("sqlite:///")
    if path not in {url, "", ":memory:"}:  # in memory, each connection would have a database of its own
        return make_url(url).set(drivername="sqlite")
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


def get_prepare_threshold(url: str) -> int | None:
    """Return the URL's `prepare_threshold`; None without it."""
    if not url.startswith(("postgresql://", "postgres://")):
        return None
    from storage.engine.postgresql import PostgresTarget

    return PostgresTarget.from_url(url).prepare_threshold


def get_database_file(url: str) -> Path:
    """Return the file of a SQLite URL."""
    return Path(parse_url(url).database or "")


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise errors of drivers and pools in the block as those of `storage.errors`."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _NOT_ALLOWED:
            raise DatabaseUnsuitable(str(error.orig)) from error
        if getattr(error.orig, "sqlstate", None) in _LOST_STATEMENTS:
            raise DatabaseUnavailable(str(error.orig)) from error
        if isinstance(error, IntegrityError | DataError | ProgrammingError):
            raise  # refused for what was asked: nothing is wrong with the database
        raise DatabaseUnavailable(str(error.orig)) from error
    except sqlite3.Error as error:
        raise DatabaseUnavailable(str(error)) from error
    except PoolTimeoutError as error:
        raise DatabaseUnavailable("all connections are busy") from error
    except OSError as error:
        raise DatabaseUnavailable(type(error).__name__) from error

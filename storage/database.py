"""Connections to one database: transactions with a time limit, one writer at a time where the engine wants it so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage import sqlite
from storage.errors import Unavailable

WRITE_LIMIT_S: Final = 2.0
"""The longest that a write waits: half of it for its turn in this process, half for other processes."""

_READERS: Final = 4


class Database:
    """One database. `write()` and `read()` are transactions; both raise `Unavailable` where it fails them.

    SQLite: writes take turns on one connection and begin as `BEGIN IMMEDIATE`, so that two writers wait for each other
    rather than deadlock; readers have connections of their own and never wait for the writer (WAL).
    """

    def __init__(self, url: str, *, write_limit_s: float = WRITE_LIMIT_S) -> None:
        self.url = parse_url(url)
        self._turn = asyncio.Lock()
        self._patience_s = write_limit_s / 2
        busy_ms = int(write_limit_s * 500)
        self._writer = _sqlite_engine(self.url, connections=1, begin="BEGIN IMMEDIATE", busy_ms=busy_ms)
        self._readers = _sqlite_engine(self.url, connections=_READERS, begin="BEGIN", busy_ms=busy_ms)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One write transaction: committed at the end of the block, rolled back by an exception in it."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._turn.acquire()
        except TimeoutError as error:
            raise Unavailable("other writes did not finish in time") from error
        try:
            async with _translating(), self._writer.begin() as connection:
                yield connection
        finally:
            self._turn.release()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One read transaction: everything read in the block is of the same moment."""
        async with _translating(), self._readers.begin() as connection:
            yield connection

    async def aclose(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()


def parse_url(url: str) -> URL:
    """The SQLAlchemy URL of a `SUGGEST_DATABASE_URL`; raises ValueError with what to write instead."""
    path = url.removeprefix("sqlite:///")
    if path not in {url, "", ":memory:"}:  # in memory, each connection would have a database of its own
        return make_url(url).set(drivername="sqlite+aiosqlite")
    raise ValueError("not a database this version can use: write sqlite:///path/to/suggest.db")


def database_file(url: str) -> Path:
    """The file of a SQLite URL."""
    return Path(parse_url(url).database or "")


@asynccontextmanager
async def _translating() -> AsyncIterator[None]:
    try:
        yield
    except (IntegrityError, DataError, ProgrammingError):
        raise  # refused for what was asked: nothing is wrong with the database
    except DBAPIError as error:
        raise Unavailable(str(error.orig)) from error
    except PoolTimeoutError as error:
        raise Unavailable("all connections are busy") from error


def _sqlite_engine(url: URL, *, connections: int, begin: str, busy_ms: int) -> AsyncEngine:
    return create_async_engine(
        url,
        async_creator=partial(sqlite.connect, url.database or "", begin=begin, busy_ms=busy_ms),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=2 * busy_ms / 1000,
        hide_parameters=True,  # errors are logged: customers' words and Slack's secrets must not be
    )

"""SQLite through aiosqlite: each connection has a thread, in which whole transactions run without leaving it.

A step is driven to its end there, on SQLAlchemy's own connection and its cache of compiled statements: a transaction
costs one change of threads. No cursor outlives its statement, so none is ever freed in another thread.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import aiosqlite
from sqlalchemy import Connection, Dialect, Engine, Executable, ScalarResult, create_engine
from sqlalchemy.pool import NullPool

from storage.engine.step_queues import ReadQueue, WriteQueue
from storage.engine.transaction import Rows, Step, Transaction, WriteObserver
from storage.errors import DatabaseUnavailable

PRAGMAS: Final = ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
"""Commits are durable. What is deleted or replaced is overwritten with zeros."""

READERS: Final = 4

_FETCH_SIZE: Final = 64

T = TypeVar("T")


class SqliteEngine:
    """The connections to one file: one that writes, where transactions take turns, and some that only read."""

    def __init__(self, path: str, *, write_limit_s: float, observe: WriteObserver) -> None:
        self._patience_s = write_limit_s / 2
        engine = create_engine(
            "sqlite://",
            creator=partial(_open_file, path, busy_ms=int(write_limit_s * 500)),
            poolclass=NullPool,
            hide_parameters=True,  # errors are logged: customers' words and Slack's secrets must not be
        )
        self._turn = asyncio.Semaphore(1)
        self._writer = _Place(engine, begin="BEGIN IMMEDIATE")
        self._queue = WriteQueue(self._writer.open, turn=self._turn, limit_s=write_limit_s, observe=observe)
        self._free = asyncio.Semaphore(READERS)
        self._readers = [_Place(engine, begin="BEGIN") for _ in range(READERS)]
        self._reads = ReadQueue(self._borrow_reader, limit_s=write_limit_s)

    async def run(self, step: Step[T]) -> T:
        return await self._queue.run(step)

    async def ride(self, step: Step[T]) -> T:
        return await self._queue.ride(step)

    async def look(self, step: Step[T]) -> T:
        if self._free.locked() or not self._reads.is_empty:
            return await self._reads.run(step)
        async with self._borrow_reader() as lane:
            return await lane.call(lane.run_alone, step)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        await _acquire(self._turn, self._patience_s, otherwise="other writes did not finish in time")
        try:
            async with (await self._writer.open()).open_transaction() as connection:
                yield connection
        finally:
            self._turn.release()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        async with self._borrow_reader() as lane, lane.open_transaction() as connection:
            yield connection

    @asynccontextmanager
    async def _borrow_reader(self) -> AsyncIterator["Lane"]:
        await _acquire(self._free, 2 * self._patience_s, otherwise="all connections are busy")
        place = self._readers.pop()  # the one used last, whose cache is warm
        try:
            yield await place.open()
        finally:
            self._readers.append(place)
            self._free.release()

    async def aclose(self) -> None:
        """Close all connections, once what waits is committed; the next use opens them again."""
        await self._queue.finish()
        for place in (self._writer, *self._readers):
            await place.close()


async def _acquire(lock: asyncio.Semaphore, limit_s: float, *, otherwise: str) -> None:
    if not lock.locked():
        await lock.acquire()  # at once
        return
    try:
        async with asyncio.timeout(limit_s):
            await lock.acquire()
    except TimeoutError as error:
        raise DatabaseUnavailable(otherwise) from error


class _Place:
    """A place for one connection, which is opened at its first use."""

    def __init__(self, engine: Engine, *, begin: str) -> None:
        self._engine = engine
        self._begin = begin
        self._lane: Lane | None = None

    async def open(self) -> "Lane":
        if self._lane is None:
            lane = Lane(self._engine, begin=self._begin)
            with ExitStack() as unless_opened:
                unless_opened.callback(lane.join)
                await lane
                unless_opened.pop_all()
            self._lane = lane
        return self._lane

    async def close(self) -> None:
        if self._lane is not None:
            lane, self._lane = self._lane, None
            await lane.close()


class Lane(aiosqlite.Connection):
    """A connection with its thread, which does what it is asked for in order."""

    def __init__(self, engine: Engine, *, begin: str) -> None:
        super().__init__(self._open, _FETCH_SIZE)
        self._thread.daemon = True  # a connection that nobody closed does not keep the process alive
        self._engine = engine
        self._begin = begin
        self._statements: Connection | None = None
        self._raw: sqlite3.Connection | None = None

    def __del__(self) -> None:
        """Stop the thread of a connection that cannot be awaited any more, since its event loop ended."""
        if self._connection is not None:
            self.stop()

    def join(self) -> None:
        """Wait for the end of a thread that was told to stop: until then it answers to this event loop."""
        self._thread.join()

    async def call(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do `work` in the connection's thread."""
        done: T = await self._execute(work, *arguments)  # type: ignore[no-untyped-call]
        return done

    @asynccontextmanager
    async def open_transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction: committed at the end of the block, rolled back by an exception in it."""
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.call, self.roll_back)  # after what a cancelled task has still sent
            await self.call(self.execute_directly, self._begin)
            yield _SqliteTransaction(self._get_statements(), self.call)
            await self.call(self.execute_directly, "COMMIT")
            undo.pop_all()

    # --- in the connection's thread ---------------------------------------------------------------------

    def run_alone(self, step: Step[T]) -> T:
        """Run a step in a transaction of its own."""
        with ExitStack() as undo:
            undo.callback(self.roll_back)
            self.begin()
            done = self.drive(step)
            self.execute_directly("COMMIT")
            undo.pop_all()
        return done

    def begin(self) -> None:
        """Begin a transaction."""
        self.execute_directly(self._begin)

    def drive(self, step: Step[T]) -> T:
        """Drive a step to its end: nothing that it awaits suspends it."""
        running = cast("Coroutine[Any, Any, T]", step(_SqliteTransaction(self._get_statements(), _call_here)))
        try:
            running.send(None)
        except StopIteration as ended:
            return cast("T", ended.value)
        running.close()
        raise RuntimeError("a step awaited something else than its connection")

    def execute_directly(self, sql: str) -> None:
        """Execute a statement that has no result."""
        assert self._raw is not None
        self._raw.execute(sql)

    def roll_back(self) -> None:
        """Roll back, unless SQLite has done so itself."""
        if self.is_in_transaction:
            self.execute_directly("ROLLBACK")

    @property
    def is_in_transaction(self) -> bool:
        """False also if an error of the disk ended the transaction."""
        return self._raw is not None and self._raw.in_transaction

    def _open(self) -> sqlite3.Connection:
        self._statements = self._engine.connect()
        self._raw = cast("sqlite3.Connection", self._statements.connection.driver_connection)
        self._statements.detach()  # it ends with this thread, not with SQLAlchemy's pool
        self._statements.begin()  # for SQLAlchemy one that never ends, so that nobody but us commits
        return self._raw

    def _get_statements(self) -> Connection:
        assert self._statements is not None
        return self._statements


async def _call_here(work: Callable[..., T], *arguments: Any) -> T:
    return work(*arguments)


class _SqliteTransaction:
    """SQLAlchemy's connection of a lane, each of its methods called by `call`: in the lane's thread, or from it."""

    def __init__(self, connection: Connection, call: Callable[..., Awaitable[Any]]) -> None:
        self._connection = connection
        self._call = call

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None, /) -> Rows:
        return cast("Rows", await self._call(self._connection.execute, statement, parameters))

    async def scalar(self, statement: Executable, parameters: Any = None, /) -> Any:
        return await self._call(self._connection.scalar, statement, parameters)

    async def scalars(self, statement: Executable, parameters: Any = None, /) -> ScalarResult[Any]:
        return cast("ScalarResult[Any]", await self._call(self._connection.scalars, statement, parameters))

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Rows:
        return cast("Rows", await self._call(self._connection.exec_driver_sql, statement, parameters))

    async def run_sync(self, work: Callable[[Connection], T], /) -> T:
        return cast("T", await self._call(work, self._connection))


class _FileConnection(sqlite3.Connection):
    """A connection whose cursors hold their results in memory."""

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _FilledCursor)


class _FilledCursor(sqlite3.Cursor):
    """One statement's rows, all in memory; the statement itself is over, so that another thread may read them."""

    _rows: Iterator[Any] = iter(())

    def execute(self, sql: str, parameters: Any = (), /) -> "_FilledCursor":
        super().execute(sql, parameters)
        return self._fill()

    def executemany(self, sql: str, parameters: Any, /) -> "_FilledCursor":
        super().executemany(sql, parameters)
        return self._fill()

    def _fill(self) -> "_FilledCursor":
        self._rows = iter(super().fetchall() if self.description else ())
        super().close()
        return self

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        return list(islice(self._rows, size))

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def close(self) -> None:
        """Do nothing: it was closed in its own thread."""


def _open_file(path: Path | str, *, busy_ms: int) -> sqlite3.Connection:
    """Open a connection: WAL, foreign keys, durable commits."""
    make_private(path)
    connection = sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None, factory=_FileConnection)
    try:
        _switch_to_wal(connection, until=time.monotonic() + busy_ms / 1000)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
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
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(0.02)
        else:
            return

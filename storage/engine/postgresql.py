"""PostgreSQL connections through psycopg 3, by any URL that libpq takes, straight or through a pooler.

A pooler such as PgBouncer may give each transaction another session of the server. So a transaction brings what it
needs, and a connection keeps nothing: no `SET`, no prepared statement, no lock beyond the transaction.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self, TypeVar
from urllib.parse import unquote

import psycopg
from psycopg.pq import Conninfo
from psycopg.sql import Identifier
from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.engine.transaction import Step, Transaction, WriteObserver, WriteTimes
from storage.errors import DatabaseUnavailable, DatabaseUnreachable, DatabaseUnsuitable

T = TypeVar("T")

CONNECTIONS: Final = 10
"""Of each of the two pools, one that writes and one that reads, unless the URL says otherwise."""

_TEMPORARY: Final = (
    *("starting up", "shutting down", "recovery", "not yet accepting"),
    *("too many clients", "too many connections", "connection slots", "no more connections"),
)

_CLOSED: Final = (
    (
        r'permission denied for database "(.*)"',
        "the role {role} may not connect: GRANT CONNECT ON DATABASE {name} TO {role}",
    ),
    (r'role "(.*)" is not permitted to log in', "the role {name} may not log in: ALTER ROLE {name} LOGIN"),
    (
        r'database "(.*)" is not currently accepting connections',
        "it takes no connections: ALTER DATABASE {name} ALLOW_CONNECTIONS true",
    ),
)
"""Refusals that an administrator ends: the server's words, and what to say of them."""

_URL: Final = re.compile(r"(?P<before>[^:]+://(?:[^@/]*@)?[^?]*)(?:\?(?P<parameters>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresTarget:
    """A URL for libpq, apart from its parameters for this program: libpq refuses those that it does not know."""

    conninfo: str
    connections: int = CONNECTIONS
    prepare_threshold: int | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Parse a URL. Raises ValueError for a wrong value, without quoting it: it may be a part of the password."""
        found = _URL.fullmatch(url)
        if found is None or found["parameters"] is None:
            return cls(conninfo=url)
        ours: dict[str, str] = {}
        kept: list[str] = []
        for parameter in found["parameters"].split("&"):
            name, _, value = map(unquote, parameter.partition("="))
            if name in _PARAMETERS:
                ours[name] = value
            else:
                kept.append(parameter)
        numbers: dict[str, Any] = {name: _parse_number(name, value) for name, value in ours.items()}
        return cls(conninfo="?".join([found["before"], *filter(None, ["&".join(kept)])]), **numbers)

    @property
    def role(self) -> str:
        """The user, also where the environment or the system names it."""
        parsed = Conninfo.parse(self.conninfo.encode())
        named = {each.keyword: each.val for each in (*Conninfo.get_defaults(), *parsed) if each.val}
        return named[b"user"].decode()

    @property
    def options(self) -> dict[str, Any]:
        """Arguments for psycopg. Texts go as UTF-8, whatever the environment or the database would rather have."""
        return {
            "conninfo": self.conninfo,
            "client_encoding": "UTF8",
            "prepare_threshold": self.prepare_threshold,
        }


_PARAMETERS: Final = {"connections": 1, "prepare_threshold": 0}
"""Parameters of the URL that are for this program: whole numbers, from this one on."""

_HIGHEST: Final = 1000


def _parse_number(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", value) or not _PARAMETERS[name] <= int(value) <= _HIGHEST:
        raise ValueError(
            f"{name} in the URL is a whole number from {_PARAMETERS[name]} to {_HIGHEST}: mend it, or leave it out"
        )
    return int(value)


class _Connection(psycopg.AsyncConnection[Any]):
    """A connection that gives up on a server that hangs, or whose host is gone without a word."""

    limit_s: float | None = None

    async def wait(self, gen: Generator[Any, Any, Any], interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - psycopg's own
        try:
            # Where nothing blocks, psycopg yields to a busy loop once all is done. A cancellation there would leave the
            # connection in pipeline mode, and come out as a failed assertion.
            state = next(gen)
        except StopIteration as done:
            return done.value
        try:
            return await super().wait(_resume(gen, state), interval, timeout or self.limit_s)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - what psycopg documents `wait` to raise
            self.pgconn.finish()  # in an unknown state: it cannot be used again
            raise psycopg.OperationalError(f"the server did not answer within {self.limit_s} s") from error


def _resume(gen: Generator[Any, Any, Any], state: Any) -> Generator[Any, Any, Any]:
    """Go on with a generator that has given this state already."""
    try:
        while True:
            state = gen.send((yield state))
    except StopIteration as done:
        return done.value


class PostgresEngine:
    """Two pools of connections, for transactions that write and for those that only read."""

    def __init__(
        self, url: str, *, write_limit_s: float, statement_limit_s: float | None, observe: WriteObserver
    ) -> None:
        target = PostgresTarget.from_url(url)
        self._turn = asyncio.Semaphore(target.connections)
        self._patience_s = write_limit_s / 2
        self._observe = observe
        engine = partial(create_engine, target, write_limit_s=write_limit_s, statement_limit_s=statement_limit_s)
        self._writer, self._readers = engine(read_only=False), engine(read_only=True)

    async def run(self, step: Step[T]) -> T:
        async with self.write() as connection:
            return await step(connection)

    ride = run

    async def look(self, step: Step[T]) -> T:
        async with self.read() as connection:
            return await step(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(self._patience_s):
                await self._turn.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable("other writes did not finish in time") from error
        begun_at = time.monotonic()
        try:
            async with self._writer.begin() as connection:
                yield connection
                done_at = time.monotonic()
        finally:
            self._turn.release()
        self._observe(WriteTimes(waited_s=begun_at - asked_at, flushed_s=time.monotonic() - done_at))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        async with self._readers.begin() as connection:
            yield connection

    async def aclose(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()


def _build_begin(target: PostgresTarget, *, read_only: bool, lock_limit_ms: int) -> list[str]:
    """Build the commands that begin a transaction."""
    # What the role, or its database, has as default_transaction_read_only stands for writers.
    mode = "REPEATABLE READ READ ONLY" if read_only else "READ COMMITTED"
    begin = [f"BEGIN ISOLATION LEVEL {mode}", f"SET LOCAL lock_timeout = {lock_limit_ms}"]
    # In one round trip, unless it is prepared: then each is a command by itself.
    return begin if target.prepare_threshold is not None else ["; ".join(begin)]


def create_engine(
    target: PostgresTarget, *, read_only: bool, write_limit_s: float, statement_limit_s: float | None = None
) -> AsyncEngine:
    """Create a pool of connections.

    Waiting for a lock is limited, and for a statement if `statement_limit_s` says so: then agents are told in time.
    """
    begin = _build_begin(target, read_only=read_only, lock_limit_ms=int(write_limit_s * 500))

    async def connect() -> psycopg.AsyncConnection[Any]:
        try:
            async with asyncio.timeout(write_limit_s / 2 if statement_limit_s else None):
                connection = await _Connection.connect(
                    **target.options, connect_timeout=max(2, int(write_limit_s)), autocommit=True
                )
        except TimeoutError as error:
            raise DatabaseUnreachable("the server did not answer in time") from error
        except psycopg.OperationalError as error:
            raise _classify_refusal(str(error), role=target.role) from error
        connection.limit_s = statement_limit_s
        return connection

    def open_transaction(connection: Connection) -> None:
        """Begin, and set what holds for this transaction; psycopg then begins none by itself."""
        for statement in begin:
            connection.exec_driver_sql(statement)

    made = create_async_engine(
        "postgresql+psycopg://",
        async_creator=connect,
        pool_size=target.connections,
        max_overflow=0,
        pool_timeout=write_limit_s,
        pool_pre_ping=True,  # after a restart of the server, a connection is found broken before it is used
        hide_parameters=True,
    )
    event.listen(made.sync_engine, "begin", open_transaction)
    event.listen(made.sync_engine, "handle_error", _leave_out_details)
    return made


def _classify_refusal(message: str, *, role: str) -> DatabaseUnavailable:
    """Tell by the message if the server refused, or did not answer yet; libpq gives no code for it."""
    for words, obstacle in _CLOSED:
        if found := re.search(words, message):
            quoted = [Identifier(name).as_string() for name in (found[1], role)]
            return DatabaseUnsuitable(obstacle.format(name=quoted[0], role=quoted[1]))
    is_refused = "FATAL:" in message and not any(words in message for words in _TEMPORARY)
    return DatabaseUnavailable(message) if is_refused else DatabaseUnreachable(message)


def _leave_out_details(context: ExceptionContext) -> None:
    """Take the details out of an error, which is logged: they hold rows, so customers' words and Slack's secrets."""
    original = context.original_exception
    if not isinstance(original, psycopg.Error) or original.diag.message_primary is None:
        return
    original.args = (original.diag.message_primary,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(original).__name__}) {original.diag.message_primary}",)

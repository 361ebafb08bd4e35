"""PostgreSQL connections through psycopg 3, by any URL that libpq takes."""

import asyncio
from collections.abc import Generator
from contextlib import AsyncExitStack
from typing import Any, Final

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.errors import Unavailable, Unreachable

CONNECTIONS: Final = 10

_NOT_YET: Final = ("starting up", "shutting down", "recovery", "not yet accepting", "too many clients")


class _Connection(psycopg.AsyncConnection[Any]):
    """A connection that does not wait for ever for a server that hangs, or whose host is gone without a word."""

    limit_s: float | None = None

    async def wait(self, gen: Generator[Any, Any, Any], interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - psycopg's own
        try:
            return await super().wait(gen, interval, timeout or self.limit_s)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - what psycopg documents `wait` to raise
            self.pgconn.finish()  # in an unknown state: it cannot be used again
            raise psycopg.OperationalError(f"the server did not answer within {self.limit_s} s") from error


def engine(url: str, *, read_only: bool, write_limit_s: float, statement_limit_s: float | None = None) -> AsyncEngine:
    """A pool of connections. Waiting for a lock is limited, and for a statement where `statement_limit_s` says so: then
    agents are told in time.
    """
    level = psycopg.IsolationLevel.REPEATABLE_READ if read_only else psycopg.IsolationLevel.READ_COMMITTED

    async def connect() -> psycopg.AsyncConnection[Any]:
        try:
            async with asyncio.timeout(write_limit_s / 2 if statement_limit_s else None):
                connection = await _Connection.connect(url, connect_timeout=max(2, int(write_limit_s)))
        except TimeoutError as error:
            raise Unreachable("the server did not answer in time") from error
        except psycopg.OperationalError as error:
            raise _refusal(str(error)) from error
        connection.limit_s = statement_limit_s
        async with AsyncExitStack() as unless_ready:
            unless_ready.push_async_callback(connection.close)
            async with connection.transaction():
                await connection.execute(f"SET lock_timeout = {int(write_limit_s * 500)}")
            await connection.set_read_only(read_only)
            await connection.set_isolation_level(level)
            unless_ready.pop_all()
        return connection

    made = create_async_engine(
        "postgresql+psycopg://",
        async_creator=connect,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=write_limit_s,
        pool_pre_ping=True,  # after a restart of the server, a connection is found broken before it is used
        hide_parameters=True,
    )
    event.listen(made.sync_engine, "handle_error", _leave_out_details)
    return made


def _refusal(told: str) -> Unavailable:
    """Whether the server said no, or nothing yet. libpq gives no code for it."""
    said_no = "FATAL:" in told and not any(words in told for words in _NOT_YET)
    return Unavailable(told) if said_no else Unreachable(told)


def _leave_out_details(context: ExceptionContext) -> None:
    """Errors are logged, and the details that PostgreSQL gives hold rows: customers' words and Slack's secrets."""
    original = context.original_exception
    if not isinstance(original, psycopg.Error) or original.diag.message_primary is None:
        return
    original.args = (original.diag.message_primary,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(original).__name__}) {original.diag.message_primary}",)

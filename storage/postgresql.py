"""PostgreSQL connections through psycopg 3, by any URL that libpq takes."""

from typing import Final

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CONNECTIONS: Final = 10


def engine(url: str, *, read_only: bool, write_limit_s: float) -> AsyncEngine:
    """A pool of connections. Waiting for a lock or a statement is limited, so that agents are told in time."""
    level = psycopg.IsolationLevel.REPEATABLE_READ if read_only else psycopg.IsolationLevel.READ_COMMITTED

    async def connect() -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=max(2, int(write_limit_s)))
        try:
            async with connection.transaction():
                await connection.execute(f"SET lock_timeout = {int(write_limit_s * 500)}")
            await connection.set_read_only(read_only)
            await connection.set_isolation_level(level)
        except BaseException:
            await connection.close()
            raise
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


def _leave_out_details(context: ExceptionContext) -> None:
    """Errors are logged, and the details that PostgreSQL gives hold rows: customers' words and Slack's secrets."""
    original = context.original_exception
    if not isinstance(original, psycopg.Error) or original.diag.message_primary is None:
        return
    original.args = (original.diag.message_primary,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(original).__name__}) {original.diag.message_primary}",)

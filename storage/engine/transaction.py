"""Transactions as repositories see them, on either engine; and steps, which are whole transactions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection, CursorResult, Dialect, Executable, ScalarResult

T = TypeVar("T")

Rows: TypeAlias = "CursorResult[*tuple[Any, ...]]"


class Transaction(Protocol):
    """An open transaction: SQLAlchemy's methods by that name, of which `AsyncConnection` has all."""

    @property
    def dialect(self) -> Dialect: ...

    async def execute(self, statement: Executable, parameters: Any = None, /) -> Rows: ...

    async def scalar(self, statement: Executable, parameters: Any = None, /) -> Any: ...

    async def scalars(self, statement: Executable, parameters: Any = None, /) -> ScalarResult[Any]: ...

    async def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Rows: ...

    async def run_sync(self, work: Callable[[Connection], T], /) -> T: ...


Step = Callable[[Transaction], Awaitable[T]]
"""A whole transaction. It awaits nothing but the methods of its `Transaction`, changes nothing outside of the database,
and may be run again: where the disk fails a group of steps, each of them is run once more by itself.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTimes:
    """Seconds that a commit's oldest step waited for its turn, and that the flush to the disk took."""

    waited_s: float
    flushed_s: float


WriteObserver = Callable[[WriteTimes], None]


def ignore_times(_: WriteTimes) -> None:
    """Observe nothing."""

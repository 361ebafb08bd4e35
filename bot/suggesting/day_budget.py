"""The budget of a day's tokens: what the choice log has, and what this process has reserved or used beside it.

    left = await budget.wait_for_room(now, wait_s=1.0)     # at the ask: None, or the day's are spent
    budget.admit(request_id)                               # reserves what a request usually takes
    calls = budget.open_calls(request_id, now)             # for its drafts, whose calls reserve, also another try
    budget.settle(request_id)                              # what they took is in the choice log

Asks and calls wait for what others have reserved. So one call, at most, passes the budget of a process.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from storage.repositories.requests import Requests

_TYPICAL_TOKENS: Final = 3000.0
"""Of a request with three drafts, until this process has seen some."""
_WEIGHT: Final = 0.5
_RESERVED_FOR_S: Final = 900.0


@dataclass(slots=True)
class _Account:
    """A request's tokens: those it was admitted for, those that its calls in flight may take, those that calls took."""

    opened_at: float
    admitted: float = 0.0
    in_flight: int = 0
    used: int = 0
    is_settled: bool = False

    @property
    def reserved(self) -> float:
        return max(self.admitted, self.used + self.in_flight)


class DayBudget:
    """The budget of one process. `clock` is in seconds."""

    def __init__(self, tokens: int, *, requests: Requests, clock: Callable[[], float]) -> None:
        self._tokens = tokens
        self._requests = requests
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._changed = asyncio.Event()
        self._spent = 0
        self._midnight = datetime.min.replace(tzinfo=UTC)
        self._counts_begun = self._count_kept = 0
        self._request_tokens = _TYPICAL_TOKENS
        self._largest_call = 0

    async def wait_for_room(self, now: datetime, *, wait_s: float) -> timedelta | None:
        """Wait until a request may be admitted; return the time until midnight if the day's tokens are spent.

        Midnight is that of the zone of `now`. Raises TimeoutError if others hold the rest for longer than `wait_s`.
        """
        self._midnight = _find_midnight(now)
        until = asyncio.get_running_loop().time() + wait_s
        while True:
            changed = self._changed
            if await self._count() >= self._tokens:
                return self._midnight + timedelta(days=1) - now
            if self._spent + sum(each.reserved for each in self._accounts.values()) < self._tokens:
                return None
            async with asyncio.timeout_at(until):
                await changed.wait()

    def admit(self, request_id: str) -> None:
        """Reserve what a request usually takes."""
        self._accounts[request_id] = _Account(self._clock(), admitted=self._request_tokens)

    def open_calls(self, request_id: str, now: datetime) -> "RequestBudget":
        """Open the budget of a request's calls, also of one that another process admitted."""
        if not self._counts_begun:
            self._midnight = _find_midnight(now)
        return RequestBudget(self, request_id)

    def settle(self, request_id: str) -> None:
        """Give back what was reserved for a request: what it took is in the choice log, or it took nothing."""
        if (account := self._accounts.get(request_id)) is not None:
            account.is_settled, account.in_flight = True, 0
            self._tell()

    def record_tokens(self, tokens: int) -> None:
        """Update the moving average of a request's tokens, which the next ones reserve."""
        self._request_tokens += _WEIGHT * (tokens - self._request_tokens)

    async def reserve_call(self, request_id: str, tokens: int) -> int | None:
        """Reserve tokens for a call, and return how many; None if the day's are spent."""
        while True:
            changed = self._changed
            if not self._counts_begun or (not self._has_room() and self._list_ended()):
                await self._count()
            if self._has_room():
                reserved = max(tokens, self._largest_call)
                self._find_account(request_id).in_flight += reserved
                return reserved
            if self._spent + sum(each.used for each in self._accounts.values()) >= self._tokens:
                return None
            await changed.wait()

    def settle_call(self, request_id: str, reserved: int, used: int) -> None:
        """Replace what was reserved for a call by what it took."""
        account = self._find_account(request_id)
        account.in_flight = max(0, account.in_flight - reserved)
        account.used += used
        self._largest_call = max(self._largest_call, used)
        self._tell()

    def _has_room(self) -> bool:
        return self._spent + sum(each.used + each.in_flight for each in self._accounts.values()) < self._tokens

    def _find_account(self, request_id: str) -> _Account:
        return self._accounts.setdefault(request_id, _Account(self._clock()))

    async def _count(self) -> int:
        """Count what the choice log has; forget accounts that were settled before, and those that nobody drafted."""
        ended = self._list_ended()
        self._counts_begun += 1
        number = self._counts_begun
        spent = await self._requests.count_tokens_since(since=self._midnight)
        if number > self._count_kept:
            self._count_kept, self._spent = number, spent
        for each in ended:
            self._accounts.pop(each, None)
        return spent

    def _list_ended(self) -> list[str]:
        """List the requests that were settled, and those that nobody drafted."""
        oldest = self._clock() - _RESERVED_FOR_S
        return [id_ for id_, each in self._accounts.items() if each.is_settled or each.opened_at <= oldest]

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _find_midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """The budget as the calls of one request see it."""

    day: DayBudget
    request_id: str

    async def reserve(self, tokens: int) -> int | None:
        """Reserve tokens for a call, and return how many; None if the day's are spent."""
        return await self.day.reserve_call(self.request_id, tokens)

    def settle(self, reserved: int, used: int) -> None:
        """Replace what was reserved for a call by what it took."""
        self.day.settle_call(self.request_id, reserved, used)

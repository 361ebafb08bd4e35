"""Limits on asks: requests of one agent a minute, tokens of all a day, drafts that wait for the model."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

from bot.errors import LimitReached
from bot.suggesting.pause import PauseSwitch
from storage.repositories.requests import Requests

_MINUTE_S = 60.0
_AGENTS_REMEMBERED = 1000
"""Above this, agents who asked nothing within the minute are forgotten."""


_WAITING_PER_SLOT = 4
"""Drafts that may wait for each call in flight; beyond that, an agent is told to come back rather than left waiting."""

_TYPICAL_S = 2.0
_WEIGHT = 0.05

_TYPICAL_TOKENS = 3000.0
"""Of a request with three drafts, until this process has seen some."""
_TOKENS_WEIGHT = 0.5
_WAIT_FOR_OTHERS_S = 1.0
"""An ask waits so long for others to settle, near the end of the day's budget: its acknowledgement has three."""
_RESERVED_FOR_S = 900.0


class Slots(Protocol):
    """The slots of the limiter: `limit` calls may be in flight, `queue_length` drafts wait for one."""

    @property
    def limit(self) -> int: ...

    @property
    def queue_length(self) -> int: ...


class Limits:
    """The limits on asks. Asks are counted in this process, a day's tokens in the choice log."""

    def __init__(
        self,
        *,
        agent_per_minute: int,
        tokens_per_day: int | None,
        requests: Requests,
        clock: Callable[[], float],
        slots: Slots | None = None,
        pausing: PauseSwitch | None = None,
    ) -> None:
        self._slots = slots
        self._pausing = pausing
        self._draft_s = _TYPICAL_S
        self._agent_per_minute = agent_per_minute
        self._tokens_per_day = tokens_per_day
        self._requests = requests
        self._clock = clock
        self._reserved: dict[str, tuple[float, float]] = {}
        self._settled = asyncio.Event()
        self._request_tokens = _TYPICAL_TOKENS
        self._asked: defaultdict[tuple[str | None, str], deque[float]] = defaultdict(deque)

    async def check(self, *, team_id: str | None, agent_id: str, now: datetime, request_id: str | None = None) -> None:
        """Count one ask of this agent, in a team or the Grid, and reserve its tokens until `settle(request_id)`.

        Raises LimitReached, DraftingPaused, DatabaseUnavailable.
        """
        if self._pausing is not None:
            await self._pausing.check()
        self._check_queue()
        if self._tokens_per_day is not None:
            await self._check_day(self._tokens_per_day, now)
        self._check_minute((team_id, agent_id))
        if self._tokens_per_day is not None and request_id is not None:
            self._reserved[request_id] = (self._clock(), self._request_tokens)

    def settle(self, request_id: str) -> None:
        """Give back what was reserved for a request: what it took is in the choice log, or it took nothing."""
        if self._reserved.pop(request_id, None) is not None:
            self._settled.set()
            self._settled = asyncio.Event()

    def record_tokens(self, tokens: int) -> None:
        """Update the moving average of a request's tokens, which the next ones reserve."""
        self._request_tokens += _TOKENS_WEIGHT * (tokens - self._request_tokens)

    def record_draft_time(self, seconds: float) -> None:
        """Update the moving average of a draft's seconds, from which waiting times are estimated."""
        self._draft_s += _WEIGHT * (seconds - self._draft_s)

    def _check_queue(self) -> None:
        """Raises LimitReached if too many drafts wait for the model, with the estimated wait."""
        if self._slots is None:
            return
        waiting, limit = self._slots.queue_length, self._slots.limit
        if waiting >= _WAITING_PER_SLOT * limit:
            raise LimitReached("queue", retry_after_s=max(1, ceil(waiting / limit * self._draft_s)))

    async def _check_day(self, tokens_per_day: int, now: datetime) -> None:
        """Raises LimitReached if the tokens since midnight, in the zone of `now`, are spent or reserved.

        Where others have reserved the rest, it waits a moment for what they will have taken.
        """
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        until = asyncio.get_running_loop().time() + _WAIT_FOR_OTHERS_S
        while True:
            # Noted before the count: what is settled meanwhile may not be in it.
            settled, reserved = self._settled, self._list_reserved()
            spent = await self._requests.count_tokens_since(since=midnight)
            if spent >= tokens_per_day:
                left = midnight + timedelta(days=1) - now
                raise LimitReached("tokens_per_day", retry_after_s=ceil(left.total_seconds()))
            if spent + sum({**reserved, **self._list_reserved()}.values()) < tokens_per_day:
                return
            try:
                async with asyncio.timeout_at(until):
                    await settled.wait()
            except TimeoutError as error:
                raise LimitReached("queue", retry_after_s=max(1, ceil(self._draft_s))) from error

    def _list_reserved(self) -> dict[str, float]:
        """List the tokens reserved, by request; forget those of requests that nobody drafted."""
        oldest = self._clock() - _RESERVED_FOR_S
        self._reserved = {id_: entry for id_, entry in self._reserved.items() if entry[0] > oldest}
        return {id_: tokens for id_, (_, tokens) in self._reserved.items()}

    def _check_minute(self, agent: tuple[str | None, str]) -> None:
        """Count an ask. Raises LimitReached if the agent had as many within the last minute as are allowed."""
        clock = self._clock()
        asked = self._asked[agent]
        while asked and asked[0] <= clock - _MINUTE_S:
            asked.popleft()
        if len(asked) >= self._agent_per_minute:
            raise LimitReached("agent_per_minute", retry_after_s=ceil(asked[0] + _MINUTE_S - clock))
        asked.append(clock)
        if len(self._asked) > _AGENTS_REMEMBERED:
            self._forget(before=clock - _MINUTE_S)

    def _forget(self, *, before: float) -> None:
        for agent in [agent for agent, asked in self._asked.items() if not asked or asked[-1] <= before]:
            del self._asked[agent]

"""Limits on asks: requests of one agent a minute, tokens of all a day, drafts that wait for the model."""

from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime
from math import ceil
from typing import Protocol

from bot.errors import LimitReached
from bot.suggesting.day_budget import DayBudget, RequestBudget
from bot.suggesting.pause import PauseSwitch
from storage.repositories.requests import Requests

_MINUTE_S = 60.0
_AGENTS_REMEMBERED = 1000
"""Above this, agents who asked nothing within the minute are forgotten."""


_WAITING_PER_SLOT = 4
"""Drafts that may wait for each call in flight; beyond that, an agent is told to come back rather than left waiting."""

_TYPICAL_S = 2.0
_WEIGHT = 0.05

_WAIT_FOR_OTHERS_S = 1.0
"""An ask waits so long for others to settle, near the end of the day's budget: its acknowledgement has three."""


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
        self._day = None if tokens_per_day is None else DayBudget(tokens_per_day, requests=requests, clock=clock)
        self._clock = clock
        self._asked: defaultdict[tuple[str | None, str], deque[float]] = defaultdict(deque)

    async def check(self, *, team_id: str | None, agent_id: str, now: datetime, request_id: str | None = None) -> None:
        """Count one ask of this agent, in a team or the Grid, and reserve its tokens until `settle(request_id)`.

        Raises LimitReached, DraftingPaused, DatabaseUnavailable.
        """
        if self._pausing is not None:
            await self._pausing.check()
        self._check_queue()
        if self._day is not None:
            await self._check_day(self._day, now)
        self._check_minute((team_id, agent_id))
        if self._day is not None and request_id is not None:
            self._day.admit(request_id)

    def open_calls(self, request_id: str, now: datetime) -> RequestBudget | None:
        """Open the budget of a request's calls to the model; None without a limit on the day's tokens."""
        return None if self._day is None else self._day.open_calls(request_id, now)

    def settle(self, request_id: str) -> None:
        """Give back what was reserved for a request: what it took is in the choice log, or it took nothing."""
        if self._day is not None:
            self._day.settle(request_id)

    def record_tokens(self, tokens: int) -> None:
        """Update the moving average of a request's tokens, which the next ones reserve."""
        if self._day is not None:
            self._day.record_tokens(tokens)

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

    async def _check_day(self, day: DayBudget, now: datetime) -> None:
        """Raises LimitReached if the day's tokens are spent, or reserved by others for longer than it may wait."""
        try:
            left = await day.wait_for_room(now, wait_s=_WAIT_FOR_OTHERS_S)
        except TimeoutError as error:
            raise LimitReached("queue", retry_after_s=max(1, ceil(self._draft_s))) from error
        if left is not None:
            raise LimitReached("tokens_per_day", retry_after_s=ceil(left.total_seconds()))

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

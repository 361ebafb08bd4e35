"""Refits on a schedule: by one replica at a time, outside the event loop.

scheduler = RefitScheduler(…)
await scheduler.refit_if_due()        # every CHECK_EVERY_S; may take minutes
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from bot.operations.metrics import Metrics
from bot.ordering.learned import ACTOR
from bot.ranking.refit import RefitResult
from storage.errors import DatabaseUnavailable, OwnershipLost
from storage.repositories.leases import Leases
from storage.repositories.rankers import LEARNING, RankerChange, Rankers, StoredRanker

CHECK_EVERY_S: Final = 60.0

FIRST_CHOICES: Final = 50
"""Before there are so many, nothing is learned."""

LEASE: Final = timedelta(minutes=2)
"""Who is killed while refitting holds others up for this long."""

RENEW_EVERY_S: Final = 30.0

LIMIT_S: Final = 3600.0
"""A refit that takes longer is ended; one of 100,000 requests takes a minute or two."""

AGAIN_AFTER_S: Final = 900.0
"""After a refit that failed, or a log with nothing to learn from."""

_log = logging.getLogger(__name__)


class RefitFailed(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """A refit came to no result; the message says why, without anything that people wrote."""


class RefitRunner(Protocol):
    """Runs a refit outside the event loop."""

    async def train(self) -> RefitResult:
        """Read the log, learn, judge. Raises RefitFailed. Cancelled, it ends what it has begun."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitSchedule:
    """A refit is due after so much time, if any choice has come or gone since the last, or after so many choices."""

    every: timedelta
    after_choices: int

    def is_due(self, newest: StoredRanker | None, *, choices: int, now: datetime) -> bool:
        """Tell if a refit is due, the newest ranker and the number of choices now given."""
        if newest is None:
            return choices >= FIRST_CHOICES
        changed = abs(choices - newest.choices)
        # A record from the future is one of a clock that was wrong: then it is as if the time had passed.
        is_time = not newest.created_at <= now < newest.created_at + self.every
        return changed >= self.after_choices or (changed > 0 and is_time)


class RefitScheduler:
    """Refits if that is due, and records the result; `storage.repositories.rankers` decides what is shown."""

    def __init__(
        self,
        *,
        rankers: Rankers,
        leases: Leases,
        trainer: RefitRunner,
        schedule: RefitSchedule,
        metrics: Metrics,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        renew_every_s: float = RENEW_EVERY_S,
    ) -> None:
        self._rankers = rankers
        self._leases = leases
        self._trainer = trainer
        self._schedule = schedule
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._renew_every_s = renew_every_s
        self._not_before = float("-inf")

    async def refit_if_due(self) -> None:
        """Refit if that is due and no other replica does.

        Raises DatabaseUnavailable; then the next call tries again.
        """
        if self._clock() < self._not_before or not await self._is_due() or not await self._take_lease():
            return
        try:
            if await self._is_due():  # another may have done it just now
                await self._refit(choices=await self._rankers.count_choices())
        finally:
            await self._leases.give_back(LEARNING)

    async def _is_due(self) -> bool:
        newest, choices = await self._rankers.get_newest(), await self._rankers.count_choices()
        return self._schedule.is_due(newest, choices=choices, now=self._now())

    async def _take_lease(self) -> bool:
        """Take or renew the lease of learning; False if another replica holds it."""
        now = self._now()
        return await self._leases.take(LEARNING, at=now, until=now + LEASE)

    async def _refit(self, *, choices: int) -> None:
        """Refit and record, or log and count the failure, and wait AGAIN_AFTER_S."""
        began = self._clock()
        try:
            refit = await self._train()
            outcome = await self._record(refit, choices=choices)
            self._metrics.record_refit(outcome, seconds=self._clock() - began, lower=refit.verdict.lower)
        except (RefitFailed, OwnershipLost, DatabaseUnavailable) as error:
            _log.warning("a refit failed (%s): %s", type(error).__name__, error)
            self._metrics.record_refit("failed", seconds=self._clock() - began)
            self._not_before = self._clock() + AGAIN_AFTER_S

    async def _train(self) -> RefitResult:
        """Run the refit, renewing the lease meanwhile. Raises RefitFailed, OwnershipLost."""
        work = asyncio.ensure_future(self._trainer.train())
        began = self._clock()
        try:
            while not (await asyncio.wait({work}, timeout=self._renew_every_s))[0]:
                if self._clock() - began > LIMIT_S:
                    raise RefitFailed(f"it took longer than {LIMIT_S:g} s")
                await self._keep_lease()
            return work.result()
        finally:
            work.cancel()
            await asyncio.wait({work})

    async def _keep_lease(self) -> None:
        """Renew the lease. Raises OwnershipLost if it is another's.

        While the database is away the refit goes on: it may be back before the result is recorded.
        """
        try:
            held = await self._take_lease()
        except DatabaseUnavailable as error:
            _log.warning("the lease of a refit was not renewed: %s", error)
            return
        if not held:
            raise OwnershipLost(LEARNING)

    async def _record(self, refit: RefitResult, *, choices: int) -> str:
        if refit.model is None or refit.version is None:
            self._not_before = self._clock() + AGAIN_AFTER_S
            _log.info("nothing was learned: no display with a pick, of %s requests", refit.requests)
            return "nothing"
        change = await self._rankers.record(
            StoredRanker(
                version=refit.version,
                model=refit.model,
                created_at=self._now(),
                created_by=ACTOR,
                trained_until=refit.trained_until,
                requests=refit.requests,
                choices=choices,
                agents=refit.agents,
                metrics={"left_out": refit.left_out},
                gate_open=refit.verdict.is_open,
                gate=asdict(refit.verdict),
            )
        )
        outcome = _name_outcome(refit, change)
        _log.info("learned from %s requests: the ranker %s, %s", refit.requests, refit.version, outcome)
        return outcome


def _name_outcome(refit: RefitResult, change: RankerChange | None) -> str:
    """Name the outcome for metrics; `held_back`: promoted, but a person has decided what is shown."""
    if change is None:
        return "held_back" if refit.verdict.is_open else "not_shown"
    return "shown" if change.version else "withdrawn"

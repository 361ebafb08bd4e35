"""The guardrail of an experiment: stops it where one arm's drafts fail, or are dismissed, clearly more often.

Where requests are drawn one by one, each failure and each dismissal falls on an arm with the probability of its share,
if all arms are alike: whoever asks, at whatever hour. So the odds that they fall on it more often than that are bet on,
hour by hour: what the bets win is a test martingale, and exceeds 1/p at any look with a probability of at most p
(Ville). Where agents are drawn, the arms of an hour's requests are what failures are measured by, so that an outage
while one arm's agents are at work is not that arm's fault; dismissals are then compared as the report compares
acceptance, agent by agent.
"""

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, Protocol

from bot.stats.anytime_intervals import contrast_between
from storage.queries.experiments import ExperimentQueries, TroubleCell
from storage.records import Experiment
from storage.repositories.experiments import ExperimentStore
from storage.repositories.leases import Leases

LOOK_EVERY_S: Final = 5.0

LEVEL: Final = 0.05
"""The probability that an experiment of arms that are alike is ever stopped is at most this."""

ODDS: Final = (1.5, 3.0, 10.0, 100.0)
"""The odds that are bet on, alike: an arm that always fails is found by the last, one that is a little worse by the
first.
"""

ACTOR: Final = "guardrail"
LEASE: Final = "guardrail"
LEASED_FOR: Final = timedelta(seconds=60)

Trouble = Literal["failed", "dismissed"]
TROUBLES: Final[dict[Trouble, float]] = {"failed": 1.0, "dismissed": 1.25}
"""The odds above which an arm has trouble clearly more often. A few dismissals more may come with more use, too."""

_log = logging.getLogger(__name__)


class Announcer(Protocol):
    """Tells admins, by direct messages."""

    async def announce_stop(self, admin: str, *, experiment: str, arm: str) -> bool:
        """Tell an admin that the guardrail stopped an experiment. False if it has to be tried again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The arm at fault, and its trouble."""

    arm: str
    trouble: Trouble


class Guardrail:
    """Watches the experiment that runs, and tells the admins of a stop until they know, one replica at a time."""

    def __init__(
        self,
        *,
        store: ExperimentStore,
        queries: ExperimentQueries,
        leases: Leases,
        announcer: Announcer,
        admins: Sequence[str],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._queries = queries
        self._leases = leases
        self._announcer = announcer
        self._admins = tuple(admins)
        self._now = now

    async def look(self) -> None:
        """Stop what has to be stopped, and tell who has not been told. Raises DatabaseUnavailable."""
        name = await self._store.get_running()
        if name is not None and (running := await self._store.get(name)) is not None:
            await self._judge(running)
        at = self._now()
        if await self._store.list_untold() and await self._leases.take(LEASE, at=at, until=at + LEASED_FOR):
            await self._tell()
            await self._leases.give_back(LEASE)

    async def _tell(self) -> None:
        for experiment in await self._store.list_untold():
            for admin in experiment.untold:
                if await self._announcer.announce_stop(admin, experiment=experiment.name, arm=experiment.arm or ""):
                    await self._store.record_told(experiment.name, admin)

    async def _judge(self, running: Experiment) -> None:
        counts = partial(self._queries.count_troubles, running.name)
        if running.by == "request":
            fault = find_fault(running, await counts(by="arm"))
        else:
            fault = find_fault(running, await counts(by="hour"), await counts(by="agent"))
        if fault is None:
            return
        await self._store.stop(
            running.name, by="guardrail", actor=ACTOR, at=self._now(), arm=fault.arm, untold=self._admins
        )
        _log.warning(
            "the experiment %s is stopped: drafts of arm %s %s clearly more often",
            running.name,
            fault.arm,
            "fail" if fault.trouble == "failed" else "are dismissed",
        )


def find_fault(
    experiment: Experiment, cells: Sequence[TroubleCell], agents: Sequence[TroubleCell] = ()
) -> Fault | None:
    """Find an arm that is clearly worse than the others together.

    Where agents are drawn, `cells` are by hour, and `agents` by agent.
    """
    level = LEVEL / (len(TROUBLES) * len(experiment.arms))
    for trouble, tolerated in TROUBLES.items():
        for arm in experiment.arms:
            if experiment.by == "agent" and trouble == "dismissed":
                is_worse = _is_dismissed_by_more_agents(arm.name, agents, level)
            else:
                share = arm.share if experiment.by == "request" else None
                is_worse = _measure_evidence(arm.name, share, trouble, tolerated, cells) >= math.log(1 / level)
            if is_worse:
                return Fault(arm=arm.name, trouble=trouble)
    return None


def _measure_evidence(
    arm: str, share: float | None, trouble: Trouble, tolerated: float, cells: Sequence[TroubleCell]
) -> float:
    """Measure the logarithm of what the bets have won; `share` None means that of the arm in a group's requests."""
    troubles: dict[str, Counter[bool]] = defaultdict(Counter)
    asked: dict[str, Counter[bool]] = defaultdict(Counter)
    for cell in cells:
        troubles[cell.group][cell.arm == arm] += getattr(cell, trouble)
        asked[cell.group][cell.arm == arm] += cell.requests
    logs = [0.0] * len(ODDS)
    for group, counts in troubles.items():
        usual = share if share is not None else asked[group][True] / max(1, asked[group].total())
        if not 0 < usual < 1 or not counts.total():
            continue
        fair = _tilt(usual, tolerated)
        for index, odds in enumerate(ODDS):
            bet = _tilt(usual, tolerated * odds)
            logs[index] += counts[True] * math.log(bet / fair) + counts[False] * math.log((1 - bet) / (1 - fair))
    top = max(logs)
    return top + math.log(sum(math.exp(each - top) for each in logs) / len(logs))


def _tilt(share: float, odds: float) -> float:
    """Tilt a probability by odds."""
    return share * odds / (share * odds + 1 - share)


def _is_dismissed_by_more_agents(arm: str, agents: Sequence[TroubleCell], level: float) -> bool:
    """Compare the agents of an arm with those of the others."""
    groups = [
        [(min(cell.dismissed, cell.requests), cell.requests) for cell in agents if (cell.arm == arm) is side]
        for side in (True, False)
    ]
    found = contrast_between(*groups)
    return found is not None and found.difference > found.compute_reach(level)

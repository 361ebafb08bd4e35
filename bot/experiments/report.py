"""The report of an experiment: what became of each arm's requests, and which arm is better, at whatever look.

The intervals hold at all looks together (`bot/stats/anytime_intervals.py`), and those of several pairs of arms hold
together too: each pair spends an equal part of LEVEL. So whoever looks every day and stops at the first verdict
is wrong in 5 % of experiments, and not more.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import combinations
from typing import Final

from bot.experiments.plan import ExperimentError
from bot.experiments.start import ExperimentState, find_changed, find_state
from bot.stats.anytime_intervals import (
    MIN_AGENTS,
    MIN_AGENTS_AN_ARM,
    MIN_AGENTS_BETWEEN,
    MIN_CASES,
    ShareContrast,
    contrast_between,
    contrast_within,
    find_boundary,
)
from storage.queries.experiments import ArmOutcome, ExperimentQueries
from storage.records import Arm, Experiment, Unit
from storage.repositories.experiments import ExperimentStore

LEVEL: Final = 0.05

WORTH_FINDING: Final = 0.08
"""The difference in the share accepted that `needed` is about: eight points."""

_CERTAINTY: Final = 0.7
"""Standard errors by which a true difference has to exceed the boundary, to be found in 80 % of experiments by then."""

_WIDEST: Final = 0.25
"""The largest variance of a yes or no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCounts:
    """Number of requests of an arm, and of those that were shown, had a reply used, were dismissed, or failed."""

    name: str
    share: float
    requests: int = 0
    shown: int = 0
    accepted: int = 0
    dismissed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmContrast:
    """The share accepted in the first arm less that in the second; bounds are None where there is too little."""

    arms: tuple[str, str]
    difference: float | None
    lower: float | None = None
    upper: float | None = None
    verdict: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentReport:
    """An experiment at one look. `needed` requests more, at least, find a difference of WORTH_FINDING in 80 %.

    `needed` is 0 where a verdict stands, or such a difference would have been found. `changes` say what has changed of
    the arms `changed`. `agents` is the number of agents so far, `days` the time that the log covers.
    """

    name: str
    state: ExperimentState
    changed: tuple[str, ...]
    changes: tuple[str, ...]
    by: Unit
    arms: tuple[ArmCounts, ...]
    contrasts: tuple[ArmContrast, ...]
    enough: bool
    needed: int
    agents: int
    days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentDesign:
    """An experiment as it was planned, and its state; `changed` says what has changed, by arm."""

    name: str
    state: ExperimentState
    by: Unit
    arms: tuple[Arm, ...]
    changed: Mapping[str, str] = field(default_factory=dict)


async def read_experiment(
    store: ExperimentStore, queries: ExperimentQueries, name: str, *, default_model: str
) -> tuple[ExperimentDesign, Sequence[ArmOutcome]]:
    """Read an experiment and what became of its requests. Raises ExperimentError if there is none of that name."""
    outcomes = await queries.list_outcomes(name)
    design = find_design(name, await store.get(name), outcomes, default_model=default_model)
    if design is not None:
        return design, outcomes
    known = dict.fromkeys([*(each.name for each in await store.list_all()), *await queries.list_names()])
    there = f"known are {', '.join(known)}" if known else "`suggest experiment start` begins one"
    raise ExperimentError(f"there is no experiment {name!r}: {there}")


def find_design(
    name: str,
    experiment: Experiment | None,
    outcomes: Sequence[ArmOutcome],
    *,
    default_model: str | None = None,
) -> ExperimentDesign | None:
    """Find the design of an experiment; of one that was run elsewhere and imported, by its requests.

    `default_model` is the settings' model now. None if neither is there.
    """
    if experiment is None:
        return _infer_design(name, outcomes) if outcomes else None
    changed = {**_find_reworded(experiment, outcomes), **find_changed(experiment, default_model=default_model)}
    return ExperimentDesign(
        name=name,
        state=find_state(experiment, changed),
        by=experiment.by,
        arms=experiment.arms,
        changed={arm.name: changed[arm.name] for arm in experiment.arms if arm.name in changed},
    )


def _find_reworded(experiment: Experiment, outcomes: Iterable[ArmOutcome]) -> dict[str, str]:
    """Find the arms without a playbook of their own whose requests were drafted by more than one: that of the settings
    was changed.
    """
    versions: dict[str, set[str]] = defaultdict(set)
    for outcome in outcomes:
        versions[outcome.arm].add(outcome.prompt_version)
    reworded = "the settings' playbook changed between its requests"
    return {arm.name: reworded for arm in experiment.arms if arm.file is None and len(versions[arm.name]) > 1}


def _infer_design(name: str, outcomes: Sequence[ArmOutcome]) -> ExperimentDesign:
    """Infer the design of an experiment by its requests: by agent, if no agent with two requests has two arms."""
    shares: dict[str, float] = {}
    arms_of: dict[tuple[str, str], list[str]] = defaultdict(list)
    for outcome in outcomes:
        shares[outcome.arm] = outcome.arm_propensity or 0.0
        arms_of[outcome.team_id, outcome.agent_id].append(outcome.arm)
    repeated = [arms for arms in arms_of.values() if len(arms) > 1]
    is_by_agent = bool(repeated) and all(len(set(arms)) == 1 for arms in repeated)
    return ExperimentDesign(
        name=name,
        state="stopped",
        by="agent" if is_by_agent else "request",
        arms=tuple(Arm(name=arm, share=share) for arm, share in sorted(shares.items())),
    )


def build_report(design: ExperimentDesign, outcomes: Iterable[ArmOutcome]) -> ExperimentReport:
    """Build the report by all requests so far."""
    tally = ExperimentTally(design)
    for outcome in outcomes:
        tally.add(outcome)
    return tally.report()


def replay(
    design: ExperimentDesign, outcomes: Iterable[ArmOutcome], *, every: int
) -> Iterator[tuple[int, ExperimentReport]]:
    """Yield the report after every so many requests, as it was then."""
    tally = ExperimentTally(design)
    for number, outcome in enumerate(outcomes, start=1):
        tally.add(outcome)
        if number % every == 0:
            yield number, tally.report()


@dataclass(slots=True)
class _ArmTally:
    """Counts of one arm, and by agent how many were accepted of those shown."""

    counts: Counter[str] = field(default_factory=Counter)
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)


class ExperimentTally:
    """The requests of an experiment, counted as they come."""

    def __init__(self, design: ExperimentDesign) -> None:
        self._design = design
        self._arms = {arm.name: _ArmTally() for arm in design.arms}
        self._agents: set[tuple[str, str]] = set()
        self._times: list[datetime] = []

    def add(self, outcome: ArmOutcome) -> None:
        """Count a request; one of an arm that the experiment does not have is none of its own."""
        if (tally := self._arms.get(outcome.arm)) is None:
            return
        agent = (outcome.team_id, outcome.agent_id)
        self._agents.add(agent)
        self._times = [*self._times[:1], outcome.created_at]
        tally.counts["requests"] += 1
        tally.counts["dismissed"] += outcome.kind == "dismissed"
        tally.counts["failed"] += outcome.status == "failed"
        if outcome.is_shown:
            is_accepted = outcome.kind in {"used", "edited"}
            tally.counts["shown"] += 1
            tally.counts["accepted"] += is_accepted
            tally.shown[agent] += 1
            tally.accepted[agent] += is_accepted

    def report(self) -> ExperimentReport:
        """Report what there is so far."""
        design, names = self._design, [arm.name for arm in self._design.arms]
        pairs = [] if design.changed else list(combinations(names, 2))
        level = LEVEL / max(1, len(pairs))
        found = [self._contrast(*pair) for pair in pairs]
        contrasts = [self._word(pair, each, level) for pair, each in zip(pairs, found, strict=True)]
        missing = [
            0 if contrast.verdict is not None else self._count_missing(pair, each, level)
            for pair, each, contrast in zip(pairs, found, contrasts, strict=True)
        ]
        return ExperimentReport(
            name=design.name,
            state=design.state,
            changed=tuple(design.changed),
            changes=tuple(f"{arm}: {change}" for arm, change in design.changed.items()),
            by=design.by,
            arms=tuple(ArmCounts(name=arm.name, share=arm.share, **self._arms[arm.name].counts) for arm in design.arms),
            contrasts=tuple(contrasts),
            enough=bool(pairs) and all(each is not None for each in found),
            needed=max(missing, default=0),
            agents=len(self._agents),
            days=(self._times[-1] - self._times[0]).total_seconds() / 86400 if self._times else 0.0,
        )

    def _contrast(self, one: str, other: str) -> ShareContrast | None:
        counts = [
            {agent: (self._arms[arm].accepted[agent], shown) for agent, shown in self._arms[arm].shown.items()}
            for arm in (one, other)
        ]
        if self._design.by == "agent":
            return contrast_between(*(list(arm.values()) for arm in counts))
        return contrast_within([(counts[0][agent], counts[1][agent]) for agent in counts[0].keys() & counts[1].keys()])

    def _word(self, pair: tuple[str, str], found: ShareContrast | None, level: float) -> ArmContrast:
        """Say what is known of a pair. What is told is the log's own difference, so the interval has to hold it."""
        shares = [
            self._arms[arm].counts["accepted"] / shown for arm in pair if (shown := self._arms[arm].counts["shown"])
        ]
        difference = shares[0] - shares[1] if len(shares) == 2 else None
        if found is None or difference is None:
            return ArmContrast(arms=pair, difference=difference)
        reach = found.compute_reach(level)
        lower = max(-1.0, min(found.difference - reach, difference))
        upper = min(1.0, max(found.difference + reach, difference))
        verdict = pair[0] if lower > 0 else pair[1] if upper < 0 else None
        return ArmContrast(arms=pair, difference=difference, lower=lower, upper=upper, verdict=verdict)

    def _count_missing(self, pair: tuple[str, str], found: ShareContrast | None, level: float) -> int:
        """Count the requests, of all arms, that a difference worth finding takes beyond these."""
        total = sum(tally.counts["requests"] for tally in self._arms.values())
        wanted = find_needed_information(level)
        if found is not None:
            return max(0, math.ceil(total * (found.variance * wanted - 1)))
        shares = [arm.share for arm in self._design.arms if arm.name in pair]
        usual = math.ceil(wanted * _WIDEST * sum(1 / share for share in shares if share > 0))
        fewest = min(self._arms[arm].counts["shown"] for arm in pair)
        return max(usual - total, MIN_CASES - fewest, self._count_missing_agents(pair))

    def _count_missing_agents(self, pair: tuple[str, str]) -> int:
        """Count the agents that are still needed: a request of each is the least that it takes."""
        agents = [set(self._arms[arm].shown) for arm in pair]
        if self._design.by == "request":
            return max(1, MIN_AGENTS - len(agents[0] & agents[1]))
        return max(1, MIN_AGENTS_BETWEEN - sum(map(len, agents)), *(MIN_AGENTS_AN_ARM - len(each) for each in agents))


@cache
def find_needed_information(level: float) -> float:
    """Find the information by which a difference worth finding is found in 80 % of experiments."""
    information = 1 / WORTH_FINDING**2
    while WORTH_FINDING * math.sqrt(information) < find_boundary(information, level) + _CERTAINTY:
        information *= 1.02
    return information

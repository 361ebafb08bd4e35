"""The report on the ranking for a team lead: winning styles, the order in use with its reason, and its worth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.ordering.policies import PlackettLuce
from bot.ranking.choice_sets import ChoiceSet, TrainingSet, Weights
from bot.ranking.contrasts import EffectComparison, PairContrast, compare_effects
from bot.ranking.estimates import Effect
from bot.ranking.model import NothingToLearn, fit_ranker
from bot.ranking.off_policy import MIN_EFFECTIVE, PolicyValue, PolicyValueRefusal, estimate_worth, list_uniform
from bot.ranking.promotion import MIN_AGENTS, Verdict, describe_verdict, judge
from bot.ranking.training import FIRST_CHOICES
from storage.repositories.rankers import RankerChange, Rankers, StoredRanker

LEARNED_FROM: Final = 0.7
"""The share of the log, the oldest, that the order is learned from whose worth is told on the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerStatus:
    """The ranker that orders now, the newest one, and its verdict: None if nothing has been learned yet."""

    change: RankerChange | None
    newest: StoredRanker | None

    @property
    def verdict(self) -> Verdict | None:
        return None if self.newest is None else Verdict(**self.newest.gate)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankReport:
    """All of the report. `worth`: how much more often the first reply is picked in learned than in uniform order."""

    since: datetime | None
    until: datetime | None
    left_out: dict[str, int]
    comparison: EffectComparison
    requests: int
    standing: RankerStatus
    verdict: Verdict
    worth: PolicyValue | PolicyValueRefusal

    @property
    def is_exploratory(self) -> bool:
        return self.comparison.agents < MIN_AGENTS


async def read_ranker_status(rankers: Rankers) -> RankerStatus:
    """Read which ranker orders now. Raises DatabaseUnavailable."""
    return RankerStatus(change=await rankers.get_current(), newest=await rankers.get_newest())


def build_report(found: TrainingSet, now: RankerStatus, *, weights: Weights) -> RankReport:
    """Compute the report from these choice sets, in the order of their time; the status is as it was recorded.

    The verdict is the newest ranker's; if nothing was learned yet, that of the log as it is.
    """
    choice_sets = found.choice_sets
    return RankReport(
        since=choice_sets[0].at if choice_sets else None,
        until=choice_sets[-1].at if choice_sets else None,
        left_out={str(reason): count for reason, count in found.left_out.items()},
        comparison=compare_effects(choice_sets, weights=weights),
        requests=found.requests,
        standing=now,
        verdict=now.verdict or judge(found, weights=weights).verdict,
        worth=estimate_learning_worth(choice_sets, weights=weights),
    )


def estimate_learning_worth(choice_sets: Sequence[ChoiceSet], *, weights: Weights) -> PolicyValue | PolicyValueRefusal:
    """Learn from the older part of the log, and estimate on the newer the worth of that order over uniform order."""
    cut = int(len(choice_sets) * LEARNED_FROM)
    older, newer = choice_sets[:cut], choice_sets[cut:]
    try:
        ranker = fit_ranker(older, weights=weights)
    except NothingToLearn:
        return PolicyValueRefusal(reason="nothing_to_learn", effective=0.0, displays=len(newer), agents=0)
    policy = PlackettLuce()
    learned = [
        policy.first_probabilities(ranker.score_candidates(each.conversation, each.shown, each.prompt_version))
        for each in newer
    ]
    return estimate_worth(newer, learned, against=[list_uniform(len(each.shown)) for each in newer])


# --- in words -----------------------------------------------------------------------------------------


def describe_order(now: RankerStatus, verdict: Verdict) -> str:
    change, evidence = now.change, describe_verdict(verdict)
    newest = f"The newest ranker is {evidence}." if now.newest else f"Learning from these choices is {evidence}."
    if change is not None and change.is_pinned:
        what = "not shown" if change.version is None else f"shown, by the ranker {change.version}"
        return (
            f"Learned order is {what}: a person decided so on {change.at:%Y-%m-%d}, until suggest rank rollback --to "
            f"auto. {newest}"
        )
    if change is not None and change.version is not None:
        return f"Learned order is shown, by the ranker {change.version} since {change.at:%Y-%m-%d}. {newest}"
    if now.newest is not None:
        return f"Learned order is not shown: {evidence}."
    return (
        f"Learned order is not shown: no ranker has been learned yet, which a running bot does after {FIRST_CHOICES} "
        f"choices. {newest}"
    )


def describe_worth(worth: PolicyValue | PolicyValueRefusal) -> str:
    """Describe how much more often the first reply would be picked."""
    if isinstance(worth, PolicyValue):
        value, lower, upper = (f"{100 * each:+.1f}" for each in (worth.value, worth.lower, worth.upper))
        return (
            f"From uniform to learned order, the share of requests whose first reply is picked would change by {value} "
            f"percentage points (95% interval {lower} to {upper}; "
            f"{worth.displays:,} requests, worth {worth.effective:,.0f}, of {worth.agents} agents)."
        )
    newest = f"the newest {100 - 100 * LEARNED_FROM:.0f}% of the requests are"
    reasons = {
        "nothing_to_learn": f"the oldest {100 * LEARNED_FROM:.0f}% of the requests have no pick to learn from",
        "no_propensities": "no request says how probable its order was",
        "few_agents": f"{newest} of {worth.agents} agents, and at least {MIN_AGENTS} are needed",
        "few_effective": f"{newest} worth {worth.effective:,.0f}, and at least {MIN_EFFECTIVE:.0f} are needed",
    }
    return f"What learned order is worth cannot be told: {reasons[worth.reason]}."


def describe_finding(pair: PairContrast) -> str:
    """Name the winner of a pair, or what is missing."""
    if pair.found == "not_enough":
        return f"not enough data: {_describe_missing(pair)}"
    return {
        "better": f"{pair.one} wins",
        "worse": f"{pair.other} wins",
        "no_difference": "no clear difference",
        "cannot_tell": "cannot be told apart by what was shown",
    }[pair.found]


def _describe_missing(pair: PairContrast) -> str:
    """Name the picks that a pair lacks, to two digits."""
    if pair.missing:
        size = 10 ** max(0, len(str(pair.missing)) - 2)
        return f"about {-(-pair.missing // size) * size:,} more picks"
    return "picks of more than one agent, or on more than one day, are needed"


def format_times(effect: Effect | None) -> str:
    """Format an effect as how many times as often, with its interval."""
    if effect is None:
        return "–"  # noqa: RUF001 - a dash
    mean, lower, upper = (math.exp(min(20.0, max(-20.0, each))) for each in (effect.mean, effect.lower, effect.upper))
    return f"{mean:.2f} ({lower:.2f} to {upper:.2f})" if upper < 100 else f"{mean:.2f} ({lower:.2f} to any)"

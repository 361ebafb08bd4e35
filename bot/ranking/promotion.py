"""Promotion of a ranker: held-out evidence decides if it is shown (the users' word for it is the gate).

It is promoted if the lower end of the 95% interval of its log-likelihood gain over position-only is above 0, on persons
held out, clustered by agent. Below ten agents it is clustered by agent and day, and called exploratory: good enough for
the team that it was learned from, and no proof for another. What stands in the log twice is evidence once.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from bot.ranking.choice_sets import ChoiceSet, Weights, drop_repeats

MIN_PICKS: Final = 100
MIN_CLUSTERS: Final = 5
"""Below either, an interval is a guess, and the gate stays shut."""

PromotionState = Literal["open", "not_better", "too_little"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision on a promotion, with its evidence; also stored and printed, so its fields keep their names.

    `gain` and its interval are in nats a pick; `clusters` of the kind `clustered_by`.
    """

    state: PromotionState
    picks: int
    agents: int
    exploratory: bool = False
    clustered_by: str | None = None
    clusters: int = 0
    gain: float | None = None
    lower: float | None = None
    upper: float | None = None

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    def to_dict(self) -> dict[str, Any]:
        """Write it as it is stored and printed."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Read a stored verdict. Raises TypeError if it is none."""
        return cls(**stored)


def judge(choice_sets: Sequence[ChoiceSet], *, weights: Weights) -> Verdict:
    """Judge, by persons held out, if learning from these choice sets is proven better than positions alone."""
    from bot.ranking.log_likelihood_gain import estimate_gain

    distinct = drop_repeats(choice_sets)
    picked = [choice_set for choice_set in distinct if choice_set.picked is not None]
    picks, agents = len(picked), len({choice_set.agent for choice_set in picked})
    gain = estimate_gain(distinct, weights=weights) if picks >= MIN_PICKS else None
    if gain is None or gain.clusters < MIN_CLUSTERS:
        return Verdict(state="too_little", picks=picks, agents=agents)
    return Verdict(
        state="open" if gain.lower > 0 else "not_better",
        picks=picks,
        agents=agents,
        exploratory=gain.exploratory,
        clustered_by=gain.clustered_by,
        clusters=gain.clusters,
        gain=gain.mean,
        lower=gain.lower,
        upper=gain.upper,
    )


def describe_verdict(verdict: Verdict) -> str:
    """Describe the evidence for a team lead, in a sentence or two."""
    if verdict.state == "too_little":
        return (
            f"too little to judge by: {verdict.picks} picks of {_count_agents(verdict.agents)}; at least {MIN_PICKS} "
            f"are needed, of {MIN_CLUSTERS} agents, or on {MIN_CLUSTERS} days"
        )
    of = "agents" if verdict.clustered_by == "agent" else "agents' days"
    evidence = (
        f"on picks held out, it explains {verdict.gain:+.4f} nats a pick more than the position does "
        f"(95% interval {verdict.lower:+.4f} to {verdict.upper:+.4f}, {verdict.picks} picks, {verdict.clusters} {of})"
    )
    found = f"proven better: {evidence}" if verdict.is_open else f"not proven better: {evidence}"
    if verdict.exploratory:
        found += f". Exploratory: {_count_agents(verdict.agents)} only, so it may not hold for others"
    return found


def _count_agents(count: int) -> str:
    return "1 agent" if count == 1 else f"{count} agents"

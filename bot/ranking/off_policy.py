"""Off-policy values: the worth of another policy, from the log alone, by self-normalised inverse propensities (SNIPS).

A choice set counts by how much more probable the policy makes what stood first than the policy that was in use did:
w = π(first) / p(first). Its reward is 1 if what stood first was picked, else 0. The worth is Σ w·r / Σ w: the share of
choice sets of which the first reply would have been picked. A share of weights is one as any other, so its interval is
that of `cluster_intervals`, by agent, with Kish's effective sample size for the number of cases. Swaminathan and
Joachims 2015.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np

from bot.ranking.choice_sets import ChoiceSet
from bot.ranking.design import IntArray
from bot.ranking.features import FloatArray
from bot.ranking.promotion import MIN_AGENTS
from bot.stats.cluster_intervals import Values, estimate_difference, estimate_share

MIN_EFFECTIVE: Final = 100.0

Targets = Sequence[Sequence[float]]
"""For each choice set, the policy's probability that each candidate comes first, in the order shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """A share of choice sets, or the difference of two, with its 95% interval. `effective`: Kish's sample size."""

    value: float
    lower: float
    upper: float
    effective: float
    displays: int
    agents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValueRefusal:
    """The reason why no value is told.

    `displays`: choice sets with a propensity, of so many `agents`; `effective`: as many as they are worth.
    """

    reason: Literal["nothing_to_learn", "no_propensities", "few_agents", "few_effective"]
    effective: float
    displays: int
    agents: int


def estimate_worth(
    choice_sets: Sequence[ChoiceSet], targets: Targets, *, against: Targets | None = None
) -> PolicyValue | PolicyValueRefusal:
    """Estimate the worth of a policy; with `against`, its difference from that one.

    Displays whose first candidate has no logged propensity are left out.
    """
    known = [index for index, choice_set in enumerate(choice_sets) if choice_set.shown[0].first_propensity]
    if not known:
        return PolicyValueRefusal(reason="no_propensities", effective=0.0, displays=0, agents=0)
    agents, owner = np.unique([choice_sets[index].agent for index in known], return_inverse=True)
    reward = np.array([choice_sets[index].picked == 0 for index in known], dtype=np.float64)
    weights = [_compute_weights(choice_sets, each, known) for each in (targets, against) if each is not None]
    effective = min(float(weight.sum() ** 2 / max(1e-300, (weight**2).sum())) for weight in weights)
    refuse = partial(PolicyValueRefusal, effective=effective, displays=len(known))
    if len(agents) < MIN_AGENTS:
        return refuse(reason="few_agents", agents=len(agents))
    if effective < MIN_EFFECTIVE:
        return refuse(reason="few_effective", agents=len(agents))
    totals = [_sum_by_agent(weight, reward, owner.astype(np.int64), len(agents)) for weight in weights]
    found = estimate_share(*totals[0]) if against is None else estimate_difference(totals[0], totals[1])
    if found.value is None or found.low is None or found.high is None:
        return refuse(reason="few_agents", agents=found.clusters)
    return PolicyValue(
        value=found.value,
        lower=found.low,
        upper=found.high,
        effective=effective,
        displays=len(known),
        agents=len(agents),
    )


def rank_greedily(scores: Sequence[float]) -> list[float]:
    """Give the first position to the highest score; equal ones share it."""
    best = [score == max(scores) for score in scores]
    return [is_best / sum(best) for is_best in best]


def list_uniform(count: int) -> list[float]:
    return [1 / count] * count


def _compute_weights(choice_sets: Sequence[ChoiceSet], targets: Targets, known: Sequence[int]) -> FloatArray:
    """Compute w = π(first) / p(first) of each choice set with a propensity."""
    return np.array([targets[index][0] / (choice_sets[index].shown[0].first_propensity or 1.0) for index in known])


def _sum_by_agent(weight: FloatArray, reward: FloatArray, owner: IntArray, people: int) -> tuple[Values, Values]:
    """Sum each agent's rewards and weights, as shares of an effective sample."""
    scale = float(weight.sum() / max(1e-300, (weight**2).sum()))
    won, total = (np.bincount(owner, weights=each, minlength=people) for each in (weight * reward, weight))
    return np.asarray(scale * won, dtype=np.float64), np.asarray(scale * total, dtype=np.float64)

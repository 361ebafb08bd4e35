"""Off-policy values: the worth of another policy, from the log alone, by self-normalised inverse propensities (SNIPS).

A choice set counts by how much more probable the policy makes what stood first than the policy that was in use did:
w = π(first) / p(first). Its reward is 1 if what stood first was picked, else 0. The worth is Σ w·r / Σ w: the share of
choice sets of which the first reply would have been picked. Agents are resampled, each with all that is theirs.
Swaminathan and Joachims 2015.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from bot.ranking.choice_sets import ChoiceSet
from bot.ranking.clusters import MIN_AGENTS
from bot.ranking.design import IntArray
from bot.ranking.features import FloatArray
from bot.stats.bootstrap import compute_percentile_interval, resample_clusters, sum_resamples

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
    """Estimate the worth of a policy; with `against`, its difference from that one, on the same resamples.

    Displays whose first candidate has no logged propensity are left out.
    """
    known = [index for index, choice_set in enumerate(choice_sets) if choice_set.shown[0].first_propensity]
    agents, owner = np.unique([choice_sets[index].agent for index in known], return_inverse=True)
    if not known:
        return PolicyValueRefusal(reason="no_propensities", effective=0.0, displays=0, agents=0)
    reward = np.array([choice_sets[index].picked == 0 for index in known], dtype=np.float64)
    weights = [_compute_weights(choice_sets, each, known) for each in (targets, against) if each is not None]
    effective = min(float(weight.sum() ** 2 / max(1e-300, (weight**2).sum())) for weight in weights)
    count, people = len(known), len(agents)
    if people < MIN_AGENTS:
        return PolicyValueRefusal(reason="few_agents", effective=effective, displays=count, agents=people)
    if effective < MIN_EFFECTIVE:
        return PolicyValueRefusal(reason="few_effective", effective=effective, displays=count, agents=people)
    shares = [_resample_shares(weight, reward, owner.astype(np.int64), people) for weight in weights]
    values = shares[0] if len(shares) == 1 else shares[0] - shares[1]
    lower, upper = compute_percentile_interval(values)
    return PolicyValue(
        value=float(values[0]),
        lower=lower,
        upper=upper,
        effective=effective,
        displays=count,
        agents=people,
    )


def rank_greedily(scores: Sequence[float]) -> list[float]:
    """Give the first position to the highest score; equal ones share it."""
    best = [score == max(scores) for score in scores]
    return [is_best / sum(best) for is_best in best]


def list_uniform(count: int) -> list[float]:
    """List equal probabilities for so many candidates."""
    return [1 / count] * count


def _compute_weights(choice_sets: Sequence[ChoiceSet], targets: Targets, known: Sequence[int]) -> FloatArray:
    """Compute w = π(first) / p(first) of each choice set with a propensity."""
    return np.array([targets[index][0] / (choice_sets[index].shown[0].first_propensity or 1.0) for index in known])


def _resample_shares(weight: FloatArray, reward: FloatArray, owner: IntArray, people: int) -> FloatArray:
    """Compute the worth on the log itself, then on each resample; whatever the weights, the same agents are drawn."""
    resamples = resample_clusters(people)
    won, total = sum_resamples(weight * reward, owner, resamples), sum_resamples(weight, owner, resamples)
    return np.divide(won, total, out=np.zeros_like(won), where=total > 0)

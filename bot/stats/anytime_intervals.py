"""Differences of two shares, clustered by agent, with intervals that hold at every look.

A 95% interval made for one look is wrong far more often for somebody who looks every day and stops at what they like.
These are right at all looks together, with a probability of 95% (a confidence sequence). It has three parts.

- What is compared. Where every agent has both arms, each agent with themselves (`contrast_within`): how much agents
  differ does not matter then. Where every agent has one arm, the agents of one with those of the other
  (`contrast_between`).
- Agents are a sample. Their effects vary by chance within an agent, and from agent to agent (DerSimonian and Laird).
  Each weighs by the inverse of both, so the difference moves as a Brownian motion does in its own information. Where
  the variance between agents is seen, it is known from few agents only: Student's quantile takes the normal one's
  place, with Satterthwaite's degrees of freedom.
- The boundary. For a true difference 0, `exp(b·D·I - b²·I/2)` is a martingale for each bet b on a difference, where D
  is what was found and I its information; so is their mixture, which exceeds 1/p at any look with a probability of at
  most p (Ville). The interval has all differences that are not refuted so. BETS weigh most near 8 points, so that the
  interval is narrowest when such a difference can be found.

benchmarks/experiments.py simulates how often such intervals are wrong, and how soon they find what is there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

Counts = tuple[float, float]
"""The cases of one agent, and of how many."""

BETS: Final = ((0.065, 0.93), (0.15, 0.02), (0.025, 0.035), (0.01, 0.015))
"""Differences that are bet on, each in both directions, and their weights."""

MIN_AGENTS: Final = 5
"""Fewer agents with both arms are a guess about those who were never seen."""

MIN_AGENTS_AN_ARM: Final = 3
MIN_AGENTS_BETWEEN: Final = 8
"""The same, where each agent has one arm."""

MIN_CASES: Final = 20
"""Cases that each arm needs."""

WITHIN_DOUBT: Final = 0.25
BETWEEN_DOUBT: Final = -0.5
"""Standard deviations of chance that are taken off the variance between agents. That an arm suits some agents better is
the exception, and estimated from few agents it would cost more than it is worth; that agents differ is the rule.
"""

_PRIOR_CASES: Final = 10.0
"""Cases of the whole arm's variance, that are added to what is seen within its agents."""

_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareContrast:
    """A difference of two shares over agents like these, with its variance.

    `freedom` are the degrees of freedom of that variance: infinite where agents do not differ in the effect.
    """

    difference: float
    variance: float
    freedom: float

    def compute_reach(self, level: float) -> float:
        """Compute how far the interval reaches to each side, wrong at any look with a probability of `level`."""
        error = math.sqrt(self.variance)
        return error * _to_student(find_boundary(1 / self.variance, level), self.freedom)


def contrast_within(pairs: Sequence[tuple[Counts, Counts]]) -> ShareContrast | None:
    """Contrast two arms by agents who have cases in both; None where that is too little."""
    pairs = [(one, other) for one, other in pairs if one[1] > 0 and other[1] > 0]
    if len(pairs) < MIN_AGENTS or min(sum(pair[arm][1] for pair in pairs) for arm in (0, 1)) < MIN_CASES:
        return None
    spreads = [_pool_variance([pair[arm] for pair in pairs]) for arm in (0, 1)]
    effects = [
        (one[0] / one[1] - other[0] / other[1], spreads[0] / one[1] + spreads[1] / other[1]) for one, other in pairs
    ]
    return _combine([effects], WITHIN_DOUBT)


def contrast_between(one: Sequence[Counts], other: Sequence[Counts]) -> ShareContrast | None:
    """Contrast two arms, given the agents of each; None where that is too little."""
    groups = [[counts for counts in arm if counts[1] > 0] for arm in (one, other)]
    sizes = [len(group) for group in groups]
    if min(sizes) < MIN_AGENTS_AN_ARM or sum(sizes) < MIN_AGENTS_BETWEEN:
        return None
    if min(sum(of for _, of in group) for group in groups) < MIN_CASES:
        return None
    spreads = [_pool_variance(group) for group in groups]
    effects = [
        [(cases / of, spread / of) for cases, of in group] for group, spread in zip(groups, spreads, strict=True)
    ]
    return _combine(effects, BETWEEN_DOUBT)


def find_boundary(information: float, level: float) -> float:
    """Find how many standard errors a difference must be from the truth at this information, to refute it."""
    needed = math.log(1 / level)
    scale = math.sqrt(information)
    low, high = 0.0, 2.0
    while _measure_evidence(high, scale) < needed:
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if _measure_evidence(middle, scale) >= needed else (middle, high)
    return high


def _measure_evidence(score: float, scale: float) -> float:
    """Measure the logarithm of what the bets have won, where the difference is `score` standard errors off."""
    logs = [
        math.log(weight / 2) + sign * bet * scale * score - (bet * scale) ** 2 / 2
        for bet, weight in BETS
        for sign in (1, -1)
    ]
    top = max(logs)
    return top + math.log(sum(math.exp(each - top) for each in logs))


def _pool_variance(counts: Sequence[Counts]) -> float:
    """Pool the variance of a case within agents; that of all cases stands in where agents have few."""
    total = sum(of for _, of in counts)
    cases = sum(case for case, _ in counts)
    share = (cases + 1) / (total + 2)
    within = sum(case * (of - case) / of for case, of in counts)
    return (within + _PRIOR_CASES * share * (1 - share)) / (total - len(counts) + _PRIOR_CASES)


def _combine(groups: Sequence[Sequence[tuple[float, float]]], doubt: float) -> ShareContrast:
    """Combine effects with their variances: the mean of the first group, less that of the second if there is one."""
    freedom = sum(len(group) - 1 for group in groups)
    between = _estimate_between(groups, freedom + doubt * math.sqrt(2 * freedom))
    means, variance, shared = [], 0.0, 0.0
    for group in groups:
        weights = [1 / (own + between) for _, own in group]
        total = sum(weights)
        means.append(sum(weight * effect for weight, (effect, _) in zip(weights, group, strict=True)) / total)
        variance += 1 / total
        shared += between * sum(weight**2 for weight in weights) / total**2
    difference = means[0] - (means[1] if len(means) > 1 else 0.0)
    part = shared / variance
    return ShareContrast(difference=difference, variance=variance, freedom=math.inf if part == 0 else freedom / part**2)


def _estimate_between(groups: Sequence[Sequence[tuple[float, float]]], expected: float) -> float:
    """Estimate the variance of effects between agents, by moments: what their spread exceeds the expected one by."""
    spread = scale = 0.0
    for group in groups:
        weights = [1 / own for _, own in group]
        total = sum(weights)
        mean = sum(weight * effect for weight, (effect, _) in zip(weights, group, strict=True)) / total
        spread += sum(weight * (effect - mean) ** 2 for weight, (effect, _) in zip(weights, group, strict=True))
        scale += total - sum(weight**2 for weight in weights) / total
    return max(0.0, (spread - expected) / scale)


def _to_student(quantile: float, freedom: float) -> float:
    """Turn a normal quantile into that of Student's t of the same probability (Wallace, 1959, inverted)."""
    if math.isinf(freedom):
        return quantile
    shrunk = quantile * (8 * freedom + 3) / (8 * freedom + 1)
    return math.sqrt(freedom * math.expm1(shrunk**2 / freedom))

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
from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = tuple[float, float]
"""The cases of one agent, and of how many."""

Values = NDArray[np.float64]
Effects = tuple[Values, Values]
"""Each agent's effect, and its variance by chance."""

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

_SIGNED_BETS: Final = np.array([sign * bet for bet, _ in BETS for sign in (1, -1)])
_LOG_WEIGHTS: Final = np.log([weight / 2 for _, weight in BETS for _ in (1, -1)])


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
    if len(pairs) < MIN_AGENTS:
        return None
    arms = [np.array(arm) for arm in zip(*pairs, strict=True)]
    if min(arm[:, 1].sum() for arm in arms) < MIN_CASES:
        return None
    one, other = map(_measure_shares, arms)
    return _combine([(one[0] - other[0], one[1] + other[1])], WITHIN_DOUBT)


def contrast_between(one: Sequence[Counts], other: Sequence[Counts]) -> ShareContrast | None:
    """Contrast two arms, given the agents of each; None where that is too little."""
    arms = [np.array([counts for counts in arm if counts[1] > 0]).reshape(-1, 2) for arm in (one, other)]
    sizes = [len(arm) for arm in arms]
    if min(sizes) < MIN_AGENTS_AN_ARM or sum(sizes) < MIN_AGENTS_BETWEEN:
        return None
    if min(arm[:, 1].sum() for arm in arms) < MIN_CASES:
        return None
    return _combine([_measure_shares(arm) for arm in arms], BETWEEN_DOUBT)


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
    logs = _LOG_WEIGHTS + _SIGNED_BETS * scale * score - (_SIGNED_BETS * scale) ** 2 / 2
    return float(np.logaddexp.reduce(logs))


def _measure_shares(counts: Values) -> Effects:
    """Measure each agent's share, with its variance: that of a case is pooled within agents.

    The variance of all cases stands in where agents have few.
    """
    cases, of = counts.T
    share = (cases.sum() + 1) / (of.sum() + 2)
    within = (cases * (of - cases) / of).sum() + _PRIOR_CASES * share * (1 - share)
    return cases / of, within / (of.sum() - len(of) + _PRIOR_CASES) / of


def _combine(groups: Sequence[Effects], doubt: float) -> ShareContrast:
    """Combine effects with their variances: the mean of the first group, less that of the second if there is one."""
    freedom = sum(len(effects) - 1 for effects, _ in groups)
    between = _estimate_between(groups, freedom + doubt * math.sqrt(2 * freedom))
    weights = [1 / (own + between) for _, own in groups]
    means = [float(np.average(each, weights=weight)) for (each, _), weight in zip(groups, weights, strict=True)]
    variance = float(sum(1 / weight.sum() for weight in weights))
    part = float(sum(between * (weight @ weight) / weight.sum() ** 2 for weight in weights)) / variance
    return ShareContrast(
        difference=means[0] - sum(means[1:]),
        variance=variance,
        freedom=math.inf if part == 0 else freedom / part**2,
    )


def _estimate_between(groups: Sequence[Effects], expected: float) -> float:
    """Estimate the variance of effects between agents, by moments: what their spread exceeds the expected one by."""
    spread = scale = 0.0
    for effects, own in groups:
        weight = 1 / own
        spread += float(weight @ (effects - np.average(effects, weights=weight)) ** 2)
        scale += float(weight.sum() - weight @ weight / weight.sum())
    return max(0.0, (spread - expected) / scale)


def _to_student(quantile: float, freedom: float) -> float:
    """Turn a normal quantile into that of Student's t of the same probability (Wallace, 1959, inverted)."""
    if math.isinf(freedom):
        return quantile
    shrunk = quantile * (8 * freedom + 3) / (8 * freedom + 1)
    return math.sqrt(freedom * math.expm1(shrunk**2 / freedom))

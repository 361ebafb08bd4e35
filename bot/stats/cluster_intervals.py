"""Confidence intervals of shares, means and differences, clustered by agent.

Requests of one agent resemble each other, so they are no independent cases: the agents are. An interval is about agents
like these, also where a few of them made most of the requests. It has four parts.

- Agents weigh by what they tell: `n / (1 + (n - 1)·c)` for n cases of which two of one agent correlate by c, which the
  log tells (analysis of variance). With c = 0 that is by cases, with c = 1 each agent alike.
- The variance is the cluster-robust one of Bell and McCaffrey (CR2): with `w` the agent's weight, its residual is
  divided by `sqrt(1 - w)`, so that a large agent does not hide what it pulls.
- The quantile is Student's, with Satterthwaite's degrees of freedom: few, or unequally weighted, agents count as few.
- The value told is the log's own, all cases alike; the interval is widened to hold it.

The interval of a share is made on the logit scale, so that it stays between 0 and 1. Where all or no cases agree, there
is no variance to see: then only agents are counted, as the exact binomial bound of none in so many.

tests/bot/stats/test_cluster_intervals.py simulates how often such an interval holds the truth.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

CONFIDENCE: Final = 0.95
MIN_CLUSTERS: Final = 5
"""Below this many clusters there is no interval: it would be a guess about people who were never seen."""
SOUND_CLUSTERS: Final = 10
"""Below this many, and below this many cases for or against, an interval is told as exploratory."""
MIN_CASES: Final = 20

Reliability = Literal["sound", "exploratory", "not_enough_data"]
Values = NDArray[np.float64]
Part = Annotated[float, Field(ge=-1, le=1)]

_LARGEST_VARIANCE: Final = 0.25
"""Of a yes or no; it weighs clusters where the variance within them is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share, or a difference of two, with its 95 % interval.

    `value` is None where nothing was counted; `low` and `high` are where there is not enough data. `cases` of `of`, by
    `clusters` agents; both are sums of weights where cases are weighted.
    """

    value: Part | None
    low: Part | None = None
    high: Part | None = None
    cases: float
    of: Annotated[float, Field(ge=0)]
    clusters: int
    standing: Reliability = "not_enough_data"


def estimate_share(cases: Values, of: Values, *, counted: float | None = None) -> Estimate:
    """Estimate the share `cases` in `of`, both given per cluster, 0 ≤ cases ≤ of.

    `counted`: the number of cases, if `of` are weights.
    """
    cases, of = cases[of > 0], of[of > 0]
    total = float(of.sum())
    if total <= 0:
        return Estimate(value=None, cases=0.0, of=0.0, clusters=0)
    agreed = min(max(float(cases.sum()), 0.0), total)
    value = agreed / total
    plain = Estimate(value=value, cases=agreed, of=total, clusters=len(of))
    if len(of) < MIN_CLUSTERS or (total if counted is None else counted) < MIN_CASES:
        return plain
    if math.isclose(value, 0.0, abs_tol=1e-12) or math.isclose(value, 1.0, abs_tol=1e-12):
        return _bound_unanimous(plain, value)
    rate = _estimate_rate(cases, of, _correlate(cases, of, within=_pool_variance(cases, of)))
    if math.isclose(rate.mean, 0.0, abs_tol=1e-9) or math.isclose(rate.mean, 1.0, abs_tol=1e-9):
        return _bound_unanimous(plain, rate.mean)
    reach = rate.reach / (rate.mean * (1 - rate.mean))
    low, high = (_expit(_logit(rate.mean) + sign * reach) for sign in (-1, 1))
    return _add_interval(plain, low, high, sound=min(agreed, total - agreed) >= SOUND_CLUSTERS)


def estimate_mean(values: Values, of: Values, *, counted: float | None = None) -> Estimate:
    """Estimate the mean `sum(values) / sum(of)` a case, of values between -1 and 1; the interval is symmetric."""
    values, of = values[of > 0], of[of > 0]
    total = float(of.sum())
    if total <= 0:
        return Estimate(value=None, cases=0.0, of=0.0, clusters=0)
    plain = Estimate(value=float(values.sum()) / total, cases=float(values.sum()), of=total, clusters=len(of))
    if len(of) < MIN_CLUSTERS or (total if counted is None else counted) < MIN_CASES:
        return plain
    rate = _estimate_rate(values, of, _correlate(values, of, within=_LARGEST_VARIANCE))
    return _add_interval(plain, rate.mean - rate.reach, rate.mean + rate.reach, sound=True)


def estimate_difference(after: tuple[Values, Values], before: tuple[Values, Values]) -> Estimate:
    """Estimate the share `after` less the share `before`, each (cases, of) per cluster.

    Both hold the same clusters in the same places. What an agent does in both is compared with itself: its two
    residuals are taken together before they are squared.
    """
    totals = [float(of.sum()) for _, of in (after, before)]
    clusters = int(((after[1] > 0) | (before[1] > 0)).sum())
    if min(totals) <= 0:
        return Estimate(value=None, cases=0.0, of=0.0, clusters=clusters)
    shares = [float(cases.sum()) / total for (cases, _), total in zip((after, before), totals, strict=True)]
    plain = Estimate(value=shares[0] - shares[1], cases=float(after[0].sum()), of=totals[0], clusters=clusters)
    fewest = min(int((of > 0).sum()) for _, of in (after, before))
    if fewest < MIN_CLUSTERS or min(totals) < MIN_CASES:
        return plain
    one, other = (
        _estimate_rate(cases, of, _correlate(cases, of, within=_pool_variance(cases, of)))
        for cases, of in (after, before)
    )
    rate = _ClusteredRate(
        mean=one.mean - other.mean,
        influence=one.influence - other.influence,
        weight=(one.weight + other.weight) / 2,
    )
    low, high = max(-1.0, rate.mean - rate.reach), min(1.0, rate.mean + rate.reach)
    return _add_interval(plain, low, high, sound=fewest >= SOUND_CLUSTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and its 95% interval."""

    mean: float
    lower: float
    upper: float


def estimate_case_mean(values: Values, cluster: NDArray[np.int64]) -> Interval:
    """Estimate the mean of cases, all alike, given each one's cluster; infinite with fewer than two clusters."""
    _, dense = np.unique(cluster, return_inverse=True)
    of = np.asarray(np.bincount(dense), dtype=np.float64)
    if len(of) < 2:
        return Interval(mean=float(values.mean()), lower=-np.inf, upper=np.inf)
    sums = np.bincount(dense, weights=values).astype(np.float64)
    rate = _estimate_rate(sums, of, correlation=0.0)
    return Interval(mean=rate.mean, lower=rate.mean - rate.reach, upper=rate.mean + rate.reach)


def compute_student_quantile(freedom: float) -> float:
    """Compute how many standard errors a 95% interval reaches to each side, by Student's t."""
    from scipy.special import stdtrit  # SciPy takes a while to import

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


@dataclass(frozen=True, slots=True)
class _ClusteredRate:
    """A mean over clusters: each one's influence on it, adjusted by CR2, and its weight; the weights add up to 1."""

    mean: float
    influence: Values
    weight: Values

    @property
    def reach(self) -> float:
        """Distance of the ends of the interval from the mean."""
        return compute_student_quantile(_compute_freedom(self.weight)) * math.sqrt(
            float(self.influence @ self.influence)
        )


def _estimate_rate(totals: Values, of: Values, correlation: float) -> _ClusteredRate:
    """Estimate the mean of `totals / of` over clusters like these, of which two cases correlate so much."""
    rates = np.divide(totals, of, out=np.zeros_like(of), where=of > 0)
    weight = of / (1 + (np.maximum(of, 1.0) - 1) * correlation)
    weight /= weight.sum()
    mean = float(weight @ rates)
    return _ClusteredRate(mean, weight * (rates - mean) / np.sqrt(1 - weight), weight)


def _correlate(totals: Values, of: Values, within: float) -> float:
    """Estimate the correlation of two cases of one cluster, 0 to 1, by analysis of variance.

    `within`: the variance of the cases of one cluster.
    """
    totals, of = totals[of > 0], of[of > 0]
    total = float(of.sum())
    typical = (total - float(of @ of) / total) / (len(of) - 1)
    between = float(of @ (totals / of - float(totals.sum()) / total) ** 2) / (len(of) - 1)
    spread = between + (typical - 1) * within
    return min(1.0, max(0.0, (between - within) / spread)) if spread > 0 else 0.0


def _pool_variance(cases: Values, of: Values) -> float:
    """Pool the variance of the yes or no of a case, within clusters."""
    rates = np.divide(cases, of, out=np.zeros_like(of), where=of > 0)
    freedom = max(1.0, float(of.sum()) - len(of))
    return max(0.0, float(of @ (rates * (1 - rates)))) / freedom


def _add_interval(plain: Estimate, low: float, high: float, *, sound: bool) -> Estimate:
    """Add an interval to an estimate, wide enough to hold its value; sound only with SOUND_CLUSTERS clusters."""
    standing: Reliability = "sound" if sound and plain.clusters >= SOUND_CLUSTERS else "exploratory"
    assert plain.value is not None
    return replace(plain, low=min(low, plain.value), high=max(high, plain.value), standing=standing)


def _bound_unanimous(plain: Estimate, value: float) -> Estimate:
    """Bound a share that is 0 or 1 in all G clusters by the exact binomial bound of none in G.

    With 97.5 %, the next agent's share is below 1 - 0.025 ** (1 / G). Valid, and wide.
    """
    bound = 1 - ((1 - CONFIDENCE) / 2) ** (1 / plain.clusters)
    low, high = (0.0, bound) if value < 0.5 else (1 - bound, 1.0)
    return _add_interval(plain, low, high, sound=False)


def _compute_freedom(weight: Values) -> float:
    """Compute Satterthwaite's degrees of freedom of the variance; G - 1 where all G weights are equal.

    They are those of the estimate as a quadratic form of the clusters' rates, whose variances are 1 / weight.
    """
    part = weight / (1 - weight)
    return 1 / float(part**2 @ (1 - 2 * weight) + (part @ weight) ** 2)


def _logit(value: float) -> float:
    return math.log(value / (1 - value))


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0

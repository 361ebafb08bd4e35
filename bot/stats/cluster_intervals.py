"""Confidence intervals of shares, means and differences, clustered by agent.

Requests of one agent resemble each other, so they are no independent cases: the agents are. A share is a ratio of
totals, `sum(cases) / sum(of)`, over clusters (agents); its interval has three parts.

- The variance is the cluster-robust one of Bell and McCaffrey (CR2): with `h` the cluster's part of all cases, its
  residual `cases - share * of` is divided by `sqrt(1 - h)`, so that a large agent does not hide what it pulls.
- The quantile is Student's, with Satterthwaite's degrees of freedom for clusters that differ: few, or one that has most
  of the cases, count as few.
- The interval of a share is made on the logit scale, so that it stays between 0 and 1. Where all or no cases agree,
  there is no variance to see: then only agents are counted, as the exact binomial bound of none in so many.

`estimate_case_mean` is another estimator, of the mean of a log's cases: the cluster-robust variance without CR2, and
Student's quantile with one degree of freedom less than there are clusters.

tests/bot/stats/test_cluster_intervals.py simulates how often such an interval holds the truth.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

CONFIDENCE: Final = 0.95
MIN_CLUSTERS: Final = 5
"""Below this many clusters there is no interval: it would be a guess about people who were never seen."""
SOUND_CLUSTERS: Final = 10
"""Below this many, and below this many cases for or against, an interval is told as exploratory."""
MIN_CASES: Final = 20

Reliability = Literal["sound", "exploratory", "not_enough_data"]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share, or a difference of two, with its 95 % interval.

    `value` is None where nothing was counted; `low` and `high` are where there is not enough data. `cases` of `of`, by
    `clusters` agents; both are sums of weights where cases are weighted.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    cases: float
    of: float
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
    plain = Estimate(value=agreed / total, cases=agreed, of=total, clusters=len(of))
    if len(of) < MIN_CLUSTERS or (total if counted is None else counted) < MIN_CASES:
        return plain
    value = agreed / total
    if math.isclose(value, 0.0, abs_tol=1e-12) or math.isclose(value, 1.0, abs_tol=1e-12):
        return _bound_unanimous(plain, value)
    error = math.sqrt(_compute_variance(cases - value * of, of / total)) / total
    reach = _compute_quantile(of / total) * error / (value * (1 - value))
    low, high = (_expit(_logit(value) + sign * reach) for sign in (-1, 1))
    return _add_interval(plain, low, high, sound=min(agreed, total - agreed) >= SOUND_CLUSTERS)


def estimate_mean(values: Values, of: Values, *, counted: float | None = None) -> Estimate:
    """Estimate the mean `sum(values) / sum(of)` a case, of values that may be below 0; the interval is symmetric."""
    values, of = values[of > 0], of[of > 0]
    total = float(of.sum())
    if total <= 0:
        return Estimate(value=None, cases=0.0, of=0.0, clusters=0)
    value = float(values.sum()) / total
    plain = Estimate(value=value, cases=float(values.sum()), of=total, clusters=len(of))
    if len(of) < MIN_CLUSTERS or (total if counted is None else counted) < MIN_CASES:
        return plain
    error = math.sqrt(_compute_variance(values - value * of, of / total)) / total
    reach = _compute_quantile(of / total) * error
    return _add_interval(plain, value - reach, value + reach, sound=True)


def estimate_difference(after: tuple[Values, Values], before: tuple[Values, Values]) -> Estimate:
    """Estimate the share `after` less the share `before`, each (cases, of) per cluster.

    Both hold the same clusters in the same places.

    What an agent does in both is compared with itself: its two residuals are taken together before they are squared.
    """
    totals = [float(of.sum()) for _, of in (after, before)]
    present = (after[1] > 0) | (before[1] > 0)
    clusters = int(present.sum())
    if min(totals) <= 0:
        return Estimate(value=None, cases=0.0, of=0.0, clusters=clusters)
    shares = [float(cases.sum()) / total for (cases, _), total in zip((after, before), totals, strict=True)]
    value = shares[0] - shares[1]
    plain = Estimate(value=value, cases=float(after[0].sum()), of=totals[0], clusters=clusters)
    fewest = min(int((of > 0).sum()) for _, of in (after, before))
    if fewest < MIN_CLUSTERS or min(totals) < MIN_CASES:
        return plain
    parts = [
        ((cases - rate * of) / total / np.sqrt(1 - of / total))[present]
        for (cases, of), rate, total in zip((after, before), shares, totals, strict=True)
    ]
    residuals = parts[0] - parts[1]
    size = ((after[1] / totals[0] + before[1] / totals[1]) / 2)[present]
    reach = _compute_quantile(size) * math.sqrt(float(residuals @ residuals))
    return _add_interval(plain, max(-1.0, value - reach), min(1.0, value + reach), sound=fewest >= SOUND_CLUSTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and its 95% interval."""

    mean: float
    lower: float
    upper: float


def estimate_case_mean(values: Values, cluster: NDArray[np.int64]) -> Interval:
    """Estimate the mean of cases, given each one's cluster; with fewer than two clusters the interval is infinite."""
    mean = float(values.mean())
    _, dense = np.unique(cluster, return_inverse=True)
    clusters = int(dense.max()) + 1
    if clusters < 2:
        return Interval(mean=mean, lower=-np.inf, upper=np.inf)
    sums = np.bincount(dense, weights=values - mean)
    error = float(np.sqrt(np.sum(sums**2) * clusters / (clusters - 1))) / len(values)
    reach = compute_student_quantile(clusters - 1) * error
    return Interval(mean=mean, lower=mean - reach, upper=mean + reach)


def compute_student_quantile(freedom: float) -> float:
    """Compute how many standard errors a 95% interval reaches to each side, by Student's t."""
    from scipy.special import stdtrit  # SciPy takes a while to import

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def _add_interval(plain: Estimate, low: float, high: float, *, sound: bool) -> Estimate:
    """Add an interval to an estimate, sound only with SOUND_CLUSTERS clusters."""
    standing: Reliability = "sound" if sound and plain.clusters >= SOUND_CLUSTERS else "exploratory"
    return Estimate(
        value=plain.value,
        low=low,
        high=high,
        cases=plain.cases,
        of=plain.of,
        clusters=plain.clusters,
        standing=standing,
    )


def _bound_unanimous(plain: Estimate, value: float) -> Estimate:
    """Bound a share that is 0 or 1 in all G clusters by the exact binomial bound of none in G.

    With 97.5 %, the next agent's share is below 1 - 0.025 ** (1 / G). Valid, and wide.
    """
    bound = 1 - ((1 - CONFIDENCE) / 2) ** (1 / plain.clusters)
    low, high = (0.0, bound) if value < 0.5 else (1 - bound, 1.0)
    return _add_interval(plain, low, high, sound=False)


def _compute_variance(residuals: Values, part: Values) -> float:
    """Compute the CR2 variance of the sum of the residuals; `part` is each cluster's part of all cases."""
    adjusted = residuals / np.sqrt(1 - part)
    return float(adjusted @ adjusted)


def _compute_quantile(part: Values) -> float:
    """Compute Student's quantile with Satterthwaite's degrees of freedom.

    They are those of the variance's estimate as a quadratic form of the clusters' own shares: independent, equally
    variable, counted by their part of all cases.

    With d = part² / (1 - part), the form is diag(d) - part dᵀ - d partᵀ + (Σd) part partᵀ; traces without the matrix.
    """
    weight = part**2 / (1 - part)
    total, size, mixed, squares = weight.sum(), part @ part, part @ weight, weight @ weight
    trace = total - 2 * mixed + total * size
    trace_of_square = (
        squares
        - 4 * (weight * weight) @ part
        + 2 * total * (weight * part) @ part
        + 2 * mixed * mixed
        + 2 * size * squares
        - 4 * total * size * mixed
        + (total * size) ** 2
    )
    return compute_student_quantile(trace * trace / trace_of_square)


def _logit(value: float) -> float:
    return math.log(value / (1 - value))


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0

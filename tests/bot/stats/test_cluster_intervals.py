"""Intervals hold the truth about as often as they promise, for agents who differ; what is not known is not told."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.stats.cluster_intervals import Estimate, estimate_difference, estimate_mean, estimate_share

Counts = NDArray[np.float64]

SIMULATIONS = 1000


def counts(*values: float) -> Counts:
    return np.array(values, dtype=np.float64)


def wilson(cases: float, of: float) -> tuple[float, float]:
    """The usual interval, which takes each request for an independent case."""
    z, rate = 1.959964, cases / of
    centre = (rate + z * z / 2 / of) / (1 + z * z / of)
    reach = z / (1 + z * z / of) * np.sqrt(rate * (1 - rate) / of + z * z / 4 / of / of)
    return centre - reach, centre + reach


def draw_requests(rng: np.random.Generator, agents: int, *, uneven: bool) -> Counts:
    """How often each agent asks: much alike, or a few most of it."""
    if uneven:
        return np.floor(rng.lognormal(3.5, 1.1, agents)) + 1
    return rng.poisson(60, agents) + 1.0


def draw_cases(rng: np.random.Generator, of: Counts, truth: float, likeness: float) -> Counts:
    """How many each takes: each has a taste of their own, around the truth."""
    spread = (1 - likeness) / likeness
    tastes = rng.beta(truth * spread, (1 - truth) * spread, len(of))
    return rng.binomial(of.astype(int), tastes).astype(np.float64)


def holds(estimate: Estimate, truth: float) -> bool:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


# Low: what the simulation may come to. 95 % of 1,000 is 950; two standard errors of that are 1.4 points.
@pytest.mark.parametrize(
    ("agents", "truth", "likeness", "uneven", "low"),
    [
        (6, 0.5, 0.1, False, 0.935),
        (10, 0.8, 0.05, False, 0.93),
        (10, 0.3, 0.15, True, 0.94),
        (20, 0.5, 0.15, True, 0.94),
        (20, 0.1, 0.05, False, 0.925),
        (50, 0.7, 0.1, True, 0.935),
        (50, 0.5, 0.02, False, 0.935),
    ],
)
def test_coverage_is_near_what_is_promised_where_the_naive_interval_is_not(
    agents: int, truth: float, likeness: float, *, uneven: bool, low: float
) -> None:
    rng = np.random.default_rng(20261123)
    ours = naive = 0
    for _ in range(SIMULATIONS):
        of = draw_requests(rng, agents, uneven=uneven)
        cases = draw_cases(rng, of, truth, likeness)
        ours += holds(estimate_share(cases, of), truth)
        bottom, top = wilson(cases.sum(), of.sum())
        naive += bottom <= truth <= top
    assert low <= ours / SIMULATIONS <= 0.995
    assert naive / SIMULATIONS < 0.88


@pytest.mark.parametrize("first", [0.32, 0.7])
@pytest.mark.parametrize("likeness", [0.005, 0.1, 0.3])
def test_unequal_agents_are_neither_too_sure_nor_too_vague(first: float, likeness: float) -> None:
    """Twelve agents by Zipf's law, or one with most requests: as wide as an interval of the agents' plain mean."""
    rng = np.random.default_rng(16)
    of = np.floor(1200 / np.arange(1, 13) / 3.1) if first < 0.5 else np.array([840.0, *[33.0] * 11])
    hits, ours, plain = 0, [], []
    for _ in range(SIMULATIONS):
        cases = draw_cases(rng, of, 0.6, likeness)
        estimate = estimate_share(cases, of)
        hits += holds(estimate, 0.6)
        assert estimate.low is not None
        assert estimate.high is not None
        ours.append(estimate.high - estimate.low)
        plain.append(2 * 2.200985 * (cases / of).std(ddof=1) / np.sqrt(12))
    assert 0.93 <= hits / SIMULATIONS <= 0.98
    assert np.median(ours) <= 1.3 * np.median(plain)


@pytest.mark.parametrize(("agents", "uneven"), [(8, False), (20, True), (50, False)])
@pytest.mark.parametrize("change", [0.0, -0.1])
def test_the_coverage_of_a_difference_of_two_weeks_of_the_same_agents(
    agents: int, change: float, *, uneven: bool
) -> None:
    rng = np.random.default_rng(7)
    truth = float(np.mean(np.clip(rng.beta(5, 3, 1_000_000) + change, 0, 1))) - 5 / 8
    hits = 0
    for _ in range(SIMULATIONS):
        tastes = rng.beta(5, 3, agents)
        weeks = []
        for shift in (change, 0.0):
            of = draw_requests(rng, agents, uneven=uneven)
            weeks.append((rng.binomial(of.astype(int), np.clip(tastes + shift, 0, 1)).astype(np.float64), of))
        hits += holds(estimate_difference(weeks[0], weeks[1]), truth)
    assert hits / SIMULATIONS >= 0.92


def test_the_coverage_of_a_mean() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(SIMULATIONS):
        of = draw_requests(rng, 12, uneven=False)
        values = of * rng.normal(0.03, 0.05, 12) + rng.normal(0, 0.4, 12) * np.sqrt(of)
        hits += holds(estimate_mean(values, of), 0.03)
    assert 0.935 <= hits / SIMULATIONS <= 0.975


def test_equal_agents_give_what_the_textbook_gives() -> None:
    """With clusters of one size, CR2 is the variance of the clusters' means, and the degrees are G - 1."""
    rates = np.array([0.4, 0.5, 0.6, 0.7, 0.5, 0.3, 0.6, 0.4, 0.5, 0.5, 0.6, 0.4])
    estimate = estimate_share(rates * 50, np.full(12, 50.0))
    assert estimate.value == pytest.approx(0.5)
    error = rates.std(ddof=1) / np.sqrt(12)
    reach = 2.200985 * error / 0.25  # Student's, with 11 degrees
    assert estimate.low == pytest.approx(1 / (1 + np.exp(reach)), abs=1e-6)
    assert estimate.high == pytest.approx(1 / (1 + np.exp(-reach)), abs=1e-6)
    assert estimate.standing == "sound"


def test_what_is_too_little_gets_no_interval() -> None:
    four = estimate_share(counts(30, 20, 10, 25), counts(50, 50, 50, 50))
    assert (four.value, four.low, four.standing) == (0.425, None, "not_enough_data")
    few = estimate_share(np.ones(6), np.full(6, 2.0))
    assert (few.value, few.low, few.standing) == (0.5, None, "not_enough_data")
    none = estimate_share(np.zeros(0), np.zeros(0))
    assert (none.value, none.clusters, none.standing) == (None, 0, "not_enough_data")
    assert estimate_difference((np.ones(9), np.full(9, 5.0)), (np.zeros(9), np.zeros(9))).value is None
    assert estimate_mean(np.zeros(3), np.zeros(3)).value is None


def test_little_is_told_as_exploratory() -> None:
    rng = np.random.default_rng(1)
    assert estimate_share(rng.binomial(50, 0.5, 9).astype(float), np.full(9, 50.0)).standing == "exploratory"
    assert estimate_share(rng.binomial(50, 0.5, 10).astype(float), np.full(10, 50.0)).standing == "sound"
    rare = np.zeros(30)
    rare[:3] = 1
    assert estimate_share(rare, np.full(30, 50.0)).standing == "exploratory"


def test_agents_without_a_case_are_no_clusters() -> None:
    cases, of = counts(5, 3, 8, 0, 4, 6, 0), counts(10, 10, 10, 0, 10, 10, 0)
    assert estimate_share(cases, of).clusters == 5
    assert estimate_share(cases, of) == estimate_share(cases[of > 0], of[of > 0])


@pytest.mark.parametrize(("cases", "edge"), [(0.0, 0.0), (40.0, 1.0)])
def test_where_all_agree_only_agents_are_counted(cases: float, edge: float) -> None:
    estimate = estimate_share(np.full(20, cases), np.full(20, 40.0))
    assert estimate.value == edge
    assert estimate.standing == "exploratory"
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.high - estimate.low == pytest.approx(1 - 0.025 ** (1 / 20))
    assert 0 <= estimate.low < estimate.high <= 1


def test_one_who_has_nearly_all_counts_as_one() -> None:
    """Where agents differ, the others tell what agents like these do; the log's own share stays within."""
    of = np.array([5000.0, *[20.0] * 11])
    estimate = estimate_share(
        np.array([1000.0, *[14.0, 12.0, 16.0, 13.0, 15.0, 11.0, 17.0, 14.0, 12.0, 15.0, 14.0]]), of
    )
    assert estimate.value == pytest.approx(0.22, abs=0.01)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= estimate.value < 0.6 < estimate.high


def test_a_share_stays_between_0_and_1_for_anyone() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        of = np.floor(rng.lognormal(2, 2, int(rng.integers(5, 40)))) + 1
        cases = np.array([rng.integers(0, int(n) + 1) for n in of], dtype=float)
        estimate = estimate_share(cases, of)
        if estimate.low is not None and estimate.high is not None and estimate.value is not None:
            assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1

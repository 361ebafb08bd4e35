"""Intervals that hold at every look: the boundary, what is compared, and how often they are wrong."""

import math
import random
from dataclasses import replace
from itertools import accumulate

import pytest
from scipy import stats

from bot.stats.anytime_intervals import (
    BETS,
    Counts,
    contrast_between,
    contrast_within,
    find_boundary,
)

EVEN: list[tuple[Counts, Counts]] = [((30, 60), (24, 60))] * 8


def test_the_bets_weigh_one_together() -> None:
    assert sum(weight for _, weight in BETS) == pytest.approx(1)


@pytest.mark.parametrize("information", [10.0, 300.0, 2000.0, 50_000.0])
def test_the_boundary_is_where_the_bets_have_won_enough(information: float) -> None:
    scale, score = math.sqrt(information), find_boundary(information, 0.05)
    won = sum(weight * math.cosh(bet * scale * score) * math.exp(-((bet * scale) ** 2) / 2) for bet, weight in BETS)
    assert won == pytest.approx(20, rel=1e-6)
    assert score > 2.5, "wider than an interval for one look"
    assert find_boundary(information, 0.01) > score


def test_a_walk_without_drift_is_outside_at_any_of_many_looks_in_five_percent_at_most() -> None:
    rng, wrong = random.Random(20), 0
    steps = [40.0] * 50 + [400.0] * 10
    bounds = [math.sqrt(each) * find_boundary(each, 0.05) for each in accumulate(steps)]
    for _ in range(1000):
        walk = accumulate(rng.gauss(0, math.sqrt(step)) for step in steps)
        wrong += any(abs(at) > bound for at, bound in zip(walk, bounds, strict=True))
    assert wrong <= 50


def test_the_difference_of_agents_who_all_agree_is_theirs_and_known_as_if_of_one() -> None:
    found = contrast_within(EVEN)
    assert found is not None
    assert found.difference == pytest.approx(0.1)
    assert math.isinf(found.freedom)
    plain = 0.25 / 480 + 0.24 / 480
    assert found.variance == pytest.approx(plain, rel=0.05)


def test_agents_whom_different_arms_suit_widen_the_interval() -> None:
    mixed: list[tuple[Counts, Counts]] = [((48, 60), (24, 60)), ((18, 60), (30, 60))] * 4
    found, even = contrast_within(mixed), contrast_within(EVEN)
    assert found is not None
    assert even is not None
    assert found.difference == pytest.approx(even.difference, abs=0.01)
    assert found.compute_reach(0.05) > 3 * even.compute_reach(0.05)


def test_how_agents_differ_does_not_matter_where_each_has_both_arms() -> None:
    level = [((30 + shift, 60), (24 + shift, 60)) for shift in (-20, -10, 0, 10, 20)]
    within = contrast_within(level)
    between = contrast_between([one for one, _ in level], [other for _, other in level])
    assert within is not None
    assert between is not None
    assert within.difference == pytest.approx(0.1)
    assert between.difference == pytest.approx(0.1, abs=0.01)
    assert between.compute_reach(0.05) > 3 * within.compute_reach(0.05)


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [((30, 60), (24, 60))] * 4,
        [((3, 3), (2, 3))] * 5,
        [((30, 60), (0, 0))] * 8,
        [*[((0, 0), (24, 60))] * 8, *[((30, 60), (24, 60))] * 4],
    ],
)
def test_too_little_gives_no_contrast(pairs: list[tuple[Counts, Counts]]) -> None:
    assert contrast_within(pairs) is None


@pytest.mark.parametrize(("one", "other"), [(2, 9), (9, 2), (3, 4), (0, 9)])
def test_too_few_agents_in_an_arm_give_no_contrast(one: int, other: int) -> None:
    assert contrast_between([(30, 60)] * one, [(24, 60)] * other) is None
    assert contrast_between([(30, 60)] * 4, [(24, 60)] * 4) is not None


@pytest.mark.parametrize("accepted", [0, 60])
def test_where_all_agree_there_is_an_interval_all_the_same(accepted: int) -> None:
    found = contrast_within([((accepted, 60), (accepted, 60))] * 8)
    assert found is not None
    assert found.difference == 0
    assert 0 < found.compute_reach(0.05) < 0.1


@pytest.mark.parametrize("freedom", [4.0, 9.0, 30.0])
def test_few_agents_that_differ_take_students_quantile(freedom: float) -> None:
    found = contrast_within(EVEN)
    assert found is not None
    few = replace(found, freedom=freedom)
    normal = found.compute_reach(0.05) / math.sqrt(found.variance)
    student = few.compute_reach(0.05) / math.sqrt(few.variance)
    assert student == pytest.approx(stats.t(freedom).isf(stats.norm.sf(normal)), rel=0.03)

"""Orders and styles are drawn as probably as their propensities say."""

import math
import random
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ordering.shuffle import draw_styles, shuffle


def chi_squared(counts: Counter[object], cells: int) -> float:
    expected = counts.total() / cells
    return sum((counts[cell] - expected) ** 2 / expected for cell in counts) + (cells - len(counts)) * expected


def critical(freedom: int) -> float:
    """The 99.9th percentile of χ², by Wilson and Hilferty."""
    return freedom * (1 - 2 / (9 * freedom) + 3.09 * math.sqrt(2 / (9 * freedom))) ** 3


@pytest.mark.parametrize("shown", [2, 3, 4])
def test_every_order_is_as_probable_as_it_is_said_to_be(shown: int) -> None:
    rng = random.Random(11)
    ids = [str(n) for n in range(shown)]
    drawn = [shuffle(ids, rng) for _ in range(12_000)]
    orders = math.factorial(shown)
    assert {order.order_propensity for order in drawn} == {1 / orders}
    assert chi_squared(Counter(order.ids for order in drawn), orders) < critical(orders - 1)
    assert chi_squared(Counter(order.ids[0] for order in drawn), shown) < critical(shown - 1)
    assert {order.first_propensities for order in drawn} == {(1 / shown,) * shown}


@pytest.mark.parametrize(("styles", "k"), [(5, 1), (5, 2), (5, 3), (5, 5), (3, 4), (3, 10), (1, 10)])
def test_every_style_is_as_probable_as_it_is_said_to_be(styles: int, k: int) -> None:
    rng = random.Random(5)
    names = [f"s{n}" for n in range(styles)]
    times = 6_000
    draws = [draw_styles(names, k, rng) for _ in range(times)]
    assert {inclusion for _, inclusion in draws} == {min(1.0, k / styles)}
    included = Counter(name for drawn, _ in draws for name in set(drawn))
    for name in names:
        expected = times * min(1.0, k / styles)
        assert abs(included[name] - expected) <= 4 * math.sqrt(times) / 2


@pytest.mark.parametrize("styles", [3, 4])
def test_every_set_and_sequence_of_styles_is_equally_probable(styles: int) -> None:
    rng = random.Random(3)
    names = [f"s{n}" for n in range(styles)]
    drawn = Counter(tuple(draw_styles(names, 2, rng)[0]) for _ in range(12_000))
    assert set(drawn) == set(permutations(names, 2))
    assert chi_squared(drawn, len(drawn)) < critical(len(drawn) - 1)


def test_the_surplus_style_is_drawn_uniformly_and_placed_anywhere() -> None:
    rng = random.Random(9)
    draws = [draw_styles(["a", "b", "c"], 4, rng)[0] for _ in range(9_000)]
    twice = Counter(Counter(draw).most_common(1)[0][0] for draw in draws)
    assert chi_squared(twice, 3) < critical(2)
    assert chi_squared(Counter(draw[0] for draw in draws), 3) < critical(2)


@given(styles=st.integers(1, 8), k=st.integers(1, 10), seed=st.integers())
def test_styles_are_mixed_as_evenly_as_can_be(styles: int, k: int, seed: int) -> None:
    names = [f"s{n}" for n in range(styles)]
    drawn, inclusion = draw_styles(names, k, random.Random(seed))
    counts = Counter(drawn)
    assert len(drawn) == k
    assert all(k // styles <= counts[name] <= -(-k // styles) for name in names)
    assert inclusion == (1.0 if k >= styles else k / styles)


@given(ids=st.lists(st.text(), unique=True, max_size=10), seed=st.integers())
def test_an_order_holds_each_id_once_and_its_exact_probability(ids: list[str], seed: int) -> None:
    order = shuffle(ids, random.Random(seed))
    assert sorted(order.ids) == sorted(ids)
    if ids:
        assert order.order_propensity == 1 / math.factorial(len(ids))
        assert order.first_propensities == (1 / len(ids),) * len(ids)
    else:
        assert (order.order_propensity, order.first_propensities) == (None, ())


def test_the_given_sequences_are_left_as_they_are() -> None:
    names, ids = ["a", "b", "c"], ["x", "y", "z"]
    draw_styles(names, 3, random.Random(1))
    shuffle(ids, random.Random(1))
    assert (names, ids) == (["a", "b", "c"], ["x", "y", "z"])

"""What a policy says of its own chance is true: by adding up, and by drawing."""

import math
import random
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ordering.policies import EPSILON, OrderPolicy, PlackettLuce, Uniform, draw_order

SCORES = (0.4, -0.2, 0.1, 0.1)
POLICIES: tuple[OrderPolicy, ...] = (
    Uniform(),
    PlackettLuce(),
    PlackettLuce(epsilon=0.5, temperature=1.0),
    PlackettLuce(epsilon=1.0),
)
DRAWS = 20_000

finite = st.floats(-1e6, 1e6)


def chi_squared(counts: Counter[int], expected: dict[int, float]) -> float:
    return sum((counts[cell] - count) ** 2 / count for cell, count in expected.items())


def critical(freedom: int) -> float:
    """The 99.9th percentile of χ², by Wilson and Hilferty."""
    return freedom * (1 - 2 / (9 * freedom) + 3.09 * math.sqrt(2 / (9 * freedom))) ** 3


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_orders_come_as_often_as_they_are_said_to(policy: OrderPolicy) -> None:
    rng = random.Random(17)
    orders = {order: number for number, order in enumerate(permutations(range(4)))}
    drawn = [orders[tuple(policy.draw(SCORES, rng))] for _ in range(DRAWS)]
    expected = {number: DRAWS * policy.order_probability(SCORES, order) for order, number in orders.items()}
    assert math.isclose(sum(expected.values()), DRAWS)
    common = {number: count for number, count in expected.items() if count >= 5}
    common[-1] = DRAWS - sum(common.values()) + 1e-9
    counts = Counter(number if number in common else -1 for number in drawn)
    assert chi_squared(counts, common) < critical(len(common) - 1)


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_candidates_come_first_as_often_as_they_are_said_to(policy: OrderPolicy) -> None:
    rng = random.Random(19)
    firsts = Counter(policy.draw(SCORES, rng)[0] for _ in range(DRAWS))
    expected = {index: DRAWS * share for index, share in enumerate(policy.first_probabilities(SCORES))}
    assert chi_squared(firsts, expected) < critical(3)


@given(
    scores=st.lists(finite, min_size=1, max_size=5),
    epsilon=st.floats(0.001, 1),
    temperature=st.floats(0.001, 100),
)
def test_probabilities_add_up_whatever_the_scores(scores: list[float], epsilon: float, temperature: float) -> None:
    """Over orders to 1, over candidates to 1; no order is impossible; the first place agrees with the orders."""
    policy = PlackettLuce(epsilon=epsilon, temperature=temperature)
    orders = {order: policy.order_probability(scores, order) for order in permutations(range(len(scores)))}
    first = policy.first_probabilities(scores)
    assert math.isclose(sum(orders.values()), 1, abs_tol=1e-9)
    assert math.isclose(sum(first), 1, abs_tol=1e-9)
    assert min(orders.values()) >= epsilon / math.factorial(len(scores))
    for index, probability in enumerate(first):
        led = sum(chance for order, chance in orders.items() if order[0] == index)
        assert math.isclose(led, probability, abs_tol=1e-9)


@given(scores=st.lists(st.floats(-80, 80), min_size=1, max_size=10), shift=finite, seed=st.integers())
def test_an_order_has_each_candidate_once_with_what_belongs_to_it(scores: list[float], shift: float, seed: int) -> None:
    ids = [f"c{index}" for index in range(len(scores))]
    order = draw_order(ids, scores, policy=PlackettLuce(), ranker_version="v1", rng=random.Random(seed))
    assert sorted(order.ids) == sorted(ids)
    assert order.scores is not None
    assert dict(zip(order.ids, order.scores, strict=True)) == dict(zip(ids, scores, strict=True))
    assert (order.policy, order.ranker_version) == ("plackett_luce", "v1")
    assert order.policy_params == {"epsilon": 0.1, "temperature": 0.25}
    first = PlackettLuce().first_probabilities(scores)
    moved = PlackettLuce().first_probabilities([score + shift for score in scores])
    assert all(math.isclose(one, other, abs_tol=1e-6) for one, other in zip(moved, first, strict=True))


def test_the_logged_facts_suffice_to_reckon_the_probability_again() -> None:
    order = draw_order("abcd", SCORES, policy=PlackettLuce(), ranker_version="v1", rng=random.Random(3))
    assert order.scores is not None
    again = PlackettLuce(**order.policy_params)
    assert order.order_propensity == again.order_probability(order.scores, range(4))
    assert order.first_propensities == tuple(again.first_probabilities(order.scores))


def test_the_best_comes_first_more_often_and_never_always() -> None:
    first = PlackettLuce().first_probabilities([50.0, 0.0, 0.0])
    assert math.isclose(first[0], 1 - EPSILON + EPSILON / 3)
    assert math.isclose(first[1], EPSILON / 3)


@pytest.mark.parametrize("scores", [[math.nan, 0.0], [math.inf, 0.0], [0.0], [], [1e308, -1e308], [1000.0, 0.0]])
def test_scores_that_are_none_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="2 candidates have the scores"):
        draw_order("ab", scores, policy=PlackettLuce(), ranker_version="v1", rng=random.Random(1))


@pytest.mark.parametrize("wrong", [{"epsilon": 0.0}, {"epsilon": 1.5}, {"temperature": 0.0}, {"temperature": math.nan}])
def test_a_policy_without_chance_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        PlackettLuce(**wrong)

"""What another policy would have been worth: right on average, refused where too little is known."""

import random
from dataclasses import replace

import pytest

from bot.ordering.policies import PlackettLuce
from bot.ranking.choice_sets import ChoiceSet
from bot.ranking.off_policy import PolicyValue, PolicyValueRefusal, estimate_worth, list_uniform, rank_greedily
from tests.bot.ranking.logs import make_choice_sets

QUALITY = {"good": 1.0, "fair": 0.3, "poor": -0.5}
FIRST_IS_PICKED = {"good": 0.7, "fair": 0.4, "poor": 0.2}


def make_logged_sets(count: int, policy: PlackettLuce, *, agents: int = 20, seed: int = 3) -> list[ChoiceSet]:
    """Displays of three styles in an order of the policy; what stands first is picked as its style says."""
    rng = random.Random(seed)
    pattern = make_choice_sets(1)[0]
    names, found = list(QUALITY), []
    for number in range(count):
        order = policy.draw(list(QUALITY.values()), rng)
        first = policy.first_probabilities(list(QUALITY.values()))
        shown = tuple(
            replace(item, style=names[index], first_propensity=first[index])
            for item, index in zip(pattern.shown, order, strict=True)
        )
        picked = 0 if rng.random() < FIRST_IS_PICKED[shown[0].style] else 1
        found.append(replace(pattern, shown=shown, picked=picked, agent=f"T1/U{number % agents}"))
    return found


def list_targets(log: list[ChoiceSet], policy: PlackettLuce) -> list[list[float]]:
    return [policy.first_probabilities([QUALITY[item.style] for item in choice_set.shown]) for choice_set in log]


GREEDY = PlackettLuce(epsilon=1e-9, temperature=0.01)
LOGGED = PlackettLuce(epsilon=0.4, temperature=1.0)


def test_the_worth_of_a_policy_is_what_it_would_have_been() -> None:
    log = make_logged_sets(6000, LOGGED)
    best = estimate_worth(log, list_targets(log, GREEDY))
    assert isinstance(best, PolicyValue)
    assert best.lower < FIRST_IS_PICKED["good"] < best.upper
    chance = estimate_worth(log, [list_uniform(3)] * len(log))
    assert isinstance(chance, PolicyValue)
    assert chance.lower < sum(FIRST_IS_PICKED.values()) / 3 < chance.upper
    assert best.upper - best.lower < 0.1


def test_a_policy_against_another_is_their_difference_and_surer_than_that() -> None:
    log = make_logged_sets(6000, LOGGED)
    chance = [list_uniform(3)] * len(log)
    more = estimate_worth(log, list_targets(log, GREEDY), against=chance)
    assert isinstance(more, PolicyValue)
    assert more.lower < 0.7 - 1.3 / 3 < more.upper
    nothing = estimate_worth(log, chance, against=chance)
    assert isinstance(nothing, PolicyValue)
    assert (nothing.value, nothing.lower, nothing.upper) == (0, 0, 0)


def test_the_policy_of_the_log_is_worth_what_was_seen() -> None:
    log = make_logged_sets(2000, LOGGED)
    worth = estimate_worth(log, list_targets(log, LOGGED))
    assert isinstance(worth, PolicyValue)
    assert worth.value == pytest.approx(sum(choice_set.picked == 0 for choice_set in log) / len(log))
    assert worth.effective == pytest.approx(len(log))


def test_too_little_is_refused_with_its_reason() -> None:
    log = make_logged_sets(2000, LOGGED, agents=9)
    assert estimate_worth(log, list_targets(log, LOGGED)) == PolicyValueRefusal(
        reason="few_agents", effective=pytest.approx(2000), displays=2000, agents=9
    )
    few = make_logged_sets(90, LOGGED)
    found = estimate_worth(few, list_targets(few, LOGGED))
    assert isinstance(found, PolicyValueRefusal)
    assert (found.reason, found.displays) == ("few_effective", 90)
    unlogged = [
        replace(choice_set, shown=tuple(replace(item, first_propensity=None) for item in choice_set.shown))
        for choice_set in few
    ]
    assert estimate_worth(unlogged, list_targets(few, LOGGED)) == PolicyValueRefusal(
        reason="no_propensities", effective=0, displays=0, agents=0
    )
    assert isinstance(estimate_worth([], []), PolicyValueRefusal)


def test_displays_without_a_propensity_are_left_out() -> None:
    log = make_logged_sets(1000, LOGGED)
    silent = [replace(log[0], shown=tuple(replace(item, first_propensity=None) for item in log[0].shown))] * 500
    found = estimate_worth([*silent, *log], list_targets([*silent, *log], LOGGED))
    assert isinstance(found, PolicyValue)
    assert found.displays == 1000


def test_equal_scores_share_the_first_place() -> None:
    assert rank_greedily([1.0, 3.0, 3.0]) == [0, 0.5, 0.5]
    assert rank_greedily([2.0]) == [1]

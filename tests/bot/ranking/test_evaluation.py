"""Evaluation on what was not learned from: it finds what is there, and finds nothing where nothing is."""

from dataclasses import replace

import pytest

from bot.ranking.evaluation import HeldOutEvaluation, Split, evaluate
from bot.ranking.off_policy import PolicyValue, PolicyValueRefusal
from tests.bot.ranking.logs import make_choice_sets

TASTE = make_choice_sets(900, 15, taste=3.0)


def evaluate_held_out(split: Split = "person", *, found: tuple[object, ...] = TASTE) -> HeldOutEvaluation:
    result = evaluate(found, split, weights="picks")  # type: ignore[arg-type]
    assert result is not None
    return result


@pytest.mark.parametrize("split", ["person", "time"])
def test_a_taste_is_found_in_choices_that_were_held_out(split: Split) -> None:
    found = evaluate_held_out(split)
    assert found.gain.lower > 0
    assert found.log_likelihood.mean > found.position.mean > found.uniform.mean - 0.2
    assert found.whole.mean > found.whole_position.mean
    assert found.top_1.lower > found.top_1_uniform
    assert found.mrr.mean > found.top_1.mean
    assert found.below_first is not None
    assert found.below_first_uniform == pytest.approx(0.5)
    assert found.below_first.mean > 0.55


def test_every_display_is_held_out_once_by_person_and_a_part_by_time() -> None:
    assert evaluate_held_out("person").displays == len(TASTE)
    assert evaluate_held_out("time").displays == pytest.approx(0.3 * len(TASTE), abs=15)


def test_without_a_taste_nothing_is_found() -> None:
    found = evaluate_held_out(found=make_choice_sets(900, 15, taste=0.0))
    assert found.top_1.lower < found.top_1_uniform < found.top_1.upper
    assert found.gain.mean < 0.05


def test_predicted_probabilities_are_shares_of_picks() -> None:
    found = evaluate_held_out("time")
    assert found.calibration_error < 0.06
    assert sum(one.candidates for one in found.calibration) == 3 * found.displays


def test_an_order_is_worth_what_propensities_tell_or_nothing() -> None:
    assert isinstance(evaluate_held_out().worth, PolicyValueRefusal)
    logged = tuple(
        replace(one, shown=tuple(replace(item, first_propensity=1 / 3) for item in one.shown)) for one in TASTE
    )
    worth = evaluate_held_out(found=logged).worth
    assert isinstance(worth, PolicyValue)
    assert worth.lower > 0
    assert worth.effective >= 100


@pytest.mark.parametrize("found", [(), TASTE[:1], [one for one in TASTE if one.agent == TASTE[1].agent]])
def test_with_one_person_or_none_nobody_can_be_held_out(found: tuple[object, ...]) -> None:
    assert evaluate(found, "person", weights="picks") is None  # type: ignore[arg-type]


def test_one_persons_later_choices_can_be_held_out_and_are_called_exploratory() -> None:
    found = evaluate_held_out("time", found=tuple(one for one in TASTE if one.agent == TASTE[1].agent))
    assert found.exploratory
    assert found.agents == 1

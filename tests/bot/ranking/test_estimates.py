"""Contrasts of styles, with errors that know whose choices they are."""

import random

import pytest

from bot.ranking.estimates import LENGTH, estimate_effects
from tests.bot.ranking.logs import make_choice_sets, restyle


def test_a_style_that_is_picked_more_stands_out() -> None:
    found = [
        restyle(choice_set, *("warm" if index == choice_set.picked else "direct" for index in range(3)))
        for choice_set in make_choice_sets(600)
        if choice_set.picked is not None
    ]
    contrast = estimate_effects(found, weights="picks").contrast("styles", "warm", "direct")
    assert contrast.lower > 0
    assert contrast.lower < contrast.mean < contrast.upper


def test_styles_that_are_dealt_at_random_do_not_differ() -> None:
    rng = random.Random(3)
    found = [restyle(choice_set, *rng.sample(["warm", "direct", "plain"], 3)) for choice_set in make_choice_sets(600)]
    contrast = estimate_effects(found, weights="picks", without=LENGTH).contrast("styles", "warm", "plain")
    assert contrast.lower < 0 < contrast.upper
    assert contrast.error == pytest.approx(0.1, abs=0.07)


def test_below_ten_agents_errors_are_clustered_by_agent_and_day() -> None:
    assert estimate_effects(make_choice_sets(2000, agents=3), weights="picks").clustered_by == "agent_and_day"
    assert estimate_effects(make_choice_sets(60, agents=12), weights="picks").clustered_by == "agent"


def test_with_one_cluster_nothing_is_certain() -> None:
    contrast = estimate_effects(make_choice_sets(60, agents=1), weights="picks").contrast("styles", "warm", "direct")
    assert contrast.error == float("inf")


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="not in"):
        estimate_effects(make_choice_sets(60), weights="picks").contrast("styles", "warm", "unheard of")

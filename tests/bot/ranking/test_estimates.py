"""Contrasts of styles, with errors that know whose choices they are."""

import random
from collections.abc import Collection, Sequence

import pytest

from bot.ranking.choice_sets import ChoiceSet
from bot.ranking.clusters import cluster_choice_sets
from bot.ranking.contrasts import compare_effects
from bot.ranking.design import build_whole_design, drop_features
from bot.ranking.estimates import LENGTH, Effect, Estimates, estimate_effects
from tests.bot.ranking.logs import make_choice_sets, restyle


def estimate(found: Sequence[ChoiceSet], without: Collection[str] = ()) -> Estimates:
    return estimate_effects(drop_features(build_whole_design(found, "picks"), without), cluster_choice_sets(found))


def contrast(found: Estimates, one: str, other: str) -> Effect:
    return found.estimate(found.build_contrast("styles", one, other))


def test_a_style_that_is_picked_more_stands_out() -> None:
    found = [
        restyle(choice_set, *("warm" if index == choice_set.picked else "direct" for index in range(3)))
        for choice_set in make_choice_sets(600)
        if choice_set.picked is not None
    ]
    effect = contrast(estimate(found), "warm", "direct")
    assert 0 < effect.lower < effect.mean < effect.upper


def test_styles_that_are_dealt_at_random_do_not_differ() -> None:
    rng = random.Random(3)
    found = [restyle(choice_set, *rng.sample(["warm", "direct", "plain"], 3)) for choice_set in make_choice_sets(600)]
    effect = contrast(estimate(found, without=LENGTH), "warm", "plain")
    assert effect.lower < 0 < effect.upper
    assert (effect.upper - effect.mean) / 2 == pytest.approx(0.1, abs=0.07)


def test_below_ten_agents_errors_are_clustered_by_agent_and_day() -> None:
    assert cluster_choice_sets(make_choice_sets(2000, agents=3)).by == "agent_and_day"
    assert cluster_choice_sets(make_choice_sets(60, agents=12)).by == "agent"


def test_with_one_cluster_nothing_is_certain() -> None:
    assert {pair.effect for pair in compare_effects(make_choice_sets(60, agents=1), weights="picks").pairs} == {None}


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="not in"):
        estimate(make_choice_sets(60)).build_contrast("styles", "warm", "unheard of")

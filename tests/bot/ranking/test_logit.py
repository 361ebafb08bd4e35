"""The likelihood against finite differences, its fit against what is known, its predictions against simulation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from bot.ranking.choice_sets import Weights
from bot.ranking.design import Design, arrange, measure, names_of, scales_of, standardise
from bot.ranking.evaluation import nobody_known, positions_only
from bot.ranking.features import FloatArray, rarity
from bot.ranking.logit import (
    Parameters,
    curvature_of,
    expected,
    fit_logit,
    loss,
    precisions_of,
    predicted,
    probabilities,
    start_of,
    utilities,
    with_habits,
)
from tests.bot.ranking.logs import displays


def a_design(requests: int = 60, agents: int = 5, weights: Weights = "picks") -> Design:
    found = displays(requests, agents)
    raw = measure(found, rarity([display.conversation for display in found]))
    return arrange(found, standardise(raw, scales_of(raw)), names_of(found), weights)


def somewhere(design: Design, seed: int = 1) -> Parameters:
    rng = np.random.default_rng(seed)
    start = start_of(design)
    spread = np.array([[0.9, 0.2], [0.2, 0.5]])
    moved = start.moved(rng.normal(0, 0.3, len(start.shared)), rng.normal(0, 0.5, start.habits.shape))
    return replace(moved, spread=spread, habit_covariances=np.tile(spread, (len(start.habits), 1, 1)))


def flat_loss(flat: FloatArray, design: Design, at: Parameters) -> float:
    size = len(at.shared)
    moved = at.moved(flat[:size], flat[size:].reshape(at.habits.shape))
    return loss(design, moved, precisions_of(at))[0]


def test_the_gradient_is_that_of_the_loss() -> None:
    design = a_design()
    at = somewhere(design)
    _, by_shared, by_habits = loss(design, at, precisions_of(at))
    slopes = approx_fprime(np.zeros(len(by_shared) + by_habits.size), flat_loss, 1e-6, design, at)
    assert np.concatenate([by_shared, by_habits.ravel()]) == pytest.approx(slopes, abs=2e-3)


def test_the_curvature_is_that_of_the_gradient() -> None:
    design = a_design()
    at, curvature = somewhere(design), curvature_of(design, somewhere(design))
    size, step = len(at.shared), 1e-5
    for index in range(size):
        unit = np.eye(size)[index] * step
        _, there, habits = loss(design, at.moved(unit, np.zeros_like(at.habits)), np.zeros(size))
        _, here, before = loss(design, at.moved(-unit, np.zeros_like(at.habits)), np.zeros(size))
        assert curvature.shared[index] == pytest.approx((there - here) / (2 * step), abs=1e-3)
        assert curvature.cross[:, :, index] == pytest.approx((habits - before) / (2 * step), abs=1e-3)


def test_the_fit_is_at_the_top() -> None:
    design = a_design(300, 12)
    top = fit_logit(design)
    _, by_shared, by_habits = loss(design, top, precisions_of(top))
    assert np.abs(by_shared).max() < 0.05
    assert np.abs(by_habits).max() < 0.05


def test_probabilities_of_a_set_and_of_none_add_up_to_one() -> None:
    design = a_design()
    for p, none in (predicted(design, somewhere(design)), expected(design, somewhere(design))):
        assert np.add.reduceat(p, design.starts) + none == pytest.approx(np.ones(len(none)))


def test_huge_utilities_stay_numbers() -> None:
    design = a_design()
    p, none = probabilities(design, np.full(len(design.x), 900.0), np.full(len(design.sizes), -900.0))
    assert np.isfinite(p).all()
    assert none.max() == 0.0


def test_an_unknown_persons_choice_is_averaged_over_the_population() -> None:
    design = a_design()
    strangers = replace(design, agent=np.full_like(design.agent, len(design.names.agents)))
    at = somewhere(design)
    p, none = expected(strangers, at)
    rng = np.random.default_rng(5)
    rows, outside = utilities(strangers, at)
    drawn = rng.multivariate_normal(np.zeros(2), at.spread, size=4000)
    simulated = [
        probabilities(strangers, *with_habits(strangers, rows, outside, np.tile(habits, (len(none), 1))))[1]
        for habits in drawn
    ]
    assert none == pytest.approx(np.mean(simulated, axis=0), abs=0.012)
    assert p.min() > 0


def test_a_person_who_always_takes_the_first_is_known_by_it() -> None:
    found = displays(400, 8)
    loyal = found[3].agent
    first = [replace(one, picked=0) if one.agent == loyal else one for one in found]
    raw = measure(first, rarity([display.conversation for display in first]))
    design = arrange(first, standardise(raw, scales_of(raw)), names_of(first), "picks")
    habits = fit_logit(design).habits[:, 0]
    assert int(habits.argmax()) == design.names.agents.index(loyal)


def test_of_positions_only_no_text_is_known() -> None:
    design = positions_only(a_design())
    p, _ = predicted(nobody_known(design), fit_logit(nobody_known(design)))
    assert np.unique(p.reshape(-1, 3).round(9), axis=0).shape == (1, 3)


def test_a_choice_of_weight_two_is_two_choices() -> None:
    design = a_design(40, 3)
    twice = replace(design, weight=np.full_like(design.weight, 2.0))
    at = somewhere(design)
    zero = np.zeros(len(at.shared))
    no_habits = replace(at, habits=np.zeros_like(at.habits))
    assert loss(twice, no_habits, zero)[0] == pytest.approx(2 * loss(design, no_habits, zero)[0])

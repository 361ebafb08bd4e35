"""The likelihood against finite differences, its fit against what is known, its predictions against simulation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from bot.ranking.design import Design, build_whole_design, drop_agents, keep_positions_only
from bot.ranking.features import FloatArray
from bot.ranking.logit import (
    Parameters,
    add_random_effects,
    compute_curvature,
    compute_loss,
    compute_precisions,
    compute_probabilities,
    compute_utilities,
    fit_logit,
    initialise_parameters,
    predict_at_mode,
    predict_marginal,
)
from tests.bot.ranking.logs import make_choice_sets


def make_design(requests: int = 60, agents: int = 5) -> Design:
    return build_whole_design(make_choice_sets(requests, agents), "picks")


def draw_parameters(design: Design, seed: int = 1) -> Parameters:
    rng = np.random.default_rng(seed)
    start = initialise_parameters(design)
    spread = np.array([[0.9, 0.2], [0.2, 0.5]])
    moved = start.add_step(rng.normal(0, 0.3, len(start.shared)), rng.normal(0, 0.5, start.random_effects.shape))
    return replace(moved, spread=spread, random_effect_covariances=np.tile(spread, (len(start.random_effects), 1, 1)))


def compute_flat_loss(flat: FloatArray, design: Design, at: Parameters) -> float:
    size = len(at.shared)
    moved = at.add_step(flat[:size], flat[size:].reshape(at.random_effects.shape))
    return compute_loss(design, moved, compute_precisions(at))[0]


def test_the_gradient_is_that_of_the_loss() -> None:
    design = make_design()
    at = draw_parameters(design)
    _, by_shared, by_random_effects = compute_loss(design, at, compute_precisions(at))
    slopes = approx_fprime(np.zeros(len(by_shared) + by_random_effects.size), compute_flat_loss, 1e-6, design, at)
    assert np.concatenate([by_shared, by_random_effects.ravel()]) == pytest.approx(slopes, abs=2e-3)


def test_the_curvature_is_that_of_the_gradient() -> None:
    design = make_design()
    at, curvature = draw_parameters(design), compute_curvature(design, draw_parameters(design))
    size, step = len(at.shared), 1e-5
    for index in range(size):
        unit = np.eye(size)[index] * step
        _, there, random_effects = compute_loss(
            design, at.add_step(unit, np.zeros_like(at.random_effects)), np.zeros(size)
        )
        _, here, before = compute_loss(design, at.add_step(-unit, np.zeros_like(at.random_effects)), np.zeros(size))
        assert curvature.shared[index] == pytest.approx((there - here) / (2 * step), abs=1e-3)
        assert curvature.cross[:, :, index] == pytest.approx((random_effects - before) / (2 * step), abs=1e-3)


def test_the_fit_is_at_the_top() -> None:
    design = make_design(300, 12)
    top = fit_logit(design)
    _, by_shared, by_random_effects = compute_loss(design, top, compute_precisions(top))
    assert np.abs(by_shared).max() < 0.05
    assert np.abs(by_random_effects).max() < 0.05


def test_probabilities_of_a_set_and_of_none_add_up_to_one() -> None:
    design = make_design()
    for p, none in (
        predict_at_mode(design, draw_parameters(design)),
        predict_marginal(design, draw_parameters(design)),
    ):
        assert np.add.reduceat(p, design.starts) + none == pytest.approx(np.ones(len(none)))


def test_huge_utilities_stay_numbers() -> None:
    design = make_design()
    p, none = compute_probabilities(design, np.full(len(design.x), 900.0), np.full(len(design.sizes), -900.0))
    assert np.isfinite(p).all()
    assert none.max() == 0.0


def test_an_unknown_persons_choice_is_averaged_over_the_population() -> None:
    design = make_design()
    strangers = replace(design, agent=np.full_like(design.agent, len(design.names.agents)))
    at = draw_parameters(design)
    p, none = predict_marginal(strangers, at)
    rng = np.random.default_rng(5)
    rows, outside = compute_utilities(strangers, at)
    drawn = rng.multivariate_normal(np.zeros(2), at.spread, size=4000)
    simulated = [
        compute_probabilities(
            strangers, *add_random_effects(strangers, rows, outside, np.tile(random_effects, (len(none), 1)))
        )[1]
        for random_effects in drawn
    ]
    assert none == pytest.approx(np.mean(simulated, axis=0), abs=0.012)
    assert p.min() > 0


def test_a_person_who_always_takes_the_first_is_known_by_it() -> None:
    found = make_choice_sets(400, 8)
    loyal = found[3].agent
    first = [replace(one, picked=0) if one.agent == loyal else one for one in found]
    design = build_whole_design(first, "picks")
    random_effects = fit_logit(design).random_effects[:, 0]
    assert int(random_effects.argmax()) == design.names.agents.index(loyal)


def test_of_positions_only_no_text_is_known() -> None:
    design = keep_positions_only(make_design())
    p, _ = predict_at_mode(drop_agents(design), fit_logit(drop_agents(design)))
    assert np.unique(p.reshape(-1, 3).round(9), axis=0).shape == (1, 3)


def test_a_choice_of_weight_two_is_two_choices() -> None:
    design = make_design(40, 3)
    twice = replace(design, weight=np.full_like(design.weight, 2.0))
    at = draw_parameters(design)
    zero = np.zeros(len(at.shared))
    no_random_effects = replace(at, random_effects=np.zeros_like(at.random_effects))
    assert compute_loss(twice, no_random_effects, zero)[0] == pytest.approx(
        2 * compute_loss(design, no_random_effects, zero)[0]
    )

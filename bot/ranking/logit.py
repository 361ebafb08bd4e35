"""The conditional logit with an outside option and persons' habits: likelihood, gradient, fit, habits' spread.

    U_i    = w·x_i + a_style(i) + a_model(i) + a_prompt + b_position(i) + Σ_r h_person,r · z_i,r
    U_none = c0 + c1·log K + h_person,none
    P(i)   = exp(U_i) / (Σ_j exp(U_j) + exp(U_none))

Priors are normal with mean 0. Habits h_person ~ N(0, S); S is learned (EM with Laplace's approximation).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize

from bot.ranking.design import HABITS, Design
from bot.ranking.features import Array

PRIOR_DEVIATION: Final = {"features": 0.1, "styles": 0.5, "models": 0.5, "prompts": 0.5, "positions": 0.5, "none": 2.0}
HABIT_VARIANCE: Final = 0.64
"""Of each habit, before there is anything to learn it from."""

PRIOR_PERSONS: Final = 4.0
"""How many persons' worth the prior of the spread of habits is."""

ROUNDS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Effects by index; `habits` a row a person; `habit_covariances` how uncertain each person's are."""

    features: Array
    styles: Array
    models: Array
    prompts: Array
    positions: Array
    none: Array  # c0, c1
    habits: Array  # (agents, HABITS)
    habit_covariances: Array  # (agents, HABITS, HABITS)
    spread: Array  # (HABITS, HABITS): S


def fit_logit(design: Design) -> Parameters:
    """The most probable parameters, with the spread of habits learned from these persons."""
    layout = _Layout(design)
    spread = HABIT_VARIANCE * np.eye(len(HABITS))
    theta = np.zeros(layout.size)
    covariances = np.zeros((layout.agents, len(HABITS), len(HABITS)))
    for _ in range(ROUNDS):
        theta = _maximise(design, layout, theta, spread)
        covariances = _habit_covariances(design, layout, theta, spread)
        learned = _spread(layout.habits(theta), covariances)
        settled = np.abs(learned - spread).max() < 0.01 * HABIT_VARIANCE
        spread = learned
        if settled:
            break
    return layout.parameters(theta, covariances, spread)


def utilities(design: Design, parameters: Parameters) -> tuple[Array, Array]:
    """Of each candidate, (N,), and of taking none, (D,), for a person whose habits are all 0."""
    rows = (
        design.x @ parameters.features
        + _known(parameters.styles)[design.style]
        + _known(parameters.models)[design.model]
        + parameters.positions[design.position]
        + np.repeat(_known(parameters.prompts)[design.prompt], design.sizes)
    )
    return rows, parameters.none[0] + parameters.none[1] * np.log(design.sizes)


def with_habits(design: Design, rows: Array, none: Array, habits: Array) -> tuple[Array, Array]:
    """The same for persons with habits, given a row a set."""
    pull = np.where(design.position == 0, np.repeat(habits[:, 0], design.sizes), 0.0)
    return rows + pull, none + habits[:, 1]


def predicted(design: Design, parameters: Parameters) -> tuple[Array, Array]:
    """Of each candidate and of none, for the persons as they are known; an unknown one's habits are 0."""
    habits = np.vstack([parameters.habits, np.zeros(len(HABITS))])[design.agent]
    return probabilities(design, *with_habits(design, *utilities(design, parameters), habits))


def probabilities(design: Design, rows: Array, none: Array) -> tuple[Array, Array]:
    """Of each candidate and of none, from utilities."""
    top = np.maximum(np.maximum.reduceat(rows, design.starts), none)
    exp_rows = np.exp(rows - np.repeat(top, design.sizes))
    exp_none = np.exp(none - top)
    total = np.add.reduceat(exp_rows, design.starts) + exp_none
    return exp_rows / np.repeat(total, design.sizes), exp_none / total


def _known(effects: Array) -> Array:
    """With an unknown name's effect, 0, at the end."""
    return np.append(effects, 0.0)


def _maximise(design: Design, layout: "_Layout", theta: Array, spread: Array) -> Array:
    precision = np.linalg.inv(spread)
    flat = 1e-5 * max(1.0, float(design.weight.sum()) ** 0.5)
    found = minimize(
        _loss, theta, args=(design, layout, precision), jac=True, method="L-BFGS-B",
        options={"maxiter": 500, "maxcor": 20, "ftol": 1e-10, "gtol": flat},
    )  # fmt: skip
    return np.asarray(found.x, dtype=np.float64)


def _loss(theta: Array, design: Design, layout: "_Layout", precision: Array) -> tuple[float, Array]:
    """The negative log posterior and its gradient."""
    parameters = layout.parameters(theta)
    p, p_none = predicted(design, parameters)
    is_picked = design.picked >= 0
    chosen = np.where(is_picked, p[design.picked], p_none)
    weight = np.repeat(design.weight, design.sizes)
    g = weight * p
    g[design.picked[is_picked]] -= design.weight[is_picked]
    g_none = design.weight * (p_none - ~is_picked)
    penalised = layout.habits(theta) @ precision
    value = -np.sum(design.weight * np.log(np.maximum(chosen, 1e-300)))
    value += 0.5 * np.sum(layout.precisions * theta**2) + 0.5 * np.sum(penalised * layout.habits(theta))
    gradient = layout.gradient(design, g, g_none) + layout.precisions * theta
    gradient[layout.fixed :] += penalised.ravel()
    return float(value), gradient


def _habit_covariances(design: Design, layout: "_Layout", theta: Array, spread: Array) -> Array:
    """Laplace: of each person, the inverse of the negative log posterior's curvature in their habits."""
    parameters = layout.parameters(theta)
    p, p_none = predicted(design, parameters)
    first = p[design.starts]
    curvature = np.empty((layout.agents, 2, 2))
    for (i, j), values in {
        (0, 0): first * (1 - first), (1, 1): p_none * (1 - p_none), (0, 1): -first * p_none,
    }.items():  # fmt: skip
        summed = np.bincount(design.agent, weights=design.weight * values, minlength=layout.agents + 1)
        curvature[:, i, j] = curvature[:, j, i] = summed[: layout.agents]
    return np.asarray(np.linalg.inv(curvature + np.linalg.inv(spread)), dtype=np.float64)


def _spread(habits: Array, covariances: Array) -> Array:
    """EM's step, with a prior worth a few persons."""
    seen = habits.T @ habits + covariances.sum(axis=0)
    return np.asarray(
        (PRIOR_PERSONS * HABIT_VARIANCE * np.eye(len(HABITS)) + seen) / (PRIOR_PERSONS + len(habits)), dtype=np.float64
    )


class _Layout:
    """Where each effect stands in the vector that is optimised."""

    def __init__(self, design: Design) -> None:
        names = design.names
        sizes = {
            "features": design.x.shape[1],
            "styles": len(names.styles),
            "models": len(names.models),
            "prompts": len(names.prompts),
            "positions": names.positions,
            "none": 2,
        }
        ends = np.cumsum(list(sizes.values()))
        self._slices = {
            name: slice(int(end) - size, int(end)) for (name, size), end in zip(sizes.items(), ends, strict=True)
        }
        self.agents = len(names.agents)
        self.fixed = int(ends[-1])
        self.size = self.fixed + self.agents * len(HABITS)
        self.precisions = np.zeros(self.size)
        for name, place in self._slices.items():
            self.precisions[place] = PRIOR_DEVIATION[name] ** -2

    def habits(self, theta: Array) -> Array:
        return theta[self.fixed :].reshape(self.agents, len(HABITS))

    def parameters(self, theta: Array, covariances: Array | None = None, spread: Array | None = None) -> Parameters:
        return Parameters(
            **{name: theta[place] for name, place in self._slices.items()},
            habits=self.habits(theta),
            habit_covariances=np.zeros((self.agents, 2, 2)) if covariances is None else covariances,
            spread=np.eye(2) if spread is None else spread,
        )

    def gradient(self, design: Design, g: Array, g_none: Array) -> Array:
        """From the derivatives by each row's utility and by each set's outside option."""
        by_set = np.add.reduceat(g, design.starts)
        parts = {
            "features": design.x.T @ g,
            "styles": np.bincount(design.style, weights=g, minlength=len(design.names.styles) + 1)[:-1],
            "models": np.bincount(design.model, weights=g, minlength=len(design.names.models) + 1)[:-1],
            "prompts": np.bincount(design.prompt, weights=by_set, minlength=len(design.names.prompts) + 1)[:-1],
            "positions": np.bincount(design.position, weights=g, minlength=design.names.positions),
            "none": np.array([g_none.sum(), g_none @ np.log(design.sizes)]),
        }
        habits = np.stack([
            np.bincount(design.agent, weights=values, minlength=self.agents + 1)[:-1]
            for values in (g[design.starts], g_none)
        ], axis=1)  # fmt: skip
        return np.concatenate([*parts.values(), habits.ravel()])

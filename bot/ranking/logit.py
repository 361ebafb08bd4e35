"""The conditional logit with an outside option and random effects a person: likelihood, fit, prediction.

    U_i    = w·x_i + a_style(i) + a_model(i) + a_prompt + b_position(i) + u_person·[position = 1]
    U_none = c0 + c1·log K + v_person
    P(i)   = exp(U_i) / (Σ_j exp(U_j) + exp(U_none))

Priors are normal with mean 0. (u, v) ~ N(0, S). S and the variance of the w are learned (EM with Laplace's
approximation), so that few choices move little. Given them the log posterior is concave, and Newton's method finds its
top; the curvature is an arrow (effects that all share, and a 2 by 2 block a person), so that a step costs as much for
ten thousand persons as for ten.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from bot.ranking.design import Design, IntArray
from bot.ranking.features import FloatArray

if TYPE_CHECKING:
    from scipy import sparse

PRIOR_DEVIATION: Final = {
    "features": 0.035,
    "styles": 0.5,
    "models": 0.5,
    "prompts": 0.5,
    "positions": 0.5,
    "none": 2.0,
}
RANDOM_EFFECTS: Final = 2
RANDOM_EFFECT_VARIANCE: Final = 0.64
"""Of each random effect, before there is anything to learn it from."""

PRIOR_FEATURES: Final = 15.0
"""How many features' worth the prior of their variance is: with many choices they may grow, with few they hardly do."""

PRIOR_PERSONS: Final = 4.0
"""How many persons' worth the prior of the spread of random effects is."""

_STEPS: Final = 60
_SETTLED: Final = 1e-3
_RELEARNED: Final = 0.01
_LAST_STEPS: Final = 3
_SHORTEST: Final = 1e-4
_STALE: Final = 0.05
"""The curvature is computed anew where a step changes an effect by more than this."""

_CHUNK: Final = 10_000
_NODES: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Effects by index, with the learned variances.

    `random_effects` has a row (u, v) a person, and `random_effect_covariances` the posterior covariance of each.
    """

    features: FloatArray
    styles: FloatArray
    models: FloatArray
    prompts: FloatArray
    positions: FloatArray
    none: FloatArray  # c0, c1
    random_effects: FloatArray  # (agents, 2)
    random_effect_covariances: FloatArray  # (agents, 2, 2)
    spread: FloatArray  # (2, 2): S
    text_variance: FloatArray  # (1,): of the effects of features

    @property
    def shared(self) -> FloatArray:
        """The effects that all persons share, end to end in the order of PRIOR_DEVIATION."""
        return np.concatenate([getattr(self, kind) for kind in PRIOR_DEVIATION])

    def add_step(self, shared: FloatArray, random_effects: FloatArray) -> "Parameters":
        ends = np.cumsum([len(getattr(self, kind)) for kind in PRIOR_DEVIATION])[:-1]
        parts = np.split(self.shared + shared, ends)
        return replace(
            self, **dict(zip(PRIOR_DEVIATION, parts, strict=True)), random_effects=self.random_effects + random_effects
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Curvature:
    """Minus the log-likelihood's second derivatives at some parameters; priors are not in it."""

    shared: FloatArray  # (P, P)
    cross: FloatArray  # (agents, 2, P)
    random_effects: FloatArray  # (agents, 2, 2)


def fit_logit(design: Design) -> Parameters:
    """Find the most probable parameters; the variances of random effects and of text are learned on the way."""
    parameters = initialise_parameters(design)
    curvature = compute_curvature(design, parameters)
    for _ in range(_STEPS):
        before, parameters = parameters, _take_step(design, parameters, curvature)
        change = np.abs(parameters.shared - before.shared).max()
        change = max(change, np.abs(parameters.random_effects - before.random_effects).max(initial=0.0))
        parameters = _learn_variances(parameters, curvature)
        if change < _SETTLED and _measure_variance_change(before, parameters) < _RELEARNED:
            break
        if change > _STALE:
            curvature = compute_curvature(design, parameters)
    for _ in range(_LAST_STEPS):
        parameters = _take_step(design, parameters, curvature)
    covariances = _compute_covariances(parameters, compute_curvature(design, parameters))
    return replace(parameters, random_effect_covariances=covariances)


def initialise_parameters(design: Design) -> Parameters:
    """Start with all effects 0, and the variances at their priors."""
    names, agents = design.names, len(design.names.agents)
    return Parameters(
        features=np.zeros(design.x.shape[1]),
        styles=np.zeros(len(names.styles)),
        models=np.zeros(len(names.models)),
        prompts=np.zeros(len(names.prompts)),
        positions=np.zeros(names.positions),
        none=np.zeros(2),
        random_effects=np.zeros((agents, RANDOM_EFFECTS)),
        random_effect_covariances=np.tile(RANDOM_EFFECT_VARIANCE * np.eye(RANDOM_EFFECTS), (agents, 1, 1)),
        spread=RANDOM_EFFECT_VARIANCE * np.eye(RANDOM_EFFECTS),
        text_variance=np.array([PRIOR_DEVIATION["features"] ** 2]),
    )


def compute_precisions(parameters: Parameters) -> FloatArray:
    """Compute 1 / variance of the priors of the shared effects, (P,)."""
    sizes = [len(getattr(parameters, kind)) for kind in PRIOR_DEVIATION]
    variances = {kind: deviation**2 for kind, deviation in PRIOR_DEVIATION.items()}
    variances["features"] = float(parameters.text_variance[0])
    return np.repeat([1 / variance for variance in variances.values()], sizes)


def compute_qualities(design: Design, parameters: Parameters) -> FloatArray:
    """Compute each candidate's quality, (N,): w·x + a_style + a_model + a_prompt."""
    effects = (parameters.styles, parameters.models, parameters.prompts)
    named = [np.append(each, 0.0)[index] for each, (index, _) in zip(effects, design.indices, strict=False)]
    return np.asarray(design.x @ parameters.features + sum(named), dtype=np.float64)


def compute_utilities(design: Design, parameters: Parameters) -> tuple[FloatArray, FloatArray]:
    """Compute the utilities of candidates, (N,), and of taking none, (D,), with random effects of 0."""
    rows = compute_qualities(design, parameters) + parameters.positions[design.position]
    return rows, parameters.none[0] + parameters.none[1] * np.log(design.sizes)


def add_random_effects(
    design: Design, rows: FloatArray, none: FloatArray, random_effects: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Add random effects, given as a row (u, v) a set, to utilities."""
    rows = rows.copy()
    rows[design.starts] += random_effects[:, 0]
    return rows, none + random_effects[:, 1]


def compute_probabilities(design: Design, rows: FloatArray, none: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute the probabilities of each candidate, (N,), and of none, (D,), from utilities."""
    top = np.maximum(np.maximum.reduceat(rows, design.starts), none)
    exp_rows = np.exp(rows - np.repeat(top, design.sizes))
    exp_none = np.exp(none - top)
    total = np.add.reduceat(exp_rows, design.starts) + exp_none
    return exp_rows / np.repeat(total, design.sizes), exp_none / total


def predict_at_mode(design: Design, parameters: Parameters) -> tuple[FloatArray, FloatArray]:
    """Predict probabilities at each person's most probable random effects; an unknown person's are 0."""
    random_effects = np.vstack([parameters.random_effects, np.zeros(RANDOM_EFFECTS)])[design.agent]
    return compute_probabilities(
        design, *add_random_effects(design, *compute_utilities(design, parameters), random_effects)
    )


def predict_marginal(design: Design, parameters: Parameters) -> tuple[FloatArray, FloatArray]:
    """Predict probabilities averaged over each person's random effects, by Gauss and Hermite's rule.

    For a known person the average is over their posterior, for an unknown one over the population.
    """
    means = np.vstack([parameters.random_effects, np.zeros(RANDOM_EFFECTS)])[design.agent]
    covariances = np.concatenate([parameters.random_effect_covariances, parameters.spread[None]])
    roots = np.linalg.cholesky(covariances)[design.agent]
    rows, none = compute_utilities(design, parameters)
    p, p_none = np.zeros_like(rows), np.zeros_like(none)
    for node, weight in zip(*_build_quadrature(), strict=True):
        at, at_none = compute_probabilities(design, *add_random_effects(design, rows, none, means + roots @ node))
        p += weight * at
        p_none += weight * at_none
    return p, p_none


def compute_loss(
    design: Design, parameters: Parameters, precisions: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Compute minus the log posterior, and its gradient.

    The gradient is by the shared effects, (P,), and by the random effects, (agents, 2).
    """
    p, p_none = predict_at_mode(design, parameters)
    is_picked = design.picked >= 0
    chosen = np.where(is_picked, p[design.picked], p_none)
    g = np.repeat(design.weight, design.sizes) * p
    g[design.picked[is_picked]] -= design.weight[is_picked]
    g_none = design.weight * (p_none - ~is_picked)
    shared, random_effects = parameters.shared, parameters.random_effects
    penalised = random_effects @ np.linalg.inv(parameters.spread)
    value = -np.sum(design.weight * np.log(np.maximum(chosen, 1e-300)))
    value += 0.5 * np.sum(precisions * shared**2) + 0.5 * np.sum(penalised * random_effects)
    by_agent = [_sum_by_index(design.agent, of, len(random_effects)) for of in (g[design.starts], g_none)]
    return (
        float(value),
        differentiate_by_effect(design, g, g_none) + precisions * shared,
        np.stack(by_agent, axis=1) + penalised,
    )


def differentiate_by_effect(design: Design, g: FloatArray, g_none: FloatArray) -> FloatArray:
    """Turn derivatives by each row's utility and each set's outside option into those by the shared effects, (P,)."""
    named = [_sum_by_index(index, g, count) for index, count in design.indices]
    return np.concatenate([design.x.T @ g, *named, [g_none.sum(), g_none @ np.log(design.sizes)]])


def compute_curvature(design: Design, parameters: Parameters) -> Curvature:
    """Compute the curvature exactly, in chunks: memory stays flat however long the log is."""
    size, agents = len(parameters.shared), len(parameters.random_effects)
    shared, cross, random_effects = np.zeros((size, size)), np.zeros((agents, 2, size)), np.zeros((agents, 2, 2))
    p, p_none = predict_at_mode(design, parameters)
    for part, rows in split_chunks(design):
        z, z_none = build_shared_columns(design, part, rows)
        starts, weight, none = design.starts[part] - rows.start, design.weight[part], p_none[part]
        mean = np.add.reduceat(z * p[rows, None], starts) + none[:, None] * z_none
        first = p[rows][starts]
        shared += (z * (p[rows] * np.repeat(weight, design.sizes[part]))[:, None]).T @ z
        shared += (z_none * (weight * none)[:, None]).T @ z_none - (mean * weight[:, None]).T @ mean
        summing = build_summing_matrix(design.agent[part], agents)
        cross[:, 0] += summing @ ((weight * first)[:, None] * (z[starts] - mean))
        cross[:, 1] += summing @ ((weight * none)[:, None] * (z_none - mean))
        random_effects[:, 0, 0] += summing @ (weight * first * (1 - first))
        random_effects[:, 1, 1] += summing @ (weight * none * (1 - none))
        random_effects[:, 0, 1] -= summing @ (weight * first * none)
    random_effects[:, 1, 0] = random_effects[:, 0, 1]
    return Curvature(shared=shared, cross=cross, random_effects=random_effects)


def profile_curvature(parameters: Parameters, curvature: Curvature, precisions: FloatArray) -> FloatArray:
    """Compute the curvature in the shared effects, (P, P), priors included, if random effects follow them."""
    known = _compute_covariances(parameters, curvature)
    taken: FloatArray = np.einsum("aip,aij,ajq->pq", curvature.cross, known, curvature.cross, optimize=True)
    return curvature.shared + np.diag(precisions) - taken


def _compute_covariances(parameters: Parameters, curvature: Curvature) -> FloatArray:
    """Compute the covariance of each person's random effects, (agents, 2, 2), the shared ones given."""
    return np.linalg.inv(curvature.random_effects + np.linalg.inv(parameters.spread))


def split_chunks(design: Design) -> Iterator[tuple[slice, slice]]:
    """Yield slices of sets, and of their rows, _CHUNK sets at a time."""
    for begin in range(0, len(design.sizes), _CHUNK):
        part = slice(begin, min(begin + _CHUNK, len(design.sizes)))
        yield part, slice(int(design.starts[begin]), int(design.starts[part][-1] + design.sizes[part][-1]))


def build_shared_columns(design: Design, part: slice, rows: slice) -> tuple[FloatArray, FloatArray]:
    """Build the dense columns that multiply the shared effects: of the rows, and of the sets' outside options."""
    units = [np.eye(count + 1)[index[rows]][:, :count] for index, count in design.indices]
    z = np.hstack([design.x[rows], *units, np.zeros((rows.stop - rows.start, 2))])
    sizes = design.sizes[part]
    z_none = np.zeros((len(sizes), z.shape[1]))
    z_none[:, -2], z_none[:, -1] = 1.0, np.log(sizes)
    return z, z_none


def build_summing_matrix(index: IntArray, count: int) -> "sparse.csr_matrix":
    """Build a matrix that adds up rows by their index; those of an unknown name (index = count) are left out."""
    from scipy import sparse  # 22 MB, which orders do not need

    known = index < count
    places = np.flatnonzero(known)
    return sparse.csr_matrix((np.ones(len(places)), (index[known], places)), shape=(count, len(index)))


def _take_step(design: Design, parameters: Parameters, curvature: Curvature) -> Parameters:
    """Step towards the top of the parabola that fits here, as far as the loss does not grow."""
    precisions = compute_precisions(parameters)
    value, by_shared, by_random_effects = compute_loss(design, parameters, precisions)
    known = _compute_covariances(parameters, curvature)
    followed = np.einsum("aip,aij,aj->p", curvature.cross, known, by_random_effects, optimize=True)
    shared = -np.linalg.solve(profile_curvature(parameters, curvature, precisions), by_shared - followed)
    random_effects = -np.einsum("aij,aj->ai", known, by_random_effects + curvature.cross @ shared)
    length = 1.0
    while length > _SHORTEST:
        moved = parameters.add_step(length * shared, length * random_effects)
        if compute_loss(design, moved, precisions)[0] <= value + 1e-9 * abs(value):
            return moved
        length /= 2
    return parameters


def _measure_variance_change(before: Parameters, after: Parameters) -> float:
    spread = np.abs(after.spread.diagonal() / before.spread.diagonal() - 1).max()
    return float(max(spread, np.abs(after.text_variance / before.text_variance - 1)[0]))


def _learn_variances(parameters: Parameters, curvature: Curvature) -> Parameters:
    """Learn both variances by a step of EM, each with a prior; update the random effects' covariances."""
    covariances = _compute_covariances(parameters, curvature)
    seen = parameters.random_effects.T @ parameters.random_effects + covariances.sum(axis=0)
    prior = PRIOR_PERSONS * RANDOM_EFFECT_VARIANCE * np.eye(RANDOM_EFFECTS)
    uncertain = np.linalg.inv(profile_curvature(parameters, curvature, compute_precisions(parameters))).diagonal()
    size = len(parameters.features)
    text = PRIOR_FEATURES * PRIOR_DEVIATION["features"] ** 2 + float(
        np.sum(parameters.features**2) + uncertain[:size].sum()
    )
    return replace(
        parameters,
        random_effect_covariances=covariances,
        spread=(prior + seen) / (PRIOR_PERSONS + len(parameters.random_effects)),
        text_variance=np.array([text / (PRIOR_FEATURES + size)]),
    )


def _build_quadrature() -> tuple[FloatArray, FloatArray]:
    """Build nodes in the plane, (n, 2), and their weights, (n,), that average over a standard normal."""
    points, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    nodes = np.stack(np.meshgrid(points, points, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = weights / weights.sum()
    return nodes, np.outer(weights, weights).ravel()


def _sum_by_index(index: IntArray, values: FloatArray, count: int) -> FloatArray:
    """Sum values by index; those of an unknown name are left out."""
    return np.bincount(index, weights=values, minlength=count + 1)[:count].astype(np.float64)

"""Effects with their uncertainty: penalised estimates, and a sandwich covariance clustered by agent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from bot.ranking.clusters import ClusteredBy, Clusters, clusters_of, quantile
from bot.ranking.design import Design, arrange, measure, names_of, scales_of, standardise
from bot.ranking.displays import Display, Weights
from bot.ranking.features import Array, rarity
from bot.ranking.logit import PRIOR_DEVIATION, Parameters, fit_logit, predicted

Kind = Literal["features", "styles", "models", "prompts", "positions", "none"]

LENGTH: Final = ("log_words", "log_sentences")
"""The features that tell how long a text is, for contrasts `without` them."""

_CHUNK: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """How much more utility one has than the other, its standard error, and the 95% interval."""

    mean: float
    error: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Effects in the order of `labels`, (kind, name), and their clustered covariance: infinite with one cluster."""

    labels: tuple[tuple[Kind, str], ...]
    values: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    clusters: int
    clustered_by: ClusteredBy

    def contrast(self, kind: Kind, one: str, other: str) -> Contrast:
        """a_one - a_other. Raises ValueError for a name that is not there."""
        i, j = self.labels.index((kind, one)), self.labels.index((kind, other))
        mean = self.values[i] - self.values[j]
        variance = self.covariance[i][i] + self.covariance[j][j] - 2 * self.covariance[i][j]
        error = max(variance, 0.0) ** 0.5
        reach = error * quantile(self.clusters)
        return Contrast(mean=mean, error=error, lower=mean - reach, upper=mean + reach)


def estimate(displays: Sequence[Display], *, weights: Weights, without: Collection[str] = ()) -> Estimates:
    """Fit all displays, leaving out the features named in `without`."""
    rare = rarity([display.conversation for display in displays])
    raw, names = measure(displays, rare), names_of(displays)
    columns = [index for index, name in enumerate(names.features) if name not in without]
    names = replace(names, features=tuple(names.features[index] for index in columns))
    raw = raw[:, columns]
    design = arrange(displays, standardise(raw, scales_of(raw)), names, weights)
    return estimates_of(design, clusters_of(displays))


def estimates_of(design: Design, clusters: Clusters) -> Estimates:
    """The same of a design."""
    parameters = fit_logit(design)
    labels, deviations = _labels(design)
    values = np.concatenate([getattr(parameters, kind) for kind in PRIOR_DEVIATION])
    curvature, scores = _curvature_and_scores(design, parameters, clusters)
    bread = np.linalg.inv(curvature + np.diag(deviations**-2.0))
    if clusters.count < 2:
        covariance = np.diag(np.full(len(bread), np.inf))
    else:
        centred = scores - scores.mean(axis=0)
        covariance = bread @ (centred.T @ centred * clusters.count / (clusters.count - 1)) @ bread
    return Estimates(
        labels=labels,
        values=tuple(values.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        clusters=clusters.count,
        clustered_by=clusters.by,
    )


def _labels(design: Design) -> tuple[tuple[tuple[Kind, str], ...], Array]:
    names = design.names
    by_kind: dict[Kind, Sequence[str]] = {
        "features": names.features,
        "styles": names.styles,
        "models": names.models,
        "prompts": names.prompts,
        "positions": [str(position + 1) for position in range(names.positions)],
        "none": ("constant", "log_k"),
    }
    labels = tuple((kind, name) for kind, found in by_kind.items() for name in found)
    return labels, np.array([PRIOR_DEVIATION[kind] for kind, _ in labels])


def _curvature_and_scores(design: Design, parameters: Parameters, clusters: Clusters) -> tuple[Array, Array]:
    """Of the log-likelihood in the fixed effects, persons' habits profiled out; and each cluster's score."""
    size, agents = len(_labels(design)[0]), len(design.names.agents)
    curvature, cross = np.zeros((size, size)), np.zeros((agents, 2, size))
    scores = np.zeros((clusters.count, size))
    p, p_none = predicted(design, parameters)
    for begin in range(0, len(design.sizes), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        z, z_none = _fixed(design, part)
        rows = slice(int(design.starts[begin]), int(design.starts[begin]) + len(z))
        starts, weight, agent = design.starts[part] - rows.start, design.weight[part], design.agent[part]
        mean = np.add.reduceat(z * p[rows, None], starts) + p_none[part, None] * z_none
        mass = p[rows] * np.repeat(weight, design.sizes[part])
        curvature += (z * mass[:, None]).T @ z + (z_none * (weight * p_none[part])[:, None]).T @ z_none
        curvature -= (mean * weight[:, None]).T @ mean
        picked = design.picked[part]
        taken = np.where((picked >= 0)[:, None], z[np.maximum(picked - rows.start, 0)], z_none)
        np.add.at(scores, clusters.index[part], weight[:, None] * (taken - mean))
        np.add.at(cross[:, 0], agent, (weight * p[rows][starts])[:, None] * (z[starts] - mean))
        np.add.at(cross[:, 1], agent, (weight * p_none[part])[:, None] * (z_none - mean))
    known = parameters.habit_covariances
    return curvature - np.einsum("aip,aij,ajq->pq", cross, known, cross, optimize=True), scores


def _fixed(design: Design, part: slice) -> tuple[Array, Array]:
    """The fixed effects' design of these sets, dense: of their rows, and of their outside options."""
    names, sizes = design.names, design.sizes[part]
    begin = int(design.starts[part][0])
    rows = slice(begin, begin + int(sizes.sum()))
    parts = [design.x[rows]]
    for index, count in (
        (design.style[rows], len(names.styles)), (design.model[rows], len(names.models)),
        (np.repeat(design.prompt[part], sizes), len(names.prompts)), (design.position[rows], names.positions),
    ):  # fmt: skip
        parts.append(np.eye(count + 1)[index][:, :count])
    z = np.hstack([*parts, np.zeros((len(parts[0]), 2))])
    z_none = np.zeros((len(sizes), z.shape[1]))
    z_none[:, -2], z_none[:, -1] = 1.0, np.log(sizes)
    return z, z_none

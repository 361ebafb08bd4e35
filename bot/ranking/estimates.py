"""Effects with their uncertainty: penalised estimates, and a sandwich covariance clustered by agent.

Each cluster's score is adjusted as in CR2 (Bell and McCaffrey 2002), so that a large agent does not hide what it pulls,
and a contrast's quantile is Student's with Satterthwaite's degrees of freedom. Both in coordinates in which
the covariance of the fit is the identity.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from bot.ranking.clusters import Clusters
from bot.ranking.design import Design, IntArray, select_sets
from bot.ranking.features import FloatArray
from bot.ranking.logit import (
    Parameters,
    build_shared_columns,
    build_summing_matrix,
    compute_curvature,
    compute_precisions,
    fit_logit,
    predict_at_mode,
    profile_curvature,
    split_chunks,
)
from bot.stats.cluster_intervals import compute_student_quantile

EffectKind = Literal["features", "styles", "models", "prompts", "positions", "none"]

LENGTH: Final = ("log_words", "log_words_squared", "log_characters", "log_sentences", "log_new_words", "total_logprob")
"""The features that tell how long a text is, for contrasts without them."""

ADJUSTED: Final = 300
"""The largest clusters so many are adjusted: what one of more than that pulls is hardly hidden by itself."""

_MOST: Final = 0.99
"""The share of what is known of an effect that one cluster may hold, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A difference in log-odds, all else equal, with its 95% interval."""

    mean: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Effects in the order of `labels`, (kind, name), with each cluster's influence on them, (clusters, P).

    `root`: L, (P, Q), with L·Lᵀ the covariance of the fit; `information` of the ADJUSTED largest clusters, (…, Q, Q),
    and the `adjustment` that it makes.
    """

    labels: tuple[tuple[EffectKind, str], ...]
    values: FloatArray
    influence: FloatArray
    root: FloatArray
    information: FloatArray
    adjustment: FloatArray

    def select(self, kinds: Collection[EffectKind]) -> "Estimates":
        at = [index for index, (kind, _) in enumerate(self.labels) if kind in kinds]
        return replace(
            self,
            labels=tuple(self.labels[index] for index in at),
            values=self.values[at],
            influence=self.influence[:, at],
            root=self.root[at],
        )

    def build_contrast(self, kind: EffectKind, one: str, other: str | None = None) -> FloatArray:
        """Build the contrast of one less the other, or the mean of its kind. Raises ValueError for unknown names."""
        members = [float(each == kind) for each, _ in self.labels]
        vector = -np.array(members) / sum(members) if other is None else np.zeros(len(self.labels))
        if other is not None:
            vector[self.labels.index((kind, other))] -= 1
        vector[self.labels.index((kind, one))] += 1
        return vector

    def estimate(self, vector: FloatArray, *, hidden: float = 0.0) -> Effect:
        """Estimate a contrast; `hidden` is added to its variance."""
        mean = float(vector @ self.values)
        reach = compute_student_quantile(self.compute_freedom(vector)) * (self.compute_variance(vector) + hidden) ** 0.5
        return Effect(mean=mean, lower=mean - reach, upper=mean + reach)

    def compute_variance(self, vector: FloatArray) -> float:
        pulled = self.influence @ vector
        return float(pulled @ pulled)

    def compute_freedom(self, vector: FloatArray) -> float:
        """Compute Satterthwaite's degrees of freedom of a contrast's variance: few where few clusters make it."""
        adjusted = self.adjustment @ (self.root.T @ vector)
        taken = np.einsum("gpq,gq->gp", self.information, adjusted)
        own, pulled = np.sum(adjusted * taken, axis=1), np.sum(taken**2, axis=1)
        of_square = float(own @ own - 2 * own @ pulled + np.sum((taken.T @ taken) ** 2))
        return max(1.0, float(np.sum(own - pulled)) ** 2 / of_square) if of_square > 0 else 1.0


def estimate_effects(design: Design, clusters: Clusters) -> Estimates:
    """Estimate a design's effects. Random effects are averaged out (Laplace): they follow the shared effects."""
    parameters = fit_logit(design)
    curvature = profile_curvature(parameters, compute_curvature(design, parameters), compute_precisions(parameters))
    root = np.linalg.cholesky(np.linalg.inv(curvature))
    sizes = np.bincount(clusters.index, minlength=clusters.count)
    largest = np.argsort(-sizes, kind="stable")[:ADJUSTED]
    information = np.stack([
        root.T @ _compute_information(design, parameters, np.flatnonzero(clusters.index == each)) @ root
        for each in largest
    ])  # fmt: skip
    scores = _sum_scores(design, parameters, clusters)
    scores = (scores - np.outer(sizes / sizes.sum(), scores.sum(axis=0))) @ root  # the sum is the priors' pull
    adjustment = _adjust(information)
    scores[largest] = np.einsum("gpq,gq->gp", adjustment, scores[largest])
    return Estimates(
        labels=_label_effects(design),
        values=parameters.shared,
        influence=scores @ root.T,
        root=root,
        information=information,
        adjustment=adjustment,
    )


def _compute_information(design: Design, parameters: Parameters, sets: IntArray) -> FloatArray:
    """Compute the information of one agent's choice sets on the shared effects, (P, P), if random effects follow."""
    part = select_sets(design, sets)
    agent = part.agent[:1]
    alone = replace(part, agent=np.zeros_like(part.agent), names=replace(part.names, agents=("",)))
    theirs = replace(parameters, random_effects=parameters.random_effects[agent])
    none = np.zeros(len(parameters.shared))
    return profile_curvature(theirs, compute_curvature(alone, theirs), none)


def _adjust(information: FloatArray) -> FloatArray:
    """Compute (1 - information)^(-1/2) of each cluster, in whitened coordinates: CR2's adjustment."""
    values, vectors = np.linalg.eigh(information)
    adjusted = 1 / np.sqrt(1 - np.clip(values, 0.0, _MOST))
    return np.asarray((vectors * adjusted[:, None, :]) @ vectors.swapaxes(1, 2))


def _label_effects(design: Design) -> tuple[tuple[EffectKind, str], ...]:
    names = design.names
    by_kind: dict[EffectKind, Iterable[str]] = {
        "features": names.features,
        "styles": names.styles,
        "models": names.models,
        "prompts": names.prompts,
        "positions": map(str, range(1, names.positions + 1)),
        "none": ("constant", "log_k"),
    }
    return tuple((kind, name) for kind, found in by_kind.items() for name in found)


def _sum_scores(design: Design, parameters: Parameters, clusters: Clusters) -> FloatArray:
    """Sum each cluster's derivative of the log-likelihood by the shared effects: (clusters, P)."""
    p, p_none = predict_at_mode(design, parameters)
    scores = np.zeros((clusters.count, len(parameters.shared)))
    for part, rows in split_chunks(design):
        z, z_none = build_shared_columns(design, part, rows)
        mean = np.add.reduceat(z * p[rows, None], design.starts[part] - rows.start) + p_none[part, None] * z_none
        picked = design.picked[part]
        taken = np.where((picked >= 0)[:, None], z[np.maximum(picked - rows.start, 0)], z_none)
        scores += build_summing_matrix(clusters.index[part], clusters.count) @ (
            design.weight[part, None] * (taken - mean)
        )
    return scores

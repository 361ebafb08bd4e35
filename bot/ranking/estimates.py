"""Effects with their uncertainty: penalised estimates, and a sandwich covariance clustered by agent.

Each cluster's score is adjusted as in CR2 (Bell and McCaffrey 2002), so that a large agent does not hide what it pulls,
and a contrast's quantile is Student's with Satterthwaite's degrees of freedom. Both in coordinates in which
the covariance of the fit is the identity.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.clusters import ClusteredBy, Clusters, cluster_choice_sets
from bot.ranking.design import (
    Design,
    IntArray,
    build_design,
    collect_names,
    fit_scales,
    measure_features,
    select_sets,
    standardise,
)
from bot.ranking.features import FloatArray, compute_idf
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
"""The features that tell how long a text is, for contrasts `without` them."""


ADJUSTED: Final = 300
"""The largest clusters so many are adjusted: what one of more than that pulls is hardly hidden by itself."""

_MOST: Final = 0.99
"""The share of what is known of an effect that one cluster may hold, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A difference of two effects in utility, with its standard error and 95% interval."""

    mean: float
    error: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Effects in the order of `labels`, (kind, name), with each cluster's influence on them, (clusters, P).

    `root`: L with L·Lᵀ the covariance of the fit; `information`: Lᵀ·I·L of the ADJUSTED largest clusters, (…, P, P).
    """

    labels: tuple[tuple[EffectKind, str], ...]
    values: FloatArray
    influence: FloatArray
    root: FloatArray
    information: FloatArray
    clusters: int
    clustered_by: ClusteredBy

    def contrast(self, kind: EffectKind, one: str, other: str) -> Contrast:
        """Compute the effect of `one` less that of `other`. Raises ValueError if a name is unknown."""
        vector = np.zeros(len(self.labels))
        vector[self.labels.index((kind, one))] += 1
        vector[self.labels.index((kind, other))] -= 1
        mean, error = float(vector @ self.values), self.compute_variance(vector) ** 0.5
        reach = error * compute_student_quantile(self.compute_freedom(vector))
        return Contrast(mean=mean, error=error, lower=mean - reach, upper=mean + reach)

    def compute_variance(self, vector: FloatArray) -> float:
        """Compute the variance of a contrast; infinite with one cluster."""
        if self.clusters < 2:
            return float("inf")
        pulled = self.influence @ vector
        return float(pulled @ pulled)

    def compute_freedom(self, vector: FloatArray) -> float:
        """Compute Satterthwaite's degrees of freedom of a contrast's variance: few where few clusters make it."""
        adjusted = _adjust(self.information) @ (self.root.T @ vector)
        taken = np.einsum("gpq,gq->gp", self.information, adjusted)
        own, pulled = np.sum(adjusted * taken, axis=1), np.sum(taken**2, axis=1)
        of_square = float(own @ own - 2 * own @ pulled + np.sum((taken.T @ taken) ** 2))
        return max(1.0, float(np.sum(own - pulled)) ** 2 / of_square) if of_square > 0 else 1.0


def estimate_effects(choice_sets: Sequence[ChoiceSet], *, weights: Weights, without: Collection[str] = ()) -> Estimates:
    """Fit all choice sets, leaving out the features named in `without`."""
    idf = compute_idf([choice_set.conversation for choice_set in choice_sets])
    raw, names = measure_features(choice_sets, idf), collect_names(choice_sets)
    columns = [index for index, name in enumerate(names.features) if name not in without]
    names = replace(names, features=tuple(names.features[index] for index in columns))
    raw = raw[:, columns]
    design = build_design(choice_sets, standardise(raw, fit_scales(raw)), names, weights)
    return estimate_design(design, cluster_choice_sets(choice_sets))


def estimate_design(design: Design, clusters: Clusters) -> Estimates:
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
    scores[largest] = np.einsum("gpq,gq->gp", _adjust(information), scores[largest])
    return Estimates(
        labels=_label_effects(design),
        values=parameters.shared,
        influence=scores @ root.T,
        root=root,
        information=information,
        clusters=clusters.count,
        clustered_by=clusters.by,
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
    """Label the shared effects, in their order."""
    names = design.names
    by_kind: dict[EffectKind, Sequence[str]] = {
        "features": names.features,
        "styles": names.styles,
        "models": names.models,
        "prompts": names.prompts,
        "positions": [str(position + 1) for position in range(names.positions)],
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

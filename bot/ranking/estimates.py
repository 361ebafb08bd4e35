"""Effects with their uncertainty: penalised estimates, and a sandwich covariance clustered by agent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.clusters import ClusteredBy, Clusters, cluster_choice_sets
from bot.ranking.design import Design, build_design, collect_names, fit_scales, measure_features, standardise
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A difference of two effects in utility, with its standard error and 95% interval."""

    mean: float
    error: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Effects in the order of `labels`, (kind, name), and their clustered covariance: infinite with one cluster."""

    labels: tuple[tuple[EffectKind, str], ...]
    values: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    clusters: int
    clustered_by: ClusteredBy

    def contrast(self, kind: EffectKind, one: str, other: str) -> Contrast:
        """Compute the effect of `one` less that of `other`. Raises ValueError if a name is unknown."""
        i, j = self.labels.index((kind, one)), self.labels.index((kind, other))
        mean = self.values[i] - self.values[j]
        variance = self.covariance[i][i] + self.covariance[j][j] - 2 * self.covariance[i][j]
        error = max(variance, 0.0) ** 0.5
        reach = error * compute_student_quantile(max(1, self.clusters - 1))
        return Contrast(mean=mean, error=error, lower=mean - reach, upper=mean + reach)


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
    bread = np.linalg.inv(
        profile_curvature(parameters, compute_curvature(design, parameters), compute_precisions(parameters))
    )
    if clusters.count < 2:
        covariance = np.diag(np.full(len(bread), np.inf))
    else:
        scores = _sum_scores(design, parameters, clusters)
        centred = scores - scores.mean(axis=0)
        covariance = bread @ (centred.T @ centred * clusters.count / (clusters.count - 1)) @ bread
    return Estimates(
        labels=_label_effects(design),
        values=tuple(parameters.shared.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        clusters=clusters.count,
        clustered_by=clusters.by,
    )


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

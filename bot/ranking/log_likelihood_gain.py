"""Log-likelihood gain of text, style, model and prompt over positions alone, cross-validated by agent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.clusters import ClusteredBy, cluster_choice_sets
from bot.ranking.design import Design, IntArray, measure_features
from bot.ranking.evaluation import keep_positions_only, split_design
from bot.ranking.features import FloatArray, compute_idf
from bot.ranking.logit import fit_logit, predict_marginal
from bot.stats.cluster_intervals import estimate_case_mean
from bot.stats.folds import FOLDS, balance_folds


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLikelihoodGain:
    """Log-likelihood a pick over position-only, on persons held out, with its 95% interval by cluster.

    `exploratory`: fewer than ten agents; then clustered by agent and day, which is too sure of itself.
    """

    mean: float
    lower: float
    upper: float
    clusters: int
    clustered_by: ClusteredBy
    exploratory: bool


def estimate_gain(choice_sets: Sequence[ChoiceSet], *, weights: Weights = "picks") -> LogLikelihoodGain | None:
    """Estimate the gain; None if fewer than two clusters have a pick, since nothing can be held out then."""
    clusters = cluster_choice_sets(choice_sets)
    is_picked = np.array([choice_set.picked is not None for choice_set in choice_sets], dtype=bool)
    if len(np.unique(clusters.index[is_picked])) < 2:
        return None
    gains = _compute_gains(choice_sets, clusters.index, weights)[is_picked]
    interval = estimate_case_mean(gains, clusters.index[is_picked])
    return LogLikelihoodGain(
        mean=interval.mean,
        lower=interval.lower,
        upper=interval.upper,
        clusters=len(np.unique(clusters.index[is_picked])),
        clustered_by=clusters.by,
        exploratory=clusters.is_exploratory,
    )


def _compute_gains(choice_sets: Sequence[ChoiceSet], clusters: IntArray, weights: Weights) -> FloatArray:
    """Compute each choice set's log-likelihood given a pick, less position-only's; both fitted on other folds."""
    x = measure_features(choice_sets, compute_idf([choice_set.conversation for choice_set in choice_sets]))
    folds, gains = balance_folds(clusters), np.zeros(len(choice_sets))
    for fold in range(min(FOLDS, len(np.unique(clusters)))):
        held = folds == fold
        if all(choice_sets[index].picked is None for index in np.flatnonzero(~held).tolist()):
            continue
        train, test = split_design(choice_sets, held, x, weights)
        gains[held] = _compute_log_likelihood(train, test) - _compute_log_likelihood(
            keep_positions_only(train), keep_positions_only(test)
        )
    return gains


def _compute_log_likelihood(train: Design, test: Design) -> FloatArray:
    """Compute the log-likelihood of each held-out pick, given that there was one; 0 if none was picked."""
    p, none = predict_marginal(test, fit_logit(train))
    found = np.zeros(len(test.sizes))
    is_picked = test.picked >= 0
    found[is_picked] = np.log(p[test.picked[is_picked]] / (1 - none[is_picked]))
    return found

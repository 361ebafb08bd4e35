"""Evaluation on choices held out: of other persons, and of the same persons later."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.clusters import ClusteredBy, cluster_choice_sets
from bot.ranking.design import (
    Design,
    IntArray,
    build_design,
    collect_names,
    drop_agents,
    find_starts,
    fit_scales,
    keep_positions_only,
    measure_features,
    standardise,
)
from bot.ranking.features import FloatArray, compute_idf
from bot.ranking.logit import compute_qualities, fit_logit, predict_at_mode, predict_marginal
from bot.ranking.off_policy import PolicyValue, PolicyValueRefusal, estimate_worth, list_uniform, rank_greedily
from bot.stats.cluster_intervals import Interval, estimate_case_mean

LATER: Final = 0.3
"""The share of each person's choices, the last ones, that is held out by time."""

BINS: Final = 10
FOLDS: Final = 5

Split = Literal["person", "time"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Candidates of like predicted probability: its mean, and the share that was picked."""

    predicted: float
    picked: float
    candidates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutEvaluation:
    """Log-likelihoods are a pick's, given that there is one; `whole` ones a choice set's, taking none included.

    `position`: positions only, all persons alike. `top_1`, `mrr` and `below_first` (the first slot and its picks taken
    away, two or more left) rank by quality alone; None where there is nothing to rank.
    """

    split: Split
    displays: int
    picks: int
    agents: int
    clusters: int
    clustered_by: ClusteredBy
    exploratory: bool
    log_likelihood: Interval
    position: Interval
    uniform: Interval
    gain: Interval
    whole: Interval
    whole_position: Interval
    top_1: Interval
    top_1_uniform: float
    mrr: Interval
    below_first: Interval | None
    below_first_uniform: float | None
    calibration: tuple[CalibrationBin, ...]
    calibration_error: float
    worth: PolicyValue | PolicyValueRefusal


def evaluate(
    choice_sets: Sequence[ChoiceSet], split: Split, *, weights: Weights, seed: int = 0
) -> HeldOutEvaluation | None:
    """Evaluate on choices held out; None if nothing can be.

    That is by person with fewer than two, by time without anybody's second pick.
    """
    judged = list(_predict_folds(choice_sets, split, weights, seed))
    if not any((part.within >= 0).any() for part in judged):
        return None
    found = _Predictions.join(judged)
    return _summarise(split, [choice_sets[index] for index in found.held.tolist()], found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Predictions:
    """Predictions for the choice sets that were held out, end to end: a row a candidate, ragged sets.

    `held` is the index of each, `within` that of its pick, -1 for none; `position` is by positions only.
    """

    held: IntArray
    sizes: IntArray
    within: IntArray
    p: FloatArray
    none: FloatArray
    position: FloatArray
    position_none: FloatArray
    quality: FloatArray

    @classmethod
    def join(cls, parts: Sequence["_Predictions"]) -> "_Predictions":
        return cls(**{each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)})

    @property
    def starts(self) -> IntArray:
        return find_starts(self.sizes)

    @property
    def is_picked(self) -> Flags:
        return self.within >= 0

    @property
    def picks(self) -> IntArray:
        """Row of each pick."""
        return (self.starts + self.within)[self.is_picked]


def split_design(
    choice_sets: Sequence[ChoiceSet], held: Flags, x: FloatArray, weights: Weights
) -> tuple[Design, Design]:
    """Split into designs to learn from and to judge by, with the scales and names of the first.

    `held` flags the choice sets to judge by; `x`: raw features of all.
    """
    rows = np.repeat(held, [len(choice_set.shown) for choice_set in choice_sets])
    train = [choice_sets[index] for index in np.flatnonzero(~held).tolist()]
    test = [choice_sets[index] for index in np.flatnonzero(held).tolist()]
    scales, names = fit_scales(x[~rows]), collect_names(train)
    fitted = build_design(train, standardise(x[~rows], scales), names, weights)
    return fitted, build_design(test, standardise(x[rows], scales), names, weights)


def _predict_folds(
    choice_sets: Sequence[ChoiceSet], split: Split, weights: Weights, seed: int
) -> Iterator[_Predictions]:
    """Fit and predict each fold; folds without a pick to learn from are skipped."""
    x = measure_features(choice_sets, compute_idf([choice_set.conversation for choice_set in choice_sets]))
    is_picked = np.array([choice_set.picked is not None for choice_set in choice_sets], dtype=bool)
    for held in _split_folds(choice_sets, split, seed):
        if held.any() and is_picked[~held].any():
            yield _predict_fold(held, *split_design(choice_sets, held, x, weights))


def _predict_fold(held: Flags, train: Design, test: Design) -> _Predictions:
    """Fit and predict a fold, positions only beside it."""
    parameters = fit_logit(train)
    p, none = predict_marginal(test, parameters)
    positions = fit_logit(drop_agents(keep_positions_only(train)))
    position, position_none = predict_at_mode(drop_agents(keep_positions_only(test)), positions)
    return _Predictions(
        held=np.flatnonzero(held),
        sizes=test.sizes,
        within=np.where(test.picked < 0, -1, test.picked - test.starts),
        p=p,
        none=none,
        position=position,
        position_none=position_none,
        quality=compute_qualities(test, parameters),
    )


def _split_folds(choice_sets: Sequence[ChoiceSet], split: Split, seed: int) -> Iterator[Flags]:
    """Yield each fold's flags of choice sets held out. Each person is in one fold as a whole, or in the one by time."""
    people, agent = np.unique(
        np.array([choice_set.agent for choice_set in choice_sets], dtype=np.str_), return_inverse=True
    )
    if split == "time":
        yield _hold_out_last(choice_sets, agent.astype(np.int64))
    elif len(people) > 1:
        folds = (np.random.default_rng(seed).permutation(len(people)) % FOLDS)[agent]
        yield from (folds == fold for fold in range(min(FOLDS, len(people))))


def _hold_out_last(choice_sets: Sequence[ChoiceSet], agent: IntArray) -> Flags:
    """Flag the last LATER of each person's choice sets."""
    held = np.zeros(len(choice_sets), dtype=bool)
    for person in np.unique(agent):
        theirs = sorted(np.flatnonzero(agent == person).tolist(), key=lambda index: choice_sets[index].at)
        held[theirs[round(len(theirs) * (1 - LATER)) :]] = True
    return held


def _summarise(split: Split, choice_sets: Sequence[ChoiceSet], found: _Predictions) -> HeldOutEvaluation:
    clusters, is_picked = cluster_choice_sets(choice_sets), found.is_picked

    def mean(values: FloatArray, counted: Flags = is_picked) -> Interval:
        return estimate_case_mean(values, clusters.index[counted])

    log = np.log(found.p[found.picks] / (1 - found.none[is_picked]))
    position = np.log(found.position[found.picks] / (1 - found.position_none[is_picked]))
    is_first, reciprocal = _rank_picks(found, is_picked, skip=0)
    chance, below = 1 / found.sizes[is_picked], (found.within >= 1) & (found.sizes >= 3)
    bins, error = _measure_calibration(found)
    every = np.ones_like(is_picked)
    return HeldOutEvaluation(
        split=split,
        displays=len(choice_sets),
        picks=int(is_picked.sum()),
        agents=len({choice_set.agent for choice_set in choice_sets}),
        clusters=len(np.unique(clusters.index[is_picked])),
        clustered_by=clusters.by,
        exploratory=clusters.is_exploratory,
        log_likelihood=mean(log),
        position=mean(position),
        uniform=mean(np.log(chance)),
        gain=mean(log - position),
        whole=mean(np.log(_select_probability(found, found.p, found.none)), every),
        whole_position=mean(np.log(_select_probability(found, found.position, found.position_none)), every),
        top_1=mean(is_first),
        top_1_uniform=float(chance.mean()),
        mrr=mean(reciprocal),
        below_first=mean(_rank_picks(found, below, skip=1)[0], below) if below.any() else None,
        below_first_uniform=float((1 / (found.sizes[below] - 1)).mean()) if below.any() else None,
        calibration=bins,
        calibration_error=error,
        worth=_estimate_worth(choice_sets, found),
    )


def _select_probability(found: _Predictions, p: FloatArray, none: FloatArray) -> FloatArray:
    """Select the probability of what was chosen in each set, none included."""
    return np.where(found.within < 0, none, p[found.starts + np.maximum(found.within, 0)])


def _rank_picks(found: _Predictions, counted: Flags, *, skip: int) -> tuple[FloatArray, FloatArray]:
    """Rank by quality the picks of the counted sets, without the first `skip` candidates of each.

    Returns each one's probability of being first, and its mean 1 / rank; equal qualities share positions.
    """
    sets = np.repeat(np.arange(len(found.sizes)), found.sizes)
    is_ranked = np.arange(len(sets)) - found.starts[sets] >= skip
    own = found.quality[(found.starts + found.within)[sets]]
    better = np.add.reduceat(is_ranked & (found.quality > own), found.starts, dtype=np.int64)[counted]
    equal = np.add.reduceat(is_ranked & (found.quality == own), found.starts, dtype=np.int64)[counted]
    harmonic = np.cumsum([0.0, *(1 / np.arange(1, found.sizes.max() + 1))])
    return np.where(better == 0, 1 / equal, 0.0), (harmonic[better + equal] - harmonic[better]) / equal


def _measure_calibration(found: _Predictions) -> tuple[tuple[CalibrationBin, ...], float]:
    """Bin candidates by predicted probability, ten bins of one size; the error is the mean distance."""
    picked = np.zeros(len(found.p))
    picked[found.picks] = 1.0
    parts = [part for part in np.array_split(np.argsort(found.p, kind="stable"), BINS) if len(part)]
    bins = tuple(
        CalibrationBin(predicted=float(found.p[part].mean()), picked=float(picked[part].mean()), candidates=len(part))
        for part in parts
    )
    return bins, sum(abs(one.predicted - one.picked) * one.candidates for one in bins) / len(found.p)


def _estimate_worth(choice_sets: Sequence[ChoiceSet], found: _Predictions) -> PolicyValue | PolicyValueRefusal:
    """Estimate off-policy the gain in first picks of greedy order over uniform order."""
    qualities = np.split(found.quality, found.starts[1:])
    return estimate_worth(
        choice_sets,
        [rank_greedily(quality.tolist()) for quality in qualities],
        against=[list_uniform(len(quality)) for quality in qualities],
    )

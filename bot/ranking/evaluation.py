"""Evaluation on choices held out: of other persons, and of the same persons later."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.clusters import ClusteredBy, Clusters, cluster_choice_sets
from bot.ranking.design import Design, IntArray, build_design, collect_names, fit_scales, measure_features, standardise
from bot.ranking.features import FloatArray, compute_idf
from bot.ranking.logit import compute_qualities, fit_logit, predict_at_mode, predict_marginal
from bot.ranking.off_policy import PolicyValue, PolicyValueRefusal, estimate_worth, list_uniform, rank_greedily
from bot.stats.cluster_intervals import Interval, estimate_case_mean
from bot.stats.folds import FOLDS, shuffle_folds

LATER: Final = 0.3
"""The share of each person's choices, the last ones, that is held out by time."""

BINS: Final = 10

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
    held = np.concatenate([part.held for part in judged]) if judged else np.array([], dtype=np.int64)
    found = [choice_sets[index] for index in held.tolist()]
    if not any(choice_set.picked is not None for choice_set in found):
        return None
    return _summarise(split, found, _HeldOutPredictions.of(judged))


@dataclass(frozen=True, slots=True, kw_only=True)
class _FoldPrediction:
    """Predictions for the choice sets that one fold held out."""

    held: IntArray
    design: Design
    p: FloatArray
    none: FloatArray
    position: FloatArray
    position_none: FloatArray
    quality: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldOutPredictions:
    """Predictions of all folds end to end: a row a candidate, ragged sets."""

    sizes: IntArray
    starts: IntArray
    within: IntArray
    p: FloatArray
    none: FloatArray
    position: FloatArray
    position_none: FloatArray
    quality: FloatArray

    @classmethod
    def of(cls, judged: Sequence[_FoldPrediction]) -> "_HeldOutPredictions":
        """Join the folds."""
        sizes = np.concatenate([part.design.sizes for part in judged])
        within = [np.where(part.design.picked < 0, -1, part.design.picked - part.design.starts) for part in judged]
        return cls(
            sizes=sizes,
            starts=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
            within=np.concatenate(within),
            p=np.concatenate([part.p for part in judged]),
            none=np.concatenate([part.none for part in judged]),
            position=np.concatenate([part.position for part in judged]),
            position_none=np.concatenate([part.position_none for part in judged]),
            quality=np.concatenate([part.quality for part in judged]),
        )

    def sets(self, values: FloatArray) -> list[FloatArray]:
        """Split values, one a candidate, by set."""
        return np.split(values, self.starts[1:])


def keep_positions_only(design: Design) -> Design:
    """Keep the same sets, with nothing known but positions and persons."""
    names = replace(design.names, features=(), styles=(), models=(), prompts=())
    rows, sets = np.zeros_like(design.style), np.zeros_like(design.prompt)
    return replace(design, names=names, x=design.x[:, :0], style=rows, model=rows, prompt=sets)


def drop_agents(design: Design) -> Design:
    """Keep the same sets, all persons alike."""
    return replace(design, names=replace(design.names, agents=()), agent=np.zeros_like(design.agent))


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
) -> Iterator[_FoldPrediction]:
    """Fit and predict each fold, positions only beside it; folds without a pick to learn from are skipped."""
    x = measure_features(choice_sets, compute_idf([choice_set.conversation for choice_set in choice_sets]))
    for held in _split_folds(choice_sets, split, seed):
        kept = [choice_set for choice_set, is_held in zip(choice_sets, held, strict=True) if not is_held]
        if not held.any() or all(choice_set.picked is None for choice_set in kept):
            continue
        train, test = split_design(choice_sets, held, x, weights)
        parameters = fit_logit(train)
        p, none = predict_marginal(test, parameters)
        positions = fit_logit(drop_agents(keep_positions_only(train)))
        position, position_none = predict_at_mode(drop_agents(keep_positions_only(test)), positions)
        yield _FoldPrediction(
            held=np.flatnonzero(held),
            design=test,
            p=p,
            none=none,
            position=position,
            position_none=position_none,
            quality=compute_qualities(test, parameters),
        )


def _split_folds(choice_sets: Sequence[ChoiceSet], split: Split, seed: int) -> Iterator[Flags]:
    """Yield each fold's flags of choice sets held out."""
    _, found = np.unique(np.array([choice_set.agent for choice_set in choice_sets], dtype=np.str_), return_inverse=True)
    agent = found.astype(np.int64)
    if split == "person":
        people = int(agent.max(initial=-1)) + 1
        folds = shuffle_folds(agent, seed=seed)
        yield from (folds == fold for fold in range(min(FOLDS, people)) if people > 1)
    else:
        yield _hold_out_last(choice_sets, agent)


def _hold_out_last(choice_sets: Sequence[ChoiceSet], agent: IntArray) -> Flags:
    """Flag the last LATER of each person's choice sets."""
    held = np.zeros(len(choice_sets), dtype=bool)
    for person in np.unique(agent):
        theirs = sorted(np.flatnonzero(agent == person).tolist(), key=lambda index: choice_sets[index].at)
        held[theirs[round(len(theirs) * (1 - LATER)) :]] = True
    return held


def _summarise(split: Split, choice_sets: Sequence[ChoiceSet], found: _HeldOutPredictions) -> HeldOutEvaluation:
    """Summarise predictions for these choice sets, in their order."""
    clusters, is_picked = cluster_choice_sets(choice_sets), found.within >= 0
    at = found.starts[is_picked] + found.within[is_picked]

    def mean(values: FloatArray) -> Interval:
        return estimate_case_mean(values, clusters.index[is_picked])

    log = np.log(found.p[at] / (1 - found.none[is_picked]))
    position = np.log(found.position[at] / (1 - found.position_none[is_picked]))
    ranks, chance = _rank_picks(found, skip=0), 1 / found.sizes[is_picked]
    below, below_index, below_chance = _rank_below_first(found, clusters)
    bins, error = _measure_calibration(found)
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
        whole=estimate_case_mean(np.log(_select_probability(found, found.p, found.none)), clusters.index),
        whole_position=estimate_case_mean(
            np.log(_select_probability(found, found.position, found.position_none)), clusters.index
        ),
        top_1=mean(ranks[:, 0]),
        top_1_uniform=float(chance.mean()),
        mrr=mean(ranks[:, 1]),
        below_first=estimate_case_mean(below[:, 0], below_index) if len(below) else None,
        below_first_uniform=float(below_chance.mean()) if len(below) else None,
        calibration=bins,
        calibration_error=error,
        worth=_estimate_worth(choice_sets, found),
    )


def _select_probability(found: _HeldOutPredictions, p: FloatArray, none: FloatArray) -> FloatArray:
    """Select the probability of what was chosen in each set, none included."""
    return np.where(found.within < 0, none, p[found.starts + np.maximum(found.within, 0)])


def _rank_picks(found: _HeldOutPredictions, *, skip: int) -> FloatArray:
    """Rank by quality each pick at index `skip` or below it, among the candidates from there: (is first, 1 / rank)."""
    rows = []
    for quality, picked in zip(found.sets(found.quality), found.within.tolist(), strict=True):
        if picked >= skip and len(quality) - skip >= 2:
            rows.append(_rank_pick(quality[skip:], picked - skip))
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _rank_pick(quality: FloatArray, picked: int) -> tuple[float, float]:
    """Compute (probability of being first, mean 1 / rank) of a pick; equal qualities share positions."""
    better = int((quality > quality[picked]).sum())
    equal = int((quality == quality[picked]).sum())
    reciprocal = sum(1 / (better + place) for place in range(1, equal + 1)) / equal
    return (1 / equal if better == 0 else 0.0), reciprocal


def _rank_below_first(found: _HeldOutPredictions, clusters: Clusters) -> tuple[FloatArray, IntArray, FloatArray]:
    """Rank picks below the first slot, that slot taken away: ranks, their clusters, and chance."""
    counted = (found.within >= 1) & (found.sizes >= 3)
    return _rank_picks(found, skip=1), clusters.index[counted], 1 / (found.sizes[counted] - 1)


def _measure_calibration(found: _HeldOutPredictions) -> tuple[tuple[CalibrationBin, ...], float]:
    """Bin candidates by predicted probability, ten bins of one size; the error is the mean distance."""
    picked = np.zeros(len(found.p))
    is_picked = found.within >= 0
    picked[found.starts[is_picked] + found.within[is_picked]] = 1.0
    parts = [part for part in np.array_split(np.argsort(found.p, kind="stable"), BINS) if len(part)]
    bins = tuple(
        CalibrationBin(predicted=float(found.p[part].mean()), picked=float(picked[part].mean()), candidates=len(part))
        for part in parts
    )
    return bins, sum(abs(one.predicted - one.picked) * one.candidates for one in bins) / len(found.p)


def _estimate_worth(choice_sets: Sequence[ChoiceSet], found: _HeldOutPredictions) -> PolicyValue | PolicyValueRefusal:
    """Estimate off-policy the gain in first picks of greedy order over uniform order."""
    targets = [rank_greedily(quality.tolist()) for quality in found.sets(found.quality)]
    return estimate_worth(
        choice_sets, targets, against=[list_uniform(len(choice_set.shown)) for choice_set in choice_sets]
    )

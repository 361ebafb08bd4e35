"""Predictions of a ranker for choice sets: quality, and the probability of each choice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.ranking.choice_sets import ChoiceSet, build_choice_set
from bot.ranking.design import build_design, measure_features, standardise
from bot.ranking.habits import HabitModel, HabitRow
from bot.ranking.logit import compute_qualities, predict_marginal
from bot.ranking.model import Ranker
from storage.records import LogEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Quality and probability of each candidate shown, in its order, and the probability of none."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    none: float


def to_undecided_choice_set(entry: LogEntry) -> ChoiceSet | None:
    """Turn an entry into a choice set whatever was chosen; None without any text.

    In the order shown, or, if no position is known, in the order drafted.
    """
    texts = entry.visible or tuple(candidate for candidate in entry.candidates if candidate.text is not None)
    return build_choice_set(entry, texts) if texts else None


def predict_sequentially(
    ranker: Ranker, habits: HabitModel, choice_sets: Sequence[ChoiceSet], rows: Sequence[HabitRow]
) -> list[Prediction]:
    """Predict choices by what is known of each agent's habits before them."""
    found = []
    for prediction, row in zip(predict(ranker, choice_sets), rows, strict=True):
        p, none = habits.predict(row, np.array(prediction.scores))
        found.append(replace(prediction, probabilities=tuple(p.tolist()), none=none))
    return found


def predict(ranker: Ranker, choice_sets: Sequence[ChoiceSet]) -> list[Prediction]:
    """Predict choices, position and person considered; an unknown person is averaged over the known ones."""
    if not choice_sets:
        return []
    x = standardise(measure_features(choice_sets, ranker.idf), ranker.scales)
    design = build_design(choice_sets, x, ranker.names, "picks")
    p, none = predict_marginal(design, ranker.parameters)
    qualities, each = (
        np.split(values, design.starts[1:]) for values in (compute_qualities(design, ranker.parameters), p)
    )
    return [
        Prediction(scores=tuple(scores.tolist()), probabilities=tuple(shares.tolist()), none=float(outside))
        for scores, shares, outside in zip(qualities, each, none, strict=True)
    ]

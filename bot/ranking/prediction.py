"""What a ranker says of whole displays: quality, and how probable each choice is, position and person considered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.ranking.choice_sets import ChoiceSet, hash_agent, to_shown_candidates
from bot.ranking.design import build_design, measure_features, standardise
from bot.ranking.logit import predict_marginal
from bot.ranking.model import Ranker
from storage.records import LogEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Of each candidate shown, in its order: quality, and the probability that it is picked; and of none."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    none: float


def to_undecided_choice_set(entry: LogEntry) -> ChoiceSet | None:
    """The entry as it was shown, whatever was chosen; where no place is told, in the order drafted. None: no text."""
    texts = entry.visible or tuple(candidate for candidate in entry.candidates if candidate.text is not None)
    if not texts:
        return None
    return ChoiceSet(
        request_id=entry.request.id,
        agent=hash_agent(entry),
        at=entry.request.created_at,
        prompt_version=entry.request.prompt_version,
        conversation=entry.request.conversation,
        shown=to_shown_candidates(texts),
        picked=None,
    )


def predict(ranker: Ranker, choice_sets: Sequence[ChoiceSet]) -> list[Prediction]:
    """A person that the ranker has not seen is averaged over those that it has."""
    if not choice_sets:
        return []
    x = standardise(measure_features(choice_sets, ranker.idf), ranker.scales)
    design = build_design(choice_sets, x, ranker.names, "picks")
    p, none = predict_marginal(design, ranker.parameters)
    qualities = ranker.score_design(design)
    ends = design.starts[1:]
    return [
        Prediction(scores=tuple(scores.tolist()), probabilities=tuple(each.tolist()), none=float(outside))
        for scores, each, outside in zip(np.split(qualities, ends), np.split(p, ends), none, strict=True)
    ]

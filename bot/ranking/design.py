"""Choice sets as arrays: a row a candidate, sets ragged and end to end, effects as indices."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.features import FEATURES, FloatArray, InverseDocumentFrequency, featurise

IntArray = NDArray[np.int64]

POSITIONS: Final = 10
"""Positions have an effect each up to here; further ones share the last."""

MAX_DEVIATIONS: Final = 10.0
"""Deviations from the mean that a feature is let be: what is rarer than one in a hundred would weigh without bound."""


_VERSION: Final = re.compile("#[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A feature's frozen scale: (value - mean) / deviation; what was not measured is at the mean."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectNames:
    """The names that have effects, in the order of their indices."""

    features: tuple[str, ...]
    styles: tuple[str, ...]
    models: tuple[str, ...]
    prompts: tuple[str, ...]
    agents: tuple[str, ...]
    positions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """N candidates in D sets. An index equal to the number of names is an unknown name, whose effect is 0."""

    names: EffectNames
    x: FloatArray  # (N, features): scaled, centred within the set
    style: IntArray  # (N,)
    model: IntArray  # (N,)
    position: IntArray  # (N,) from 0
    prompt: IntArray  # (D,)
    agent: IntArray  # (D,)
    starts: IntArray  # (D,) first row of each set
    sizes: IntArray  # (D,)
    picked: IntArray  # (D,) row, -1 for the outside option
    weight: FloatArray  # (D,)

    @property
    def sets(self) -> IntArray:
        """Index of each row's set, (N,)."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def fit_scales(raw: FloatArray) -> tuple[Scale, ...]:
    """Fit the scale of each column to what was measured; a constant column gets the deviation 1."""
    found = []
    for column in raw.T:
        known = column[np.isfinite(column)]
        deviation = float(known.std()) if known.size else 0.0
        mean = float(known.mean()) if known.size else 0.0
        found.append(Scale(mean=mean, deviation=deviation if deviation > 1e-9 else 1.0))
    return tuple(found)


def standardise(raw: FloatArray, scales: Sequence[Scale]) -> FloatArray:
    """Scale features, at most MAX_DEVIATIONS to each side; NaN becomes 0."""
    means = np.array([scale.mean for scale in scales])
    deviations = np.array([scale.deviation for scale in scales])
    scaled: FloatArray = raw - means
    scaled /= deviations  # in place: a long log is a large array
    np.nan_to_num(scaled, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(scaled, -MAX_DEVIATIONS, MAX_DEVIATIONS, out=scaled)


def centre(x: FloatArray, starts: IntArray, sizes: IntArray) -> FloatArray:
    """Subtract from each column its mean within the set."""
    if not len(starts):
        return x
    means = np.add.reduceat(x, starts, axis=0) / sizes[:, None]
    return np.asarray(x - np.repeat(means, sizes, axis=0), dtype=np.float64)


def measure_features(choice_sets: Iterable[ChoiceSet], idf: InverseDocumentFrequency) -> FloatArray:
    """Measure raw features of all candidates, end to end: (N, features); NaN where texts were forgotten."""
    rows = [
        featurise(choice_set.conversation, choice_set.shown, idf)
        if all(candidate.text for candidate in choice_set.shown)
        else np.full((len(choice_set.shown), len(FEATURES)), np.nan)
        for choice_set in choice_sets
    ]
    return np.concatenate(rows) if rows else np.empty((0, len(FEATURES)))


def collect_names(choice_sets: Sequence[ChoiceSet]) -> EffectNames:
    """Collect all that is named in these choice sets, sorted."""
    shown = [candidate for choice_set in choice_sets for candidate in choice_set.shown]
    return EffectNames(
        features=tuple(FEATURES),
        styles=tuple(sorted({candidate.style for candidate in shown})),
        models=tuple(sorted({candidate.model for candidate in shown})),
        prompts=tuple(sorted({choice_set.prompt_version for choice_set in choice_sets})),
        agents=tuple(sorted({choice_set.agent for choice_set in choice_sets})),
        positions=min(POSITIONS, max((len(choice_set.shown) for choice_set in choice_sets), default=1)),
    )


def label_styles(keys: Iterable[str]) -> dict[str, str]:
    """Label styles as they were worded: by their names alone, where a name has one wording."""
    names = {key: _VERSION.sub("", key) for key in keys}
    wordings = Counter(names.values())
    return {key: key if wordings[name] > 1 else name for key, name in names.items()}


def build_design(choice_sets: Sequence[ChoiceSet], x: FloatArray, names: EffectNames, weights: Weights) -> Design:
    """Build the design of these choice sets; `x` are their scaled features, not yet centred."""
    sizes = np.array([len(choice_set.shown) for choice_set in choice_sets], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[: len(sizes)]
    shown = [candidate for choice_set in choice_sets for candidate in choice_set.shown]
    picked = [-1 if choice_set.picked is None else choice_set.picked for choice_set in choice_sets]
    within = np.array(picked, dtype=np.int64)
    position = np.array([candidate.position - 1 for candidate in shown], dtype=np.int64)
    return Design(
        names=names,
        x=centre(x, starts, sizes),
        style=_index_names((candidate.style for candidate in shown), names.styles),
        model=_index_names((candidate.model for candidate in shown), names.models),
        position=np.minimum(position, names.positions - 1),
        prompt=_index_names((choice_set.prompt_version for choice_set in choice_sets), names.prompts),
        agent=_index_names((choice_set.agent for choice_set in choice_sets), names.agents),
        starts=starts,
        sizes=sizes,
        picked=np.where(within < 0, -1, starts + within),
        weight=np.array([choice_set.weight(weights) for choice_set in choice_sets]),
    )


def select_sets(design: Design, sets: IntArray) -> Design:
    """Select some of a design's sets, by index, with all its names."""
    sizes = design.sizes[sets]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[: len(sizes)]
    shift = starts - design.starts[sets]
    rows = np.arange(int(sizes.sum())) - np.repeat(shift, sizes)
    picked = design.picked[sets]
    return replace(
        design,
        x=design.x[rows],
        style=design.style[rows],
        model=design.model[rows],
        position=design.position[rows],
        prompt=design.prompt[sets],
        agent=design.agent[sets],
        starts=starts,
        sizes=sizes,
        picked=np.where(picked < 0, -1, picked + shift),
        weight=design.weight[sets],
    )


def _index_names(values: Iterable[str], names: Sequence[str]) -> IntArray:
    """Look up each value's index; an unknown one gets the number of names."""
    places = {name: index for index, name in enumerate(names)}
    return np.array([places.get(value, len(names)) for value in values], dtype=np.int64)

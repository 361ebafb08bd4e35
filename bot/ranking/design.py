"""Choice sets as arrays: a row a candidate, sets ragged and end to end, effects as indices."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.features import FEATURES, FloatArray, compute_idf, featurise

IntArray = NDArray[np.int64]

POSITIONS: Final = 10
"""Positions have an effect each up to here; further ones share the last."""

MAX_DEVIATIONS: Final = 10.0
"""Deviations from the mean that a feature is let be: what is rarer than one in a hundred would weigh without bound."""

_VERSION: Final = re.compile("#[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectNames:
    """The names that have effects, in the order of their indices."""

    features: tuple[str, ...]
    styles: tuple[str, ...]
    models: tuple[str, ...]
    prompts: tuple[str, ...]
    agents: tuple[str, ...]
    positions: int


@dataclass(frozen=True, kw_only=True)
class Design:
    """N candidates in D sets. An index equal to the number of names is an unknown name, whose effect is 0."""

    names: EffectNames
    x: FloatArray  # (N, features): scaled, centred within the set
    style: IntArray  # (N,)
    model: IntArray  # (N,)
    prompt: IntArray  # (N,)
    position: IntArray  # (N,) from 0
    agent: IntArray  # (D,)
    sizes: IntArray  # (D,)
    picked: IntArray  # (D,) row, -1 for the outside option
    weight: FloatArray  # (D,)

    @cached_property
    def starts(self) -> IntArray:
        """First row of each set, (D,)."""
        return find_starts(self.sizes)

    @property
    def indices(self) -> tuple[tuple[IntArray, int], ...]:
        """Index and number of styles, models, prompts and positions, in the order of their effects."""
        return (
            (self.style, len(self.names.styles)),
            (self.model, len(self.names.models)),
            (self.prompt, len(self.names.prompts)),
            (self.position, self.names.positions),
        )


def find_starts(sizes: IntArray) -> IntArray:
    """Find the first row of each set, of ragged sets that stand end to end."""
    return np.asarray(np.cumsum(sizes) - sizes, dtype=np.int64)


def fit_scales(raw: FloatArray) -> FloatArray:
    """Fit mean and deviation of each column, (features, 2), to what was measured; a constant has the deviation 1."""
    known = [column[np.isfinite(column)] for column in raw.T]
    found = [(float(each.mean()), float(each.std())) if each.size else (0.0, 0.0) for each in known]
    return np.array([(mean, deviation if deviation > 1e-9 else 1.0) for mean, deviation in found]).reshape(-1, 2)


def standardise(raw: FloatArray, scales: FloatArray) -> FloatArray:
    """Scale features to (value - mean) / deviation, at most MAX_DEVIATIONS to each side; NaN becomes 0."""
    scaled: FloatArray = raw - scales[:, 0]
    scaled /= scales[:, 1]  # in place: a long log is a large array
    np.nan_to_num(scaled, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(scaled, -MAX_DEVIATIONS, MAX_DEVIATIONS, out=scaled)


def centre(x: FloatArray, sizes: IntArray) -> FloatArray:
    """Subtract from each column its mean within the set."""
    if not len(sizes):
        return x
    means = np.add.reduceat(x, find_starts(sizes), axis=0) / sizes[:, None]
    return np.asarray(x - np.repeat(means, sizes, axis=0), dtype=np.float64)


def measure_features(choice_sets: Iterable[ChoiceSet], idf: Sequence[float]) -> FloatArray:
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
    shown = [candidate for choice_set in choice_sets for candidate in choice_set.shown]
    within = np.array([-1 if each.picked is None else each.picked for each in choice_sets], dtype=np.int64)
    position = np.array([candidate.position - 1 for candidate in shown], dtype=np.int64)
    return Design(
        names=names,
        x=centre(x, sizes),
        style=_index_names((candidate.style for candidate in shown), names.styles),
        model=_index_names((candidate.model for candidate in shown), names.models),
        prompt=np.repeat(_index_names((each.prompt_version for each in choice_sets), names.prompts), sizes),
        position=np.minimum(position, names.positions - 1),
        agent=_index_names((choice_set.agent for choice_set in choice_sets), names.agents),
        sizes=sizes,
        picked=np.where(within < 0, -1, find_starts(sizes) + within),
        weight=np.array([choice_set.weight(weights) for choice_set in choice_sets]),
    )


def build_whole_design(choice_sets: Sequence[ChoiceSet], weights: Weights) -> Design:
    """Build the design of a whole log. Scales and word frequencies are of all of it: no choice is in them."""
    raw = measure_features(choice_sets, compute_idf([choice_set.conversation for choice_set in choice_sets]))
    return build_design(choice_sets, standardise(raw, fit_scales(raw)), collect_names(choice_sets), weights)


def select_sets(design: Design, sets: IntArray) -> Design:
    """Select some of a design's sets, by index, with all its names."""
    sizes, picked = design.sizes[sets], design.picked[sets]
    shift = find_starts(sizes) - design.starts[sets]
    rows = np.arange(int(sizes.sum())) - np.repeat(shift, sizes)
    return replace(
        design,
        x=design.x[rows],
        style=design.style[rows],
        model=design.model[rows],
        prompt=design.prompt[rows],
        position=design.position[rows],
        agent=design.agent[sets],
        sizes=sizes,
        picked=np.where(picked < 0, -1, picked + shift),
        weight=design.weight[sets],
    )


def drop_features(design: Design, without: Collection[str]) -> Design:
    """Keep the same sets, without what these features tell."""
    kept = [index for index, name in enumerate(design.names.features) if name not in without]
    names = replace(design.names, features=tuple(design.names.features[index] for index in kept))
    return replace(design, names=names, x=design.x[:, kept])


def keep_positions_only(design: Design) -> Design:
    """Keep the same sets, with nothing known but positions and persons."""
    names, unknown = replace(design.names, features=(), styles=(), models=(), prompts=()), np.zeros_like(design.style)
    return replace(design, names=names, x=design.x[:, :0], style=unknown, model=unknown, prompt=unknown)


def drop_agents(design: Design) -> Design:
    """Keep the same sets, all persons alike."""
    return replace(design, names=replace(design.names, agents=()), agent=np.zeros_like(design.agent))


def _index_names(values: Iterable[str], names: Sequence[str]) -> IntArray:
    """Look up each value's index; an unknown one gets the number of names."""
    places = {name: index for index, name in enumerate(names)}
    return np.array([places.get(value, len(names)) for value in values], dtype=np.int64)

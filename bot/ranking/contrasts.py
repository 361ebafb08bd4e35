"""Which style, model or prompt wins: contrasts with clustered errors, the probability of being best, what is needed.

How many picks a contrast needs, to be found in four of five logs like this one (two-sided, 5%):

    needed = n · V · ((1.960 + 0.842) / δ)²        δ = 0.3, or the difference found if that is larger

V is the contrast's variance, from the fit with errors clustered, but never less than what n picks of agents without any
preference could tell. With K different styles in every choice set that is 2K/n: at K = 3, 523 picks for 0.3.

Priors pull effects towards 0, and little data would look sure of it: what the pull may hide is added to the variance.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

import numpy as np

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.clusters import cluster_choice_sets
from bot.ranking.design import build_whole_design, drop_features, label_styles
from bot.ranking.estimates import LENGTH, Effect, Estimates, estimate_effects
from bot.ranking.features import FEATURES, FloatArray
from bot.ranking.logit import PRIOR_DEVIATION

ContrastKind = Literal["styles", "models", "prompts"]
KINDS: Final[tuple[ContrastKind, ...]] = ("styles", "models", "prompts")

WORTH_KNOWING: Final = 0.3
"""The difference, in log-odds, that a comparison is to find: e^0.3 is picked 1.35 times as often."""

FEW: Final = 30
"""Picks below which it is too early to say that something cannot be told."""

WITHOUT_TEXT: Final = tuple(FEATURES)
"""Text features left out, so that a style is what it makes of a text: nothing of it is explained away."""

WITHOUT_ALL_BUT_LENGTH: Final = tuple(name for name in FEATURES if name not in LENGTH)
"""Only length is left in, as a covariate."""

_POWER: Final = 1.959964 + 0.841621
_DRAWS: Final = 20_000
_SEED: Final = 20_261_122

Finding = Literal["better", "worse", "no_difference", "not_enough", "cannot_tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One name: how often it was shown and picked (for a prompt: choice sets), its effect beside the mean of its kind,
    all in all and at equal length, and how probable it is that it is the best; None where that cannot be told.
    """

    kind: ContrastKind
    name: str
    shown: int
    picked: int
    effect: Effect | None
    equal_length: Effect | None
    best: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairContrast:
    """One against another: `found` says whether it is better, all in all; `equal_length` is what is left of that.

    `needed` picks in all, and how many are `missing`; None where no number would do.
    """

    kind: ContrastKind
    one: str
    other: str
    effect: Effect | None
    equal_length: Effect | None
    found: Finding
    needed: int | None
    missing: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectComparison:
    """All names of all kinds, and all pairs within a kind; the best first."""

    displays: int
    picks: int
    agents: int
    standings: tuple[Standing, ...]
    pairs: tuple[PairContrast, ...]


def compare_effects(choice_sets: Sequence[ChoiceSet], *, weights: Weights) -> EffectComparison:
    """Compare all styles, models and prompts of a log of any size.

    What it is too small for is `not_enough`.
    """
    picks = sum(choice_set.picked is not None for choice_set in choice_sets)
    views = _fit_views(choice_sets, weights) if picks else []
    standings = [standing for kind in KINDS for standing in _rank_names(choice_sets, kind, views)]
    pairs = [
        _contrast_pair(kind, one, other, views, picks)
        for kind in KINDS
        for one, other in combinations([standing.name for standing in standings if standing.kind == kind], 2)
    ]
    labels = label_styles(standing.name for standing in standings if standing.kind == "styles")
    return EffectComparison(
        displays=len(choice_sets),
        picks=picks,
        agents=len({choice_set.agent for choice_set in choice_sets}),
        standings=tuple(replace(each, name=labels.get(each.name, each.name)) for each in standings),
        pairs=tuple(
            replace(each, one=labels.get(each.one, each.one), other=labels.get(each.other, each.other))
            for each in pairs
        ),
    )


@dataclass(frozen=True, slots=True)
class _View:
    """Estimates, with what the priors' pull may hide, and the information of indifferent agents.

    With one cluster, which is not `is_clustered`, nothing is estimated.
    """

    estimates: Estimates
    pull: FloatArray
    information: FloatArray
    is_clustered: bool

    def estimate(self, vector: FloatArray) -> Effect | None:
        """Estimate a contrast; None if one agent only has picked, or if the log does not tell the two apart."""
        if not self.is_clustered or math.isnan(self.compute_indifferent_variance(vector)):
            return None
        return self.estimates.estimate(vector, hidden=float(vector @ self.pull @ vector))

    def compute_indifferent_variance(self, vector: FloatArray) -> float:
        """Compute a contrast's variance if agents had no preference; NaN if no number of picks would tell it."""
        inverse = np.linalg.pinv(self.information, rcond=1e-9, hermitian=True)
        if not np.allclose(self.information @ inverse @ vector, vector, atol=1e-6):
            return math.nan
        return float(vector @ inverse @ vector)

    def compute_best(self, kind: ContrastKind) -> dict[str, float]:
        """Compute the probability of each that none of its kind is better, from draws of Student's t."""
        at = [index for index, (found, _) in enumerate(self.estimates.labels) if found == kind]
        names = [self.estimates.labels[index][1] for index in at]
        vectors = [self.estimates.build_contrast(kind, name) for name in names]
        if any(self.estimate(vector) is None for vector in vectors):
            return {}
        rng = np.random.default_rng(_SEED)
        pulled = self.estimates.influence[:, at]
        covariance = pulled.T @ pulled + self.pull[np.ix_(at, at)]
        noise = rng.multivariate_normal(np.zeros(len(at)), covariance, _DRAWS, method="eigh")
        freedom = min(map(self.estimates.compute_freedom, vectors))
        tails = np.sqrt(freedom / rng.chisquare(freedom, _DRAWS))
        first = np.argmax(self.estimates.values[at] + noise * tails[:, None], axis=1)
        shares = np.bincount(first, minlength=len(at)) / _DRAWS
        return dict(zip(names, shares.tolist(), strict=True))


def _fit_views(choice_sets: Sequence[ChoiceSet], weights: Weights) -> list[_View]:
    """Fit these choice sets without their texts, and with length alone."""
    design, clusters = build_whole_design(choice_sets, weights), cluster_choice_sets(choice_sets)
    found = [
        estimate_effects(drop_features(design, without), clusters).select(KINDS)
        for without in (WITHOUT_TEXT, WITHOUT_ALL_BUT_LENGTH)
    ]
    information = _compute_information(choice_sets, found[0].labels)
    prior = np.diag([PRIOR_DEVIATION[kind] ** -2.0 for kind, _ in found[0].labels])
    pull = np.linalg.inv(information + prior)
    return [_View(each, pull @ prior @ pull, information, clusters.count > 1) for each in found]


def _compute_information(choice_sets: Sequence[ChoiceSet], labels: Sequence[tuple[str, str]]) -> FloatArray:
    """Compute Fisher's information of the effects if agents had no preference, and picked as often as they do.

    Styles and models are told apart within a choice set, Σ (mean of x·xᵀ - mean of x · mean of xᵀ), by what their
    positions do not tell. A prompt is the same for a whole set, and tells itself by how often anything is picked:
    q(1 - q).
    """
    places = {label: index for index, label in enumerate(labels)}
    largest = max(len(choice_set.shown) for choice_set in choice_sets)
    found = np.zeros((len(labels) + largest, len(labels) + largest))
    by_size: dict[int, list[ChoiceSet]] = {}
    for choice_set in choice_sets:
        by_size.setdefault(len(choice_set.shown), []).append(choice_set)
    for size, group in by_size.items():
        for start in range(0, len(group), 10_000):
            found += _sum_within_sets(group[start : start + 10_000], size, places, len(found))
    ours, cross, of_places = (
        found[: len(labels), : len(labels)], found[: len(labels), len(labels) :], found[len(labels) :, len(labels) :]
    )  # fmt: skip
    rate = sum(choice_set.picked is not None for choice_set in choice_sets) / len(choice_sets)
    apart = rate * (ours - cross @ np.linalg.pinv(of_places, rcond=1e-9, hermitian=True) @ cross.T)
    prompts = [places["prompts", choice_set.prompt_version] for choice_set in choice_sets]
    np.add.at(apart, (prompts, prompts), rate * (1 - rate))
    return np.asarray(apart)


def _sum_within_sets(
    group: Sequence[ChoiceSet], size: int, places: dict[tuple[str, str], int], width: int
) -> FloatArray:
    """Sum mean of x·xᵀ - mean of x · mean of xᵀ over choice sets of one size."""
    rows = np.zeros((len(group) * size, width))
    shown = [candidate for choice_set in group for candidate in choice_set.shown]
    every = np.arange(len(rows))
    rows[every, [places["styles", candidate.style] for candidate in shown]] = 1
    rows[every, [places["models", candidate.model] for candidate in shown]] = 1
    rows[every, len(places) + every % size] = 1
    sums = rows.reshape(len(group), size, width).sum(axis=1)
    return np.asarray(rows.T @ rows / size - sums.T @ sums / size**2)


def _rank_names(choice_sets: Sequence[ChoiceSet], kind: ContrastKind, views: Sequence[_View]) -> list[Standing]:
    """Rank the names of a kind, the best first; without estimates, the most often picked first."""
    shown, picked = Counter[str](), Counter[str]()
    for choice_set in choice_sets:
        names = _list_names(choice_set, kind)
        shown.update(names)
        if choice_set.picked is not None:
            picked[names[0 if kind == "prompts" else choice_set.picked]] += 1
    several = views if len(shown) > 1 else []
    best = several[0].compute_best(kind) if several else {}
    found = []
    for name in shown:
        effects = [view.estimate(view.estimates.build_contrast(kind, name)) for view in several] or [None, None]
        found.append(
            Standing(
                kind=kind,
                name=name,
                shown=shown[name],
                picked=picked[name],
                effect=effects[0],
                equal_length=effects[1],
                best=best.get(name),
            )
        )
    return sorted(found, key=lambda each: (-(each.effect.mean if each.effect else 0.0), -each.picked, each.name))


def _list_names(choice_set: ChoiceSet, kind: ContrastKind) -> list[str]:
    """List the names of a kind in a choice set, one a candidate; one in all for prompts."""
    if kind == "prompts":
        return [choice_set.prompt_version]
    return [candidate.style if kind == "styles" else candidate.model for candidate in choice_set.shown]


def _contrast_pair(kind: ContrastKind, one: str, other: str, views: Sequence[_View], picks: int) -> PairContrast:
    """Contrast one name with another."""
    effects: list[Effect | None] = [None, None]
    found: Finding = "not_enough"
    needed = None
    if views:
        vector = views[0].estimates.build_contrast(kind, one, other)
        effects = [view.estimate(vector) for view in views]
        needed = _compute_needed(views[0], effects[0], vector, picks)
        found = _decide(effects[0], needed, picks)
    return PairContrast(
        kind=kind,
        one=one,
        other=other,
        effect=effects[0],
        equal_length=effects[1],
        found=found,
        needed=needed,
        missing=None if needed is None else max(0, needed - picks),
    )


def _compute_needed(view: _View, effect: Effect | None, vector: FloatArray, picks: int) -> int | None:
    """Compute the picks that this contrast needs; None if no number would do."""
    variance, aim = view.compute_indifferent_variance(vector), WORTH_KNOWING
    if math.isnan(variance):
        return None
    if effect is not None:
        variance = max(variance, view.estimates.compute_variance(vector) + float(vector @ view.pull @ vector))
        aim = max(aim, abs(effect.mean))
    return math.ceil(picks * variance * (_POWER / aim) ** 2)


def _decide(effect: Effect | None, needed: int | None, picks: int) -> Finding:
    """Decide what is found of a contrast."""
    if needed is None and picks >= FEW:
        return "cannot_tell"
    if effect is None or needed is None or picks < needed:
        return "not_enough"
    if effect.lower > 0:
        return "better"
    return "worse" if effect.upper < 0 else "no_difference"

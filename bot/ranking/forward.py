"""Choices predicted forward: each block of a log by models of what came before it, as a running bot predicts.

Tastes change, so a choice weighs 2^(-age / half-life), age in decided requests. The rate is learned: three half-lives
are fitted side by side, and each block is predicted by the one that predicted the blocks before it best. A slower one
is preferred by FAVOUR nats a step, since a faster one learns from fewer choices: that is noise while tastes stand
still.

    gain = log L(order shown) - log Σ_s P(s)·L(s)

L is the likelihood that the agent's pick stood where it stood; s are the order shown and its cyclic shifts, P their
probabilities by the policy that drew the order. An agent who does not care what stands where picks a position whatever
the order was: then exp(gain) is 1 on average, whatever the model, the agent's habits, and how the log goes on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import logsumexp

from bot.ranking.choice_sets import ChoiceSet, Weights
from bot.ranking.design import Design, IntArray, build_whole_design, select_sets
from bot.ranking.features import FloatArray
from bot.ranking.logit import Parameters, compute_qualities, fit_logit

HALF_LIVES: Final = (12_800, 2_000, 400)
"""Decided requests after which a choice weighs half, the slowest first."""

MEMORY: Final = 4
"""Half-lives that a fit reads back: what is older weighs less than a sixteenth."""

FIRST: Final = 50
STEP: Final = 200
LONG_STEP: Final = 1_000
"""Blocks are of STEP decided requests up to the 10,000th, then of LONG_STEP; the first begins after FIRST."""

TRUSTS: Final = (1.0, 0.5, 0.25)
"""Shares of what was learned of a reply's quality that are bet on: from few choices much is noise."""

FAVOUR: Final = 0.4
_REMEMBERED: Final = 0.6
"""A block's gains count so much less with each block since, where a half-life is chosen."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Gains of picks over an order that tells nothing, (D, TRUSTS), and the half-life that predicts best.

    A gain is 0 where nobody picked.
    """

    gains: FloatArray
    half_life: int


class ForwardPredictor:
    """Predicts blocks one after another, each by the half-life that predicted the blocks before it best."""

    def __init__(self) -> None:
        self._scores = np.zeros(len(HALF_LIVES))

    @property
    def half_life(self) -> int:
        """The half-life that predicts best, so far."""
        return HALF_LIVES[self._select()]

    def predict(self, design: Design, choice_sets: Sequence[ChoiceSet], start: int, end: int) -> FloatArray:
        """Predict a block of a design: the gains of its picks, (end - start, TRUSTS)."""
        block, shown = select_sets(design, np.arange(start, end)), choice_sets[start:end]
        found = [measure_gains(block, fit_recent(design, start, half_life), shown) for half_life in HALF_LIVES]
        selected = found[self._select()]
        self._scores = _REMEMBERED * self._scores + np.sum(found, axis=1).max(axis=1)
        return selected

    def _select(self) -> int:
        return int(np.argmax(self._scores - FAVOUR * np.arange(len(HALF_LIVES))))


def predict_forward(choice_sets: Sequence[ChoiceSet], *, weights: Weights, blocks: int | None = None) -> Forward:
    """Predict all blocks of a log, or the last so many, each by what came before."""
    gains, predictor = np.zeros((len(choice_sets), len(TRUSTS))), ForwardPredictor()
    parts = list(_split_blocks(len(choice_sets)))
    if not parts:
        return Forward(gains, predictor.half_life)
    design = build_whole_design(choice_sets, weights)
    for start, end in parts[-blocks:] if blocks else parts:
        gains[start:end] = predictor.predict(design, choice_sets, start, end)
    return Forward(gains, predictor.half_life)


def fit_recent(design: Design, end: int, half_life: int) -> Parameters:
    """Fit the choices before `end`, the newer the more."""
    known = np.arange(max(0, end - MEMORY * half_life), end)
    part = select_sets(design, known)
    return fit_logit(replace(part, weight=part.weight * weigh_by_age(len(known), half_life)))


def weigh_by_age(count: int, half_life: int) -> FloatArray:
    """Weigh so many choices, the newest last, which weighs 1."""
    return np.asarray(0.5 ** (np.arange(count - 1, -1, -1) / half_life), dtype=np.float64)


def measure_gains(design: Design, parameters: Parameters, choice_sets: Sequence[ChoiceSet]) -> FloatArray:
    """Measure the gains of picks, (D, TRUSTS). An order of unknown origin counts as drawn evenly."""
    quality = compute_qualities(design, parameters)
    personal = np.vstack([parameters.random_effects, np.zeros(2)])[design.agent]
    none = parameters.none[0] + parameters.none[1] * np.log(design.sizes) + personal[:, 1]
    gains = np.zeros((len(design.sizes), len(TRUSTS)))
    for size in np.unique(design.sizes).tolist():
        sets = np.flatnonzero((design.sizes == size) & (design.picked >= 0))
        rows = design.starts[sets, None] + np.arange(size)
        places = parameters.positions[design.position[rows]]
        places[:, 0] += personal[sets, 0]
        picked = (design.picked[sets] - design.starts[sets])[:, None]
        drawn = np.array([choice_sets[index].shifts or (1 / size,) * size for index in sets.tolist()]).reshape(-1, size)
        for column, trust in enumerate(TRUSTS):
            utilities = (np.roll(trust * quality[rows], -shift, axis=1) + places for shift in range(size))
            likelihoods = [_compute_log_likelihood(each, none[sets], picked) for each in utilities]
            gains[sets, column] = likelihoods[0] - logsumexp(np.stack(likelihoods, axis=1), b=drawn, axis=1)
    return gains


def _compute_log_likelihood(utility: FloatArray, none: FloatArray, picked: IntArray) -> FloatArray:
    """Compute the log-likelihood of each set's pick, given by its place."""
    total = np.logaddexp(logsumexp(utility, axis=1), none)
    return np.asarray(np.take_along_axis(utility, picked, axis=1)[:, 0] - total)


def _split_blocks(count: int) -> Iterator[tuple[int, int]]:
    start = FIRST
    while start < count:
        end = min(count, start + (STEP if start < 10_000 else LONG_STEP))
        yield start, end
        start = end

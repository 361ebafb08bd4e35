"""Habits: what an agent's earlier choices tell of the next one, before the replies are read.

People keep to the first reply, or read on, for a while: within a thread more than for ever. So the next pick is
predicted from what a running bot knows at that moment: the share of the first place among the agent's picks so far, and
in this thread; the places picked below it; how often, and if just now, nothing was picked. Who keeps to the first place
reads less, so quality counts less for them. Replies are never ordered by this: the ranker's quality is taken as it is.

    P(i | a pick) = softmax(b_position + h·habits_i + (q + r·log-odds of the first place)·quality_i)
    P(none)       = logistic(d·(1, log-odds of none, none just now, log K))
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from bot.ranking.choice_sets import ChoiceSet
from bot.ranking.design import find_starts
from bot.ranking.features import FloatArray

PLACES: Final = 10
COLUMNS: Final = PLACES + 5
NONE_COLUMNS: Final = 4

PRIOR_PICKS: Final = 4.0
"""Picks that the habits of an agent who is not known yet are worth."""

THREAD_PICKS: Final = 3.0
"""Picks that an agent's habit is worth at the beginning of a thread."""

KEPT: Final = 0.9
"""A habit of places below the first, and of picking nothing, counts so much less with each choice since."""

_FIRST: Final = 0.45
_NONE: Final = 0.25
_FEWEST: Final = 0.01
_PRECISION: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitState:
    """An agent's habits so far; as it is here, those of somebody who is not known."""

    picks: float = 0.0
    firsts: float = 0.0
    thread: str = ""
    thread_picks: float = 0.0
    thread_firsts: float = 0.0
    below: tuple[float, ...] = (1.0 / (PLACES - 1),) * (PLACES - 1)
    none: float = _NONE
    none_just_now: float = 0.0

    @property
    def first(self) -> float:
        """Share of the first place among the picks so far."""
        return (self.firsts + PRIOR_PICKS * _FIRST) / (self.picks + PRIOR_PICKS)

    def observe(self, choice_set: ChoiceSet) -> Self:
        if choice_set.picked is None:
            return replace(self, none=KEPT * self.none + 1 - KEPT, none_just_now=1.0)
        is_here, is_first = self.thread == choice_set.thread, float(choice_set.picked == 0)
        at = min(choice_set.picked, PLACES - 1) - 1
        seen = [KEPT * share + (1 - KEPT) * (place == at) for place, share in enumerate(self.below)]
        return replace(
            self,
            picks=self.picks + 1,
            firsts=self.firsts + is_first,
            thread=choice_set.thread,
            thread_picks=self.thread_picks * is_here + 1,
            thread_firsts=self.thread_firsts * is_here + is_first,
            below=self.below if is_first else tuple(max(_FEWEST, share) for share in seen),
            none=KEPT * self.none,
            none_just_now=0.0,
        )

    def describe_places(self, thread: str, count: int) -> FloatArray:
        """Describe each of so many places: (count, PLACES + 3), those of the position first."""
        found = np.zeros((count, PLACES + 3))
        found[np.arange(count), np.minimum(np.arange(count), PLACES - 1)] = 1.0
        is_here = self.thread == thread
        share = (is_here * self.thread_firsts + THREAD_PICKS * self.first) / (
            is_here * self.thread_picks + THREAD_PICKS
        )
        found[0, PLACES], found[0, PLACES + 1] = _logit(self.first), _logit(share)
        found[1:, PLACES + 2] = np.log([self.below[min(place, PLACES - 1) - 1] for place in range(1, count)])
        return found

    def describe_none(self, count: int) -> FloatArray:
        """Describe the outside option beside so many candidates, (NONE_COLUMNS,)."""
        return np.array([1.0, _logit(self.none), self.none_just_now, math.log(count)])


@dataclass(frozen=True, slots=True)
class HabitRow:
    """An agent's habits before one choice set."""

    places: FloatArray  # (K, PLACES + 3)
    none: FloatArray  # (NONE_COLUMNS,)
    first: float


class HabitTracker:
    """Follows agents through a log, in the order of time."""

    def __init__(self, states: Mapping[str, HabitState] | None = None) -> None:
        self.states = dict(states or {})

    def describe(self, choice_set: ChoiceSet) -> HabitRow:
        """Describe the habits of a choice set's agent as they are before it."""
        state, count = self.states.get(choice_set.agent, HabitState()), len(choice_set.shown)
        return HabitRow(
            state.describe_places(choice_set.thread, count), state.describe_none(count), _logit(state.first)
        )

    def observe(self, choice_set: ChoiceSet) -> None:
        self.states[choice_set.agent] = self.states.get(choice_set.agent, HabitState()).observe(choice_set)


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitModel:
    """Weights of habits, of a pick and of none, and each agent's habits at the end of the training."""

    pick: FloatArray  # (COLUMNS,)
    none: FloatArray  # (NONE_COLUMNS,)
    states: Mapping[str, HabitState] = field(repr=False)

    def predict(self, row: HabitRow, quality: FloatArray) -> tuple[FloatArray, float]:
        """Predict the probability of each candidate, (K,), and of none."""
        utility = _join(row, quality) @ self.pick
        odds = np.exp(utility - utility.max())
        none = float(expit(row.none @ self.none))
        return (1 - none) * odds / odds.sum(), none

    def to_json(self) -> dict[str, Any]:
        states = {agent: _write_state(state) for agent, state in sorted(self.states.items())}
        return {"pick": self.pick.tolist(), "none": self.none.tolist(), "states": states}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Read it back. Raises KeyError, TypeError or ValueError if `to_json` did not write it."""
        pick, none = (np.array(found[name], dtype=np.float64) for name in ("pick", "none"))
        if pick.shape != (COLUMNS,) or none.shape != (NONE_COLUMNS,) or not np.isfinite([*pick, *none]).all():
            raise ValueError("the weights of habits are not all there")
        return cls(pick=pick, none=none, states={agent: _read_state(row) for agent, row in found["states"].items()})


def fit_habits(choice_sets: Sequence[ChoiceSet], qualities: Iterable[FloatArray]) -> HabitModel:
    """Fit the weights of habits, given each candidate's quality; the choice sets are in the order of time."""
    tracker, places, nones = HabitTracker(), [], []
    for choice_set, quality in zip(choice_sets, qualities, strict=True):
        row = tracker.describe(choice_set)
        tracker.observe(choice_set)
        nones.append(row.none)
        if choice_set.picked is not None:
            places.append(_join(row, quality))
    picked = [choice_set.picked for choice_set in choice_sets if choice_set.picked is not None]
    is_none = np.array([choice_set.picked is None for choice_set in choice_sets], dtype=np.float64)
    return HabitModel(pick=_fit_pick(places, picked), none=_fit_none(np.array(nones), is_none), states=tracker.states)


def _join(row: HabitRow, quality: FloatArray) -> FloatArray:
    """Join habits with quality, alone and by the log-odds of the first place: (K, COLUMNS)."""
    return np.column_stack([row.places, quality, row.first * quality])


def _fit_pick(places: Sequence[FloatArray], picked: Sequence[int]) -> FloatArray:
    """Fit a conditional logit of picks."""
    sizes = np.array([len(each) for each in places])
    starts, x = find_starts(sizes), np.concatenate(places)
    at = starts + np.array(picked)

    def compute_loss(weights: FloatArray) -> tuple[float, FloatArray]:
        utility = x @ weights
        top = np.maximum.reduceat(utility, starts)
        odds = np.exp(utility - np.repeat(top, sizes))
        total = np.add.reduceat(odds, starts)
        return np.sum(top + np.log(total) - utility[at]), x.T @ (odds / np.repeat(total, sizes)) - x[at].sum(axis=0)

    return _minimise(compute_loss, COLUMNS)


def _fit_none(x: FloatArray, is_none: FloatArray) -> FloatArray:
    """Fit a logistic regression of picking nothing."""

    def compute_loss(weights: FloatArray) -> tuple[float, FloatArray]:
        utility = x @ weights
        return np.sum(np.logaddexp(0.0, utility) - is_none * utility), x.T @ (expit(utility) - is_none)

    return _minimise(compute_loss, NONE_COLUMNS)


def _minimise(compute_loss: Callable[[FloatArray], tuple[float, FloatArray]], count: int) -> FloatArray:
    """Find the weights of the least loss, with normal priors, given the loss and its gradient."""

    def penalise(weights: FloatArray) -> tuple[float, FloatArray]:
        loss, slope = compute_loss(weights)
        return float(loss + 0.5 * _PRECISION * weights @ weights), slope + _PRECISION * weights

    return np.asarray(minimize(penalise, np.zeros(count), jac=True, method="L-BFGS-B").x)


def _write_state(state: HabitState) -> list[Any]:
    """Write a state, without the thread that it ended in: by the next choice that is another."""
    return [state.picks, state.firsts, state.none, state.none_just_now, list(state.below)]


def _read_state(row: Sequence[Any]) -> HabitState:
    picks, firsts, none, none_just_now = (float(value) for value in row[:4])
    below = tuple(float(value) for value in row[4])
    if len(below) != PLACES - 1 or not all(map(math.isfinite, (picks, firsts, none, none_just_now, *below))):
        raise ValueError("the habits of an agent are not all there")
    return HabitState(picks=picks, firsts=firsts, none=none, none_just_now=none_just_now, below=below)


def _logit(share: float) -> float:
    bounded = min(1 - _FEWEST, max(_FEWEST, share))
    return math.log(bounded / (1 - bounded))

"""Choices of one person are alike: errors are clustered by agent, or below ten agents by agent and day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from bot.ranking.choice_sets import Display
from bot.ranking.features import Array

ENOUGH_AGENTS: Final = 10
CONFIDENCE: Final = 0.95

ClusteredBy = Literal["agent", "agent_and_day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Each display's cluster, as an index from 0. Fewer than ten agents: by agent and day, which is too sure."""

    index: NDArray[np.int64]
    by: ClusteredBy

    @property
    def count(self) -> int:
        return int(self.index.max()) + 1 if self.index.size else 0

    @property
    def is_exploratory(self) -> bool:
        return self.by != "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and its 95% interval."""

    mean: float
    lower: float
    upper: float


def clusters_of(displays: Sequence[Display]) -> Clusters:
    """By agent where ten agents or more picked something."""
    agents = {display.agent for display in displays if display.picked is not None}
    by: ClusteredBy = "agent" if len(agents) >= ENOUGH_AGENTS else "agent_and_day"
    names = [display.agent if by == "agent" else f"{display.agent} {display.at.date()}" for display in displays]
    _, index = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return Clusters(index=np.asarray(index, dtype=np.int64), by=by)


def clustered_mean(values: Array, index: NDArray[np.int64]) -> Interval:
    """The mean with an interval by Student's t; with fewer than two clusters the interval is infinite."""
    mean = float(values.mean())
    _, dense = np.unique(index, return_inverse=True)
    clusters = int(dense.max()) + 1
    if clusters < 2:
        return Interval(mean=mean, lower=-np.inf, upper=np.inf)
    sums = np.bincount(dense, weights=values - mean)
    error = float(np.sqrt(np.sum(sums**2) * clusters / (clusters - 1))) / len(values)
    reach = quantile(clusters) * error
    return Interval(mean=mean, lower=mean - reach, upper=mean + reach)


def quantile(clusters: int) -> float:
    """How many standard errors the 95% interval reaches to each side."""
    return float(student.ppf((1 + CONFIDENCE) / 2, max(1, clusters - 1)))

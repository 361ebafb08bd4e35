"""Clusters of choice sets: choices of one person are alike, so errors are clustered by agent, or by agent and day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bot.ranking.choice_sets import ChoiceSet
from bot.ranking.promotion import MIN_AGENTS
from bot.stats.cluster_intervals import MIN_CLUSTERS

ClusteredBy = Literal["agent", "agent_and_day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Each choice set's cluster, as an index from 0. Fewer than five agents: by agent and day, which is too sure."""

    index: NDArray[np.int64]
    by: ClusteredBy

    @property
    def count(self) -> int:
        return int(self.index.max()) + 1 if self.index.size else 0

    @property
    def is_exploratory(self) -> bool:
        return self.by != "agent" or self.count < MIN_AGENTS


def cluster_choice_sets(choice_sets: Sequence[ChoiceSet]) -> Clusters:
    """Cluster by agent where at least MIN_CLUSTERS agents picked something, else by agent and day."""
    agents = {choice_set.agent for choice_set in choice_sets if choice_set.picked is not None}
    by: ClusteredBy = "agent" if len(agents) >= MIN_CLUSTERS else "agent_and_day"
    names = [
        choice_set.agent if by == "agent" else f"{choice_set.agent} {choice_set.at.date()}"
        for choice_set in choice_sets
    ]
    _, index = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return Clusters(index=np.asarray(index, dtype=np.int64), by=by)

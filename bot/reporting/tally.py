"""Counts of requests by outcome and cluster: the agent who asked, or, for one agent alone, the week."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import numpy as np

from bot.stats.cluster_intervals import Values
from storage.queries.reports import OutcomeCell

Outcome = Literal[
    "used", "edited", "dismissed", "tied", "redrafted", "expired", "open", "failed", "never_shown", "undone"
]

_SHOWN: Final = ("used", "edited", "dismissed", "tied", "redrafted", "expired", "open")
PARTS: Final[dict[str, tuple[str, ...]]] = {
    "eligible": (*_SHOWN, "failed", "never_shown"),
    "shown": _SHOWN,
    "accepted": ("used", "edited"),
    "undecided": ("expired", "open"),
    "choices": ("used", "edited", "dismissed", "tied", "undone"),
}
"""What is counted together."""


class OutcomeTally:
    """Counts by cluster and outcome, added to until they are read."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, cluster: str, outcome: Outcome, count: int) -> None:
        self._counts[cluster][outcome] += count

    def total(self, name: str) -> int:
        """Count an outcome, or several that are counted together."""
        return sum(self._count(counts, name) for counts in self._counts.values())

    @property
    def clusters(self) -> tuple[str, ...]:
        """Clusters with an eligible request, sorted."""
        return tuple(sorted(key for key, counts in self._counts.items() if self._count(counts, "eligible")))

    def count_by_cluster(self, name: str, clusters: Sequence[str] | None = None) -> Values:
        """Count an outcome, or several, in each of these clusters, in this order."""
        keys = self.clusters if clusters is None else clusters
        return np.array(
            [self._count(self._counts[key], name) if key in self._counts else 0 for key in keys], dtype=float
        )

    @staticmethod
    def _count(counts: Counter[str], name: str) -> int:
        return sum(counts[part] for part in PARTS.get(name, (name,)))


def classify_outcome(cell: OutcomeCell) -> Outcome:
    """Classify a request by its standing choice, else by its redraft, else by why there is none."""
    if cell.kind is not None:
        return cell.kind
    if cell.status == "redrafted":
        return "redrafted"
    if not cell.is_shown:
        return "failed" if cell.status == "failed" else "never_shown"
    return "expired" if cell.status == "expired" else "open"


def tally_outcomes(cells: Iterable[OutcomeCell]) -> OutcomeTally:
    """Tally outcomes by agent."""
    tally = OutcomeTally()
    for cell in cells:
        tally.add(cell.agent_id, classify_outcome(cell), cell.requests)
    return tally

"""Scales of charts, across in percent."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bot.stats.cluster_intervals import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAxis:
    """A logarithmic scale with a tick at each of these values, the first and the last at its ends."""

    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Return where a value is, in percent; beyond the ends it is at the end."""
        low, high = math.log(self.ticks[0]), math.log(self.ticks[-1])
        return 100 * (math.log(min(self.ticks[-1], max(self.ticks[0], value))) - low) / (high - low)


def make_decades(values: Iterable[int | None]) -> LogAxis:
    """Make an axis of tenfolds that has all of these on it."""
    known = [max(1, value) for value in values if value is not None] or [1]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)) + 0.01)
    return LogAxis(ticks=tuple(10.0**power for power in range(low, high + 1)))


def choose_axis_end(estimates: Iterable[Estimate]) -> float:
    """Choose a round end of an axis from 0 that has all of these on it."""
    highest = max((max(each.high or 0.0, each.value or 0.0) for each in estimates), default=1.0)
    return next((end for end in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8) if highest <= end), 1.0)


def choose_reach(differences: Iterable[Estimate]) -> float:
    """Choose how far an axis of differences goes to both sides of zero."""
    ends = [abs(end or 0.0) for each in differences for end in (each.low, each.high, each.value)]
    return max([0.05, *ends])

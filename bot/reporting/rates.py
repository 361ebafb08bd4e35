"""Rates of a tally, and their differences between periods."""

from collections.abc import Sequence
from typing import Final

from bot.reporting.report import Rate, RateBase, RateCase, RateChange
from bot.reporting.tally import OutcomeTally
from bot.stats.cluster_intervals import estimate_difference, estimate_share

Wanted = Sequence[tuple[RateCase, RateBase]]

ALL: Final[Wanted] = (
    ("shown", "eligible"),
    ("accepted", "eligible"),
    ("failed", "eligible"),
    ("accepted", "shown"),
    ("used", "shown"),
    ("edited", "shown"),
    ("dismissed", "shown"),
    ("redrafted", "shown"),
    ("undecided", "shown"),
    ("used", "accepted"),
    ("undone", "choices"),
)
WEEKLY: Final[Wanted] = (
    ("accepted", "eligible"),
    ("accepted", "shown"),
    ("used", "shown"),
    ("edited", "shown"),
    ("dismissed", "shown"),
    ("redrafted", "shown"),
    ("undecided", "shown"),
    ("failed", "eligible"),
)


def estimate_rates(tally: OutcomeTally, wanted: Wanted = ALL) -> tuple[Rate, ...]:
    """Estimate the rates of a tally, clustered as it is."""
    return tuple(
        Rate(case=case, of=of, estimate=estimate_share(tally.count_by_cluster(case), tally.count_by_cluster(of)))
        for case, of in wanted
    )


def compare_tallies(before: OutcomeTally, after: OutcomeTally) -> tuple[RateChange, ...]:
    """Compare each rate between two periods: agents of both are compared with themselves."""
    agents = sorted({*before.clusters, *after.clusters})
    return tuple(_compare_rate(case, of, before, after, agents) for case, of in WEEKLY)


def _compare_rate(
    case: RateCase, of: RateBase, before: OutcomeTally, after: OutcomeTally, agents: Sequence[str]
) -> RateChange:
    earlier = before.count_by_cluster(case, agents), before.count_by_cluster(of, agents)
    later = after.count_by_cluster(case, agents), after.count_by_cluster(of, agents)
    return RateChange(
        case=case,
        of=of,
        before=estimate_share(*earlier),
        after=estimate_share(*later),
        difference=estimate_difference(later, earlier),
    )

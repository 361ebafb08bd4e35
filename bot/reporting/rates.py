"""Rates of a tally, and their differences between weeks."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from bot.reporting.report import Rate, RateBase, RateCase, RateChange, WeekOverWeek
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


def compare_weeks(before: tuple[date, OutcomeTally], after: tuple[date, OutcomeTally]) -> WeekOverWeek:
    """Compare each rate between two weeks: agents of both are compared with themselves."""
    agents = sorted({*before[1].clusters, *after[1].clusters})
    return WeekOverWeek(
        before=before[0],
        after=after[0],
        changes=tuple(_compare_rate(case, of, before[1], after[1], agents) for case, of in WEEKLY),
    )


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

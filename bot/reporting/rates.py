"""The rates of a tally: which share, of what; and how they differ between weeks."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from bot.reporting.report import RateBase, RateCase, RateChange, Rate, WeekOverWeek
from bot.reporting.tally import Tally
from bot.stats.cluster_intervals import difference, share

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


def rates(tally: Tally, wanted: Wanted = ALL) -> tuple[Rate, ...]:
    return tuple(Rate(case=case, of=of, estimate=share(tally.vector(case), tally.vector(of))) for case, of in wanted)


def week_over_week(before: tuple[date, Tally], after: tuple[date, Tally]) -> WeekOverWeek:
    """Each rate in the two weeks, and the difference: agents of both are compared with themselves."""
    agents = sorted({*before[1].clusters, *after[1].clusters})
    return WeekOverWeek(
        before=before[0],
        after=after[0],
        changes=tuple(_change(case, of, before[1], after[1], agents) for case, of in WEEKLY),
    )


def _change(case: RateCase, of: RateBase, before: Tally, after: Tally, agents: Sequence[str]) -> RateChange:
    earlier = before.vector(case, agents), before.vector(of, agents)
    later = after.vector(case, agents), after.vector(of, agents)
    return RateChange(case=case, of=of, before=share(*earlier), after=share(*later), difference=difference(later, earlier))

"""Build a report slice by slice of the log: the database counts a slice, and the counts are added here."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from bot.reporting.breakdown import DraftBreakdown, RequestBreakdown
from bot.reporting.draft_statistics import (
    DecisionTotals,
    DraftTotals,
    EditTotals,
    PickTotals,
    add_times,
    summarise_latency,
)
from bot.reporting.prices import Prices
from bot.reporting.rates import WEEKLY, compare_tallies, estimate_rates
from bot.reporting.reasons import ReasonTotals
from bot.reporting.report import (
    SCHEMA,
    Breakdown,
    Note,
    Period,
    Report,
    SourceRate,
    TextFindings,
    Totals,
    Trend,
    Week,
    WeekOverWeek,
)
from bot.reporting.tally import OutcomeTally, classify_outcome, tally_outcomes
from bot.reporting.texts import NEWEST, Mask, read_texts
from bot.stats.cluster_intervals import MIN_CLUSTERS
from storage.queries.log_entries import ChoiceLog
from storage.queries.reports import (
    DRAFT_DIMENSIONS,
    Dimension,
    ExcludedCounts,
    FateCell,
    OutcomeCell,
    ReportCells,
    Reports,
    Sources,
    UndoCell,
)
from storage.records import Selection

WEEK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)
RECENT: Final = 4 * WEEK
"""Compared with the time before it, where no period was asked for."""

FOR_STYLES: Final = 20_000
"""Requests that styles are compared in unasked, the newest: all drafts once more would take half as long again."""

MINUTES_PER_REPLY: Final = 3.0
"""The assumption where none is given: a reply of some eighty words, typed by hand."""

_ALL_TIME: Final = datetime.max.replace(tzinfo=UTC)
_START_OF_TIME: Final = datetime.min.replace(tzinfo=UTC)

AT_ONCE: Final = 2
"""Slices read at once: the database does the work, so a second processor takes half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """The requests asked for, and their groupings. `individuals`: agents may be told apart.

    `minutes_per_reply`: the time that a reply takes by hand.
    """

    selection: Selection
    by: tuple[Dimension, ...] = ()
    individuals: bool = False
    minutes_per_reply: float = MINUTES_PER_REPLY


class Reporter:
    """Reports of one database; with what its texts tell if there is a `mask`.

    `on_read` is told how many more requests were read.
    """

    def __init__(
        self,
        *,
        reports: Reports,
        log: ChoiceLog,
        prices: Prices,
        now: Callable[[], datetime],
        mask: Mask | None = None,
        on_read: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._reports = reports
        self._log = log
        self._prices = prices
        self._now = now
        self._mask = mask
        self._on_read = on_read

    async def report(self, question: ReportQuery) -> Report:
        """Build a report. Raises DatabaseUnavailable."""
        made_at = self._now()
        span = await self._reports.find_span(question.selection)
        left_out = await self._reports.count_excluded(question.selection)
        sums = _ReportTotals(question, await self._find_styles_start(question))
        for undone in await self._reports.count_undone(question.selection):
            sums.add_undone(undone)
        try:
            async with asyncio.TaskGroup() as reading:
                turn = asyncio.Semaphore(AT_ONCE)
                async for part in self._reports.iter_slices(question.selection, cut=sums.styles_since):
                    reading.create_task(self._read(part, sums, turn))
        except ExceptionGroup as several:
            raise several.exceptions[0] from several  # a slice that fails ends the others: one of them tells why
        report = sums.report(made_at=made_at, span=span, left_out=left_out, prices=self._prices)
        return replace(
            report,
            trend=None if span is None else await self._read_trend(question.selection, made_at, last=span[1]),
            texts=None if self._mask is None else await self._read_texts(question.selection, self._mask),
        )

    async def _read(self, part: Selection, sums: "_ReportTotals", turn: asyncio.Semaphore) -> None:
        async with turn:
            found = await self._reports.read_cells(part, sums.list_dimensions(part))
            sums.add(found)
            self._on_read(sum(cell.requests for cell in found.outcomes))

    async def _find_styles_start(self, question: ReportQuery) -> datetime | None:
        """Find the week from which on styles are compared: None, from the beginning, where they are asked for."""
        if "style" in question.by:
            return None
        since = await self._log.find_newest_start(question.selection, FOR_STYLES)
        return None if since is None else _start_of_day(since.date() - timedelta(days=since.weekday()))

    async def _read_texts(self, selection: Selection, mask: Mask) -> TextFindings:
        since = await self._log.find_newest_start(selection, NEWEST)
        newest = selection if since is None else replace(selection, since=since)
        return await read_texts(self._log.iter_entries(newest), mask)

    async def _read_trend(self, selection: Selection, made_at: datetime, *, last: datetime) -> Trend | None:
        """Compare the period asked for with the one before it; else the newest weeks of the log."""
        newest = _start_of_day(min(made_at, last).date())
        until = selection.until or (made_at if selection.since else min(newest, _ALL_TIME - DAY) + DAY)
        after = selection.since or until - RECENT
        if after - _START_OF_TIME < until - after:
            return None
        before = after - (until - after)
        earlier, later = [
            tally_outcomes(await self._reports.read_outcomes(replace(selection, since=since, until=end_of_it)))
            for since, end_of_it in ((before, after), (after, until))
        ]
        if not earlier.clusters or not later.clusters:
            return None
        return Trend(before=before, after=after, until=until, changes=compare_tallies(earlier, later))


def _start_of_day(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _end_of_week(monday: date) -> datetime:
    """Start of the next week; the last week that there is ends with time."""
    start = _start_of_day(monday)
    return start + WEEK if start <= _ALL_TIME - WEEK else _ALL_TIME


class _ReportTotals:
    """Everything that is added up on the way."""

    def __init__(self, question: ReportQuery, styles_since: datetime | None) -> None:
        self._question = question
        self.styles_since = styles_since
        self._weeks_of_styles: set[date] = set()
        self._weeks: defaultdict[date, OutcomeTally] = defaultdict(OutcomeTally)
        self._all = OutcomeTally()
        self._by_sources: dict[Sources, OutcomeTally] = {"found": OutcomeTally(), "none": OutcomeTally()}
        self._reasons = ReasonTotals()
        self._drafting = DraftTotals()
        self._waits: Counter[int] = Counter()
        self._decisions = DecisionTotals()
        self._kept = EditTotals()
        self._picked = PickTotals()
        self._by_draft = {by: DraftBreakdown(by) for by in (*question.by, "style") if by in DRAFT_DIMENSIONS}
        self._by_request = {
            by: RequestBreakdown(by, individuals=question.individuals)
            for by in question.by
            if by not in DRAFT_DIMENSIONS
        }

    def list_dimensions(self, part: Selection) -> frozenset[Dimension]:
        """List what a slice is to be grouped by: unasked, by style if it is one of the newest."""
        since = self.styles_since
        has_styles = since is None or (part.since is not None and part.since >= since)
        return frozenset({*self._question.by, *(("style",) if has_styles else ())})

    def add(self, facts: ReportCells) -> None:
        """Add the cells of a slice."""
        self._add_outcomes(facts)
        for draft in facts.drafts:
            self._drafting.add(draft)
        for edit in facts.similarities:
            self._kept.add(edit)
        for pick in facts.picks:
            self._picked.add(pick)
        for dismissal in facts.dismissals:
            self._reasons.add(dismissal)
        for decision in facts.decisions:
            self._decisions.add(decision)
        for dimension, cells in facts.groups.items():
            self._add_groups(dimension, cells)
        add_times(facts.waits, self._waits)

    def _add_outcomes(self, facts: ReportCells) -> None:
        for cell in facts.outcomes:
            outcome = classify_outcome(cell)
            for tally in (self._weeks[cell.week], self._all):
                tally.add(cell.agent_id, outcome, cell.requests)
            if cell.sources is not None:
                self._by_sources[cell.sources].add(cell.agent_id, outcome, cell.requests)
        if "style" in facts.groups:
            self._weeks_of_styles |= {cell.week for cell in facts.outcomes}

    def add_undone(self, undone: UndoCell) -> None:
        """Add choices that were taken back."""
        for tally in (self._weeks[undone.week], self._all):
            tally.add(undone.agent_id, "undone", undone.choices)

    def _add_groups(self, by: Dimension, cells: Iterable[OutcomeCell | FateCell]) -> None:
        for cell in cells:
            if isinstance(cell, FateCell):
                self._by_draft[by].add(cell)
            else:
                self._by_request[by].add(cell)

    def report(
        self, *, made_at: datetime, span: tuple[datetime, datetime] | None, left_out: ExcludedCounts, prices: Prices
    ) -> Report:
        """Build the report of all weeks added."""
        selection = self._question.selection
        first, last = span or (None, None)
        whole = {monday: self._is_whole(monday, first, made_at) for monday in sorted(self._weeks)}
        accepted, breakdowns = self._all.total("accepted"), tuple(self._breakdown(by) for by in self._question.by)
        return Report(
            schema=SCHEMA,
            made_at=made_at,
            period=Period(since=selection.since, until=selection.until, first=first, last=last),
            team_id=selection.team_id,
            totals=self._totals(),
            rates=estimate_rates(self._all),
            weeks=tuple(self._week(monday, is_whole) for monday, is_whole in whole.items()),
            week_over_week=self._week_over_week([monday for monday, is_whole in whole.items() if is_whole]),
            edits=self._kept.edits(edited=self._all.total("edited")),
            dismissals=self._reasons.reasons(),
            drafts=self._drafting.drafts(),
            latency=(
                *self._drafting.latency(),
                summarise_latency("shown", self._waits),
                summarise_latency("decision", self._decisions.times),
            ),
            cost=self._drafting.cost(prices, accepted=accepted),
            places=self._picked.places(),
            sources=self._sources(),
            breakdown=breakdowns[0] if breakdowns else None,
            notes=self._notes(left_out),
            breakdowns=breakdowns,
            styles=self._breakdown("style"),
            trend=None,
            time_saved=self._decisions.time_saved(self._question.minutes_per_reply, accepted=accepted),
            leading_reason=self._reasons.leading(),
            reason_groups=self._reasons.groups(individuals=self._question.individuals),
            texts=None,
        )

    def _totals(self) -> Totals:
        names = (
            *("eligible", "shown", "accepted", "used", "edited", "dismissed", "redrafted"),
            *("expired", "open", "failed", "never_shown", "undone"),
        )
        counts = {name: self._all.total(name) for name in names}
        return Totals(**counts, agents=len(self._all.clusters), drafts=self._drafting.total)

    def _is_whole(self, monday: date, first: datetime | None, now: datetime) -> bool:
        """Tell if all seven days are counted, and over. A log that began within a week has only a part of it."""
        start, selection = _start_of_day(monday), self._question.selection
        has_begun = first is None or first <= start + DAY if selection.since is None else selection.since <= start
        ends = now if selection.until is None else min(now, selection.until)
        return has_begun and _end_of_week(monday) <= ends

    def _week(self, monday: date, is_whole: bool) -> Week:  # noqa: FBT001 - a fact of the week
        tally = self._weeks[monday]
        return Week(
            start=monday,
            is_whole=is_whole,
            eligible=tally.total("eligible"),
            shown=tally.total("shown"),
            agents=len(tally.clusters),
            rates=estimate_rates(tally, WEEKLY),
        )

    def _week_over_week(self, whole: list[date]) -> WeekOverWeek | None:
        """Compare the last two whole weeks, if they are in a row."""
        if len(whole) < 2 or whole[-1] - whole[-2] != WEEK:
            return None
        before, after = whole[-2:]
        changes = compare_tallies(self._weeks[before], self._weeks[after])
        return WeekOverWeek(before=before, after=after, changes=changes)

    def _sources(self) -> tuple[SourceRate, ...]:
        """Estimate what was accepted with sources and without; nothing where no knowledge was searched."""
        return tuple(
            SourceRate(sources=found, shown=tally.total("shown"), accepted=rate.estimate)
            for found, tally in self._by_sources.items()
            for rate in estimate_rates(tally, (("accepted", "shown"),))
            if any(each.total("shown") for each in self._by_sources.values())
        )

    def _breakdown(self, by: Dimension) -> Breakdown:
        if by not in DRAFT_DIMENSIONS:
            return self._by_request[by].breakdown()
        newest = len(self._weeks_of_styles)
        is_part = by == "style" and newest < len(self._weeks)
        return self._by_draft[by].breakdown(learned=self._picked.is_learned, newest=newest if is_part else 0)

    def _notes(self, left_out: ExcludedCounts) -> tuple[Note, ...]:
        agents = len(self._all.clusters)
        notes = (
            Note(code="few_agents", count=agents if agents < MIN_CLUSTERS else 0),
            Note(code="simulated_left_out", count=left_out.simulated),
            Note(code="unattended_left_out", count=left_out.unattended),
            Note(code="still_open", count=self._all.total("open")),
            Note(code="order_unknown", count=self._picked.order_unknown),
            Note(code="order_learned", count=int(self._picked.is_learned)),
            Note(code="sources_not_drawn", count=int(any(each.total("shown") for each in self._by_sources.values()))),
        )
        return tuple(note for note in notes if note.count)

"""Build a report week by week: the database adds up a week, and the weeks are added here."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np

from bot.reporting.breakdown import DRAFT_DIMENSIONS, DraftBreakdown, RequestBreakdown
from bot.reporting.draft_statistics import DraftTotals, EditTotals, PickTotals, add_times, summarise_latency
from bot.reporting.prices import Prices
from bot.reporting.rates import WEEKLY, compare_weeks, estimate_rates
from bot.reporting.report import SCHEMA, Breakdown, Note, Period, Reason, Report, SourceRate, Totals, Week, WeekOverWeek
from bot.reporting.tally import OutcomeTally, classify_outcome, tally_outcomes
from bot.stats.cluster_intervals import MIN_CLUSTERS, estimate_share
from storage.queries.log_entries import Selection
from storage.queries.reports import Dimension, ExcludedCounts, ReportCells, Reports, Sources

WEEK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)

_ALL_TIME: Final = datetime.max.replace(tzinfo=UTC)

AT_ONCE: Final = 2
"""Weeks read at once: the database does the work, so a second processor takes half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """The requests asked for, and their grouping. `individuals`: agents may be told apart."""

    selection: Selection
    by: Dimension | None = None
    individuals: bool = False


class Reporter:
    """Reports of one database."""

    def __init__(self, *, reports: Reports, prices: Prices, now: Callable[[], datetime]) -> None:
        self._reports = reports
        self._prices = prices
        self._now = now

    async def report(self, question: ReportQuery) -> Report:
        """Build a report. Raises DatabaseUnavailable."""
        made_at = self._now()
        span = await self._reports.find_span(question.selection)
        left_out = await self._reports.count_excluded(question.selection)
        sums = _ReportTotals(question)
        try:
            async with asyncio.TaskGroup() as reading:
                turn = asyncio.Semaphore(AT_ONCE)
                async for monday in _iterate_weeks(self._reports, question.selection):
                    reading.create_task(self._read(monday, question, sums, turn))
        except ExceptionGroup as several:
            raise several.exceptions[0] from several  # a week that fails ends the others: one of them tells why
        return sums.report(made_at=made_at, span=span, left_out=left_out, prices=self._prices)

    async def _read(self, monday: date, question: ReportQuery, sums: "_ReportTotals", turn: asyncio.Semaphore) -> None:
        async with turn:
            sums.add(monday, await self._reports.read_cells(_clip_to_week(monday, question.selection), question.by))


async def _iterate_weeks(reports: Reports, selection: Selection) -> AsyncIterator[date]:
    """Yield the Mondays of weeks with requests; others are leapt over, however many."""
    found = await reports.find_first_time(selection)
    while found is not None:
        monday = found.date() - timedelta(days=found.weekday())
        yield monday
        following = _end_of_week(monday)
        if following == _ALL_TIME or (selection.until is not None and following >= selection.until):
            return
        found = await reports.find_first_time(replace(selection, since=following))


def _start_of_day(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _end_of_week(monday: date) -> datetime:
    """Start of the next week; the last week that there is ends with time."""
    start = _start_of_day(monday)
    return start + WEEK if start <= _ALL_TIME - WEEK else _ALL_TIME


def _clip_to_week(monday: date, selection: Selection) -> Selection:
    """Clip a selection to this week."""
    start = _start_of_day(monday)
    since = start if selection.since is None else max(start, selection.since)
    until = _end_of_week(monday) if selection.until is None else min(_end_of_week(monday), selection.until)
    return replace(selection, since=since, until=until)


class _ReportTotals:
    """Everything that is added up on the way."""

    def __init__(self, question: ReportQuery) -> None:
        self._question = question
        self._weeks: dict[date, OutcomeTally] = {}
        self._all = OutcomeTally()
        self._by_sources: dict[Sources, OutcomeTally] = {"found": OutcomeTally(), "none": OutcomeTally()}
        self._reasons: dict[str | None, Counter[str]] = {}
        self._drafting = DraftTotals()
        self._waits: Counter[int] = Counter()
        self._decisions: Counter[int] = Counter()
        self._kept = EditTotals()
        self._picked = PickTotals()
        by = question.by
        self._by_draft = DraftBreakdown(by) if by in DRAFT_DIMENSIONS and by is not None else None
        self._by_request = (
            RequestBreakdown(by, individuals=question.individuals)
            if by is not None and by not in DRAFT_DIMENSIONS
            else None
        )

    def add(self, monday: date, facts: ReportCells) -> None:
        """Add the cells of a week."""
        self._weeks[monday] = tally_outcomes(facts.outcomes)
        self._add_outcomes(monday, facts)
        for undone in facts.undone:
            for tally in (self._weeks[monday], self._all):
                tally.add(undone.agent_id, "undone", undone.choices)
        for draft in facts.drafts:
            self._drafting.add(draft)
        for edit in facts.similarities:
            self._kept.add(edit)
        for pick in facts.picks:
            self._picked.add(pick)
        if self._by_draft is not None:
            for display in facts.displays:
                self._by_draft.add(display)
        add_times(facts.waits, self._waits)
        add_times(facts.decisions, self._decisions)

    def _add_outcomes(self, monday: date, facts: ReportCells) -> None:
        for cell in facts.outcomes:
            self._all.add(cell.agent_id, classify_outcome(cell), cell.requests)
            if cell.sources is not None:
                self._by_sources[cell.sources].add(cell.agent_id, classify_outcome(cell), cell.requests)
            if cell.kind == "dismissed":
                self._reasons.setdefault(cell.reason, Counter())[cell.agent_id] += cell.requests
            if self._by_request is not None:
                self._by_request.add(cell, week=monday.isoformat())

    def report(
        self, *, made_at: datetime, span: tuple[datetime, datetime] | None, left_out: ExcludedCounts, prices: Prices
    ) -> Report:
        """Build the report of all weeks added."""
        selection = self._question.selection
        first, last = span or (None, None)
        whole = {monday: self._is_whole(monday, first, made_at) for monday in sorted(self._weeks)}
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
            dismissals=self._dismissals(),
            drafts=self._drafting.drafts(),
            latency=(
                *self._drafting.latency(),
                summarise_latency("shown", self._waits),
                summarise_latency("decision", self._decisions),
            ),
            cost=self._drafting.cost(prices, accepted=self._all.total("accepted")),
            places=self._picked.places(),
            sources=self._sources(),
            breakdown=self._breakdown(),
            notes=self._notes(left_out),
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
        return compare_weeks((before, self._weeks[before]), (after, self._weeks[after]))

    def _dismissals(self) -> tuple[Reason, ...]:
        agents = self._all.clusters
        of = self._all.count_by_cluster("dismissed")
        ordered = sorted(self._reasons.items(), key=lambda item: (-item[1].total(), str(item[0])))
        return tuple(
            Reason(
                reason=reason, estimate=estimate_share(np.array([counts[agent] for agent in agents], dtype=float), of)
            )
            for reason, counts in ordered
        )

    def _sources(self) -> tuple[SourceRate, ...]:
        """Estimate what was accepted with sources and without; nothing where no knowledge was searched."""
        return tuple(
            SourceRate(sources=found, shown=tally.total("shown"), accepted=rate.estimate)
            for found, tally in self._by_sources.items()
            for rate in estimate_rates(tally, (("accepted", "shown"),))
            if any(each.total("shown") for each in self._by_sources.values())
        )

    def _breakdown(self) -> Breakdown | None:
        if self._by_draft is not None:
            return self._by_draft.breakdown(learned=self._picked.is_learned)
        return None if self._by_request is None else self._by_request.breakdown()

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

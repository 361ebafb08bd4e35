"""The log counted, on both engines: what is counted, what is left out, and each number."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.reporting import Prices, Reporter, ReportQuery
from storage.queries.log_entries import ChoiceLog
from storage.queries.reports import (
    DraftCell,
    ExcludedCounts,
    FateCell,
    OutcomeCell,
    PickCell,
    ReportCells,
    Reports,
    SimilarityCell,
    TimeCell,
    UndoCell,
)
from storage.records import Selection
from tests.reportlog import MONDAY, Asked, Drafted, dismissed, edited, failed, record, used
from tests.storage.stores import Store

ALL = Selection()


async def read_cells(store: Store, *log: Asked, by: Any = (), selection: Selection = ALL) -> ReportCells:
    await record(store.database, log)
    return await Reports(store.database).read_cells(selection, by)


def list_fates(found: ReportCells) -> list[FateCell]:
    """The fates of drafts, by whatever they were asked for."""
    return [cell for cells in found.groups.values() for cell in cells if isinstance(cell, FateCell)]


def index_counts(cells: Iterable[OutcomeCell]) -> dict[tuple[Any, ...], int]:
    return {(cell.agent_id, cell.status, cell.is_shown, cell.kind, cell.reason): cell.requests for cell in cells}


async def test_outcomes_are_counted_by_agent(store: Store) -> None:
    found = await read_cells(
        store,
        used(),
        used(pick=2),
        used(agent="U2"),
        edited(0.5),
        dismissed("incorrect"),
        dismissed(),
        Asked(status="redrafted"),
        Asked(status="expired"),
        Asked(),
        failed(),
        Asked(status="expired", waited=None),
    )
    assert index_counts(found.outcomes) == {
        ("U1", "shown", True, "used", None): 2,
        ("U2", "shown", True, "used", None): 1,
        ("U1", "shown", True, "edited", None): 1,
        ("U1", "shown", True, "dismissed", "incorrect"): 1,
        ("U1", "shown", True, "dismissed", None): 1,
        ("U1", "redrafted", True, None, None): 1,
        ("U1", "expired", True, None, None): 1,
        ("U1", "shown", True, None, None): 1,
        ("U1", "failed", False, None, None): 1,
        ("U1", "expired", False, None, None): 1,
    }
    assert {cell.group for cell in found.outcomes} == {""}


async def test_a_click_that_overtook_the_record_was_of_something_shown(store: Store) -> None:
    found = await read_cells(store, replace(used(), waited=None), Asked(status="redrafted", waited=None))
    assert [cell.is_shown for cell in found.outcomes] == [True, True]


async def test_choices_taken_back_are_counted_apart(store: Store) -> None:
    found = await read_cells(store, used(undone=2), Asked(undone=1), used(agent="U2"))
    undone = await Reports(store.database).count_undone(ALL)
    assert undone == (UndoCell(agent_id="U1", week=MONDAY.date(), choices=3),)
    assert index_counts(found.outcomes)["U1", "shown", True, "used", None] == 1
    assert index_counts(found.outcomes)["U1", "shown", True, None, None] == 1
    assert sum(cell.picks for cell in found.picks) == 2


async def test_outcomes_tell_what_the_knowledge_had(store: Store) -> None:
    found = await read_cells(store, used(), used(retrieved=()), used(retrieved=({"id": "a", "score": 1.0},)))
    assert {cell.sources: cell.requests for cell in found.outcomes} == {None: 1, "none": 1, "found": 1}


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("channel", {"C1": 2, "C2": 1}),
        ("prompt", {"p1": 2, "p2": 1}),
        ("surface", {"slash": 2, "cli": 1}),
        ("agent", {"U1": 2, "U2": 1}),
    ],
)
async def test_outcomes_by_a_property_of_requests(store: Store, by: Any, groups: dict[str, int]) -> None:
    other = used(agent="U2", channel="C2", prompt="p2", surface="cli")
    found = await read_cells(store, used(), used(), other, by=(by, "style"))
    counted = Counter[str]()
    for cell in found.groups[by]:
        assert isinstance(cell, OutcomeCell)
        counted[cell.group] += cell.requests
    assert counted == groups
    assert (set(found.groups), {cell.group for cell in found.outcomes}) == ({by, "style"}, {""})


async def test_drafts_are_counted_with_tokens_and_times(store: Store) -> None:
    drafts = (
        Drafted(position=1, latency_ms=1239),
        Drafted(position=2, latency_ms=1231),
        Drafted(position=3, latency_ms=999, tokens=None),
        Drafted(model="large", dropped="near_duplicate", latency_ms=25_678, tokens=(7, 3)),
        Drafted(error="refused", latency_ms=None, tokens=None),
    )
    found = await read_cells(store, used(drafts=drafts))
    plain = DraftCell(
        model="small", error=None, dropped_reason=None, latency_ms=1230, drafts=2, untold=0, prompt_tokens=200,
        completion_tokens=20,
    )  # fmt: skip
    assert set(found.drafts) == {
        plain,
        replace(plain, latency_ms=999, drafts=1, untold=1, prompt_tokens=0, completion_tokens=0),
        replace(
            plain, model="large", dropped_reason="near_duplicate", latency_ms=25_600, drafts=1, prompt_tokens=7,
            completion_tokens=3,
        ),
        replace(plain, error="refused", latency_ms=None, drafts=1, untold=1, prompt_tokens=0, completion_tokens=0),
    }  # fmt: skip


async def test_times_are_told_to_three_digits(store: Store) -> None:
    waits = (0, 7, 999, 1009, 65_432, 3_723_456, 90_000_000)
    log = [used(waited=timedelta(milliseconds=ms), decision_ms=ms) for ms in waits]
    found = await read_cells(store, *log, Asked(waited=None), used(decision_ms=None, waited=timedelta()))
    expected = {0: 1, 7: 1, 999: 1, 1000: 1, 65_400: 1, 3_720_000: 1, 90_000_000: 1}
    assert {cell.ms: cell.count for cell in found.decisions} == expected
    assert {cell.ms: cell.count for cell in found.waits} == expected | {0: 2}
    assert TimeCell(ms=7, count=1) in found.waits


async def test_times_that_cannot_be_are_no_time_and_long_ones_are_told(store: Store) -> None:
    found = await read_cells(store, used(waited=timedelta(seconds=-3)), used(waited=timedelta(days=40)))
    assert {cell.ms: cell.count for cell in found.waits} == {0: 1, 3_456_000_000: 1}


async def test_the_whole_report_on_either_engine(store: Store) -> None:
    log = [replace(asked, agent=f"U{n}", after=timedelta(days=n)) for n in range(20) for asked in (used(), dismissed())]
    await record(store.database, log)
    reporter = Reporter(
        reports=Reports(store.database),
        log=ChoiceLog(store.database),
        prices=Prices(),
        now=lambda: MONDAY + timedelta(days=30),
    )
    report = await reporter.report(ReportQuery(selection=ALL, by=("style",)))
    assert (report.totals.eligible, report.totals.used, report.totals.agents) == (40, 20, 20)
    assert [week.eligible for week in report.weeks] == [14, 14, 12]
    assert report.breakdown is not None
    assert [group.name for group in report.breakdown.groups] == ["warm", "direct"]


async def test_similarities_of_edits(store: Store) -> None:
    found = await read_cells(store, edited(0.29), edited(0.294), edited(1.0), edited(0.0), edited(None), used())
    assert set(found.similarities) == {
        SimilarityCell(hundredths=29, edits=2),
        SimilarityCell(hundredths=100, edits=1),
        SimilarityCell(hundredths=0, edits=1),
    }


async def test_picks_by_place(store: Store) -> None:
    three = tuple(Drafted(position=n) for n in (2, 1, 3))
    found = await read_cells(store, used(pick=2), edited(0.5, pick=2), used(pick=1, drafts=three), dismissed(), Asked())
    assert set(found.picks) == {
        PickCell(agent_id="U1", shown_together=2, position=2, picks=2, weighted=2, weight=2.0, squares=2.0),
        PickCell(agent_id="U1", shown_together=3, position=1, picks=1, weighted=1, weight=1.0, squares=1.0),
    }


async def test_places_are_told_without_gaps(store: Store) -> None:
    """In a modal, replies are shown as they are done: one that fails leaves its place empty."""
    gap = (Drafted(position=2), Drafted(position=4), Drafted(error="refused"))
    found = await read_cells(store, used(pick=2, drafts=gap), used(pick=4, drafts=gap))
    assert {(cell.shown_together, cell.position): cell.picks for cell in found.picks} == {(2, 1): 1, (2, 2): 1}


async def test_learned_orders_are_weighted_and_unknown_ones_have_no_weight(store: Store) -> None:
    """1 ÷ 2! is 0.5: an order that was drawn with 0.8 counts for 0.625, one with 0.2 for 2.5."""
    found = await read_cells(
        store,
        used(policy="plackett_luce", order=0.8),
        used(policy="plackett_luce", order=0.2),
        used(policy="plackett_luce", order=None),
        used(policy="unlogged", order=None),
    )
    [cell] = found.picks
    assert (cell.picks, cell.weighted) == (4, 2)
    assert cell.weight == pytest.approx(0.625 + 2.5)
    assert cell.squares == pytest.approx(0.625**2 + 2.5**2)


async def test_displays_by_style(store: Store) -> None:
    drafts = (
        Drafted(style="warm", position=1, inclusion=0.5),
        Drafted(style="direct", position=2, inclusion=0.25),
        Drafted(style="steps", error="refused"),
        Drafted(style="brief", dropped="near_duplicate"),
        Drafted(style="formal", dropped="not_selected"),
        Drafted(style="slow", error="cancelled"),
    )
    found = await read_cells(
        store,
        used(drafts=drafts),
        edited(0.5, drafts=drafts, styles_off=("warm",)),
        Asked(drafts=drafts),
        by=("style",),
    )
    fates = {(cell.name, cell.fate): cell for cell in list_fates(found)}
    assert {key: cell.drafts for key, cell in fates.items()} == {
        ("warm", "used"): 1,
        ("warm", "edited"): 1,
        ("warm", "passed_over"): 1,
        ("direct", "passed_over"): 3,
        ("steps", "failed"): 3,
        ("brief", "near_duplicate"): 3,
        ("formal", "not_selected"): 3,
        ("slow", "not_selected"): 3,
    }
    assert fates["warm", "used"] == FateCell(
        agent_id="U1", name="warm", fate="used", drafts=1, weighted=1, weight=2.0, even=1.0, styles_off=0
    )
    assert fates["warm", "edited"].styles_off == fates["direct", "passed_over"].styles_off == 1
    assert fates["direct", "passed_over"].weight == pytest.approx(12.0)
    assert fates["direct", "passed_over"].even == pytest.approx(4.0), "of two requests in which something was picked"
    assert fates["warm", "passed_over"].even == 0.0


async def test_displays_use_what_is_logged_of_the_order(store: Store) -> None:
    drafts = (
        Drafted(style="warm", position=1, first=0.7),
        Drafted(style="direct", position=2, first=0.3, inclusion=None),
    )
    found = await read_cells(
        store,
        used(drafts=drafts, policy="plackett_luce", order=0.8),
        used(drafts=drafts, policy="unlogged", order=None),
        by=("style",),
    )
    fates = {(cell.name, cell.fate): cell for cell in list_fates(found)}
    assert fates["warm", "used"].drafts == 2
    assert fates["warm", "used"].weighted == 1
    assert fates["warm", "used"].weight == pytest.approx(0.625 / 0.5)
    assert fates["warm", "used"].even == pytest.approx(0.625 / 0.5 / 2), "half, not the 0.7 of being first"
    assert (fates["direct", "passed_over"].drafts, fates["direct", "passed_over"].weighted) == (2, 0)


async def test_displays_by_model_and_none_without_being_asked_for(store: Store) -> None:
    drafts = (Drafted(position=1, model="large"), Drafted(position=2, model="small"))
    found = await read_cells(store, used(drafts=drafts), by=("model",))
    assert {(cell.name, cell.fate) for cell in list_fates(found)} == {("large", "used"), ("small", "passed_over")}
    assert not (await Reports(store.database).read_cells(ALL)).groups


async def test_what_was_never_shown_is_no_display(store: Store) -> None:
    found = await read_cells(store, Asked(status="expired", waited=None), by=("style",))
    assert {cell.fate for cell in list_fates(found)} == {"unseen"}


LOG = (
    used(),
    used(after=timedelta(days=1), simulated=True),
    used(after=timedelta(days=2), team="T2"),
    used(after=timedelta(days=3), surface="batch"),
    used(after=timedelta(days=4), surface="compare", simulated=True),
    used(after=timedelta(days=5)),
)


@pytest.mark.parametrize(
    ("selection", "count", "left_out"),
    [
        (Selection(), 3, (2, 1)),
        (Selection(include_simulated=True), 4, (0, 2)),
        (Selection(team_id="T2"), 1, (0, 0)),
        (Selection(team_id="nobody"), 0, (0, 0)),
        (Selection(since=MONDAY + timedelta(days=1)), 2, (2, 1)),
        (Selection(until=MONDAY + timedelta(days=2)), 1, (1, 0)),
        (Selection(since=MONDAY, until=MONDAY + timedelta(days=2, milliseconds=1)), 2, (1, 0)),
    ],
    ids=str,
)
async def test_what_counts(store: Store, selection: Selection, count: int, left_out: tuple[int, int]) -> None:
    found = await read_cells(store, *LOG, selection=selection)
    assert sum(cell.requests for cell in found.outcomes) == count
    assert sum(cell.drafts for cell in found.drafts) == 2 * count
    assert sum(cell.picks for cell in found.picks) == count
    assert await Reports(store.database).count_excluded(selection) == ExcludedCounts(
        simulated=left_out[0], unattended=left_out[1]
    )


async def list_slices(reports: Reports, selection: Selection = ALL, cut: int | None = None) -> list[tuple[int, Any]]:
    """The days from the first request on in which slices begin and end; None without an end."""
    at = None if cut is None else MONDAY + timedelta(days=cut)
    ends = [(part.since, part.until) async for part in reports.iter_slices(selection, cut=at)]
    return [tuple(None if end is None else (end - MONDAY).days for end in part) for part in ends]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("selection", "cut", "slices"),
    [
        (ALL, None, [(0, 2), (2, 4), (4, None)]),
        (ALL, 3, [(0, 2), (2, 3), (3, 5), (5, None)]),
        (ALL, 0, [(0, 2), (2, 4), (4, None)]),
        (ALL, 9, [(0, 2), (2, 4), (4, 9), (9, None)]),
        (Selection(until=MONDAY + timedelta(days=3)), None, [(0, 2), (2, 3)]),
        (Selection(since=MONDAY + timedelta(days=2)), None, [(2, 4), (4, None)]),
    ],
    ids=range(6),
)
async def test_slices_have_so_many_requests_and_end_at_the_cut(
    store: Store, monkeypatch: pytest.MonkeyPatch, selection: Selection, cut: int | None, slices: list[tuple[int, Any]]
) -> None:
    monkeypatch.setattr("storage.queries.reports.SLICE", 2)
    await record(store.database, LOG)
    assert await list_slices(Reports(store.database), selection, cut) == slices


async def test_requests_of_one_time_are_one_slice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.queries.reports.SLICE", 2)
    await record(store.database, [used(), used(), used(), used(after=timedelta(days=1))])
    assert await list_slices(Reports(store.database)) == [(0, 1), (1, None)]


async def test_dismissals_count_a_style_once_a_request(store: Store) -> None:
    drafts = (
        Drafted(style="warm", position=1),
        Drafted(style="warm", position=2),
        Drafted(style="steps", position=3),
        Drafted(style="brief", error="refused"),
    )
    found = await read_cells(
        store, dismissed("incorrect", drafts=drafts), dismissed(drafts=drafts), used(drafts=drafts)
    )
    counted = {(cell.reason, cell.style): cell.requests for cell in found.dismissals if cell.style}
    assert counted == {(reason, style): 1 for reason in ("incorrect", None) for style in ("warm", "steps")}
    assert {(cell.channel, cell.language) for cell in found.dismissals if not cell.style} == {("C1", "en-US")}


async def test_names_with_quotes_commas_and_line_ends_are_told_as_they_are(store: Store) -> None:
    name = 'a "b", c\n\x1f\\ 你好'
    found = await read_cells(store, used(agent=name, drafts=(Drafted(position=1, model=name),)))
    assert ([cell.agent_id for cell in found.outcomes], [cell.model for cell in found.drafts]) == ([name], [name])


async def test_from_the_first_to_the_last(store: Store) -> None:
    reports = Reports(store.database)
    assert await reports.find_span(ALL) is None
    assert await list_slices(reports) == []
    await record(store.database, LOG)
    assert await reports.find_span(ALL) == (MONDAY, MONDAY + timedelta(days=5))
    since = Selection(since=MONDAY + timedelta(hours=1))
    assert await reports.find_span(since) == (MONDAY + timedelta(days=2), MONDAY + timedelta(days=5))

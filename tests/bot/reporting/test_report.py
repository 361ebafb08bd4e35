"""What a report tells of a log whose numbers are known: counts, shares, weeks, latency, cost, places, groups."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.reporting import Price, Prices, Report, Reporter, ReportQuery
from bot.reporting.report import Group, Note, Rate
from bot.stats.cluster_intervals import Estimate
from cli.render.headlines import summarise_report
from storage.engine.database import Database
from storage.errors import DatabaseUnavailable
from storage.queries.log_entries import ChoiceLog
from storage.queries.reports import Dimension, ReportCells, Reports
from storage.records import Selection
from tests.bot.reporting.conftest import Reported
from tests.reportlog import MONDAY, Asked, Drafted, dismissed, edited, failed, record, used

WEEK = timedelta(days=7)


def estimate(rates: Iterable[Rate], case: str, of: str) -> Estimate:
    return next(rate.estimate for rate in rates if (rate.case, rate.of) == (case, of))


def counts(rates: Iterable[Rate], case: str, of: str) -> tuple[float, float]:
    found = estimate(rates, case, of)
    return found.cases, found.of


def spread_over_agents(*log: Asked, agents: int) -> list[Asked]:
    """The same log of each of so many agents."""
    return [replace(asked, agent=f"U{number:02}") for number in range(agents) for asked in log]


async def test_every_request_is_counted_once(reported: Reported) -> None:
    report = await reported(
        used(),
        used(undone=1),
        edited(0.8),
        dismissed("incorrect"),
        Asked(status="redrafted"),
        Asked(status="expired"),
        Asked(undone=1),
        failed(),
        Asked(status="drafting", waited=None),
        used(surface="batch"),
        used(simulated=True),
    )
    totals = report.totals
    parts = (totals.used, totals.edited, totals.dismissed, totals.redrafted, totals.expired, totals.open)
    assert parts == (2, 1, 1, 1, 1, 1)
    assert (totals.failed, totals.never_shown) == (1, 1)
    assert totals.eligible == 9 == sum(parts) + 2
    assert (totals.shown, totals.accepted, totals.undone, totals.agents, totals.drafts) == (7, 3, 2, 1, 18)
    expected = {
        ("shown", "eligible"): (7, 9),
        ("accepted", "eligible"): (3, 9),
        ("failed", "eligible"): (1, 9),
        ("accepted", "shown"): (3, 7),
        ("used", "shown"): (2, 7),
        ("edited", "shown"): (1, 7),
        ("dismissed", "shown"): (1, 7),
        ("redrafted", "shown"): (1, 7),
        ("undecided", "shown"): (2, 7),
        ("used", "accepted"): (2, 3),
        ("undone", "choices"): (2, 6),
    }
    assert {(rate.case, rate.of): counts([rate], rate.case, rate.of) for rate in report.rates} == expected
    assert set(report.notes) == {
        Note(code="few_agents", count=1),
        Note(code="simulated_left_out", count=1),
        Note(code="unattended_left_out", count=1),
        Note(code="still_open", count=1),
    }


async def test_acceptance_is_told_with_sources_and_without(reported: Reported) -> None:
    found, none = ({"id": "returns", "score": 3.2},), ()
    log = [used(retrieved=found), used(retrieved=found), dismissed(retrieved=found), used(retrieved=none)]
    log += [dismissed(retrieved=none), dismissed(retrieved=none), failed(retrieved=none), used()]
    report = await reported(*spread_over_agents(*log, agents=6))
    told = {each.sources: (each.shown, each.accepted.cases, each.accepted.of) for each in report.sources}
    assert told == {"found": (18, 12, 18), "none": (18, 6, 18)}
    assert Note(code="sources_not_drawn", count=1) in report.notes


async def test_an_empty_log_is_a_report_of_nothing(reported: Reported) -> None:
    report = await reported()
    assert report.totals.eligible == 0
    assert {rate.estimate.value for rate in report.rates} == {None}
    assert (report.weeks, report.week_over_week, report.places, report.dismissals) == ((), None, (), ())
    assert report.sources == ()
    assert (report.cost.total, report.edits.median, report.drafts.drafts) == (None, None, 0)
    assert {each.p50 for each in report.latency} == {None}
    assert (report.period.first, report.period.last) == (None, None)


async def test_intervals_are_by_agents(reported: Reported) -> None:
    """Half of the agents take all, half take nothing: twelve cases, not six hundred."""
    log = [used(agent=f"U{n:02}") if n % 2 else dismissed(agent=f"U{n:02}") for n in range(12) for _ in range(50)]
    accepted = estimate((await reported(*log)).rates, "accepted", "shown")
    assert (accepted.cases, accepted.of, accepted.clusters) == (300, 600, 12)
    assert accepted.low is not None
    assert accepted.low < 0.25


async def test_weeks_begin_on_mondays_and_leap_over_empty_ones(reported: Reported) -> None:
    report = await reported(
        used(after=timedelta(days=2)),
        used(after=timedelta(days=6, hours=14, minutes=59)),
        dismissed(after=timedelta(days=6, hours=15)),
        used(after=timedelta(days=400)),
        now=MONDAY + timedelta(days=401),
    )
    first, second, far = report.weeks
    assert [week.start for week in report.weeks] == [date(2025, 11, 3), date(2025, 11, 10), date(2026, 12, 7)]
    assert [week.eligible for week in report.weeks] == [2, 1, 1]
    assert [week.is_whole for week in report.weeks] == [False, True, False]
    assert counts(first.rates, "accepted", "shown") == (2, 2)
    assert counts(second.rates, "accepted", "shown") == (0, 1)
    assert far.agents == 1


async def test_two_whole_weeks_in_a_row_are_compared(reported: Reported) -> None:
    before = spread_over_agents(used(), used(), dismissed(), dismissed(), agents=12)
    after = spread_over_agents(used(), used(), used(), dismissed(), agents=12)
    log = [*before, *(replace(asked, after=WEEK) for asked in after), used(after=2 * WEEK)]
    report = await reported(*log, now=MONDAY + 2 * WEEK + timedelta(hours=1))
    found = report.week_over_week
    assert found is not None
    assert (found.before, found.after) == (date(2025, 11, 3), date(2025, 11, 10))
    accepted = next(each for each in found.changes if (each.case, each.of) == ("accepted", "shown"))
    assert (accepted.before.value, accepted.after.value, accepted.difference.value) == (0.5, 0.75, 0.25)
    assert accepted.difference.low == pytest.approx(0.25), "all agents changed alike"
    assert accepted.difference.standing == "sound"


@pytest.mark.parametrize("selection", [Selection(), Selection(since=MONDAY + 4 * WEEK)], ids=["all", "asked"])
async def test_a_period_is_compared_with_the_one_before_it(reported: Reported, selection: Selection) -> None:
    before = spread_over_agents(used(), used(), dismissed(), dismissed(), agents=12)
    after = spread_over_agents(used(), used(), used(), dismissed(), agents=12)
    log = [*before, *(replace(asked, after=4 * WEEK) for asked in after)]
    trend = (await reported(*log, now=MONDAY + 8 * WEEK, selection=selection)).trend
    assert trend is not None
    assert trend.before <= MONDAY < trend.after <= MONDAY + 4 * WEEK < trend.until
    accepted = next(each for each in trend.changes if (each.case, each.of) == ("accepted", "shown"))
    assert (accepted.before.value, accepted.after.value, accepted.difference.value) == (0.5, 0.75, 0.25)


async def test_without_requests_before_nothing_is_compared(reported: Reported) -> None:
    assert (await reported(used(), selection=Selection(since=MONDAY))).trend is None


async def test_reasons_are_told_by_style_channel_and_language(reported: Reported) -> None:
    """A style counts once a set that showed it; groups of few people among many are withheld."""
    twice = (Drafted(style="warm", position=1), Drafted(style="warm", position=2), Drafted(style="direct"))
    log = spread_over_agents(dismissed("incorrect", drafts=twice), dismissed("wrong_tone", channel="C2"), agents=6)
    report = await reported(*log, dismissed(agent="U00", locale="zh-TW"))
    told = {(group.by, group.name): (group.dismissed, group.is_withheld) for group in report.reason_groups}
    assert told == {
        ("style", "warm"): (13, False),
        ("style", "direct"): (7, False),
        ("channel", "C1"): (7, False),
        ("channel", "C2"): (6, False),
        ("language", "en-US"): (12, False),
        ("language", "zh-TW"): (1, True),
    }
    [channel] = [group for group in report.reason_groups if group.name == "C2"]
    assert [(each.reason, each.estimate.value) for each in channel.reasons] == [("wrong_tone", 1.0)]


@pytest.mark.parametrize(("others", "leads"), [(1, 1), (4, 0)])
async def test_a_reason_leads_as_far_as_the_interval_says(reported: Reported, others: int, leads: int) -> None:
    log = [dismissed("incorrect"), *[dismissed("incorrect")] * 3, *[dismissed("irrelevant")] * others, dismissed()]
    leading = (await reported(*spread_over_agents(*log, agents=12))).leading_reason
    assert leading is not None
    assert (leading.reason, leading.next) == ("incorrect", "irrelevant")
    assert leading.difference.low is not None
    assert (leading.difference.low > 0) == leads


async def test_questions_that_are_alike_are_one_and_gaps_are_told(reported: Reported) -> None:
    report = await reported(
        used(question="Where is my order 4711?", retrieved=({"id": "a", "score": 1.0},)),
        dismissed("incorrect", question="Where is my order 4712, please?"),
        used(question="How do I pay by invoice?", retrieved=()),
        used(question="Where is my order 9?", surface="batch"),
        with_texts=True,
    )
    texts = report.texts
    assert texts is not None
    assert [(each.requests, each.accepted) for each in texts.questions] == [(2, 1)]
    assert [each.question for each in texts.gaps] == ["How do I pay by invoice?"]
    assert [each.question for each in texts.used] == ["How do I pay by invoice?", "Where is my order 4711?"]
    assert [(each.reply, each.reason) for each in texts.dismissed] == [("We look into it.", "incorrect")]
    assert texts.requests == 3


@pytest.mark.parametrize(
    ("weeks", "now", "selection"),
    [
        ((0, 2), 4, Selection()),
        ((0,), 4, Selection()),
        ((0, 1), 1.5, Selection()),
        ((0, 1), 4, Selection(since=MONDAY)),
        ((0, 1), 4, Selection(until=MONDAY + 1.5 * WEEK)),
    ],
)
async def test_nothing_is_compared_without_two_whole_weeks_in_a_row(
    reported: Reported, weeks: tuple[int, ...], now: float, selection: Selection
) -> None:
    report = await reported(*(used(after=week * WEEK) for week in weeks), now=MONDAY + now * WEEK, selection=selection)
    assert report.week_over_week is None


async def test_edits_are_told_by_how_much_they_kept(reported: Reported) -> None:
    report = await reported(*(edited(value) for value in (0.0, 0.52, 0.9, 0.95, 1.0, None)), used())
    edits = report.edits
    assert (edits.known, edits.unknown) == (5, 1)
    assert (edits.lower_quartile, edits.median, edits.upper_quartile) == (0.52, 0.9, 0.95)
    assert {each.low: each.edits for each in edits.bins if each.edits} == {0.0: 1, 0.5: 1, 0.9: 1, 0.95: 2}
    assert sum(each.edits for each in edits.bins) == 5


async def test_dismissals_are_told_with_reasons(reported: Reported) -> None:
    report = await reported(dismissed("incorrect"), dismissed("incorrect", agent="U2"), dismissed(), used())
    assert [(each.reason, each.estimate.cases, each.estimate.of) for each in report.dismissals] == [
        ("incorrect", 2, 3),
        (None, 1, 3),
    ]


async def test_drafts_that_are_not_shown_are_told(reported: Reported) -> None:
    drafts = (
        Drafted(position=1),
        Drafted(error="timed_out"),
        Drafted(error="refused"),
        Drafted(dropped="near_duplicate"),
        Drafted(dropped="not_selected"),
    )
    drafted = (await reported(used(drafts=drafts), failed())).drafts
    assert (drafted.drafts, drafted.failed, drafted.near_duplicates, drafted.not_selected) == (7, 4, 1, 1)
    assert [(each.error, each.drafts) for each in drafted.failures] == [("timed_out", 3), ("refused", 1)]


async def test_times_are_told_as_percentiles(reported: Reported) -> None:
    log = [
        used(
            drafts=(Drafted(position=1, latency_ms=n, model="large" if n % 2 else "small"),),
            waited=timedelta(milliseconds=10 * n),
            decision_ms=100 * n,
        )
        for n in range(1, 101)
    ]
    report = await reported(*log, failed())
    told = {(each.step, each.model): (each.count, each.p50, each.p90, each.p99) for each in report.latency}
    assert told == {
        ("model", None): (100, 50, 90, 99),
        ("model", "large"): (50, 49, 89, 99),
        ("model", "small"): (50, 50, 90, 100),
        ("shown", None): (100, 500, 900, 990),
        ("decision", None): (100, 5000, 9000, 9900),
    }


async def test_cost_tells_what_it_does_not_know(reported: Reported) -> None:
    drafts = (
        Drafted(position=1, tokens=(1_000_000, 500_000)),
        Drafted(position=2, tokens=None),
        Drafted(position=3, model="other", tokens=(5, 5)),
        Drafted(model="other", error="refused", tokens=None),
    )
    prices = Prices(currency="EUR", models={"small": Price(prompt=0.5, completion=2.0)})
    log = used(drafts=drafts), used(drafts=drafts), dismissed(drafts=drafts)
    cost = (await reported(*log, prices=prices)).cost
    assert (cost.currency, cost.total, cost.per_accepted) == ("EUR", pytest.approx(4.5), pytest.approx(2.25))
    assert (cost.unpriced, cost.untold) == (("other",), 3)
    other, small = cost.models
    assert (small.drafts, small.untold, small.prompt_tokens, small.completion_tokens) == (6, 3, 3_000_000, 1_500_000)
    assert (other.drafts, other.untold, other.cost) == (3, 0, None)


async def test_without_a_price_nothing_is_free(reported: Reported) -> None:
    cost = (await reported(used())).cost
    assert (cost.currency, cost.total, cost.per_accepted, cost.unpriced) == (None, None, None, ("small",))


async def test_places_are_told_beside_an_even_share(reported: Reported) -> None:
    three = tuple(Drafted(position=n) for n in (1, 2, 3))
    alone = (Drafted(position=1),)
    report = await reported(
        *spread_over_agents(used(1), used(1), used(1), edited(0.5, 2), dismissed(), agents=10),
        used(3, drafts=three),
        used(1, drafts=alone),
        used(1, policy="unlogged", order=None),
    )
    two, of_three = report.places
    assert (two.shown_together, two.picks, two.expected, two.effective) == (2, 40, 0.5, 40)
    assert [place.estimate.value for place in two.places] == [0.75, 0.25]
    assert (of_three.shown_together, of_three.picks) == (3, 1)
    assert [place.estimate.value for place in of_three.places] == [0, 0, 1]
    assert of_three.places[0].estimate.low is None
    assert Note(code="order_unknown", count=1) in report.notes


async def test_learned_orders_are_weighted_back_to_even_ones(reported: Reported) -> None:
    """A ranker drew one of two orders with 0.9: a pick in the other one tells nine times as much."""
    common = [used(1, agent=f"U{n % 10}", policy="plackett_luce", order=0.9) for n in range(90)]
    rare = [used(2, agent=f"U{n % 10}", policy="plackett_luce", order=0.1) for n in range(10)]
    report = await reported(*common, *rare)
    [two] = report.places
    assert [place.estimate.value for place in two.places] == [pytest.approx(0.5), pytest.approx(0.5)]
    assert two.picks == 100
    assert two.effective == pytest.approx(100**2 / (90 * (0.5 / 0.9) ** 2 + 10 * 5**2))
    assert any(note.code == "order_learned" for note in report.notes)


async def test_the_ends_of_time_are_weeks_too(reported: Reported) -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC) - MONDAY, datetime(9999, 12, 31, tzinfo=UTC) - MONDAY
    report = await reported(used(after=first, waited=None), used(after=last, waited=None))
    assert [week.start for week in report.weeks] == [date(1, 1, 1), date(9999, 12, 27)]


async def test_a_database_that_goes_away_is_told_as_such(database: Database) -> None:
    """Weeks are read side by side; what comes out is the error itself, not a group of them."""

    class Gone(Reports):
        async def read_cells(self, selection: Selection, by: Collection[Dimension] = ()) -> ReportCells:
            raise DatabaseUnavailable(f"gone in {selection.since}")

    await record(database, [used(after=week * WEEK) for week in range(4)])
    reporter = Reporter(reports=Gone(database), log=ChoiceLog(database), prices=Prices(), now=lambda: MONDAY)
    with pytest.raises(DatabaseUnavailable, match="gone in"):
        await reporter.report(ReportQuery(selection=Selection()))


# --- by something -----------------------------------------------------------------------------------------


def groups(report: Report) -> dict[str, Group]:
    assert report.breakdown is not None
    return {group.name: group for group in report.breakdown.groups}


async def test_a_style_is_told_by_where_it_was_shown(reported: Reported) -> None:
    pair = (
        Drafted(style="warm", position=1),
        Drafted(style="direct", position=2),
        Drafted(style="steps", error="refused"),
    )
    log = spread_over_agents(
        used(1, drafts=pair), used(1, drafts=pair), used(2, drafts=pair), dismissed(drafts=pair), agents=10
    )
    found = groups(await reported(*log, by=("style",)))
    assert list(found) == ["warm", "direct", "steps"]
    warm, steps = found["warm"], found["steps"]
    assert (warm.count, warm.agents) == (40, 10)
    assert estimate(warm.rates, "picked", "displays").value == 0.5
    assert estimate(warm.rates, "picked", "drafts").value == 0.5
    assert warm.even == pytest.approx(3 / 4 / 2), "three of four were picked from, and two were shown"
    assert warm.against_even is not None
    assert warm.against_even.value == pytest.approx(0.5 - 3 / 8)
    assert estimate(steps.rates, "picked", "displays").value is None
    assert estimate(steps.rates, "picked", "drafts").value == 0
    assert estimate(steps.rates, "failed", "drafts").value == 1
    assert steps.even is None


async def test_styles_are_weighted_by_how_probable_they_were(reported: Reported) -> None:
    """`warm` was always drafted and picked, later drafted one time in four and never picked: both times count alike."""

    def of(inclusion: float) -> tuple[Drafted, ...]:
        return (Drafted(style="warm", position=1, inclusion=inclusion), Drafted(style="other", position=2))

    early = [used(1, agent=f"U{n % 10}", drafts=of(1.0)) for n in range(40)]
    late = [used(2, agent=f"U{n % 10}", drafts=of(0.25)) for n in range(10)]
    warm = groups(await reported(*early, *late, by=("style",)))["warm"]
    assert estimate(warm.rates, "picked", "displays").value == pytest.approx(0.5)


async def test_what_was_drawn_by_chance_is_said_and_what_was_not(reported: Reported) -> None:
    report = await reported(used(), by=("style",))
    assert report.breakdown is not None
    assert [note.code for note in report.breakdown.notes] == ["randomised"]


@pytest.mark.parametrize(
    "asked",
    [
        used(policy="unlogged", order=None, drafts=(Drafted(position=1, inclusion=None), Drafted(position=2))),
        used(drafts=(Drafted(position=1), Drafted(error="cancelled"))),
        used(drafts=(Drafted(position=1), Drafted(dropped="not_selected"))),
        used(styles_off=("steps",)),
    ],
    ids=["the order is not known", "decided early", "selected", "styles are switched off"],
)
async def test_where_chance_did_not_decide_nothing_is_due_to_the_style(reported: Reported, asked: Asked) -> None:
    assert "randomised" not in [note.code for note in (await reported(asked)).styles.notes]


async def test_styles_that_some_agents_switched_off_are_compared_without_a_cause(reported: Reported) -> None:
    """The drafts of those agents are counted; of models nothing is said, which are not drawn anyway."""
    pair = (Drafted(style="warm", position=1), Drafted(style="direct", position=2))
    log = spread_over_agents(used(drafts=pair), used(drafts=pair), agents=12)
    log += spread_over_agents(used(drafts=pair[:1], styles_off=("direct",)), agents=2)
    report = await reported(*log, by=("style", "model"))
    assert report.styles.notes == (Note(code="styles_off", count=2),)
    assert [note.code for found in report.breakdowns for note in found.notes if found.by == "model"] == []
    assert "due to who has which styles switched off" in summarise_report(report)[-1].text


async def test_drafts_without_a_known_probability_are_left_out_and_counted(reported: Reported) -> None:
    unknown = (Drafted(position=1, inclusion=None), Drafted(position=2, inclusion=None, dropped=None))
    chosen = (Drafted(position=1), Drafted(dropped="not_selected"))
    report = await reported(
        used(drafts=unknown), used(drafts=chosen), used(policy="plackett_luce", order=0.9), by=("style",)
    )
    assert report.breakdown is not None
    assert set(report.breakdown.notes) == {
        Note(code="inclusion_unknown", count=2),
        Note(code="not_selected", count=1),
        Note(code="order_learned", count=1),
    }
    assert sum(estimate(group.rates, "failed", "drafts").of for group in report.breakdown.groups) == 6


async def test_groups_of_few_are_withheld_until_asked_for(reported: Reported) -> None:
    log = [
        *spread_over_agents(used(), used(), agents=6),
        used(agent="U01", channel="C2"),
        used(agent="U02", channel="C2"),
    ]
    report = await reported(*log, by=("channel",))
    found = groups(report)
    assert (found["C1"].is_withheld, found["C2"].is_withheld) == (False, True)
    assert (found["C2"].count, found["C2"].agents, found["C2"].rates) == (2, 2, ())
    assert report.breakdown is not None
    assert Note(code="withheld", count=1) in report.breakdown.notes


async def test_groups_of_few_are_told_when_asked_for(reported: Reported) -> None:
    log = [*spread_over_agents(used(), agents=6), used(agent="U01", channel="C2")]
    found = groups(await reported(*log, by=("channel",), individuals=True))
    assert counts(found["C2"].rates, "accepted", "shown") == (1, 1)


async def test_a_team_of_few_is_no_group_of_few(reported: Reported) -> None:
    found = groups(await reported(*spread_over_agents(used(), agents=3), by=("surface",)))
    assert not found["slash"].is_withheld


@pytest.mark.parametrize(
    ("by", "change"), [("channel", {"channel": "C2"}), ("prompt", {"prompt": "p2"}), ("surface", {"surface": "cli"})]
)
async def test_requests_by_what_they_have(reported: Reported, by: Any, change: dict[str, Any]) -> None:
    log = [*spread_over_agents(used(), used(), agents=6), *spread_over_agents(dismissed(**change), agents=6)]
    found = groups(await reported(*log, by=(by,)))
    assert [(group.count, counts(group.rates, "accepted", "shown")) for group in found.values()] == [
        (12, (12, 12)),
        (6, (0, 6)),
    ]


async def test_one_agent_is_told_by_weeks(reported: Reported) -> None:
    log = [used(agent="U1", after=week * WEEK) for week in range(6) for _ in range(5)]
    log += [dismissed(agent="U1", after=week * WEEK) for week in range(6) for _ in range(1 + week % 3)]
    report = await reported(*log, used(agent="U2"), by=("agent",), individuals=True)
    first, second = groups(report).values()
    accepted = estimate(first.rates, "accepted", "shown")
    assert (first.name, accepted.clusters, accepted.standing) == ("U1", 6, "exploratory")
    assert accepted.low is not None
    assert estimate(second.rates, "accepted", "shown").low is None
    assert report.breakdown is not None
    assert Note(code="by_week") in report.breakdown.notes


async def test_many_groups_are_warned_of(reported: Reported) -> None:
    log = [used(drafts=(Drafted(style=f"style {n}", position=1),)) for n in range(50)]
    report = await reported(*log, by=("style",))
    assert report.breakdown is not None
    assert Note(code="many_groups", count=50) in report.breakdown.notes

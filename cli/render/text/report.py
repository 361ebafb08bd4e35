"""A report on a terminal: tables read from the top, narrow if the window is, plain if piped."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import shorten
from typing import Final

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from bot.reporting import DRAFT_DIMENSIONS, Report
from bot.reporting.report import Breakdown, RateChange
from bot.stats.cluster_intervals import Estimate
from cli.render import numbers
from cli.render.headlines import describe_length, find_rate, summarise_report
from cli.render.printable import make_printable
from cli.render.text.tables import Cell, build_table

WIDE: Final = 76
"""From here on there is room for bars."""
BAR: Final = 16
SHORT: Final = 240
"""Characters of an example; the page has more."""
WEEKS: Final = 12
"""As many weeks are told; the page has all."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def render_report(report: Report, *, width: int) -> RenderableType:
    """Render the whole report for a terminal of this width."""
    return Lines(*(part for section in _SECTIONS for part in section(report, width)))


def _render_head(report: Report, _: int) -> Iterator[RenderableType]:
    team = "" if report.team_id is None else f", team {make_printable(report.team_id)}"
    yield Text(f"Report: {numbers.format_period(report.period)}{team}", style="bold")
    yield Text(numbers.describe_totals(report), style="" if report.totals.eligible else "yellow")
    if report.totals.eligible:
        yield from (
            Text(f"{number}. {make_printable(each.text)}") for number, each in enumerate(summarise_report(report), 1)
        )
    yield from (Text(numbers.describe_note(note), style="yellow") for note in report.notes)


def _render_rates(report: Report, width: int) -> Iterator[RenderableType]:
    if not report.totals.eligible:
        return
    yield _render_title("What became of requests", "share, 95% interval by agents, cases")
    for of, rates in groupby(report.rates, key=lambda rate: rate.of):
        yield Text(f"  of {numbers.BASES[of]}", style="italic")
        yield _build_estimates([(numbers.SHORT[rate.case], rate.estimate) for rate in rates], width)


def _render_changes(report: Report, width: int) -> Iterator[RenderableType]:
    periods: list[tuple[str, Sequence[RateChange]]] = []
    if report.trend is not None:
        length = describe_length(report.trend)
        since = numbers.format_day(report.trend.after)
        periods.append((f"The {length} since {since}, beside the {length} before", report.trend.changes))
    if report.week_over_week is not None:
        after = numbers.format_day(report.week_over_week.after)
        periods.append((f"Week of {after}, beside the week before", report.week_over_week.changes))
    for title, changes in periods:
        yield _render_title(title, "difference, 95% interval; bold: clear")
        yield _build_changes(changes, width)


def _build_changes(changes: Sequence[RateChange], width: int) -> RenderableType:
    rows = [
        (
            numbers.RATES[change.case, change.of],
            numbers.format_percent(change.after.value),
            Text(f"before {numbers.format_percent(change.before.value)}" if width >= WIDE else "", style="dim"),
            Text(numbers.format_points(change.difference.value), style=_choose_tone(change.difference)),
            Text(numbers.format_points_interval(change.difference), style="dim"),
        )
        for change in changes
    ]
    return build_table("wnwnw", rows)


def _render_weeks(report: Report, width: int) -> Iterator[RenderableType]:
    if len(report.weeks) < 2:
        return
    told = report.weeks[-WEEKS:]
    more = "" if len(told) == len(report.weeks) else f"the last {WEEKS} of {len(report.weeks)} with requests"
    yield _render_title("Accepted, of shown, by week", more)
    rows = [
        (
            f"{numbers.format_day(week.start)}{'' if week.is_whole else ' (in part)'}",
            find_rate(week.rates, "accepted", "shown"),
        )
        for week in told
    ]
    yield _build_estimates(rows, width)


def _render_edits(report: Report, width: int) -> Iterator[RenderableType]:
    edits = report.edits
    if not edits.known:
        return
    middle = f"median {edits.median:.2f}, half of them {edits.lower_quartile:.2f} to {edits.upper_quartile:.2f}"
    yield _render_title(f"How much {numbers.format_number(edits.known)} edits kept (similarity)", middle)
    pairs = [(edits.bins[n].low, edits.bins[n].edits + edits.bins[n + 1].edits) for n in range(0, len(edits.bins), 2)]
    most = max(count for _, count in pairs)
    yield build_table(
        "wnn",
        [
            (
                f"{low:.1f} to {low + 0.1:.1f}",
                Text(_draw_bar(count / most, BAR if width >= WIDE else 8), style="cyan"),
                numbers.format_number(count),
            )
            for low, count in pairs
        ],
    )


def _render_dismissals(report: Report, width: int) -> Iterator[RenderableType]:
    if report.dismissals:
        yield _render_title("Why candidates were dismissed", "of dismissed requests")
        rows = [(numbers.format_reason(each.reason), each.estimate) for each in report.dismissals]
        yield _build_estimates(rows, width)
    for by, groups in groupby(report.reason_groups, key=lambda group: group.by):
        yield _render_title(f"Reasons for each {by}", "dismissed, the most frequent reasons")
        rows_of_groups = [
            (group.name, numbers.format_number(group.dismissed), numbers.describe_reasons(group)) for group in groups
        ]
        yield build_table("wnw", rows_of_groups)


def _render_drafts(report: Report, _: int) -> Iterator[RenderableType]:
    of = report.drafts.drafts
    if of:
        yield _render_title("Drafts that were not shown", f"of {numbers.format_number(of)}")
        unshown = numbers.list_unshown(report.drafts)
        rows = [(name, numbers.format_percent(count / of), numbers.format_number(count)) for name, count in unshown]
        yield build_table("wnn", rows)


def _render_latency(report: Report, _: int) -> Iterator[RenderableType]:
    if any(each.count for each in report.latency):
        yield _render_title("How long it took", "half, nine of ten, 99 of 100 within")
        rows = [
            (
                numbers.STEPS[each.step] if each.model is None else f"  {each.model}",
                *(numbers.format_duration(ms) for ms in (each.p50, each.p90, each.p99)),
            )
            for each in report.latency
        ]
        yield build_table("wnnn", rows)


def _render_cost(report: Report, _: int) -> Iterator[RenderableType]:
    cost = report.cost
    if not cost.models:
        return
    yield _render_title("Tokens and cost", "read, written")
    rows = [
        (
            each.model,
            numbers.format_number(each.prompt_tokens),
            numbers.format_number(each.completion_tokens),
            numbers.format_money(each.cost, cost.currency) if each.cost is not None else "no price",
        )
        for each in cost.models
    ]
    yield build_table("wnnn", rows)
    if cost.total is not None:
        line = f"  {numbers.format_money(cost.total, cost.currency)} in all"
        if cost.per_accepted is not None:
            line += f", {numbers.format_money(1000 * cost.per_accepted, cost.currency)} for 1,000 accepted replies"
        yield Text(line)
    for missing in (numbers.describe_incomplete_cost(report), numbers.describe_prices(report)):
        if missing is not None:
            yield Text(f"  {make_printable(missing)}", style="yellow")


def _render_time_saved(report: Report, _: int) -> Iterator[RenderableType]:
    if report.totals.accepted:
        yield _render_title("Time saved", "")
        yield Padding.indent(Text(numbers.describe_time_saved(report.time_saved)), 2)


def _render_texts(report: Report, _: int) -> Iterator[RenderableType]:
    found = report.texts
    if found is None or not found.requests:
        return
    newest = f"in the newest {numbers.count_noun(found.requests, 'request')} with texts"
    for title, questions in (("Asked most", found.questions), ("What the knowledge lacked", found.gaps)):
        if questions:
            yield _render_title(title, newest)
            yield build_table("ww", [(numbers.describe_question(each), each.question) for each in questions])
    for title, examples in (("Used as they were", found.used), ("Refused, the first reply shown", found.dismissed)):
        if examples:
            yield _render_title(title, "the newest")
        for each in examples:
            reason = f" ({numbers.format_reason(each.reason)})" if each.reason else ""
            question, reply = (shorten(text, SHORT, placeholder="…") for text in (each.question, each.reply))
            yield Padding.indent(Text(make_printable(question), style="dim"), 2)
            yield Padding.indent(Text(make_printable(f"{each.style}{reason}: {reply}")), 4)


def _render_places(report: Report, width: int) -> Iterator[RenderableType]:
    for found in report.places[:2]:
        even = f"{numbers.format_percent(found.expected)} each if places did not matter"
        picks = numbers.format_number(found.picks)
        yield _render_title(f"Which place is picked, of {found.shown_together} ({picks} picks)", even)
        yield _build_estimates([(f"place {place.position}", place.estimate) for place in found.places], width)
    if len(report.places) > 2:
        yield Text("  Other numbers of candidates are in --json and --html.", style="dim")


def _render_sources(report: Report, width: int) -> Iterator[RenderableType]:
    if report.sources:
        yield _render_title("Accepted, of shown, where the knowledge was searched", "not due to the sources")
        yield _build_estimates([(numbers.SOURCES[each.sources], each.accepted) for each in report.sources], width)


def _render_breakdowns(report: Report, width: int) -> Iterator[RenderableType]:
    if report.totals.eligible or report.breakdowns:
        for found in numbers.list_breakdowns(report):
            yield from _render_breakdown(found, width)


def _render_breakdown(found: Breakdown, width: int) -> Iterator[RenderableType]:
    one, many = numbers.BY[found.by]
    of_drafts = found.by in DRAFT_DIMENSIONS
    yield _render_title(f"By {one}", "picked, of displays; beside an even share" if of_drafts else "accepted, of shown")
    for note in found.notes:
        yield Text(f"  {numbers.describe_note(note)}", style="yellow")
    if not found.groups:
        yield Text(f"  No {many}: {numbers.NOT_ENOUGH}.", style="yellow")
        return
    rows: list[tuple[str, Estimate | None]] = []
    for group in found.groups:
        name = numbers.format_group_title(group)
        if group.is_withheld:
            rows.append((name, None))
        elif of_drafts:
            beside = numbers.format_points(group.against_even.value if group.against_even else None)
            rows.append((f"{name} ({beside})", group.rates[0].estimate))
        else:
            rows.append((name, find_rate(group.rates, "accepted", "shown")))
    yield _build_estimates(rows, width)


def _render_words(report: Report, _: int) -> Iterator[RenderableType]:
    if not report.totals.eligible:
        return
    yield _render_title("Words", "docs/report.md has the whole of it")
    for word, meaning in numbers.DEFINITIONS:
        line = Text(f"{word}: ", style="bold").append(meaning, style="dim")
        yield Padding.indent(line, 2)


_SECTIONS: Final = (
    _render_head,
    _render_rates,
    _render_weeks,
    _render_changes,
    _render_breakdowns,
    _render_sources,
    _render_dismissals,
    _render_texts,
    _render_edits,
    _render_places,
    _render_drafts,
    _render_latency,
    _render_cost,
    _render_time_saved,
    _render_words,
)


def _render_title(title: str, more: str) -> RenderableType:
    line = Text(f"\n{title}", style="bold")
    return line.append(f"  {more}", style="dim") if more else line


def _build_estimates(rows: Sequence[tuple[str, Estimate | None]], width: int) -> RenderableType:
    """Build a table of estimates, with bars and cases where there is room; None is withheld."""
    if width >= WIDE:
        return build_table("wnlln", [_list_cells(name, estimate) for name, estimate in rows])
    cells = [_list_cells(name, estimate) for name, estimate in rows]
    return build_table("wnl", [(name, share, interval) for name, share, _, interval, _ in cells])


def _list_cells(name: str, estimate: Estimate | None) -> tuple[Cell, Cell, Cell, Cell, Cell]:
    """List name, share, bar, interval and cases."""
    if estimate is None:
        return (name, "", "", Text("withheld", style="dim"), "")
    return (
        name,
        Text(numbers.format_percent(estimate.value), style="bold"),
        Text(_draw_bar(estimate.value or 0, BAR), style="cyan"),
        Text(numbers.format_interval(estimate), style="" if estimate.standing == "sound" else "yellow"),
        Text(numbers.format_cases(estimate), style="dim"),
    )


def _draw_bar(part: float, width: int) -> str:
    """Draw a bar, filled to an eighth of a character."""
    eighths = round(max(0.0, min(1.0, part)) * width * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip().ljust(width)


def _choose_tone(difference: Estimate) -> str:
    """Mark a change as bold if its interval leaves zero out: only then is it told from chance."""
    if difference.low is None or difference.high is None or difference.low <= 0 <= difference.high:
        return ""
    return "bold"

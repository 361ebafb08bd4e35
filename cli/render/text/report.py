"""A report on a terminal: tables read from the top, narrow if the window is, plain if piped."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.reporting import Report
from bot.reporting.report import Breakdown, Group, PositionShares
from bot.stats.cluster_intervals import Estimate
from cli.render import numbers
from cli.terminal import make_printable
from storage.queries.reports import Dimension

WIDE: Final = 76
"""From here on there is room for bars."""
BAR: Final = 16
WEEKS: Final = 12
"""As many weeks are told; the page has all."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def render_report(report: Report, *, width: int) -> RenderableType:
    """Render the whole report for a terminal of this width."""
    parts = [part for section in _SECTIONS for part in section(report, width)]
    return Lines(*parts)


def _render_head(report: Report, _: int) -> Iterator[RenderableType]:
    totals = report.totals
    team = "" if report.team_id is None else f", team {make_printable(report.team_id)}"
    yield Text(f"Report: {numbers.format_period(report.period)}{team}", style="bold")
    if not totals.eligible:
        yield Text("No requests: not enough data for anything.", style="yellow")
    else:
        drafts = f"{numbers.format_number(totals.drafts)} draft{'' if totals.drafts == 1 else 's'}"
        agents = f"{numbers.format_number(totals.agents)} agent{'' if totals.agents == 1 else 's'}"
        yield Text(f"{numbers.format_number(totals.eligible)} requests by {agents}, {drafts}")
    yield from (Text(numbers.describe_note(note), style="yellow") for note in report.notes)


def _render_rates(report: Report, width: int) -> Iterator[RenderableType]:
    if not report.totals.eligible:
        return
    yield _render_title("What became of requests", "share, 95% interval by agents, cases")
    for of, rates in groupby(report.rates, key=lambda rate: rate.of):
        yield Text(f"  of {numbers.BASES[of]}", style="italic")
        table = _make_table(width)
        for rate in rates:
            _add_row(table, numbers.SHORT[rate.case], rate.estimate, width)
        yield table


def _render_changes(report: Report, width: int) -> Iterator[RenderableType]:
    found = report.week_over_week
    if found is None:
        return
    yield _render_title(
        f"Week of {numbers.format_day(found.after)}, beside the week before", "difference, 95% interval"
    )
    table = Table.grid(padding=(0, 2))
    for change in found.changes:
        cells = [Text(numbers.RATES[change.case, change.of]), _align_right(numbers.format_percent(change.after.value))]
        if width >= WIDE:
            cells.append(Text(f"before {numbers.format_percent(change.before.value)}", style="dim"))
        cells += [
            _align_right(numbers.format_points(change.difference.value), style=_choose_tone(change.difference)),
            Text(numbers.format_points_interval(change.difference), style="dim"),
        ]
        table.add_row(*cells)
    yield Padding(table, (0, 0, 0, 2))


def _render_weeks(report: Report, width: int) -> Iterator[RenderableType]:
    if len(report.weeks) < 2:
        return
    told = report.weeks[-WEEKS:]
    more = "" if len(told) == len(report.weeks) else f"the last {WEEKS} of {len(report.weeks)} with requests"
    yield _render_title("Accepted, of shown, by week", more)
    table = _make_table(width)
    for week in told:
        part = "" if week.is_whole else " (in part)"
        rate = next(rate for rate in week.rates if (rate.case, rate.of) == ("accepted", "shown"))
        _add_row(table, f"{numbers.format_day(week.start)}{part}", rate.estimate, width)
    yield table


def _render_edits(report: Report, width: int) -> Iterator[RenderableType]:
    edits = report.edits
    if not edits.known:
        return
    middle = f"median {edits.median:.2f}, half of them {edits.lower_quartile:.2f} to {edits.upper_quartile:.2f}"
    yield _render_title(f"How much {numbers.format_number(edits.known)} edits kept (similarity)", middle)
    table = Table.grid(padding=(0, 2))
    pairs = [(edits.bins[n].low, edits.bins[n].edits + edits.bins[n + 1].edits) for n in range(0, len(edits.bins), 2)]
    most = max(count for _, count in pairs)
    for low, count in pairs:
        bar = Text(_draw_bar(count / most, BAR if width >= WIDE else 8), style="cyan")
        table.add_row(f"{low:.1f} to {low + 0.1:.1f}", bar, _align_right(numbers.format_number(count)))
    yield Padding(table, (0, 0, 0, 2))


def _render_dismissals(report: Report, width: int) -> Iterator[RenderableType]:
    if not report.dismissals:
        return
    yield _render_title("Why candidates were dismissed", "of dismissed requests")
    table = _make_table(width)
    for each in report.dismissals:
        _add_row(table, numbers.format_word(each.reason), each.estimate, width)
    yield table


def _render_drafts(report: Report, _: int) -> Iterator[RenderableType]:
    drafts = report.drafts
    if not drafts.drafts:
        return
    yield _render_title("Drafts that were not shown", f"of {numbers.format_number(drafts.drafts)}")
    table = Table.grid(padding=(0, 2))
    rows = [(f"failed: {numbers.format_word(each.error)}", each.drafts) for each in drafts.failures]
    rows.append(("hidden: near-identical to another", drafts.near_duplicates))
    if drafts.not_selected:
        rows.append(("not selected", drafts.not_selected))
    for label, count in rows:
        table.add_row(
            label,
            _align_right(numbers.format_percent(count / drafts.drafts)),
            _align_right(numbers.format_number(count)),
        )
    yield Padding(table, (0, 0, 0, 2))


def _render_latency(report: Report, _: int) -> Iterator[RenderableType]:
    if not any(each.count for each in report.latency):
        return
    yield _render_title("How long it took", "half, nine of ten, 99 of 100 within")
    table = Table.grid(padding=(0, 2))
    for each in report.latency:
        label = numbers.STEPS[each.step] if each.model is None else f"  {make_printable(each.model)}"
        table.add_row(
            Text(label), *(_align_right(numbers.format_duration(ms)) for ms in (each.p50, each.p90, each.p99))
        )
    yield Padding(table, (0, 0, 0, 2))


def _render_cost(report: Report, _: int) -> Iterator[RenderableType]:
    cost = report.cost
    if not cost.models:
        return
    yield _render_title("Tokens and cost", "read, written")
    table = Table.grid(padding=(0, 2))
    for each in cost.models:
        priced = numbers.format_money(each.cost, cost.currency) if each.cost is not None else "no price"
        tokens = (
            _align_right(numbers.format_number(each.prompt_tokens)),
            _align_right(numbers.format_number(each.completion_tokens)),
        )
        table.add_row(Text(make_printable(each.model)), *tokens, _align_right(priced))
    yield Padding(table, (0, 0, 0, 2))
    if cost.total is not None:
        line = f"  {numbers.format_money(cost.total, cost.currency)} in all"
        if cost.per_accepted is not None:
            line += f", {numbers.format_money(1000 * cost.per_accepted, cost.currency)} for 1,000 accepted replies"
        yield Text(line)
    for missing in (numbers.describe_incomplete_cost(report), numbers.describe_missing_prices(report)):
        if missing is not None:
            yield Text(f"  {make_printable(missing)}", style="yellow")


def _render_places(report: Report, width: int) -> Iterator[RenderableType]:
    for places in report.places[:2]:
        yield from _render_place_table(places, width)
    if len(report.places) > 2:
        yield Text("  Other numbers of candidates are in --json and --html.", style="dim")


def _render_place_table(places: PositionShares, width: int) -> Iterator[RenderableType]:
    even = f"{numbers.format_percent(places.expected)} each if places did not matter"
    yield _render_title(
        f"Which place is picked, of {places.shown_together} ({numbers.format_number(places.picks)} picks)", even
    )
    table = _make_table(width)
    for place in places.places:
        _add_row(table, f"place {place.position}", place.estimate, width)
    yield table


def _render_breakdown(report: Report, width: int) -> Iterator[RenderableType]:
    found = report.breakdown
    if found is None:
        return
    yield _render_title(f"By {numbers.BY[found.by][0]}", _name_measure(found))
    for note in found.notes:
        yield Text(f"  {numbers.describe_note(note)}", style="yellow")
    if not found.groups:
        yield Text(f"  No {numbers.BY[found.by][1]}: {numbers.NOT_ENOUGH}.", style="yellow")
        return
    table = _make_table(width)
    for group in found.groups:
        _add_group_row(table, group, found.by, width)
    yield table


def _name_measure(found: Breakdown) -> str:
    return "picked, of displays; beside an even share" if found.by in {"style", "model"} else "accepted, of shown"


def _add_group_row(table: Table, group: Group, by: Dimension, width: int) -> None:
    name = make_printable(numbers.format_group_title(group))
    if group.is_withheld:
        table.add_row(
            Text(name, overflow="fold"), _align_right(""), *_fill_bar_column(width), Text("withheld", style="dim")
        )
        return
    if by in {"style", "model"}:
        rate = group.rates[0]
        name = f"{name} ({numbers.format_points(group.against_even.value if group.against_even else None)})"
    else:
        rate = next(rate for rate in group.rates if (rate.case, rate.of) == ("accepted", "shown"))
    _add_row(table, name, rate.estimate, width)


def _render_words(report: Report, _: int) -> Iterator[RenderableType]:
    if not report.totals.eligible:
        return
    yield _render_title("Words", "docs/report.md has the whole of it")
    for word, meaning in numbers.DEFINITIONS:
        line = Text(f"{word}: ", style="bold").append(meaning, style="dim")
        yield Padding(line, (0, 0, 0, 2))


_SECTIONS: Final = (
    _render_head,
    _render_rates,
    _render_weeks,
    _render_changes,
    _render_breakdown,
    _render_edits,
    _render_dismissals,
    _render_places,
    _render_drafts,
    _render_latency,
    _render_cost,
    _render_words,
)


def _render_title(title: str, more: str) -> RenderableType:
    line = Text(f"\n{title}", style="bold")
    return line.append(f"  {more}", style="dim") if more else line


def _make_table(width: int) -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    if width >= WIDE:
        table.add_column(justify="right", no_wrap=True)
    return table


def _add_row(table: Table, label: str, estimate: Estimate, width: int) -> None:
    cells: list[RenderableType] = [Text(f"  {label}"), Text(numbers.format_percent(estimate.value), style="bold")]
    if width >= WIDE:
        cells.append(Text(_draw_bar(estimate.value or 0, BAR), style="cyan"))
    cells.append(Text(numbers.format_interval(estimate), style="yellow" if estimate.standing != "sound" else ""))
    if width >= WIDE:
        cells.append(Text(numbers.format_cases(estimate), style="dim"))
    table.add_row(*cells)


def _fill_bar_column(width: int) -> Iterable[RenderableType]:
    return [Text("")] if width >= WIDE else []


def _draw_bar(part: float, width: int) -> str:
    """Draw a bar, filled to an eighth of a character."""
    eighths = round(max(0.0, min(1.0, part)) * width * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip().ljust(width)


def _align_right(text: str, style: str = "") -> Text:
    return Text(text, style=style, justify="right")


def _choose_tone(difference: Estimate) -> str:
    """Mark a change as bold if its interval leaves zero out: only then is it told from chance."""
    if difference.low is None or difference.high is None or difference.low <= 0 <= difference.high:
        return ""
    return "bold"

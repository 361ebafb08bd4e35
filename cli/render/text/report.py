"""A report on a terminal: tables that are read from the top, narrow where the window is, plain where it is piped."""

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
from cli.terminal import printable
from storage.queries.reports import Dimension

WIDE: Final = 76
"""From here on there is room for bars."""
BAR: Final = 16
WEEKS: Final = 12
"""As many weeks are told; the page has all."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def render_report(report: Report, *, width: int) -> RenderableType:
    """The whole report, for a terminal so wide."""
    parts = [part for section in _SECTIONS for part in section(report, width)]
    return Lines(*parts)


def _head(report: Report, _: int) -> Iterator[RenderableType]:
    totals = report.totals
    team = "" if report.team_id is None else f", team {printable(report.team_id)}"
    yield Text(f"Report: {numbers.period(report.period)}{team}", style="bold")
    if not totals.eligible:
        yield Text("No requests: not enough data for anything.", style="yellow")
    else:
        drafts = f"{numbers.number(totals.drafts)} draft{'' if totals.drafts == 1 else 's'}"
        agents = f"{numbers.number(totals.agents)} agent{'' if totals.agents == 1 else 's'}"
        yield Text(f"{numbers.number(totals.eligible)} requests by {agents}, {drafts}")
    yield from (Text(numbers.note(note), style="yellow") for note in report.notes)


def _rates(report: Report, width: int) -> Iterator[RenderableType]:
    if not report.totals.eligible:
        return
    yield _title("What became of requests", "share, 95% interval by agents, cases")
    for of, rates in groupby(report.rates, key=lambda rate: rate.of):
        yield Text(f"  of {numbers.BASES[of]}", style="italic")
        table = _table(width)
        for rate in rates:
            _row(table, numbers.SHORT[rate.case], rate.estimate, width)
        yield table


def _changes(report: Report, width: int) -> Iterator[RenderableType]:
    found = report.week_over_week
    if found is None:
        return
    yield _title(f"Week of {numbers.day(found.after)}, beside the week before", "difference, 95% interval")
    table = Table.grid(padding=(0, 2))
    for change in found.changes:
        cells = [Text(numbers.RATES[change.case, change.of]), _right(numbers.percent(change.after.value))]
        if width >= WIDE:
            cells.append(Text(f"before {numbers.percent(change.before.value)}", style="dim"))
        cells += [
            _right(numbers.points(change.difference.value), style=_tone(change.difference)),
            Text(numbers.points_between(change.difference), style="dim"),
        ]
        table.add_row(*cells)
    yield Padding(table, (0, 0, 0, 2))


def _weeks(report: Report, width: int) -> Iterator[RenderableType]:
    if len(report.weeks) < 2:
        return
    told = report.weeks[-WEEKS:]
    more = "" if len(told) == len(report.weeks) else f"the last {WEEKS} of {len(report.weeks)} with requests"
    yield _title("Accepted, of shown, by week", more)
    table = _table(width)
    for week in told:
        part = "" if week.is_whole else " (in part)"
        rate = next(rate for rate in week.rates if (rate.case, rate.of) == ("accepted", "shown"))
        _row(table, f"{numbers.day(week.start)}{part}", rate.estimate, width)
    yield table


def _edits(report: Report, width: int) -> Iterator[RenderableType]:
    edits = report.edits
    if not edits.known:
        return
    middle = f"median {edits.median:.2f}, half of them {edits.lower_quartile:.2f} to {edits.upper_quartile:.2f}"
    yield _title(f"How much {numbers.number(edits.known)} edits kept (similarity)", middle)
    table = Table.grid(padding=(0, 2))
    pairs = [(edits.bins[n].low, edits.bins[n].edits + edits.bins[n + 1].edits) for n in range(0, len(edits.bins), 2)]
    most = max(count for _, count in pairs)
    for low, count in pairs:
        bar = Text(_bar(count / most, BAR if width >= WIDE else 8), style="cyan")
        table.add_row(f"{low:.1f} to {low + 0.1:.1f}", bar, _right(numbers.number(count)))
    yield Padding(table, (0, 0, 0, 2))


def _dismissals(report: Report, width: int) -> Iterator[RenderableType]:
    if not report.dismissals:
        return
    yield _title("Why candidates were dismissed", "of dismissed requests")
    table = _table(width)
    for each in report.dismissals:
        _row(table, numbers.plain(each.reason), each.estimate, width)
    yield table


def _drafts(report: Report, _: int) -> Iterator[RenderableType]:
    drafts = report.drafts
    if not drafts.drafts:
        return
    yield _title("Drafts that were not shown", f"of {numbers.number(drafts.drafts)}")
    table = Table.grid(padding=(0, 2))
    rows = [(f"failed: {numbers.plain(each.error)}", each.drafts) for each in drafts.failures]
    rows.append(("hidden: near-identical to another", drafts.near_duplicates))
    if drafts.not_selected:
        rows.append(("not selected", drafts.not_selected))
    for label, count in rows:
        table.add_row(label, _right(numbers.percent(count / drafts.drafts)), _right(numbers.number(count)))
    yield Padding(table, (0, 0, 0, 2))


def _latency(report: Report, _: int) -> Iterator[RenderableType]:
    if not any(each.count for each in report.latency):
        return
    yield _title("How long it took", "half, nine of ten, 99 of 100 within")
    table = Table.grid(padding=(0, 2))
    for each in report.latency:
        label = numbers.STEPS[each.step] if each.model is None else f"  {printable(each.model)}"
        table.add_row(Text(label), *(_right(numbers.duration(ms)) for ms in (each.p50, each.p90, each.p99)))
    yield Padding(table, (0, 0, 0, 2))


def _cost(report: Report, _: int) -> Iterator[RenderableType]:
    cost = report.cost
    if not cost.models:
        return
    yield _title("Tokens and cost", "read, written")
    table = Table.grid(padding=(0, 2))
    for each in cost.models:
        priced = numbers.money(each.cost, cost.currency) if each.cost is not None else "no price"
        tokens = (_right(numbers.number(each.prompt_tokens)), _right(numbers.number(each.completion_tokens)))
        table.add_row(Text(printable(each.model)), *tokens, _right(priced))
    yield Padding(table, (0, 0, 0, 2))
    if cost.total is not None:
        line = f"  {numbers.money(cost.total, cost.currency)} in all"
        if cost.per_accepted is not None:
            line += f", {numbers.money(1000 * cost.per_accepted, cost.currency)} for 1,000 accepted replies"
        yield Text(line)
    for missing in (numbers.only_incomplete(report), numbers.no_price(report)):
        if missing is not None:
            yield Text(f"  {printable(missing)}", style="yellow")


def _places(report: Report, width: int) -> Iterator[RenderableType]:
    for places in report.places[:2]:
        yield from _place_table(places, width)
    if len(report.places) > 2:
        yield Text("  Other numbers of candidates are in --json and --html.", style="dim")


def _place_table(places: PositionShares, width: int) -> Iterator[RenderableType]:
    even = f"{numbers.percent(places.expected)} each if places did not matter"
    yield _title(f"Which place is picked, of {places.shown_together} ({numbers.number(places.picks)} picks)", even)
    table = _table(width)
    for place in places.places:
        _row(table, f"place {place.position}", place.estimate, width)
    yield table


def _breakdown(report: Report, width: int) -> Iterator[RenderableType]:
    found = report.breakdown
    if found is None:
        return
    yield _title(f"By {numbers.BY[found.by][0]}", _measure(found))
    for note in found.notes:
        yield Text(f"  {numbers.note(note)}", style="yellow")
    if not found.groups:
        yield Text(f"  No {numbers.BY[found.by][1]}: {numbers.NOT_ENOUGH}.", style="yellow")
        return
    table = _table(width)
    for group in found.groups:
        _group_row(table, group, found.by, width)
    yield table


def _measure(found: Breakdown) -> str:
    return "picked, of displays; beside an even share" if found.by in {"style", "model"} else "accepted, of shown"


def _group_row(table: Table, group: Group, by: Dimension, width: int) -> None:
    name = printable(numbers.group_title(group))
    if group.is_withheld:
        table.add_row(Text(name, overflow="fold"), _right(""), *_blank(width), Text("withheld", style="dim"))
        return
    if by in {"style", "model"}:
        rate = group.rates[0]
        name = f"{name} ({numbers.points(group.against_even.value if group.against_even else None)})"
    else:
        rate = next(rate for rate in group.rates if (rate.case, rate.of) == ("accepted", "shown"))
    _row(table, name, rate.estimate, width)


def _words(report: Report, _: int) -> Iterator[RenderableType]:
    if not report.totals.eligible:
        return
    yield _title("Words", "docs/report.md has the whole of it")
    for word, meaning in numbers.DEFINITIONS:
        line = Text(f"{word}: ", style="bold").append(meaning, style="dim")
        yield Padding(line, (0, 0, 0, 2))


_SECTIONS: Final = (
    _head,
    _rates,
    _weeks,
    _changes,
    _breakdown,
    _edits,
    _dismissals,
    _places,
    _drafts,
    _latency,
    _cost,
    _words,
)


def _title(title: str, more: str) -> RenderableType:
    line = Text(f"\n{title}", style="bold")
    return line.append(f"  {more}", style="dim") if more else line


def _table(width: int) -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    if width >= WIDE:
        table.add_column(justify="right", no_wrap=True)
    return table


def _row(table: Table, label: str, estimate: Estimate, width: int) -> None:
    cells: list[RenderableType] = [Text(f"  {label}"), Text(numbers.percent(estimate.value), style="bold")]
    if width >= WIDE:
        cells.append(Text(_bar(estimate.value or 0, BAR), style="cyan"))
    cells.append(Text(numbers.interval(estimate), style="yellow" if estimate.standing != "sound" else ""))
    if width >= WIDE:
        cells.append(Text(numbers.cases(estimate), style="dim"))
    table.add_row(*cells)


def _blank(width: int) -> Iterable[RenderableType]:
    return [Text("")] if width >= WIDE else []


def _bar(part: float, width: int) -> str:
    """Filled to an eighth of a character."""
    eighths = round(max(0.0, min(1.0, part)) * width * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip().ljust(width)


def _right(text: str, style: str = "") -> Text:
    return Text(text, style=style, justify="right")


def _tone(difference: Estimate) -> str:
    """Whether zero is out of the interval: only then is a change told from chance."""
    if difference.low is None or difference.high is None or difference.low <= 0 <= difference.high:
        return ""
    return "bold"

"""Charts as SVG, as wide as the page: across in percent, down in pixels, so letters keep their size.

Each has a title for those who do not see it; the numbers are in the table under it. Colours are the page's, by class.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from bot.reporting.report import Latency, PositionShares, SimilarityBin, Week
from bot.stats.cluster_intervals import Estimate
from cli.render import numbers
from cli.render.html.markup import Markup, element

ROW: Final = 44
LONGEST: Final = 34
"""Characters of a label: more would run into the number beside it on a phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A row of a chart: an estimate, the even share or zero, and the text at its right."""

    label: str
    estimate: Estimate
    told: str
    expected: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a whole, with its class of colour."""

    label: str
    count: int
    tone: str


def draw_bars(title: str, rows: Sequence[Bar], *, top: float = 1.0) -> Markup:
    """Draw shares from 0 to `top`: a bar, a dot at its end, a line from low to high."""
    foot = len(rows) * ROW + 12
    drawn = [_draw_bar(row, n * ROW, top) for n, row in enumerate(rows)]
    ends = [
        _draw_text(0, foot, "0%", tone="faint"),
        _draw_text("100%", foot, f"{100 * top:g}%", anchor="end", tone="faint"),
    ]
    return _draw_chart(title, foot + 4, [*drawn, *ends])


def choose_axis_end(estimates: Sequence[Estimate]) -> float:
    """Choose a round end of an axis that has all of these on it."""
    highest = max((max(each.high or 0.0, each.value or 0.0) for each in estimates), default=1.0)
    return next((end for end in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8) if highest <= end), 1.0)


def draw_differences(title: str, rows: Sequence[Bar]) -> Markup:
    """Draw differences, to both sides of zero."""
    ends = [abs(end) for row in rows for end in (row.estimate.low, row.estimate.high, row.estimate.value) if end]
    reach = max([0.05, *ends])
    zero = element("line", x1="50%", x2="50%", y1=0, y2=len(rows) * ROW, class_="axis")
    drawn = [_draw_difference(row, n * ROW, reach) for n, row in enumerate(rows)]
    return _draw_chart(title, len(rows) * ROW, [zero, *drawn])


def draw_parts(title: str, found: Sequence[Part]) -> Markup:
    """Draw the parts of a whole, side by side."""
    total = sum(part.count for part in found) or 1
    drawn, at = [], 0.0
    for part in found:
        size = 100 * part.count / total
        if size > 0:
            told = f"{part.label}: {numbers.format_number(part.count)} ({numbers.format_percent(part.count / total)})"
            tip = element("title", told)
            drawn.append(
                element("rect", tip, x=f"{at:.3f}%", y=0, width=f"{size:.3f}%", height=36, class_=f"part {part.tone}")
            )
        at += size
    return _draw_chart(title, 36, drawn)


def draw_columns(title: str, found: Sequence[SimilarityBin]) -> Markup:
    """Draw a histogram from 0 to 1."""
    most, height, width = max(each.edits for each in found) or 1, 150, 100 / len(found)
    drawn = []
    for n, each in enumerate(found):
        tall = height * each.edits / most
        tip = element("title", f"{each.low:.2f} to {each.high:.2f}: {numbers.format_number(each.edits)}")
        place = {"x": f"{n * width + 0.4:.2f}%", "width": f"{width - 0.8:.2f}%"}
        drawn.append(element("rect", tip, **place, y=10 + height - tall, height=tall, class_="column"))
    base = element("line", x1=0, x2="100%", y1=height + 10, y2=height + 10, class_="axis")
    ticks = [
        _draw_text(f"{100 * value:g}%", height + 28, f"{value:g}", anchor=_choose_anchor(value))
        for value in (0, 0.25, 0.5, 0.75, 1)
    ]
    return _draw_chart(title, height + 34, [*drawn, base, *ticks])


def draw_places(title: str, found: PositionShares) -> Markup:
    """Draw picks by place, with intervals, beside the even share."""
    top = choose_axis_end([place.estimate for place in found.places])
    height, width = 150, 100 / len(found.places)

    def down(value: float) -> float:
        return 22 + height * (1 - value / top)

    drawn = []
    for n, place in enumerate(found.places):
        estimate, middle = place.estimate, (n + 0.5) * width
        value = estimate.value or 0.0
        tip = element(
            "title", f"place {place.position}: {numbers.format_percent(value)} ({numbers.format_interval(estimate)})"
        )
        box = {"x": f"{n * width + width * 0.2:.2f}%", "width": f"{width * 0.6:.2f}%"}
        drawn.append(element("rect", tip, **box, y=down(value), height=down(0) - down(value), class_="column soft"))
        if estimate.low is not None and estimate.high is not None:
            ends = {"y1": down(estimate.low), "y2": down(estimate.high)}
            drawn.append(element("line", x1=f"{middle:.2f}%", x2=f"{middle:.2f}%", **ends, class_="whisker"))
        drawn.append(
            _draw_text(f"{middle:.2f}%", height + 40, numbers.format_percent(value), anchor="middle", tone="strong")
        )
        drawn.append(
            _draw_text(f"{middle:.2f}%", height + 58, f"place {place.position}", anchor="middle", tone="faint")
        )
    base = element("line", x1=0, x2="100%", y1=down(0), y2=down(0), class_="axis")
    even = element("line", x1=0, x2="100%", y1=down(found.expected), y2=down(found.expected), class_="expected")
    return _draw_chart(title, height + 64, [*drawn, base, even])


def draw_weekly(title: str, weeks: Sequence[Week], estimates: Sequence[tuple[str, Sequence[Estimate]]]) -> Markup:
    """Draw lines over weeks, each in a band from low to high. Weeks in part are hollow."""
    height, top = 200, 16
    first, last = weeks[0].start, weeks[-1].start
    span = max(1, (last - first).days)
    across = [100 * (week.start - first).days / span for week in weeks]
    grid = [_draw_grid(value, top + height * (1 - value)) for value in (0.0, 0.25, 0.5, 0.75, 1.0)]
    scale = [_draw_grid_label(value, top + height * (1 - value)) for value in (0.25, 0.5, 0.75, 1.0)]
    bands = [_draw_band(tone, across, found) for tone, found in estimates]
    # A chart in a chart would be one more image to a screen reader: the whole has a title.
    box: dict[str, str | float] = {"x": 0, "y": top, "width": "100%", "height": height, "aria_hidden": "true"}
    stretched = element("svg", bands, **box, viewBox="0 0 100 1", preserveAspectRatio="none")
    dots = [
        _draw_dot(tone, x, top + height * (1 - found.value), week, found)
        for tone, line in estimates
        for x, week, found in zip(across, weeks, line, strict=True)
        if found.value is not None
    ]
    return _draw_chart(
        title, top + height + 30, [grid, stretched, dots, scale, _draw_months(first, span, top + height + 22)]
    )


def draw_latency(title: str, rows: Sequence[Latency]) -> Markup:
    """Draw p50 to p99, on a scale of tenfolds."""
    times = [max(1, ms) for row in rows for ms in (row.p50, row.p90, row.p99) if ms is not None]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)) + 0.01)

    def at(ms: int) -> float:
        return 100 * (math.log10(max(1, ms)) - low) / (high - low)

    foot = len(rows) * ROW + 6
    ticks = [_draw_tick(10**power, 100 * (power - low) / (high - low), foot) for power in range(low, high + 1)]
    drawn = [_draw_times(row, n * ROW, at) for n, row in enumerate(rows)]
    return _draw_chart(title, foot + 22, [*ticks, *drawn])


def _draw_chart(title: str, height: float, *children: object) -> Markup:
    return element("svg", element("title", title), *children, role="img", width="100%", height=height)


def _draw_text(x: str | float, y: float, text: str, *, anchor: str = "start", tone: str = "label") -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=tone)


def _choose_anchor(value: float) -> str:
    return "start" if value == 0 else "end" if value == 1 else "middle"


def _shorten(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def _draw_labels(row: Bar, y: float) -> list[Markup]:
    tip = element("title", f"{row.label}: {row.told}, {numbers.format_interval(row.estimate)}")
    name = element("text", tip, _shorten(row.label), x=0, y=y + 14, class_="label")
    return [name, _draw_text("100%", y + 14, row.told, anchor="end", tone="strong")]


def _draw_bar(row: Bar, y: float, top: float) -> list[Markup]:
    estimate = row.estimate
    drawn = [*_draw_labels(row, y), element("rect", x=0, y=y + 22, width="100%", height=10, rx=2, class_="track")]
    if estimate.value is None:
        return drawn
    value = min(100.0, 100 * estimate.value / top)
    drawn.append(element("rect", x=0, y=y + 22, width=f"{value:.2f}%", height=10, rx=2, class_="column soft"))
    if estimate.low is not None and estimate.high is not None:
        ends = {"x1": f"{100 * estimate.low / top:.2f}%", "x2": f"{min(100.0, 100 * estimate.high / top):.2f}%"}
        drawn.append(element("line", **ends, y1=y + 27, y2=y + 27, class_=f"whisker {estimate.standing}"))
    if row.expected is not None:
        x = f"{min(100.0, 100 * row.expected / top):.2f}%"
        drawn.append(element("line", x1=x, x2=x, y1=y + 19, y2=y + 35, class_="even"))
    if estimate.clusters:
        drawn.append(element("circle", cx=f"{value:.2f}%", cy=y + 27, r=4.5, class_="dot"))
    return drawn


def _draw_difference(row: Bar, y: float, reach: float) -> list[Markup]:
    estimate = row.estimate
    drawn = _draw_labels(row, y)
    if estimate.value is None:
        return drawn

    def at(value: float) -> str:
        return f"{50 + 49 * value / reach:.2f}%"

    if estimate.low is not None and estimate.high is not None:
        tone = "sure" if estimate.low > 0 or estimate.high < 0 else "unsure"
        drawn.append(
            element("line", x1=at(estimate.low), x2=at(estimate.high), y1=y + 27, y2=y + 27, class_=f"whisker {tone}")
        )
    return [*drawn, element("circle", cx=at(estimate.value), cy=y + 27, r=4.5, class_="dot")]


def _draw_grid(value: float, y: float) -> Markup:
    return element("line", x1=0, x2="100%", y1=y, y2=y, class_="axis" if value == 0 else "grid")


def _draw_grid_label(value: float, y: float) -> Markup:
    return _draw_text(0, y - 4, f"{100 * value:.0f}%", tone="faint halo")


def _draw_band(tone: str, across: Sequence[float], found: Sequence[Estimate]) -> list[Markup]:
    known = [(x, each.low, each.high) for x, each in zip(across, found, strict=True) if each.low is not None]
    upper = [f"{x:.2f},{1 - (high or 0):.4f}" for x, _, high in known]
    lower = [f"{x:.2f},{1 - (low or 0):.4f}" for x, low, _ in reversed(known)]
    line = [f"{x:.2f},{1 - each.value:.4f}" for x, each in zip(across, found, strict=True) if each.value is not None]
    return [
        element("polygon", points=" ".join([*upper, *lower]), class_=f"band {tone}"),
        element("polyline", points=" ".join(line), class_=f"line {tone}", vector_effect="non-scaling-stroke"),
    ]


def _draw_dot(tone: str, x: float, y: float, week: Week, found: Estimate) -> Markup:
    part = "" if week.is_whole else ", in part"
    tip = element(
        "title",
        f"week of {numbers.format_day(week.start)}{part}: {numbers.format_percent(found.value)} "
        f"({numbers.format_interval(found)})",
    )
    hollow = "" if week.is_whole else " hollow"
    return element("circle", tip, cx=f"{x:.2f}%", cy=y, r=3, class_=f"spot {tone}{hollow}")


def _draw_months(first: date, span: int, y: float) -> list[Markup]:
    """Draw the dates of at most five weeks, evenly spread."""
    count = min(4, max(1, span // 7))
    told = []
    for n in range(count + 1):
        day = date.fromordinal(first.toordinal() + round(span * n / count))
        told.append(
            _draw_text(
                f"{100 * n / count:.2f}%", y, f"{day.day} {day:%b}", anchor=_choose_anchor(n / count), tone="faint"
            )
        )
    return told


def _draw_tick(ms: float, x: float, foot: float) -> list[Markup]:
    anchor = "start" if x < 1 else "end" if x > 99 else "middle"
    line = element("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=0, y2=foot, class_="grid")
    return [line, _draw_text(f"{x:.2f}%", foot + 16, _format_round_time(ms), anchor=anchor, tone="faint")]


def _format_round_time(ms: float) -> str:
    if ms < 1000:
        return f"{ms:g} ms"
    return f"{ms / 1000:g} s" if ms < 3_600_000 else f"{ms / 3_600_000:.0f} h"


def _draw_times(row: Latency, y: float, at: Callable[[int], float]) -> list[Markup]:
    label = numbers.STEPS[row.step].partition(",")[0] if row.model is None else row.model
    if row.p50 is None or row.p90 is None or row.p99 is None:
        return [_draw_text(0, y + 14, _shorten(label)), _draw_text("100%", y + 14, numbers.NOT_ENOUGH, anchor="end")]
    told = (
        f"{numbers.format_duration(row.p50)} · {numbers.format_duration(row.p90)} · {numbers.format_duration(row.p99)}"
    )
    ends = {"x1": f"{at(row.p50):.2f}%", "x2": f"{at(row.p99):.2f}%"}
    dots = [
        element("circle", cx=f"{at(ms):.2f}%", cy=y + 27, r=radius, class_=tone)
        for ms, radius, tone in ((row.p99, 4, "spot hollow"), (row.p90, 4, "spot soft"), (row.p50, 5, "dot"))
    ]
    return [
        _draw_text(0, y + 14, _shorten(label)),
        _draw_text("100%", y + 14, told, anchor="end", tone="strong"),
        element("line", **ends, y1=y + 27, y2=y + 27, class_="whisker"),
        *dots,
    ]

"""The page of `suggest rank report --html`: one file, no script, nothing loaded from elsewhere."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from bot.ranking.contrasts import KINDS, ContrastKind, Effect, EffectComparison, Standing
from bot.ranking.rank_report import RankReport, describe_finding, describe_order, describe_worth, format_times
from cli.render.contrast_words import (
    EXPLORATORY,
    HOW_TO_READ,
    TITLES,
    describe_sample,
    format_best,
    list_pairs,
    list_standings,
)

WIDTH: Final = 640
LABELS: Final = 180
ROW: Final = 28
TICKS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Times as often; what is beyond is drawn at the edge."""

STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: #8884; --mark: #2563eb; }
@media (prefers-color-scheme: dark) { :root { --mark: #7aa7ff; } }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; border-bottom: 1px solid var(--line); }
svg { width: 100%; height: auto; }
svg text { font-size: 13px; fill: currentColor; }
svg line { stroke: var(--line); }
svg .range { stroke: var(--mark); stroke-width: 3; }
svg circle { fill: var(--mark); }
""".strip()


def render_report(found: RankReport) -> str:
    """Render the whole page. Names of styles, models and prompts are text, whatever is in them."""
    told = [describe_sample(found), describe_order(found.standing), describe_worth(found.worth)]
    if found.is_exploratory and found.comparison.picks:
        told.append(EXPLORATORY)
    body = [f"<p>{escape(each)}</p>" for each in told]
    for kind in KINDS:
        body += _render_section(found.comparison, kind)
    body.append(f"<p><small>{escape(HOW_TO_READ)}</small></p>")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>What agents choose</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>What agents choose</h1>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _render_section(comparison: EffectComparison, kind: ContrastKind) -> list[str]:
    names = list_standings(comparison, kind)
    if len(names) < 2:
        return []
    heads = ("", "shown", "picked", "times as often as the mean", "at equal length", "best")
    rows = [
        (
            each.name,
            f"{each.shown:,}",
            f"{each.picked:,}",
            format_times(each.effect),
            format_times(each.equal_length),
            format_best(each),
        )
        for each in names
    ]
    wins = [
        (
            f"{each.one} over {each.other}",
            format_times(each.effect),
            format_times(each.equal_length),
            describe_finding(each),
        )
        for each in list_pairs(comparison, kind)
    ]
    return [
        f"<h2>{TITLES[kind]}</h2>",
        draw_effects(names, TITLES[kind]),
        _render_table(heads, rows),
        "<h3>Which wins</h3>",
        _render_table(("", "times as often", "at equal length", ""), wins),
    ]


def _render_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def draw_effects(names: list[Standing], title: str) -> str:
    """Draw each name's effect beside the mean of all, with its 95% interval, on a logarithmic scale."""
    known = [(each.name, each.effect) for each in names if each.effect is not None]
    if not known:
        return ""
    height = ROW * (len(known) + 1)
    ticks = "".join(
        f'<line x1="{_scale(math.log(tick)):.1f}" y1="0" x2="{_scale(math.log(tick)):.1f}" y2="{height - ROW}"/>'
        f'<text x="{_scale(math.log(tick)):.1f}" y="{height - 8}" text-anchor="middle">{tick:g}</text>'
        for tick in TICKS
    )
    rows = "".join(_draw_effect(name, effect, ROW * index + ROW / 2) for index, (name, effect) in enumerate(known))
    label = escape(f"{title}: times as often picked as the mean of all, with 95% intervals", quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{ticks}{rows}</svg>'


def _draw_effect(name: str, effect: Effect, y: float) -> str:
    short = name if len(name) <= 24 else f"{name[:23]}…"
    return (
        f'<text x="0" y="{y + 4:.1f}">{escape(short)}</text>'
        f'<line class="range" x1="{_scale(effect.lower):.1f}" y1="{y:.1f}" x2="{_scale(effect.upper):.1f}" '
        f'y2="{y:.1f}"/>'
        f'<circle cx="{_scale(effect.mean):.1f}" cy="{y:.1f}" r="5"/>'
    )


def _scale(log_odds: float) -> float:
    """Convert log-odds to a coordinate; the edges are the first and the last tick."""
    low, high = math.log(TICKS[0]), math.log(TICKS[-1])
    within = min(high, max(low, log_odds))
    return LABELS + 20 + (WIDTH - LABELS - 40) * (within - low) / (high - low)

"""`suggest rank report` on a terminal."""

from collections.abc import Sequence

from bot.ranking.contrasts import KINDS, PairContrast, Standing
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


def render_report(found: RankReport) -> str:
    """Render the whole report."""
    parts = [describe_sample(found), describe_order(found.standing), describe_worth(found.worth)]
    if found.is_exploratory and found.comparison.picks:
        parts.append(EXPLORATORY)
    for kind in KINDS:
        names = list_standings(found.comparison, kind)
        if len(names) > 1:
            parts += [_render_standings(TITLES[kind], names), _render_pairs(list_pairs(found.comparison, kind))]
        elif names:
            parts.append(f"{TITLES[kind]}: only {names[0].name}, so there is nothing to compare.")
    return "\n\n".join([*parts, HOW_TO_READ])


def _render_standings(title: str, standings: list[Standing]) -> str:
    rows = [(title, "shown", "picked", "times as often as the mean", "at equal length", "best")]
    for each in standings:
        effects = (format_times(each.effect), format_times(each.equal_length), format_best(each))
        rows.append((each.name, f"{each.shown:,}", f"{each.picked:,}", *effects))
    return _align_columns(rows)


def _render_pairs(pairs: list[PairContrast]) -> str:
    rows = [("which wins", "times as often", "at equal length", "")]
    for each in pairs:
        effects = (format_times(each.effect), format_times(each.equal_length), describe_finding(each))
        rows.append((f"{each.one} over {each.other}", *effects))
    return _align_columns(rows)


def _align_columns(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)

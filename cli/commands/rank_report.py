"""`suggest rank report`: which style, model or prompt wins, and how sure that is; as text, JSON, or an HTML page."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.ranking import rank_report
from bot.ranking.contrasts import KINDS, ContrastKind, EffectComparison, PairContrast, Standing
from bot.ranking.off_policy import PolicyValue
from bot.ranking.rank_report import RankReport, describe_finding, describe_order, describe_worth, format_times
from bot.ranking.refit import read_choice_sets
from cli import wiring
from cli.commands.export import moment
from cli.database_location import Location, opened_as_it_is
from cli.errors import SettingsError
from cli.output_file import destination
from storage.queries.log_entries import ChoiceLog, Selection
from storage.repositories.audit import Audit
from storage.repositories.rankers import Rankers
from storage.tables import to_iso

TITLES: Final[dict[ContrastKind, str]] = {"styles": "Styles", "models": "Models", "prompts": "Prompts"}

EXPLORATORY: Final = (
    "Fewer than ten agents: this is what these people like, and may not hold for others. Errors are clustered by agent "
    "and day, and look surer than they are."
)
HOW_TO_READ: Final = (
    "Times as often: 1.35 is picked 1.35 times as often, whatever its place and whoever picks, with the 95% interval; "
    "1 is no difference. At equal length: what is left once length is taken out. Of twenty comparisons without a "
    "difference, one looks like one. Prompts: how often anything is picked at all."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which requests, and an HTML file to write besides."""

    selection: Selection
    html: Path | None = None


def selected(*, since: str | None, until: str | None, team: str | None) -> Selection:
    """The selection that these options make. Raises SettingsError."""
    selection = Selection(since=moment("--since", since), until=moment("--until", until), team_id=team)
    if selection.since and selection.until and selection.since >= selection.until:
        raise SettingsError(f"--since {since!r} is not before --until {until!r}")
    return selection


async def report(location: Location, wanted: Wanted) -> None:
    """Print it for people. Raises SettingsError, Failed."""
    found = await _reported(location, wanted)
    print(as_text(found))


async def report_for_programs(location: Location, wanted: Wanted) -> None:
    """As `report`, as JSON."""
    print(json.dumps(as_json(await _reported(location, wanted)), ensure_ascii=False, allow_nan=False))


async def _reported(location: Location, wanted: Wanted) -> RankReport:
    async with opened_as_it_is(location) as database:
        selection = wanted.selection
        if await Audit(database).is_demonstration():
            selection = replace(selection, include_simulated=True)
        displays, left_out = await read_choice_sets(ChoiceLog(database), selection)
        standing = await rank_report.read_ranker_status(Rankers(database, me=wiring.new_id()))
    found = rank_report.build_report(displays, left_out, standing, weights="kept")
    if wanted.html is not None:
        _write(wanted.html, found)
    return found


def _write(path: Path, found: RankReport) -> None:
    from cli.render.html.rank_report import page

    with destination(path) as file:
        file.write(page(found).encode())
    print(f"{path} is written", file=sys.stderr)


# --- text ---------------------------------------------------------------------------------------------


def as_text(found: RankReport) -> str:
    parts = [header(found), describe_order(found.standing), describe_worth(found.worth)]
    if found.is_exploratory and found.comparison.picks:
        parts.append(EXPLORATORY)
    for kind in KINDS:
        names = of_kind(found.comparison, kind)
        if len(names) > 1:
            parts += [_table(TITLES[kind], names), _wins(pairs_of(found.comparison, kind))]
        elif names:
            parts.append(f"{TITLES[kind]}: only {names[0].name}, so there is nothing to compare.")
    return "\n\n".join([*parts, HOW_TO_READ])


def header(found: RankReport) -> str:
    comparison = found.comparison
    agents = "1 agent" if comparison.agents == 1 else f"{comparison.agents} agents"
    line = f"{comparison.displays:,} decided requests, {comparison.picks:,} picks of {agents}"
    if found.since is not None and found.until is not None:
        line += f", {found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}"
    if found.left_out:
        line += "; left out: " + ", ".join(
            f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(found.left_out.items())
        )
    return line + "."


def of_kind(comparison: EffectComparison, kind: ContrastKind) -> list[Standing]:
    return [each for each in comparison.standings if each.kind == kind]


def pairs_of(comparison: EffectComparison, kind: ContrastKind) -> list[PairContrast]:
    return [each for each in comparison.pairs if each.kind == kind]


def _table(title: str, names: list[Standing]) -> str:
    rows = [
        (title, "shown", "picked", "times as often as the mean", "at equal length", "best"),
        *((each.name, f"{each.shown:,}", f"{each.picked:,}", format_times(each.effect), format_times(each.equal_length), share(each))
          for each in names),
    ]  # fmt: skip
    return _aligned(rows)


def share(standing: Standing) -> str:
    """The probability of being the best."""
    return "–" if standing.best is None else f"{100 * standing.best:.0f}%"  # noqa: RUF001 - a dash


def _wins(pairs: list[PairContrast]) -> str:
    rows = [
        ("which wins", "times as often", "at equal length", ""),
        *((f"{each.one} over {each.other}", format_times(each.effect), format_times(each.equal_length), describe_finding(each))
          for each in pairs),
    ]  # fmt: skip
    return _aligned(rows)


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


# --- JSON ---------------------------------------------------------------------------------------------


def as_json(found: RankReport) -> dict[str, Any]:
    """Effects are log-odds. `worth` has a `reason` where it is refused."""
    comparison, change, newest = found.comparison, found.standing.change, found.standing.newest
    return {
        "since": _iso(found.since),
        "until": _iso(found.until),
        "displays": comparison.displays,
        "picks": comparison.picks,
        "agents": comparison.agents,
        "exploratory": found.is_exploratory,
        "left_out": found.left_out,
        "order": {
            "version": None if change is None else change.version,
            "since": None if change is None else _iso(change.at),
            "decided_by_a_person": change is not None and change.is_pinned,
            "in_words": describe_order(found.standing),
        },
        "newest_ranker": None
        if newest is None
        else {"version": newest.version, "created_at": _iso(newest.created_at), "gate": newest.gate},
        "worth": {**asdict(found.worth), "told": isinstance(found.worth, PolicyValue)},
        "standings": [asdict(each) for each in comparison.standings],
        "pairs": [{**asdict(each), "in_words": describe_finding(each)} for each in comparison.pairs],
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)

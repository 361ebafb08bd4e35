"""`suggest report`: what the log says, as text, as JSON, or as one HTML file."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console

from bot.reporting import PriceError, Prices, Report, Reporter, ReportQuery, parse_prices
from cli import wiring
from cli.commands.export import between
from cli.database_location import Location, opened_as_it_is
from cli.errors import Failed, SettingsError
from cli.output_file import STDOUT, destination
from cli.settings import Settings
from storage.engine.database import Database
from storage.queries.log_entries import ChoiceLog, Selection
from storage.queries.reports import Dimension, Reports
from storage.repositories.audit import Audit

LARGEST_TABLE: Final = 1_000_000
"""Bytes of a price table: what is larger is another file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to report, and how to tell it: `html` is a file to write besides; `as_json` is for stdout."""

    question: ReportQuery
    as_json: bool = False
    html: Path | None = None


def question(
    *,
    since: str | None,
    until: str | None,
    team: str | None,
    by: Dimension | None,
    individuals: bool,
    include_simulated: bool,
) -> ReportQuery:
    """What these options ask. Raises SettingsError."""
    if by == "agent" and not individuals:
        raise SettingsError("--by agent tells single people apart: if you are to know that, add --individuals")
    selection = replace(between(since, until), team_id=team, include_simulated=include_simulated)
    return ReportQuery(selection=selection, by=by, individuals=individuals)


async def report(location: Location, settings: Settings, wanted: Wanted) -> None:
    """Tell it. Raises SettingsError, Failed."""
    if wanted.as_json and wanted.html == STDOUT:
        raise SettingsError("--html - and --json would both go to stdout: give --html a file")
    prices = prices_of(settings.suggest_prices)
    async with opened_as_it_is(location) as database:
        asked = await _asked(database, wanted.question)
        made = await Reporter(reports=Reports(database), prices=prices, now=wiring.now).report(asked)
        await _refuse_unknown_team(database, location, made)
    if wanted.html is not None:
        _write_page(made, wanted.html)
    if wanted.as_json:
        from cli.render.json.report import as_json

        print(as_json(made))
    elif wanted.html is None:
        _show(made)


def prices_of(path: Path | None) -> Prices:
    """The price table; without one, no price. Raises SettingsError."""
    if path is None:
        return Prices()
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise SettingsError(f"SUGGEST_PRICES: {path} is too large for a price table")
        return parse_prices(path.read_text(encoding="utf-8-sig"), source=f"SUGGEST_PRICES: {path}")
    except OSError as error:
        raise SettingsError(f"SUGGEST_PRICES: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"SUGGEST_PRICES: {path} is not UTF-8 text: save it as UTF-8") from error
    except PriceError as error:
        raise SettingsError(str(error)) from error


async def _asked(database: Database, asked: ReportQuery) -> ReportQuery:
    """In a demonstration's own database, its simulated requests are what it is about."""
    if not await Audit(database).is_demonstration():
        return asked
    return replace(asked, selection=replace(asked.selection, include_simulated=True))


async def _refuse_unknown_team(database: Database, location: Location, made: Report) -> None:
    """A team that never asked for anything is most likely a slip; one that did not in this time is a report."""
    if made.team_id is None or made.totals.eligible:
        return
    if not await ChoiceLog(database).count(Selection(team_id=made.team_id, include_simulated=True)):
        raise Failed(f"--team {made.team_id!r}: {location} has no request of it")


def _write_page(made: Report, file: Path) -> None:
    from cli.render.html.report import as_page

    page = as_page(made).encode()
    with destination(file) as out:
        out.write(page)
    if file != STDOUT:
        print(f"Written to {file}", file=sys.stderr)


def _show(made: Report) -> None:
    from cli.render.text.report import as_text

    console = Console(highlight=False, markup=False, emoji=False)
    console.print(as_text(made, width=console.width))

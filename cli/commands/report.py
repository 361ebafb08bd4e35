"""`suggest report`: reports from the log, as text, as JSON, or as one HTML file."""

import asyncio
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.reporting import PriceError, Prices, Report, Reporter, ReportQuery, parse_prices
from cli import wiring
from cli.database_location import Location, include_simulated, locate_database, open_existing
from cli.errors import Failed, SettingsError
from cli.options import DatabaseFile, IncludeSimulated, Json, Since, Team, Until, parse_period
from cli.output_file import STDOUT
from cli.render.html import report as page
from cli.render.output import measure_width, print_result, write_page
from cli.render.text import report as text
from cli.settings import load_settings
from storage.engine.database import Database
from storage.queries.log_entries import ChoiceLog, Selection
from storage.queries.reports import Dimension, Reports

LARGEST_TABLE: Final = 1_000_000
"""Bytes of a price table: what is larger is another file."""


def run(
    *,
    since: Since = None,
    until: Until = None,
    team: Team = None,
    by: Annotated[Dimension | None, typer.Option(help="Break it down by this, too.")] = None,
    individuals: Annotated[
        bool, typer.Option("--individuals", help="Tell single agents apart, and groups of fewer than 5.")
    ] = False,
    include_simulated: IncludeSimulated = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts, in one file; nothing on stdout.")
    ] = None,
    as_json: Json = False,
    database: DatabaseFile = None,
) -> None:
    """Report what became of the replies, how sure that is, and what it cost.

    Each share has its denominator, and an interval by agents. "Not enough data" where that is the truth.

    Example: suggest report --since 2026-11-01 --by style --html report.html
    """
    if by == "agent" and not individuals:
        raise SettingsError("--by agent tells single people apart: if you are to know that, add --individuals")
    if as_json and html == STDOUT:
        raise SettingsError("--html - and --json would both go to stdout: give --html a file")
    selection = replace(parse_period(since, until), team_id=team, include_simulated=include_simulated)
    query = ReportQuery(selection=selection, by=by, individuals=individuals)
    settings = load_settings()
    report = asyncio.run(build_report(locate_database(database), load_prices(settings.suggest_prices), query))
    if html is not None:
        write_page(page.render_report(report), html)
        if html != STDOUT:
            print(f"Written to {html}", file=sys.stderr)
    if as_json or html is None:
        to_text = partial(text.render_report, width=measure_width())
        print_result(report, as_json=as_json, to_text=to_text)


async def build_report(location: Location, prices: Prices, query: ReportQuery) -> Report:
    """Build the report of a database. Raises SettingsError, Failed."""
    async with open_existing(location) as database:
        query = replace(query, selection=await include_simulated(database, query.selection))
        report = await Reporter(reports=Reports(database), prices=prices, now=wiring.now).report(query)
        await _refuse_unknown_team(database, location, report)
    return report


def load_prices(path: Path | None) -> Prices:
    """Load the price table; without a file, there are no prices. Raises SettingsError."""
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


async def _refuse_unknown_team(database: Database, location: Location, report: Report) -> None:
    """Refuse a team that never asked for anything: it is most likely a slip. Raises Failed."""
    if report.team_id is None or report.totals.eligible:
        return
    if not await ChoiceLog(database).count(Selection(team_id=report.team_id, include_simulated=True)):
        raise Failed(f"--team {report.team_id!r}: {location} has no request of it")

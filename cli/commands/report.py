"""`suggest report`: reports from the log, as text, as JSON, or as one HTML file."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final, get_args

import typer

from bot.choice_log.exporter import find_unknown
from bot.playbook import load_playbook, make_recogniser
from bot.privacy.placeholders import NO_PLACEHOLDERS, mask_replies
from bot.reporting import Dimension, Prices, Report, Reporter, ReportQuery, parse_prices
from bot.reporting.reporter import MINUTES_PER_REPLY
from bot.reporting.texts import Mask
from cli import clock
from cli.database_location import Location, include_simulated, locate_database, open_existing, run_with
from cli.errors import Failed, SettingsError
from cli.options import DatabaseFile, IncludeSimulated, Json, Since, Team, Until, parse_period
from cli.output_file import STDOUT
from cli.render.html import report as page
from cli.render.output import measure_width, print_result, write_page
from cli.render.progress import show_progress
from cli.render.text import report as text
from cli.repositories import Records
from cli.settings import Settings, load_settings
from cli.stop_signals import explain_interrupt

DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
LARGEST_TABLE: Final = 1_000_000
"""Bytes of a price table: what is larger is another file."""


def run(  # long: every option with its help
    *,
    since: Since = None,
    until: Until = None,
    team: Team = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Break it down by this, too; may be repeated.", metavar="|".join(DIMENSIONS)),
    ] = None,
    minutes_per_reply: Annotated[
        float,
        typer.Option(
            metavar="MINUTES", min=0.1, max=60, help="What a reply takes by hand: the assumption of the time saved."
        ),
    ] = MINUTES_PER_REPLY,
    no_texts: Annotated[
        bool, typer.Option("--no-texts", help="Leave questions and replies out: numbers only.")
    ] = False,
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
    """Report what became of replies, how sure that is, what it cost.

    Each share has its denominator, and an interval by agents. "Not enough data" where that is the truth.

    Example: suggest report --since 30d --by style --html report.html
    """
    wanted = parse_dimensions(by or ())
    if "agent" in wanted and not individuals:
        raise SettingsError("--by agent tells single people apart: if you are to know that, add --individuals")
    if as_json and html == STDOUT:
        raise SettingsError("--html - and --json would both go to stdout: give --html a file")
    selection = replace(parse_period(since, until), team_id=team, include_simulated=include_simulated)
    query = ReportQuery(selection=selection, by=wanted, individuals=individuals, minutes_per_reply=minutes_per_reply)
    settings = load_settings()
    prices = load_prices(settings.suggest_prices)
    mask = None if no_texts else make_mask(settings)
    with explain_interrupt(lambda: "nothing was written; the same command begins again"):
        location = locate_database(database)
        report = run_with(open_existing(location), lambda records: build_report(records, location, prices, query, mask))
    if html is not None:
        write_page(page.render_report(report), html)
        if html != STDOUT:
            print(f"Written to {html}", file=sys.stderr)
    if as_json or html is None:
        to_text = partial(text.render_report, width=measure_width())
        print_result(report, as_json=as_json, to_text=to_text)


async def build_report(
    records: Records, location: Location, prices: Prices, query: ReportQuery, mask: Mask | None
) -> Report:
    """Build the report of a database. Raises DatabaseUnavailable, Failed for a team that never asked for anything."""
    query = replace(query, selection=await include_simulated(records, query.selection))
    with show_progress("Reading requests of the log") as advance:
        reporter = Reporter(
            reports=records.reports,
            log=records.log,
            prices=prices,
            now=clock.now,
            mask=mask,
            on_read=advance,
        )
        report = await reporter.report(query)
    if not report.totals.eligible and (unknown := await find_unknown(records.log, query.selection)):
        raise Failed(f"{unknown}: {location} has no request of it")
    return report


def parse_dimensions(names: Sequence[str]) -> tuple[Dimension, ...]:
    """Read what to break the report down by, each once. Raises SettingsError."""
    if unknown := [name for name in names if name not in DIMENSIONS]:
        choices = ", ".join(map(repr, DIMENSIONS))
        raise SettingsError(f"invalid value for '--by': {unknown[0]!r} is not one of {choices}")
    return tuple(name for name in DIMENSIONS if name in names)


def make_mask(settings: Settings) -> Mask:
    """Make the masking of texts that a report shows: what the log keeps as it was is not to leave it so."""
    recogniser = make_recogniser(load_playbook(settings.suggest_playbook))
    return lambda texts: mask_replies(texts, NO_PLACEHOLDERS, recogniser)[0]


def load_prices(path: Path | None) -> Prices:
    """Load the price table; list prices hold for what it does not name. Raises SettingsError."""
    if path is None:
        return Prices().add_list_prices()
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise SettingsError(f"SUGGEST_PRICES: {path} is too large for a price table")
        table = parse_prices(path.read_text(encoding="utf-8-sig"), source=f"SUGGEST_PRICES: {path}")
    except OSError as error:
        raise SettingsError(f"SUGGEST_PRICES: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"SUGGEST_PRICES: {path} is not UTF-8 text: save it as UTF-8") from error
    return table.add_list_prices()

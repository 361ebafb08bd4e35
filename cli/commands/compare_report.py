"""`suggest compare report`: tells which side of each comparison is preferred, and how sure that is."""

import asyncio

from bot.comparing.report import CompareReport, build_report
from cli.database_location import Location, locate_database, open_existing
from cli.options import DatabaseFile, Json
from cli.render.output import print_result
from cli.render.text import compare as text
from storage.queries.log_entries import ChoiceLog
from storage.records import Selection


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """Tell which side of each comparison is preferred, how sure that is, and how far reviewers agree.

    It reads the choice log, what was imported too. "Not enough data" where that is the truth.

    Example: suggest compare report --json
    """
    report = asyncio.run(read_report(locate_database(database)))
    print_result(report, as_json=as_json, to_text=text.render_report)


async def read_report(location: Location) -> CompareReport:
    """Build the report of a database. Raises SettingsError, Failed."""
    async with open_existing(location) as database:
        # Simulated rows too: a comparison is listed by itself, and is simulated as a whole or not at all.
        return await build_report(ChoiceLog(database).iter_entries(Selection(include_simulated=True, is_compared=True)))

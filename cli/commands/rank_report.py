"""`suggest rank report`: compares styles, models and prompts, with how sure that is."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bot.ranking import rank_report
from bot.ranking.rank_report import RankReport
from cli.choice_source import collect_choices
from cli.database_location import use_database
from cli.options import DatabaseFile, Json, Since, Team, Until, parse_period
from cli.render.html import rank_report as page
from cli.render.json import list_rank_report
from cli.render.output import print_result, write_page
from cli.render.progress import show_progress
from cli.render.text import rank_report as text
from cli.repositories import Records
from cli.stop_signals import explain_interrupt
from storage.records import Selection


def run(
    *,
    since: Since = None,
    until: Until = None,
    team: Team = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts, too: one file, nothing to install.")
    ] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Report which style, model and prompt wins, how sure that is, and what orders replies now.

    Places and people's habits are taken out, errors are clustered by agent. "Not enough data" where that is the truth.

    Example: suggest rank report --since 2026-11-01 --html ranking.html
    """
    selection = replace(parse_period(since, until), team_id=team)
    with explain_interrupt(lambda: "nothing was written; the same command begins again"):
        report = use_database(database, lambda records: build_report(records, selection))
    if html is not None:
        write_page(page.render_report(report), html)
        print(f"{html} is written", file=sys.stderr)
    print_result(report, as_json=as_json, to_text=text.render_report, to_fields=list_rank_report)


async def build_report(records: Records, selection: Selection) -> RankReport:
    """Build the report of a database. Raises DatabaseUnavailable."""
    with show_progress("Reading choices") as advance:
        found = await collect_choices(records, advance, selection)
    return rank_report.build_report(found, await rank_report.read_ranker_status(records.rankers), weights="kept")

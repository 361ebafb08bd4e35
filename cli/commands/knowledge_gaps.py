"""`suggest knowledge gaps`: questions that nothing was found for, and a document made of how one was answered."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.knowledge.gaps import Gap, NotPromotable, find_gaps, make_document
from bot.playbook import load_playbook, make_recogniser
from cli import clock
from cli.database_location import locate_database, open_existing
from cli.errors import Failed, SettingsError
from cli.knowledge import ACTOR, open_library
from cli.options import DatabaseFile, Json, Since, parse_period
from cli.render.json import list_passages
from cli.render.output import print_result
from cli.render.text import knowledge as text
from cli.settings import load_settings
from storage.queries.log_entries import ChoiceLog
from storage.records import Selection
from storage.repositories.knowledge import Document


def run(
    *,
    promote: Annotated[
        str | None, typer.Option(metavar="ID", help="Make a document of the newest reply sent to this one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before that.")] = False,
    since: Since = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """List the questions that nothing was found for, most frequent first, with their replies.

    Questions that are alike are one. --promote shows the reply, and asks before drafts know it.

    Example: suggest knowledge gaps --since 2026-11-01
    """
    period = parse_period(since, None)
    if promote is None:
        gaps = asyncio.run(_find(database, period))
        print_result(gaps, as_json=as_json, to_text=text.render_gaps)
        return
    if not yes and (as_json or not sys.stdin.isatty()):
        raise SettingsError("nobody is at a terminal to ask: read it in `suggest knowledge gaps`, then say --yes")
    document = asyncio.run(_make_document(promote, database, period))
    if yes or _confirm(document):
        asyncio.run(_add(document, database))
        print_result(document, as_json=as_json, to_text=text.render_promoted, to_fields=list_passages)
    else:
        print("Nothing was added.")


async def _find(database: Path | None, period: Selection) -> list[Gap]:
    async with open_existing(locate_database(database)) as opened:
        return await find_gaps(ChoiceLog(opened).iter_entries(period.narrow_to_gaps()))


async def _make_document(gap_id: str, database: Path | None, period: Selection) -> Document:
    """Make the document of a gap. Raises SettingsError, Failed."""
    settings = load_settings()
    gap = next((gap for gap in await _find(database, period) if gap.id == gap_id or gap_id in gap.requests), None)
    if gap is None:
        raise Failed(f"there is no gap {gap_id}: `suggest knowledge gaps` tells all ids")
    recogniser = make_recogniser(load_playbook(settings.suggest_playbook))
    try:
        return make_document(gap, recogniser, at=clock.now())
    except NotPromotable as error:
        raise Failed(f"{gap_id}: {error}") from error


def _confirm(document: Document) -> bool:
    """Show the person at the terminal what drafts would know, and ask."""
    print_result(document, as_json=False, to_text=text.render_document)
    try:
        return input("Type yes if drafts may cite this: ").strip().lower() == "yes"
    except (EOFError, KeyboardInterrupt):
        print()
        return False


async def _add(document: Document, database: Path | None) -> None:
    async with open_library(database) as library:
        await library.put(document, actor=ACTOR)

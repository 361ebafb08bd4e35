"""`suggest knowledge gaps`: questions that nothing was found for, and a document made of how one was answered."""

import sys
from typing import Annotated

import typer

from bot.knowledge.gaps import NotPromotable, find_gap, find_gaps, make_document
from bot.playbook import load_playbook, make_recogniser
from cli import clock
from cli.database_location import use_database
from cli.errors import Failed, SettingsError
from cli.knowledge import use_library
from cli.options import ACTOR, DatabaseFile, Json, Since, parse_period
from cli.render.json import list_passages
from cli.render.output import print_result
from cli.render.text import knowledge as text
from cli.settings import load_settings
from cli.terminal import confirm


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
        gaps = use_database(database, lambda records: find_gaps(records.log, period))
        print_result(gaps, as_json=as_json, to_text=text.render_gaps)
        return
    if not yes and (as_json or not sys.stdin.isatty()):
        raise SettingsError("nobody is at a terminal to ask: read it in `suggest knowledge gaps`, then say --yes")
    recogniser = make_recogniser(load_playbook(load_settings().suggest_playbook))
    gap = use_database(database, lambda records: find_gap(records.log, period, promote))
    try:
        document = make_document(gap, recogniser, at=clock.now())
    except NotPromotable as error:
        raise Failed(f"{promote}: {error}") from error
    if not yes:
        print_result(document, as_json=False, to_text=text.render_document)
    if yes or confirm("Type yes if drafts may cite this: "):
        use_library(database, lambda library: library.put(document, actor=ACTOR))
        print_result(document, as_json=as_json, to_text=text.render_promoted, to_fields=list_passages)
    else:
        print("Nothing was added.")

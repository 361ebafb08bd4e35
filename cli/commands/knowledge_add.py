"""`suggest knowledge add`: reads files and folders into the database."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.knowledge.library import Changes
from cli.errors import SettingsError
from cli.knowledge import ACTOR, open_or_create_library
from cli.options import DatabaseFile, Json
from cli.render.output import print_result
from cli.render.text import knowledge as text
from cli.stop_signals import explain_interrupt


def run(
    *,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders.")],
    internal: Annotated[
        bool,
        typer.Option("--internal", help="For agents only: they must confirm a reply that cites it before it is used."),
    ] = False,
    collection: Annotated[str, typer.Option(metavar="NAME", help="A name that playbooks choose knowledge by.")] = "",
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Add files and folders to the knowledge that drafts use.

    Markdown, HTML, plain text, PDF, CSV and JSON Lines; of a folder, those that are one of these.

    A CSV has the columns title and text, and may have url and internal; a line of JSON Lines has these as keys, and id.

    Example: suggest knowledge add help-center/ --collection shop
    """
    for path in paths:
        if not path.exists():
            raise SettingsError(f"there is no file or folder {path}")
    with explain_interrupt(lambda: "files that were read are kept; the same command goes on with the rest"):
        changes = asyncio.run(_add(paths, database, internal=internal, collection=collection))
    print_result(changes, as_json=as_json, to_text=text.render_changes)
    raise typer.Exit(1 if changes.refused else 0)


async def _add(paths: list[Path], database: Path | None, *, internal: bool, collection: str) -> Changes:
    async with open_or_create_library(database) as library:
        return await library.add(paths, internal=internal, collection=collection, actor=ACTOR)

"""`suggest knowledge add`: reads files and folders into the database."""

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import SettingsError
from cli.knowledge import use_or_create_library
from cli.options import ACTOR, DatabaseFile, Json
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
        changes = use_or_create_library(
            database, lambda library: library.add(paths, internal=internal, collection=collection, actor=ACTOR)
        )
    print_result(changes, as_json=as_json, to_text=text.render_changes)
    raise typer.Exit(1 if changes.refused else 0)

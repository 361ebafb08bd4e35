"""`suggest knowledge refresh`: reads again what has changed."""

import typer

from cli.knowledge import use_library
from cli.options import ACTOR, DatabaseFile, Json
from cli.render.output import print_result
from cli.render.text import knowledge as text
from cli.stop_signals import explain_interrupt


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """Read again what has changed in the files and folders that were added, and drop what is gone.

    Example: suggest knowledge refresh
    """
    with explain_interrupt(lambda: "files that were read are kept; the same command goes on with the rest"):
        changes = use_library(database, lambda library: library.refresh(actor=ACTOR))
    print_result(changes, as_json=as_json, to_text=text.render_changes)
    raise typer.Exit(1 if changes.refused else 0)

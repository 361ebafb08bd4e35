"""`suggest knowledge remove`: removes documents, files or folders."""

from typing import Annotated

import typer

from bot.knowledge.library import Changes
from cli.errors import Failed
from cli.knowledge import use_library
from cli.options import ACTOR, DatabaseFile, Json
from cli.render.output import print_result
from cli.render.text import knowledge as text


def run(
    *,
    names: Annotated[list[str], typer.Argument(metavar="ID|PATH…", help="Documents, or files and folders as added.")],
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Remove documents by id, or files and folders with all their documents.

    No draft cites them from then on.

    Example: suggest knowledge remove help-center/returns.md
    """
    removed = use_library(database, lambda library: library.remove(names, actor=ACTOR))
    if not removed:
        raise Failed(f"nothing is known by {', '.join(names)}: `suggest knowledge list` tells ids and files")
    print_result(Changes(removed=removed), as_json=as_json, to_text=text.render_changes)

"""`suggest knowledge search`: the passages that fit a question."""

from typing import Annotated

import typer

from cli.knowledge import use_library
from cli.options import DatabaseFile, Json
from cli.render.json import list_hits
from cli.render.output import print_result
from cli.render.text import knowledge as text


def run(
    *,
    question: Annotated[str, typer.Argument(help="What a customer asks.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, metavar="N", help="Documents at most.")] = 5,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Find the passages that fit a question, best first: the best one of each document.

    Example: suggest knowledge search "How do I return a lamp?"
    """
    hits = use_library(database, lambda library: library.search(question, limit=limit))
    print_result(hits, as_json=as_json, to_text=text.render_hits, to_fields=list_hits)

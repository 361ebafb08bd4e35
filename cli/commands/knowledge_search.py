"""`suggest knowledge search`: the passages that fit a question."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.knowledge.library import Hit
from cli.knowledge import open_library
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
    print_result(
        asyncio.run(_search(question, limit, database)),
        as_json=as_json,
        to_text=text.render_hits,
        to_fields=list_hits,
    )


async def _search(question: str, limit: int, database: Path | None) -> list[Hit]:
    async with open_library(database) as library:
        return await library.search(question, limit=limit)

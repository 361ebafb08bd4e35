"""`suggest knowledge list`: the documents that drafts know."""

import asyncio
from pathlib import Path

from cli.knowledge import open_library
from cli.options import DatabaseFile, Json
from cli.render.json import list_documents
from cli.render.output import print_result
from cli.render.text import knowledge as text
from storage.repositories.knowledge import Listed


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """List the documents that drafts use, with their dates.

    Example: suggest knowledge list
    """
    print_result(asyncio.run(_list(database)), as_json=as_json, to_text=text.render_documents, to_fields=list_documents)


async def _list(database: Path | None) -> list[Listed]:
    async with open_library(database) as library:
        return await library.list_documents()

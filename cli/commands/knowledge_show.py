"""`suggest knowledge show`: one document with its passages."""

from typing import Annotated

import typer

from cli.errors import Failed
from cli.knowledge import use_library
from cli.options import DatabaseFile, Json
from cli.render.json import list_passages
from cli.render.output import print_result
from cli.render.text import knowledge as text


def run(
    *,
    document_id: Annotated[str, typer.Argument(metavar="ID", help="Of the document, as `list` and `search` tell it.")],
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Show one document with its passages, as drafts are given them.

    Example: suggest knowledge show help-center/returns.md
    """
    document = use_library(database, lambda library: library.get(document_id))
    if document is None:
        raise Failed(f"there is no document {document_id}: `suggest knowledge list` tells all ids")
    print_result(document, as_json=as_json, to_text=text.render_document, to_fields=list_passages)

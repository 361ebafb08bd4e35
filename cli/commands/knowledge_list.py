"""`suggest knowledge list`: the documents that drafts know."""

from bot.knowledge.library import Library
from cli.knowledge import use_library
from cli.options import DatabaseFile, Json
from cli.render.json import list_documents
from cli.render.output import print_result
from cli.render.text import knowledge as text


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """List the documents that drafts use, with their dates.

    Example: suggest knowledge list
    """
    documents = use_library(database, Library.list_documents)
    print_result(documents, as_json=as_json, to_text=text.render_documents, to_fields=list_documents)

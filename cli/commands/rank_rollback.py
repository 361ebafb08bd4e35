"""`suggest rank rollback`: lets a person decide which ranker orders replies."""

from typing import Annotated

import typer

from bot.ranking.rollback import roll_back
from cli import clock
from cli.database_location import use_database
from cli.options import ACTOR, DatabaseFile, Json
from cli.render.json import list_rollback
from cli.render.output import print_result
from cli.render.text import ranking as text


def run(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION|uniform|auto",
            help="Order by this ranker, uniformly, or as the gate decides. [default: the ranker shown before]",
        ),
    ] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Go back to the ranker that ordered replies before, or to uniform order.

    It stays so, whatever is learned, until --to auto. Running bots follow within half a minute.

    Example: suggest rank rollback --to uniform
    """
    rollback = use_database(database, lambda records: roll_back(records.rankers, to, actor=ACTOR, at=clock.now()))
    print_result(rollback, as_json=as_json, to_text=text.render_rollback, to_fields=list_rollback)

"""`suggest rank gate`: tells what the gate decides of a log, now or at each look of its life."""

from typing import Annotated

import typer

from bot.ranking.promotion import judge, replay
from cli.choice_source import read_training_set
from cli.database_location import locate_database
from cli.options import DatabaseFile, Json
from cli.render.output import print_look, print_result
from cli.render.text import ranking as text
from cli.stop_signals import explain_interrupt


def run(
    *,
    every: Annotated[
        int | None,
        typer.Option("--replay", metavar="N", min=1, help="A line for every N choices, as it was decided then."),
    ] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Tell if learned order is proven better than chance, by the choices in a database. Nothing is stored.

    Example: suggest rank gate --replay 200 --json
    """
    location = locate_database(database)
    with explain_interrupt(lambda: "nothing was changed; the same command begins again"):
        found = read_training_set(None, location)
        if every is None:
            print_result(judge(found, weights="kept").verdict, as_json=as_json, to_text=text.render_gate)
            return
        for at, verdict in replay(found, weights="kept", every=every):
            print_look(at, "choices", verdict, as_json=as_json, to_text=text.render_look)

"""`suggest experiment stop`: ends an experiment; its report stays."""

from typing import Annotated

import typer

from bot.experiments.start import stop_experiment
from cli import clock
from cli.database_location import use_database
from cli.options import ACTOR, DatabaseFile


def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment that runs.")],
    *,
    database: DatabaseFile = None,
) -> None:
    """Stop an experiment; its report stays.

    Running bots draft by the settings again within two seconds.

    Example: suggest experiment stop tone
    """
    use_database(database, lambda records: stop_experiment(records.experiments, name, actor=ACTOR, at=clock.now()))
    print(f"The experiment {name} is stopped. What it found: suggest experiment report {name}")

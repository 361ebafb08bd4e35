"""`suggest experiment list`: lists the experiments with their arms."""

import asyncio

from cli.database_location import Location, locate_database, open_existing
from cli.options import DatabaseFile, Json
from cli.render.json import list_experiments
from cli.render.output import print_result
from cli.render.text import experiments as text
from storage.records import Experiment
from storage.repositories.experiments import ExperimentStore


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """List the experiments with their arms.

    Example: suggest experiment list --json
    """
    found = asyncio.run(read_experiments(locate_database(database)))
    print_result(found, as_json=as_json, to_text=text.render_list, to_fields=list_experiments)


async def read_experiments(location: Location) -> tuple[Experiment, ...]:
    """Read all experiments. Raises SettingsError, Failed."""
    async with open_existing(location) as database:
        return await ExperimentStore(database).list_all()

"""`suggest experiment list`: lists the experiments with their arms."""

import asyncio
from functools import partial

from cli.database_location import Location, locate_database, open_existing
from cli.options import DatabaseFile, Json
from cli.render.json import list_experiments
from cli.render.output import print_result
from cli.render.text import experiments as text
from cli.settings import load_settings
from storage.records import Experiment
from storage.repositories.experiments import ExperimentStore


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """List the experiments with their arms.

    Example: suggest experiment list --json
    """
    found = asyncio.run(read_experiments(locate_database(database)))
    model = load_settings().suggest_model
    to_text, to_fields = partial(text.render_list, default_model=model), partial(list_experiments, default_model=model)
    print_result(found, as_json=as_json, to_text=to_text, to_fields=to_fields)


async def read_experiments(location: Location) -> tuple[Experiment, ...]:
    """Read all experiments. Raises SettingsError, Failed."""
    async with open_existing(location) as database:
        return await ExperimentStore(database).list_all()

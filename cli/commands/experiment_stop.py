"""`suggest experiment stop`: ends an experiment; its report stays."""

import asyncio
from typing import Annotated

import typer

from cli import clock
from cli.database_location import Location, locate_database, open_existing
from cli.errors import SettingsError
from cli.options import DatabaseFile
from storage.repositories.experiments import ExperimentStore

ACTOR = "cli"


def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment that runs.")],
    *,
    database: DatabaseFile = None,
) -> None:
    """Stop an experiment; its report stays.

    Running bots draft by the settings again within two seconds.

    Example: suggest experiment stop tone
    """
    asyncio.run(stop(locate_database(database), name))
    print(f"The experiment {name} is stopped. What it found: suggest experiment report {name}")


async def stop(location: Location, name: str) -> None:
    """Stop an experiment. Raises SettingsError if it does not run, Failed."""
    async with open_existing(location) as database:
        store = ExperimentStore(database)
        if await store.stop(name, by="admin", actor=ACTOR, at=clock.now()):
            return
        if await store.get(name) is not None:
            raise SettingsError(f"the experiment {name!r} has been stopped already")
        running = await store.get_running()
        runs = "none runs" if running is None else f"{running!r} runs"
        raise SettingsError(f"there is no experiment {name!r}: {runs}")

"""The library of a database, for the commands of `suggest knowledge`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bot.knowledge.library import Library
from cli import wiring
from cli.database_location import locate_database, open_existing, open_or_create
from storage.repositories.knowledge import Knowledge

ACTOR: Final = "cli"


@asynccontextmanager
async def open_library(database: Path | None) -> AsyncIterator[Library]:
    """Open the library of a database that is there. Raises SettingsError, Failed."""
    async with open_existing(locate_database(database)) as opened:
        yield Library(Knowledge(opened), now=wiring.now)


@asynccontextmanager
async def open_or_create_library(database: Path | None) -> AsyncIterator[Library]:
    """Open a library; its database is made if need be. Raises SettingsError, Failed."""
    async with open_or_create(locate_database(database)) as records:
        yield Library(Knowledge(records.database), now=wiring.now)

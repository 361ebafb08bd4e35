from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.desk import Desk
from tests.storage.conftest import migrated_file
from tests.storage.stores import SqliteFiles, open_store

__all__ = ["desk", "migrated_file"]


@pytest.fixture
async def desk(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Desk]:
    files = SqliteFiles(folder=tmp_path, template=migrated_file)
    async with open_store(files.migrated()) as store:
        yield Desk(store=store)

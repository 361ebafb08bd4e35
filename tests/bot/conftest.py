from collections.abc import AsyncIterator

import pytest

from tests.bot.desk import Desk
from tests.storage.stores import SqliteFiles, open_store


@pytest.fixture
async def desk(sqlite: SqliteFiles) -> AsyncIterator[Desk]:
    async with open_store(sqlite.migrated()) as store:
        yield Desk(store=store)

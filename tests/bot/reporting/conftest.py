"""A reporter on a database in a file."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.reporting import Prices, Report, Reporter, ReportQuery
from storage.engine.database import Database
from storage.queries.log_entries import ChoiceLog
from storage.queries.reports import Reports
from storage.records import Selection
from tests.reportlog import MONDAY, Asked, record
from tests.storage.stores import SqliteFiles

Reported = Callable[..., Awaitable[Report]]


@pytest.fixture
async def database(sqlite: SqliteFiles) -> AsyncIterator[Database]:
    opened = Database(sqlite.migrated())
    yield opened
    await opened.aclose()


@pytest.fixture
def reported(database: Database) -> Reported:
    """Records the log, and reports it. `now` is in the fifth week."""

    async def make(
        *log: Asked,
        prices: Prices | None = None,
        now: datetime | None = None,
        with_texts: bool = False,
        **question: Any,
    ) -> Report:
        await record(database, log)
        asked = ReportQuery(**{"selection": Selection(), **question})
        moment = now or MONDAY + timedelta(days=30)
        reporter = Reporter(
            reports=Reports(database),
            log=ChoiceLog(database),
            prices=prices or Prices(),
            now=lambda: moment,
            mask=list if with_texts else None,
        )
        return await reporter.report(asked)

    return make

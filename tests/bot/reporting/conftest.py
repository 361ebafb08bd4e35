"""A reporter on a database in a file."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.reporting import Prices, Report, Reporter, ReportQuery
from storage.engine.database import Database
from storage.queries.log_entries import Selection
from storage.queries.reports import Reports
from storage.schema import migrate
from tests.reportlog import MONDAY, Asked, record

Reported = Callable[..., Awaitable[Report]]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'suggest.db'}")
    await migrate(opened)
    yield opened
    await opened.aclose()


@pytest.fixture
def reported(database: Database) -> Reported:
    """Records the log, and reports it. `now` is in the fifth week."""

    async def make(*log: Asked, prices: Prices | None = None, now: datetime | None = None, **question: Any) -> Report:
        await record(database, log)
        asked = ReportQuery(**{"selection": Selection(), **question})
        moment = now or MONDAY + timedelta(days=30)
        reporter = Reporter(reports=Reports(database), prices=prices or Prices(), now=lambda: moment)
        return await reporter.report(asked)

    return make

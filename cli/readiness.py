"""Checks that everything the bot needs is usable, for /readyz and `suggest doctor`. They spend no tokens."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bot.drafting.model_server import ModelServer
from bot.errors import NotUsable
from bot.operations.metrics import Metrics
from bot.operations.recovery import DEAD_AFTER
from cli import clock
from cli.repositories import Records
from cli.settings import FIXES
from handlers.http import Check
from handlers.slack.client import BotIdentity, Connection, SlackRefused, SlackUnreachable
from storage.engine.database import Database
from storage.errors import DatabaseUnavailable, StorageError
from storage.schema import read_revisions

REMEMBERED_S: Final = 15.0
SLACK_TIMEOUT_S: Final = 10.0
ROOM_BYTES: Final = 1 << 20
"""More than the rows of any one command."""


class Readiness:
    """The checks behind /readyz: of the database each time, of Slack and the model's server every REMEMBERED_S."""

    def __init__(
        self, *, records: Records, connection: Connection, model: ModelServer | None, metrics: Metrics
    ) -> None:
        self._records = records
        self._model = _Remembered(lambda: check_model(model))
        self._slack = _Remembered(lambda: check_slack(connection))
        self._metrics = metrics

    async def check(self) -> tuple[Check, ...]:
        """Check everything."""
        slack, model = await asyncio.gather(self._slack.check(), self.check_model())
        return (await check_database(self._records.database, self._write_heartbeat), slack, model)

    async def check_model(self) -> Check:
        """Check the model's server; the metric follows."""
        model = await self._model.check()
        self._metrics.set_model_usable(model.problem is None)
        return model

    async def _write_heartbeat(self) -> None:
        """Send a heartbeat: a database that takes no writes is not ready, however well it can be read."""
        now = clock.now()
        await self._records.replicas.beat(now, dead_before=now - DEAD_AFTER)


class _Remembered:
    """A check whose outcome is remembered for a while, so that probing loads nobody."""

    def __init__(self, check: Callable[[], Awaitable[Check]]) -> None:
        self._check = check
        self._checked_at = float("-inf")
        self._last: Check | None = None

    async def check(self) -> Check:
        if self._last is None or time.monotonic() - self._checked_at > REMEMBERED_S:
            self._last, self._checked_at = await self._check(), time.monotonic()
        return self._last


async def check_database(database: Database, write: Callable[[], Awaitable[None]]) -> Check:
    """Check that the database is at this program's schema, and that it takes writes."""
    try:
        found, wanted = await read_revisions(database)
        if found == wanted:
            await write()
            check_room(database)
    except StorageError as error:
        return Check(name="database", problem=f"cannot be used: {' '.join(str(error).split())}")
    problem = None if found == wanted else f"its schema is {found}, not {wanted}: run `suggest migrate`"
    return Check(name="database", problem=problem)


async def check_slack(connection: Connection) -> Check:
    """Check that Slack takes the bot token."""
    try:
        async with asyncio.timeout(SLACK_TIMEOUT_S):
            await identify(connection)
    except NotUsable as error:
        return Check(name="slack", problem=str(error))
    except TimeoutError:
        return Check(name="slack", problem=f"Slack did not answer within {SLACK_TIMEOUT_S:g} s")
    return Check(name="slack", problem=None)


async def check_model(server: ModelServer | None) -> Check:
    """Check that the model's server answers and takes the key. Without it, agents are told; clicks still count."""
    problem = None
    try:
        if server is not None:
            await server.list_models()
    except NotUsable as error:
        problem = str(error)
    return Check(name="model", problem=problem, is_required=False)


def check_room(database: Database) -> None:
    """Check that there is room for a command's writes. Raises DatabaseUnavailable.

    A heartbeat alone may fit into what SQLite has reserved already, where a command's rows do not.
    """
    if database.is_shared:
        return
    try:
        with tempfile.TemporaryFile(dir=Path(database.url.database or "").absolute().parent, buffering=0) as file:
            written = 0
            while written < ROOM_BYTES:
                written += file.write(b"\0" * (ROOM_BYTES - written))
    except OSError as error:
        raise DatabaseUnavailable(f"no room for {ROOM_BYTES >> 20} MB beside it: {error.strerror}") from error


@contextmanager
def explain_slack(refused: str, *, setting: str) -> Iterator[None]:
    """Say what to do where Slack refuses, by the setting that is at fault, or cannot be reached. Raises NotUsable."""
    try:
        yield
    except SlackRefused as error:
        raise NotUsable(f"{refused} ({error}): {FIXES[setting]}") from error
    except SlackUnreachable as error:
        raise NotUsable(f"Slack cannot be reached ({error}): check the network and the proxy") from error


async def identify(connection: Connection) -> BotIdentity:
    """Ask Slack whom the bot token stands for. Raises NotUsable."""
    with explain_slack("the bot token is refused", setting="SLACK_BOT_TOKEN"):
        return await connection.identify()

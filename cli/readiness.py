"""Checks that everything the bot needs is usable, for /readyz and `suggest doctor`. They spend no tokens."""

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from bot.drafting.bodies import parse_json, read_body
from bot.operations.recovery import DEAD_AFTER
from cli import wiring
from cli.settings import FIXES, Settings
from cli.wiring import Records
from handlers.http import Check
from handlers.slack.client import BotIdentity, Connection, SlackRefused, SlackUnreachable
from storage.engine.database import Database
from storage.errors import StorageError
from storage.schema import read_revisions

REMEMBERED_S: Final = 15.0
MODEL_TIMEOUT_S: Final = 5.0
OPENAI_URL: Final = "https://api.openai.com/v1"
NAMES_SHOWN: Final = 5


class Readiness:
    """The checks behind /readyz, remembered for a while, so that probing does not load Slack or the model's server."""

    def __init__(
        self, settings: Settings, *, records: Records, connection: Connection, session: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._records = records
        self._connection = connection
        self._session = session
        self._checked_at = float("-inf")
        self._remote: tuple[Check, ...] = ()

    async def check(self) -> tuple[Check, ...]:
        """Check the database now, Slack and the model every REMEMBERED_S."""
        if time.monotonic() - self._checked_at > REMEMBERED_S:
            self._remote = (await check_slack(self._connection), await check_model(self._settings, self._session))
            self._checked_at = time.monotonic()
        return (await check_database(self._records.database, self._write_heartbeat), *self._remote)

    async def _write_heartbeat(self) -> None:
        """Send a heartbeat: a database that takes no writes is not ready, however well it can be read."""
        now = wiring.now()
        await self._records.replicas.beat(now, dead_before=now - DEAD_AFTER)


async def check_database(database: Database, write: Callable[[], Awaitable[None]] | None = None) -> Check:
    """Check that the database is at this program's schema and, with `write`, that it takes writes."""
    try:
        found, wanted = await read_revisions(database)
        if write is not None and found == wanted:
            await write()
    except StorageError as error:
        return Check(name="database", problem=f"cannot be used: {' '.join(str(error).split())}")
    problem = None if found == wanted else f"its schema is {found}, not {wanted}: run `suggest migrate`"
    return Check(name="database", problem=problem)


async def check_slack(connection: Connection) -> Check:
    """Check that Slack takes the bot token."""
    try:
        await identify(connection)
    except NotUsable as error:
        return Check(name="slack", problem=str(error))
    return Check(name="slack", problem=None)


async def check_model(settings: Settings, session: aiohttp.ClientSession) -> Check:
    """Check that the model's server answers and takes the key."""
    try:
        await ModelServer(settings, session).list_models()
    except NotUsable as error:
        return Check(name="model", problem=str(error))
    return Check(name="model", problem=None)


class NotUsable(Exception):  # noqa: N818 - named for what was found
    """Something cannot be used; the message says why, and what to do."""


async def identify(connection: Connection) -> BotIdentity:
    """Ask Slack whom the bot token stands for. Raises NotUsable."""
    try:
        return await connection.identify()
    except SlackRefused as error:
        raise NotUsable(f"the bot token is refused ({error}): {FIXES['SLACK_BOT_TOKEN']}") from error
    except SlackUnreachable as error:
        raise NotUsable(f"Slack cannot be reached ({error}): check the network and the proxy") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    """The status and the JSON of a response."""

    status: int
    body: Any


class ModelServer:
    """A client of the model's server, for requests that cost nothing."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self.address = (settings.openai_base_url or OPENAI_URL).rstrip("/")
        self._key = settings.openai_api_key
        self._session = session

    async def list_models(self) -> frozenset[str] | None:
        """List the server's models; None if it does not list any. Raises NotUsable."""
        answer = await self._get("/models")
        if answer.status in {401, 403}:
            raise NotUsable(f"the key is refused (HTTP {answer.status}): {FIXES['OPENAI_API_KEY']}")
        if 300 <= answer.status < 400:
            raise NotUsable(
                f"its server sends elsewhere (HTTP {answer.status}), where no prompt and no key may go: "
                f"{FIXES['OPENAI_BASE_URL']}"
            )
        if answer.status >= 500:
            raise NotUsable(f"its server answers HTTP {answer.status}: look at that server")
        return _parse_models(answer.body) if answer.status == 200 else None

    async def is_lacking(self, name: str, listed: Iterable[str]) -> bool:
        """Return True if a model is neither in the server's list, nor answers under its own name."""
        return name not in listed and (await self._get(f"/models/{quote(name)}")).status != 200

    async def _get(self, path: str) -> _Response:
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        timeout = aiohttp.ClientTimeout(total=MODEL_TIMEOUT_S)
        try:
            async with self._session.get(
                self.address + path, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return _Response(status=answer.status, body=await _read_json(answer))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotUsable(
                f"its server cannot be reached ({type(error).__name__}): {FIXES['OPENAI_BASE_URL']}"
            ) from error


async def _read_json(answer: aiohttp.ClientResponse) -> Any:
    """Parse the body; None for one that is no JSON or has no end: the list of models is short."""
    try:
        return parse_json(await read_body(answer))
    except ValueError:
        return None


def _parse_models(body: Any) -> frozenset[str] | None:
    models = body.get("data") if isinstance(body, dict) else None
    if not isinstance(models, list):
        return None
    return frozenset(str(model["id"]) for model in models if isinstance(model, dict) and "id" in model) or None

"""Whether everything that the bot needs is usable: for /readyz and for `suggest doctor`. Never spends tokens."""

import time

import aiohttp

from cli.settings import FIXES, Settings
from cli.wiring import Records
from handlers.connection import Connection, SlackRefused, SlackUnreachable
from handlers.web import Check
from storage.errors import StorageError
from storage.schema import revision

REMEMBERED_S = 15.0
MODEL_TIMEOUT_S = 5.0
OPENAI_URL = "https://api.openai.com/v1"


class Readiness:
    """The checks behind /readyz, remembered for a while, so that probing does not load Slack or the model's server."""

    def __init__(
        self, settings: Settings, *, records: Records, connection: Connection, session: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._records = records
        self._connection = connection
        self._session = session
        self._asked_at = float("-inf")
        self._remote: tuple[Check, ...] = ()

    async def check(self) -> tuple[Check, ...]:
        if time.monotonic() - self._asked_at > REMEMBERED_S:
            self._remote = (await slack(self._connection), await model(self._settings, self._session))
            self._asked_at = time.monotonic()
        return (await database(self._records), *self._remote)


async def database(records: Records) -> Check:
    """Readable, and at this program's schema."""
    try:
        found, wanted = await revision(records.database)
    except StorageError as error:
        return Check(name="database", problem=f"cannot be read: {error}")
    problem = None if found == wanted else f"its schema is {found}, not {wanted}: run `suggest migrate`"
    return Check(name="database", problem=problem)


async def slack(connection: Connection) -> Check:
    """The bot token is taken."""
    try:
        await connection.identify()
    except SlackRefused as error:
        return Check(name="slack", problem=f"the bot token is refused ({error}): {FIXES['SLACK_BOT_TOKEN']}")
    except SlackUnreachable as error:
        return Check(name="slack", problem=f"cannot be reached ({error}): check the network and proxy")
    return Check(name="slack", problem=None)


async def model(settings: Settings, session: aiohttp.ClientSession) -> Check:
    """The model's server answers and takes the key; where it lists its models, ours are there."""
    url = (settings.openai_base_url or OPENAI_URL).rstrip("/") + "/models"
    key = settings.openai_api_key
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
    try:
        async with session.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=MODEL_TIMEOUT_S)) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        problem = f"its server cannot be reached ({type(error).__name__}): {FIXES['OPENAI_BASE_URL']}"
        return Check(name="model", problem=problem)
    if status in {401, 403}:
        return Check(name="model", problem=f"the key is refused (HTTP {status}): {FIXES['OPENAI_API_KEY']}")
    if status >= 500:
        return Check(name="model", problem=f"its server answers HTTP {status}: look at that server")
    return Check(name="model", problem=None)

"""The bot's places in Slack: its identity, scopes and clients in a workspace, and the Bolt app that listens."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.suggesting.deliver import DeliveryRefused
from handlers.payloads import Sender
from handlers.slack.errors import SERVER_ERRORS

_QUIET = logging.getLogger("handlers.bolt")
_QUIET.setLevel(logging.WARNING)


class SlackRefused(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """Slack does not take a token; the message is Slack's own code, such as invalid_auth."""


class SlackUnreachable(Exception):  # noqa: N818 - as above
    """Slack did not answer, or not as Slack does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """The bot's user and app in its workspace, and what its token may do."""

    team_id: str
    team: str
    bot_user_id: str
    scopes: frozenset[str]
    authorized: AuthorizeResult

    @property
    def bot_id(self) -> str | None:
        """The app's id as Slack gives it in messages."""
        return self.authorized.bot_id

    @property
    def home(self) -> frozenset[str]:
        """Ids of the workspace and of its Enterprise Grid, if it is in one: users of neither are external."""
        return frozenset(filter(None, (self.team_id, self.authorized.enterprise_id)))

    def shares_grid(self, sender: Sender) -> bool:
        """Tell whether somebody comes from the bot's own Grid, in which ids of users are unique."""
        grid = self.authorized.enterprise_id
        return grid is not None and sender.enterprise_id == grid

    def is_home_of(self, sender: Sender) -> bool:
        """Tell whether somebody belongs to this workspace or Grid: only then `users.info` by their id is about them."""
        teams = {sender.team_id, sender.own_team_id or sender.team_id}
        return self.shares_grid(sender) or teams == {self.team_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The bot in one workspace or Grid: its identity there, and clients with its token.

    `patient_client` waits as told where Slack answers 429: for calls that are not deliveries.
    """

    identity: BotIdentity
    client: AsyncWebClient
    patient_client: AsyncWebClient


class Installations:
    """All workspaces where the bot is installed. Callers of Slack get clients here, by the team of a request."""

    def __init__(self, *installations: Installation) -> None:
        self._by_id = {id_: each for each in installations for id_ in each.identity.home}
        self._only = installations[0] if len(installations) == 1 else None

    def find(self, team_id: str | None, enterprise_id: str | None = None) -> Installation:
        """Find the installation of a team, or of its Grid. People of other teams reach the only one there is.

        Raises DeliveryRefused where there are several: one team's token does nothing for another.
        """
        # Bolt passes on whatever stands in a payload, also what is no text.
        found = (self._by_id.get(str(each)) for each in (team_id, enterprise_id))
        installation = next(filter(None, found), self._only)
        if installation is None:
            raise DeliveryRefused("team_not_installed")
        return installation


class Connection:
    """One workspace, by its bot token, on a shared HTTP session."""

    def __init__(self, token: str, *, api_url: str, session: aiohttp.ClientSession) -> None:
        self._token = token
        self._api_url = api_url
        self._session = session
        # The SDK's default retries connection errors, which could post a reply twice.
        self.client = self._make_client(token=token, retry_handlers=[])

    def build_patient_client(self) -> AsyncWebClient:
        """A client that waits as told when Slack answers 429: for calls that are not deliveries."""
        return self._make_client(token=self._token, retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)])

    async def identify(self) -> BotIdentity:
        """Ask Slack once which bot this is: Bolt would ask every time. Raises SlackRefused, SlackUnreachable."""
        answer = await _ask(self.build_patient_client().auth_test())
        granted = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
        return BotIdentity(
            team_id=str(answer.get("team_id")),
            team=str(answer.get("team")),
            bot_user_id=str(answer.get("user_id")),
            scopes=frozenset(scope.strip() for scope in granted.split(",") if scope.strip()),
            authorized=AuthorizeResult.from_auth_test_response(bot_token=self._token, auth_test_response=answer),
        )

    async def check_app_token(self, app_token: str) -> None:
        """Check that Socket Mode may be opened with this token. Raises SlackRefused, SlackUnreachable."""
        await _ask(self.build_patient_client().apps_connections_open(app_token=app_token))

    async def count_members(self, usergroup: str) -> int:
        """Count the members of a user group. Raises SlackRefused, SlackUnreachable."""
        answer = await _ask(self.build_patient_client().usergroups_users_list(usergroup=usergroup))
        return len(answer.get("users") or ())

    async def install(self) -> Installation:
        """Identify the bot, for calls by this token. Raises SlackRefused, SlackUnreachable."""
        return Installation(
            identity=await self.identify(), client=self.client, patient_client=self.build_patient_client()
        )

    def build_app(self, installations: Installations, *, signing_secret: str) -> AsyncApp:
        """Build a Bolt app that knows its bots. Its own client has no token: handlers use those of installations."""

        async def authorize(enterprise_id: str | None, team_id: str | None) -> Any:  # Bolt's annotation knows no None
            try:
                return installations.find(team_id, enterprise_id).identity.authorized
            except DeliveryRefused:  # Bolt answers what it says to whom it is not installed for
                return None

        return AsyncApp(
            name="suggest",  # without one, Bolt looks for it through all of the stack's source files
            # A logger of our own: Bolt sets its loggers to the root's level, and at debug they log whole payloads.
            logger=_QUIET,
            signing_secret=signing_secret,
            # Else Bolt looks every 10 ms if a listener has acknowledged. Ours end with that: the rest is a task.
            process_before_response=True,
            request_verification_enabled=False,  # the front, `handlers/http.py`, has checked it before it reads a body
            client=self._make_client(token=None, retry_handlers=[]),
            authorize=authorize,
        )

    def _make_client(self, *, token: str | None, retry_handlers: list[AsyncRetryHandler]) -> AsyncWebClient:
        client = AsyncWebClient(
            token=token, base_url=self._api_url, session=self._session, retry_handlers=retry_handlers
        )
        client.proxy = None  # the session has it, after NO_PROXY; the SDK reads other variables
        return client


async def _ask(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Await a call. Raises SlackRefused, SlackUnreachable."""
    try:
        return await call
    except SlackApiError as error:
        code = error.response.get("error") if isinstance(error.response.data, dict) else None
        if code is None or code in {*SERVER_ERRORS, "ratelimited"} or error.response.status_code >= 500:
            raise SlackUnreachable(str(code or f"HTTP {error.response.status_code}")) from error
        raise SlackRefused(str(code)) from error
    except (aiohttp.ClientError, SlackClientError, TimeoutError, ValueError) as error:
        raise SlackUnreachable(type(error).__name__) from error

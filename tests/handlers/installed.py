"""An installation of the bot in one workspace, for parts that call Slack."""

from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.client import BotIdentity, Installation, Installations


def install(client: AsyncWebClient) -> Installations:
    """Serve one workspace, with one client for all calls."""
    identity = BotIdentity(
        team_id="T0PLAYGROUND",
        team="Invented",
        bot_user_id="U0SUGGEST",
        scopes=frozenset(),
        authorized=AuthorizeResult(enterprise_id=None, team_id="T0PLAYGROUND"),
    )
    return Installations(Installation(identity=identity, client=client, patient_client=client))

"""A Slack workspace and a model server on your own machine, on loopback, as strict as the real ones.

Nothing here imports bot, cli, handlers or storage. Tests, benchmarks and `suggest demo` drive the real bot through it.

    async with Workspace.start(config=AppConfig.from_manifest(manifest)) as slack:
        ...                                  # the bot, with slack.api_url, slack.bot_token, slack.app_token
        await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "Where is my order?")
        shown = await slack.wait_for_ephemeral(slack.people.agent, lambda message: bool(message.blocks))
        await slack.click(slack.people.agent, shown, "use_candidate")

slack/         the workspace: its state, its Web API, what it sends to the app
model_server/  a double of an OpenAI-compatible server
page/          the workspace in a browser
loopback       the middleware that refuses every request from another site or host
running_requests  the requests that a server is answering, so that none outlives it
"""

from playground.slack.clock import Clock, Timing
from playground.slack.config import AppConfig, Shortcut, SlashCommand
from playground.slack.dispatch.dispatcher import Dispatch, DispatchOutcome, RawResponse
from playground.slack.errors import ImpossibleAction, SlackError
from playground.slack.fault_injection import (
    ANY,
    RESPONSE_URL,
    DroppedConnection,
    ErrorResponse,
    Fault,
    FaultInjector,
    LostResponse,
    MalformedResponse,
    NoResponse,
    RateLimited,
    ServerError,
    SlowResponse,
    SpuriousServerError,
)
from playground.slack.journal import Entry, Journal
from playground.slack.mentions import find_mentions
from playground.slack.objects import Channel, Ephemeral, Message, User, View
from playground.slack.people.directory import Channels, People
from playground.slack.workspace import Workspace

__all__ = [
    "ANY",
    "RESPONSE_URL",
    "AppConfig",
    "Channel",
    "Channels",
    "Clock",
    "Dispatch",
    "DispatchOutcome",
    "DroppedConnection",
    "Entry",
    "Ephemeral",
    "ErrorResponse",
    "Fault",
    "FaultInjector",
    "ImpossibleAction",
    "Journal",
    "LostResponse",
    "MalformedResponse",
    "Message",
    "NoResponse",
    "People",
    "RateLimited",
    "RawResponse",
    "ServerError",
    "Shortcut",
    "SlackError",
    "SlashCommand",
    "SlowResponse",
    "SpuriousServerError",
    "Timing",
    "User",
    "View",
    "Workspace",
    "find_mentions",
]

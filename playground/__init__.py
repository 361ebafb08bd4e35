"""A Slack workspace on your own machine, on loopback, as strict as the real one.

It imports none of bot, cli, handlers, storage. Tests, benchmarks and `suggest demo` drive the real bot through it.

    async with Workspace.start(config=AppConfig.from_manifest(manifest)) as slack:
        ...                                  # the bot, with slack.api_url, slack.bot_token, slack.app_token
        await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "Where is my order?")
        shown = await slack.wait_for_ephemeral(slack.people.agent, lambda message: bool(message.blocks))
        await slack.click(slack.people.agent, shown, "use_candidate")

What lives where, lower first:
    records, invented, config, clock      the nouns; the people and channels; the app's manifest; time
    changes, state, journal               what there is, who waits for it, what was said
    checks, blockkit, rules, content      what Slack takes: small checks, the catalogue of blocks, whole payloads
    wire, payloads, actions, pings        records as Slack's JSON; what people's doings look like to the app
    modals                                a person's open modals, and what may happen to them
    methods/, web_api, responses          what the app asks of Slack
    delivery, sockets, acks, events       what Slack tells the app, and what its acknowledgement does
    faults, answers                       what goes wrong on demand
    loopback, server, workspace           the HTTP side and whom it refuses; the workspace, which wires all of it
    web_doings, web_feed, web_page, page/ the workspace in a browser: what one does there, what one is told, its files
    openai                                not Slack: a double of an OpenAI-compatible server
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
    "RESPONSE_URL",
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

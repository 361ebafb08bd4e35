"""What threads, mentions and direct messages are to an app: events, histories, tombstones, an app's own tab."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground import AppConfig, ImpossibleAction, Message, Workspace
from tests.playground.apps import serve_app


async def collect_events(slack: Workspace) -> list[dict]:
    await slack.wait_until_idle()
    return [entry.body["event"] for entry in slack.journal.entries if entry.kind == "request" and "event" in entry.name]


@pytest.fixture
async def subscribed_slack(slack: Workspace) -> AsyncIterator[Workspace]:
    """An app that acknowledges every event."""

    async def acknowledge(_: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.router.add_post("/", acknowledge)
    async with serve_app(application) as url:
        slack.request_url = f"{url}/"
        yield slack


async def test_a_mention_in_a_direct_message_is_a_message_alone(subscribed_slack: Workspace) -> None:
    subscribed_slack.write(
        subscribed_slack.people.agent, subscribed_slack.channels.dm, f"<@{subscribed_slack.bot_user_id}> hello"
    )
    assert [event["type"] for event in await collect_events(subscribed_slack)] == ["message"]
    subscribed_slack.write(
        subscribed_slack.people.agent, subscribed_slack.channels.support, f"<@{subscribed_slack.bot_user_id}> hello"
    )
    assert {event["type"] for event in (await collect_events(subscribed_slack))[1:]} == {"message", "app_mention"}


async def test_a_deleted_thread_leaves_a_tombstone_while_there_are_replies(
    slack: Workspace, client: AsyncWebClient
) -> None:
    first = slack.write(slack.people.stranger, slack.channels.support, "Where is it?")
    reply = slack.write(slack.people.agent, slack.channels.support, "Here.", thread_ts=first.ts)
    slack.state.delete_message(first)
    answer = await client.conversations_replies(channel=first.channel_id, ts=first.ts)
    assert [message.get("subtype") for message in answer["messages"]] == ["tombstone", None]
    slack.state.delete_message(reply)
    assert slack.state.find_message(reply.channel_id, reply.ts) is None


async def test_messages_say_of_which_team_and_app_their_author_is(slack: Workspace, client: AsyncWebClient) -> None:
    first = slack.write(slack.people.stranger, slack.channels.support, "Where is it?")
    webhook = Message(
        ts=slack.clock.ts(),
        channel_id=first.channel_id,
        user_id="",
        text="Bridged",
        bot_id="B0OTHER",
        thread_ts=first.ts,
    )
    slack.state.put_message(replace(first, thread_ts=first.ts))
    slack.state.put_message(webhook)
    messages = (await client.conversations_replies(channel=first.channel_id, ts=first.ts))["messages"]
    assert messages[0]["team"] == slack.people.stranger.team_id
    assert (messages[1]["bot_id"], messages[1]["subtype"]) == ("B0OTHER", "bot_message")
    assert "user" not in messages[1]
    assert "app_id" not in messages[1]


@pytest.mark.parametrize("home", [{"messages_tab_enabled": False}, {"messages_tab_read_only_enabled": True}])
async def test_nobody_writes_to_an_app_that_takes_no_messages(home: dict) -> None:
    manifest = {
        "display_information": {"name": "Narrow"},
        "features": {"app_home": {"messages_tab_enabled": True, **home}},
    }
    config = AppConfig.from_manifest(manifest)
    async with Workspace.start(config=config) as slack:
        with pytest.raises(ImpossibleAction, match="takes no messages"):
            slack.write(slack.people.agent, slack.channels.dm, "Hello?")


async def test_a_thread_is_read_by_members_with_the_scope_of_its_kind(slack: Workspace, client: AsyncWebClient) -> None:
    """Public and private channels have scopes of their own; what the bot is not in, it cannot read or does not know."""
    vault = slack.write(slack.people.agent, slack.channels.vault, "Secret")
    lobby = slack.write(slack.people.agent, slack.channels.lobby, "Hello")
    for message, error in ((vault, "channel_not_found"), (lobby, "not_in_channel")):
        with pytest.raises(SlackApiError, match=error):
            await client.conversations_replies(channel=message.channel_id, ts=message.ts)
    narrow = AppConfig(bot_scopes=frozenset({"channels:history"}))
    async with Workspace.start(config=narrow) as strict:
        backstage = strict.write(strict.people.agent, strict.channels.backstage, "Hello")
        narrow_client = AsyncWebClient(token=strict.bot_token, base_url=strict.api_url)
        with pytest.raises(SlackApiError, match="missing_scope"):
            await narrow_client.conversations_replies(channel=backstage.channel_id, ts=backstage.ts)

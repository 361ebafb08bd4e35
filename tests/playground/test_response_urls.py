"""response_url against slack_sdk's own webhook client."""

from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from playground import Ephemeral, Message, Workspace
from playground.slack.objects import UrlOrigin
from tests.playground.blocks import section


def url(
    slack: Workspace, origin: UrlOrigin = "command", message_ts: str | None = None, channel: str = "C0SUPPORT"
) -> str:
    return slack.state.issue_response_url(channel_id=channel, user_id="U0AGENT", origin=origin, message_ts=message_ts)


def shown(slack: Workspace) -> Ephemeral:
    ephemeral = Ephemeral(ts=slack.clock.ts(), channel_id="C0SUPPORT", user_id="U0AGENT", text="old", thread_ts="1.2")
    return slack.state.put_ephemeral(ephemeral)


def texts(records: list[Any]) -> list[str]:
    return [record.text for record in records]


async def test_five_uses_and_no_sixth(slack: Workspace) -> None:
    client = AsyncWebhookClient(url(slack))
    for _ in range(5):
        assert (await client.send(text="x")).status_code == 200
    sixth = await client.send(text="x")
    assert (sixth.status_code, "used_url" in sixth.body) == (404, True)
    assert len(slack.ephemerals(slack.people.agent)) == 5


async def test_half_an_hour_and_no_longer(slack: Workspace) -> None:
    client = AsyncWebhookClient(url(slack))
    slack.clock.advance(1795)
    assert (await client.send(text="x")).status_code == 200
    slack.clock.advance(10)
    late = await client.send(text="x")
    assert (late.status_code, "expired_url" in late.body) == (404, True)


async def test_an_unknown_url(slack: Workspace) -> None:
    answer = await AsyncWebhookClient(f"{slack.url}/actions/1/wrong").send(text="x")
    assert answer.status_code == 404


async def test_ephemeral_by_default_in_channel_on_request(slack: Workspace) -> None:
    client = AsyncWebhookClient(url(slack))
    await client.send(text="for you")
    await client.send(text="for all", response_type="in_channel")
    assert texts(slack.ephemerals(slack.people.agent)) == ["for you"]
    assert texts(slack.messages(slack.channels.support)) == ["for all"]


async def test_membership_does_not_matter(slack: Workspace) -> None:
    client = AsyncWebhookClient(url(slack, channel="G0VAULT"))
    assert (await client.send(text="for all", response_type="in_channel")).status_code == 200
    assert texts(slack.messages(slack.channels.vault)) == ["for all"]


async def test_an_archived_channel(slack: Workspace) -> None:
    assert (await AsyncWebhookClient(url(slack, channel="C0ATTIC")).send(text="x")).status_code == 410


async def test_a_thread_is_joined_in_channel_only(slack: Workspace) -> None:
    first = slack.write(slack.people.agent, slack.channels.support, "first")
    client = AsyncWebhookClient(url(slack))
    await client.send_dict({"text": "x", "thread_ts": first.ts})
    await client.send_dict({"text": "y", "thread_ts": first.ts, "response_type": "in_channel"})
    assert [ephemeral.thread_ts for ephemeral in slack.ephemerals(slack.people.agent)] == [None]
    assert slack.messages(slack.channels.support)[-1].thread_ts == first.ts


async def test_a_command_has_no_original_to_replace_or_delete(slack: Workspace) -> None:
    client = AsyncWebhookClient(url(slack))
    await client.send(text="one")
    await client.send(text="two", replace_original=True)
    await client.send(delete_original=True)
    assert texts(slack.ephemerals(slack.people.agent)) == ["one", "two"]


async def test_a_clicked_ephemeral_is_replaced_in_place(slack: Workspace) -> None:
    old = shown(slack)
    client = AsyncWebhookClient(url(slack, "ephemeral", old.ts))
    await client.send(text="new", replace_original=True, response_type="in_channel")
    new = slack.ephemerals(slack.people.agent)[0]
    assert new == replace(old, text="new", author_id=slack.bot_user_id)
    assert slack.messages(slack.channels.support) == []


async def test_a_clicked_ephemeral_is_deleted(slack: Workspace) -> None:
    old = shown(slack)
    client = AsyncWebhookClient(url(slack, "ephemeral", old.ts))
    assert (await client.send(delete_original=True)).status_code == 200
    assert slack.ephemerals(slack.people.agent) == []


async def test_a_replacement_after_a_reload_is_seen_again(slack: Workspace) -> None:
    old = shown(slack)
    slack.reload(slack.people.agent)
    await AsyncWebhookClient(url(slack, "ephemeral", old.ts)).send(text="new", replace_original=True)
    assert texts(slack.ephemerals(slack.people.agent)) == ["new"]


async def test_a_clicked_message_is_replaced_deleted_and_then_not_found(slack: Workspace) -> None:
    message = Message(ts=slack.clock.ts(), channel_id="C0SUPPORT", user_id=slack.bot_user_id, text="old")
    slack.state.put_message(message)
    client = AsyncWebhookClient(url(slack, "message", message.ts))
    await client.send(text="new", replace_original=True)
    assert texts(slack.messages(slack.channels.support)) == ["new"]
    await client.send(delete_original=True)
    assert slack.messages(slack.channels.support) == []
    assert (await client.send(text="newer", replace_original=True)).status_code == 404
    assert (await client.send(delete_original=True)).status_code == 404


@pytest.mark.parametrize(
    ("body", "error"),
    [({"text": ""}, "no_text"), ({"text": "x", "blocks": [section("")]}, "invalid_blocks"), (["x"], "invalid_payload")],
)
async def test_what_is_refused_does_not_count(slack: Workspace, body: Any, error: str) -> None:
    address = url(slack)
    async with aiohttp.ClientSession() as session, session.post(address, json=body) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, error)
    assert slack.state.response_urls[address.split("/actions/")[1]].uses == 0
    assert slack.journal.refusals()[0].error == error


async def test_a_body_that_is_not_json(slack: Workspace) -> None:
    async with aiohttp.ClientSession() as session, session.post(url(slack), data=b"{") as answer:
        assert answer.status == 400

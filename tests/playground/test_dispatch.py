"""What an app is told over HTTP: headers, encodings, retries; against a bare web application."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from playground import AppConfig, Dispatch, ImpossibleAction, Timing, Workspace
from tests.playground.apps import serve_app


class Endpoint:
    """Keeps what it was posted, and answers with what `answer` gives."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[], web.Response] = web.Response

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        return self.answer()


@pytest.fixture
async def endpoint(slack: Workspace) -> AsyncIterator[Endpoint]:
    listening = Endpoint()
    app = web.Application()
    app.router.add_post("/slack/events", listening.handle)
    async with serve_app(app) as url:
        slack.request_url = f"{url}/slack/events"
        yield listening


async def test_a_command_is_a_signed_form(slack: Workspace, endpoint: Endpoint) -> None:
    await slack.run_command(slack.people.agent, slack.channels.backstage, "/suggest", "Wo bleibt's? 50% & mehr")
    headers, body = endpoint.requests[0]
    base = b"v0:" + headers["X-Slack-Request-Timestamp"].encode() + b":" + body
    expected = hmac.new(slack.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    assert headers["X-Slack-Signature"] == f"v0={expected}"
    form = parse_qs(body.decode(), keep_blank_values=True)
    assert form["text"] == ["Wo bleibt's? 50% & mehr"]
    assert form["channel_name"] == ["privategroup"]
    assert form["team_id"] == ["T0PLAYGROUND"]
    assert form["response_url"][0].startswith(slack.url)


async def test_an_interaction_is_a_form_with_one_payload(slack: Workspace, endpoint: Endpoint) -> None:
    await slack.run_global_shortcut(slack.people.agent, "suggest_anywhere")
    payload = json.loads(parse_qs(endpoint.requests[0][1].decode())["payload"][0])
    assert (payload["type"], payload["callback_id"]) == ("shortcut", "suggest_anywhere")


async def test_a_text_acknowledgement_becomes_an_ephemeral(slack: Workspace, endpoint: Endpoint) -> None:
    endpoint.answer = lambda: web.Response(text="plain words")
    await slack.run_command(slack.people.agent, slack.channels.support, "/suggest")
    endpoint.answer = lambda: web.json_response({"text": "for all", "response_type": "in_channel"})
    await slack.run_command(slack.people.agent, slack.channels.support, "/suggest")
    assert slack.ephemerals(slack.people.agent)[0].text == "plain words"
    assert slack.messages(slack.channels.support)[0].text == "for all"


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_an_app_that_refuses(slack: Workspace, endpoint: Endpoint, status: int) -> None:
    endpoint.answer = lambda: web.Response(status=status)
    outcome = await slack.run_command(slack.people.agent, slack.channels.support, "/suggest")
    assert (outcome.status, outcome.error, outcome.acknowledged) == (status, "http_error", False)
    assert "dispatch_failed" in slack.ephemerals(slack.people.agent)[0].text


async def test_an_event_is_signed_json(slack: Workspace, endpoint: Endpoint) -> None:
    message = slack.write(slack.people.agent, slack.channels.support, "hi")
    await slack.wait_until_idle()
    headers, body = endpoint.requests[0]
    envelope = json.loads(body)
    assert headers["Content-Type"] == "application/json"
    assert "X-Slack-Retry-Num" not in headers
    assert (envelope["type"], envelope["event"]["type"], envelope["event"]["ts"]) == (
        "event_callback",
        "message",
        message.ts,
    )
    assert envelope["event"]["channel_type"] == "channel"


async def test_events_are_retried_at_once_after_a_minute_and_after_five(slack: Workspace, endpoint: Endpoint) -> None:
    endpoint.answer = lambda: web.Response(status=500)
    slack.write(slack.people.agent, slack.channels.support, "hi")
    for expected, pause in ((2, 0), (3, 60), (4, 300)):
        slack.clock.advance(pause)
        await slack.wait_until(lambda count=expected: len(endpoint.requests) == count)  # type: ignore[misc]
        await slack.wait_until_idle()
    slack.clock.advance(10_000)
    numbers = [headers.get("X-Slack-Retry-Num") for headers, _ in endpoint.requests]
    assert numbers == [None, "1", "2", "3"]
    assert endpoint.requests[1][0]["X-Slack-Retry-Reason"] == "http_error"
    assert len({json.loads(body)["event_id"] for _, body in endpoint.requests}) == 1


async def test_an_app_may_ask_for_no_retries(slack: Workspace, endpoint: Endpoint) -> None:
    endpoint.answer = lambda: web.Response(status=500, headers={"X-Slack-No-Retry": "1"})
    slack.write(slack.people.agent, slack.channels.support, "hi")
    await slack.wait_until_idle()
    slack.clock.advance(1000)
    await asyncio.sleep(0)
    assert len(endpoint.requests) == 1


async def test_a_slow_app_gets_http_timeout_as_the_reason() -> None:
    async with Workspace.start(timing=Timing(acknowledge=0.05, event_retries=(0.0,))) as slack:
        seen: list[str | None] = []

        async def sleepy(request: web.Request) -> web.Response:
            seen.append(request.headers.get("X-Slack-Retry-Reason"))
            await asyncio.sleep(0.5)
            return web.Response()

        app = web.Application()
        app.router.add_post("/", sleepy)
        async with serve_app(app) as url:
            slack.request_url = f"{url}/"
            slack.write(slack.people.agent, slack.channels.support, "hi")
            await slack.wait_until(lambda: seen == [None, "http_timeout"])
            await slack.wait_until_idle()


async def test_messages_changed_and_deleted_are_told(slack: Workspace, endpoint: Endpoint) -> None:
    message = slack.write(slack.people.agent, slack.channels.support, "old")
    slack.state.put_message(replace(message, text="new"))
    slack.state.delete_message(replace(message, text="new"))
    await slack.wait_until_idle()
    events = [json.loads(body)["event"] for _, body in endpoint.requests]
    told = {event.get("subtype"): event for event in events}
    assert told["message_changed"]["message"]["text"] == "new"
    assert told["message_changed"]["previous_message"]["text"] == "old"
    assert told["message_deleted"]["deleted_ts"] == message.ts


@pytest.mark.parametrize("place", ["lobby", "vault"])
async def test_no_events_where_the_bot_is_no_member(slack: Workspace, endpoint: Endpoint, place: str) -> None:
    slack.write(slack.people.agent, getattr(slack.channels, place), f"hi <@{slack.bot_user_id}>")
    await slack.wait_until_idle()
    assert endpoint.requests == []


@pytest.mark.parametrize(
    "config",
    [replace(AppConfig(), bot_events=frozenset()), replace(AppConfig(), bot_scopes=frozenset())],
    ids=["no subscription", "no scope"],
)
async def test_no_events_without_subscription_or_scope(config: AppConfig) -> None:
    async with Workspace.start(config=config) as slack:
        slack.write(slack.people.agent, slack.channels.support, f"hi <@{slack.bot_user_id}>")
        await slack.wait_until_idle()
        assert slack.journal.entries == ()


async def test_the_home_tab_is_opened(slack: Workspace, endpoint: Endpoint) -> None:
    outcome = await slack.open_home(slack.people.colleague)
    assert outcome is not None
    event = outcome.dispatch.payload["event"]
    assert (event["type"], event["tab"], event["user"]) == ("app_home_opened", "home", "U0COLLEAGUE")


async def test_payloads_of_the_callers_own_making(slack: Workspace, endpoint: Endpoint) -> None:
    """Malformed but signed: what an app must survive."""
    odd = Dispatch(kind="interactive", name="odd", payload={"type": "block_actions"}, user_id="U0AGENT")
    assert (await slack.dispatch(odd)).acknowledged
    answer = await slack.send_raw(b'{"type": "url_verification"}', content_type="application/json")
    assert (answer.status, answer.text) == (200, "")
    assert endpoint.requests[1][1] == b'{"type": "url_verification"}'


async def test_raw_bytes_need_an_address(slack: Workspace) -> None:
    with pytest.raises(ImpossibleAction, match="request_url"):
        await slack.send_raw(b"x")


async def test_the_journal_can_be_followed(slack: Workspace, endpoint: Endpoint) -> None:
    await slack.run_global_shortcut(slack.people.agent, "suggest_anywhere")
    follower = slack.journal.follow()
    first = await anext(follower)
    second = await anext(follower)
    assert (first.kind, second.kind, second.ref, second.status) == ("request", "answer", first.seq, 200)
    waiting: asyncio.Task[Any] = asyncio.create_task(anext(follower))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await slack.run_global_shortcut(slack.people.agent, "suggest_anywhere")
    third = await waiting
    assert third.as_json()["name"] == "shortcut:suggest_anywhere"
    assert json.loads(slack.journal.dump().splitlines()[0])["seq"] == first.seq
    await follower.aclose()  # type: ignore[attr-defined]

"""Socket Mode against slack_sdk's own client."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from playground import Workspace
from tests.playground.blocks import modal, section


class Listener:
    """Keeps what it hears, and acknowledges it with `payload` (or not at all)."""

    def __init__(self, slack: Workspace) -> None:
        web_client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        self.client = SocketModeClient(app_token=slack.app_token, web_client=web_client, ping_interval=0.2)
        self.client.socket_mode_request_listeners.append(self._hear)
        self.heard: list[SocketModeRequest] = []
        self.payload: dict[str, Any] | None = None
        self.acknowledges = True

    async def _hear(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.heard.append(request)
        if self.acknowledges:
            answer = SocketModeResponse(envelope_id=request.envelope_id, payload=self.payload)
            await client.send_socket_mode_response(answer)


@pytest.fixture
async def listener(slack: Workspace) -> AsyncIterator[Listener]:
    listening = Listener(slack)
    await listening.client.connect()
    await slack.wait_for_app()
    yield listening
    await listening.client.close()


async def test_a_command_is_heard_and_answered_in_the_acknowledgement(slack: Workspace, listener: Listener) -> None:
    listener.payload = {"text": "at once"}
    outcome = await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "hi")
    assert outcome.error is None
    assert (listener.heard[0].type, listener.heard[0].payload["text"]) == ("slash_commands", "hi")
    assert listener.heard[0].accepts_response_payload
    assert slack.ephemerals(slack.people.agent)[0].text == "at once"


async def test_an_acknowledgement_that_slack_would_not_show(slack: Workspace, listener: Listener) -> None:
    listener.payload = {"text": "x", "blocks": [section("")]}
    outcome = await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "hi")
    assert outcome.error == "invalid_blocks"
    assert "/blocks/0/text/text" in outcome.reasons[0]
    assert [entry.name for entry in slack.journal.refusals()] == ["acknowledgement"]


async def test_no_acknowledgement_in_time(listener: Listener, slack: Workspace) -> None:
    listener.acknowledges = False
    outcome = await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "hi")
    assert (outcome.status, outcome.error) == (None, "operation_timeout")
    assert 'failed with the error "operation_timeout"' in slack.ephemerals(slack.people.agent)[0].text


async def test_an_event_that_is_not_acknowledged_comes_again(slack: Workspace, listener: Listener) -> None:
    listener.acknowledges = False
    slack.write(slack.people.agent, slack.channels.support, "hi")
    await slack.wait_until(lambda: len(slack.journal.calls("event:message")) == 2)
    listener.acknowledges = True
    await slack.wait_until_idle()
    first, second = listener.heard
    assert (first.retry_attempt, second.retry_attempt, second.retry_reason) == (0, 1, "timeout")
    assert first.payload == second.payload


async def test_a_ticket_lets_one_connection_in(slack: Workspace) -> None:
    address = slack.state.issue_socket_url()
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(address)


async def test_ten_connections_at_most(slack: Workspace) -> None:
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(slack.state.issue_socket_url()) for _ in range(10)]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(slack.state.issue_socket_url())
        assert (await sockets[-1].receive_json())["num_connections"] == 10
        for socket in sockets:
            await socket.close()


async def test_envelopes_go_round(slack: Workspace, listener: Listener) -> None:
    second = Listener(slack)
    await second.client.connect()
    await slack.wait_until(lambda: slack.sockets.count == 2)
    for _ in range(4):
        await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "hi")
    assert (len(listener.heard), len(second.heard)) == (2, 2)
    await second.client.close()


async def test_the_client_comes_back_after_a_refresh(slack: Workspace, listener: Listener) -> None:
    await slack.sockets.disconnect("refresh_requested")
    await slack.wait_until(lambda: len(slack.journal.calls("hello")) == 2)
    outcome = await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "hi")
    assert outcome.error is None


async def test_the_client_comes_back_after_a_cut(slack: Workspace, listener: Listener) -> None:
    slack.sockets.cut()
    await slack.wait_until(lambda: len(slack.journal.calls("hello")) == 2)
    assert (await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "hi")).acknowledged


async def test_a_refused_fresh_url(slack: Workspace) -> None:
    slack.faults.refuse_sockets(1)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(slack.state.issue_socket_url())
        async with session.ws_connect(slack.state.issue_socket_url()) as socket:
            assert (await socket.receive_json())["type"] == "hello"
    assert slack.journal.refusals()[0].error == "socket_refused"


async def test_a_socket_that_goes_before_the_acknowledgement(slack: Workspace) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(slack.state.issue_socket_url()) as socket:
        await socket.receive_json()
        await slack.wait_for_app()
        command = slack.prepare_command(slack.people.agent, slack.channels.support, "/suggest")

        async def cut() -> None:
            await socket.receive_json()
            slack.sockets.cut()

        outcome, _ = await asyncio.gather(slack.dispatch(command), cut())
    assert outcome.error == "connection_failed"


async def test_nonsense_from_the_app_is_ignored(slack: Workspace) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(slack.state.issue_socket_url()) as socket:
        await socket.receive_json()
        for nonsense in ("{", "[]", '{"envelope_id": "unknown"}'):
            await socket.send_str(nonsense)
        await socket.ping(b"are you there")
        await slack.wait_for_app()


async def test_nobody_is_connected(slack: Workspace) -> None:
    outcome = await slack.run_command(slack.people.agent, slack.channels.support, "/suggest", "hi")
    assert outcome.error == "connection_failed"
    assert 'failed with the error "dispatch_failed"' in slack.ephemerals(slack.people.agent)[0].text


async def test_link_disabled_closes(slack: Workspace) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(slack.state.issue_socket_url()) as socket:
        await socket.receive_json()
        await slack.wait_for_app()
        await slack.sockets.disconnect("link_disabled")
        assert (await socket.receive_json())["reason"] == "link_disabled"
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize(
    ("payload", "titles"),
    [
        (None, []),
        ({"response_action": "clear"}, []),
        ({"response_action": "update", "view": modal(title={"type": "plain_text", "text": "New"})}, ["New"]),
        ({"response_action": "push", "view": modal(title={"type": "plain_text", "text": "New"})}, ["Edit", "New"]),
    ],
    ids=["close", "clear", "update", "push"],
)
async def test_what_a_submission_is_answered_with(
    slack: Workspace, listener: Listener, payload: dict[str, Any] | None, titles: list[str]
) -> None:
    agent = slack.people.agent
    await listener.client.web_client.views_open(trigger_id=slack.state.issue_trigger(agent.id).id, view=modal())
    listener.payload = payload
    await slack.submit(agent, await slack.wait_for_view(agent), {"reply": {"text": "x"}})
    assert [view.title for view in slack.open_views(agent)] == titles


@pytest.mark.parametrize(
    "payload",
    [
        {"response_action": "shout"},
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "errors"},
        {"response_action": "update", "view": modal(title={"type": "plain_text", "text": "x" * 25})},
    ],
)
async def test_an_answer_to_a_submission_that_slack_refuses(
    slack: Workspace, listener: Listener, payload: dict[str, Any]
) -> None:
    agent = slack.people.agent
    await listener.client.web_client.views_open(trigger_id=slack.state.issue_trigger(agent.id).id, view=modal())
    listener.payload = payload
    outcome = await slack.submit(agent, await slack.wait_for_view(agent), {"reply": {"text": "x"}})
    assert outcome.error in {"invalid_response_action", "invalid_arguments"}
    assert outcome.reasons
    assert "trouble connecting" in slack.open_views(agent)[0].errors[0][1]

"""Faults on demand: what the caller gets, and whether the call was carried out."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from playground import (
    ANY,
    RESPONSE_URL,
    DroppedConnection,
    ErrorResponse,
    Fault,
    LostResponse,
    NoResponse,
    RateLimited,
    ServerError,
    SlowResponse,
    SpuriousServerError,
    Workspace,
)

POST = "chat.postMessage"


async def test_429_with_retry_after_and_then_well_again(slack: Workspace, client: AsyncWebClient) -> None:
    slack.faults.plan(POST, RateLimited(retry_after=7))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0SUPPORT", text="x")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    assert slack.messages(slack.channels.support) == []
    assert (await client.chat_postMessage(channel="C0SUPPORT", text="x"))["ok"]


async def test_the_sdks_own_retry_handler_copes(slack: Workspace, client: AsyncWebClient) -> None:
    slack.faults.plan(POST, RateLimited(retry_after=0))
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    assert (await client.chat_postMessage(channel="C0SUPPORT", text="x"))["ok"]
    assert [entry.error for entry in slack.journal.refusals()] == ["ratelimited"]


async def test_a_fault_of_one_channel_only(slack: Workspace, client: AsyncWebClient) -> None:
    slack.faults.plan(POST, ErrorResponse(error="not_in_channel"), channel_id="C0LOBBY")
    assert (await client.chat_postMessage(channel="C0SUPPORT", text="x"))["ok"]
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await client.chat_postMessage(channel="C0LOBBY", text="x")


async def test_faults_of_any_call_several_times_until_cleared(slack: Workspace, client: AsyncWebClient) -> None:
    slack.faults.plan(ANY, ErrorResponse(error="fatal_error"), times=3)
    for _ in range(2):
        with pytest.raises(SlackApiError, match="fatal_error"):
            await client.auth_test()
    slack.faults.clear()
    assert (await client.auth_test())["ok"]


@pytest.mark.parametrize(("fault", "posted"), [(ServerError(), 0), (SpuriousServerError(), 1)])
async def test_a_5xx_before_or_after_the_call_is_carried_out(
    slack: Workspace, client: AsyncWebClient, fault: Fault, posted: int
) -> None:
    slack.faults.plan(POST, fault)
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel="C0SUPPORT", text="x")
    assert len(slack.messages(slack.channels.support)) == posted
    assert slack.journal.refusals()[0].status in {500, 503}


@pytest.mark.parametrize(
    ("fault", "posted", "error"), [(DroppedConnection(), 0, "connection_dropped"), (LostResponse(), 1, "answer_lost")]
)
async def test_a_connection_that_breaks_before_or_after_the_call_is_carried_out(
    slack: Workspace, client: AsyncWebClient, fault: Fault, posted: int, error: str
) -> None:
    slack.faults.plan(POST, fault)
    client.retry_handlers.clear()
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0SUPPORT", text="x")
    assert len(slack.messages(slack.channels.support)) == posted
    assert slack.journal.refusals()[0].error == error


async def test_the_sdk_posts_again_by_itself_when_the_answer_is_lost(slack: Workspace, client: AsyncWebClient) -> None:
    """Its default retry handler cannot know that the first call was carried out: who must not post twice removes it."""
    slack.faults.plan(POST, LostResponse())
    await client.chat_postMessage(channel="C0SUPPORT", text="x")
    assert [message.text for message in slack.messages(slack.channels.support)] == ["x", "x"]


async def test_a_slow_call_is_carried_out_at_once_and_answered_later(slack: Workspace, client: AsyncWebClient) -> None:
    slack.faults.plan(POST, SlowResponse(seconds=60))
    call = asyncio.create_task(client.chat_postMessage(channel="C0SUPPORT", text="x"))
    await slack.wait_for_message(slack.channels.support)
    assert not call.done()
    slack.clock.advance(60)
    assert (await call)["ok"]


async def test_a_call_that_hangs(slack: Workspace) -> None:
    slack.faults.plan(POST, NoResponse())
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, timeout=1)
    with pytest.raises(TimeoutError):
        await client.chat_postMessage(channel="C0SUPPORT", text="x")
    assert slack.messages(slack.channels.support) == []
    assert slack.journal.calls(POST) == [{"channel": "C0SUPPORT", "text": "x"}]


async def test_faults_of_a_response_url(slack: Workspace) -> None:
    slack.faults.plan(RESPONSE_URL, RateLimited(retry_after=1))
    slack.faults.plan(RESPONSE_URL, LostResponse())
    url = slack.state.issue_response_url(channel_id="C0SUPPORT", user_id="U0AGENT", origin="command")
    client = AsyncWebhookClient(url, retry_handlers=[])
    assert (await client.send(text="limited")).status_code == 429
    with pytest.raises(aiohttp.ClientError):
        await client.send(text="lost")
    assert (await client.send(text="well")).status_code == 200
    assert [ephemeral.text for ephemeral in slack.ephemerals(slack.people.agent)] == ["lost", "well"]

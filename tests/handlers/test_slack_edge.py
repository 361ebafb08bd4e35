"""The HTTP front's other doors, the supervised tasks, the texts, the ways to an agent."""

import asyncio
import logging
import resource
import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.i18n.texts import DEFAULT_LOCALE, Texts, get_texts
from bot.suggesting.deliver import DeliveryRefused as CourierRefused
from bot.suggesting.deliver import DeliveryThrottled, DeliveryUncertain
from handlers import payloads
from handlers.background_tasks import BackgroundTasks
from handlers.error_messages import report_errors
from handlers.slack.client import Connection, SlackRefused, SlackUnreachable
from handlers.slack.courier import SlackCourier
from handlers.slack.ephemeral import EphemeralMessages, NotShown
from handlers.slack.errors import translate_errors
from handlers.slack.live_message import LiveMessages
from handlers.slack.users import Users
from playground import RESPONSE_URL, ErrorResponse, RateLimited, ServerError, Workspace
from playground.model_server import unauthorized
from storage.records import Delivery, Request, ResponseUrl, Turn
from tests.conftest import Stage, StageMaker
from tests.handlers.installed import install

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


async def test_a_customer_may_write_of_a_payload(stage: Stage) -> None:
    """Bolt's parser takes each form with this word for one with JSON in it."""
    await stage.suggested("Our webhook's payload={} is empty.")
    [line] = await stage.log()
    assert line["request"]["conversation"][0]["text"] == "Our webhook's payload={} is empty."


async def test_health_and_readiness(stage: Stage) -> None:
    """Up; ready, with each check by name."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{stage.port}/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "up"})
        async with session.get(f"http://127.0.0.1:{stage.port}/readyz") as answer:
            told = await answer.json()
            assert answer.status == 200
            assert told == {"ready": True, "checks": {"database": "ok", "slack": "ok", "model": "ok"}}


async def test_ready_without_a_usable_model_which_is_told(stage: Stage) -> None:
    """Slack may send work, for clicks still count; body and metric tell what to do, and no token is spent by asking."""
    stage.model.models_fault = unauthorized("x")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{stage.port}/readyz") as answer,
    ):
        told = await answer.json()
        assert (answer.status, told["ready"]) == (200, True)
        assert "OPENAI_BASE_URL" in told["checks"]["model"]
        async with session.get(f"http://127.0.0.1:{stage.port}/metrics") as numbers:
            assert "suggest_model_usable 0.0" in await numbers.text()
    assert stage.model.total == 0


async def test_a_full_disk_is_seen_each_time_and_room_again_too(stage: Stage) -> None:
    """Also where a heartbeat still fits into what SQLite has reserved."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    answers = []
    async with aiohttp.ClientSession() as session:
        for limit in (900_000, 900_000, 900_000, soft):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                async with session.get(f"http://127.0.0.1:{stage.port}/readyz") as answer:
                    answers.append((answer.status, (await answer.json())["checks"]["database"]))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    full = (503, "cannot be used: no room for 1 MB beside it: File too large")
    assert answers == [full, full, full, (200, "ok")]


async def test_metrics_count_and_tell_no_text(stage: Stage) -> None:
    """Requests, candidates by outcome, choices; nobody's words, ids or tokens."""
    shown = await stage.suggested("a very secret message")
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{stage.port}/metrics") as answer,
    ):
        text = await answer.text()
    assert 'suggest_requests_total{outcome="drafted",surface="slash"} 1.0' in text
    assert 'suggest_choices_total{kind="used"} 1.0' in text
    assert "suggest_model_seconds_count 3.0" in text
    for secret in ("secret", stage.agent.id, "xoxb"):
        assert secret not in text


async def test_health_beside_socket_mode(stage_with: StageMaker) -> None:
    """Over Socket Mode, --health serves the same three."""
    async with stage_with(over="socket", health=("127.0.0.1", 0)) as stage, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{stage.port}/healthz") as answer:
            assert answer.status == 200
        async with session.post(f"http://127.0.0.1:{stage.port}/slack/events") as answer:
            assert answer.status == 404


async def test_tasks_are_drained(caplog: pytest.LogCaptureFixture) -> None:
    """What runs may finish; what is late is cancelled; what breaks is logged."""
    tasks, done = BackgroundTasks(), []

    async def finish() -> None:
        await asyncio.sleep(0)
        done.append(1)

    async def break_() -> None:
        raise RuntimeError("a bug")

    async def hang() -> None:
        await asyncio.Event().wait()

    assert await tasks.drain(0.1) == 0
    for work in (finish(), break_(), hang()):
        tasks.spawn(work, name="work")
    assert len(tasks) == 3
    assert await tasks.drain(0.05) == 1
    assert done == [1]
    assert "work failed" in caplog.text
    assert len(tasks) == 0


def test_texts_are_found_by_locale_language_or_in_english() -> None:
    """A locale nobody translated is spoken to in English."""
    assert get_texts("en-GB").locale == get_texts("xx-YY").locale == DEFAULT_LOCALE


@pytest.mark.parametrize("source", ["=", "key", "key = { $a\n", "*bold* = x"])
def test_a_broken_locale_is_refused(source: str) -> None:
    """The library would silently leave out what it cannot read."""
    with pytest.raises(ValueError, match=r"xx\.ftl is broken"):
        Texts("xx", source)


def test_a_missing_text_or_value_is_an_error() -> None:
    """Never a hole in a sentence."""
    texts = Texts("xx", "key = { $count } left\nempty =\n    .title = x\n")
    assert texts("key", count=3) == "3 left"
    with pytest.raises(ValueError, match="key"):
        texts("key")
    with pytest.raises(KeyError):
        texts("empty")
    with pytest.raises(KeyError):
        texts("nothing")


async def test_an_unexpected_error_is_told_with_a_reference(caplog: pytest.LogCaptureFixture) -> None:
    """The agent gets a reference, the log has the traceback under it; the exception's text is not shown."""
    told: list[str] = []

    async def tell(sentence: str) -> None:
        told.append(sentence)

    async with report_errors(tell, get_texts("en-US")):
        raise RuntimeError("a secret detail")
    [sentence] = told
    reference = sentence.rstrip(".").rpartition(" ")[2]
    assert reference in caplog.text
    assert "secret detail" not in sentence


async def test_an_agent_who_cannot_be_reached_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """There is nobody to tell."""

    async def tell(sentence: str) -> None:
        raise AssertionError(sentence)

    with caplog.at_level(logging.WARNING):
        async with report_errors(tell, get_texts("en-US")):
            raise NotShown("expired")
    assert "could not be reached" in caplog.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "team_id"),
        ({"team_id": 5}, "team_id"),
        ({"team_id": "T" * 65}, "team_id"),
        ({"team_id": "T", "channel_id": "C", "user_id": "U", "text": ["x"]}, "text"),
    ],
)
def test_a_command_without_its_fields(body: dict, field: str) -> None:
    """The field is named, its value is not."""
    with pytest.raises(payloads.MalformedPayload, match=field):
        payloads.parse_command(body)


@pytest.mark.parametrize("ts", [5, "", "now", "1.2x", "1" * 30 + ".1", "1.2\n"])
@pytest.mark.parametrize("name", ["ts", "thread_ts"])
def test_a_message_with_an_odd_timestamp(name: str, ts: object) -> None:
    """It is no thread that could be read or answered."""
    ids = {"team": {"id": "T1"}, "channel": {"id": "C1"}, "user": {"id": "U1"}, "trigger_id": "1"}
    with pytest.raises(payloads.MalformedPayload, match=name):
        payloads.parse_message_shortcut({**ids, "message": {"ts": "1.2", "thread_ts": "1.1", name: ts}})


def test_a_mention_with_an_odd_timestamp() -> None:
    event = {"channel": "C1", "user": "U1", "thread_ts": "1" * 40}
    with pytest.raises(payloads.MalformedPayload, match="thread_ts"):
        payloads.parse_event_message({"event_id": "E1", "team_id": "T1", "event": event})


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": 5},
        {"type": "block_actions", "user": "U1"},
        {"type": "block_actions"},
        {"type": "block_actions", "actions": []},
        {"type": "block_actions", "actions": ["x"]},
        {"type": "block_actions", "actions": [{"action_id": "a"}]},
        {"type": "view_submission"},
        {"type": "view_submission", "view": {"type": "modal"}},
    ],
)
def test_payloads_that_bolt_would_stumble_over(payload: dict) -> None:
    """Refused before Bolt sees them."""
    with pytest.raises(payloads.MalformedPayload):
        payloads.check_shape(payload)


def test_in_organisations_the_team_may_be_null() -> None:
    """Then the user's own team stands for it."""
    action = {"action_id": "a", "block_id": "b", "value": "v", "action_ts": "1.2"}
    body = {"team": None, "user": {"id": "U1", "team_id": "T9"}, "trigger_id": "1", "actions": [action]}
    parsed = payloads.parse_action(body)
    assert (parsed.sender.team_id, parsed.channel_id, parsed.response_url) == ("T9", None, None)


async def test_slack_that_refuses_or_cannot_be_reached() -> None:
    """Told apart: a wrong token is the operator's to mend, a broken network mends itself."""
    async with Workspace.start() as slack, aiohttp.ClientSession() as session:
        with pytest.raises(SlackRefused, match="invalid_auth"):
            await Connection("xoxb-wrong", api_url=slack.api_url, session=session).identify()
        right = Connection(slack.bot_token, api_url=slack.api_url, session=session)
        slack.faults.plan("auth.test", ServerError())
        with pytest.raises(SlackUnreachable):
            await right.identify()
        slack.faults.plan("auth.test", RateLimited(retry_after=0))
        identity = await right.identify()
        assert identity.team_id == slack.team_id
        assert "chat:write" in identity.scopes
        nowhere = Connection(slack.bot_token, api_url="http://127.0.0.1:9/api/", session=session)
        with pytest.raises(SlackUnreachable):
            await nowhere.identify()


def _request(**changes: object) -> Request:
    return Request(**{
        "id": "r1", "team_id": "T1", "channel_id": "C0SUPPORT", "agent_id": "U0AGENT", "surface": "slash",
        "locale": "en-US", "created_at": NOW, "k_requested": 3, "prompt_version": "p", "app_version": "0",
        "conversation": (Turn(role="customer", text="hi"),), **changes,
    })  # fmt: skip


def _courier(client: AsyncWebClient, session: aiohttp.ClientSession) -> SlackCourier:
    users = Users(clock=lambda: 0.0)
    return SlackCourier(installations=install(client), users=users, session=session, now=lambda: NOW)


PART = Delivery(id="d1", choice_id="c1", request_id="r1", part=0, address="response_url", text="Hello")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "no_response_url"),
        ({"response_url": "http://127.0.0.1:9/x", "response_url_expires_at": NOW}, "expired_response_url"),
    ],
)
async def test_a_way_back_that_is_not_there(changes: dict, reason: str) -> None:
    """Refused for certain, without asking Slack: the next address is tried."""
    async with aiohttp.ClientSession() as session:
        courier = _courier(AsyncWebClient(session=session), session)
        with pytest.raises(CourierRefused, match=reason):
            await courier.post(_request(**changes), PART)


async def test_a_posted_reply_that_is_gone_already_is_deleted() -> None:
    """What an agent deleted by hand needs no deleting; what may not be deleted is refused."""
    async with Workspace.start() as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])
        courier = _courier(client, session)
        await courier.delete(slack.channels.support.id, "1.2")
        slack.faults.plan("chat.delete", ErrorResponse(error="cant_delete_message"))
        with pytest.raises(CourierRefused, match="cant_delete_message"):
            await courier.delete(slack.channels.support.id, "1.2")


async def test_an_agent_who_can_be_reached_by_no_way() -> None:
    """Each way is tried, then it is given up, with the last reason."""
    async with Workspace.start() as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])
        waited: list[float] = []

        async def sleep(seconds: float) -> None:
            waited.append(seconds)

        live_messages = LiveMessages(installations=install(client), clock=time.monotonic)
        ephemeral = EphemeralMessages(
            installations=install(client), live_messages=live_messages, session=session, now=lambda: NOW, sleep=sleep
        )
        slack.faults.plan("chat.postEphemeral", RateLimited(retry_after=7), times=4)
        slack.faults.plan("conversations.open", ErrorResponse(error="user_disabled"))
        from handlers.blocks.messages import build_notice

        with pytest.raises(NotShown, match="user_disabled"):
            await ephemeral.show(_request(), [build_notice("hello")])
        assert waited == [7.0, 7.0, 7.0]
        expired = ResponseUrl(url="http://x/", expires_at=NOW - timedelta(1))
        with pytest.raises(NotShown):
            await ephemeral.respond(expired, build_notice("hello"))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RateLimited(retry_after=3), DeliveryThrottled),
        (ServerError(), DeliveryUncertain),
        (ErrorResponse(error="fatal_error"), DeliveryUncertain),
        (ErrorResponse(error="is_archived"), CourierRefused),
    ],
)
async def test_slacks_failures_are_told_apart(fault: object, expected: type[Exception]) -> None:
    """Not taken for certain, perhaps taken, or to be tried later."""
    async with Workspace.start() as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])
        slack.faults.plan("chat.postMessage", fault)
        with pytest.raises(expected):
            async with translate_errors():
                await client.chat_postMessage(channel=slack.channels.support.id, text="hi")


async def test_errors_of_slack_that_are_no_answers() -> None:
    """An answer without a body that can be read is uncertain by its status."""

    class Answer(dict):
        status_code = 500
        headers: ClassVar = {"Retry-After": "soon"}

        def get(self, *_: object) -> None:
            raise ValueError("not JSON")

    with pytest.raises(DeliveryUncertain, match="http_500"):
        async with translate_errors():
            raise SlackApiError("x", Answer())
    Answer.status_code = 429
    with pytest.raises(DeliveryThrottled) as throttled:
        async with translate_errors():
            raise SlackApiError("x", Answer())
    assert throttled.value.retry_after_s == 1.0


async def test_a_response_url_that_says_no_with_200(stage: Stage) -> None:
    """HTTP 200 with `ok: false` is a no: the next way is tried."""
    stage.slack.faults.plan(RESPONSE_URL, ErrorResponse(error="invalid_blocks"))
    await stage.suggested()
    assert [entry.name for entry in stage.slack.journal.refusals()] == ["response_url"]

"""Bad input and failure: what users get, row by row of the product's promise."""

import asyncio
import json
import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from playground import (
    RESPONSE_URL,
    Ephemeral,
    ErrorResponse,
    LostResponse,
    RateLimited,
    ServerError,
    SpuriousServerError,
    Timing,
    find_mentions,
)
from playground.model_server import Hang, InvalidJson, Reply, TruncatedBody, bad_request, rate_limited, server_error
from storage.engine.database import Database
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.shown import list_texts


@pytest.mark.parametrize("signature", ["wrong", "stale", "missing"])
async def test_unsigned_deliveries_run_nothing(stage: Stage, signature: str) -> None:
    """A wrong signature, a stale timestamp, or none: 401, and nothing runs."""
    body = b"command=%2Fsuggest&text=hi&team_id=T1&channel_id=C1&user_id=U1&trigger_id=1.2&response_url=http://x/"
    answer = await stage.slack.send_raw(body, signature=signature)
    assert answer.status == 401
    assert await stage.log() == []
    assert stage.model.total == 0


@pytest.mark.parametrize(
    "body",
    [
        b"payload=nonsense",
        b"payload=%5B1%5D",
        b"\xff\xfe",
        b"payload=%7B%22type%22%3A%22block_actions%22%7D",
        b"payload=%7B%22type%22%3A%22block_actions%22%2C%22actions%22%3A5%7D",
        b"payload=%7B%22type%22%3A%22view_submission%22%2C%22view%22%3A%7B%22callback_id%22%3A%22edit_reply%22%7D%7D",
        b"command=%2Fsuggest&text=hi",
        b"command=%2Fsuggest&text=hi&team_id=T1&channel_id=C1&user_id=U1&trigger_id=1.2&response_url=ftp%3A%2F%2Fx",
        b"",
    ],
)
async def test_signed_nonsense_is_refused_without_a_trace(stage: Stage, body: bytes) -> None:
    """Never a 500, never a traceback, never a record."""
    answer = await stage.slack.send_raw(body)
    assert answer.status < 500
    assert "Traceback" not in answer.text
    assert await stage.log() == []


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "x/y", ""]
)
@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "event_callback"',
        b"{",
        b"{]",
        b'{"a": 1}{',
        b'{"type": 5}',
        b"{" * 5_000,
        b"payload=%7B%7D&payload=%7B",
        b"\xef\xbb\xbf{}",
        b'"broken',
        b"nul",
        b"",
    ],
)
async def test_signed_broken_json_of_any_content_type_is_refused(stage: Stage, body: bytes, content_type: str) -> None:
    """Bolt takes a body for JSON by its first letter, too."""
    answer = await stage.slack.send_raw(body, content_type=content_type)
    assert answer.status == 400
    assert await stage.log() == []


@pytest.mark.parametrize(
    "odd",
    [{"authorizations": 5}, {"authorizations": {"a": 1}}, {"authorizations": ["x"]}, {"event": {"user": True}}],
)
async def test_signed_events_of_odd_shapes_are_refused(stage: Stage, odd: dict[str, Any]) -> None:
    """Also where Bolt looks for ids before any listener runs."""
    event = {"type": "app_mention", "user": "U1", "channel": "C1", "text": "hi", "ts": "1.2"} | odd.get("event", {})
    body = {"type": "event_callback", "event_id": "E1", "team_id": "T1", **odd, "event": event}
    answer = await stage.slack.send_raw(json.dumps(body).encode(), content_type="application/json")
    assert answer.status == 400
    assert await stage.log() == []


async def test_a_message_over_the_limit(stage: Stage) -> None:
    """Told the limit; nothing is drafted or recorded."""
    outcome = await stage.suggest("x" * 12_001)
    assert "12,001" in json.dumps(outcome.body)
    assert "12,000" in json.dumps(outcome.body)
    assert stage.model.total == 0
    assert await stage.log() == []
    await stage.suggested("y" * 12_000)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (bad_request("no"), "refused", "request refused"),
        (InvalidJson(), "invalid_output", "unusable answer"),
        ("", "empty", "empty"),
        (bad_request("The context length is 99 tokens, 90 in the messages"), "refused", "too long for this model"),
    ],
)
async def test_some_drafts_fail(stage: Stage, answer: object, error: str, told: str) -> None:
    """The others are shown, and what failed is told and recorded."""
    stage.model.enqueue(answer)
    await stage.suggest("Where is my order?")
    shown = await stage.private(f"1 of 3 drafts failed: {told}")
    assert len(list_button_values(shown.blocks, "use_candidate")) == 2
    [line] = await stage.log()
    [failed] = [candidate for candidate in line["candidates"] if candidate["error"]]
    assert failed["error"] == error
    assert (failed["position"], failed["text"], failed["first_propensity"]) == (None, None, None)
    assert line["request"]["order_propensity"] == 0.5


async def test_what_the_models_limit_cut_off_is_marked(stage: Stage) -> None:
    """Beside the reply, whose finish reason is recorded; a draft of nothing but thinking is told as that."""
    spent = Reply(text=None, finish_reason="length")
    stage.model.answer_when(lambda call: "max_tokens" in call.body and call.body["max_tokens"] > 900, spent)
    stage.model.enqueue(spent, Reply(text="Your parcel is", finish_reason="length"))
    await stage.suggest("Where is my order?")
    shown = await stage.private("1 of 3 drafts failed: it used up its budget thinking")
    assert json.dumps(shown.blocks).count("Cut off at the model's length limit") == 1
    [line] = await stage.log()
    found = sorted((each["finish_reason"], each["error"] or "", each["attempts"]) for each in line["candidates"])
    assert found == [("length", "", 1), ("length", "empty", 2), ("stop", "", 1)]


async def test_all_drafts_fail_and_trying_again_works(stage: Stage) -> None:
    """A sentence that says why, a reference, Try again; the failed request stays failed in the log."""
    stage.model.script(lambda _: bad_request("no such thing"))
    await stage.suggest("Where is my order?")
    failed = await stage.private("redraft_request")
    [line] = await stage.log()
    assert "gave no reply that could be used (request refused). Nothing was sent." in failed.text
    assert f"(Reference: {line['request']['id'][-8:]})" in failed.text
    assert (line["request"]["status"], line["request"]["order_propensity"]) == ("failed", None)
    stage.model.reset()
    await stage.slack.click(stage.agent, failed, "redraft_request")
    shown = await stage.candidates()
    assert shown.ts == failed.ts
    parent, child = await stage.log()
    assert parent["request"]["status"] == "failed"
    assert child["request"]["parent_request_id"] == parent["request"]["id"]
    await stage.slack.click(stage.agent, failed, "redraft_request")
    await stage.private("closed already")
    assert len(await stage.log()) == 2


async def test_a_slow_model_meets_the_deadline(stage_with: StageMaker) -> None:
    """What is not done by the deadline has failed, and its call is cancelled, not left running."""
    async with stage_with(suggest_deadline_s=5) as stage:
        stage.model.enqueue(Hang())
        await stage.suggest("Where is my order?")
        await stage.private("1 of 3 drafts failed: timed out")
        await stage.model.wait_idle()
        assert stage.model.cancelled == 1


async def test_a_rate_limited_model_is_waited_for(stage: Stage) -> None:
    """One layer of retry, which honours Retry-After."""
    stage.model.enqueue(rate_limited(retry_after_s=0.05), server_error(500), TruncatedBody())
    await stage.suggested()
    [line] = await stage.log()
    assert [candidate["error"] for candidate in line["candidates"]] == [None] * 3
    assert sorted(candidate["attempts"] for candidate in line["candidates"]) == [2, 2, 2]
    assert stage.model.total == 6


async def test_near_duplicates_are_hidden(stage: Stage) -> None:
    """Told, and recorded with what they repeat."""
    stage.model.enqueue("Your parcel is on its way, friend.", "Your parcel is on its way, my friend.")
    await stage.suggest("Where is my order?")
    shown = await stage.private("1 near-identical draft hidden")
    assert len(list_button_values(shown.blocks, "use_candidate")) == 2
    [line] = await stage.log()
    [hidden] = [candidate for candidate in line["candidates"] if candidate["dropped_reason"]]
    assert hidden["dropped_reason"] == "near_duplicate"
    assert hidden["duplicate_of"] in {candidate["id"] for candidate in line["candidates"]} - {hidden["id"]}
    assert (hidden["position"], hidden["shown_at"]) == (None, None)


async def test_mentions_in_a_draft_ping_nobody(stage: Stage) -> None:
    """Shown literally, in the private message and in the posted reply; nobody is pinged."""
    evil = "Hi <!channel> <@U0ADMIN> *bold* `code` &amp; <https://evil.example|click> :tada: @here"
    stage.model.enqueue(evil)
    shown = await stage.suggested()
    assert not find_mentions(shown)
    assert evil in list_texts(shown.blocks)
    [line] = await stage.log()
    candidate = next(candidate for candidate in line["candidates"] if candidate["text"] == evil)
    await stage.slack.click(stage.agent, shown, "use_candidate", value=candidate["id"])
    posted = await stage.slack.wait_for_message(stage.slack.channels.support)
    assert not find_mentions(posted)
    [_name, reply] = posted.blocks
    assert list_texts([reply]) == [evil]
    assert "<!channel>" not in posted.text


async def test_a_reply_of_20000_characters(stage: Stage) -> None:
    """Split for display and for posting, and not lost: the parts join to the text."""
    long = " ".join(f"{number:030}" for number in range(700))[:20_000].strip()
    stage.model.enqueue(Reply(text=long, minds_max_tokens=False))
    await stage.suggest("Tell me everything")
    [line] = await read_log(stage)
    candidate = next(candidate for candidate in line["candidates"] if candidate["text"] == long)
    shown = await stage.private(candidate["id"])
    await stage.slack.click(stage.agent, shown, "edit_candidate", value=candidate["id"])
    view = await stage.slack.wait_for_view(stage.agent)
    assert "too long to edit" in json.dumps(view.blocks)
    await stage.slack.click(stage.agent, shown, "use_candidate", value=candidate["id"])
    await stage.private("Sent in")
    posted = [
        text
        for message in stage.slack.messages(stage.slack.channels.support)
        if message.user_id == stage.slack.bot_user_id
        for text in list_texts(message.blocks)
    ]
    assert "".join(posted) == long
    assert not stage.slack.journal.refusals()


async def test_the_same_click_delivered_twice(stage: Stage) -> None:
    """One choice, one post, no complaint."""
    shown = await stage.suggested()
    await stage.slack.dispatch_twice(stage.slack.prepare_click(stage.agent, shown, "use_candidate"))
    await stage.private("Sent in")
    await stage.slack.wait_until_idle()
    assert len(stage.replies()) == 1
    [line] = await stage.log()
    assert [event["type"] for event in line["events"]].count("used") == 1
    assert not [message for message in stage.slack.ephemerals(stage.agent) if "closed" in message.text]


async def test_a_click_redelivered_later(stage: Stage) -> None:
    """Slack delivers again what it missed the answer to: acknowledged, and nothing else."""
    shown = await stage.suggested()
    outcome = await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    before = [message.text for message in stage.slack.ephemerals(stage.agent)]
    assert (await stage.slack.dispatch(outcome.dispatch)).acknowledged
    assert len(stage.replies()) == 1
    assert [message.text for message in stage.slack.ephemerals(stage.agent)] == before


async def test_a_command_redelivered(stage: Stage) -> None:
    """One request, one set of candidates."""
    outcome = await stage.suggest("Where is my order?")
    await stage.candidates()
    assert (await stage.slack.dispatch(outcome.dispatch)).acknowledged
    assert len(await stage.log()) == 1
    assert stage.model.total == 3


async def test_several_clicks_at_once(stage: Stage) -> None:
    """Use on each of three replies and None of these, at the same moment: one choice, at most one post."""
    shown = await stage.suggested()
    clicks = [
        stage.slack.prepare_click(stage.agent, shown, "use_candidate", value=value)
        for value in list_button_values(shown.blocks, "use_candidate")
    ]
    clicks.append(stage.slack.prepare_click(stage.agent, shown, "dismiss_request"))
    outcomes = await asyncio.gather(*(stage.slack.dispatch(click) for click in clicks))
    assert all(outcome.acknowledged for outcome in outcomes)
    await stage.private("closed already")
    [line] = await stage.log()
    if line["choice"]["kind"] == "used":
        await stage.logged("shown", "used", "sent")
    assert len(stage.replies()) == (line["choice"]["kind"] == "used")


async def test_somebody_else_clicks(stage: Stage) -> None:
    """Refused privately, and not recorded as a choice; a guest of another team no less."""
    shown = await stage.suggested()
    colleague, stranger = stage.slack.people.colleague, stage.slack.people.stranger
    for other, told in ((colleague, "Only the person who asked"), (stranger, "Only members of the workspace")):
        await stage.slack.click(other, replace(shown, user_id=other.id), "use_candidate")
        refusal = await stage.private(told, user=other)
        assert refusal.user_id == other.id
    [line] = await stage.log()
    assert line["choice"] is None
    assert stage.replies() == []


async def test_clicks_on_the_unknown(stage: Stage) -> None:
    """Told so; nothing changes."""
    shown = await stage.suggested()
    for action_id in ("use_candidate", "edit_candidate", "redraft_request", "dismiss_request"):
        forged = _with_value(shown, action_id, "01999999-0000-7000-8000-000000000000")
        await stage.slack.click(stage.agent, forged, action_id)
        told = await stage.private("can no longer be found")
        stage.slack.state.delete_ephemeral(told)
    line = await stage.logged("shown")
    assert (line["choice"], line["request"]["status"]) == (None, "shown")


async def test_undo_twice(stage: Stage) -> None:
    """The second finds nothing to undo."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    confirmation = await stage.private("undo_choice")
    await stage.slack.click(stage.agent, confirmation, "undo_choice")
    await stage.private("Undone")
    await stage.slack.click(stage.agent, confirmation, "undo_choice")
    await stage.private("nothing to undo")


async def test_slack_answers_429(stage: Stage) -> None:
    """Waited as told: posted once, confirmed, shown."""
    stage.slack.faults.plan(RESPONSE_URL, RateLimited(retry_after=0))
    stage.slack.faults.plan("chat.postMessage", RateLimited(retry_after=0), times=2)
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    assert len(stage.replies()) == 1


@pytest.mark.parametrize(
    ("fault", "posted"),
    [(SpuriousServerError(), 1), (LostResponse(), 1), (ServerError(), 0), (ErrorResponse(error="internal_error"), 0)],
)
async def test_a_post_of_unknown_fate(stage: Stage, fault: object, posted: int) -> None:
    """Never posted again by itself: the agent sees the text, is told, and decides with Post."""
    stage.slack.faults.plan("chat.postMessage", fault)
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    unsure = await stage.private("this may have been posted already")
    assert len(stage.replies()) == posted
    [line] = await stage.log()
    assert line["choice"]["final_text"] in json.dumps(unsure.blocks, ensure_ascii=False)
    await stage.slack.click(stage.agent, unsure, "post_reply")
    await stage.private("Sent in")
    assert len(stage.replies()) == posted + 1
    await stage.logged("shown", "used", "sent")


@pytest.mark.parametrize("place", ["vault", "notices"])
async def test_where_the_bot_may_not_post(stage: Stage, place: str) -> None:
    """The click's own way back brings the reply into the conversation, without any membership."""
    channel = getattr(stage.slack.channels, place)
    await stage.slack.run_command(stage.slack.people.admin, channel, "/suggest", "Where is my order?")
    shown = await stage.candidates(user=stage.slack.people.admin)
    await stage.slack.click(stage.slack.people.admin, shown, "use_candidate")
    posted = await stage.slack.wait_for_message(channel, lambda message: message.user_id == stage.slack.bot_user_id)
    [line] = await stage.log()
    assert posted.text == line["choice"]["final_text"]
    await stage.private("Sent in", user=stage.slack.people.admin)
    assert line["request"]["channel_id"] == channel.id


async def test_where_nothing_can_be_posted(stage: Stage) -> None:
    """Then the text is shown, to be copied."""
    shown = await stage.suggested()
    stage.slack.faults.plan("chat.postMessage", ErrorResponse(error="restricted_action"))
    stage.slack.faults.plan(RESPONSE_URL, ErrorResponse(error="no"))
    await stage.slack.click(stage.agent, shown, "use_candidate")
    confirmation = await stage.private("was not posted")
    [line] = await stage.log()
    assert line["choice"]["final_text"] in json.dumps(confirmation.blocks, ensure_ascii=False)
    assert stage.replies() == []


async def test_the_candidates_find_another_way(stage: Stage) -> None:
    """A response_url that fails: an ephemeral message; where that fails too, a direct message."""
    stage.slack.faults.plan(RESPONSE_URL, ServerError(), times=1)
    await stage.suggested()
    stage.slack.faults.plan(RESPONSE_URL, ServerError(), times=1)
    stage.slack.faults.plan("chat.postEphemeral", ErrorResponse(error="user_not_in_channel"))
    await stage.suggest("And again?")
    direct = await stage.slack.wait_for_message(
        stage.slack.channels.dm, lambda message: "use_candidate" in json.dumps(message.blocks)
    )
    await stage.slack.click(stage.agent, direct, "use_candidate")
    await stage.slack.wait_for_message(stage.slack.channels.support)
    assert len(stage.replies()) == 1


async def test_a_locked_database(stage_with: StageMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent is told that nothing was recorded; nothing is drafted, and no reply is posted unrecorded."""
    monkeypatch.setitem(Database.__init__.__kwdefaults__ or {}, "write_limit_s", 2.0)
    async with stage_with(timing=Timing()) as stage:
        shown = await stage.suggested()
        locker = sqlite3.connect(stage.database_url.removeprefix("sqlite:///"), isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        outcome = await stage.suggest("Where is my order?")
        assert outcome.error is None, "acknowledged in time"
        assert "Nothing was recorded" in json.dumps(outcome.body)
        await stage.slack.click(stage.agent, shown, "use_candidate")
        await stage.private("Nothing was recorded")
        assert stage.replies() == []
        locker.execute("ROLLBACK")
        locker.close()
        assert stage.model.total == 3
        await stage.slack.click(stage.agent, shown, "use_candidate")
        await stage.private("Sent in")
        assert len(stage.replies()) == 1


async def test_too_many_requests_a_minute(stage_with: StageMaker) -> None:
    """Told politely, with the time to wait."""
    async with stage_with(suggest_agent_per_minute=2) as stage:
        await stage.suggested()
        await stage.suggested("Again?")
        outcome = await stage.suggest("And again?")
        assert "try again in" in json.dumps(outcome.body)
        assert len(await stage.log()) == 2


async def test_a_days_tokens_spent(stage_with: StageMaker) -> None:
    """Told politely; counted from the log."""
    async with stage_with(suggest_tokens_per_day=10) as stage:
        await stage.suggested()
        outcome = await stage.suggest("Again?")
        assert "budget" in json.dumps(outcome.body)


async def test_an_editor_that_slack_does_not_open(stage: Stage) -> None:
    """Told to press Edit again; the request is open."""
    shown = await stage.suggested()
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    await stage.private("press Edit again")


async def test_an_edit_after_the_request_is_closed(stage: Stage) -> None:
    """Said in the editor, where the agent's text stays."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    view = await stage.slack.wait_for_view(stage.agent)
    await stage.slack.click(stage.agent, shown, "dismiss_request")
    await stage.private("dismiss_reason")
    outcome = await stage.slack.submit(stage.agent, view, {"reply": {"text": "Too late?"}})
    assert "closed already" in outcome.body["errors"]["reply"]
    assert stage.replies() == []


async def test_users_info_that_does_not_answer(stage: Stage) -> None:
    """Then the agent is spoken to in English, and nothing else changes."""
    stage.slack.faults.plan("users.info", ServerError())
    await stage.suggested()
    [line] = await stage.log()
    assert line["request"]["locale"] == "en-US"


async def read_log(stage: Stage) -> list[dict]:
    await stage.candidates()
    return await stage.log()


def _with_value(message: Ephemeral, action_id: str, value: str) -> Ephemeral:
    """The message with another value on its buttons, as somebody might forge it."""
    blocks = tuple(
        {
            **block,
            "elements": [
                {**element, "value": value} if element.get("action_id") == action_id else element
                for element in block["elements"]
            ],
        }
        if block["type"] == "actions"
        else block
        for block in message.blocks
    )
    return replace(message, blocks=blocks)

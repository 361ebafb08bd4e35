"""Messages forwarded to the bot, bridges of helpdesks, and what of either the bot cannot read."""

import json
from dataclasses import replace
from typing import Any

import pytest

from playground import Dispatch, ErrorResponse, Message, RateLimited
from playground.slack.fault_injection import SlowResponse
from playground.slack.people.customers import PAULA
from tests.conftest import Stage, StageMaker
from tests.handlers.slack.test_messages import HEADING, WORDS, forward
from tests.handlers.slack.test_threads import conversation, put
from tests.handlers.test_surfaces import join_text, list_entries, open_modal

UNREADABLE = "I could read only a heading"
BRIDGED: dict[str, Any] = {"bot_id": "B0HELPDESK", "subtype": "bot_message"}


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """With a customer in the channel."""
    support = stage.slack.channels.support
    stage.slack.state.users[PAULA.id] = PAULA
    stage.slack.change_channel(support, members=support.members | {PAULA.id})
    return stage


def write(stage: Stage, text: str, *forwarded: dict[str, Any], thread_ts: str | None = None) -> Message:
    """A direct message to the bot."""
    return stage.slack.write(stage.agent, stage.slack.channels.dm, text, thread_ts=thread_ts, attachments=forwarded)


async def read_request(stage: Stage) -> tuple[list[tuple[str, str]], str | None]:
    """The one request: its conversation and its hint."""
    [line] = await stage.log()
    request = line["request"]
    return [(turn["role"], turn["text"]) for turn in request["conversation"]], request["hint"]


@pytest.mark.parametrize(
    ("note", "forwarded", "expected", "hint"),
    [
        ("", [forward()], WORDS, None),
        ("see below", [forward()], WORDS, "see below"),
        ("offer a refund // be brief", [forward()], WORDS, "offer a refund // be brief"),
        ("help", [forward()], WORDS, "help"),
        ("", [forward(), forward("And my refund?", author_id="U0OTHER")], f"{WORDS}\n\nAnd my refund?", None),
        ("see &lt;below&gt;", [forward("S&amp;M?", message_blocks=[])], "S&M?", "see <below>"),
        ("", [forward(HEADING, message_blocks=[], attachments=[{"text": WORDS}])], f"{HEADING}\n{WORDS}", None),
    ],
)
@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_message_forwarded_to_the_bot_is_the_customers(
    stage: Stage,
    note: str,
    forwarded: list[dict[str, Any]],
    expected: str,
    hint: str | None,
    in_thread: bool,  # noqa: FBT001
) -> None:
    """The note on it is the agent's."""
    root = write(stage, "help").ts if in_thread else None
    write(stage, note, *forwarded, thread_ts=root)
    direct = stage.slack.channels.dm
    await stage.slack.wait_for_message(direct, lambda message: "use_candidate" in join_text(message))
    assert await read_request(stage) == ([("customer", expected)], hint)


@pytest.mark.parametrize(
    ("note", "forwarded"),
    [
        ("see below", {"is_share": True}),
        ("Where is it?", {"is_msg_unfurl": True, "fallback": "[no preview available]"}),
        ("", forward(HEADING, message_blocks=[], attachments=[{"image_url": "https://a.example/x.png"}])),
    ],
)
async def test_nothing_is_drafted_for_the_note_alone(stage: Stage, note: str, forwarded: dict[str, Any]) -> None:
    write(stage, note, forwarded)
    await stage.slack.wait_for_message(stage.slack.channels.dm, lambda message: UNREADABLE in message.text)
    assert (await stage.log(), stage.model.total) == ([], 0)


async def test_what_a_mention_forwards_is_the_customers(stage: Stage) -> None:
    """In a thread of the team's own: the words beside the mention are the hint."""
    first = put(stage, "Can somebody look into this?", by=stage.slack.people.colleague)
    text = f"<@{stage.slack.bot_user_id}> see below"
    support = stage.slack.channels.support
    stage.slack.write(stage.agent, support, text, thread_ts=first.ts, attachments=[forward(author_id=PAULA.id)])
    await stage.candidates()
    turns = [("agent", "Can somebody look into this?"), ("customer", WORDS)]
    assert await read_request(stage) == (turns, "see below")


@pytest.mark.parametrize("note", ["see below", ""])
async def test_what_a_mention_forwards_outside_of_threads_is_the_customers(stage: Stage, note: str) -> None:
    """The candidates are shown in the channel, and the reply is posted there."""
    text = f"<@{stage.slack.bot_user_id}> {note}".strip()
    stage.slack.write(stage.agent, stage.slack.channels.support, text, attachments=[forward(author_id=PAULA.id)])
    shown = await stage.candidates()
    assert shown.thread_ts is None
    assert await read_request(stage) == ([("customer", WORDS)], note or None)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    assert stage.slack.messages(stage.slack.channels.support)[-1].thread_ts is None


async def test_a_mention_outside_of_threads_whose_forward_cannot_be_read_says_so(stage: Stage) -> None:
    text = f"<@{stage.slack.bot_user_id}> see below"
    stage.slack.write(stage.agent, stage.slack.channels.support, text, attachments=[{"is_share": True}])
    await stage.private(UNREADABLE)
    assert (await stage.log(), stage.model.total) == ([], 0)


async def test_what_a_mention_forwards_is_answered_where_the_thread_is_not_read(stage: Stage) -> None:
    stage.slack.faults.plan("conversations.replies", ErrorResponse(error="missing_scope"), times=5)
    first = put(stage, "Hello", by=stage.slack.people.colleague)
    text = f"<@{stage.slack.bot_user_id}> see below"
    support = stage.slack.channels.support
    stage.slack.write(stage.agent, support, text, thread_ts=first.ts, attachments=[forward(author_id=PAULA.id)])
    assert "missing scopes" in join_text(await stage.candidates())
    assert await read_request(stage) == ([("customer", WORDS)], "see below")


async def test_what_members_forward_within_a_thread_is_whose_words_it_was(stage: Stage) -> None:
    """A customer's is the customer's, a colleague's the team's; what a customer forwards belongs to their message."""
    colleague = stage.slack.people.colleague
    first = put(stage, "My parcel is broken.", by=PAULA)
    thread = first.ts
    put(stage, "See what she wrote before", by=colleague, thread_ts=thread, attachments=(forward(author_id=PAULA.id),))
    put(stage, "And I answered", by=stage.agent, thread_ts=thread,
        attachments=(forward("It is on its way.", author_id=colleague.id),))  # fmt: skip
    last = put(stage, "You promised me this:", by=PAULA, thread_ts=thread,
               attachments=(forward("It is on its way.", author_id=colleague.id),))  # fmt: skip
    assert await conversation(stage, last) == [
        ("customer", "My parcel is broken."),
        ("agent", "See what she wrote before"),
        ("customer", WORDS),
        ("agent", "And I answered"),
        ("agent", "It is on its way."),
        ("customer", "You promised me this:\n\nIt is on its way."),
    ]


async def test_a_forwarded_message_that_the_agent_points_at_is_the_customers(stage: Stage) -> None:
    """Whoever forwards it stays of the team."""
    first = put(stage, "Look at this:", by=stage.agent, attachments=(forward(author_id="U0ELSEWHERE"),))
    assert await conversation(stage, first) == [("agent", "Look at this:"), ("customer", WORDS)]


@pytest.mark.parametrize(
    "fields", [{"attachments": ({"text": WORDS},)}, {"blocks": ({"type": "markdown", "text": WORDS},)}]
)
@pytest.mark.parametrize("is_read", [True, False])
async def test_a_bridges_message_is_answered(stage: Stage, fields: dict[str, Any], is_read: bool) -> None:  # noqa: FBT001
    """From its menu, whether the thread can be read or not."""
    if not is_read:
        stage.slack.faults.plan("conversations.replies", ErrorResponse(error="missing_scope"), times=5)
    assert await conversation(stage, put(stage, HEADING, **BRIDGED, **fields)) == [("customer", f"{HEADING}\n{WORDS}")]


async def test_a_heading_alone_is_not_answered(stage: Stage) -> None:
    """From its menu the agent is told so in a modal."""
    bridged = put(stage, HEADING, **BRIDGED, attachments=({"image_url": "https://a.example/x.png"},))
    await stage.slack.run_message_shortcut(stage.agent, bridged, "suggest_replies")
    await stage.slack.wait_for_view(stage.agent, lambda view: UNREADABLE in join_text(view))
    assert (await stage.log(), stage.model.total) == ([], 0)


async def test_a_thread_of_headings_alone_is_not_answered(stage: Stage) -> None:
    """Nor are its files by name."""
    bridged = put(stage, HEADING, **BRIDGED, attachments=({"image_url": "https://a.example/x.png"},))
    put(stage, "", **BRIDGED, thread_ts=bridged.ts, files=({"name": "photo.jpg"},))
    put(stage, "I will look into it.", by=stage.agent, thread_ts=bridged.ts)
    text = f"<@{stage.slack.bot_user_id}>"
    stage.slack.write(stage.agent, stage.slack.channels.support, text, thread_ts=bridged.ts)
    await stage.private(UNREADABLE)
    assert stage.model.total == 0


async def test_headings_among_words_are_told(stage: Stage) -> None:
    bridged = put(stage, HEADING, **BRIDGED, attachments=({"image_url": "https://a.example/x.png"},))
    last = put(stage, WORDS, **BRIDGED, thread_ts=bridged.ts)
    assert "only a heading" in join_text(await open_modal(stage, last))


@pytest.mark.parametrize("fault", [ErrorResponse(error="ratelimited"), ErrorResponse(error="internal_error")])
async def test_a_part_of_a_thread_is_used_and_told(stage: Stage, fault: ErrorResponse) -> None:
    """What Slack gave until then, and the message that the agent points at."""
    first = put(stage, "My parcel is broken.", by=PAULA)
    for number in range(1_005):
        put(stage, f"Message {number}.", by=PAULA, thread_ts=first.ts)
    last = put(stage, WORDS, by=PAULA, thread_ts=first.ts)
    stage.slack.faults.plan("conversations.replies", SlowResponse(seconds=0), times=1)
    stage.slack.faults.plan("conversations.replies", fault, times=9)
    assert "only a part of this thread" in join_text(await open_modal(stage, last))
    turns, _ = await read_request(stage)
    assert turns[-1] == ("customer", WORDS)
    assert turns[-2] == ("customer", "Message 998.")


async def test_where_slack_limits_histories_what_it_gave_is_used_and_nothing_more_is_asked(stage: Stage) -> None:
    """Neither for the rest of the thread, nor for what is newer when a reply is used."""
    stage.slack.state.config = replace(stage.slack.config, limits_histories=True)
    first = put(stage, "My parcel is broken.", by=PAULA)
    for number in range(2_000):
        put(stage, f"Message {number}.", by=PAULA, thread_ts=first.ts)
    last = put(stage, WORDS, by=PAULA, thread_ts=first.ts)
    view = await open_modal(stage, last)
    assert "only a part of this thread" in join_text(view)
    turns, _ = await read_request(stage)
    assert [text for _, text in turns] == ["My parcel is broken.", *(f"Message {n}." for n in range(14)), WORDS]
    await stage.slack.click(stage.agent, view, "use_candidate")
    await stage.logged("shown", "used", "sent")
    assert len(stage.slack.journal.calls("conversations.replies")) == 1


async def test_who_is_to_wait_for_a_thread_longer_than_it_may_take_does_not(stage: Stage) -> None:
    stage.slack.faults.plan("conversations.replies", RateLimited(retry_after=60), times=9)
    view = await open_modal(stage, put(stage, WORDS, by=PAULA))
    assert "Slack did not hand over the thread" in join_text(view)
    assert len(stage.slack.journal.calls("conversations.replies")) == 1


async def test_only_the_apps_in_the_settings_are_the_customer(stage_with: StageMaker) -> None:
    """Also where they post with a member's token; what other apps post is left out."""
    async with stage_with(suggest_customer_apps=("B0HELPDESK",)) as stage:
        colleague = stage.slack.people.colleague
        first = put(stage, "My parcel is broken.", by=colleague, bot_id="B0HELPDESK")
        thread = first.ts
        put(stage, "Deployment 12 is done.", thread_ts=thread, bot_id="B0ALERTS")
        put(stage, "I will look.", by=colleague, thread_ts=thread, bot_id="B0OTHER")
        last = put(stage, WORDS, by=colleague, thread_ts=thread, bot_id="B0HELPDESK")
        assert await conversation(stage, last) == [
            ("customer", "My parcel is broken."),
            ("agent", "I will look."),
            ("customer", WORDS),
        ]


@pytest.mark.parametrize("age_s", [3_700, 86_400])
@pytest.mark.parametrize("named", ["event_time", "event_ts"])
async def test_an_event_of_more_than_an_hour_ago_drafts_nothing(stage: Stage, named: str, age_s: int) -> None:
    direct = stage.slack.channels.dm.id
    event = {"type": "message", "channel": direct, "channel_type": "im", "user": stage.agent.id, "text": WORDS}
    sent_at = stage.slack.clock.now() - age_s
    payload = stage.slack.payloads.build_event({**event, "ts": f"{sent_at:.6f}", "event_ts": f"{sent_at:.6f}"})
    payload = {**payload, "event_time": int(sent_at)} if named == "event_time" else {**payload, "event_time": "odd"}
    delivery = Dispatch(kind="events_api", name="event:message", payload=payload, user_id=stage.agent.id)
    assert (await stage.slack.dispatch(delivery)).acknowledged
    fresh = {**payload, "event_time": int(stage.slack.clock.now()), "event_id": "Ev0FRESH"}
    assert (await stage.slack.dispatch(replace(delivery, payload=fresh))).acknowledged
    await stage.slack.wait_for_message(stage.slack.channels.dm, lambda shown: "use_candidate" in join_text(shown))
    assert len(await stage.log()) == 1


async def test_a_bots_event_is_not_answered(stage: Stage) -> None:
    """Also where it names no app."""
    robot = replace(stage.slack.people.bot, id="U0ROBOT", name="robot")
    stage.slack.state.users[robot.id] = robot
    direct = stage.slack.channels.dm.id
    event = {"type": "message", "channel": direct, "channel_type": "im", "user": robot.id, "text": WORDS}
    payload = stage.slack.payloads.build_event({**event, "ts": stage.slack.clock.ts()})
    outcome = await stage.slack.dispatch(
        Dispatch(kind="events_api", name="event:message", payload=payload, user_id=robot.id)
    )
    assert outcome.acknowledged
    assert (json.dumps(outcome.body), await stage.log()) == ("null", [])
    assert list_entries(stage, "chat.postMessage") == []

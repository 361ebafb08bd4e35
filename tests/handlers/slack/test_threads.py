"""Threads as conversations: who is the customer, what is left out, how much of a long one is read."""

from dataclasses import replace
from typing import Any

import pytest

from handlers.slack.messages import read_message
from handlers.slack.threads import TOKEN_BUDGET, ThreadMessage, estimate_tokens, select_newest
from playground import Dispatch, ErrorResponse, Message, User
from playground.slack.people.customers import PAULA
from tests.conftest import Stage
from tests.handlers.test_surfaces import mention, open_modal


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """With a customer in the channel."""
    support = stage.slack.channels.support
    stage.slack.state.users[PAULA.id] = PAULA
    stage.slack.change_channel(support, members=support.members | {PAULA.id})
    return stage


def put(stage: Stage, text: str, *, by: User | None = None, thread_ts: str | None = None, **fields: Any) -> Message:
    """A message of any kind in the support channel, without anybody hearing of it."""
    message = Message(
        ts=stage.slack.clock.ts(),
        channel_id=stage.slack.channels.support.id,
        user_id=by.id if by else "",
        text=text,
        thread_ts=thread_ts,
        **fields,
    )
    stage.slack.state.messages[message.channel_id][message.ts] = message
    return message


async def conversation(stage: Stage, pointed: Message) -> list[tuple[str, str]]:
    """What the model was given for this message."""
    await open_modal(stage, pointed)
    [line] = await stage.log()
    return [(turn["role"], turn["text"]) for turn in line["request"]["conversation"]]


async def test_customer_and_team_are_told_apart(stage: Stage) -> None:
    """Whom the agent points at, guests, strangers and other apps are the customer; members and our replies the team."""
    people = stage.slack.people
    first = put(stage, "I am a member who asks.", by=people.colleague)
    thread = first.ts
    stage.slack.state.put_message(replace(first, thread_ts=thread))
    put(stage, "A guest adds this.", by=people.guest, thread_ts=thread)
    put(stage, "A customer adds that.", by=PAULA, thread_ts=thread)
    put(stage, "Bridged from a helpdesk.", thread_ts=thread, bot_id="B0HELPDESK")
    put(stage, "The agent answers.", by=people.agent, thread_ts=thread)
    put(stage, "The bot has posted this.", by=people.bot, thread_ts=thread, bot_id="B0SUGGEST")
    last = put(stage, "And I ask again.", by=people.colleague, thread_ts=thread)
    assert await conversation(stage, last) == [
        ("customer", "I am a member who asks."),
        ("customer", "A guest adds this."),
        ("customer", "A customer adds that."),
        ("customer", "Bridged from a helpdesk."),
        ("agent", "The agent answers."),
        ("agent", "The bot has posted this."),
        ("customer", "And I ask again."),
    ]


@pytest.mark.parametrize("with_customer", [True, False])
async def test_for_a_mention_the_customer_is_who_is_not_of_the_team(stage: Stage, with_customer: bool) -> None:  # noqa: FBT001 - a case
    """Where only members have written, it is who began the thread."""
    first = stage.slack.write(stage.slack.people.colleague, stage.slack.channels.support, "How do I get a refund?")
    stage.slack.write(stage.agent, stage.slack.channels.support, "Let me see.", thread_ts=first.ts)
    if with_customer:
        stage.slack.write(PAULA, stage.slack.channels.support, "Yes, please!", thread_ts=first.ts)
    mention(stage, first.ts)
    await stage.candidates()
    [line] = await stage.log()
    roles = [turn["role"] for turn in line["request"]["conversation"]]
    assert roles == (["agent", "agent", "customer"] if with_customer else ["customer", "agent"])


async def test_what_a_person_posts_by_an_app_is_theirs(stage: Stage) -> None:
    """With a token of their own, a member is of the team; an app that has a user is not."""
    first = put(stage, "My parcel is broken.", by=PAULA)
    stage.slack.state.users["U0BRIDGE"] = replace(stage.slack.people.bot, id="U0BRIDGE", name="bridge")
    bridge = stage.slack.state.users["U0BRIDGE"]
    put(stage, "A member by an app.", by=stage.slack.people.colleague, thread_ts=first.ts, bot_id="B0OTHER")
    put(stage, "The customer by an app.", by=PAULA, thread_ts=first.ts, bot_id="B0OTHER")
    put(stage, "A helpdesk's user.", by=bridge, thread_ts=first.ts, bot_id="B0OTHER")
    last = put(stage, "Hello?", by=PAULA, thread_ts=first.ts)
    assert await conversation(stage, last) == [
        ("customer", "My parcel is broken."),
        ("agent", "A member by an app."),
        ("customer", "The customer by an app."),
        ("customer", "A helpdesk's user."),
        ("customer", "Hello?"),
    ]


@pytest.mark.parametrize("odd", [5, "x", {"a": 1}, [5, None, "x", []], True])
@pytest.mark.parametrize("name", ["attachments", "blocks", "files", "subtype", "text", "bot_id", "username", "user"])
async def test_odd_types_in_a_message_count_as_nothing(stage: Stage, name: str, odd: object) -> None:
    """The words that are there are answered."""
    message = put(stage, "Where is my order?", by=PAULA)
    payload = stage.slack.payloads.build_message_shortcut(stage.agent, message, "suggest_replies")
    given = {**payload["message"], **({"attachments": [{"text": "Where is it?"}]} if name == "text" else {}), name: odd}
    delivery = Dispatch(
        kind="interactive", name="shortcut", payload={**payload, "message": given}, user_id=stage.agent.id
    )
    stage.slack.faults.plan("conversations.replies", ErrorResponse(error="missing_scope"), times=5)
    assert (await stage.slack.dispatch(delivery)).acknowledged
    await stage.slack.wait_for_view(stage.agent, lambda view: "use_candidate" in str(view.blocks))


async def test_what_says_nothing_is_left_out_and_files_are_named(stage: Stage) -> None:
    first = put(stage, "My parcel is broken.", by=PAULA)
    thread = first.ts
    put(stage, "<@U0AGENT> has joined the channel", by=stage.agent, thread_ts=thread, subtype="channel_join")
    put(stage, "This message was deleted.", by=stage.slack.people.slackbot, thread_ts=thread, subtype="tombstone")
    put(stage, f"<@{stage.slack.bot_user_id}> be brief", by=stage.agent, thread_ts=thread)
    put(stage, "", by=PAULA, thread_ts=thread, subtype="file_share", files=({"name": "parcel.jpg"},))
    last = put(stage, "See &lt;there&gt;: <https://a.example/x|my photo>", by=PAULA, thread_ts=thread)
    assert await conversation(stage, last) == [
        ("customer", "My parcel is broken."),
        ("customer", "[file: parcel.jpg]"),
        ("customer", "See <there>: my photo (https://a.example/x)"),
    ]


async def test_of_a_thread_of_two_thousand_messages_the_newest_are_read(stage: Stage) -> None:
    """With files, bots, joins and deleted messages among them; what the agent points at is always there."""
    first = put(stage, "The very first words.", by=PAULA)
    thread = first.ts
    kinds: list[dict[str, Any]] = [
        {"by": PAULA},
        {"by": stage.agent},
        {"bot_id": "B0HELPDESK"},
        {"by": PAULA, "files": ({"name": "photo.jpg"},)},
        {"by": stage.agent, "subtype": "channel_join"},
        {"by": stage.slack.people.slackbot, "subtype": "tombstone"},
    ]
    for number in range(2_000):
        put(stage, f"Message number {number}. " + "Some more words. " * 5, thread_ts=thread, **kinds[number % 6])
    turns = await conversation(stage, first)
    assert turns[0] == ("customer", "The very first words.")
    assert [text.partition(".")[0] for _, text in turns[-4:]] == [
        "Message number 1994",
        "Message number 1995",
        "Message number 1998",
        "Message number 1999",
    ], "without the join and what was deleted"
    assert turns[-3][1].endswith("[file: photo.jpg]")
    assert 20 < len(turns) < 200
    assert sum(estimate_tokens(text) for _, text in turns) <= TOKEN_BUDGET
    assert len(stage.slack.journal.calls("conversations.replies")) == 3


async def test_what_the_agent_points_at_is_read_however_much_was_said_since(stage: Stage) -> None:
    first = put(stage, "The very first words.", by=PAULA)
    put(stage, "Hello.", by=stage.agent, thread_ts=first.ts)
    pointed = put(stage, "Where is order 4711?", by=PAULA, thread_ts=first.ts)
    for number in range(1_500):
        put(stage, f"Message number {number}.", by=stage.agent, thread_ts=first.ts)
    turns = await conversation(stage, pointed)
    assert turns[0] == ("customer", "Where is order 4711?")
    assert turns[-1] == ("agent", "Message number 1499.")


async def test_a_customer_who_names_the_bot_is_answered(stage: Stage) -> None:
    """Where the agent points at that message; otherwise our name in it makes it a word to us."""
    first = put(stage, "Hello?", by=PAULA)
    pointed = put(stage, f"<@{stage.slack.bot_user_id}> where is order 4711?", by=PAULA, thread_ts=first.ts)
    assert (await conversation(stage, pointed))[-1] == ("customer", "@somebody where is order 4711?")


async def test_the_newest_message_is_read_however_long(stage: Stage) -> None:
    first = put(stage, "Hello?", by=PAULA)
    put(stage, "我的訂單在哪裡？" * 500, by=PAULA, thread_ts=first.ts)
    mention(stage, first.ts)
    await stage.candidates()
    [line] = await stage.log()
    assert [len(turn["text"]) for turn in line["request"]["conversation"]] == [4_000]


def test_a_message_over_the_budget_is_kept_alone_if_it_is_the_one() -> None:
    long = {"ts": "2", "text": "x" * 40_000}
    others = [
        ThreadMessage(message=message, read=read_message(message))
        for message in ({"ts": "1", "text": "before"}, long, {"ts": "3", "text": "after"})
    ]
    assert select_newest(others, at="2") == [others[1]]
    assert select_newest(others, at=None) == [others[2]]
    assert select_newest(others[:2], at=None) == [others[1]]

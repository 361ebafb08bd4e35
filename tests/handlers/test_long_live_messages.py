"""Boards with more on them than one message takes: all is shown, and nobody waits before "Drafting…" for ever."""

import random
from typing import Any

import pytest

from handlers.blocks import messages
from handlers.blocks.rich_text import build_rich_texts
from playground import ErrorResponse, Message, ServerError
from playground.model_server import Reply
from playground.slack.validation.validators import exceed_message_limits
from storage.errors import DatabaseUnavailable
from storage.repositories.requests import Requests
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import join_text, wait_until_all_shown, write_thread
from tests.shown import list_texts

WORDS = [f"{letter}{number}" for letter in "abcdefghij" for number in range(100)]


def long_reply(seed: int, length: int = 3_000) -> str:
    """Words in an order of their own: none of them nearly repeats another."""
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(length)).strip()[:length].strip()


def script(stage: Stage, count: int, length: int = 3_000, *, chinese: bool = False) -> list[str]:
    texts = [long_reply(seed, length) for seed in range(count)]
    if chinese:
        texts = [
            "".join(chr(0x4E00 + random.Random(text).randrange(9_000)) for text in each.split()) * 4 for each in texts
        ]
    for text in texts:
        stage.model.enqueue(Reply(text=text, minds_max_tokens=False))
    return texts


def list_direct_messages(stage: Stage) -> list[Message]:
    return [message for message in stage.slack.messages(stage.slack.channels.dm) if message.bot_id]


def list_buttons(messages: list[Message]) -> list[str]:
    return [value for message in messages for value in list_button_values(message.blocks, "use_candidate")]


async def wait_for_all(stage: Stage, count: int) -> list[Message]:
    await stage.slack.wait_until(lambda: len(set(list_buttons(list_direct_messages(stage)))) == count)
    await stage.slack.wait_until(lambda: "Drafting…" not in "".join(map(join_text, list_direct_messages(stage))))
    return list_direct_messages(stage)


def sections(messages: list[Message]) -> list[str]:
    return [text for message in messages for text in list_texts(message.blocks)]


@pytest.mark.parametrize("count", [3, 9, 10])
async def test_long_replies_in_a_direct_message_are_all_shown_with_their_buttons(
    stage_with: StageMaker, count: int
) -> None:
    """Each one whole; what is used is confirmed in its place, and recorded as seen."""
    async with stage_with(suggest_candidates=count) as stage:
        texts = script(stage, count)
        stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
        messages = await wait_for_all(stage, count)
        assert set(texts) <= set(sections(messages))
        assert len(list_buttons(messages)) == count
        for place in range(1, count + 1):
            assert f"Reply {place} ·" in "".join(map(join_text, messages))
        assert len((await wait_until_all_shown(stage))["candidates"]) == count
        assert not stage.slack.journal.refusals()
        last = next(message for message in reversed(messages) if list_buttons([message]))
        await stage.slack.click(stage.agent, last, "use_candidate", value=list_buttons([last])[-1])
        await stage.slack.wait_for_message(stage.slack.channels.dm, lambda message: "to copy" in join_text(message))


async def test_what_is_visible_in_a_direct_message_never_moves(stage_with: StageMaker) -> None:
    """A reply for which its message has no room any more comes in one of its own, and its place says so."""
    async with stage_with(suggest_candidates=3) as stage:
        script(stage, 3)
        seen: dict[str, str] = {}
        moved: list[str] = []

        def watch(_: Any) -> None:
            for message in list_direct_messages(stage):
                moved.extend(
                    value for value in list_buttons([message]) if seen.setdefault(value, message.ts) != message.ts
                )

        stage.slack.state.message_listeners.append(watch)
        stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
        messages = await wait_for_all(stage, 3)
        assert (moved, len(messages), len(seen)) == ([], 2, 3)
        assert "too long to show here" in join_text(messages[0])


async def test_ten_short_replies_share_a_few_messages(stage_with: StageMaker) -> None:
    async with stage_with(suggest_candidates=10) as stage:
        script(stage, 10, 300)
        stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
        messages = await wait_for_all(stage, 10)
        assert [len(list_buttons([message])) for message in messages] == [3, 3, 4]


async def test_others_take_the_places_of_long_ones(stage_with: StageMaker) -> None:
    """What stood in separate messages goes with them."""
    async with stage_with(suggest_candidates=10) as stage:
        script(stage, 10)
        stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
        messages = await wait_for_all(stage, 10)
        first = set(list_buttons(messages))
        foot = next(message for message in messages if "redraft_request" in join_text(message))
        script(stage, 10, 300)
        await stage.slack.click(stage.agent, foot, "redraft_request")
        await stage.slack.wait_until(lambda: not first.intersection(list_buttons(list_direct_messages(stage))))
        assert len(await wait_for_all(stage, 10)) == 3


REFUSALS = [
    "msg_blocks_too_long", "msg_too_long", "invalid_blocks", "cant_update_message", "edit_window_closed",
    "message_not_found", "is_inactive", "hash_conflict", "not_found", "as_yet_unknown",
]  # fmt: skip


@pytest.mark.parametrize("error", REFUSALS)
async def test_whatever_slack_says_to_an_update_the_replies_come(stage: Stage, error: str) -> None:
    """And the message that was to be filled says where they are, or goes."""
    stage.slack.faults.plan("chat.update", ErrorResponse(error=error), times=50)
    stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    messages = await wait_for_all(stage, 3)
    assert "Drafting…" not in "".join(map(join_text, messages))


async def test_a_server_that_fails_on_updates_leaves_no_drafting(stage: Stage) -> None:
    stage.slack.faults.plan("chat.update", ServerError(status=500), times=50)
    stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    await wait_for_all(stage, 3)


@pytest.mark.parametrize("error", ["msg_blocks_too_long", "msg_too_long"])
async def test_a_slack_that_takes_less_gets_less_at_a_time(stage: Stage, error: str) -> None:
    """Halves, down to one reply with its buttons."""
    stage.slack.faults.plan("chat.update", ErrorResponse(error=error), times=50)
    stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    await stage.slack.wait_for_message(stage.slack.channels.dm, lambda message: "Drafting…" in join_text(message))
    stage.slack.faults.plan("chat.postMessage", ErrorResponse(error=error), times=2)
    messages = await wait_for_all(stage, 3)
    assert len(list_buttons(messages)) == 3


async def test_where_no_conversation_can_be_opened_the_replies_come_where_the_agent_wrote(stage: Stage) -> None:
    stage.slack.faults.plan("chat.update", ErrorResponse(error="cant_update_message"), times=50)
    stage.slack.faults.plan("conversations.open", ErrorResponse(error="missing_scope"), times=50)
    stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    await wait_for_all(stage, 3)


@pytest.mark.parametrize("surface", ["dm", "shortcut"])
async def test_a_database_that_stops_meanwhile_is_said_in_the_place_of_drafting(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, surface: str
) -> None:
    async def full(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("full")

    monkeypatch.setattr(Requests, "record_candidate", full)
    if surface == "dm":
        stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
        direct = stage.slack.channels.dm
        told = await stage.slack.wait_for_message(direct, lambda message: "come when it is back" in join_text(message))
        assert list_direct_messages(stage) == [told]
    else:
        await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
        await stage.slack.wait_for_view(stage.agent, lambda view: "come when it is back" in join_text(view))


async def test_where_no_message_is_taken_the_board_says_what_to_do(stage: Stage) -> None:
    stage.slack.faults.plan("chat.update", ErrorResponse(error="msg_blocks_too_long"))
    stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    await stage.slack.wait_for_message(stage.slack.channels.dm, lambda message: "Drafting…" in join_text(message))
    stage.slack.faults.plan("chat.postMessage", ErrorResponse(error="restricted_action"), times=20)
    await stage.slack.wait_for_message(stage.slack.channels.dm, lambda message: "/suggest last" in join_text(message))


@pytest.mark.parametrize(
    ("error", "times"), [("view_too_large", 1), ("hash_conflict", 2), ("invalid_arguments", 1), ("as_yet_unknown", 1)]
)
async def test_whatever_slack_says_to_a_modal_the_replies_come(stage: Stage, error: str, times: int) -> None:
    """And the modal says where they are."""
    stage.slack.faults.plan("views.update", ErrorResponse(error=error), times=times)
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    shown = await stage.candidates()
    assert len(list_button_values(shown.blocks, "use_candidate")) == 3
    await stage.slack.wait_for_view(stage.agent, lambda view: "separate messages" in join_text(view))


@pytest.mark.parametrize("chinese", [False, True])
async def test_ten_long_replies_fit_a_modal(stage_with: StageMaker, *, chinese: bool) -> None:
    async with stage_with(suggest_candidates=10) as stage:
        script(stage, 10, chinese=chinese)
        await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
        view = await stage.slack.wait_for_view(
            stage.agent, lambda view: len(list_button_values(view.blocks, "use_candidate")) == 10
        )
        assert "Drafting…" not in join_text(view)
        assert not stage.slack.journal.refusals()


async def test_ten_long_replies_to_a_command_come_by_its_own_way(stage_with: StageMaker) -> None:
    async with stage_with(suggest_candidates=10) as stage:
        texts = script(stage, 10)
        await stage.suggest("Where is my order?")
        await stage.private("dismiss_request")
        shown = stage.slack.ephemerals(stage.agent)
        assert set(texts) <= {text for message in shown for text in list_texts(message.blocks)}
        assert len([value for message in shown for value in list_button_values(message.blocks, "use_candidate")]) == 10
        assert not stage.slack.journal.refusals()


def test_halves_are_cut_behind_buttons() -> None:
    """Until one block is left, whose text is cut; what cannot be cut is given back as nothing."""
    [text] = build_rich_texts("word " * 200)
    actions = {"type": "actions", "elements": []}
    whole = messages.BlockMessage(text="t", blocks=(text, text, actions, text, actions))
    first, second = messages.halve(whole)
    assert (first.blocks, second.blocks) == ((text, text, actions), (text, actions))
    parts = messages.halve(messages.BlockMessage(text="t", blocks=(text,)))
    assert "".join(text for part in parts for text in list_texts(part.blocks)).split() == ("word " * 200).split()
    assert messages.halve(messages.BlockMessage(text="t", blocks=(actions,))) == ()


def test_the_playground_counts_json_as_well_as_text() -> None:
    assert not exceed_message_limits([{"type": "section", "text": {"type": "plain_text", "text": "x" * 3_000}}])
    assert exceed_message_limits([{"type": "section", "text": {"type": "plain_text", "text": "x" * 3_000}}] * 5)
    button = {"type": "button", "action_id": "a", "value": "v" * 2_000, "text": {"type": "plain_text", "text": "x"}}
    assert exceed_message_limits([{"type": "actions", "elements": [button]}] * 7)

"""A thread that has moved on since drafting: the agent is asked before a reply is sent, and nothing is lost."""

import json
from typing import Any

import pytest

from playground import Ephemeral, ErrorResponse, MalformedResponse, Message, NoResponse, RateLimited, ServerError, View
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import open_modal, wait_for_full_modal, wait_for_modal, write_thread


def write_as_customer(stage: Stage, thread: Message) -> Message:
    """The customer writes once more."""
    return stage.slack.write(
        stage.slack.people.stranger, stage.slack.channels.support, "Forget it, it has come!", thread_ts=thread.thread_ts
    )


async def mention_and_wait(stage: Stage, thread: Message) -> Ephemeral:
    """Candidates by a mention in the thread."""
    stage.slack.write(
        stage.agent, stage.slack.channels.support, f"<@{stage.slack.bot_user_id}>", thread_ts=thread.thread_ts
    )
    shown = await stage.candidates()
    await stage.slack.wait_until_idle()
    return shown


def list_posted(stage: Stage) -> list[str]:
    return stage.replies()


@pytest.mark.parametrize("over", ["http", "socket"])
async def test_use_asks_first_and_sends_it_anyway(stage_with: StageMaker, over: str) -> None:
    """The warning stands in the place of the candidates, with the reply; recorded, with how many messages are new."""
    async with stage_with(over=over) as stage:
        thread = write_thread(stage)
        shown = await mention_and_wait(stage, thread)
        write_as_customer(stage, thread)
        chosen = list_button_values(shown.blocks, "use_candidate")[1]
        await stage.slack.click(stage.agent, shown, "use_candidate", value=chosen)
        warned = await stage.private("There is one new message in this thread")
        assert (warned.ts, list_posted(stage)) == (shown.ts, [])
        await stage.slack.click(stage.agent, warned, "use_anyway")
        await stage.private("✓ Sent in")
        line = await stage.logged("shown", "stale_warned", "used", "sent")
        [event] = (event for event in line["events"] if event["type"] == "stale_warned")
        assert event["data"] == {"newer": 1}
        assert event["candidate_id"] == line["choice"]["candidate_id"] == chosen
        assert list_posted(stage) == [line["choice"]["final_text"]]


async def test_draft_anew_reads_the_thread_again(stage: Stage) -> None:
    """The new candidates know what was said, and are fresh."""
    thread = write_thread(stage)
    shown = await mention_and_wait(stage, thread)
    write_as_customer(stage, thread)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.slack.click(stage.agent, await stage.private("use_anyway"), "redraft_request")
    again = await stage.candidates()
    [_, child] = await stage.log()
    assert child["request"]["conversation"][-1] == {"role": "customer", "text": "Forget it, it has come!"}
    assert "Forget it, it has come!" in stage.model.calls[-1].prompt
    await stage.slack.click(stage.agent, again, "use_candidate")
    await stage.private("✓ Sent in")
    await stage.logged("shown", "used", "sent")


async def test_in_a_modal(stage: Stage) -> None:
    """Asked in the modal, where the candidates were."""
    thread = write_thread(stage)
    view = await open_modal(stage, thread)
    for _ in range(2):
        write_as_customer(stage, thread)
    await stage.slack.click(stage.agent, view, "use_candidate")
    warned = await wait_for_modal(stage, "There are 2 new messages in this thread")
    await stage.slack.click(stage.agent, warned, "use_anyway")
    await wait_for_modal(stage, "✓ Sent in")
    assert len(list_posted(stage)) == 1


@pytest.mark.parametrize("surface", ["modal", "message"])
async def test_the_editor_asks_and_keeps_what_was_typed(stage: Stage, surface: str) -> None:
    """Submitted again as it is, it is sent; the first submission, delivered twice, is only asked about."""
    thread = write_thread(stage)
    shown: View | Ephemeral = await (
        open_modal(stage, thread) if surface == "modal" else mention_and_wait(stage, thread)
    )
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    editor = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "edit_reply")
    write_as_customer(stage, thread)
    outcome = await stage.slack.submit(stage.agent, editor, {"reply": {"text": "My own words."}})
    warned = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "edit_reply_anyway")
    assert "There is one new message" in json.dumps(warned.blocks)
    assert [block["type"] for block in warned.blocks] == ["section", "rich_text", "input"]
    assert warned.blocks[1]["elements"] == editor.blocks[0]["elements"], "the customer's message"
    assert warned.blocks[-1]["element"]["initial_value"] == "My own words."
    assert (await stage.slack.dispatch(outcome.dispatch)).body["view"]["callback_id"] == "edit_reply_anyway"
    assert list_posted(stage) == []
    warned = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "edit_reply_anyway")
    await stage.slack.submit(stage.agent, warned)
    await stage.logged("shown", "edit_opened", "stale_warned", "edited", "sent")
    assert list_posted(stage) == ["My own words."]


async def test_a_colleague_who_was_faster(stage: Stage) -> None:
    """Their reply, posted by us, is what is new in the thread: the customer gets no second one unasked."""
    thread, colleague = write_thread(stage), stage.slack.people.colleague
    shown = await mention_and_wait(stage, thread)
    stage.slack.write(
        colleague, stage.slack.channels.support, f"<@{stage.slack.bot_user_id}>", thread_ts=thread.thread_ts
    )
    theirs = await stage.candidates(user=colleague)
    await stage.private("has just asked for replies to the same message")
    await stage.private("a moment ago", user=colleague)
    await stage.slack.click(colleague, theirs, "use_candidate")
    await stage.private("✓ Sent in", user=colleague)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("There is one new message in this thread")
    assert len(list_posted(stage)) == 1


async def test_what_is_not_said_is_nothing_new(stage: Stage) -> None:
    """Another mention of the bot, a reply of our own that was taken back: the conversation is where it was."""
    thread = write_thread(stage)
    shown = await mention_and_wait(stage, thread)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.slack.click(stage.agent, await stage.private("undo_choice"), "undo_choice")
    again = await stage.private("Undone")
    stage.slack.write(
        stage.agent, stage.slack.channels.support, f"<@{stage.slack.bot_user_id}> help", thread_ts=thread.thread_ts
    )
    await stage.slack.click(stage.agent, again, "use_candidate")
    await stage.private("✓ Sent in")
    assert len(list_posted(stage)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        NoResponse(),
        ServerError(),
        MalformedResponse(body='{"ok": true, "messages": [{"ts": "soon"}]}', content_type="application/json"),
        ErrorResponse(error="thread_not_found"),
        RateLimited(retry_after=30),
    ],
)
async def test_a_look_that_fails_holds_no_reply_up(stage: Stage, fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In time for Slack's three seconds; the agent is told that nobody looked."""
    monkeypatch.setattr("handlers.slack.threads.LOOK_LIMIT_S", 0.7)
    thread = write_thread(stage)
    shown = await mention_and_wait(stage, thread)
    write_as_customer(stage, thread)
    stage.slack.faults.plan("conversations.replies", fault)
    outcome = await stage.slack.click(stage.agent, shown, "use_candidate")
    assert outcome.acknowledged
    await stage.private("Slack could not say whether there are newer messages")
    line = await stage.logged("shown", "used", "sent")
    assert list_posted(stage) == [line["choice"]["final_text"]]


async def test_a_thread_that_was_never_read_is_not_looked_at(stage: Stage) -> None:
    """Without the scope the agent was told so when the replies were drafted; they are not told at each click."""
    thread = write_thread(stage)
    stage.slack.faults.plan("conversations.replies", ErrorResponse(error="missing_scope"))
    view = await open_modal(stage, thread)
    write_as_customer(stage, thread)
    await stage.slack.click(stage.agent, view, "use_candidate")
    told = await wait_for_modal(stage, "✓ Sent in")
    assert "did not say" not in json.dumps(told.blocks)
    assert len(stage.slack.journal.calls("conversations.replies")) == 1


async def test_others_made_of_one_know_what_was_said_meanwhile(stage: Stage) -> None:
    """A wish for a shorter one is one for the conversation as it is now."""
    thread = write_thread(stage)
    shown = await mention_and_wait(stage, thread)
    write_as_customer(stage, thread)
    menu = next(
        element
        for block in shown.blocks
        for element in block.get("elements", ())
        if element.get("action_id") == "steer_candidate"
    )
    await stage.slack.select(stage.agent, shown, "steer_candidate", menu["options"][0]["value"])
    await stage.private("Made from one reply")
    assert "Forget it, it has come!" in stage.model.calls[-1].prompt


async def test_the_customer_stays_the_one_whom_the_agent_pointed_at(stage: Stage) -> None:
    """Also where it is a colleague, and somebody else began the thread: when it is read anew, too."""
    slack = stage.slack
    first = slack.write(slack.people.admin, slack.channels.support, "The printer is out of paper.")
    question = slack.write(slack.people.colleague, slack.channels.support, "And the scanner?", thread_ts=first.ts)
    view = await open_modal(stage, question)
    slack.write(slack.people.colleague, slack.channels.support, "It blinks.", thread_ts=first.ts)
    await slack.click(stage.agent, view, "redraft_request")
    await wait_for_modal(stage, "Drafting")
    await wait_for_full_modal(stage)
    parent, child = await stage.log()
    roles = [("agent", "The printer is out of paper."), ("customer", "And the scanner?"), ("customer", "It blinks.")]
    told = [[(turn["role"], turn["text"]) for turn in line["request"]["conversation"]] for line in (parent, child)]
    assert told == [roles[:2], roles]

"""Direct messages as Slack's agent view has them: in threads, with the bot at work, prompts and a greeting."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from playground import Channel, ErrorResponse, Message, ServerError
from tests.conftest import Stage
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import join_text


async def wait_for_replies(stage: Stage, *, count: int = 3, but: str = "") -> Message:
    """The newest message in the direct message that has all replies."""
    return await stage.slack.wait_for_message(
        stage.slack.channels.dm,
        lambda message: message.ts != but and len(list_button_values(message.blocks, "use_candidate")) == count,
        within=120,
    )


def statuses(stage: Stage) -> list[str]:
    return [call["status"] for call in stage.slack.journal.calls("agents.sessions.setStatus")]


async def wait_for_statuses(stage: Stage, *expected: str) -> None:
    await stage.slack.wait_until(lambda: statuses(stage) == list(expected), within=120)


async def test_a_direct_message_is_answered_in_its_thread_with_the_bot_at_work(stage: Stage) -> None:
    asked = stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    shown = await wait_for_replies(stage)
    assert shown.thread_ts == asked.ts
    await wait_for_statuses(stage, "processing", "active")
    assert stage.slack.state.sessions == {(asked.channel_id, asked.ts): "active"}
    await stage.slack.click(stage.agent, shown, "redraft_request")
    await stage.slack.wait_until(lambda: statuses(stage) == ["processing", "active"] * 2, within=120)
    line = await stage.logged("shown")
    assert line["request"]["thread_ts"] == asked.ts


async def test_what_follows_in_a_thread_is_answered_there(stage: Stage) -> None:
    direct = stage.slack.channels.dm
    first = stage.slack.write(stage.agent, direct, "Where is my order?")
    shown = await wait_for_replies(stage)
    stage.slack.write(stage.agent, direct, "And where is the other one?", thread_ts=first.ts)
    again = await wait_for_replies(stage, but=shown.ts)
    assert again.thread_ts == first.ts
    stage.slack.write(stage.agent, direct, "help", thread_ts=first.ts)
    told = await stage.slack.wait_for_message(direct, lambda message: "Send me a customer" in join_text(message))
    assert told.thread_ts == first.ts


async def test_what_a_message_does_not_take_follows_in_its_thread(stage: Stage) -> None:
    stage.slack.faults.plan("chat.update", ErrorResponse(error="message_not_found"), times=20)
    asked = stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    assert (await wait_for_replies(stage)).thread_ts == asked.ts


@pytest.mark.parametrize("fault", [ErrorResponse(error="feature_disabled"), ServerError()])
async def test_a_status_that_slack_does_not_take_costs_nothing(stage: Stage, fault: Any) -> None:
    stage.slack.faults.plan("agents.sessions.setStatus", fault, times=9)
    stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    shown = await wait_for_replies(stage)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.logged("shown", "used")
    assert set(statuses(stage)) == {"processing"}


async def wait_for_calls(stage: Stage, method: str, count: int) -> None:
    async with asyncio.timeout(120):
        while True:
            if len(stage.slack.journal.calls(method)) >= count:
                return
            await asyncio.sleep(0.02)


async def open_messages(stage: Stage, direct: Channel) -> list[Message]:
    """Open the tab with messages, and return those that the bot has written, once the prompts are there."""
    before = len(stage.slack.journal.calls("conversations.history"))
    assert await stage.slack.open_home(stage.agent, tab="messages")
    await wait_for_calls(stage, "conversations.history", before + 1)
    return [message for message in stage.slack.messages(direct) if message.user_id == stage.slack.bot_user_id]


async def test_who_opens_the_messages_first_is_greeted_once(stage: Stage) -> None:
    direct = stage.slack.state.open_direct_channel(stage.agent.id)
    await open_messages(stage, direct)
    greeting = await stage.slack.wait_for_message(direct, lambda message: "Hello!" in join_text(message))
    assert greeting.thread_ts is None
    assert [prompt["message"] for prompt in stage.slack.state.prompts[direct.id]][1] == "help"
    async with stage.bot():
        assert await open_messages(stage, direct) == [greeting]
    assert stage.slack.home(stage.agent) is None


async def test_a_first_opening_that_is_delivered_twice_greets_once(stage: Stage) -> None:
    direct = stage.slack.state.open_direct_channel(stage.agent.id)
    outcome = await stage.slack.open_home(stage.agent, tab="messages")
    assert outcome is not None
    await stage.slack.dispatch_twice(outcome.dispatch)
    await stage.slack.wait_for_message(direct, lambda message: "Hello!" in join_text(message))
    await wait_for_calls(stage, "conversations.history", 3)
    assert [join_text(message).count("Hello!") for message in stage.slack.messages(direct)] == [1]


async def test_where_something_was_written_nobody_is_greeted(stage: Stage) -> None:
    direct = stage.slack.channels.dm
    stage.slack.write(stage.agent, direct, "help")
    told = await stage.slack.wait_for_message(direct, lambda message: "Send me a customer" in join_text(message))
    assert await open_messages(stage, direct) == [told]


async def test_a_prompt_is_answered(stage: Stage) -> None:
    direct = stage.slack.channels.dm
    await open_messages(stage, direct)
    await stage.slack.wait_until(lambda: direct.id in stage.slack.state.prompts, within=120)
    example = stage.slack.state.prompts[direct.id][0]["message"]
    stage.slack.write(stage.agent, direct, example)
    await wait_for_replies(stage)
    assert (await stage.logged("shown"))["request"]["hint"] == "apologise, be brief"


async def test_a_guest_who_opens_the_messages_gets_no_prompts(stage: Stage) -> None:
    guest = stage.slack.people.guest
    assert await stage.slack.open_home(guest, tab="messages")
    await stage.slack.wait_until_idle()
    await open_messages(stage, stage.slack.channels.dm)
    assert stage.slack.state.open_direct_channel(guest.id).id not in stage.slack.state.prompts


async def test_an_app_without_the_agent_view_answers_all_the_same(stage: Stage) -> None:
    stage.slack.state.config = replace(stage.slack.config, is_agent=False)
    await open_messages(stage, stage.slack.channels.dm)
    asked = stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    assert (await wait_for_replies(stage)).thread_ts == asked.ts
    assert stage.slack.state.prompts == {}

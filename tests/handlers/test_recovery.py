"""A bot that dies without a word, and the next one: every agent answered or told, nothing lost, nothing doubled."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from bot.operations.recovery import Recoverer
from cli import lifecycle
from handlers.background_tasks import BackgroundTasks
from handlers.slack.ephemeral import EphemeralMessages
from playground import RESPONSE_URL, Ephemeral, ErrorResponse, NoResponse, RateLimited
from playground.model_server import Call, Hang
from storage.engine.database import Database
from storage.errors import DatabaseUnavailable
from storage.repositories.requests import Requests
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.storage.stores import PostgresDatabases

LONG_AGO = "2026-01-01T00:00:00.000Z"


@pytest.fixture(autouse=True)
def without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bot here dies at the end of its block as a killed process does: nothing is finished, nobody told."""

    async def cut_off(tasks: BackgroundTasks, _limit_s: float) -> None:
        for task in tuple(tasks._running):
            task.cancel()
        await asyncio.gather(*tuple(tasks._running), return_exceptions=True)

    async def no_word(_self: Recoverer) -> None:
        """Killed."""

    monkeypatch.setattr(lifecycle, "_drain", cut_off)
    monkeypatch.setattr(Recoverer, "leave", no_word)


@pytest.fixture
async def stage(stage_with: StageMaker) -> AsyncIterator[Stage]:
    """A workspace, a model and a database, without a bot."""
    async with stage_with(over="nothing") as made:
        yield made


async def change(stage: Stage, statement: str) -> None:
    database = Database(stage.database_url)
    async with database.write() as connection:
        await connection.execute(text(statement))
    await database.aclose()


async def rows(stage: Stage, query: str) -> Sequence[Any]:
    database = Database(stage.database_url)
    try:
        async with database.read() as connection:
            return (await connection.execute(text(query))).all()
    finally:
        await database.aclose()


async def wait_for_row(stage: Stage, query: str) -> None:
    """Until the bot has committed what this finds."""
    async with asyncio.timeout(120):
        while not await rows(stage, query):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.01)


async def wait_until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not holds():  # noqa: ASYNC110 - logs and journals tell nobody
            await asyncio.sleep(0.01)


def list_candidate_messages(stage: Stage) -> list[Ephemeral]:
    """The private messages with candidates that the agent has."""
    return [message for message in stage.slack.ephemerals(stage.agent) if "use_candidate" in json.dumps(message.blocks)]


async def kill_while_drafting(stage: Stage) -> None:
    """A bot took the command, and died while the model wrote."""
    stage.model.script(lambda _: Hang())
    async with stage.bot():
        await stage.suggest("Where is my order?")
        await stage.model.wait_calls(3)
    await stage.model.wait_idle()
    stage.model.reset()
    assert list_candidate_messages(stage) == []


async def kill_while_calling(stage: Stage, method: str, action: str, *, first: str | None = None) -> None:
    """A bot died while this call to Slack, which follows from this click, was on its way."""
    async with stage.bot():
        shown = await stage.suggested()
        if first is not None:
            await stage.slack.click(stage.agent, shown, first)
            shown = await stage.private("Sent in")
        stage.slack.faults.plan(method, NoResponse())
        before = len(stage.slack.journal.calls(method))
        await stage.slack.click(stage.agent, shown, action)
        await wait_until(lambda: len(stage.slack.journal.calls(method)) > before)
    stage.slack.faults.clear()


# --- requests -----------------------------------------------------------------------------------------------


async def test_what_was_asked_is_drafted_and_shown_once_through_the_commands_own_way_back(stage: Stage) -> None:
    await kill_while_drafting(stage)
    async with stage.bot():
        await stage.candidates()
        [line] = [await stage.logged("shown")]
        assert len(line["candidates"]) == 3
        assert stage.slack.journal.calls("chat.postEphemeral") == []
    async with stage.bot():
        assert len(list_candidate_messages(stage)) == 1
        assert len(await stage.log()) == 1


async def test_where_the_way_back_is_used_up_the_answer_is_ephemeral(stage: Stage) -> None:
    await kill_while_drafting(stage)
    await change(stage, f"UPDATE requests SET response_url_expires_at = '{LONG_AGO}'")
    async with stage.bot():
        await stage.candidates()
        await stage.logged("shown")
    assert len(stage.slack.journal.calls("chat.postEphemeral")) == 1
    assert len(list_candidate_messages(stage)) == 1


async def test_where_that_is_refused_too_it_is_a_direct_message(stage: Stage) -> None:
    await kill_while_drafting(stage)
    await change(stage, f"UPDATE requests SET response_url_expires_at = '{LONG_AGO}'")
    stage.slack.faults.plan("chat.postEphemeral", ErrorResponse(error="user_not_in_channel"))
    async with stage.bot():
        direct = stage.slack.state.open_direct_channel(stage.agent.id)
        message = await stage.slack.wait_for_message(direct)
        await stage.logged("shown")
    assert len(list_button_values(message.blocks, "use_candidate")) == 3
    assert len(stage.slack.messages(direct)) == 1
    assert list_candidate_messages(stage) == []


async def test_what_was_drafted_and_not_shown_is_shown_once_in_the_same_order(stage: Stage) -> None:
    stage.slack.faults.plan(RESPONSE_URL, NoResponse())
    async with stage.bot():
        await stage.suggest("Where is my order?")
        await wait_for_row(stage, "SELECT 1 FROM requests WHERE handed_at IS NOT NULL")
    stage.slack.faults.clear()
    [before] = await stage.log()
    assert before["request"]["status"] == "drafting"
    async with stage.bot():
        shown = await stage.candidates()
        after = await stage.logged("shown")
    placed = sorted(before["candidates"], key=lambda candidate: candidate["position"])
    assert list_button_values(shown.blocks, "use_candidate") == [candidate["id"] for candidate in placed]
    assert [candidate["position"] for candidate in after["candidates"]] == [
        candidate["position"] for candidate in before["candidates"]
    ]
    assert len(list_candidate_messages(stage)) == 1
    assert stage.model.total == 3


async def test_what_is_too_old_expires_and_shows_nothing(stage: Stage) -> None:
    await kill_while_drafting(stage)
    calls = stage.model.total
    await change(stage, f"UPDATE requests SET created_at = '{LONG_AGO}'")
    async with stage.bot():
        line = await stage.logged("expired")
    assert line["request"]["status"] == "expired"
    assert list_candidate_messages(stage) == []
    assert stage.model.total == calls


async def test_orphans_of_a_terminal_are_left_alone(stage: Stage) -> None:
    await kill_while_drafting(stage)
    await change(stage, "UPDATE requests SET surface = 'cli'")
    calls = stage.model.total
    async with stage.bot():
        await stage.suggested("Another one")
        await stage.logged("shown")
    first, _ = await stage.log()
    assert (first["request"]["status"], first["candidates"]) == ("drafting", [])
    assert stage.model.total == calls + 3


async def test_a_redraft_taken_over_knows_its_parents_texts(stage: Stage) -> None:
    async with stage.bot():
        shown = await stage.suggested()
        [parent] = await stage.log()
        stage.model.script(lambda _: Hang())
        await stage.slack.click(stage.agent, shown, "redraft_request")
        await stage.model.wait_calls(6)
    await stage.model.wait_idle()
    prompts: list[str] = []

    def note(call: Call) -> str:
        prompts.append(json.dumps(call.messages, ensure_ascii=False))
        return f"Another reply, number {len(prompts)} of them."

    stage.model.script(note)
    async with stage.bot():
        await stage.logged("shown")
    texts = [json.dumps(candidate["text"], ensure_ascii=False)[1:-1] for candidate in parent["candidates"]]
    assert len(prompts) == 3
    assert all(words in prompt for words in texts for prompt in prompts)


async def test_a_database_away_for_longer_than_patience_lasts_is_told_and_the_replies_come_when_it_is_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was drafted meanwhile is kept: the model is not asked again."""

    async def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("connection refused")

    monkeypatch.setattr("bot.operations.write_buffer.AGAIN_AFTER_S", 0.0)
    monkeypatch.setattr(lifecycle, "HEARTBEAT_S", 0.05)
    async with stage.bot():
        with monkeypatch.context() as gone:
            gone.setattr(Requests, "record_drafts", away)
            await stage.suggest("Where is my order?")
            await stage.private("when it is back")
        shown = await stage.candidates()
        await stage.slack.click(stage.agent, shown, "use_candidate")
        await stage.logged("shown", "used", "sent")
    assert stage.model.total == 3


# --- replies ------------------------------------------------------------------------------------------------


async def test_a_reply_that_waits_is_posted_once_and_confirmed(stage: Stage) -> None:
    async with stage.bot():
        shown = await stage.suggested()
        stage.slack.faults.plan("chat.postMessage", RateLimited(retry_after=600))
        await stage.slack.click(stage.agent, shown, "use_candidate")
        await wait_for_row(stage, "SELECT 1 FROM deliveries WHERE state = 'pending' AND attempts = 1")
        assert stage.replies() == []
    async with stage.bot():
        await stage.private("Sent in")
        line = await stage.logged("shown", "used", "sent")
        assert stage.replies() == [line["choice"]["final_text"]]
    async with stage.bot():
        assert len(stage.replies()) == 1


async def test_a_reply_that_was_on_its_way_is_told_and_never_posted_by_itself(stage: Stage) -> None:
    await kill_while_calling(stage, "chat.postMessage", "use_candidate")
    for _ in range(2):
        async with stage.bot():
            await stage.private("may have been posted already")
            assert [row.state for row in await rows(stage, "SELECT state FROM deliveries")] == ["unknown"]
    assert stage.replies() == []
    async with stage.bot():
        told = await stage.private("post_reply")
        await stage.slack.click(stage.agent, told, "post_reply")
        await stage.private("Sent in")
    assert len(stage.replies()) == 1


async def test_an_agent_who_was_not_told_that_the_reply_stands_is_told_after_the_restart(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the post is recorded, before the confirmation: it comes once, with its Undo."""

    async def dies(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    async with stage.bot():
        shown = await stage.suggested()
        with monkeypatch.context() as dying:
            dying.setattr(EphemeralMessages, "show", dies)
            await stage.slack.click(stage.agent, shown, "use_candidate")
            await wait_for_row(stage, "SELECT 1 FROM deliveries WHERE state = 'done'")
    assert list_candidate_messages(stage), "still buttons"
    async with stage.bot():
        confirmed = await stage.private("Sent in")
        assert "undo_choice" in json.dumps(confirmed.blocks)
        await wait_for_row(stage, "SELECT 1 FROM deliveries WHERE owner IS NULL")
    before = len(stage.slack.ephemerals(stage.agent))
    async with stage.bot():
        assert (len(stage.replies()), len(stage.slack.ephemerals(stage.agent))) == (1, before)


@pytest.mark.parametrize("action", ["use_candidate", "dismiss_request"])
async def test_a_confirmation_that_was_lost_comes_with_the_next_click(
    stage_with: StageMaker, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is clicked then: what was decided stands, and can be undone."""

    async def dies(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    async with stage_with(suggest_on_use="copy") as stage:
        shown = await stage.suggested()
        with monkeypatch.context() as dying:
            dying.setattr(EphemeralMessages, "show", dies)
            await stage.slack.click(stage.agent, shown, action)
            await stage.logged("shown", "used" if action == "use_candidate" else "dismissed")
        for clicked in ("use_candidate", "edit_candidate", "dismiss_request"):
            await stage.slack.click(stage.agent, shown, clicked)
            await stage.private("undo_choice")
            await stage.private("closed already")
            for message in stage.slack.ephemerals(stage.agent):
                stage.slack.state.delete_ephemeral(message)
        [line] = await stage.log()
        assert [event["type"] for event in line["events"]] == ["shown", line["choice"]["kind"]]


async def test_what_was_taken_back_and_not_deleted_is_deleted(stage: Stage) -> None:
    await kill_while_calling(stage, "chat.delete", "undo_choice", first="use_candidate")
    assert len(stage.replies()) == 1
    async with stage.bot():
        await stage.slack.wait_until(lambda: stage.replies() == [])
        async with asyncio.timeout(120):
            while await rows(stage, "SELECT * FROM deliveries"):  # noqa: ASYNC110 - another connection's commit
                await asyncio.sleep(0.02)


# --- several replicas ----------------------------------------------------------------------------------------


@pytest.fixture
async def shared(stage_with: StageMaker, postgresql: PostgresDatabases) -> AsyncIterator[Stage]:
    """As `stage`, on PostgreSQL."""
    async with stage_with(over="nothing", suggest_database_url=postgresql.empty()) as made:
        yield made


async def test_a_living_replica_takes_over_from_one_that_was_killed(
    shared: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "HEARTBEAT_S", 0.05)
    async with shared.bot():
        await kill_while_drafting(shared)
        [line] = await shared.log()
        assert line["candidates"] == []
        # Half a minute later nobody has heard of the dead one: its orphan is whatever the living does not own.
        await change(
            shared,
            f"UPDATE replicas SET seen_at = '{LONG_AGO}' WHERE id IN (SELECT owner FROM requests)",
        )
        await shared.candidates()
        await shared.logged("shown")
    assert len(list_candidate_messages(shared)) == 1
    assert len(await shared.log()) == 1


async def test_a_replica_that_was_only_slow_loses_its_claim_and_shows_nothing(
    shared: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answered = asyncio.Event()

    async def slow(_: Call) -> str:
        await answered.wait()
        return "Too late."

    shared.model.script(slow)
    async with shared.bot():
        await shared.suggest("Where is my order?")
        await shared.model.wait_calls(3)
        shared.model.reset()
        monkeypatch.setattr(lifecycle, "HEARTBEAT_S", 0.05)
        await change(shared, f"UPDATE replicas SET seen_at = '{LONG_AGO}'")
        async with shared.bot():
            await shared.candidates()
            line = await shared.logged("shown")
            answered.set()
            await shared.model.wait_idle()
            await wait_until(lambda: "another replica has it now" in caplog.text)
    assert len(list_candidate_messages(shared)) == 1
    assert await shared.log() == [line]
    assert "Too late." not in json.dumps(line)


# --- surfaces that fill in place ----------------------------------------------------------------------------


async def test_what_was_drafted_in_a_modal_is_shown_privately_in_the_thread(stage: Stage) -> None:
    """The modal stands still; what was visible keeps its place, the rest is drafted, all of it is shown."""
    from tests.handlers.test_surfaces import Gates, wait_for_full_modal, write_thread

    last = write_thread(stage)
    gates = Gates(stage)
    async with stage.bot():
        await stage.slack.run_message_shortcut(stage.agent, last, "suggest_replies")
        await gates.ready()
        gates.open(1)
        modal = await wait_for_full_modal(stage, 1)
        await wait_for_row(stage, "SELECT 1 FROM candidates WHERE shown_at IS NOT NULL")
    await stage.model.wait_idle()
    stage.model.reset()
    async with stage.bot():
        shown = await stage.candidates()
        line = await stage.logged("shown")
        assert shown.thread_ts == last.thread_ts
        assert set(list_button_values(modal.blocks, "use_candidate")) < set(
            list_button_values(shown.blocks, "use_candidate")
        )
        assert sorted(candidate["position"] for candidate in line["candidates"]) == [1, 2, 3]
        assert line["request"]["status"] == "shown"
        await stage.slack.click(stage.agent, modal, "use_candidate")
        await stage.slack.wait_for_view(stage.agent, lambda view: "Sent in" in json.dumps(view.blocks))


async def test_a_thread_that_was_not_read_yet_is_read_then(stage: Stage) -> None:
    from tests.handlers.test_surfaces import write_thread

    last = write_thread(stage)
    stage.slack.faults.plan("conversations.replies", NoResponse())
    async with stage.bot():
        await stage.slack.run_message_shortcut(stage.agent, last, "suggest_replies")
        await wait_until(lambda: bool(stage.slack.journal.calls("conversations.replies")))
    stage.slack.faults.clear()
    async with stage.bot():
        shown = await stage.candidates()
        assert shown.thread_ts == last.thread_ts
        roles = [turn["role"] for turn in (await stage.logged("shown"))["request"]["conversation"]]
        assert roles == ["customer", "agent", "customer"]


async def test_a_mention_whose_thread_was_not_read_yet_is_read_then(stage: Stage) -> None:
    from tests.handlers.test_surfaces import mention, write_thread

    last = write_thread(stage)
    stage.slack.faults.plan("conversations.replies", NoResponse())
    async with stage.bot():
        mention(stage, last.thread_ts)
        await wait_until(lambda: bool(stage.slack.journal.calls("conversations.replies")))
    stage.slack.faults.clear()
    async with stage.bot():
        shown = await stage.candidates()
        assert shown.thread_ts == last.thread_ts
        assert len((await stage.logged("shown"))["request"]["conversation"]) == 3

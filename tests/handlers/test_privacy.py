"""A customer's data on its way through the bot: hidden from the model, shown to the agent, gone from the disk."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest

from playground.model_server import Call
from storage.engine.database import get_database_file
from tests.conftest import Stage, StageMaker

EMAIL = "jane.doe@example.com"
PHONE = "+44 20 7946 0958"
MESSAGE = f"I am {EMAIL}, please call {PHONE}."


def echo(call: Call) -> str:
    """A model that uses what it was given, in one draft with a placeholder of its own making."""
    style = call.prompt.rpartition('<style name="')[2].partition('"')[0]
    return f"{style}: we write to [email 1] or ring [PHONE_1]." + (" Dear [NAME]!" if "direct" in style else "")


def find_files_with(stage: Stage, needle: str) -> list[str]:
    """The files of the database in which these bytes stand."""
    file = get_database_file(stage.database_url)
    return [path.name for path in sorted(file.parent.glob(f"{file.name}*")) if needle.encode() in path.read_bytes()]


async def wait_until_wiped(stage: Stage, needle: str) -> None:
    """Wait until no file of the database has these bytes any more, while the bot runs."""
    async with asyncio.timeout(120):
        while True:
            if not find_files_with(stage, needle):
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("key", [None, "k" * 32])
async def test_a_customers_data(stage_with: StageMaker, key: str | None) -> None:
    async with stage_with(suggest_secret_key=key) as stage:
        stage.model.script(echo)
        shown = await stage.suggested(MESSAGE)
        assert EMAIL not in str([call.prompt for call in stage.model.calls])
        assert PHONE not in str([call.prompt for call in stage.model.calls])
        assert "I am [EMAIL_1], please call [PHONE_1]." in stage.model.calls[0].prompt
        seen = json.dumps(shown.blocks)
        assert f"we write to {EMAIL} or ring {PHONE}." in seen
        assert "[EMAIL_1]" not in seen
        assert bool(find_files_with(stage, EMAIL)) == (key is None)
        await stage.slack.click(stage.agent, shown, "use_candidate")
        confirmation = await stage.private("Sent in")
        assert PHONE in stage.replies()[0]
        await wait_until_wiped(stage, EMAIL)
        await wait_until_wiped(stage, PHONE)
        [line] = await stage.log()
        assert EMAIL not in json.dumps(line)
        await stage.slack.click(stage.agent, confirmation, "undo_choice")
        reopened = await stage.private("Undone")
        assert f"we write to {EMAIL} or ring {PHONE}." in json.dumps(reopened.blocks)
        await stage.slack.click(stage.agent, reopened, "dismiss_request")
        dismissed = await stage.private("None of these: noted")
        await stage.slack.select(stage.agent, dismissed, "dismiss_reason", "wrong_tone")
        noted = await stage.private("Thank you. Your reason is noted")
        await wait_until_wiped(stage, EMAIL)
        await stage.slack.click(stage.agent, noted, "undo_choice")
        await stage.slack.wait_for_ephemeral(
            stage.agent, lambda message: message.ts == noted.ts and EMAIL in json.dumps(message.blocks)
        )
        assert not stage.slack.journal.refusals()


async def test_a_placeholder_that_nobody_knows_is_told(stage: Stage) -> None:
    stage.model.script(lambda _: "Dear [NAME], we write to [EMAIL_7].")
    shown = await stage.suggested(MESSAGE)
    assert "Before you send, replace [EMAIL_7] [NAME]: this bot does not know what belongs there." in json.dumps(
        shown.blocks
    )


async def test_redrafts_and_the_last_request_again_have_the_originals(stage: Stage) -> None:
    stage.model.script(echo)
    shown = await stage.suggested(MESSAGE)
    await stage.slack.click(stage.agent, shown, "redraft_request")
    await stage.model.wait_calls(6)
    assert EMAIL not in str([call.prompt for call in stage.model.calls])
    assert "we write to [EMAIL_1] or ring [PHONE_1]." in stage.model.calls[-1].prompt
    await stage.slack.wait_until_idle()
    await stage.private(f"we write to {EMAIL}")
    stage.slack.reload(stage.agent)
    await stage.suggest("last")
    assert f"we write to {EMAIL}" in json.dumps((await stage.candidates()).blocks)


async def test_the_editor_has_the_originals(stage: Stage) -> None:
    stage.model.script(echo)
    shown = await stage.suggested(MESSAGE)
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    view = await stage.slack.wait_for_view(stage.agent)
    assert EMAIL in json.dumps(view.blocks)


async def test_with_no_texts_kept_undo_without_its_key_says_so(stage_with: StageMaker) -> None:
    async with stage_with(suggest_store_text="off", suggest_on_use="copy") as stage:
        shown = await stage.suggested("Where is my parcel?")
        await stage.slack.click(stage.agent, shown, "use_candidate")
        confirmation = await stage.private("to copy")
        with closing(sqlite3.connect(get_database_file(stage.database_url))) as database, database:
            database.execute("DELETE FROM vault")
        await stage.slack.click(stage.agent, confirmation, "undo_choice")
        await stage.private("These replies have expired")

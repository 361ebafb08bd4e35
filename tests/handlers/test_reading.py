"""What an agent does with a reply before deciding: has it translated for their own eyes, copies its text."""

import asyncio
import json
from typing import Any

import pytest

from bot.suggesting import limits
from playground import Ephemeral, ErrorResponse, Message, ServerError, View
from playground.model_server import Call, Reply, bad_request
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import open_modal
from tests.shown import list_texts

GERMAN = (
    "Ihre Lampe ist auf dem Weg. Wir schreiben an [EMAIL_1].",
    "Guten Tag, das Paket kommt am Freitag. Alles Weitere steht bald in Ihrem Postfach [EMAIL_1].",
    "Bitte nennen Sie uns die Bestellnummer, dann sehen wir nach, liebe Kundin [EMAIL_1].",
)
PAULA = "paula@example.com"

Shown = Ephemeral | Message | View


def is_translation(call: Call) -> bool:
    return "<translation>" in call.prompt


def write_german(stage: Stage, *, translated: Any = "Hello, your lamp is on its way. We write to [EMAIL_1].") -> None:
    """A model that answers in German, and translates into English."""
    stage.model.answer_when(is_translation, translated)
    stage.model.script(lambda call: GERMAN[call.index % len(GERMAN)])


async def ask(stage: Stage, surface: str) -> Shown:
    """Ask in German; what shows the replies when all are there."""
    asked = f"Wo ist meine Lampe? {PAULA}"
    if surface == "modal":
        return await open_modal(
            stage, stage.slack.write(stage.slack.people.stranger, stage.slack.channels.support, asked)
        )
    if surface == "slash":
        return await stage.suggested(asked)
    stage.slack.write(stage.agent, stage.slack.channels.dm, asked)
    return await stage.slack.wait_for_message(
        stage.slack.channels.dm, lambda each: len(list_button_values(each.blocks, "use_candidate")) == 3
    )


async def wait_for_translation(stage: Stage, needle: str) -> View:
    return await stage.slack.wait_for_view(
        stage.agent, lambda view: view.callback_id == "translation" and needle in json.dumps(view.blocks)
    )


async def log_event(stage: Stage, kind: str) -> dict[str, Any]:
    """The newest event of this type, as soon as it is recorded."""
    async with asyncio.timeout(120):
        while True:
            lines = await stage.log()
            if found := [event for event in lines[-1]["events"] if event["type"] == kind]:
                event: dict[str, Any] = found[-1]
                return event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kept", ["redacted", "full", "off"])
@pytest.mark.parametrize("surface", ["slash", "modal", "dm"])
async def test_a_reply_is_translated_for_the_agents_eyes(stage_with: StageMaker, surface: str, kept: str) -> None:
    """The original under it; the model sees no personal data, nothing is posted, and the request stays open."""
    async with stage_with(suggest_store_text=kept) as stage:
        write_german(stage)
        shown = await ask(stage, surface)
        [candidate_id, *_] = list_button_values(shown.blocks, "translate_candidate")
        await stage.slack.click(stage.agent, shown, "translate_candidate", value=candidate_id)
        view = await wait_for_translation(stage, "on its way")
        translation, original = list_texts(view.blocks)
        assert translation == f"Hello, your lamp is on its way. We write to {PAULA}."
        assert original.replace(PAULA, "[EMAIL_1]") in GERMAN
        assert PAULA in original
        assert "this is never sent" in json.dumps(view.blocks)
        [call] = [call for call in stage.model.calls if is_translation(call)]
        assert "English" in call.prompt
        assert PAULA not in str(call.body)
        event = await log_event(stage, "translated")
        assert (event["candidate_id"], event["data"]["language"], event["data"]["error"]) == (candidate_id, "en", None)
        assert event["data"]["prompt_tokens"] > 0
        [line] = await stage.log()
        assert (line["choice"], line["request"]["status"], stage.replies()) == (None, "shown", [])
        await stage.slack.click(stage.agent, shown, "use_candidate", value=candidate_id)
        assert not stage.slack.journal.refusals()
        await stage.slack.wait_until_idle()


@pytest.mark.parametrize(
    ("locale", "texts", "offered"),
    [
        ("en-US", ["Your lamp leaves today.", "Ihre Lampe geht heute auf den Weg.", "OK."], [False, True, True]),
        ("zh-TW", ["您的檯燈今天會寄出。", "您的台灯今天会寄出。", "ランプは本日発送します。"], [False, True, True]),
        (
            "de-DE",
            ["Ihre Lampe ist auf dem Weg.", "Your lamp is on its way.", "ご連絡ありがとう。"],
            [False, True, True],
        ),
    ],
)
async def test_it_is_offered_where_the_agent_may_not_read_the_language(
    stage: Stage, locale: str, texts: list[str], offered: list[bool]
) -> None:
    agent = stage.slack.change_user(stage.agent, locale=locale)
    stage.model.enqueue(*texts)
    await stage.suggest("Hello?", user=agent)
    shown = await stage.candidates()
    foreign = list_button_values(shown.blocks, "translate_candidate")
    [line] = await stage.log()
    found = {each["text"]: each["id"] in foreign for each in line["candidates"]}
    assert [found[text] for text in texts] == offered


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (bad_request(), "This reply was not translated: request refused"),
        (Reply(text=""), "This reply was not translated: empty answer"),
        (Reply(text="Hello, your", finish_reason="length"), "Cut off"),
    ],
)
async def test_what_a_model_does_not_translate_is_said_in_the_modal(stage: Stage, answer: Any, told: str) -> None:
    """The reply stays there, and what it took is recorded."""
    write_german(stage, translated=answer)
    shown = await ask(stage, "slash")
    await stage.slack.click(stage.agent, shown, "translate_candidate")
    view = await wait_for_translation(stage, told)
    assert list_texts(view.blocks)[-1].replace(PAULA, "[EMAIL_1]") in GERMAN
    await log_event(stage, "translated")
    assert not stage.slack.journal.refusals()


async def test_translations_count_for_the_limits(stage_with: StageMaker) -> None:
    """An agent's minute, and the day's tokens; both are told in the modal, and nothing is asked of the model."""
    async with stage_with(suggest_agent_per_minute=2, suggest_tokens_per_day=100_000) as stage:
        write_german(
            stage, translated=Reply(text="Hello!", changes={"usage": {"prompt_tokens": 99_999, "completion_tokens": 9}})
        )
        shown = await ask(stage, "slash")
        first, second, *_ = list_button_values(shown.blocks, "translate_candidate")
        await stage.slack.click(stage.agent, shown, "translate_candidate", value=first)
        await wait_for_translation(stage, "Hello!")
        await stage.slack.click(stage.agent, shown, "translate_candidate", value=second)
        await wait_for_translation(stage, "Today's budget for the AI model is used up")
        assert len([call for call in stage.model.calls if is_translation(call)]) == 1
        outcome = await stage.suggest("And now?")
        assert "Today's budget" in outcome.body


async def test_translations_at_once_hold_the_days_budget(
    stage_with: StageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is tried again, if there is room for it; with the drafts, one call at most passes the budget."""
    monkeypatch.setattr(limits, "_WAIT_FOR_OTHERS_S", 120)
    usage = {"usage": {"prompt_tokens": 250, "completion_tokens": 250}}
    async with stage_with(suggest_tokens_per_day=2_000) as stage:
        write_german(stage, translated=Reply(text=None, finish_reason="length", changes=usage))
        stage.model.script(lambda call: Reply(text=GERMAN[call.index % len(GERMAN)], changes=usage))
        shown = await ask(stage, "slash")
        clicks = [
            stage.slack.click(stage.agent, shown, "translate_candidate", value=each)
            for each in list_button_values(shown.blocks, "translate_candidate")
        ]
        await asyncio.gather(*clicks)
        await wait_for_translation(stage, "Today's budget for the AI model is used up")
        assert len(stage.model.calls) == 4


async def test_an_agents_minute_has_translations_in_it(stage_with: StageMaker) -> None:
    async with stage_with(suggest_agent_per_minute=1) as stage:
        write_german(stage)
        shown = await ask(stage, "slash")
        await stage.slack.click(stage.agent, shown, "translate_candidate")
        await wait_for_translation(stage, "You have asked for many replies")
        assert not [call for call in stage.model.calls if is_translation(call)]


@pytest.mark.parametrize(
    ("method", "fault", "calls"),
    [
        ("views.open", ErrorResponse(error="expired_trigger_id"), 0),
        ("views.update", ErrorResponse(error="hash_conflict"), 1),
        ("views.update", ServerError(), 1),
    ],
)
async def test_a_translation_that_slack_does_not_show_is_said(
    stage: Stage, method: str, fault: Any, calls: int
) -> None:
    """Nothing is paid for where no modal opens."""
    write_german(stage)
    shown = await ask(stage, "slash")
    stage.slack.faults.plan(method, fault)
    await stage.slack.click(stage.agent, shown, "translate_candidate")
    await stage.private("Slack did not show the translation")
    assert len([call for call in stage.model.calls if is_translation(call)]) == calls


async def test_nobody_is_told_of_a_translation_they_closed(stage: Stage) -> None:
    write_german(stage)
    shown = await ask(stage, "slash")
    stage.slack.faults.plan("views.update", ErrorResponse(error="not_found"))
    await stage.slack.click(stage.agent, shown, "translate_candidate")
    await log_event(stage, "translated")
    await stage.slack.wait_until_idle()
    assert not [each for each in stage.slack.ephemerals(stage.agent) if "did not show" in each.text]


async def test_a_click_that_slack_delivers_twice_is_paid_for_once(stage: Stage) -> None:
    write_german(stage)
    shown = await ask(stage, "slash")
    await stage.slack.dispatch_twice(stage.slack.prepare_click(stage.agent, shown, "translate_candidate"))
    await wait_for_translation(stage, "on its way")
    await stage.slack.wait_until_idle()
    assert len([call for call in stage.model.calls if is_translation(call)]) == 1


async def test_what_is_decided_already_is_not_translated(stage: Stage) -> None:
    write_german(stage)
    shown = await ask(stage, "slash")
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    await stage.slack.click(stage.agent, shown, "translate_candidate")
    await stage.private("closed already")
    assert not [call for call in stage.model.calls if is_translation(call)]


# --- copying -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", ["slash", "modal", "dm"])
async def test_a_reply_is_there_to_copy_and_that_is_no_choice(stage: Stage, surface: str) -> None:
    """As it is, in an input; closing it by its button changes nothing, whatever was typed there."""
    write_german(stage)
    shown = await ask(stage, surface)
    candidate_id = list_button_values(shown.blocks, "copy_candidate")[1]
    await stage.slack.click(stage.agent, shown, "copy_candidate", value=candidate_id)
    view = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "copy_reply")
    [editor] = view.blocks
    text = editor["element"]["initial_value"]
    assert text.replace(PAULA, "[EMAIL_1]") in GERMAN
    assert PAULA in text
    outcome = await stage.slack.submit(stage.agent, view, {"reply": {"text": "Something else"}})
    assert outcome.acknowledged
    event = await log_event(stage, "copied")
    assert (event["candidate_id"], event["data"]) == (candidate_id, {})
    [line] = await stage.log()
    assert (line["choice"], line["request"]["status"], stage.replies()) == (None, "shown", [])
    assert not stage.slack.journal.refusals()


async def test_a_reply_too_long_for_an_input_is_there_whole(stage: Stage) -> None:
    long = " ".join(f"word{number}" for number in range(1_000))
    stage.model.enqueue(Reply(text=long, minds_max_tokens=False))
    shown = await stage.suggested()
    [folded] = list_button_values(shown.blocks, "show_candidate")
    await stage.slack.click(stage.agent, shown, "copy_candidate", value=folded)
    view = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "copy_reply")
    assert list_texts(view.blocks) == [long]


async def test_where_the_text_to_copy_does_not_open_the_agent_is_told(stage: Stage) -> None:
    shown = await stage.suggested()
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
    await stage.slack.click(stage.agent, shown, "copy_candidate")
    await stage.private("press Copy again")

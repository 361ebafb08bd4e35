"""The menu beside each candidate, from the click to the new candidates in the place of the old ones."""

import re
from dataclasses import replace
from typing import Any, get_args

import pytest

from playground import Dispatch, Ephemeral, ErrorResponse, Message, View
from playground.model_server import Reply
from storage.records import Steer
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import open_modal, wait_for_modal
from tests.shown import list_texts, read


def menus(shown: Ephemeral | Message | View) -> list[dict[str, Any]]:
    elements = [element for block in shown.blocks for element in block.get("elements", ())]
    return [element for element in elements if element.get("action_id") == "steer_candidate"]


def ids(shown: Ephemeral | Message | View) -> list[str]:
    return [menu["options"][0]["value"].partition(":")[2] for menu in menus(shown)]


async def choose(stage: Stage, shown: Ephemeral | Message | View, steer: str, *, of: int = 0) -> str:
    """Choose in the menu of a candidate; its id."""
    candidate_id = ids(shown)[of]
    block = next(
        block
        for block in shown.blocks
        if any(candidate_id in str(element.get("options")) for element in block.get("elements", ()))
    )
    await stage.slack.select(
        stage.agent, shown, "steer_candidate", f"{steer}:{candidate_id}", block_id=block["block_id"]
    )
    return candidate_id


def read_base(shown: Ephemeral | Message | View) -> str:
    """The reply under the line that names the change."""
    [index] = [number for number, block in enumerate(shown.blocks) if "Made from one reply" in str(block)]
    assert [block["type"] for block in shown.blocks[index : index + 3]] == ["context", "rich_text", "divider"]
    return "".join(map(read, shown.blocks[index + 1]["elements"]))


async def wait_for_others(stage: Stage, shown: Ephemeral) -> Ephemeral:
    """The next candidates."""
    return await stage.slack.wait_for_ephemeral(
        stage.agent, lambda message: bool(ids(message)) and not set(ids(message)) & set(ids(shown))
    )


@pytest.mark.parametrize("steer", sorted(set(get_args(Steer)) - {"other_language"}))
async def test_others_are_made_of_one(stage: Stage, steer: str) -> None:
    """In the place of the first ones; linked to the request and to the candidate; its text is what the model gets."""
    shown = await stage.suggested("Where is my order? // be brief")
    candidate_id = await choose(stage, shown, steer, of=1)
    again = await wait_for_others(stage, shown)
    assert again.ts == shown.ts
    parent, child = await stage.log()
    assert (parent["request"]["status"], parent["choice"]) == ("redrafted", None)
    assert [each["candidate_id"] for each in parent["events"] if each["type"] == "redrafted"] == [candidate_id]
    request = child["request"]
    assert (request["parent_request_id"], request["parent_candidate_id"]) == (parent["request"]["id"], candidate_id)
    assert (request["steer"], request["steer_language"], request["hint"]) == (steer, None, "be brief")
    base = next(each["text"] for each in parent["candidates"] if each["id"] == candidate_id)
    assert read_base(again) == base
    for call in stage.model.calls[3:]:
        assert f'<base>\n"{base}"\n</base>' in call.prompt
    await stage.slack.click(stage.agent, again, "use_candidate")
    await stage.slack.click(stage.agent, await stage.private("Sent in"), "undo_choice")
    assert read_base(await stage.private("Undone")) == base


@pytest.mark.parametrize("over", ["http", "socket"])
async def test_in_another_language(stage_with: StageMaker, over: str) -> None:
    """Asked which one in a modal of its own; the candidates come in the place of the first ones."""
    async with stage_with(over=over) as stage:
        shown = await stage.suggested()
        candidate_id = await choose(stage, shown, "other_language")
        view = await stage.slack.wait_for_view(stage.agent)
        assert (view.title, view.private_metadata) == ("Another language", candidate_id)
        await stage.slack.submit(stage.agent, view, {"language": {"language": "ja"}})
        again = await wait_for_others(stage, shown)
        assert (again.ts, "日本語" in str(again.blocks)) == (shown.ts, True)
        _, child = await stage.log()
        assert (child["request"]["steer"], child["request"]["steer_language"]) == ("other_language", "ja")
        assert "Write it in Japanese." in stage.model.calls[-1].prompt


async def test_in_the_customers_own_language(stage: Stage) -> None:
    """What the modal offers first: one press of Enter."""
    shown = await stage.suggested("Wo ist mein Paket?")
    await choose(stage, shown, "other_language")
    await stage.slack.submit(stage.agent, await stage.slack.wait_for_view(stage.agent))
    again = await wait_for_others(stage, shown)
    assert "The customer's language" in str(again.blocks)
    assert "in the language of the customer's last message. Keep" in stage.model.calls[-1].prompt


async def test_the_choice_of_languages_does_not_open(stage: Stage) -> None:
    """Told so; the request stays open, and nothing is drafted."""
    shown = await stage.suggested()
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
    await choose(stage, shown, "other_language")
    await stage.private("Slack did not open the choice of languages")
    [line] = await stage.log()
    assert line["request"]["status"] == "shown"


async def test_a_request_that_is_closed_meanwhile(stage: Stage) -> None:
    """Said in the modal; nothing more is drafted."""
    shown = await stage.suggested()
    await choose(stage, shown, "other_language")
    view = await stage.slack.wait_for_view(stage.agent)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    outcome = await stage.slack.submit(stage.agent, view)
    assert "closed already" in outcome.body["errors"]["language"]
    await choose(stage, shown, "shorter")
    await stage.private("closed already")
    assert stage.model.total == 3


@pytest.mark.parametrize("value", ["shorter", "louder:x", "", ":"])
async def test_a_wish_that_nobody_offers(stage: Stage, value: str) -> None:
    """A forged value changes nothing."""
    shown = await stage.suggested()
    elements = [{**menus(shown)[0], "options": [{**menus(shown)[0]["options"][0], "value": value}]}]
    forged = replace(shown, blocks=({"type": "actions", "block_id": "b", "elements": elements},))
    await stage.slack.select(stage.agent, forged, "steer_candidate", value)
    await stage.slack.wait_for_ephemeral(
        stage.agent, lambda message: "does not" in message.text or "no longer be found" in message.text
    )
    line = await stage.logged("shown")
    assert (line["request"]["status"], stage.model.total) == ("shown", 3)


async def test_a_language_that_nobody_offers(stage: Stage) -> None:
    """Acknowledged, and nothing more."""
    shown = await stage.suggested()
    await choose(stage, shown, "other_language")
    view = await stage.slack.wait_for_view(stage.agent)
    option = {"text": {"type": "plain_text", "text": "Klingon"}, "value": "tlh"}
    values = {"language": {"language": {"type": "static_select", "selected_option": option}}}
    payload = stage.slack.payloads.build_view_submission(stage.agent, view, values)
    forged = Dispatch(kind="interactive", name="x", payload=payload, user_id=stage.agent.id, view_id=view.id)
    assert (await stage.slack.dispatch(forged)).acknowledged
    assert len(await stage.log()) == 1


async def test_in_a_modal(stage: Stage) -> None:
    """In the same modal; the choice of a language stands over it, and goes."""
    view = await open_modal(stage)
    await choose(stage, view, "warmer")
    again = await stage.slack.wait_for_view(
        stage.agent, lambda shown: len(ids(shown)) == 3 and not set(ids(shown)) & set(ids(view))
    )
    assert again.id == view.id
    assert read_base(again) == list_texts(view.blocks)[0]
    candidate_id = await choose(stage, again, "other_language")
    languages = await stage.slack.wait_for_view(stage.agent, lambda shown: shown.callback_id == "steer_language")
    assert languages.previous_id == view.id
    await stage.slack.submit(stage.agent, languages, {"language": {"language": "fr"}})
    french = await stage.slack.wait_for_view(
        stage.agent,
        lambda shown: len(ids(shown)) == 3 and candidate_id not in ids(shown) and "Fran" in str(shown.blocks),
    )
    assert (french.id, len(stage.slack.open_views(stage.agent))) == (view.id, 1)
    await stage.slack.click(stage.agent, french, "use_candidate")
    await wait_for_modal(stage, "Sent in")
    assert [line["request"]["steer"] for line in await stage.log()] == [None, "warmer", "other_language"]


async def test_in_a_direct_message(stage: Stage) -> None:
    """In the same message of ours."""
    stage.slack.write(stage.agent, stage.slack.channels.dm, "Where is my order?")
    shown = await stage.slack.wait_for_message(stage.slack.channels.dm, lambda message: len(ids(message)) == 3)
    await choose(stage, shown, "shorter")
    again = await stage.slack.wait_for_message(
        stage.slack.channels.dm, lambda message: len(ids(message)) == 3 and not set(ids(message)) & set(ids(shown))
    )
    assert again.ts == shown.ts
    assert "Made from one reply: Shorter" in str(again.blocks)
    assert read_base(again) == list_texts(shown.blocks)[0]


async def test_the_reply_before_is_cut_where_it_is_long(stage: Stage) -> None:
    """And is gone where others are drafted without it."""
    long = " ".join(f"word{number}" for number in range(1_000))
    stage.model.enqueue(Reply(text=long, minds_max_tokens=False))
    shown = await stage.suggested()
    [candidate_id] = list_button_values(shown.blocks, "show_candidate")
    await choose(stage, shown, "shorter", of=ids(shown).index(candidate_id))
    again = await wait_for_others(stage, shown)
    base = read_base(again)
    assert long.startswith(base.removesuffix("…"))
    assert 600 < len(base) <= 1_201
    await stage.slack.click(stage.agent, again, "redraft_request")
    assert base[:100] not in str((await wait_for_others(stage, again)).blocks)


@pytest.mark.parametrize("kept", ["off", "redacted", "full"])
async def test_whatever_is_kept_of_texts(stage_with: StageMaker, kept: str) -> None:
    """The reply to begin with is there, with the customer's address as little in it as in the conversation."""
    async with stage_with(suggest_store_text=kept) as stage:
        stage.model.script(lambda call: f"We write to {_placeholder(call.prompt)} in style {call.prompt[-500:-100]!r}.")
        shown = await stage.suggested("Write to paula@example.com, please.")
        assert "paula@example.com in style" in str(shown.blocks)
        await choose(stage, shown, "more_formal")
        again = await wait_for_others(stage, shown)
        assert "paula@example.com" in "".join(list_texts(again.blocks)[1:])
        assert "We write to paula@example.com in style" in read_base(again)
        await stage.suggest("last")
        last = await stage.slack.wait_for_ephemeral(
            stage.agent, lambda message: message.ts != again.ts and ids(message) == ids(again)
        )
        assert read_base(last) == read_base(again)
        assert '<base>\n"We write to' in stage.model.calls[-1].prompt
        assert not [call for call in stage.model.calls if "paula@example.com" in call.prompt]


def _placeholder(prompt: str) -> str:
    found = re.search(r"Write to (\S+), please", prompt)
    assert found
    return found[1]

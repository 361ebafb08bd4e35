"""One set on one screen: what stands between candidates, what is folded, what a decision is answered with."""

import json
import re

import pytest

from playground import Ephemeral, ErrorResponse, View
from playground.model_server import Reply
from playground.slack.mentions import find_mentions
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import open_modal, wait_for_modal
from tests.shown import list_texts, read

LETTER = "Dear Paula <!channel>,\n\nyour parcel leaves our house tomorrow, and comes on Friday at the latest."


@pytest.mark.parametrize("fault", [None, "message_not_found", "fatal_error"])
async def test_the_confirmation_says_where_the_reply_is_and_how_it_begins(stage: Stage, fault: str | None) -> None:
    """With a link to it, where Slack gives one; nobody is pinged by what it begins with."""
    if fault is not None:
        stage.slack.faults.plan("chat.getPermalink", ErrorResponse(error=fault), times=5)
    stage.model.script(lambda call: f"{LETTER} {call.index}")
    await stage.slack.click(stage.agent, await stage.suggested(), "use_candidate")
    told = await stage.private("undo_choice")
    assert told.text.startswith(
        f"✓ Sent in <#{stage.slack.channels.support.id}>: “Dear Paula &lt;!channel&gt;, your parcel leaves our house"
    )
    assert not find_mentions(told)
    posted = stage.slack.messages(stage.slack.channels.support)[-1]
    links = re.findall(r"<(https?://[^|]+)\|Show the message>", told.text)
    assert links == ([f"{stage.slack.url}/archives/{posted.channel_id}/p{posted.ts.replace('.', '')}"] * (not fault))


async def test_lines_stand_between_candidates(stage: Stage) -> None:
    shown = await stage.suggested()
    kinds = [block["type"] for block in shown.blocks]
    assert kinds[0] == "rich_text", "the customer's message"
    titles = 0
    for index, block in enumerate(shown.blocks):
        if re.search(r"Reply \d ·", json.dumps(block, ensure_ascii=False)):
            assert kinds[index - 1] == "divider"
            titles += 1
    assert (titles, kinds.count("divider")) == (3, 3 + 1)


@pytest.mark.parametrize("surface", ["slash", "modal"])
async def test_a_long_reply_is_folded_and_opens_whole_beside_the_others(stage: Stage, surface: str) -> None:
    """Its first part stays where it is; that it was opened is recorded, and Use sends all of it."""
    long = " ".join(f"word{number}" for number in range(1_000))
    stage.model.enqueue(Reply(text=long, minds_max_tokens=False))
    shown = await (stage.suggested() if surface == "slash" else open_modal(stage))
    [folded] = list_button_values(shown.blocks, "show_candidate")
    assert len(list_button_values(shown.blocks, "use_candidate")) == 3
    [head] = [text for text in list_texts(shown.blocks) if long.startswith(text)]
    assert len(head) <= 1_200
    await stage.slack.click(stage.agent, shown, "show_candidate")
    whole = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "whole_reply")
    assert "".join(list_texts(whole.blocks)) == long
    await stage.slack.click(stage.agent, shown, "use_candidate", value=folded)
    line = await stage.logged("shown", "expanded", "used", "sent")
    assert line["choice"]["final_text"] == long
    assert [event["candidate_id"] for event in line["events"][1:3]] == [folded, folded]


async def test_where_the_whole_text_does_not_open_the_agent_is_told(stage: Stage) -> None:
    stage.model.enqueue(Reply(text="word " * 1_000, minds_max_tokens=False))
    shown = await stage.suggested()
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
    await stage.slack.click(stage.agent, shown, "show_candidate")
    await stage.private("press Show all again")


@pytest.mark.parametrize("length", [1, 200])
async def test_the_editor_shows_what_the_customer_wrote(stage: Stage, length: int) -> None:
    """With what personal data stands in it; its beginning where it is long."""
    asked = "My parcel for paula@example.com broke.\nWhat now? " * length
    shown = await stage.suggested(asked)
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    view = await stage.slack.wait_for_view(stage.agent)
    [quote] = [block for block in view.blocks if block["type"] == "rich_text"]
    read_text = "".join(map(read, quote["elements"])).removeprefix("For: ")
    assert asked.startswith(read_text.removesuffix("…"))
    assert (len(read_text) < 1_300, read_text.endswith("…")) == (True, length > 1)
    assert "paula@example.com" in read_text


# --- another reason ------------------------------------------------------------------------------------


async def choose_another_reason(stage: Stage, shown: Ephemeral | View) -> View:
    """Dismiss all for a reason that the select does not have; the field for it."""
    await stage.slack.click(stage.agent, shown, "dismiss_request")
    asked = await (wait_for_modal(stage, "noted") if isinstance(shown, View) else stage.private("dismiss_reason"))
    await stage.slack.select(stage.agent, asked, "dismiss_reason", "other")
    return await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "other_reason")


@pytest.mark.parametrize(
    ("kept", "note"),
    [("redacted", "Ask [EMAIL_2] first, says [EMAIL_1]."), ("full", "Ask bob@example.com first, says [EMAIL_1].")],
)
async def test_another_reason_is_kept_in_the_agents_words(stage_with: StageMaker, kept: str, note: str) -> None:
    """In the form in which texts are kept; an address in it has a number of its own."""
    async with stage_with(suggest_store_text=kept) as stage:
        view = await choose_another_reason(stage, await stage.suggested("Write to paula@example.com, please."))
        await stage.private("Your reason is noted")
        await stage.slack.submit(
            stage.agent, view, {"reason": {"text": " Ask bob@example.com first, says [EMAIL_1].\n"}}
        )
        line = await stage.logged("shown", "dismissed", "reason_given", "reason_given")
        assert (line["choice"]["reason"], line["choice"]["note"]) == ("other", note)
        assert {str(event["data"]) for event in line["events"][2:]} == {"{'reason': 'other'}"}
        assert not stage.slack.open_views(stage.agent)
        assert not stage.slack.journal.refusals()


async def test_another_reason_stands_over_the_modal_with_the_replies(stage: Stage) -> None:
    shown = await open_modal(stage)
    view = await choose_another_reason(stage, shown)
    assert view.previous_id == shown.id
    await wait_for_modal(stage, "Your reason is noted")
    await stage.slack.submit(stage.agent, view, {"reason": {"text": "We say you, not Sir."}})
    line = await stage.logged("shown", "dismissed", "reason_given", "reason_given")
    assert line["choice"]["note"] == "We say you, not Sir."
    assert [each.id for each in stage.slack.open_views(stage.agent)] == [shown.id]


async def test_white_space_is_no_reason(stage: Stage) -> None:
    view = await choose_another_reason(stage, await stage.suggested())
    outcome = await stage.slack.submit(stage.agent, view, {"reason": {"text": " \n "}})
    assert not outcome.body
    line = await stage.logged("shown", "dismissed", "reason_given")
    assert (line["choice"]["reason"], line["choice"].get("note")) == ("other", None)


async def test_a_reason_for_what_is_undone_meanwhile_stays_in_the_field(stage: Stage) -> None:
    view = await choose_another_reason(stage, await stage.suggested())
    await stage.slack.click(stage.agent, await stage.private("Your reason is noted"), "undo_choice")
    await stage.private("Undone")
    outcome = await stage.slack.submit(stage.agent, view, {"reason": {"text": "Too long."}})
    assert "closed already" in outcome.body["errors"]["reason"]
    assert stage.slack.open_views(stage.agent)


async def test_where_the_field_does_not_open_the_reason_is_noted_without_words(stage: Stage) -> None:
    await stage.slack.click(stage.agent, await stage.suggested(), "dismiss_request")
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
    await stage.slack.select(stage.agent, await stage.private("dismiss_reason"), "dismiss_reason", "other")
    await stage.private("“Another reason” is noted without them")
    await stage.private("Your reason is noted")
    assert (await stage.logged("shown", "dismissed", "reason_given"))["choice"]["reason"] == "other"


async def test_no_words_are_asked_for_where_none_are_kept(stage_with: StageMaker) -> None:
    async with stage_with(suggest_store_text="off") as stage:
        await stage.slack.click(stage.agent, await stage.suggested(), "dismiss_request")
        await stage.slack.select(stage.agent, await stage.private("dismiss_reason"), "dismiss_reason", "other")
        await stage.private("Your reason is noted")
        assert not stage.slack.open_views(stage.agent)


async def test_slack_is_asked_once_a_channel_for_links(stage: Stage) -> None:
    for number in ("First", "Second"):
        stage.model.script(lambda call, number=number: f"{number}: {LETTER} {call.index}")
        await stage.slack.click(stage.agent, await stage.suggested(f"{number} question"), "use_candidate")
        told = await stage.private(f"“{number}")
        posted = stage.slack.messages(stage.slack.channels.support)[-1]
        assert f"<{stage.slack.url}/archives/{posted.channel_id}/p{posted.ts.replace('.', '')}|" in told.text
    assert len(stage.slack.journal.calls("chat.getPermalink")) == 1

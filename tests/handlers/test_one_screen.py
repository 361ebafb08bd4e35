"""One set on one screen: what stands between candidates, what is folded, what a decision is answered with."""

import json
import re

import pytest

from playground import ErrorResponse
from playground.model_server import Reply
from playground.slack.mentions import find_mentions
from tests.conftest import Stage
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import open_modal
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

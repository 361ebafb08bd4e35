"""One set on one screen: what stands between candidates, what is folded, what a decision is answered with."""

import json
import re

import pytest

from playground import ErrorResponse
from playground.slack.mentions import find_mentions
from tests.conftest import Stage

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
    for index, block in enumerate(shown.blocks):
        if re.search(r"Reply \d ·", json.dumps(block)):
            assert kinds[index - 1] == "divider"
    assert kinds.count("divider") == 3 + 1

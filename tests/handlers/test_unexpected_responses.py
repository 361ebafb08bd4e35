"""Answers that are not Slack's: a proxy's page, a body cut off. Whatever they hide, nothing is posted twice."""

import json

import pytest

from playground import RESPONSE_URL, MalformedResponse
from playground.model_server import Reply
from tests.conftest import Stage, StageMaker

ODD = [
    pytest.param(MalformedResponse(body='{"ok": tr', content_type="application/json"), id="cut off"),
    pytest.param(MalformedResponse(body="[]", content_type="application/json"), id="a list"),
    pytest.param(MalformedResponse(body="null", content_type="application/json"), id="null"),
    pytest.param(MalformedResponse(body='{"ok": false}', content_type="application/json"), id="no code"),
    pytest.param(MalformedResponse(body="<html>Please log in</html>"), id="a page"),
]


@pytest.mark.parametrize("odd", ODD)
async def test_a_post_that_is_answered_with_nonsense(stage: Stage, odd: MalformedResponse) -> None:
    """Unknown: it may have been posted; the agent is told, and decides."""
    stage.slack.faults.plan("chat.postMessage", odd)
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    unsure = await stage.private("this may have been posted already")
    assert "post_reply" in json.dumps(unsure.blocks)
    assert len(stage.replies()) == 1


@pytest.mark.parametrize("odd", ODD)
async def test_a_person_who_is_answered_with_nonsense(stage: Stage, odd: MalformedResponse) -> None:
    """The agent is spoken to in English, and gets replies."""
    stage.slack.faults.plan("users.info", odd)
    await stage.suggested()


@pytest.mark.parametrize("odd", ODD)
async def test_an_editor_that_is_answered_with_nonsense(stage: Stage, odd: MalformedResponse) -> None:
    """Told to press Edit again."""
    shown = await stage.suggested()
    stage.slack.faults.plan("views.open", odd)
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    await stage.private("press Edit again")


async def test_a_way_back_that_leads_to_a_page(stage: Stage) -> None:
    """HTTP 200 is what counts there: the body is Slack's own affair."""
    stage.slack.faults.plan(RESPONSE_URL, MalformedResponse(body="<html></html>"))
    await stage.suggested()


@pytest.mark.parametrize("odd", [{"a": 1}, ["x"], "stop\ud800"])
async def test_a_draft_that_says_odd_things_beside_its_text(stage: Stage, odd: object) -> None:
    """Shown with the others, and recorded."""
    changes = {"model": odd, "id": odd, "usage": odd}
    stage.model.enqueue(Reply(text="Which order is it?", changes=changes, choice_changes={"finish_reason": odd}))
    await stage.suggested()
    [line] = await stage.log()
    assert "Which order is it?" in [candidate["text"] for candidate in line["candidates"] if candidate["position"]]
    assert [candidate["error"] for candidate in line["candidates"]] == [None] * 3


@pytest.mark.parametrize("event", [None, 5, [], {}])
async def test_malformed_events_are_refused(stage: Stage, event: object) -> None:
    """Signed, but not Slack's: never a 500."""
    body = json.dumps({"type": "event_callback", "event": event}).encode()
    answer = await stage.slack.send_raw(body, content_type="application/json")
    assert answer.status == 400


@pytest.mark.parametrize("value", ["", None, 5])
async def test_a_click_without_a_value_of_ours(stage: Stage, value: object) -> None:
    """Told that it is not known; nothing changes."""
    shown = await stage.suggested()
    click = stage.slack.prepare_click(stage.agent, shown, "use_candidate")
    click.payload["actions"][0]["value"] = value
    assert (await stage.slack.dispatch(click)).acknowledged
    await stage.private("can no longer be found")


async def test_socket_mode_logs_no_payload(stage_with: StageMaker, caplog: pytest.LogCaptureFixture) -> None:
    """At debug level too, neither messages nor response_urls; cli/logs.py keeps the other libraries quiet."""
    caplog.set_level("DEBUG")
    async with stage_with(over="socket") as stage:
        await stage.suggested("a very secret message")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("slack_bolt", "handlers"))]
    assert not [text for text in ours if "very secret" in text or "response_url" in text]

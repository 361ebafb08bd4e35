"""A whole conversation with a slack_bolt app, the same over signed HTTP and over Socket Mode."""

from collections.abc import AsyncIterator

import pytest

from playground import ImpossibleAction, Workspace
from tests.playground.apps import build_bolt_app, connect_over_socket, serve_over_http


@pytest.fixture(params=[serve_over_http, connect_over_socket], ids=["http", "socket"])
async def bot(request: pytest.FixtureRequest, slack: Workspace) -> AsyncIterator[None]:
    async with request.param(slack, build_bolt_app(slack)):
        yield


@pytest.mark.usefixtures("bot")
async def test_from_command_to_posted_reply(slack: Workspace) -> None:
    agent, support = slack.people.agent, slack.channels.support
    outcome = await slack.run_command(agent, support, "/suggest", "Where is my order?")
    assert (outcome.acknowledged, outcome.error) == (True, None)
    assert [e.text for e in slack.ephemerals(agent)][-1:] == ["on their way"]
    shown = await slack.wait_for_ephemeral(agent, lambda message: bool(message.blocks))
    await slack.click(agent, shown, "use_candidate", value="c1")
    posted = await slack.wait_for_message(support)
    replaced = await slack.wait_for_ephemeral(agent, lambda message: message.text == "Used")
    assert (posted.text, replaced.ts, replaced.blocks) == ("It is on its way.", shown.ts, ())
    assert slack.ephemerals(slack.people.colleague) == []
    await slack.wait_until_idle()


@pytest.mark.usefixtures("bot")
async def test_an_edit_in_a_modal(slack: Workspace) -> None:
    agent, support = slack.people.agent, slack.channels.support
    await slack.run_command(agent, support, "/suggest", "Where is my order?")
    shown = await slack.wait_for_ephemeral(agent, lambda message: bool(message.blocks))
    await slack.click(agent, shown, "edit_candidate")
    view = await slack.wait_for_view(agent)
    refused = await slack.submit(agent, view, {"reply": {"text": "Wait!"}})
    assert refused.body == {"response_action": "errors", "errors": {"reply": "Please calm down."}}
    assert (await slack.wait_for_view(agent)).errors == (("reply", "Please calm down."),)
    with pytest.raises(ImpossibleAction, match="required"):
        await slack.submit(agent, view, {"reply": {"text": ""}})
    await slack.submit(agent, view, {"reply": {"text": "Soon."}})
    assert slack.open_views(agent) == []
    assert (await slack.wait_for_message(support, lambda message: message.text == "Soon.")).bot_id
    await slack.wait_until_idle()


@pytest.mark.usefixtures("bot")
async def test_a_mention_is_answered_in_its_thread(slack: Workspace) -> None:
    asked = slack.write(slack.people.agent, slack.channels.support, f"<@{slack.bot_user_id}> help")
    answer = await slack.wait_for_message(slack.channels.support, lambda message: message.text == "Yes?")
    assert answer.thread_ts == asked.ts
    await slack.wait_until_idle()
    told = [entry.name for entry in slack.journal.entries if entry.kind == "request" and entry.to == "bot"]
    assert told.count("event:app_mention") == 1


@pytest.mark.usefixtures("bot")
async def test_one_click_delivered_twice(slack: Workspace) -> None:
    agent = slack.people.agent
    await slack.run_command(agent, slack.channels.support, "/suggest", "Where is my order?")
    shown = await slack.wait_for_ephemeral(agent, lambda message: bool(message.blocks))
    click = slack.prepare_click(agent, shown, "use_candidate")
    outcomes = await slack.dispatch_twice(click)
    again = await slack.dispatch(click)
    assert {outcome.status for outcome in (*outcomes, again)} == {200}
    bodies = slack.journal.calls("block_actions:use_candidate")
    assert len(bodies) == 3
    assert bodies[0] is bodies[1] is bodies[2]
    await slack.wait_until(lambda: len(slack.messages(slack.channels.support)) == 3)
    await slack.wait_until_idle()


async def test_signatures_are_checked_by_the_app(slack: Workspace) -> None:
    """Bolt takes the right signature and none of the others."""
    async with serve_over_http(slack, build_bolt_app(slack)):
        body = b"command=%2Fsuggest&team_id=T0PLAYGROUND&user_id=U0AGENT&response_url=x&text="
        kinds = ("wrong", "stale", "missing")
        assert [(await slack.send_raw(body, signature=kind)).status for kind in kinds] == [401, 401, 401]
        ssl_check = await slack.send_raw(b"ssl_check=1&token=x")
        assert ssl_check.status == 200

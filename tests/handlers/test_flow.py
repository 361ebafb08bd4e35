"""Flow control: pausing, the bounded queue, fairness, and a socket that is watched."""

import asyncio
import json

import aiohttp
import pytest

from playground import ServerError
from playground.model_server import Call, build_default_text
from tests.conftest import Stage, StageMaker


async def test_an_admin_pauses_and_resumes(stage: Stage) -> None:
    """Nothing is drafted meanwhile; what is shown can still be used; who may do it is told who may."""
    shown = await stage.suggested()
    admin = stage.slack.people.admin
    assert "paused everywhere" in json.dumps((await stage.suggest("pause", user=admin)).body)
    assert "already paused" in json.dumps((await stage.suggest("pause", user=admin)).body)
    assert "An admin has paused" in json.dumps((await stage.suggest("Where is it?")).body)
    assert "Only admins" in json.dumps((await stage.suggest("resume")).body)
    await stage.slack.click(stage.agent, shown, "redraft_request")
    await stage.private("An admin has paused")
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    assert "on again" in json.dumps((await stage.suggest("resume", user=admin)).body)
    assert "already on" in json.dumps((await stage.suggest("resume", user=admin)).body)
    await stage.suggested("And now?")


async def test_an_admins_command_delivered_again_does_nothing_more(stage: Stage) -> None:
    """Not even where another has come between, or where it had changed nothing."""
    slack, admin = stage.slack, stage.slack.people.admin
    paused = await stage.suggest("pause", user=admin)
    paused_already = await stage.suggest("pause", user=admin)
    resumed = await stage.suggest("resume", user=admin)
    for outcome in (paused, paused_already):
        again = await slack.dispatch(outcome.dispatch)
        assert (again.acknowledged, again.body) == (True, None)
    await stage.suggested("Is it paused?")
    await stage.suggest("pause", user=admin)
    await slack.dispatch(resumed.dispatch)
    assert "An admin has paused" in json.dumps((await stage.suggest("Where is it?")).body)


@pytest.mark.parametrize(("text", "shown"), [("last", 1), ("Last.", 1), ("help", 2), ("", 2)])
async def test_a_subcommand_delivered_again_shows_nothing_more(stage: Stage, text: str, shown: int) -> None:
    await stage.suggested()
    before = len(stage.slack.ephemerals(stage.agent))
    outcome = await stage.suggest(text)
    await stage.slack.wait_until(lambda: len(stage.slack.ephemerals(stage.agent)) == before + shown)
    again = await stage.slack.dispatch(outcome.dispatch)
    assert (again.acknowledged, again.body) == (True, None)
    await stage.suggest("And where is the other one?")
    await stage.slack.wait_until(lambda: len(stage.slack.ephemerals(stage.agent)) >= 2 * before + shown)
    assert len(stage.slack.ephemerals(stage.agent)) == 2 * before + shown


async def test_an_export_delivered_again_opens_nothing_more(stage: Stage) -> None:
    admin = stage.slack.people.admin
    outcome = await stage.suggest("export", user=admin)
    await stage.slack.wait_for_view(admin)
    again = await stage.slack.dispatch(outcome.dispatch)
    await stage.slack.wait_until_idle()
    assert (again.acknowledged, again.body) == (True, None)
    assert len(stage.slack.journal.calls("views.open")) == 1
    assert stage.slack.ephemerals(admin) == []


async def test_named_admins_may_pause(stage_with: StageMaker) -> None:
    """SUGGEST_ADMINS, beside the workspace's own."""
    async with stage_with(suggest_admins=("U0AGENT",)) as stage:
        assert "paused everywhere" in json.dumps((await stage.suggest("pause")).body)


def hold_the_model(stage: Stage) -> asyncio.Event:
    """It answers nothing until the event is set."""
    gate = asyncio.Event()

    async def answer(call: Call) -> str:
        await gate.wait()
        return build_default_text(call.texts)

    stage.model.script(answer)
    return gate


async def test_beyond_the_queue_agents_are_told_to_come_back(stage_with: StageMaker) -> None:
    """At once, with a time; nothing is recorded; whoever waits is served."""
    async with stage_with(suggest_max_concurrency=1, suggest_candidates=5) as stage:
        gate = hold_the_model(stage)
        await stage.suggest("Who is first?")
        await until_waiting(stage, calls=4)
        outcome = await stage.suggest("And me?", user=stage.slack.people.colleague)
        assert "Busy" in json.dumps(outcome.body)
        assert "try again in" in json.dumps(outcome.body)
        assert len(await stage.log()) == 1
        gate.set()
        await stage.candidates()


async def until_waiting(stage: Stage, *, calls: int) -> None:
    """So many drafts have no slot yet."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(120):
        while True:
            async with session.get(f"http://127.0.0.1:{stage.port}/metrics") as answer:
                if f"suggest_model_calls_waiting {calls:.1f}" in await answer.text():
                    return


async def test_one_agent_does_not_starve_the_others(stage_with: StageMaker) -> None:
    """With one call in flight at a time, another agent's first draft comes in turn, not behind all of the first's."""
    async with stage_with(suggest_max_concurrency=2, suggest_candidates=3) as stage:
        gate = hold_the_model(stage)
        await stage.suggest("The first of many")
        await stage.suggest("The second of many")
        await stage.suggest("From another desk", user=stage.slack.people.colleague)
        await until_waiting(stage, calls=7)
        gate.set()
        await stage.candidates(user=stage.slack.people.colleague)
        prompts = [call.prompt for call in stage.model.calls]
        last_of_other = max(index for index, prompt in enumerate(prompts) if "From another desk" in prompt)
        assert last_of_other < len(prompts) - 1, "the colleague did not wait for everything else"


@pytest.mark.parametrize("over", ["cut", "refused"])
async def test_a_socket_that_breaks_is_opened_again(stage_with: StageMaker, over: str) -> None:
    """Also where Slack refuses the fresh URL: another one is asked for, and what comes then is answered."""
    async with stage_with(over="socket") as stage:
        await stage.suggested()
        if over == "refused":
            stage.slack.faults.refuse_sockets(1)
        stage.slack.sockets.cut()
        await stage.slack.wait_until(lambda: not stage.slack.sockets.is_connected)
        await stage.slack.wait_for_app()
        await stage.suggested("Still there?")


async def test_a_restart_of_slack_is_waited_for(stage_with: StageMaker) -> None:
    """Slack that does not answer at start-up is asked again, and nothing is refused for it."""
    async with stage_with() as stage:
        stage.slack.faults.plan("auth.test", ServerError())
        await stage.suggested()

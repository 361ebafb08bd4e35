"""Slack that fails in every way: the reply is in the conversation at most once, and the agent knows which."""

import asyncio
import json

import pytest

from playground import (
    RESPONSE_URL,
    DispatchOutcome,
    DroppedConnection,
    ErrorResponse,
    Fault,
    LostResponse,
    RateLimited,
    ServerError,
    SlowResponse,
    SpuriousServerError,
)
from tests.faults.agents import Agent
from tests.faults.bots import Scene
from tests.faults.conftest import SceneMaker, some
from tests.faults.test_killed import check_posted

FAULTS: dict[str, Fault] = {
    "429": RateLimited(retry_after=1),
    "503": ServerError(),
    "500 after all": SpuriousServerError(),
    "slow": SlowResponse(seconds=1.0),
    "dropped": DroppedConnection(),
    "answer lost": LostResponse(),
    "invalid_auth": ErrorResponse(error="invalid_auth"),
    "not_in_channel": ErrorResponse(error="not_in_channel"),
    "channel_not_found": ErrorResponse(error="channel_not_found"),
    "internal_error": ErrorResponse(error="internal_error"),
}


@pytest.mark.parametrize("name", some(FAULTS, "503", "channel_not_found"))
async def test_the_candidates_find_their_way(scenes: SceneMaker, name: str) -> None:
    """Where the response_url fails, or is used up, another way brings them; then one reply is posted."""
    async with scenes() as scene:
        await scene.start()
        agent = Agent(scene=scene)
        scene.slack.faults.plan(RESPONSE_URL, FAULTS[name])
        await agent.uses(await agent.asks())
        check_posted(scene, await scene.settle())


@pytest.mark.parametrize("name", some(FAULTS, "429", "500 after all", "answer lost", "not_in_channel"))
async def test_the_reply_is_posted_once(scenes: SceneMaker, name: str) -> None:
    """By another way where Slack refuses; by the agent's own decision where nobody knows."""
    async with scenes() as scene:
        await scene.start()
        agent = Agent(scene=scene)
        shown = await agent.asks()
        scene.slack.faults.plan("chat.postMessage", FAULTS[name])
        await agent.uses(shown)
        check_posted(scene, await scene.settle())


async def test_a_token_taken_back_in_mid_run(scenes: SceneMaker) -> None:
    """Slack takes nothing any more: the choice is recorded, and the agent gets the text to copy."""
    async with scenes() as scene:
        await scene.start()
        agent = Agent(scene=scene)
        shown = await agent.asks()
        scene.slack.faults.plan("chat.postMessage", ErrorResponse(error="invalid_auth"), times=100)
        scene.slack.faults.plan("chat.postEphemeral", ErrorResponse(error="invalid_auth"), times=100)
        scene.slack.faults.plan(RESPONSE_URL, ErrorResponse(error="used_url"), times=1)
        await agent.presses(shown, "use_candidate", done=lambda line: line["choice"] is not None)
        told = await agent.sees("was not posted")
        records = await scene.settle()
        assert scene.replies() == []
        assert records.log[0]["choice"]["final_text"] in json.dumps(told.blocks, ensure_ascii=False)
        assert [row["address"] for row in records.deliveries] == ["copy"]


async def test_every_payload_delivered_again(scenes: SceneMaker) -> None:
    """At once and later, each command, click and submission has one effect."""
    async with scenes() as scene:
        await scene.start()
        slack, agent = scene.slack, Agent(scene=scene)

        async def twice_and_later(first: asyncio.Future[tuple[DispatchOutcome, DispatchOutcome]] | object) -> None:
            one, _ = await first  # type: ignore[misc]
            again = await slack.dispatch(one.dispatch)
            assert again.acknowledged

        await twice_and_later(
            slack.dispatch_twice(slack.prepare_command(scene.agent, slack.channels.support, "/suggest", "Where is it?"))
        )
        shown = await agent.sees("use_candidate")
        await twice_and_later(slack.dispatch_twice(slack.prepare_click(scene.agent, shown, "redraft_request")))
        shown = await scene.seen(lambda: agent.other_than(shown))
        await twice_and_later(slack.dispatch_twice(slack.prepare_click(scene.agent, shown, "use_candidate")))
        confirmed = await agent.sees("undo_choice")
        await twice_and_later(slack.dispatch_twice(slack.prepare_click(scene.agent, confirmed, "undo_choice")))
        shown = await agent.sees("Undone")
        await slack.click(scene.agent, shown, "edit_candidate")
        outcome = await slack.submit(
            scene.agent, await slack.wait_for_view(scene.agent), {"reply": {"text": "It leaves today."}}
        )
        assert (await slack.dispatch(outcome.dispatch)).acknowledged
        await agent.sees("with your edit")
        records = await scene.settle()
        assert [line["request"]["status"] for line in records.log] == ["redrafted", "shown"]
        kinds = [event["type"] for event in records.log[1]["events"] if event["type"] != "shown"]
        assert kinds == ["used", "sent", "undone", "edit_opened", "edited", "sent"]
        assert scene.replies() == ["It leaves today."]


async def cut(scene: Scene) -> None:
    """The socket breaks without a word, and is there again."""
    scene.slack.sockets.cut()
    await scene.slack.wait_until(lambda: not scene.slack.sockets.is_connected)
    await scene.slack.wait_for_app()


@pytest.mark.soak
@pytest.mark.parametrize(
    "when",
    ["drafting", "after the ack", "before the ack", "refused"],
)
async def test_a_socket_cut(scenes: SceneMaker, when: str) -> None:
    """In any state: what was acknowledged is answered, what was not may be asked again, and nothing is done twice."""
    async with scenes() as scene:
        slack, agent = scene.slack, Agent(scene=scene)
        await scene.start(over="socket")
        scene.model.latency_s = 0.5
        asking = asyncio.create_task(slack.run_command(scene.agent, slack.channels.support, "/suggest", "Where is it?"))
        if when == "before the ack":
            slack.faults.plan("users.info", SlowResponse(seconds=0.5))
            await asyncio.sleep(0)
        else:
            await asking
        if when == "drafting":
            await scene.model.wait_calls(1)
        if when == "refused":
            slack.faults.refuse_sockets(2)
        await cut(scene)
        await asking
        if not (await scene.records()).log:
            await slack.run_command(scene.agent, slack.channels.support, "/suggest", "Where is it?")
        await agent.uses(await agent.sees("use_candidate"))
        records = await scene.settle()
        assert len(records.log) == 1
        check_posted(scene, records)

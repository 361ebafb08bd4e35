"""A model that fails in every way: told in words by the deadline, and Try again works once it is back."""

import pytest

from playground.model_server import (
    Answer,
    Drop,
    EndlessBody,
    Hang,
    InvalidJson,
    Redirect,
    Reply,
    TruncatedBody,
    rate_limited,
    server_error,
    unavailable,
)
from tests.faults.agents import Agent
from tests.faults.conftest import SceneMaker, some
from tests.faults.test_killed import check_all, check_posted

FAILURES: dict[str, tuple[Answer | str, str]] = {
    "429, soon": (rate_limited(retry_after_s=0.05), "rate limited"),
    "429, in an hour": (rate_limited(retry_after_s=3600), "rate limited"),
    "429": (rate_limited(retry_after_s=None), "rate limited"),
    "500": (server_error(500), "server error"),
    "503": (unavailable(), "server error"),
    "hangs": (Hang(), "timed out"),
    "half sent": (TruncatedBody(), "cannot be reached"),
    "half sent, then hangs": (TruncatedBody(then="stall"), "timed out"),
    "dropped": (Drop(), "cannot be reached"),
    "no JSON": (InvalidJson(), "unusable answer"),
    "empty": (Reply(text=""), "empty"),
    "null": (Reply(text=None), "empty"),
    "no end": (EndlessBody(), "unusable answer"),
    "sent elsewhere": (Redirect("http://127.0.0.1:1/v1/chat/completions"), "refused"),
    "an error in the choice": (Reply(text="Thank", choice_changes={"finish_reason": "error"}), "server error"),
    "a thought alone": ("<think>They are angry, admit nothing.", "empty"),
}


@pytest.mark.parametrize("name", some(FAILURES, "429, soon", "half sent, then hangs", "no JSON", "empty", "no end"))
async def test_a_model_that_fails(scenes: SceneMaker, name: str) -> None:
    """Nobody is left waiting, nothing is posted; the failed request stays in the log beside the one that worked."""
    answer, told = FAILURES[name]
    # The short one ends what hangs; a busy machine must not let it end what fails by itself.
    async with scenes(SUGGEST_DEADLINE_S="5" if told == "timed out" else "10") as scene:
        agent = Agent(scene=scene)
        scene.model.script(lambda _: answer)
        await scene.start()
        asked = await scene.slack.run_command(scene.agent, scene.slack.channels.support, "/suggest", "Where is it?")
        assert asked.acknowledged
        failed = await scene.slack.wait_for_ephemeral(
            scene.agent, lambda message: "redraft_request" in str(message.blocks)
        )
        assert told in failed.text
        scene.model.reset()
        await agent.presses(failed, "redraft_request", done=lambda line: bool(line["request"]["parent_request_id"]))
        await agent.uses(await agent.sees("use_candidate"))
        records = await scene.settle()
        assert [line["request"]["status"] for line in records.log] == ["failed", "shown"]
        check_posted(scene, records)


async def test_a_model_that_never_stops(scenes: SceneMaker) -> None:
    """A draft of a megabyte is shown in the room that there is, and can be refused."""
    async with scenes(SUGGEST_DEADLINE_S="120") as scene:
        agent = Agent(scene=scene)
        scene.model.enqueue(Reply(text="Dear customer, " * 70_000, minds_max_tokens=False, has_logprobs=False))
        await scene.start()
        await agent.asks()
        # So long a reply takes a message of its own; the button is under the last one.
        shown = await agent.sees("dismiss_request")
        await agent.presses(shown, "dismiss_request", done=lambda line: line["choice"] is not None)
        records = await scene.settle()
        check_all(scene, records)
        assert records.log[0]["choice"]["kind"] == "dismissed"
        assert scene.replies() == []

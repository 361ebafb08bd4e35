"""SIGTERM at any moment: it ends with 0 and without a traceback, and nothing that was acknowledged is lost."""

import asyncio
import os
import random
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from playground import ServerError
from playground.model_server import Hang
from tests.faults.agents import Agent, values
from tests.faults.bots import Scene, eventually
from tests.faults.conftest import SceneMaker, some
from tests.nursery import ROOT

ASKS = 6


async def ask_many(scene: Scene, count: int) -> list[str]:
    """What was acknowledged of so many commands typed at about the same time."""
    slack = scene.slack

    async def ask(text: str) -> str | None:
        await asyncio.sleep(random.random() * 0.2)
        outcome = await slack.run_command(scene.agent, slack.channels.support, "/suggest", text)
        return text if outcome.acknowledged else None

    answers = await asyncio.gather(*(ask(f"Question {n}?") for n in range(count)))
    return [text for text in answers if text]


def check_answered(scene: Scene, log: list[dict[str, Any]], asked: list[str]) -> None:
    """Every acknowledged ask is recorded once, and its candidates are before the agent."""
    recorded = Counter(line["request"]["conversation"][0]["text"] for line in log)
    assert set(asked) <= set(recorded), "acknowledged, not recorded"
    assert not recorded or set(recorded.values()) == {1}, "recorded twice"
    seen = {value for message in scene.slack.ephemerals(scene.agent) for value in values(message, "use_candidate")}
    for line in log:
        assert line["request"]["status"] == "shown"
        placed = {candidate["id"] for candidate in line["candidates"] if candidate["position"]}
        assert placed
        assert line["choice"] or placed <= seen, "never shown"


@pytest.mark.parametrize("after_s", some([0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5], 0.15))
async def test_told_to_stop_while_it_drafts(scenes: SceneMaker, after_s: float) -> None:
    """It refuses what is new, finishes what it has begun, and its successor finds nothing left over."""
    async with scenes() as scene:
        scene.model.latency_s = (0.05, 0.3)
        bot = await scene.start()
        asking = asyncio.create_task(ask_many(scene, ASKS))
        await asyncio.sleep(after_s)
        await bot.stop()
        asked = await asking
        await scene.start()
        records = await scene.settle()
        check_answered(scene, records.log, asked)


async def test_told_to_stop_while_the_model_hangs(scenes: SceneMaker) -> None:
    """What does not come by the deadline has failed, and the agent is told before it ends."""
    async with scenes(SUGGEST_DEADLINE_S="3") as scene:
        scene.model.script(lambda _: Hang())
        bot = await scene.start()
        await scene.slack.run_command(scene.agent, scene.slack.channels.support, "/suggest", "Where is it?")
        await scene.model.wait_calls(2)
        await bot.stop()
        await Agent(scene=scene).sees("timed out")


async def test_told_to_stop_while_it_starts(scenes: SceneMaker) -> None:
    """Also while it waits for Slack."""
    async with scenes() as scene:
        scene.slack.faults.plan("auth.test", ServerError(), times=1000)
        starting = asyncio.create_task(scene.start())
        await eventually(lambda: bool(scene.bots) and "Slack cannot be reached" in scene.bot.errors)
        starting.cancel()
        await asyncio.wait([starting])
        await scene.bot.stop()


async def test_the_command_itself(scenes: SceneMaker, tmp_path: Path) -> None:
    """`python -m cli serve`, with nothing of the tests in it."""
    async with scenes() as scene:
        log = tmp_path / "serve.log"
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cli", "serve", "--http", "127.0.0.1:0",
                cwd=tmp_path, env={**os.environ, **scene.settings(), "PYTHONPATH": str(ROOT)},
                stdin=asyncio.subprocess.DEVNULL, stdout=errors, stderr=errors,
            )  # fmt: skip
        try:
            found = await eventually(lambda: re.search(r"listening on (http://[^\"]+)", log.read_text()))
            scene.slack.request_url = f"{found[1]}/slack/events"
            asked = await scene.slack.run_command(scene.agent, scene.slack.channels.support, "/suggest", "Where is it?")
            assert asked.acknowledged
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 120) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert "Traceback" not in log.read_text()
        check_answered(scene, (await scene.records()).log, ["Where is it?"])

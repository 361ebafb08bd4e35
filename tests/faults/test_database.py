"""A database that takes no writes, or is gone for a while: agents are told, nothing is half recorded, work goes on."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from playground import DispatchOutcome, Timing
from playground.model_server import Hang
from tests.faults.agents import MESSAGE, Agent
from tests.faults.bots import Scene, eventually
from tests.faults.conftest import SceneMaker
from tests.faults.test_killed import check_posted
from tests.faults.test_stopping import check_answered

ROOM = 150_000


async def ask(scene: Scene, text: str = MESSAGE) -> DispatchOutcome:
    return await scene.slack.run_command(scene.agent, scene.slack.channels.support, "/suggest", text)


def is_refused(outcome: DispatchOutcome) -> bool:
    return "Nothing was recorded" in json.dumps(outcome.body)


def is_promised(outcome: DispatchOutcome) -> bool:
    return "on their way" in json.dumps(outcome.body)


async def test_a_full_disk(scenes: SceneMaker) -> None:
    """What was promised is recorded and shown, after a restart with room again; the rest was refused in words."""
    async with scenes() as scene:
        await scene.start(room=ROOM)
        promised, refused = [], 0
        for n in range(60):
            text = f"Question {n}? {'x' * 8_000}"
            outcome = await ask(scene, text)
            assert outcome.acknowledged
            if is_promised(outcome):
                promised.append(text)
            else:
                assert is_refused(outcome), outcome.body
                refused += 1
            if refused == 3:
                break
        assert promised
        assert refused
        await scene.bot.kill()
        await scene.start()
        records = await scene.settle()
        assert len(records.log) == len(promised)
        check_answered(scene, records.log, promised)


async def test_a_database_that_may_only_be_read(scenes: SceneMaker) -> None:
    """Nothing is promised, drafted or posted; when it takes writes again, the same buttons work."""
    async with scenes() as scene:
        bot = await scene.start(read_only_on_signal=True)
        agent = Agent(scene=scene)
        shown = await agent.asks()
        calls = scene.model.total
        bot.turn_read_only()
        assert is_refused(await ask(scene, "And this?"))
        await scene.slack.click(scene.agent, shown, "use_candidate")
        await agent.sees("Nothing was recorded")
        assert (scene.model.total, scene.replies()) == (calls, [])
        bot.turn_read_only()
        await agent.uses(shown)
        check_posted(scene, await scene.settle())


async def readiness(scene: Scene) -> int:
    url = str(scene.slack.request_url).replace("/slack/events", "/readyz")
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def test_postgresql_stopped_and_started_under_load(scenes: SceneMaker, postgres: Any) -> None:
    """/readyz tells; what was promised before is answered, what is asked meanwhile is refused, then all works."""
    async with scenes("postgresql") as scene:
        await scene.start()
        agent = Agent(scene=scene)
        shown = await agent.asks()
        scene.model.latency_s = (0.05, 0.5)
        early = [f"Question {n}?" for n in range(4)]
        promised = [text for text in early if is_promised(await ask(scene, text))]
        await asyncio.to_thread(postgres.stop)
        try:
            assert is_refused(await ask(scene, "And this?"))
            assert await readiness(scene) == 503
            await scene.slack.click(scene.agent, shown, "use_candidate")
            await agent.sees("Nothing was recorded")
        finally:
            await asyncio.to_thread(postgres.ensure_postgres_running)
        await _until_ready(scene)
        await agent.uses(shown)
        promised += [text for text in ["And now?"] if is_promised(await ask(scene, text))]
        assert "And now?" in promised
        records = await scene.settle()
        check_answered(scene, records.log, [*promised, MESSAGE])
        assert len(scene.replies()) == 1


def server_processes(server: Any) -> list[int]:
    """The server's own, and one for each connection and each of its duties."""
    postmaster = server.get_pid()
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="utf-8")
    return [postmaster, *map(int, children.split())]


async def test_postgresql_that_hangs(scenes: SceneMaker, postgres: Any) -> None:
    """Connections stay open, and no answer comes: the agent is told all the same, and later all works."""
    async with scenes("postgresql", timing=Timing()) as scene:
        await scene.start(has_real_limits=True)
        agent = Agent(scene=scene)
        shown = await agent.asks()
        stopped = server_processes(postgres)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert is_refused(await ask(scene, "And this?"))
            assert (await scene.slack.click(scene.agent, shown, "use_candidate")).acknowledged
            await agent.sees("Nothing was recorded")
            assert await readiness(scene) == 503
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        await _until_ready(scene)
        await agent.uses(shown)
        check_posted(scene, await scene.settle())


async def test_postgresql_that_is_not_there_yet(scenes: SceneMaker, postgres: Any) -> None:
    """The bot may start before its database: it says what it waits for, and goes on by itself."""
    async with scenes("postgresql") as scene:
        await asyncio.to_thread(postgres.stop)
        starting = asyncio.create_task(scene.start())
        try:
            await eventually(lambda: bool(scene.bots) and "trying again in" in scene.bot.errors)
            assert "Traceback" not in scene.bot.errors
        finally:
            await asyncio.to_thread(postgres.ensure_postgres_running)
        await starting
        await Agent(scene=scene).asks()
        await scene.settle()


async def _until_ready(scene: Scene) -> None:
    async with asyncio.timeout(120):
        while await readiness(scene) != 200:  # noqa: ASYNC110 - of another process, no event comes
            await asyncio.sleep(0.05)


async def test_two_replicas_get_the_same_delivery(scenes: SceneMaker) -> None:
    """One request, one choice, one reply, whichever of them is quicker."""
    async with scenes("postgresql") as scene:
        slack, agent = scene.slack, Agent(scene=scene)
        await scene.start()
        one = str(slack.request_url)
        await scene.start()
        two = str(slack.request_url)

        async def both(delivery: Any) -> None:
            slack.request_url = one
            first = asyncio.create_task(slack.dispatch(delivery))
            await asyncio.sleep(0)
            slack.request_url = two
            second = await slack.dispatch(delivery)
            assert (await first).acknowledged
            assert second.acknowledged

        await both(slack.prepare_command(scene.agent, slack.channels.support, "/suggest", MESSAGE))
        shown = await agent.sees("use_candidate")
        await both(slack.prepare_click(scene.agent, shown, "use_candidate"))
        await agent.sees("✓ Sent")
        await scene.bots[0].stop()
        check_posted(scene, await scene.settle())


async def test_a_replica_killed_under_load(scenes: SceneMaker) -> None:
    """The other one answers all that was promised, once."""
    async with scenes("postgresql") as scene:
        slack = scene.slack
        scene.model.latency_s = (0.2, 0.6)
        await scene.start()
        one = str(slack.request_url)
        await scene.start()
        two = str(slack.request_url)
        promised = []
        for n in range(10):
            slack.request_url = one if n % 2 else two
            if is_promised(await ask(scene, f"Question {n}?")):
                promised.append(f"Question {n}?")
        await scene.bots[0].kill()
        slack.request_url = two
        records = await scene.settle()
        assert len(promised) == 10
        check_answered(scene, records.log, promised)


@pytest.mark.soak
async def test_a_dead_replicas_work_is_taken_over_within_a_minute(scenes: SceneMaker) -> None:
    """With the heartbeats of every day: whoever waits has the replies in less than 60 seconds."""
    async with scenes("postgresql") as scene:
        slack = scene.slack
        await scene.start(heartbeat_s=None)
        one = str(slack.request_url)
        await scene.start(heartbeat_s=None)
        two, slack.request_url = str(slack.request_url), one
        scene.model.script(lambda _: Hang())
        assert is_promised(await ask(scene, "Question?"))
        await scene.model.wait_calls(2)
        slack.request_url = two
        await scene.bots[0].kill()
        killed = time.monotonic()
        scene.model.reset()
        await slack.wait_for_ephemeral(scene.agent, lambda m: "use_candidate" in json.dumps(m.blocks))
        sys.stderr.write(f"\ntaken over and answered {time.monotonic() - killed:.1f} s after the death\n")
        check_answered(scene, (await scene.settle()).log, ["Question?"])

"""A long run with faults sprinkled over it: nothing is lost, and what the process holds does not grow."""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from playground import RESPONSE_URL, RateLimited, ServerError, User
from playground.model_server import Drop, Hang, InvalidJson, Reply, build_default_text, rate_limited, server_error
from tests.faults.agents import values
from tests.faults.bots import Scene
from tests.faults.conftest import SceneMaker

SUGGESTIONS = int(os.environ.get("SOAK_SUGGESTIONS", "20000"))
RATE_A_S = float(os.environ.get("SOAK_RATE", "25"))
SAMPLES = 40
WARM_UP = 0.25
SETTLED_AFTER_S = 12.0
"""Waits that Slack asked for are over by then."""

KIB_A_THOUSAND = 2_048
"""Of growth, per thousand suggestions, above which memory is not flat."""


def held(pid: int) -> dict[str, int]:
    """Resident KiB, threads, open files and sockets of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    files = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return {
        "kib": int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "files": len(files),
        "sockets": sum(name.startswith("socket:") for name in files),
    }


async def tasks_of(scene: Scene) -> int:
    """Tasks of the bot's event loop, as its /metrics tells."""
    url = str(scene.slack.request_url).replace("/slack/events", "/metrics")
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        [line] = [line for line in (await answer.text()).splitlines() if line.startswith("suggest_tasks ")]
    return int(float(line.split()[1]))


def slope(samples: list[tuple[int, int]]) -> float:
    """Least squares: growth for each thousand suggestions."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    over = sum((x - mean_x) * (y - mean_y) for x, y in samples)
    return 1000 * over / sum((x - mean_x) ** 2 for x, _ in samples)


def sprinkle(scene: Scene, chance: random.Random) -> None:
    """Faults for about one call in a hundred."""

    def answer(call: object) -> object:
        if chance.random() > 0.01:
            return Reply(text=build_default_text(call.texts))  # type: ignore[attr-defined]
        return chance.choice([rate_limited(0.05), server_error(), Drop(), InvalidJson(), Hang()])

    scene.model.script(answer)  # type: ignore[arg-type]


async def person(scene: Scene, user: User, number: int, told: Counter[str]) -> None:
    """One ask, and its first candidate used where there is one."""
    slack = scene.slack
    asked = await slack.run_command(user, slack.channels.support, "/suggest", f"Where is parcel {number}?")
    told["promised" if "on their way" in str(asked.body) else "refused"] += 1
    if "on their way" not in str(asked.body):
        return
    try:
        shown = await slack.wait_for_ephemeral(user, lambda m: f"parcel {number}?" in str(m.blocks))
    except TimeoutError:
        told["no candidates"] += 1
        return
    if number % 4 == 0 and values(shown, "use_candidate"):
        clicked = await slack.click(user, shown, "use_candidate")
        told["clicked"] += clicked.acknowledged


@pytest.mark.soak
async def test_a_long_run(scenes: SceneMaker) -> None:
    """Suggestions at a steady rate: as many are answered as were promised, and nothing grows after the warm-up."""
    chance = random.Random(7)
    async with scenes(SUGGEST_DEADLINE_S="10", SUGGEST_LOG_LEVEL="warning") as scene:
        bot = await scene.start(SUGGEST_LOG_LEVEL="info")
        sprinkle(scene, chance)
        told: Counter[str] = Counter()
        samples: list[tuple[int, dict[str, int]]] = []
        running: set[asyncio.Task[None]] = set()
        users = [scene.slack.people.agent, scene.slack.people.colleague]
        started = time.monotonic()
        for number in range(SUGGESTIONS):
            await asyncio.sleep(max(0.0, started + number / RATE_A_S - time.monotonic()))
            if chance.random() < 0.01:
                scene.slack.faults.plan(RESPONSE_URL, chance.choice([RateLimited(retry_after=1), ServerError()]))
            task = asyncio.create_task(person(scene, users[number % 2], number, told))
            running.add(task)
            task.add_done_callback(running.discard)
            if number % (SUGGESTIONS // SAMPLES) == 0:
                samples.append((number, held(bot.pid) | {"tasks": await tasks_of(scene)}))
                scene.model.forget()
                forget(scene)
        if running:
            await asyncio.wait(running, timeout=120)
        took_s = time.monotonic() - started
        await asyncio.sleep(SETTLED_AFTER_S)
        samples.append((SUGGESTIONS, held(bot.pid) | {"tasks": await tasks_of(scene)}))
        scene.model.reset()
        records = await scene.settle()

    late = [(number, sample) for number, sample in samples if number >= WARM_UP * SUGGESTIONS]
    growth = slope([(number, sample["kib"]) for number, sample in late])
    first, last = late[0][1], late[-1][1]
    report = (
        f"{SUGGESTIONS} suggestions in {took_s:.0f} s, {dict(told)}; memory {first['kib']} to {last['kib']} KiB, "
        f"{growth:+.0f} KiB a thousand; threads, files, sockets, tasks: {first} to {last}"
    )
    sys.stderr.write(f"\n{report}\n")
    assert len(records.log) == told["promised"], report
    failed = sum(line["request"]["status"] == "failed" for line in records.log)
    assert failed == told["no candidates"], report
    # What a database that was too busy did not take was told: commands in their answer, clicks privately.
    not_taken = bot.errors.count("refused: DatabaseUnavailable")
    assert len({row["choice_id"] for row in records.deliveries}) == told["clicked"] + told["refused"] - not_taken, (
        report
    )
    assert growth < KIB_A_THOUSAND, report
    # Pools fill up to their limits; a leak would leave far more behind.
    assert last["threads"] <= first["threads"] + 8, report
    assert last["files"] <= first["files"] + 100, report
    # At rest after all the work there are fewer than in the middle of it.
    assert last["tasks"] <= first["tasks"] + 4, report


def forget(scene: Scene) -> None:
    """What the workspace keeps of the past is not what is measured."""
    for user in (scene.slack.people.agent, scene.slack.people.colleague):
        for old in scene.slack.ephemerals(user)[:-200]:
            scene.slack.state.delete_ephemeral(old)

"""A bot killed with -9 before or after any commit or network call loses nothing and does nothing twice."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.faults.agents import Agent, values
from tests.faults.bots import Records, Scene
from tests.faults.conftest import SceneMaker

AT_ONCE = 3

Way = Callable[[Agent], Awaitable[None]]


async def use(agent: Agent) -> None:
    await agent.uses(await agent.asks())


async def edit(agent: Agent) -> None:
    await agent.edits(await agent.asks(), "It leaves today.")


async def redraft(agent: Agent) -> None:
    await agent.uses(await agent.redraws(await agent.asks()))


async def undo(agent: Agent) -> None:
    await agent.uses(await agent.asks())
    await agent.undoes()


def check_posted(scene: Scene, records: Records) -> None:
    """One choice, one reply, and a delivery that says where it is or that nobody knew."""
    *_, last = records.log
    assert [line["choice"] is None for line in records.log] == [True] * (len(records.log) - 1) + [False], records
    assert scene.replies() == [last["choice"]["final_text"]], "posted once"
    [delivery] = records.deliveries
    assert delivery["state"] in {"done", "unknown"}
    kinds = [event["type"] for event in last["events"]]
    assert kinds.count("sent") == (delivery["state"] == "done"), kinds
    assert kinds.count("used") + kinds.count("edited") == 1, kinds


def check_undone(scene: Scene, records: Records) -> None:
    """The request is open, what was undone is in the log, and nothing stands in the conversation unbeknown."""
    [line] = records.log
    if line["choice"] is not None:  # killed before the confirmation with its Undo
        check_posted(scene, records)
        return
    assert [event["type"] for event in line["events"]].count("undone") == 1
    assert records.deliveries == []
    assert not scene.replies() or Agent(scene=scene).knows_it_may_stand, scene.told()


WAYS: dict[str, tuple[Way, Callable[[Scene, Records], None], int]] = {
    "use": (use, check_posted, 24),
    "edit": (edit, check_posted, 26),
    "redraft": (redraft, check_posted, 36),
    "undo": (undo, check_undone, 28),
}


def check_all(scene: Scene, records: Records) -> None:
    """What holds whichever way was gone."""
    shown = {tuple(values(m, "use_candidate")) for m in scene.slack.ephemerals(scene.agent)} - {()}
    placed = {
        tuple(c["id"] for c in sorted(line["candidates"], key=lambda c: c["position"] or 0) if c["position"])
        for line in records.log
    }
    for ids in shown:  # a long draft may take a message of its own
        assert any([each for each in order if each in ids] == list(ids) for order in placed), "recorded, in its order"
    for line in records.log:
        assert line["request"]["shown_at"] is not None
        assert [event["type"] for event in line["events"]].count("shown") >= 1
    refused = [entry for entry in scene.slack.journal.refusals() if entry.error != "message_not_found"]
    assert not refused, refused


async def killed_at(scenes: SceneMaker, engine: str, name: str, kill_at: int | None) -> list[str]:
    """The points passed, where the bot is killed at none of them."""
    way, check, _ = WAYS[name]
    async with scenes(engine) as scene:
        first = await scene.start(counted=True, kill_at=kill_at)
        await way(Agent(scene=scene))
        records = await scene.settle()
        assert kill_at is None or len(scene.bots) > 1 or len(first.passed() or ()) < kill_at, "it was killed"
        check_all(scene, records)
        check(scene, records)
        return first.passed() or []


async def sweep(scenes: SceneMaker, engine: str, name: str, *, every: int = 1) -> list[str]:
    """Kill at each point in its own scene, some scenes at a time; what failed is told with its point."""
    points = await killed_at(scenes, engine, name, None)
    gate = asyncio.Semaphore(AT_ONCE)
    failed: list[str] = []

    async def one(number: int, point: str) -> None:
        async with gate:
            try:
                await killed_at(scenes, engine, name, number)
            except (AssertionError, TimeoutError, IndexError, ValueError) as error:
                failed.append(f"{number} ({point}): {type(error).__name__} {error}")

    await asyncio.gather(*(one(n, point) for n, point in enumerate(points, start=1) if n % every == 0))
    assert not failed, f"{len(failed)} of {len(points)}\n" + "\n\n".join(failed)
    return points


async def test_killed_after_every_commit_and_call(scenes: SceneMaker) -> None:
    """From /suggest to the confirmation, on SQLite; `make soak` kills before each too."""
    points = await sweep(scenes, "sqlite", "use", every=2)
    assert len(points) >= WAYS["use"][2], points


@pytest.mark.parametrize(
    ("engine", "name", "every"),
    [
        ("sqlite", "edit", 13),
        ("sqlite", "redraft", 15),
        ("sqlite", "undo", 13),
        ("postgresql", "use", 9),
    ],
)
async def test_killed_at_some_points(scenes: SceneMaker, engine: str, name: str, every: int) -> None:
    """Of the other ways, and on PostgreSQL; `make soak` has all of them."""
    await sweep(scenes, engine, name, every=every)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", list(WAYS))
async def test_killed_at_every_point_of_every_way(scenes: SceneMaker, engine: str, name: str) -> None:
    """On both engines."""
    points = await sweep(scenes, engine, name)
    assert len(points) >= WAYS[name][2], points

"""Experiments in Slack: requests are drawn for arms and stay in them, nobody sees it, and a bad arm is stopped."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.experiments.assigner import hash_agent, pick_arm
from bot.experiments.plan import make_plan
from bot.experiments.start import make_experiment, start_experiment
from bot.playbook import load_playbook, read_built_in
from playground.model_server import bad_request
from storage.engine.database import Database
from storage.records import Arm, Experiment
from storage.repositories.experiments import ExperimentStore
from tests.conftest import Stage, StageMaker
from tests.handlers.test_home import open_home
from tests.handlers.test_steering import choose
from tests.handlers.test_surfaces import open_modal
from tests.storage.stores import AT

T = TypeVar("T")

SALT = "salt-of-a-test"
WARMER = read_built_in().replace('en-US = "', "en-US = \"Arm's ")


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """A playbook with labels and a version of its own."""
    file = tmp_path / "warmer.toml"
    file.write_text(WARMER, encoding="utf-8")
    return file


def plan(folder: Path, *arms: Arm, by: str = "request", shares: tuple[float, ...] | None = None) -> Experiment:
    made = make_plan("greeting-test", by=by, arms=arms, shares=shares)
    return make_experiment(made, folder=folder, default_model="gpt-4o-mini", actor="cli", at=AT, new_salt=lambda: SALT)


async def on_store(stage: Stage, step: Callable[[ExperimentStore], Awaitable[T]]) -> T:
    """Do a step as a command does it: beside the bot, on its database."""
    database = Database(stage.database_url)
    try:
        return await step(ExperimentStore(database))
    finally:
        await database.aclose()


async def start(stage: Stage, experiment: Experiment) -> None:
    await on_store(stage, lambda store: start_experiment(store, experiment))


async def stop(stage: Stage) -> None:
    assert await on_store(stage, lambda store: store.stop("greeting-test", by="admin", actor="cli", at=AT))


async def read_experiment(stage: Stage) -> Experiment:
    found = await on_store(stage, lambda store: store.get("greeting-test"))
    assert found is not None
    return found


async def wait_for(stage: Stage, find: Callable[[list[dict[str, Any]]], T]) -> T:
    """Wait until something is found in the log."""
    async with asyncio.timeout(120):
        while True:
            if found := find(await stage.log()):
                return found
            await asyncio.sleep(0.02)


def is_failed(line: dict[str, Any]) -> bool:
    return bool(line["request"]["status"] == "failed")


async def ask_and_end(stage: Stage) -> None:
    """Ask, and wait until it is shown or has failed."""
    asked = len(await stage.log())
    await stage.suggest("Where is my order?")
    await wait_for(stage, lambda log: log[asked:] and (log[-1]["request"]["shown_at"] or is_failed(log[-1])))


async def ask_until(stage: Stage, is_enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask again and again until a request is as wanted; the bot follows the database, and draws by chance."""
    async with asyncio.timeout(120):
        while True:
            await ask_and_end(stage)
            request: dict[str, Any] = (await stage.log())[-1]["request"]
            if is_enough(request):
                return request


def arm(name: str, playbook: Path | None = None, model: str | None = None) -> Arm:
    return Arm(name=name, share=0.5, playbook=None if playbook is None else str(playbook), model=model)


async def test_each_arm_drafts_with_its_own_playbook_and_redrafts_stay_in_it(
    stage: Stage, tmp_path: Path, playbook: Path
) -> None:
    await start(stage, plan(tmp_path, arm("now-arm"), arm("warm-arm", playbook), shares=(0.25, 0.75)))
    own, theirs = load_playbook().prompt_version, load_playbook(playbook).prompt_version
    now = await ask_until(stage, lambda request: request["arm"] == "now-arm")
    assert (now["experiment"], now["arm_propensity"], now["prompt_version"]) == ("greeting-test", 0.25, own)
    warm = await ask_until(stage, lambda request: request["arm"] == "warm-arm")
    assert (warm["experiment"], warm["arm_propensity"], warm["prompt_version"]) == ("greeting-test", 0.75, theirs)
    shown = await stage.private(warm["id"])
    assert "Arm's" in json.dumps(shown.blocks)
    assert not {"greeting-test", "warm-arm", "now-arm"} & set(json.dumps(shown.blocks).split())
    await choose(stage, shown, "shorter")
    await stop(stage)  # a request stays in its arm all the same
    child = await wait_for(stage, lambda log: log[-1]["request"]["parent_request_id"] and log[-1]["request"])
    again = await stage.private(child["id"])
    assert (child["arm"], child["arm_propensity"], child["prompt_version"]) == ("warm-arm", 0.75, theirs)
    assert "Arm's" in json.dumps(again.blocks)
    outside = await ask_until(stage, lambda request: request["experiment"] is None)
    assert (outside["arm"], outside["arm_propensity"], outside["prompt_version"]) == (None, None, own)


async def test_a_model_arm_drafts_with_that_model_on_every_surface(stage: Stage, tmp_path: Path) -> None:
    await start(stage, plan(tmp_path, arm("a", model="model-a"), arm("b", model="model-b")))
    await ask_until(stage, lambda request: request["experiment"] is not None)
    await open_modal(stage)
    line = await wait_for(stage, lambda log: len(log[-1]["candidates"]) == 3 and log[-1]["request"])
    assert (line["surface"], line["arm"] is None) == ("shortcut", False)
    for line in await stage.log():
        if (drawn := line["request"]["arm"]) is not None:
            assert {each["model"] for each in line["candidates"]} == {f"model-{drawn}"}


async def test_an_agent_has_one_arm_after_a_restart_too(stage_with: StageMaker, tmp_path: Path) -> None:
    experiment = plan(tmp_path, arm("a"), arm("b"), by="agent")
    async with stage_with(over="nothing") as stage:
        await start(stage, experiment)
        for _ in range(2):
            async with stage.bot():
                for _ in range(3):
                    await ask_and_end(stage)
        requests = [line["request"] for line in await stage.log()]
    expected = pick_arm(experiment.arms, hash_agent(SALT, requests[0]["team_id"], requests[0]["agent_id"]))
    assert [request["arm"] for request in requests] == [expected.name] * 6
    assert {request["arm_propensity"] for request in requests} == {0.5}


@pytest.mark.parametrize("change", [lambda file: file.write_text(WARMER + "\n# another\n"), Path.unlink])
async def test_a_changed_arm_is_drawn_no_more_from_the_next_start(
    stage_with: StageMaker, tmp_path: Path, playbook: Path, change: Callable[[Path], Any]
) -> None:
    async with stage_with(over="nothing") as stage:
        await start(stage, plan(tmp_path, arm("a"), arm("b", playbook)))
        async with stage.bot():
            await ask_and_end(stage)
        change(playbook)
        async with stage.bot():
            await ask_and_end(stage)
        before, after = [line["request"]["experiment"] for line in await stage.log()]
    assert (before, after) == ("greeting-test", None)


async def test_an_arm_that_names_no_model_is_drawn_no_more_with_another_one(
    stage_with: StageMaker, tmp_path: Path
) -> None:
    async with stage_with(over="nothing", suggest_model="another") as stage:
        await start(stage, plan(tmp_path, arm("a"), arm("b", model="big")))
        async with stage.bot():
            await ask_and_end(stage)
        assert [line["request"]["experiment"] for line in await stage.log()] == [None]


async def test_the_experiment_of_a_playbook_runs_from_the_start_and_once(
    stage_with: StageMaker, tmp_path: Path
) -> None:
    (tmp_path / "b.toml").write_text(WARMER, encoding="utf-8")
    named = 'experiment = { name = "greeting-test", by = "agent", arms = [{ name = "a", share = 0.4 }, '
    own = tmp_path / "own.toml"
    own.write_text(
        f'{named}{{ name = "b", share = 0.6, playbook = "b.toml" }}] }}\n{read_built_in()}', encoding="utf-8"
    )
    async with stage_with(over="nothing", suggest_playbook=own) as stage:
        for _ in range(2):
            async with stage.bot():
                await ask_and_end(stage)
        assert {line["request"]["experiment"] for line in await stage.log()} == {"greeting-test"}
        assert [each.share for each in (await read_experiment(stage)).arms] == [0.4, 0.6]
        await stop(stage)
        async with stage.bot():
            await ask_and_end(stage)
        assert (await stage.log())[-1]["request"]["experiment"] is None


async def test_the_guardrail_stops_an_arm_that_fails_and_tells_each_admin_once(
    stage_with: StageMaker, tmp_path: Path
) -> None:
    async with stage_with(suggest_admins=("U0ADMIN", "U0NOBODY")) as stage:
        stage.model.answer_when(lambda call: call.model == "broken", bad_request("no such model"))
        await start(stage, plan(tmp_path, arm("fine-arm"), arm("broken-arm", model="broken")))
        async with asyncio.timeout(240):
            while (found := await read_experiment(stage)).is_running:
                await ask_and_end(stage)
        assert (found.stopped_by, found.arm) == ("guardrail", "broken-arm")
        failed = [line["request"]["arm"] for line in await stage.log() if is_failed(line)]
        assert set(failed) == {"broken-arm"}
        direct = stage.slack.state.open_direct_channel("U0ADMIN")
        await stage.slack.wait_for_message(direct, lambda message: "greeting-test" in message.text, within=120)
        async with asyncio.timeout(120):  # who is not in this workspace is given up
            while (await read_experiment(stage)).untold:
                await ask_and_end(stage)
        assert len(stage.slack.messages(direct)) == 1
        assert (await ask_until(stage, lambda request: request["experiment"] is None))["arm"] is None


async def test_home_names_the_experiment_to_admins_alone(stage: Stage, tmp_path: Path) -> None:
    admin = stage.slack.people.admin
    assert "experiment" not in json.dumps((await open_home(stage, "The team", user=admin)).blocks)
    await start(stage, plan(tmp_path, arm("a"), arm("b")))
    await open_home(stage, "An experiment is running: greeting-test", user=admin)
    assert "greeting-test" not in json.dumps((await open_home(stage, "open_settings")).blocks)

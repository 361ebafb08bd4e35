"""Experiments are kept whole, one runs at a time, and their requests are found with what became of them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from storage.queries.experiments import ExperimentQueries, TroubleCell, TroubleGroup
from storage.records import Arm, Experiment
from storage.repositories.experiments import ExperimentStore
from tests.storage.stores import (
    AT,
    Store,
    a_choice,
    after,
    record_choice,
    record_failed,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
)

GROUPS: dict[TroubleGroup, str] = {"arm": "", "hour": "2026-11-22T10", "agent": "T1:U1"}
DRAWN: dict[str, Any] = {"experiment": "greeting", "arm": "b", "arm_propensity": 0.25}


def an_experiment(name: str = "greeting") -> Experiment:
    return Experiment(
        name=name,
        by="agent",
        arms=(
            Arm(name="a", share=0.75),
            Arm(name="b", share=0.25, playbook="b.toml", file="/etc/b.toml", text="persona = …"),
        ),
        started_at=AT,
        started_by="cli",
        salt="salt",
    )


@pytest.fixture
def experiments(store: Store) -> ExperimentStore:
    return ExperimentStore(store.database)


async def test_an_experiment_is_kept_whole(experiments: ExperimentStore) -> None:
    assert await experiments.start(an_experiment())
    assert await experiments.get("greeting") == an_experiment()
    assert await experiments.list_all() == (an_experiment(),)
    assert await experiments.get_running() == "greeting"
    assert await experiments.get("other") is None
    assert "salt'" not in repr(an_experiment())


async def test_one_runs_at_a_time_and_a_name_is_used_once(experiments: ExperimentStore) -> None:
    begun = await asyncio.gather(experiments.start(an_experiment()), experiments.start(an_experiment("other")))
    assert sorted(begun) == [False, True]
    running = await experiments.get_running()
    assert running is not None
    assert await experiments.stop(running, by="admin", actor="cli", at=after(hours=1))
    assert not await experiments.stop(running, by="admin", actor="cli", at=after(hours=2))
    assert not await experiments.start(an_experiment(running))
    assert await experiments.start(an_experiment("third"))


async def test_a_stop_names_the_arm_and_those_who_are_to_be_told(experiments: ExperimentStore) -> None:
    await experiments.start(an_experiment())
    await experiments.stop(
        "greeting", by="guardrail", actor="guardrail", at=after(hours=1), arm="b", untold=["U1", "U2"]
    )
    stopped = replace(
        an_experiment(),
        is_running=None,
        stopped_at=after(hours=1),
        stopped_by="guardrail",
        arm="b",
        untold=("U1", "U2"),
    )
    assert await experiments.get("greeting") == stopped
    assert await experiments.list_untold() == (stopped,)
    await experiments.record_told("greeting", "U1")
    assert await experiments.get("greeting") == replace(stopped, untold=("U2",))
    await experiments.record_told("greeting", "U2")
    assert await experiments.list_untold() == ()
    assert await experiments.get_running() is None


async def test_the_requests_of_an_experiment_are_listed_with_what_became_of_them(store: Store) -> None:
    await record_shown(store, "r1", **DRAWN)
    await record_choice(store, a_choice("r1"))
    await record_shown(store, "r2", **DRAWN)
    await record_choice(store, a_choice("r2", "dismissed"))
    await retract_choice(store, "r2")
    await record_failed(store, "r3", **DRAWN)
    await record_request(store, "r4", **DRAWN)
    await record_request(store, "r5")
    await record_request(store, "r6", **{**DRAWN, "experiment": "other"})
    queries = ExperimentQueries(store.database)
    found = await queries.list_outcomes("greeting")
    assert [(each.status, each.is_shown, each.kind) for each in found] == [
        ("shown", True, "used"),
        ("shown", True, None),
        ("failed", False, None),
        ("drafting", False, None),
    ]
    assert {(each.arm, each.arm_propensity, each.team_id, each.agent_id) for each in found} == {("b", 0.25, "T1", "U1")}
    assert await queries.list_names() == ["greeting", "other"]


async def test_troubles_are_counted_by_ask(store: Store) -> None:
    """A draft that failed counts once a request, and a redraft is part of its ask."""
    await record_failed(store, "r1", **DRAWN)
    await record_shown(store, "r2", **DRAWN)
    await record_choice(store, a_choice("r2", "dismissed"))
    await record_shown(store, "r3", **DRAWN)
    await record_redraft(store, "r3", "r4")
    queries = ExperimentQueries(store.database)
    for by, group in GROUPS.items():
        (cell,) = await queries.count_troubles("greeting", by=by)
        assert cell == TroubleCell(group=group, arm="b", requests=3, failed=1, dismissed=1)

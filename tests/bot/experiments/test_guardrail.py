"""The guardrail: an arm that is clearly worse is found, arms that are alike are left alone, admins are told once."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from bot.experiments.guardrail import Fault, Guardrail, find_fault
from storage.queries.experiments import ExperimentQueries, TroubleCell
from storage.repositories.experiments import ExperimentStore
from tests.bot.desk import Desk
from tests.bot.experiments.outcomes import an_experiment
from tests.storage.stores import AT, Store, record_failed, record_request, record_shown


def cells(troubles: dict[str, tuple[int, int]], *, of: int, group: str = "") -> list[TroubleCell]:
    """Of each arm, so many requests with so many that failed and were dismissed."""
    return [
        TroubleCell(group=group, arm=arm, requests=of, failed=failed, dismissed=dismissed)
        for arm, (failed, dismissed) in troubles.items()
    ]


@pytest.mark.parametrize(
    ("troubles", "fault"),
    [
        ({"a": (0, 4), "b": (10, 4)}, Fault(arm="b", trouble="failed")),
        ({"a": (14, 4), "b": (1, 4)}, Fault(arm="a", trouble="failed")),
        ({"a": (0, 4), "b": (0, 45)}, Fault(arm="b", trouble="dismissed")),
        ({"a": (0, 4), "b": (4, 4)}, None),
        ({"a": (40, 30), "b": (40, 35)}, None),
    ],
)
def test_an_arm_is_at_fault_where_it_has_clearly_more_trouble(
    troubles: dict[str, tuple[int, int]], fault: Fault | None
) -> None:
    assert find_fault(an_experiment(), cells(troubles, of=100)) == fault


def test_arms_that_are_alike_are_stopped_in_five_percent_at_most_however_often_one_looks() -> None:
    rng, stopped = random.Random(5), 0
    for _ in range(300):
        counts = Counter[str]()
        for number in range(400):
            arm = rng.choice("ab")
            counts[arm] += rng.random() < 0.4
            if number % 20 == 0 and find_fault(
                an_experiment(), cells({each: (counts[each], counts[each]) for each in "ab"}, of=number)
            ):
                stopped += 1
                break
    assert stopped <= 15


def test_shares_are_what_troubles_are_measured_by() -> None:
    arms = (replace(an_experiment().arms[0], share=0.9), replace(an_experiment().arms[1], share=0.1))
    assert find_fault(an_experiment(arms=arms), cells({"a": (45, 0), "b": (5, 0)}, of=100)) is None
    fault = find_fault(an_experiment(arms=arms), cells({"a": (5, 0), "b": (8, 0)}, of=100))
    assert fault == Fault(arm="b", trouble="failed")


def test_an_outage_while_one_arms_agents_work_is_not_that_arms_fault() -> None:
    by_agent = an_experiment(by="agent")
    apart = [*cells({"a": (0, 0)}, of=50, group="10"), *cells({"b": (30, 0)}, of=50, group="22")]
    assert find_fault(by_agent, apart) is None
    together = [replace(each, group="10") for each in apart]
    assert find_fault(by_agent, together) == Fault(arm="b", trouble="failed")


def test_by_agent_one_who_dismisses_everything_is_no_fault_of_the_arm() -> None:
    by_agent = an_experiment(by="agent")
    one = [*cells({"b": (0, 100)}, of=100, group="U0")]
    calm = [cell for n in range(1, 10) for cell in cells({"ab"[n % 2]: (0, 5)}, of=100, group=f"U{n}")]
    assert find_fault(by_agent, [], [*one, *calm]) is None
    many = [cell for n in range(10, 20) for cell in cells({"b": (0, 60)}, of=100, group=f"U{n}")]
    of_a = [cell for cell in calm if cell.arm == "a"]
    assert find_fault(by_agent, [], [*of_a, *many]) == Fault(arm="b", trouble="dismissed")


@dataclass(slots=True)
class FakeAnnouncer:
    """Takes announcements, but of those who are away."""

    away: set[str] = field(default_factory=set)
    told: list[tuple[str, str, str]] = field(default_factory=list)

    async def announce_stop(self, admin: str, *, experiment: str, arm: str) -> bool:
        if admin in self.away:
            return False
        self.told.append((admin, experiment, arm))
        return True


def make_guardrail(store: Store, announcer: FakeAnnouncer) -> Guardrail:
    return Guardrail(
        store=ExperimentStore(store.database),
        queries=ExperimentQueries(store.database),
        leases=store.leases,
        announcer=announcer,
        admins=("U1", "U2"),
        now=lambda: AT,
    )


async def test_a_stop_is_told_to_each_admin_once_also_to_one_who_was_away(desk: Desk) -> None:
    store, experiments = desk.store, ExperimentStore(desk.store.database)
    assert await experiments.start(an_experiment())
    announcer = FakeAnnouncer(away={"U2"})
    guardrail = make_guardrail(store, announcer)
    await guardrail.look()
    for number in range(12):
        await record_failed(store, f"f{number}", experiment="greeting", arm="b", arm_propensity=0.5)
        await record_shown(store, f"s{number}", experiment="greeting", arm="a", arm_propensity=0.5)
    await guardrail.look()
    stopped = await experiments.get("greeting")
    assert stopped is not None
    assert (stopped.is_running, stopped.stopped_by, stopped.arm, stopped.stopped_at) == (None, "guardrail", "b", AT)
    assert (announcer.told, stopped.untold) == ([("U1", "greeting", "b")], ("U2",))
    announcer.away.clear()
    await make_guardrail(store, announcer).look()
    await guardrail.look()
    assert announcer.told == [("U1", "greeting", "b"), ("U2", "greeting", "b")]


async def test_a_failed_request_that_is_asked_again_counts_once(desk: Desk) -> None:
    store = desk.store
    await record_failed(store, "f0", experiment="greeting", arm="b", arm_propensity=0.5)
    await record_request(store, "r2", experiment="greeting", arm="b", arm_propensity=0.5, parent_request_id="f0")
    (cell,) = await ExperimentQueries(store.database).count_troubles("greeting", by="arm")
    assert (cell.requests, cell.failed, cell.dismissed) == (1, 1, 0)

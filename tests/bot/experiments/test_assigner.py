"""Arms are drawn by their shares, agents keep theirs, and what cannot be read is not drawn."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.experiments.assigner import ArmAssigner, DraftingVersion, hash_agent, pick_arm
from bot.playbook import Playbook, parse_playbook, read_built_in
from storage.records import Arm
from storage.repositories.experiments import ExperimentStore
from tests.bot.desk import PLAYBOOK, Desk
from tests.bot.experiments.outcomes import ARMS, an_experiment
from tests.storage.stores import AT, a_request

OTHER = read_built_in() + "\n# another version\n"
UNEVEN = (Arm(name="a", share=0.2), Arm(name="b", share=0.3), Arm(name="c", share=0.5))


def make_assigner(desk: Desk) -> tuple[ArmAssigner, ExperimentStore]:
    store = ExperimentStore(desk.store.database)
    return ArmAssigner(default=DraftingVersion(playbook=PLAYBOOK), store=store, rng=random.Random(3)), store


@pytest.mark.parametrize(("at", "arm"), [(0.0, "a"), (0.1999, "a"), (0.2, "b"), (0.4999, "b"), (0.5, "c"), (1.0, "c")])
def test_each_arm_has_its_share_of_the_line(at: float, arm: str) -> None:
    assert pick_arm(UNEVEN, at).name == arm


def test_agents_are_spread_by_a_key_that_nobody_guesses() -> None:
    agents = [hash_agent("salt", "T1", f"U{number}") for number in range(2000)]
    found = Counter(pick_arm(UNEVEN, at).name for at in agents)
    assert [round(found[arm.name] / 2000, 1) for arm in UNEVEN] == [0.2, 0.3, 0.5]
    assert hash_agent("salt", "T1", "U0") == agents[0] != hash_agent("other", "T1", "U0")
    assert hash_agent("salt", "T2", "U0") != agents[0]


async def test_requests_are_drawn_by_their_shares_and_an_experiment_is_followed(desk: Desk) -> None:
    assigner, store = make_assigner(desk)
    await assigner.refresh()
    assert assigner.draw("T1", "U1").to_fields() == {"experiment": None, "arm": None, "arm_propensity": None}
    await store.start(an_experiment(arms=UNEVEN))
    await assigner.refresh()
    drawn = Counter(assigner.draw("T1", "U1").arm for _ in range(2000))
    assert [round(drawn[arm.name] / 2000, 1) for arm in UNEVEN] == [0.2, 0.3, 0.5]
    await store.stop("greeting", by="admin", actor="cli", at=AT)
    await assigner.refresh()
    assert assigner.draw("T1", "U1").experiment is None


async def test_a_request_is_drafted_by_its_arm_on_a_replica_that_never_drew(desk: Desk) -> None:
    _, store = make_assigner(desk)
    arms = (Arm(name="a", share=0.5, model="big"), Arm(name="b", share=0.5, playbook="b.toml", text=OTHER))
    await store.start(an_experiment(arms=arms))
    other, _ = make_assigner(desk)
    of_b = a_request(experiment="greeting", arm="b")
    assert await other.find_version(of_b) == DraftingVersion(playbook=parse_playbook(OTHER, source="b.toml"))
    of_a = replace(of_b, arm="a")
    assert await other.find_version(of_a) == DraftingVersion(playbook=PLAYBOOK, model="big")
    gone = replace(of_b, experiment="gone")
    assert await other.find_version(gone) == await other.find_version(a_request()) == DraftingVersion(playbook=PLAYBOOK)


async def test_an_experiment_with_a_playbook_that_cannot_be_read_is_not_drawn(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    assigner, store = make_assigner(desk)
    await assigner.refresh()
    await store.start(an_experiment(arms=(ARMS[0], replace(ARMS[1], playbook="b.toml", text="persona = 1"))))
    for _ in range(3):
        await assigner.refresh()
    assert assigner.draw("T1", "U1").experiment is None
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "no request is drawn for the experiment greeting"
    ]


async def test_all_playbooks_of_a_long_history_are_kept_at_once(desk: Desk) -> None:
    _, store = make_assigner(desk)
    texts = [f"{OTHER}\n# {number}\n" for number in range(3)]
    for number, text in enumerate(texts):
        experiment = an_experiment(arms=(ARMS[0], replace(ARMS[1], playbook="b.toml", text=text)))
        await store.start(replace(experiment, name=f"greeting-{number}"))
        await store.stop(f"greeting-{number}", by="admin", actor="cli", at=AT)
    kept: list[set[str]] = []

    async def use_playbooks(playbooks: Sequence[Playbook]) -> None:
        kept.append({each.text for each in playbooks})

    default = DraftingVersion(playbook=PLAYBOOK)
    await ArmAssigner(default=default, store=store, use_playbooks=use_playbooks).refresh()
    assert kept == [{PLAYBOOK.text, *texts}]

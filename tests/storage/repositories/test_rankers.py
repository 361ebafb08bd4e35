"""Rankers and leases: what is shown is decided by the gate, or by a person, and by one replica at a time."""

import asyncio
from datetime import timedelta

import pytest

from storage.errors import OwnershipLost
from storage.repositories.rankers import KEPT_UNSHOWN, LEARNING, RankerChange
from tests.storage.stores import (
    AT,
    Store,
    a_choice,
    a_ranker,
    after,
    build_store,
    open_store,
    record_choice,
    record_shown,
    retract_choice,
)

LEASE = timedelta(minutes=2)


async def take_lease(store: Store) -> None:
    assert await store.leases.take(LEARNING, at=AT, until=AT + LEASE)


async def list_audited(store: Store) -> list[tuple[str, str]]:
    return [(row["action"], row["actor"]) for row in await store.rows("SELECT * FROM audit ORDER BY seq")]


async def read_shown(store: Store) -> str | None:
    change = await store.rankers.get_current()
    return None if change is None else change.version


# --- the gate and persons -------------------------------------------------------------------------------


async def test_a_ranker_is_kept_whole(store: Store) -> None:
    await take_lease(store)
    await store.rankers.record(a_ranker())
    assert await store.rankers.get("v1") == a_ranker()
    assert await store.rankers.get_newest() == a_ranker()
    assert await store.rankers.get("v2") is None
    assert "the model" not in repr(a_ranker())


async def test_nothing_is_shown_at_first(store: Store) -> None:
    assert await store.rankers.get_current() is None
    assert await store.rankers.get_newest() is None
    assert await store.rankers.get_previous() is None


async def test_an_open_gate_shows_and_a_shut_one_withdraws(store: Store) -> None:
    await take_lease(store)
    assert await store.rankers.record(a_ranker("v1", gate_open=False)) is None
    change = await store.rankers.record(a_ranker("v2", created_at=after(days=1)))
    assert change == RankerChange(at=after(days=1), actor="here", version="v2", reason="gate")
    assert await store.rankers.get_current() == change
    await store.rankers.record(a_ranker("v3"))
    assert await read_shown(store) == "v3"
    await store.rankers.record(a_ranker("v4", gate_open=False))
    assert await read_shown(store) is None
    assert await store.rankers.record(a_ranker("v5", gate_open=False)) is None
    assert [action for action, _ in await list_audited(store)] == [
        "ranker_trained", "ranker_trained", "ranker_shown", "ranker_trained", "ranker_shown", "ranker_trained",
        "ranker_withdrawn", "ranker_trained",
    ]  # fmt: skip


async def test_a_rollback_stands_whatever_is_learned_until_it_is_lifted(store: Store) -> None:
    await take_lease(store)
    await store.rankers.record(a_ranker("v1"))
    await store.rankers.roll_back(None, actor="cli", at=after(hours=1))
    assert await store.rankers.record(a_ranker("v2")) is None
    assert await read_shown(store) is None
    newest = await store.rankers.get_newest()
    assert newest is not None
    assert newest.version == "v2"
    await store.rankers.unpin(actor="cli", at=after(hours=2))
    assert await read_shown(store) == "v2"
    assert (await list_audited(store))[2:] == [
        ("ranker_rolled_back", "cli"),
        ("ranker_trained", "here"),
        ("ranker_automatic", "cli"),
    ]


async def test_a_version_rolled_back_to_is_not_withdrawn_by_a_gate(store: Store) -> None:
    await take_lease(store)
    await store.rankers.record(a_ranker("v1"))
    await store.rankers.record(a_ranker("v2"))
    await store.rankers.roll_back("v1", actor="cli", at=after(hours=1))
    await store.rankers.record(a_ranker("v3", gate_open=False))
    assert await read_shown(store) == "v1"
    await store.rankers.unpin(actor="cli", at=after(hours=2))
    assert await read_shown(store) is None, "the newest ranker's gate is shut"


async def test_rolling_back_again_and_again_ends_in_uniform_order(store: Store) -> None:
    await take_lease(store)
    for version in ("v1", "v2", "v3"):
        await store.rankers.record(a_ranker(version))
    passed = []
    for _ in range(4):
        to = await store.rankers.get_previous()
        await store.rankers.roll_back(to, actor="cli", at=AT)
        passed.append(await read_shown(store))
    assert passed[:3] == ["v2", "v1", None]


async def test_what_is_not_here_cannot_be_shown(store: Store) -> None:
    with pytest.raises(KeyError, match="v9"):
        await store.rankers.roll_back("v9", actor="cli", at=AT)
    assert await store.rankers.get_current() is None
    assert await list_audited(store) == []


async def test_the_newest_is_the_one_recorded_last_whatever_the_clocks_said(store: Store) -> None:
    await take_lease(store)
    await store.rankers.record(a_ranker("v1", created_at=after(days=400)))
    await store.rankers.record(a_ranker("v2"))
    newest = await store.rankers.get_newest()
    assert newest is not None
    assert newest.version == "v2"
    assert await read_shown(store) == "v2"


async def test_the_same_ranker_twice_is_one(store: Store) -> None:
    """Its version is its content's: a log in which nothing that counts has changed makes it again."""
    await take_lease(store)
    await store.rankers.record(a_ranker("v1", created_at=AT))
    await store.rankers.record(a_ranker("v1", created_at=after(days=1)))
    assert await store.rankers.list_versions() == ("v1",)
    newest = await store.rankers.get_newest()
    assert newest is not None
    assert newest.created_at == after(days=1)


async def test_rankers_never_shown_are_forgotten_in_time(store: Store) -> None:
    await take_lease(store)
    await store.rankers.record(a_ranker("shown"))
    await store.rankers.record(a_ranker("withdrawer", gate_open=False))
    for number in range(KEPT_UNSHOWN):
        await store.rankers.record(a_ranker(f"v{number}", gate_open=False))
    kept = await store.rankers.list_versions()
    assert len(kept) == KEPT_UNSHOWN + 1
    assert kept[-1] == "shown"
    assert "withdrawer" not in kept


async def test_choices_are_those_that_stand_on_real_requests(store: Store) -> None:
    for request_id in ("r1", "r2", "r3"):
        await record_shown(store, request_id)
    await record_shown(store, "simulated", simulated=True)
    for request_id in ("r1", "r2", "simulated"):
        await record_choice(store, a_choice(request_id))
    await retract_choice(store, "r2")
    assert await store.rankers.count_choices() == 1


# --- one replica at a time ------------------------------------------------------------------------------


async def test_a_lease_is_held_by_one_until_it_ends(store: Store) -> None:
    other = build_store(store.database, me="other")
    assert await store.leases.take("work", at=AT, until=AT + LEASE)
    assert not await other.leases.take("work", at=AT, until=AT + LEASE)
    assert await store.leases.take("work", at=after(seconds=60), until=after(seconds=60) + LEASE)
    assert not await other.leases.take("work", at=after(seconds=130), until=after(seconds=130) + LEASE)
    assert await other.leases.take("work", at=after(seconds=181), until=after(seconds=181) + LEASE)
    assert not await store.leases.take("work", at=after(seconds=182), until=after(seconds=182) + LEASE)


async def test_a_lease_given_back_can_be_taken_at_once(store: Store) -> None:
    other = build_store(store.database, me="other")
    await store.leases.take("work", at=AT, until=AT + LEASE)
    await other.leases.give_back("work")
    assert not await other.leases.take("work", at=AT, until=AT + LEASE), "another's lease cannot be given back"
    await store.leases.give_back("work")
    assert await other.leases.take("work", at=AT, until=AT + LEASE)


async def test_a_lease_of_a_clock_that_ran_ahead_does_not_last(store: Store) -> None:
    """A machine whose clock was a year ahead, and was set right."""
    other = build_store(store.database, me="other")
    assert await store.leases.take("work", at=after(days=365), until=after(days=365) + LEASE)
    assert await other.leases.take("work", at=AT, until=AT + LEASE)


async def test_of_many_at_once_one_gets_the_lease(url: str) -> None:
    async with open_store(url) as one, open_store(url, me="two") as two, open_store(url, me="three") as three:
        taken = await asyncio.gather(
            *(each.leases.take("work", at=AT, until=AT + LEASE) for each in (one, two, three, one, two, three))
        )
    assert 1 <= sum(taken) <= 2, "one of them, which may take it twice"


async def test_who_lost_the_lease_records_nothing(store: Store) -> None:
    """A replica that was stopped while it fitted, and goes on: another has fitted meanwhile."""
    await take_lease(store)
    other = build_store(store.database, me="other")
    assert await other.leases.take(LEARNING, at=after(hours=1), until=after(hours=1) + LEASE)
    with pytest.raises(OwnershipLost):
        await store.rankers.record(a_ranker())
    assert await store.rankers.list_versions() == ()
    assert await list_audited(store) == []
    await other.rankers.record(a_ranker())
    assert await read_shown(store) == "v1"


async def test_nothing_is_recorded_without_a_lease(store: Store) -> None:
    with pytest.raises(OwnershipLost):
        await store.rankers.record(a_ranker())


async def test_a_rollback_while_a_ranker_is_recorded_wins(url: str) -> None:
    """In whichever order they come: uniform order at the end, and it stands."""
    async with open_store(url) as learning, open_store(url, me="cli") as person:
        await take_lease(learning)
        await learning.rankers.record(a_ranker("v1"))
        await asyncio.gather(
            learning.rankers.record(a_ranker("v2")), person.rankers.roll_back(None, actor="cli", at=AT)
        )
        assert await read_shown(person) is None
        assert await person.rankers.list_versions() == ("v2", "v1")

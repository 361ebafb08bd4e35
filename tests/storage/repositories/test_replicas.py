"""Replicas: who is alive, and what the dead left behind is taken over exactly once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime

import pytest

from storage.errors import DuplicateDelivery, OwnershipLost, RequestClosed
from storage.records import Delivery
from storage.repositories.replicas import AT_ONCE
from tests.storage.stores import (
    AT,
    Store,
    a_choice,
    a_request,
    after,
    build_store,
    make_draft_outcome,
    make_parts,
    open_store,
    record_choice,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
    some_candidates,
)

BEHIND_PGBOUNCER = True

OWNERS = "SELECT choice_id, min(owner) AS a, max(owner) AS b FROM deliveries GROUP BY choice_id"


@pytest.fixture
async def next_one(store: Store) -> Store:
    """A replica that is alive beside the one called `here`, which never joined."""
    made = build_store(store.database, me="next")
    await made.replicas.join(AT)
    return made


async def list_alive(store: Store) -> list[str]:
    return [row["id"] for row in await store.rows("SELECT id FROM replicas ORDER BY id")]


async def take_requests(store: Store) -> list[str]:
    return [entry.request.id for entry in await store.replicas.take_requests()]


LATER = after(days=1)


async def take_deliveries(store: Store, *, unknown_since: datetime = AT, untold_since: datetime = LATER) -> list[str]:
    return list(await store.replicas.take_deliveries(unknown_since=unknown_since, untold_since=untold_since))


async def take_deletions(store: Store, *, undone_since: datetime = AT) -> list[str]:
    return [part.id for part in await store.replicas.take_deletions(undone_since=undone_since)]


async def record_posted(store: Store, part: Delivery, *, message_ts: str | None = "1.1") -> None:
    await store.deliveries.begin_attempt(part.id)
    await store.deliveries.mark_done(replace(part, channel_id="C1", message_ts=message_ts), sent=None)


# --- who is alive -----------------------------------------------------------------------------------------


async def test_a_replica_is_alive_until_it_leaves(store: Store) -> None:
    await store.replicas.join(AT)
    assert await list_alive(store) == ["here"]
    await store.replicas.leave()
    assert await list_alive(store) == []


async def test_who_is_not_heard_of_is_forgotten_and_may_come_back(url: str) -> None:
    async with open_store(url, me="one") as one, open_store(url, me="two") as two:
        await two.replicas.join(AT)
        await one.replicas.beat(AT, dead_before=AT)
        await two.replicas.beat(after(seconds=20), dead_before=AT)
        assert await list_alive(one) == ["one", "two"]
        await two.replicas.beat(after(seconds=40), dead_before=after(seconds=10))
        assert await list_alive(one) == ["two"]
        await one.replicas.beat(after(seconds=41), dead_before=after(seconds=11))
        assert await list_alive(one) == ["one", "two"]


async def test_one_that_was_taken_for_dead_is_alive_with_its_next_heartbeat(store: Store) -> None:
    await store.replicas.beat(AT, dead_before=AT)
    assert await list_alive(store) == ["here"]


async def test_a_files_former_process_is_gone_when_the_next_one_starts(url: str) -> None:
    async with open_store(url, me="one") as one, open_store(url, me="two") as two:
        await one.replicas.join(AT)
        await record_request(one)
        await two.replicas.join(AT)
        assert await take_requests(two) == ([] if one.database.is_shared else ["r1"])


# --- requests -----------------------------------------------------------------------------------------------


async def test_requests_cut_off_are_taken_over_oldest_first_with_their_candidates(
    store: Store, next_one: Store
) -> None:
    await record_request(store, "drafting", created_at=after(seconds=2))
    await record_request(store, "handed")
    await store.requests.record_drafts(make_draft_outcome("handed"))
    await record_shown(store, "seen")
    first, second = await next_one.replicas.take_requests()
    assert (first.request.id, second.request.id) == ("handed", "drafting")
    assert first.candidates == some_candidates("handed")
    assert second.candidates == ()
    assert first.request.owner == second.request.owner == "next"
    assert await take_requests(next_one) == []


async def test_the_work_of_the_living_and_of_terminals_is_left_alone(store: Store, next_one: Store) -> None:
    other = build_store(store.database, me="other")
    await other.replicas.beat(AT, dead_before=AT)
    await record_request(other, "of the living")
    await record_request(store, "in a terminal", surface="cli")
    await record_request(store, "orphan")
    assert await take_requests(next_one) == ["orphan"]


async def test_what_nobody_ever_owned_is_an_orphan(store: Store, next_one: Store) -> None:
    await record_request(build_store(store.database, me=None), "old")  # type: ignore[arg-type]
    assert await take_requests(next_one) == ["old"]


async def test_much_is_taken_over_piece_by_piece(store: Store, next_one: Store) -> None:
    names = [f"r{n:02}" for n in range(AT_ONCE + 5)]
    for n, name in enumerate(names):
        await record_request(store, name, created_at=after(seconds=n))
    assert await take_requests(next_one) == names[:AT_ONCE]
    assert await take_requests(next_one) == names[AT_ONCE:]


async def test_one_that_was_only_slow_has_lost_its_claim(store: Store, next_one: Store) -> None:
    await record_request(store)
    await next_one.replicas.take_requests()
    with pytest.raises(OwnershipLost):
        await store.requests.record_drafts(make_draft_outcome())
    assert await store.count("candidates") == 0
    await next_one.requests.record_drafts(make_draft_outcome())
    with pytest.raises(OwnershipLost):  # drafted already
        await next_one.requests.record_drafts(make_draft_outcome())
    assert await store.count("candidates") == 3


@pytest.mark.parametrize("how", ["expired", "unknown"])
async def test_what_is_no_longer_in_drafting_takes_no_drafts(store: Store, how: str) -> None:
    if how == "expired":
        await record_request(store)
        assert await store.requests.close_expired(["r1"], at=after()) == 1
    with pytest.raises(OwnershipLost):
        await store.requests.record_drafts(make_draft_outcome())


async def test_closing_as_expired_leaves_the_decided(store: Store) -> None:
    await record_request(store)
    await record_shown(store, "r2")
    await record_choice(store, a_choice("r2"))
    assert await store.requests.close_expired(["r1", "r2", "nobody"], at=after(hours=1)) == 1
    first, second = await store.entries()
    assert (first.request.status, second.request.status) == ("expired", "shown")
    assert [event.type for event in first.events] == ["expired"]


# --- deliveries ---------------------------------------------------------------------------------------------


async def test_replies_cut_off_are_taken_over_in_the_order_of_their_choices(store: Store, next_one: Store) -> None:
    for n in range(3):
        await record_shown(store, f"r{n}")
        await record_choice(store, a_choice(f"r{n}", id=f"c{n}", chosen_at=after(seconds=50 - n)), parts=2)
    await store.deliveries.begin_attempt("c1-d0")
    await record_shown(store, "r3")
    [part] = make_parts(await record_choice(store, a_choice("r3", id="c3"), parts=1))
    await record_posted(store, part)
    assert await take_deliveries(next_one) == ["c2", "c1", "c0"]
    states = await store.rows("SELECT id, state, owner FROM deliveries ORDER BY id")
    assert [(row["id"], row["state"], row["owner"]) for row in states] == [
        ("c0-d0", "pending", "next"),
        ("c0-d1", "pending", "next"),
        ("c1-d0", "unknown", "next"),
        ("c1-d1", "pending", "next"),
        ("c2-d0", "pending", "next"),
        ("c2-d1", "pending", "next"),
        ("c3-d0", "done", "here"),
    ]
    assert await take_deliveries(next_one) == []


async def test_an_agent_who_was_not_told_yet_is_told_by_another(store: Store, next_one: Store) -> None:
    """A reply that stands, and nobody said so: until its agent has been told, or it is too long ago."""
    for n in range(3):
        await record_shown(store, f"r{n}")
        [part] = make_parts(
            await record_choice(store, a_choice(f"r{n}", id=f"c{n}", chosen_at=after(seconds=n)), parts=1)
        )
        await record_posted(store, part)
    await store.deliveries.mark_told("c1")
    await store.deliveries.mark_told("c0")
    assert await take_deliveries(next_one, untold_since=after(seconds=3)) == []
    assert await take_deliveries(next_one, untold_since=after(seconds=2)) == ["c2"]
    assert await take_deliveries(next_one, untold_since=AT) == []
    [owner] = await store.rows("SELECT owner FROM deliveries WHERE choice_id = 'c2'")
    assert owner["owner"] == "next"
    await next_one.deliveries.mark_told("c2")
    await next_one.replicas.leave()
    later = build_store(store.database, me="later")
    await later.replicas.join(AT)
    assert await take_deliveries(later, untold_since=AT) == []


async def test_a_long_reply_is_never_divided_between_two(store: Store, next_one: Store) -> None:
    """However many parts are left, one choice is one replica's: parts go out in order."""
    for n in range(AT_ONCE + 1):
        await record_shown(store, f"r{n}")
        await record_choice(store, a_choice(f"r{n}", id=f"c{n:02}", chosen_at=after(seconds=n)), parts=3)
    assert await take_deliveries(next_one) == [f"c{n:02}" for n in range(AT_ONCE)]
    owners = await store.rows(OWNERS)
    assert all(row["a"] == row["b"] for row in owners)
    assert await take_deliveries(next_one) == [f"c{AT_ONCE:02}"]


async def test_agents_are_told_of_what_is_unknown_for_a_while_and_not_at_every_start_for_ever(
    store: Store, next_one: Store
) -> None:
    for name, at in (("old", after(seconds=5)), ("young", after(seconds=50)), ("attempted", after(seconds=5))):
        await record_shown(store, f"r-{name}")
        choice = await record_choice(store, a_choice(f"r-{name}", id=name, chosen_at=at), parts=2)
        await store.deliveries.begin_attempt(f"{choice.id}-d0")
        if name != "attempted":
            await store.deliveries.mark_unknown(f"{choice.id}-d0")
    assert await take_deliveries(next_one, unknown_since=after(seconds=49)) == ["attempted", "young"]
    # Told once, as a crash demands; and not again at the next start.
    later = build_store(store.database, me="later")
    await next_one.replicas.leave()
    await later.replicas.join(AT)
    assert await take_deliveries(later, unknown_since=after(seconds=49)) == ["young"]


async def test_what_was_posted_and_taken_back_is_left_to_be_deleted(store: Store, next_one: Store) -> None:
    await record_shown(store)
    first, second, third = make_parts(await record_choice(store, parts=3), 3)
    await record_posted(store, first)
    await record_posted(store, second, message_ts=None)
    await retract_choice(store)
    assert await take_deliveries(next_one) == []
    assert await take_deletions(next_one, undone_since=after(seconds=10)) == []
    assert await take_deletions(next_one) == [first.id]
    assert await take_deletions(next_one) == []
    assert third.id not in {row["id"] for row in await store.rows("SELECT id FROM deliveries")}


async def test_who_takes_a_choice_back_deletes_what_was_posted(store: Store, next_one: Store) -> None:
    """And not another one at the same time."""
    await record_shown(store)
    [part] = make_parts(await record_choice(store, parts=1))
    await record_posted(store, part)
    await retract_choice(next_one)
    assert await take_deletions(build_store(store.database, me="third")) == []


# --- two at once ---------------------------------------------------------------------------------------------


@pytest.fixture
async def crowd(url: str) -> AsyncIterator[Sequence[Store]]:
    """Four replicas, each with connections of its own, all alive."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(url, me=f"m{n}", write_limit_s=20)) for n in range(4)]
        for store in stores:
            await store.replicas.beat(AT, dead_before=AT)
        yield stores


def assert_each_once(lists: Sequence[Sequence[str]], expected: set[str]) -> None:
    everything = [name for names in lists for name in names]
    assert sorted(everything) == sorted(expected)


@pytest.mark.parametrize("attempt", range(3))
async def test_orphans_wanted_by_many_at_once_are_taken_exactly_once(crowd: Sequence[Store], attempt: int) -> None:
    dead = build_store(crowd[0].database, me="dead")
    names = {f"r{n}" for n in range(30)}
    for name in names:
        await record_request(dead, name)
    for n in range(10):
        await record_shown(dead, f"s{n}")
        await record_choice(dead, a_choice(f"s{n}", id=f"c{n}"), parts=3)
        await record_shown(dead, f"u{n}")
        [part] = make_parts(await record_choice(dead, a_choice(f"u{n}", id=f"d{n}"), parts=1))
        await record_posted(dead, part)
        await retract_choice(dead, f"u{n}")
    lists: list[list[str]] = await asyncio.gather(*(take_requests(store) for store in [*crowd, *crowd]))
    lists.append(await take_requests(crowd[0]))
    assert_each_once(lists, names)
    assert_each_once(await asyncio.gather(*(take_deliveries(store) for store in crowd)), {f"c{n}" for n in range(10)})
    assert_each_once(await asyncio.gather(*(take_deletions(store) for store in crowd)), {f"d{n}-d0" for n in range(10)})
    owners = await crowd[0].rows(OWNERS)
    assert all(row["a"] == row["b"] != "dead" for row in owners)


async def test_one_command_delivered_to_every_replica_is_one_request(crowd: Sequence[Store]) -> None:
    results = await asyncio.gather(
        *(store.requests.record(a_request(f"r{n}"), idempotency_key="command:1") for n, store in enumerate(crowd)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, DuplicateDelivery) for result in results) == 3
    assert await crowd[0].count("requests") == 1


async def test_one_click_delivered_to_every_replica_is_one_choice(crowd: Sequence[Store]) -> None:
    await record_shown(crowd[0])
    results = await asyncio.gather(
        *(record_choice(store, key="click:1", parts=1) for store in crowd), return_exceptions=True
    )
    assert sum(isinstance(result, DuplicateDelivery) for result in results) == 3
    assert await crowd[0].count("choices") == await crowd[0].count("deliveries") == 1


@pytest.mark.parametrize("attempt", range(4))
async def test_a_choice_a_redraft_and_the_night_at_once_have_one_winner(crowd: Sequence[Store], attempt: int) -> None:
    await record_shown(crowd[0])
    moves = [
        lambda: record_choice(crowd[0], parts=1),
        lambda: record_redraft(crowd[1]),
        lambda: crowd[2].requests.close_expired(["r1"], at=after(days=1)),
        lambda: record_choice(crowd[3], parts=1),
    ]
    turned = moves[attempt:] + moves[:attempt]
    results = await asyncio.gather(*(move() for move in turned), return_exceptions=True)
    by_move = results[-attempt:] + results[:-attempt] if attempt else results
    won = [not isinstance(by_move[n], RequestClosed) if n != 2 else by_move[2] == 1 for n in range(4)]
    assert won.count(True) == 1
    entry = await crowd[0].entry()
    assert (entry.choice is not None) == (won[0] or won[3])
    assert entry.request.status == ("redrafted" if won[1] else "expired" if won[2] else "shown")


async def test_the_same_requests_expired_by_all_at_once_expire_once(crowd: Sequence[Store]) -> None:
    names = [f"r{n}" for n in range(40)]
    for name in names:
        await record_request(crowd[0], name)
    orders = [names, names[::-1], sorted(names, key=hash), names]
    counts = await asyncio.gather(
        *(store.requests.close_expired(order, at=after()) for store, order in zip(crowd, orders, strict=True))
    )
    assert sum(counts) == 40
    assert await crowd[0].count("events") == 40


# --- switches -------------------------------------------------------------------------------------------------


async def test_a_switch_is_on_everywhere_until_it_is_turned_off(crowd: Sequence[Store]) -> None:
    assert not await crowd[1].switches.is_on("paused")
    assert await crowd[0].switches.turn("paused", to=True, by="U1", at=AT)
    assert await crowd[1].switches.is_on("paused")
    assert not await crowd[1].switches.turn("paused", to=True, by="U2", at=AT)
    assert await crowd[1].switches.turn("paused", to=False, by="U2", at=AT)
    assert not await crowd[0].switches.turn("paused", to=False, by="U1", at=AT)
    assert not await crowd[0].switches.is_on("paused")
    rows = await crowd[0].rows("SELECT actor, action FROM audit ORDER BY seq")
    assert [(row["actor"], row["action"]) for row in rows] == [("U1", "paused_on"), ("U2", "paused_off")]


@pytest.mark.parametrize("to", [True, False])
async def test_a_switch_thrown_by_all_at_once_is_thrown_once(crowd: Sequence[Store], *, to: bool) -> None:
    if not to:
        await crowd[0].switches.turn("paused", to=True, by="U0", at=AT)
    results = await asyncio.gather(*(store.switches.turn("paused", to=to, by="U1", at=AT) for store in crowd))
    assert sorted(results) == [False] * 3 + [True]
    assert await crowd[0].switches.is_on("paused") is to
    assert await crowd[0].count("audit") == 1 + (not to)


async def test_a_playbook_kept_by_all_at_once_is_kept_once(crowd: Sequence[Store]) -> None:
    await asyncio.gather(*(store.requests.keep_playbook(prompt_version="p1", text="t", at=AT) for store in crowd))
    assert await crowd[0].count("playbooks") == 1

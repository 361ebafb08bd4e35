"""How far a part has got: only the drawn transitions happen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from storage.errors import DeliveryInProgress, DuplicateDelivery
from storage.records import Delivery, DeliveryState, Event
from storage.repositories.replicas import Replicas
from tests.storage.stores import (
    Store,
    a_choice,
    after,
    build_store,
    make_parts,
    record_choice,
    record_shown,
    retract_choice,
)

Move = Callable[[Store, Delivery], Awaitable[Any]]

POSTED = {"channel_id": "C1", "message_ts": "1.1"}
MOVES: dict[str, Move] = {
    "attempt": lambda store, part: store.deliveries.begin_attempt(part.id),
    "done": lambda store, part: store.deliveries.mark_done(replace(part, state="done", **POSTED), sent=None),
    "put_back": lambda store, part: store.deliveries.put_back(part.id, address="response_url"),
    "unknown": lambda store, part: store.deliveries.mark_unknown(part.id),
    "taken over": lambda store, part: find_orphans(store).take_deliveries(
        unknown_since=after(), untold_since=after(days=1)
    ),
    "post_again": lambda store, part: store.deliveries.post_again(part.request_id, idempotency_key="k", at=after()),
}
WAYS: dict[DeliveryState, list[str]] = {
    "pending": [],
    "attempting": ["attempt"],
    "unknown": ["attempt", "unknown"],
    "done": ["attempt", "done"],
}
# (state, move): state after it; what is not listed leaves the state as it was.
DRAWN: dict[tuple[DeliveryState, str], DeliveryState] = {
    ("pending", "attempt"): "attempting",
    ("attempting", "done"): "done",
    ("attempting", "put_back"): "pending",
    ("attempting", "unknown"): "unknown",
    ("attempting", "taken over"): "unknown",
    ("unknown", "post_again"): "pending",
    # What no address took is done without a call; what seemed unknown may turn out to be done.
    ("pending", "done"): "done",
    ("unknown", "done"): "done",
}


def find_orphans(store: Store) -> Replicas:
    """What another replica finds; the one here never joined, so it is not known to be alive."""
    return build_store(store.database, me="another").replicas


async def record_part(store: Store, state: DeliveryState = "pending") -> Delivery:
    await record_shown(store)
    choice = await record_choice(store, parts=1)
    [part] = make_parts(choice)
    for move in WAYS[state]:
        await MOVES[move](store, part)
    return part


async def read_part(store: Store, part: Delivery) -> Delivery:
    [found] = await store.deliveries.list_parts(part.choice_id)
    return found


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", WAYS)
async def test_only_the_drawn_transitions_happen(store: Store, state: DeliveryState, move: str) -> None:
    part = await record_part(store, state)
    before = await read_part(store, part)
    assert before.state == state
    await MOVES[move](store, part)
    now = await read_part(store, part)
    assert now.state == DRAWN.get((state, move), state)
    if (state, move) not in DRAWN and move != "done":
        assert replace(now, owner=None) == replace(before, owner=None)


async def test_an_attempt_is_won_once(store: Store) -> None:
    part = await record_part(store)
    won = await asyncio.gather(*(store.deliveries.begin_attempt(part.id) for _ in range(10)))
    assert sorted(won) == [False] * 9 + [True]
    assert (await read_part(store, part)).attempts == 1


async def test_each_attempt_counts(store: Store) -> None:
    part = await record_part(store)
    for _ in range(3):
        assert await store.deliveries.begin_attempt(part.id)
        await store.deliveries.put_back(part.id, address="channel")
    assert (await read_part(store, part)).attempts == 3


async def test_what_is_done_tells_where_it_stands_and_keeps_no_text(store: Store) -> None:
    part = await record_part(store, "attempting")
    sent = Event(request_id="r1", type="sent", at=after(seconds=6))
    await store.deliveries.mark_done(replace(part, address="response_url", **POSTED), sent=sent)
    now = await read_part(store, part)
    assert (now.state, now.address, now.channel_id, now.message_ts) == ("done", "response_url", "C1", "1.1")
    assert now.text is None
    assert (await store.entry()).events[-1] == sent


async def test_what_is_left_to_copy_keeps_its_text(store: Store) -> None:
    """A restart may come before the agent has seen it."""
    part = await record_part(store)
    await store.deliveries.mark_done(replace(part, address="copy"), sent=None)
    assert (await read_part(store, part)).text == "part 0"


async def test_put_back_keeps_the_address_to_try_next(store: Store) -> None:
    part = await record_part(store, "attempting")
    await store.deliveries.put_back(part.id, address="response_url")
    assert (await read_part(store, part)).address == "response_url"


async def test_what_is_unknown_is_posted_again_when_the_agent_says_so(store: Store) -> None:
    await record_part(store, "unknown")
    assert await store.deliveries.post_again("r1", idempotency_key="click:1", at=after(seconds=8))
    assert not await store.deliveries.post_again("r1", idempotency_key="click:2", at=after(seconds=8))
    with pytest.raises(DuplicateDelivery):
        await store.deliveries.post_again("r1", idempotency_key="click:1", at=after(seconds=8))


async def test_a_deleted_part_is_forgotten(store: Store) -> None:
    part = await record_part(store, "done")
    await retract_choice(store)
    assert [found.id for found in await store.deliveries.list_parts(part.choice_id)] == [part.id]
    await store.deliveries.remove(part.id)
    assert await store.deliveries.list_parts(part.choice_id) == ()


async def test_only_the_replica_that_owns_a_part_attempts_it(store: Store) -> None:
    part = await record_part(store)
    other = build_store(store.database, me="another")
    assert not await other.deliveries.begin_attempt(part.id)
    assert (await read_part(store, part)).state == "pending"
    assert await store.deliveries.begin_attempt(part.id)


async def test_whoever_the_agent_tells_to_post_again_has_all_that_is_left(store: Store) -> None:
    """The click may reach another replica than the one that delivered: the parts that wait go out by one hand."""
    await record_shown(store)
    choice = await record_choice(store, parts=3)
    first, second, third = (part.id for part in make_parts(choice, 3))
    await store.deliveries.begin_attempt(first)
    await store.deliveries.mark_done(replace(make_parts(choice)[0], **POSTED), sent=None)
    await store.deliveries.begin_attempt(second)
    await store.deliveries.mark_unknown(second)
    other = build_store(store.database, me="another")
    assert await other.deliveries.post_again("r1", idempotency_key="k", at=after())
    owners = [part.owner for part in await store.deliveries.list_parts(choice.id)]
    assert owners == ["here", "another", "another"]
    assert not await store.deliveries.begin_attempt(third)
    assert await other.deliveries.begin_attempt(second)
    assert await other.deliveries.begin_attempt(third)


@pytest.mark.parametrize("attempt", range(4))
async def test_an_undo_and_an_attempt_at_once_have_one_winner(store: Store, attempt: int) -> None:
    part = await record_part(store)
    both: list[Awaitable[Any]] = [retract_choice(store), store.deliveries.begin_attempt(part.id)]
    results = await asyncio.gather(*(both if attempt % 2 else both[::-1]), return_exceptions=True)
    won = True in results
    assert won == any(isinstance(result, DeliveryInProgress) for result in results)
    assert won != (False in results)
    assert ((await store.entry()).choice is None) != won
    assert len(await store.deliveries.list_parts(part.choice_id)) == won


def test_the_reply_is_not_in_a_deliverys_repr() -> None:
    [part] = make_parts(a_choice(), text="Dear customer")
    assert "Dear" not in repr(part)

"""How far a part has got: only the drawn transitions happen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from storage.errors import Redelivered
from storage.records import Delivery, DeliveryState, Event
from tests.storage.stores import Store, a_choice, after, chosen, parts_of, shown, undone

Move = Callable[[Store, Delivery], Awaitable[Any]]

POSTED = {"channel_id": "C1", "message_ts": "1.1"}
MOVES: dict[str, Move] = {
    "attempt": lambda store, part: store.deliveries.attempt(part.id),
    "done": lambda store, part: store.deliveries.done(replace(part, state="done", **POSTED), sent=None),
    "put_back": lambda store, part: store.deliveries.put_back(part.id, address="response_url"),
    "unknown": lambda store, part: store.deliveries.unknown(part.id),
    "unknown_after_crash": lambda store, part: store.deliveries.unknown_after_crash(),
    "post_again": lambda store, part: store.deliveries.post_again(part.request_id, delivery_key="k", at=after()),
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
    ("attempting", "unknown_after_crash"): "unknown",
    ("unknown", "post_again"): "pending",
    # What no address took is done without a call; what seemed unknown may turn out to be done.
    ("pending", "done"): "done",
    ("unknown", "done"): "done",
}


async def a_part(store: Store, state: DeliveryState = "pending") -> Delivery:
    await shown(store)
    choice = await chosen(store, parts=1)
    [part] = parts_of(choice)
    for move in WAYS[state]:
        await MOVES[move](store, part)
    return part


async def read(store: Store, part: Delivery) -> Delivery:
    [found] = await store.deliveries.of_choice(part.choice_id)
    return found


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", WAYS)
async def test_only_the_drawn_transitions_happen(store: Store, state: DeliveryState, move: str) -> None:
    part = await a_part(store, state)
    before = await read(store, part)
    assert before.state == state
    await MOVES[move](store, part)
    now = await read(store, part)
    assert now.state == DRAWN.get((state, move), state)
    if (state, move) not in DRAWN and move != "done":
        assert now == before


async def test_an_attempt_is_won_once(store: Store) -> None:
    part = await a_part(store)
    won = await asyncio.gather(*(store.deliveries.attempt(part.id) for _ in range(10)))
    assert sorted(won) == [False] * 9 + [True]
    assert (await read(store, part)).attempts == 1


async def test_each_attempt_counts(store: Store) -> None:
    part = await a_part(store)
    for _ in range(3):
        assert await store.deliveries.attempt(part.id)
        await store.deliveries.put_back(part.id, address="channel")
    assert (await read(store, part)).attempts == 3


async def test_what_is_done_tells_where_it_stands_and_keeps_no_text(store: Store) -> None:
    part = await a_part(store, "attempting")
    sent = Event(request_id="r1", type="sent", at=after(seconds=6))
    await store.deliveries.done(replace(part, address="response_url", **POSTED), sent=sent)
    now = await read(store, part)
    assert (now.state, now.address, now.channel_id, now.message_ts) == ("done", "response_url", "C1", "1.1")
    assert now.text is None
    assert (await store.entry()).events[-1] == sent


async def test_what_is_left_to_copy_keeps_its_text(store: Store) -> None:
    """A restart may come before the agent has seen it."""
    part = await a_part(store)
    await store.deliveries.done(replace(part, address="copy"), sent=None)
    assert (await read(store, part)).text == "part 0"


async def test_put_back_keeps_the_address_to_try_next(store: Store) -> None:
    part = await a_part(store, "attempting")
    await store.deliveries.put_back(part.id, address="response_url")
    assert (await read(store, part)).address == "response_url"


async def test_a_crash_leaves_unknown_what_was_attempted_and_nothing_else(store: Store) -> None:
    for n, state in enumerate(("attempting", "pending", "done", "attempting")):
        await shown(store, f"r{n}")
        choice = await chosen(store, a_choice(f"r{n}", id=f"c{n}"), parts=1)
        for move in WAYS[state]:  # type: ignore[index]
            await MOVES[move](store, parts_of(choice)[0])
    assert await store.deliveries.unknown_after_crash() == 2
    assert await store.deliveries.unknown_after_crash() == 0
    rows = await store.rows("SELECT state FROM deliveries ORDER BY choice_id")
    assert [row["state"] for row in rows] == ["unknown", "pending", "done", "unknown"]


async def test_unfinished_are_the_standing_choices_with_parts_pending_or_lately_unknown_oldest_first(
    store: Store,
) -> None:
    for n in range(5):
        await shown(store, f"r{n}")
        await chosen(store, a_choice(f"r{n}", id=f"c{n}", chosen_at=after(seconds=50 - n)), parts=2)
    for part in ("c0-d0", "c0-d1"):
        await store.deliveries.attempt(part)
        await store.deliveries.done(
            Delivery(id=part, choice_id="c0", request_id="r0", part=0, address="channel"), sent=None
        )
    await undone(store, "r1")
    await store.deliveries.attempt("c2-d0")
    await store.deliveries.unknown("c2-d0")
    await store.deliveries.attempt("c3-d0")
    assert await store.deliveries.unfinished(unknown_since=after()) == ("c4", "c3", "c2")
    assert await store.deliveries.unfinished(unknown_since=after(seconds=49)) == ("c4", "c3")


async def test_what_is_unknown_is_posted_again_when_the_agent_says_so(store: Store) -> None:
    await a_part(store, "unknown")
    assert await store.deliveries.post_again("r1", delivery_key="click:1", at=after(seconds=8))
    assert not await store.deliveries.post_again("r1", delivery_key="click:2", at=after(seconds=8))
    with pytest.raises(Redelivered):
        await store.deliveries.post_again("r1", delivery_key="click:1", at=after(seconds=8))


async def test_a_deleted_part_is_forgotten(store: Store) -> None:
    part = await a_part(store, "done")
    assert await store.deliveries.to_delete() == ()
    await undone(store)
    assert [found.id for found in await store.deliveries.to_delete()] == [part.id]
    await store.deliveries.deleted(part.id)
    assert await store.deliveries.to_delete() == ()
    assert await store.deliveries.of_choice(part.choice_id) == ()


async def test_what_has_no_timestamp_cannot_be_deleted(store: Store) -> None:
    part = await a_part(store, "attempting")
    await store.deliveries.done(replace(part, address="response_url", channel_id="C1"), sent=None)
    await undone(store)
    assert await store.deliveries.to_delete() == ()


def test_the_reply_is_not_in_a_deliverys_repr() -> None:
    [part] = parts_of(a_choice(), text="Dear customer")
    assert "Dear" not in repr(part)

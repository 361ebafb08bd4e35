"""The choice log: all that was selected, in order, whole, page by page."""

from contextlib import aclosing
from datetime import timedelta

import pytest

from storage.records import Event, Selection
from storage.rows import to_row
from storage.tables import candidates, requests
from tests.storage.stores import (
    AT,
    Store,
    a_request,
    after,
    record_choice,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
    some_candidates,
)

ALL = Selection(include_simulated=True)


async def record_many(store: Store, how_many: int) -> list[str]:
    """Requests by the hundred, in threes of the same moment, not in the order of their ids; each with a candidate."""
    made = [a_request(f"r{(n * 7919) % how_many:05}", created_at=after(milliseconds=n // 300)) for n in range(how_many)]
    async with store.database.write() as connection:
        await connection.execute(requests.insert(), [to_row(request) for request in made])
        drafts = [draft for request in made for draft in some_candidates(request.id, 1)]
        await connection.execute(candidates.insert(), [to_row(draft) for draft in drafts])
    return [request.id for request in sorted(made, key=lambda request: (request.created_at, request.id))]


async def list_ids(store: Store, selection: Selection) -> list[str]:
    return [entry.request.id for entry in await store.entries(selection)]


@pytest.mark.parametrize("how_many", [0, 1, 499, 500, 501, 1203])
async def test_each_request_comes_once_and_in_order_over_the_borders_of_pages(store: Store, how_many: int) -> None:
    expected = await record_many(store, how_many) if how_many else []
    entries = await store.entries(ALL)
    assert [entry.request.id for entry in entries] == expected
    assert all(entry.candidates[0].request_id == entry.request.id for entry in entries)


async def test_what_is_recorded_while_reading_does_not_shift_the_pages(store: Store) -> None:
    expected = await record_many(store, 700)
    found = []
    async with aclosing(store.log.iter_entries(ALL)) as entries:
        async for entry in entries:
            if not found:
                await record_request(store, "earlier", created_at=AT - timedelta(days=1))
                await record_request(store, "later", created_at=after(days=1))
            found.append(entry.request.id)
    assert found == [*expected, "later"]


async def test_a_reader_that_leaves_early_holds_nothing(store: Store) -> None:
    await record_many(store, 600)
    for _ in range(10):
        async with aclosing(store.log.iter_entries(ALL)) as entries:
            async for _entry in entries:
                break
    assert len(await store.entries(ALL)) == 600


async def test_an_entry_is_whole(store: Store) -> None:
    await record_shown(store)
    first = await record_choice(store)
    await retract_choice(store)
    second = await record_choice(store)
    await record_request(store, "r2")
    entry, other = await store.entries(ALL)
    assert entry.choice == second
    assert entry.choice != first
    assert [event.type for event in entry.events] == ["shown", "used", "undone", "used"]
    assert [draft.sample_index for draft in entry.candidates] == [0, 1, 2]
    assert (other.candidates, other.choice, other.events) == ((), None, ())


async def test_events_come_as_they_happened_also_in_the_same_moment(store: Store) -> None:
    await record_shown(store)
    for n in range(20):
        await store.requests.record_event(Event(request_id="r1", type="stale_warned", at=AT, data={"n": n}))
    assert [event.data["n"] for event in (await store.entry()).events[1:]] == list(range(20))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), ["early", "late", "other team"]),
        (Selection(include_simulated=True), ["early", "made up", "late", "other team"]),
        (Selection(since=after(seconds=1)), ["late", "other team"]),
        (Selection(until=after(seconds=1)), ["early"]),
        (Selection(since=AT, until=after(seconds=2)), ["early", "late"]),
        (Selection(team_id="T2"), ["other team"]),
        (Selection(team_id="T1", since=after(seconds=1)), ["late"]),
        (Selection(team_id="nobody"), []),
    ],
    ids=str,
)
async def test_only_what_is_selected_comes(store: Store, selection: Selection, expected: list[str]) -> None:
    await record_request(store, "early")
    await record_request(store, "made up", simulated=True)
    await record_request(store, "late", created_at=after(seconds=1))
    await record_request(store, "other team", created_at=after(seconds=2), team_id="T2")
    assert await list_ids(store, selection) == expected


async def test_a_redraft_follows_its_parent(store: Store) -> None:
    await record_shown(store)
    await record_redraft(store)
    assert await list_ids(store, ALL) == ["r1", "r2"]


async def test_one_entry_is_whole_too(store: Store) -> None:
    await record_shown(store)
    await record_choice(store)
    await record_request(store, "r2")
    assert await store.log.get_entry("r1") == (await store.entries(ALL))[0]
    assert await store.log.get_entry("nobody") is None


async def test_what_is_selected_is_counted(store: Store) -> None:
    await record_request(store, "r1")
    await record_request(store, "r2", simulated=True)
    await record_request(store, "r3", team_id="T2")
    assert await store.log.count(ALL) == 3
    assert await store.log.count(Selection()) == 2
    assert await store.log.count(Selection(team_id="T2")) == 1
    assert await store.log.count(Selection(since=after(days=1))) == 0

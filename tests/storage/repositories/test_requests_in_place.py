"""Candidates recorded one by one, while the agent may decide on those that are there: on both engines."""

import asyncio
from dataclasses import replace

import pytest

from storage.errors import OwnershipLost, RequestClosed
from storage.records import Event, Turn
from storage.repositories.requests import ProgressiveOutcome
from tests.storage.stores import Store, a_choice, after, build_store, record_request, some_candidates


def make_used_event() -> Event:
    return Event(request_id="r1", type="used", at=after(seconds=5), agent_id="U1")


async def choose(store: Store) -> None:
    choice = a_choice(visible_candidate_ids=("r1-c0",))
    await store.choices.record(choice, idempotency_key=f"click:{choice.id}", event=make_used_event())


def make_seen_event(**span: float) -> Event:
    return Event(request_id="r1", type="shown", at=after(**span), agent_id="U1")


def make_outcome(**changes: object) -> ProgressiveOutcome:
    plain = ProgressiveOutcome(request_id="r1", candidates=(), order_propensity=0.5, first_propensity=0.5)
    return replace(plain, **changes)  # type: ignore[arg-type]


async def test_each_is_recorded_once_and_the_first_placed_one_opens_the_request(store: Store) -> None:
    await record_request(store)
    one, two, failed = some_candidates()
    failed = replace(failed, position=None, text=None, error="refused")
    await store.requests.record_candidate(failed, at=after(seconds=1))
    assert (await store.entry()).request.sent_to_slack_at is None
    for _ in range(2):  # the answer to the first was lost
        await store.requests.record_candidate(one, at=after(seconds=2))
    await store.requests.record_candidate(two, at=after(seconds=3))
    entry = await store.entry()
    assert (entry.request.sent_to_slack_at, entry.request.status) == (after(seconds=2), "drafting")
    assert [candidate.id for candidate in entry.candidates] == ["r1-c0", "r1-c1", "r1-c2"]


async def test_it_is_shown_when_all_is_drafted_and_some_of_it_was_seen(store: Store) -> None:
    await record_request(store)
    one, two, three = some_candidates()
    await store.requests.record_candidate(one, at=after(seconds=1))
    assert await store.requests.record_shown(make_seen_event(seconds=2), only=[one.id])
    await store.requests.record_candidate(two, at=after(seconds=3))
    assert (await store.entry()).request.status == "drafting"
    three = replace(three, position=None, text=None, error="cancelled")
    await store.requests.record_progressive_outcome(make_outcome(candidates=(three,)))
    assert not await store.requests.record_shown(make_seen_event(seconds=4), only=[one.id, two.id])
    entry = await store.entry()
    assert (entry.request.status, entry.request.shown_at) == ("shown", after(seconds=2))
    assert [candidate.shown_at for candidate in entry.candidates] == [after(seconds=2), after(seconds=4), None]
    assert [candidate.first_propensity for candidate in entry.candidates] == [0.5, 0.5, None]
    assert [event.type for event in entry.events] == ["shown"]


async def test_seen_only_after_all_is_drafted(store: Store) -> None:
    await record_request(store)
    await store.requests.record_candidate(some_candidates()[0], at=after(seconds=1))
    await store.requests.record_progressive_outcome(make_outcome())
    assert (await store.entry()).request.status == "drafting"
    await store.requests.record_shown(make_seen_event(seconds=2), only=["r1-c0"])
    assert (await store.entry()).request.status == "shown"


async def test_after_a_choice_none_is_added(store: Store) -> None:
    await record_request(store)
    one, two, _ = some_candidates()
    await store.requests.record_candidate(one, at=after(seconds=1))
    await choose(store)
    with pytest.raises(RequestClosed):
        await store.requests.record_candidate(two, at=after(seconds=2))
    late = replace(two, position=None, dropped_reason="not_selected")
    await store.requests.record_progressive_outcome(make_outcome(candidates=(late,)))
    entry = await store.entry()
    assert [candidate.dropped_reason for candidate in entry.candidates] == [None, "not_selected"]
    assert entry.choice is not None


async def test_a_choice_and_a_draft_at_once_take_turns(store: Store) -> None:
    """Whichever is first: a candidate that is placed was there before the choice, or there is none."""
    await record_request(store)
    one, two, _ = some_candidates()
    await store.requests.record_candidate(one, at=after(seconds=1))
    results = await asyncio.gather(
        choose(store), store.requests.record_candidate(two, at=after(seconds=2)), return_exceptions=True
    )
    entry = await store.entry()
    assert entry.choice is not None
    assert (len(entry.candidates) == 2) == (results[1] is None)
    assert results[1] is None or isinstance(results[1], RequestClosed)


async def test_another_replica_records_nothing(store: Store) -> None:
    await record_request(store)
    other = build_store(store.database, me="another")
    with pytest.raises(OwnershipLost):
        await other.requests.record_candidate(some_candidates()[0], at=after(seconds=1))
    with pytest.raises(OwnershipLost):
        await other.requests.record_progressive_outcome(make_outcome())
    with pytest.raises(OwnershipLost):
        await other.requests.record_conversation("r1", (Turn(role="customer", text="Other"),))
    assert (await store.entry()).candidates == ()


async def test_what_ended_is_not_ended_again(store: Store) -> None:
    await record_request(store)
    await store.requests.record_candidate(some_candidates()[0], at=after(seconds=1))
    await store.requests.record_progressive_outcome(make_outcome())
    with pytest.raises(OwnershipLost):
        await store.requests.record_progressive_outcome(make_outcome())


async def test_where_nothing_could_be_shown_it_failed(store: Store) -> None:
    await record_request(store)
    event = Event(request_id="r1", type="failed", at=after(seconds=2), agent_id="U1", data={"errors": ["refused"]})
    ended = make_outcome(order_propensity=None, first_propensity=None, events=(event,))
    await store.requests.record_progressive_outcome(ended)
    entry = await store.entry()
    assert (entry.request.status, entry.request.sent_to_slack_at) == ("failed", None)
    assert [each.type for each in entry.events] == ["failed"]
    with pytest.raises(OwnershipLost):
        await store.requests.record_progressive_outcome(ended)


async def test_what_was_not_seen_yet_is_seen_when_all_is_shown_again(store: Store) -> None:
    await record_request(store)
    one, two, _ = some_candidates()
    await store.requests.record_candidate(one, at=after(seconds=1))
    await store.requests.record_shown(make_seen_event(seconds=2), only=[one.id])
    await store.requests.record_candidate(two, at=after(seconds=3))
    await store.requests.record_progressive_outcome(make_outcome())
    await store.requests.record_shown_again(make_seen_event(seconds=9))
    entry = await store.entry()
    assert [candidate.shown_at for candidate in entry.candidates] == [after(seconds=2), after(seconds=9)]
    assert [event.type for event in entry.events] == ["shown", "shown"]


async def test_a_thread_is_recorded_until_something_is_shown(store: Store) -> None:
    await record_request(store)
    turns = (Turn(role="customer", text="Where?"), Turn(role="agent", text="Here."))
    await store.requests.record_conversation("r1", turns)
    assert (await store.entry()).request.conversation == turns
    await store.requests.record_candidate(some_candidates()[0], at=after(seconds=1))
    with pytest.raises(OwnershipLost):
        await store.requests.record_conversation("r1", turns[:1])

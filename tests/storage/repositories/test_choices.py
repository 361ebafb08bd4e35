"""Choices: one stands, by constraint; each delivery counts once; taking one back opens the request again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from storage.errors import DeliveryInProgress, DuplicateDelivery, NothingToUndo, RequestClosed
from storage.records import Event, ResponseUrl
from tests.storage.stores import (
    Store,
    a_choice,
    after,
    make_draft_outcome,
    make_parts,
    record_choice,
    record_failed,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
)


async def test_a_choice_comes_back_whole(store: Store) -> None:
    await record_shown(store)
    choice = await record_choice(store, a_choice(kind="edited", final_text="other", edit_similarity=0.87))
    assert await store.choices.get(choice.id) == choice
    entry = await store.entry()
    assert entry.choice == choice
    assert entry.request.status == "shown"
    assert entry.events[-1].type == "edited"


async def test_an_unknown_choice_is_none(store: Store) -> None:
    assert await store.choices.get("nobody") is None


async def test_a_choice_is_recorded_with_its_parts(store: Store) -> None:
    await record_shown(store)
    choice = await record_choice(store, parts=3)
    assert await store.deliveries.list_parts(choice.id) == make_parts(choice, 3, owner="here")


async def test_of_many_choices_at_once_one_stands(store: Store) -> None:
    await record_shown(store)
    results = await asyncio.gather(*(record_choice(store, parts=1) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, RequestClosed) for result in results) == 9
    assert await store.count("choices") == 1
    assert await store.count("deliveries") == 1
    assert [event.type for event in (await store.entry()).events] == ["shown", "used"]


async def test_the_constraint_itself_refuses_a_second_standing_choice(store: Store) -> None:
    await record_shown(store)
    await record_choice(store)
    with pytest.raises(IntegrityError):
        await store.change(
            "INSERT INTO choices (id, request_id, kind, agent_id, chosen_at, visible_candidate_ids) "
            "VALUES ('x', 'r1', 'dismissed', 'U1', 'now', '[]')"
        )


async def test_one_click_delivered_many_times_at_once_is_one_choice(store: Store) -> None:
    await record_shown(store)
    results = await asyncio.gather(*(record_choice(store, key="click:1") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, DuplicateDelivery) for result in results) == 9
    assert await store.count("choices") == 1


@pytest.mark.parametrize("how", ["drafting", "failed", "unknown", "redrafted", "expired"])
async def test_what_is_not_open_takes_no_choice(store: Store, how: str) -> None:
    if how == "drafting":
        await record_request(store)
    elif how == "failed":
        await record_failed(store)
    elif how != "unknown":
        await record_shown(store)
    if how == "redrafted":
        await record_redraft(store)
    if how == "expired":
        await store.requests.expire(created_before=after(days=1), at=after(days=1))
    keys = await store.count("seen_deliveries")
    with pytest.raises(RequestClosed):
        await record_choice(store)
    assert await store.count("choices") == 0
    assert await store.count("seen_deliveries") == keys


async def test_a_click_may_overtake_the_record_of_shown(store: Store) -> None:
    await record_request(store)
    await store.requests.record_drafts(make_draft_outcome())
    await record_choice(store)
    assert (await store.entry()).choice is not None


async def test_a_choice_of_a_candidate_that_is_not_there_is_refused(store: Store) -> None:
    await record_shown(store)
    with pytest.raises(RequestClosed):
        await record_choice(store, a_choice(candidate_id="nobody"))


async def test_a_choice_brings_the_newest_way_back(store: Store) -> None:
    await record_shown(store, response_url="old", response_url_expires_at=after(minutes=1))
    choice = a_choice()
    await store.choices.record(
        choice,
        idempotency_key="click:1",
        event=Event(request_id="r1", type="used", at=choice.chosen_at),
        response_url=ResponseUrl(url="new", expires_at=after(minutes=31)),
    )
    request = (await store.entry()).request
    assert (request.response_url, request.response_url_expires_at) == ("new", after(minutes=31))


async def test_a_choice_without_a_way_back_leaves_the_known_one(store: Store) -> None:
    await record_shown(store, response_url="old", response_url_expires_at=after(minutes=1))
    await record_choice(store)
    assert await store.url_of("r1") == "old"


# --- undo ---------------------------------------------------------------------------------------------


async def test_undo_opens_the_request_for_another_choice(store: Store) -> None:
    await record_shown(store)
    first = await record_choice(store)
    retracted, parts = await retract_choice(store)
    assert retracted == replace(first, retracted_at=after(seconds=9))
    assert parts == ()
    assert (await store.entry()).choice is None
    second = await record_choice(store, a_choice(candidate_id="r1-c1"))
    assert (await store.entry()).choice == second
    assert await store.choices.get(first.id) == retracted


async def test_undo_opens_the_request_for_a_redraft(store: Store) -> None:
    await record_shown(store)
    await record_choice(store)
    await retract_choice(store)
    await record_redraft(store)
    assert (await store.entry()).request.status == "redrafted"


async def test_the_fact_of_an_undo_holds_the_whole_choice(store: Store) -> None:
    await record_shown(store)
    choice = await record_choice(store, a_choice(kind="edited", final_text="other", edit_similarity=0.5))
    await retract_choice(store)
    event = (await store.entry()).events[-1]
    assert (event.type, event.candidate_id, event.agent_id) == ("undone", "r1-c0", "U1")
    assert event.data == {
        "choice": {
            "id": choice.id,
            "kind": "edited",
            "candidate_id": "r1-c0",
            "final_text": "other",
            "reason": None,
            "edit_similarity": 0.5,
            "agent_id": "U1",
            "chosen_at": "2026-11-22T10:00:05.000Z",
            "decision_ms": 2000,
            "visible_candidate_ids": ["r1-c2", "r1-c1", "r1-c0"],
            "retracted_at": "2026-11-22T10:00:09.000Z",
        }
    }
    json.dumps(event.data)


@pytest.mark.parametrize("how", ["nothing chosen", "taken back already", "unknown"])
async def test_there_may_be_nothing_to_undo(store: Store, how: str) -> None:
    if how != "unknown":
        await record_shown(store)
    if how == "taken back already":
        await record_choice(store)
        await retract_choice(store)
    with pytest.raises(NothingToUndo):
        await retract_choice(store)


async def test_a_redelivered_undo_is_told_apart(store: Store) -> None:
    await record_shown(store)
    await record_choice(store)
    await retract_choice(store, key="click:9")
    await record_choice(store)
    with pytest.raises(DuplicateDelivery):
        await retract_choice(store, key="click:9")
    assert (await store.entry()).choice is not None


async def test_undo_many_times_at_once_takes_back_once(store: Store) -> None:
    await record_shown(store)
    await record_choice(store)
    results = await asyncio.gather(*(retract_choice(store) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, NothingToUndo) for result in results) == 4


async def test_undo_cancels_what_is_pending_and_returns_what_was_or_may_have_been_posted(store: Store) -> None:
    await record_shown(store)
    choice = await record_choice(store, parts=3)
    first, second, _ = make_parts(choice, 3)
    await store.deliveries.begin_attempt(first.id)
    await store.deliveries.mark_done(replace(first, channel_id="C1", message_ts="1.1"), sent=None)
    await store.deliveries.begin_attempt(second.id)
    await store.deliveries.mark_unknown(second.id)
    _, parts = await retract_choice(store)
    assert [(part.part, part.state, part.message_ts) for part in parts] == [(0, "done", "1.1"), (1, "unknown", None)]
    assert [part.part for part in await store.deliveries.list_parts(choice.id)] == [0]


async def test_undo_waits_while_a_part_is_on_its_way(store: Store) -> None:
    await record_shown(store)
    choice = await record_choice(store, parts=2)
    await store.deliveries.begin_attempt(f"{choice.id}-d0")
    with pytest.raises(DeliveryInProgress):
        await retract_choice(store, key="click:9")
    assert (await store.entry()).choice == choice
    await store.deliveries.put_back(f"{choice.id}-d0", address="channel")
    await retract_choice(store, key="click:9")


# --- a dismissal's reason ------------------------------------------------------------------------------


async def give_reason(store: Store, *, key: str = "click:7", note: str | None = None) -> None:
    await store.choices.give_reason(
        "r1", "wrong_tone", agent_id="U1", at=after(seconds=8), idempotency_key=key, note=note
    )


async def test_a_dismissal_may_have_a_reason(store: Store) -> None:
    await record_shown(store)
    await record_choice(store, a_choice(kind="dismissed"))
    await give_reason(store)
    entry = await store.entry()
    assert entry.choice is not None
    assert entry.choice.reason == "wrong_tone"
    assert entry.events[-1].data == {"reason": "wrong_tone"}
    with pytest.raises(DuplicateDelivery):
        await give_reason(store)
    await give_reason(store, key="click:8", note="Too short.")
    await give_reason(store, key="click:9")
    assert (await store.entry()).choice == replace(entry.choice, note="Too short.")


@pytest.mark.parametrize("how", ["used", "undecided", "undone"])
async def test_only_a_standing_dismissal_has_a_reason(store: Store, how: str) -> None:
    await record_shown(store)
    if how == "used":
        await record_choice(store)
    if how == "undone":
        await record_choice(store, a_choice(kind="dismissed"))
        await retract_choice(store)
    with pytest.raises(RequestClosed):
        await give_reason(store)


# --- every kind of key ---------------------------------------------------------------------------------

STEPS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "a command": lambda store: record_request(store, "r9"),
    "a choice": lambda store: record_choice(store, key="k"),
    "an undo": lambda store: retract_choice(store, key="k"),
    "a reason": lambda store: give_reason(store, key="k"),
    "a redraft": lambda store: record_redraft(store, key="k"),
    "a post": lambda store: store.deliveries.post_again("r1", idempotency_key="k", at=after(seconds=8)),
}


@pytest.mark.parametrize("step", STEPS)
async def test_whatever_is_delivered_again_says_so_and_changes_nothing(store: Store, step: str) -> None:
    await record_shown(store)
    if step in {"an undo", "a reason"}:
        await record_choice(store, a_choice(kind="dismissed"))
    await STEPS[step](store)
    before = await store.entries()
    with pytest.raises(DuplicateDelivery):
        await STEPS[step](store)
    assert await store.entries() == before

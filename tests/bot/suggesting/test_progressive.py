"""Candidates that are shown as they are done: in places drawn before, each recorded before it is visible."""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import count
from math import factorial

import pytest

from bot.drafting import DraftFailed
from bot.ordering.shuffle import draw_places
from storage.errors import OwnershipLost, RequestClosed
from storage.records import LogEntry, Request, Turn
from tests.bot.desk import Desk
from tests.storage.stores import after, build_store


def make_failure(error: str = "timed_out") -> DraftFailed:
    return DraftFailed(error, attempts=2, latency_ms=90)  # type: ignore[arg-type]


async def accept(desk: Desk, *results: str | DraftFailed, k: int | None = None) -> Request:
    desk.drafter.results = results
    return await desk.make_suggester(candidates=k or len(results)).accept(desk.make_ask(surface="shortcut"))


async def draft_all(desk: Desk, request: Request, stop: asyncio.Event | None = None) -> list[LogEntry]:
    """Every state of the request that could be shown."""
    return [entry async for entry in desk.make_suggester().draft_progressively(request, stop=stop)]


def get_positions(entry: LogEntry) -> dict[int | None, str | None]:
    return {candidate.position: candidate.text for candidate in entry.visible}


async def test_each_is_recorded_as_it_is_done_in_a_place_that_nothing_moves(desk: Desk) -> None:
    request = await accept(desk, "alpha", "bravo", "charlie")
    desk.drafter.turns = [2, 0, 1]
    drawn = draw_places(request.id, 3)
    states = []
    async for entry in desk.make_suggester().draft_progressively(request):
        [recorded] = await desk.store.entries()
        assert [each.id for each in recorded.candidates] == [each.id for each in entry.candidates]
        assert {each.position for each in recorded.candidates} == {each.position for each in entry.candidates}
        states.append(get_positions(entry))
    assert states[0] == {drawn[2]: "charlie"}
    assert states[1] == {drawn[2]: "charlie", drawn[0]: "alpha"}
    assert states[2] == states[3] == {drawn[2]: "charlie", drawn[0]: "alpha", drawn[1]: "bravo"}
    [recorded] = await desk.store.entries()
    assert recorded.request.order_propensity == 1 / factorial(3)
    assert {each.first_propensity for each in recorded.candidates} == {1 / 3}


async def test_what_failed_or_repeats_another_leaves_its_place_empty(desk: Desk) -> None:
    request = await accept(desk, "It comes on Friday.", make_failure(), "it comes on friday", "Something else")
    desk.drafter.turns = [2, 1, 0, 3]
    last = (await draft_all(desk, request))[-1]
    drawn = draw_places(request.id, 4)
    late, failed, first, other = last.candidates
    assert (first.position, other.position) == (drawn[2], drawn[3])
    assert (late.position, late.dropped_reason, late.duplicate_of) == (None, "near_duplicate", first.id)
    assert (failed.position, failed.error) == (None, "timed_out")
    assert last.request.order_propensity == 1 / factorial(2)
    assert [each.first_propensity for each in last.candidates] == [None, None, 1 / 2, 1 / 2]


async def test_where_all_fail_the_request_failed(desk: Desk) -> None:
    request = await accept(desk, make_failure(), make_failure("refused"))
    last = (await draft_all(desk, request))[-1]
    assert (last.request.status, last.visible) == ("failed", ())
    [recorded] = await desk.store.entries()
    assert (recorded.request.status, recorded.request.sent_to_slack_at) == ("failed", None)
    assert recorded.events[0].data == {"errors": ["timed_out", "refused"]}


async def test_each_has_its_own_moment_of_becoming_visible(desk: Desk) -> None:
    request = await accept(desk, "alpha", "bravo")
    suggester = desk.make_suggester()
    async for entry in suggester.draft_progressively(request):
        desk.clock.tick(1)
        await suggester.record_visible(entry, at=desk.clock.now())
        [recorded] = await desk.store.entries()
        assert recorded.request.status == ("drafting" if len(entry.candidates) < 2 else recorded.request.status)
    [recorded] = await desk.store.entries()
    assert (recorded.request.status, recorded.request.shown_at) == ("shown", after(seconds=1))
    assert [each.shown_at for each in recorded.candidates] == [after(seconds=1), after(seconds=2)]
    assert [event.type for event in recorded.events] == ["shown"]


async def test_an_agent_may_choose_while_others_are_drafted(desk: Desk) -> None:
    """What was visible is recorded as it was; what is drafted too late is no choice that the agent had."""
    request = await accept(desk, "alpha", "bravo", "charlie", "delta")
    suggester = desk.make_suggester()

    async def choose() -> None:
        [entry] = await desk.store.entries()
        await suggester.record_visible(entry, at=after(seconds=1))
        desk.clock.tick(3)
        click = replace(desk.make_click(), seen=frozenset({entry.candidates[0].id}))
        await desk.make_chooser().use(click, entry.candidates[0].id)

    desk.drafter.turns = [1, choose, 3, 0, 2]
    states = await draft_all(desk, request)
    assert len(states) == 2
    chosen, late, *cancelled = sorted(states[-1].candidates, key=lambda each: (each.error or "", each.text != "bravo"))
    assert (chosen.text, chosen.position) == ("bravo", draw_places(request.id, 4)[1])
    assert (late.text, late.position, late.dropped_reason) == ("delta", None, "not_selected")
    assert [(each.text, each.error, each.position) for each in cancelled] == [(None, "cancelled", None)] * 2
    [recorded] = await desk.store.entries()
    assert recorded.choice is not None
    assert states[-1].choice == recorded.choice
    assert recorded.choice.visible_candidate_ids == (chosen.id,)
    assert recorded.choice.decision_ms == 2000
    assert (recorded.request.status, recorded.request.order_propensity) == ("shown", 1.0)


async def test_told_to_stop_it_waits_for_nothing(desk: Desk) -> None:
    request = await accept(desk, "alpha", "bravo")
    stop, endless = asyncio.Event(), asyncio.Event()

    async def stopped() -> None:
        stop.set()
        await endless.wait()

    desk.drafter.turns = [0, stopped, 1]
    async with asyncio.timeout(120):
        last = (await draft_all(desk, request, stop))[-1]
    assert [each.error for each in last.candidates] == [None, "cancelled"]


async def test_without_slacks_word_what_is_recorded_as_visible_was_seen(desk: Desk) -> None:
    """An edit is submitted from another view; a candidate that was committed, but not yet shown, was not seen."""
    request = await accept(desk, "alpha", "bravo")
    suggester = desk.make_suggester()
    states = suggester.draft_progressively(request)
    one = await anext(states)
    await suggester.record_visible(one, at=after(seconds=1))
    both = await anext(states)
    chosen = await desk.make_chooser().use(desk.make_click(), one.candidates[0].id)
    assert chosen.choice.visible_candidate_ids == (one.candidates[0].id,)
    assert len(both.visible) == 2
    await states.aclose()


async def test_a_click_may_overtake_the_record_that_it_is_visible(desk: Desk) -> None:
    request = await accept(desk, "alpha", "bravo")
    states = desk.make_suggester().draft_progressively(request)
    one = await anext(states)
    await anext(states)
    click = replace(desk.make_click(), seen=frozenset({one.candidates[0].id}))
    desk.clock.tick(2)
    chosen = await desk.make_chooser().use(click, one.candidates[0].id)
    await states.aclose()
    [recorded] = await desk.store.entries()
    assert recorded.request.shown_at == recorded.request.sent_to_slack_at
    assert [each.shown_at is not None for each in recorded.candidates] == [True, False]
    assert chosen.choice.decision_ms == 2000


async def test_a_redraft_closes_it_while_others_are_drafted(desk: Desk) -> None:
    request = await accept(desk, "alpha", "bravo")

    async def redraft() -> None:
        await desk.make_suggester().redraft(desk.make_click(), request.id)

    desk.drafter.turns = [0, redraft, 1]
    last = (await draft_all(desk, request))[-1]
    assert last.request.status == "redrafted"
    assert [each.dropped_reason for each in last.candidates] == [None, "not_selected"]
    with pytest.raises(RequestClosed):
        await desk.make_chooser().use(desk.make_click(), last.candidates[0].id)


async def test_after_a_crash_the_rest_is_drafted_into_the_places_that_are_left(desk: Desk) -> None:
    """Styles and places are drawn from the request's id: the same again."""
    request = await accept(desk, "alpha", "bravo", "charlie")
    desk.drafter.turns = [1, 0, 2]
    states = desk.make_suggester().draft_progressively(request)
    before = await anext(states)
    styles = [brief.style.name for brief in desk.drafter.briefs]
    await states.aclose()
    left = await desk.restart()
    [again] = left.to_draft
    assert left.to_show == ()
    desk.drafter.results, desk.drafter.turns = ("one", "two"), ()
    last = (await draft_all(desk, again))[-1]
    assert [brief.sample_index for brief in desk.drafter.briefs] == [0, 2]
    assert [candidate.style for candidate in last.candidates] == styles
    assert last.candidates[1].id == before.candidates[0].id
    assert [each.position for each in last.candidates] == list(draw_places(request.id, 3))
    assert len(await desk.store.entries()) == 1


async def test_what_was_decided_before_a_crash_is_drafted_no_further(desk: Desk) -> None:
    request = await accept(desk, "alpha", "bravo", "charlie")
    states = desk.make_suggester().draft_progressively(request)
    one = await anext(states)
    await desk.make_chooser().use(desk.make_click(), one.candidates[0].id)
    await states.aclose()
    [again] = (await desk.restart()).to_draft
    last = (await draft_all(desk, again))[-1]
    assert last.choice is not None
    assert [each.error for each in last.candidates] == [None, "cancelled", "cancelled"]
    assert desk.drafter.briefs == []


async def test_a_replica_that_was_taken_for_dead_records_nothing_more(desk: Desk) -> None:
    request = await accept(desk, "alpha", "bravo")
    states = desk.make_suggester().draft_progressively(request)
    await anext(states)
    slow = desk.store
    await desk.restart()
    desk.store = slow
    with pytest.raises(OwnershipLost):
        await anext(states)


async def test_what_was_read_of_the_thread_becomes_the_conversation(desk: Desk) -> None:
    request = await accept(desk, "alpha")
    turns = (Turn(role="customer", text="Where is it?"), Turn(role="agent", text="Which order?\x00"))
    read = await desk.make_suggester().record_conversation(request, turns)
    assert read.conversation == (turns[0], Turn(role="agent", text="Which order?"))
    [recorded] = await desk.store.entries()
    assert recorded.request.conversation == read.conversation
    desk.store = build_store(desk.store.database, me="another")
    with pytest.raises(OwnershipLost):
        await desk.make_suggester().record_conversation(request, turns[:1])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_places_are_uniform_and_the_same_again(k: int) -> None:
    numbers = count()
    ids = [f"request {next(numbers)}" for _ in range(6000)]
    drawn = Counter(draw_places(each, k) for each in ids)
    assert len(drawn) == factorial(k)
    expected = len(ids) / factorial(k)
    assert all(abs(times - expected) < 5 * expected**0.5 for times in drawn.values())
    assert [draw_places(each, k) for each in ids[:10]] == [draw_places(each, k) for each in ids[:10]]

"""What a dead replica left behind: drafted, shown, posted or told, by the one that takes it over."""

import asyncio
import logging
from datetime import timedelta

import pytest

from bot.operations.recovery import (
    ANSWERED_WITHIN,
    DEAD_AFTER,
    DELETED_WITHIN,
    HEARTBEAT_S,
    UNKNOWN_TOLD_FOR,
    RecoveredWork,
)
from bot.suggesting.deliver import DeliveryOutcome, DeliveryUncertain
from storage.errors import OwnershipLost
from tests.bot.desk import Desk
from tests.storage.stores import build_store

NOTHING = RecoveredWork(to_draft=(), to_show=(), to_deliver=())


async def test_where_nothing_is_left_nothing_is_said(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert await desk.restart() == NOTHING
    assert caplog.records == []


async def test_what_was_asked_and_not_drafted_is_drafted_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    request = await desk.make_suggester().accept(desk.make_ask("Dear bot"))
    left = await desk.restart()
    assert [taken.id for taken in left.to_draft] == [request.id]
    assert left.to_draft[0].conversation == request.conversation
    assert (left.to_show, left.to_deliver) == ((), ())
    assert "taken over: 1 requests" in caplog.text
    assert "Dear bot" not in caplog.text
    assert (await desk.make_suggester().draft(left.to_draft[0])).visible
    assert await desk.make_recoverer().take_over() == NOTHING


async def test_what_was_drafted_and_not_shown_keeps_its_order(desk: Desk) -> None:
    entry = await desk.draft("one", "two", "three")
    left = await desk.restart()
    assert left.to_draft == ()
    assert [again.visible for again in left.to_show] == [entry.visible]


async def test_the_undecided_and_the_failed_are_not_taken_over(desk: Desk) -> None:
    await desk.show("one")
    assert await desk.restart() == NOTHING


@pytest.mark.parametrize("drafted", [True, False])
async def test_what_is_too_old_expires_and_is_not_answered(desk: Desk, *, drafted: bool) -> None:
    old = (await desk.draft("one")).request if drafted else await desk.make_suggester().accept(desk.make_ask())
    desk.clock.moment = old.created_at + ANSWERED_WITHIN + timedelta(milliseconds=1)
    young = await desk.make_suggester().accept(desk.make_ask())
    left = await desk.restart()
    assert [request.id for request in left.to_draft] == [young.id]
    assert left.to_show == ()
    status = {entry.request.id: entry.request.status for entry in await desk.store.entries()}
    assert status == {old.id: "expired", young.id: "drafting"}


async def test_what_is_just_young_enough_is_answered(desk: Desk) -> None:
    request = await desk.make_suggester().accept(desk.make_ask())
    desk.clock.moment = request.created_at + ANSWERED_WITHIN
    assert [taken.id for taken in (await desk.restart()).to_draft] == [request.id]


async def test_asks_of_a_terminal_are_nobodys_to_take(desk: Desk) -> None:
    await desk.make_suggester().accept(desk.make_ask(surface="cli"))
    assert await desk.restart() == NOTHING


async def test_a_redraft_taken_over_knows_what_was_refused(desk: Desk) -> None:
    parent = await desk.show("one", "two", "three")
    await desk.make_suggester().redraft(desk.make_click(), parent.request.id)
    [child] = (await desk.restart()).to_draft
    await desk.make_suggester().draft(child)
    assert desk.drafter.briefs[0].previous == tuple(candidate.text for candidate in parent.visible)


async def test_after_leaving_what_is_left_is_free_at_once(desk: Desk) -> None:
    recoverer = desk.make_recoverer()
    await recoverer.join()
    request = await desk.make_suggester().accept(desk.make_ask())
    assert await recoverer.take_over() == NOTHING
    await recoverer.leave()
    desk.store = build_store(desk.store.database, me="another")
    assert [taken.id for taken in (await desk.make_recoverer().take_over()).to_draft] == [request.id]


async def test_a_replica_that_misses_three_heartbeats_is_dead_and_its_work_another_ones(desk: Desk) -> None:
    """And should it only have been slow, it finds out when it wants to record."""
    slow = desk.store
    await desk.make_recoverer().join()
    request = await desk.make_suggester().accept(desk.make_ask())
    slow_one, slow_heart = desk.make_suggester(), desk.make_recoverer()
    desk.store = build_store(slow.database, me="another")
    other = desk.make_recoverer()
    for _ in range(int(DEAD_AFTER.total_seconds() / HEARTBEAT_S)):
        desk.clock.tick(HEARTBEAT_S)
        await other.beat()
        assert await other.take_over() == NOTHING
    desk.clock.tick(HEARTBEAT_S)
    await other.beat()
    assert [taken.id for taken in (await other.take_over()).to_draft] == [request.id]
    with pytest.raises(OwnershipLost):
        await slow_one.draft(request)
    await slow_heart.beat()
    assert await slow_heart.take_over() == NOTHING
    assert await desk.store.count("replicas") == 2


async def test_a_reply_that_is_pending_is_posted(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    assert [outcome for _, outcome in await desk.recover()] == [DeliveryOutcome(state="posted")]
    assert desk.courier.taken == ["Hi"]
    assert await desk.recover() == []
    assert [part.state for part in await desk.load_parts(chosen)] == ["done"]


async def test_a_slow_replica_posts_nothing_that_another_has_taken(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    slow = desk.make_deliverer()
    [(_, outcome)] = await desk.recover()
    assert outcome == DeliveryOutcome(state="posted")
    assert await slow.deliver(chosen) == DeliveryOutcome(state="cancelled")
    assert desk.courier.taken == ["Hi"]


async def test_what_may_have_been_posted_is_told_for_a_day_and_not_at_every_start_for_ever(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    desk.courier.answers = [DeliveryUncertain("timeout")]
    await desk.make_deliverer().deliver(chosen)
    desk.clock.tick((UNKNOWN_TOLD_FOR - timedelta(minutes=1)).total_seconds())
    assert [outcome.state for _, outcome in await desk.recover()] == ["unknown"]
    desk.clock.tick(120)
    assert await desk.recover() == []
    assert [part.state for part in await desk.load_parts(chosen)] == ["unknown"]
    assert desk.courier.taken == []


async def test_what_was_taken_back_long_ago_stays(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    await desk.make_deliverer().deliver(chosen)
    await desk.make_chooser().undo(desk.make_click(), chosen.request.id)
    desk.clock.moment += DELETED_WITHIN + timedelta(seconds=1)
    await desk.restart()
    assert list(desk.courier.standing.values()) == ["Hi"]


async def test_an_undo_at_the_moment_of_taking_over_posts_nothing(desk: Desk) -> None:
    chosen = await desk.use_reply("Hi")
    undo = desk.make_chooser()
    desk.store = build_store(desk.store.database, me="another")
    recoverer = desk.make_recoverer()
    take = recoverer._replicas.take_deliveries

    async def take_and_undo(**since: object) -> object:
        taken = await take(**since)  # type: ignore[arg-type]
        await undo.undo(desk.make_click(), chosen.request.id)
        return taken

    recoverer._replicas.take_deliveries = take_and_undo  # type: ignore[method-assign,assignment]
    assert await recoverer.take_over() == NOTHING


async def test_two_that_start_at_once_share_the_work(desk: Desk) -> None:
    asks = [await desk.make_suggester().accept(desk.make_ask()) for _ in range(6)]
    replies = [await desk.use_reply(f"reply {n}") for n in range(4)]
    recoverers = []
    for name in ("one", "two"):
        desk.store = build_store(desk.store.database, me=name)
        await desk.store.replicas.beat(desk.clock.now(), dead_before=desk.clock.now())
        recoverers.append(desk.make_recoverer())
    one, two = await asyncio.gather(*(recoverer.take_over() for recoverer in recoverers))
    assert sorted(request.id for request in one.to_draft + two.to_draft) == sorted(request.id for request in asks)
    assert sorted(chosen.choice.id for chosen in one.to_deliver + two.to_deliver) == sorted(
        chosen.choice.id for chosen in replies
    )

"""The database goes away in the middle of the work, for longer than patience lasts, and comes back."""

from collections.abc import Sequence
from typing import Any

import pytest

from bot.operations.recovery import RecoveredWork
from bot.operations.write_buffer import AGAIN_AFTER_S, TRIES, WriteBuffer
from bot.suggesting.deliver import DeliveryOutcome
from storage.errors import DatabaseUnavailable, OwnershipLost
from storage.records import Delivery, Event, LogEntry
from storage.repositories.deliveries import Deliveries
from storage.repositories.requests import DraftOutcome, Requests
from tests.bot.desk import Desk

NOTHING = RecoveredWork(to_draft=(), to_show=(), to_deliver=())


class Away:
    """Whether the database can be reached."""

    def __init__(self) -> None:
        self.is_away = True

    def check(self) -> None:
        if self.is_away:
            raise DatabaseUnavailable("connection refused")


class AwayRequests(Requests):
    """Takes nothing, and finds nothing, while the database is away."""

    def __init__(self, desk: Desk, away: Away) -> None:
        super().__init__(desk.store.database, me=desk.store.requests._me)
        self._away = away

    async def record_drafts(self, drafted: DraftOutcome) -> None:
        self._away.check()
        await super().record_drafts(drafted)

    async def record_shown(self, event: Event, *, only: Sequence[str] | None = None) -> bool:
        self._away.check()
        return await super().record_shown(event, only=only)

    async def get(self, request_id: str) -> LogEntry | None:
        self._away.check()
        return await super().get(request_id)


class AwayDeliveries(Deliveries):
    """Takes the attempt, and then nothing, while the database is away."""

    def __init__(self, desk: Desk, away: Away) -> None:
        super().__init__(desk.store.database, me=desk.store.deliveries._me)
        self._away = away

    async def mark_done(self, delivery: Delivery, *, sent: Any) -> None:
        self._away.check()
        await super().mark_done(delivery, sent=sent)

    async def mark_unknown(self, delivery_id: str) -> None:
        self._away.check()
        await super().mark_unknown(delivery_id)


@pytest.fixture
async def away(desk: Desk) -> Away:
    await desk.make_recoverer().join()
    return Away()


async def test_drafts_are_kept_until_the_database_is_back_and_are_then_shown(desk: Desk, away: Away) -> None:
    """Nothing is drafted, or paid for, a second time."""
    suggester = desk.make_suggester(requests=AwayRequests(desk, away))
    request = await suggester.accept(desk.make_ask())
    with pytest.raises(DatabaseUnavailable):
        await suggester.draft(request)
    assert desk.clock.slept == [AGAIN_AFTER_S] * (TRIES - 1)
    with pytest.raises(DatabaseUnavailable):
        await desk.reconnect()
    asked = len(desk.drafter.briefs)
    away.is_away = False
    [entry] = (await desk.reconnect()).to_show
    assert entry.request.id == request.id
    assert len(entry.visible) == request.k_requested
    assert len(desk.drafter.briefs) == asked
    assert await desk.reconnect() == NOTHING


async def test_what_could_not_even_be_drafted_is_drafted_when_the_database_is_back(desk: Desk, away: Away) -> None:
    parent = await desk.show("one", "two", "three")
    suggester = desk.make_suggester(requests=AwayRequests(desk, away))
    child = await desk.make_suggester().redraft(desk.make_click(), parent.request.id)
    with pytest.raises(DatabaseUnavailable):
        await suggester.draft(child)
    away.is_away = False
    assert [request.id for request in (await desk.reconnect()).to_draft] == [child.id]
    assert await desk.reconnect() == NOTHING


async def test_that_candidates_are_visible_is_recorded_later_with_its_time(desk: Desk, away: Away) -> None:
    suggester = desk.make_suggester(requests=AwayRequests(desk, away))
    entry = await desk.draft("one", "two")
    at = desk.clock.now()
    with pytest.raises(DatabaseUnavailable):
        await suggester.record_shown(entry, at=at)
    away.is_away = False
    assert await desk.reconnect() == NOTHING
    [recorded] = await desk.store.entries()
    assert (recorded.request.status, recorded.request.shown_at) == ("shown", at)


async def test_a_reply_that_slack_took_is_confirmed_when_the_database_is_back(desk: Desk, away: Away) -> None:
    """It is known to stand: nobody is asked to look for it, and it is not posted again."""
    chosen = await desk.use_reply("Hello")
    with pytest.raises(DatabaseUnavailable):
        await desk.make_deliverer(deliveries=AwayDeliveries(desk, away)).deliver(chosen)
    assert desk.courier.taken == ["Hello"]
    away.is_away = False
    [again] = (await desk.reconnect()).to_deliver
    assert [part.state for part in again.parts] == ["done"]
    assert await desk.make_deliverer().deliver(again) == DeliveryOutcome(state="posted")
    await desk.make_deliverer().record_told(again)
    assert desk.courier.taken == ["Hello"]
    assert await desk.reconnect() == NOTHING


async def test_while_the_database_is_away_nothing_is_forgotten(desk: Desk) -> None:
    """Records are made in their order, each once; one that somebody else made meanwhile holds nothing up."""
    write_buffer, away, made = WriteBuffer(sleep=desk.clock.sleep), Away(), list[str]()

    async def record(name: str, error: Exception | None) -> None:
        away.check()
        if error is not None:
            raise error
        made.append(name)

    for name, error in (("first", None), ("second", OwnershipLost("second")), ("third", None)):
        with pytest.raises(DatabaseUnavailable):
            await write_buffer.write_or_queue(lambda name=name, error=error: record(name, error))  # type: ignore[misc]
    with pytest.raises(DatabaseUnavailable):
        await write_buffer.flush(desk.store.replicas)
    assert made == []
    away.is_away = False
    for _ in range(2):
        await write_buffer.flush(desk.store.replicas)
    assert made == ["first", "third"]


async def test_only_what_is_ours_is_released(desk: Desk, away: Away) -> None:
    """What another replica has taken meanwhile stays its own."""
    suggester = desk.make_suggester(requests=AwayRequests(desk, away))
    request = await suggester.accept(desk.make_ask())
    with pytest.raises(DatabaseUnavailable):
        await suggester.draft(request)
    ours, store_before = desk.write_buffer, desk.store
    [theirs] = (await desk.restart()).to_draft
    away.is_away = False
    await ours.flush(store_before.replicas)
    assert await desk.reconnect() == NOTHING
    assert (await desk.make_suggester().draft(theirs)).visible

"""Limits on one agent's asks a minute, and on everybody's tokens a day."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.drafting import DraftFailed
from bot.errors import LimitReached
from bot.suggesting import limits
from bot.suggesting.limits import Limits
from storage.errors import DuplicateDelivery
from tests.bot.desk import Clock, Desk, make_draft
from tests.storage.stores import after


async def check(limits_: Limits, agent_id: str = "U1", *, team_id: str = "T1", clock: Clock | None = None) -> None:
    await limits_.check(team_id=team_id, agent_id=agent_id, now=(clock or Clock()).now())


async def test_an_agent_may_ask_so_often_a_minute_and_again_when_the_first_is_a_minute_old(desk: Desk) -> None:
    checked = desk.make_limits(agent_per_minute=2)
    await check(checked)
    desk.clock.tick(20.5)
    await check(checked)
    desk.clock.tick(1)
    with pytest.raises(LimitReached) as caught:
        await check(checked)
    assert (caught.value.which, caught.value.retry_after_s) == ("agent_per_minute", 39)
    desk.clock.tick(38.5)
    await check(checked)
    with pytest.raises(LimitReached):
        await check(checked)


async def test_agents_do_not_share_a_limit(desk: Desk) -> None:
    checked = desk.make_limits(agent_per_minute=1)
    await check(checked, "U1")
    await check(checked, "U2")
    await check(checked, "U1", team_id="T2")
    with pytest.raises(LimitReached):
        await check(checked, "U1")


async def test_an_ask_that_was_refused_does_not_count(desk: Desk) -> None:
    checked = desk.make_limits(agent_per_minute=1)
    await check(checked)
    for _ in range(5):
        with pytest.raises(LimitReached):
            await check(checked)
    desk.clock.tick(60)
    await check(checked)


async def test_agents_who_stopped_asking_are_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with everybody who ever asked."""
    monkeypatch.setattr(limits, "_AGENTS_REMEMBERED", 10)
    checked = desk.make_limits(agent_per_minute=1)
    for n in range(100):
        await check(checked, f"U{n}")
        desk.clock.tick(10)
        assert len(checked._asked) <= 11
    await check(checked, "U0")
    with pytest.raises(LimitReached):
        await check(checked, "U0")


async def test_an_agent_is_remembered_while_any_of_their_asks_is_of_the_last_minute(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_AGENTS_REMEMBERED", 1)
    checked = desk.make_limits(agent_per_minute=2)
    await check(checked, "U1")
    desk.clock.tick(50)
    await check(checked, "U1")
    desk.clock.tick(11)
    await check(checked, "U2")
    await check(checked, "U1")
    with pytest.raises(LimitReached):
        await check(checked, "U1")


async def test_those_who_ask_now_are_not_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_AGENTS_REMEMBERED", 3)
    checked = desk.make_limits(agent_per_minute=1)
    for n in range(10):
        await check(checked, f"U{n}")
    for n in range(10):
        with pytest.raises(LimitReached):
            await check(checked, f"U{n}")


async def test_the_days_tokens_may_be_spent(desk: Desk) -> None:
    await desk.draft(make_draft("one", prompt_tokens=60, completion_tokens=40))
    await check(desk.make_limits(tokens_per_day=101), clock=desk.clock)
    with pytest.raises(LimitReached) as caught:
        await check(desk.make_limits(tokens_per_day=100), "U2", clock=desk.clock)
    assert caught.value.which == "tokens_per_day"
    assert caught.value.retry_after_s == (after(hours=14) - desk.clock.now()).total_seconds()
    desk.clock.tick(14 * 3600)
    await check(desk.make_limits(tokens_per_day=100), clock=desk.clock)


async def test_what_failed_drafts_took_is_spent_too(desk: Desk) -> None:
    """And is recorded with them."""
    entry = await desk.draft(
        DraftFailed("empty", attempts=1, latency_ms=90, prompt_tokens=60, completion_tokens=40),
        DraftFailed("unreachable", attempts=3, latency_ms=90),
    )
    recorded = await desk.store.requests.get(entry.request.id)
    assert recorded is not None
    assert [(each.error, each.prompt_tokens, each.completion_tokens) for each in recorded.candidates] == [
        ("empty", 60, 40),
        ("unreachable", None, None),
    ]
    await check(desk.make_limits(tokens_per_day=101), clock=desk.clock)
    with pytest.raises(LimitReached, match="tokens_per_day"):
        await check(desk.make_limits(tokens_per_day=100), clock=desk.clock)


async def test_a_spent_day_does_not_count_against_the_agents_minute(desk: Desk) -> None:
    await desk.draft("one")
    checked = desk.make_limits(agent_per_minute=1, tokens_per_day=1)
    for _ in range(3):
        with pytest.raises(LimitReached, match="tokens_per_day"):
            await check(checked, clock=desk.clock)
    desk.clock.tick(86_400)
    await check(checked, clock=desk.clock)


async def count_tokens(desk: Desk) -> int:
    return await desk.store.requests.count_tokens_since(since=after(hours=-24))


async def test_the_days_tokens_hold_when_many_ask_at_once(desk: Desk) -> None:
    """Each ask reserves what a request takes until it is drafted: the limit is passed by one request at most."""
    desk.drafter.results = [make_draft(text, prompt_tokens=15, completion_tokens=5) for text in ("a", "b", "c")]
    suggester = desk.make_suggester(limits=desk.make_limits(tokens_per_day=100))

    async def ask(number: int) -> None:
        await suggester.draft(await suggester.accept(desk.make_ask(agent_id=f"U{number}")))

    ended = await asyncio.gather(*(ask(number) for number in range(12)), return_exceptions=True)
    assert 100 <= await count_tokens(desk) < 160
    refused = [each for each in ended if each is not None]
    assert all(isinstance(each, LimitReached) and each.which == "tokens_per_day" for each in refused)
    assert len(refused) == 10


async def test_who_waits_for_others_to_settle_is_told_to_come_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The day's budget is not spent yet, so nobody is sent home."""
    monkeypatch.setattr(limits, "_WAIT_FOR_OTHERS_S", 0.01)
    suggester = desk.make_suggester(limits=desk.make_limits(tokens_per_day=100))
    request = await suggester.accept(desk.make_ask())
    with pytest.raises(LimitReached) as caught:
        await suggester.accept(desk.make_ask())
    assert (caught.value.which, caught.value.retry_after_s) == ("queue", 2)
    await suggester.give_up(request)
    await suggester.accept(desk.make_ask())


@pytest.mark.parametrize("way", ["not recorded", "never drafted"])
async def test_what_was_reserved_for_nothing_is_given_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(limits, "_WAIT_FOR_OTHERS_S", 0.01)
    await desk.make_suggester().accept(desk.make_ask(idempotency_key="again"))
    suggester = desk.make_suggester(limits=desk.make_limits(tokens_per_day=100))
    if way == "not recorded":
        with pytest.raises(DuplicateDelivery):
            await suggester.accept(desk.make_ask(idempotency_key="again"))
    else:
        await suggester.accept(desk.make_ask())
        desk.clock.tick(901)
    await suggester.accept(desk.make_ask())


@given(steps=st.lists(st.floats(0, 90), max_size=60), limit=st.integers(1, 5))
async def test_no_minute_has_more_than_the_limit(steps: list[float], limit: int) -> None:
    clock = Clock()
    checked = Limits(agent_per_minute=limit, tokens_per_day=None, requests=None, clock=clock.monotonic)  # type: ignore[arg-type]
    allowed: list[float] = []
    for step in steps:
        clock.tick(step)
        with suppress(LimitReached):
            await check(checked)
            allowed.append(clock.monotonic())
        assert sum(at > clock.monotonic() - 60 for at in allowed) <= limit

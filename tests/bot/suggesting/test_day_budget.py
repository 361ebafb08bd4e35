"""The budget of a day's tokens, held over every call to the model, also over those that are tried again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.drafting import Drafter, Models
from bot.errors import LimitReached
from bot.suggesting import limits
from bot.suggesting.day_budget import DayBudget, RequestBudget
from playground.model_server import Call, ModelDouble, Reply
from storage.records import LogEntry
from tests.bot.desk import Desk
from tests.storage.stores import after

USED = 500
"""Tokens of a call, half of them read."""
USAGE = {"usage": {"prompt_tokens": USED // 2, "completion_tokens": USED // 2, "total_tokens": USED}}


def cut_off(call: Call) -> Reply:
    """Spend the budget before the first word, so that the draft is tried again."""
    return Reply(text=None, finish_reason="length", changes=USAGE)


@pytest.fixture
async def model() -> AsyncIterator[ModelDouble]:
    async with ModelDouble.start() as double:
        yield double


@pytest.fixture
async def drafter(desk: Desk, model: ModelDouble) -> AsyncIterator[Drafter]:
    models = Models(base_url=model.base_url, api_key="sk-test")
    async with Drafter(models, monotonic=desk.clock.monotonic, sleep=desk.clock.sleep) as made:
        desk.drafter = made  # type: ignore[assignment]
        yield made


async def count_tokens(desk: Desk) -> int:
    return await desk.store.requests.count_tokens_since(since=after(hours=-24))


@pytest.mark.parametrize("budget", [USED, 7 * USED, 7 * USED + 1, 20 * USED])
async def test_calls_that_are_tried_again_hold_the_days_budget(
    desk: Desk, drafter: Drafter, model: ModelDouble, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    """Each of many asks at once takes twice its calls: one call, at most, passes the budget."""
    monkeypatch.setattr(limits, "_WAIT_FOR_OTHERS_S", 120)
    model.script(cut_off)
    suggester = desk.make_suggester(limits=desk.make_limits(tokens_per_day=budget))

    async def ask(number: int) -> LogEntry:
        return await suggester.draft(await suggester.accept(desk.make_ask(agent_id=f"U{number}")))

    ended = await asyncio.gather(*(ask(number) for number in range(8)), return_exceptions=True)
    assert budget <= await count_tokens(desk) < budget + USED
    assert len(model.calls) * USED == await count_tokens(desk)
    for each in ended:
        assert isinstance(each, LogEntry) or (isinstance(each, LimitReached) and each.which == "tokens_per_day")
    errors = {one.error for each in ended if isinstance(each, LogEntry) for one in each.candidates}
    assert errors <= {"empty", "rate_limited"}


async def test_a_draft_that_may_not_be_tried_again_failed_as_it_did(
    desk: Desk, drafter: Drafter, model: ModelDouble
) -> None:
    """What its one call took is recorded, and what it had no call for is told apart."""
    model.script(cut_off)
    suggester = desk.make_suggester(limits=desk.make_limits(tokens_per_day=USED), candidates=2)
    entry = await suggester.draft(await suggester.accept(desk.make_ask()))
    told = sorted((each.error or "", each.attempts, each.prompt_tokens) for each in entry.candidates)
    assert told == [("empty", 1, USED // 2), ("rate_limited", 0, None)]


# --- the accounts -------------------------------------------------------------------------------------


def open_calls(desk: Desk, tokens: int) -> RequestBudget:
    day = DayBudget(tokens, requests=desk.store.requests, clock=desk.clock.monotonic)
    return day.open_calls("request", desk.clock.now())


async def test_a_call_waits_for_what_others_have_reserved(desk: Desk) -> None:
    calls = open_calls(desk, 100)
    assert await calls.reserve(100) == 100
    waiting = asyncio.create_task(calls.reserve(10))
    await asyncio.sleep(0)
    calls.settle(100, 99)
    assert await waiting == 99  # the largest call so far
    calls.settle(99, 1)
    assert await calls.reserve(1) is None


async def test_what_is_recorded_is_counted_once(desk: Desk) -> None:
    """What a settled request took is in the choice log, and no longer beside it."""
    calls = open_calls(desk, 370)
    assert await calls.reserve(100) == 100
    calls.settle(100, 100)
    await desk.draft("one")  # 274 tokens
    calls.day.settle("request")
    assert await calls.reserve(1) == 100


async def test_an_account_that_nobody_settled_is_forgotten(desk: Desk) -> None:
    calls = open_calls(desk, 100)
    assert await calls.reserve(200) == 200
    desk.clock.tick(900)
    assert await calls.reserve(10) == 10

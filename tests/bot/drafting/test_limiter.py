"""The process-wide limit: never passed, never a slot lost, in turns between agents."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.drafting import FairLimiter


@asynccontextmanager
async def hold_slot(limiter: FairLimiter, key: str) -> AsyncIterator[None]:
    await limiter.acquire(key)
    try:
        yield
    finally:
        limiter.release()


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        FairLimiter(0)


async def test_agents_are_served_in_turns() -> None:
    """One with many waiters gets no more turns than one with few; within an agent, first come, first served."""
    limiter = FairLimiter(1)
    order: list[str] = []

    async def work(key: str, number: int) -> None:
        async with hold_slot(limiter, key):
            order.append(f"{key}{number}")
            await asyncio.sleep(0)

    await limiter.acquire("held")
    asks = [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 1), ("c", 1), ("b", 2)]
    tasks = [asyncio.create_task(work(key, number)) for key, number in asks]
    await asyncio.sleep(0)
    assert (limiter.in_flight, limiter.queue_length) == (1, 7)
    limiter.release()
    await asyncio.gather(*tasks)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]
    assert (limiter.in_flight, limiter.queue_length) == (0, 0)


async def test_a_waiter_cancelled_as_it_is_granted_hands_its_slot_on() -> None:
    limiter = FairLimiter(1)
    await limiter.acquire("a")
    unlucky = asyncio.create_task(limiter.acquire("a"))
    next_in_line = asyncio.create_task(limiter.acquire("b"))
    await asyncio.sleep(0)
    limiter.release()
    unlucky.cancel()
    await next_in_line
    assert unlucky.cancelled()
    assert limiter.in_flight == 1
    limiter.release()
    assert limiter.in_flight == 0


async def test_a_waiter_that_gave_up_is_passed_over() -> None:
    """Also in the moment in which it is cancelled, but has not yet left the queue."""
    limiter = FairLimiter(1)
    await limiter.acquire("a")
    gone = asyncio.create_task(limiter.acquire("a"))
    waiting = asyncio.create_task(limiter.acquire("a"))
    await asyncio.sleep(0)
    gone.cancel()
    limiter.release()
    await waiting
    assert limiter.queue_length == 0
    limiter.release()
    assert limiter.in_flight == 0


async def test_a_waiter_that_gave_up_leaves_the_queue() -> None:
    limiter = FairLimiter(1)
    await limiter.acquire("a")
    tasks = [asyncio.create_task(limiter.acquire("b")) for _ in range(2)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert limiter.queue_length == 0
    limiter.release()
    assert limiter.in_flight == 0


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), limit=st.integers(1, 4), count=st.integers(1, 25))
def test_whatever_happens_no_slot_is_lost_and_the_limit_holds(seed: int, limit: int, count: int) -> None:
    """Workers of random length, cancelled at random moments: the limit is never passed, and all slots come back."""
    with asyncio.Runner() as runner:
        runner.run(_storm(random.Random(seed), limit, count))


async def _storm(rng: random.Random, limit: int, count: int) -> None:
    limiter = FairLimiter(limit)
    held: Counter[str] = Counter()

    async def work(key: str, turns: int) -> None:
        async with hold_slot(limiter, key):
            held[key] += 1
            assert held.total() <= limit
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
            finally:
                held[key] -= 1

    tasks = [asyncio.create_task(work(rng.choice("abc"), rng.randrange(4))) for _ in range(count)]
    for _ in range(count * 2):
        await asyncio.sleep(0)
        if rng.random() < 0.5:
            rng.choice(tasks).cancel()
    async with asyncio.timeout(120):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    assert (limiter.in_flight, limiter.queue_length) == (0, 0)

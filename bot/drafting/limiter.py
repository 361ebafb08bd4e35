"""A limit on what is in flight in the whole process, fair between agents.

    limiter = FairLimiter(32)
    await limiter.acquire("U1")
    try:
        ...
    finally:
        limiter.release()

Whoever waits is served in turns, one agent after the other, so that an agent with fifty drafts does not keep another
with one draft waiting for all fifty. One event loop only.
"""

import asyncio
from collections import OrderedDict, deque


class FairLimiter:
    """Gives out at most `limit` slots at once: first in, first out within a key, in turns between keys."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"the limit must be at least 1, not {limit}")
        self.limit = limit
        self._in_flight = 0
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def in_flight(self) -> int:
        """The number of slots that are held now."""
        return self._in_flight

    @property
    def queue_length(self) -> int:
        """The number of those who wait for a slot now."""
        return sum(not waiter.done() for queue in self._queues.values() for waiter in queue)

    async def acquire(self, key: str) -> None:
        """Take a slot, and wait for it in the turn of `key` if none is free."""
        if self._in_flight < self.limit:
            # Nobody can be waiting: a slot that comes free goes to who waits, and is never counted as free.
            self._in_flight += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, deque()).append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._remove_waiter(key, waiter)
            else:
                # Granted and cancelled in the same turn of the loop: hand the slot on, or it would be lost.
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back: to the agent whose turn it is, if somebody waits."""
        while self._queues:
            key, queue = self._queues.popitem(last=False)
            waiter = queue.popleft()
            if queue:
                self._queues[key] = queue
            if not waiter.done():
                waiter.set_result(None)
                return
        self._in_flight -= 1

    def _remove_waiter(self, key: str, waiter: asyncio.Future[None]) -> None:
        queue = self._queues.get(key)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[key]

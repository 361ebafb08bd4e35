"""What the database would not take for the moment: tried with patience, then kept until it is back.

with unfinished.drafting(request.id):      # broken off by Unavailable, it is noted as nobody's work
    await unfinished.surely(record)        # several tries; then the record is kept, and Unavailable raised
await unfinished.catch_up(replicas)        # the database is back: record, and let the work be taken up again
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from storage.errors import StorageError, Unavailable
from storage.repositories.replicas import Replicas

TRIES: Final = 5
AGAIN_AFTER_S: Final = 1.0

Record = Callable[[], Awaitable[object]]

_log = logging.getLogger(__name__)


class WriteBuffer:
    """Records that one process still owes the database, and the work that it broke off meanwhile."""

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._requests: set[str] = set()
        self._choices: set[str] = set()
        self._owed: deque[Record] = deque()
        self._sleep = sleep

    @contextmanager
    def track_request(self, request_id: str) -> Iterator[None]:
        """Where the database breaks the block off, nobody works on this request any more; raises it."""
        try:
            yield
        except Unavailable:
            self._requests.add(request_id)
            raise

    @contextmanager
    def track_choice(self, choice_id: str) -> Iterator[None]:
        """Where the database breaks the block off, nobody posts this choice any more; raises it."""
        try:
            yield
        except Unavailable:
            self._choices.add(choice_id)
            raise

    async def write_or_queue(self, record: Record) -> None:
        """Record what has happened and cannot be taken back: a database that restarts is back in seconds.

        Raises Unavailable in the end; the record is then made by `flush`.
        """
        for _ in range(TRIES - 1):
            try:
                await record()
            except Unavailable as error:
                _log.warning("the database does not take a record yet: %s", error)
                await self._sleep(AGAIN_AFTER_S)
            else:
                return
        try:
            await record()
        except Unavailable:
            self._owed.append(record)
            raise

    async def flush(self, replicas: Replicas) -> None:
        """Record what is owed, oldest first, and free what was broken off. Raises Unavailable; nothing is forgotten."""
        while self._owed:
            try:
                await self._owed[0]()
            except Unavailable:
                raise
            except StorageError as error:  # somebody else has it, or has closed it, meanwhile
                _log.info("not recorded any more: %s: %s", type(error).__name__, error)
            self._owed.popleft()
        if self._requests or self._choices:
            requests, choices = frozenset(self._requests), frozenset(self._choices)
            await replicas.release(requests=requests, choices=choices)
            self._requests -= requests
            self._choices -= choices

"""A buffer for writes that the database does not take: tried several times, then queued until it is back.

with write_buffer.track_request(request.id):   # after DatabaseUnavailable, the request is noted as nobody's work
    await write_buffer.write_or_queue(write)   # several tries; then it is queued, and DatabaseUnavailable raised
await write_buffer.flush(replicas)             # the database is back: write, and release the noted work
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from storage.errors import DatabaseUnavailable, StorageError
from storage.repositories.replicas import Replicas

TRIES: Final = 5
AGAIN_AFTER_S: Final = 1.0

Write = Callable[[], Awaitable[object]]

_log = logging.getLogger(__name__)


class WriteBuffer:
    """The writes that one process has queued, and the requests and choices whose work it broke off meanwhile."""

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._requests: set[str] = set()
        self._choices: set[str] = set()
        self._queue: deque[Write] = deque()
        self._sleep = sleep

    @contextmanager
    def track_request(self, request_id: str) -> Iterator[None]:
        """Note the request for release if the block raises DatabaseUnavailable: nobody drafts it any more."""
        try:
            yield
        except DatabaseUnavailable:
            self._requests.add(request_id)
            raise

    @contextmanager
    def track_choice(self, choice_id: str) -> Iterator[None]:
        """Note the choice for release if the block raises DatabaseUnavailable: nobody posts it any more."""
        try:
            yield
        except DatabaseUnavailable:
            self._choices.add(choice_id)
            raise

    async def write_or_queue(self, write: Write) -> None:
        """Write what has happened and cannot be undone; try TRIES times, as a restarting database is back in seconds.

        Raises DatabaseUnavailable after the last try; `flush` then makes the write.
        """
        for _ in range(TRIES - 1):
            try:
                await write()
            except DatabaseUnavailable as error:
                _log.warning("the database does not take a record yet: %s", error)
                await self._sleep(AGAIN_AFTER_S)
            else:
                return
        try:
            await write()
        except DatabaseUnavailable:
            self._queue.append(write)
            raise

    async def flush(self, replicas: Replicas) -> None:
        """Make the queued writes, oldest first, and release the noted work.

        Raises DatabaseUnavailable, keeping the rest.
        """
        while self._queue:
            try:
                await self._queue[0]()
            except DatabaseUnavailable:
                raise
            except StorageError as error:  # somebody else has it, or has closed it, meanwhile
                _log.info("not recorded any more: %s: %s", type(error).__name__, error)
            self._queue.popleft()
        if self._requests or self._choices:
            requests, choices = frozenset(self._requests), frozenset(self._choices)
            await replicas.release(requests=requests, choices=choices)
            self._requests -= requests
            self._choices -= choices

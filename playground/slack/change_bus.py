"""Publish and subscribe for state changes: a change wakes exactly those that wait for its topic."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
Topic = tuple[str, str]


class ChangeBus:
    """Publishes records under topics. A topic is a kind and an id, such as `("message", "C1")`."""

    def __init__(self) -> None:
        self._queues: dict[Topic, set[asyncio.Queue[Any]]] = {}
        self._any: set[asyncio.Event] = set()
        self._listeners: list[Callable[[], None]] = []

    def publish(self, topic: Topic, record: object) -> None:
        for queue in self._queues.get(topic, ()):
            queue.put_nowait(record)
        for event in self._any:
            event.set()
        for listener in tuple(self._listeners):
            listener()

    @contextmanager
    def subscribe(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call `listener` after every change of any topic, at once, until the block ends."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    async def wait_for_record(self, topic: Topic, existing: Iterable[T], matches: Callable[[T], bool]) -> T:
        """Return the first of `existing` that matches, else the next published one that does. Waits for ever."""
        for record in existing:
            if matches(record):
                return record
        queue: asyncio.Queue[T] = asyncio.Queue()
        self._queues.setdefault(topic, set()).add(queue)
        try:
            while True:
                record = await queue.get()
                if matches(record):
                    return record
        finally:
            self._queues[topic].discard(queue)

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as `holds()`; ask again after every change of any topic. Waits for ever."""
        event = asyncio.Event()
        self._any.add(event)
        try:
            while not holds():
                event.clear()
                await event.wait()
        finally:
            self._any.discard(event)

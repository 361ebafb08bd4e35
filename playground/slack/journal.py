"""The journal: every request and answer between Slack and the bot, in order, append-only.

A request and its answer are two entries, so that what hangs is seen too; the answer's `ref` is its request's `seq`.
Tokens and signatures are never written here.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

Kind = Literal["request", "answer"]
Receiver = Literal["slack", "bot"]
Via = Literal["web_api", "response_url", "upload", "http", "socket"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request or an answer, with the receiver of the request in `to`.

    An answer keeps its request's `to`, `via` and `name`; its `error` is a refusal or a fault.
    """

    seq: int
    at: float
    kind: Kind
    to: Receiver
    via: Via
    name: str
    body: Any
    ref: int | None = None
    status: int | None = None
    error: str | None = None
    duration_ms: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the entry as plain JSON."""
        return {name: getattr(self, name) for name in Entry.__slots__}


class Journal:
    """The newest `size` entries; `seq` goes on counting."""

    def __init__(self, now: Callable[[], float], size: int = 20_000) -> None:
        self._now = now
        self._seq = count(1)
        self._entries: deque[Entry] = deque(maxlen=size)
        self._listeners: list[Callable[[Entry], None]] = []

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries)

    def record_request(self, *, to: Receiver, via: Via, name: str, body: Any) -> Entry:
        entry = Entry(seq=next(self._seq), at=self._now(), kind="request", to=to, via=via, name=name, body=body)
        return self._append(entry)

    def record_answer(self, request: Entry, *, status: int | None, body: Any, error: str | None = None) -> Entry:
        at = self._now()
        entry = Entry(
            seq=next(self._seq),
            at=at,
            kind="answer",
            to=request.to,
            via=request.via,
            name=request.name,
            body=body,
            ref=request.seq,
            status=status,
            error=error,
            duration_ms=round((at - request.at) * 1000, 3),
        )
        return self._append(entry)

    def calls(self, name: str) -> list[Any]:
        """Return the bodies of the requests of this name, in order: `journal.calls("chat.postMessage")[0]["text"]`."""
        return [entry.body for entry in self._entries if entry.kind == "request" and entry.name == name]

    def refusals(self) -> list[Entry]:
        """Return the answers by which Slack refused something that the bot sent."""
        return [e for e in self._entries if e.kind == "answer" and e.error is not None and e.to == "slack"]

    @contextmanager
    def subscribe(self, listener: Callable[[Entry], None]) -> Iterator[None]:
        """Call `listener` with each new entry, at once, until the block ends."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    async def follow(self, after: int = 0) -> AsyncIterator[Entry]:
        """Yield the kept entries with a higher `seq` than `after`, then each new one, for ever."""
        queue: asyncio.Queue[Entry] = asyncio.Queue()
        with self.subscribe(queue.put_nowait):
            for entry in self.entries:
                if entry.seq > after:
                    yield entry
            while True:
                yield await queue.get()

    def dump(self) -> str:
        """Return one JSON line an entry, for a failing test's message."""
        return "\n".join(json.dumps(entry.as_json(), default=str) for entry in self._entries)

    def _append(self, entry: Entry) -> Entry:
        self._entries.append(entry)
        for listener in tuple(self._listeners):
            listener(entry)
        return entry

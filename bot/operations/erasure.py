"""Erasing: requests that are to go with all that belongs to them, found by who, where, which, or what is said in them.

found = await eraser.find(Wish(containing="jane@example.com"))
receipt = await eraser.erase(found, actor="cli")
"""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.privacy.encryption import NotReadable, Sealer
from storage.repositories.audit import Audit
from storage.repositories.erasures import AT_ONCE, Counts, Erasing, Erasure, Kept

SHORTEST: Final = 3
"""Characters of a text to look for: fewer stand in nearly every request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to erase: exactly one of these is given."""

    agent_id: str | None = None
    channel_id: str | None = None
    thread_ts: str | None = None
    request_id: str | None = None
    containing: str | None = field(default=None, repr=False)

    @property
    def by(self) -> str:
        """Which of them is given."""
        return next(name for name in self.__slots__ if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The requests that would go, the rows that would, and how many sealed texts could not be looked into."""

    wish: Wish
    request_ids: tuple[str, ...]
    counts: Counts
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What went, and whether its bytes are off the disk already."""

    at: datetime
    by: str
    counts: Counts
    wiped: bool


class Eraser:
    """Finds and erases. It holds no request back: erased is erased."""

    def __init__(self, *, erasing: Erasing, audit: Audit, sealer: Sealer, now: Callable[[], datetime]) -> None:
        self._erasing = erasing
        self._audit = audit
        self._sealer = sealer
        self._now = now

    async def find(self, wish: Wish) -> Found:
        """What the wish means: whole families of redrafts, since they are about one message. Raises Unavailable."""
        unreadable = 0
        if wish.containing is None:
            ids = await self._erasing.matching(_erasure(wish))
        else:
            said, unreadable = await self._saying(folded(wish.containing))
            ids = await self._erasing.families(said)
        return Found(wish=wish, request_ids=ids, counts=await self._erasing.counts(ids), unreadable=unreadable)

    async def erase(self, found: Found, *, actor: str) -> Receipt:
        """Take them out of every table, some at a time, and note that in the audit table. Raises Unavailable; what
        was erased by then stays erased, and the rest is found again.
        """
        counts = Counts()
        for start in range(0, len(found.request_ids), AT_ONCE):
            counts += await self._erasing.erase(found.request_ids[start : start + AT_ONCE])
        if found.wish.agent_id is not None:
            counts += Counts(seen_deliveries=await self._erasing.forget_keys_of(found.wish.agent_id))
        wiped = await self._erasing.wipe()
        receipt = Receipt(at=self._now(), by=found.wish.by, counts=counts, wiped=wiped)
        await self._audit.record(at=receipt.at, actor=actor, action="erase", data=_told(found.wish, counts))
        return receipt

    async def _saying(self, needle: str) -> tuple[tuple[str, ...], int]:
        """The requests that have this text in any table, and the number of sealed texts that cannot be read."""
        ids: dict[str, None] = {}
        unreadable = 0
        async for kept in self._erasing.texts():
            try:
                texts = self._readable(kept)
            except NotReadable:
                unreadable += 1
                continue
            if any(needle in folded(text) for text in texts):
                ids[kept.request_id] = None
        return tuple(ids), unreadable

    def _readable(self, kept: Kept) -> Iterable[str]:
        return kept.texts if kept.sealed is None else (*kept.texts, self._sealer.open(kept.sealed))


def folded(text: str) -> str:
    """A form in which texts that a person takes for the same are equal."""
    return unicodedata.normalize("NFKC", text).casefold()


def _erasure(wish: Wish) -> Erasure:
    return Erasure(
        agent_id=wish.agent_id, channel_id=wish.channel_id, thread_ts=wish.thread_ts, request_id=wish.request_id
    )


def _told(wish: Wish, counts: Counts) -> dict[str, Any]:
    """Ids are told, words are not: they are what was to be erased."""
    which = {} if wish.containing is not None else {wish.by: getattr(wish, wish.by)}
    return {"by": wish.by, **which, "rows": counts.as_dict()}

"""Erasing: requests that are to go with all that belongs to them, found by who, where, which, or what is said in them.

found = await eraser.find(Wish(containing="jane@example.com"))
receipt = await eraser.erase(found, actor="cli")
"""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.privacy.encryption import DecryptionError, TextCipher
from storage.repositories.audit import Audit
from storage.repositories.erasures import AT_ONCE, Counts, Erasing, Erasure, Kept

SHORTEST: Final = 3
"""Characters of a text to look for: fewer stand in nearly every request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureQuery:
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
class ErasureMatches:
    """The requests that would go, the rows that would, and how many sealed texts could not be looked into."""

    query: ErasureQuery
    request_ids: tuple[str, ...]
    counts: Counts
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReceipt:
    """What went, and whether its bytes are off the disk already."""

    at: datetime
    by: str
    counts: Counts
    wiped: bool


class Eraser:
    """Finds and erases. It holds no request back: erased is erased."""

    def __init__(self, *, erasing: Erasing, audit: Audit, cipher: TextCipher, now: Callable[[], datetime]) -> None:
        self._erasing = erasing
        self._audit = audit
        self._cipher = cipher
        self._now = now

    async def find(self, query: ErasureQuery) -> ErasureMatches:
        """What the wish means: whole families of redrafts, since they are about one message. Raises Unavailable."""
        unreadable = 0
        if query.containing is None:
            ids = await self._erasing.matching(_erasure(query))
        else:
            said, unreadable = await self._saying(fold_text(query.containing))
            ids = await self._erasing.families(said)
        return ErasureMatches(
            query=query, request_ids=ids, counts=await self._erasing.counts(ids), unreadable=unreadable
        )

    async def erase(self, found: ErasureMatches, *, actor: str) -> ErasureReceipt:
        """Take them out of every table, some at a time, and note that in the audit table. Raises Unavailable; what
        was erased by then stays erased, and the rest is found again.
        """
        counts = Counts()
        for start in range(0, len(found.request_ids), AT_ONCE):
            counts += await self._erasing.erase(found.request_ids[start : start + AT_ONCE])
        if found.query.agent_id is not None:
            counts += Counts(seen_deliveries=await self._erasing.forget_keys_of(found.query.agent_id))
        wiped = await self._erasing.wipe()
        receipt = ErasureReceipt(at=self._now(), by=found.query.by, counts=counts, wiped=wiped)
        await self._audit.record(at=receipt.at, actor=actor, action="erase", data=_told(found.query, counts))
        return receipt

    async def _saying(self, needle: str) -> tuple[tuple[str, ...], int]:
        """The requests that have this text in any table, and the number of sealed texts that cannot be read."""
        ids: dict[str, None] = {}
        unreadable = 0
        async for kept in self._erasing.texts():
            try:
                texts = self._readable(kept)
            except DecryptionError:
                unreadable += 1
                continue
            if any(needle in fold_text(text) for text in texts):
                ids[kept.request_id] = None
        return tuple(ids), unreadable

    def _readable(self, kept: Kept) -> Iterable[str]:
        return kept.texts if kept.sealed is None else (*kept.texts, self._cipher.decrypt(kept.sealed))


def fold_text(text: str) -> str:
    """A form in which texts that a person takes for the same are equal."""
    return unicodedata.normalize("NFKC", text).casefold()


def _erasure(query: ErasureQuery) -> Erasure:
    return Erasure(
        agent_id=query.agent_id, channel_id=query.channel_id, thread_ts=query.thread_ts, request_id=query.request_id
    )


def _told(query: ErasureQuery, counts: Counts) -> dict[str, Any]:
    """Ids are told, words are not: they are what was to be erased."""
    which = {} if query.containing is not None else {query.by: getattr(query, query.by)}
    return {"by": query.by, **which, "rows": counts.as_dict()}

"""Erasure: delete requests with all that belongs to them, found by agent, channel, thread, id or a text in them.

found = await eraser.find(ErasureQuery(containing="jane@example.com"))
receipt = await eraser.erase(found, actor="cli")
"""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.privacy.encryption import DecryptionError, TextCipher
from storage.repositories.audit import Audit
from storage.repositories.erasures import AT_ONCE, ErasureFilter, Erasures, RowCounts, StoredTexts

SHORTEST: Final = 3
"""Least characters of a text to look for: fewer stand in nearly every request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureQuery:
    """A search for requests to erase: exactly one field is given."""

    agent_id: str | None = None
    channel_id: str | None = None
    thread_ts: str | None = None
    request_id: str | None = None
    containing: str | None = field(default=None, repr=False)

    @property
    def by(self) -> str:
        """The name of the field that is given."""
        return next(name for name in self.__slots__ if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureMatches:
    """The requests and rows that would be erased, and the number of sealed texts that could not be searched."""

    query: ErasureQuery
    request_ids: tuple[str, ...]
    counts: RowCounts
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReceipt:
    """The rows that were erased; `wiped` is True if their bytes are off the disk already."""

    at: datetime
    by: str
    counts: RowCounts
    wiped: bool


class Eraser:
    """Finds and erases requests, for good, in whatever state they are."""

    def __init__(self, *, erasures: Erasures, audit: Audit, cipher: TextCipher, now: Callable[[], datetime]) -> None:
        self._erasures = erasures
        self._audit = audit
        self._cipher = cipher
        self._now = now

    async def find(self, query: ErasureQuery) -> ErasureMatches:
        """Find what a query means: whole families of redrafts, since they are about one message.

        Raises DatabaseUnavailable.
        """
        unreadable = 0
        if query.containing is None:
            ids = await self._erasures.find_matching(_to_erasure(query))
        else:
            said, unreadable = await self._search_texts(fold_text(query.containing))
            ids = await self._erasures.find_related(said)
        return ErasureMatches(
            query=query, request_ids=ids, counts=await self._erasures.count_rows(ids), unreadable=unreadable
        )

    async def erase(self, found: ErasureMatches, *, actor: str) -> ErasureReceipt:
        """Delete the requests from every table, AT_ONCE at a time, and record that in the audit table.

        Raises DatabaseUnavailable; what was erased by then stays erased, and the rest is found again.
        """
        counts = RowCounts()
        for start in range(0, len(found.request_ids), AT_ONCE):
            counts += await self._erasures.erase(found.request_ids[start : start + AT_ONCE])
        if found.query.agent_id is not None:
            counts += await self._erasures.forget_agent(found.query.agent_id)
        wiped = await self._erasures.wipe()
        receipt = ErasureReceipt(at=self._now(), by=found.query.by, counts=counts, wiped=wiped)
        await self._audit.record(
            at=receipt.at, actor=actor, action="erase", data=_build_audit_data(found.query, counts)
        )
        return receipt

    async def _search_texts(self, needle: str) -> tuple[tuple[str, ...], int]:
        """Return the ids of requests with this text in any table, and the number of unreadable sealed texts."""
        ids: dict[str, None] = {}
        unreadable = 0
        async for kept in self._erasures.iter_texts():
            try:
                texts = self._decrypt_texts(kept)
            except DecryptionError:
                unreadable += 1
                continue
            if any(needle in fold_text(text) for text in texts):
                ids[kept.request_id] = None
        return tuple(ids), unreadable

    def _decrypt_texts(self, kept: StoredTexts) -> Iterable[str]:
        if kept.sealed is None:
            return kept.texts
        return (*kept.texts, self._cipher.decrypt(kept.sealed, bound_to=kept.bound_to))


def fold_text(text: str) -> str:
    """Return a form of the text in which texts that a person takes for the same are equal."""
    return unicodedata.normalize("NFKC", text).casefold()


def _to_erasure(query: ErasureQuery) -> ErasureFilter:
    return ErasureFilter(
        agent_id=query.agent_id, channel_id=query.channel_id, thread_ts=query.thread_ts, request_id=query.request_id
    )


def _build_audit_data(query: ErasureQuery, counts: RowCounts) -> dict[str, Any]:
    """Return the audit record: with ids, but not the text looked for, since that was to be erased."""
    which = {} if query.containing is not None else {query.by: getattr(query, query.by)}
    return {"by": query.by, **which, "rows": counts.as_dict()}

"""Earlier replies: what the team sent to similar messages, by an index in memory that follows the choice log.

replies = await earlier.find("Where is my parcel?", team_id="T1", task="reply", limit=2)

The index holds hashes of words and of replies. Texts are read anew for each search, so what was erased, undone, or has
lost its texts since is not found. What is new is read with each search, and what was there before page by page, so
that no search waits for a long log.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from bot.knowledge.index import Index, Match
from bot.knowledge.passages import EARLIER_TITLE, SourcePassage
from bot.knowledge.questions import PLACEHOLDER, take_question
from bot.knowledge.terms import extract_terms, pack_terms
from storage.records import Task
from storage.repositories.sent_replies import SentReplies, SentReply, SentScope

NEWEST: Final = 20_000
"""Replies of a team that are searched."""

LONGEST: Final = 2_500
"""Characters of a reply that is searched: drafts may be as long."""

PAGE: Final = 500
"""Replies that are read for one search: about a quarter of a second's work."""

SEEN_AGAIN: Final = 50
"""Events before the newest that are looked at again: PostgreSQL may commit them in another order than their numbers."""

COVERED: Final = 0.3
"""The least share of a question that the message before must have; more than of a page, which says more than it."""

MATCHES: Final = 500
"""Messages that are looked at for one search, and uses of one reply that are."""

SMALL: Final = 2_000
"""Replies whose index is made anew with each new one: it takes some milliseconds."""

MERGED_EVERY_S: Final = 30.0
"""How long a larger index lacks what is new, unless that is a tenth of it."""

_QUESTION_CHARACTERS: Final = 160
_LEFT_OUT: Final = "…"

Mask = Callable[[Sequence[str]], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class _Use:
    """One reply that was sent: the event's number, the terms of what it answered, and a hash of its text."""

    seq: int
    request_id: str
    terms: bytes
    text: bytes


@dataclass(slots=True)
class _Pool:
    """The replies of one team, by request. `indexed` are those in the index, in its order: the newest first."""

    uses: dict[str, _Use] = field(default_factory=dict)
    newest: int = 0
    oldest: int = 0
    is_whole: bool = False
    indexed: Sequence[_Use] = ()
    index: Index = field(default_factory=lambda: Index([]))
    by_text: Mapping[bytes, Sequence[str]] = field(default_factory=dict)
    unmerged: int = 0
    merged_at: float = -math.inf
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def has(self, reply: SentReply) -> bool:
        """Tell if this reply, and not another to the same request, is known."""
        use = self.uses.get(reply.request_id)
        return use is not None and use.seq == reply.seq

    def drop_excess(self, at_most: int) -> None:
        """Keep the newest."""
        newest = sorted(self.uses.values(), key=lambda use: -use.seq)[:at_most]
        self.is_whole = self.is_whole or len(newest) >= at_most
        self.uses = {use.request_id: use for use in newest}


class EarlierReplies:
    """The sent replies of one database, searched by the messages that they answered.

    `mask` takes personal data out of texts. Replies to requests older than `texts_kept_for` are not read.
    """

    def __init__(
        self,
        sent: SentReplies,
        *,
        mask: Mask,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        texts_kept_for: timedelta | None = None,
        newest: int = NEWEST,
    ) -> None:
        self._sent = sent
        self._mask = mask
        self._now = now
        self._clock = clock
        self._texts_kept_for = texts_kept_for
        self._newest = newest
        self._pools: defaultdict[tuple[str, Task], _Pool] = defaultdict(_Pool)

    async def find(self, question: str, *, team_id: str, task: Task, limit: int) -> list[tuple[SourcePassage, float]]:
        """Find the replies to the messages most like this one, each text once, with their scores, best first."""
        scope, pool = self._make_scope(team_id, task), self._pools[team_id, task]
        async with pool.loading:
            await self._follow(pool, scope)
            index, indexed, by_text = pool.index, pool.indexed, pool.by_text
        best: defaultdict[bytes, list[tuple[str, Match]]] = defaultdict(list)
        for match in await asyncio.to_thread(index.search, question, limit=MATCHES):
            if match.covered >= COVERED:
                use = indexed[match.row]
                best[use.text].append((use.request_id, match))
        found: list[tuple[SourcePassage, float]] = []
        for text, matches in best.items():
            used = await self._find_present(pool, scope, by_text[text])
            for request_id, match in ((key, match) for key, match in matches if key in used):
                if reply := await self._read(scope, request_id):
                    found.append((replace(reply, used=len(used), covered=match.covered), match.score))
                    break
            if len(found) >= limit:
                break
        return found

    async def read(self, request_id: str, *, team_id: str, task: Task) -> SourcePassage | None:
        """Read the reply to a request as `find` gives it; None if it is not there any more."""
        return await self._read(self._make_scope(team_id, task), request_id)

    def _make_scope(self, team_id: str, task: Task) -> SentScope:
        oldest = None if self._texts_kept_for is None else self._now() - self._texts_kept_for
        return SentScope(team_id=team_id, task=task, created_after=oldest)

    async def _read(self, scope: SentScope, request_id: str) -> SourcePassage | None:
        reply = (await self._sent.read(scope, [request_id])).get(request_id)
        if reply is None:
            return None
        masked = await self._mask([reply.text, take_question(reply.conversation)])
        text, question = (PLACEHOLDER.sub(_LEFT_OUT, each).strip() for each in masked)
        return SourcePassage(
            id=request_id,
            title=EARLIER_TITLE,
            date=f"{reply.sent_at:%Y-%m-%d}",
            text=text,
            earlier=True,
            used=1,
            question=" ".join(question.split())[:_QUESTION_CHARACTERS],
        )

    async def _find_present(self, pool: _Pool, scope: SentScope, request_ids: Sequence[str]) -> set[str]:
        """Find the requests whose reply is still there; the pool forgets the others."""
        looked_at = request_ids[:MATCHES]
        present = await self._sent.find_present(scope, looked_at)
        for gone in set(looked_at) - present:
            if pool.uses.pop(gone, None) is not None:
                pool.unmerged += 1
        return present.union(request_ids[MATCHES:])

    async def _follow(self, pool: _Pool, scope: SentScope) -> None:
        """Read what is new, and a page of what is older; then bring the index up to date, if it is due."""
        read = await self._sent.list_newer(scope, than=pool.newest - SEEN_AGAIN, at_most=PAGE)
        if len(read) == PAGE and read[-1].seq > pool.newest:  # too much at once, as after an import: begin anew
            pool.uses, pool.oldest, pool.is_whole = {}, read[-1].seq, False
        elif not pool.is_whole:
            older = await self._sent.list_older(scope, than=pool.oldest, at_most=PAGE)
            pool.oldest, pool.is_whole = min([pool.oldest, *(reply.seq for reply in older)]), len(older) < PAGE
            read += older
        pool.newest = max([pool.newest, *(reply.seq for reply in read)])
        new = [reply for reply in read if len(reply.text) <= LONGEST and not pool.has(reply)]
        for use in await asyncio.to_thread(lambda: list(map(_to_use, new))):
            pool.uses[use.request_id] = use
        pool.unmerged += len(new)
        is_late = self._clock() - pool.merged_at >= MERGED_EVERY_S
        if pool.unmerged and (is_late or len(pool.uses) <= SMALL or 10 * pool.unmerged >= len(pool.indexed)):
            await self._merge(pool)

    async def _merge(self, pool: _Pool) -> None:
        """Make the index of all that is known, at most so many."""
        pool.drop_excess(self._newest)
        pool.indexed = tuple(pool.uses.values())
        pool.index = await asyncio.to_thread(Index, [use.terms for use in pool.indexed])
        by_text = defaultdict(list)
        for use in pool.indexed:
            by_text[use.text].append(use.request_id)
        pool.by_text, pool.unmerged, pool.merged_at = by_text, 0, self._clock()


def _to_use(reply: SentReply) -> _Use:
    """Keep of a reply what it is found by; replies that differ in what was masked are the same."""
    text = " ".join(PLACEHOLDER.sub(_LEFT_OUT, reply.text).split())
    return _Use(
        seq=reply.seq,
        request_id=reply.request_id,
        terms=pack_terms(extract_terms(take_question(reply.conversation))),
        text=blake2b(text.encode(errors="replace"), digest_size=16).digest(),
    )

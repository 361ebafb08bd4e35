"""Passages for one request: what its customer asks, searched for in the team's knowledge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.knowledge.earlier_replies import EarlierReplies
from bot.knowledge.library import Hit, Library
from bot.knowledge.passages import SourcePassage, join_heading
from bot.knowledge.questions import take_question
from bot.playbook import KnowledgeRules, Style
from storage.records import Task, Turn

PASSAGES: Final = 4
CHARACTERS: Final = 6000
"""The most of all passages of a prompt together: about 1,500 tokens of English."""

EARLIER_REPLIES: Final = 2

COVERED: Final = 0.25
"""The least share of a question, weighed by how rare its words are, that a passage must have to be given.

Chosen on the sets of docs/knowledge.md: the median is .52 to .67 for questions of a set, 0 to .32 for those of others.
"""


NEAR: Final = 0.3
"""The least nearness in meaning (see `VectorIndex.measure`) that a passage must have that has too few words of it.

By what cosines published models give related and unrelated texts; not measured here.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """The passages found for a request, best first. `retrieved` is what the log says; None if nothing was searched."""

    passages: tuple[SourcePassage, ...] = ()
    retrieved: tuple[dict[str, Any], ...] | None = None

    def select_for(self, style: Style) -> tuple[SourcePassage, ...] | None:
        """Return what drafts in this style are given: None if nothing was searched, or the style wants none."""
        return self.passages if self.retrieved is not None and style.knowledge else None


NOTHING_SEARCHED: Final = Retrieval()


class Retriever:
    """Finds passages and earlier replies by what a playbook says of knowledge."""

    def __init__(
        self,
        library: Library | None = None,
        rules: KnowledgeRules | None = None,
        *,
        earlier: EarlierReplies | None = None,
        task: Task = "reply",
    ) -> None:
        self._library = library
        self._rules = rules or KnowledgeRules()
        self._earlier = earlier if self._rules.earlier_replies else None
        self._task = task

    async def find(self, conversation: Sequence[Turn], *, team_id: str, channel_id: str) -> Retrieval:
        """Search for the customer's newest messages. Where there is no knowledge at all, nothing is searched."""
        if not self._rules.use:
            return NOTHING_SEARCHED
        question = take_question(conversation)
        hits = await self._search(question, channel_id)
        replies = await self._find_replies(question, team_id)
        if hits is None and not replies:
            return NOTHING_SEARCHED
        good = _fit([hit for hit in hits or () if hit.covered >= COVERED or hit.near >= NEAR])
        return Retrieval(
            passages=(*map(_to_passage, good), *(reply for reply, _ in replies)),
            retrieved=(
                *({"id": hit.document.id, "score": round(hit.score, 4)} for hit in good),
                *({"id": reply.id, "score": round(score, 4), "earlier": True} for reply, score in replies),
            ),
        )

    async def _search(self, question: str, channel_id: str) -> list[Hit] | None:
        if self._library is None or await self._library.is_empty():
            return None
        collections = self._rules.get_collections(channel_id)
        return await self._library.search(question, limit=PASSAGES, collections=collections)

    async def _find_replies(self, question: str, team_id: str) -> list[tuple[SourcePassage, float]]:
        if self._earlier is None:
            return []
        return await self._earlier.find(question, team_id=team_id, task=self._task, limit=EARLIER_REPLIES)


def _fit(hits: Sequence[Hit]) -> list[Hit]:
    """Keep the best that fit into CHARACTERS together."""
    kept, left = [], CHARACTERS
    for hit in hits:
        left -= len(hit.passage.text)
        if left < 0:
            break
        kept.append(hit)
    return kept


def _to_passage(hit: Hit) -> SourcePassage:
    document = hit.document
    return SourcePassage(
        id=document.id,
        title=document.title,
        date=f"{document.modified_at:%Y-%m-%d}",
        text=join_heading(hit.passage),
        url=document.url,
        internal=document.internal,
        covered=hit.covered,
    )

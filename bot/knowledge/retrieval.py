"""Passages for one request: what its customer asks, searched for in the team's knowledge."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.knowledge.library import Hit, Library
from bot.knowledge.passages import SourcePassage, join_heading
from bot.playbook import KnowledgeRules
from storage.records import Turn

PASSAGES: Final = 4
CHARACTERS: Final = 6000
"""The most of all passages of a prompt together: about 1,500 tokens of English."""

COVERED: Final = 0.25
"""The least share of a question, weighed by how rare its words are, that a passage must have to be given.

Chosen on the sets of docs/knowledge.md: the median is .52 to .67 for questions of a set, 0 to .32 for those of others.
"""

_ASKED_CHARACTERS: Final = 2000
_PLACEHOLDER: Final = re.compile(r"\[[A-Z]+_\d+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """The passages found for a request, best first. `retrieved` is what the log says; None if nothing was searched."""

    passages: tuple[SourcePassage, ...] = ()
    retrieved: tuple[dict[str, Any], ...] | None = None


NOTHING_SEARCHED: Final = Retrieval()


class Retriever:
    """Finds passages by what a playbook says of knowledge."""

    def __init__(self, library: Library | None = None, rules: KnowledgeRules | None = None) -> None:
        self._library = library
        self._rules = rules or KnowledgeRules()

    async def find(self, conversation: Sequence[Turn], channel_id: str) -> Retrieval:
        """Search for the customer's newest messages. Where there is no knowledge at all, nothing is searched."""
        if self._library is None or not self._rules.use or await self._library.is_empty():
            return NOTHING_SEARCHED
        hits = await self._library.search(
            take_question(conversation), limit=PASSAGES, collections=self._rules.get_collections(channel_id)
        )
        good = _fit([hit for hit in hits if hit.covered >= COVERED])
        return Retrieval(
            passages=tuple(map(_to_passage, good)),
            retrieved=tuple({"id": hit.document.id, "score": round(hit.score, 4)} for hit in good),
        )


def take_question(conversation: Sequence[Turn]) -> str:
    """Take the customer's messages since the team last wrote, or the last one, without placeholders."""
    since: list[str] = []
    for turn in reversed(conversation):
        if turn.role != "customer":
            if since:
                break
            continue
        since.append(turn.text)
    return _PLACEHOLDER.sub(" ", "\n".join(reversed(since)))[-_ASKED_CHARACTERS:]


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
    )

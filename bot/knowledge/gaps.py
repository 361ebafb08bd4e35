"""Gaps in the knowledge: questions that were searched for in vain, grouped by likeness, and how they were answered."""

import math
from collections import defaultdict
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.knowledge.index import SMALL
from bot.knowledge.questions import PLACEHOLDER, take_question
from bot.knowledge.sources import TITLE_CHARACTERS, index_passage
from bot.knowledge.splitting import split_text
from bot.knowledge.terms import PAIR_WEIGHT, STOP_WEIGHT, weigh_terms
from bot.privacy.detectors import Recogniser
from bot.privacy.placeholders import NO_PLACEHOLDERS, mask_replies
from storage.records import LogEntry, Request
from storage.repositories.knowledge import Document

ALIKE: Final = 0.5
"""The least cosine of two questions' words, weighed by how rare they are, that puts both into one group."""

COMPARED: Final = "compare-"
"""What the channel of a comparison's drafts begins with."""

PROMOTED: Final = "gap:"
"""What the id of a document begins with that was made of a sent reply."""


class NotPromotable(Exception):  # noqa: N818 - told as an outcome
    """A gap's answer cannot become a document; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A question that nothing fitted: its first wording, the requests that asked it, the replies sent, newest first.

    `id` is the first request's. Redrafts count with the request that they redraft.
    """

    id: str
    question: str
    count: int
    requests: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Group:
    question: str
    entries: list[LogEntry] = field(default_factory=list)


async def find_gaps(entries: AsyncIterable[LogEntry]) -> list[Gap]:
    """Group the requests that no page was found for, most frequent first. Those whose texts are gone are left out."""
    asked = [
        (entry, take_question(entry.request.conversation))
        async for entry in entries
        if all(found.get("earlier") for found in entry.request.retrieved or ()) and not _is_compared(entry.request)
    ]
    gaps = map(_to_gap, _group_questions([(entry, question) for entry, question in asked if question.strip()]))
    return sorted(gaps, key=lambda gap: -gap.count)


def make_document(gap: Gap, recogniser: Recogniser, *, at: datetime) -> Document:
    """Make a document of the newest reply to a gap. Raises NotPromotable."""
    if not gap.answers:
        raise NotPromotable("no reply was sent to it, so there is nothing to promote: write a page, and add that")
    (text,), _ = mask_replies([gap.answers[0]], NO_PLACEHOLDERS, recogniser)
    if found := sorted(set(PLACEHOLDER.findall(text))):
        raise NotPromotable(
            f"the reply has personal data in it ({', '.join(found)}): write a page without it, and add that"
        )
    title = gap.question[:TITLE_CHARACTERS]
    return Document(
        id=f"{PROMOTED}{gap.id}",
        title=title,
        source=f"{PROMOTED}{gap.id}",
        url=None,
        internal=False,
        collection="",
        modified_at=at,
        passages=tuple(index_passage(title, "", passage) for passage in split_text(text)),
    )


def _is_compared(request: Request) -> bool:
    """Tell if a request belongs to a comparison, which drafts and shows one message several times."""
    return request.surface == "compare" or request.channel_id.startswith(COMPARED)


def _to_gap(group: _Group) -> Gap:
    ids = {entry.request.id for entry in group.entries}
    asked = tuple(e.request.id for e in group.entries if e.request.parent_request_id not in ids)
    chosen = [entry.choice for entry in group.entries if entry.choice is not None and entry.choice.final_text]
    newest = sorted(chosen, key=lambda choice: choice.chosen_at, reverse=True)
    return Gap(
        id=group.entries[0].request.id,
        question=" ".join(group.question.split()),
        count=len(asked),
        requests=asked,
        answers=tuple(dict.fromkeys(choice.final_text or "" for choice in newest)),
    )


def _group_questions(asked: Sequence[tuple[LogEntry, str]]) -> list[_Group]:
    """Put each question to the group whose first one it is most like, or into a group of its own."""
    groups: list[_Group] = []
    by_term: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for (entry, question), vector in zip(asked, _weigh_questions([each for _, each in asked]), strict=True):
        likeness: dict[int, float] = defaultdict(float)
        for term, weight in vector.items():
            for number, other in by_term[term]:
                likeness[number] += weight * other
        best = max(likeness, key=lambda number: likeness[number], default=None)
        if best is None or likeness[best] < ALIKE:
            best = len(groups)
            groups.append(_Group(question=question))
            for term, weight in vector.items():
                by_term[term].append((best, weight))
        groups[best].entries.append(entry)
    return groups


def _weigh_questions(questions: Sequence[str]) -> list[dict[int, float]]:
    """Return each question's words, weighed by how few questions have them, as a vector of length 1.

    Pairs of words and words that say little are left out, unless there are no others.
    """
    weighed = [weigh_terms(question) for question in questions]
    words = [
        [term for term, weight in terms.items() if weight not in {PAIR_WEIGHT, STOP_WEIGHT}] or list(terms)
        for terms in weighed
    ]
    found_in: dict[int, int] = defaultdict(int)
    for term in (term for terms in words for term in terms):
        found_in[term] += 1
    size = max(len(questions), SMALL)
    vectors = []
    for terms in words:
        weights = {term: math.log1p((size - found_in[term] + 0.5) / (found_in[term] + 0.5)) for term in terms}
        length = math.hypot(*weights.values()) or 1.0
        vectors.append({term: weight / length for term, weight in weights.items()})
    return vectors

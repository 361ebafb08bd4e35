"""Gaps in the knowledge: questions that were searched for in vain, grouped by likeness, and how they were answered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.errors import OperationFailed
from bot.knowledge.likeness import group_alike
from bot.knowledge.questions import PLACEHOLDER, lacks_page, take_question
from bot.knowledge.sources import TITLE_CHARACTERS, index_passage
from bot.knowledge.splitting import split_text
from bot.privacy.detectors import Recogniser
from bot.privacy.placeholders import NO_PLACEHOLDERS, mask_replies
from storage.queries.log_entries import ChoiceLog
from storage.records import LogEntry, Request, Selection
from storage.repositories.knowledge import Document

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


async def find_gaps(log: ChoiceLog, period: Selection) -> list[Gap]:
    """Group the requests that no page was found for, most frequent first. Those whose texts are gone are left out."""
    return group_gaps([entry async for entry in log.iter_entries(period.narrow_to_gaps())])


async def find_gap(log: ChoiceLog, period: Selection, gap_id: str) -> Gap:
    """Find a gap by its id, or by one of its requests. Raises OperationFailed."""
    for gap in await find_gaps(log, period):
        if gap.id == gap_id or gap_id in gap.requests:
            return gap
    raise OperationFailed(f"there is no gap {gap_id}: `suggest knowledge gaps` tells all ids")


def group_gaps(entries: Iterable[LogEntry]) -> list[Gap]:
    """Group requests as `find_gaps` does."""
    asked = [
        (entry, take_question(entry.request.conversation))
        for entry in entries
        if lacks_page(entry.request.retrieved) and not _is_compared(entry.request)
    ]
    known = [(entry, question) for entry, question in asked if question.strip()]
    groups = group_alike([question for _, question in known])
    gaps = [_to_gap(known[group[0]][1], [known[index][0] for index in group]) for group in groups]
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


def _to_gap(question: str, entries: Sequence[LogEntry]) -> Gap:
    ids = {entry.request.id for entry in entries}
    asked = tuple(e.request.id for e in entries if e.request.parent_request_id not in ids)
    chosen = [entry.choice for entry in entries if entry.choice is not None and entry.choice.final_text]
    newest = sorted(chosen, key=lambda choice: choice.chosen_at, reverse=True)
    return Gap(
        id=entries[0].request.id,
        question=" ".join(question.split()),
        count=len(asked),
        requests=asked,
        answers=tuple(dict.fromkeys(choice.final_text or "" for choice in newest)),
    )

"""The texts of the newest requests: questions asked most, examples of replies, what the knowledge lacked."""

import re
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import Final

from bot.knowledge.likeness import group_alike
from bot.knowledge.questions import lacks_page, take_question
from bot.reporting.report import AskedQuestion, Example, TextFindings
from storage.queries.reports import UNATTENDED
from storage.records import LogEntry

NEWEST: Final = 2_000
"""As many requests are read, the newest: texts are long, and old questions say little of today's."""
EXAMPLES: Final = 5
LONGEST: Final = 600
"""Characters of a text; a longer one ends in an ellipsis."""

Mask = Callable[[Sequence[str]], Sequence[str]]
"""Puts placeholders in the place of personal data."""

_NUMBERS: Final = re.compile(r"\S*\d\S*")
_SPACES: Final = re.compile(r"\s+")


async def read_texts(entries: AsyncIterable[LogEntry], mask: Mask) -> TextFindings:
    """Read the texts of these requests, in order of time. Those whose texts are not kept are left out."""
    known = [
        entry
        async for entry in entries
        if entry.request.surface not in UNATTENDED and take_question(entry.request.conversation).strip()
    ]
    known.reverse()
    return TextFindings(
        requests=len(known),
        questions=_list_questions(known, mask, fewest=2),
        used=_list_examples(known, "used", mask),
        dismissed=_list_examples(known, "dismissed", mask),
        gaps=_list_questions([entry for entry in known if lacks_page(entry.request.retrieved)], mask, fewest=1),
    )


def _list_questions(newest: Sequence[LogEntry], mask: Mask, *, fewest: int) -> tuple[AskedQuestion, ...]:
    """List the questions asked most, each at least so often. Redrafts ask nothing anew."""
    asked = [entry for entry in newest if entry.request.parent_request_id is None]
    # An order's number is not what is asked.
    groups = group_alike([_NUMBERS.sub(" ", take_question(entry.request.conversation)) for entry in asked])
    largest = sorted((group for group in groups if len(group) >= fewest), key=len, reverse=True)[:EXAMPLES]
    return tuple(_build_question([asked[place] for place in group], mask) for group in largest)


def _build_question(entries: Sequence[LogEntry], mask: Mask) -> AskedQuestion:
    return AskedQuestion(
        question=_prepare(_read_question(entries[0]), mask),
        requests=len(entries),
        shown=sum(entry.request.shown_at is not None for entry in entries),
        accepted=sum(entry.choice is not None and entry.choice.kind in {"used", "edited"} for entry in entries),
    )


def _list_examples(newest: Iterable[LogEntry], kind: str, mask: Mask) -> tuple[Example, ...]:
    """List the newest replies that were used as they were, or the first ones of sets that were dismissed."""
    found: list[Example] = []
    for entry in newest:
        if len(found) == EXAMPLES:
            break
        if entry.choice is None or entry.choice.kind != kind:
            continue
        picked = entry.choice.candidate_id
        for candidate in entry.candidates:
            if candidate.text and (candidate.id == picked if picked else candidate.position == 1):
                question, reply = (_prepare(text, mask) for text in (_read_question(entry), candidate.text))
                found.append(Example(question=question, reply=reply, style=candidate.style, reason=entry.choice.reason))
    return tuple(found)


def _read_question(entry: LogEntry) -> str:
    """Read what the customer asked last, with its placeholders."""
    return next((turn.text for turn in reversed(entry.request.conversation) if turn.role == "customer"), "")


def _prepare(text: str, mask: Mask) -> str:
    """Mask a text, and make one line of it, not longer than LONGEST."""
    (masked,) = mask([text])
    line = _SPACES.sub(" ", masked).strip()
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"

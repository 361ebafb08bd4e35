"""The sources of a candidate: under it, and with their passages in a modal. Only the agent who asked sees either."""

import re
from collections.abc import Sequence
from typing import Final

from bot.i18n.texts import Texts
from bot.knowledge.passages import CitedPassage, CitedSource, list_cited
from bot.text_limits import split_text
from handlers.blocks.action_ids import SOURCE_VIEW
from handlers.blocks.elements import Block, context, modal, mrkdwn_section, plain_text, section
from handlers.blocks.limits import MODAL_ROOM, SOURCE_LINE_LIMIT, SOURCES_LIMIT
from handlers.blocks.messages import escape, shorten
from handlers.blocks.rich_text import build_rich_texts
from storage.records import Candidate, Request

_ADDRESS: Final = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)
_LONGEST_ADDRESS: Final = 500
_TITLE_CHARACTERS: Final = 80


def build_sources(request: Request, candidate: Candidate, texts: Texts) -> list[Block]:
    """Build the line of a candidate's sources, or of their absence; nothing where nothing was searched."""
    cited = list_cited(candidate.sources)
    if not cited:
        return [] if request.retrieved is None else [context(texts("source-none"))]
    lines: list[str] = []
    for source in cited[:SOURCES_LIMIT]:
        line = _build_line(source, texts)
        if lines and sum(map(len, lines)) + len(line) > SOURCE_LINE_LIMIT:
            break
        lines.append(line)
    more = [plain_text(texts("source-more", count=len(cited) - len(lines)))] if len(lines) < len(cited) else []
    marked = [{"type": "mrkdwn", "text": line, "verbatim": True} for line in lines]
    return [{"type": "context", "elements": [plain_text(texts("source-list", count=len(cited))), *marked, *more]}]


def build_question(candidate: Candidate, texts: Texts) -> Block | None:
    """Build the question before a reply that cites an internal source is used; None for any other."""
    if not any(source.internal for source in list_cited(candidate.sources)):
        return None
    return {
        "title": plain_text(texts("confirm-title")),
        "text": plain_text(texts("confirm-text")),
        "confirm": plain_text(texts("confirm-yes")),
        "deny": plain_text(texts("modal-close")),
    }


def build_source_view(cited: Sequence[CitedPassage], texts: Texts) -> Block:
    """Build the modal with the passages that a candidate cites."""
    shown = cited[:SOURCES_LIMIT]
    blocks = [
        block for passage in shown for block in _build_passage(passage, texts, room=MODAL_ROOM // max(1, len(shown)))
    ]
    if len(cited) > len(shown):
        blocks.append(context(texts("source-more", count=len(cited) - len(shown))))
    blocks = blocks or [section(texts("source-forgotten"))]
    return modal(texts, texts("source-title"), blocks, callback_id=SOURCE_VIEW)


def _build_passage(passage: CitedPassage, texts: Texts, *, room: int) -> list[Block]:
    """Build a source's title and text, as far as there is room for it."""
    title = mrkdwn_section(_build_line(passage.source, texts))
    if passage.text is None:
        return [title, context(texts("source-gone"))]
    notes = [context(texts("source-changed"))] if passage.changed else []
    shown = split_text(passage.text, room)[0]
    cut = [] if shown == passage.text else [context(texts("source-cut"))]
    return [title, *notes, *build_rich_texts(shown), *cut]


def _build_line(source: CitedSource, texts: Texts) -> str:
    """Word a source as mrkdwn: its title, linked where it has an address, and what is said beside it."""
    title = escape(shorten(source.name(texts), _TITLE_CHARACTERS))
    if source.url is not None and len(source.url) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(source.url):
        title = f"<{escape(source.url).replace('|', '%7C')}|{title}>"
    return " · ".join((title, *source.list_marks(texts)))

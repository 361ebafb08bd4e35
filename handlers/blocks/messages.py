"""Messages as Slack takes them: within its limits, and cut where they are too long."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.i18n.texts import Texts
from bot.text_limits import count_utf16_units, split_text
from handlers.blocks.elements import Block, context, section
from handlers.blocks.limits import BLOCKS_LIMIT, MESSAGE_LIMIT, SECTION_LIMIT, SHORTEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: its blocks, and the text that stands for them in notifications, escaped."""

    text: str
    blocks: tuple[Block, ...]


def build_notice(text: str) -> Message:
    """One sentence, or the usage: our own words, as mrkdwn."""
    return Message(text=text, blocks=({"type": "section", "text": {"type": "mrkdwn", "text": text}},))


def build_reply(text: str, *, by: str | None) -> Message:
    """One part of a reply, as everyone in the conversation sees it: with the agent's name over it, if it is known."""
    names = () if by is None else (context(by),)
    return Message(text=escape(text), blocks=(*names, *(section(part) for part in split_sections(text))))


def add_link(message: Message, link: str, texts: Texts) -> Message:
    """The message under a link to the conversation that it is about."""
    where = {"type": "context", "elements": [{"type": "mrkdwn", "text": texts("in-thread", link=link)}]}
    return Message(text=message.text, blocks=(where, *message.blocks)[:BLOCKS_LIMIT])


def escape(text: str) -> str:
    """Text for mrkdwn in which nothing is a mention, a link or an entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unlink_users(text: str) -> str:
    """Our own mrkdwn for a place that shows plain text only: people by their bare ids."""
    return re.sub(r"<@(\w+)>", r"\1", text)


def shorten(text: str, limit: int = 150) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def unfilled_note(tokens: Sequence[str], texts: Texts) -> Block:
    """Placeholders that the agent has to see to: the bot does not know what they stand for."""
    return context(texts("unfilled", count=len(tokens), placeholders=shorten(" ".join(tokens))))


def paginate(groups: Sequence[list[Block]]) -> Iterator[list[Block]]:
    """Groups put together into messages, in order, within Slack's limits."""
    page: list[Block] = []
    size = 0
    for group in groups:
        length = measure(group)
        if page and (size + length > MESSAGE_LIMIT or len(page) + len(group) > BLOCKS_LIMIT):
            yield page
            page, size = [], 0
        page = [*page, *group]
        size += length
    yield page


def measure(blocks: Sequence[Block]) -> int:
    """Characters of blocks as JSON."""
    return sum(count_utf16_units(json.dumps(block, ensure_ascii=False)) + 2 for block in blocks)


def split_sections(text: str) -> tuple[str, ...]:
    """Parts that one section block takes each; a part of white space only would be refused as empty."""
    return tuple(part for part in split_text(text, SECTION_LIMIT) if part.strip())


def halve(message: Message) -> tuple[Message, ...]:
    """The message as two, cut behind the buttons that are nearest to its middle; none where it cannot be cut."""
    blocks = message.blocks
    if len(blocks) == 1:
        return tuple(Message(text=message.text, blocks=(half,)) for half in _halve_section(blocks[0]))
    cuts = range(1, len(blocks))
    if not cuts:
        return ()
    behind_buttons = [cut for cut in cuts if blocks[cut - 1]["type"] == "actions"]
    cut = min(behind_buttons or cuts, key=lambda each: abs(2 * each - len(blocks)))
    return tuple(Message(text=message.text, blocks=part) for part in (blocks[:cut], blocks[cut:]))


def _halve_section(block: Block) -> tuple[Block, ...]:
    text = block["text"]["text"] if block["type"] == "section" else ""
    if count_utf16_units(text) < SHORTEST:
        return ()
    halves = (part for part in split_text(text, -(-count_utf16_units(text) // 2)) if part.strip())
    return tuple({**block, "text": {**block["text"], "text": part}} for part in halves)

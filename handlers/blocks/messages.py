"""Messages as Slack takes them: within its limits, and cut where they are too long."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.i18n.texts import Texts
from bot.text_limits import count_json_units, split_text
from handlers.blocks.elements import Block, context, measure
from handlers.blocks.limits import BLOCKS_LIMIT, FOLDED, MESSAGE_LIMIT, SHORTEST
from handlers.blocks.rich_text import build_rich_texts, halve_rich_text


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockMessage:
    """A message: its blocks, and the text that stands for them in notifications, escaped."""

    text: str
    blocks: tuple[Block, ...]


def build_notice(text: str) -> BlockMessage:
    """Build a message of the bot's own words, as mrkdwn: a sentence, or the usage."""
    return BlockMessage(text=text, blocks=({"type": "section", "text": {"type": "mrkdwn", "text": text}},))


def build_reply(
    text: str, *, by: str | None, build: Callable[[str], Sequence[Block]] = build_rich_texts
) -> BlockMessage:
    """Build one part of a reply as everyone sees it, with the agent's name over it if it is known."""
    names = () if by is None else (context(by),)
    return BlockMessage(text=escape(text), blocks=(*names, *build(text)))


def add_link(message: BlockMessage, link: str, texts: Texts) -> BlockMessage:
    """Put a link to the conversation that the message is about over it."""
    where = {"type": "context", "elements": [{"type": "mrkdwn", "text": texts("in-thread", link=link)}]}
    return BlockMessage(text=message.text, blocks=(where, *message.blocks)[:BLOCKS_LIMIT])


def escape(text: str) -> str:
    """Escape text for mrkdwn, so that nothing in it is a mention, a link or an entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unlink_users(text: str) -> str:
    """Replace mentions by bare ids, for a place that shows plain text only."""
    return re.sub(r"<@(\w+)>", r"\1", text)


def shorten(text: str, limit: int = 150) -> str:
    """Cut a text to one line of at most `limit` characters."""
    return shorten_lines(" ".join(text.split()), limit)


def shorten_lines(text: str, limit: int = 150) -> str:
    """Cut a text to at most `limit` characters, its lines kept, without blank ones."""
    lines = "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
    return lines if len(lines) <= limit else lines[: limit - 1].rstrip() + "…"


def fold(text: str, limit: int = FOLDED) -> str:
    """Cut a text to at most `limit` characters as JSON, and mark that there is more."""
    shown = "".join(split_text(text, limit, count_json_units)[:1])
    return shown if shown == text else f"{shown.rstrip()}…"


def build_unfilled_note(tokens: Sequence[str], texts: Texts) -> Block:
    """Name placeholders that the agent has to see to: the bot does not know what they stand for."""
    return context(texts("unfilled", placeholders=shorten(" ".join(tokens))))


def paginate(groups: Sequence[list[Block]], *, text: str) -> tuple[BlockMessage, ...]:
    """Put groups of blocks together into messages, in order, within Slack's limits. Each has the same `text`."""
    pages: list[list[Block]] = [[]]
    size = 0
    for group in groups:
        length = measure(group)
        if pages[-1] and (size + length > MESSAGE_LIMIT or len(pages[-1]) + len(group) > BLOCKS_LIMIT):
            pages.append([])
            size = 0
        pages[-1] += group[1:] if not pages[-1] and group[0]["type"] == "divider" else group
        size += length
    return tuple(BlockMessage(text=text, blocks=tuple(page)) for page in pages)


def halve(message: BlockMessage) -> tuple[BlockMessage, ...]:
    """Cut a message in two, behind the buttons nearest to its middle. Returns () where it cannot be cut."""
    blocks = message.blocks
    if len(blocks) == 1:
        return tuple(BlockMessage(text=message.text, blocks=(half,)) for half in _halve_block(blocks[0]))
    cuts = range(1, len(blocks))
    if not cuts:
        return ()
    behind_buttons = [cut for cut in cuts if blocks[cut - 1]["type"] == "actions"]
    cut = min(behind_buttons or cuts, key=lambda each: abs(2 * each - len(blocks)))
    return tuple(BlockMessage(text=message.text, blocks=part) for part in (blocks[:cut], blocks[cut:]))


def _halve_block(block: Block) -> tuple[Block, ...]:
    """Cut a text in two. Returns () for any other block, or one that is too short."""
    return halve_rich_text(block) if block["type"] == "rich_text" and measure([block]) > SHORTEST else ()

"""Block Kit's objects: one function for each, under Slack's name for it."""

from collections.abc import Sequence
from typing import Any

from bot.i18n.texts import Texts
from bot.text_limits import measure_json
from handlers.blocks.action_ids import TEXT_ACTION

Block = dict[str, Any]


def plain_text(text: str) -> Block:
    """Text in which nothing has a meaning: neither markup nor mentions nor emoji codes."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _name(text: str) -> Block:
    """The bot's own words on a button or in a menu: as `plain_text`, in fewer characters of a message's JSON."""
    return {"type": "plain_text", "text": text}


def section(text: str) -> Block:
    """A section of plain text, shown whole."""
    return {"type": "section", "text": plain_text(text), "expand": True}


def mrkdwn_section(text: str) -> Block:
    """A section of mrkdwn: the bot's own marks, and what others wrote escaped."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def context(*lines: str) -> Block:
    """Small print, one element a line."""
    return {"type": "context", "elements": [plain_text(line) for line in lines]}


def divider() -> Block:
    """A line between what belongs to one thing and to the next."""
    return {"type": "divider"}


def actions(*elements: Block) -> Block:
    """A row of buttons, selects and menus."""
    return {"type": "actions", "elements": list(elements)}


def button(
    text: str,
    action_id: str,
    value: str,
    *,
    label: str | None = None,
    is_primary: bool = False,
    confirm: Block | None = None,
) -> Block:
    """A button; `label` is what screen readers say instead of its text, `confirm` a question before the click."""
    made: Block = {"type": "button", "text": _name(text), "action_id": action_id, "value": value}
    if label is not None:
        made["accessibility_label"] = label
    if confirm is not None:
        made["confirm"] = confirm
    return {**made, "style": "primary"} if is_primary else made


def modal(
    texts: Texts,
    title: str,
    blocks: Sequence[Block],
    *,
    callback_id: str | None = None,
    submit: str | None = None,
    metadata: str | None = None,
) -> Block:
    """A modal; one with a `submit` can be cancelled, any other closed. `metadata` is what a submission brings along."""
    optional = {
        "callback_id": callback_id,
        "private_metadata": metadata,
        "submit": None if submit is None else plain_text(submit),
    }
    return {
        "type": "modal",
        **{name: value for name, value in optional.items() if value is not None},
        "title": plain_text(title),
        "close": plain_text(texts("modal-close" if submit is not None else "modal-copy-close")),
        "blocks": list(blocks),
    }


def input_block(block_id: str, label: str, element: Block, **options: Any) -> Block:
    """An input: an element under its label."""
    return {"type": "input", "block_id": block_id, "label": plain_text(label), "element": element, **options}


def text_input(block_id: str, label: str, *, limit: int, hint: str | None = None, **options: Any) -> Block:
    """An input for text of at most `limit` characters, `hint` in small print under it."""
    element = {"type": "plain_text_input", "action_id": TEXT_ACTION, "max_length": limit, **options}
    return input_block(block_id, label, element, **({} if hint is None else {"hint": plain_text(hint)}))


def select(name: str, label: str, options: list[Block], *, initial: int) -> Block:
    """An input with a select, whose block and action have the same name."""
    element = {"type": "static_select", "action_id": name, "options": options, "initial_option": options[initial]}
    return input_block(name, label, element)


def option(text: str, value: str) -> Block:
    """An option of a select."""
    return {"text": _name(text), "value": value}


def measure(blocks: Sequence[Block]) -> int:
    """Count the characters of blocks as JSON."""
    return measure_json(blocks) if blocks else 0

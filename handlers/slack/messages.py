"""A message as a person reads it: its text, its author, its kind."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.text_limits import clean
from handlers.payloads import unescape

_MARKED: Final = re.compile(r"<([^<>]*)>")


def read_text(message: Mapping[str, Any]) -> str:
    """Read a message's text as a person does, with its files by name."""
    said = message.get("text")
    lines = (
        [to_plain_text(said)] if isinstance(said, str) and said.strip() else list(_read_attachments_and_blocks(message))
    )
    for file in _list_objects(message, "files"):
        name = file.get("name")
        lines.append(f"[file: {name if isinstance(name, str) and name else 'unnamed'}]")
    return clean("\n".join(lines)).strip()


def to_plain_text(text: str) -> str:
    """Turn Slack's markup into what a person reads: `<https://a.example|this>`, `<@U1>`, `&amp;`."""
    return unescape(_MARKED.sub(lambda found: _resolve_markup(found[1]), text))


def _resolve_markup(marked: str) -> str:
    """Resolve one marked piece, a mention, a channel or a link, to what a person reads."""
    target, _, label = marked.partition("|")
    if target.startswith("@"):
        return f"@{label.removeprefix('@')}" if label else "@somebody"
    if target.startswith("#"):
        return f"#{label}" if label else "#channel"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    address = target.removeprefix("mailto:").removeprefix("tel:")
    return address if label in {"", address} else f"{label} ({address})"


def _read_attachments_and_blocks(message: Mapping[str, Any]) -> Iterator[str]:
    """Read what an app wrote that gives no `text`: its attachments and sections."""
    for attachment in _list_objects(message, "attachments"):
        found = [attachment.get(name) for name in ("text", "fallback")]
        yield next((to_plain_text(text) for text in found if isinstance(text, str) and text), "")
    for block in _list_objects(message, "blocks"):
        text = block.get("text")
        if isinstance(text, Mapping) and isinstance(text.get("text"), str):
            yield to_plain_text(text["text"])


def _list_objects(message: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list in a message; what is of an odd type counts as none."""
    found = message.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def find_author(message: Mapping[str, Any]) -> str | None:
    """Find the user who wrote a message, which may be an app's.

    What a person posts by an app with their own token is theirs. None for an app that gives no user, or that goes by
    a name of its own.
    """
    author = message.get("user")
    is_app = message.get("bot_id") and message.get("username")
    return author if isinstance(author, str) and author and not is_app else None


def get_subtype(message: Mapping[str, Any]) -> str | None:
    """A message's subtype; None for what somebody simply wrote."""
    subtype = message.get("subtype")
    return None if subtype is None else str(subtype)

"""Slack's markup and Block Kit as a person reads them: mrkdwn, rich text, and any other block."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

DEEPEST: Final = 12
"""Levels of objects within objects that are read: Slack's blocks have about six."""

_MARKED: Final = re.compile(r"<([^<>]*)>")

_CONTROLS: Final = frozenset({"actions", "context_actions", "input", "button", "overflow", "workflow_button"})
"""What a person presses or fills in; of other elements, selects have these words in their type."""

_MENTIONS: Final = {"user": "@", "channel": "#", "usergroup": "!subteam"}

_TEXTS: Final = frozenset({None, "mrkdwn", "plain_text", "raw_text"})


def unescape(text: str) -> str:
    """Turn Slack's three entities into what people typed; each once, so that a typed `&lt;` stays one."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def to_plain_text(text: str) -> str:
    """Turn Slack's markup into what a person reads: `<https://a.example|this>`, `<@U1>`, `&amp;`."""
    return unescape(_MARKED.sub(lambda found: _resolve_markup(found[1]), text))


def list_objects(parent: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list; what is of an odd type counts as none."""
    found = parent.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def get_string(parent: Mapping[str, Any], name: str) -> str:
    """The text under this name; empty for anything else."""
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def read_block(block: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a block in reading order, without what stands on its buttons and menus."""
    yield from _read_node(block, depth=0)


def _read_node(node: Any, *, depth: int) -> Iterator[str]:
    """Yield the texts of a block, or of anything in it."""
    if depth > DEEPEST:
        return
    if isinstance(node, list):
        for each in node:
            yield from _read_node(each, depth=depth + 1)
        return
    kind = node.get("type") if isinstance(node, Mapping) else ""
    if not isinstance(node, Mapping) or not isinstance(kind, str | None):
        return
    if kind in _CONTROLS or (kind or "").endswith(("_select", "picker", "_input", "checkboxes", "radio_buttons")):
        return
    text = node.get("text")
    if kind == "rich_text":
        yield _read_rich_text(node, depth=depth)
    elif kind == "markdown":
        yield unescape(get_string(node, "text"))
    elif isinstance(text, str) and kind in _TEXTS:
        yield to_plain_text(text)
    else:
        yield from _read_node([value for value in node.values() if isinstance(value, Mapping | list)], depth=depth)
        yield unescape(get_string(node, "alt_text"))


def _read_rich_text(node: Mapping[str, Any], *, depth: int) -> str:
    """Read a rich text: its paragraphs, lists, quotes and preformatted texts, each on lines of its own."""
    parts = [_read_rich_part(part, depth=depth + 1) for part in list_objects(node, "elements")]
    return "\n".join([*(part.removesuffix("\n") for part in parts[:-1]), *parts[-1:]])


def _read_rich_part(part: Mapping[str, Any], *, depth: int) -> str:
    """Read one part of a rich text, or one element within a line."""
    if depth > DEEPEST:
        return ""
    kind = part.get("type")
    if kind == "rich_text_list":
        indent = part.get("indent")
        margin = "  " * (indent if isinstance(indent, int) and 0 < indent < DEEPEST else 0)
        offset = part.get("offset")
        first = 1 + (offset if isinstance(offset, int) else 0)
        items = [_read_rich_part(item, depth=depth + 1) for item in list_objects(part, "elements")]
        is_ordered = part.get("style") == "ordered"
        return "\n".join(
            f"{margin}{f'{number}.' if is_ordered else '•'} {item}" for number, item in enumerate(items, first)
        )
    if isinstance(kind, str) and kind.startswith("rich_text"):
        text = "".join(_read_rich_part(each, depth=depth + 1) for each in list_objects(part, "elements"))
        return "\n".join(f"> {line}" for line in text.rstrip("\n").split("\n")) if kind.endswith("quote") else text
    return _read_inline(part)


def _read_inline(element: Mapping[str, Any]) -> str:
    """Read an element within a line: a text, a link, a mention, an emoji, a date or a colour."""
    kind = element.get("type")
    if kind == "link":
        return _resolve_markup(f"{get_string(element, 'url')}|{get_string(element, 'text')}")
    if kind == "emoji":
        tone = element.get("skin_tone")
        return f":{get_string(element, 'name')}:" + (f":skin-tone-{tone}:" if isinstance(tone, int) else "")
    if kind == "broadcast":
        return f"@{get_string(element, 'range')}"
    if isinstance(kind, str) and kind in _MENTIONS:
        return _resolve_markup(_MENTIONS[kind])
    # Slack escapes nothing here: an entity is what somebody typed.
    return next(filter(None, (get_string(element, name) for name in ("text", "fallback", "value"))), "")


def _resolve_markup(marked: str) -> str:
    """Resolve one marked piece, a mention, a channel or a link, to what a person reads."""
    target, _, label = marked.partition("|")
    if target.startswith("@"):
        return f"@{label.removeprefix('@')}" if label else "@somebody"
    if target.startswith("#"):
        return f"#{label}" if label else "#channel"
    if target.startswith("!"):
        name = target[1:].partition("^")[0]
        return label or ("@group" if name == "subteam" else f"@{name}")
    address = target.removeprefix("mailto:").removeprefix("tel:")
    same = {"", address, address.removeprefix("https://"), address.removeprefix("http://")}
    return label or address if label in same else f"{label} ({address})"

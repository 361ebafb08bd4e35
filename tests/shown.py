"""What a person reads in blocks: the texts of customers, models and agents, as they were written."""

from collections.abc import Iterable
from typing import Any

_ASKED = ("For: ", "客戶訊息：")


def list_texts(blocks: Iterable[dict[str, Any]]) -> list[str]:
    """The text of each rich text, without what was asked."""
    return ["".join(map(read, block["elements"])) for block in blocks if is_own(block)]


def is_own(block: dict[str, Any]) -> bool:
    """A candidate or a reply, not the message that it answers."""
    return block["type"] == "rich_text" and not read(block["elements"][0]).startswith(_ASKED)


def read(element: dict[str, Any]) -> str:
    """The characters that an element stands for."""
    if element["type"] == "emoji":
        tone = f":skin-tone-{element['skin_tone']}:" if "skin_tone" in element else ""
        return f":{element['name']}:{tone}"
    return element.get("text") or "".join(map(read, element.get("elements", ())))

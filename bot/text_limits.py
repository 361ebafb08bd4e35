"""Texts cut into sizes that Slack takes, without losing a character, and freed of what cannot be stored."""

import json
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

_JSON: Final = json.JSONEncoder(ensure_ascii=False)
_BREAKS: Final = ("\n\n", "\n", ". ", "。", " ")


def clean(text: str) -> str:
    """Return the text without NUL (PostgreSQL refuses it) and lone surrogates (no UTF-8 can carry them)."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def count_utf16_units(text: str) -> int:
    """Return the length as Slack and JavaScript count it, in UTF-16 units: never less than Python's."""
    return len(text.encode("utf-16-le")) // 2


def count_json_units(text: str) -> int:
    """Return the length of the text as JSON has it, where a quote or a line break takes two characters."""
    return measure_json(text) - 2


def measure_json(value: object) -> int:
    """Return the length of a value as JSON, in UTF-16 units."""
    return count_utf16_units(_JSON.encode(value))


def split_text(text: str, limit: int, count: Callable[[str], int] = count_utf16_units) -> tuple[str, ...]:
    """Cut a text where a reader would pause, into parts whose `count` is at most `limit`.

    The parts join to the text again. A character is never cut: with a limit of 1, an emoji is a part of 2 units.
    """
    parts: list[str] = []
    rest = text
    while count(rest) > limit:
        end = max(1, _find_last_break(_take_head(rest, limit, count)))
        parts.append(rest[:end])
        rest = rest[end:]
    return (*parts, rest) if rest else tuple(parts)


def _take_head(text: str, limit: int, count: Callable[[str], int]) -> str:
    """Return the longest start of `text` within the limit."""
    head = text[:limit]
    return head[: bisect_right(range(len(head) + 1), limit, key=lambda end: count(head[:end])) - 1]


def _find_last_break(head: str) -> int:
    """Return the index behind the last paragraph, line, sentence or word in the second half; else the length."""
    for mark in _BREAKS:
        at = head.rfind(mark, len(head) // 2)
        if at >= 0:
            return at + len(mark)
    return len(head)

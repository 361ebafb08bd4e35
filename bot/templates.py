"""Templates: texts with `{{key}}`, filled from a row.

    Template.parse("Write about {{product}}.").fill({"product": "a lamp"})   # "Write about a lamp."

What is filled in is never read as a template again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

_KEY: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


class TemplateError(ValueError):
    """A template that cannot be used, or a row that cannot fill it; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text, and the keys that stand in it."""

    text: str
    keys: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a template. Raises TemplateError."""
        keys = _KEY.findall(text)
        rest = _KEY.sub("", text)
        if not text.strip():
            raise TemplateError("is empty: write a text with {{key}} where a row's value belongs")
        if "" in keys:
            raise TemplateError("has {{}} without a key in it: write {{key}}")
        if "{{" in rest or "}}" in rest:
            raise TemplateError("has {{ or }} alone: a key stands between both, as {{key}}")
        return cls(text, frozenset(keys))

    def fill(self, row: Mapping[str, Any]) -> str:
        """Fill the template from a row. Raises TemplateError where the row lacks a key or has no text for it."""
        return _KEY.sub(lambda found: _to_text(found[1], row), self.text)


def _to_text(key: str, row: Mapping[str, Any]) -> str:
    value = row.get(key)
    if value is None:
        raise TemplateError(f"lacks {key!r}, which {{{{{key}}}}} needs")
    if isinstance(value, str):
        return value
    if key == "message" or isinstance(value, dict | list):
        raise TemplateError(f"{key} must be a text")
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Passages as a prompt has them: numbered from 1 for one request, so that no model sees an address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePassage:
    """A passage for one request's drafts. `date` is when its file was last changed; `earlier`, an earlier reply."""

    id: str
    title: str
    date: str
    text: str
    url: str | None = None
    internal: bool = False
    earlier: bool = False

    def to_source(self, *, cited: bool) -> dict[str, Any]:
        """Return what the choice log says of it under a candidate."""
        return {
            "id": self.id,
            "title": self.title,
            "cited": cited,
            "internal": self.internal,
            "earlier": self.earlier,
            "url": self.url,
            "date": self.date,
        }


_MARK: Final = re.compile(
    r"[ \t\u3000]*[\[\uff3b\u3010]\^?\d{1,3}(?:\s*[,;\u3001\uff0c\uff1b]\s*\^?\d{1,3})*[\]\uff3d\u3011](?!\()"
)
_NUMBER: Final = re.compile(r"\d+")


def take_out_citations(text: str, passages: Sequence[SourcePassage]) -> tuple[str, list[dict[str, Any]]]:
    """Take marks such as [1], [1, 2], [^1] and 【1】 out of a reply; return it with the sources, cited or not.

    Numbers that were not given count for nothing. Without passages, a reply stays as it is.
    """
    if not passages:
        return text, []
    cited = {int(number) for mark in _MARK.finditer(text) for number in _NUMBER.findall(mark[0])}
    sources = [passage.to_source(cited=number in cited) for number, passage in enumerate(passages, 1)]
    return _MARK.sub("", text), sources

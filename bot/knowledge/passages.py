"""Passages as a prompt has them, numbered from 1 so that no model sees an address; and the sources of a reply."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from bot.i18n.texts import Texts
from storage.repositories.knowledge import Passage

EARLIER_TITLE: Final = "Earlier reply"
"""What the choice log calls an earlier reply: none of another customer's words, which may have to be erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePassage:
    """A passage for one request's drafts. `date` is when its file was last changed; `earlier`, an earlier reply.

    `used` is how often an earlier reply was used, `question` what it answered: for the model alone.
    `covered` is the share of the question that was found in it, 0 to 1.
    """

    id: str
    title: str
    date: str
    text: str
    url: str | None = None
    internal: bool = False
    earlier: bool = False
    used: int = 0
    question: str = ""
    covered: float | None = None

    @property
    def prompt_title(self) -> str:
        """The title as a model reads it."""
        return f"{self.title}, to another customer who wrote: {self.question}" if self.earlier else self.title

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
            "passage": _fingerprint(self.text),
            "covered": None if self.covered is None else round(self.covered, 3),
            **({"used": self.used} if self.earlier else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedSource:
    """A source that a reply cites, as the choice log has it. `passage` is the fingerprint of what was given."""

    id: str
    title: str
    date: str
    url: str | None
    internal: bool
    earlier: bool
    used: int
    passage: str

    def name(self, texts: Texts) -> str:
        """Return the title as a person reads it."""
        return texts("source-earlier") if self.earlier and self.title == EARLIER_TITLE else self.title

    def list_marks(self, texts: Texts) -> list[str]:
        """List what is said beside the title: its date, if it is internal, how often an earlier reply was used."""
        marks = [self.date, texts("source-internal") if self.internal else ""]
        return [mark for mark in (*marks, texts("source-used", count=self.used) if self.earlier else "") if mark]


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedPassage:
    """A cited source with its text: as it was given, all of a document that has `changed` since, or none: removed."""

    source: CitedSource
    text: str | None
    changed: bool = False


def list_cited(sources: Sequence[Any]) -> list[CitedSource]:
    """List the sources of a candidate that it cites, internal ones first."""
    cited = [
        CitedSource(
            id=str(one.get("id", "")),
            title=str(one.get("title") or one.get("id", "")),
            date=str(one.get("date") or ""),
            url=one.get("url"),
            internal=bool(one.get("internal")),
            earlier=bool(one.get("earlier")),
            used=max(1, int(one.get("used") or 1)),
            passage=str(one.get("passage", "")),
        )
        for one in sources
        if isinstance(one, dict) and one.get("cited")
    ]
    return sorted(cited, key=lambda one: not one.internal)


def find_passage(source: CitedSource, passages: Sequence[str]) -> CitedPassage:
    """Find the passage that was given among those that there are now; none where it has been removed."""
    if not passages:
        return CitedPassage(source=source, text=None)
    given = next((text for text in passages if _fingerprint(text) == source.passage), None)
    return CitedPassage(source=source, text=given or "\n\n".join(passages), changed=given is None)


def join_heading(passage: Passage) -> str:
    """Return a passage under its heading."""
    return "\n".join(filter(None, (passage.heading, passage.text)))


def _fingerprint(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


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

"""Every text that an agent reads, by key, in the agent's language. A new language is one new file in `locales/`.

A test holds that no file lacks a text of en-US.ftl. If one does all the same, that text is English. Where a playbook
writes, the same texts speak of briefs and texts in place of customers and replies: `writing.toml` has the words.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Self

from fluent.runtime import FluentBundle, FluentResource
from fluent.syntax.ast import Junk, TextElement
from fluent.syntax.visitor import Visitor

from storage.records import Task

DEFAULT_LOCALE: Final = "en-US"

# Labels and counts recur: formatting them anew each time is a fiftieth of a suggestion's CPU.
_MOST: Final = 2_000
_FREE: Final = frozenset({"for-message", "with-hint", "posted", "posted-edited", "posted-link", "home-gap"})
"""Texts with somebody's words in them: never kept."""

_TRADITIONAL: Final = frozenset({"hant", "tw", "hk", "mo"})


@dataclass(frozen=True, slots=True)
class OtherWords:
    """Words that stand in the place of others in every text, the first ones first; and whole texts, as Fluent."""

    words: Sequence[tuple[str, str]] = ()
    texts: str = ""

    def apply(self, resource: Any) -> None:
        """Put the words into a parsed file, but not into the names of its texts and variables."""
        _WordChanger(self.words).visit(resource)


class _WordChanger(Visitor):
    def __init__(self, words: Sequence[tuple[str, str]]) -> None:
        self._words = words

    def visit_TextElement(self, node: TextElement) -> None:  # noqa: N802 - the library's name
        for before, after in self._words:
            node.value = node.value.replace(before, after)


class Texts:
    """The texts of one language: `texts("drafts-failed", failed=1, count=3, reasons="refused")`.

    Raises ValueError for a file that is no Fluent.
    """

    def __init__(
        self, locale: str, source: str, *, fallback: "Texts | None" = None, other: OtherWords = OtherWords()
    ) -> None:
        self.locale = locale
        self._fallback = fallback
        # Isolation marks would stand in the texts as invisible characters.
        self._bundle = FluentBundle([locale], use_isolating=False)
        resource = _parse(locale, source)
        other.apply(resource)
        self._bundle.add_resource(resource)
        self._bundle.add_resource(_parse(locale, other.texts), allow_overrides=True)
        self._known: dict[tuple[Any, ...], str] = {}

    def __call__(self, key: str, **values: Any) -> str:
        """Format the text of `key`. Raises KeyError if there is none, ValueError if a value is missing."""
        seen = (key, *values.values())
        if seen in self._known:
            return self._known[seen]
        if self._fallback is not None and not self._bundle.has_message(key):
            return self._fallback(key, **values)
        pattern = self._bundle.get_message(key).value
        if pattern is None:
            raise KeyError(key)
        text, errors = self._bundle.format_pattern(pattern, values)
        if errors:
            raise ValueError(f"{key}: {errors[0]}")
        if key not in _FREE and len(self._known) < _MOST:
            self._known[seen] = str(text)
        return str(text)


def _parse(locale: str, source: str) -> Any:
    """Parse Fluent. Raises ValueError for what is none: the library would leave it out."""
    resource = FluentResource(source)
    junk = next((entry for entry in resource.body if isinstance(entry, Junk)), None)
    if junk is not None:
        raise ValueError(f"{locale}.ftl is broken at: {str(junk.content)[:60]!r}")
    return resource


@cache
def load_languages(task: Task = "reply") -> dict[str, Texts]:
    """Load all languages, by locale, in the words of a task. A text that a file lacks is in English."""
    folder = resources.files("bot.i18n") / "locales"
    sources = {
        file.name.removesuffix(".ftl"): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".ftl")
    }
    other = load_writing_words() if task == "write" else {}
    english = Texts(DEFAULT_LOCALE, sources.pop(DEFAULT_LOCALE), other=other.get(DEFAULT_LOCALE, OtherWords()))
    others = {
        name: Texts(name, source, fallback=english, other=other.get(name, OtherWords()))
        for name, source in sources.items()
    }
    return {DEFAULT_LOCALE: english, **others}


def load_writing_words() -> dict[str, OtherWords]:
    """Load the words of playbooks that write, by locale."""
    tables = tomllib.loads((resources.files("bot.i18n") / "writing.toml").read_text(encoding="utf-8"))
    return {locale: OtherWords(**table) for locale, table in tables.items()}


@cache
def _index_by_script(task: Task) -> dict[str, Texts]:
    return {get_written_language(name): texts for name, texts in load_languages(task).items()}


def get_texts(locale: str, task: Task | None = None) -> Texts:
    """Get the texts of this locale, or of its language as it is written there, or in English."""
    known = load_languages(task or "reply")
    return known.get(locale) or _index_by_script(task or "reply").get(
        get_written_language(locale), known[DEFAULT_LOCALE]
    )


class Label(str):  # noqa: SLOT000 - a text has no room for slots
    """A name in several languages; as a text, the English one, else the first."""

    by_locale: Mapping[str, str]

    @classmethod
    def of(cls, by_locale: Mapping[str, str]) -> Self:
        """Make a label of its names by locale, one at least."""
        label = cls(by_locale.get(DEFAULT_LOCALE) or next(iter(by_locale.values())))
        label.by_locale = by_locale
        return label


def translate_label(label: str, locale: str) -> str:
    """Return a label in the language of a locale; as it is, where it is in one only, or not in that."""
    if not isinstance(label, Label):
        return label
    by_language = {get_written_language(name): text for name, text in label.by_locale.items()}
    return label.by_locale.get(locale) or by_language.get(get_written_language(locale), str(label))


def get_written_language(locale: str) -> str:
    """Get a locale's language, with its script if it has several: zh-Hant for zh-TW, zh-HK and zh_Hant_MO.

    Chinese without a place or script is zh-Hans, as in Unicode's CLDR. As there, one script never stands in for the
    other: who reads zh-CN gets English, in which every word is meant for them, rather than another place's Chinese.
    """
    language, *rest = locale.replace("_", "-").casefold().split("-")
    if language != "zh":
        return language
    return "zh-Hant" if "hans" not in rest and _TRADITIONAL.intersection(rest) else "zh-Hans"

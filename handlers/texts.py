"""Every word that an agent reads, by key, in the agent's language. A new language is one new file in `locales/`."""

from functools import cache
from importlib import resources
from typing import Any, Final

from fluent.runtime import FluentBundle, FluentResource
from fluent.syntax.ast import Junk

DEFAULT_LOCALE: Final = "en-US"

# Labels and counts recur: formatting them anew each time is a fiftieth of a suggestion's CPU.
_MOST: Final = 2_000
_FREE: Final = frozenset({"for-message", "with-hint"})
"""Texts with somebody's words in them: never kept."""


class Texts:
    """The texts of one language: `texts("drafts-failed", failed=1, count=3, reasons="refused")`.

    Raises ValueError for a file that is no Fluent: the library would leave out what it cannot read.
    """

    def __init__(self, locale: str, source: str) -> None:
        self.locale = locale
        # Isolation marks would stand in the texts as invisible characters.
        self._bundle = FluentBundle([locale], use_isolating=False)
        resource = FluentResource(source)
        junk = next((entry for entry in resource.body if isinstance(entry, Junk)), None)
        if junk is not None:
            raise ValueError(f"{locale}.ftl is broken at: {str(junk.content)[:60]!r}")
        self._bundle.add_resource(resource)
        self._known: dict[tuple[Any, ...], str] = {}

    def __call__(self, key: str, **values: Any) -> str:
        """The text of `key`. Raises KeyError where there is none, ValueError where a value is missing."""
        seen = (key, *values.values())
        if seen in self._known:
            return self._known[seen]
        pattern = self._bundle.get_message(key).value
        if pattern is None:
            raise KeyError(key)
        text, errors = self._bundle.format_pattern(pattern, values)
        if errors:
            raise ValueError(f"{key}: {errors[0]}")
        if key not in _FREE and len(self._known) < _MOST:
            self._known[seen] = str(text)
        return str(text)


@cache
def languages() -> dict[str, Texts]:
    """All languages there are, by locale."""
    folder = resources.files("handlers") / "locales"
    return {
        file.name.removesuffix(".ftl"): Texts(file.name.removesuffix(".ftl"), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".ftl")
    }


def texts_for(locale: str) -> Texts:
    """The texts of this locale, or of its language, or English."""
    known = languages()
    language = locale.partition("-")[0]
    related = (texts for name, texts in known.items() if name.partition("-")[0] == language)
    return known.get(locale) or next(related, known[DEFAULT_LOCALE])

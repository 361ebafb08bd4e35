"""From one candidate to others: shorter, warmer, more formal, in another language, or more like it."""

from dataclasses import dataclass
from typing import Final

from storage.records import Candidate, LogEntry, Request, Steer

LANGUAGES: Final[dict[str, tuple[str, str]]] = {
    "en": ("English", "English"),
    "zh-Hant": ("Traditional Chinese as written in Taiwan", "繁體中文"),
    "zh-Hans": ("Simplified Chinese", "简体中文"),
    "ja": ("Japanese", "日本語"),
    "ko": ("Korean", "한국어"),
    "ar": ("Arabic", "العربية"),
    "cs": ("Czech", "Čeština"),
    "da": ("Danish", "Dansk"),
    "de": ("German", "Deutsch"),
    "el": ("Greek", "Ελληνικά"),
    "es": ("Spanish", "Español"),
    "fi": ("Finnish", "Suomi"),
    "fr": ("French", "Français"),
    "he": ("Hebrew", "עברית"),
    "hi": ("Hindi", "हिन्दी"),
    "hu": ("Hungarian", "Magyar"),
    "id": ("Indonesian", "Bahasa Indonesia"),
    "it": ("Italian", "Italiano"),
    "ms": ("Malay", "Bahasa Melayu"),
    "nb": ("Norwegian", "Norsk bokmål"),
    "nl": ("Dutch", "Nederlands"),
    "pl": ("Polish", "Polski"),
    "pt-BR": ("Brazilian Portuguese", "Português (Brasil)"),
    "pt-PT": ("European Portuguese", "Português (Portugal)"),
    "ro": ("Romanian", "Română"),
    "sv": ("Swedish", "Svenska"),
    "th": ("Thai", "ไทย"),
    "tl": ("Tagalog", "Tagalog"),
    "tr": ("Turkish", "Türkçe"),
    "uk": ("Ukrainian", "Українська"),
    "vi": ("Vietnamese", "Tiếng Việt"),
}
"""The languages that a reply can be asked for in, by code: as the model is told, and as those who speak it say."""


CUSTOMERS_OWN: Final = "customer"
"""Stands for the customer's own language where an agent chooses one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """What to make of a candidate. `language` is a code of LANGUAGES; without one, the customer's own."""

    candidate_id: str
    steer: Steer
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedChange:
    """As the drafts need it: the text to begin with, what is wanted, and the language by its English name.

    Without a `base`, the wish is one that the agent had before: it holds for the redrafts that follow.
    """

    base: str | None
    steer: Steer
    language: str | None = None


def select_previous(parent: LogEntry, request: Request) -> tuple[Candidate, ...]:
    """The candidates of the parent that a request is drafted in view of: the one that it begins with; else all that
    the agent saw and did not want.
    """
    if request.parent_candidate_id is None:
        return parent.visible
    return tuple(candidate for candidate in parent.visible if candidate.id == request.parent_candidate_id)


def to_requested_change(request: Request, texts: tuple[str, ...]) -> RequestedChange | None:
    """What a request wants, given the texts that it is drafted in view of; None where nothing in particular."""
    if request.steer is None:
        return None
    base = texts[0] if request.parent_candidate_id is not None and texts else None
    language = LANGUAGES.get(request.steer_language or "")
    return RequestedChange(base=base, steer=request.steer, language=None if language is None else language[0])

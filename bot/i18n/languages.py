"""The languages that replies can be written in, and which of them a text is surely in."""

import re
from typing import Final

from bot.i18n.texts import get_written_language

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
"""The languages of replies, by code: the name for the model, and the name in the language itself."""

_FREQUENT: Final = {
    "en": "the and you your this that with are our can please if not when would from has been thank thanks sorry",
    "de": "der die das und sie wir ihr ihre ihnen nicht mit für eine einen ist auf bitte vielen dank",
    "es": "el los las una por para que con su usted gracias hola nos hemos está puede",
    "fr": "le les des une votre vous nous pour avec est pas merci bonjour dans sur",
}
"""Frequent words of languages that share their letters, which are rare in each other."""
_SHARE: Final = 0.1
"""A text has at least this share of them."""

_LETTERS: Final = {"ja": re.compile("[\u3040-\u30ff]"), "ko": re.compile("[\uac00-\ud7a3]")}
_HAN: Final = re.compile("[\u3400-\u9fff]")
_CHINESE: Final = {"zh-Hant": ("big5", "gb2312"), "zh-Hans": ("gb2312", "big5")}
"""The encoding that has its characters, and the one that lacks some of them."""


def find_language(locale: str) -> str:
    """Find the code of LANGUAGES for a locale; English where it has none."""
    tag, written = locale.replace("_", "-"), get_written_language(locale)
    near = (code for code in LANGUAGES if code.partition("-")[0] == written)
    return next((code for code in (tag, written) if code in LANGUAGES), next(near, "en"))


def is_surely_in(text: str, code: str) -> bool:
    """Tell by its letters, or by frequent words, whether a text is in a language; False where they do not tell."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    if code in _FREQUENT:
        return sum(word in _FREQUENT[code].split() for word in words) >= max(1, _SHARE * len(words))
    letters = "".join(words)
    if code in _LETTERS:
        return len(_LETTERS[code].findall(letters)) > _SHARE * len(letters)
    han = "".join(_HAN.findall(letters))
    if code not in _CHINESE or 2 * len(han) <= len(letters) or any(each.search(letters) for each in _LETTERS.values()):
        return False
    own, other = (len(han.encode(encoding, "ignore").decode(encoding)) for encoding in _CHINESE[code])
    return own == len(han) > other

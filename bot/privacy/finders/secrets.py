"""Secrets that people paste: keys and tokens by their form, passwords and codes by the words around them.

Words are those of some thirty languages, folded as texts are. A word alone is no secret: "my password is wrong" must
stay readable. So a value counts where it looks like no word, or stands alone behind a colon.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from bot.privacy.finders import SPACELESS, words
from bot.privacy.folding import Span

# --- by their form ------------------------------------------------------------------------------------

_LONG: Final = re.compile(r"[\w./+=-]{16}|://", re.ASCII)
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,200}\d)[\w-]{20,}"  # OpenAI, Anthropic and their likes
    r"|(?:sk|rk)_(?:live|test)_\w{10,}|whsec_[\w+/=]{16,}"  # Stripe
    r"|xox[a-z](?:\.xox[a-z])?-[\w-]{10,}|xapp-[\w-]{10,}|hooks\.slack\.com/(?:services|workflows)/[\w/]{10,}"  # Slack
    r"|gh[opsur]_\w{20,}|github_pat_\w{20,}|gl[a-z]{2,5}-[\w-]{20,}"  # GitHub, GitLab
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # AWS, Google
    r"|(?<![A-Za-z0-9])(?:hf|npm|gsk|r8|shp(?:at|ca|pa|ss)|dop_v1|lin_api|ntn|figd|dckr_pat|glsa|sntrys|rpa|tvly)_[\w-]{20,}"
    r"|(?<![A-Za-z0-9])(?:pypi|xai|nvapi|pplx|tskey|PMAK|sq0csp|sq0atp|hvs)[-.](?=[\w.-]{0,200}\d)[\w.-]{20,}"
    r"|(?<![A-Za-z0-9])SG\.[\w-]{16,}\.[\w-]{16,}|(?<!\d)\d{8,10}:[\w-]{35}(?![\w-])"  # SendGrid, Telegram
    r"|(?<![\w-])eyJ[\w-]{6,}(?:\.[\w-]+){1,4}",  # JWT, JWE
    re.ASCII,
)
_AUTHORISATION: Final = re.compile(
    r"(?<![A-Za-z])(?:bearer|basic|token|apikey)\s{1,3}(?=[A-Za-z+/._~-]{0,200}[\d=])([\w.~+/=-]{16,})",
    re.IGNORECASE | re.ASCII,
)
_IN_ADDRESS: Final = re.compile(r"://[^\s/:@\0]{0,64}:([^\s/@\0]{1,128})@")
_KEY_BLOCK: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINES: Final = re.compile(r"(?:(?:\s|\\[nr])*[A-Za-z0-9+/=:,-]{8,}(?=\s|\\|$))*")


def find_secrets(text: str) -> Iterator[Span]:
    """Yield the secrets, in no order; they may overlap."""
    if "PRIVATE KEY" in text:
        yield from _find_key_blocks(text)
    if _LONG.search(text):
        yield from (match.span() for match in _TOKEN.finditer(text))
        yield from (match.span(1) for match in _AUTHORISATION.finditer(text))
        yield from (match.span(1) for match in _IN_ADDRESS.finditer(text))
    yield from _find_named(text)


def _find_key_blocks(text: str) -> Iterator[Span]:
    """Yield the blocks of private keys; of one that was cut off, which has no end, the lines tell."""
    end = 0
    for begin in _KEY_BLOCK.finditer(text):
        if begin.start() >= end:
            closed = _KEY_END.search(text, begin.end())
            lines = _KEY_LINES.match(text, begin.end())
            end = closed.end() if closed else lines.end() if lines else begin.end()
            yield begin.start(), end


# --- by the words around them -------------------------------------------------------------------------


_Link = Literal["sign", "verb", "adjacent"]
"""The link between a word and its value: a sign, a verb, nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _SecretKind:
    """The words for a kind of secret, the pattern of its value, and the links that may stand between the two.

    `is_direct` if nothing else may stand between; `is_first` if the word must begin its line.
    """

    name: Literal["password", "code", "key"]
    words: tuple[str, ...]
    value: re.Pattern[str]
    links: tuple[_Link, ...] = ("sign", "verb", "adjacent")
    is_direct: bool = False
    is_first: bool = False


_SPACED: Final = rf"[^\s\0{SPACELESS}。、「」『』“”«»„]"
_PASSWORD: Final = re.compile(rf"(?:(?!&\w{{1,30}}=){_SPACED}){{3,128}}|[{SPACELESS}\w]{{3,64}}")
_CODE: Final = re.compile(rf"(?:[A-Z]-)?\d(?:[ -]?\d){{2,9}}(?![^\W{SPACELESS}]|[.,:/-]\d|[ -]\d)", re.IGNORECASE)
_KEY: Final = re.compile(rf"(?:(?!&\w{{1,30}}=|[\"'`<>()\[\]{{}}]){_SPACED}){{8,400}}")

_KINDS: Final = (
    _SecretKind(name="password", words=words.PASSWORDS, value=_PASSWORD),
    _SecretKind(name="code", words=words.CODES, value=_CODE),
    _SecretKind(name="code", words=words.OWN_CODES, value=_CODE, is_direct=True),
    _SecretKind(name="code", words=words.THE_CODES, value=_CODE, is_direct=True, links=("sign", "verb")),
    _SecretKind(
        name="code", words=words.FIRST_CODES, value=_CODE, is_direct=True, is_first=True, links=("sign", "verb")
    ),
    _SecretKind(name="password", words=words.SHORT, value=_PASSWORD, is_direct=True, is_first=True, links=("sign",)),
    _SecretKind(name="key", words=words.KEYS, value=_KEY),
)

_VERBS: Final = "|".join(sorted(words.VERBS, key=len, reverse=True))
_SPACELESS_VERBS: Final = "|".join(words.SPACELESS_VERBS)
_WITHIN: Final = r"[^\n:=.!?;,]{0,32}?"
_SIGN_LINK: Final = re.compile(
    rf"(?P<within>{_WITHIN})\s{{0,3}}[\"')\]*_]{{0,2}}\s{{0,3}}(?::=|[:=]>?|-{{1,2}}>|→)[\s*_]{{0,4}}"
)
_VERB_LINK: Final = re.compile(
    rf"(?P<within>{_WITHIN})"
    rf"(?:(?<![^\W_])(?:{_VERBS})(?![^\W_])\s{{1,3}}|'s\s{{1,3}}|(?:{_SPACELESS_VERBS})[ :]{{0,3}})",
    re.IGNORECASE,
)
_ADJACENT_LINK: Final = re.compile(r"(?P<within>)[\s(/-]{0,3}(?:[^\W\d_a-zA-Z]{1,8}\s)?")
_LINKS: Final[tuple[tuple[_Link, re.Pattern[str]], ...]] = (
    ("sign", _SIGN_LINK),
    ("verb", _VERB_LINK),
    ("adjacent", _ADJACENT_LINK),
)
_BEFORE: Final = re.compile(
    rf"(?<![\w.,:/-])((?:[A-Z]-)?\d(?:[ -]?\d){{3,9}})\s{{0,3}}"
    rf"(?:(?<![^\W_])(?:{_VERBS}|as|als|comme|como|come|jako|som|как|як)(?![^\W_])|[-:=]|{_SPACELESS_VERBS})\s{{0,3}}"
    r"[^\d\n.,;:!?\0]{0,25}\Z",
    re.IGNORECASE,
)
_ENDING: Final = re.compile(rf"[^\W\d_{SPACELESS}]{{0,8}}")
_QUOTES: Final = {"'": "'", '"': '"', "`": "`", "«": "»", "»": "«", "„": "“", "“": "”", "「": "」", "『": "』"}

_TRAILING: Final = ".,;:)]}>\"'`»”“。、।|*"
_SHOUTED: Final = "!?.,;:*_~`"
_NO_SECRET: Final = re.compile(
    r"<?(?:https?://|www\.|mailto:)|<[@#!]"  # links and mentions
    r"|(?:\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{1,2}:\d\d(?::\d\d)?|[\d.,]+[%€$£]|[$€£]\d[\d.,]*)\Z",  # dates, amounts
    re.IGNORECASE,
)
_SIGN: Final = re.compile(r"[!#$%*+:;<=>?@\\^_`{|}~\[\]]")
_INNER_CAPITAL: Final = re.compile(r"[a-z][A-Z]")
_LINE_START: Final = re.compile(r"(?:\A|[\n,;|/])[^\w\n]{0,3}\Z")
_LINE_END: Final = re.compile(r"[ \t.,;!)\]\"'*]{0,8}(?:\n|\Z)")
_SENTENCE_END: Final = re.compile(r"\s{0,3}(?:\Z|\n|[.!,;](?:\s|\Z))")

_ENGLISH_OWN: Final = re.compile(r"(?<!\w)(?:my|our|the)\s{1,3}(?:\w{1,12}\s{1,3})?\Z")
_INFLECTED: Final = re.compile(r"(?:ed|ing|able|ible|less|ful|ent|ly)\Z")
_SPACELESS_CHARACTER: Final = re.compile(f"[{SPACELESS}]")


def _find_named(text: str) -> Iterator[Span]:
    """Yield the secrets that the words around them name."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter of which the small one is two: places must stay the same
        lower = "".join(each.lower()[:1] for each in text)
    for kind in _KINDS:
        for start, end in _find_words(lower, kind.words):
            if kind.is_first and not _LINE_START.search(text, max(0, start - 4), start):
                continue
            span = _find_value(text, kind, lower, start, end)
            if span:
                yield span
            elif kind.name == "code" and (before := _BEFORE.search(text, max(0, start - 60), start)):
                yield before.span(1)


def _find_words(lower: str, among: tuple[str, ...]) -> Iterator[Span]:
    """Yield the spans of the words, each with its ending; short words must stand alone."""
    for word in among:
        at = lower.find(word)
        while at >= 0:
            end = at + len(word)
            before = lower[at - 1 : at] if at else ""
            ending = _ENDING.match(lower, end)
            stop = ending.end() if ending and not _SPACELESS_CHARACTER.match(word[-1]) else end
            stands_alone = not before.isalpha() or bool(_SPACELESS_CHARACTER.match(before + word[0]))
            is_long = len(word) >= (6 if word.isascii() else 4)
            if (is_long or stands_alone) and stop - end <= (8 if is_long else 3 if len(word) >= 4 else 0):
                yield at, stop
            at = lower.find(word, end)


def _find_value(text: str, kind: _SecretKind, lower: str, start: int, end: int) -> Span | None:
    """Find the value behind a word, by the first link that leads to one."""
    for link, between in _LINKS:
        follows = between.match(text, end) if link in kind.links else None
        if follows is None or (kind.is_direct and follows["within"].strip()):
            continue
        span = _read_value(text, kind, follows.end())
        is_glued = follows.end() == end and kind.name != "code" and not _SPACELESS_CHARACTER.match(text[end - 1])
        if span is None or is_glued:
            continue
        value, is_direct = text[slice(*span)], not follows["within"].strip()
        if kind.name == "code" or _is_secret_value(value, kind, link):
            return span
        if kind.name == "password" and is_direct and _is_word_password(text, lower, start, span, link):
            return span
    return None


def _read_value(text: str, kind: _SecretKind, at: int) -> Span | None:
    """Read the value at a place, without quotes and without what ends the sentence."""
    closing = _QUOTES.get(text[at : at + 1])
    if closing is not None:
        stop = text.find(closing, at + 1, at + 130)
        if stop > at + 2 and "\n" not in text[at:stop] and "\0" not in text[at:stop]:
            return at + 1, stop
        at += 1
    match = kind.value.match(text, at)
    if match is None:
        return None
    stop = at + len(match[0].rstrip(_TRAILING))
    return None if stop <= at or _NO_SECRET.match(text[at:stop]) else (at, stop)


def _is_secret_value(value: str, kind: _SecretKind, link: _Link) -> bool:
    """Tell whether a value is no mere word, by digits, signs or capitals among its letters."""
    core = value.strip(_SHOUTED)
    least = 4 if kind.name == "password" else 16 if link == "adjacent" else 8
    if _SPACELESS_CHARACTER.match(core) and link != "sign":
        return False
    if core.isdigit():
        return len(core) >= (6 if link == "adjacent" or kind.name == "key" else 4)
    has_letter, has_digit = any(map(str.isalpha, core)), any(map(str.isdigit, core))
    if len(core) < least or not has_letter:
        return False
    if has_digit or (kind.name == "password" and _SIGN.search(core)):
        return " " not in core or len(core) <= 40
    return len(core) >= 8 and bool(_INNER_CAPITAL.search(core))


def _is_word_password(text: str, lower: str, start: int, span: Span, link: _Link) -> bool:
    """Tell whether a word is a password: in quotes, alone behind a sign, or at the end of "my password is"."""
    word = text[slice(*span)].strip(_SHOUTED).lower()
    if text[span[0] - 1] in _QUOTES and link != "adjacent":
        return len(word) >= 4 and word not in words.NO_PASSWORD
    if len(word) < 4 or not word.isalpha() or word in words.NO_PASSWORD or _SPACELESS_CHARACTER.match(word):
        return False
    if link == "sign":
        return bool(_LINE_END.match(text, span[1]))
    is_english = link == "verb" and word.isascii() and not _INFLECTED.search(word)
    is_own = is_english and _ENGLISH_OWN.search(lower[max(0, start - 40) : start])
    return bool(is_own and _SENTENCE_END.match(text, span[1]))

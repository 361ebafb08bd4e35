"""Passwords and codes that people paste, told by the words around them.

Words are those of some thirty languages, folded as texts are. A word alone is no secret: "my password is wrong" must
stay readable. So a value counts where it looks like no word, or stands alone behind a colon.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final, Literal

from bot.privacy.finders import SPACELESS, words
from bot.privacy.folding import Span

_Link = Literal["sign", "verb", "adjacent"]
"""The link between a word and its value: a sign, a verb, nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _SecretKind:
    """The words for a kind of secret, the pattern of its value, and the links that may stand between the two.

    `is_direct` if nothing else may stand between; `is_first` if the word must begin its line; `is_ambiguous` if the
    words have other meanings, so that their values must look like no word.
    """

    name: Literal["password", "code", "key"]
    words: tuple[str, ...]
    value: re.Pattern[str]
    links: tuple[_Link, ...] = ("sign", "verb", "adjacent")
    is_direct: bool = False
    is_first: bool = False
    is_ambiguous: bool = False


_SPACED: Final = rf"[^\s\0{SPACELESS}。、「」『』“”«»„|]"
_PASSWORD: Final = re.compile(rf"(?:(?!&\w{{1,30}}=|</){_SPACED}){{3,128}}|[{SPACELESS}\w]{{3,64}}")
_PRODUCT: Final = (
    r"(?i:v|ver|version|win|windows|ios|ipados|android|mac|macos|chrome|firefox|safari|edge|opera|ubuntu|step|level|page"
    r"|line|php|python|node|iphone|ipad|galaxy|pixel|utf|http|sha|build|test|order|item|plan|day)[-.]?\d"
)
_MIXED: Final = re.compile(
    rf"(?!{_PRODUCT}|\S{{0,64}}/|\d+[a-z]{{1,7}}\b)(?=\S{{0,64}}[a-z])(?=\S{{0,64}}\d)"
    rf"{_SPACED}{{5,64}}(?=\s{{0,3}}(?:\Z|\n)|(?<=[.!,;])\s)"
)
"""Letters and digits that are no product's version or quantity, at the end of a clause."""
_DIGITS_END: Final = rf"(?![^\W{SPACELESS}]|[.,:/-]\d|[ -]\d|-[^\W\d])"
_CODE: Final = re.compile(rf"(?:[A-Z]-)?\d(?:[ -]?\d){{2,9}}{_DIGITS_END}", re.IGNORECASE)
_RECOVERY: Final = re.compile(
    r"(?:(?=[a-z-]{0,12}\d)[a-z0-9]{3,12}(?:-[a-z0-9]{3,12}){0,7}"
    r"|[A-Z]{4,8}(?:-[A-Z]{4,8}){1,7}|\d{4} \d{4})(?![\w-])",
    re.IGNORECASE,
)
_PHRASE: Final = re.compile(r"[^\W\d_]{2,14}(?:[ ,]{1,2}[^\W\d_]{2,14}){2,24}")
_KEY: Final = re.compile(rf"(?:(?!&\w{{1,30}}=|[\"'`<>()\[\]{{}};]){_SPACED}){{8,400}}")

_DIRECT: Final = ("sign", "verb")
_KINDS: Final = (
    _SecretKind(name="password", words=words.PASSWORDS, value=_PASSWORD),
    _SecretKind(name="password", words=words.AMBIGUOUS_PASSWORDS, value=_PASSWORD, is_ambiguous=True),
    _SecretKind(name="password", words=words.SHORT, value=_PASSWORD, links=_DIRECT, is_ambiguous=True),
    _SecretKind(
        name="password",
        words=words.SHORT[:2],
        value=_MIXED,
        links=("adjacent",),
        is_direct=True,
        is_first=True,
        is_ambiguous=True,
    ),
    _SecretKind(name="password", words=words.PHRASES, value=_PHRASE, is_direct=True, links=("sign",)),
    _SecretKind(name="code", words=words.RECOVERY_CODES, value=_RECOVERY),
    _SecretKind(name="code", words=words.CODES, value=_CODE),
    _SecretKind(name="code", words=words.CODES, value=_RECOVERY, is_direct=True, links=("sign",)),
    _SecretKind(name="code", words=words.OWN_CODES, value=_CODE, is_direct=True, is_ambiguous=True),
    _SecretKind(name="code", words=words.FIRST_CODES, value=_CODE, is_direct=True, is_first=True, is_ambiguous=True),
    _SecretKind(name="code", words=words.THE_CODES, value=_CODE, is_direct=True, is_ambiguous=True, links=_DIRECT),
    _SecretKind(name="key", words=words.KEYS, value=_KEY),
)

_SENT_DIGITS: Final = 6
"""Digits of a code that stands alone on its line behind the word "code"."""

_VERBS: Final = "|".join(sorted(map(re.escape, words.VERBS), key=len, reverse=True))
_SPACELESS_VERBS: Final = "|".join(words.SPACELESS_VERBS)
_FILLERS: Final = "|".join(sorted(map(re.escape, words.FILLERS), key=len, reverse=True))
_WITHIN: Final = r"[^\n:=.!?;,|\t]{0,32}?"
_SIGN_LINK: Final = re.compile(
    rf"(?P<within>{_WITHIN})\s{{0,3}}[\"')\]*_]{{0,2}}\s{{0,3}}"
    r"(?:(?::=|[:=]>?|-{1,2}>|→)[\s*_]{0,4}|(?:\||\t|</t[dh]>\s{0,5}<t[dh][^<>]{0,40}>)\s{0,3}|\n(?=\S{4,64}(?:\n|\Z)))"
)
_VERB_LINK: Final = re.compile(
    rf"(?P<within>{_WITHIN})"
    rf"(?:(?<![^\W_])(?:{_VERBS})(?![^\W_])\s{{1,3}}(?:(?:el|le|il|o|der)\s(?=\d))?"
    rf"|'s\s{{1,3}}|(?:{_SPACELESS_VERBS})[ :]{{0,3}})",
    re.IGNORECASE,
)
_ADJACENT_LINK: Final = re.compile(
    rf"(?P<within>)[\s(/\[】-]{{0,3}}(?:(?:no|nr|num|number|nummer|#|№)[.:]?\s{{0,2}}(?=\d))?"
    rf"(?:(?:{_FILLERS})(?![^\W_])\s{{1,2}}|[^\W\d_a-zA-Z]{{1,8}}\s){{0,3}}",
    re.IGNORECASE,
)
_LINKS: Final[tuple[tuple[_Link, re.Pattern[str]], ...]] = (
    ("sign", _SIGN_LINK),
    ("verb", _VERB_LINK),
    ("adjacent", _ADJACENT_LINK),
)
_FILLED: Final = re.compile(rf"\s{{0,3}}(?:(?:{_VERBS}|{_FILLERS})(?![^\W_])\s{{0,3}}){{0,5}}", re.IGNORECASE)
_CODE_BEFORE: Final = re.compile(
    rf"(?<![\w.,:/-])((?:[A-Z]-)?\d(?:[ -]?\d){{3,9}})[\])】]?\s{{0,3}}"
    rf"(?:(?<![^\W_])(?:{_VERBS}|as|als|comme|como|come|jako|som|как|як)(?![^\W_])|[-:=】]|{_SPACELESS_VERBS})\s{{0,3}}"
    r"[^\d\n.,;:!?\0]{0,25}\Z",
    re.IGNORECASE,
)
_PASSWORD_BEFORE: Final = re.compile(
    rf"(?:(?<=\A)|(?<=[\s:(\[>,;\"'“„«]))({_SPACED}{{4,64}}|\"[^\"\n\0]{{4,64}}\")\s{{0,3}}"
    rf"(?:(?<![^\W_])(?:{_VERBS})(?![^\W_])|[-=]|{_SPACELESS_VERBS})\s{{0,3}}(?:(?:[^\W\d_](?:[^\W\d_]|'){{0,6}}\s){{0,2}}|[{SPACELESS}]{{0,4}})\Z",
    re.IGNORECASE,
)
_ENDING: Final = re.compile(rf"[^\W\d_{SPACELESS}]{{0,8}}")
_QUOTES: Final = {"'": "'", '"': '"', "`": "`", "«": "»", "»": "«", "„": "“", "“": "”", "「": "」", "『": "』"}

_TRAILING: Final = ".,;:)]}>\"'`»”“。、।|*"
_SHOUTED: Final = "!?.,;:*_~`"
_NO_SECRET: Final = re.compile(
    r"<?(?:https?://|www\.|mailto:)|<[@#!]"  # links and mentions
    r"|(?:\d{1,4}([./-])\d{1,2}\1\d{1,4}|(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])|\d{1,2}:\d\d(?::\d\d)?"  # dates
    r"|[\d.,]+[%€$£]|[$€£]\d[\d.,]*)\Z",  # amounts
    re.IGNORECASE,
)
_SIGN: Final = re.compile(r"[!#$%*+:;<=>?@\\^_`{|}~\[\]]")
_INNER_CAPITAL: Final = re.compile(r"[a-z][A-Z]")
_LINE_START: Final = re.compile(r"(?:\A|[\n,;|/])[^\w\n]{0,3}\Z")
_CLAUSE_START: Final = re.compile(
    r"(?:\A|[\n,;|/.!?:(]|(?<!\w)(?:my|our|and|&|is|user \S{1,40}|login \S{1,40}))[^\w\n]{0,3}\Z"
)
_LINE_END: Final = re.compile(r"[ \t.,;!)\]\"'*]{0,8}(?:\n|\Z|\||</)|\t")
_CLAUSE_END: Final = re.compile(rf"(?:\s{{0,2}}(?:{_VERBS})(?![^\W_]))?(?:{_LINE_END.pattern})", re.IGNORECASE)
_ASSIGNED: Final = re.compile(r"(?<=[A-Za-z])[\"']?=[\"']?\Z")
_SENTENCE_START: Final = re.compile(r"(?:\A|[\n.!?:(])\s{0,3}\Z")
_SENTENCE_END: Final = re.compile(r"\s{0,3}(?:\Z|\n|[.!,;](?:\s|\Z))")

_ENGLISH_OWN: Final = re.compile(r"(?<!\w)(?:my|our|the)\s{1,3}(?:\w{1,12}\s{1,3})?\Z")
_INFLECTED: Final = re.compile(r"(?:ed|ing|able|ible|less|ful|ent|ly)\Z")
_SPACELESS_CHARACTER: Final = re.compile(f"[{SPACELESS}]")
_OTHER_THING: Final = re.compile(rf"(?<![a-z])(?:{'|'.join(map(re.escape, words.OTHER_THINGS))})")
_USER: Final = re.compile(
    rf"(?<![^\W_])(?:{'|'.join(words.USERS)})[\"']?\s{{0,2}}[:=]?\s{{0,2}}[\"']?[^\s:=]{{1,64}}[\s,;/|&]{{1,4}}\Z"
)


def find_secrets(text: str) -> Iterator[Span]:
    """Yield the secrets that the words around them name, in no order; they may overlap."""
    plain = text.lower()
    if len(plain) != len(text):  # a letter of which the small one is two: places must stay the same
        plain = "".join(each.lower()[:1] for each in text)
    plain = plain if plain.isascii() else plain.translate(words.LATIN_LIKES)
    beginnings = _BEGINNINGS.intersection(zip(plain, plain[1:], plain[2:], strict=False))
    for word, find in chain(_SHORT_WORDS, *[_WORDS[each] for each in beginnings]):
        if word in plain:  # most are not, and a generator costs three times as much as this
            for start, end in _find_words(plain, word):
                yield from find(text, plain, start, end)
    yield from _find_sent_codes(text, plain)
    if "\n" in text:
        yield from _find_columns(text, plain)
    if "</" in text:
        yield from (match.span("value") for match in _ELEMENT.finditer(plain) if _names_secret(match["name"]))
    if "\0" in text:
        yield from (match.span(match.lastgroup or 0) for match in _CARD_CODE.finditer(text))


def _find_beside(kind: _SecretKind, text: str, plain: str, start: int, end: int) -> Iterator[Span]:
    """Yield the values of one word: that behind it, or the one before it."""
    before = plain[max(0, start - 90) : start]
    starts = _CLAUSE_START if kind.name == "password" else _LINE_START
    if kind.is_first and not starts.search(before):
        return
    if kind.is_ambiguous and _OTHER_THING.search(before[-20:]):
        return
    span = _find_value(text, kind, plain, start, end)
    if span:
        yield span
        if kind.value is _RECOVERY:
            yield from _find_more(text, span[1])
    elif kind.name == "code" and (match := _CODE_BEFORE.search(text, max(0, start - 60), start)):
        yield match.span(1)
    elif kind.name == "password" and (match := _PASSWORD_BEFORE.search(text, max(0, start - 110), start)):
        value = text[slice(*match.span(1))].strip('"')
        if _is_secret_value(value, kind, "verb") or match[1][0] == '"' or _is_own_word(plain, match):
            yield match.span(1)


_MORE: Final = re.compile(
    rf"(?:[\s,;|•*-]{{1,6}}|\s(?:and|und|et|y|e|och|og|i|и|&)\s)(?:\d{{1,2}}[.)]\s{{1,2}})?({_RECOVERY.pattern})",
    re.IGNORECASE,
)
_MAX_MORE: Final = 40


def _find_more(text: str, at: int) -> Iterator[Span]:
    """Yield the codes of a list, behind its first."""
    for _ in range(_MAX_MORE):
        match = _MORE.match(text, at)
        if match is None:
            return
        yield match.span(1)
        at = match.end()


def _find_words(plain: str, word: str) -> Iterator[Span]:
    """Yield the spans of a word, each with its ending; a short word, and several, must stand alone."""
    is_long = len(word) >= (6 if word.isascii() else 4) and " " not in word
    longest_ending = 8 if len(word) >= 6 else 3 if len(word) >= 4 else 0
    at = plain.find(word)
    while at >= 0:
        end = at + len(word)
        before = plain[at - 1 : at] if at else ""
        ending = _ENDING.match(plain, end)
        stop = ending.end() if ending and not _SPACELESS_CHARACTER.match(word[-1]) else end
        stands_alone = not before.isalpha() or bool(_SPACELESS_CHARACTER.match(before + word[0]))
        if (is_long or stands_alone) and stop - end <= longest_ending:
            yield at, stop
        at = plain.find(word, end)


def _find_value(text: str, kind: _SecretKind, plain: str, start: int, end: int) -> Span | None:
    """Find the value behind a word, by the first link that leads to one."""
    for link, between in _LINKS:
        follows = between.match(text, end) if link in kind.links else None
        if follows is None or _OTHER_THING.search(plain, *follows.span("within")):
            continue
        is_direct = bool(_FILLED.fullmatch(follows["within"]))
        if kind.is_direct and not is_direct:
            continue
        span = _read_value(text, kind, follows.end())
        is_glued = follows.end() == end and kind.name != "code" and not _SPACELESS_CHARACTER.match(text[end - 1])
        if span is None or is_glued:
            continue
        value = text[slice(*span)]
        if kind.is_first and link == "adjacent" and kind.name == "code":
            digits = sum(map(str.isdigit, value))
            if digits != _SENT_DIGITS or not _CLAUSE_END.match(text, span[1]):
                continue
        if kind.name == "code" or kind.value is _PHRASE or _is_secret_value(value, kind, link):
            return span
        if is_direct and _is_word_secret(text, plain, kind, start, span, link):
            return span
    return None


def _read_value(text: str, kind: _SecretKind, at: int) -> Span | None:
    """Read the value at a place, without quotes and without what ends the sentence."""
    closing = _QUOTES.get(text[at : at + 1])
    if closing is not None:
        stop = text.find(closing, at + 1, at + 130)
        if (
            stop > at + 2
            and "\n" not in text[at:stop]
            and "\0" not in text[at:stop]
            and text[at - 1 : at].strip() != '"'
        ):
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
    if len(core) < least or not has_letter or len(set(core)) == 1:
        return False
    if has_digit or (kind.name == "password" and (_SIGN.search(core) or core.count("-") >= 3)):
        return " " not in core or len(core) <= 40
    return len(core) >= 8 and bool(_INNER_CAPITAL.search(core))


def _is_word_secret(text: str, plain: str, kind: _SecretKind, start: int, span: Span, link: _Link) -> bool:
    """Tell whether a word is secret: in quotes, alone behind a sign, or at the end of "my password is"."""
    word = plain[slice(*span)].strip(_SHOUTED)
    if kind.name == "key":
        return link != "adjacent" and len(word) >= 16 and word.isalpha()
    if len(word) < 4 or word in words.NO_PASSWORD or len(set(word)) == 1:
        return False
    before = plain[max(0, start - 90) : start]
    is_quoted = text[span[0] - 1] in _QUOTES and (link != "adjacent" or text[span[0] - 2].isspace())
    if is_quoted or (link != "adjacent" and word in words.COMMON_PASSWORDS):
        return True
    if not word.isalpha() or _SPACELESS_CHARACTER.match(word):
        return False
    if link == "sign":
        is_assigned = _ASSIGNED.search(text, max(0, span[0] - 4), span[0]) or _USER.search(before)
        return bool(is_assigned or (not kind.is_ambiguous and _LINE_END.match(text, span[1])))
    is_english = link == "verb" and word.isascii() and not _INFLECTED.search(word)
    return bool(is_english and _ENGLISH_OWN.search(before) and _SENTENCE_END.match(text, span[1]))


def _is_own_word(plain: str, match: re.Match[str]) -> bool:
    """Tell whether it is the word in "sunflower is my password", and not one of a question."""
    word = plain[slice(*match.span(1))]
    is_said = word.isalpha() and _SENTENCE_START.search(plain, max(0, match.start(1) - 4), match.start(1))
    is_mine = re.search(r"\sis (?:my|our) (?:\w{1,6} )?\Z", plain[match.end(1) : match.end()])
    return bool(is_said and is_mine) and word not in words.NO_PASSWORD


_ELEMENT: Final = re.compile(
    r"<(?P<name>[\w:.-]{3,40})(?:\s[^<>\0]{0,120})?>\s{0,5}(?P<value>[^<>\0\s][^<>\0]{2,200}?)\s{0,5}</(?P=name)"
)


def _names_secret(name: str) -> bool:
    """Tell whether the name of an element or a column is one of a password, a code or a token."""
    return any(part in _HEADINGS for part in (name, *re.split(r"[\W_]", name))) or any(
        word in name for word in words.PASSWORDS if len(word) >= 6
    )


# --- codes that were sent, credentials, tables, cards -------------------------------------------------

_SENT_CODE: Final = re.compile(
    rf"(?<![\w.,:/#-])(?<![$€£¥] )(?:(?P<google>g-(?=\d{{6}}(?!\d)))|[a-z]{{1,2}}-(?=\d{{5,6}}(?!\d)))?"
    rf"\d(?:[ -]?\d){{3,7}}{_DIGITS_END}(?!\s?[%€$£¥])",
    re.IGNORECASE,
)
_FOUR_DIGITS: Final = re.compile(r"\d(?:[ -]?\d){3}")
_ACCOUNT: Final = re.compile(r"\b(?:sms|google|gmail|2fa|otp)\b")
_CODE_WORD: Final = re.compile("|".join(map(re.escape, words.FIRST_CODES)))
_ENTERED: Final = re.compile(rf"(?:{'|'.join(words.ENTER)})\s{{0,2}}\Z")
_SENT: Final = re.compile("|".join(words.SENT))
_SENTENCE: Final = re.compile(r"\n|[.!?;](?:\s|\Z)")


def _find_sent_codes(text: str, plain: str) -> Iterator[Span]:
    """Yield the codes of sentences that speak of a code and of how it came, or of what it is for."""
    for match in _SENT_CODE.finditer(text) if _FOUR_DIGITS.search(text) else ():
        start, end = match.span()
        before = _SENTENCE.split(plain[max(0, start - 60) : start])[-1]
        sentence = f"{before} {_SENTENCE.split(plain[end : end + 40])[0]}"
        is_code = _ENTERED.search(before) or _CODE_WORD.search(sentence)
        is_sent = (_ACCOUNT if match["google"] else _SENT).search(sentence)
        is_secret = is_code or is_sent if match["google"] else is_code and is_sent
        if is_secret and not _OTHER_THING.search(sentence) and not _NO_SECRET.match(match[0]):
            yield start, end


_PAIR: Final = re.compile(
    rf"(?:\s\w{{1,12}}){{0,2}}?[\"')*]{{0,2}}\s{{0,3}}"
    rf"(?P<link>[:=-]|(?<![^\W_])(?:{_VERBS})(?![^\W_])|{_SPACELESS_VERBS})?\s{{0,3}}"
    r"[\"']?(?P<user>[^\s:/|,\0]{1,64})[\"']?(?P<between>\s{0,3}[:/|,]\s{0,3}|\s(?:and|und|et|y|e|en|i|и)\s|\s)[\"']?"
    r"(?P<value>[^\s,;|/\0\"'][^\s,;|\0\"']{2,63})",
    re.IGNORECASE,
)


def _find_pair(text: str, plain: str, _: int, end: int) -> Iterator[Span]:
    """Yield the password of a pair behind a word that announces one: "credentials: joe / sunflower"."""
    if match := _match_pair(text, end):
        value = match["value"].rstrip(_TRAILING)
        start = match.start("value")
        word = plain[start : start + len(value)]
        is_word = len(word) >= 4 and word.isalpha() and match["between"].strip() in {":", "/", "|"}
        is_word = is_word and _LINE_END.match(text, start + len(value)) is not None
        is_told = match["between"].strip() or _MIXED.match(text, start)
        if (is_told and _is_secret_value(value, _KINDS[0], "sign")) or (is_word and word not in words.NO_PASSWORD):
            yield start, start + len(value)


def _find_login(text: str, plain: str, start: int, end: int) -> Iterator[Span]:
    """Yield the password of a pair behind a word that may announce something else, or the name alone."""
    if match := _match_pair(text, end):
        value = match["value"].rstrip(_TRAILING)
        sign, user = match["between"].strip(), match["user"]
        is_told = match["link"] and sign and plain.startswith(words.LOGINS, start)
        is_form = sign in {*":/|"} and _MIXED.match(text, match.start("value"))
        is_name = re.fullmatch(r"[\w.@+-]+", user) and not user.isdigit() and not _NO_NAME.match(user)
        if (is_told or (is_form and is_name)) and _is_secret_value(value, _KINDS[0], "sign"):
            yield match.start("value"), match.start("value") + len(value)


def _match_pair(text: str, end: int) -> re.Match[str] | None:
    match = _PAIR.match(text, end)
    return None if match is None or _NO_SECRET.match(match[0][match.start("user") - end :]) else match


_NO_NAME: Final = re.compile(
    rf"{_PRODUCT}|(?i:error|fail|page|form|screen|button|chrome|firefox|edge|safari|android|ios)"
)


_CELL_SIGNS: Final = ("|", "\t", ",", ";")
_HEADINGS: Final = frozenset(
    (*words.PASSWORDS, *words.AMBIGUOUS_PASSWORDS, *words.SHORT, "secret", "token", "pin", "otp")
)
_CELL: Final = re.compile(r"[\s\"'`*_]*(?P<value>[^\s\"'`*_][^\s\"'`]{2,127}?)[\s\"'`*_]*")
_RULE: Final = re.compile(r"[-: ]+")


def _find_columns(text: str, plain: str) -> Iterator[Span]:
    """Yield the cells below a heading of a table that names passwords, codes or tokens."""
    at, column, sign, count = 0, -1, "", 0
    for line in text.splitlines(keepends=True):
        if column < 0 or line.count(sign) != count:
            column, sign = _find_heading(plain[at : at + len(line)])
            count = line.count(sign)
        elif (cell := _get_cell(line, sign, column)) and not _RULE.fullmatch(text, at + cell[0], at + cell[1]):
            span = at + cell[0], at + cell[1]
            if plain[slice(*span)] not in words.NO_PASSWORD:
                yield span
        at += len(line)


def _find_heading(line: str) -> tuple[int, str]:
    """Find the column that a heading names, and the sign between its cells; -1 where there is none."""
    for sign in _CELL_SIGNS:
        is_prose = sign in ",;" and f"{sign} " in line
        names = [name.strip(" \t\r\n\"'`*_") for name in line.split(sign)] if sign in line and not is_prose else []
        if sum(map(bool, names)) >= 2 and all(len(name) <= 20 for name in names):
            for index, name in enumerate(names):
                if name in _HEADINGS:
                    return index, sign
    return -1, ""


def _get_cell(line: str, sign: str, column: int) -> Span | None:
    cells = line.split(sign)
    match = _CELL.fullmatch(cells[column]) if column < len(cells) else None
    before = sum(len(cell) + 1 for cell in cells[:column])
    return match and (before + match.start("value"), before + match.end("value"))


_MONTH: Final = (
    r"(?<!\d)(?:(?:0?[1-9]|1[0-2])(?:\s?[/.|-]\s?|\s)(?:20)?\d\d|(?:0[1-9]|1[0-2])(?:2[4-9]|3\d))"
    r"(?!\d|[/.-]\d{1,2}(?!\d))"
)
_BESIDE: Final = rf"[^\w\0]{{1,6}}(?:(?:{'|'.join(words.FIRST_CODES)})[^\w\0]{{1,3}})?"
_CARD_CODE: Final = re.compile(
    rf"\0(?:[^\d\0]{{1,25}}?{_MONTH}{_BESIDE}(?P<code>\d{{3,4}})|{_BESIDE}(?P<first>\d{{3,4}}){_BESIDE}{_MONTH})"
    r"(?!\w|[.,:/-]\d|\s?(?:[€$£¥%]|eur|usd|gbp|chf))"
    r"|\0[ (/|*-]{1,4}(?P<last>\d{3})(?=[ )*]{0,3}(?:[.,;!?](?!\d)|\n|\Z))",
    re.IGNORECASE,
)
"""What stands beside a card that is hidden already: behind its expiry, before it, or at the end of the clause."""


# --- the table of words -------------------------------------------------------------------------------

_Find = Callable[[str, str, int, int], Iterator[Span]]


_INDEXED: Final = 3
"""Letters by which words are looked up."""


def _index_words(*finders: tuple[tuple[str, ...], _Find]) -> dict[tuple[str, ...], list[tuple[str, _Find]]]:
    """Index words by their first letters, each with what finds the secret beside it."""
    index: dict[tuple[str, ...], list[tuple[str, _Find]]] = {}
    for among, find in finders:
        for word in among:
            index.setdefault(tuple(word[:_INDEXED]), []).append((word, find))
    return index


_WORDS: Final = _index_words(
    *((kind.words, partial(_find_beside, kind)) for kind in _KINDS),
    (words.CREDENTIALS, _find_pair),
    (tuple({**dict.fromkeys(words.LOGINS), **dict.fromkeys(words.USERS)}), _find_login),
)
_BEGINNINGS: Final = frozenset(_WORDS)
_SHORT_WORDS: Final = [each for beginning, found in _WORDS.items() if len(beginning) < _INDEXED for each in found]

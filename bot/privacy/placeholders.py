"""Personal data out, placeholders in, and the other way round.

    (masked,), placeholders = mask(["I am jane@example.com"], NONE, recogniser)     # "I am [EMAIL_1]"
    fill("We write to [email 1].", placeholders).text                               # "We write to jane@example.com."

The same original has the same placeholder throughout a request. A customer's words that look like a placeholder get one
themselves, so that every placeholder in a masked text is ours. Models alter placeholders now and then: other case,
spaces, lost brackets are understood where nothing else can be meant. What cannot be understood is left as it stands,
and told (`Filled.unfilled`); nothing is ever guessed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from bot.privacy.detectors import Found, Recogniser


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders:
    """The originals by placeholder, such as `[EMAIL_1]`."""

    originals: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.originals)


NONE: Final = Placeholders()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A text with the originals in; `unfilled` are the placeholders that stand for nothing known, as they stand."""

    text: str
    unfilled: tuple[str, ...] = ()


def mask(texts: Sequence[str], known: Placeholders, recogniser: Recogniser) -> tuple[tuple[str, ...], Placeholders]:
    """The texts of a customer or an agent with placeholders in; `known` ones are used again. What looks like a
    placeholder is masked as TEXT.
    """
    book, pattern = _Book(known), _placeholder(recogniser.kinds)
    cut = [_cut(text, pattern, recogniser, lambda match: book.token("TEXT", match[0])) for text in texts]
    return _assembled(cut, book)


def settle(texts: Sequence[str], known: Placeholders, recogniser: Recogniser) -> tuple[tuple[str, ...], Placeholders]:
    """The texts of a model, or of an agent who has edited one: placeholders as they should be written, and personal
    data replaced. Placeholders that stand for nothing stay as they are, and their numbers are given to nothing else.
    """
    book, pattern = _Book(known), _placeholder(recogniser.kinds)
    for text in texts:
        book.reserve(_token(match) for match in pattern.finditer(text))
    cut = [_cut(text, pattern, recogniser, book.canonical) for text in texts]
    return _assembled(cut, book)


def fill(text: str, placeholders: Placeholders, recogniser: Recogniser, *, said: str = "") -> Filled:
    """The text with the originals in. Words in brackets that were `said` before are no placeholders."""
    if not _may_hold_one(text):
        return Filled(text=text)
    unfilled: list[str] = []

    def original(match: re.Match[str]) -> str:
        known = placeholders.originals.get(_token(match))
        if known is None:
            unfilled.append(match[0])
        return match[0] if known is None else known

    pattern = _placeholder(recogniser.kinds)
    filled = pattern.sub(original, text)
    invented = (match[0] for match in _INVENTED.finditer(pattern.sub("", text)))
    unfilled.extend(token for token in invented if token not in said)
    return Filled(text=filled, unfilled=tuple(dict.fromkeys(unfilled)))


# In capitals, or with a number behind a line: what models write where they want something filled in.
_INVENTED: Final = re.compile(r"\[(?:[A-Z][A-Z0-9 _'-]{1,38}|[^\W\d_][^\[\]\n]{0,38}_\d{1,4})\](?!\()")


@lru_cache(maxsize=8)
def _placeholder(names: tuple[str, ...]) -> re.Pattern[str]:
    """A placeholder, also an altered one. Without its brackets it must have the line: "card 2" is a customer's word."""
    kinds = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.compile(
        rf"[\[\uff3b\u3010]\s?(?P<kind>{kinds})[\s_\\#:-]{{0,3}}(?P<number>\d{{1,4}})\s?[\]\uff3d\u3011]"
        rf"|(?:\{{{{1,2}}|[<\[])?(?<![A-Za-z0-9_])(?P<bare_kind>{kinds})\\?_(?P<bare_number>\d{{1,4}})(?![A-Za-z0-9_])"
        r"(?:\}{1,2}|[>\]])?",
        re.IGNORECASE,
    )


def _may_hold_one(text: str) -> bool:
    return any(sign in text for sign in "[_\u3010\uff3b")


def _token(match: re.Match[str]) -> str:
    kind, number = match["kind"] or match["bare_kind"], match["number"] or match["bare_number"]
    return f"[{kind.upper()}_{int(number)}]"


class _Book:
    """Placeholders as they are given out."""

    def __init__(self, known: Placeholders) -> None:
        self._originals = dict(known.originals)
        self._tokens = {original: token for token, original in self._originals.items()}
        self._reserved = set(self._originals)
        self._last: Counter[str] = Counter()

    def reserve(self, tokens: Iterable[str]) -> None:
        self._reserved.update(tokens)

    def canonical(self, match: re.Match[str]) -> str:
        """A known placeholder as it should be written; any other as it stands."""
        token = _token(match)
        return token if token in self._originals else match[0]

    def originals_again(self) -> re.Pattern[str] | None:
        """Finds every original that is known, the longest first."""
        known = [original for token, original in self._originals.items() if not token.startswith("[TEXT_")]
        if not known:
            return None
        either = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
        return re.compile(rf"(?<![A-Za-z0-9])(?:{either})(?![A-Za-z0-9])")

    def token(self, kind: str, original: str) -> str:
        known = self._tokens.get(original)
        if known is not None:
            return known
        while True:
            self._last[kind] += 1
            token = f"[{kind}_{self._last[kind]}]"
            if token not in self._reserved:
                break
        self._reserved.add(token)
        self._originals[token], self._tokens[original] = original, token
        return token

    def closed(self) -> Placeholders:
        return Placeholders(originals=MappingProxyType(dict(self._originals)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A piece of a text: as it stands, what was found in it, and what stands in its place where that is settled."""

    text: str
    found: tuple[Found, ...] = ()
    token: str | None = None


def _cut(
    text: str, pattern: re.Pattern[str], recogniser: Recogniser, token: Callable[[re.Match[str]], str]
) -> list[_Cut]:
    """What looks like a placeholder, and what is between."""
    pieces, end = [], 0
    for match in pattern.finditer(text) if _may_hold_one(text) else ():
        between = text[end : match.start()]
        pieces += [_Cut(text=between, found=recogniser(between)), _Cut(text=match[0], token=token(match))]
        end = match.end()
    rest = text[end:]
    return [*pieces, _Cut(text=rest, found=recogniser(rest))]


def _assembled(cut: Sequence[Sequence[_Cut]], book: _Book) -> tuple[tuple[str, ...], Placeholders]:
    """First every original gets its placeholder; then they are put in, also where one was not recognised again."""
    for piece in (piece for pieces in cut for piece in pieces):
        for found in piece.found:
            book.token(found.kind, piece.text[found.start : found.end])
    again = book.originals_again()
    texts = tuple("".join(_replaced(piece, book, again) for piece in pieces) for pieces in cut)
    return texts, book.closed()


def _replaced(piece: _Cut, book: _Book, again: re.Pattern[str] | None) -> str:
    if piece.token is not None:
        return piece.token
    if again is None:
        return piece.text
    pieces, end = [], 0
    for found in piece.found:
        original = piece.text[found.start : found.end]
        pieces += [_known_replaced(piece.text[end : found.start], book, again), book.token(found.kind, original)]
        end = found.end
    return "".join([*pieces, _known_replaced(piece.text[end:], book, again)])


def _known_replaced(text: str, book: _Book, again: re.Pattern[str]) -> str:
    return again.sub(lambda match: book.token("", match[0]), text)

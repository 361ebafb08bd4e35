"""Folding: texts as finders read them, with the way back to the places of the original.

    folded = fold("a\u200bb\u0301c")         # folded.text == "abc"
    folded.locate(1, 2)                     # (2, 4), in the original

Digits of every script become ASCII digits, letters lose their marks and their width, dashes and spaces become `-` and
` `, and what cannot be seen is left out. What is masked becomes one NUL, so that a text and the same text with
placeholders in it read alike.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Final
from urllib.parse import unquote

MASK_CHARACTER: Final = "\0"

Span = tuple[int, int]

_ASCII_TEXT: Final = re.compile(r"[\t\n\r\x20-\x7e]*")
_MAX_DECOMPOSED: Final = 4
"""Characters that one may decompose into; some ligatures stand for a sentence."""

_BY_CATEGORY: Final = {"Mn": "", "Mc": "", "Me": "", "Cf": "", "Cc": "", "Pd": "-", "Zs": " "}
_SIGNS: Final = {
    **dict.fromkeys("\u115f\u1160\u2800\u3164\uffa0", ""),  # letters that cannot be seen
    **dict.fromkeys("\u2212", "-"),
    **dict.fromkeys("\u2044\u2215", "/"),
    **dict.fromkeys("\u00b7\u2022", "."),
    **dict.fromkeys("\u2018\u2019", "'"),
    "\u2236": ":",
    MASK_CHARACTER: " ",
    "\t": "\t",
    "\n": "\n",
    "\r": "\r",
}


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A folded text; for each of its characters, where the original's begins and ends."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def locate(self, start: int, end: int) -> Span:
        """Return the span of the original for one of the folded text."""
        return self.starts[start], self.ends[end - 1]

    def blank_out(self, spans: Sequence[Span]) -> "FoldedText":
        """Replace spans of the original, which are in order and apart, by one NUL each."""
        if not spans:
            return self
        parts, done = list[tuple[int, int, str, Span]](), 0
        for span in spans:
            first = max(done, bisect_right(self.ends, span[0]))
            done = max(first, bisect_left(self.starts, span[1]))
            parts.append((first, done, MASK_CHARACTER, span))
        return self.substitute(parts)

    def substitute(self, parts: Iterable[tuple[int, int, str, Span]]) -> "FoldedText":
        """Put texts in the place of parts, which are in order, each with its span of the original."""
        pieces, starts, ends, done = list[str](), list[int](), list[int](), 0
        for first, last, text, (start, end) in parts:
            pieces += [self.text[done:first], text]
            starts += [*self.starts[done:first], *[start] * len(text)]
            ends += [*self.ends[done:first], *[end] * len(text)]
            done = last
        pieces.append(self.text[done:])
        return FoldedText("".join(pieces), [*starts, *self.starts[done:]], [*ends, *self.ends[done:]])


def wrap_unfolded(text: str) -> FoldedText:
    """Wrap a text without folding it, for patterns that expect every character."""
    return FoldedText(text.replace(MASK_CHARACTER, " "), range(len(text)), range(1, len(text) + 1))


def fold(text: str) -> FoldedText:
    """Fold a text: digits and letters of any script become their ASCII likes."""
    if _ASCII_TEXT.fullmatch(text):
        return wrap_unfolded(text)
    pieces, starts, ends = list[str](), list[int](), list[int]()
    for index, character in enumerate(text):
        folded = _fold_character(character)
        if folded:
            pieces.append(folded)
            starts += [index] * len(folded)
            ends += [index + 1] * len(folded)
        elif ends and unicodedata.category(character).startswith("M"):
            ends[-1] = index + 1
    return FoldedText("".join(pieces), starts, ends)


def decode(folded: FoldedText) -> FoldedText:
    """Read what is encoded for links, web pages and JSON as what it stands for, and tags as spaces."""
    if not any(sign in folded.text for sign in "%&<=\\") or not _ENCODED.search(folded.text):
        return folded
    return folded.substitute(
        (*match.span(), _decode_match(match[0]), folded.locate(*match.span()))
        for match in _ENCODED.finditer(folded.text)
    )


_ENCODED: Final = re.compile(
    r"(?:%(?:25)?[0-9A-Fa-f]{2}){1,12}|&(?:#\d{1,6}|#[xX][0-9A-Fa-f]{1,5}|[A-Za-z]{2,8});"
    r"|</?(?!at>|dot>)[A-Za-z]{1,10}[1-6]?(?:\s[^<>\0\n@\d]{0,60})?/?>"
    r"|\\u[0-9A-Fa-f]{4}|\\[nrt](?=[\d+])|(?<=\w)=40(?=\w)"
)


def _decode_match(encoded: str) -> str:
    if encoded[0] in "<=" or encoded[:2] in {r"\n", r"\r", r"\t"}:
        return "@" if encoded == "=40" else " "
    if encoded[0] == "\\":
        encoded = f"&#x{encoded[2:]};"
    return fold(unescape(encoded) if encoded[0] == "&" else unquote(unquote(encoded))).text


@lru_cache(maxsize=8_192)
def _fold_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in _SIGNS or category in _BY_CATEGORY:
        return _SIGNS.get(character, _BY_CATEGORY.get(category, ""))
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    decomposed = unicodedata.normalize("NFKD", character)
    if len(decomposed) > _MAX_DECOMPOSED:
        return character
    return "".join(_SIGNS.get(each, each) for each in decomposed if not unicodedata.combining(each))

"""Terms that a text is searched by: words, pairs of words, and characters where a script has no spaces.

The same terms serve both database engines, so that both rank alike. A term is kept as a 64-bit hash with its count.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray

PAIR_WEIGHT: Final = 0.2
"""Weight of a pair of words beside that of a word."""

STOP_WEIGHT: Final = 0.4
"""Weight of an English word that says little. Other languages rely on how rare a word is."""

_UNSPACED: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_RUN: Final = regex.compile(
    rf"(?P<unspaced>[{_UNSPACED}]\p{{M}}*)+|[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+", regex.V1
)
_CHARACTER: Final = regex.compile(r"\X")
_APOSTROPHE: Final = regex.compile(r"(?<=\p{L})['\u2019](?:s\b)?")

_STOP_WORDS: Final = (
    "a an the of to in on at for from by with and or but if is are "
    "was were be been being am i me my we our you your he she it its they "
    "them this that these those do does did have has had can could should would will shall may "
    "might must not no so as what which who whom how when where why there here than then "
    "too very just about into over up down out off im ive "
)
_SUFFIXES: Final = ("ingly", "edly", "ings", "ing", "ies", "ied", "ed", "es", "s", "ly")

Terms = Counter[int]


def extract_terms(text: str) -> Terms:
    """Count the terms of a text, by their hashes."""
    return Counter(map(_hash, _iterate_terms(text)))


def weigh_terms(question: str) -> dict[int, float]:
    """Weigh the terms of a question, each once, by their hashes."""
    return {_hash(term): _weigh(term) for term in _iterate_terms(question)}


def pack_terms(terms: Terms) -> bytes:
    """Pack counts for the database: all hashes (8 bytes each), then all counts (2 bytes each), little-endian."""
    hashes = np.fromiter(terms.keys(), dtype="<u8", count=len(terms))
    counts = np.fromiter((min(count, 0xFFFF) for count in terms.values()), dtype="<u2", count=len(terms))
    return bytes(hashes.tobytes() + counts.tobytes())


def unpack_terms(packed: bytes) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
    """Unpack hashes, shape (n,), and counts, shape (n,)."""
    n = len(packed) // 10
    return np.frombuffer(packed, dtype="<u8", count=n), np.frombuffer(packed, dtype="<u2", offset=8 * n, count=n)


def _iterate_terms(text: str) -> Iterator[str]:
    text = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", text).casefold())
    words = []
    for run in _RUN.finditer(text):
        if run["unspaced"] is None:
            words.append(_stem(run[0]))
            continue
        characters = _CHARACTER.findall(run[0])
        yield from characters
        yield from map("".join, pairwise(characters))
    yield from words
    yield from map(" ".join, pairwise(words))


def _weigh(term: str) -> float:
    if " " in term:
        return PAIR_WEIGHT
    return STOP_WEIGHT if term in _STOP_TERMS else 1.0


def _stem(word: str) -> str:
    """Cut the endings of English words; words with other letters stay."""
    if not word.isascii() or len(word) < 4 or word.endswith("ss"):
        return word
    for suffix in _SUFFIXES:
        stem = word.removesuffix(suffix)
        if stem != word and len(stem) >= 3:
            word = _restore(stem, suffix)
            break
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def _restore(stem: str, suffix: str) -> str:
    """Undo what the suffix did to a stem: tries → try, stopped → stop."""
    if suffix in {"ies", "ied"}:
        return f"{stem}y"
    doubled = suffix in {"ing", "ed", "ings"} and len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "lsz"
    return stem[:-1] if doubled else stem


@lru_cache(maxsize=100_000)
def _hash(term: str) -> int:
    return int.from_bytes(blake2b(term.encode(errors="replace"), digest_size=8).digest(), "little")


_STOP_TERMS: Final = frozenset(map(_stem, _STOP_WORDS.split()))

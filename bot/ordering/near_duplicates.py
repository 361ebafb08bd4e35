"""Find candidates that repeat each other, by the F1 of their tokens, in any script."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Final

NEAR_DUPLICATE_F1: Final = 0.8
"""Two candidates whose token F1 is above this are one candidate to the eye."""

_COMPARED: Final = 1_000
_MOST_COMPARED: Final = 4 * _COMPARED
"""Characters of a text that are compared: of a longer one, as many pieces from all over it. Ten replies of 40,000 take
some milliseconds so, in which nothing else runs."""

# Written without spaces: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
_SPACELESS: Final = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)

# Accents, points and vowel signs, which Python does not count among the letters that they belong to.
_MARKS: Final = (
    r"\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
)

_RUN: Final = re.compile(rf"([{_SPACELESS}]+)|(?:[^\W{_SPACELESS}]|[{_MARKS}])+")
_HAS_SPACELESS: Final = re.compile(rf"[{_SPACELESS}]")
_WORD: Final = re.compile(rf"(?:\w|[{_MARKS}])+")


def find_near_duplicates(texts: Mapping[str, str]) -> dict[str, str]:
    """Find texts that repeat an earlier one that is kept.

    Returns {id: id of the text it repeats}, in the order given.
    """
    kept: dict[str, Counter[str]] = {}
    repeats: dict[str, str] = {}
    for key, text in texts.items():
        bag = Counter(tokenize(_sample(text)))
        original = next((other for other, seen in kept.items() if _compute_f1(bag, seen) > NEAR_DUPLICATE_F1), None)
        if original is None:
            kept[key] = bag
        else:
            repeats[key] = original
    return repeats


def _sample(text: str) -> str:
    """Take pieces from the beginning, the middle and the end of a text that is too long to compare."""
    if len(text) <= _MOST_COMPARED:
        return text
    last = len(text) - _COMPARED
    return " ".join(text[start : start + _COMPARED] for start in (0, last // 3, 2 * last // 3, last))


def compute_token_f1(one: str, other: str) -> float:
    """Compute the harmonic mean of precision and recall of tokens, counted with repetition: 0 to 1.

    As in SQuAD (Rajpurkar et al. 2016).
    """
    return _compute_f1(Counter(tokenize(one)), Counter(tokenize(other)))


def tokenize(text: str) -> list[str]:
    """Split a text into case-folded words.

    Scripts written without spaces give pairs of neighbours; texts without words (emoji) give each character.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    if _HAS_SPACELESS.search(folded):
        found = [
            token for run in _RUN.finditer(folded) for token in (_pair_neighbours(run[0]) if run[1] else (run[0],))
        ]
    else:
        found = _WORD.findall(folded)  # the same, in half the time
    return found or [character for character in folded if not character.isspace()]


def _pair_neighbours(run: str) -> list[str]:
    """Pair each character with its neighbour.

    Single characters would not do: in an alphabet, any two long texts have much the same letters.
    """
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _compute_f1(one: Counter[str], other: Counter[str]) -> float:
    size = one.total() + other.total()
    return 0.0 if size == 0 else 2 * (one & other).total() / size

"""What is measured of a text beside its conversation and the other candidates; `FEATURES` tells each, with its source.

Only the first 10,000 characters of a text and the last 10,000 of a conversation count: nobody reads further before
picking, and the time for one choice set stays bounded.
"""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.ordering import tokens
from storage.records import Turn

READ: Final = 10_000
BUCKETS: Final = 4_096

Array = NDArray[np.float64]


class Drafted(Protocol):
    """What the ranking reads of a candidate."""

    @property
    def text(self) -> str | None: ...
    @property
    def style(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def mean_logprob(self) -> float | None: ...


FEATURES: Final = {
    "log_words": "log(1 + words); pairs of characters where words are not spaced",
    "log_sentences": "log(1 + sentence ends)",
    "word_length": "mean characters of a word",
    "similarity": "TF-IDF cosine to the whole conversation (Salton and Buckley 1988)",
    "similarity_last": "TF-IDF cosine to the last turn",
    "novelty": "share of distinct words that the conversation does not have",
    "digits": "log(1 + digits)",
    "list": "has a line that starts with a bullet or a number",
    "first_person": "share of words that are I, we, my, our (English)",
    "second_person": "share of words that are you, your (English)",
    "question": "asks something: has ?, its full-width or its Arabic form",
    "mean_logprob": "mean log-probability of its tokens, where the server returns it",
}

_SENTENCE_END: Final = re.compile(r"[.!?]+(?=\s|$)|[。！？؟।]+")  # noqa: RUF001
_LIST: Final = re.compile(r"^\s*(?:[-*•‣–]|\d{1,2}[.)])\s", re.MULTILINE)  # noqa: RUF001
_DIGIT: Final = re.compile(r"\d")
_QUESTION: Final = re.compile(r"[?？؟]")  # noqa: RUF001
_FIRST: Final = frozenset({"i", "we", "my", "our", "me", "us", "mine", "ours", "myself", "ourselves"})
_SECOND: Final = frozenset({"you", "your", "yours", "yourself"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rarity:
    """How rare words are, by bucket of a hash (no word is kept): log((1 + documents) / (1 + with the word)) + 1."""

    idf: tuple[float, ...]

    @classmethod
    def unknown(cls) -> "Rarity":
        return cls(idf=(1.0,) * BUCKETS)


def rarity(conversations: Sequence[Sequence[Turn]]) -> Rarity:
    """Counted over distinct conversations, each word once a conversation."""
    counts = np.zeros(BUCKETS)
    distinct = dict.fromkeys(_joined(conversation) for conversation in conversations)
    for text in distinct:
        counts[list({bucket(word) for word in tokens(text)})] += 1
    return Rarity(idf=tuple((np.log((1 + len(distinct)) / (1 + counts)) + 1).round(6).tolist()))


def featurise(conversation: Sequence[Turn], candidates: Sequence[Drafted], rare: Rarity) -> Array:
    """Raw features, a row a candidate, a column each of FEATURES; NaN where nothing was measured."""
    whole = _Bag.of(tokens(_joined(conversation)), rare)
    last = _Bag.of(tokens(conversation[-1].text[-READ:]), rare) if conversation else whole
    return np.array([_row(candidate, whole, last, rare) for candidate in candidates]).reshape(-1, len(FEATURES))


def _row(candidate: Drafted, whole: "_Bag", last: "_Bag", rare: Rarity) -> list[float]:
    text = (candidate.text or "")[:READ]
    words = tokens(text)
    bag, n = _Bag.of(words, rare), max(1, len(words))
    logprob = candidate.mean_logprob
    return [
        float(np.log1p(len(words))),
        float(np.log1p(len(_SENTENCE_END.findall(text)))),
        sum(map(len, words)) / n,
        bag.cosine(whole),
        bag.cosine(last),
        sum(word not in whole.weights for word in bag.weights) / max(1, len(bag.weights)),
        float(np.log1p(len(_DIGIT.findall(text)))),
        float(_LIST.search(text) is not None),
        sum(word in _FIRST for word in words) / n,
        sum(word in _SECOND for word in words) / n,
        float(_QUESTION.search(text) is not None),
        float("nan") if logprob is None else logprob,
    ]


@dataclass(frozen=True, slots=True)
class _Bag:
    weights: dict[str, float]
    norm: float

    @classmethod
    def of(cls, words: list[str], rare: Rarity) -> "_Bag":
        weights = {word: count * rare.idf[bucket(word)] for word, count in Counter(words).items()}
        return cls(weights, sum(weight * weight for weight in weights.values()) ** 0.5)

    def cosine(self, other: "_Bag") -> float:
        if not self.norm or not other.norm:
            return 0.0
        small, large = sorted((self.weights, other.weights), key=len)
        return sum(weight * large.get(word, 0.0) for word, weight in small.items()) / (self.norm * other.norm)


@lru_cache(maxsize=65_536)
def bucket(word: str) -> int:
    """The same on every machine and in every run."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % BUCKETS


def _joined(conversation: Sequence[Turn]) -> str:
    return "\n".join(turn.text for turn in conversation)[-READ:]

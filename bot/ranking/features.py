"""Features of a text, beside its conversation and the other candidates; `FEATURES` lists them, with sources.

Only the first 4,000 characters of a text and the last 10,000 of a conversation count: nobody reads further before
picking, and the time for one choice set stays bounded.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.ordering.near_duplicates import tokenize
from storage.records import Turn

READ: Final = 10_000
"""Characters of a conversation, the last."""

READ_TEXT: Final = 4_000
"""Of a candidate, the first. Drafts are asked to stay below 2,500."""

LAST_READ: Final = 2_000
"""Of the last turn: LAST_WORDS stand in it."""

BUCKETS: Final = 4_096
LAST_WORDS: Final = 50

FloatArray = NDArray[np.float64]


class RankableCandidate(Protocol):
    """A candidate as the ranking reads it."""

    @property
    def text(self) -> str | None: ...
    @property
    def style_key(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def mean_logprob(self) -> float | None: ...
    @property
    def cited_shares(self) -> Sequence[float | None]: ...


FEATURES: Final = {
    "log_words": "log(1 + words); words as for near-duplicates: pairs of characters in scripts without spaces",
    "log_words_squared": "log(1 + words), squared: neither the shortest nor the longest need be best",
    "word_length": "mean characters of a word",
    "word_length_squared": "mean characters of a word, squared",
    "similarity": "TF-IDF cosine to the whole conversation (Salton and Buckley 1988)",
    "similarity_last": "TF-IDF cosine to the last 50 words of the last turn",
    "novelty": "share of its distinct words that are not in the conversation",
    "log_new_words": "log(1 + distinct words that are not in the conversation)",
    "repeats": "share of its word trigrams that are in the conversation",
    "rarity": "mean inverse document frequency of its words",
    "distinct": "distinct words by words",
    "first_person": "share of words among I, we, my, our (English)",
    "second_person": "share of words among you, your (English)",
    "central": "mean TF-IDF cosine to the other candidates",
    "log_characters": "log(1 + characters)",
    "log_sentences": "log(1 + sentence ends, of Chinese, Arabic and Hindi too)",
    "digits": "log(1 + digits, of any script)",
    "list": "1 if a line starts with a bullet or a number",
    "question": "1 if it has a question mark, full-width or Arabic too",
    "exclamation": "1 if it has an exclamation mark",
    "commas": "commas by words",
    "quotes": "1 if it has a quotation mark",
    "ends_whole": "1 if its last character ends a sentence",
    "mean_logprob": "mean log-probability of its tokens, where the server returns it",
    "total_logprob": "mean log-probability times words",
    "log_doubt": "log(0.1 - mean log-probability): small doubts count most",
    "cites": "1 if it cites a source",
    "log_cited": "log(1 + sources that it cites)",
    "source_fit": "share of the question that the best source that it cites has, by words; 0 without one",
}

_SENTENCE_END: Final = re.compile(r"[.!?]+(?=\s|$)|[。！？؟।]+")  # noqa: RUF001
_LIST: Final = re.compile(r"^\s*(?:[-*•‣–]|\d{1,2}[.)])\s", re.MULTILINE)  # noqa: RUF001
_DIGIT: Final = re.compile(r"\d")
_COMMA: Final = re.compile(r"[,，、،]")  # noqa: RUF001
_QUESTION: Final = re.compile(r"[?？؟]")  # noqa: RUF001
_EXCLAMATION: Final = re.compile(r"[!！]")  # noqa: RUF001
_QUOTE: Final = re.compile('["“”„«»「」『』]')
_ENDS: Final = tuple('.!?…。！？؟।"”」』»')  # noqa: RUF001
_FIRST: Final = frozenset({"i", "we", "my", "our", "me", "us", "mine", "ours", "myself", "ourselves"})
_SECOND: Final = frozenset({"you", "your", "yours", "yourself"})
_UNMEASURED: Final = math.nan


def compute_idf(conversations: Sequence[Sequence[Turn]]) -> tuple[float, ...]:
    """Compute the rarity of words, log((1 + documents) / (1 + with the word)) + 1, over distinct conversations.

    It is by bucket of a hash: no word is kept.
    """
    counts = np.zeros(BUCKETS)
    distinct = dict.fromkeys(_join_turns(conversation) for conversation in conversations)
    for text in distinct:
        counts[list({hash_word(word) for word in tokenize(text)})] += 1
    return tuple((np.log((1 + len(distinct)) / (1 + counts)) + 1).round(6).tolist())


def featurise(
    conversation: Sequence[Turn], candidates: Sequence[RankableCandidate], idf: Sequence[float]
) -> FloatArray:
    """Compute raw features, a row a candidate, a column each of FEATURES; NaN if not measured."""
    words = tokenize(_join_turns(conversation))
    last = tokenize(conversation[-1].text[-LAST_READ:])[-LAST_WORDS:] if conversation else []
    beside = _ConversationTerms(
        whole=_TermWeights.of(words, idf),
        last=_TermWeights.of(last, idf),
        runs=frozenset(zip(words, words[1:], words[2:], strict=False)),
    )
    texts = [(candidate.text or "")[:READ_TEXT] for candidate in candidates]
    bags = [_TermWeights.of(tokenize(text), idf) for text in texts]
    rows = [
        [
            *_measure_words(bag, beside),
            _measure_centrality(bag, bags),
            *_measure_characters(text, bag),
            *_measure_logprob(candidate, bag),
            *_measure_sources(candidate.cited_shares),
        ]
        for candidate, text, bag in zip(candidates, texts, bags, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, len(FEATURES))


@dataclass(frozen=True, slots=True)
class _TermWeights:
    """A text's words in their order, and their TF-IDF weights."""

    words: list[str]
    weights: dict[str, float]
    norm: float
    idf: float

    @classmethod
    def of(cls, words: list[str], idf: Sequence[float]) -> "_TermWeights":
        by_word = {word: idf[hash_word(word)] for word in set(words)}
        weights = {word: count * by_word[word] for word, count in Counter(words).items()}
        norm = math.sqrt(sum(weight * weight for weight in weights.values()))
        return cls(words, weights, norm, sum(weights.values()) / max(1, len(words)))

    def compute_cosine(self, other: "_TermWeights") -> float:
        """Compute the cosine of two texts' weights, 0 to 1."""
        if not self.norm or not other.norm:
            return 0.0
        small, large = (self, other) if len(self.weights) < len(other.weights) else (other, self)
        there = large.weights
        shared = sum(weight * there[word] for word, weight in small.weights.items() if word in there)
        return shared / (self.norm * other.norm)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ConversationTerms:
    """Terms of the conversation that candidates are compared with."""

    whole: _TermWeights
    last: _TermWeights
    runs: frozenset[tuple[str, str, str]]


def _measure_words(bag: _TermWeights, beside: _ConversationTerms) -> tuple[float, ...]:
    """Measure the features from `log_words` to `second_person`."""
    words, n = bag.words, max(1, len(bag.words))
    new = sum(word not in beside.whole.weights for word in bag.weights)
    runs = list(zip(words, words[1:], words[2:], strict=False))
    length = sum(map(len, words)) / n
    return (
        math.log1p(len(words)),
        math.log1p(len(words)) ** 2,
        length,
        length**2,
        bag.compute_cosine(beside.whole),
        bag.compute_cosine(beside.last),
        new / max(1, len(bag.weights)),
        math.log1p(new),
        sum(run in beside.runs for run in runs) / max(1, len(runs)),
        bag.idf,
        len(bag.weights) / n,
        sum(word in _FIRST for word in words) / n,
        sum(word in _SECOND for word in words) / n,
    )


def _measure_centrality(bag: _TermWeights, bags: Sequence[_TermWeights]) -> float:
    return sum(bag.compute_cosine(other) for other in bags if other is not bag) / max(1, len(bags) - 1)


def _measure_characters(text: str, bag: _TermWeights) -> tuple[float, ...]:
    """Measure the features from `log_characters` to `ends_whole`."""
    return (
        math.log1p(len(text)),
        math.log1p(len(_SENTENCE_END.findall(text))),
        math.log1p(len(_DIGIT.findall(text))),
        float(_LIST.search(text) is not None),
        float(_QUESTION.search(text) is not None),
        float(_EXCLAMATION.search(text) is not None),
        len(_COMMA.findall(text)) / max(1, len(bag.words)),
        float(_QUOTE.search(text) is not None),
        float(text.rstrip().endswith(_ENDS)),
    )


def _measure_logprob(candidate: RankableCandidate, bag: _TermWeights) -> tuple[float, float, float]:
    """Measure the three features of log-probability; NaN if the server returned none."""
    mean = candidate.mean_logprob
    if mean is None or not math.isfinite(mean):
        return _UNMEASURED, _UNMEASURED, _UNMEASURED
    return mean, mean * len(bag.words), math.log(0.1 - min(mean, 0.0))


def _measure_sources(shares: Sequence[float | None]) -> tuple[float, float, float]:
    """Measure the three features of sources; how well they fit is NaN if the log does not say."""
    known = [share for share in shares if share is not None]
    return float(bool(shares)), math.log1p(len(shares)), max(known, default=_UNMEASURED if shares else 0.0)


@lru_cache(maxsize=65_536)
def hash_word(word: str) -> int:
    """Hash a word to one of BUCKETS, the same on every machine and in every run."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % BUCKETS


def _join_turns(conversation: Sequence[Turn]) -> str:
    """Join the texts of a conversation, its last READ characters."""
    return "\n".join(turn.text for turn in conversation)[-READ:]

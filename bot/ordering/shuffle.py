"""Chance with its books kept: which styles are drafted, what is shown in which order, and how probable that was."""

import math
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from storage.records import Candidate, Policy, Request

NEAR_DUPLICATE_F1: Final = 0.8
"""Two candidates whose token F1 is above this are one candidate to the eye."""

T = TypeVar("T")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Candidate ids by position, how they came to stand so, and how probable that was.

    `first_propensities` and, where a ranker scored, `scores` go with `ids`: each candidate's probability of being
    first, and its quality. All that is needed to reckon the probabilities again: the scores, `policy`, `policy_params`.
    """

    ids: tuple[str, ...]
    order_propensity: float | None
    first_propensities: tuple[float, ...]
    scores: tuple[float, ...] | None = None
    policy: Policy = "uniform"
    policy_params: Mapping[str, float] = field(default_factory=dict)
    ranker_version: str | None = None


class Orderer(Protocol):
    """Puts candidates in the order shown. It never fails: where it cannot do better, it shuffles."""

    def order(self, request: Request, candidates: Sequence[Candidate]) -> Order:
        """The order of these candidates: at least one, each with its text, in the order of drafting."""
        ...


@dataclass(frozen=True, slots=True)
class Shuffling:
    """The order of a team without a ranker: uniform."""

    rng: random.Random

    def order(self, request: Request, candidates: Sequence[Candidate]) -> Order:  # noqa: ARG002 - nothing matters
        return shuffle([candidate.id for candidate in candidates], self.rng)


def draw_styles(styles: Sequence[T], k: int, rng: random.Random) -> tuple[list[T], float]:
    """K styles for K drafts, and the probability that any one style is among them.

    K ≤ S: uniformly without replacement, each with probability K/S. K > S: each style ⌊K/S⌋ times and the rest drawn
    without replacement, each with probability 1. The places in the batch are shuffled too.
    """
    rounds, rest = divmod(k, len(styles))
    drawn = list(styles) * rounds + rng.sample(list(styles), rest)
    rng.shuffle(drawn)
    return drawn, min(1.0, k / len(styles))


def shuffle(ids: Sequence[str], rng: random.Random) -> Order:
    """A uniform order of what is shown: 1/n! for the order, 1/n for each first place; None where nothing is shown."""
    shuffled = list(ids)
    rng.shuffle(shuffled)
    return in_turn(shuffled)


def in_turn(ids: Sequence[str]) -> Order:
    """The order of drafting, for surfaces where each place is visible before its draft: nothing moves.

    As probable as any other: styles are drawn, and put into the batch, at random.
    """
    if not ids:
        return Order(ids=(), order_propensity=None, first_propensities=())
    count = len(ids)
    return Order(ids=tuple(ids), order_propensity=1 / math.factorial(count), first_propensities=(1 / count,) * count)


def drawn_places(request_id: str, k: int) -> tuple[int, ...]:
    """For surfaces that fill in place: where each draft stands, from 1, by its place in the batch.

    Drawn uniformly from the request's id, which is random: before anything is drafted, independent of the drafts, of
    who is done first and of who fails, and drawn the same again by whoever goes on after a crash.
    """
    drawn = list(range(1, k + 1))
    chance(request_id, "places").shuffle(drawn)
    return tuple(drawn)


def chance(request_id: str, what: str) -> random.Random:
    """The chance of one request, as often as it is asked for."""
    return random.Random(f"{what}:{request_id}")  # noqa: S311 - what is drawn is no secret


def near_duplicates(texts: Mapping[str, str]) -> dict[str, str]:
    """Which texts repeat an earlier one that is kept: {id: id of the one it repeats}, in the order given."""
    kept: dict[str, Counter[str]] = {}
    repeats: dict[str, str] = {}
    for key, text in texts.items():
        bag = Counter(tokens(text))
        original = next((other for other, seen in kept.items() if _f1(bag, seen) > NEAR_DUPLICATE_F1), None)
        if original is None:
            kept[key] = bag
        else:
            repeats[key] = original
    return repeats


def token_f1(one: str, other: str) -> float:
    """The harmonic mean of precision and recall of tokens, counted with repetition (as SQuAD does): 0 to 1."""
    return _f1(Counter(tokens(one)), Counter(tokens(other)))


def tokens(text: str) -> list[str]:
    """Words, case folded; pairs of neighbours in scripts written without spaces; in texts without words (emoji)
    each character.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    if _HAS_SPACELESS.search(folded):
        found = [token for run in _RUN.finditer(folded) for token in (_pairs(run[0]) if run[1] else (run[0],))]
    else:
        found = _WORD.findall(folded)  # the same, in half the time
    return found or [character for character in folded if not character.isspace()]


def _pairs(run: str) -> list[str]:
    """Single characters would not do: in an alphabet, any two long texts have much the same letters."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _f1(one: Counter[str], other: Counter[str]) -> float:
    size = one.total() + other.total()
    return 0.0 if size == 0 else 2 * (one & other).total() / size

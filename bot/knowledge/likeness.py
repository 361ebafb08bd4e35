"""Questions grouped by likeness: those of one group share words that few others have."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from bot.knowledge.index import SMALL
from bot.knowledge.terms import PAIR_WEIGHT, STOP_WEIGHT, weigh_terms

ALIKE: Final = 0.5
"""The least cosine of two questions' words, weighed by how rare they are, that puts both into one group."""


def group_alike(questions: Sequence[str]) -> list[list[int]]:
    """Put each question to the group whose first one it is most like, or into a group of its own.

    Groups hold the places of their questions, in order.
    """
    groups: list[list[int]] = []
    by_term: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for index, vector in enumerate(_weigh_questions(questions)):
        likeness: dict[int, float] = defaultdict(float)
        for term, weight in vector.items():
            for number, other in by_term[term]:
                likeness[number] += weight * other
        best = max(likeness, key=lambda number: likeness[number], default=None)
        if best is None or likeness[best] < ALIKE:
            best = len(groups)
            groups.append([])
            for term, weight in vector.items():
                by_term[term].append((best, weight))
        groups[best].append(index)
    return groups


def _weigh_questions(questions: Sequence[str]) -> list[dict[int, float]]:
    """Return each question's words, weighed by how few questions have them, as a vector of length 1.

    Pairs of words and words that say little are left out, unless there are no others.
    """
    weighed = [weigh_terms(question) for question in questions]
    words = [
        [term for term, weight in terms.items() if weight not in {PAIR_WEIGHT, STOP_WEIGHT}] or list(terms)
        for terms in weighed
    ]
    found_in: dict[int, int] = defaultdict(int)
    for term in (term for terms in words for term in terms):
        found_in[term] += 1
    size = max(len(questions), SMALL)
    vectors = []
    for terms in words:
        weights = {term: math.log1p((size - found_in[term] + 0.5) / (found_in[term] + 0.5)) for term in terms}
        length = math.hypot(*weights.values()) or 1.0
        vectors.append({term: weight / length for term, weight in weights.items()})
    return vectors

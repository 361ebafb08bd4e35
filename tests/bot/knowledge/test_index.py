"""The index: BM25 as its definition says, and what may be searched."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from bot.knowledge.index import K1, B, Index
from bot.knowledge.terms import PAIR_WEIGHT, extract_terms, pack_terms

PASSAGES = ["lamp oil", "lamp lamp shade", "wooden chair", "chair lamp table wood"]


def make_index(passages: list[str]) -> Index:
    return Index([pack_terms(extract_terms(passage)) for passage in passages])


def compute_bm25(question: list[str], passages: list[str]) -> list[float]:
    """By the formula, word for word; pairs of words are terms too."""
    split = [Counter([*words, *map(" ".join, pairwise(words))]) for words in map(str.split, passages)]
    mean = sum(map(Counter.total, split)) / len(split)
    scores = []
    for terms in split:
        norm = K1 * (1 - B + B * terms.total() / mean)
        score = 0.0
        for term in question:
            n = sum(term in each for each in split)
            rarity = math.log(1 + (len(split) - n + 0.5) / (n + 0.5))
            weight = PAIR_WEIGHT if " " in term else 1.0
            score += weight * rarity * terms[term] * (K1 + 1) / (terms[term] + norm)
        scores.append(score)
    return scores


def test_scores_are_those_of_the_formula() -> None:
    matches = make_index(PASSAGES).search("lamp shade", limit=4)
    expected = compute_bm25(["lamp", "shad", "lamp shad"], [text.replace("shade", "shad") for text in PASSAGES])
    assert {match.row: pytest.approx(match.score, rel=1e-6) for match in matches} == {
        row: score for row, score in enumerate(expected) if score
    }
    assert [match.row for match in matches] == sorted(
        (row for row, score in enumerate(expected) if score), key=lambda row: -expected[row]
    )


def test_what_is_not_allowed_is_not_found() -> None:
    allowed = np.array([True, False, True, True])
    assert 1 not in {match.row for match in make_index(PASSAGES).search("lamp shade", limit=4, allowed=allowed)}


def test_the_share_of_a_question_that_is_found_is_told() -> None:
    index = make_index(PASSAGES)
    (whole,) = index.search("shade", limit=1)
    (part,) = index.search("shade of zebras and giraffes", limit=1)
    assert whole.covered == pytest.approx(1)
    assert part.covered < 0.5


def test_an_empty_index_finds_nothing() -> None:
    assert make_index([]).search("lamp", limit=3) == []

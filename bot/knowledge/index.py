"""Passages ranked for a question by BM25, held in arrays.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.knowledge.terms import PAIR_WEIGHT, unpack_terms, weigh_terms

K1: Final = 2.0
"""How much a repeated term still adds; chosen on the sets of docs/knowledge.md, as B is."""

B: Final = 0.75
"""How much a long passage is held against it."""


SMALL: Final = 200
"""Passages that a collection is taken to have at least where the share of a question is measured: in three passages,
which words are rare cannot be told.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A passage by its row, and its score; `covered` is the share of the question found in it, 0 to 1.

    Of its words, each weighed by how rare it is; pairs of words are left out. `near` is how near it is in meaning, at
    most 1, where there are vectors.
    """

    row: int
    score: float
    covered: float
    near: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChanges:
    """Changes of an index's rows: `kept` has each old row's new number, -1 if it is gone, shape (old size,).

    `added` has the numbers of the new ones; `size` is how many rows there are now.
    """

    kept: NDArray[np.int64]
    added: NDArray[np.int64]
    size: int


class Index:
    """BM25 over packed terms, a row a passage: postings sorted by term, weights computed once."""

    def __init__(self, packed: Sequence[bytes]) -> None:
        self._set_postings(*_unpack_postings(packed, np.arange(len(packed))), size=len(packed))

    def apply(self, changes: RowChanges, packed: Sequence[bytes]) -> "Index":
        """Return the index with some rows gone and these added: the same as one that is made anew, and sooner."""
        places = changes.kept[self._rows]
        is_kept = places >= 0
        hashes = np.repeat(self._terms, self._ends - self._starts)[is_kept]
        new_hashes, new_rows, new_counts = _unpack_postings(packed, changes.added)
        at = np.searchsorted(hashes, new_hashes, side="right")
        changed = Index([])
        changed._set_postings(
            np.insert(hashes, at, new_hashes),
            np.insert(places[is_kept].astype(np.int32), at, new_rows),
            np.insert(self._counts[is_kept], at, new_counts),
            size=changes.size,
        )
        return changed

    def _set_postings(
        self, hashes: NDArray[np.uint64], rows: NDArray[np.int32], counts: NDArray[np.uint16], *, size: int
    ) -> None:
        """Keep postings that are sorted by their hashes, and weigh them."""
        self.size, self._rows, self._counts = size, rows, counts
        self._starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])[: len(hashes)])
        self._ends = np.append(self._starts[1:], len(hashes)) if len(hashes) else self._starts
        self._terms = hashes[self._starts]
        found_in = self._ends - self._starts
        repeats = counts.astype(np.float32)
        lengths = np.bincount(rows, weights=repeats, minlength=size)
        norm = K1 * (1 - B + B * lengths / (lengths.mean() if size and lengths.any() else 1.0))
        rarity = np.repeat(_measure_rarity(found_in, size), found_in)
        self._weights = (rarity * repeats * (K1 + 1) / (repeats + norm[rows])).astype(np.float32)

    def search(self, question: str, *, limit: int, allowed: NDArray[np.bool_] | None = None) -> list[Match]:
        """Rank the rows that have a term of the question, best first; of those allowed, shape (size,), if given."""
        scores, covered = self.measure(question)
        if allowed is not None:
            scores[~allowed] = 0
        return [
            Match(row=int(row), score=float(scores[row]), covered=float(covered[row]))
            for row in find_best(scores, limit)
        ]

    def measure(self, question: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Measure all rows: their scores, and the share of the question that each has, both of shape (size,)."""
        scores, covered = np.zeros(self.size), np.zeros(self.size)
        asked = 1e-9
        for term, weight in weigh_terms(question).items():
            at = int(np.searchsorted(self._terms, np.uint64(term)))
            is_known = at < len(self._terms) and self._terms[at] == term
            rows = self._rows[self._starts[at] : self._ends[at]] if is_known else self._rows[:0]
            if is_known:
                scores[rows] += weight * self._weights[self._starts[at] : self._ends[at]]
            if weight != PAIR_WEIGHT:
                told = weight * _measure_rarity(len(rows), max(self.size, SMALL))
                covered[rows] += told
                asked += told
        return scores, covered / asked


def _unpack_postings(
    packed: Sequence[bytes], rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.uint16]]:
    """Unpack the terms of rows with these numbers: hashes, sorted, with their rows and counts."""
    unpacked = [unpack_terms(each) for each in packed]
    sizes = np.fromiter((len(hashes) for hashes, _ in unpacked), dtype=np.int64, count=len(unpacked))
    hashes = np.concatenate([np.empty(0, np.uint64), *(hashes for hashes, _ in unpacked)])
    counts = np.concatenate([np.empty(0, np.uint16), *(counts for _, counts in unpacked)])
    order = np.argsort(hashes, kind="stable")
    return hashes[order], np.repeat(rows.astype(np.int32), sizes)[order], counts[order]


def find_best(scores: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Find the rows with the highest scores above 0, best first; of equal ones the first."""
    found = np.flatnonzero(scores > 0)
    if len(found) > limit:
        found = found[scores[found] >= np.partition(scores[found], -limit)[-limit]]
    return np.asarray(found[np.argsort(-scores[found], kind="stable")][:limit], dtype=np.int64)


def _measure_rarity(found_in: Any, passages: int) -> Any:
    """Return the inverse document frequency of terms by how many of the passages have them."""
    return np.log1p((passages - found_in + 0.5) / (found_in + 0.5))

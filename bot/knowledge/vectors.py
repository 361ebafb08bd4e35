"""Vectors of passages in memory, compared with a question's by brute force, and two rankings fused into one.

Source: Cormack, Clarke and Büttcher, Reciprocal Rank Fusion outperforms Condorcet (2009).
"""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.knowledge.index import RowChanges, find_best

AT_ONCE: Final = 16
"""Passages that are embedded in one call: of 4,096 numbers each, its answer has 1.3 MB."""

FUSED: Final = 100
"""Places of each ranking that count."""

K: Final = 60
"""What is added to a place, so that the first does not decide alone: the authors' value."""

FloatArray = NDArray[np.float64]
Vectors = NDArray[np.float32]


class EmbeddingFailed(Exception):  # noqa: N818 - told as an outcome
    """The server gave no vectors that can be used; the message says why."""


class EmbeddingRefused(EmbeddingFailed):
    """The server does not take these texts, such as one that is too long for the model; others it may."""


class Embedder(Protocol):
    """Makes vectors of length 1 by one model; `bot.knowledge.embeddings` has the one that is used."""

    @property
    def model(self) -> str: ...

    async def embed_question(self, question: str) -> Vectors | None:
        """Return the vector of a question, shape (dimensions,); None where there is none in time."""
        ...

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of at most AT_ONCE texts, shape (texts, dimensions). Raises EmbeddingFailed."""
        ...


def pack_vectors(vectors: Vectors) -> list[bytes]:
    """Pack each vector for the database: half-precision numbers, little-endian."""
    return [bytes(vector.astype("<f2").tobytes()) for vector in vectors]


class VectorIndex:
    """The vectors of an index's rows; rows without one, or with one of another size than most, have none."""

    def __init__(self, packed: Sequence[bytes | None]) -> None:
        sizes = [len(each) for each in packed if each]
        size = max(set(sizes), key=sizes.count, default=0)
        self.size = len(packed)
        self._rows = np.array([row for row, each in enumerate(packed) if each and len(each) == size], dtype=np.int64)
        held = b"".join(each for each in packed if each and len(each) == size)
        self._matrix = np.frombuffer(held, dtype="<f2").reshape(-1, max(1, size // 2)).astype(np.float32)

    def apply(self, changes: RowChanges, packed: Sequence[bytes | None]) -> "VectorIndex":
        """Return the vectors with some rows gone and these added."""
        added, changed = VectorIndex(packed), VectorIndex([])
        kept = changes.kept[self._rows]
        parts = [(kept[kept >= 0], self._matrix[kept >= 0]), (changes.added[added._rows], added._matrix)]
        width = max(parts, key=lambda part: len(part[0]))[1].shape[1]
        alike = [part for part in parts if part[1].shape[1] == width]
        changed.size = changes.size
        changed._rows, changed._matrix = (np.concatenate(each) for each in zip(*alike, strict=True))
        return changed

    def __bool__(self) -> bool:
        return len(self._rows) > 0

    def measure(self, question: Vectors | None) -> FloatArray:
        """Measure how near each row is to the question, shape (rows,): 1 the same, 0 as far as rows are on average.

        It is the cosine, less its mean over all rows: models differ in what their cosines are. Rows without a vector,
        and all of them for a question of another size, are at 0.
        """
        near = np.zeros(self.size)
        if question is None or not self or len(question) != self._matrix.shape[1]:
            return near
        cosines = self._matrix @ question
        mean = float(cosines.mean())
        near[self._rows] = (cosines - mean) / max(1e-6, 1 - mean)
        return near


def fuse_ranks(*rankings: FloatArray) -> FloatArray:
    """Fuse rankings by scores into one, by reciprocal ranks; what has no score above 0 in any stays at 0."""
    fused = np.zeros(len(rankings[0]))
    for scores in rankings:
        best = find_best(scores, FUSED)
        fused[best] += 1 / (K + 1 + np.arange(len(best)))
    return fused

"""Folds for cross-validation that keep each cluster whole, so that nobody is judged by what they taught."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FOLDS: Final = 5

Indices = NDArray[np.int64]


def shuffle_folds(cluster: Indices, *, seed: int) -> Indices:
    """Deal clusters to folds at random. Takes and returns an index a case."""
    clusters = int(cluster.max(initial=-1)) + 1
    dealt = np.random.default_rng(seed).permutation(clusters) % FOLDS
    return np.asarray(dealt[cluster], dtype=np.int64)


def balance_folds(cluster: Indices) -> Indices:
    """Deal clusters to folds in turn, the largest first, so that folds are of a size.

    Takes and returns an index a case.
    """
    sizes = np.bincount(cluster)
    dealt = np.empty(len(sizes), dtype=np.int64)
    dealt[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes)) % FOLDS
    return np.asarray(dealt[cluster], dtype=np.int64)

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

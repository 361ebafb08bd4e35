"""Bootstrap of whole clusters (Efron and Tibshirani 1993, chapter 8): each agent is drawn with all that is theirs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.stats.cluster_intervals import Values

RESAMPLES: Final = 2_000
_SEED: Final = 20_261_122


def resample_clusters(clusters: int) -> Values:
    """Count how often each cluster is drawn: (1 + RESAMPLES, clusters), the first row being the log itself.

    The draws depend on the number of clusters only, so that two estimates are compared on the same resamples.
    """
    drawn = np.random.default_rng(_SEED).multinomial(clusters, [1 / clusters] * clusters, size=RESAMPLES)
    return np.vstack([np.ones(clusters), drawn])


def sum_resamples(values: Values, cluster: NDArray[np.int64], resamples: Values) -> Values:
    """Total the values of each resample: (1 + RESAMPLES,). `cluster` holds each value's cluster, as an index."""
    return np.asarray(resamples @ np.bincount(cluster, weights=values, minlength=resamples.shape[1]))


def compute_percentile_interval(estimates: Values) -> tuple[float, float]:
    """Take the 95% percentile interval of estimates, one a resample; the first, of the log itself, does not count."""
    lower, upper = np.quantile(estimates[1:], [0.025, 0.975])
    return float(lower), float(upper)

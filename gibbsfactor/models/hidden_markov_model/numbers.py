"""Observations of real numbers: measured and clustered.

Letters: M observations of D numbers each, K states.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def observed(X: FloatArray) -> FloatArray:
    """The rows where something was observed.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = X[~np.isnan(X[:, 0])]
    if not len(found):
        raise ValueError("there is no observation in the training data; give one at least")
    return found


def check_min_covar(given: Any) -> None:
    """Raise ValueError unless it is a finite number from 0."""
    number = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    if not number or not 0 <= given < math.inf:
        raise ValueError(f"min_covar is {given!r}; it must be a finite number from 0")


def column_scales(X: FloatArray) -> FloatArray:
    """(D,) the variance of each column; 1 where it is 0."""
    variances = observed(X).var(axis=0)
    return np.where(variances > 0, variances, 1.0)


def clusters(X: FloatArray, n_clusters: int, rng: np.random.Generator) -> list[FloatArray]:
    """The observations of each cluster, by k-means; one of them where a cluster has none."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    some, labels = observed(X), np.zeros(0, int)
    if len(some) >= n_clusters:
        seed = int(rng.integers(2**31))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct ones than clusters
            labels = KMeans(n_clusters, n_init=1, random_state=seed).fit(some).labels_
    parts = []
    for k in range(n_clusters):
        own = some[labels == k] if (labels == k).any() else some[[rng.integers(len(some))]]
        parts.append(own)
    return parts


def covariances_of(parts: list[FloatArray], X: FloatArray, added: float) -> FloatArray:
    """(G, D, D) of parts of the observations; of those too small to tell, that of them all."""
    d = X.shape[1]
    found = [np.atleast_2d(np.cov(x.T)) if len(x) > d else _whole(X) for x in parts]
    return np.asarray(found + added * np.eye(d))


def _whole(X: FloatArray) -> FloatArray:
    """(D, D) of all observations, with the variance 1 where there is none."""
    some = observed(X)
    found = np.atleast_2d(np.cov(some.T, bias=True))
    return np.asarray(found + np.diag(np.where(np.diag(found) > 0, 0.0, 1.0)))

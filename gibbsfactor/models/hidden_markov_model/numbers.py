"""Observations of real numbers: read, measured and clustered.

Letters: M observations of D numbers each, K states.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def read_numbers(X: Any, n_features: int | None) -> FloatArray:
    """(M, D) floats; a row of NaN throughout where nothing was observed.

    Raises
    ------
    ValueError
        If they are no numbers, have another width than the model, are infinite, or NaN in part.
    """
    try:
        array = np.array(X, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            "observations of real numbers must make up an array (positions, numbers); some are "
            "no numbers, or have more of them than others"
        ) from None
    if array.size == 0:
        return np.zeros((0, 1 if n_features is None else n_features))
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(
            f"observations have shape {array.shape}; expected (positions, numbers), all sequences "
            "one after the other, or a list of sequences"
        )
    if n_features is not None and array.shape[1] != n_features:
        raise ValueError(
            f"observations have {array.shape[1]} numbers each, but the model's have {n_features}"
        )
    missing = np.isnan(array)
    bad = np.isinf(array).any(axis=1) | (missing.any(axis=1) & ~missing.all(axis=1))
    if bad.any():
        position = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"position {position} has {array[position].tolist()}; numbers must be finite, or all "
            "NaN where nothing was observed"
        )
    return array


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

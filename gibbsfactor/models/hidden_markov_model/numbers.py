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

MIN_COVAR = 1e-3  # of a column's variance: added to variances that EM starts from, by default
FAR = 50.0  # spreads from the median: a lone value beyond is no part of a column's distribution
FEW = 2  # so many different values may be alone, on either side
MIDDLES = ((0.25, 1.349), (0.1, 2.563), (0.05, 3.29), (0.01, 4.653))
# a quantile, and how far from 1 less it lies in a normal distribution, in deviations


def check_min_covar(given: Any) -> None:
    """Raise ValueError unless it is None, or a finite number from 0."""
    number = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    if given is not None and not (number and 0 <= given < math.inf):
        raise ValueError(f"min_covar is {given!r}; it must be a finite number from 0, or None")


def completed(X: FloatArray) -> FloatArray:
    """The rows where something was observed, the median of a column for numbers missing there.

    Raises
    ------
    ValueError
        If there is none, or none in a column.
    """
    missing = np.isnan(X)
    found = X[~missing.all(axis=1)] if missing.any() else X
    if not len(found):
        raise ValueError("there is no observation in the training data; give one at least")
    if len(found) == len(X) and not missing.any():
        return found
    empty = np.flatnonzero(missing.all(axis=0))
    if empty.size:
        raise ValueError(
            f"column {empty[0]} of the observations is NaN throughout the training data; leave the "
            "column out, or give one number at least"
        )
    return np.where(np.isnan(found), np.nanmedian(found, axis=0), found)


def column_scales(X: FloatArray) -> FloatArray:
    """(D,) the variance of each column, without lone values far away; 1 where it is 0.

    Raises
    ------
    ValueError
        If there is no number in a column, or squares of its numbers are out of the range of floats.

    Warns
    -----
    UserWarning
        If one of several columns is constant; if there are lone values far away, which may be codes
        for missing numbers; if numbers differ too little from each other for floating point.
    """
    X = completed(X)
    constant = np.flatnonzero(X.min(axis=0) == X.max(axis=0)).tolist()
    for d in constant if len(constant) < X.shape[1] else ():
        warnings.warn(
            f"column {d} of the observations is {X[0, d]:g} throughout the training data; it tells "
            "nothing of the states and weighs for those with more observations: leave it out",
            UserWarning,
            stacklevel=2,
        )
    return np.array([_scale(d, X[:, d]) for d in range(X.shape[1])])


def _scale(column: int, x: FloatArray) -> float:
    lone = _lone_values(x)
    for value, times in lone:
        warnings.warn(
            f"column {column} of the observations holds {value:g} at {times} of {len(x)} "
            f"positions, far from all others (the median is {np.median(x):g}); it takes a state "
            "of its own, or widens one. If it marks missing numbers, give NaN in its place",
            UserWarning,
            stacklevel=2,
        )
    x = x[~np.isin(x, [value for value, _ in lone])] if lone else x
    if x.min() == x.max():
        return 1.0
    with np.errstate(over="ignore"):
        variance = float(x.var())
    if not 1e-250 < variance < 1e250:
        raise ValueError(
            f"column {column} of the observations has numbers from {x.min():g} to {x.max():g}, "
            "whose squares are out of the range of floating point; choose another unit"
        )
    largest = float(np.abs(x).max())
    if math.sqrt(variance) < 1e-10 * largest:
        warnings.warn(
            f"column {column} of the observations has numbers up to {largest:g} in size that "
            f"differ by about {math.sqrt(variance):.3g} only; rounding will blur the estimates. "
            "Subtract a number near them first",
            UserWarning,
            stacklevel=2,
        )
    return variance


def _lone_values(x: FloatArray) -> list[tuple[float, int]]:
    """One or two values that stand alone far from all the others, such as -999, and how often."""
    for share, width in MIDDLES:  # wider where the values of the middle are all the same
        low, middle, high = np.quantile(x, [share, 0.5, 1 - share])
        reach = FAR * (high - low) / width
        if reach:
            break
    if not reach or (x.max() - middle <= reach and middle - x.min() <= reach):
        return []
    found = []
    for far in (x[x < middle - reach], x[x > middle + reach]):
        values, times = np.unique(far, return_counts=True)
        if 0 < len(values) <= FEW:
            found += list(zip(values.tolist(), times.tolist(), strict=True))
    return found


def clusters(
    X: FloatArray, n_clusters: int, scales: FloatArray, rng: np.random.Generator
) -> list[FloatArray]:
    """The observations of each cluster, by k-means; one of them where a cluster has none.

    Columns are measured in their own deviations, so that units do not matter. Nor does the order
    of the observations.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    X = completed(X)
    X = X[np.lexsort(X.T)]
    labels = np.zeros(0, int)
    if len(X) >= n_clusters:
        seed = int(rng.integers(2**31))
        standard = (X - np.median(X, axis=0)) / np.sqrt(scales)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct ones than clusters
            labels = KMeans(n_clusters, n_init=1, random_state=seed).fit(standard).labels_
    parts = []
    for k in range(n_clusters):
        own = X[labels == k] if (labels == k).any() else X[[rng.integers(len(X))]]
        parts.append(own)
    return parts


def covariances_of(
    parts: list[FloatArray], X: FloatArray, scales: FloatArray, min_covar: float | None
) -> FloatArray:
    """(G, D, D) of parts of the observations; of those too small to tell, that of them all."""
    d = X.shape[1]
    found = [np.atleast_2d(np.cov(x.T)) if len(x) > d else _whole(X) for x in parts]
    return np.asarray(found + np.diag(added_variances(scales, min_covar)))


def added_variances(scales: FloatArray, min_covar: float | None) -> FloatArray:
    """(D,) what ``min_covar`` adds to the variances of each column."""
    if min_covar is None:
        return np.asarray(MIN_COVAR * scales)
    return np.full(len(scales), float(min_covar))


def _whole(X: FloatArray) -> FloatArray:
    """(D, D) of all observations, with the variance 1 where there is none."""
    some = completed(X)
    found = np.atleast_2d(np.cov(some.T, bias=True))
    return np.asarray(found + np.diag(np.where(np.diag(found) > 0, 0.0, 1.0)))

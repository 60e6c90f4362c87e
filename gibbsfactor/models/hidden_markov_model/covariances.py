"""Covariances of four shapes: densities, scatter, and checks.

Letters: M observations of D numbers each, G Gaussians.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy.linalg

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
CovarianceType = Literal["spherical", "diag", "full", "tied"]

TYPES: tuple[str, ...] = get_args(CovarianceType)


def shape_of(kind: str, n_gaussians: int, n_features: int) -> tuple[int, ...]:
    """The shape in which covariances of a kind are held."""
    full = (n_features, n_features)
    return {
        "spherical": (n_gaussians,),
        "diag": (n_gaussians, n_features),
        "full": (n_gaussians, *full),
        "tied": full,
    }[kind]


def n_numbers(kind: str, n_gaussians: int, n_features: int) -> int:
    """How many free numbers they have."""
    half = n_features * (n_features + 1) // 2
    return {
        "spherical": n_gaussians,
        "diag": n_gaussians * n_features,
        "full": n_gaussians * half,
        "tied": half,
    }[kind]


def as_matrices(covars: FloatArray, kind: str, n_gaussians: int, n_features: int) -> FloatArray:
    """(G, D, D), whatever the kind."""
    if kind == "full":
        return covars
    if kind == "tied":
        return np.tile(covars, (n_gaussians, 1, 1))
    each = covars[:, None] if kind == "spherical" else covars
    return each[:, :, None] * np.eye(n_features)


def reduced(matrices: FloatArray, kind: str) -> FloatArray:
    """Of matrices (G, D, D) what "full", "diag" or "spherical" ones keep."""
    diagonal = np.einsum("gdd->gd", matrices)
    kept = {"full": matrices, "diag": diagonal.copy(), "spherical": diagonal.mean(axis=1)}
    return np.asarray(kept[kind])


def from_matrices(matrices: FloatArray, kind: str) -> FloatArray:
    """Matrices (G, D, D) in the shape of a kind, which they must agree with.

    Raises
    ------
    ValueError
        If they don't.
    """
    kept = matrices[0] if kind == "tied" else reduced(matrices, kind)
    whole = as_matrices(kept, kind, *matrices.shape[:2])
    if not np.allclose(whole, matrices, rtol=1e-12, atol=0):
        raise ValueError(
            f"covars_ holds {len(matrices)} full matrices that are not {kind}; give them in the "
            f"shape {shape_of(kind, *matrices.shape[:2])}, or set covariance_type"
        )
    return np.array(kept)


def check_covariances(covars: Any, kind: str, n_gaussians: int, n_features: int) -> FloatArray:
    """Covariances as a float array of the kind's shape; matrices (G, D, D) are taken for any kind.

    Raises
    ------
    ValueError
        If they have another shape, or one is not symmetric and positive definite.
    """
    array = np.asarray(covars, dtype=float)
    wanted = shape_of(kind, n_gaussians, n_features)
    if array.shape != wanted and array.shape == (n_gaussians, n_features, n_features):
        array = from_matrices(array, kind)
    if kind == "spherical" and array.shape == (n_gaussians, 1):
        array = array[:, 0]
    if array.shape != wanted:
        raise ValueError(
            f"covars_ has shape {array.shape}; of type {kind!r}, with {n_gaussians} Gaussians of "
            f"{n_features} numbers, it must be {wanted}"
        )
    if not np.isfinite(array).all():
        raise ValueError("covars_ holds a number that is not finite")
    if kind in ("spherical", "diag"):
        if not (array > 0).all():
            raise ValueError(f"covars_ holds the variance {array.min():g}; it must be above 0")
        return array
    matrices = array.reshape(-1, n_features, n_features)
    for g, matrix in enumerate(matrices):
        scale = np.abs(matrix).max()
        if not np.allclose(matrix, matrix.T, rtol=0, atol=1e-8 * scale):
            raise ValueError(f"matrix {g} of covars_ is not symmetric")
    cholesky_factors(matrices)
    return array


def cholesky_factors(matrices: FloatArray) -> FloatArray:
    """Lower triangular factors of (G, D, D).

    Raises
    ------
    ValueError
        If a matrix is not positive definite.
    """
    try:
        return np.asarray(np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(matrices)[:, 0]
        raise ValueError(
            f"covariance {int(smallest.argmin())} is not positive definite (its smallest "
            f"eigenvalue is {smallest.min():.3g}): the numbers of its observations depend on each "
            "other linearly; raise covars_prior, leave a column out, or use "
            "covariance_type='diag'"
        ) from None


def log_densities(X: FloatArray, means: FloatArray, covars: FloatArray, kind: str) -> FloatArray:
    """(M, G) log density of each observation (M, D) by each Gaussian, in nats.

        -1/2 ( (x - m)' S^-1 (x - m) + log det S + D log 2 pi )

    Where some numbers of an observation are NaN it is the marginal density of the others; 0 where
    all are. Of "tied" there may be several matrices, for as many Gaussians each.
    """
    n_gaussians, d = means.shape
    out = np.empty((len(X), n_gaussians))
    whole = kind in ("full", "tied")
    factors = cholesky_factors(covars.reshape(-1, d, d)) if whole else covars
    for g in range(n_gaussians):
        centred = X - means[g]
        if whole:
            factor = factors[g * len(factors) // n_gaussians]
            centred = scipy.linalg.solve_triangular(  # NaN is what is missing
                factor, centred.T, lower=True, check_finite=False
            ).T
            log_det = 2 * float(np.log(np.diag(factor)).sum())
            distances = np.einsum("md,md->m", centred, centred)
        else:
            variances = np.broadcast_to(covars[g], (d,))
            log_det = float(np.log(variances).sum())
            distances = np.square(centred, out=centred) @ (1.0 / variances)
        out[:, g] = distances + log_det
    out += d * math.log(2 * math.pi)
    out *= -0.5
    missing = np.flatnonzero(np.isnan(out[:, 0]))
    for rows, seen in patterns(X[missing]) if missing.size else ():
        some = missing[rows]
        if not seen.any():
            out[some] = 0.0
        elif not seen.all():
            part = covars[..., seen] if whole or kind == "diag" else covars
            part = part[..., seen, :] if whole else part
            out[some] = log_densities(X[np.ix_(some, seen)], means[:, seen], part, kind)
    return out


def patterns(X: FloatArray) -> Iterator[tuple[IntArray, BoolArray]]:
    """The observations with the same numbers missing: their rows, and which columns they have."""
    kinds, which = np.unique(~np.isnan(X), axis=0, return_inverse=True)
    for i, seen in enumerate(kinds):
        yield np.flatnonzero(which.ravel() == i), seen


def scatters(X: FloatArray, shares: FloatArray, means: FloatArray, whole: bool) -> FloatArray:
    """sum_m shares[m, g] (x_m - m_g)(x_m - m_g)': (G, D, D); or only the diagonals (G, D)."""
    n_gaussians, d = means.shape
    out = np.empty((n_gaussians, d, d) if whole else (n_gaussians, d))
    for g in range(n_gaussians):
        centred = X - means[g]
        if whole:
            out[g] = (shares[:, g, None] * centred).T @ centred
        else:
            out[g] = shares[:, g] @ np.square(centred, out=centred)
    return out


def draw(means: FloatArray, covars: FloatArray, kind: str, rng: np.random.Generator) -> FloatArray:
    """One draw for each of the (G,) Gaussians: (G, D)."""
    noise = rng.standard_normal(means.shape)
    if kind == "spherical":
        return np.asarray(means + np.sqrt(covars)[:, None] * noise)
    if kind == "diag":
        return np.asarray(means + np.sqrt(covars) * noise)
    factors = cholesky_factors(covars.reshape(-1, *covars.shape[-2:]))
    return np.asarray(
        means
        + np.einsum("gde,ge->gd", np.broadcast_to(factors, (*means.shape, means.shape[1])), noise)
    )

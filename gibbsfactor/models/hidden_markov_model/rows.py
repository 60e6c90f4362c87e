"""Rows that are distributions: normalised, checked, with Dirichlet priors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

FloatArray = npt.NDArray[np.float64]


def log(p: Any) -> FloatArray:
    """Logarithm, -inf of 0 without a warning."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p))


def normalized(counts: FloatArray, old: FloatArray | None = None) -> FloatArray:
    """Counts (..., V) as shares of their row; a row without any keeps its old shares, or is even.

    >>> normalized(np.array([[1.0, 3.0], [0.0, 0.0]])).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    totals = counts.sum(axis=-1, keepdims=True)
    instead = np.full_like(counts, 1.0 / counts.shape[-1]) if old is None else old
    shares = counts / np.where(totals > 0, totals, 1.0)
    return np.where(totals > 0, shares, instead)


def pseudo_counts(name: str, prior: Any, shape: tuple[int, ...]) -> FloatArray:
    """The prior less 1, of a shape.

    Raises
    ------
    ValueError
        If it does not broadcast to the shape, or is less than 1.
    """
    try:
        given = np.broadcast_to(np.asarray(prior, dtype=float), shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} is {_shown(prior)}; it must be a number, or broadcast to shape {shape}"
        ) from None
    if not (np.isfinite(given).all() and (given >= 1).all()):
        raise ValueError(
            f"{name} is {_shown(prior)}; it must be finite and at least 1, which is 1 plus a "
            "pseudo-count"
        )
    return np.asarray(given - 1.0)


def _shown(prior: Any) -> str:
    return f"an array of shape {prior.shape}" if isinstance(prior, np.ndarray) else repr(prior)


def log_dirichlet(p: FloatArray, added: FloatArray) -> float:
    """sum of pseudo-count times log probability: the log density of Dirichlet priors."""
    some = added > 0
    return float((added[some] * log(p[some])).sum()) if some.any() else 0.0


def check_rows(name: str, given: Any, n_rows: int | None = None, ndim: int = 2) -> FloatArray:
    """Probabilities as a float array whose rows sum to 1.

    Raises
    ------
    ValueError
        If they are not set, have another shape, or are no probabilities; says which row.
    """
    if given is None:
        raise ValueError(f"{name} is not set; call fit, or set it")
    try:
        rows = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {given!r}; it must be an array of numbers") from None
    if rows.ndim != ndim or (n_rows is not None and len(rows) != n_rows) or not rows.size:
        wanted = f"{'?' if n_rows is None else n_rows}" + ", ..." * (ndim - 1)
        raise ValueError(f"{name} has shape {rows.shape}; it must be ({wanted})")
    if not (np.isfinite(rows).all() and (rows >= 0).all()):
        raise ValueError(f"{name} holds a number that is no probability: {rows.tolist()}")
    totals = np.atleast_1d(rows.sum(axis=-1)).ravel()
    wrong = np.flatnonzero(np.abs(totals - 1) > 1e-5)
    if wrong.size:
        where = f"row {wrong[0]} of {name}" if ndim > 1 else name
        raise ValueError(f"{where} sums to {totals[wrong[0]]:.8g}; it must sum to 1")
    return rows


def stationary_distribution(steps: FloatArray) -> FloatArray:
    """(K,) p with p = p steps, of rows (K, K) of steps from each state.

    Raises
    ------
    ValueError
        If it is not the only one; says which sets of states are closed.

    Examples
    --------
    >>> stationary_distribution(np.array([[0.5, 0.5], [1.0, 0.0]])).round(4).tolist()
    [0.6667, 0.3333]
    """
    n, of_state = connected_components(steps > 0, connection="strong")
    groups = [np.flatnonzero(of_state == c) for c in range(n)]
    closed = [g for g in groups if not (steps[g][:, ~np.isin(of_state, of_state[g])] > 0).any()]
    if len(closed) > 1:
        told = " and ".join(str(g.tolist()) for g in closed)
        raise ValueError(
            f"transmat_ has {len(closed)} sets of states that are never left, {told} by number, "
            "and so no single stationary distribution; give each of them a way to the others"
        )
    (states,) = closed
    left = steps[np.ix_(states, states)].copy()
    for k in range(len(states) - 1, 0, -1):  # leave out state k, which is passed through
        left[:k, k] /= left[k, :k].sum()
        left[:k, :k] += np.outer(left[:k, k], left[k, :k])
    shares = np.ones(len(states))
    for k in range(1, len(states)):
        shares[k] = shares[:k] @ left[:k, k]
    found = np.zeros(len(steps))
    found[states] = shares / shares.sum()
    return found

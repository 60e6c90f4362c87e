"""Train softmax regression in whitened coordinates, where the loss is nearly a round bowl.

L-BFGS needs as many iterations as the loss is ill conditioned, and raw features make it badly so:
neighbouring pixels rise and fall together, columns differ in scale, the intercept goes with every
column's mean. The curvature is known in closed form. The Hessian's diagonal block of class k is

    H_k = C sum_n s_n p_nk (1 - p_nk) x_n x_n' + I         (no I for the intercept)

With the Cholesky factor R_k'R_k = H_k and the coordinates u_k = R_k w_k, every diagonal block of
the Hessian by u is the identity: a gradient step there is a Newton step for each class. Three more
things make it work.

- Adding one vector to all classes' weights changes no probability, only the penalty. In u that
  direction would have next to no curvature beside the others' one, and the last digits would
  take hundreds of iterations. So weights are read off as w = P R^-1 u, where P subtracts the mean
  over the classes: the direction is then exactly flat, and L-BFGS never feels it. (The best weights
  have mean zero over the classes in any case, or the penalty could be lowered.)
- p moves during training. After a few iterations the factors are made anew, at the weights
  reached by then, and kept from there on.
- A few rows for each feature show the curvature well enough. They are taken in proportion to
  s_n p_nk (1 - p_nk): rows already decided have no curvature to show. The error of such a sample
  does not depend on how ill conditioned the features are.
- Where a column is nearly a sum of others (years and the intercept), the squares in H_k have lost
  the difference. Then R_k comes from a QR decomposition of the rows, which have not.

Where the factors would be too large, all classes share one, of the mean over k of H_k; and beyond
`_MOST_COLUMNS` columns only the diagonals are used, which takes care of scale, not of correlation.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from gibbsfactor.learning.lbfgs import Minimum, Progress, minimize
from gibbsfactor.learning.preconditioning import Coordinates, triangular_factor
from gibbsfactor.learning.softmax_loss import FloatArray, Matrix, SoftmaxLoss

_MOST_COLUMNS = 4_000  # more weights a class than this: no dense Hessian block
_MOST_ENTRIES = 16_000_000  # more entries in all blocks than this: one block for all classes
_ROWS_PER_COLUMN = 8  # rows that a block is estimated from, for each of its columns
_FIRST_ROUND = 8  # iterations before the factors are made anew
_LEAST_PIVOT = 1e-4  # of a column's length: with less, squares have lost too many digits
_MOST_IN_QR = 1_000  # columns of a block that can be made from the rows themselves
_ROUNDING = 1e-12  # relative precision of a loss that is summed over many rows


@dataclass(frozen=True, eq=False)
class Whitening:
    """Linear coordinates u of the weights W, in which the loss has curvature near one.

    Attributes
    ----------
    roots : ndarray, shape (B, A, A) or (1, A, A) or (B, A)
        Upper triangular R_k, or one for all columns, or the diagonals alone.
    n_columns : int
        B; the mean over the columns is subtracted from the weights if there are several.
    scale : float
        u is divided by this.
    """

    roots: FloatArray
    n_columns: int
    scale: float = 1.0

    def coordinates(self, weights: FloatArray) -> FloatArray:
        """u = R w / scale."""
        if self.roots.ndim == 2:
            return self.roots * weights / self.scale
        return np.asarray(np.einsum("kij,kj->ki", self._per_class(), weights) / self.scale)

    def weights(self, coordinates: FloatArray) -> FloatArray:
        """w = P R^-1 u scale."""
        return self._centre(self._solve(coordinates, transposed=False) * self.scale)

    def gradient(self, gradient: FloatArray) -> FloatArray:
        """Gradient by u of a loss whose gradient by W is given: R^-T P g scale."""
        return self._solve(self._centre(gradient), transposed=True) * self.scale

    def _centre(self, weights: FloatArray) -> FloatArray:
        return centred(weights) if self.n_columns > 1 else weights

    def _solve(self, right: FloatArray, *, transposed: bool) -> FloatArray:
        from scipy.linalg import solve_triangular

        if self.roots.ndim == 2:
            return right / self.roots
        trans: Literal[0, 1] = 1 if transposed else 0
        solved = [
            solve_triangular(root, row, trans=trans, check_finite=False)
            for root, row in zip(self._per_class(), right, strict=True)
        ]
        return np.stack(solved)

    def _per_class(self) -> FloatArray:
        """The matrices R_k, the shared one repeated as often as there are classes."""
        return np.broadcast_to(self.roots, (self.n_columns, *self.roots.shape[1:]))


def centred(weights: FloatArray) -> FloatArray:
    """The weights less their mean over the classes (axis 0), which no probability notices."""
    without: FloatArray = weights - weights.mean(axis=0)
    return without


def whiten(loss: SoftmaxLoss, weights: FloatArray) -> Whitening:
    """Whiten by the loss's curvature at the given weights.

    Parameters
    ----------
    loss : SoftmaxLoss
    weights : ndarray, shape (B, A)

    Returns
    -------
    Whitening
    """
    n_columns, n_weights = loss.shape
    probabilities = loss.probabilities(weights)
    curvature = loss.row_weights[:, None] * probabilities * (1.0 - probabilities)
    if n_weights > _MOST_COLUMNS:
        return Whitening(np.sqrt(_diagonals(loss, curvature)), n_columns)
    uniform = n_columns > 1 and not weights.any()  # then all classes' curvatures are equal
    if uniform or n_columns * n_weights**2 > _MOST_ENTRIES:
        curvature = curvature.mean(axis=1, keepdims=True)
    roots = [_root(loss, column) for column in curvature.T]
    return Whitening(np.stack(roots), n_columns)


def minimize_whitened(
    loss: SoftmaxLoss,
    start: FloatArray,
    *,
    max_iterations: int,
    tolerance: float,
    progress: Callable[[Progress], object] | None = None,
) -> Minimum:
    """Minimise the softmax loss by L-BFGS in whitened coordinates.

    Parameters
    ----------
    loss : SoftmaxLoss
    start : ndarray, shape (B, A)
    max_iterations : int
    tolerance : float
        Converged when an iteration lowers the loss by at most this share of it, and the gradient
        promises at most ten times as much.
    progress : callable, optional
        As for `minimize`; the gradient norm it sees is the whitened one.

    Returns
    -------
    Minimum
        ``weights`` is flat, B x A in row order; ``gradient_norm`` is by the whitened
        coordinates, where half the square of the gradient's length estimates how far the
        loss is from its lowest.
    """
    weights = centred(start) if loss.n_columns > 1 else start
    done: Minimum | None = None
    while True:
        try:
            whitening = whiten(loss, weights)
            step = float(np.linalg.norm(whitening.gradient(loss(weights)[1])))
        except KeyboardInterrupt:
            if done is None:
                raise
            message = f"interrupted after iteration {done.iterations}"
            warnings.warn(
                f"training {message}; the best weights so far, with loss {done.loss:.8g}, are kept",
                RuntimeWarning,
                stacklevel=2,
            )
            return replace(done, interrupted=True, message=message)
        # L-BFGS makes its first step one unit long. The Newton step is as long as the gradient
        # is here, so that length becomes the unit.
        whitening = replace(whitening, scale=step or 1.0)
        left = max_iterations - (done.iterations if done else 0)
        minimum = minimize(
            _Whitened(loss, whitening),
            whitening.coordinates(weights).ravel(),
            max_iterations=left if done else min(left, _FIRST_ROUND),
            gradient_tolerance=0.0,
            loss_tolerance=tolerance,
            progress=progress and _after(done, progress),
            coordinates=Coordinates(np.full(start.size, whitening.scale**2)),
        )
        weights = whitening.weights(minimum.weights.reshape(loss.shape))
        norm = minimum.gradient_norm / whitening.scale
        gap = 0.5 * norm**2 * weights.size  # about what is left to gain
        minimum = replace(
            minimum,
            weights=weights.ravel(),
            gradient_norm=norm,
            iterations=minimum.iterations + (done.iterations if done else 0),
            evaluations=minimum.evaluations + (done.evaluations if done else 0) + 1,
            converged=minimum.converged or gap <= max(tolerance, _ROUNDING) * abs(minimum.loss),
        )
        if minimum.iterations >= max_iterations:
            minimum = replace(minimum, message=f"reached max_iterations={max_iterations}")
        ended_early = done is None and minimum.iterations < _FIRST_ROUND
        if done or ended_early or minimum.iterations >= max_iterations or minimum.converged:
            return minimum
        done = minimum


@dataclass(frozen=True, eq=False)
class _Whitened:
    """The loss as a function of flat whitened coordinates."""

    loss: SoftmaxLoss
    whitening: Whitening

    def __call__(self, flat: FloatArray) -> tuple[float, FloatArray]:
        coordinates = flat.reshape(self.loss.shape)
        value, gradient = self.loss(self.whitening.weights(coordinates))
        return value, self.whitening.gradient(gradient).ravel()


def _after(
    done: Minimum | None, progress: Callable[[Progress], object]
) -> Callable[[Progress], object]:
    """Progress that counts on from an earlier round."""
    if done is None:
        return progress
    iterations, evaluations = done.iterations, done.evaluations
    return lambda now: progress(
        replace(
            now, iteration=now.iteration + iterations, evaluations=now.evaluations + evaluations
        )
    )


def _root(loss: SoftmaxLoss, curvature: FloatArray) -> FloatArray:
    """Cholesky factor R of sum_n c_n x_n x_n' + penalty, from a share of the rows."""
    from scipy.linalg import LinAlgError, cholesky

    n_weights = loss.shape[1]
    rows, counts = _share(curvature, _ROWS_PER_COLUMN * n_weights)
    with np.errstate(over="ignore", invalid="ignore"):
        block = _weighted_gram(loss.features[rows], counts, n_weights)
    if not np.isfinite(block).all():
        raise ValueError("the features are so large that their squares overflow; scale them down")
    diagonal = np.diagonal(block) + loss.penalty
    diagonal = np.where(diagonal > 0, diagonal, 1.0)
    np.fill_diagonal(block, diagonal * (1 + 1e-10))
    lengths = np.sqrt(diagonal)
    try:
        root = np.asarray(cholesky(block, check_finite=False))
        if (np.diagonal(root) > _LEAST_PIVOT * lengths).all():
            return root
    except LinAlgError:  # rounding made it indefinite
        pass
    if n_weights > _MOST_IN_QR:
        return np.diag(lengths)
    table = _with_ones(loss.features[rows], n_weights) * np.sqrt(counts)[:, None] / lengths
    return triangular_factor(table, np.sqrt(loss.penalty) / lengths) * lengths


def _weighted_gram(rows: Matrix, counts: FloatArray, n_weights: int) -> FloatArray:
    """sum_n c_n x_n x_n' over rows (S, D), x_n followed by a one if there is an intercept."""
    n_features = rows.shape[1]
    if isinstance(rows, sp.csr_array):
        block = np.empty((n_weights, n_weights))
        weighted = sp.csr_array(rows.multiply(counts[:, None]))
        block[:n_features, :n_features] = (weighted.T @ rows).toarray()
        if n_weights > n_features:
            block[-1, :-1] = block[:-1, -1] = weighted.sum(axis=0)
            block[-1, -1] = counts.sum()
        return block
    table = _with_ones(rows, n_weights)
    table *= np.sqrt(counts)[:, None]
    return np.asarray(table.T @ table)


def _with_ones(rows: Matrix, n_weights: int) -> FloatArray:
    """The rows as a table, followed by a one if there is an intercept."""
    table = np.ones((rows.shape[0], n_weights))
    table[:, : rows.shape[1]] = rows.toarray() if isinstance(rows, sp.csr_array) else rows
    return table


def _share(curvature: FloatArray, n_rows: int) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Choose about n_rows rows in proportion to their curvature, and weigh each for the rest.

    A systematic sample: a row is taken as often as a multiple of one step falls into its part of
    the running sum. It needs no random numbers, so training is repeatable.
    """
    if curvature.size <= n_rows:
        return np.arange(curvature.size), curvature
    total = np.cumsum(curvature)
    if not total[-1] > 0:
        return np.arange(1), curvature[:1]
    step = total[-1] / n_rows
    times = np.diff(np.floor(total / step + 0.5), prepend=0.0)
    rows = np.flatnonzero(times)
    return rows, times[rows] * step


def _diagonals(loss: SoftmaxLoss, curvature: FloatArray) -> FloatArray:
    """Diagonals of the Hessian's blocks, shape (B, A)."""
    diagonals = np.tile(loss.penalty, (loss.n_columns, 1))
    for block in loss.blocks():
        x = loss.rows(block)
        squares = x.power(2) if isinstance(x, sp.csr_array) else x**2
        diagonals[:, : x.shape[1]] += np.asarray(squares.T @ curvature[block]).T
        if loss.fit_intercept:
            diagonals[:, -1] += curvature[block].sum(axis=0)
    return np.where(diagonals > 0, diagonals, 1.0)

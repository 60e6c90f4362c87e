"""The softmax log loss: a log partition function for every row, and its gradient.

Letters for shapes: N rows, D features, K classes, B columns of scores (K, or 1 for the sigmoid),
A = D + 1 weights a column with an intercept, D without.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

FloatArray = npt.NDArray[np.float64]
Matrix: TypeAlias = FloatArray | sp.csr_array

_BLOCK_BYTES = 1 << 22  # rows are taken in blocks that stay in the cache between both products


def log_partition(scores: FloatArray) -> FloatArray:
    """Log partition function of every row: log Z = log sum_k exp(z_k), in nats.

    Parameters
    ----------
    scores : ndarray, shape (N, B)
        Log weights z of the classes. One column is the sigmoid: the score of the second of two
        classes, where the first one's is fixed at zero, so that log Z = log(1 + exp(z)).

    Returns
    -------
    ndarray, shape (N,)

    Examples
    --------
    >>> bool(np.isclose(log_partition(np.array([[1.0, 2.0, 6.0]]))[0], 6.0247958))
    True
    >>> log_partition(np.array([[1e4], [-1e4]]))
    array([10000.,     0.])
    """
    if scores.shape[1] == 1:
        return np.logaddexp(0.0, scores[:, 0])
    return np.asarray(scores.max(axis=1) + _relative(scores)[1])


def _relative(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scores less the highest of their row, and log Z less the same.

    Differences of these two keep all their digits however large the scores are. The sigmoid's
    scores are relative as they come: to the first class's zero.
    """
    if scores.shape[1] == 1:
        return scores, np.logaddexp(0.0, scores[:, 0])
    relative = scores - scores.max(axis=1, keepdims=True)
    return relative, np.log(np.exp(relative).sum(axis=1))


def softmax(scores: FloatArray) -> FloatArray:
    """Probabilities of the classes, the gradient of log Z: p_k = d log Z / d z_k = exp(z_k) / Z.

    Parameters
    ----------
    scores : ndarray, shape (N, B)
        As for `log_partition`.

    Returns
    -------
    ndarray, shape (N, B)
        Of the sigmoid's two classes, only the second one's.

    Examples
    --------
    >>> softmax(np.array([[1.0, 2.0, 6.0]])).round(3)
    array([[0.007, 0.018, 0.976]])
    >>> softmax(np.array([[123.0, 456.0, 789.0]])).round(3)
    array([[0., 0., 1.]])
    """
    return np.exp(log_softmax(scores))


def log_softmax(scores: FloatArray) -> FloatArray:
    """Log probabilities of the classes: z_k - log Z, in nats; shapes as for `softmax`."""
    relative, log_z = _relative(scores)
    return relative - log_z[:, None]


@dataclass(frozen=True, eq=False)
class SoftmaxLoss:
    """Penalised log loss of softmax regression, with its gradient.

    ::

        f(W) = C sum_n s_n (log Z(x_n) - z_{n, y_n}) + |W|^2 / 2,     z_n = W x_n + b

    The derivative of a row's loss by its scores is p - y: the probabilities (the gradient of
    log Z) minus the indicator of the class observed. Hence the gradient C (p - y)' S X + W.

    Parameters
    ----------
    features : ndarray or csr_array, shape (N, D)
    labels : ndarray of int, shape (N,)
        Positions of the classes, 0 to K - 1.
    n_columns : int
        B: K, or 1 for two classes with the first one's score fixed at zero.
    row_weights : ndarray, shape (N,)
        C s_n.
    fit_intercept : bool
        Whether a last weight of every column, not penalised, is the intercept b.

    Notes
    -----
    Source: Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 2])
    >>> loss = SoftmaxLoss(x, y, 3, np.ones(3), fit_intercept=True)
    >>> value, gradient = loss(np.zeros((3, 2)))
    >>> bool(np.isclose(value, 3 * np.log(3)))
    True
    >>> gradient[:, 0].round(3)  # by hand: sum_n x_n (1/3 - [y_n = k])
    array([ 1., -0., -1.])
    """

    features: Matrix
    labels: npt.NDArray[np.intp]
    n_columns: int
    row_weights: FloatArray
    fit_intercept: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (B, A) of the weights."""
        return self.n_columns, self.features.shape[1] + self.fit_intercept

    @property
    def penalty(self) -> FloatArray:
        """How much each of the A weights of a column is penalised: 1, the intercept 0."""
        penalty = np.ones(self.shape[1])
        if self.fit_intercept:
            penalty[-1] = 0.0
        return penalty

    def blocks(self) -> Iterator[slice]:
        """Runs of rows worked on together; a sparse matrix is one run."""
        n_rows, n_features = self.features.shape
        size = n_rows
        if not sp.issparse(self.features):
            size = max(_BLOCK_BYTES // (8 * (n_features + self.n_columns)), 64)
        for first in range(0, n_rows, size):
            yield slice(first, min(first + size, n_rows))

    def rows(self, block: slice) -> Matrix:
        """Features of a run of rows, without a copy where that is possible."""
        if block.stop - block.start == self.features.shape[0]:
            return self.features
        return self.features[block]

    def __call__(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient at the weights, shape (B, A).

        Where a score is infinite or NaN, so are the answers.
        """
        coefficients, intercept = self._split(weights)
        gradient = weights * self.penalty
        loss = 0.5 * float(np.vdot(weights, gradient))
        for block in self.blocks():
            x, labels, s = self.rows(block), self.labels[block], self.row_weights[block]
            scores = np.asarray(x @ coefficients.T) + intercept
            relative, log_z = _relative(scores)
            residual = np.exp(relative - log_z[:, None])  # p, the gradient of log Z
            if self.n_columns == 1:
                losses = np.logaddexp(0.0, np.where(labels == 1, -scores[:, 0], scores[:, 0]))
                residual[:, 0] -= labels
            else:
                rows = np.arange(labels.size)
                losses = log_z - relative[rows, labels]
                residual[rows, labels] -= 1.0
            loss += float(s @ losses)
            residual *= s[:, None]
            gradient[:, : x.shape[1]] += np.asarray(x.T @ residual).T
            if self.fit_intercept:
                gradient[:, -1] += residual.sum(axis=0)
        return loss, gradient

    def probabilities(self, weights: FloatArray) -> FloatArray:
        """Probabilities of the classes for every row, shape (N, B)."""
        coefficients, intercept = self._split(weights)
        answer = np.empty((self.features.shape[0], self.n_columns))
        for block in self.blocks():
            answer[block] = softmax(np.asarray(self.rows(block) @ coefficients.T) + intercept)
        return answer

    def _split(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.fit_intercept:
            return weights[:, :-1], weights[:, -1]
        return weights, np.zeros(self.n_columns)

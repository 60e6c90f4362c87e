"""Stochastic gradient descent, one sequence after the other, with an average of the weights.

After sequence n in step t the weights move by

    w <- w - r_t ( grad loss_n(w) + lambda w ),     r_t = 1 / (lambda (t_0 + t)),  lambda = 2 c2 / N

The shrinking is done by one common factor, so that a step only touches the weights of the
features that occur. t_0 comes from trying out rates on a part of the data. What is handed out is
the average of the weights at so many moments of every pass but the first: it is steadier than the
last weights.

Source: Bottou (2012), Stochastic gradient descent tricks, sections 4 and 5; Xu (2011), Towards
optimal one pass large scale learning with averaged stochastic gradient descent, section 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import daxpy

from gibbsfactor.compiled import compiled
from gibbsfactor.exact.chain.token_terms import add_terms
from gibbsfactor.learning.chain.arrays import Data, Known, Limits, Rows, Shape
from gibbsfactor.learning.chain.sequence import (
    add_marginals,
    add_node_scores,
    count_labels,
    fill_steps,
    label_score,
    limit_nodes,
    move,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

TRIED = 500  # sequences on which rates are tried out
FIRST_RATE = 0.1
MOMENTS = 20  # of a pass at which the weights go into the average
NARROW = 1e-9  # the common factor is multiplied out before it comes to this


class StochasticGradient:
    """Averaged stochastic gradient descent on the loss of `ChainLoss`, pass after pass.

    Parameters
    ----------
    data, shape, known, limits : the problem as arrays
    weights : (F,) where to start
    c2 : penalty c2 |w|^2, more than 0
    seed : of the order of the sequences, and of those that rates are tried on
    before : what `arrays` gave, of a trainer to go on from
    """

    def __init__(
        self,
        data: Data,
        shape: Shape,
        known: Known,
        limits: Limits,
        weights: FloatArray,
        c2: float,
        seed: int = 0,
        before: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        self.problem = (data, shape, Rows.none(shape), known, limits)
        self.c2, self.seed = c2, seed
        self.n = len(data.offsets) - 1
        self.shrink = 2 * c2 / max(self.n, 1)
        self.last = np.array(weights, np.float64)
        self.total = np.zeros_like(self.last)  # of the weights at the moments so far
        self.state = np.array([1.0, 0.0])  # the common factor, the number of steps
        self.passes, self.moments = 0, 0
        if before:
            self.last, self.total = before["last"].copy(), before["total"].copy()
            self.state, self.offset = before["state"].copy(), float(before["offset"])
            self.passes, self.moments = int(before["passes"]), int(before["moments"])
        else:
            self.offset = self._first_step()

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that it takes to go on from here, as arrays by name."""
        return {
            "last": self.last,
            "total": self.total,
            "state": self.state,
            "offset": np.array(self.offset),
            "passes": np.array(self.passes),
            "moments": np.array(self.moments),
        }

    def run(self) -> float:
        """One pass over the data; the loss over it, each sequence at the weights it met."""
        loss = 0.0
        order = np.random.default_rng([self.seed, 1 + self.passes]).permutation(self.n)
        for part in np.array_split(order, MOMENTS):
            loss += _pass(*self.problem, part, self.last, self.state, self.shrink, self.offset)
            if self.passes:  # the first pass is far off
                daxpy(self.last, self.total, a=self.state[0])
                self.moments += 1
        self.passes += 1
        return float(loss) + self.c2 * float(self.current() @ self.current())

    def current(self) -> FloatArray:
        """The weights after the last step."""
        return np.asarray(self.state[0] * self.last)

    def average(self) -> FloatArray:
        """The average of the weights over the passes since the first."""
        return np.asarray(self.total / self.moments) if self.moments else self.current()

    def _first_step(self) -> float:
        """t_0 of the rate that lowers the loss on a part of the data most."""
        sample = np.random.default_rng([self.seed, 0]).permutation(self.n)[:TRIED]
        best, best_rate = np.inf, FIRST_RATE
        for direction, rate in ((2.0, FIRST_RATE), (0.5, FIRST_RATE / 2)):
            while 1e-9 < rate < 1e9:
                loss = self._try(sample, rate)
                if loss >= best:
                    break
                best, best_rate = loss, rate
                rate *= direction
        return 1.0 / (self.shrink * best_rate)

    def _try(self, sample: IntArray, rate: float) -> float:
        """The loss on a sample after a pass over it at about this rate; inf if it is none."""
        weights, state = self.last.copy(), np.array([1.0, 0.0])
        offset = 1.0 / (self.shrink * rate)
        _pass(*self.problem, sample, weights, state, self.shrink, offset)
        weights *= state[0]
        loss = _pass(*self.problem, sample, weights, np.array([1.0, 0.0]), 0.0, 0.0)
        loss += self.shrink / 2 * len(sample) * float(weights @ weights)
        return float(loss) if np.isfinite(loss) else np.inf


@compiled
def _gradient(
    n: Any,
    data: Any,
    shape: Any,
    rows: Any,
    known: Any,
    limits: Any,
    weights: Any,
    scale: Any,
    nodes: Any,
    steps: Any,
) -> Any:
    """Sets counts less expected counts of sequence n, by nodes and steps; gives its loss."""
    first, length = data.offsets[n], data.offsets[n + 1] - data.offsets[n]
    n_labels = nodes.shape[1]
    scores, step_scores = np.zeros_like(nodes), np.zeros_like(steps)
    add_node_scores(first, scores, data, shape, rows, weights, scale)
    fill_steps(first, length, step_scores, data, shape, limits, weights, scale)
    limit_nodes(first, scores, known, limits)
    codes = known.codes[first : first + length]
    nodes[:] = 0.0
    steps[:] = 0.0
    each = known.token_weights[first : first + length]
    if (each != 1.0).any():
        positions, which = np.arange(length), np.zeros(length, np.int32)
        if len(steps) > 1:
            which[:] = positions
        labels = codes, known.allowed[first : first + length], each
        of_scores = scores, step_scores, which, shape.after
        return -add_terms(positions, of_scores, labels, nodes, steps)
    if len(known.allowed) and codes.min() < 0:
        clamped = scores.copy()
        for t in range(length):
            for k in range(n_labels):
                if not known.allowed[first + t, k]:
                    clamped[t, k] = -np.inf
        right = add_marginals(1.0, clamped, step_scores, shape.after, nodes, steps)
    else:
        count_labels(codes, 1.0, nodes, steps)
        right = label_score(codes, scores, step_scores)
        for t in range(length):
            for k in range(n_labels):
                scores[t, k] += limits.costs[codes[t], k]
    return add_marginals(-1.0, scores, step_scores, shape.after, nodes, steps) - right


@compiled
def _pass(
    data: Any,
    shape: Any,
    rows: Any,
    known: Any,
    limits: Any,
    order: Any,
    weights: Any,
    state: Any,
    shrink: Any,
    offset: Any,
) -> Any:
    """A step for each sequence in this order; gives the sum of their losses.

    With ``shrink`` 0 the weights stay.
    """
    n_labels, n_states = shape.transitions.shape[0], len(shape.after)
    total = 0.0
    for n in order:
        length = data.offsets[n + 1] - data.offsets[n]
        rate = 1.0 / (shrink * (offset + state[1])) if shrink > 0.0 else 0.0
        state[1] += 1
        nodes = np.zeros((length, n_labels))
        steps = np.zeros((length if len(data.edge_indices) else 1, n_states, n_labels))
        if length:
            loss = _gradient(n, data, shape, rows, known, limits, weights, state[0], nodes, steps)
            total += known.weights[n] * loss
        state[0] *= 1.0 - rate * shrink
        if length and rate > 0.0:
            factor = known.weights[n] * rate / state[0]
            move(data.offsets[n], nodes, steps, data, shape, weights, weights, factor, 0.0)
        if state[0] < NARROW:
            for f in range(len(weights)):
                weights[f] *= state[0]
            state[0] = 1.0
    return total

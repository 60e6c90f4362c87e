"""The averaged perceptron: Viterbi, and a move of the weights wherever it was wrong.

    w <- w + f(x, y) - f(x, argmax_y' w . f(x, y'))

after every sequence; what is handed out is the average of the weights over all steps. Where only
some labels are known, the best labelling that agrees with them stands for y.

Source: Collins (2002), Discriminative training methods for hidden Markov models, figure 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import compiled
from gibbsfactor.exact.chain.best import best_path
from gibbsfactor.learning.chain.arrays import Data, Known, Limits, Rows, Shape
from gibbsfactor.learning.chain.sequence import (
    add_node_scores,
    count_labels,
    fill_steps,
    limit_nodes,
    move,
)

FloatArray = npt.NDArray[np.float64]


class AveragedPerceptron:
    """Structured perceptron with averaged weights, pass after pass.

    Parameters
    ----------
    data, shape, known, limits : the problem as arrays
    weights : (F,) where to start
    seed : of the order of the sequences
    before : what `arrays` gave, of a trainer to go on from
    units : (F,) by what the values of each feature in the data were divided; the weights, given
        and handed out, are those of the values themselves. 1 by default
    """

    def __init__(
        self,
        data: Data,
        shape: Shape,
        known: Known,
        limits: Limits,
        weights: FloatArray,
        seed: int = 0,
        before: Mapping[str, npt.NDArray[Any]] | None = None,
        units: FloatArray | None = None,
    ) -> None:
        self.problem = (data, shape, Rows.none(shape), known, limits)
        self.seed = seed
        self.n = len(data.offsets) - 1
        self.units = units
        self.last = np.array(weights, np.float64) * (1.0 if units is None else units)
        self.lagged = np.zeros_like(self.last)
        self.steps = np.zeros(1)  # counted in the compiled loop, which Ctrl-C does not cut in two
        self.passes = 0
        if before:
            self.last, self.lagged = before["last"].copy(), before["lagged"].copy()
            self.steps, self.passes = before["steps"].copy(), int(before["passes"])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that it takes to go on from here, as arrays by name."""
        return {
            "last": self.last,
            "lagged": self.lagged,
            "steps": self.steps,
            "passes": np.array(self.passes),
        }

    def run(self) -> int:
        """One pass over the data; the number of tokens that were labelled wrong."""
        order = np.random.default_rng([self.seed, 1 + self.passes]).permutation(self.n)
        wrong = _pass(*self.problem, order, self.last, self.lagged, self.steps)
        self.passes += 1
        return int(wrong)

    def average(self) -> FloatArray:
        """The average of the weights over all steps."""
        average = self.last - self.lagged / max(float(self.steps[0]), 1.0)
        return average if self.units is None else average / self.units


@compiled
def _pass(
    data: Any,
    shape: Any,
    rows: Any,
    known: Any,
    limits: Any,
    order: Any,
    weights: Any,
    lagged: Any,
    done: Any,
) -> Any:
    """A step for each sequence in this order; gives how many tokens were labelled wrong."""
    n_labels, n_states = shape.transitions.shape[0], len(shape.after)
    wrong = 0
    for n in order:
        first, length = data.offsets[n], data.offsets[n + 1] - data.offsets[n]
        if length:
            scores = np.zeros((length, n_labels))
            steps = np.zeros((length if len(data.edge_indices) else 1, n_states, n_labels))
            add_node_scores(first, scores, data, shape, rows, weights, 1.0)
            fill_steps(first, length, steps, data, shape, limits, weights, 1.0)
            limit_nodes(first, scores, known, limits)
            positions, which = np.arange(length), np.zeros(length, np.int32)
            if len(steps) > 1:
                which[:] = positions
            space = np.empty((length, n_states))
            right = known.codes[first : first + length].copy()
            if len(known.allowed) and right.min() < 0:
                clamped = scores.copy()
                for t in range(length):
                    for k in range(n_labels):
                        if not known.allowed[first + t, k]:
                            clamped[t, k] = -np.inf
                best_path(positions, clamped, steps, which, shape.after, space, right)
            else:
                for t in range(length):
                    for k in range(n_labels):
                        scores[t, k] += limits.costs[right[t], k]
            found = np.empty(length, np.int64)
            best_path(positions, scores, steps, which, shape.after, space, found)
            errors = (found != right).sum()
            if errors:
                wrong += errors
                scores[:] = 0.0
                steps[:] = 0.0
                count_labels(right, 1.0, scores, steps)
                count_labels(found, -1.0, scores, steps)
                factor = known.weights[n]
                move(first, scores, steps, data, shape, weights, lagged, factor, done[0])
        done[0] += 1.0
    return wrong

"""Which labellings are possible at all, and what wrong labels cost in training.

Letters: M tokens, L labels, S states of a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.chain import Packing

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ChainRules:
    """Restrictions on labellings: None where there are none.

    Attributes
    ----------
    start, end : (L,) which labels may come first and last
    pairs : (L, L) which label may follow which
    costs : (L, L) added in training to the score of label j where label i is right: with
        log w_i off the diagonal, mistakes on label i count w_i times. This is softmax-margin
        (Gimpel & Smith 2010, equation 4).
    """

    start: BoolArray | None = None
    pairs: BoolArray | None = None
    end: BoolArray | None = None
    costs: FloatArray | None = None

    def tables(self) -> list[npt.NDArray[np.generic]]:
        """All four, empty where there are none."""
        given = (self.start, self.pairs, self.end, self.costs)
        return [np.zeros(0) if table is None else table for table in given]

    def restrict(self, packing: Packing, nodes: FloatArray, steps: FloatArray) -> FloatArray:
        """Forbid in node scores (M, L), in place; gives steps (K, S, L) with what they forbid."""
        if self.start is not None and self.end is not None:
            first, last = packing.ends()
            nodes[first] = np.where(self.start, nodes[first], -np.inf)
            nodes[last] = np.where(self.end, nodes[last], -np.inf)
        if self.pairs is None:
            return steps
        n_labels = steps.shape[2]
        by_pair = steps.reshape(len(steps), steps.shape[1] // n_labels, n_labels, n_labels)
        return np.where(self.pairs, by_pair, -np.inf).reshape(steps.shape)

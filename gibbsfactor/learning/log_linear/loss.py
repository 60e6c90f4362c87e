"""The exact loss of a log-linear model, with hidden labels summed out, and its gradient."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gibbsfactor.learning.log_linear.cliques import (
    Cases,
    FloatArray,
    Structure,
    graphs_of,
    unlabelled,
)


class LogLinearLoss:
    """Penalised negative log likelihood, with its gradient.

    ::

        f(w) = sum_n s_n (log Z(x_n) - log Z(x_n, y_n)) + c2 |w|^2

    where log Z(x, y) sums over the labelings that agree with what is known of y; of a labelling
    that is known altogether it is the sum of its log weights. Each log Z has its expected features
    as the gradient, so that the gradient of the loss is what the model expects minus what was
    observed.

    Parameters
    ----------
    structure : Structure
    cases : Cases
    c2 : float
    memory : bytes, as for `GibbsDistribution`

    Notes
    -----
    Source: Sutton & McCallum (2012), sections 5.1.1 and 5.1.2; Quattoni et al. (2007) on hidden
    variables.
    """

    def __init__(
        self, structure: Structure, cases: Cases, c2: float = 0.0, memory: int | None = None
    ) -> None:
        self.structure = structure
        self.cases = cases
        self.c2 = c2
        counted = np.bincount(cases.inputs, cases.weights, structure.n_inputs)
        self._input_weights = np.asarray(counted, dtype=np.float64)
        self._free = graphs_of(structure, unlabelled(structure), memory)
        self._known = graphs_of(structure, cases, memory)

    def __call__(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient at the weights."""
        structure = self.structure
        with np.errstate(over="ignore", invalid="ignore"):
            theta = structure.theta(weights)
            if not np.isfinite(theta).all():
                return np.inf, np.zeros_like(weights)
            slope = np.zeros_like(theta)
            log_z = self._free.add_gradient(theta, self._input_weights, slope)
            loss = float(self._input_weights @ log_z) - float(self.observed @ theta)
            slope -= self.observed
            if self.has_hidden:
                known = self._known.add_gradient(theta, -self.cases.weights, slope)
                loss -= float(self.cases.weights @ known)
            gradient = structure.pull(slope) + 2 * self.c2 * weights
            return loss + self.c2 * float(weights @ weights), gradient

    def expected(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """The loss without penalty, all labels being known, and how often theta's entries occur.

        Weights of -inf forbid what they are of.
        """
        theta = self.structure.theta(weights)
        counts = np.zeros_like(theta)
        log_z = self._free.add_gradient(theta, self._input_weights, counts)
        some = self.observed > 0
        seen = float(self.observed[some] @ theta[some])
        return float(self._input_weights @ log_z) - seen, counts

    @property
    def has_hidden(self) -> bool:
        """Whether some label is not known."""
        return bool((self.cases.codes < 0).any())

    @cached_property
    def observed(self) -> FloatArray:
        """How often each entry of theta was seen, in cliques that are known altogether."""
        return self._known.constants(self.cases.weights, int(self.structure.bounds[-1]))

"""The pseudo-likelihood: each label given all the others, where log Z is out of reach."""

from __future__ import annotations

import numpy as np

from gibbsfactor.learning.log_linear.cliques import (
    Cases,
    FloatArray,
    IntArray,
    Structure,
    slots_of,
)


class PseudoLikelihoodLoss:
    """Penalised negative log pseudo-likelihood, with its gradient.

    ::

        f(w) = -sum_n s_n sum_v log P(y_nv | y_n without v, x_n) + c2 |w|^2

    Each term is a softmax over the states of one label, whose scores are the log weights of the
    cliques it is in, at the states that the others were seen in: no partition function but sums
    over single labels. It is consistent (its minimum tends to the weights that the data come
    from), and less efficient than the likelihood.

    Parameters
    ----------
    structure : Structure
    cases : Cases
        Every label must be known.
    c2 : float

    Raises
    ------
    ValueError
        If a label is not known.

    Notes
    -----
    Source: Besag (1975), Statistical analysis of non-lattice data; Koller & Friedman (2009),
    section 20.6.1.
    """

    def __init__(self, structure: Structure, cases: Cases, c2: float = 0.0) -> None:
        n_hidden = int((cases.codes < 0).sum())
        if n_hidden:
            raise ValueError(
                f"{n_hidden} labels are not known, but the pseudo-likelihood conditions on all of "
                "them; use objective='likelihood', which sums them out"
            )
        self.structure = structure
        self.c2 = c2
        self._codes = cases.codes
        self._weights = np.repeat(cases.weights, structure.sizes[cases.inputs])
        self._cardinalities = cases.cardinalities(structure)
        self._most = int(self._cardinalities.max(initial=1))
        # for each member of each template: which label it is, and where in theta its states lie
        self._views: list[tuple[IntArray, IntArray]] = []
        for cliques, slots in zip(structure.cliques, slots_of(structure, cases), strict=True):
            base = slots.row + (slots.codes * slots.strides).sum(axis=1)
            for j, (k, stride) in enumerate(zip(cliques.shape, slots.strides, strict=True)):
                without = base - slots.codes[:, j] * stride
                cells = slots.variables[:, j, None] * self._most + np.arange(k)
                self._views.append((cells, without[:, None] + stride * np.arange(k)))

    def __call__(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient at the weights."""
        with np.errstate(over="ignore", invalid="ignore"):
            theta = self.structure.theta(weights)
            if not np.isfinite(theta).all():
                return np.inf, np.zeros_like(weights)
            scores = np.zeros((len(self._codes), self._most))
            for cells, positions in self._views:
                flat = np.bincount(cells.ravel(), theta[positions].ravel(), scores.size)
                scores += flat.reshape(scores.shape)
            scores[np.arange(self._most) >= self._cardinalities[:, None]] = -np.inf
            scores -= scores.max(axis=1, keepdims=True)
            each = np.arange(len(scores))
            observed = scores[each, self._codes]
            shares = np.exp(scores)
            total = shares.sum(axis=1)
            loss = float(self._weights @ (np.log(total) - observed))
            shares /= total[:, None]
            shares[each, self._codes] -= 1.0
            shares *= self._weights[:, None]
            slope = np.zeros_like(theta)
            for cells, positions in self._views:
                slope += np.bincount(positions.ravel(), shares.ravel()[cells].ravel(), len(theta))
            gradient = self.structure.pull(slope) + 2 * self.c2 * weights
            return loss + self.c2 * float(weights @ weights), gradient

"""Expected sufficient statistics of Gaussians, some numbers of some observations being missing.

Letters: M observations of D numbers each, G Gaussians.

Numbers that are missing are summed out. Where the covariance is a diagonal, a column has its own
counts: those of the observations that hold a number there. Else EM replaces a missing number by
its expectation given the others, and adds the conditional covariance to the scatter:

    E[x_m | x_o] = m_m + S_mo S_oo^-1 (x_o - m_o)        S_mm - S_mo S_oo^-1 S_om

Source: Little & Rubin (2002), Statistical analysis with missing data, section 11.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gibbsfactor.models.hidden_markov_model.covariances import FloatArray, patterns, scatters


@dataclass(frozen=True, eq=False)
class SufficientStatistics:
    """Weighted observations, as the estimates of means and covariances need them.

    Attributes
    ----------
    X, counts : (M, D) and (M, G) of the observations that are complete
    whole : whether covariances are matrices, not diagonals
    n : (G, 1) counts; (G, D) where columns have their own
    sums : (G, D) of the numbers, weighted by counts
    expected, weights : (G, R, D) and (R, G) of the R observations that are not complete; NaN where
        a missing number is left out; None if there are none
    spread : (G, D, D) the conditional covariances of missing numbers, weighted by counts
    """

    X: FloatArray
    counts: FloatArray
    whole: bool
    n: FloatArray
    sums: FloatArray
    expected: FloatArray | None = None
    weights: FloatArray | None = None
    spread: FloatArray | None = None

    @classmethod
    def of(
        cls, X: FloatArray, counts: FloatArray, means: FloatArray, matrices: FloatArray | None
    ) -> SufficientStatistics:
        """From observations in which NaN is missing, under the parameters so far.

        Parameters
        ----------
        X, counts : (M, D) and (M, G)
        means : (G, D)
        matrices : (G, D, D) the covariances; None if they are diagonals
        """
        whole = matrices is not None
        missing = np.isnan(X @ np.ones(X.shape[1]))  # of a product, as one number is NaN
        if not missing.any():
            return cls(X, counts, whole, counts.sum(axis=0)[:, None], counts.T @ X)
        part, weights = X[missing], counts[missing]
        some = ~np.isnan(part).all(axis=1)
        part, weights, X, counts = part[some], weights[some], X[~missing], counts[~missing]
        n, sums = counts.sum(axis=0)[:, None], counts.T @ X
        if matrices is None:
            n = n + weights.T @ ~np.isnan(part)
            sums = sums + weights.T @ np.nan_to_num(part)
            expected = np.broadcast_to(part, (len(means), *part.shape))
            return cls(X, counts, whole, n, sums, expected, weights)
        expected, spread = _expectations(part, weights, means, matrices)
        n = n + weights.sum(axis=0)[:, None]
        sums = sums + np.einsum("rg,grd->gd", weights, expected)
        return cls(X, counts, whole, n, sums, expected, weights, spread)

    def scatters(self, means: FloatArray) -> FloatArray:
        """Scatter about means (G, D): (G, D, D), or only the diagonals (G, D)."""
        found = scatters(self.X, self.counts, means, self.whole)
        if self.expected is None or self.weights is None:
            return found
        for g, (expected, weights) in enumerate(zip(self.expected, self.weights.T, strict=True)):
            away = np.nan_to_num(expected - means[g])
            found[g] += (weights[:, None] * away).T @ away if self.whole else weights @ away**2
        return found if self.spread is None else found + self.spread


def _expectations(
    part: FloatArray, weights: FloatArray, means: FloatArray, matrices: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The observations with expected numbers (G, R, D), and their weighted covariances."""
    expected = np.tile(part, (len(means), 1, 1))
    spread = np.zeros_like(matrices)
    for rows, seen in patterns(part):
        gone = ~seen
        for g, (mean, matrix) in enumerate(zip(means, matrices, strict=True)):
            across = matrix[np.ix_(seen, gone)]
            slopes = np.linalg.solve(matrix[np.ix_(seen, seen)], across)
            found = mean[gone] + (part[np.ix_(rows, seen)] - mean[seen]) @ slopes
            expected[g][np.ix_(rows, gone)] = found
            left = matrix[np.ix_(gone, gone)] - across.T @ slopes
            spread[g][np.ix_(gone, gone)] += weights[rows, g].sum() * left
    return expected, spread

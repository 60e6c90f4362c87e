"""States that emit vectors of real numbers, each from its own Gaussian.

Letters: M observations of D numbers each, K states.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from gibbsfactor.features.observations import read_numbers
from gibbsfactor.models.hidden_markov_model import covariances as cov
from gibbsfactor.models.hidden_markov_model.emissions import (
    Emissions,
    FloatArray,
    IntArray,
    LogLinear,
    Observations,
)
from gibbsfactor.models.hidden_markov_model.gaussian_prior import GaussianPrior
from gibbsfactor.models.hidden_markov_model.numbers import (
    check_min_covar,
    clusters,
    column_scales,
    completed,
    covariances_of,
)
from gibbsfactor.models.hidden_markov_model.sufficient_statistics import SufficientStatistics


class GaussianEmissions(Emissions):
    """P(x | state) = N(x; means_[state], covariance of the state).

    NaN is a missing number. It is summed out: an observation has the marginal density of the
    numbers that it holds, and every state explains a row of NaN equally well.

    Parameters
    ----------
    covariance_type : "spherical", "diag", "full" or "tied"
        One variance for each state; one for each state and column; a whole matrix for each state;
        one matrix for all of them.
    min_covar : float, optional
        Added to the variances that EM starts from. By default a thousandth of each column's
        variance in the training data, so that units don't matter.
    means_prior, means_weight : float or array that broadcasts to (K, D)
        Means are estimated as if each state had ``means_weight`` more observations of that value.
    covars_prior : float or array, optional
        Added to the scatter of a state before it is divided: on the diagonal if it is a number, or
        an array in the shape of ``covars_``. By default a thousandth of each column's variance in
        the training data, so that units don't matter and no variance comes to 0. One or two values
        of a column that lie alone, far from all the others, don't count in its variance.
    covars_weight : float
        The counts that the scatter is divided by are raised by what this has above 1 (of "full"
        and "tied", above D).

    Attributes
    ----------
    means_ : (K, D)
    covars_ : (K, D, D), whatever the type; may be set in the shape of the type, too

    Notes
    -----
    Source of the estimates and their priors: Huang, Acero & Hon (2001), Spoken language processing,
    pages 443-445, as in hmmlearn.
    """

    parameters: ClassVar[Mapping[str, str]] = {"m": "means_", "c": "_covars"}
    learnt: ClassVar[tuple[str, ...]] = ("_scales",)

    def __init__(
        self,
        covariance_type: cov.CovarianceType = "diag",
        *,
        min_covar: float | None = None,
        means_prior: Any = 0.0,
        means_weight: Any = 0.0,
        covars_prior: Any = None,
        covars_weight: float = 1.0,
    ) -> None:
        self.covariance_type = covariance_type
        self.min_covar = min_covar
        self.means_prior = means_prior
        self.means_weight = means_weight
        self.covars_prior = covars_prior
        self.covars_weight = covars_weight
        self.means_: FloatArray
        self._covars: Any
        self._scales: FloatArray

    @property
    def covars_(self) -> FloatArray:
        """(K, D, D) covariance matrices."""
        k, d = np.shape(self.means_)
        covars = cov.check_covariances(self._covars, self.covariance_type, k, d)
        return cov.as_matrices(covars, self.covariance_type, k, d)

    @covars_.setter
    def covars_(self, covars: Any) -> None:
        self._covars = np.array(covars, dtype=float)

    # ---- observations -----------------------------------------------------------------

    def learn(self, X: Any) -> Observations:
        """Read training data; the scale of each column is kept for the prior."""
        self._check_choice()
        found = self.read(X)
        self._scales = column_scales(found.distinct)
        partly = np.isnan(found.distinct).any(axis=1) & ~np.isnan(found.distinct).all(axis=1)
        self.counted = not (self._whole and partly.any())
        return found

    def read(self, X: Any) -> Observations:
        """Vectors of D finite numbers, NaN where one was not observed."""
        n_features = np.shape(self.means_)[1] if hasattr(self, "means_") else None
        return Observations.each(read_numbers(X, n_features, gaps=True))

    @property
    def _whole(self) -> bool:
        return self.covariance_type in ("full", "tied")

    # ---- estimation -------------------------------------------------------------------

    def start(
        self, observations: Observations, n_states: int, rng: np.random.Generator, which: str
    ) -> None:
        """Means and covariances of clusters (k-means); without means to set, that of everything."""
        X, scales = completed(observations.distinct), self._known_scales(observations)
        parts = clusters(X, n_states, scales, rng) if "m" in which else [X] * n_states
        if "m" in which:
            self.means_ = np.array([part.mean(axis=0) for part in parts])
        if "c" in which:
            kind = self.covariance_type
            found = covariances_of(parts, X, scales, self.min_covar)
            if kind == "tied":
                sizes = np.array([len(part) for part in parts])
                self._covars = np.einsum("k,kij->ij", sizes / sizes.sum(), found)
            else:
                self._covars = cov.reduced(found, kind)

    def maximize(self, observations: Observations, counts: FloatArray, which: str) -> None:
        """Weighted means and covariances. A state without any count keeps what it has.

        Where numbers are missing and covariances are matrices, this is one step of EM.
        """
        X, (n_states, d) = observations.distinct, (counts.shape[1], observations.distinct.shape[1])
        means = np.asarray(getattr(self, "means_", np.zeros((n_states, d))))
        old = getattr(self, "_covars", None)
        matrices = None
        if self._whole:
            matrices = np.diag(self._known_scales(observations)) if old is None else old
            matrices = np.broadcast_to(matrices, (n_states, d, d))
        prior = self._prior(n_states, d)
        seen = SufficientStatistics.of(X, counts, means, matrices)
        if "m" in which:
            self.means_ = prior.means(seen, means)
        if "c" in which:
            covars = prior.covariances(seen, self.means_, old)
            self._covars = covars[0] if self.covariance_type == "tied" else covars

    def log_prior(self) -> float:
        """Log of what the priors multiply the likelihood by, up to a constant."""
        return self._prior(*self.means_.shape).log_density(self.means_, self._covars)

    def _known_scales(self, observations: Observations) -> FloatArray:
        """(D,) the variances of the columns in the training data."""
        if not hasattr(self, "_scales"):
            self._scales = column_scales(observations.distinct)
        return self._scales

    def _prior(self, n_states: int, n_features: int) -> GaussianPrior:
        return GaussianPrior.of(self, n_states, n_features, getattr(self, "_scales", None))

    # ---- answers ----------------------------------------------------------------------

    def check(self, n_states: int) -> None:
        """Raise ValueError unless there are K means and proper covariances."""
        self._check_choice()
        for name in ("means_", "_covars"):
            if not hasattr(self, name):
                shown = "covars_" if name == "_covars" else name
                raise ValueError(f"{shown} is not set; call fit, or set it")
        self.means_ = np.asarray(self.means_, dtype=float)
        if self.means_.ndim != 2 or len(self.means_) != n_states:
            raise ValueError(f"means_ has shape {self.means_.shape}; it must be ({n_states}, D)")
        if not np.isfinite(self.means_).all():
            raise ValueError("means_ holds a number that is not finite")
        d = self.means_.shape[1]
        self._covars = cov.check_covariances(self._covars, self.covariance_type, n_states, d)

    def _check_choice(self) -> None:
        check_min_covar(self.min_covar)
        if self.covariance_type not in cov.TYPES:
            raise ValueError(
                f"covariance_type is {self.covariance_type!r}; it must be one of "
                f"{', '.join(map(repr, cov.TYPES))}"
            )

    def log_likelihoods(self, observations: Observations) -> FloatArray:
        """(M, K) log densities."""
        X = observations.distinct
        return cov.log_densities(X, self.means_, self._covars, self.covariance_type)

    def sample(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        """(n, D) draws."""
        kind = self.covariance_type
        covars = self._covars if kind == "tied" else self._covars[states]
        return cov.draw(self.means_[states], covars, kind, rng)

    def predictive(self, shares: FloatArray) -> FloatArray:
        """(n, D) means of the mixtures of states."""
        return np.asarray(shares @ self.means_)

    def n_parameters(self, which: str) -> int:
        """Those of the means, and those of the covariances."""
        k, d = self.means_.shape
        found = k * d if "m" in which else 0
        return found + (cov.n_numbers(self.covariance_type, k, d) if "c" in which else 0)

    # ---- the discriminative twin ------------------------------------------------------

    def log_linear(self) -> LogLinear:
        """The statistics are 1, the numbers x_i, and their products x_i x_j, i <= j.

        The log density is a quadratic function of x with the matrix -S^-1 / 2 and the linear part
        S^-1 m.
        """
        k, d = self.means_.shape
        precisions = np.linalg.inv(self.covars_)
        rows, columns = np.triu_indices(d)
        products = -precisions[:, rows, columns] * np.where(rows == columns, 0.5, 1.0)
        linear = np.einsum("kij,kj->ki", precisions, self.means_)
        zero = cov.log_densities(np.zeros((1, d)), self.means_, self._covars, self.covariance_type)
        names = ["1", *(f"x{i}" for i in range(d))]
        names += [f"x{i}*x{j}" for i, j in zip(rows.tolist(), columns.tolist(), strict=True)]
        weights = np.concatenate([zero, linear.T, products.T])
        return LogLinear(weights, np.zeros(k), names)

    def statistics(self, observations: Observations) -> FloatArray:
        """(M, 1 + D + D (D + 1) / 2), zeros where nothing was observed.

        Raises
        ------
        ValueError
            If only some numbers of an observation are missing.
        """
        X = observations.distinct
        missing = np.isnan(X)
        partly = missing.any(axis=1) & ~missing.all(axis=1)
        if partly.any():
            raise ValueError(
                f"observation {int(np.argmax(partly))} is {X[np.argmax(partly)].tolist()}; its "
                "statistics are not known, as some of its numbers are missing"
            )
        rows, columns = np.triu_indices(X.shape[1])
        ones = np.where(np.isnan(X[:, :1]), np.nan, 1.0)
        products = X[:, rows] * X[:, columns]
        return np.asarray(np.nan_to_num(np.concatenate([ones, X, products], axis=1)))

"""States that emit vectors of real numbers, each from its own mixture of Gaussians.

Letters: M observations of D numbers each, K states with C Gaussians each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from scipy.special import logsumexp, softmax

from gibbsfactor.features.observations import read_numbers
from gibbsfactor.models.hidden_markov_model import covariances as cov
from gibbsfactor.models.hidden_markov_model.emissions import (
    Emissions,
    FloatArray,
    IntArray,
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
from gibbsfactor.models.hidden_markov_model.rows import (
    check_rows,
    log,
    log_dirichlet,
    normalized,
    pseudo_counts,
)
from gibbsfactor.models.hidden_markov_model.sufficient_statistics import SufficientStatistics


class MixtureEmissions(Emissions):
    """P(x | state) = sum_c weights_[state, c] N(x; means_[state, c], its covariance).

    NaN is a missing number, as in `GaussianEmissions`.

    Parameters
    ----------
    n_mix : int
        C, Gaussians in each state.
    covariance_type : "spherical", "diag", "full" or "tied"
        As for `GaussianEmissions`, of each Gaussian; "tied" is one matrix for those of a state.
    min_covar : float, optional
        As for `GaussianEmissions`.
    weights_prior : float or array that broadcasts to (K, C)
        Of the Dirichlet prior of the weights: 1 plus a pseudo-count.
    means_prior, means_weight, covars_prior, covars_weight
        As for `GaussianEmissions`, of K C Gaussians.

    Attributes
    ----------
    weights_ : (K, C)
    means_ : (K, C, D)
    covars_ : (K, C), (K, C, D) or (K, C, D, D), by type; of "tied" (K, D, D)
    """

    parameters: ClassVar[Mapping[str, str]] = {"w": "weights_", "m": "means_", "c": "covars_"}
    counted = False
    learnt: ClassVar[tuple[str, ...]] = ("_scales",)

    def __init__(
        self,
        n_mix: int = 2,
        covariance_type: cov.CovarianceType = "diag",
        *,
        min_covar: float | None = None,
        weights_prior: Any = 1.0,
        means_prior: Any = 0.0,
        means_weight: Any = 0.0,
        covars_prior: Any = None,
        covars_weight: float = 1.0,
    ) -> None:
        self.n_mix = n_mix
        self.covariance_type = covariance_type
        self.min_covar = min_covar
        self.weights_prior = weights_prior
        self.means_prior = means_prior
        self.means_weight = means_weight
        self.covars_prior = covars_prior
        self.covars_weight = covars_weight
        self.weights_: FloatArray
        self.means_: FloatArray
        self.covars_: FloatArray
        self._scales: FloatArray

    # ---- observations -----------------------------------------------------------------

    def learn(self, X: Any) -> Observations:
        """Read training data; the scale of each column is kept for the prior."""
        self._check_choice()
        found = self.read(X)
        self._scales = column_scales(found.distinct)
        return found

    def read(self, X: Any) -> Observations:
        """Vectors of D finite numbers, NaN where one was not observed."""
        n_features = np.shape(self.means_)[-1] if hasattr(self, "means_") else None
        return Observations.each(read_numbers(X, n_features, gaps=True))

    # ---- estimation -------------------------------------------------------------------

    def start(
        self, observations: Observations, n_states: int, rng: np.random.Generator, which: str
    ) -> None:
        """Equal weights; the means and covariances of clusters within clusters (k-means)."""
        scales = self._known_scales(observations)
        parts = clusters(observations.distinct, n_states, scales, rng)
        self._set_clusters(parts, scales, rng, which)

    def start_known(
        self, observations: Observations, counts: FloatArray, rng: np.random.Generator, which: str
    ) -> None:
        """The same of the observations that are known to come from each state, where some are."""
        X, parts, scales = observations.distinct, [], self._known_scales(observations)
        some = ~np.isnan(X).all(axis=1)
        X, counts = completed(X), counts[some]
        for k, part in enumerate(clusters(X, counts.shape[1], scales, rng)):
            own = X[counts[:, k] >= 1]
            parts.append(own if len(own) else part)
        self._set_clusters(parts, scales, rng, which)

    def _set_clusters(
        self, parts: list[FloatArray], scales: FloatArray, rng: np.random.Generator, which: str
    ) -> None:
        """Equal weights, and the means and covariances of clusters of each state's observations."""
        c, d, kind = self.n_mix, len(scales), self.covariance_type
        if "w" in which:
            self.weights_ = np.full((len(parts), c), 1.0 / c)
        each = [clusters(part, c, scales, rng) for part in parts]
        if "m" in which:
            self.means_ = np.array([[own.mean(axis=0) for own in of_state] for of_state in each])
        if "c" in which:
            found = np.array(
                [
                    covariances_of(own, part, scales, self.min_covar)
                    for own, part in zip(each, parts, strict=True)
                ]
            )
            if kind == "tied":
                self.covars_ = found.mean(axis=1)
            else:
                flat = cov.reduced(found.reshape(-1, d, d), kind)
                self.covars_ = flat.reshape(len(parts), c, *flat.shape[1:])

    def maximize(self, observations: Observations, counts: FloatArray, which: str) -> None:
        """EM's step for the mixtures, too: counts of a state are shared out to its Gaussians."""
        X = observations.distinct
        empty = np.isnan(X[:, 0])
        empty[empty] = np.isnan(X[empty]).all(axis=1)
        if empty.any():
            X, counts = X[~empty], counts[~empty]
        shares = softmax(self._joint(X), axis=2) * counts[:, :, None]
        prior, (k, c, d) = self._prior(), self.means_.shape
        if "w" in which:
            added = pseudo_counts("weights_prior", self.weights_prior, self.weights_.shape)
            self.weights_ = normalized(shares.sum(axis=0) + added, self.weights_)
        matrices, old = None, self._flat_covars()
        if self.covariance_type in ("full", "tied"):
            matrices = np.repeat(old, k * c // len(old), axis=0)
        seen = SufficientStatistics.of(X, shares.reshape(len(X), -1), self._flat_means(), matrices)
        if "m" in which:
            self.means_ = prior.means(seen, self._flat_means()).reshape(k, c, d)
        if "c" in which:
            covars = prior.covariances(seen, self._flat_means(), old)
            self.covars_ = covars.reshape(self.covars_.shape)

    def log_prior(self) -> float:
        """Log of what the priors multiply the likelihood by, up to a constant."""
        added = pseudo_counts("weights_prior", self.weights_prior, self.weights_.shape)
        density = self._prior().log_density(self._flat_means(), self._flat_covars())
        return log_dirichlet(self.weights_, added) + density

    def _known_scales(self, observations: Observations) -> FloatArray:
        """(D,) the variances of the columns in the training data."""
        if not hasattr(self, "_scales"):
            self._scales = column_scales(observations.distinct)
        return self._scales

    def _prior(self) -> GaussianPrior:
        k, c, d = self.means_.shape
        return GaussianPrior.of(self, k * c, d, getattr(self, "_scales", None), n_tied=k)

    def _flat_means(self) -> FloatArray:
        return self.means_.reshape(-1, self.means_.shape[-1])

    def _flat_covars(self) -> FloatArray:
        """(K C, ...) covariances; of "tied" (K, D, D)."""
        if self.covariance_type == "tied":
            return self.covars_
        return self.covars_.reshape(-1, *self.covars_.shape[2:])

    # ---- answers ----------------------------------------------------------------------

    def check(self, n_states: int) -> None:
        """Raise ValueError unless there are weights, means and proper covariances."""
        self._check_choice()
        self.weights_ = check_rows("weights_", getattr(self, "weights_", None), n_states)
        for name in ("means_", "covars_"):
            if not hasattr(self, name):
                raise ValueError(f"{name} is not set; call fit, or set it")
            setattr(self, name, np.asarray(getattr(self, name), dtype=float))
        k, c = self.weights_.shape
        if self.means_.ndim != 3 or self.means_.shape[:2] != (k, c):
            raise ValueError(f"means_ has shape {self.means_.shape}; it must be ({k}, {c}, D)")
        if not np.isfinite(self.means_).all():
            raise ValueError("means_ holds a number that is not finite")
        d, kind = self.means_.shape[2], self.covariance_type
        tied = kind == "tied"
        wanted = (k, d, d) if tied else (k, c, *cov.shape_of(kind, 1, d)[1:])
        if self.covars_.shape != wanted:
            raise ValueError(f"covars_ has shape {self.covars_.shape}; it must be {wanted}")
        flat = self._flat_covars()
        cov.check_covariances(flat, "full" if tied else kind, len(flat), d)

    def _check_choice(self) -> None:
        check_min_covar(self.min_covar)
        whole = isinstance(self.n_mix, int | np.integer) and not isinstance(self.n_mix, bool)
        if not whole or self.n_mix < 1:
            raise ValueError(f"n_mix is {self.n_mix!r}; it must be a whole number from 1")
        if self.covariance_type not in cov.TYPES:
            raise ValueError(
                f"covariance_type is {self.covariance_type!r}; it must be one of "
                f"{', '.join(map(repr, cov.TYPES))}"
            )

    def log_likelihoods(self, observations: Observations) -> FloatArray:
        """(M, K) log densities."""
        return np.asarray(logsumexp(self._joint(observations.distinct), axis=2))

    def _joint(self, X: FloatArray) -> FloatArray:
        """(M, K, C) log density of an observation and of the Gaussian that it comes from."""
        flat = cov.log_densities(X, self._flat_means(), self._flat_covars(), self.covariance_type)
        return flat.reshape(len(X), *self.weights_.shape) + log(self.weights_)

    def sample(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        """(n, D) draws."""
        ends = np.cumsum(self.weights_, axis=1)[states]
        reach = rng.random(len(states))[:, None] * ends[:, -1:]
        which = (reach >= ends).sum(axis=1)
        means = self.means_[states, which]
        if self.covariance_type == "tied":
            return cov.draw(means, self.covars_[states], "full", rng)
        return cov.draw(means, self.covars_[states, which], self.covariance_type, rng)

    def predictive(self, shares: FloatArray) -> FloatArray:
        """(n, D) means of the mixtures of states."""
        return np.asarray(shares @ np.einsum("kc,kcd->kd", self.weights_, self.means_))

    def n_parameters(self, which: str) -> int:
        """Those of the weights, of the means, and of the covariances."""
        k, c, d = self.means_.shape
        each = {"w": k * (c - 1), "m": k * c * d}
        tied = self.covariance_type == "tied"
        each["c"] = k * cov.n_numbers("tied", c, d) if tied else 0
        each["c"] = each["c"] or cov.n_numbers(self.covariance_type, k * c, d)
        return sum(each[letter] for letter in each if letter in which)

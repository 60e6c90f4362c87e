"""Estimates of means and covariances from expected counts, under conjugate priors.

Letters: D numbers of an observation, G Gaussians, H covariance matrices: G of type "full", fewer
of "tied", where G / H Gaussians that follow each other have the same.

With n_g the counts of a Gaussian, S_g its scatter, and the prior's w_m, m_0, S_0 and w_c,

    mean        (w_m m_0 + sum_m c_mg x_m) / (w_m + n_g)
    covariance  (S_0 + w_m (m - m_0)(m - m_0)' + S_g) / (w_c + n_g)

which maximise the expected log-likelihood plus

    -1/2 ( w_c log det S + trace S^-1 (S_0 + w_m (m - m_0)(m - m_0)') ).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gibbsfactor.models.hidden_markov_model.covariances import FloatArray, cholesky_factors
from gibbsfactor.models.hidden_markov_model.sufficient_statistics import SufficientStatistics

SHARE = 1e-3  # of a column's variance in the training data: the prior scatter by default


@dataclass(frozen=True, eq=False)
class GaussianPrior:
    """Priors of G Gaussians, in full shapes.

    Attributes
    ----------
    kind : the type of covariance
    centre, weight : (G, D) m_0 and w_m
    scatter : S_0 (H, D, D), or its diagonal (G, D) where nothing else is needed
    extra : w_c
    """

    kind: str
    centre: FloatArray
    weight: FloatArray
    scatter: FloatArray
    extra: float

    @classmethod
    def of(
        cls,
        chosen: Any,
        n_gaussians: int,
        n_features: int,
        scales: FloatArray | None,
        n_tied: int = 1,
    ) -> GaussianPrior:
        """From the parameters of emissions.

        Parameters
        ----------
        chosen : the emissions
        scales : (D,) the columns' variances
        n_tied : H, of type "tied"

        Raises
        ------
        ValueError
            If one is of a shape that doesn't fit, or negative.
        """
        shape, kind = (n_gaussians, n_features), chosen.covariance_type
        whole = kind in ("full", "tied")
        centre = _broadcast("means_prior", chosen.means_prior, shape)
        weight = _broadcast("means_weight", chosen.means_weight, shape, least=0.0)
        given = chosen.covars_prior
        if given is None:
            given = 0.0 if scales is None else SHARE * (np.diag(scales) if whole else scales)
        array = np.asarray(given, dtype=float)
        n_matrices = n_tied if kind == "tied" else n_gaussians
        wanted = (n_matrices, n_features, n_features) if whole else shape
        if whole and array.ndim == 0:
            array = array * np.eye(n_features)
        scatter = _broadcast("covars_prior", array, wanted, least=-np.inf if whole else 0.0)
        if whole and scatter.size and np.linalg.eigvalsh(scatter).min() < -1e-9 * scatter.max():
            raise ValueError(
                f"covars_prior is {given!r}; its matrices must have no direction below 0"
            )
        (extra,) = _broadcast("covars_weight", chosen.covars_weight, (1,), least=0.0)
        extra = max(float(extra) - (n_features if whole else 1), 0.0)
        return cls(kind, centre, weight, scatter, extra)

    def means(self, seen: SufficientStatistics, old: FloatArray) -> FloatArray:
        """(G, D) from what was observed; those without any count stay as the old ones."""
        total = self.weight + seen.n
        found = (self.weight * self.centre + seen.sums) / np.where(total > 0, total, 1.0)
        return np.where(total > 0, found, old)

    def covariances(
        self, seen: SufficientStatistics, means: FloatArray, old: FloatArray | None
    ) -> FloatArray:
        """(H, D, D), (G, D) or (G,), by type; those without any count stay as the old ones."""
        whole, n = self.kind in ("full", "tied"), seen.n
        found = seen.scatters(means) + self._of_means(means)
        if whole:
            found = self._by_matrix(found)
            n = self._by_matrix(n)[:, :, None]
        found, total = self.scatter + found, self.extra + n
        if self.kind == "spherical":
            total = np.broadcast_to(total, found.shape).sum(axis=1)
            found = found.sum(axis=1)
        found = found / np.where(total > 0, total, 1.0)
        found = found if old is None else np.where(total > 0, found, old)
        return (found + np.swapaxes(found, -1, -2)) / 2 if whole else found

    def log_density(self, means: FloatArray, covars: FloatArray) -> float:
        """What the estimates maximise besides the log-likelihood."""
        scatter = self._of_means(means)
        if self.kind in ("spherical", "diag"):
            variances = covars[:, None] if self.kind == "spherical" else covars
            terms = self.extra * np.log(variances) + (self.scatter + scatter) / variances
            return -0.5 * float(np.sum(terms))
        scatter, covars = self._by_matrix(scatter), covars.reshape(self.scatter.shape)
        log_det = 2 * np.log(np.einsum("hdd->hd", cholesky_factors(covars))).sum()
        traces = np.einsum("hij,hji->", np.linalg.inv(covars), self.scatter + scatter)
        return -0.5 * float(self.extra * log_det + traces)

    def _by_matrix(self, each: FloatArray) -> FloatArray:
        """Numbers (G, ...) summed over the Gaussians with the same matrix: (H, ...)."""
        return np.asarray(each.reshape(len(self.scatter), -1, *each.shape[1:]).sum(axis=1))

    def _of_means(self, means: FloatArray) -> FloatArray:
        """w_m (m - m_0)(m - m_0)'."""
        away = np.sqrt(self.weight) * (means - self.centre)
        if self.kind in ("full", "tied"):
            return np.asarray(away[:, :, None] * away[:, None, :])
        return np.asarray(away**2)


def _broadcast(name: str, given: Any, shape: tuple[int, ...], least: float = -np.inf) -> FloatArray:
    try:
        array = np.broadcast_to(np.asarray(given, dtype=float), shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} is {given!r}; it must be a number, or broadcast to shape {shape}"
        ) from None
    if not (np.isfinite(array).all() and (array >= least).all()):
        wanted = "finite" if least == -np.inf else f"finite and at least {least:g}"
        raise ValueError(f"{name} is {given!r}; it must be {wanted}")
    return array

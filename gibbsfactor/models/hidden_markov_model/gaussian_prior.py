"""Estimates of means and covariances from expected counts, under conjugate priors.

Letters: M observations of D numbers each, G Gaussians.

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

from gibbsfactor.models.hidden_markov_model.covariances import (
    FloatArray,
    cholesky_factors,
    scatters,
)

SHARE = 1e-3  # of a column's variance in the training data: the prior scatter by default


@dataclass(frozen=True, eq=False)
class GaussianPrior:
    """Priors of G Gaussians, in full shapes.

    Attributes
    ----------
    kind : the type of covariance
    centre, weight : (G, D) m_0 and w_m
    scatter : S_0 (G, D, D), or its diagonal (G, D) where nothing else is needed; of "tied" (D, D)
    extra : w_c
    """

    kind: str
    centre: FloatArray
    weight: FloatArray
    scatter: FloatArray
    extra: float

    @classmethod
    def of(
        cls, chosen: Any, n_gaussians: int, n_features: int, scales: FloatArray | None
    ) -> GaussianPrior:
        """From the parameters of emissions; ``scales`` (D,) are the columns' variances.

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
        wanted = (*shape, n_features) if kind == "full" else (n_features,) * 2 if whole else shape
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

    def means(self, X: FloatArray, counts: FloatArray, old: FloatArray | None) -> FloatArray:
        """(G, D) from observations (M, D) and counts (M, G); those without any stay."""
        total = self.weight + counts.sum(axis=0)[:, None]
        found = (self.weight * self.centre + counts.T @ X) / np.where(total > 0, total, 1.0)
        return found if old is None else np.where(total > 0, found, old)

    def covariances(
        self, X: FloatArray, counts: FloatArray, means: FloatArray, old: FloatArray | None
    ) -> FloatArray:
        """In the shape of their type; those without any count stay."""
        whole, n = self.kind in ("full", "tied"), counts.sum(axis=0)
        found = scatters(X, counts, means, whole) + self._of_means(means)
        if self.kind == "tied":
            found = (self.scatter + found.sum(axis=0)) / (self.extra + n.sum())
        else:
            total = self.extra + n.reshape(-1, *[1] * (found.ndim - 1))
            found = (self.scatter + found) / np.where(total > 0, total, 1.0)
            found = found.mean(axis=1) if self.kind == "spherical" else found
            seen = self.extra + n.reshape(-1, *[1] * (found.ndim - 1)) > 0
            found = found if old is None else np.where(seen, found, old)
        return (found + np.swapaxes(found, -1, -2)) / 2 if whole else found

    def log_density(self, means: FloatArray, covars: FloatArray) -> float:
        """What the estimates maximise besides the log-likelihood."""
        scatter = self._of_means(means)
        if self.kind in ("spherical", "diag"):
            variances = covars[:, None] if self.kind == "spherical" else covars
            terms = self.extra * np.log(variances) + (self.scatter + scatter) / variances
            return -0.5 * float(np.sum(terms))
        if self.kind == "tied":
            scatter, covars = scatter.sum(axis=0)[None], covars[None]
        log_det = 2 * np.log(np.einsum("gdd->gd", cholesky_factors(covars))).sum()
        traces = np.einsum("gij,gji->", np.linalg.inv(covars), self.scatter + scatter)
        return -0.5 * float(self.extra * log_det + traces)

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

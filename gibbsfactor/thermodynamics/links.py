"""Ways to turn scores into probabilities: exp and what might take its place.

A link is a positive function g, and gives scores z_1, ..., z_K the probabilities

    p_k = g(z_k) / sum_j g(z_j)

Softmax is g = exp. With u = log g every other one is softmax as well, of the scores u(z_k): what is
lost is lost in z, where scores of parts and of pieces of evidence add.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, log_softmax, softmax

FloatArray = npt.NDArray[np.float64]
Function = Callable[[FloatArray], FloatArray]

FLOOR = 0.1  # what keeps links positive that would reach zero


class Rule(Protocol):
    """From scores to probabilities, with a loss that scores are trained by. K scores throughout."""

    @property
    def name(self) -> str:
        """What to call it."""

    def probabilities(self, z: FloatArray) -> FloatArray:
        """p, along the last axis."""

    def potential_gradient(self, z: FloatArray) -> FloatArray:
        """Gradient (K,) of the function of z that the loss subtracts the true score's part from."""

    def loss_gradient(self, z: FloatArray, y: int) -> FloatArray:
        """Gradient (K,) of the loss at z, the truth being y."""

    def loss_hessian(self, z: FloatArray, y: int) -> FloatArray:
        """Second derivatives (K, K) of the loss."""


@dataclass(frozen=True, eq=False)
class Link:
    """A positive link g, with log loss -log p_y = log Z(z) - log g(z_y), Z = sum_k g(z_k).

    Parameters
    ----------
    name, formula : str
    log : callable
        u(z) = log g(z), on arrays.
    slope, bend : callable
        u' and u''.

    Examples
    --------
    >>> z = np.array([1.0, 2.0, 6.0])
    >>> LINKS["exp"].probabilities(z).round(3)
    array([0.007, 0.018, 0.976])
    >>> LINKS["softplus"].probabilities(z).round(3)
    array([0.139, 0.225, 0.636])
    """

    name: str
    formula: str
    log: Function
    slope: Function
    bend: Function

    def probabilities(self, z: FloatArray) -> FloatArray:
        """g(z_k) / sum_j g(z_j), along the last axis."""
        return np.asarray(softmax(self.log(z), axis=-1))

    def log_probabilities(self, z: FloatArray) -> FloatArray:
        """Their logs, in nats."""
        return np.asarray(log_softmax(self.log(z), axis=-1))

    def potential_gradient(self, z: FloatArray) -> FloatArray:
        """d log Z / dz_k = p_k u'(z_k)."""
        return self.probabilities(z) * self.slope(z)

    def loss_gradient(self, z: FloatArray, y: int) -> FloatArray:
        """p_k u'(z_k) - [k = y] u'(z_y)."""
        gradient = self.potential_gradient(z)
        gradient[y] -= self.slope(z)[y]
        return gradient

    def loss_hessian(self, z: FloatArray, y: int) -> FloatArray:
        """diag(p (u'' + u'^2)) - (p u')(p u')^T - [k = l = y] u''(z_y)."""
        p, slope, bend = self.probabilities(z), self.slope(z), self.bend(z)
        hessian = np.diag(p * (bend + slope**2)) - np.outer(p * slope, p * slope)
        hessian[y, y] -= bend[y]
        return hessian


@dataclass(frozen=True)
class Sparsemax:
    """The distribution nearest to the scores, argmin_p |p - z|^2, which is no link: many p are 0.

    Its loss is not the log loss, which would be infinite, but the Fenchel-Young loss of |p|^2 / 2,
    Omega*(z) - z_y + 1/2 with Omega*(z) = max_p (p . z - |p|^2 / 2): convex, with gradient p - y.

    Notes
    -----
    Source: Martins & Astudillo (2016), From softmax to sparsemax; Blondel, Martins & Niculae
    (2020), Learning with Fenchel-Young losses, section 4.

    Examples
    --------
    >>> Sparsemax().probabilities(np.array([0.1, 1.0, 1.4]))
    array([0. , 0.3, 0.7])
    """

    name: str = "sparsemax"

    def probabilities(self, z: FloatArray) -> FloatArray:
        """max(z_k - tau, 0), with the tau that makes them sum to one."""
        ranked = -np.sort(-z, axis=-1)
        sums = np.cumsum(ranked, axis=-1) - 1
        counts = np.arange(1, z.shape[-1] + 1)
        size = (ranked * counts > sums).sum(axis=-1, keepdims=True)  # of the support
        tau = np.take_along_axis(sums, size - 1, axis=-1) / size
        return np.asarray(np.maximum(z - tau, 0.0))

    def potential_gradient(self, z: FloatArray) -> FloatArray:
        """The gradient of Omega*, which is p."""
        return self.probabilities(z)

    def loss_gradient(self, z: FloatArray, y: int) -> FloatArray:
        """p_k - [k = y]."""
        gradient = self.probabilities(z)
        gradient[y] -= 1
        return gradient

    def loss_hessian(self, z: FloatArray, y: int) -> FloatArray:
        """The projection onto changes within the support that keep the sum."""
        support = (self.probabilities(z) > 0).astype(float)
        return np.asarray(np.diag(support) - np.outer(support, support) / support.sum())


def _softplus(z: FloatArray) -> FloatArray:
    return np.logaddexp(0.0, z)


def _softplus_slope(z: FloatArray) -> FloatArray:
    return np.asarray(expit(z) / _softplus(z))


def _one(z: FloatArray) -> FloatArray:
    return np.ones_like(z)


LINKS = {
    link.name: link
    for link in (
        Link("exp", "exp(z)", np.array, _one, np.zeros_like),
        Link(
            "softplus",
            "log(1 + exp(z))",
            lambda z: np.log(_softplus(z)),
            _softplus_slope,
            lambda z: _softplus_slope(z) * (expit(-z) - _softplus_slope(z)),
        ),
        Link(
            "power",
            f"z^2 + {FLOOR}",
            lambda z: np.log(z**2 + FLOOR),
            lambda z: 2 * z / (z**2 + FLOOR),
            lambda z: 2 * (FLOOR - z**2) / (z**2 + FLOOR) ** 2,
        ),
        Link(
            "relu",
            f"max(z, 0) + {FLOOR}",
            lambda z: np.log(np.maximum(z, 0) + FLOOR),
            lambda z: np.where(z > 0, 1 / (np.maximum(z, 0) + FLOOR), 0.0),
            lambda z: np.where(z > 0, -1 / (np.maximum(z, 0) + FLOOR) ** 2, 0.0),
        ),
        Link(
            "sigmoid",
            "1 / (1 + exp(-z))",
            lambda z: np.asarray(log_expit(z)),
            lambda z: np.asarray(expit(-z)),
            lambda z: np.asarray(-expit(z) * expit(-z)),
        ),
        Link(
            "taylor",
            "1 + z + z^2 / 2",
            lambda z: np.log1p(z + z**2 / 2),
            lambda z: (1 + z) / (1 + z + z**2 / 2),
            lambda z: -(z + z**2 / 2) / (1 + z + z**2 / 2) ** 2,
        ),
    )
}

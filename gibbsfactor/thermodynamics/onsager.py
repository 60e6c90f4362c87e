"""Onsager's exact solution of the infinite square Ising lattice, without a field, per spin.

With K = J / T; k = 2 sinh 2K / cosh^2 2K, whose complementary modulus is |q|, q = 2 tanh^2 2K - 1;
and K_1, E_1 the complete elliptic integrals of modulus k. At the critical temperature q is zero.

Source: Onsager (1944), Crystal statistics I; Yang (1952), The spontaneous magnetization of a
two-dimensional Ising model.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.integrate import quad
from scipy.special import ellipe, ellipkm1

FloatArray = npt.NDArray[np.float64]

ROUNDING = 1e-15  # |q| below which a temperature is the critical one


def critical_temperature(coupling: float = 1.0) -> float:
    """T_c = 2 J / log(1 + sqrt 2), where the infinite square lattice becomes magnetic.

    Parameters
    ----------
    coupling : float
        J > 0.

    Examples
    --------
    >>> round(critical_temperature(), 6)
    2.269185
    """
    _check_coupling(coupling)
    return 2 * coupling / math.log1p(math.sqrt(2))


def onsager_free_energy(temperature: npt.ArrayLike, coupling: float = 1.0) -> float | FloatArray:
    """Free energy per spin,

        -f / T = log(2 cosh 2K) + (1/pi) int_0^(pi/2) log[(1 + (1 - k^2 sin^2 w)^(1/2)) / 2] dw

    Parameters
    ----------
    temperature : float or array_like
        Above zero.
    coupling : float
        J > 0, in the unit of the temperature.

    Examples
    --------
    >>> round(onsager_free_energy(critical_temperature()), 6)
    -2.109651
    """
    T, K = _points(temperature, coupling)
    log_z = [_log_z_per_spin(k) for k in K.reshape(-1).tolist()]
    return _shaped(-T * np.reshape(log_z, T.shape))


def onsager_energy(temperature: npt.ArrayLike, coupling: float = 1.0) -> float | FloatArray:
    """Mean energy per spin, u = -J coth 2K [1 + (2/pi) q K_1]; -sqrt(2) J at T_c.

    Parameters
    ----------
    temperature, coupling
        As for `onsager_free_energy`.

    Examples
    --------
    >>> round(onsager_energy(2.0), 6)
    -1.745565
    """
    _, K = _points(temperature, coupling)
    q = _q(K)
    with np.errstate(invalid="ignore"):
        product = np.where(np.abs(q) < ROUNDING, 0.0, q * ellipkm1(q * q))  # q log |q| -> 0
    return _shaped(-coupling / np.tanh(2 * K) * (1 + 2 / np.pi * product))


def onsager_heat_capacity(temperature: npt.ArrayLike, coupling: float = 1.0) -> float | FloatArray:
    """Heat capacity per spin, in units of k_B; inf at T_c, where it diverges as -log |T - T_c|.

        c = (4/pi) (K coth 2K)^2 [K_1 - E_1 - (1 - tanh^2 2K) (pi/2 + q K_1)]

    Parameters
    ----------
    temperature, coupling
        As for `onsager_free_energy`.

    Examples
    --------
    >>> onsager_heat_capacity([2.0, critical_temperature(), 3.0]).round(6)
    array([0.724871,      inf, 0.40138 ])
    """
    _, K = _points(temperature, coupling)
    q = _q(K)
    first, second = ellipkm1(q * q), ellipe(1 - q * q)
    with np.errstate(invalid="ignore"):
        rest = first - second - (np.pi / 2 + q * first) / np.cosh(2 * K) ** 2
    rest = np.where(np.abs(q) < ROUNDING, math.inf, rest)
    return _shaped(4 / np.pi * (K / np.tanh(2 * K)) ** 2 * rest)


def onsager_magnetization(temperature: npt.ArrayLike, coupling: float = 1.0) -> float | FloatArray:
    """Spontaneous magnetization per spin, (1 - sinh(2K)^-4)^(1/8) below T_c, 0 from there on.

    Parameters
    ----------
    temperature, coupling
        As for `onsager_free_energy`.

    Examples
    --------
    >>> onsager_magnetization([1.0, 2.2, 2.3]).round(6)
    array([0.999276, 0.784755, 0.      ])
    """
    _, K = _points(temperature, coupling)
    with np.errstate(over="ignore"):
        inside = 1 - np.sinh(2 * K) ** -4.0
    return _shaped(np.maximum(inside, 0.0) ** 0.125)


def _log_z_per_spin(K: float) -> float:
    q2 = float(_q(np.array(K))) ** 2

    def integrand(w: float) -> float:  # 1 - k^2 sin^2 w, from the end at which it vanishes
        return math.log((1 + math.sqrt(math.sin(w) ** 2 + q2 * math.cos(w) ** 2)) / 2)

    middle = min(10 * math.sqrt(q2), 1.0)
    parts = [
        quad(integrand, a, b, epsabs=1e-14, epsrel=1e-14, limit=200)[0]
        for a, b in ((0.0, middle), (middle, math.pi / 2))
        if b > a
    ]
    return 2 * K + math.log1p(math.exp(-4 * K)) + math.fsum(parts) / math.pi


def _q(K: FloatArray) -> FloatArray:
    """2 tanh^2 2K - 1 = (sinh^2 2K - 1) / cosh^2 2K."""
    return np.asarray(2 * np.tanh(2 * K) ** 2 - 1)


def _points(temperature: npt.ArrayLike, coupling: float) -> tuple[FloatArray, FloatArray]:
    _check_coupling(coupling)
    T = np.asarray(temperature, dtype=np.float64)
    if not ((T > 0) & (math.inf > T)).all():
        raise ValueError(f"temperature is {temperature!r}; it must be positive and finite")
    return T, coupling / T


def _check_coupling(coupling: float) -> None:
    if not 0 < coupling < math.inf:
        raise ValueError(f"coupling is {coupling!r}; it must be positive and finite")


def _shaped(values: FloatArray) -> float | FloatArray:
    return values if np.ndim(values) else float(values)

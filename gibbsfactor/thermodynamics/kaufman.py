"""Kaufman's exact solution of the Ising model on a finite square lattice with periodic edges.

For m x n sites, K = J / T, without a field,

    Z = 1/2 (2 sinh 2K)^(mn/2) (P_1 + P_2 + P_3 + P_4)

    P_1 = prod_{l odd} 2 cosh(m g_l / 2)       P_3 = prod_{l even} 2 cosh(m g_l / 2)
    P_2 = prod_{l odd} 2 sinh(m g_l / 2)       P_4 = prod_{l even} 2 sinh(m g_l / 2)

over l = 0 .. 2n - 1, with g_0 = 2K + log tanh K, which is negative above the critical temperature,
and P_4 with it, and g_l > 0 for l > 0,

    cosh g_l = cosh^2 2K / sinh 2K - cos(pi l / n)

Here it is computed from s = sinh 2K, c = cosh 2K, t = pi l / n by

    A_l = c^2 - s cos t                    A_l - s = (s - 1)^2 + 2 s sin^2(t/2)
    B_l = ((A_l - s) (A_l + s))^(1/2)      B_0 = c |s - 1|

    e^(a_l) = 2 s e^(g_l) = 2 (A_l + B_l)      e^(-g_l) = s / (A_l + B_l)

so that each factor with its share of the power in front is e^(m a_l / 2) (1 +- e^(-m g_l)): all
terms stay finite as K -> 0, and none is a difference of near numbers.

Source: Kaufman (1949), Crystal statistics II; Ferdinand & Fisher (1969), Bounded and inhomogeneous
Ising models I.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gibbsfactor.thermodynamics.jets import Jet

FloatArray = npt.NDArray[np.float64]

FROZEN = 50.0  # K from which whatever is not all up or all down weighs less than e^(-200)


def kaufman_log_partition(m: int, n: int, K: npt.ArrayLike) -> float | FloatArray:
    """log Z of the m x n Ising lattice with periodic edges, without a field, in nats.

    Parameters
    ----------
    m, n : int
        Sites along the two axes, at least 1, counted as `ising` does: sides of 2 have double bonds.
    K : float or array_like
        J / T, the coupling over the temperature; zero or positive. Below zero only where both sides
        are even: the lattice is then the same with every other spin turned.

    Returns
    -------
    float, or array of the shape of K

    Raises
    ------
    ValueError
        If a side is not a whole number of at least 1, K is not finite, or it is negative and a side
        is odd.

    Examples
    --------
    >>> round(kaufman_log_partition(1, 2, 0.5), 6)  # log(2 e^(4K) + 2), two self-bonds among four
    2.820075
    >>> kaufman_log_partition(10, 10, [0.0, 0.4]).round(6)
    array([69.314718, 88.187701])
    """
    return _shaped(K, _moments(m, n, K)[0])


def kaufman_energy(
    m: int, n: int, temperature: npt.ArrayLike, coupling: float = 1.0
) -> float | FloatArray:
    """Mean energy U = -J d log Z / dK of the m x n lattice, all sites together.

    Parameters
    ----------
    m, n : int
    temperature : float or array_like
    coupling : float
        J, in the unit of the temperature.

    Examples
    --------
    >>> round(kaufman_energy(4, 4, 2.0), 6)
    -28.086085
    """
    T = _temperatures(temperature)
    return _shaped(T, -coupling * _moments(m, n, coupling / T)[1])


def kaufman_heat_capacity(
    m: int, n: int, temperature: npt.ArrayLike, coupling: float = 1.0
) -> float | FloatArray:
    """Heat capacity C = K^2 d^2 log Z / dK^2 of the m x n lattice, all sites together, k_B = 1.

    Parameters
    ----------
    m, n : int
    temperature : float or array_like
    coupling : float
        J, in the unit of the temperature.

    Examples
    --------
    >>> round(kaufman_heat_capacity(4, 4, 2.5), 6)
    13.000244
    """
    T = _temperatures(temperature)
    K = coupling / T
    return _shaped(T, np.square(K) * _moments(m, n, K)[2])


def _shaped(like: npt.ArrayLike, values: FloatArray) -> float | FloatArray:
    return values.reshape(np.shape(like)) if np.ndim(like) else float(values[0])


def _temperatures(given: npt.ArrayLike) -> FloatArray:
    T = np.asarray(given, dtype=np.float64)
    if not ((T > 0) & (math.inf > T)).all():
        raise ValueError(f"temperature is {given!r}; it must be positive and finite")
    return T


def _moments(m: int, n: int, given: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log Z and its first two derivatives by K, at every K."""
    for side in (m, n):
        if isinstance(side, bool) or not isinstance(side, int | np.integer) or side < 1:
            raise ValueError(f"a side is {side!r}; it must be a whole number of at least 1")
    K = np.asarray(given, dtype=np.float64).reshape(-1)
    if not np.isfinite(K).all():
        raise ValueError(f"K is {given!r}; it must be finite")
    if (K < 0).any() and (m % 2 or n % 2):
        raise ValueError(
            f"K is negative ({K.min():g}) and the lattice {m} x {n}; Kaufman's formula is for "
            "couplings of at least 0, or lattices of even sides"
        )
    size = np.abs(K)
    free, frozen = size == 0, size > FROZEN
    values = np.empty((3, len(K)))
    values[:, free] = np.array(_free(m, n))[:, None]
    values[0, frozen] = 2 * m * n * size[frozen] + math.log(2)  # all up, or all down
    values[1:, frozen] = np.array([2.0 * m * n, 0.0])[:, None]
    rest = ~free & ~frozen
    if rest.any():
        log_z = _log_partition(m, n, size[rest])
        values[:, rest] = log_z.value, log_z.first, log_z.second
    return values[0], np.where(K < 0, -values[1], values[1]), values[2]


def _free(m: int, n: int) -> tuple[float, float, float]:
    """Spins that do not feel each other, K = 0: the second derivative is the variance of the bonds.

    A bond of a site to itself is constant, one that is there twice counts four times.
    """
    to_itself = m * n * ((m == 1) + (n == 1))
    variance = m * n * ({1: 0, 2: 2}.get(m, 1) + {1: 0, 2: 2}.get(n, 1))
    return m * n * math.log(2), to_itself, variance


def _log_partition(m: int, n: int, K: FloatArray) -> Jet:
    """log Z from the four products."""
    c, s = np.cosh(2 * K), np.sinh(2 * K)
    cosh, sinh = Jet(c, 2 * s, 4 * c), Jet(s, 2 * c, 4 * s)
    exponents = []
    for start in (1, 2):  # l = 1, 3, .. and 2, 4, ..: l = 0 comes below
        logs, power = _factors(m, cosh, sinh, np.arange(start, 2 * n, 2) * math.pi / n)
        exponents += [logs + (power + 1).log().sum(), logs + (1 - power).log().sum()]
    sign = np.where(s >= 1, 1.0, -1.0)  # of g_0; |g_0| is taken, as in the others
    root = cosh * (sinh - 1) * sign
    whole = cosh * cosh - sinh + root
    log_0 = whole.log() * (m / 2) + m / 2 * math.log(2)
    power = ((sinh / whole).log() * m).exp()
    shift = np.max([e.value for e in (*exponents[:2], exponents[2] + log_0)], axis=0)
    products = [(e - shift).exp() for e in exponents[:2]]
    products += [(exponents[2] + log_0 - shift).exp() * (power + 1)]
    products += [(exponents[3] + log_0 - shift).exp() * (1 - power) * sign]
    total = products[0] + products[1] + products[2] + products[3]
    log_z = total.log()
    return Jet(log_z.value + shift - math.log(2), log_z.first, log_z.second)


def _factors(m: int, cosh: Jet, sinh: Jet, angles: FloatArray) -> tuple[Jet, Jet]:
    """sum_l m a_l / 2 and the powers e^(-m g_l) of the modes at these angles: (modes, R)."""
    t = angles[:, None]
    below = (sinh - 1) * (sinh - 1) + sinh * (2 * np.sin(t / 2) ** 2)  # A - s
    whole = below + sinh + (below * (below + sinh * 2)).sqrt()  # A + B
    logs = (whole.log() * (m / 2) + m / 2 * math.log(2)).sum()
    return logs, ((sinh / whole).log() * m).exp()

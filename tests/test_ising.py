"""The Ising model: the exact engine against Kaufman's and Onsager's solutions, and enumeration."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from gibbsfactor import IntractableError
from gibbsfactor.thermodynamics import (
    critical_temperature,
    ising,
    kaufman_energy,
    kaufman_heat_capacity,
    kaufman_log_partition,
    onsager_energy,
    onsager_free_energy,
    onsager_heat_capacity,
    onsager_magnetization,
)

T_C = critical_temperature()
ALL_SIDES = list(product(range(1, 11), repeat=2))


def enumerated(shape, J, h, T, periodic):
    """log Z by listing all spins, every bond written down from the definition."""
    sites = list(product(*map(range, shape)))
    number = {site: i for i, site in enumerate(sites)}
    s = np.array(list(product([-1, 1], repeat=len(sites))))
    E = -h * s.sum(axis=1)
    for site in sites:
        for axis, side in enumerate(shape):
            onward = list(site)
            onward[axis] += 1
            if onward[axis] == side:
                if not periodic[axis]:
                    continue
                onward[axis] = 0
            E = E - J * s[:, number[site]] * s[:, number[tuple(onward)]]
    w = -E / T
    return w.max() + math.log(np.exp(w - w.max()).sum())


@pytest.mark.parametrize(
    ("shape", "periodic"),
    [
        ((5,), (True,)),
        ((6,), (False,)),
        ((1,), (True,)),
        ((2,), (True,)),
        ((3, 4), (True, True)),
        ((3, 4), (True, False)),
        ((3, 3), (False, False)),
        ((1, 4), (True, True)),
        ((2, 2), (True, True)),
        ((2, 2, 3), (True, True, False)),
        ((2, 1, 2, 2), (False, True, True, False)),
    ],
)
def test_lattices_of_any_dimension(shape, periodic):
    for J, h, T in ((1.0, 0.0, 2.0), (-0.7, 0.4, 1.1), (1.3, -2.0, 5.0)):
        p = ising(shape, J, h, periodic=periodic, temperature=T)
        want = enumerated(shape, J, h, T, periodic)
        assert p.log_partition() == pytest.approx(want, rel=1e-13)
    bonds = sum(
        math.prod(shape) // side * (side if around else side - 1)
        for side, around in zip(shape, periodic, strict=True)
    )
    up = dict.fromkeys(p.names, 1)
    assert p.energy(up) == pytest.approx(-1.3 * bonds + 2.0 * math.prod(shape), rel=1e-14)


# ---- Kaufman -------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [1.0, T_C, 4.0])
def test_every_lattice_up_to_ten_by_ten_equals_kaufman(T):
    """The bar is 1e-10; both sides are exact to rounding."""
    worst = 0.0
    for m, n in ALL_SIDES:
        got = ising((m, n), temperature=T).log_partition()
        worst = max(worst, abs(got / kaufman_log_partition(m, n, 1 / T) - 1))
    assert worst < 1e-13


@pytest.mark.parametrize("T", [0.05, 0.7, 2.0, T_C, 3.0, 30.0, 1e6])
def test_energy_and_heat_capacity_equal_kaufman(T):
    for m, n in [*product(range(1, 6), repeat=2), (3, 8), (8, 8)]:
        p = ising((m, n), temperature=T)
        assert p.mean_energy() == pytest.approx(kaufman_energy(m, n, T), rel=1e-11, abs=1e-11)
        want = kaufman_heat_capacity(m, n, T)
        assert p.heat_capacity() == pytest.approx(want, rel=1e-10, abs=1e-10)


def test_kaufman_by_enumeration_and_by_symmetry():
    for m, n, K in ((3, 4, 0.2), (4, 3, 0.9), (2, 5, 0.44), (1, 7, 0.6)):
        want = enumerated((m, n), 1.0, 0.0, 1 / K, (True, True))
        assert kaufman_log_partition(m, n, K) == pytest.approx(want, rel=1e-13)
    K = np.array([1e-12, 0.1, 1 / T_C, 1.0, 100.0, 200.0])
    np.testing.assert_allclose(
        kaufman_log_partition(17, 30, K), kaufman_log_partition(30, 17, K), rtol=1e-13
    )
    assert kaufman_log_partition(10, 20, 0.0) == pytest.approx(200 * math.log(2), rel=1e-15)
    assert kaufman_log_partition(3, 3, 200.0) == pytest.approx(3600 + math.log(2), rel=1e-15)
    assert kaufman_energy(4, 4, 2.0, -1.0) == kaufman_energy(4, 4, 2.0)
    mirrored = ising((4, 4), coupling=-1.0, temperature=2.0)
    assert mirrored.log_partition() == pytest.approx(kaufman_log_partition(4, 4, -0.5), rel=1e-13)


@pytest.mark.parametrize("m", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_kaufman_at_zero_coupling_is_the_limit(m, n):
    hot = ising((m, n), temperature=1e9)
    self_bonds = m * n * ((m == 1) + (n == 1))
    assert kaufman_energy(m, n, 1e9, 0.0) == 0
    assert -hot.mean_energy() == pytest.approx(self_bonds, abs=1e-6)
    from gibbsfactor.thermodynamics.kaufman import _moments

    zero, near = _moments(m, n, [0.0]), _moments(m, n, [1e-5])
    for at_zero, nearby in zip(zero, near, strict=True):
        assert at_zero[0] == pytest.approx(nearby[0], rel=1e-3, abs=2e-3)
    assert zero[2][0] == pytest.approx(hot.energy_variance(), rel=1e-6)


def test_kaufman_derivatives_by_differences():
    h = 1e-4
    for m, n in ((2, 3), (7, 7), (1, 4)):
        for K in (0.2, 1 / T_C, 0.9):
            T = 1 / K

            def log_z(k, m=m, n=n):
                return kaufman_log_partition(m, n, k)

            slope = (log_z(K + h) - log_z(K - h)) / (2 * h)
            bend = (log_z(K + h) - 2 * log_z(K) + log_z(K - h)) / h**2
            assert kaufman_energy(m, n, T) == pytest.approx(-slope, rel=1e-5, abs=1e-6)
            assert kaufman_heat_capacity(m, n, T) == pytest.approx(K**2 * bend, rel=1e-4, abs=1e-4)


# ---- Onsager -------------------------------------------------------------------------------


def test_onsager_is_the_limit_of_kaufman():
    for T in (1.5, 2.1, 2.5, 4.0, 20.0):
        n = 400
        log_2 = math.log(2) if T < T_C else 0.0  # up and down
        per_spin = (kaufman_log_partition(n, n, 1 / T) - log_2) / n**2
        assert onsager_free_energy(T) == pytest.approx(-T * per_spin, rel=1e-11)
        assert onsager_energy(T) == pytest.approx(kaufman_energy(n, n, T) / n**2, rel=1e-9)
        want = kaufman_heat_capacity(n, n, T) / n**2
        assert onsager_heat_capacity(T) == pytest.approx(want, rel=1e-8)


def test_onsager_at_the_critical_point():
    catalan = 0.915965594177219015
    assert critical_temperature(2.0) == 2 * T_C == pytest.approx(4.538370628426042, rel=1e-15)
    assert math.sinh(2 / T_C) == pytest.approx(1, rel=1e-15)
    want = -T_C * (math.log(2) / 2 + 2 * catalan / math.pi)
    assert onsager_free_energy(T_C) == pytest.approx(want, rel=1e-14)
    assert onsager_energy(T_C) == pytest.approx(-math.sqrt(2), rel=1e-14)
    assert onsager_heat_capacity(T_C) == math.inf
    # Onsager's amplitude: c = -(2/pi) log(1 + sqrt 2)^2 log|1 - T/T_c| + ...
    amplitude = 2 / math.pi * math.log(1 + math.sqrt(2)) ** 2
    low, high = onsager_heat_capacity(T_C * (1 + np.array([1e-6, 1e-8])))
    assert (high - low) / math.log(100) == pytest.approx(amplitude, rel=1e-4)
    assert onsager_magnetization([T_C, T_C + 0.1]).tolist() == pytest.approx([0, 0], abs=0.02)


def test_onsager_obeys_thermodynamics():
    h = 1e-4
    for T in (0.9, 2.0, T_C - 0.02, T_C + 0.02, 5.0):
        slope = (onsager_free_energy(T + h) - onsager_free_energy(T - h)) / (2 * h)
        assert onsager_energy(T) == pytest.approx(onsager_free_energy(T) - T * slope, rel=1e-6)
        slope = (onsager_energy(T + h) - onsager_energy(T - h)) / (2 * h)
        assert onsager_heat_capacity(T) == pytest.approx(slope, rel=1e-4)
    np.testing.assert_allclose(
        onsager_energy([2.0, 4.0], coupling=2.0), 2 * onsager_energy([1.0, 2.0]), rtol=1e-13
    )


def test_specific_heat_peaks_near_the_critical_point():
    """Ferdinand & Fisher: the peak of an n x n torus lies above T_c, by 0.36 T_c / n, and grows."""
    T = np.linspace(2.2, 2.7, 126)
    peaks = {}
    for n in (4, 6, 8):
        C = ising((n, n)).curve(T).heat_capacity / n**2
        np.testing.assert_allclose(C, kaufman_heat_capacity(n, n, T) / n**2, rtol=1e-10)
        peaks[n] = T[C.argmax()], C.max()
    assert peaks[4][0] > peaks[6][0] > peaks[8][0] > T_C
    assert peaks[4][1] < peaks[6][1] < peaks[8][1]
    large = kaufman_heat_capacity(64, 64, T)
    assert 64 * (T[large.argmax()] / T_C - 1) == pytest.approx(0.36, abs=0.06)


def test_magnetization_is_the_pressure_of_the_field():
    p = ising((4, 4), field=0.2, temperature=2.0)
    spins = sum(p.expectation(name, [-1, 1]) for name in p.names)
    assert p.pressure("field") == pytest.approx(spins, rel=1e-13)
    assert p.with_parameters(field=0.0).pressure("field") == pytest.approx(0, abs=1e-13)
    assert p.pressure("coupling") == pytest.approx(-(p.mean_energy() + 0.2 * spins), rel=1e-12)
    held = ising((12, 8), temperature=1.8, periodic=False)
    edge = {f"s0_{j}": 1 for j in range(8)} | {f"s11_{j}": 1 for j in range(8)}
    inside = held.condition(edge).expectation("s6_4", [-1, 1])
    assert inside == pytest.approx(onsager_magnetization(1.8), abs=0.05)


# ---- mistakes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ising((3, 0)), r"shape is \(3, 0\); it has the sites along each axis"),
        (lambda: ising((2.5, 2)), r"whole numbers of at least 1"),
        (lambda: ising(()), r"shape is empty"),
        (lambda: ising((3, 3), periodic=[True]), r"periodic has 1 entries for the 2 axes"),
        (
            lambda: kaufman_log_partition(3, 3, -0.1),
            r"K is negative \(-0.1\) and the lattice 3 x 3",
        ),
        (lambda: kaufman_log_partition(0, 3, 0.1), r"a side is 0; it must be a whole number"),
        (lambda: kaufman_log_partition(2, 3, math.nan), r"K is nan; it must be finite"),
        (lambda: kaufman_energy(2, 3, 0.0), r"temperature is 0.0; it must be positive"),
        (lambda: onsager_energy(-1.0), r"temperature is -1.0; it must be positive"),
        (lambda: onsager_energy(1.0, coupling=-1.0), r"coupling is -1.0; it must be positive"),
        (lambda: critical_temperature(0.0), r"coupling is 0.0"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_lattice_too_large_says_so():
    with pytest.raises(IntractableError, match=r"exact inference would take"):
        ising((40, 40), memory=2**28).heat_capacity()

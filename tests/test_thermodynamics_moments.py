"""The sweep that carries moments along: large numbers, little memory, rows that differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference import Model
from strategies import build, random_model

from gibbsfactor import Factor, GibbsDistribution, IntractableError, Variable, ZeroProbabilityError
from gibbsfactor.exact.prepared import plan_for
from gibbsfactor.thermodynamics import BoltzmannDistribution, ising
from gibbsfactor.thermodynamics.moments import SHARE, log_weight_moments


def enumerated(model: Model) -> tuple[float, float]:
    """Mean and variance of the log weight."""
    f = np.where(model.joint > 0, model.log_weights, 0.0)
    mean = math.fsum((model.joint * f).ravel())
    return mean, math.fsum((model.joint * (f - mean) ** 2 * (model.joint > 0)).ravel())


@pytest.mark.parametrize("memory", [None, 600])  # bytes: in slices
@pytest.mark.parametrize("extreme", [False, True])
def test_seeded_models(extreme, memory):
    rng = np.random.default_rng(20)
    sliced = 0
    for _ in range(200):
        model = random_model(rng, extreme)
        if not model.support_size:
            continue
        p = build(model, memory=memory)
        plan = plan_for(p._network)
        sliced += not plan.fits(None if memory is None else memory // SHARE, "marginals")
        try:
            got = log_weight_moments(p._network, memory)
        except IntractableError:
            assert memory is not None
            continue
        mean, variance = enumerated(model)
        scale = 1 + model.scale
        shared = math.fsum(p._network.log_shared)  # the moments are those below the peaks
        assert got.log_partition[0] + shared == pytest.approx(model.log_z, abs=1e-13 * scale)
        assert got.mean[0] + shared == pytest.approx(mean, abs=1e-12 * scale)
        assert got.variance[0] == pytest.approx(variance, rel=1e-9, abs=1e-15 * scale**2)
    assert memory is None or sliced > 20


def test_slices_give_what_one_run_gives():
    whole = ising((7, 7), field=0.1, temperature=2.4)
    plan = plan_for(whole._network)
    small = ising((7, 7), field=0.1, temperature=2.4, memory=plan.marginals_bytes // 4 * SHARE)
    assert small.heat_capacity() == pytest.approx(whole.heat_capacity(), rel=1e-12)
    assert small.mean_energy() == pytest.approx(whole.mean_energy(), rel=1e-13)
    curve = small.curve([2.4, 3.0], pressures="field")
    assert curve.heat_capacity[0] == pytest.approx(whole.heat_capacity(), rel=1e-12)
    assert curve.pressures["field"][0] == pytest.approx(whole.pressure("field"), rel=1e-12)
    with pytest.raises(IntractableError, match=r"but the budget is 25 bytes"):
        ising((7, 7), memory=100).heat_capacity()


def test_points_one_by_one_and_together(monkeypatch):
    from gibbsfactor.thermodynamics import curves

    p = ising((4, 5), field=0.3)
    T = np.linspace(0.01, 9, 30)  # at the low end weights differ by thousands of nats
    together = p.curve(T, field=np.linspace(-1, 1, 30), pressures=["field", "coupling"])
    monkeypatch.setattr(curves, "CHEAP", 0.0)
    alone = p.curve(T, field=np.linspace(-1, 1, 30), pressures=["field", "coupling"])
    for name in ("log_partition", "mean_energy", "entropy", "heat_capacity", "energy_variance"):
        np.testing.assert_allclose(
            getattr(together, name), getattr(alone, name), rtol=1e-11, atol=1e-11
        )
    for name in ("field", "coupling"):
        np.testing.assert_allclose(together.pressures[name], alone.pressures[name], atol=1e-11)
    assert (together.heat_capacity >= 0).all()


def test_frozen_frustrated_spins():
    """An odd ring of antiferromagnets: 2n ground states of energy 2 - n, the next 4 above."""
    n, T = 7, 0.05
    ring = ising(n, coupling=-1.0, temperature=T)
    assert ring.mean_energy() == pytest.approx(2 - n, rel=1e-14)
    assert ring.entropy() == pytest.approx(math.log(2 * n), rel=1e-12)
    # states with three bonds unsatisfied: 2 * C(7, 3) = 70
    want = 70 / 14 * (4 / T) ** 2 * math.exp(-4 / T)
    assert ring.heat_capacity() == pytest.approx(want, abs=1e-12)
    assert ring.at_temperature(0.4).heat_capacity() == pytest.approx(_two_shells(7, 0.4), rel=1e-12)


def _two_shells(n: int, T: float) -> float:
    """Heat capacity of the odd ring from the numbers of states with 1, 3, ... unsatisfied bonds."""
    count = np.arange(1, n + 1, 2)
    log_w = np.log([2 * math.comb(n, k) for k in count.tolist()]) - 2 * count / T
    p = np.exp(log_w - log_w.max())
    p /= p.sum()
    E = 2.0 * count
    return float((p * (E - p @ E) ** 2).sum() / T**2)


def test_numbers_without_a_square():
    p = BoltzmannDistribution.of(GibbsDistribution(Factor.from_log(Variable("x", 2), [0, -1e200])))
    with pytest.raises(OverflowError, match=r"go up to 1e\+200; their variance is known up to"):
        p.heat_capacity()


def test_no_mass_names_the_rows():
    x, y = Variable("x", 2), Variable("y", 2)
    p = GibbsDistribution([Factor(x, [1, 0]), Factor([x, y], [[0, 0], [1, 2]])])
    with pytest.raises(ZeroProbabilityError, match=r"there is no mean or variance"):
        log_weight_moments(p._network)

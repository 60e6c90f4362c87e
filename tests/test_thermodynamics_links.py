"""Which laws each link keeps: exp all of them, no other any of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from gibbsfactor.thermodynamics import LINKS, Link, LinkLaws, Sparsemax, link_laws

LAWS = list(LinkLaws.__dataclass_fields__)
OTHERS = sorted(set(LINKS) - {"exp"})

FORMULAS = {
    "exp": np.exp,
    "softplus": lambda z: np.log1p(np.exp(z)),
    "power": lambda z: z**2 + 0.1,
    "relu": lambda z: np.maximum(z, 0) + 0.1,
    "sigmoid": expit,
    "taylor": lambda z: 1 + z + z**2 / 2,
}


def numeric_gradient(f, z, h=1e-5):
    return np.array([(f(z + h * e) - f(z - h * e)) / (2 * h) for e in np.eye(len(z))])


@pytest.mark.parametrize("law", LAWS)
def test_exp_keeps_every_law(law):
    assert getattr(link_laws(LINKS["exp"], rng=0), law) < 1e-12


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_keeps_any(name):
    found = vars(link_laws(LINKS[name], rng=0))
    assert min(found.values()) > 0.03, found


def test_another_base_is_another_temperature():
    """2^z keeps all but the scale of the gradient: p_k log 2."""
    two = Link(
        "two",
        "2^z",
        lambda z: z * math.log(2),
        lambda z: np.full_like(z, math.log(2)),
        np.zeros_like,
    )
    found = vars(link_laws(two, rng=0))
    broken = {law for law, off in found.items() if off > 1e-12}
    assert broken == {"marginals", "residual"}


def test_sparsemax_keeps_those_that_its_own_loss_gives_it():
    found = vars(link_laws(Sparsemax(), rng=0))
    assert {law for law, off in found.items() if off < 1e-12} == {
        "shift",
        "marginals",
        "residual",
        "convexity",
    }
    assert found["sufficiency"] == math.inf


@pytest.mark.parametrize("name", sorted(LINKS))
def test_links_and_their_derivatives(name):
    link, g = LINKS[name], FORMULAS[name]
    rng = np.random.default_rng(3)
    for _ in range(20):
        z = 2 * rng.standard_normal(4)
        np.testing.assert_allclose(link.probabilities(z), g(z) / g(z).sum(), rtol=1e-12)
        np.testing.assert_allclose(
            np.exp(link.log_probabilities(z)), link.probabilities(z), rtol=1e-12
        )
        np.testing.assert_allclose(
            link.potential_gradient(z),
            numeric_gradient(lambda x: math.log(g(x).sum()), z),
            atol=1e-7,
        )
        loss = numeric_gradient(lambda x: -link.log_probabilities(x)[1], z)
        np.testing.assert_allclose(link.loss_gradient(z, 1), loss, atol=1e-7)
        hessian = numeric_gradient(lambda x: link.loss_gradient(x, 1), z)
        np.testing.assert_allclose(link.loss_hessian(z, 1), hessian, atol=1e-6)


def test_scores_far_out():
    z = np.array([-800.0, 0.0, 800.0])
    for name in ("exp", "sigmoid", "taylor"):
        p = LINKS[name].probabilities(z)
        assert np.isfinite(p).all()
        assert p.sum() == pytest.approx(1)


def test_sparsemax_is_the_nearest_distribution():
    rng = np.random.default_rng(5)
    rule = Sparsemax()
    for _ in range(50):
        z = 2 * rng.standard_normal(5)
        p = rule.probabilities(z)
        assert p.min() >= 0
        assert p.sum() == pytest.approx(1, rel=1e-14)
        others = rng.dirichlet(np.ones(5), 200)
        assert ((p - z) ** 2).sum() <= ((others - z) ** 2).sum(axis=1).min() + 1e-12

        def loss(x):
            q = rule.probabilities(x)
            return q @ x - q @ q / 2 - x[2] + 0.5

        np.testing.assert_allclose(rule.loss_gradient(z, 2), numeric_gradient(loss, z), atol=1e-5)
        assert loss(z) >= -1e-12


def test_the_same_seed_gives_the_same_numbers():
    assert link_laws(LINKS["relu"], 20, rng=4) == link_laws(LINKS["relu"], 20, rng=4)
    with pytest.raises(ValueError, match=r"draws is 0; it must be a whole number of at least 1"):
        link_laws(LINKS["relu"], 0)

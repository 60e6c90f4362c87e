"""Losses of log-linear models: against enumeration, finite differences and linear chains."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from reference import Model, Table

from gibbsfactor.learning.log_linear.cliques import Cases, Structure, TiedCliques
from gibbsfactor.learning.log_linear.loss import LogLinearLoss
from gibbsfactor.learning.log_linear.pseudo_likelihood import PseudoLikelihoodLoss

CHAIN = [(t, t + 1) for t in range(5)]
TREE = [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5)]
SKIP = [*CHAIN, (0, 4), (1, 5)]
GRID = [
    (3 * i + j, 3 * i + j + step)
    for i, j in product(range(3), range(3))
    for step in (1, 3)
    if (step == 1 and j < 2) or (step == 3 and i < 2)
]
GRAPHS = {"chain": (6, CHAIN), "tree": (6, TREE), "grid": (9, GRID), "skip-chain": (6, SKIP)}


def problem(name, hidden, rng, n_inputs=3, k=2):
    """Inputs of one graph each: unary cliques with features, pairs with and without."""
    n, edges = GRAPHS[name]
    inputs = np.repeat(np.arange(n_inputs), n)
    nodes = TiedCliques(
        inputs, np.tile(np.arange(n), n_inputs)[:, None], (k,), rng.normal(size=(n * n_inputs, 3))
    )
    pairs = np.tile(edges, (n_inputs, 1))
    owner = np.repeat(np.arange(n_inputs), len(edges))
    tied = TiedCliques(owner, pairs, (k, k))
    seeing = TiedCliques(
        owner, pairs, (k, k), rng.normal(size=(len(owner), 2)), np.eye(k).reshape(-1, 1)
    )
    structure = Structure(np.full(n_inputs, n), np.full(n * n_inputs, k), [nodes, tied, seeing])
    codes = rng.integers(0, k, n * n_inputs)
    if hidden:
        codes[rng.random(len(codes)) < 0.4] = -1
    cases = Cases(np.arange(n_inputs), codes, rng.uniform(0.5, 2.0, n_inputs))
    return structure, cases


def models(structure, weights):
    """The same factors, input by input, for enumeration."""
    for u in range(structure.n_inputs):
        first, size = structure.first[u], structure.sizes[u]
        states = {f"v{i}": tuple(range(structure.cardinalities[first + i])) for i in range(size)}
        tables = []
        for cliques, part in zip(structure.cliques, structure.parts(weights), strict=True):
            logs = cliques.scores(part)
            for c in np.flatnonzero(cliques.inputs == u):
                values = logs[c if len(logs) > 1 else 0].reshape(cliques.shape)
                tables.append(Table(tuple(f"v{i}" for i in cliques.members[c]), values))
        yield Model(states, tables)


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("name", GRAPHS)
def test_loss_is_the_difference_of_two_enumerated_log_zs(name, hidden):
    rng = np.random.default_rng(3)
    structure, cases = problem(name, hidden, rng)
    weights = rng.normal(size=structure.weight_bounds[-1])
    loss, _ = LogLinearLoss(structure, cases, c2=0.3)(weights)
    expected = 0.3 * weights @ weights
    for u, model in enumerate(models(structure, weights)):
        codes = cases.codes[structure.first[u] : structure.first[u + 1]]
        known = {f"v{i}": int(c) for i, c in enumerate(codes) if c >= 0}
        expected += cases.weights[u] * (model.log_z - model.given(known).log_z)
    assert loss == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("name", GRAPHS)
def test_gradient_is_the_finite_difference(name, hidden):
    rng = np.random.default_rng(5)
    structure, cases = problem(name, hidden, rng, k=3)
    weights = rng.normal(size=structure.weight_bounds[-1])
    losses = [LogLinearLoss(structure, cases, c2=0.1)]
    if not hidden:
        losses.append(PseudoLikelihoodLoss(structure, cases, c2=0.1))
    for loss in losses:
        _, gradient = loss(weights)
        step = 1e-5
        numeric = [
            (loss(weights + step * e)[0] - loss(weights - step * e)[0]) / (2 * step)
            for e in np.eye(len(weights))
        ]
        assert np.abs(gradient - numeric).max() < 1e-6  # a central difference is good to 1e-9


def test_pseudo_likelihood_is_each_label_given_the_others():
    rng = np.random.default_rng(1)
    structure, cases = problem("skip-chain", False, rng, k=3)
    weights = rng.normal(size=structure.weight_bounds[-1])
    loss, _ = PseudoLikelihoodLoss(structure, cases)(weights)
    expected = 0.0
    for u, model in enumerate(models(structure, weights)):
        x = {f"v{i}": int(c) for i, c in enumerate(cases.codes[6 * u : 6 * u + 6])}
        for name in x:
            others = {v: s for v, s in x.items() if v != name}
            given = model.given(others).log_z - model.log_weight(x)
            expected += cases.weights[u] * given
    assert loss == pytest.approx(expected, abs=1e-10)


def test_pseudo_likelihood_wants_every_label():
    structure, cases = problem("chain", True, np.random.default_rng(0))
    n = int((cases.codes < 0).sum())
    with pytest.raises(ValueError, match=f"{n} labels are not known"):
        PseudoLikelihoodLoss(structure, cases)


def test_weights_beyond_all_numbers_are_an_infinite_loss():
    structure, cases = problem("chain", False, np.random.default_rng(0))
    for loss in (LogLinearLoss(structure, cases), PseudoLikelihoodLoss(structure, cases)):
        value, _ = loss(np.full(structure.weight_bounds[-1], 1e308))
        assert value == np.inf


@pytest.mark.parametrize("memory", [None, 4096])
def test_slices_change_nothing(memory):
    """A grid too wide for the budget is conditioned on some labels in turn."""
    rng = np.random.default_rng(2)
    n = 7
    numbers = np.arange(n * n).reshape(n, n)
    edges = np.concatenate(
        [
            np.stack([numbers[:, :-1].ravel(), numbers[:, 1:].ravel()], 1),
            np.stack([numbers[:-1].ravel(), numbers[1:].ravel()], 1),
        ]
    )
    nodes = TiedCliques(
        np.zeros(n * n, int), np.arange(n * n)[:, None], (2,), rng.normal(size=(n * n, 2))
    )
    pairs = TiedCliques(np.zeros(len(edges), int), edges, (2, 2))
    structure = Structure(np.array([n * n]), np.full(n * n, 2), [nodes, pairs])
    codes = rng.integers(0, 2, n * n)
    codes[::5] = -1
    cases = Cases(np.zeros(1, int), codes, np.ones(1))
    weights = rng.normal(size=structure.weight_bounds[-1])
    loss, gradient = LogLinearLoss(structure, cases, memory=memory)(weights)
    whole, slope = LogLinearLoss(structure, cases, memory=2**30)(weights)
    assert loss == pytest.approx(whole, rel=1e-12)
    assert np.allclose(gradient, slope, rtol=1e-9, atol=1e-11)

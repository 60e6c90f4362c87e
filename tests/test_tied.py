"""Many graphs tied to one vector of log weights, against enumeration of each."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import Model, Table
from strategies import models

from gibbsfactor import ZeroProbabilityError
from gibbsfactor.exact.tied import TiedGraphs, TiedTables


@st.composite
def several(draw, with_mass=True):
    """Models in some order: nine of one structure are rows, fewer are side by side."""
    kinds = draw(st.lists(models(with_mass=with_mass), min_size=1, max_size=4))
    copies = [draw(st.sampled_from([1, 1, 2, 9])) for _ in kinds]
    return draw(st.permutations([m for m, n in zip(kinds, copies, strict=True) for _ in range(n)]))


def tied(given_models, memory=None):
    """The graphs, and theta: copies of a model lie at the same positions, so that they are tied."""
    kinds: dict[tuple[int, ...], list] = {}
    first: dict[int, int] = {}
    theta: list[float] = []
    for g, model in enumerate(given_models):
        if id(model) not in first:
            first[id(model)] = len(theta)
            for table in model.tables:
                theta += table.logs.ravel().tolist()
        base = first[id(model)]
        for table in model.tables:
            shape = table.logs.shape
            scope = [model.names.index(name) for name in table.scope]
            kinds.setdefault(shape, []).append((g, scope, base))
            base += table.logs.size
    tables = [
        TiedTables(
            np.array([g for g, _, _ in found]),
            np.array([scope for _, scope, _ in found], dtype=int).reshape(len(found), len(shape)),
            shape,
            np.array([b for _, _, b in found]),
            np.arange(math.prod(shape)),
        )
        for shape, found in kinds.items()
    ]
    sizes = np.array([len(model.names) for model in given_models])
    cardinalities = np.array([k for model in given_models for k in model.shape], dtype=int)
    return TiedGraphs(sizes, cardinalities, tables, memory), np.array(theta)


def tolerance(given_models):
    return 1e-12 * (1 + max(model.scale for model in given_models))


@given(several(with_mass=False))
def test_log_z_of_each_is_that_of_enumeration(given_models):
    graphs, theta = tied(given_models)
    found = graphs.log_partitions(theta)
    for log_z, model in zip(found, given_models, strict=True):
        assert log_z == pytest.approx(model.log_z, rel=1e-12, abs=tolerance(given_models))


@given(several(), st.sampled_from([None, 4096]))
def test_the_gradient_is_the_weighted_marginals(given_models, memory):
    graphs, theta = tied(given_models, memory)
    weights = np.linspace(0.5, 2.0, len(given_models))
    gradient = np.zeros(len(theta))
    log_z = graphs.add_gradient(theta, weights, gradient)
    constants = graphs.constants(weights, len(theta))
    gradient += constants
    expected, base, first = np.zeros(len(theta)), 0, {}
    for weight, model in zip(weights, given_models, strict=True):
        if id(model) not in first:
            first[id(model)] = base
            base += sum(table.logs.size for table in model.tables)
        at = first[id(model)]
        for table in model.tables:
            marginal = model.marginal(table.scope)
            expected[at : at + marginal.size] += weight * marginal.ravel()
            at += marginal.size
    rounded = 10 * tolerance(given_models)
    assert np.allclose(gradient, expected, rtol=0, atol=rounded * len(given_models))
    some = constants > 0
    total = weights @ log_z + constants[some] @ theta[some]
    whole = sum(w * model.log_z for w, model in zip(weights, given_models, strict=True))
    assert total == pytest.approx(whole, rel=1e-12, abs=rounded * len(given_models))


@given(several())
def test_the_best_of_each_is_among_the_best(given_models):
    graphs, theta = tied(given_models)
    states = graphs.most_probable(theta)
    begin = 0
    for model in given_models:
        here = states[begin : begin + len(model.names)]
        x = {name: model.states[name][i] for name, i in zip(model.names, here, strict=True)}
        assert model.log_weight(x) == pytest.approx(model.map_score, abs=tolerance(given_models))
        begin += len(model.names)


@given(several(), st.integers(0, 2**32))
def test_samples_are_possible(given_models, seed):
    graphs, theta = tied(given_models)
    states = graphs.samples(theta, np.random.default_rng(seed))
    begin = 0
    for model in given_models:
        here = tuple(states[begin : begin + len(model.names)])
        assert model.log_weights[here] > -math.inf
        begin += len(model.names)


def test_samples_have_the_frequencies_of_each_graph():
    rng = np.random.default_rng(0)
    one = Model({"a": (0, 1), "b": (0, 1)}, [Table(("a", "b"), rng.normal(size=(2, 2)))])
    other = Model({"a": (0, 1, 2), "free": (0, 1)}, [Table(("a",), rng.normal(size=3))])
    graphs, theta = tied([one, other] * 3000)
    states = graphs.samples(theta, rng).reshape(3000, 4)
    for model, drawn in ((one, states[:, :2]), (other, states[:, 2:])):
        counts = np.zeros(model.shape)
        np.add.at(counts, tuple(drawn.T), 1)
        assert np.abs(counts / 3000 - model.joint).max() < 0.04  # over four standard deviations


def test_a_graph_without_mass_is_told():
    never = Model({"a": (0, 1)}, [Table(("a",), np.full(2, -np.inf))])
    fair = Model({"a": (0, 1)}, [Table(("a",), np.zeros(2))])
    graphs, theta = tied([fair, never])
    assert graphs.log_partitions(theta).tolist() == [pytest.approx(math.log(2)), -np.inf]
    with pytest.raises(ZeroProbabilityError, match="log Z = -inf"):
        graphs.add_gradient(theta, np.ones(2), np.zeros(len(theta)))

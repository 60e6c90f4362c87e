"""Models of pgmpy and pyAgrum: there and back, and the same marginals as theirs.

Each peer's tests skip where it is not installed; they run with `pip install pgmpy pyagrum`.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from strategies import build, random_model

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io import (
    from_pgmpy,
    from_pyagrum,
    read_bif,
    read_uai,
    read_xmlbif,
    to_pgmpy,
    to_pyagrum,
    write_bif,
    write_xmlbif,
)
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import Variable


@pytest.fixture(scope="module")
def pgmpy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports warn
        models = pytest.importorskip("pgmpy.models", reason="pgmpy is not installed")
        inference = pytest.importorskip("pgmpy.inference", reason="pgmpy is not installed")
        discrete = pytest.importorskip("pgmpy.factors.discrete", reason="pgmpy is not installed")
    return models, inference, discrete


@pytest.fixture(scope="module")
def gum():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its modules warn as they load, and crash on errors
        gum = pytest.importorskip("pyagrum", reason="pyAgrum is not installed")
        gum.MarkovRandomField(), gum.InfluenceDiagram()
    return gum


AGE = Variable("age", ["<5", "5-12", "12+"])
TEA = Variable("likes tea", ["yes", "no"])
DIE = Variable("die", [1, 2, 3])
ODD = Variable("odd", [5, -1, 0.5, True])
DOSE = Variable("dose", [0.1, 0.1 + 0.2, 1e-20 + 1])


def network(seed=0):
    """Names, whole numbers, floats, unordered states; different cardinalities on every axis."""
    rng = np.random.default_rng(seed)

    def table(child, *parents):
        values = rng.random([v.cardinality for v in (*parents, child)])
        return ConditionalTable(child, parents, values / values.sum(axis=-1, keepdims=True))

    return BayesianNetwork(
        [table(TEA, AGE, DIE), table(AGE), table(ODD, TEA, AGE, DOSE), table(DIE), table(DOSE, DIE)]
    )


def markov_models():
    """Random models without weights that a float can't hold, and some that are not easy."""
    models = [build(random_model(np.random.default_rng(seed))) for seed in range(40)]
    a, b = Variable("a", ["u", "v"]), Variable("b", 3)
    twice = Factor([a, b], np.arange(1.0, 7).reshape(2, 3))
    models += [
        GibbsDistribution([twice, twice, twice.transpose(["b", "a"]), Factor((), 7.0)]),
        GibbsDistribution([Factor(a, [1, 2])], [b]),
        GibbsDistribution([twice, Factor(b, [1, 0, 2])]).condition({"a": "v"}),
    ]
    return [p for p in models if p.variables and p.log_partition() > -np.inf]


def assert_same_tables(p, q):
    assert type(q) is BayesianNetwork
    assert sorted(q.names) == sorted(p.names)
    for name, table in p.tables.items():
        assert q.tables[name].scope == table.scope
        assert q.tables[name].values.tobytes() == table.values.tobytes()


def assert_same_distribution(p, q):
    assert set(q.variables) == set(p.variables)
    assert q.log_partition() == pytest.approx(p.log_partition(), abs=1e-9)
    marginals = q.marginals()
    for name, marginal in p.marginals().items():
        np.testing.assert_allclose(marginals[name].values, marginal.values, rtol=0, atol=1e-12)


# ---- pgmpy ---------------------------------------------------------------------------------


def test_a_network_of_pgmpy_has_our_names_states_and_marginals(pgmpy):
    _, inference, _ = pgmpy
    p = network()
    model = to_pgmpy(p)
    assert model.check_model()
    assert_same_tables(p, from_pgmpy(model))
    asked = inference.VariableElimination(model)
    for name, marginal in p.condition({"likes tea": "no"}).marginals().items():
        found = asked.query([name], evidence={"likes tea": "no"}, show_progress=False)
        assert found.state_names[name] == list(p.condition({}).marginal(name).scope[0].states)
        np.testing.assert_allclose(found.values, marginal.values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("factor_graph", [False, True])
def test_markov_networks_and_factor_graphs_of_pgmpy(pgmpy, factor_graph):
    models, inference, _ = pgmpy
    for i, p in enumerate(markov_models()):
        model = to_pgmpy(p, factor_graph=factor_graph)
        assert model.check_model()
        assert isinstance(model, models.FactorGraph) is factor_graph
        assert_same_distribution(p, from_pgmpy(model))
        if i % 8 == 0 and not factor_graph:
            name = p.names[-1]
            found = inference.VariableElimination(model).query([name], show_progress=False)
            total = np.asarray(found.values) / np.sum(found.values)
            np.testing.assert_allclose(total, p.marginal(name).values, rtol=0, atol=1e-12)
    assert isinstance(to_pgmpy(network(), factor_graph=True), models.FactorGraph)


def test_states_in_another_order_are_put_in_order(pgmpy):
    models, _, discrete = pgmpy
    model = models.DiscreteBayesianNetwork([("a", "b")])
    model.add_cpds(
        discrete.TabularCPD("a", 2, [[0.3], [0.7]], state_names={"a": ["x", "y"]}),
        discrete.TabularCPD(
            "b", 2, [[0.1, 0.2], [0.9, 0.8]], ["a"], [2], {"a": ["y", "x"], "b": ["t", "f"]}
        ),
    )
    p = from_pgmpy(model)
    assert p.tables["b"][{"a": "y", "b": "t"}] == 0.1
    assert p.marginal("b")[{"b": "t"}] == pytest.approx(0.3 * 0.2 + 0.7 * 0.1, abs=1e-12)


def test_models_of_pgmpy_that_can_not_be_taken_over(pgmpy):
    models, _, discrete = pgmpy
    with pytest.raises(TypeError, match=r"Markov network or factor graph of pgmpy.*got dict"):
        from_pgmpy({})
    model = models.DiscreteBayesianNetwork([("a", "b")])
    model.add_cpds(discrete.TabularCPD("a", 2, [[0.3], [0.7]]))
    with pytest.raises(ValueError, match=r"the model has no table with 'b', so its states are"):
        from_pgmpy(model)
    model.add_cpds(
        discrete.TabularCPD(
            "b", 2, [[0.1, 0.2], [0.9, 0.8]], ["a"], [2], {"a": [1, 2], "b": [0, 1]}
        )
    )
    with pytest.raises(ValueError, match=r"gives 'a' the states \[1, 2\], but another .* \[0, 1\]"):
        from_pgmpy(model)
    clash = models.DiscreteMarkovNetwork([(1, "1")])
    clash.add_factors(discrete.DiscreteFactor([1, "1"], [2, 2], np.ones(4)))
    with pytest.raises(ValueError, match=r"some of the names \[1, '1'\] are the same as strings"):
        from_pgmpy(clash)
    with pytest.raises(TypeError, match="a GibbsDistribution is needed; got 3"):
        to_pgmpy(3)


# ---- pyAgrum -------------------------------------------------------------------------------


def test_a_network_of_pyagrum_has_our_names_axes_and_marginals(gum):
    p = network()
    model = to_pyagrum(p)
    kinds = {name: model.variable(name).varType() for name in p.names}
    assert kinds == {
        "age": gum.VarType_LABELIZED,
        "likes tea": gum.VarType_LABELIZED,
        "die": gum.VarType_RANGE,
        "odd": gum.VarType_LABELIZED,
        "dose": gum.VarType_NUMERICAL,
    }
    asked = gum.LazyPropagation(model)
    asked.setEvidence({"likes tea": "no", "die": 1})  # the position of 2
    asked.makeInference()
    for name, marginal in p.condition({"likes tea": "no", "die": 2}).marginals().items():
        found = asked.posterior(name).toarray()
        np.testing.assert_allclose(found, marginal.values, rtol=0, atol=1e-12)
    table = p.tables["odd"]
    np.testing.assert_array_equal(model.cpt("odd").toarray(), table.values)
    back = from_pyagrum(model)
    strings = Variable("odd", [str(state) for state in ODD.states])
    scope = [strings if v is ODD else v for v in table.scope]
    renamed = ConditionalTable(scope[-1], scope[:-1], table.values)
    same = BayesianNetwork([renamed if t is table else t for t in p.tables.values()])
    assert back.variables == same.variables
    assert_same_tables(same, back)


def test_random_fields_of_pyagrum(gum):
    for i, p in enumerate(markov_models()):
        model = to_pyagrum(p)
        back = from_pyagrum(model)
        assert back.names == p.names
        assert back.log_partition() == pytest.approx(p.log_partition(), abs=1e-9)
        for name, marginal in p.marginals().items():
            found = back.marginal(name).values
            np.testing.assert_allclose(found, marginal.values, rtol=0, atol=1e-12)
        if i % 4 == 0:
            asked = gum.ShaferShenoyMRFInference(model)
            asked.makeInference()
            for name, marginal in p.marginals().items():
                found = asked.posterior(name).toarray()
                np.testing.assert_allclose(found, marginal.values, rtol=0, atol=1e-12)


def test_models_made_by_pyagrum(gum):
    model = gum.fastBN("A{yes|no}->B[3]<-C{1|2.5|3}; D[1,3]->B; E[0.0,1.5,3]->B; F{2|4|8}->A")
    p = from_pyagrum(model)
    assert {v.name: v.states for v in p.variables} == {
        "A": ("yes", "no"),
        "B": (0, 1, 2),
        "C": (1.0, 2.5, 3.0),
        "D": (1, 2, 3),
        "E": ("[0;1.5[", "[1.5;3]"),
        "F": (2, 4, 8),
    }
    asked = gum.LazyPropagation(model)
    asked.setEvidence({"B": 2})
    asked.makeInference()
    for name, marginal in p.condition({"B": 2}).marginals().items():
        found = asked.posterior(name).toarray()
        np.testing.assert_allclose(found, marginal.values, rtol=0, atol=1e-12)
    again = to_pyagrum(p)  # kept: its tables don't outlive it
    for name in p.names:
        np.testing.assert_array_equal(model.cpt(name).toarray(), again.cpt(name).toarray())
    with pytest.raises(TypeError, match=r"BayesNet or a MarkovRandomField.*got InfluenceDiagram"):
        from_pyagrum(gum.InfluenceDiagram())
    model.cpt("A").fillWith(1)
    with pytest.raises(
        ValueError, match=r"the probabilities of 'A'.* sum to 2\.0, expected 1 within"
    ):
        from_pyagrum(model)


def test_pyagrum_reads_what_we_write_and_the_other_way_round(gum, tmp_path):
    model = gum.fastBN("A{yes|no}->B{x|y|z}<-C{u|v}; B->D{t|f}<-C")
    rng = np.random.default_rng(0)
    for name in model.names():  # sixteenths, of which pyAgrum's six digits keep everything
        cpt = model.cpt(name)
        k = model.variable(name).domainSize()
        rows = rng.multinomial(16, [1 / k] * k, cpt.domainSize() // k) / 16
        cpt.fillWith(rows.ravel().tolist())
    p = from_pyagrum(model)
    write_bif(tmp_path / "ours.bif", p)
    write_xmlbif(tmp_path / "ours.bifxml", p)
    for suffix in ("bif", "bifxml"):
        assert_equal(p, from_pyagrum(gum.loadBN(str(tmp_path / f"ours.{suffix}"))))
    gum.saveBN(model, str(tmp_path / "theirs.bif"))
    gum.saveBN(model, str(tmp_path / "theirs.bifxml"))
    gum.saveBN(model, str(tmp_path / "theirs.uai"))
    assert_equal(p, read_bif(tmp_path / "theirs.bif"))
    assert_equal(p, read_xmlbif(tmp_path / "theirs.bifxml"))
    # pyAgrum's UAI tables run through the parents in another order than the format's, so that
    # those of two parents mean something else; the file is read all the same
    factors = read_uai(tmp_path / "theirs.uai").factors
    assert [f.names for f in factors[:2]] == [("x0",), ("x0", "x2", "x1")]
    np.testing.assert_array_equal(factors[0].values, p.tables["A"].values)


def assert_equal(p, q):
    """The same tables, whatever the order of the parents."""
    assert set(q.variables) == set(p.variables)
    for name, table in p.tables.items():
        np.testing.assert_array_equal(q.tables[name].transpose(table.names).values, table.values)


# ---- neither -------------------------------------------------------------------------------


def test_a_peer_that_is_not_there_is_named_with_what_to_install(monkeypatch):
    for name in ("pgmpy", "pgmpy.models", "pyagrum", "pyAgrum"):
        monkeypatch.setitem(sys.modules, name, None)
    for function in (to_pgmpy, from_pgmpy):
        with pytest.raises(ImportError, match=r"pgmpy is needed.*pip install pgmpy"):
            function(network())
    for function in (to_pyagrum, from_pyagrum):
        with pytest.raises(ImportError, match=r"pyAgrum is needed.*pip install pyagrum"):
            function(network())


@pytest.mark.parametrize("peer", ["pgmpy", "pyagrum"])
def test_rounded_rows_and_rows_of_nan(peer, request):
    third, a, b = 0.3333, Variable("a", ["u", "v"]), Variable("b", ["x", "y", "z"])
    exact = BayesianNetwork(
        [ConditionalTable(a, [], [0.5, 0.5]), ConditionalTable(b, [a], [[0.2, 0.3, 0.5]] * 2)]
    )
    if peer == "pgmpy":
        request.getfixturevalue("pgmpy")
        make, model = from_pgmpy, to_pgmpy(exact)
        values = model.get_cpds("b").values
        values[:, 1], values[:, 0] = third, np.nan
    else:
        request.getfixturevalue("gum")
        make, model = from_pyagrum, to_pyagrum(exact)
        model.cpt("b").fillWith([np.nan] * 3 + [third] * 3)
    with pytest.raises(ValueError, match=r"of 'b' given \(a='u'\) are NaN.*nan_rows='uniform'"):
        make(model, normalize=True)
    with pytest.raises(ValueError, match=r"given \(a='v'\) sum to 0\.9999.*normalize=True"):
        make(model, nan_rows="uniform")
    p = make(model, normalize=True, nan_rows="uniform")
    assert p.tables["b"].values == pytest.approx(np.full((2, 3), 1 / 3), abs=1e-15)

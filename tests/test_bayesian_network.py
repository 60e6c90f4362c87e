"""Conditional tables and Bayesian networks, held against enumeration; fits, against brute force."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import warnings

import bif
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import Model, Table
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from strategies import LABELS

from gibbsfactor import (
    BayesianNetwork,
    ConditionalTable,
    Factor,
    GibbsDistribution,
    Variable,
    ZeroProbabilityError,
    draw,
)
from gibbsfactor.graphs import labels_from_json
from gibbsfactor.learning import expected_counts, structure
from gibbsfactor.learning.expectation_maximization import maximize
from gibbsfactor.learning.expected_counts import Incomplete
from gibbsfactor.learning.structure import Families
from gibbsfactor.rows import coded_rows

RAIN = Variable("rain", ["no", "yes"])
GRASS = Variable("grass", ["dry", "wet"])
ROOF = Variable("roof", ["dry", "damp", "wet"])


def sprinkler() -> BayesianNetwork:
    return BayesianNetwork(
        [
            ConditionalTable(GRASS, [RAIN], [[0.9, 0.1], [0.2, 0.8]]),
            ConditionalTable(RAIN, [], [0.7, 0.3]),
            ConditionalTable(ROOF, [RAIN], [[0.8, 0.2, 0.0], [0.1, 0.3, 0.6]]),
        ]
    )


# ---- random networks ------------------------------------------------------------------


def random_rows(rng, shape, kind):
    """Distributions along the last axis."""
    if kind == "deterministic":
        return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
    weights = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    if kind == "zeros":
        weights = np.where(rng.random(shape) < 0.3, 0.0, weights)
        weights[..., 0] += weights.sum(axis=-1) == 0
        weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def random_network(rng, n, cards=(1, 2, 2, 3), kinds=("plain", "zeros", "deterministic"), most=3):
    """Tables in a random order, over a random acyclic graph."""
    variables = []
    for i in range(n):
        labels = LABELS[rng.integers(len(LABELS))]
        variables.append(Variable(f"v{i}", labels[: rng.choice(cards)]))
    order = rng.permutation(n)
    tables = []
    for place, i in enumerate(order):
        above = order[:place][rng.random(place) < 0.5][:most]
        scope = [*(variables[u] for u in above), variables[i]]
        values = random_rows(rng, tuple(v.cardinality for v in scope), str(rng.choice(kinds)))
        tables.append(ConditionalTable(scope[-1], scope[:-1], values))
    return BayesianNetwork([tables[i] for i in rng.permutation(n)])


@st.composite
def networks(draw, most=5, **options):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_network(rng, draw(st.integers(0, most)), **options)


def enumerated(p: BayesianNetwork) -> Model:
    states = {v.name: v.states for v in p.variables}
    return Model(states, [Table(t.names, t.values, False) for t in p.tables.values()])


def hide(columns, rng, share, always=()):
    """The columns as lists, with entries left out at random, and some columns altogether."""
    return {
        name: [
            None if out else s
            for s, out in zip(c.tolist(), rng.random(len(c)) < share, strict=True)
        ]
        for name, c in columns.items()
        if name not in always
    }


# ---- conditional tables ---------------------------------------------------------------


def test_a_table_is_a_factor_over_the_parents_then_the_child():
    table = sprinkler().tables["roof"]
    assert (table.child, table.parents, table.names) == (ROOF, (RAIN,), ("rain", "roof"))
    product = ConditionalTable(RAIN, [], [0.7, 0.3]) * table
    assert type(product) is type(table.reduce({"rain": "no"})) is Factor
    np.testing.assert_allclose(product.values.sum(), 1)
    assert ConditionalTable(RAIN, RAIN.__class__("x", 1), [[0.5, 0.5]]).names == ("x", "rain")
    assert not table.values.flags.writeable
    assert list(table.to_frame().columns) == ["rain", "roof", "probability"]


def test_how_a_table_looks():
    table = sprinkler().tables["roof"]
    assert repr(table) == (
        "P(roof | rain)\nrain  dry  damp  wet\nno    0.8   0.2    0\nyes   0.1   0.3  0.6"
    )
    assert repr(ConditionalTable(RAIN, [], [0.25, 0.75])) == "P(rain)\n  no   yes\n0.25  0.75"
    html = table._repr_html_()
    assert html.count("<tr>") == 3
    assert "<th>damp</th>" in html
    many = ConditionalTable(Variable("k", 30), Variable("u", 50), np.full((50, 30), 1 / 30))
    assert "... (30 states)" in repr(many)
    assert repr(many).endswith("... and 30 more rows")
    wild = ConditionalTable(Variable("<b>", ["<i>"]), [], [1.0])
    assert "<i>" not in wild._repr_html_()


def test_rows_nearly_one_are_divided_once_and_then_keep_every_bit():
    third = Variable("c", 3)
    rough = np.array([[0.333333, 0.333333, 0.333333], [0.2, 0.3, 0.5]])
    table = ConditionalTable(third, [RAIN], rough)
    np.testing.assert_allclose(table.values.sum(axis=-1), 1, atol=1e-15, rtol=0)
    assert (table.values[1] == rough[1]).all()
    with pytest.raises(ValueError, match=r"sum to 0\.99999.*, not to 1 within 3e-06"):
        ConditionalTable(third, [], [0.33333, 0.33333, 0.33333])
    written = [[float(repr(p)) for p in row] for row in table.values.tolist()]
    assert (ConditionalTable(third, [RAIN], written).values == table.values).all()
    turned = np.asfortranarray(table.values)
    assert ConditionalTable(third, [RAIN], turned).values.flags.c_contiguous
    assert (ConditionalTable(third, [RAIN], turned).values == table.values).all()


@given(st.integers(0, 2**32 - 1))
def test_normalising_is_done_once(seed):
    rng = np.random.default_rng(seed)
    k = Variable("k", int(rng.integers(1, 40)))
    rough = rng.dirichlet(np.ones(k.cardinality), 20) * (1 + rng.choice([1e-7, 3e-13, 0], (20, 1)))
    once = ConditionalTable(k, Variable("u", 20), rough).values
    kept = np.abs(rough.sum(axis=-1) - 1) < 9e-13
    assert (once[kept] == rough[kept]).all()
    assert (ConditionalTable(k, Variable("u", 20), once).values == once).all()


def test_logs_and_copies():
    logs = np.log([[0.9, 0.1], [0.2, 0.8]])
    table = ConditionalTable.from_log([RAIN, GRASS], logs)
    assert (table.child, table.parents) == (GRASS, (RAIN,))
    np.testing.assert_allclose(table.values, np.exp(logs))
    for again in (copy.deepcopy(table), pickle.loads(pickle.dumps(table))):
        assert type(again) is ConditionalTable
        assert (again.child, again.parents) == (GRASS, (RAIN,))
        assert (again.values == table.values).all()


BAD_TABLES = [
    (
        lambda: ConditionalTable(GRASS, [RAIN], [[0.9, 0.1], [0.5, 0.6]]),
        ValueError,
        r"'grass' given \(rain='yes'\) sum to 1\.1, not to 1 within 2e-06; correct",
    ),
    (
        lambda: ConditionalTable(GRASS, [RAIN], [[0.9, 0.2], [0.5, 0.6]]),
        ValueError,
        r"given \(rain='no'\).*and so in 1 more rows",
    ),
    (lambda: ConditionalTable(RAIN, [], [0.7, 0.2]), ValueError, r"of 'rain' sum to 0\.8999"),
    (lambda: ConditionalTable(RAIN, [], [1.5, -0.5]), ValueError, r"-0\.5 at \(rain='yes'\)"),
    (lambda: ConditionalTable(RAIN, [], [np.nan, 1]), ValueError, r"weight nan at \(rain='no'\)"),
    (lambda: ConditionalTable(RAIN, [], [0.7, 0.2, 0.1]), ValueError, r"shape \(3,\).*\(2,\) st"),
    (lambda: ConditionalTable(RAIN, [RAIN], np.eye(2)), ValueError, r"'rain' is given as a parent"),
    (lambda: ConditionalTable("rain", [], [1]), TypeError, r"child .* is a Variable; got 'rain'"),
    (lambda: ConditionalTable.from_log([], 0.0), ValueError, r"has a child; the scope is empty"),
]


@pytest.mark.parametrize(("make", "error", "words"), BAD_TABLES)
def test_bad_tables(make, error, words):
    with pytest.raises(error, match=words):
        make()


# ---- the network as a distribution ----------------------------------------------------


@given(networks())
def test_log_z_is_zero_and_answers_are_those_of_the_joint(p):
    assert p.log_partition() == 0.0
    assert abs(p.gibbs().log_partition()) < 1e-12
    assert type(p.gibbs()) is type(p.at_temperature(2.0)) is GibbsDistribution
    model = enumerated(p)
    for name, marginal in p.marginals().items():
        np.testing.assert_allclose(marginal.values, model.marginal([name]), atol=1e-12)
    x = model.assignments()[0]
    assert p.probability(x) == pytest.approx(math.exp(model.log_weight(x)), rel=1e-12)
    if p.variables:
        v = p.variables[0]
        given_v = p.condition({v.name: v.states[0]})
        assert type(given_v) is GibbsDistribution
        chance = model.marginal([v.name])[0]
        expected = math.log(chance) if chance > 0 else -math.inf
        assert given_v.log_partition() == pytest.approx(expected, abs=1e-12)


@given(networks())
def test_structure(p):
    graph = p.graph()
    assert list(graph) == list(p.names) == list(p.tables)
    order = p.topological_order()
    assert sorted(order) == sorted(p.names)
    assert all(order.index(u) < order.index(v) for u, v in graph.edges)
    assert nx.utils.graphs_equal(
        nx.Graph(p.moral_graph().edges), nx.Graph(nx.moral_graph(graph).edges)
    )
    for v in p.variables:
        name = v.name
        assert labels_from_json(graph.nodes[name]["states"]) == list(v.states)
        assert p.parents(name) == p.parents(v) == tuple(u.name for u in p.tables[name].parents)
        assert set(p.children(name)) == set(graph.successors(name))
        blanket = p.markov_blanket(name)
        assert blanket == set(p.moral_graph()[name])
        rest = set(p.names) - blanket - {name}
        assert not rest or p.d_separated(name, rest, blanket)


def independent(model: Model, xs, ys, zs) -> bool:
    """Whether P(x, y, z) P(z) = P(x, z) P(y, z) for all states, to rounding."""
    joint = model.marginal([*xs, *ys, *zs])
    a, b = len(xs), len(ys)
    joint = joint.reshape(math.prod(joint.shape[:a]), math.prod(joint.shape[a : a + b]), -1)
    product = joint.sum(axis=1)[:, None, :] * joint.sum(axis=0)[None, :, :]
    return bool(np.abs(joint * joint.sum(axis=(0, 1)) - product).max() < 1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_d_separation_is_independence_whatever_the_tables(seed):
    """Tables drawn at random have no other independences than the graph's, almost surely."""
    rng = np.random.default_rng(seed)
    p = random_network(rng, 6, cards=(2, 3), kinds=("plain",))
    model = enumerated(p)
    found = set()
    for x, y in itertools.combinations(p.names, 2):
        others = [n for n in p.names if n not in (x, y)]
        for _ in range(4):
            zs = [n for n in others if rng.random() < 0.4]
            separated = p.d_separated(x, y, zs)
            assert separated == independent(model, [x], [y], zs)
            found.add(separated)
    assert False in found


def test_d_separation_of_sets():
    p = sprinkler()
    assert p.d_separated(["grass"], {"roof"}, "rain")
    assert p.d_separated(GRASS, ROOF, [RAIN])
    assert not p.d_separated("grass", "roof")
    for sets, words in [
        (("grass", "snow"), r"no variable 'snow'; there are 'grass', 'rain', 'roof'"),
        (("grass", "grass"), r"'grass' is in two of the sets"),
        (("grass", "roof", "roof"), r"'roof' is in two of the sets"),
        (("grass", []), r"one of the sets to separate is empty"),
    ]:
        with pytest.raises(ValueError, match=words):
            p.d_separated(*sets)


def test_looks_copies_and_pictures():
    p = sprinkler()
    assert repr(p) == "BayesianNetwork of 3 variables ('grass', 'rain', 'roof') and 2 edges"
    assert "BayesianNetwork" in p._repr_html_()
    again = pickle.loads(pickle.dumps(p))
    assert again.tables["roof"].allclose(p.tables["roof"])
    assert again.topological_order() == p.topological_order()
    assert p.training is None
    with pytest.raises(TypeError, match="does not support item assignment"):
        p.tables["roof"] = p.tables["rain"]
    for picture in (draw(p), draw(p.graph()), draw(p, "factor"), draw(p, "junction")):
        assert any("rain" in text.get_text() for text in picture.texts)


BAD_NETWORKS = [
    (lambda t: [t["grass"]], ValueError, r"'rain' is a parent of 'grass' but has no table"),
    (lambda t: [t["rain"], t["rain"], *t.values()], ValueError, None),
    (
        lambda t: [t["rain"], ConditionalTable(RAIN, [], [0.5, 0.5])],
        ValueError,
        r"'rain' has two tables, P\(rain\) and P\(rain\)",
    ),
    (
        lambda t: [t["grass"], ConditionalTable(RAIN, [GRASS], np.eye(2))],
        ValueError,
        r"directed cycle: (grass -> rain -> grass|rain -> grass -> rain); a Bayesian network has",
    ),
    (
        lambda t: [t["grass"], ConditionalTable(Variable("rain", ["yes", "no"]), [], [0.5, 0.5])],
        ValueError,
        r"P\(grass \| rain\) gives 'rain' the states \['no', 'yes'\], but that of P\(rain\)",
    ),
    (lambda t: [Factor(RAIN, [1, 2])], TypeError, r"ConditionalTable.*got factor over \('rain',\)"),
    (lambda t: t, TypeError, r"made of ConditionalTable\(child, parents, values\).*got 'grass'"),
]


@pytest.mark.parametrize(("pick", "error", "words"), BAD_NETWORKS)
def test_bad_networks(pick, error, words):
    tables = pick(dict(sprinkler().tables))
    if words is None:  # the same object twice is the same table
        assert len(BayesianNetwork(tables).tables) == 3
        return
    with pytest.raises(error, match=words):
        BayesianNetwork(tables)


# ---- samples --------------------------------------------------------------------------


@given(networks(), st.integers(0, 2**32 - 1))
def test_samples_are_possible(p, seed):
    columns = p.sample(20, seed)
    assert list(columns) == list(p.names)
    for i in range(20 if p.variables else 0):
        x = {name: column[i] for name, column in columns.items()}
        assert p.log_probability(x) > -math.inf
    expected = p.gibbs().sample(3, seed)
    assert {n: c.dtype for n, c in p.sample(3, 0).items()} == {
        n: c.dtype for n, c in expected.items()
    }
    assert all(len(c) == 0 for c in p.sample(0).values())


@pytest.mark.parametrize("seed", range(4))
def test_samples_are_fair(seed):
    """Chi-square over all joint states; a fair sampler fails one such test in 100,000."""
    rng = np.random.default_rng(seed)
    p = random_network(rng, 4, cards=(1, 2, 3, 5), kinds=("plain", "zeros"))
    model = enumerated(p)
    n = 20_000
    _, codes = coded_rows(p.sample(n, rng), {v.name: v for v in p.variables})
    counts = np.zeros(model.shape)
    np.add.at(counts, tuple(codes[name] for name in model.names), 1)
    expected = n * model.joint
    assert counts[expected == 0].sum() == 0
    often = expected > 5
    seen = np.append(counts[often], counts[~often].sum())
    due = np.append(expected[often], expected[~often].sum())
    seen, due = seen[due > 0], due[due > 0]
    assert len(due) > 3
    assert stats.chisquare(seen, due * (n / due.sum())).pvalue > 1e-5


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7, 8, 9, 100])
def test_numbers_fall_on_states_by_their_shares(k):
    """Bisection finds what a search through the cumulative sums finds; zeros are never drawn."""
    rng = np.random.default_rng(k)
    values = random_rows(rng, (5, k), "zeros")
    table = ConditionalTable(Variable("c", k), Variable("u", 5), values)
    rows = rng.integers(5, size=4000)
    uniform = np.append(rng.random(3998), [0.0, np.nextafter(1.0, 0)])
    found = table.draw(rows, uniform)
    for row, u, state in zip(rows, uniform, found, strict=True):
        sums = np.cumsum(values[row])
        assert state == np.searchsorted(sums / sums[-1], u, side="right")
        assert values[row, state] > 0


def test_rounding_draws_no_impossible_state():
    """Ten tenths add up to less than one in floats, and the last state has none of the rest."""
    values = np.array([0.1] * 10 + [0.0])
    assert np.cumsum(values)[-1] < 1
    table = ConditionalTable(Variable("c", 11), [], values)
    assert table.draw(np.zeros(1, dtype=int), np.array([np.nextafter(1.0, 0)])).tolist() == [9]


def test_sampling_needs_a_whole_number():
    for n in (-1, 1.5, True):
        with pytest.raises(ValueError, match="must be a whole number of samples"):
            sprinkler().sample(n)


# ---- fitting whole rows ---------------------------------------------------------------


def brute_counts(p, name, columns, weights):
    """Loop over rows."""
    table = p.tables[name]
    counts = np.zeros(table.shape)
    for i, w in enumerate(weights):
        counts[tuple(v.index(columns[v.name][i]) for v in table.scope)] += w
    return counts


@given(networks(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 0.25]), st.booleans())
def test_a_fit_to_whole_rows_is_relative_frequencies(p, seed, alpha, bdeu):
    if not p.variables:
        return
    rng = np.random.default_rng(seed)
    columns = p.sample(15, rng)
    weights = rng.integers(0, 3, 15) + (rng.random() < 0.5)
    if not weights.any():
        weights[0] = 1
    smoothing = {"equivalent_sample_size": alpha} if bdeu else {"pseudo_count": alpha}
    q = BayesianNetwork.fit(p, columns, sample_weight=weights, **smoothing)
    repeated = {n: np.repeat(c, weights.astype(int)) for n, c in columns.items()}
    again = BayesianNetwork.fit(p, repeated, **smoothing)
    for name, table in q.tables.items():
        assert table.scope == p.tables[name].scope
        counts = brute_counts(p, name, columns, weights) + (
            alpha / table.values.size if bdeu else alpha
        )
        sums = counts.sum(axis=-1, keepdims=True)
        k = table.child.cardinality
        expected = np.where(sums > 0, counts / np.where(sums > 0, sums, 1), 1 / k)
        np.testing.assert_allclose(table.values, expected, rtol=1e-13)
        np.testing.assert_allclose(again.tables[name].values, expected, rtol=1e-13)
    direct = sum(
        w * q.log_probability({n: c[i] for n, c in columns.items()})
        for i, w in enumerate(weights.tolist())
        if w
    )
    assert q.training.converged
    assert q.training.iterations == 0
    assert q.training.log_likelihood == pytest.approx(direct, rel=1e-12, abs=1e-12)
    assert q.log_likelihood(columns, weights) == pytest.approx(direct, rel=1e-12, abs=1e-12)


def test_a_fit_to_its_own_samples_comes_near_the_tables():
    p = random_network(np.random.default_rng(3), 6, cards=(2, 3), kinds=("plain",))
    n = 200_000
    q = BayesianNetwork.fit(p.graph(), p.sample(n, 0))
    for name, table in p.tables.items():
        rows = p.marginal(*(v.name for v in table.parents)).values[..., None]
        error = np.sqrt(table.values * (1 - table.values) / (n * rows))
        assert (np.abs(q.tables[name].values - table.values) < 6 * error + 1e-12).all()


def test_structures_and_states():
    data = pd.DataFrame({"rain": ["no", "yes", "no"], "grass": ["wet", "wet", "dry"]})
    fits = [
        BayesianNetwork.fit([("rain", "grass")], data),
        BayesianNetwork.fit([(RAIN, GRASS)], data),
        BayesianNetwork.fit(nx.DiGraph([("rain", "grass")]), data),
        BayesianNetwork.fit(nx.DiGraph([("rain", "grass")]), data.to_dict("records")),
        BayesianNetwork.fit([("rain", "grass")], data, states={"rain": ["no", "yes"]}),
        BayesianNetwork.fit([("rain", "grass")], data, states=[RAIN]),
    ]
    for q in fits:
        assert q.tables["grass"].values.tolist() == [[0.5, 0.5], [0.0, 1.0]]
        assert q.tables["rain"].values.tolist() == [2 / 3, 1 / 3]
    alone = nx.DiGraph()
    alone.add_nodes_from(["grass", "rain"])
    assert BayesianNetwork.fit(alone, data).parents("grass") == ()
    wider = BayesianNetwork.fit(
        [("rain", "grass")], data, states={"rain": ["snow", "yes", "no"], GRASS: ["dry", "wet"]}
    )
    assert wider.tables["rain"].values.tolist() == [0.0, 1 / 3, 2 / 3]
    assert wider.tables["grass"].values.tolist() == [[0.5, 0.5], [0.0, 1.0], [0.5, 0.5]]
    declared = pd.DataFrame({"rain": pd.Categorical(["no", "no"], ["no", "yes"])})
    assert BayesianNetwork.fit(nx.DiGraph({"rain": []}), declared).variables == (RAIN,)
    both = BayesianNetwork.fit([("b", "c"), ("a", "c")], {"a": [0, 1], "b": [0, 1], "c": [0, 1]})
    assert both.parents("c") == ("b", "a")


DATA = {"rain": ["no", "yes"], "grass": ["dry", "wet"]}
EDGES = [("rain", "grass")]
BAD_FITS = [
    (lambda: BayesianNetwork.fit(nx.Graph(EDGES), DATA), TypeError, "undirected graph; give a net"),
    (lambda: BayesianNetwork.fit(["rain", "grass"], DATA), TypeError, r"the edge 'rain'; give \(p"),
    (
        lambda: BayesianNetwork.fit("rain", DATA),
        TypeError,
        r"or \(parent, child\) pairs; got 'rain'",
    ),
    (lambda: BayesianNetwork.fit([(1, 2)], DATA), TypeError, "the node 1; nodes are names"),
    (
        lambda: BayesianNetwork.fit([*EDGES, ("grass", "rain")], DATA),
        ValueError,
        "round in a directed cycle",
    ),
    (
        lambda: BayesianNetwork.fit(EDGES, {**DATA, "id": [1, 2]}),
        ValueError,
        "data has a column for 'id', but there is no such variable; there are 'rain', 'grass'",
    ),
    (
        lambda: BayesianNetwork.fit([*EDGES, ("snow", "grass")], DATA),
        ValueError,
        r"no entry for 'snow', so its states are unknown; list them, as in states=\{'snow'",
    ),
    (
        lambda: BayesianNetwork.fit(EDGES, {**DATA, "rain": [None, None]}),
        ValueError,
        r"no entry for 'rain', so .* states=\{'rain': \['low', 'high'\]\}$",
    ),
    (
        lambda: BayesianNetwork.fit(EDGES, DATA, states={"snow": 2}),
        ValueError,
        "states= names 'snow', but the structure does not",
    ),
    (
        lambda: BayesianNetwork.fit(EDGES, DATA, states={"rain": ["no", "YES"]}),
        ValueError,
        "data gives 'rain' the state 'yes' in row 1",
    ),
    (lambda: BayesianNetwork.fit(EDGES, DATA, pseudo_count=-1), ValueError, "pseudo_count is -1"),
    (
        lambda: BayesianNetwork.fit(EDGES, DATA, equivalent_sample_size=math.nan),
        ValueError,
        "equivalent_sample_size is nan; it must be a finite number",
    ),
    (
        lambda: BayesianNetwork.fit(EDGES, DATA, pseudo_count=1, equivalent_sample_size=1),
        ValueError,
        "both pseudo_count=1 and equivalent_sample_size=1",
    ),
    (
        lambda: BayesianNetwork.fit(EDGES, DATA, sample_weight=[1, -1]),
        ValueError,
        r"sample_weight is -1\.0 in row 1",
    ),
    (
        lambda: BayesianNetwork.fit(EDGES, DATA, sample_weight=[1]),
        ValueError,
        r"sample_weight has shape \(1,\); the data have 2 rows",
    ),
    (
        lambda: BayesianNetwork.fit(EDGES, DATA, sample_weight=[0, 0]),
        ValueError,
        "only rows of weight 0; there is nothing to count",
    ),
    (
        lambda: BayesianNetwork.fit([(RAIN, GRASS)], {"rain": [], "grass": []}),
        ValueError,
        "the data have no row",
    ),
    (lambda: BayesianNetwork.fit(EDGES, DATA, max_iterations=0), ValueError, "max_iterations is 0"),
    (lambda: BayesianNetwork.fit(EDGES, DATA, tol=-1), ValueError, "tol is -1; it must be"),
    (
        lambda: BayesianNetwork.fit(EDGES, DATA, start=sprinkler()),
        ValueError,
        "start and the structure differ in the variables 'roof'",
    ),
    (
        lambda: BayesianNetwork.fit(
            [("grass", "rain")], DATA, start=BayesianNetwork.fit(EDGES, DATA)
        ),
        ValueError,
        r"start has P\(grass \| rain\); the structure has the family \['grass'\]",
    ),
    (
        lambda: sprinkler().log_likelihood({"rain": ["fog"]}),
        ValueError,
        "data gives 'rain' the state 'fog' in row 0",
    ),
]


@pytest.mark.parametrize(("fit", "error", "words"), BAD_FITS)
def test_bad_fits(fit, error, words):
    with pytest.raises(error, match=words):
        fit()


def test_a_table_too_large_to_hold_is_refused(monkeypatch):
    monkeypatch.setattr(structure, "MOST_CELLS", 3)
    with pytest.raises(MemoryError, match=r"table of 'grass' would have 4 entries .* 1 parents"):
        BayesianNetwork.fit(EDGES, DATA)


# ---- missing entries ------------------------------------------------------------------


def above(p, names):
    """Names and all their ancestors."""
    graph = p.graph()
    return set(names).union(*(nx.ancestors(graph, n) for n in names))


def brute_expectation(p, columns, n, weights):
    """Log likelihood and expected counts, row by row over the whole joint."""
    model = enumerated(p)
    counts = {name: np.zeros(t.shape) for name, t in p.tables.items()}
    total = 0.0
    for i in range(n):
        row = {name: c[i] for name, c in columns.items() if c[i] is not None}
        posterior = model.given(row)
        total += weights[i] * (posterior.log_z - 0.0)
        for name in above(p, row):
            scope = p.tables[name].scope
            left = [v.name for v in scope if v.name not in row]
            index = tuple(v.index(row[v.name]) if v.name in row else slice(None) for v in scope)
            counts[name][index] += weights[i] * posterior.marginal(left)
    return total, counts


@pytest.mark.parametrize("listing", [True, False])
@given(p=networks(kinds=("plain",)), seed=st.integers(0, 2**32 - 1))
def test_expected_counts_are_those_of_the_joint(listing, p, seed):
    """Of the ancestors of what a row has; the rest of it sums to one."""
    if not p.variables:
        return
    rng = np.random.default_rng(seed)
    n = 6
    states = {v.name: v.states for v in p.variables if None not in v.states}
    if len(states) < len(p.variables):
        return
    columns = hide(p.sample(n, rng), rng, 0.5)
    weights = rng.uniform(0.5, 2, n)
    variables = {v.name: v for v in p.variables}
    families = Families.of(p.graph(), variables)
    with pytest.MonkeyPatch.context() as patch:
        if not listing:
            patch.setattr(expected_counts, "FEW_STATES", 0)
            patch.setattr(expected_counts, "FEW_IN_ALL", 0)
        patch.setattr(expected_counts, "CHUNK_CELLS", 8)
        rows = Incomplete.of(families, coded_rows(columns, variables)[1], weights, n)
        value, counts = rows.expect([p.tables[name].values for name in families.names])
    expected, brute = brute_expectation(p, columns, n, weights)
    assert value == pytest.approx(expected, rel=1e-10, abs=1e-10)
    for name, found in zip(families.names, counts, strict=True):
        np.testing.assert_allclose(found, brute[name], rtol=1e-9, atol=1e-11)
    assert p.log_likelihood(columns, weights) == pytest.approx(expected, rel=1e-10, abs=1e-10)


def plain_em(p, columns, n, iterations):
    """Textbook expectation-maximization, all of every row filled in, over the whole joint."""
    for _ in range(iterations):
        model = enumerated(p)
        counts = {name: np.zeros(t.shape) for name, t in p.tables.items()}
        for i in range(n):
            row = {name: c[i] for name, c in columns.items() if c[i] is not None}
            posterior = model.given(row)
            for name, table in p.tables.items():
                left = [v.name for v in table.scope if v.name not in row]
                index = tuple(
                    v.index(row[v.name]) if v.name in row else slice(None) for v in table.scope
                )
                counts[name][index] += posterior.marginal(left)
        p = BayesianNetwork(
            ConditionalTable(t.child, t.parents, c / c.sum(axis=-1, keepdims=True))
            for t, c in zip(p.tables.values(), counts.values(), strict=True)
        )
    return p


@pytest.mark.parametrize("seed", range(3))
def test_it_ends_where_textbook_iterations_end(seed):
    rng = np.random.default_rng(seed)
    u, v, w = Variable("u", 2), Variable("v", 3), Variable("w", 2)
    scopes = [(u,), (u, v), (u, v, w)]
    p, start = (
        BayesianNetwork(
            ConditionalTable(
                s[-1],
                s[:-1],
                rng.dirichlet([3.0] * s[-1].cardinality, [x.cardinality for x in s[:-1]]),
            )
            for s in scopes
        )
        for _ in range(2)
    )
    n = 60
    columns = hide(p.sample(n, rng), rng, 0.25)
    q = BayesianNetwork.fit(p, columns, start=start, tol=1e-13)
    textbook = plain_em(start, columns, n, 150)
    theirs = brute_expectation(textbook, columns, n, np.ones(n))[0]
    assert q.training.log_likelihood == pytest.approx(theirs, abs=1e-6)
    for name, table in q.tables.items():
        np.testing.assert_allclose(table.values, textbook.tables[name].values, atol=1e-4)
    stays = plain_em(q, columns, n, 1)  # a fixed point of theirs too
    for name, table in q.tables.items():
        np.testing.assert_allclose(table.values, stays.tables[name].values, atol=1e-5)


@given(networks(kinds=("plain", "zeros")), st.integers(0, 2**32 - 1), st.sampled_from([0, 0.5]))
def test_the_objective_never_falls(p, seed, alpha):
    if not p.variables or any(None in v.states for v in p.variables):
        return
    rng = np.random.default_rng(seed)
    hidden = p.names[:1] if rng.random() < 0.5 and len(p.names) > 1 else ()
    columns = hide(p.sample(12, rng), rng, 0.4, hidden)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        q = BayesianNetwork.fit(p, columns, rng=rng, pseudo_count=alpha, max_iterations=8)
    trace = np.array(q.training.objective)
    assert (np.diff(trace) > -1e-9 * np.abs(trace[:-1]) - 1e-12).all()
    prior = sum(alpha * np.log(t.values).sum() for t in q.tables.values()) if alpha else 0.0
    assert trace[-1] == pytest.approx(q.training.log_likelihood + prior, rel=1e-12, abs=1e-12)
    again = q.log_likelihood(columns)
    assert q.training.log_likelihood == pytest.approx(again, rel=1e-12, abs=1e-12)


def test_missing_leaves_need_no_iterations():
    """What has no observed descendant drops out: the rest is counted."""
    columns = {"rain": ["no", "yes", "no", "no"], "grass": ["dry", "wet", None, None]}
    q = BayesianNetwork.fit([(RAIN, GRASS)], columns)
    assert q.training.iterations == 0
    assert q.tables["rain"].values.tolist() == [0.75, 0.25]
    assert q.tables["grass"].values.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_hidden_class_is_found():
    """Two classes, six features: the fit is at least as likely as the truth, and finds it."""
    rng = np.random.default_rng(5)
    group = Variable("class", 2)
    features = [Variable(f"f{i}", 2) for i in range(6)]
    truth = BayesianNetwork(
        [
            ConditionalTable(group, [], [0.4, 0.6]),
            *(ConditionalTable(f, [group], [[0.9, 0.1], [0.15, 0.85]]) for f in features),
        ]
    )
    columns = truth.sample(2000, rng)
    del columns["class"]
    edges = [("class", f.name) for f in features]
    q = BayesianNetwork.fit(edges, columns, states=[group], rng=1, verbose=True)
    assert q.training.converged
    assert q.training.log_likelihood > truth.log_likelihood(columns)
    order = np.argsort(q.tables["class"].values)
    np.testing.assert_allclose(q.tables["class"].values[order], [0.4, 0.6], atol=0.05)
    for f in features:
        near = [[0.9, 0.1], [0.15, 0.85]]
        np.testing.assert_allclose(q.tables[f.name].values[order], near, atol=0.06)


@pytest.mark.parametrize("listing", [True, False])
def test_many_features_do_not_underflow(listing, monkeypatch):
    """2,000 observed children of one hidden variable: their product is near 1e-1000."""
    if not listing:
        monkeypatch.setattr(expected_counts, "FEW_STATES", 0)
        monkeypatch.setattr(expected_counts, "FEW_IN_ALL", 0)
    group = Variable("class", 2)
    features = [Variable(f"f{i}", 3) for i in range(2000)]
    rows = [[0.3, 0.3, 0.4], [0.4, 0.3, 0.3]]
    p = BayesianNetwork(
        [
            ConditionalTable(group, [], [0.5, 0.5]),
            *(ConditionalTable(f, [group], rows) for f in features),
        ]
    )
    columns = {f.name: [i % 2 * 2] for i, f in enumerate(features)}  # states 0 and 2 in turn
    expected = 1000 * (math.log(0.3) + math.log(0.4))
    assert p.log_likelihood(columns) == pytest.approx(expected, rel=1e-12)


def test_a_long_hidden_chain_goes_through_the_engine():
    """2^60 joint states of what is missing, in each of five rows."""
    hidden = [Variable(f"h{i}", 2) for i in range(60)]
    seen = [Variable(f"x{i}", 2) for i in range(60)]
    step, emission = [[0.8, 0.2], [0.3, 0.7]], [[0.9, 0.1], [0.2, 0.8]]
    p = BayesianNetwork(
        [
            ConditionalTable(hidden[0], [], [0.5, 0.5]),
            *(ConditionalTable(b, [a], step) for a, b in itertools.pairwise(hidden)),
            *(ConditionalTable(x, [h], emission) for h, x in zip(hidden, seen, strict=True)),
        ]
    )
    columns = {n: c.tolist() for n, c in p.sample(5, 0).items() if n.startswith("x")}
    columns["x7"][2] = None
    forward = 0.0
    for i in range(5):
        alpha = np.array([0.5, 0.5])
        for t, x in enumerate(seen):
            alpha = alpha if t == 0 else alpha @ np.array(step)
            if columns[x.name][i] is not None:
                alpha = alpha * np.array(emission)[:, columns[x.name][i]]
        forward += math.log(alpha.sum())
    assert p.log_likelihood(columns) == pytest.approx(forward, rel=1e-12)
    with pytest.warns(
        ConvergenceWarning, match="did not converge in 2 iterations: .* tol is 1e-06"
    ):
        q = BayesianNetwork.fit(p, columns, start=p, max_iterations=2)
    assert q.training.objective[0] == pytest.approx(forward, rel=1e-12)
    assert (np.diff(q.training.objective) > 0).all()
    assert not q.training.converged


def test_sixty_five_hidden_variables_of_one_state():
    """More than an array has axes."""
    ones = [Variable(f"o{i}", 1) for i in range(70)]
    tables = [ConditionalTable(ones[0], [], [1.0])]
    tables += [ConditionalTable(b, [a], [[1.0]]) for a, b in itertools.pairwise(ones)]
    tables += [ConditionalTable(GRASS, [ones[-1]], [[0.25, 0.75]])]
    p = BayesianNetwork(tables)
    data = {"grass": ["dry", "wet", "wet"]}
    assert p.log_likelihood(data) == pytest.approx(math.log(0.25 * 0.75**2), rel=1e-12)
    assert BayesianNetwork.fit(p, data).tables["grass"].values[0] == pytest.approx([1 / 3, 2 / 3])


def test_impossible_rows():
    p = sprinkler()
    assert p.log_likelihood({"rain": ["no"], "roof": ["wet"]}) == -math.inf
    some = {"rain": ["yes", None], "roof": ["wet", "wet"], "grass": ["wet", "dry"]}
    zero = BayesianNetwork(
        [
            *(t for n, t in p.tables.items() if n != "roof"),
            ConditionalTable(ROOF, [RAIN], [[1, 0, 0], [0.5, 0.5, 0]]),
        ]
    )
    assert zero.log_likelihood(some) == -math.inf
    with pytest.raises(ZeroProbabilityError, match="states of 'roof' and its parents together"):
        BayesianNetwork.fit(p, some, start=zero)
    del some["rain"]
    with pytest.raises(ZeroProbabilityError, match=r"row 0 of the data .* has probability zero"):
        BayesianNetwork.fit(p, some, start=zero)


def test_starts():
    p = sprinkler()
    rng = np.random.default_rng(0)
    columns = hide(p.sample(200, rng), rng, 0.2, ["rain"])
    one, two, three = (BayesianNetwork.fit(p, columns, rng=s, tol=1e-3) for s in (7, 7, 8))
    assert one.training == two.training != three.training
    begun = BayesianNetwork.fit(p, columns, start=one, tol=1e-3)
    assert begun.training.objective[0] == pytest.approx(one.training.log_likelihood, rel=1e-12)
    turned = BayesianNetwork(  # the axes of start are put in the structure's order
        [ConditionalTable(RAIN, [], [0.5, 0.5]), ConditionalTable(GRASS, [], [0.5, 0.5])]
        + [
            ConditionalTable(
                ROOF,
                [GRASS, RAIN],
                np.arange(1, 13).reshape(2, 2, 3)
                / np.arange(1, 13).reshape(2, 2, 3).sum(-1, keepdims=True),
            )
        ]
    )
    edges = [(RAIN, ROOF), (GRASS, ROOF)]
    fit = BayesianNetwork.fit(edges, columns, states=[ROOF], start=turned)
    assert fit.parents("roof") == ("rain", "grass")
    assert fit.training.objective[0] == pytest.approx(turned.log_likelihood(columns), rel=1e-12)


def test_interruption_keeps_the_tables_so_far(monkeypatch):
    p = sprinkler()
    columns = hide(p.sample(300, 0), np.random.default_rng(0), 0.1, ["rain"])
    whole, calls = Incomplete.expect, []

    def expect(self, tables, memory=None):
        calls.append(tables)
        if len(calls) > limit:
            raise KeyboardInterrupt
        return whole(self, tables, memory)

    monkeypatch.setattr(Incomplete, "expect", expect)
    limit = 3
    with pytest.warns(
        RuntimeWarning, match="interrupted after 2 iterations; the tables so far are"
    ):
        q = BayesianNetwork.fit(p, columns, rng=0, tol=0)
    assert q.training.interrupted
    assert not q.training.converged
    for kept, table in zip(calls[2], q.tables.values(), strict=True):
        np.testing.assert_array_equal(kept, table.values)
    limit, calls = 1, []
    with pytest.raises(KeyboardInterrupt):
        BayesianNetwork.fit(p, columns, rng=0)


def test_progress_is_reported():
    p = sprinkler()
    variables = {v.name: v for v in p.variables}
    columns = hide(p.sample(300, 0), np.random.default_rng(0), 0.1, ["rain"])
    families = Families.of(p.graph(), variables)
    rows = Incomplete.of(families, coded_rows(columns, variables)[1], None, 300)
    seen = []
    start = [p.tables[name].values for name in families.names]
    _, training = maximize(
        rows, start, [0.0] * 3, tol=1e-7, max_iterations=500, progress=seen.append
    )
    assert [s.iteration for s in seen] == list(range(1, training.iterations + 1))
    assert [-s.loss for s in seen] == list(training.objective[1:])
    assert seen[-1].gradient_norm < 0.5 * seen[0].gradient_norm


# ---- published networks ---------------------------------------------------------------


def published(shared_data, name):
    net = bif.read_network(shared_data / "bif" / f"{name}.bif.gz")
    variables = {n: Variable(n, states) for n, states in net.states.items()}
    return BayesianNetwork(
        ConditionalTable(variables[n], [variables[u] for u in net.parents[n]], net.tables[n])
        for n in variables
    )


@pytest.mark.parametrize("name", ["alarm", "pathfinder", "pigs", "win95pts"])
def test_published_networks(shared_data, name):
    p = published(shared_data, name)
    assert abs(p.gibbs().log_partition()) < 1e-12
    n = 20_000
    columns = p.sample(n, 0)
    for v, marginal in p.marginals().items():  # single marginals at six standard deviations
        share = np.array([(columns[v] == s).mean() for s in p.tables[v].child.states])
        spread = np.sqrt(marginal.values * (1 - marginal.values) / n)
        assert (np.abs(share - marginal.values) < 6 * spread + 1e-4).all()


def test_link_is_sampled_though_inference_takes_long(shared_data):
    p = published(shared_data, "link")
    columns = p.sample(2000, 0)
    assert len(columns) == 724
    assert p.log_likelihood(columns) > -math.inf


def test_alarm_is_learned_with_a_tenth_missing(shared_data):
    p = published(shared_data, "alarm")
    rng = np.random.default_rng(0)
    columns = hide(p.sample(2000, rng), rng, 0.1)
    q = BayesianNetwork.fit(p, columns, rng=0)
    assert q.training.converged
    assert q.log_likelihood(columns) >= p.log_likelihood(columns)
    fresh = p.sample(5000, 1)
    smooth = BayesianNetwork.fit(p, columns, rng=0, pseudo_count=0.5)
    loss = (p.log_likelihood(fresh) - smooth.log_likelihood(fresh)) / 5000
    assert 0 < loss < 0.2  # nats a row: 509 free parameters, 2000 rows

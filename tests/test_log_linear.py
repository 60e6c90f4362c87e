"""LogLinearModel: against chains, softmax and the general engine; what it learns and refuses."""

from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from gibbsfactor import (
    BayesianNetwork,
    ConditionalTable,
    FormatError,
    IntractableError,
    LinearChainCRF,
    SoftmaxRegression,
    Variable,
)
from gibbsfactor.features.labels import read_labels
from gibbsfactor.learning.chain.features import observed_features
from gibbsfactor.learning.chain.loss import ChainLoss
from gibbsfactor.learning.log_linear.loss import LogLinearLoss
from gibbsfactor.models.linear_chain_crf.problem import make_rules, make_targets
from gibbsfactor.models.log_linear import (
    Chain,
    CliqueTemplate,
    Grid,
    LogLinearModel,
    Nodes,
    SkipChain,
    interactions,
    markov_templates,
    own,
    whole,
    with_one,
)
from gibbsfactor.models.log_linear.labels import Labels


def sentences():
    X = [[["w=the"], ["w=dog"], ["w=barks"]], [["w=a"], ["w=cat"], ["w=sleeps"], ["w=well"]], []]
    return X, [["D", "N", "V"], ["D", "N", "V", "A"], []]


def test_a_chain_is_the_linear_chain_crf_in_loss_and_gradient():
    X, y = sentences()
    crf = LinearChainCRF(all_possible_states=True, all_possible_transitions=True, c2=0.7)
    crf.fit(X, y)
    tokens = crf.vectorizer_.transform(X)
    labels = read_labels(y)
    targets = make_targets(labels, tokens.lengths, np.array([1.0, 2.5, 1.0]))
    features, observed = observed_features(
        tokens, targets, order=1, transitions=True, all_states=True, all_transitions=True
    )
    rules = make_rules(None, labels.classes)
    model = LogLinearModel([CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]).fit(X, y)
    inputs = model._reader_.read(X)
    cases = Labels.of(y, ["y"], False).cases(model.states_, inputs, np.array([1.0, 2.5, 1.0]))
    ours = LogLinearLoss(inputs.structure, cases, c2=0.7)
    rng = np.random.default_rng(0)
    with ChainLoss(features, observed, tokens, targets, 0.7, rules, 1) as theirs:
        for _ in range(5):
            weights = rng.normal(size=features.n_weights)
            loss, gradient = ours(weights)
            value, slope = theirs(weights)
            assert loss == pytest.approx(value, abs=1e-9)
            assert np.abs(gradient - slope).max() < 1e-9
    assert crf.predict(X) == LogLinearModel(
        [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())], c2=0.7
    ).fit(X, y).predict(X)


def test_one_label_that_sees_all_of_x_is_softmax_regression():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    y = np.array(["a", "b", "c"])[(X @ rng.normal(size=(3, 3))).argmax(axis=1)]
    softmax = SoftmaxRegression(C=1.0, tol=1e-12).fit(X, y)
    model = LogLinearModel(
        [CliqueTemplate(features=whole, over="y"), CliqueTemplate(over="y")], c2=0.5, tol=1e-12
    ).fit(X, y)
    # the intercept is penalised here, so the optima differ a little; with its weights they agree
    ours = LogLinearModel.from_weights(
        model.templates,
        {"y": ["a", "b", "c"]},
        {"y": softmax.coef_.T, "y 2": softmax.intercept_},
    )
    assert np.allclose(ours.predict_proba(X), softmax.predict_proba(X), atol=1e-12)
    assert (model.predict(X) == y).mean() > 0.9


def test_interactions_learn_what_no_sum_can():
    """Exclusive or: linear in products of features alone."""
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 5)
    y = (X.sum(axis=1) == 1).astype(int)
    plain = LogLinearModel([CliqueTemplate(features=with_one(whole), over="y")], c2=0.01)
    crossed = LogLinearModel(
        [CliqueTemplate(features=interactions(with_one(whole)), over="y")], c2=0.01
    )
    assert plain.fit(X, y).score(X, y) < 0.8
    assert crossed.fit(X, y).score(X, y) == 1.0


def random_network(rng, n=9):
    """A random Markov network with loops: a table of one weight for each pair and each variable."""
    graph = nx.gnm_random_graph(n, 14, seed=7)
    states = {f"v{i}": [-1, 1] for i in range(n)}
    templates = [
        CliqueTemplate(over=f"v{i}", table=np.array([-1.0, 1.0]), name=f"h{i}") for i in range(n)
    ] + [
        CliqueTemplate(
            over=(f"v{i}", f"v{j}"), table=np.outer([-1.0, 1.0], [-1.0, 1.0]), name=f"J{i}{j}"
        )
        for i, j in graph.edges
    ]
    weights = {t.title: [rng.uniform(-0.6, 0.6)] for t in templates}
    return LogLinearModel.from_weights(templates, states, weights), weights


def test_parameters_are_recovered_to_statistical_error():
    """The estimate's distance in units of its own covariance, which is chi-square."""
    rng = np.random.default_rng(11)
    true, weights = random_network(rng)
    p = true.gibbs()
    data = p.sample(100_000, rng=rng)
    fitted = LogLinearModel(true.templates, c2=0.0, tol=1e-12).fit(None, data)
    names = list(weights)
    off = np.array([fitted.weights_[name][0, 0] - weights[name][0] for name in names])
    spins = np.stack([data[f"v{i}"] for i in range(9)], axis=1).astype(float)
    features = [
        spins[:, int(name[1])]
        if name[0] == "h"
        else spins[:, int(name[1])] * spins[:, int(name[2])]
        for name in names
    ]
    information = 100_000 * np.cov(np.array(features))
    distance = off @ information @ off
    assert 1e-4 < stats.chi2.sf(distance, len(names)) < 1 - 1e-4
    assert fitted.loss_ == pytest.approx(-fitted.log_probability(None, data).sum(), rel=1e-12)


def table_of(rng, n=4000):
    a = rng.integers(0, 3, n)
    b = (a + (rng.random(n) < 0.3)) % 3
    c = (b + (rng.random(n) < 0.4)) % 2
    return pd.DataFrame({"a": a, "b": b, "c": np.where(c == 1, "yes", "no")})


LOOP = [("a", "b"), ("b", "c"), ("a", "c")]


def test_iterative_scaling_and_gradient_agree():
    data = table_of(np.random.default_rng(3))
    templates = [CliqueTemplate(over=scope) for scope in LOOP]
    steep = LogLinearModel(templates, c2=0.0, tol=1e-13, max_iterations=3000).fit(None, data)
    scaled = LogLinearModel(templates, c2=0.0, solver="scaling", tol=1e-10).fit(None, data)
    assert scaled.converged_
    assert scaled.loss_ == pytest.approx(steep.loss_, rel=1e-9)
    p = scaled.gibbs()
    for one, other in LOOP:
        seen = pd.crosstab(data[one], data[other]).to_numpy() / len(data)
        assert np.allclose(p.marginal(one, other).values, seen, atol=1e-9)


def test_what_was_never_seen_is_ruled_out_by_scaling():
    data = {"a": ["x", "x", "y"], "b": ["u", "v", "v"]}
    model = LogLinearModel([CliqueTemplate(over=("a", "b"))], c2=0.0, solver="scaling")
    p = model.fit(None, data).gibbs()
    assert p.probability({"a": "y", "b": "u"}) == 0.0
    assert p.probability({"a": "x", "b": "u"}) == pytest.approx(1 / 3)
    assert model.log_probability(None, {"a": ["y"], "b": ["u"]}) == [-np.inf]


def test_tied_tables_are_scaled_too():
    """One table for all links of a ring: generalized iterative scaling."""
    rng = np.random.default_rng(0)
    ring = CliqueTemplate(nx.cycle_graph(5))
    true = LogLinearModel.from_weights([ring], {"y": [0, 1]}, {"Edges": [0.7, -0.2, -0.2, 0.4]})
    p = true.gibbs()
    columns = p.sample(5000, rng=rng)
    y = np.stack([columns[f"{i}"] for i in range(5)], axis=1)
    scaled = LogLinearModel([ring], c2=0.0, solver="scaling", tol=1e-9).fit(None, y)
    steep = LogLinearModel([ring], c2=0.0, tol=1e-13).fit(None, y)
    assert scaled.loss_ == pytest.approx(steep.loss_, rel=1e-10)
    assert np.allclose(
        scaled.gibbs().marginal("0").values, steep.gibbs().marginal("0").values, atol=1e-5
    )


def test_pseudo_likelihood_tends_to_the_same_weights():
    rng = np.random.default_rng(5)
    true, weights = random_network(rng)
    data = true.gibbs().sample(100_000, rng=rng)
    pseudo = LogLinearModel(true.templates, c2=0.0, tol=1e-12, objective="pseudo-likelihood")
    pseudo.fit(None, data)
    for name, (weight,) in weights.items():
        assert pseudo.weights_[name][0, 0] == pytest.approx(weight, abs=0.04)  # some 5 deviations


def test_answers_are_those_of_the_general_engine():
    rng = np.random.default_rng(2)
    X, y = sentences()
    templates = [
        CliqueTemplate(Nodes(), own),
        CliqueTemplate(Chain()),
        CliqueTemplate(SkipChain(lambda token: token[0][2]), table="same"),
    ]
    model = LogLinearModel(templates, c2=0.2).fit(X, y)
    new = [[["w=a"], ["w=dog"], ["w=cat"], ["w=a"], ["w=dog"]], [["w=the"]]]
    for x, proba, labels, log_z in zip(
        new, model.predict_proba(new), model.predict(new), model.log_partition(new), strict=True
    ):
        p = model.gibbs(x)
        assert p.log_partition() == pytest.approx(log_z, abs=1e-12)
        assert list(p.map_assignment().values()) == labels
        for t, row in enumerate(proba):
            assert np.allclose(p.marginal(f"y{t}").values, row, atol=1e-12)
        known = [None, *labels[1:2], *[None] * (len(x) - 2)][: len(x)]
        given = p.condition({f"y{t}": s for t, s in enumerate(known) if s is not None})
        (shares,) = model.predict_proba([x], known=[known])
        for t, row in enumerate(shares):
            if known[t] is None:
                assert np.allclose(given.marginal(f"y{t}").values, row, atol=1e-12)
            else:
                assert row[model.states_["y"].index(known[t])] == 1.0
    drawn = [model.sample(new[:1], rng=rng)[0][0] for _ in range(300)]
    expected = model.predict_proba(new[:1])[0][0] * 300
    counts = np.array([drawn.count(s) for s in model.states_["y"]])
    assert stats.chisquare(counts, expected).pvalue > 1e-4


def test_hidden_kinds_are_summed_out():
    """A mixture of two chains' emissions: the hidden kind has no label anywhere."""
    X = [np.eye(2)[[0, 1, 0]], np.eye(2)[[1, 1]], np.eye(2)[[0, 0, 1, 1]]] * 3
    y = [{"y": ["a", "b", "b"]}, {"y": ["b", "a"]}, {"y": ["a", "a", "b", "a"]}] * 3
    templates = [
        CliqueTemplate(Nodes(), own, over="h"),
        CliqueTemplate(Nodes(), over=("h", "y")),
        CliqueTemplate(Chain(), over="h"),
    ]
    model = LogLinearModel(templates, states={"h": 2}, c2=0.05).fit(X, y)
    assert model.converged_
    for x, labels, log_p in zip(X, y, model.log_probability(X, y), strict=True):
        p = model.gibbs(x)
        known = {f"y{t}": label for t, label in enumerate(labels["y"])}
        assert p.log_probability_of(known) == pytest.approx(log_p, abs=1e-11)
    told = model.predict(X[:1])[0]
    assert set(told) == {"h", "y"}
    assert len(told["h"]) == 3
    start = LogLinearModel(templates, states={"h": 2}, c2=0.05, max_iterations=1)
    with pytest.warns(match="did not converge|before it converged"):
        start.fit(X, y)
    assert model.loss_ < start.loss_


def test_images_come_back_as_images():
    rng = np.random.default_rng(0)
    clean = (rng.random((20, 4, 5)) < 0.5).astype(int)
    noisy = (clean + (rng.random(clean.shape) < 0.1)) % 2
    X = list(with_channel(noisy))
    templates = [CliqueTemplate(Nodes(2), with_one(own)), CliqueTemplate(Grid(), table="same")]
    model = LogLinearModel(templates).fit(X, list(clean))
    (image,) = model.predict(X[:1])
    assert image.shape == (4, 5)
    assert model.predict_proba(X[:1])[0].shape == (4, 5, 2)
    assert model.score(X, list(clean)) > 0.85


def with_channel(images):
    return images[..., None].astype(float)


def test_weights_of_samples_count_as_copies():
    X, y = sentences()
    templates = [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]
    once = LogLinearModel(templates, tol=1e-13).fit(X, y, sample_weight=[2, 1, 1])
    twice = LogLinearModel(templates, tol=1e-13).fit([X[0], *X], [y[0], *y])
    assert once.loss_ == pytest.approx(twice.loss_, rel=1e-10)


def test_l1_leaves_few_weights():
    X, y = sentences()
    templates = [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]
    sparse = LogLinearModel(templates, c1=0.4, c2=0.0).fit(X, y)
    zero = sum(int((w == 0).sum()) for w in sparse.weights_.values())
    assert zero > 20
    assert all(weight != 0 for *_, weight in sparse.top_weights(3))


# ---- twins -----------------------------------------------------------------------------


@pytest.mark.parametrize("targets", ["v3", ("v0", "v2"), ("v0", "v1", "v2", "v3", "v4")])
def test_a_twin_answers_as_its_network(targets):
    rng = np.random.default_rng(4)
    network = random_bayesian_network(rng)
    data = network.sample(40, rng=rng)
    names = [targets] if isinstance(targets, str) else list(targets)
    rest = {name: column for name, column in data.items() if name not in names}
    twin = network.discriminative_twin(targets)
    if not rest:
        assert twin.log_partition() == pytest.approx([0.0], abs=1e-12)
        return
    shares = twin.predict_proba(rest)
    expected = network.marginals(evidence=rest)
    for name in names:
        ours = shares[name] if len(names) > 1 else shares
        assert np.allclose(ours, expected[name], atol=1e-12)


def test_training_a_twin_raises_its_conditional_likelihood():
    rng = np.random.default_rng(8)
    network = random_bayesian_network(rng)
    data = network.sample(400, rng=rng)
    poor = BayesianNetwork.fit(
        nx.DiGraph([("v0", "v1"), ("v0", "v2"), ("v0", "v3")]),
        {k: v for k, v in data.items() if k != "v4"},
        pseudo_count=1.0,
    )
    X = {name: data[name] for name in ("v1", "v2", "v3")}
    twin = poor.discriminative_twin("v0", c2=0.0)
    before = twin.log_probability(X, data["v0"]).sum()
    assert before == pytest.approx(
        sum(np.log(poor.marginals(evidence=X)["v0"][np.arange(400), data["v0"]])), rel=1e-10
    )
    assert twin.fit(X, data["v0"]).log_probability(X, data["v0"]).sum() > before + 0.5


def random_bayesian_network(rng):
    variables = [Variable(f"v{i}", 2 + i % 2) for i in range(5)]
    parents = [[], [0], [0, 1], [1], [2, 3]]
    tables = []
    for v, above in zip(variables, parents, strict=True):
        of = [variables[i] for i in above]
        shape = [u.cardinality for u in of]
        rows = rng.dirichlet(np.ones(v.cardinality), size=int(np.prod(shape, dtype=int)))
        tables.append(ConditionalTable(v, of, rows.reshape(*shape, v.cardinality)))
    return BayesianNetwork(tables)


# ---- graphs, names, tables of weights ----------------------------------------------------


def test_labels_on_the_nodes_of_a_graph_go_by_their_names():
    graph = nx.path_graph(["left", "middle", "right"])
    y = [{"left": "a", "middle": "a", "right": "b"}, {"left": "a", "right": "b"}, ["b", "b", None]]
    model = LogLinearModel([CliqueTemplate(graph)], c2=0.1).fit(None, y)
    p = model.gibbs()
    assert p.names == ("left", "middle", "right")
    known = {"left": "a", "right": "b"}
    expected = p.condition(known).log_partition() - p.log_partition()
    assert model.log_probability(None, [known]) == pytest.approx([expected])
    with pytest.raises(ValueError, match="'top', which is no node of the graph"):
        model.log_probability(None, [{"top": "a"}])


def test_weights_of_a_template_as_a_table():
    X, y = sentences()
    model = LogLinearModel([CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]).fit(X, y)
    table = model.weight_table("Chain")
    assert table.shape == (1, 4, 4)
    best = max(model.top_weights(1000), key=lambda w: w[3] if w[0] == "Chain" else -np.inf)
    before, after = (model.states_["y"].index(state) for state in best[2])
    assert table[0, before, after] == best[3]
    assert model.weight_table("Nodes").shape == (7, 4)
    with pytest.raises(ValueError, match="no template 'Links'; there are 'Nodes', 'Chain'"):
        model.weight_table("Links")


def test_labels_never_seen_in_training_count_as_wrong():
    X, y = sentences()
    model = LogLinearModel([CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]).fit(X, y)
    assert model.score(X[:1], [["D", "N", "new"]]) == pytest.approx(2 / 3)
    assert model.score(X[:1], [["D", None, "V"]]) == 1.0
    with pytest.raises(ValueError, match="case 0, position 2: the label 'new' of kind 'y' is none"):
        model.log_probability(X[:1], [["D", "N", "new"]])


def test_models_are_pickled_and_cloned():
    X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 4)
    y = ["u", "r", "b"] * 4
    model = LogLinearModel([CliqueTemplate(features=interactions(with_one(whole)), over="y")])
    again = pickle.loads(pickle.dumps(model.fit(X, y)))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert clone(model).fit(X, y).loss_ == model.loss_
    assert "Interactions of WithOne of whole" in repr(model.templates[0])


# ---- what it refuses -------------------------------------------------------------------

NODES = CliqueTemplate(Nodes(), own)


@pytest.mark.parametrize(
    ("templates", "X", "y", "error", "told"),
    [
        ([], [], [], ValueError, "no templates"),
        ([Nodes()], [], [], TypeError, "expected CliqueTemplate"),
        ([NODES], [], [], ValueError, "no cases"),
        ([NODES], [["a"]], [["x", "y"]], ValueError, "case 0 has 2 labels .* its input has 1"),
        ([NODES], [["a"], ["b"]], [["x"]], ValueError, "X has 2 inputs, but y has 1"),
        ([NODES], [["a"]], [[None]], ValueError, "no case has a label of kind 'y'"),
        ([NODES], [np.ones((2, 2))], "xy", TypeError, "y is str"),
        ([NODES], 3, [["x"]], TypeError, "X is int"),
        ([NODES], [np.full((1, 1), np.nan)], [["x"]], ValueError, "NaN or infinite"),
        ([CliqueTemplate(lambda x: [[0, 0]])], ["a"], [["x"]], ValueError, "meets itself"),
        ([CliqueTemplate(lambda x: [[0.5]])], ["a"], [["x"]], ValueError, "whole numbers from 0"),
        ([CliqueTemplate(Nodes(2), own)], [np.ones((2, 2))], [["x"] * 4], ValueError, "as x"),
        ([NODES], ["the dog"], [["x"] * 7], TypeError, "the input is the string 'the dog'"),
        (
            [CliqueTemplate(Nodes(2))],
            [np.ones((4, 5, 1))],
            [np.ones((5, 4))],
            ValueError,
            r"array of shape \(5, 4\), but its input has \(4, 5\)",
        ),
        ([CliqueTemplate(SkipChain(list))], [["a"]], [["x"]], TypeError, "compared by hash"),
        ([CliqueTemplate(SkipChain(len))], [["a"]], [["x"]], ValueError, "is over every label"),
        ([NODES], {"a": [1]}, None, TypeError, r"by fit\(None, data\)"),
        ([CliqueTemplate(over=("a", "b"))], None, [1, 2], TypeError, "y is one column"),
        ([CliqueTemplate(over="a")], None, {"b": [1]}, ValueError, "column for 'b'"),
        ([CliqueTemplate(over="a"), NODES], None, {"a": [1]}, ValueError, "does not say which"),
    ],
)
def test_refused(templates, X, y, error, told):
    with pytest.raises(error, match=told):
        LogLinearModel(templates).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"objective": "map"}, "objective is 'map'"),
        ({"solver": "newton"}, "solver is 'newton'"),
        ({"c2": -1}, "c2 is -1"),
        ({"max_iterations": 0}, "max_iterations is 0"),
        ({"solver": "scaling", "c1": 1.0}, "without a penalty"),
        ({"solver": "scaling"}, "c2 is 1"),
        ({"states": {"z": 2}}, "states names 'z'"),
    ],
)
def test_parameters_refused(parameters, told):
    with pytest.raises(ValueError, match=told):
        LogLinearModel([CliqueTemplate(over="a")], **parameters).fit(None, {"a": [0, 1]})


def test_too_wide_says_what_else_there_is():
    n = 60
    everything = CliqueTemplate(
        lambda x: [(i, j) for i in range(n) for j in range(i)], table="same"
    )
    y = [np.arange(n) % 2]
    with pytest.raises(IntractableError, match="Training can do without: objective='pseudo-"):
        LogLinearModel([everything]).fit(None, y)
    pseudo = LogLinearModel([everything], objective="pseudo-likelihood").fit(None, y)
    assert pseudo.weights_["<lambda>"].shape == (1, 1)


def test_weights_of_another_shape_are_told():
    with pytest.raises(ValueError, match=r"have shape \(1, 2\); its labels have 4 joint states"):
        LogLinearModel.from_weights([CliqueTemplate(over="ab")], {"ab": 4}, {"ab": [0.0, 1.0]})
    model = LogLinearModel.from_weights([CliqueTemplate(Chain())], {"y": 2}, {"Chain": [0.0, 1.0]})
    with pytest.raises(ValueError, match=r"'Chain' needs weights of shape \(1, 4\).* are \(1, 2\)"):
        model.predict(["ab"])
    with pytest.raises(ValueError, match=r"3 features in training, and now 2"):
        LogLinearModel([NODES]).fit([np.ones((1, 3))], [["x"]]).predict([np.ones((1, 2))])
    with pytest.raises(TypeError, match="has the node 0; nodes are names of columns"):
        markov_templates(nx.path_graph(3))


def test_not_fitted_is_told():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        LogLinearModel([NODES]).predict([["a"]])


# ---- files -----------------------------------------------------------------------------


def test_a_saved_model_answers_alike(tmp_path):
    X, y = sentences()
    templates = [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]
    model = LogLinearModel(templates, c2=np.float64(0.3)).fit(X, y)
    model.save(tmp_path / "model.gf")
    again = LogLinearModel.load(tmp_path / "model.gf", templates)
    new = [[["w=a"], ["w=dog"], ["w=unseen"]]]
    assert np.array_equal(again.predict_proba(new)[0], model.predict_proba(new)[0])
    assert again.loss_ == model.loss_
    assert again.c2 == 0.3
    with pytest.raises(ValueError, match=r"holds weights of the templates 'Nodes', 'Chain', but"):
        LogLinearModel.load(tmp_path / "model.gf", templates[:1])
    text = (tmp_path / "model.gf").read_bytes()
    (tmp_path / "model.gf").write_bytes(text[: len(text) // 2])
    with pytest.raises(FormatError):
        LogLinearModel.load(tmp_path / "model.gf", templates)

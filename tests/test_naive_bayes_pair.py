"""Naive Bayes as a Gibbs distribution, as an exponential family, and as softmax regression."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Model, Table

from gibbsfactor import SoftmaxRegression
from gibbsfactor.drawing import draw
from gibbsfactor.models.naive_bayes import NaiveBayes

SEEDS = st.integers(0, 2**32 - 1)
KINDS = np.array(["gaussian", "categorical", "bernoulli", "multinomial"])


def fitted(seed, k=3, holes=0.0, kinds=None, n=50):
    """A model of random columns, and the rows it was fitted to, objects with None."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(KINDS, size=6).tolist() if kinds is None else kinds
    y = rng.integers(k, size=n)
    y[:k] = np.arange(k)
    made = {
        "gaussian": lambda: rng.normal(size=k)[y] + rng.normal(size=n),
        "categorical": lambda: np.array(["u", "v", "w", "x"])[(rng.integers(3, size=n) + y) % 4],
        "bernoulli": lambda: (rng.random(n) < rng.random(k)[y]) * 1,
        "multinomial": lambda: rng.poisson(rng.exponential(size=k)[y] * 2),
    }
    X = np.empty((n, len(kinds)), dtype=object)
    for i, kind in enumerate(kinds):
        X[:, i] = made[kind]().tolist()
    X[rng.random(X.shape) < holes] = None
    labels = np.array(["a", "b", "c", "d"])[y]
    unseen = "category" if seed % 2 else "missing"
    return NaiveBayes(kinds, alpha=0.5, unseen=unseen).fit(X, labels, rng.exponential(size=n)), X


def with_strange_labels(model, X, seed):
    """Some entries of categorical columns that training never met."""
    X = X.copy()
    strange = np.random.default_rng(seed).random(X.shape) < 0.2
    X[strange & (np.array(model.kinds_) == "categorical")] = "strange"
    return X


# ---- the Gibbs distribution ---------------------------------------------------------------


def factors_by_hand(model, x):
    """The prior and the factor of each column that x has, read off the fitted attributes."""
    factors = [np.exp(model.class_log_prior_)]
    for i, (kind, entry) in enumerate(zip(model.kinds_, x, strict=True)):
        if entry is None:
            continue
        if kind == "gaussian":
            mean, var = model.theta_[:, i], model.var_[:, i]
            factors.append(np.exp(-((entry - mean) ** 2) / (2 * var)) / np.sqrt(2 * np.pi * var))
        elif kind == "categorical":
            labels = model.categories_[i]
            if entry in labels:
                factors.append(np.exp(model.category_log_prob_[i][:, labels.index(entry)]))
            elif model.unseen == "category":
                factors.append(1 - np.exp(model.category_log_prob_[i]).sum(axis=1))
        else:
            p = np.exp(model.feature_log_prob_[:, i])
            factors.append(p**entry if kind == "multinomial" else p if entry else 1 - p)
    return factors


@settings(max_examples=40)
@given(seed=SEEDS, k=st.integers(1, 4), holes=st.sampled_from([0.0, 0.4]))
def test_gibbs_is_the_same_distribution(seed, k, holes):
    model, X = fitted(seed, k, holes)
    X = with_strange_labels(model, X, seed)
    for x in X[:5]:
        p = model.gibbs(x)
        by_hand = factors_by_hand(model, x)
        assert len(p.factors) == len(by_hand)
        for factor, values in zip(p.factors, by_hand, strict=True):
            np.testing.assert_allclose(factor.values, values, rtol=1e-9)
        states = {"class": tuple(model.classes_.tolist())}
        brute = Model(states, [Table(("class",), v, is_log=False) for v in by_hand])
        assert p.variables[0].states == states["class"]
        np.testing.assert_allclose(p.log_partition(), brute.log_z, rtol=1e-10, atol=1e-10)
        marginal = p.marginal("class").values
        np.testing.assert_allclose(marginal, brute.marginal(["class"]), atol=1e-10)
        np.testing.assert_allclose(marginal, model.predict_proba([x])[0], atol=1e-12)
        joint = model.predict_joint_log_proba([x])[0]
        np.testing.assert_allclose(p.log_partition(), np.logaddexp.reduce(joint), atol=1e-10)
        assert p.map_assignment() == {"class": model.predict([x])[0]}


def test_gibbs_takes_a_row_in_any_form():
    frame = pd.DataFrame({"size": [1.0, 2.0, 5.0, 6.0], "hue": ["r", "g", "g", "b"]})
    model = NaiveBayes().fit(frame, [0, 0, 1, 1])
    expected = model.predict_proba(frame.iloc[[2]])[0]
    rows = (frame.iloc[2], frame.iloc[[2]], [5.0, "g"], (5.0, "g"), {"hue": "g", "size": 5.0})
    for row in (*rows, np.array([5.0, "g"], dtype=object), [[5.0, "g"]]):
        np.testing.assert_allclose(model.gibbs(row).marginal("class").values, expected)
    part = model.gibbs({"hue": "g"})
    np.testing.assert_allclose(part.marginal("class").values, [0.5, 0.5])
    assert len(part.factors) == 2
    with pytest.raises(ValueError, match=r"x has entries for 'form', which are no columns; the"):
        model.gibbs({"form": 1})
    for wrong, shape in (([1.0], r"\(1,\)"), (frame[["hue", "size"]].iloc[:2].to_numpy(), "2, 2")):
        with pytest.raises(ValueError, match=rf"x has shape .*{shape}.*expected one row of 2"):
            model.gibbs(wrong)


def test_gibbs_of_a_sparse_row_leaves_out_counts_of_zero():
    X = sp.csr_array([[2.0, 0, 1], [0, 1, 0], [0, 0, 3]])
    for kind, n in (("multinomial", 3), ("bernoulli", 4)):
        model = NaiveBayes(kind).fit(X, [0, 1, 1])
        p = model.gibbs(X[[0]])
        assert len(p.factors) == n
        assert len(model.gibbs(X[[0]].toarray()[0]).factors) == 4
        expected = model.predict_joint_log_proba(X)[0]
        np.testing.assert_allclose(p.log_partition(), np.logaddexp.reduce(expected), rtol=1e-12)
        np.testing.assert_allclose(p.marginal("class").values, model.predict_proba(X)[0])


# ---- the exponential family ---------------------------------------------------------------


@settings(max_examples=60)
@given(seed=SEEDS, k=st.integers(2, 4), holes=st.sampled_from([0.0, 0.3]), all_marked=st.booleans())
def test_softmax_has_the_same_posterior(seed, k, holes, all_marked):
    model, X = fitted(seed, k, holes)
    X = with_strange_labels(model, X, seed)
    missing = True if all_marked else None
    weights, bias = model.natural_parameters(missing=missing)
    statistics = model.sufficient_statistics(X, missing=missing)
    names = model.statistic_names(missing=missing)
    assert weights.shape == (k, len(names)) == (k, statistics.shape[1])
    assert sp.issparse(statistics) == ("categorical" in model.kinds_)
    joint = statistics @ weights.T + bias
    np.testing.assert_allclose(joint, model.predict_joint_log_proba(X), rtol=1e-10, atol=1e-10)
    partner = model.to_softmax(missing=missing)
    assert isinstance(partner, SoftmaxRegression)
    assert partner.coef_.shape[0] == (1 if k == 2 else k)
    np.testing.assert_allclose(
        partner.predict_proba(statistics), model.predict_proba(X), rtol=1e-10, atol=1e-10
    )
    log_shares = model.predict_log_proba(X)
    np.testing.assert_allclose(partner.predict_log_proba(statistics), log_shares, atol=1e-10)
    np.testing.assert_array_equal(partner.predict(statistics), model.predict(X))


@pytest.mark.parametrize("kind", ["multinomial", "bernoulli"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, pd.DataFrame])
def test_statistics_of_counts_and_bits_are_the_columns_themselves(kind, form):
    rng = np.random.default_rng(0)
    X = (rng.poisson(1, size=(30, 4)) if kind == "multinomial" else rng.random((30, 4)) < 0.4) * 1.0
    given = form(X)
    if form is pd.DataFrame:
        given.columns = list("abcd")
    model = NaiveBayes(kind).fit(given, np.arange(30) % 3)
    statistics = model.sufficient_statistics(given)
    assert sp.issparse(statistics) == sp.issparse(given)
    np.testing.assert_array_equal(statistics.toarray() if sp.issparse(given) else statistics, X)
    partner = model.to_softmax()
    np.testing.assert_allclose(partner.predict_proba(given), model.predict_proba(given), rtol=1e-10)
    assert hasattr(partner, "feature_names_in_") == (form is pd.DataFrame)
    # the partner goes on as any fitted model does: its Gibbs distribution is that of naive Bayes
    row = X[0] if form is not pd.DataFrame else given.iloc[0]
    shares = partner.gibbs(row).marginal("class").values
    np.testing.assert_allclose(shares, model.gibbs(row).marginal("class").values, rtol=1e-10)


def test_what_each_statistic_is():
    X = [[1.5, "r", 1, 3], [2.5, "g", 0, 1], [None, "g", None, 0]]
    model = NaiveBayes(
        ["gaussian", "categorical", "bernoulli", "multinomial"], unseen="category"
    ).fit(X, [0, 1, 1])
    assert model.statistic_names() == [
        *("x0", "x0^2", "x0 missing"),
        *("x1=g", "x1=r", "x1=(other)"),
        *("x2", "x2 missing", "x3"),
    ]
    assert model.statistic_names(missing=False) == [
        *("x0", "x0^2", "x1=g", "x1=r", "x1=(other)", "x2", "x3"),
    ]
    found = model.sufficient_statistics([*X, [-2.0, "b", 0, 2]])
    assert found.toarray().tolist() == [
        [1.5, 2.25, 0, 0, 1, 0, 1, 0, 3],
        [2.5, 6.25, 0, 1, 0, 0, 0, 0, 1],
        [0, 0, 1, 1, 0, 0, 0, 1, 0],
        [-2, 4, 0, 0, 0, 1, 0, 0, 2],
    ]


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_a_missing_entry_without_a_statistic_is_an_error(kind, form):
    if kind == "gaussian":
        form = np.asarray
    X = np.array([[1.0, 0], [0, 1], [1, 1]])
    model = NaiveBayes(kind).fit(form(X), [0, 1, 1])
    X[1, 1] = np.nan
    with pytest.raises(ValueError, match=r"column 1 lacks an entry in row 1 .* give missing=True"):
        model.sufficient_statistics(form(X))
    statistics = model.sufficient_statistics(form(X), missing=True)
    shares = model.to_softmax(missing=True).predict_proba(statistics)
    np.testing.assert_allclose(shares, model.predict_proba(form(X)), rtol=1e-10)


def test_no_weights_for_hard_zeros_or_a_single_class():
    X = [["u", 1.0], ["v", 2.0], ["v", 4.0]]
    model = NaiveBayes(alpha=0).fit(X, [0, 1, 1])
    with pytest.raises(ValueError, match=r"probabilities of zero \(statistics 'x0=u', 'x0=v'; log"):
        model.to_softmax()
    with pytest.raises(ValueError, match=r"\(statistics none; log P\(y\) \[0.0, -inf\]\)"):
        NaiveBayes(class_prior=[1, 0]).fit(X, [0, 1, 1]).natural_parameters()
    with pytest.raises(ValueError, match="only one class, 'a'; softmax regression needs"):
        NaiveBayes().fit(X, ["a", "a", "a"]).to_softmax()


# ---- looks --------------------------------------------------------------------------------


def test_graph_is_a_star_from_the_class(tmp_path):
    frame = pd.DataFrame(
        {"size": [1.0, 2, 3], "hue": ["r", "g", "g"], "ripe": [True, False, True], "class": "abc"}
    )
    frame["class"] = list("aba")
    model = NaiveBayes(unseen="category").fit(frame, ["x", "y", "y"])
    graph = model.graph()
    assert nx.is_arborescence(graph)
    assert graph.graph["kind"] == "directed"
    assert list(graph.edges) == [("class", n) for n in ("size", "hue", "ripe", "class (column)")]
    assert graph.nodes["class"]["states"] == '["x", "y"]'
    assert graph.nodes["hue"]["states"] == '["g", "r", "(other)"]'
    assert graph.nodes["ripe"]["cardinality"] == 2
    assert not {"states", "cardinality"} & set(graph.nodes["size"])
    assert [d["distribution"] for _, d in graph.nodes(data=True)] == ["categorical", *model.kinds_]
    assert not any(d["observed"] for _, d in graph.nodes(data=True))
    ax = draw(model, observed=["size", "hue"], path=tmp_path / "star.png")
    assert {t.get_text() for t in ax.texts} >= {"class", "size", "hue", "class (column)"}
    empty = NaiveBayes("categorical").fit([[None], [None]], [0, 1]).graph()
    assert empty.nodes["x0"].get("states") is None


def test_described_and_shown():
    model = NaiveBayes(["gaussian", "categorical", "bernoulli", "multinomial"])
    model.fit([[1.0, "<b>", 1, 3], [2.0, "c", 0, 1]], [0, 1])
    assert repr(model.describe()).split("\n") == [
        "column  kind         given the class",
        "x0      gaussian     means 1 to 2, sd 1.581e-05",
        "x1      categorical  2 categories: '<b>', 'c'",
        "x2      bernoulli    50.0% are ones",
        "x3      multinomial  100.0% of all counts",
    ]
    page = model._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<td>gaussian</td>" in page
    bundle = model._repr_mimebundle_()
    assert bundle["text/plain"] == repr(model)
    assert bundle["text/html"].endswith(model.describe()._repr_html_())
    assert "given the class" not in NaiveBayes()._repr_html_()
    wide = NaiveBayes("multinomial").fit(np.eye(25), np.arange(25) % 2)
    assert repr(wide.describe()).endswith("... and 5 more columns")
    assert "and 5 more rows" in wide.describe()._repr_html_()
    zero = NaiveBayes(["multinomial", "categorical"], min_categories=4).fit([[0, 1]], [0])
    words = [row[2] for row in zero.describe().rows]
    assert words == ["no count met", "1 category and 3 never met: 1"]


def test_log_partition_is_the_density_of_a_mixture():
    """The marginal P(x) of two classes of normal numbers is a mixture of two densities."""
    X, y = np.array([[0.0], [2.0], [5.0], [9.0], [7.0]]), [0, 0, 1, 1, 1]
    model = NaiveBayes(var_smoothing=0).fit(X, y)
    by_hand = 0.4 * math.exp(-((3 - 1) ** 2) / 2) / math.sqrt(2 * math.pi)
    by_hand += 0.6 * math.exp(-((3 - 7) ** 2) / (2 * 8 / 3)) / math.sqrt(2 * math.pi * 8 / 3)
    assert math.isclose(model.gibbs([3.0]).partition_function(), by_hand, rel_tol=1e-12)

"""What naive Bayes takes in: holes, strings, frames, unseen labels, hard zeros, errors."""

from __future__ import annotations

import math
import pickle
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from gibbsfactor import ZeroProbabilityError
from gibbsfactor.models.naive_bayes import NaiveBayes

SEEDS = st.integers(0, 2**32 - 1)
KINDS = ["gaussian", "categorical", "bernoulli", "multinomial", "categorical", "multinomial"]
COLOURS = ["red", "green", "blue"]


class ByHand:
    """Naive Bayes in plain loops, straight from its definition. None is missing."""

    def __init__(self, kinds, rows, labels, weights, alpha, smoothing):
        self.kinds, self.classes, self.alpha = kinds, sorted(set(labels)), alpha
        self.count = Counter()
        self.seen = [defaultdict(Counter) for _ in kinds]  # column -> class -> label -> weight
        self.values = [defaultdict(list) for _ in kinds]  # column -> class -> (entry, weight)
        for row, label, weight in zip(rows, labels, weights, strict=True):
            self.count[label] += weight
            for i, entry in enumerate(row):
                if entry is not None:
                    self.seen[i][label][entry] += weight
                    self.values[i][label].append((entry, weight))
        spreads = [0.0]
        for i, kind in enumerate(kinds):
            entries = [row[i] for row in rows if row[i] is not None]
            if kind == "gaussian" and entries:
                spreads.append(float(np.var(entries)))
        self.epsilon = smoothing * max(spreads)

    def log_prior(self, y):
        return math.log(self.count[y] / math.fsum(self.count.values()))

    def log_factor(self, i, y, x):
        """log P(x_i | y)."""
        kind, seen = self.kinds[i], self.seen[i]
        total = math.fsum(seen[y].values())
        labels = {label for c in seen.values() for label in c}
        if kind == "categorical":
            if x not in labels:
                return 0.0
            return math.log((seen[y][x] + self.alpha) / (total + self.alpha * len(labels)))
        if kind == "bernoulli":
            same = math.fsum(w for e, w in self.values[i][y] if (e > 0) == (x > 0))
            return math.log((same + self.alpha) / (total + 2 * self.alpha))
        if kind == "multinomial":
            mine = [j for j, k in enumerate(self.kinds) if k == kind]
            sums = [math.fsum(e * w for e, w in self.values[j][y]) for j in mine]
            share = (sums[mine.index(i)] + self.alpha) / (math.fsum(sums) + self.alpha * len(mine))
            return x * math.log(share)
        pairs = self.values[i][y] or [p for c in self.classes for p in self.values[i][c]]
        whole = math.fsum(w for _, w in pairs)
        mean = math.fsum(e * w for e, w in pairs) / whole
        var = math.fsum(w * (e - mean) ** 2 for e, w in pairs) / whole + self.epsilon
        return -0.5 * (math.log(2 * math.pi * var) + (x - mean) ** 2 / var)

    def log_joint(self, row):
        return [
            self.log_prior(y)
            + math.fsum(self.log_factor(i, y, x) for i, x in enumerate(row) if x is not None)
            for y in self.classes
        ]


def random_rows(seed, n=40, holes=0.25):
    """Rows of Python objects, None where missing; the first three have everything."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["p", "q", "r"], size=n).tolist()
    labels[:3] = ["p", "q", "r"]
    rows = []
    for label in labels:
        shift = "pqr".index(label)
        row = [
            float(rng.normal(shift)),
            str(rng.choice(COLOURS)),
            bool(rng.random() < 0.3 + 0.2 * shift),
            int(rng.poisson(1 + shift)),
            int(rng.integers(3)) * 10,
            int(rng.poisson(2)),
        ]
        hidden = rng.random(6) < (holes if len(rows) >= 3 else 0)
        rows.append([None if out else entry for entry, out in zip(row, hidden, strict=True)])
    return rows, labels, rng.exponential(size=n).tolist()


def as_frame(rows):
    frame = pd.DataFrame(rows, columns=list("abcdef"), dtype=object)
    frame["a"] = frame["a"].astype(float)
    frame["b"] = frame["b"].astype("category")
    frame["c"] = frame["c"].astype("boolean")
    frame["d"] = frame["d"].astype("Int64")
    return frame


@settings(max_examples=25)
@given(seed=SEEDS, alpha=st.sampled_from([1.0, 0.2]), weighted=st.booleans())
def test_every_form_of_a_table_equals_the_definition(seed, alpha, weighted):
    rows, labels, weights = random_rows(seed)
    w = weights if weighted else [1.0] * len(rows)
    by_hand = ByHand(KINDS, rows, labels, w, alpha, 1e-3)
    expected = [by_hand.log_joint(row) for row in rows]
    for X in (np.array(rows, dtype=object), rows, as_frame(rows)):
        model = NaiveBayes(KINDS, alpha=alpha, var_smoothing=1e-3)
        model.fit(X, labels, weights if weighted else None)
        np.testing.assert_allclose(model.predict_joint_log_proba(X), expected, rtol=1e-10)


def test_a_missing_entry_is_summed_out():
    rows, labels, _ = random_rows(1, holes=0.0)
    kinds = ["categorical", "categorical", "bernoulli", "categorical", "categorical", "gaussian"]
    model = NaiveBayes(kinds, binarize=0.5).fit(np.array(rows, dtype=object), labels)
    for i, states in ((1, COLOURS), (2, [False, True]), (4, [0, 10, 20])):
        row = list(rows[5])
        parts = []
        for state in states:
            row[i] = state
            parts.append(model.predict_joint_log_proba([list(row)])[0])
        row[i] = None
        hidden = model.predict_joint_log_proba([row])[0]
        np.testing.assert_allclose(np.logaddexp.reduce(parts, axis=0), hidden, rtol=1e-12)


def test_missing_entries_of_sparse_and_masked_tables():
    X = np.array([[1.0, np.nan, 0], [0, 2, 1], [np.nan, 0, 3], [0, 1, 0], [2, 0, 0]])
    y = [0, 1, 0, 1, 0]
    for kind in ("bernoulli", "multinomial"):
        dense = NaiveBayes(kind).fit(X, y)
        stored = sp.csr_array(X)
        sparse = NaiveBayes(kind).fit(stored, y)
        masked = NaiveBayes(kind).fit(np.ma.masked_invalid(X), y)
        expected = dense.predict_proba(X)
        np.testing.assert_allclose(sparse.predict_proba(stored), expected, rtol=1e-12)
        np.testing.assert_allclose(masked.predict_proba(np.ma.masked_invalid(X)), expected)
    assert dense.feature_count_.tolist() == [[3, 0, 3], [0, 3, 1]]
    duplicates = sp.csr_array(([0.5, 0.5, 1.0], [0, 0, 1], [0, 2, 3]), shape=(2, 2))
    assert NaiveBayes(binarize=0.9).fit(duplicates, [0, 1]).feature_count_.tolist() == [
        [1, 0],
        [0, 1],
    ]
    assert duplicates.nnz == 3  # what was given stays as it is


def test_columns_without_entries_say_nothing():
    X = np.array([[np.nan, 1.0], [np.nan, 2.0], [np.nan, 4.0], [np.nan, 5.5]])
    y = [0, 0, 1, 1]
    rest = NaiveBayes().fit(X[:, 1:], y).predict_joint_log_proba(X[:, 1:])
    for kind in ("gaussian", "categorical"):
        model = NaiveBayes([kind, "gaussian"]).fit(X, y)
        for known in (np.nan, 7.0):
            X[:, 0] = known
            np.testing.assert_allclose(model.predict_joint_log_proba(X), rest, rtol=1e-12)
            assert len(model.gibbs(X[0]).factors) == 2
        X[:, 0] = np.nan
        assert "no entry met" in repr(model.describe())
    # where only a class lacks them, a gaussian takes the mean and variance of the others
    X[:, 0] = [1.0, 3.0, np.nan, np.nan]
    model = NaiveBayes(var_smoothing=0.0).fit(X, y)
    assert model.theta_[:, 0].tolist() == [2.0, 2.0]
    assert model.var_[:, 0].tolist() == [1.0, 1.0]


# ---- labels -------------------------------------------------------------------------------


def test_an_unseen_label_is_missing_or_a_category_of_its_own():
    X, y = [["a"], ["a"], ["b"]], [0, 0, 1]
    model = NaiveBayes(alpha=1.0).fit(X, y)
    np.testing.assert_allclose(model.predict_proba([["new"], [None]]), [[2 / 3, 1 / 3]] * 2)
    more = NaiveBayes(alpha=1.0, unseen="category").fit(X, y)
    # tables of 3 categories: 1 / (2 + 3) and 1 / (1 + 3)
    joint = np.exp(more.predict_joint_log_proba([["new"], ["a"], ["b"], [None]]))
    prior = np.array([2 / 3, 1 / 3])
    tables = [[1 / 5, 1 / 4], [3 / 5, 1 / 4], [1 / 5, 2 / 4], [1, 1]]
    np.testing.assert_allclose(joint, prior * tables)
    np.testing.assert_allclose(joint[:3].sum(axis=0), prior)  # nothing else can come
    least = NaiveBayes(min_categories=3).fit(X, y)
    np.testing.assert_allclose(
        least.predict_proba([["new"], ["a"]]), more.predict_proba([["new"], ["a"]])
    )
    both = NaiveBayes(min_categories=5, unseen="category").fit(X, y)
    five = NaiveBayes(min_categories=[5]).fit(X, y)
    np.testing.assert_allclose(both.predict_proba([["new"]]), five.predict_proba([["new"]]))


def test_declared_categories_are_known():
    sizes = pd.Categorical(["m", "l", "m"], categories=["s", "m", "l"], ordered=True)
    model = NaiveBayes().fit(pd.DataFrame({"size": sizes}), [0, 1, 1])
    assert model.categories_ == {"size": ("s", "m", "l")}
    assert model.category_count_["size"].tolist() == [[0, 1, 0], [0, 1, 1]]
    np.testing.assert_allclose(np.exp(model.category_log_prob_["size"][0]), [1 / 4, 2 / 4, 1 / 4])


def test_labels_are_one_whatever_they_come_in():
    y = [0, 1, 1, 0]
    forms = [
        np.array([[3], [1], [3], [1]]),
        np.array([[3.0], [1.0], [3.0], [1.0]], dtype=np.float32),
        np.array([[3], [1], [3], [1]], dtype=np.uint8),
        np.array([[3], [1], [3], [1]], dtype=object),
        [[3], [1], [3], [1]],
        pd.DataFrame([[3], [1], [3], [1]], dtype="Int64").to_numpy(),
    ]
    models = [NaiveBayes("categorical").fit(X, y) for X in forms]
    for model in models:
        assert model.categories_ == {0: (1, 3)}
        for X in forms:
            np.testing.assert_allclose(model.predict_proba(X), models[0].predict_proba(forms[0]))
    strings = NaiveBayes().fit(np.array([["x"], ["y"], ["x"], ["y"]]), y)
    assert strings.categories_ == {0: ("x", "y")}
    assert strings.kinds_ == ("categorical",)
    wide = NaiveBayes("categorical").fit(np.array([[10**12], [-5], [10**12], [0]]), y)
    assert wide.categories_ == {0: (-5, 0, 10**12)}
    halves = NaiveBayes("categorical").fit([[0.5], [1.5], [np.nan], [0.5]], y)
    assert halves.categories_ == {0: (0.5, 1.5)}
    truth = NaiveBayes("categorical").fit(np.array([[True], [False], [True], [True]]), y)
    assert truth.categories_ == {0: (False, True)}


def test_categories_join_in_batches():
    X, y = np.array([["c"], ["a"], ["b"], ["a"]], dtype=object), np.array([0, 1, 0, 1])
    model = NaiveBayes().partial_fit(X[:1], y[:1], [0, 1])
    assert model.categories_ == {0: ("c",)}
    model.partial_fit(X[1:], y[1:])
    whole = NaiveBayes().fit(X, y)
    assert model.categories_ == whole.categories_ == {0: ("a", "b", "c")}
    np.testing.assert_array_equal(model.category_count_[0], whole.category_count_[0])


def test_numbers_and_strings_are_not_mixed_up_in_silence():
    model = NaiveBayes("categorical").fit([[1], [2]], [0, 1])
    with pytest.raises(ValueError, match=r"column 0 of X holds '1' \(str\), but the category"):
        model.predict([["1"], ["2"]])
    with pytest.raises(ValueError, match=r"is 2 \(int\); give X the types"):
        model.partial_fit([["2"]], [0])
    model = NaiveBayes().fit([["1"], ["2"]], [0, 1])
    with pytest.raises(ValueError, match=r"holds 1 \(int\), but the category known is '1' \("):
        model.predict([[1.0]])


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ([1, 2, 3], "gaussian"),
        ([1.5, None, 3], "gaussian"),
        ([True, False, True], "bernoulli"),
        ([True, None, float("nan")], "bernoulli"),
        (["a", "b", None], "categorical"),
        (["a", float("nan"), "b"], "categorical"),
        (["a", 1, True], "categorical"),
        ([True, 2, 1], "categorical"),
        ([(1, 2), (0,), None], "categorical"),
        ([None, None, None], "categorical"),
    ],
)
def test_the_kind_is_told_by_what_a_column_holds(column, kind):
    X = np.empty((3, 1), dtype=object)
    X[:, 0] = column
    assert NaiveBayes().fit(X, [0, 1, 1]).kinds_ == (kind,)


def test_kinds_of_frames_and_of_mappings():
    frame = pd.DataFrame(
        {
            "number": [1.0, 2.5, 3.5],
            "whole": pd.array([1, None, 2], dtype="Int64"),
            "truth": pd.array([True, None, False], dtype="boolean"),
            "text": ["u", "v", None],
            "label": pd.Categorical([1, 2, 1]),
        }
    )
    y = [0, 1, 1]
    model = NaiveBayes().fit(frame, y)
    assert model.kinds_ == ("gaussian", "gaussian", "bernoulli", "categorical", "categorical")
    assert model.categories_ == {"text": ("u", "v"), "label": (1, 2)}
    named = NaiveBayes({"whole": "multinomial", 0: "categorical"}).fit(frame, y)
    assert named.kinds_[:3] == ("categorical", "multinomial", "bernoulli")
    assert NaiveBayes().fit(sp.csr_array(np.eye(3)), y).kinds_ == ("multinomial",) * 3
    assert NaiveBayes(("auto", "bernoulli")).fit(np.eye(2), [0, 1]).kinds_ == (
        "gaussian",
        "bernoulli",
    )


# ---- hard zeros ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sparse"),
    [
        ("categorical", False),
        ("bernoulli", False),
        ("bernoulli", True),
        ("multinomial", False),
        ("multinomial", True),
    ],
)
def test_alpha_zero_makes_hard_zeros_and_never_nan(kind, sparse):
    X = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 1]])
    form = sp.csr_array if sparse else np.asarray
    model = NaiveBayes(kind, alpha=0.0).fit(form(X), [0, 0, 1, 1])
    joint = model.predict_joint_log_proba(form(X))
    assert not np.isnan(joint).any()
    np.testing.assert_array_equal(np.isneginf(joint), [[0, 1], [0, 1], [1, 0], [1, 0]])
    np.testing.assert_array_equal(model.predict_proba(form(X)), [[1, 0], [1, 0], [0, 1], [0, 1]])
    impossible = np.array([[1, 1, 1], [1, 0, 1]])
    assert np.isneginf(model.predict_joint_log_proba(form(impossible))[0]).all()
    for ask in (model.predict, model.predict_proba, model.predict_log_proba):
        with pytest.raises(ZeroProbabilityError, match=r"1 of 2 rows have .* \(rows 0; the first"):
            ask(form(impossible))
    p = model.gibbs(form(impossible[:1]))
    assert p.log_partition() == -math.inf
    with pytest.raises(ZeroProbabilityError):
        p.marginal("class")


@settings(max_examples=30)
@given(seed=SEEDS)
def test_zeros_stay_hard_however_rows_are_weighted(seed):
    rng = np.random.default_rng(seed)
    y = np.arange(30) % 3
    X = np.column_stack([y != 0, y == 1, rng.random(30) < 0.5]).astype(float)
    X[rng.random(X.shape) < 0.2] = np.nan
    weights = rng.exponential(size=30)
    for form in (np.asarray, sp.csr_array):
        model = NaiveBayes("bernoulli", alpha=0.0).fit(form(X), y, weights)
        impossible = np.isneginf(model.predict_joint_log_proba([[0, 0, np.nan], [1, 1, np.nan]]))
        assert impossible.tolist() == [[False, True, True], [True, False, True]]


def test_a_count_of_zero_is_possible_whatever_its_share():
    model = NaiveBayes("multinomial", alpha=0.0).fit([[2, 0], [0, 3]], [0, 1])
    p = model.gibbs([4, 0])
    assert len(p.factors) == 3
    assert p.marginal("class").values.tolist() == [1, 0]


def test_a_zero_that_is_missing_is_no_zero():
    X = np.array([[1.0, 1], [1, 0], [0, 1], [0, 0]])
    model = NaiveBayes("bernoulli", alpha=0).fit(X, [0, 0, 1, 1])
    joint = model.predict_joint_log_proba([[np.nan, 1], [1, np.nan], [0, 1]])
    np.testing.assert_allclose(
        joint, np.log(0.5) + [[math.log(0.5)] * 2, [0, -np.inf], [-np.inf, math.log(0.5)]]
    )


def test_classes_without_rows_take_no_side():
    X = np.array([["a"], ["b"]], dtype=object)
    model = NaiveBayes(alpha=0, class_prior=[0.5, 0.5]).partial_fit(X, [0, 0], [0, 1])
    np.testing.assert_allclose(np.exp(model.category_log_prob_[0]), [[0.5, 0.5]] * 2)
    for kind in ("bernoulli", "multinomial"):
        model = NaiveBayes(kind, alpha=0, class_prior=[0.5, 0.5])
        model.partial_fit([[1.0, 0], [0, 1.0]], [0, 0], [0, 1])
        np.testing.assert_allclose(np.exp(model.feature_log_prob_[1]), [0.5, 0.5])
    model = NaiveBayes(class_prior=[0.5, 0.5]).partial_fit([[1.0], [3.0]], [0, 0], [0, 1])
    assert (model.theta_[1, 0], round(model.var_[1, 0], 6)) == (2.0, 1.0)


def test_ten_thousand_features_do_not_underflow():
    rng = np.random.default_rng(0)
    X = (rng.random((20, 10_000)) < 0.5).astype(float)
    y = np.arange(20) % 2
    shares = NaiveBayes("bernoulli").fit(X, y).predict_proba(X)
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    far = NaiveBayes().fit([[0.0], [1.0], [10.0], [11.0]], [0, 0, 1, 1])
    assert far.predict_log_proba([[1e6]])[0, 0] < -1e7
    for x in (1e151, 1e200):  # the log of a density that no factor can have, and no float
        assert far.gibbs([x]).log_partition() == -math.inf
        with pytest.raises(ZeroProbabilityError, match="1 of 1 rows"):
            far.predict([[x]])


# ---- variances ----------------------------------------------------------------------------


def test_variances_of_zero():
    same = NaiveBayes().fit([[0.1], [0.1], [0.1], [0.1]], [0, 0, 0, 1])
    assert same.var_.tolist() == [[1e-9], [1e-9]]
    np.testing.assert_allclose(same.predict_proba([[0.1], [3.0]]), [[0.75, 0.25]] * 2)
    alone = NaiveBayes(["gaussian", "categorical"])
    with pytest.raises(
        ValueError, match=r"column 0 has variance zero in class 1 and var_smoothing is 0"
    ):
        NaiveBayes(var_smoothing=0).fit([[1.0], [2.0], [5.0]], [0, 0, 1])
    online = NaiveBayes(var_smoothing=0)
    online.partial_fit([[1.0]], [0], [0, 1])
    with pytest.raises(ValueError, match="variance zero in class 0"):
        online.predict([[1.0]])
    online.partial_fit([[2.0], [4.0], [5.0]], [0, 1, 1])
    assert online.predict([[1.4], [4.4]]).tolist() == [0, 1]
    assert alone.fit([[1.0, 2.0]], ["a"]).predict([[3.0, 1.0]]).tolist() == ["a"]


# ---- errors -------------------------------------------------------------------------------

X3 = [[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]]
Y3 = ["u", "v", "u"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1}, "alpha is -1; it must be a finite number of at least 0, or 2 of them"),
        ({"alpha": np.nan}, "alpha is nan; it must be"),
        ({"alpha": "much"}, "alpha is 'much'; it must be"),
        ({"alpha": True}, "alpha is True; it must be"),
        ({"alpha": [1, 2, 3]}, r"alpha has shape \(3,\); it must be .* or 2 of them"),
        ({"var_smoothing": -1e-9}, "var_smoothing is -1e-09; it must be a finite number"),
        ({"var_smoothing": "x"}, "var_smoothing is 'x'; it must be"),
        ({"binarize": -0.5}, "binarize is -0.5; it must be a finite number of at least 0, or None"),
        ({"min_categories": 0}, "min_categories is 0; it must be an integer of at least 1, or 2"),
        ({"min_categories": 2.5}, "min_categories is 2.5; it must be"),
        ({"min_categories": [2, 2, 2]}, r"min_categories is \[2, 2, 2\]; it must be"),
        ({"unseen": "ignore"}, "unseen is 'ignore'; it must be 'missing' or 'category'"),
        ({"class_prior": [1.0]}, r"class_prior has shape \(1,\), but there are 2 classes"),
        ({"class_prior": [0.5, 0.6]}, r"class_prior is \[0.5, 0.6\], with the sum 1.1; it must"),
        ({"class_prior": [-0.5, 1.5]}, r"class_prior is \[-0.5, 1.5\], with the sum 1; it must"),
        ({"features": "normal"}, "features is 'normal'; the kinds are 'gaussian', 'categorical'"),
        ({"features": ["gaussian"]}, "features lists 1 kinds, but X has 2 columns"),
        ({"features": ["gaussian", 3]}, r"features\[1\] is 3; the kinds are"),
        (
            {"features": {2: "gaussian"}},
            "the column 2, which X has not; its columns are 0, 1",
        ),
        ({"features": {"a": "gaussian"}}, "names the column 'a', which X has not"),
        ({"features": {0: "real"}}, r"features\[0\] is 'real'; the kinds are"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        NaiveBayes(**parameters).fit(X3, Y3)


def test_features_of_another_type():
    with pytest.raises(TypeError, match="features is 3; expected a kind, a sequence of them"):
        NaiveBayes(3).fit(X3, Y3)


@pytest.mark.parametrize(
    ("kind", "X", "message"),
    [
        ("multinomial", [[1, 0], [-2, 1], [0, 0]], "column 0 holds -2 in row 1 .* are counts"),
        ("multinomial", sp.csr_array([[1.0, 0], [0, -3], [0, 0]]), "column 1 holds -3 in row 1"),
        ("bernoulli", [[1, 0], [2, 1], [0, 0]], "bernoulli columns hold 2; with binarize=None"),
        (
            "gaussian",
            [[1, "x"], [2, 1], [0, 0]],
            "column 1 of X holds 'x' in row 0 .* not a number",
        ),
        ("gaussian", [[1, np.inf], [2, 1], [0, 0]], "infinity: column 1 holds inf in row 0"),
        ("multinomial", sp.csr_array([[np.inf], [1], [0]]), "contains infinity"),
        (
            "gaussian",
            sp.csr_array(np.eye(3)),
            "X is sparse, but column 0 is gaussian; sparse input",
        ),
        ("auto", np.array([["2020"]] * 3, dtype="datetime64[D]"), "column 0 of X holds datetime64"),
        ("gaussian", np.array([["2020"]] * 3, dtype="datetime64[D]"), "which is not a number"),
        ("gaussian", pd.DataFrame({"t": pd.to_datetime(["2020"] * 3)}), "column 't' of X holds"),
        ("gaussian", pd.DataFrame({"t": ["x", "y", "z"]}), "column 't' of X holds 'x' in row 0"),
        ("auto", pd.DataFrame({"t": []}), r"0 sample\(s\) and 1 feature"),
    ],
)
def test_entries_that_do_not_fit(kind, X, message):
    with pytest.raises(ValueError, match=message):
        NaiveBayes(kind, binarize=None).fit(X, Y3)


def test_labels_that_are_no_labels():
    X = np.empty((2, 1), dtype=object)
    X[:, 0] = [{"a": 1}, {"b": 2}]
    with pytest.raises(TypeError, match=r"column 0 of X holds \{'b': 2\}; an entry of this"):
        NaiveBayes().fit(X, [0, 1])
    with pytest.raises(TypeError, match="column 0 of X holds an entry of a type that is not hash"):
        NaiveBayes("categorical").fit(X, [0, 1])


def test_bad_calls():
    with pytest.raises(NotFittedError, match="NaiveBayes instance is not fitted yet"):
        NaiveBayes().predict(X3)
    for ask in ("graph", "describe", "natural_parameters", "to_softmax", "statistic_names"):
        with pytest.raises(NotFittedError):
            getattr(NaiveBayes(), ask)()
    model = NaiveBayes().fit(X3, Y3)
    with pytest.raises(ValueError, match="X has 1 features, but NaiveBayes is expecting 2"):
        model.predict([[1.0]])
    with pytest.raises(ValueError, match="X has 3 rows, y has 2 labels"):
        model.fit(X3, Y3[:2])
    with pytest.raises(ValueError, match="the target y is None"):
        model.fit(X3, None)
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        model.fit(X3, Y3, [1, -1, 1])
    with pytest.raises(ValueError, match=r"[Ss]ample.weights? (is all zero|must contain)"):
        model.fit(X3, Y3, [0, 0, 0])


def test_partial_fit_is_all_or_nothing():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        NaiveBayes().partial_fit(X3, Y3)
    model = NaiveBayes(["categorical", "gaussian"]).partial_fit(X3, Y3, ["u", "v"])
    before = pickle.dumps(model.predict_joint_log_proba(X3))
    with pytest.raises(ValueError, match=r"y has the labels 'w', which are not among the classes"):
        model.partial_fit(X3, ["u", "v", "w"])
    with pytest.raises(ValueError, match=r"got the classes 'u', 'w', but they were 'u', 'v'"):
        model.partial_fit(X3, Y3, ["u", "w"])
    with pytest.raises(ValueError, match="column 1 of X holds 'x'"):
        model.partial_fit([[4.0, "x"]], ["u"])
    assert pickle.dumps(model.predict_joint_log_proba(X3)) == before
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X3), model.predict_proba(X3))

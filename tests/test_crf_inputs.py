"""Every form of sequences and of labels gives the same model; bad ones are named."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse
from crf_data import CONDITIONED, TEMPLATES, as_dicts, as_lists, sentences_of, train
from numpy.testing import assert_allclose

from gibbsfactor import LinearChainCRF
from gibbsfactor.features import Columns, FeatureDictVectorizer, Tokens

SENTENCES, LABELS = sentences_of(30)
NEW, _ = sentences_of(10, seed=1)


def tokens_of(X, names):
    """One row a token, and a column for each of the named features."""
    place = {name: a for a, name in enumerate(names)}
    flat = [token for x in as_lists(X) for token in x]
    values = np.zeros((len(flat), len(names)))
    for m, token in enumerate(flat):
        for name in token:
            if name in place:
                values[m, place[name]] = 1.0
    return values


NAMES = sorted({name for x in as_lists(SENTENCES) for token in x for name in token})
LENGTHS = [len(x) for x in SENTENCES]
NEW_LENGTHS = [len(x) for x in NEW]


def sparse(X):
    return scipy.sparse.csr_matrix(tokens_of(X, NAMES))


def cut(values, X):
    return np.split(values, np.cumsum([len(x) for x in X])[:-1])


FORMS = {
    "dicts": as_dicts,
    "lists": as_lists,
    "columns": Columns.from_sentences,
    "tuples of strings": lambda X: X,
    "tokens": lambda X: Tokens(sparse(X), [len(x) for x in X]),
    "a sparse matrix each": lambda X: list(
        map(scipy.sparse.csr_array, cut(tokens_of(X, NAMES), X))
    ),
    "a dense matrix each": lambda X: cut(tokens_of(X, NAMES), X),
    "generators": lambda X: (x for x in as_lists(X)),
    "numpy object array": lambda X: as_lists(X),
}


@pytest.fixture(scope="module")
def reference():
    return train(as_dicts(SENTENCES), LABELS, tol=1e-10, all_possible_states=True)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_model(form, reference):
    options = {"templates": TEMPLATES} if form in ("columns", "tuples of strings") else {}
    make = FORMS[form]
    labels = (iter(y) for y in LABELS) if form == "generators" else LABELS
    given = {"tol": 1e-10, "all_possible_states": True, **options}
    crf = LinearChainCRF(progress=False, **given).fit(make(SENTENCES), labels)
    assert crf.loss_ == pytest.approx(reference.loss_, rel=1e-8)
    assert crf.predict(make(NEW)) == reference.predict(as_dicts(NEW))
    for one, other in zip(
        crf.predict_proba(make(NEW)), reference.predict_proba(as_dicts(NEW)), strict=True
    ):
        assert_allclose(one, other, atol=1e-4)
    assert crf.transition_features_ == pytest.approx(reference.transition_features_, abs=1e-3)
    if "matrix" not in form and form != "tokens":
        assert crf.state_features_ == pytest.approx(reference.state_features_, abs=1e-3)


@pytest.mark.parametrize("kind", ["csr", "dense", "frame"])
def test_one_matrix_with_lengths(kind, reference):
    pandas = pytest.importorskip("pandas")
    make = {
        "csr": sparse,
        "dense": lambda X: tokens_of(X, NAMES),
        "frame": lambda X: pandas.DataFrame(tokens_of(X, NAMES), columns=NAMES),
    }[kind]
    flat = [label for labels in LABELS for label in labels]
    crf = LinearChainCRF(progress=False, tol=1e-10, all_possible_states=True)
    for y in (flat, LABELS, np.array(flat)):
        crf.fit(make(SENTENCES), y, lengths=LENGTHS)
        assert crf.loss_ == pytest.approx(reference.loss_, rel=1e-8)
    assert crf.predict(make(NEW), lengths=NEW_LENGTHS) == reference.predict(as_dicts(NEW))
    assert_allclose(
        crf.log_partition(make(NEW), lengths=NEW_LENGTHS),
        reference.log_partition(as_dicts(NEW)),
        atol=1e-3,
    )
    best = crf.log_probability(
        make(NEW), crf.predict(make(NEW), lengths=NEW_LENGTHS), lengths=NEW_LENGTHS
    )
    assert (best < 0).all()
    if kind == "frame":
        assert ("Uw=a", "B") in crf.state_features_


def test_lengths_and_labels_that_do_not_fit():
    X = tokens_of(SENTENCES[:3], NAMES)
    lengths = [len(x) for x in SENTENCES[:3]]
    flat = [label for labels in LABELS[:3] for label in labels]
    crf = LinearChainCRF(progress=False)
    with pytest.raises(ValueError, match=f"y holds 2 labels, but the 3 lengths add up to {len(X)}"):
        crf.fit(X, flat[:2], lengths=lengths)
    with pytest.raises(ValueError, match=f"3 lengths add up to {len(X) + 1} tokens"):
        crf.fit(X, [*flat, "B"], lengths=[*lengths[:2], lengths[2] + 1])
    with pytest.raises(TypeError, match=r"without lengths, .* give lengths="):
        crf.fit(X, [flat])
    with pytest.raises(TypeError, match="lengths go with one matrix"):
        crf.fit(as_lists(SENTENCES[:3]), LABELS[:3], lengths=lengths)
    crf.fit(X, flat, lengths=lengths)
    with pytest.raises(ValueError, match=r"the data has .*3 dense.*trained on .*; give the same"):
        crf.predict(X[:, :3], lengths=lengths)


def test_dense_values_beside_sparse_attributes():
    """Dense columns with a sparse vectoriser's tokens: the same sums, half of them dense."""
    values = tokens_of(SENTENCES, NAMES)
    half = len(NAMES) // 2
    mixed = Tokens(scipy.sparse.csr_array(values[:, :half]), LENGTHS, dense=values[:, half:])
    whole = Tokens(scipy.sparse.csr_array(values), LENGTHS)
    given = {"tol": 1e-10, "all_possible_states": True, "boundary_weights": True}
    one, other = train(mixed, LABELS, **given), train(whole, LABELS, **given)
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-8)
    assert_allclose(one.log_partition(mixed), other.log_partition(whole), atol=1e-4)
    assert one.state_features_.keys() == {
        (a, label) for a in one.attributes_ for label in one.classes_
    }
    assert one.predict(mixed[2:5]) == other.predict(whole[2:5])


def test_sentences_of_strings_are_columns_to_conditioned_templates():
    crf = train(SENTENCES, LABELS, templates=CONDITIONED)
    columns = Columns.from_sentences(NEW)
    assert crf.predict(NEW) == crf.predict(columns)
    assert crf.conditioned_features_
    assert {name.split(":")[0] for name, _, _ in crf.conditioned_features_} == {"B01", "B02"}


# ---- labels ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([3, -1, 20], [-1, 3, 20]),
        ([("b", 1), ("a", 2), ("a", 1)], [("a", 1), ("a", 2), ("b", 1)]),
        ([2.5, -1.0, 0.0], [-1.0, 0.0, 2.5]),
        ([True, False, True], [False, True]),
        (["x", 1, (2,)], ["x", 1, (2,)]),  # no order among them: as they first appear
        ([("a",), "a", 0], [("a",), "a", 0]),
        ([frozenset("a"), frozenset("b"), frozenset("a")], None),
        (["only", "only", "only"], ["only"]),
        (np.array([3, 1, 2]), [1, 2, 3]),
        (np.array(["x", "y", "w"]), ["w", "x", "y"]),
        (np.array([True, False, True]), [False, True]),
        (np.array(["2001-01-01", "2002-02-02", "2003-03-03"], "M8[D]"), None),
    ],
    ids=repr,
)
@pytest.mark.parametrize("algorithm", ["lbfgs", "ap"])
def test_labels_of_any_kind(labels, classes, algorithm):
    X = [[["a"], ["b"], ["c"]]] * 2
    crf = train(X, [labels] * 2, c2=0.01, algorithm=algorithm)
    if classes is not None:
        assert crf.classes_ == classes
        assert [type(label) for label in crf.classes_] == [type(label) for label in classes]
    assert [list(labels)] * 2 == crf.predict(X)
    assert crf.predict_single(X[0]) == list(labels)
    assert crf.score(X, [labels] * 2) == 1
    assert [set(share) for share in crf.predict_marginals_single(X[0])] == [set(crf.classes_)] * 3


def test_one_label_is_certain():
    for options in ({}, {"order": 2}, {"boundary_weights": True}):
        crf = train([[["a"], ["b"]]], [["x", "x"]], **options)
        assert crf.loss_ == pytest.approx(0, abs=1e-12)
        assert crf.predict([[["c"]] * 3]) == [["x"] * 3]
        assert_allclose(crf.predict_proba([[["a"]] * 3])[0], np.ones((3, 1)))


def test_none_is_an_unknown_label_and_no_class():
    crf = train([[["a"], ["b"]]] * 3, [["x", "y"], ["x", None], [None, "y"]])
    assert crf.classes_ == ["x", "y"]
    with pytest.raises(ValueError, match="none of the 2 positions has a label"):
        train([[["a"], ["b"]]], [[None, None]])
    with pytest.raises(ValueError, match="sequence 0, position 1: the label is nan"):
        train([[["a"], ["b"]]], [["x", math.nan]])


# ---- what can't be read ---------------------------------------------------------------------

X2, Y2 = [[["a"], ["b"]], [["c"]]], [["x", "y"], ["x"]]


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (X2, Y2[:1], ValueError, "there are 2 sequences of tokens but 1 of labels; they must"),
        (X2, [["x", "y"], []], ValueError, "sequence 1 has 1 tokens but 0 labels; they must be eq"),
        (X2, [["x"], ["x"]], ValueError, "sequence 0 has 2 tokens but 1 labels; they must be"),
        ([], [], ValueError, "0 sequences without a token"),
        ([[], []], [[], []], ValueError, "2 sequences without a token"),
        ([[{"a": math.nan}]], [["x"]], ValueError, "position 0: .*'a' is nan; "),
        ([[{"a": -math.inf}]], [["x"]], ValueError, "'a' is -inf; "),
        ([np.array([[1.0, math.nan]])], [["x"]], ValueError, "nan"),
        ([[{"a": 0.0}]], [["x"]], ValueError, "no attribute occurs on 1 tokens or more"),
        ([["the", "dog"]], [["D", "N"]], TypeError, "the token is 'the', a str"),
        (["the", "dog"], ["D", "N"], TypeError, "sequence 0"),
        ([[{"a": 1}], [["a"]]], [["x"], ["y"]], TypeError, "sequence 1, position 0: the token is"),
        (7, [["x"]], TypeError, "a int was given"),
        (None, [["x"]], TypeError, "a NoneType was given"),
        (X2, [[["x"], ["y"]], [["x"]]], TypeError, "a label can't be used as one: unhashable type"),
        ([[["a"], ["b"]]] * 2, ["NP", "VP"], TypeError, "sequence 0 of y is str; expected a list"),
        (X2, None, TypeError, "y is NoneType; expected a list"),
        (X2, [1, 2], TypeError, "sequence 0 of y is int; expected a list of labels"),
        (X2, [["x", "y"], [set()]], ValueError, "the set of allowed labels is empty; name one"),
        (Columns.from_sentences([[("a",)]]), [["x"]], TypeError, "Columns were given without temp"),
        (
            Columns.from_sentences([[("a",)]]),
            Columns.from_sentences([[("a",)]]),
            TypeError,
            r"y is Columns; .* give y.labels\(\)",
        ),
    ],
)
def test_data_that_cannot_be_trained_on(X, y, error, message):
    with pytest.raises(error, match=message):
        LinearChainCRF(progress=False).fit(X, y)


def test_columns_need_templates_that_fit_them():
    columns = Columns.from_sentences(SENTENCES[:3])
    with pytest.raises(ValueError, match=r"found %x\[0,1\], column 1, but the data has 1"):
        train([[("a",)]], [["x"]], templates=TEMPLATES)
    with pytest.raises(ValueError, match=f"sequence 2 has {LENGTHS[2]} tokens but 0 labels"):
        train(columns, [*LABELS[:2], []], templates=TEMPLATES)


def test_new_data_of_another_kind():
    crf = train(X2, Y2)
    with pytest.raises(TypeError, match=r"sequence 0, position 0: the token is .*, a dict"):
        crf.predict([[{"a": 1}]])
    with pytest.raises(TypeError, match=r"sequence 0 is a str.*for a single sequence give"):
        crf.predict(["ab"])
    with pytest.raises(TypeError, match="Columns"):
        crf.predict(Columns.from_sentences([[("a",)]]))
    assert FeatureDictVectorizer.kind != crf.vectorizer_.kind

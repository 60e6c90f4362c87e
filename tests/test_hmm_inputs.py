"""What hidden Markov models are given: forms of data, and errors that say what is wrong."""

from __future__ import annotations

import copy
import itertools
import warnings
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from gibbsfactor.features import Columns
from gibbsfactor.models.hidden_markov_model import (
    CategoricalEmissions,
    Emissions,
    GaussianEmissions,
    HiddenMarkovModel,
    MixtureEmissions,
    Observations,
    WordEmissions,
)

X = [["a", "b"], ["b", "b", "a"], []]
Y = [["P", "Q"], ["Q", "Q", "P"], []]
FLAT, LENGTHS = ["a", "b", "b", "b", "a"], [2, 3, 0]
FLAT_Y = ["P", "Q", "Q", "Q", "P"]


def fitted():
    return HiddenMarkovModel().fit(X, Y)


# ---- forms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "labels", "lengths"),
    [
        (X, Y, None),
        ([tuple(x) for x in X], tuple(tuple(y) for y in Y), None),
        ([np.array(x, dtype=str) for x in X], [np.array(y, dtype=object) for y in Y], None),
        (iter(X), Y, None),
        (FLAT, FLAT_Y, LENGTHS),
        (np.array(FLAT), np.array(FLAT_Y), np.array(LENGTHS)),
        (np.array(FLAT)[:, None], FLAT_Y, LENGTHS),
        (np.array(FLAT, dtype=object), Y, LENGTHS),
        ([[x] for x in FLAT], FLAT_Y, LENGTHS),
    ],
)
def test_forms_of_training_data(given, labels, lengths):
    model, expected = HiddenMarkovModel().fit(given, labels, lengths), fitted()
    assert model.classes_ == ["P", "Q"]
    assert model.symbols_ == ["a", "b"]
    assert_array_equal(model.transmat_, expected.transmat_)
    assert_array_equal(model.emissionprob_, expected.emissionprob_)


def test_answers_come_in_the_form_of_the_question():
    model = fitted()
    assert model.predict(X) == Y
    assert model.predict(FLAT, LENGTHS).tolist() == FLAT_Y
    assert [part.shape for part in model.predict_proba(X)] == [(2, 2), (3, 2), (0, 2)]
    assert model.predict_proba(FLAT, LENGTHS).shape == (5, 2)
    assert model.predict(["a", "b"]).tolist() == ["P", "Q"]
    by_number = HiddenMarkovModel(2, n_iter=2, tol=0).fit(np.arange(6) % 2)
    assert by_number.predict(np.array([0, 1])).dtype == np.int64
    assert by_number.classes_ == [0, 1]
    pairs = HiddenMarkovModel().fit([[0, 1]], [[("x", 1), ("y", 2)]])
    assert pairs.predict([0, 1]).tolist() == [("x", 1), ("y", 2)]


def test_an_array_of_three_axes_holds_sequences_of_one_length():
    rng = np.random.default_rng(0)
    given = rng.normal(size=(5, 20, 2))
    model = HiddenMarkovModel(2, "gaussian", n_iter=2, tol=0).fit(given)
    again = HiddenMarkovModel(2, "gaussian", n_iter=2, tol=0).fit(
        given.reshape(-1, 2), lengths=[20] * 5
    )
    assert_array_equal(model.means_, again.means_)
    assert len(model.predict(given)) == 5


def test_numbers_of_one_column_may_be_given_without_it():
    rng = np.random.default_rng(0)
    values = rng.normal(size=50)
    one = HiddenMarkovModel(2, "gaussian", n_iter=2, tol=0).fit(values)
    two = HiddenMarkovModel(2, "gaussian", n_iter=2, tol=0).fit([values.tolist()])
    assert_array_equal(one.means_, two.means_)
    assert one.means_.shape == (2, 1)


def test_rows_of_nan_are_missing_observations():
    model = HiddenMarkovModel(2, "gaussian")
    model.startprob_, model.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    model.means_, model.covars_ = [[0.0], [4.0]], [[1.0], [1.0]]
    found = model.predict_proba(np.array([0.0, np.nan, np.nan]))
    first = found[0] @ model.transmat_
    assert_allclose(found[1:], [first, first @ model.transmat_])
    X = np.array([0.1, 0.2, np.nan, 4.1, 3.9, 4.0, np.nan, 0.0])
    again = HiddenMarkovModel(2, "gaussian", n_iter=5, tol=0).fit(X)
    assert_allclose(np.sort(again.means_[:, 0]), [0.1, 4.0], atol=0.01)
    assert_array_equal(model.to_crf().classes_, [0, 1])


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("gaussian", "tied"),
        *itertools.product(["gaussian", "mixture"], ["spherical", "diag", "full"]),
    ],
)
def test_rows_of_nan_tell_nothing_whatever_the_covariance(kind, shape):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 2)) + 3 * (np.arange(40) % 7 > 3)[:, None]
    model = HiddenMarkovModel(2, kind, covariance_type=shape, n_iter=3, tol=0)
    with_gaps = np.insert(X, [3, 20], np.nan, axis=0)
    gaps = np.isnan(with_gaps[:, 0])
    model.fit(with_gaps)
    shares = model.filter(with_gaps)
    for t in np.flatnonzero(gaps):
        assert_allclose(shares[t], shares[t - 1] @ model.transmat_)
    assert_allclose(model.predict_proba(with_gaps).sum(axis=1), 1)


def test_symbols_that_cannot_be_ordered_come_as_they_appear():
    model = HiddenMarkovModel().fit([["b", 1, "b", ("x",)]], [[0, 1, 0, 1]])
    assert model.symbols_ == ["b", 1, ("x",)]


def test_numbers_of_symbols_may_be_declared():
    model = HiddenMarkovModel(n_features=5).fit([[0, 3, 3]], [[0, 1, 1]])
    assert model.emissionprob_.tolist() == [[1, 0, 0, 0, 0], [0, 0, 0, 1, 0]]
    with pytest.raises(ValueError, match=r"position 1 has the symbol 7, which is none of the 5"):
        HiddenMarkovModel(n_features=5).fit([[0, 7]], [[0, 1]])


def test_columns_hold_sequences_of_symbols():
    columns = Columns.from_sentences(
        [[("a", "P"), ("b", "Q")], [("b", "Q"), ("b", "Q"), ("a", "P")]]
    )
    X, y = columns.drop(), columns.labels()
    model = HiddenMarkovModel().fit(X, y)
    assert_array_equal(model.transmat_, HiddenMarkovModel().fit(X.labels(), y).transmat_)
    assert model.predict(X) == y
    assert [part.shape for part in model.predict_proba(X)] == [(2, 2), (3, 2)]
    assert model.score(X) == model.score(X.labels())
    assert model.score(X, known=y) == model.score(X.labels(), known=y)
    assert model.to_crf().predict(X) == y
    assert HiddenMarkovModel(emissions=WordEmissions()).fit(X, y).predict(X) == y
    by_em = HiddenMarkovModel(2, n_iter=2, tol=0).fit(X)
    assert by_em.gibbs(X[:1]).log_partition() == pytest.approx(by_em.score(X[:1]))
    for ask in (model.predict, HiddenMarkovModel(2).fit):
        with pytest.raises(
            ValueError, match=r"X is Columns with 2 columns; .* choose one of them: X.select\("
        ):
            ask(columns)
        with pytest.raises(ValueError, match=r"X is Columns, which have lengths of their own"):
            ask(X, lengths=[5])
    with pytest.raises(TypeError, match=r"y is Columns; expected labels .* give y.labels\(\)"):
        HiddenMarkovModel().fit(X, columns)


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("categorical", [[0], [1], [2]], r"3 lists of one number each, .* 3 sequences of one obs"),
        ("categorical", [(0,), (1,)], r"2 lists .* an array of shape \(2, 1\), or lengths=\[2\]"),
        ("gaussian", [[0.5], [1.0]], r"2 lists of one number each"),
        ("mixture", [[0.5, 1.0]] * 3, r"3 lists of 2 numbers each, .* 3 sequences of 2 observati"),
    ],
)
def test_rows_of_one_sequence_that_are_read_as_sequences_are_told(kind, given, told):
    model = HiddenMarkovModel(1, kind, n_iter=0)
    with pytest.warns(UserWarning, match=told):
        model.fit(given)
    model.predict(given)  # it was told once
    by_array = HiddenMarkovModel(1, kind, n_iter=0).fit(np.array(given))
    assert by_array.means_.shape[-1] == len(given[0]) if kind != "categorical" else True
    if len(given[0]) == 1:
        with pytest.warns(UserWarning, match=told):
            by_array.score(given)
        by_array.score(given, known=[[0]] * len(given))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("categorical", [["a"], ["b"]]),
        ("categorical", [[0]]),
        ("categorical", [[0], [1, 0]]),
        ("categorical", [[0, 1], [1, 0], [1, 1]]),
        ("categorical", [np.array([0]), np.array([1])]),
        ("gaussian", [[0.5, 1.0, 2.0], [1.0, 2.0, 3.0]]),
        ("gaussian", [[[0.5, 1.0]], [[1.0, 2.0]], [[0.0, 1.0]]]),
        ("gaussian", [np.array([0.5]), np.array([1.0])]),
    ],
)
def test_sequences_that_cannot_be_rows_raise_no_warning(kind, given):
    HiddenMarkovModel(1, kind, n_iter=0).fit(given).predict(given)


# ---- parameters by hand ---------------------------------------------------------------------


def test_parameters_may_be_read_and_set():
    model = HiddenMarkovModel(2, "gaussian", covariance_type="full")
    with pytest.raises(AttributeError, match="means_ is not set; call fit, or set it"):
        _ = model.means_
    model.covars_ = np.tile(np.eye(2), (2, 1, 1))
    model.means_ = np.zeros((2, 2))
    assert model.covars_.shape == (2, 2, 2)
    with pytest.raises(AttributeError, match=r"GaussianEmissions have no emissionprob_; they have"):
        model.emissionprob_ = [[1.0]]
    with pytest.raises(AttributeError):
        _ = model.weights_
    assert not hasattr(model, "emissionprob_")


def test_named_symbols_with_probabilities_set_by_hand():
    model = HiddenMarkovModel(2)
    model.startprob_, model.transmat_ = [1, 0], [[0, 1], [1, 0]]
    model.emissionprob_ = [[0.9, 0.1], [0.1, 0.9]]
    model.symbols_ = ["no", "yes"]
    assert model.predict(["no", "yes", "no"]).tolist() == [0, 1, 0]
    again = model.set_params(init_params="", n_iter=1, tol=0).fit([["yes", "no", "yes"]])
    assert again.symbols_ == ["no", "yes"]
    with pytest.raises(ValueError, match=r"position 2 has the symbol 'maybe'"):
        model.fit([["yes", "no", "maybe"]])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("startprob_", [0.5, 0.6], r"startprob_ sums to 1.1; it must sum to 1"),
        ("startprob_", [[0.5, 0.5]], r"startprob_ has shape \(1, 2\); it must be \(\?\)"),
        ("startprob_", [1.5, -0.5], r"startprob_ holds a number that is no probability"),
        ("transmat_", [[0.5, 0.5], [0.5, 0.4]], r"row 1 of transmat_ sums to 0.9"),
        ("transmat_", [[1.0]], r"transmat_ has shape \(1, 1\)"),
        ("transmat_", [[0.5, 0.25, 0.25], [1, 0, 0]], r"transmat_ .* must be square"),
        ("transmat_", [["x", "y"], ["u", "v"]], r"transmat_ is .*; it must be an array of numbers"),
        ("emissionprob_", [[0.5, 0.5]], r"emissionprob_ has shape \(1, 2\); it must be \(2, ...\)"),
        ("emissionprob_", [[0.5, 0.5], [np.nan, 1]], r"emissionprob_ holds a number that is no pr"),
        ("symbols_", ["a", "b", "c"], r"emissionprob_ has 2 columns, but there are 3 symbols"),
    ],
)
def test_parameters_that_make_no_sense_are_named(name, value, message):
    model = HiddenMarkovModel(2)
    model.startprob_, model.transmat_ = [0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]]
    model.emissionprob_ = [[0.5, 0.5], [0.5, 0.5]]
    setattr(model, name, value)
    with pytest.raises(ValueError, match=message):
        model.predict([0, 1])


@pytest.mark.parametrize(
    ("kind", "means", "covars", "message"),
    [
        ("diag", [[0.0]], [[1.0], [1.0]], r"means_ has shape \(1, 1\); it must be \(2, D\)"),
        ("diag", [[0.0], [np.inf]], [[1.0], [1.0]], r"means_ holds a number that is not finite"),
        ("diag", [[0.0], [1.0]], [[1.0], [0.0]], r"covars_ holds the variance 0; it must be above"),
        (
            "diag",
            [[0.0], [1.0]],
            [1.0, 1.0, 1.0],
            r"covars_ has shape \(3,\).* it must be \(2, 1\)",
        ),
        (
            "full",
            [[0, 0], [0, 0]],
            [[[1, 0], [0, -1]]] * 2,
            r"covariance 0 is not positive definite",
        ),
        ("tied", [[0, 0], [0, 0]], [[1, 2], [0, 1]], r"matrix 0 of covars_ is not symmetric"),
        ("diag", [[0, 0], [0, 0]], [[[1, 0.5], [0.5, 1]]] * 2, r"full matrices that are not diag"),
        ("odd", [[0.0], [1.0]], [[1.0], [1.0]], r"covariance_type is 'odd'; it must be one of"),
    ],
)
def test_gaussians_that_make_no_sense_are_named(kind, means, covars, message):
    model = HiddenMarkovModel(2, "gaussian", covariance_type=kind)
    model.startprob_, model.transmat_ = [0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]]
    model.means_, model.covars_ = means, covars
    with pytest.raises(ValueError, match=message):
        model.score(np.zeros((3, np.shape(means)[1])))


def test_what_is_not_set_is_named():
    with pytest.raises(
        NotFittedError, match=r"no parameters yet; call fit\(X\), or set startprob_"
    ):
        HiddenMarkovModel(2).predict([0])
    model = HiddenMarkovModel(2)
    model.emissionprob_ = [[1.0], [1.0]]
    with pytest.raises(ValueError, match="startprob_ is not set"):
        model.predict([0])
    model.startprob_ = [0.5, 0.5]
    with pytest.raises(ValueError, match="transmat_ is not set"):
        model.predict([0])
    other = HiddenMarkovModel(2)
    other.startprob_, other.transmat_ = model.startprob_, np.full((2, 2), 0.5)
    with pytest.raises(ValueError, match="the parameters of the emissions are not set"):
        other.predict([0])
    other.emissions_ = "categorical"
    with pytest.raises(TypeError, match="emissions_ is 'categorical'; it must be an object of a"):
        other.predict([0])
    named = fitted()
    named.classes_ = ["P"]
    with pytest.raises(ValueError, match=r"classes_ names 1 states, but startprob_ has 2; set cla"):
        named.predict(X)
    mixture = HiddenMarkovModel(1, "mixture")
    mixture.startprob_, mixture.transmat_, mixture.weights_ = [1.0], [[1.0]], [[0.5, 0.5]]
    mixture.means_ = [[[0.0], [1.0]]]
    with pytest.raises(ValueError, match="covars_ is not set"):
        mixture.predict([0.0])
    mixture.covars_ = [[1.0, 1.0]]
    with pytest.raises(ValueError, match=r"covars_ has shape \(1, 2\); it must be \(1, 2, 1\)"):
        mixture.predict([0.0])


# ---- arguments ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, r"n_components is 0; it must be a whole number from 1"),
        ({"n_components": True}, r"n_components is True"),
        ({"n_components": 2, "n_iter": -1}, r"n_iter is -1; it must be a whole number from 0"),
        ({"n_components": 2, "n_init": 1.5}, r"n_init is 1.5"),
        ({"n_components": 2, "tol": "x"}, r"tol is 'x'; it must be a number"),
        ({"n_components": 2, "algorithm": "best"}, r"algorithm is 'best'; it must be 'viterbi' or"),
        ({"n_components": 2, "progress": 3}, r"progress is 3"),
        ({"n_components": 2, "emissions": "poisson"}, r"emissions is 'poisson'; it must be one of"),
        ({"n_components": 2, "params": "sx"}, r"params is 'sx'; the letters there are: 's' startp"),
        ({"n_components": 2, "init_params": "m"}, r"init_params is 'm'; the letters there are"),
        ({"n_components": 2, "params": 3}, r"params is 3; the letters there are"),
        ({"n_components": 2, "n_features": 0}, r"n_features is 0; it must be a whole number from"),
        ({"n_components": 2, "n_features": "x"}, r"n_features is 'x'; it must be a whole number"),
        ({"n_components": 2, "random_state": "x"}, r"random_state is 'x'; .* or a Generator"),
        ({"n_components": 2, "random_state": -1}, r"random_state is -1; it must be a whole"),
        (
            {"n_components": 2, "transmat_prior": np.ones(3)},
            r"is an array of shape \(3,\); it must",
        ),
        ({"n_components": 2, "startprob_prior": 0.5}, r"startprob_prior is 0.5; .* at least 1"),
        ({"n_components": 2, "transmat_prior": [1, 2, 3]}, r"transmat_prior .* broadcast to shape"),
        ({}, r"n_components is None and there are no labels"),
    ],
)
def test_arguments_that_make_no_sense_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        HiddenMarkovModel(**options).fit([0, 1, 0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"covars_prior": -1.0}, r"covars_prior is .*; it must be finite and at least 0"),
        ({"covars_prior": np.ones(5)}, r"covars_prior is .* broadcast to shape \(2, 2\)"),
        ({"means_weight": -1}, r"means_weight is -1"),
        ({"min_covar": "x"}, r"min_covar is 'x'; it must be a finite number from 0"),
        ({"min_covar": -5}, r"min_covar is -5; it must be a finite number from 0"),
        (
            {"covariance_type": "round"},
            r"covariance_type is 'round'; it must be one of 'spherical'",
        ),
    ],
)
def test_priors_that_make_no_sense_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        HiddenMarkovModel(2, "gaussian", **options).fit(
            np.random.default_rng(0).normal(size=(9, 2))
        )
    with pytest.raises(ValueError, match="covariance_type is 'round'; it must be one of 'spheric"):
        HiddenMarkovModel(2, "mixture", covariance_type="round").fit([0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"n_mix is 0; it must be a whole number from 1"):
        HiddenMarkovModel(2, "mixture", n_mix=0).fit([0.0, 1.0, 2.0])


# ---- data -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "labels", "lengths", "kind", "message"),
    [
        ("abc", Y, None, ValueError, None),
        (5, Y, None, TypeError, r"X is a int; give a list of sequences, each a"),
        (
            [["a"], 5],
            None,
            None,
            TypeError,
            r"sequence 1 of X is 5, a int; expected a list or an a",
        ),
        (X, Y[:2], None, ValueError, r"y has 2 sequences of labels but X 3 sequences"),
        (X, [["P"], Y[1], []], None, ValueError, r"sequence 0 has 2 positions but 1 labels"),
        (X, [["P", "Q"], 5, []], None, TypeError, r"sequence 1 of y is 5; expected a list of lab"),
        (
            FLAT,
            FLAT_Y[:4],
            LENGTHS,
            ValueError,
            r"y has 4 labels but X 5 positions.*lengths=\.\.\.",
        ),
        (FLAT, [2, 3], None, ValueError, r"y has 2 labels but X 5 positions"),
        (FLAT, FLAT_Y, [2, 2], ValueError, r"2 lengths add up to 4 tokens, but the observations"),
        (FLAT, FLAT_Y, [6, -1], ValueError, r"sequence 1 has length -1"),
        (X, 7, None, TypeError, r"y is a int; give a list or an array with a label"),
        (X, [["P", float("nan")], Y[1], []], None, ValueError, r"the label is nan"),
        ([[], []], [[], []], None, ValueError, r"there are no labels|there is no observation"),
        (
            [["a", {}]],
            [["P", "Q"]],
            None,
            TypeError,
            r"position 1 has {}, a dict, which is no symbol",
        ),
        (
            np.zeros((3, 2), int),
            ["P", "Q", "P"],
            None,
            ValueError,
            r"have shape \(3, 2\), but one is a single symbol",
        ),
        (
            [[None, None]],
            [["P", "Q"]],
            None,
            ValueError,
            r"there is no observation in the training",
        ),
    ],
)
def test_training_data_that_make_no_sense_are_named(given, labels, lengths, kind, message):
    if message is None:
        kind, message = TypeError, r"X is a str; give a list of sequences"
    with pytest.raises(kind, match=message):
        HiddenMarkovModel().fit(given, labels, lengths)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([["x", "y"]], r"position 0 has 'x', which is no vector of numbers"),
        ([[[0.0, 1.0], [2.0]]], r"position 1 has \[2.0\], of shape \(1,\), where those before"),
        (np.array([[0.0, np.nan], [1, np.inf]]), r"position 1 has \[1.0, inf\]; .* NaN where one"),
        (np.array([[0.0], [np.inf]]), r"position 1 has \[inf\]"),
        (np.full((4, 2), np.nan), r"there is no observation in the training data"),
        (np.zeros((2, 2, 2, 2)), r"observations have shape"),
        (
            [np.zeros((2, 2)), np.zeros((2, 3))],
            r"sequence 1 of X has observations of shape \(3,\), those",
        ),
    ],
)
def test_numbers_that_make_no_sense_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        HiddenMarkovModel(2, "gaussian").fit(given)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([["a"], ["b", {}]], TypeError, r"sequence 1, position 1 has {}, a dict, which is no sym"),
        ([["a", ["b"]]], TypeError, r"position 1 has \['b'\], a list, which is no symbol"),
        ([[["a"], ["b", "c"]]], TypeError, r"position 0 has \['a'\], a list, which is no symbol"),
        ([["a", (1, [2])]], TypeError, r"position 1 has \(1, \[2\]\), a tuple, which is no symbol"),
        (
            np.array([[0, 1]] * 2),
            ValueError,
            r"have shape \(2, 2\), but one is a single symbol",
        ),
        (
            [["a"], ["b", "z"]],
            ValueError,
            r"sequence 1, position 1 has the symbol 'z', which is no",
        ),
        ({"a"}, TypeError, r"X is a set; give a list of sequences"),
        (np.array("a"), TypeError, r"X is a ndarray; give a list of sequences"),
    ],
)
def test_questions_and_training_name_the_same_mistakes(given, error, message):
    model = HiddenMarkovModel(emissions=CategoricalEmissions(unseen="error")).fit(X, Y)
    again = copy.copy(model).set_params(n_components=2, init_params="st", n_iter=1)
    for ask in (model.predict, model.score, model.to_crf().predict, again.fit):
        with pytest.raises(error, match=message):
            ask(given)


def test_lists_of_one_symbol_each_are_read_as_that_symbol():
    model = fitted()
    for given in (
        [[["a"], ["b"]]],
        [[np.array(["a"]), np.array(["b"])]],
        [np.array([["a"], ["b"]])],
    ):
        assert model.predict(given) == model.to_crf().predict(given) == [["P", "Q"]]
    mixed = HiddenMarkovModel().fit([[[1], ["1"], [1]]], [["P", "Q", "P"]])
    assert mixed.symbols_ == [1, "1"]


def test_lengths_of_a_list_of_sequences():
    with pytest.raises(ValueError, match=r"X is a list of 2 sequences, .*; leave lengths out, or"):
        fitted().predict([["a", "b"], ["b"]], [2, 1])


def test_observations_of_another_width_are_named():
    model = HiddenMarkovModel(2, "gaussian", n_iter=1, tol=0)
    model.fit(np.random.default_rng(0).normal(size=(20, 2)))
    with pytest.raises(
        ValueError, match=r"observations have 3 numbers each, but the model's have 2"
    ):
        model.predict(np.zeros((4, 3)))


@pytest.mark.parametrize("n", [1, 3, 5])
def test_labels_and_a_number_of_states_that_do_not_agree(n):
    with pytest.raises(
        ValueError, match=rf"n_components is {n}, but y holds 2 labels: 'P', 'Q'; leave"
    ):
        HiddenMarkovModel(n).fit(X, Y)
    if n > 2:
        with pytest.raises(ValueError, match=r"no position has the label 2, so there is nothing"):
            HiddenMarkovModel(n).fit([[0, 1]], [[0, 1]])


def test_states_that_no_label_names_have_numbers():
    y = [["P", None], [None, "Q", None], []]
    model = HiddenMarkovModel(4, n_iter=3, tol=0).fit(X, y)
    assert model.classes_ == ["P", "Q", 2, 3]
    assert model.predict(X, known=y)[0][0] == "P"
    by_number = HiddenMarkovModel(3, n_iter=1, tol=0).fit([[0, 1, 0]], [[2, 7, None]])
    assert by_number.classes_ == [2, 7, 3]
    assert HiddenMarkovModel(3, n_iter=1, tol=0).fit([[0, 1]], [[2, None]]).classes_ == [0, 1, 2]
    with pytest.raises(ValueError, match=r"n_components is 3, but .* 2 labels: 'P', 'Q'.* without"):
        HiddenMarkovModel(3).fit(X, Y)
    with pytest.raises(ValueError, match=r"n_components is 1, but y holds 2 labels: 'P', 'Q'; lea"):
        HiddenMarkovModel(1).fit(X, y)


def test_numbers_that_depend_on_each_other_have_no_covariance():
    line = np.arange(30.0)[:, None] * [1.0, 2.0]
    model = HiddenMarkovModel(1, "gaussian", covariance_type="full", covars_prior=0.0, n_iter=3)
    with pytest.raises(
        ValueError, match=r"covariance 0 is not positive definite .*raise covars_pr"
    ):
        model.fit(line)
    HiddenMarkovModel(1, "gaussian", covariance_type="full").fit(line)


def test_few_and_equal_observations_are_no_trouble():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("gaussian", "mixture", "categorical"):
            for given in ([1.0, 1.0, 1.0], [1.0, 2.0], [3.0]):
                model = HiddenMarkovModel(3, kind, n_iter=5, tol=0).fit(given)
                assert np.isfinite(model.score(given))
                assert_allclose(model.predict_proba(given).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("asked", "message"), [({"steps": 0}, "steps is 0"), ({"steps": 1.5}, "1.5")]
)
def test_questions_that_make_no_sense_are_named(asked, message):
    with pytest.raises(ValueError, match=message):
        fitted().predict_next(X, **asked)
    with pytest.raises(ValueError, match=r"n_samples is 0; it must be a whole number from 1"):
        fitted().sample(0)
    with pytest.raises(ValueError, match=r"algorithm is 'max'; it must be 'viterbi' or 'map'"):
        fitted().decode(X, algorithm="max")
    with pytest.raises(ValueError, match="gibbs takes one sequence; got 3 of them"):
        fitted().gibbs(X)


# ---- emissions of one's own -----------------------------------------------------------------


class Counts(Emissions):
    """Poisson counts: the example of the guide."""

    parameters: ClassVar = {"r": "rates_"}

    def read(self, X):
        distinct, codes = np.unique(np.asarray(X, dtype=float).ravel(), return_inverse=True)
        return Observations(distinct, codes)

    def start(self, observations, n_states, rng, which):
        self.rates_ = observations.distinct.mean() * rng.gamma(2.0, 0.5, n_states)

    def maximize(self, observations, counts, which):
        self.rates_ = observations.distinct @ counts / counts.sum(axis=0)

    def check(self, n_states):
        if np.shape(getattr(self, "rates_", None)) != (n_states,):
            raise ValueError("rates_ is not set")

    def log_likelihoods(self, observations):
        from scipy.stats import poisson

        return poisson.logpmf(observations.distinct[:, None], self.rates_)

    def sample(self, states, rng):
        return rng.poisson(self.rates_[states])

    def predictive(self, shares):
        return shares @ self.rates_[:, None]

    def n_parameters(self, which):
        return len(self.rates_)


def test_emissions_of_ones_own():
    true = HiddenMarkovModel(2, Counts())
    true.startprob_, true.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    with pytest.raises(ValueError, match="the parameters of the emissions are not set"):
        true.sample(3)
    true.emissions_ = Counts()
    true.emissions_.rates_ = np.array([1.0, 8.0])
    given, states = true.sample(4000)
    model = HiddenMarkovModel(2, Counts(), n_init=2).fit(given)
    assert_allclose(np.sort(model.emissions_.rates_), [1, 8], atol=0.3)
    assert model.n_parameters() == 3 + 2
    order = np.argsort(model.emissions_.rates_)
    assert (order.argsort()[model.predict(given)] == states).mean() > 0.95
    with pytest.raises(ValueError, match="log-likelihoods of Counts are not linear"):
        model.to_crf()
    assert model.log_likelihood_ > true.score(given) - 1


def test_kinds_of_emissions_are_objects_too():
    rng = np.random.default_rng(0)
    given = rng.normal(size=(40, 2))
    for kind, emissions in (
        ("gaussian", GaussianEmissions("full")),
        ("mixture", MixtureEmissions(3, "full")),
        ("categorical", CategoricalEmissions()),
    ):
        data = given if kind != "categorical" else (given[:, 0] > 0).astype(int)
        one = HiddenMarkovModel(2, emissions, n_iter=3, tol=0).fit(data)
        two = HiddenMarkovModel(2, kind, covariance_type="full", n_mix=3, n_iter=3, tol=0).fit(data)
        assert one.score(data) == two.score(data)

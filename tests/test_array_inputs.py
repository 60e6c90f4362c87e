"""Data that is numeric already: matrices with lengths, data frames, names; and open labels."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csc_matrix, csr_array

from gibbsfactor.features import (
    Columns,
    FeatureDictVectorizer,
    NamedTokens,
    Tokens,
    TokensVectorizer,
    as_sequences,
    vectorizer_for,
    vectorizer_from_arrays,
)
from gibbsfactor.features.labels import (
    check_labelled,
    encode_labels,
    listed_labels,
    read_labels,
)

pandas = pytest.importorskip("pandas")

LENGTHS = [2, 0, 3]
VALUES = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.0], [4.0, 5.0]])
PARTS = [VALUES[:2], VALUES[2:2], VALUES[2:]]


def everything(tokens):
    """All attributes of all tokens, the sparse ones first."""
    dense = np.zeros((tokens.n_tokens, 0)) if tokens.dense is None else tokens.dense
    return np.hstack([tokens.attributes.toarray(), dense])


@pytest.mark.parametrize(
    ("X", "lengths", "n_dense"),
    [
        (VALUES, LENGTHS, 2),
        (VALUES.astype(np.float32), np.array(LENGTHS), 2),
        (VALUES.astype(int), LENGTHS, 2),
        (PARTS, None, 2),
        (tuple(PARTS), None, 2),
        (iter(PARTS), None, 2),
        (csr_array(VALUES), LENGTHS, 0),
        (coo_array(VALUES), LENGTHS, 0),
        (csc_matrix(VALUES), LENGTHS, 0),
        ([csr_array(part) for part in PARTS], None, 0),
        ((csc_matrix(part) for part in PARTS), None, 0),
        (Tokens(csr_array(VALUES), LENGTHS), None, 0),
        (pandas.DataFrame(VALUES), LENGTHS, 2),
        ([pandas.DataFrame(part) for part in PARTS], None, 2),
    ],
)
def test_matrices_become_tokens(X, lengths, n_dense):
    found = as_sequences(X, lengths)
    tokens = found.tokens if isinstance(found, NamedTokens) else found
    assert isinstance(tokens, Tokens)
    assert tokens.lengths.tolist() == LENGTHS
    assert tokens.n_dense == n_dense
    assert np.array_equal(everything(tokens), VALUES)
    vectorizer = vectorizer_for(found)
    assert isinstance(vectorizer, TokensVectorizer)
    assert np.array_equal(everything(vectorizer.fit_transform(found)), VALUES)
    assert np.array_equal(everything(vectorizer.transform(found)), VALUES)


def test_three_axes_are_sequences_of_one_length():
    cube = np.arange(12.0).reshape(2, 3, 2)
    tokens = as_sequences(cube)
    assert tokens.lengths.tolist() == [3, 3]
    assert np.array_equal(tokens.dense, cube.reshape(6, 2))


def test_what_is_no_matrix_stays():
    columns = Columns.from_sentences([[("a",)]])
    assert as_sequences(columns) is columns
    sequences = [[{"a": 1}], []]
    assert as_sequences(sequences) is sequences
    objects = np.empty(2, dtype=object)
    objects[:] = sequences
    assert as_sequences(objects) == sequences
    assert as_sequences(pandas.Series(sequences)) == sequences


@pytest.mark.parametrize(
    ("X", "lengths", "error", "message"),
    [
        (VALUES, None, TypeError, r"ndarray of shape \(5, 2\) was given without lengths.*give len"),
        (VALUES, [2, 2], ValueError, r"2 lengths add up to 4 tokens, but the attributes have 5"),
        (VALUES, [6, -1], ValueError, r"sequence 1 has length -1"),
        (VALUES, [2.5, 2.5], ValueError, r"lengths must be one integer per sequence"),
        (PARTS, LENGTHS, TypeError, r"lengths go with one matrix.* X is a list; leave lengths out"),
        ([[{"a": 1}]], [1], TypeError, r"lengths go with one matrix"),
        (Tokens(csr_array(VALUES), LENGTHS), LENGTHS, TypeError, r"X is a Tokens; leave lengths o"),
        (np.zeros(5), LENGTHS, ValueError, r"an array of shape \(5,\) was given; it must have two"),
        (np.zeros(5), None, TypeError, r"of shape \(5,\) was given without lengths"),
        (VALUES.astype(object), LENGTHS, TypeError, r"the array holds object; it must hold real"),
        (VALUES.astype(str), LENGTHS, TypeError, r"one matrix of real numbers .* ndarray of <U32"),
        (VALUES * 1j, LENGTHS, TypeError, r"the array holds complex128"),
        (
            VALUES / [[1], [1], [1], [np.inf], [np.nan]],
            LENGTHS,
            ValueError,
            r"token 4 has nan as d",
        ),
        (csr_array([[np.inf]]), [1], ValueError, r"token 0 has weight inf on attribute 0"),
        ([VALUES, VALUES[:, :1]], None, ValueError, r"sequence 1: the matrix has 1 columns, but t"),
        ([VALUES, csr_array(VALUES)], None, TypeError, r"sequence 1: a csr_array was given, but "),
        ([VALUES, [1.0]], None, TypeError, r"sequence 1 is a list, but the first one is a matrix"),
        ([VALUES, np.zeros(3)], None, TypeError, r"sequence 1 is a ndarray of shape \(3,\), but"),
        ("text", None, TypeError, r"data must be a list of sequences.*but a str was given"),
        ({"a": 1}, None, TypeError, r"a dict was given; turn it into such a list"),
        (7, None, TypeError, r"a int was given"),
        (
            pandas.DataFrame({"a": [1.0], "b": ["x"]}),
            [1],
            TypeError,
            r"the column 'b' holds \w+; every column must hold numbers",
        ),
        (
            [pandas.DataFrame({"a": [1.0]}), pandas.DataFrame({"b": [1.0]})],
            None,
            ValueError,
            r"sequence 1: the columns are \['b'\], but those of the first are \['a'\]",
        ),
    ],
)
def test_wrong_matrices_are_named(X, lengths, error, message):
    with pytest.raises(error, match=message):
        as_sequences(X, lengths)


def test_names_of_attributes():
    mixed = Tokens(csr_array(VALUES), LENGTHS, dense=VALUES[:, :1])
    vectorizer = TokensVectorizer()
    assert vectorizer.fit_transform(mixed) is mixed
    assert vectorizer.attribute_names() == ["x0", "x1", "x2"]
    vectorizer = TokensVectorizer(min_freq=3, names=["a", "b", "c"])
    tokens = vectorizer.fit_transform(mixed)
    assert vectorizer.attribute_names() == ["a", "c"]
    assert vectorizer.n_attributes == tokens.n_attributes == 2
    frame = pandas.DataFrame(VALUES, columns=["height", 7])
    vectorizer = TokensVectorizer()
    vectorizer.fit_transform(as_sequences(frame, LENGTHS))
    assert vectorizer.attribute_names() == ["height", "7"]


@pytest.mark.parametrize("min_freq", [0, 3])
def test_stored_vectorizers_read_alike(min_freq):
    edges = csr_array(np.eye(5))
    for names in (None, ["a", "b", "c", "d"]):
        mixed = Tokens(csr_array(VALUES), LENGTHS, edges, VALUES)
        vectorizer = TokensVectorizer(min_freq, names)
        tokens = vectorizer.fit_transform(mixed)
        assert vectorizer.n_edge_attributes == 5
        assert vectorizer.edge_names() == ["pair0", "pair1", "pair2", "pair3", "pair4"]
        arrays = vectorizer.to_arrays()
        assert all(array.dtype.kind in "iuU" for array in arrays.values())
        for one in (
            vectorizer,
            vectorizer_from_arrays(arrays),
            pickle.loads(pickle.dumps(vectorizer)),
        ):
            again = one.transform(mixed)
            assert np.array_equal(everything(again), everything(tokens))
            assert np.array_equal(again.edges.toarray(), edges.toarray())
            assert one.attribute_names() == vectorizer.attribute_names()
            assert one.min_freq == min_freq


def test_other_columns_are_refused():
    vectorizer = TokensVectorizer()
    with pytest.raises(
        ValueError, match=r"this TokensVectorizer has not learnt its attributes yet"
    ):
        vectorizer.transform(PARTS)
    with pytest.raises(ValueError, match=r"there are no tokens to learn attributes from"):
        vectorizer.fit_transform([VALUES[:0]])
    vectorizer.fit_transform(PARTS)
    wrong = r"has 0 sparse and 1 dense attributes, but .* trained on 0 sparse and 2 dense attribut"
    with pytest.raises(ValueError, match=wrong):
        vectorizer.transform([VALUES[:, :1]])
    with pytest.raises(ValueError, match=r"has 2 sparse and 0 dense attributes"):
        vectorizer.transform([csr_array(VALUES)])
    with pytest.raises(TypeError, match=r"numbers were expected, .* but a list of something else"):
        vectorizer.transform([[{"a": 1}]])
    with pytest.raises(ValueError, match=r"3 names were given for 2 attributes"):
        TokensVectorizer(names=["a", "b", "c"]).fit_transform(PARTS)
    dicts = FeatureDictVectorizer()
    dicts.fit_transform([[{"a": 1}]])
    with pytest.raises(TypeError, match=r"dicts of features were expected, but a Tokens was given"):
        dicts.transform(PARTS)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["a"], ValueError, r"1 names were given for 2 attributes"),
        (["a", "a"], ValueError, r"two attributes are named 'a'; names must differ"),
        (["a", 1], TypeError, r"the name 1 is a int; names must be str"),
        ("ab", TypeError, r"names must be a list of str, but the str 'ab' was given"),
    ],
)
def test_wrong_names_are_refused(names, error, message):
    with pytest.raises(error, match=message):
        NamedTokens(Tokens(csr_array(VALUES), LENGTHS), names)


names = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=5, unique=True)


@given(names, names, st.integers(0, 5), st.integers(0, 5), st.data())
def test_named_tokens_are_matched_by_name(learnt, given_names, n_learnt, n_given, data):
    """Whichever of the two has a name as sparse and whichever as dense."""

    def make(names, n_sparse, seed):
        values = np.random.default_rng(seed).integers(1, 9, (3, len(names))).astype(float)
        sparse, dense = values[:, :n_sparse], values[:, n_sparse:]
        tokens = Tokens(csr_array(sparse), [1, 2], dense=dense if dense.size else None)
        return NamedTokens(tokens, names), values

    train, _ = make(learnt, n_learnt, 0)
    new, values = make(given_names, n_given, 1)
    vectorizer = TokensVectorizer()
    vectorizer.fit_transform(train)
    missing = [name for name in learnt[n_learnt:] if name not in given_names]
    if missing and new.tokens.n_dense:
        with pytest.raises(ValueError, match=f"the data has no values named '{missing[0]}'"):
            vectorizer.transform(new)
        return
    found = vectorizer.transform(new)
    assert (found.n_sparse, found.n_dense) == (train.tokens.n_sparse, train.tokens.n_dense)
    column = {name: values[:, i] for i, name in enumerate(given_names)}
    wanted = [column.get(name, np.zeros(3)) for name in learnt]
    assert np.array_equal(everything(found), np.transpose(wanted))


def test_dicts_and_their_tokens_read_alike():
    sequences = [[{"w": "a", "n": 2.0}, {"w": "b", "v": np.array([0.5, 0.0])}], [{"w": "a"}]]
    vectorizer = FeatureDictVectorizer()
    tokens = vectorizer.fit_transform(sequences)
    named = NamedTokens(tokens, vectorizer.attribute_names())
    assert named.dicts() == [[{"w:a": 1, "n": 2}, {"w:b": 1, "v:0": 0.5}], [{"w:a": 1}]]
    for given_tokens in (named, named[[0, 1]]):
        again = vectorizer.transform(given_tokens)
        assert np.array_equal(everything(again), everything(tokens))
    assert vectorizer.transform(named[1:]).lengths.tolist() == [1]


def test_scikit_learn_picks_sequences():
    indexing = pytest.importorskip("sklearn.utils")
    named = NamedTokens(Tokens(csr_array(VALUES), LENGTHS), ["a", "b"])
    picked = indexing._safe_indexing(named, np.array([2, 0]))
    assert isinstance(picked, NamedTokens)
    assert picked.lengths.tolist() == [3, 2]
    assert repr(picked) == "NamedTokens(2 sequences, 5 tokens, 2 attributes, 5 weights)"
    train, test = pytest.importorskip("sklearn.model_selection").train_test_split(
        named, test_size=1
    )
    assert len(train), len(test) == (2, 1)


label = st.sampled_from(["a", "b", "c"])
position = st.one_of(label, st.none(), st.sets(label, min_size=1))


@given(st.lists(st.lists(position, max_size=4), max_size=4))
def test_open_labels(y):
    flat = [one for labels in y for one in labels]
    sets = [{one} if isinstance(one, str) else one for one in flat]
    there = sorted(set().union(*(one for one in sets if one is not None)))
    if flat and not there:
        with pytest.raises(ValueError, match=rf"none of the {len(flat)} positions has a label"):
            read_labels(y)
        return
    for given_labels in (y, iter(y), (iter(labels) for labels in y)):
        encoded = read_labels(given_labels)
        assert encoded.classes == there
        fixed = [one is not None and len(one) == 1 for one in sets]
        assert (encoded.codes >= 0).tolist() == fixed
        wanted = [[one is None or c in one for c in there] for one in sets]
        if all(fixed):
            assert encoded.allowed is None
        else:
            assert encoded.allowed.tolist() == wanted
        assert all(wanted[m][code] for m, code in enumerate(encoded.codes.tolist()) if code >= 0)


def test_kinds_of_labels():
    assert read_labels([[1, np.int64(3)], [np.int8(1)]]).classes == [1, 3]
    assert read_labels([np.array(["b", "a"])]).classes == ["a", "b"]
    assert read_labels([[("x", 1), frozenset("a")]]).classes == [("x", 1), frozenset("a")]
    assert read_labels([["b", 1, {"a", "c"}]]).classes == ["b", 1, "a", "c"]
    more = read_labels([["d", "a", {"b", "c"}]], known=["c", "a"])
    assert more.classes == ["c", "a", "b", "d"]
    assert more.codes.tolist() == [3, 1, -1]
    assert more.allowed[2].tolist() == [True, False, True, False]
    assert read_labels([[None]], known=["a"]).codes.tolist() == [-1]
    assert read_labels([]).classes == []
    assert encode_labels([["b", {"a"}]])[1].tolist() == [1, 0]
    assert listed_labels(pandas.Series([["a"], ["b"]])) == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([["a"], ["a", float("nan")]], ValueError, r"sequence 1, position 1: the label is nan; e"),
        ([["a", np.float32("nan")]], ValueError, r"sequence 0, position 1: the label is .*nan"),
        ([["a", {np.nan, "b"}]], ValueError, r"sequence 0, position 1: the label is \{.*nan"),
        ([["a", set()]], ValueError, r"position 1: the set of allowed labels is empty; name one a"),
        ([["a", {"b", None}]], ValueError, r"position 1: the set of allowed labels holds None; gi"),
        (
            [["a", ["b"]]],
            TypeError,
            r"position 1: a label can't be used as one: unhashable type: '",
        ),
        ([[None, None]], ValueError, r"none of the 2 positions has a label; give one at least"),
        (["ab"], TypeError, r"sequence 0 of y is str; expected a list of labels"),
        ([{"a", "b"}], TypeError, r"sequence 0 of y is set; expected a list of labels"),
        ("ab", TypeError, r"y is str; expected a list of sequences of labels"),
        (3, TypeError, r"y is int; expected a list of sequences of labels"),
        (Columns.from_sentences([[("a",)]]), TypeError, r"y is Columns; .* give y\.labels\(\)"),
    ],
)
def test_wrong_labels_are_named(y, error, message):
    with pytest.raises(error, match=message):
        read_labels(y)


def test_labels_that_must_be_fixed():
    with pytest.raises(ValueError, match=r"sequence 1, position 0: the label is None; every token"):
        encode_labels([["a"], [None]])
    with pytest.raises(ValueError, match=r"sequence 0, position 1: the label is \{.*every token"):
        encode_labels([["a", {"a", "b"}], [None]])


def test_labels_fit_their_tokens():
    tokens = Tokens(csr_array(VALUES), LENGTHS)
    lists = [["t"] * n for n in LENGTHS]
    for X in (tokens, NamedTokens(tokens, ["a", "b"]), lists, PARTS, list(map(csr_array, PARTS))):
        check_labelled(X, [["a"] * n for n in LENGTHS])
        with pytest.raises(ValueError, match=r"sequence 2 has 3 tokens but 4 labels; they must be"):
            check_labelled(X, [["a"] * n for n in [2, 0, 4]])
        with pytest.raises(ValueError, match=r"there are 3 sequences of tokens but 1 of labels"):
            check_labelled(X, [["a"]])
    with pytest.raises(TypeError, match=r"X is a Stream; its lengths are known once it is read"):
        check_labelled(as_sequences(iter([[{"a": 1}]])), [["a"]])


def test_large_matrices_are_not_copied():
    values = np.ones((4, 2))
    assert np.shares_memory(as_sequences(values, [4]).dense, values)
    matrix = csr_array(values)
    matrix.indices = matrix.indices.astype(np.int32)
    assert np.shares_memory(as_sequences(matrix, [4]).attributes.data, matrix.data)
    assert scipy.sparse.issparse(as_sequences(values, [4]).attributes)

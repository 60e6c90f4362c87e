"""Columns, tokens and the vectorisers of dicts and lists: their rules, their laws, their errors."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array, csr_matrix

from gibbsfactor.features import (
    Columns,
    FeatureDictVectorizer,
    FeatureListVectorizer,
    Templates,
    TemplateVectorizer,
    Tokens,
    vectorizer_for,
    vectorizer_from_arrays,
)
from gibbsfactor.features.strings import pack_strings, unpack_strings

name = st.text("ab:é\ud800", max_size=3)
weight = st.sampled_from([0, 1, 2.5, -3, True, False, np.float32(0.5), np.int8(2), np.True_])
leaf = st.one_of(name, weight, st.lists(name, max_size=3), st.sets(name, max_size=3))
features = st.dictionaries(
    name, st.recursive(leaf, lambda inner: st.dictionaries(name, inner, max_size=3), max_leaves=4)
)
of_dicts = st.lists(st.lists(features, max_size=4), max_size=4)
of_lists = st.lists(st.lists(st.lists(name, max_size=5), max_size=4), max_size=4)


def flatten(features):
    """The attributes of a feature dict by python-crfsuite's rules, zeros left out."""
    total = Counter()
    for key, value in features.items():
        if isinstance(value, str):
            total[f"{key}:{value}"] += 1
        elif isinstance(value, dict):
            for inner, w in flatten(value).items():
                total[f"{key}:{inner}"] += w
        elif isinstance(value, list | set):
            total.update(f"{key}:{item}" for item in value)
        elif value:
            total[key] += float(value)
    return total


def named(vectorizer, tokens):
    names, matrix = vectorizer.attribute_names(), tokens.attributes
    assert len(names) == len(set(names)) == vectorizer.n_attributes == tokens.n_attributes
    return [
        {
            names[matrix.indices[i]]: matrix.data[i]
            for i in range(matrix.indptr[m], matrix.indptr[m + 1])
        }
        for m in range(tokens.n_tokens)
    ]


def check(cls, direct, train, test, min_freq):
    """The law: fit, transform and a stored copy agree with attributes counted directly."""
    vectorizer = cls(min_freq)
    tokens = vectorizer.fit_transform(train)
    rows = [direct(token) for sequence in train for token in sequence]
    seen = Counter(name for row in rows for name in row)
    known = [name for name, n in seen.items() if n >= min_freq]
    assert sorted(vectorizer.attribute_names()) == sorted(known)

    def wanted(rows):
        return [{name: w for name, w in row.items() if name in known} for row in rows]

    assert tokens.lengths.tolist() == list(map(len, train))
    assert named(vectorizer, tokens) == wanted(rows)
    new = [direct(token) for sequence in test for token in sequence]
    arrays = vectorizer.to_arrays()
    assert all(array.dtype.kind in "iuU" for array in arrays.values())
    for one in (vectorizer, vectorizer_from_arrays(arrays)):
        assert named(one, one.transform(train)) == wanted(rows)
        assert named(one, one.transform(test)) == wanted(new)
        assert one.min_freq == min_freq
        assert one.kind == cls.kind


@given(of_dicts.filter(any), of_dicts, st.integers(0, 2))
def test_dicts_follow_the_rules(train, test, min_freq):
    check(FeatureDictVectorizer, flatten, train, test, min_freq)


@given(of_lists.filter(any), of_lists, st.integers(0, 2))
def test_lists_add_up(train, test, min_freq):
    check(FeatureListVectorizer, Counter, train, test, min_freq)


def test_dicts_by_example():
    token = {"w": "x", "up": True, "low": False, "n": 2, "s": {"b", "a"}, "d": {"e": {"f": "g"}}}
    vectorizer = FeatureDictVectorizer()
    tokens = vectorizer.fit_transform([[], [token, {}], []])
    assert tokens.lengths.tolist() == [0, 2, 0]
    assert vectorizer.attribute_names() == ["w:x", "up", "n", "s:a", "s:b", "d:e:f:g"]
    assert tokens.attributes.toarray().tolist() == [[1, 1, 2, 1, 1, 1], [0] * 6]


@given(of_dicts.filter(any))
def test_dicts_agree_with_python_crfsuite(sequences):
    pycrfsuite = pytest.importorskip("pycrfsuite")

    def plain(
        value,
    ):  # the peer knows neither numpy's numbers, nor lone surrogates, nor lists twice
        if isinstance(value, dict):
            return {plain(k): plain(v) for k, v in value.items()}
        if isinstance(value, list | set):
            return {plain(item) for item in value}
        if isinstance(value, str):
            return value.replace("\ud800", "é").replace(":", "b")
        return float(value)

    sequences = [[plain(token) for token in sequence] for sequence in sequences]
    vectorizer = FeatureDictVectorizer()
    rows = named(vectorizer, vectorizer.fit_transform(sequences))
    peer = [row for s in sequences for row in pycrfsuite.ItemSequence(s).items()]
    assert rows == [{name: w for name, w in row.items() if w} for row in peer]


@pytest.mark.parametrize(
    ("token", "error", "message"),
    [
        ({"a": float("nan")}, ValueError, r"sequence 1, position 2: the attribute 'a' is nan; wei"),
        ({"a": {"b": np.inf}}, ValueError, r"sequence 1, position 2: the attribute 'b' is inf"),
        ({"a": None}, TypeError, r"sequence 1, position 2: the attribute 'a' is None, a NoneType"),
        ({"a": [1]}, TypeError, r"position 2: the feature 1 of the attribute 'a' is a int, expec"),
        ({"a": {1, "b"}}, TypeError, r"position 2: the feature 1 of the attribute 'a' is a int"),
        ({1: "a"}, TypeError, r"sequence 1, position 2: the key 1 is a int; keys must be str"),
        ({"a": {2: "a"}}, TypeError, r"sequence 1, position 2: the key 2 is a int"),
        ({"a": 1j}, TypeError, r"the attribute 'a' is 1j, a complex, expected a str, bool, num"),
        (
            ["a"],
            TypeError,
            r"sequence 1, position 2: the token is \['a'\], a list, expected a dict",
        ),
    ],
)
def test_wrong_dicts_are_named(token, error, message):
    vectorizer = FeatureDictVectorizer()
    with pytest.raises(error, match=message):
        vectorizer.fit_transform([[{}], [{}, {"a": "b"}, token]])
    vectorizer.fit_transform([[{"a": "b"}]])
    with pytest.raises(error, match=message):
        vectorizer.transform([[{}], [{}, {"a": "b"}, token]])


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (["a", 1], r"sequence 1, position 1: the feature 1 is a int, expected a str; convert it"),
        (["a", ["b"]], r"sequence 1, position 1: the feature \['b'\] is a list, expected a str"),
        ({"a", 1}, r"sequence 1, position 1: the feature 1 is a int, expected a str"),
        ("abc", r"sequence 1, position 1: the token is 'abc', a str, expected a list of feature"),
        ({"a": "b"}, r"the token is {'a': 'b'}, a dict, expected a list of feature strings"),
    ],
)
def test_wrong_lists_are_named(token, message):
    vectorizer = FeatureListVectorizer()
    with pytest.raises(TypeError, match=message):
        vectorizer.fit_transform([[["a"]], [["a"], token]])
    vectorizer.fit_transform([[["a"]]])
    with pytest.raises(TypeError, match=message):
        vectorizer.transform([[["a"]], [["a"], token]])


def test_sets_are_read_in_sorted_order():
    letters = list("abcdefghij")
    for vectorizer, token in [
        (FeatureListVectorizer(), set(letters)),
        (FeatureDictVectorizer(), {"k": frozenset(letters)}),
    ]:
        vectorizer.fit_transform([[token]])
        assert [name[-1] for name in vectorizer.attribute_names()] == letters


def test_unfitted_empty_and_min_freq():
    for cls in (FeatureDictVectorizer, FeatureListVectorizer):
        with pytest.raises(ValueError, match=rf"this {cls.__name__} has not learnt its attributes"):
            cls().transform([])
        with pytest.raises(ValueError, match=r"there are no tokens to learn attributes from"):
            cls().fit_transform([[], []])
        with pytest.raises(ValueError, match=r"min_freq must be 0 or more, but is -1"):
            cls(-1)
        with pytest.raises(TypeError, match=r"min_freq must be an integer, but is 1\.5"):
            cls(1.5)


def test_the_kind_of_data_picks_the_vectorizer():
    columns = Columns.from_sentences([[("a", "b")]])
    chosen = vectorizer_for(columns, Templates.chunking(), min_freq=2)
    assert isinstance(chosen, TemplateVectorizer)
    assert chosen.min_freq == 2
    assert isinstance(vectorizer_for([[], [{"a": "b"}]]), FeatureDictVectorizer)
    assert isinstance(vectorizer_for([[["a"]]]), FeatureListVectorizer)


@pytest.mark.parametrize(
    ("data", "templates", "error", "message"),
    [
        (["a", "b"], None, TypeError, r"sequence 0 is a str, expected a list of .*\[sequence\]"),
        ([{"a": "b"}], None, TypeError, r"sequence 0 is a dict.* for a single sequence give \["),
        (
            [["a", "b"]],
            None,
            TypeError,
            r"sequence 0, position 0: the token is 'a', a str, .*\[fea",
        ),
        ((x for x in [[["a"]]]), None, TypeError, r"but a generator was given; turn it into such"),
        (np.zeros((2, 2)), None, TypeError, r"but a ndarray was given; turn it into such a list"),
        ("abc", None, TypeError, r"but a str was given"),
        (None, None, TypeError, r"but a NoneType was given"),
        ([[], []], None, ValueError, r"2 sequences without a token do not tell dicts from lists"),
        (Columns.from_sentences([[("a",)]]), None, TypeError, r"Columns were given without templa"),
        (
            [[{"a": "b"}]],
            Templates.chunking(),
            TypeError,
            r"templates read Columns, but a list was",
        ),
    ],
)
def test_data_of_no_kind_is_refused(data, templates, error, message):
    with pytest.raises(error, match=message):
        vectorizer_for(data, templates)


def test_stored_arrays_of_another_kind_are_refused():
    vectorizer = FeatureListVectorizer()
    vectorizer.fit_transform([[["a"]]])
    arrays = vectorizer.to_arrays()
    message = r"of kind 'feature-lists', but 'feature-dicts' was expected; use vectorizer_from_arr"
    with pytest.raises(ValueError, match=message):
        FeatureDictVectorizer.from_arrays(arrays)
    with pytest.raises(ValueError, match=r"of kind 'x', expected one of \['feature-dicts', 'featu"):
        vectorizer_from_arrays({**arrays, "kind": np.array("x")})
    with pytest.raises(ValueError, match=r"the stored arrays have no 'kind', only \[\]"):
        vectorizer_from_arrays({})


@given(st.lists(st.text()))
def test_packed_strings_come_back(strings):
    blob, offsets = pack_strings(strings)
    assert (blob.dtype, offsets.dtype) == (np.uint8, np.int64)
    assert unpack_strings(blob, offsets) == strings
    with pytest.raises(ValueError, match=r"offsets of packed strings must rise from 0 to the blob"):
        unpack_strings(blob, offsets + 1)
    with pytest.raises(ValueError, match=r"the 4 offsets of packed strings must rise from 0"):
        unpack_strings(*pack_strings(["abc"])[:1], np.array([0, 2, 1, 3]))


token = st.tuples(st.text(max_size=2), st.sampled_from("XYZ"))
corpora = st.lists(st.lists(token, max_size=4), max_size=6).filter(any)


@given(corpora, st.data())
def test_columns_are_the_sentences(sentences, data):
    columns = Columns.from_sentences(sentences)
    assert columns.sentences() == list(columns) == sentences
    assert len(columns) == len(sentences)
    assert columns.n_tokens == sum(map(len, sentences))
    assert columns.labels() == [[label for _, label in sentence] for sentence in sentences]
    assert columns.column(0) == [word for sentence in sentences for word, _ in sentence]
    assert columns.drop().sentences() == [[(w,) for w, _ in s] for s in sentences]
    assert columns.select([-1, 0]).sentences() == [[(y, w) for w, y in s] for s in sentences]
    assert columns.drop().with_column(columns.labels()).sentences() == sentences
    picked = data.draw(st.slices(len(sentences)))
    assert columns[picked].sentences() == sentences[picked]
    positions = data.draw(st.lists(st.integers(-len(sentences), len(sentences) - 1)))
    assert columns[positions].sentences() == [sentences[n] for n in positions]
    mask = data.draw(st.lists(st.booleans(), min_size=len(sentences), max_size=len(sentences)))
    assert columns[np.array(mask)].sentences() == [
        s for s, keep in zip(sentences, mask, strict=True) if keep
    ]
    assert columns[len(sentences) - 1] == sentences[-1]
    assert not columns.codes.flags.writeable
    assert not columns.lengths.flags.writeable


@pytest.mark.parametrize(
    ("sentences", "error", "message"),
    [
        (
            [[("a", "b")], [("c",)]],
            ValueError,
            r"sentence 1, position 0: .* has 1 columns, but .* 2",
        ),
        ([["a"]], TypeError, r"sentence 0, position 0: the token 'a' is a str; it must be a tuple"),
        (["ab"], TypeError, r"sentence 0 is a str; it must be a list of tokens"),
        ("ab", TypeError, r"sentences must be a list of lists of tuples of str, but a str was"),
        ([[("a", 1)]], TypeError, r"sentence 0, position 0: the value 1 is a int; values must be"),
        ([[()]], ValueError, r"the token \(\) has 0 columns.*at least one"),
        ([[]], ValueError, r"1 sentences without a token do not tell the number of columns"),
    ],
)
def test_wrong_sentences_are_named(sentences, error, message):
    with pytest.raises(error, match=message):
        Columns.from_sentences(sentences)


@pytest.mark.parametrize(
    ("vocabularies", "codes", "lengths", "error", "message"),
    [
        ([["a"]], [[0, 1]], [2], ValueError, r"column 0 has code 1, but its vocabulary has 1 stri"),
        ([["a"]], [[-1]], [1], ValueError, r"column 0 has code -1"),
        ([["a", "a"]], [[0]], [1], ValueError, r"column 0's vocabulary has 'a' twice"),
        ([[3]], [[0]], [1], TypeError, r"column 0 has the value 3, a int; values must be str"),
        ([["a"]], [[0], [0]], [1], ValueError, r"2 columns of codes and 1 vocabularies were given"),
        ([["a"]], [0], [1], ValueError, r"codes must be integers of shape .* have shape \(1,\)"),
        ([["a"]], [[0.0]], [1], ValueError, r"codes must be integers .* type float64"),
        ([["a"]], [[0, 0]], [1], ValueError, r"1 lengths add up to 1 tokens, but the codes have 2"),
        ([["a"]], [[0]], [2, -1], ValueError, r"sequence 1 has length -1; lengths are 0 or more"),
        ([["a"]], [[0]], [1.0], ValueError, r"lengths must be one integer per sequence, .*float64"),
    ],
)
def test_parts_that_do_not_fit_are_refused(vocabularies, codes, lengths, error, message):
    with pytest.raises(error, match=message):
        Columns(vocabularies, np.array(codes), lengths)


def test_wrong_picks_are_named():
    columns = Columns.from_sentences([[("a", "b")], [("c", "d")]])
    with pytest.raises(IndexError, match=r"there is no column 2: there are 2, 0 to 1"):
        columns.column(2)
    with pytest.raises(TypeError, match=r"a column is named by its position.*but 'word' was given"):
        columns.select(["word"])
    with pytest.raises(ValueError, match=r"no column was selected; name one at least of the 2"):
        columns.select([])
    with pytest.raises(ValueError, match=r"the only column cannot be dropped"):
        columns.drop().drop()
    with pytest.raises(IndexError, match=r"there is no sequence 5: there are 2"):
        columns[5]
    with pytest.raises(IndexError, match=r"there is no sequence 7: there are 2"):
        columns[[0, 7]]
    with pytest.raises(IndexError, match=r"a mask of 1 booleans for 2 sequences; give 2"):
        columns[np.array([True])]
    with pytest.raises(TypeError, match=r"picked by a slice, integers or booleans, but a str of"):
        columns["word"]
    with pytest.raises(ValueError, match=r"1 sequences of values for 2 sequences of tokens"):
        columns.with_column([["x"]])
    with pytest.raises(ValueError, match=r"sequence 1 has 1 tokens, but 2 values were given"):
        columns.with_column([["x"], ["y", "z"]])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.data())
def test_tokens_are_cut_like_their_rows(lengths, data):
    dense = np.arange(2.0 * sum(lengths)).reshape(-1, 2)
    tokens = Tokens(csr_matrix(dense), lengths)
    parts = np.split(dense, np.cumsum(lengths)[:-1])
    positions = data.draw(st.lists(st.integers(0, len(lengths) - 1)))
    for picked in (data.draw(st.slices(len(lengths))), positions):
        chosen = parts[picked] if isinstance(picked, slice) else [parts[n] for n in picked]
        assert tokens[picked].lengths.tolist() == list(map(len, chosen))
        assert np.array_equal(tokens[picked].attributes.toarray(), np.vstack([dense[:0], *chosen]))


def test_tokens_are_canonical_and_leave_their_input_alone():
    given = csr_array((np.ones(3), np.array([1, 0, 1]), np.array([0, 3])), shape=(1, 2))
    tokens = Tokens(given, [1])
    assert tokens.attributes.toarray().tolist() == [[1.0, 2.0]]
    assert tokens.attributes.indices.tolist() == [0, 1]
    assert given.indices.tolist() == [1, 0, 1]
    assert given.data.flags.writeable
    assert not tokens.attributes.data.flags.writeable
    assert (tokens.attributes @ np.ones(2)).tolist() == [3.0]
    mixed = Tokens(coo_array(np.eye(2, dtype=np.int64)), [2]).attributes
    assert (mixed.dtype, mixed.indices.dtype) == (np.float64, np.int32)


@pytest.mark.parametrize(
    ("attributes", "lengths", "error", "message"),
    [
        (np.eye(2), [2], TypeError, r"must be a scipy.sparse matrix .* but a ndarray was given"),
        (csr_array(np.eye(2)), [1], ValueError, r"1 lengths add up to 1 tokens, but the attribute"),
        (
            csr_array(np.eye(2)),
            [[2]],
            ValueError,
            r"one integer per sequence, but have shape \(1, ",
        ),
        (csr_array([[1.0], [np.nan]]), [2], ValueError, r"token 1 has weight nan on attribute 0"),
        (csr_array([[1j]]), [1], TypeError, r"must hold real numbers, but hold complex128"),
        (coo_array(np.ones(2)), [2], ValueError, r"must have two axes, .* but has shape \(2,\)"),
    ],
)
def test_wrong_tokens_are_named(attributes, lengths, error, message):
    with pytest.raises(error, match=message):
        Tokens(attributes, lengths)

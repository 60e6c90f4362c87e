"""Columns, tokens and the vectorisers of dicts and lists: their rules, their laws, their errors."""

from __future__ import annotations

from collections import ChainMap, Counter, OrderedDict
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from unittest.mock import patch

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
    TokensVectorizer,
    as_sequences,
    feature_pairs,
    feature_readers,
    feature_vectorizers,
    vectorizer_for,
    vectorizer_from_arrays,
)
from gibbsfactor.features.strings import pack_strings, unpack_strings
from gibbsfactor.features.vocabulary import NameIndex

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
    names = vectorizer.attribute_names()
    assert len(names) == len(set(names)) == vectorizer.n_attributes == tokens.n_attributes
    assert tokens.dense is None
    return named_sparse(vectorizer, tokens)


def named_sparse(vectorizer, tokens):
    names, matrix = vectorizer.attribute_names(), tokens.attributes
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
        ({"a": {"b": np.inf}}, ValueError, r"sequence 1, position 2: the attribute 'a:b' is inf"),
        ({"a": None}, TypeError, r"sequence 1, position 2: the attribute 'a' is None, a NoneType"),
        ({"a": [1]}, TypeError, r"position 2: the feature 1 of the attribute 'a' is a int, expec"),
        ({"a": {1, "b"}}, TypeError, r"position 2: the feature 1 of the attribute 'a' is a int"),
        ({1: "a"}, TypeError, r"sequence 1, position 2: the key 1 is a int; keys must be str"),
        ({"a": {2: ["a"]}}, TypeError, r"sequence 1, position 2: the key 2 is a int"),
        ({3: np.zeros(1)}, TypeError, r"sequence 1, position 2: the key 3 is a int"),
        ({4: {"a": "b"}}, TypeError, r"sequence 1, position 2: the key 4 is a int"),
        ({"a": {2: "a"}}, TypeError, r"sequence 1, position 2: the key 2 is a int"),
        ({"a": bytearray(b"x")}, TypeError, r"the attribute 'a' is bytearray\(b'x'\), a bytearray"),
        (
            {"a": b"\xff"},
            ValueError,
            r"sequence 1, position 2: the bytes b'\\xff' are not UTF-8 \(invalid start byte at",
        ),
        ({b"a\xe9": 1}, ValueError, r"position 2: the bytes b'a\\xe9' are not UTF-8 \(unexpected"),
        ({"a": ["b", b"\xff"]}, ValueError, r"position 2: the bytes b'\\xff' are not UTF-8"),
        ({"a": 10**400}, ValueError, r"sequence 1, position 2: the attribute 'a' is inf; weights"),
        ({"a": ["b"], "c": None}, TypeError, r"position 2: the attribute 'c' is None, a NoneType"),
        ({"a": np.array(["b"])}, TypeError, r"position 2: the array 'a' holds <U1; it must hold"),
        ({"a": np.eye(2)}, ValueError, r"position 2: the array 'a' has shape \(2, 2\); it must h"),
        ({"a": 1j}, TypeError, r"the attribute 'a' is 1j, a complex, expected a str, bool, nu"),
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
        (["a", bytearray(b"b")], r"position 1: the feature bytearray\(b'b'\) is a bytearray, exp"),
    ],
)
def test_wrong_lists_are_named(token, message):
    vectorizer = FeatureListVectorizer()
    with pytest.raises(TypeError, match=message):
        vectorizer.fit_transform([[["a"]], [["a"], token]])
    vectorizer.fit_transform([[["a"]]])
    with pytest.raises(TypeError, match=message):
        vectorizer.transform([[["a"]], [["a"], token]])


BYTES = [
    {b"w": "x", "v": "é".encode(), b"n": 2.5, "s": [b"a", "b"], "t": {b"c"}, b"d": {b"e": b"f"}},
    {"w": b"x", "v": "é", "n": np.bytes_(b"2"), "s": b"a"},
]


@pytest.mark.parametrize("few", [1, 9])
def test_bytes_are_text_in_utf_8(few):
    with patch.object(feature_readers, "FEW", few):
        vectorizer = FeatureDictVectorizer()
        rows = named(vectorizer, vectorizer.fit_transform([BYTES * few]))
    assert rows[0] == {"w:x": 1, "v:é": 1, "n": 2.5, "s:a": 1, "s:b": 1, "t:c": 1, "d:e:f": 1}
    assert rows[1] == {"w:x": 1, "v:é": 1, "n:2": 1, "s:a": 1}
    assert named(vectorizer, vectorizer.transform([BYTES])) == rows[:2]
    lists = FeatureListVectorizer()
    found = lists.fit_transform([[["é", b"b"], ["\u00e9".encode(), "b", b"b"], {b"c", "a"}]])
    assert lists.attribute_names() == ["é", "b", "a", "c"]
    assert found.attributes.toarray().tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 1, 1]]
    assert lists.transform([[[b"c", b"new"]]]).attributes.toarray().tolist() == [[0, 0, 0, 1]]


def test_bytes_agree_with_python_crfsuite():
    pycrfsuite = pytest.importorskip("pycrfsuite")
    vectorizer = FeatureDictVectorizer()
    rows = named(vectorizer, vectorizer.fit_transform([BYTES]))
    assert rows == pycrfsuite.ItemSequence(BYTES).items()


@given(of_dicts.filter(any))
def test_zeros_may_be_kept(sequences):
    kept, left_out = FeatureDictVectorizer(keep_zeros=True), FeatureDictVectorizer()
    tokens = kept.fit_transform(sequences)
    rows, fewer = named(kept, tokens), named(left_out, left_out.fit_transform(sequences))
    assert [{name: w for name, w in row.items() if w} for row in rows] == [
        {name: w for name, w in row.items() if w} for row in fewer
    ]
    plain = [
        {k: v for k, v in f.items() if isinstance(v, int | float)} for s in sequences for f in s
    ]
    for row, features in zip(rows, plain, strict=True):
        assert set(features) <= set(row)  # as numbers are named by their key alone
    assert named(kept, kept.transform(sequences)) == [
        {name: w for name, w in row.items() if name in set(kept.attribute_names())} for row in fewer
    ]


def test_a_stored_zero_is_no_entry_of_a_sparse_matrix():
    stored = csr_array((np.array([0.0, 1.0, -1.0]), np.array([0, 1, 1]), np.array([0, 2, 3])))
    for minimum in (0, 1):
        vectorizer = TokensVectorizer(minimum)
        tokens = vectorizer.fit_transform([stored])
        assert tokens.attributes.nnz == 2
        assert vectorizer.attribute_names() == (["x1"] if minimum else ["x0", "x1"])
    edges = TokensVectorizer().fit_transform(Tokens(stored, [2], edges=stored)).edges
    assert edges.nnz == 2
    assert stored.nnz == 3  # the one given is left as it is


class Text(str):
    """A str of another type, as numpy and enumerations have them."""


class Kind(str, Enum):  # noqa: UP042, its format() is not its text
    NOUN = "noun"


@pytest.mark.parametrize(
    ("token", "wanted"),
    [
        ({"a": np.str_("x"), np.str_("k"): Text("v")}, {"a:x": 1, "k:v": 1}),
        ({"a": Kind.NOUN, Kind.NOUN: "x"}, {"a:noun": 1, "noun:x": 1}),
        (
            {"a": Decimal("1.5"), "b": Fraction(1, 2), "c": np.array(2.0)},
            {"a": 1.5, "b": 0.5, "c": 2},
        ),
        (OrderedDict(a="b"), {"a:b": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        ({"": "x", "a": "", "b": {}, "c": []}, {":x": 1, "a:": 1}),
        ({"a": "\ufeffé:\\", "é": -1e-320}, {"a:\ufeffé:\\": 1, "é": -1e-320}),
    ],
)
def test_odd_dicts_agree_with_python_crfsuite(token, wanted):
    pycrfsuite = pytest.importorskip("pycrfsuite")
    vectorizer = FeatureDictVectorizer()
    assert named(vectorizer, vectorizer.fit_transform([[token]])) == [wanted]
    assert pycrfsuite.ItemSequence([token]).items() == [wanted]


def test_what_python_crfsuite_refuses_or_misreads():
    """Tuples, frozensets and mappings that are no dict; an attribute given twice."""
    token = {"a": ("x", "y"), "b": frozenset("z"), "c": ChainMap({"d": "e"}), "f": ["g", "g"]}
    for same in (token, ChainMap(token)):
        vectorizer = FeatureDictVectorizer()
        (found,) = named(vectorizer, vectorizer.fit_transform([[same]]))
        assert found == {"a:x": 1, "a:y": 1, "b:z": 1, "c:d:e": 1, "f:g": 2}


values = st.one_of(name, weight, st.floats(-2, 2))
kinds = {"a": name, "b": st.lists(name), "c": st.dictionaries(name, leaf, max_size=2), "d": weight}
alike = st.lists(
    st.lists(
        st.one_of(
            st.fixed_dictionaries(dict.fromkeys("abc", values)), st.fixed_dictionaries(kinds)
        ),
        max_size=5,
    )
)


@given(
    st.one_of(of_dicts, alike).filter(any),
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(1),
    st.integers(0, 40),
    st.integers(1, 4),
)
def test_dicts_do_not_depend_on_how_they_are_read(sequences, chunk, remembered, few, cells, sample):
    """Chunks of any size, in columns or not, values forgotten at any time, from a generator."""
    whole = FeatureDictVectorizer()
    tokens = whole.fit_transform(sequences)
    with (
        patch.object(feature_vectorizers, "CHUNK", chunk),
        patch.object(feature_readers, "MOST_PAIRS", remembered),
        patch.object(feature_readers, "FEW", few),
        patch.object(feature_pairs, "MOST_CELLS", cells),
        patch.object(feature_pairs, "SAMPLE", sample),
    ):
        parts = FeatureDictVectorizer()
        again = parts.fit_transform((token for token in sequence) for sequence in sequences)
        new = parts.transform(iter(sequences))
    for one in (again, new):
        assert named(parts, one) == named(whole, tokens)
        assert one.lengths.tolist() == tokens.lengths.tolist()


class Counted(dict):
    alive = most = 0

    def __init__(self, **features):
        super().__init__(**features)
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)

    def __del__(self):
        Counted.alive -= 1


def test_dicts_of_a_generator_are_not_held():
    with patch.object(feature_vectorizers, "CHUNK", 10):
        vectorizer = FeatureDictVectorizer()
        tokens = vectorizer.fit_transform(
            [Counted(word=str(n), place=t) for t in range(4)] for n in range(100)
        )
    assert tokens.n_tokens == 400
    assert vectorizer.n_attributes == 101
    assert Counted.alive == 0
    assert Counted.most < 30


def test_a_stream_is_read_once():
    X = as_sequences(iter([[], [["a"], ["b"]]]))
    vectorizer = vectorizer_for(X)
    assert isinstance(vectorizer, FeatureListVectorizer)
    assert vectorizer.fit_transform(X).lengths.tolist() == [0, 2]
    with pytest.raises(ValueError, match=r"came from a generator and have been read already; mak"):
        vectorizer.transform(X)
    with pytest.raises(ValueError, match=r"2 sequences without a token do not tell dicts"):
        vectorizer_for(as_sequences(iter([[], []])))
    with pytest.raises(TypeError, match=r"sequence 1, position 0: the token is 3, a int, expected"):
        vectorizer_for(as_sequences(iter([[], [3]])))


def test_arrays_in_dicts_become_dense_values():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3, 4)).astype(np.float32)
    train = [
        [{"w": "a", "v": vectors[0], "d": {"e": np.array([1, 2])}}, {"w": "b"}],
        [{"v": vectors[1], "w": "a"}, {"v": vectors[2]}],
    ]
    for chunk in (1, 100):
        with patch.object(feature_vectorizers, "CHUNK", chunk):
            vectorizer = FeatureDictVectorizer(min_freq=2)
            tokens = vectorizer.fit_transform(train)
        dense = np.zeros((4, 6))
        dense[[0, 2, 3], :4] = vectors
        dense[0, 4:] = [1, 2]
        assert np.array_equal(tokens.dense, dense)
        names = ["w:a", "v:0", "v:1", "v:2", "v:3", "d:e:0", "d:e:1"]
        assert vectorizer.attribute_names() == names
        assert vectorizer.n_attributes == tokens.n_attributes == 7
        assert vectorizer.n_edge_attributes == 0
        assert vectorizer.edge_names() == []
        for one in (vectorizer, vectorizer_from_arrays(vectorizer.to_arrays())):
            assert np.array_equal(one.transform(train).dense, dense)
            new = one.transform([[{"w": "a", "other": vectors[0]}]])
            assert new.attributes.toarray().tolist() == [[1.0]]
            assert new.dense.tolist() == [[0.0] * 6]
            with pytest.raises(
                ValueError, match=r"sequence 0, position 1: the array 'v' has 2 val"
            ):
                one.transform([[{}, {"v": np.zeros(2)}]])


def test_dicts_of_which_no_two_have_the_same_keys():
    rows = [{f"w={t}": 1.0, "n": t} for t in range(100)] * 2 + [{"s": ["x", "y"]}] * 50
    vectorizer = FeatureDictVectorizer()
    with patch.object(feature_vectorizers, "CHUNK", 40):
        tokens = vectorizer.fit_transform([rows[n : n + 10] for n in range(0, 250, 10)])
    assert named(vectorizer, tokens) == list(map(flatten, rows))


def test_tokens_of_another_kind_are_named_however_many():
    vectorizer = FeatureDictVectorizer()
    for token in (np.zeros(2), "ab", ["a"], 3, None):
        with pytest.raises(
            TypeError, match=r"sequence 0, position 0: the token is .*expected a di"
        ):
            vectorizer.fit_transform([[token] * 100])
        with pytest.raises(
            TypeError, match=r"sequence 1, position 50: the token is .*expected a d"
        ):
            vectorizer.fit_transform([[{"a": "b"}] * 50, [{"a": "b"}] * 50 + [token] * 50])


def test_arrays_that_clash_are_named():
    two = [[{"v": np.zeros(2)}, {"v": np.zeros(3)}]]
    with pytest.raises(ValueError, match=r"position 1: the array 'v' has 3 values, but 2 on the t"):
        FeatureDictVectorizer().fit_transform(two)
    with pytest.raises(ValueError, match=r"position 0: two arrays are named 'a:b' on this token"):
        FeatureDictVectorizer().fit_transform([[{"a:b": np.zeros(1), "a": {"b": np.zeros(1)}}]])
    with pytest.raises(ValueError, match=r"position 1: value 1 of the array 'v' is nan; every val"):
        FeatureDictVectorizer().fit_transform([[{"v": np.ones(2)}, {"v": np.array([1, np.nan])}]])
    with pytest.raises(ValueError, match=r"'v:0' is both a feature and a value of an array; ren"):
        FeatureDictVectorizer().fit_transform([[{"v": np.zeros(2)}, {"v": "0"}]])


def test_columns_of_values():
    """Floats that are all 1, some 0, or mixed with others; more dicts than make a column."""
    n = 100
    rows = [{"one": 1.0, "f": t % 3 / 2, "m": t % 2 or "x", "w": f"w{t % 7}"} for t in range(n)]
    rows += [{"w": "w1", "zero": 0.0}] * n + [{}] * n + [{"rare": -0.0, "w": "w2"}]
    vectorizer = FeatureDictVectorizer()
    tokens = vectorizer.fit_transform([rows])
    assert named(vectorizer, tokens) == list(map(flatten, rows))
    assert named(vectorizer, vectorizer.transform([rows])) == list(map(flatten, rows))
    rows[70]["f"] = float("nan")
    with pytest.raises(ValueError, match=r"sequence 0, position 70: the attribute 'f' is nan; wei"):
        vectorizer.transform([rows])
    rows[70] = {"f": ["odd", "g"], "w": "w1"}
    for row in rows[:50]:
        row["vector"] = np.array([0.0, 1.0])
    wanted = flatten(rows[70])
    tokens = vectorizer.fit_transform([rows])
    assert tokens.dense.tolist() == [[0, 1]] * 50 + [[0, 0]] * (len(rows) - 50)
    assert named_sparse(vectorizer, vectorizer.transform([rows]))[70] == wanted


def test_floats_that_hardly_repeat():
    """They are not remembered; nor do other values of their keys, or ragged dicts, upset that."""
    n = 200
    floats = np.random.default_rng(0).normal(size=(n, 2))
    rows = [
        {"w": f"w{t % 7}", "f": float(f), "np": np.float32(g), "one": 1.0}
        for t, (f, g) in enumerate(floats)
    ]
    del rows[3]["f"], rows[5]["w"]
    rows[7]["f"] = 0.0
    for t, odd in ((None, None), (90, "text"), (90, True), (150, ["a", "b"]), (0, np.float64(2))):
        if t is not None:
            rows[t]["f"] = odd
        for chunk in (64, 1000):
            vectorizer = FeatureDictVectorizer()
            with patch.object(feature_vectorizers, "CHUNK", chunk):
                tokens = vectorizer.fit_transform([rows[:70], rows[70:]])
                again = vectorizer.transform([rows[:70], rows[70:]])
            assert named(vectorizer, tokens) == list(map(flatten, rows))
            assert named(vectorizer, again) == list(map(flatten, rows))
    for row in rows:
        row["f"] = 1.5
        row["np"] = np.random.default_rng(1).normal()
    rows[110]["np"] = float("-inf")
    with pytest.raises(ValueError, match=r"sequence 0, position 110: the attribute 'np' is -inf; "):
        FeatureDictVectorizer().fit_transform([rows])
    with pytest.raises(TypeError, match=r"sequence 0, position 0: the key 1 is a int; keys must b"):
        FeatureDictVectorizer().fit_transform([[{1: t / 3} for t in range(n)]])


def test_floats_are_not_remembered():
    pairs = feature_pairs.Pairs(NameIndex())
    dicts = [{"f": t / 7, "w": f"w{t % 3}"} for t in range(100)]
    pairs.look_for_floats(dicts)
    positions, weights = pairs.read(dicts, 200)
    assert len(pairs) == 3
    assert weights[::2].tolist() == [t / 7 for t in range(100)]
    assert positions[0] == -1  # of weight 0
    assert set(positions[2::2].tolist()) == {3}


def test_a_table_that_is_too_small():
    """It is emptied where it was of use; else pairs are remembered without one."""
    rows = [{"a": f"x{t}", "b": f"x{t % 50}", f"c{t % 10}": 1.0} for t in range(300)]
    for cells, tuples in ((2**23, False), (12 * 120, False), (12 * 40, True)):
        names = NameIndex()
        pairs = feature_pairs.Pairs(names)
        with patch.object(feature_pairs, "MOST_CELLS", cells):
            found = [pairs.read(rows[t : t + 50], 150)[0] for t in range(0, 300, 50)]
        assert pairs._tuples == tuples
        listing = list(names)
        wanted = [name for row in rows for name in flatten(row)]
        assert [listing[i] for i in np.concatenate(found)] == wanted


def test_an_ordered_dict_in_another_order():
    token = OrderedDict(a="b", c="d")
    token.move_to_end("a")
    vectorizer = FeatureDictVectorizer()
    tokens = vectorizer.fit_transform([[token] * 100])
    assert named(vectorizer, tokens) == [{"a:b": 1, "c:d": 1}] * 100


def test_positions_of_many_names():
    names = NameIndex()
    assert names.positions(["a", "b"]).tolist() == [0, 1]
    assert names.positions(["c", "a", "c", "d"]).tolist() == [2, 0, 2, 3]
    assert list(names.items()) == [("a", 0), ("b", 1), ("c", 2), ("d", 3)]
    names.growing = False
    assert names.positions(["e", "d"]).tolist() == [-1, 3]
    assert len(names) == 4


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
        ((x for x in [[["a"]]]), None, TypeError, r"a generator can be read only once; make X = a"),
        (np.zeros((2, 2)), None, TypeError, r"a ndarray of shape \(2, 2\) was given without len"),
        ([[np.zeros(2)]], None, TypeError, r"the token is array.*stack those .* with np\.stack"),
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

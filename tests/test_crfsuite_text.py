"""CRFsuite's text format: read as CRFsuite reads it, written so that it reads it back."""

from __future__ import annotations

import gzip
import io
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from gibbsfactor.errors import FormatError
from gibbsfactor.features import (
    Columns,
    FeatureListVectorizer,
    NamedTokens,
    Templates,
    Tokens,
    TokensVectorizer,
    vectorizer_for,
    vectorizer_from_arrays,
)
from gibbsfactor.io import crfsuite_fields, read_conll, read_crfsuite, write_crfsuite
from gibbsfactor.io.crfsuite_fields import parse_field

# what CRFsuite's reader makes of a field, character by character
REFERENCE_CASES = [
    ("w[0]=An", "w[0]=An", []),
    ("length:2", "length", ["2"]),
    (r"time\:11\:30", "time:11:30", []),
    (r"path\\:0.5", "path\\", ["0.5"]),
    (r"path\\\:0.5", "path\\:0.5", []),
    (r"lone\backslash\\", "lone\\backslash\\", []),
    ("a:", "a", [""]),
    (":3", "", ["3"]),
    ("a:b:c", "a", ["b", "c"]),
    (" spaced : 1 ", " spaced ", [" 1 "]),
]


@pytest.mark.parametrize(("field", "name", "rest"), REFERENCE_CASES)
def test_fields_by_example(field, name, rest):
    assert parse_field(field) == (name, rest)


def scan(field):
    """The name in a field and its values, as CRFsuite finds them: one character after another."""
    parts, i = [""], 0
    while i < len(field):
        if field[i] == "\\" and field[i + 1 : i + 2] in ("\\", ":"):
            i += 1
            parts[-1] += field[i]
        elif field[i] == ":":
            parts.append("")
        else:
            parts[-1] += field[i]
        i += 1
    return parts[0], parts[1:]


@given(st.text("a:\\", max_size=8))
def test_fields_are_scanned_as_crfsuite_does(field):
    assert parse_field(field) == scan(field)


name = st.text(st.characters(exclude_characters="\t\r\n\ufeff", codec="utf-8"), max_size=4)
label = name.filter(lambda text: text and not text.startswith("@"))
weight = st.one_of(st.just(1.0), st.floats(allow_nan=False, allow_infinity=False))
token = st.tuples(label, st.dictionaries(name, weight, max_size=4))
corpora = st.lists(st.lists(token, min_size=1, max_size=3), min_size=1, max_size=3)


@given(corpora, st.data())
def test_what_was_written_is_read_back(corpus, data):
    names = sorted({name for sequence in corpus for _, features in sequence for name in features})
    rows = [features for sequence in corpus for _, features in sequence]
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    tokens = Tokens(csr_array(matrix.reshape(len(rows), len(names))), list(map(len, corpus)))
    labels = [[label for label, _ in sequence] for sequence in corpus]
    sizes = st.lists(weight, min_size=len(corpus), max_size=len(corpus))
    weights = data.draw(st.none() | sizes)
    file = io.StringIO()
    write_crfsuite(file, NamedTokens(tokens, names), labels, weights)
    with patch.object(crfsuite_fields, "BLOCK", data.draw(st.integers(1, 50))):
        text = read_crfsuite(io.StringIO(file.getvalue()))
    assert text.labels == labels
    found = [row for sequence in text.tokens.dicts() for row in sequence]
    assert found == [{name: w for name, w in row.items() if w} for row in rows]
    assert (None if text.weights is None else text.weights.tolist()) == weights


def test_a_text_by_example(tmp_path):
    raw = "\n\n@weight:2.5\nB\t\ta:0\ta\tb:-2\tb:0.5\t\nI\n\n\nO\tc\\:d\r\n@weight:3\nB\tb:"
    for source in (io.StringIO(raw), io.BytesIO(raw.encode())):
        text = read_crfsuite(source)
        assert text.labels == [["B", "I"], ["O", "B"]]
        assert text.tokens.names == ("a", "b", "c:d")
        assert text.tokens.dicts() == [[{"a": 1.0, "b": -1.5}, {}], [{"c:d": 1.0}, {"b": 1.0}]]
        assert text.weights.tolist() == [2.5, 3.0]
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(raw.encode()))
    assert read_crfsuite(path).tokens.dicts() == text.tokens.dicts()
    assert read_crfsuite(io.StringIO("B\n")).weights is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", r"<text>: there is no token in it, expected one a line"),
        ("\n\n", r"there is no token in it"),
        ("@weight:1\n", r"there is no token in it"),
        ("B\ta\n\ta\n", r"<text>, line 2: it begins with a tab, expected a label"),
        ("\ta\n", r"line 1: it begins with a tab"),
        ("B\ta\n\t\n", r"line 2: it begins with a tab"),
        ("B\ta\n\nB\tb\tx:y\n", r"line 3: the field 'x:y' has the weight 'y', expected a finite n"),
        ("B\ta:nan\n", r"line 1: the field 'a:nan' has the weight 'nan'"),
        ("B\ta:1_0\n", r"line 1: the field 'a:1_0' has the weight '1_0'"),
        ("B\ta\nB\tx:1:2\n", r"line 2: the field 'x:1:2' has 2 colons, expected one before its w"),
        ("x:1\nB\tx:1\n", r"line 1: the label 'x:1' holds a colon, after which CRFsuite cuts it"),
        ("B\n@height:1\n", r"line 2: found the declaration '@height:1', expected @weight:NUMBER"),
        ("B\n@weight\n", r"line 2: found the declaration '@weight', expected @weight:NUMBER"),
        ("B\n@weight:x\n", r"line 2: the field '@weight:x' has the weight 'x', expected a finite"),
        ("B\n\n@weight:1\n\nB\n", r"line 3: '@weight:1' must stand on a line of its own within a"),
        ("@weight:1\tB\nB\n", r"line 1: '@weight:1' must stand on a line of its own"),
    ],
)
def test_wrong_texts_are_named(raw, message):
    with pytest.raises(FormatError, match=message):
        read_crfsuite(io.StringIO(raw))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt: no such file"):
        read_crfsuite(tmp_path / "none.txt")


ONE = NamedTokens(Tokens(csr_array([[1.0]]), [1]), ["a"])


@pytest.mark.parametrize(
    ("X", "y", "weights", "error", "message"),
    [
        (ONE, [["a", "b"]], None, ValueError, r"sequence 0 has 1 tokens but 2 labels"),
        (ONE, [["@a"]], None, ValueError, r"the label '@a' would not be read back: lines that beg"),
        (ONE, [[""]], None, ValueError, r"the label '' would not be read back: it is empty"),
        (ONE, [["a\tb"]], None, ValueError, r"the label 'a\\tb' would not be read back; take tabs"),
        (ONE, [[1]], None, TypeError, r"the label 1 is a int; CRFsuite's are str: convert it"),
        ([[["a\nb"]]], [["B"]], None, ValueError, r"the attribute 'a\\nb' would not be read back"),
        (
            [[["a"]], []],
            [["B"], []],
            None,
            ValueError,
            r"cannot hold an empty sequence \(sequence 1",
        ),
        (ONE[:0], [], None, ValueError, r"cannot hold no sequence; drop it"),
        (ONE, [["B"]], [1, 2], ValueError, r"weights have shape \(2,\).*each of the 1 sequences"),
        (ONE, [["B"]], [np.inf], ValueError, r"the weight of sequence 0 is inf; it must be finite"),
        (ONE.tokens, [["B"]], None, TypeError, r"Tokens have no names of attributes to write; gi"),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path, X, y, weights, error, message):
    path = tmp_path / "text"
    with pytest.raises(error, match=message):
        write_crfsuite(path, X, y, weights)
    assert not path.exists()


def test_lists_and_dicts_are_written(tmp_path):
    path = tmp_path / "text.gz"
    write_crfsuite(path, (sequence for sequence in [[["a", "b:c"], [""]]]), iter([["X", "Y:"]]))
    assert gzip.decompress(path.read_bytes()) == b"X\ta\tb\\:c\nY\\:\t:1.0\n"
    text = read_crfsuite(path)
    assert text.tokens.dicts() == [[{"a": 1, "b:c": 1}, {"": 1}]]
    write_crfsuite(path, [[{"v": np.array([0.5, 0.0]), "w": "x"}]], [["X"]])
    assert read_crfsuite(path).tokens.dicts() == [[{"v:0": 0.5, "w:x": 1}]]


def test_another_text_is_read_by_name():
    train = read_crfsuite(io.StringIO("B\ta\tb:2\nI\tc\n"))
    test = read_crfsuite(io.StringIO("I\tc\tnew\n\nB\tb:3\n"))
    vectorizer = vectorizer_for(train.tokens)
    assert isinstance(vectorizer, TokensVectorizer)
    vectorizer.fit_transform(train.tokens)
    lists = FeatureListVectorizer()
    lists.fit_transform([[["a", "b"], ["c"]]])
    for one in (vectorizer, vectorizer_from_arrays(vectorizer.to_arrays()), lists):
        tokens = one.transform(test.tokens)
        assert one.attribute_names() == ["a", "b", "c"]
        assert tokens.lengths.tolist() == [1, 1]
        assert tokens.attributes.toarray().tolist() == [[0, 0, 1], [0, 3, 0]]


def test_conll2000_is_the_same_as_by_templates(shared_data, tmp_path):
    columns = read_conll(shared_data / "conll2000" / "test.txt.gz")
    assert isinstance(columns, Columns)
    X, y = columns.drop(), columns.labels()
    vectorizer = vectorizer_for(X, Templates.chunking())
    tokens = vectorizer.fit_transform(X)
    path = tmp_path / "test.txt"
    write_crfsuite(path, NamedTokens(tokens, vectorizer.attribute_names()), y)
    text = read_crfsuite(path)
    assert text.labels == y
    place = {name: a for a, name in enumerate(text.tokens.names)}
    order = [place[name] for name in vectorizer.attribute_names()]
    assert abs(text.tokens.tokens.attributes[:, order] - tokens.attributes).nnz == 0

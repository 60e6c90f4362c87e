"""Templates: CRF++'s syntax, and attributes equal to expanding every template at every token."""

from __future__ import annotations

import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.errors import FormatError
from gibbsfactor.features import (
    Columns,
    Templates,
    TemplateVectorizer,
    template_codes,
    template_matrix,
    template_windows,
    vectorizer_from_arrays,
)
from gibbsfactor.features.strings import pack_strings
from gibbsfactor.io import read_conll

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")

# No value is empty or holds a '|': joined by '|' they stay apart, whatever the template.
value = st.sampled_from(["a", "b", "c", "é", "_B-1", "_B+2"])
sentence = st.lists(st.tuples(value, value, value), max_size=6)
data = st.lists(sentence, max_size=6).filter(any)
macro = st.tuples(st.integers(-4, 4), st.integers(0, 2))
line = st.tuples(st.sampled_from(["U", "U0:", "Ux|y:"]), st.lists(macro, max_size=5))


def write(prefix, macros):
    return prefix + "|".join(f"%x[{offset},{column}]" for offset, column in macros)


@st.composite
def templates(draw):
    text = "\n".join(write(*one) for one in draw(st.lists(line, min_size=1, max_size=6)))
    outside = draw(st.sampled_from(["value", "omit"]))
    return Templates.parse(text, outside=outside, marks=draw(st.booleans()))


def expand(templates, sentences):
    """Every template at every token, in plain Python: for each token its attributes counted."""
    rows = []
    for tokens in sentences:
        for t in range(len(tokens)):
            row = Counter()
            for template in templates.templates:
                values = []
                for offset, column in template.macros:
                    if t + offset < 0:
                        found = f"_B{t + offset}"
                    elif t + offset >= len(tokens):
                        found = f"_B+{t + offset - len(tokens) + 1}"
                    else:
                        found = tokens[t + offset][column]
                    if templates.outside == "omit" and not 0 <= t + offset < len(tokens):
                        break
                    values.append(found)
                else:
                    row[template.expand(values)] += 1
            if templates.marks:
                row.update(["__BOS__"] * (t == 0) + ["__EOS__"] * (t == len(tokens) - 1))
            rows.append(row)
    return rows


def named(vectorizer, tokens):
    """The rows of a matrix with the attributes' names."""
    names, matrix = vectorizer.attribute_names(), tokens.attributes
    assert len(names) == len(set(names)) == tokens.n_attributes == vectorizer.n_attributes
    assert matrix.has_sorted_indices
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    for begin, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        assert (np.diff(matrix.indices[begin:end]) > 0).all()
    return [
        Counter(
            {
                names[matrix.indices[i]]: matrix.data[i]
                for i in range(matrix.indptr[m], matrix.indptr[m + 1])
            }
        )
        for m in range(tokens.n_tokens)
    ]


def only(rows, known):
    return [Counter({name: n for name, n in row.items() if name in known}) for row in rows]


def check(templates, train, test, min_freq=0):
    """The law: fit, transform and a stored copy all agree with the direct expansion."""
    columns = Columns.from_sentences([*train, *test])
    fitted, new = columns[: len(train)], Columns.from_sentences(test)
    vectorizer = TemplateVectorizer(templates, min_freq)
    tokens = vectorizer.fit_transform(fitted)
    direct = expand(templates, train)
    frequency = Counter(name for row in direct for name in row)
    known = {name for name, n in frequency.items() if n >= min_freq}
    assert set(vectorizer.attribute_names()) == known
    assert named(vectorizer, tokens) == only(direct, known)
    assert named(vectorizer, vectorizer.transform(fitted)) == only(direct, known)
    assert tokens.lengths.tolist() == list(map(len, train))
    wanted = only(expand(templates, test), known)
    assert named(vectorizer, vectorizer.transform(new)) == wanted
    arrays = vectorizer.to_arrays()
    assert all(array.dtype.kind in "iubU" for array in arrays.values())
    copy = vectorizer_from_arrays(arrays)
    assert copy.attribute_names() == vectorizer.attribute_names()
    assert named(copy, copy.transform(new)) == wanted
    assert copy.templates == templates
    assert copy.min_freq == min_freq


@given(templates(), data, data, st.integers(0, 3))
def test_attributes_are_those_of_the_direct_expansion(templates, train, test, min_freq):
    check(templates, train, test, min_freq)


@given(templates(), data, data, st.integers(1, 200))
def test_codes_too_long_for_an_integer_are_ranked_first(templates, train, test, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_codes, "CODE_LIMIT", limit)
        check(templates, train, test)


@given(templates(), data, data, st.integers(0, 3))
def test_grams_may_be_numbered_by_rank_throughout(templates, train, test, min_freq):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_codes, "DENSE_LIMIT", 0)
        check(templates, train, test, min_freq)


@given(templates(), data, data)
def test_macros_that_reach_far_read_token_by_token(templates, train, test):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_windows, "REACH", 1)
        check(templates, train, test)


@given(templates(), data)
def test_blocks_of_tokens_join(templates, train):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_matrix, "BLOCK", 3)
        check(templates, train, train)


def test_codes_beyond_64_bits():
    rng = np.random.default_rng(0)
    sentences = [[(f"w{i:03}",) for i in rng.integers(0, 900, 12)] for _ in range(40)]
    text = write("U:", [(offset, 0) for offset in range(-5, 6)])  # 300 ** 11 is above 2 ** 90
    vectorizer = TemplateVectorizer(Templates.parse(text))
    vectorizer.fit_transform(Columns.from_sentences(sentences))
    assert any(key.startswith("ranks_0_") for key in vectorizer.to_arrays())
    check(Templates.parse(text), sentences, [*sentences[:3], [("new",), *sentences[3]]])


def test_templates_of_equal_literals_share_attributes_as_bags_of_words():
    bag = Templates.parse("U:%x[-1,0]\nU:%x[0,0]\nU:%x[1,0]", outside="omit")
    vectorizer = TemplateVectorizer(bag)
    tokens = vectorizer.fit_transform(Columns.from_sentences([[("a",), ("b",), ("a",)]]))
    assert named(vectorizer, tokens) == [
        {"U:a": 1, "U:b": 1},
        {"U:a": 2, "U:b": 1},
        {"U:a": 1, "U:b": 1},
    ]


def test_parse_reads_what_crfpp_reads():
    text = "# words\n\nU00:%x[-2,0]\nU05:%x[-1,0]/%x[0,1]x  \r\nUbias\nB\n"
    templates = Templates.parse(text)
    assert [t.macros for t in templates.templates] == [((-2, 0),), ((-1, 0), (0, 1)), ()]
    assert [t.literals for t in templates.templates] == [
        ("U00:", ""),
        ("U05:", "/", "x"),
        ("Ubias",),
    ]
    assert [t.line for t in templates.templates] == [3, 4, 5]
    assert [str(t) for t in templates.templates] == [
        "U00:%x[-2,0]",
        "U05:%x[-1,0]/%x[0,1]x",
        "Ubias",
    ]
    assert (templates.transitions, templates.outside, templates.marks) == (True, "value", False)
    assert templates.source == text
    assert Templates.parse(templates.source) == templates
    assert not Templates.parse("U00:%x[0,0]").transitions
    assert Templates.parse("B01").transitions
    assert templates.n_columns == 2


def test_from_file(tmp_path):
    path = tmp_path / "template"
    path.write_text("U00:%x[0,0]\nB\n", encoding="utf-8-sig")
    assert Templates.from_file(path, marks=True) == Templates.parse("U00:%x[0,0]\nB", marks=True)
    path.write_text("U00:%x[0,0]\nV\n")
    with pytest.raises(FormatError, match=r"template, line 2: found 'V', expected a line that"):
        Templates.from_file(path)
    path.write_bytes(b"U00:%x[0,0]\n# caf\xe9\n")
    with pytest.raises(FormatError, match=r"template, line 2: byte 0xe9 is not UTF-8"):
        Templates.from_file(path)
    with pytest.raises(FileNotFoundError, match=r"none: no such file; check the path"):
        Templates.from_file(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"<templates>: found no template, expected a line that begins with U or B"),
        ("# only\n\n", r"<templates>: found no template"),
        ("U:%y[0,0]", r"line 1: found '%y\[0,0\]', an unknown macro, expected %x\[offset,column\]"),
        ("U:%x[0]", r"line 1: found '%x\[0\]', a malformed macro, expected %x\[offset,column\]"),
        ("U:%x[0,0]/%x[a,0]", r"found '%x\[a,0\]', a malformed macro"),
        ("U:%x[0,-1]", r"found '%x\[0,-1\]', a malformed macro.* a column from 0"),
        ("U:%x[0,0", r"found '%x\[0,0', a malformed macro"),
        ("U:50%", r"found '%', an unknown macro.*a % cannot stand for itself"),
        ("\n U:%x[0,0]", r"line 2: found ' U:%x\[0,0\]', expected a line that begins with U, B or"),
        ("W:%x[0,0]", r"line 1: found 'W:.*begin a template with U, such as U00:%x\[0,0\]"),
    ],
)
def test_wrong_lines_are_named(text, message):
    with pytest.raises(FormatError, match=message):
        Templates.parse(text)


def test_a_column_that_the_data_lacks_is_named():
    columns = Columns.from_sentences([[("a", "b")]])
    vectorizer = TemplateVectorizer(Templates.parse("U0:%x[0,1]\nU1:%x[0,0]/%x[-1,2]", name="t"))
    message = r"t, line 2: found %x\[-1,2\], column 2, but the data has 2 \(0 to 1\)"
    with pytest.raises(ValueError, match=message):
        vectorizer.fit_transform(columns)
    vectorizer = TemplateVectorizer(Templates.parse("U0:%x[0,1]", name="t"))
    vectorizer.fit_transform(columns)
    with pytest.raises(ValueError, match=r"t, line 1: .* column 1, but the data has 1"):
        vectorizer.transform(columns.drop())


def test_wrong_choices():
    with pytest.raises(ValueError, match=r"outside must be 'value' or 'omit', but is 'drop'"):
        Templates.parse("U:%x[0,0]", outside="drop")
    with pytest.raises(TypeError, match=r"templates must be Templates, but a str was given"):
        TemplateVectorizer("U:%x[0,0]")
    vectorizer = TemplateVectorizer(Templates.chunking())
    columns = Columns.from_sentences([[("a", "b")]])
    with pytest.raises(ValueError, match=r"has not learnt its attributes yet; call fit_transform"):
        vectorizer.transform(columns)
    with pytest.raises(ValueError, match=r"there are no tokens to learn attributes from"):
        vectorizer.fit_transform(columns[:0])
    with pytest.raises(TypeError, match=r"templates read Columns, but a list was given"):
        vectorizer.fit_transform([[{"a": "b"}]])


def test_stored_arrays_that_do_not_fit_are_refused():
    vectorizer = TemplateVectorizer(Templates.chunking())
    vectorizer.fit_transform(Columns.from_sentences([[("a", "b")]]))
    arrays = vectorizer.to_arrays()
    message = r"things in 18 groups .* do not fit the 19 groups of the templates"
    with pytest.raises(ValueError, match=message):
        TemplateVectorizer.from_arrays({**arrays, "group_sizes": arrays["group_sizes"][1:]})
    message = r"alphabets of 3 in all do not fit the 2 alphabets of the templates"
    with pytest.raises(ValueError, match=message):
        TemplateVectorizer.from_arrays({**arrays, "alphabet_sizes": np.array([1, 1, 1])})
    with pytest.raises(ValueError, match=r"group 2 has codes that do not rise from 0 to 0 at most"):
        TemplateVectorizer.from_arrays({**arrays, "codes": arrays["codes"] + 1})
    with pytest.raises(ValueError, match=r"alphabet 1 has a string twice; the arrays are damaged"):
        TemplateVectorizer.from_arrays(damage(arrays))
    with pytest.raises(
        ValueError, match=r"the stored arrays have no 'codes', only \['alphabet_sizes', 'group_s"
    ):
        TemplateVectorizer.from_arrays({k: v for k, v in arrays.items() if k != "codes"})


def test_a_copy_and_several_threads_find_the_same():
    rng = np.random.default_rng(1)
    sentences = [[(f"w{i}", f"p{i % 5}") for i in rng.integers(0, 40, n)] for n in range(30)]
    columns = Columns.from_sentences(sentences)
    vectorizer = TemplateVectorizer(Templates.chunking())
    wanted = named(vectorizer, vectorizer.fit_transform(columns))
    copy = pickle.loads(pickle.dumps(vectorizer))
    assert named(copy, copy.transform(columns)) == wanted
    with ThreadPoolExecutor(4) as pool:
        for tokens in pool.map(vectorizer.transform, [columns] * 8):
            assert named(vectorizer, tokens) == wanted


def test_few_sentences_of_many_are_read_as_they_would_be_among_all():
    sentences = [[(f"w{i}", f"p{i % 3}") for i in range(n, n + 3)] for n in range(50)]
    columns = Columns.from_sentences(sentences)
    vectorizer = TemplateVectorizer(Templates.chunking())
    rows = named(vectorizer, vectorizer.fit_transform(columns))
    assert named(vectorizer, vectorizer.transform(columns[7:9])) == rows[21:27]
    assert named(vectorizer, vectorizer.transform(columns[:0])) == []


def damage(arrays):
    """The stored strings with the last one, of the second alphabet, twice."""
    strings, offsets = pack_strings(["a", "b", "b"])
    sizes = np.array([1, 2])
    return {**arrays, "strings": strings, "string_offsets": offsets, "alphabet_sizes": sizes}


def test_chunking_marks_and_omits():
    columns = Columns.from_sentences([[("a", "X"), ("b", "Y")], [("a", "Z")]])
    vectorizer = TemplateVectorizer(Templates.chunking())
    rows = named(vectorizer, vectorizer.fit_transform(columns))
    assert set(rows[2]) == {"U02:a", "U12:Z", "__BOS__", "__EOS__"}
    assert {"__BOS__", "U05:a/b"} & set(rows[0]) == {"__BOS__"}
    assert {"U05:a/b", "U16:X/Y", "__EOS__"} <= set(rows[1])
    assert len(Templates.chunking().templates) == 19


@needs_data
def test_chunking_attributes_of_conll_2000():
    train = read_conll(DATA / "conll2000" / "train.txt.gz").drop()
    vectorizer = TemplateVectorizer(Templates.chunking())
    assert vectorizer.fit_transform(train).n_attributes == 335_674
    # Joining the values by '/' makes no two of these attributes the same string.
    assert len(set(vectorizer.attribute_names())) == 335_674
    part = train[:40]
    assert named(vectorizer, vectorizer.transform(part)) == expand(
        Templates.chunking(), part.sentences()
    )
    assert replace(Templates.chunking(), marks=False) != Templates.chunking()

"""CoNLL files: what is written is read back, and what is wrong is named by file and line."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.errors import FormatError
from gibbsfactor.features import Columns
from gibbsfactor.io import read_conll, read_text, write_conll, write_text

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")

word = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\r\v\f\ufeff"))
spaced = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\ufeff"))


def sentences_of(field, width):
    token = st.tuples(*[field] * width)
    return st.lists(st.lists(token, min_size=1, max_size=5), min_size=1, max_size=5)


def read(text, **options):
    return read_conll(io.StringIO(text), **options)


@given(st.integers(1, 4).flatmap(lambda width: sentences_of(word.filter(bool), width)))
def test_words_are_read_back(tmp_path_factory, sentences):
    path = tmp_path_factory.mktemp("conll") / "x.txt"
    for separator in " \t":
        write_conll(path, Columns.from_sentences(sentences), separator=separator)
        assert read_conll(path).sentences() == sentences


@given(st.integers(2, 4).flatmap(lambda width: sentences_of(spaced, width)))
def test_fields_with_spaces_and_empty_ones_are_read_back_with_tabs(tmp_path_factory, sentences):
    sentences = [
        [("x", *token[1:-1], token[-1].rstrip(" ")) for token in sentence] for sentence in sentences
    ]
    path = tmp_path_factory.mktemp("conll") / "x.txt.gz"
    write_conll(path, Columns.from_sentences(sentences), separator="\t")
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    assert read_conll(path).sentences() == sentences


@given(
    sentences_of(word.filter(bool), 2),
    st.lists(st.sampled_from(["\n", " \n", "\t\n", "\n \n\n"]), min_size=7, max_size=7),
    st.sampled_from([" ", "  ", "\t", " \t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_blank_lines_and_line_ends_part_sentences(sentences, blanks, separator, newline):
    if separator == " \t":  # the tab parts the fields and the space belongs to the first
        sentences = [[(a + " ", b) for a, b in sentence] for sentence in sentences]
        separator = "\t"
    text = blanks[-1]
    for sentence, blank in zip(sentences, blanks, strict=False):
        text += "".join(separator.join(token) + "\n" for token in sentence) + blank
    text = text.replace("\n", newline)
    assert read(text).sentences() == sentences
    assert read(text.rstrip(" \t\r\n")).sentences() == sentences
    assert read_conll(io.BytesIO(text.encode("utf-8-sig"))).sentences() == sentences


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("separator", [" ", "\t"])
def test_line_ends_of_every_kind(newline, separator):
    """\r\r\n is what a file has that was converted twice."""
    odd = "b\u2028\u0085\u00a0\x1cc"  # none of these ends a line or parts fields
    lines = f"a{separator}N\n{odd}{separator}V\n\n\u00a0{separator}O\n"
    expected = [[("a", "N"), (odd, "V")], [("\u00a0", "O")]]
    for text in (lines, lines[:-1], "\n" + lines + "\n \n"):
        data = text.replace("\n", newline).encode()
        assert read_conll(io.BytesIO(data)).sentences() == expected
    with pytest.raises(FormatError, match=r"line 2: found a carriage return within the line"):
        read(f"a{separator}N\nb\rc{separator}V\n")


def test_spaces_at_the_end_of_a_line_are_none_of_it():
    assert read("a\tB \nb c\tI  \n\nd\t \n").labels() == [["B", "I"], [""]]
    assert read(" a\tB\nb \tI\n").column(0) == [" a", "b "]  # those of other fields are
    assert read("a B \nb I\t\n").labels() == [["B", "I"]]
    assert read("a\tB\u00a0\n").labels() == [["B\u00a0"]]


def test_marks_where_files_were_joined():
    assert read_conll(io.BytesIO(b"\xef\xbb\xbfa N\n\n\xef\xbb\xbfb V\n")).column(0) == ["a", "b"]


def test_files_in_other_encodings():
    text = "caf\u00e9 N\n"
    assert read_conll(io.BytesIO(text.encode("utf-16"))).column(0) == ["caf\u00e9"]
    latin = io.BytesIO(text.encode("latin-1"))
    assert read_conll(latin, encoding="latin-1").column(0) == ["caf\u00e9"]


CONLLU = """\
# newdoc
# sent_id = 1
1-2\tVamonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\t_\t0\troot\t_\t_
2\tnos otros\tyo\tPRON\t_\t_\t1\tobj\t_\t_
2.1\te\te\tVERB\t_\t_\t_\t_\t_\t_

# text = #1
1\t#\t#\tSYM\t_\t_\t0\troot\t_\t_
"""


def test_conllu():
    columns = read(CONLLU, format="conllu")
    assert (columns.lengths.tolist(), columns.n_columns) == ([2, 1], 10)
    assert columns.column(0) == ["1", "2", "1"]
    expected = [[("Vamos", "VERB"), ("nos otros", "PRON")], [("#", "SYM")]]
    for picked in (["FORM", "UPOS"], ["form", -7], [1, 3]):
        for text in (CONLLU, CONLLU.replace("\n", "\r\n"), CONLLU[:-1], CONLLU + "\n# the end\n\n"):
            found = read(text, format="conllu", columns=picked)
            assert found.sentences() == expected
    with pytest.raises(ValueError, match=r"<text>: there is no column 'POS'; there are 'ID', 'FO"):
        read(CONLLU, format="conllu", columns=["POS"])
    with pytest.raises(
        TypeError, match=r"columns is the string 'FORM'; give a list, such as \['FO"
    ):
        read(CONLLU, format="conllu", columns="FORM")
    with pytest.raises(ValueError, match=r"format is 'CoNLL'; it must be 'conll' or 'conllu'"):
        read(CONLLU, format="CoNLL")


def test_conllu_plus_and_others():
    plus = "# global.columns = ID FORM UPOS PARSEME:MWE\n1\ta\tX\t*\n2-3\tbc\t_\t*\n2\tb\tY\t1\n"
    columns = read(plus, format="conllu", columns=["PARSEME:MWE", "FORM"])
    assert columns.sentences() == [[("*", "a"), ("1", "b")]]
    with pytest.raises(FormatError, match=r"line 1: found 3 names of columns, expected 4, one for"):
        read(plus.replace(" UPOS", ""), format="conllu")
    five = "# sent_id = 1\n1\ta\tO\t-\t-\n"  # as of named entities: by number
    assert read(five, format="conllu", columns=[1, 2]).sentences() == [[("a", "O")]]
    with pytest.raises(ValueError, match=r"no column 'FORM'; its 5 columns have no names, give nu"):
        read(five, format="conllu", columns=["FORM"])
    with pytest.raises(
        ValueError, match=r"no column 'FORM'; its 2 columns have no names.*'conllu'"
    ):
        read("a N\n", columns=["FORM"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONLLU + "a\tb\n", r"line 10: found 'a', expected a line of CoNLL-U: an ID such as 1"),
        (CONLLU.replace("1\t#", "1 #"), r"line 9: found '1 #', expected a line of CoNLL-U"),
        (
            CONLLU.replace("\n\n", "\n"),
            r"line 8: found the ID 1 after 2 in one sentence, expected a",
        ),
        (CONLLU.replace("VERB\tV", "VERB"), r"line 5: found 10 columns, expected 9 as on line 4"),
        (
            "# x\n# global.columns = ID B\n1\ta\n",
            r"line 2: found # global.columns, expected on the f",
        ),
        ("# only\n# comments\n", r"<text>: there is no token in it"),
        ("", r"<text>: there is no token in it"),
    ],
)
def test_what_is_no_conllu_is_named_by_line(text, message):
    with pytest.raises(FormatError, match=message):
        read(text, format="conllu")


def test_docstart_lines():
    text = "-DOCSTART- -X- O\n\na N O\n\n-DOCSTART- -X- O\nb N B\nc V O\n"
    assert read(text).lengths.tolist() == [1, 1, 3]
    found = read(text, drop_docstart=True, columns=[0, 2])
    assert found.sentences() == [[("a", "O")], [("b", "B"), ("c", "O")]]
    assert read("a N\n", drop_docstart=True).sentences() == [[("a", "N")]]
    tabs = "-DOCSTART-\n\nx y\tN\n"  # which alone has another number of columns
    assert read(tabs, drop_docstart=True).sentences() == [[("x y", "N")]]
    with pytest.raises(FormatError, match=r"there is no token in it"):
        read("-DOCSTART- O\n", drop_docstart=True)


def test_no_break_space_belongs_to_the_word():
    assert read("a\u00a0b\u2028c N\n").sentences() == [[("a\u00a0b\u2028c", "N")]]


def test_columns_are_picked_in_order():
    assert read("a b c\nd e f\n", columns=(-1, 0)).sentences() == [[("c", "a"), ("f", "d")]]
    with pytest.raises(IndexError, match=r"<text>: there is no column 3: there are 3, 0 to 2"):
        read("a b c\n", columns=(0, 3))
    with pytest.raises(ValueError, match=r"no column was asked for; name one at least of the 3"):
        read("a b c\n", columns=())


def test_gzip_is_known_by_its_content(tmp_path):
    plain_named_gz, gzip_named_txt = tmp_path / "a.gz", tmp_path / "a.txt"
    plain_named_gz.write_text("a b\n")
    gzip_named_txt.write_bytes(gzip.compress(b"a b\n"))
    assert read_conll(plain_named_gz).sentences() == read_conll(gzip_named_txt).sentences()
    with gzip_named_txt.open("rb") as file:
        assert read_conll(file).sentences() == [[("a", "b")]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"<text>: there is no token in it, expected one a line"),
        (" \n\t\n", r"<text>: there is no token in it"),
        (
            "\na b\nc\n",
            r"<text>, line 3: found 1 columns, expected 2 as on line 2 \(split on white space\); "
            "every token needs all columns",
        ),
        ("a\tb\n\nc d\te\tf\n", r"line 3: found 3 columns, expected 2 as on line 1 \(split on tab"),
        ("# id = 1\na\tb\n", r"line 2: found 2 columns, expected 4 .*; take out comment lines"),
    ],
)
def test_wrong_lines_are_named(text, message):
    with pytest.raises(FormatError, match=message):
        read(text)


def test_wrong_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt: no such file; check the path"):
        read_conll(tmp_path / "none.txt")
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"a b\n\ncaf\xe9 b\n")
    with pytest.raises(FormatError, match=r"latin\.txt, line 3: byte 0xe9 is not UTF-8"):
        read_conll(latin)
    packed, cut = gzip.compress(b"a b\n" * 50), tmp_path / "cut.gz"
    cut.write_bytes(packed[:-9])
    with pytest.raises(FormatError, match=rf"cut\.gz: .* cut short after {len(packed) - 9} bytes"):
        read_conll(cut)
    cut.write_bytes(packed[:-8] + b"\0" * 8)
    with pytest.raises(FormatError, match=r"cut\.gz: the gzip data is damaged \(CRC"):
        read_conll(cut)
    cut.write_bytes(b"")
    with pytest.raises(FormatError, match=r"cut\.gz: the gzip file is empty"):
        read_conll(cut)
    with pytest.raises(ValueError, match=r"holds a line break; .* wrap it in io\.StringIO"):
        read_conll("a b\nc d\n")
    with pytest.raises(TypeError, match=r"a path or an open file is needed, but a int was given"):
        read_conll(3)


@pytest.mark.parametrize(
    ("sentences", "separator", "message"),
    [
        ([[("a b", "c")]], " ", r"column 0 has the value 'a b', which would not be read back; "),
        ([[("a", "")]], " ", r"column 1 has the value ''.*fill it if empty"),
        ([[("a b",)]], "\t", r"column 0 has the value 'a b'.*two or more columns"),
        ([[("a", "b\tc")]], "\t", r"column 1 has the value 'b\\tc'.*take tabs and line breaks out"),
        ([[("a", "b")], [("x", ""), (" ", "")]], "\t", r"sentence 1, position 1: a token of white"),
        ([[("a", "b")], []], " ", r"cannot hold an empty sentence \(sentence 1\); drop it"),
        ([[("a", "b")]], ",", r"separator must be a space or a tab, but is ','"),
        ([[("\ufeffa", "b")]], " ", r"the first field of a line, '\\ufeffa', begins with a b"),
        (
            [[("a", "b"), ("\ufeffc", "d")]],
            " ",
            r"a line, '\\ufeffc', begins with a byte order mark",
        ),
        ([[("a", "b ")]], "\t", r"column 1 has the value 'b '.*and spaces at the end of a line"),
    ],
)
def test_what_would_not_be_read_back_is_not_written(tmp_path, sentences, separator, message):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match=message):
        write_conll(path, Columns.from_sentences(sentences), separator=separator)
    assert path.read_text() == "old"


def test_only_what_is_written_is_checked(tmp_path):
    columns = Columns.from_sentences([[("a b",)], [("c",)]])
    write_conll(tmp_path / "x.txt", columns[1:])
    assert (tmp_path / "x.txt").read_text() == "c\n"
    with pytest.raises(ValueError, match="cannot hold no sentence at all"):
        write_conll(tmp_path / "x.txt", columns[:0])
    with pytest.raises(TypeError, match=r"columns must be Columns, but a list was given"):
        write_conll(tmp_path / "x.txt", [[("a",)]])


def test_a_failed_write_leaves_the_old_file_and_nothing_aside(tmp_path, monkeypatch):
    path = tmp_path / "x.txt"
    write_text(path, "old\n")

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr("gibbsfactor.files.os.replace", fail)
    with pytest.raises(OSError, match=r"disk full.*x.txt"):
        write_text(path, "new\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.txt"]
    assert read_text(path) == "old\n"


@needs_data
@pytest.mark.parametrize(
    ("file", "sentences", "tokens", "columns"),
    [
        ("conll2000/train.txt.gz", 8_936, 211_727, 3),
        ("conll2000/test.txt.gz", 2_012, 47_377, 3),
        ("ud-english-ewt/test.tsv.gz", 2_077, 25_094, 3),
        ("wnut17/train.tsv.gz", 3_394, 62_730, 2),
        ("wnut17/dev.tsv.gz", 1_009, 15_733, 2),
        ("wnut17/test.tsv.gz", 1_287, 23_394, 2),
    ],
)
def test_known_files(file, sentences, tokens, columns):
    read = read_conll(DATA / file)
    assert (len(read), read.n_tokens, read.n_columns) == (sentences, tokens, columns)
    lines = gzip.decompress((DATA / file).read_bytes()).decode().split("\n")
    separator = "\t" if ".tsv" in file else " "
    direct = [line.split(separator) for line in lines if line.strip()]
    assert [list(column) for column in zip(*direct, strict=True)] == [
        read.column(c) for c in range(columns)
    ]
    assert np.all(read.lengths > 0)

"""Files whose encoding is not UTF-8, or not the one that they declare."""

from __future__ import annotations

import codecs
import io

import pytest

from gibbsfactor.errors import FormatError
from gibbsfactor.io import (
    read_bif,
    read_model,
    read_text,
    read_uai,
    read_uai_evidence,
    read_xmlbif,
)

BIF = (
    "variable caf\u00e9 { type discrete [ 2 ] { \u00fcber, a };\n}\n"
    "probability ( caf\u00e9 ) { table 0.25, 0.75; }"
)
XML = (
    '<?xml version="1.0" encoding="%s"?>\n<BIF VERSION="0.3"><NETWORK><NAME>n</NAME>\n'
    "<VARIABLE><NAME>caf\u00e9</NAME><OUTCOME>\u00fcber</OUTCOME><OUTCOME>a</OUTCOME></VARIABLE>"
    "<DEFINITION><FOR>caf\u00e9</FOR><TABLE>0.25 0.75</TABLE></DEFINITION></NETWORK></BIF>"
)
MARKS = {
    "utf-8-sig": b"",  # those of the other three are in what encode gives
    "utf-16": b"",
    "utf-32": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def told(p):
    return p.marginal("caf\u00e9")[{"caf\u00e9": "\u00fcber"}] == 0.25


@pytest.mark.parametrize("encoding", MARKS)
def test_a_byte_order_mark_tells(encoding):
    assert told(read_bif(io.BytesIO(MARKS[encoding] + BIF.encode(encoding))))
    for declared in ("UTF-8", "utf-16", "latin-1"):
        data = MARKS[encoding] + (XML % declared).encode(encoding)
        assert told(read_xmlbif(io.BytesIO(data)))
    uai = io.BytesIO(MARKS[encoding] + "MARKOV 1 2 1 1 0 2 3 1".encode(encoding))
    assert read_uai(uai).partition_function() == 4


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_known_by_its_zeros(encoding):
    assert told(read_bif(io.BytesIO(BIF.encode(encoding))))
    assert told(read_xmlbif(io.BytesIO((XML % "UTF-16").encode(encoding))))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1250", "iso8859-15"])
def test_what_is_not_utf_8_is_an_error_that_asks_for_the_encoding(encoding, tmp_path):
    path = tmp_path / "m.bif"
    path.write_bytes(BIF.encode(encoding))
    with pytest.raises(FormatError, match=r"m\.bif, line 1: byte 0xe9 is not UTF-8.*encoding='cp1"):
        read_model(path)
    assert told(read_model(path, encoding=encoding))
    path = tmp_path / "m.xml"
    path.write_bytes((XML % "UTF-8").encode(encoding))
    with pytest.raises(FormatError, match=r"m\.xml, line 3: byte 0xe9 is not UTF-8.*encoding='cp1"):
        read_model(path)
    assert told(read_model(path, encoding=encoding))
    path.write_bytes((XML % encoding).encode(encoding))  # as it declares
    assert told(read_model(path))


@pytest.mark.parametrize("declared", ["UTF-16", "utf-32", "US-ASCII", "ISO-8859-1", "windows-1252"])
def test_declarations_that_can_not_be_so(declared):
    assert told(read_xmlbif(io.BytesIO((XML % declared).encode())))


def test_asian_encodings_as_they_are_declared():
    for encoding, name in [("gbk", "\u4e2d\u6587"), ("shift_jis", "\u65e5"), ("euc-kr", "\ud55c")]:
        data = (XML % encoding).replace("\u00fcber", name).replace("\u00e9", "e").encode(encoding)
        assert read_xmlbif(io.BytesIO(data)).variables[0].states == (name, "a")


def test_what_is_given_goes_before_what_the_file_says():
    data = (XML % "UTF-8").encode("utf-8")
    p = read_xmlbif(io.BytesIO(data), encoding="latin-1")
    assert p.names == ("caf\u00c3\u00a9",)
    with pytest.raises(FormatError, match=r"line 3: byte 0xe9 is not gbk"):
        read_xmlbif(io.BytesIO((XML % "UTF-8").encode("latin-1")), encoding="gbk")
    assert told(read_xmlbif(io.StringIO(XML % "UTF-8"), encoding="latin-1"))  # text is text


@pytest.mark.parametrize("encoding", ["no-such-thing", "hex", "utf-7", "idna", "unicode-escape"])
def test_encodings_that_there_are_not(encoding):
    with pytest.raises(ValueError, match=f"there is no encoding '{encoding}'; give one that"):
        read_text(io.BytesIO(b""), encoding=encoding)
    data = (XML % encoding).encode()
    with pytest.raises(FormatError, match=f"line 1: found the encoding '{encoding}', which there"):
        read_xmlbif(io.BytesIO(data))
    assert told(read_xmlbif(io.BytesIO(data), encoding="utf-8"))


def test_comments_of_uai_files_may_be_in_any_encoding():
    p = read_uai(io.BytesIO(b"MARKOV # caf\xe9\n1 2 1 1 0 2 3 1"))
    assert p.partition_function() == 4
    with pytest.raises(FormatError, match=r"line 2: found '.', expected the number of variables"):
        read_uai(io.BytesIO(b"MARKOV\n\xe9"))
    assert read_uai_evidence(io.BytesIO("1 0 1".encode("utf-16")), p) == {"x0": 1}

"""XMLBIF: bit for bit there and back, no entities, and errors by line."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from odd_networks import assert_same_network, odd_networks

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import FormatError
from gibbsfactor.io import read_bif, read_model, read_xmlbif, write_xmlbif
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import Variable

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "bif"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")

DOG = """<?xml version="1.0" encoding="US-ASCII"?>
<!-- the example of the format's own pages -->
<!DOCTYPE BIF [
  <!ELEMENT BIF ( NETWORK )*>
    <!ATTLIST BIF VERSION CDATA #REQUIRED>
]>
<BIF VERSION="0.3">
<NETWORK>
<NAME>Dog-Problem</NAME>
<VARIABLE TYPE="nature">
  <NAME> dog-out </NAME>
  <OUTCOME>true</OUTCOME>
  <OUTCOME>false</OUTCOME>
  <PROPERTY>position = (155, 165)</PROPERTY>
</VARIABLE>
<VARIABLE><NAME>bowel-problem</NAME><OUTCOME>true</OUTCOME><OUTCOME>false</OUTCOME></VARIABLE>
<VARIABLE><NAME>family-out</NAME><OUTCOME>true</OUTCOME><OUTCOME>false</OUTCOME></VARIABLE>
<DEFINITION>
  <FOR>dog-out</FOR>
  <GIVEN>bowel-problem</GIVEN>
  <GIVEN>family-out</GIVEN>
  <TABLE>0.99 0.01 <!-- both -->
    0.97 0.03
    0.9 1e-1 0.3 0.7 </TABLE>
</DEFINITION>
<DEFINITION><FOR>bowel-problem</FOR><TABLE> 0.01 0.99 </TABLE></DEFINITION>
<DEFINITION><FOR>family-out</FOR><TABLE><![CDATA[0.15]]> 0.85 </TABLE></DEFINITION>
</NETWORK>
</BIF>
"""
ONE = """<BIF VERSION="0.3"><NETWORK><NAME>n</NAME>
<VARIABLE><NAME>a</NAME><OUTCOME>x</OUTCOME><OUTCOME>y</OUTCOME></VARIABLE>
<DEFINITION><FOR>a</FOR>
<TABLE>0.5 0.5</TABLE></DEFINITION>
</NETWORK></BIF>"""


def text(content):
    return read_xmlbif(io.StringIO(content))


def written(p):
    file = io.StringIO()
    write_xmlbif(file, p)
    return file.getvalue()


@needs_data
@pytest.mark.parametrize("name", ["alarm", "hailfinder", "link", "munin1", "pathfinder", "water"])
def test_real_networks_come_back(name, tmp_path):
    p = read_bif(DATA / f"{name}.bif.gz")
    for path in (tmp_path / "x.xmlbif.gz", tmp_path / "x.xml"):
        write_xmlbif(path, p)
        assert_same_network(p, read_model(path))


def _is_xml(name):
    return not set(name) & {"\ufffe", "\uffff"}


@given(odd_networks(allowed=lambda name: name.strip(" \t\r\n") == name and _is_xml(name)))
def test_any_network_comes_back_bit_for_bit(p):
    content = written(p)
    assert_same_network(p, text(content))
    assert_same_network(p, read_xmlbif(io.BytesIO(gzip.compress(content.encode()))))
    declared = content.replace('encoding="UTF-8"', 'encoding="UTF-16"')
    assert_same_network(p, read_xmlbif(io.BytesIO(declared.encode("utf-16"))))
    assert_same_network(p, text(declared))  # text is text, whatever it says


def test_the_example_of_the_format():
    p = text(DOG)
    assert p.names == ("dog-out", "bowel-problem", "family-out")
    dog = p.tables["dog-out"]
    assert [v.name for v in dog.parents] == ["bowel-problem", "family-out"]
    assert dog[{"dog-out": "true", "bowel-problem": "true", "family-out": "false"}] == 0.97
    assert dog.values.tolist() == [[[0.99, 0.01], [0.97, 0.03]], [[0.9, 0.1], [0.3, 0.7]]]
    assert p.tables["family-out"].values.tolist() == [0.15, 0.85]
    assert_same_network(p, text(written(p)))


def test_escapes_and_encodings():
    for name, xml in {
        "<5": "&lt;5",
        "a&b": "<![CDATA[a&b]]>",
        "\u00e9": "&#xe9;",
        "a\rb": "a&#13;b",
        "\u20ac": "\u20ac",
    }.items():
        p = text(ONE.replace("x</OUTCOME>", f"{xml}</OUTCOME>"))
        assert p.variables[0].states == (name, "y")
        assert_same_network(p, text(written(p)))
    for encoding in ("latin-1", "utf-16", "utf-8-sig", "cp1252"):
        declared = encoding.removesuffix("-sig")
        content = f'<?xml version="1.0" encoding="{declared}"?>' + ONE.replace("x<", "\u00e9<")
        p = read_xmlbif(io.BytesIO(content.encode(encoding)))
        assert p.variables[0].states == ("\u00e9", "y")


@pytest.mark.parametrize("name", ["", " a", "a\n", "\x00", "a\x1bb", "\ufffe"])
def test_what_xml_can_not_say_is_not_written(name, tmp_path):
    network = BayesianNetwork([ConditionalTable(Variable("v", [name]), [], [1])])
    with pytest.raises(ValueError, match=r"the name .* can't be written as XMLBIF.*rename it"):
        write_xmlbif(tmp_path / "x.xml", network)
    assert not (tmp_path / "x.xml").exists()
    with pytest.raises(TypeError, match="only a BayesianNetwork can be written"):
        write_xmlbif(tmp_path / "x.xml", network.gibbs())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"line 1: found XML that is not well formed \(no element found\), expected an XMLBIF"),
        ("<x/>", r"line 1: found <x>, expected <BIF>"),
        ("<BIF/>", r"line 1: found no <NETWORK>, expected one"),
        ("<BIF><NETWORK/>\n<NETWORK/></BIF>", r"line 2: found a second <NETWORK>, expected one"),
        (ONE[:-6], r"line 5: found XML that is not well formed \(no element found\)"),
        (ONE.replace("0.3", "0.4"), r"line 1: found version '0\.4', expected '0\.3' or '0\.2'"),
        (ONE.replace("<VARIABLE>", '<VARIABLE TYPE="utility">'), r"line 2: .* type 'utility', ex"),
        (ONE.replace("<VARIABLE>", "<VARIABLE>z"), r"line 2: found 'z' in <VARIABLE>, expected e"),
        (ONE.replace("<NAME>a</NAME>", ""), r"line 2: found a variable without a <NAME>"),
        (ONE.replace("<NAME>a", "<NAME>b</NAME><NAME>a"), r"line 2: found a second <NAME>, expe"),
        (ONE.replace("<OUTCOME>y", "<OUTCOME>x"), r"line 2: variable 'a' has the state 'x' twice"),
        (ONE.replace("<FOR>a</FOR>", ""), r"line 4: found a definition without a <FOR>"),
        (ONE.replace("<FOR>a", "<FOR>b"), r"line 3: found 'b', expected one of the variables: 'a'"),
        (ONE.replace("</FOR>", "</FOR><GIVEN>a</GIVEN>"), r"line 3: found 'a' twice in one table"),
        (ONE.replace("<FOR>", "<FOR><b>"), r"line 3: found <b> in <FOR>, expected text"),
        (ONE.replace("<TABLE>", "<TABLE/>\n<TABLE>"), r"line 5: found a second <TABLE>"),
        (ONE.replace("<TABLE>0.5 0.5</TABLE>", ""), r"line 3: found no <TABLE> of 'a', expected 2"),
        (ONE.replace("0.5 0.5", "0.5"), r"line 4: found 1 numbers in the table of 'a', expected 2"),
        (ONE.replace("0.5 0.5", "0.5 <!-- \n -->\n 1/2"), r"line 6: found '1/2' in a <TABLE>, ex"),
        (ONE.replace("0.5 0.5", "0.5 0_5"), r"line 4: found '0_5' in a <TABLE>, expected a number"),
        (ONE.replace("0.5 0.5", "\n0.5 0.6"), r"line 5: the probabilities of 'a' sum to 1\.1, ex"),
        (ONE.replace("0.5 0.5", "1.5 -0.5"), r"line 4: the probability of 'a' = 'x' is 1\.5"),
        (
            ONE.replace("</NETWORK>", "<DEFINITION><FOR>a</FOR></DEFINITION></NETWORK>"),
            r"line 5: found the table of 'a' a second time, expected one for each variable",
        ),
        (ONE.replace("<NAME>a", "<NAME>&e;"), r"line 2: .* not well formed \(undefined entity\)"),
        ('<!DOCTYPE BIF [\n<!ENTITY e "x">]>' + ONE, r"line 2: found the entity 'e', expected no"),
        (
            '<!DOCTYPE BIF [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]>' + ONE,
            r"line 1: found the entity 'e'",
        ),
        (
            '<!DOCTYPE BIF SYSTEM "x.dtd">' + ONE.replace("<NAME>a", "<NAME>a&e;"),
            r"line 2: found the entity 'e', expected none but XML's own",
        ),
    ],
)
def test_what_is_wrong_is_named_by_line(content, message):
    with pytest.raises(FormatError, match=rf"^<text>, {message}"):
        text(content)


def test_rows_are_named_by_their_line_across_comments():
    wrong = DOG.replace("0.9 1e-1", "0.9 2e-1")
    message = r"line 24: the probabilities of 'dog-out' given \(bowel-problem='false', family-out="
    with pytest.raises(FormatError, match=message):
        text(wrong)


@pytest.mark.parametrize("encoding", ["no-such-thing", "utf-7", "idna", "undefined", "hex"])
def test_encodings_that_no_one_has(encoding):
    content = f'<?xml version="1.0" encoding="{encoding}"?>{ONE}'.encode()
    with pytest.raises(FormatError, match=r"^<text>, line 1: found "):
        read_xmlbif(io.BytesIO(content))

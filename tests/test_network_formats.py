"""Hugin NET, GeNIe XDSL, libDAI, XMLBIF before 0.3: the order of tables, and errors by line."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_networks import assert_same_network, odd_networks

from gibbsfactor import (
    BayesianNetwork,
    ConditionalTable,
    Factor,
    GibbsDistribution,
    Variable,
    read_bif,
    read_hugin,
    read_libdai,
    read_model,
    read_xdsl,
    read_xmlbif,
    write_hugin,
    write_libdai,
    write_model,
    write_xdsl,
)
from gibbsfactor.cli import main
from gibbsfactor.errors import FormatError
from gibbsfactor.io.models import FORMATS, SUFFIXES

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# P(cough | flu, smoke) has 3 states and parents of 2 and 3: no two orders give the same table.
FLU, SMOKE = Variable("flu", ["no", "yes"]), Variable("smoke", ["never", "some", "much"])
COUGH = Variable("cough", ["dry", "wet", "none"])
TABLE = np.array(
    [
        [[0.01, 0.02, 0.97], [0.03, 0.04, 0.93], [0.05, 0.06, 0.89]],
        [[0.11, 0.12, 0.77], [0.13, 0.14, 0.73], [0.15, 0.16, 0.69]],
    ]
)
P = BayesianNetwork(
    [
        ConditionalTable(FLU, [], [0.9, 0.1]),
        ConditionalTable(SMOKE, [], [0.5, 0.25, 0.25]),
        ConditionalTable(COUGH, [FLU, SMOKE], TABLE),
    ]
)

NET = r"""% a network "of the flu
net { name = "flu"; node_size = (80 40); HR_Desc = "a % in a \"text\""; }

discrete node flu { label = "has the flu"; position = (10 20); states = ("no" "yes"); }
node smoke
{
  states = ("never" "some"
            "much");   % three
  state_values = (0 1.5 20);
}
node cough { subtype = label; states = (dry wet none ); }
potential (flu) { data = (0.9 0.1); }
potential (smoke | ) { data = ( 5e-1 .25 0.25 ); }
potential (cough | flu smoke)
{ data = (( (0.01 0.02 0.97)    % flu=no  smoke=never
            (0.03 0.04 0.93)
            (0.05 0.06 0.89))
          ( (0.11 0.12 0.77)
            (0.13 0.14 0.73)
            (0.15 0.16 0.69))); % flu=yes
  model_nodes = ();
}
"""
XDSL = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- made by hand -->
<smile version="1.0" id="flu" numsamples="1000">
  <nodes>
    <cpt id="flu" diagtype="fault"><state id="no"/><state id="yes" fault="true"/>
      <probabilities>0.9 0.1</probabilities></cpt>
    <cpt id="smoke">
      <state id="never" /><state id="some" /><state id="much" />
      <probabilities>0.5 0.25 0.25</probabilities>
      <property id="literature">none</property>
    </cpt>
    <cpt id="cough"><state id="dry"/><state id="wet"/><state id="none"/>
      <parents>flu smoke</parents>
      <probabilities>0.01 0.02 0.97 0.03 0.04 0.93 0.05 0.06 0.89
        0.11 0.12 0.77 0.13 0.14 0.73 0.15 0.16 0.69</probabilities></cpt>
  </nodes>
  <extensions><genie version="1.0" app="GeNIe 2.0" name="flu">
    <node id="flu"><name>Has the flu</name><position>1 2 3 4</position></node>
  </genie></extensions>
</smile>
"""
# as JavaBayes writes version 0.2: the child slowest
OLD = """<?XML VERSION="1.0"?>

<!-- DTD for the BIF format -->
<!DOCTYPE BIF [ <!ELEMENT BIF ( NETWORK )*> <!ELEMENT ENTRY ( VALUE* , TABLE )> ]>
<BIF>
<NETWORK>
<NAME>flu</NAME>
<VARIABLE><NAME>flu</NAME><TYPE>discrete</TYPE><VALUE>no</VALUE><VALUE>yes</VALUE>
  <PROPERTY>observed yes</PROPERTY></VARIABLE>
<VARIABLE><NAME>smoke</NAME><TYPE>discrete</TYPE>
  <VALUE>never</VALUE><VALUE>some</VALUE><VALUE>much</VALUE></VARIABLE>
<VARIABLE><NAME>cough</NAME><TYPE>discrete</TYPE>
  <VALUE>dry</VALUE><VALUE>wet</VALUE><VALUE>none</VALUE></VARIABLE>
<PROBABILITY><FOR>flu</FOR><TABLE>0.9 0.1 </TABLE></PROBABILITY>
<PROBABILITY><FOR>smoke</FOR><TABLE>0.5 0.25 0.25</TABLE></PROBABILITY>
<PROBABILITY><FOR>cough</FOR><GIVEN>flu</GIVEN><GIVEN>smoke</GIVEN><TABLE>
  0.01 0.03 0.05 0.11 0.13 0.15
  0.02 0.04 0.06 0.12 0.14 0.16
  0.97 0.93 0.89 0.77 0.73 0.69 </TABLE></PROBABILITY>
</NETWORK>
</BIF>
"""


def written(p, write):
    file = io.StringIO()
    write(file, p)
    return file.getvalue()


# ---- the order of tables ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "text"), [(read_hugin, NET), (read_xdsl, XDSL), (read_xmlbif, OLD)]
)
def test_tables_are_read_in_the_order_of_the_format(read, text):
    p = read(io.StringIO(text))
    assert p.variables == P.variables
    np.testing.assert_array_equal(p.tables["cough"].values, P.tables["cough"].values)
    assert_same_network(p, read(io.BytesIO(gzip.compress(text.encode()))))


def test_flat_data_and_bare_data_are_read_too():
    start = NET.index("data = ((")
    flat = NET[:start] + "data = (" + " ".join(map(str, TABLE.ravel().tolist())) + ");}"
    assert_same_network(P, read_hugin(io.StringIO(flat)))
    assert_same_network(P, read_hugin(io.StringIO(NET.replace("(0.9 0.1)", "0.9 0.1"))))


def test_files_of_pyagrum_have_the_first_parent_fastest():
    turned = TABLE.transpose(1, 0, 2).ravel().tolist()
    text = XDSL.replace("GeNIe 2.0", "aGrUM 3.3.1").replace(
        "0.01 0.02 0.97 0.03 0.04 0.93 0.05 0.06 0.89\n"
        "        0.11 0.12 0.77 0.13 0.14 0.73 0.15 0.16 0.69",
        " ".join(map(str, turned)),
    )
    assert_same_network(P, read_xdsl(io.StringIO(text)))
    broken = text.replace("0.16 0.69", "\n0.16 0.79")
    with pytest.raises(FormatError, match=r"line 14: .*given \(flu='yes', smoke='much'\) sum to"):
        read_xdsl(io.StringIO(broken))


def test_deterministic_nodes():
    text = XDSL.replace('cpt id="cough"', 'deterministic id="cough"').replace(
        "</probabilities></cpt>\n  </nodes>", "</resultingstates></deterministic>\n  </nodes>"
    )
    start = text.rindex("<probabilities>")
    end = text.index("</resultingstates>")
    text = text[:start] + "<resultingstates>dry wet none\n none wet dry" + text[end:]
    table = read_xdsl(io.StringIO(text)).tables["cough"]
    places = [[0, 1, 2], [2, 1, 0]]
    np.testing.assert_array_equal(table.values, np.eye(3)[places])
    with pytest.raises(FormatError, match="line 15: found 'damp', expected a state of 'cough': 'd"):
        read_xdsl(io.StringIO(text.replace("none wet", "damp wet")))


def test_libdai_has_the_first_variable_fastest():
    text = "# a comment\n\n2\n\n2\n7 3\n2 3\n4\n0 1.5\n1 2 # x3=0\n4 0.5\n5 -0.0\n\n0\n\n\n1\n0 9\n"
    p = read_libdai(io.StringIO(text))
    assert p.variables == (Variable("x3", 3), Variable("x7", 2))
    assert p.factors[0].names == ("x7", "x3")
    assert p.factors[0].values.tolist() == [[1.5, 0, 0.5], [2, 0, 0]]
    assert p.factors[1].values == 9
    assert p.partition_function() == pytest.approx(36)
    assert written(read_libdai(io.StringIO(written(p, write_libdai))), write_libdai) == written(
        p, write_libdai
    )


@pytest.mark.skipif(not (DATA / "libdai").is_dir(), reason="no ../shared/data beside the checkout")
def test_libdai_s_own_file():
    p = read_model(DATA / "libdai" / "testfast.fg")
    assert len(p.factors) == 40
    assert p.log_partition() == pytest.approx(14.328233281091576, rel=1e-14)


# ---- there and back -----------------------------------------------------------------------


def plain(name):
    return not re.search(r'[\s(){}|;="%]', name)


@given(odd_networks(allowed=plain))
def test_hugin_comes_back_bit_for_bit(p):
    assert_same_network(p, read_hugin(io.StringIO(written(p, write_hugin))))


def test_states_of_hugin_may_be_anything():
    v = Variable("a", ['"', "\\", "a b", "", "%", "é\n", ");"][:3] + ["%", "é\n", ");"])
    p = BayesianNetwork([ConditionalTable(v, [], np.full(6, 1 / 6))])
    assert_same_network(p, read_hugin(io.StringIO(written(p, write_hugin))))


def sayable(name):
    return not re.search(r"\s", name) and not set(name) & {"\ufffe", "\uffff"}


@given(odd_networks(allowed=sayable))
def test_xdsl_comes_back_bit_for_bit(p):
    again = read_xdsl(io.StringIO(written(p, write_xdsl)))
    order = [p.names.index(name) for name in again.names]
    assert_same_network(BayesianNetwork([list(p.tables.values())[i] for i in order]), again)


def test_states_of_xdsl_may_hold_blanks():
    v = Variable("a", ["a b", " a", "x\ty", "l\nm", "<&\">'", "\r"])
    p = BayesianNetwork([ConditionalTable(v, [], np.full(6, 1 / 6))])
    assert_same_network(p, read_xdsl(io.StringIO(written(p, write_xdsl))))


@st.composite
def factor_graphs(draw):
    numbers = draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=4, unique=True))
    variables = [Variable(f"x{v}", draw(st.integers(1, 3))) for v in sorted(numbers)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    factors = []
    for scope in draw(st.lists(st.lists(st.sampled_from(variables), unique=True), max_size=4)):
        shape = [v.cardinality for v in scope]
        factors.append(Factor(scope, rng.random(shape) * (rng.random(shape) < 0.7)))
    return GibbsDistribution(factors, variables)


@settings(max_examples=50)
@given(factor_graphs())
def test_libdai_comes_back_bit_for_bit(p):
    q = read_libdai(io.StringIO(written(p, write_libdai)))
    assert q.variables == p.variables
    held = {name for factor in p.factors for name in factor.names}
    assert len(q.factors) == len(p.factors) + len(set(p.names) - held)
    for one, other in zip(p.factors, q.factors, strict=False):
        assert one.scope == other.scope
        assert one.values.tobytes() == other.values.tobytes()


def test_other_names_are_numbered_in_libdai():
    p = GibbsDistribution([Factor([Variable("b", ["u", "v"]), Variable("a", 3)], np.ones((2, 3)))])
    q = read_libdai(io.StringIO(written(p, write_libdai)))
    assert q.variables == (Variable("x0", 2), Variable("x1", 3))


def test_names_that_can_t_be_written():
    for name, write, words in (
        ("a b", write_hugin, r"the name 'a b' can't be written in Hugin's format, where a name"),
        ("a|b", write_hugin, r"the name 'a\|b' can't be written in Hugin's format"),
        ("a b", write_xdsl, "'a b' can't be written as XDSL, where a name has no white space"),
    ):
        p = BayesianNetwork([ConditionalTable(Variable(name, 2), [], [0.5, 0.5])])
        with pytest.raises(ValueError, match=words):
            written(p, write)
    p = BayesianNetwork([ConditionalTable(Variable("a", ["", "b"]), [], [0.5, 0.5])])
    with pytest.raises(ValueError, match="'' can't be written as XDSL, where a state is not empty"):
        written(p, write_xdsl)
    with pytest.raises(TypeError, match="only a BayesianNetwork can be written"):
        written(P.gibbs(), write_hugin)


# ---- what is wrong ------------------------------------------------------------------------

BAD_NET = [
    ("", "line 1: found an empty file, expected 'net', 'node' or 'potential'"),
    (NET.replace("discrete node flu", "continuous node flu"), "line 4: node 'flu' is of the kind "),
    (
        NET.replace("discrete node flu", "decision flu"),
        "line 4: .* kind 'decision', expected a dis",
    ),
    (NET.replace("discrete node flu", "utility flu"), "line 4: .* kind 'utility', expected a dis"),
    (NET.replace("net {", "class flu {"), "line 2: found a class, expected a network"),
    (
        NET.replace("0.93)", "0.93"),
        r"line 20: found ';' in the value of 'data' of the potential of",
    ),
    (
        NET.replace("(0.9 0.1)", "(0.9 0.1"),
        "line 12: found ';' .* 'flu', expected 1 closing brackets",
    ),
    (
        NET.replace("(0.9 0.1)", "(0.9)"),
        "line 12: found 1 numbers in the data of 'flu', expected 2",
    ),
    (
        NET.replace("(0.9 0.1)", "(0.9 x)"),
        "line 12: found 'x' in the data of 'flu', expected a num",
    ),
    (NET.replace("0.03 0.04", "0.03 0.14"), r"line 16: .*'cough' given \(flu='no', smoke='some'\)"),
    (
        NET.replace("flu smoke)", "flu smog)"),
        "line 14: found 'smog', expected one of the variables",
    ),
    (
        NET.replace("cough | flu", "cough flu"),
        r"line 14: found 'flu', expected '\|' before the par",
    ),
    (
        NET.replace("(flu) {", "(flu) { model_data = (Binomial(2, 0.5));}%"),
        "line 12: .* expression",
    ),
    (NET.replace("(flu) {", "(flu) { }%"), "line 12: the potential of 'flu' has no data, expected"),
    (NET.replace('("no" "yes")', '("no" "no")'), "line 4: variable 'flu' has the state 'no' twice"),
    (NET.replace('"much")', '"much)'), "line 8: found a text without its closing quote, expec"),
    (NET + 'node x { label = "x', "line 23: found a text without its closing quote, expected the"),
    (NET + "node x { label ", "line 23: found the end of the file, expected '=' after 'label' of"),
    (NET + "node x { }", "line 23: found no 'states' of node 'x', expected them"),
    (NET + "node x { states = (a b); }", "there is no table for 'x'; expected one for every var"),
    (
        NET.replace("smoke | ", "smoke | cough"),
        "line 13: found 3 numbers in the data of 'smoke', e",
    ),
    # the order of an older tool: cough's states outermost
    (
        re.sub(
            r"\(\( \(0.*?\)\)\);",
            "(((1 1)(0 0)(0 0))((0 0)(1 1)(0 0))((0 0)(0 0)(1 1)));",
            NET,
            flags=re.DOTALL,
        ),
        r"line 15: found number 2 of the data of 'cough' after 1 brackets, 3 deep, expected 0 and",
    ),
]
BAD_XDSL = [
    ("<smile/>", "line 1: found no <nodes> in <smile>, expected one"),
    ("<bif/>", "line 1: found <bif>, expected <smile>"),
    (XDSL.replace("</smile>", ""), "line 21: found XML that is not well formed"),
    (
        XDSL.replace('cpt id="smoke"', 'noisymax id="smoke"').replace(
            '</cpt>\n    <cpt id="co', '</noisymax>\n    <cpt id="co'
        ),
        "line 7: node 'smoke' is of the kind <noisymax>, expected <cpt",
    ),
    (
        XDSL.replace('<cpt id="smoke">', '<decision id="buy"/><cpt id="smoke">'),
        "line 7: node 'buy' is of the kind <decision>, expected <cpt> or <deterministic>",
    ),
    (
        XDSL.replace('<cpt id="smoke">', '<equation id="x"/><cpt id="smoke">'),
        "line 7: node 'x' is of the kind <equation>",
    ),
    (XDSL.replace("  <nodes>", "  <dynamic/><nodes>"), "line 4: found a dynamic network"),
    (XDSL.replace('id="smoke"', 'id="flu"'), "line 7: found node 'flu' a second time"),
    (XDSL.replace("flu smoke<", "flu\n smog<"), "line 14: found 'smog', expected one of the vari"),
    (XDSL.replace("0.9 0.1", "0.9 0.x"), "line 6: found '0.x' in <probabilities>, expected a num"),
    (
        XDSL.replace("0.9 0.1", "0.9"),
        "line 6: found 1 words in <probabilities> of 'flu', expected 2",
    ),
    (
        XDSL.replace("0.15 0.16", "0.25 0.16"),
        r"line 15: .*'cough' given \(flu='yes', smoke='much'\)",
    ),
    (XDSL.replace('<state id="no"/>', "<state/>"), "line 5: found a state of 'flu' without an id"),
    (
        XDSL.replace("<probabilities>0.9 0.1</probabilities>", ""),
        "line 5: found 0 elements <probab",
    ),
    ("<a>" * 100, "line 1: found elements nested deeper than expected"),
]
BAD_OLD = [
    (
        OLD.replace("<BIF>", '<BIF VERSION="0.3">'),
        "found <PROBABILITY> in version '0.3'; tables are",
    ),
    (
        OLD.replace("discrete", "continuous", 1),
        "line 8: found the type 'continuous', expected 'dis",
    ),
    (
        OLD.replace("0.03 0.05", "0.03\n 0.15", 1),
        r"line 1\d: .* given \(flu='no', smoke='much'\) sum",
    ),
]
BAD_FG = [
    ("", "the file is empty; expected the number of factors"),
    (
        "2\n1\n0\n2\n0",
        "line 5: the file ends after 5 words; expected how many variables factor 1 h",
    ),
    ("1\n2\n0 0\n2 2\n0", "line 3: found '0', expected each variable once in factor 0"),
    (
        "2\n1\n0\n2\n0\n1\n0\n3\n0",
        "line 8: found '3', expected 2 states of variable 0, as a factor",
    ),
    (
        "1\n1\n0\n2\n1\n2 1",
        "line 6: found '2', expected the index of an entry of factor 0, a whole",
    ),
    ("1\n1\n0\n2\n2\n1 1\n1 1", "line 7: found '1', expected each entry of factor 0 once"),
    (
        "1\n1\n0\n2\n1\n1 -1",
        "line 6: found '-1', expected the value of entry 1 of factor 0, finite",
    ),
    ("1\n1\n0\n2\n1\n1 1\n7", "line 7: found '7', expected the end of the file"),
    ("1\n3\n0 1 2\n999 999 999\n1\n0 1", "line 5: factor 0 has 997002999 entries, of which 1 are"),
]


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read, text, message)
        for read, cases in (
            (read_hugin, BAD_NET),
            (read_xdsl, BAD_XDSL),
            (read_xmlbif, BAD_OLD),
            (read_libdai, BAD_FG),
        )
        for text, message in cases
    ],
)
def test_what_is_wrong_is_named_by_line(read, text, message):
    with pytest.raises(FormatError, match=f"^<text>(, |: ).*{message}"):
        read(io.StringIO(text))


def test_options_for_tables():
    rounded = NET.replace("0.9 0.1", "0.9 0.11").replace("0.11 0.12 0.77", "NaN NaN NaN")
    p = read_hugin(io.StringIO(rounded), normalize=True, nan_rows="uniform")
    assert p.tables["flu"].values.tolist() == [0.9 / 1.01, 0.11 / 1.01]
    assert p.tables["cough"].values[1, 0].tolist() == [1 / 3] * 3
    numbered = XDSL.replace('"no"', '"0"').replace('"yes"', '"1"')
    assert read_xdsl(io.StringIO(numbered), int_states=True).variables[0] == Variable("flu", 2)
    latin = NET.replace("much", "très").encode("latin-1")
    with pytest.raises(FormatError, match="line 8: byte 0xe8 is not UTF-8"):
        read_hugin(io.BytesIO(latin))
    q = read_hugin(io.BytesIO(latin), encoding="latin-1")
    assert q.variables[1].states == ("never", "some", "très")


# ---- one table of formats -----------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_is_written_and_read(suffix, tmp_path, capsys):
    path = tmp_path / f"x{suffix.upper()}.gz"
    write_model(path, P)
    assert path.read_bytes().startswith(b"\x1f\x8b") == path.name.endswith(".gz")
    p = read_model(path)
    expected = list(P.marginals().values())[2].values
    np.testing.assert_allclose(list(p.marginals().values())[2].values, expected, rtol=1e-12)
    assert main(["query", str(path)]) == 0
    assert f"{expected[0]:.6f}" in capsys.readouterr().out


def test_the_table_of_formats_is_what_help_and_errors_list(tmp_path, capsys):
    assert main(["query", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(one.name in shown and all(s in shown for s in one.suffixes) for one in FORMATS)
    words = f"which should end in {re.escape(', '.join(SUFFIXES))}, or one of these with .gz"
    for ask in (lambda: read_model("x.txt"), lambda: write_model("x.txt", P)):
        with pytest.raises(ValueError, match=words):
            ask()
    path = tmp_path / "x.fg"
    write_model(path, P)
    with pytest.raises(ValueError, match="the tables of a libDAI model are factors"):
        read_model(path, normalize=True)


def test_the_guide_lists_the_same_formats():
    guide = Path(__file__).resolve().parents[1] / "docs" / "files.md"
    rows = [line for line in guide.read_text("utf-8").splitlines() if line.startswith("|")]
    for one in FORMATS:
        cells = [", ".join(f"`{s}`" for s in one.suffixes), f"`{one.reader}`", f"`{one.writer}`"]
        assert any(all(f"| {cell} |" in row for cell in cells) for row in rows), one.name


@pytest.mark.skipif(not (DATA / "bif").is_dir(), reason="no ../shared/data beside the checkout")
@pytest.mark.parametrize("name", ["alarm", "hailfinder", "pigs"])
def test_real_networks_come_back(name, tmp_path):
    p = read_bif(DATA / "bif" / f"{name}.bif.gz")
    for suffix in (".net", ".xdsl"):
        write_model(tmp_path / f"x{suffix}", p)
        q = read_model(tmp_path / f"x{suffix}")
        assert set(q.names) == set(p.names)
        for v, table in p.tables.items():
            assert q.tables[v].scope == table.scope
            assert q.tables[v].values.tobytes() == table.values.tobytes()

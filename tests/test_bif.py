"""BIF: against an independent reader, bit for bit there and back, and errors by line."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import bif as reference
import numpy as np
import pytest
from hypothesis import given
from odd_networks import assert_same_network, odd_networks

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import FormatError
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io import read_bif, read_model, write_bif
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import Variable

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "bif"
NETWORKS = sorted(path.name.removesuffix(".bif.gz") for path in DATA.glob("*.bif.gz")) or ["none"]
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")

DOG = """// the example of the format's own pages
network "Dog-Problem" { //5 variables and 5 probability distributions
  property "credal-set constant-density-bounded 1.1" ;
}
variable  "light-on" { //2 values
  type discrete[2] {  "true"  "false" };
  property "position = (218, 195)" ;
}
variable  "bowel-problem" {
  property "position = (335, 99); not the end" ; property author = it's; property u = http://x.org/*;
  type discrete[2] {  "true"  "false" };
}
variable  "dog-out" { type discrete[2] {  "true"  "false" }; }
variable  "family-out" { type discrete[2] {  "true"  "false" }; }
probability (  "light-on"  "family-out" ) { //2 variable(s) and 4 values
  (true) 0.6 0.4 ;
  (false) 0.05 0.95 ;
}
probability (  "bowel-problem" ) { table 0.01 0.99 ; }
probability (  "dog-out"  "bowel-problem"  "family-out" ) { //3 variable(s) and 8 values
  property nothing ;
  table 0.99 0.97 0.9 0.3 0.01 0.03 0.1 0.7 ;
}
/* a comment
   with "quotes" and ; and { */ probability (  "family-out" ) { table 0.15 0.85 ; }
"""
TWO = """variable a { type discrete [ 2 ] { x, y }; }
variable b { type discrete [ 3 ] { 0, <5, 12+ }; }
probability ( a ) { table 0.5, 0.5; }
"""


def text(content):
    return read_bif(io.StringIO(content))


def written(p):
    file = io.StringIO()
    write_bif(file, p)
    return file.getvalue()


@needs_data
@pytest.mark.parametrize("name", NETWORKS)
def test_real_networks_are_read_as_by_the_reference_and_come_back(name, tmp_path):
    p = read_bif(DATA / f"{name}.bif.gz")
    network = reference.read_network(DATA / f"{name}.bif.gz")
    assert p.names == tuple(network.states)
    for child, given_values in network.tables.items():
        table = p.tables[child]
        assert table.child.states == network.states[child]
        assert tuple(v.name for v in table.parents) == network.parents[child]
        sums = given_values.sum(axis=-1, keepdims=True)
        expected = np.where(np.abs(sums - 1) > 1e-12, given_values / sums, given_values)
        assert table.values.tobytes() == np.ascontiguousarray(expected).tobytes()
    write_bif(tmp_path / "x.bif.gz", p)
    assert_same_network(p, read_model(tmp_path / "x.bif.gz"))


@given(odd_networks())
def test_any_network_comes_back_bit_for_bit(p):
    content = written(p)
    assert_same_network(p, text(content))
    assert_same_network(p, text("\ufeff" + content.replace("\n", " // c\r\n\t")))
    assert_same_network(p, read_bif(io.BytesIO(gzip.compress(content.encode()))))


def test_the_example_of_the_format():
    p = text(DOG)
    assert p.names == ("light-on", "bowel-problem", "dog-out", "family-out")
    assert p.tables["light-on"].values.tolist() == [[0.6, 0.4], [0.05, 0.95]]
    dog = p.tables["dog-out"]
    assert [v.name for v in dog.parents] == ["bowel-problem", "family-out"]
    assert dog[{"dog-out": "true", "bowel-problem": "true", "family-out": "false"}] == 0.97
    assert dog.values.tolist() == [[[0.99, 0.01], [0.97, 0.03]], [[0.9, 0.1], [0.3, 0.7]]]
    assert_same_network(p, text(written(p)))


def test_names_are_any_characters_or_quoted():
    states = ["<5", "12+", "0-3_days", "1.5", "a'b", "5''", "x=y", "/", "a/b", "*", 'it"s']
    listed = ", ".join(states)
    p = text(
        f"variable v {{ type discrete [ {len(states)} ] {{ {listed} }}; }}"
        f"probability ( v ) {{ table 1 {'0 ' * (len(states) - 1)}; }}"
    )
    assert list(p.variables[0].states) == states
    p = text(
        r'variable "" { }'.replace('""', r'"a \"b\" \\ \c"').replace(
            "{ }", '{ type discrete [ 2 ] { "", "{ }" }; }'
        )
        + r'probability ( "a \"b\" \\ \c" ) { table 1 0; }'
    )
    assert p.variables == (Variable(r'a "b" \ \c', ["", "{ }"]),)
    assert_same_network(p, text(written(p)))


def test_rows_in_any_order_and_defaults():
    rows = ["(x, 0) 0.1 0.9", "(x, 12+) 0.2 0.8", "(y, <5) 0.3 0.7", "default 0.5 0.5"]
    head = (
        TWO + "probability ( b ) { default 0.2 0.3 0.5; }"
        "variable c { type discrete [ 2 ] { t, f }; } probability ( c | a, b ) {\n"
    )
    for order in (rows, rows[::-1], rows[2:] + rows[:2]):
        p = text(head + ";\n".join(order) + ";\n}")
        table = p.tables["c"].values[..., 0]
        assert table.tolist() == [[0.1, 0.5, 0.2], [0.5, 0.3, 0.5]]
    assert p.tables["b"].values.tolist() == [0.2, 0.3, 0.5]


def test_comments_may_be_anywhere():
    plain = TWO + "probability ( b | a ) { (x) 1 0 0; (y) 0.25, 0.25, 0.5; }"
    p = text(plain)
    q = text(plain.replace(" ", ' /* ( " ; */ ').replace(";", '// ; " /*\n;'))
    assert_same_network(p, q)


def test_rows_nearly_one_are_divided_by_their_sum():
    p = text(TWO.replace("0.5, 0.5", "0.3333333, 0.6666666") + "probability ( b ) { table 0 0 1; }")
    assert p.tables["a"].values.sum() == pytest.approx(1, abs=1e-15)
    assert_same_network(p, text(written(p)))


def test_names_with_blanks_are_told_by_commas():
    p = text(
        """variable soil type { type discrete[2] { very  good, bad }; }
        variable Age (years) { type discrete [ 3 ] { low (<5), (5,12], over /* 12 */ 12 }; }
        variable y { type discrete [ 3 ] { a b, c }; }  // a comma is as good as a blank
        probability ( soil type ) { table 0.25 0.75; }
        probability ( Age (years) | soil type ) {
          (bad) 0.5 0.5 0;
          ( very good ) 0.1, 0.2, 0.7;
        }
        probability ( y | soil type, Age (years) ) {
          (very good, low (<5)) 1 0 0;
          (very good, (5,12]) 0 1 0;
          ("very good", over 12) 0 0 1;
          default 0.5 0.25 0.25;
        }"""
    )
    assert p.names == ("soil type", "Age (years)", "y")
    soil, age, y = p.variables
    assert soil.states == ("very good", "bad")
    assert age.states == ("low (<5)", "(5,12]", "over 12")
    assert y.states == ("a", "b", "c")
    assert p.tables["Age (years)"].values.tolist() == [[0.1, 0.2, 0.7], [0.5, 0.5, 0]]
    assert p.tables["y"].values.tolist()[0] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert p.tables["y"].values.tolist()[1] == [[0.5, 0.25, 0.25]] * 3
    assert_same_network(p, text(written(p)))


def test_where_names_with_blanks_can_not_be_told():
    three = "variable a { type discrete [ 3 ] {\n %s }; } probability ( a ) { table 1 0 0; }"
    assert text(three % "x y, z").variables[0].states == ("x", "y", "z")
    assert text(three % "x y, z, u v w").variables[0].states == ("x y", "z", "u v w")
    for states, n in [("u v w x, y z", 6), ("low (<5) high", 1), ("u, v", 2)]:
        with pytest.raises(
            FormatError, match=f"line 1: found 3 states of 'a', expected {n}, .*parted by commas"
        ):
            text(three % states)
    with pytest.raises(FormatError, match=r"line 2: found '\) z', expected the name of a state or"):
        text((three % "x, y) z").replace(" };", "\n};"))
    rows = "variable b { type discrete [ 2 ] { very good, bad }; } probability ( b ) { table 1 0; }"
    for row, message in [
        ("(very good, x) 1 0", "found 3 states before the row, expected 1, one for each parent"),
        ("(very bad) 1 0", r"found 'very bad', expected a state of 'b': \['very good', 'bad'\]"),
    ]:
        with pytest.raises(FormatError, match=f"line 2: {message}"):
            text(
                f"{rows} variable c {{ type discrete [2] {{ u, v }}; }} probability ( c | b ) {{\n"
                f"{row}; }}"
            )
    with pytest.raises(
        FormatError, match=r"line 1: found 'b \{ type.*, expected the name of a variable, one"
    ):
        text("variable a, b { type discrete [1] { x }; }")


def test_states_that_are_not_strings_are_written_as_strings():
    v = Variable("v", 3)
    p = text(written(BayesianNetwork([ConditionalTable(v, [], [0.5, 0.25, 0.25])])))
    assert p.variables == (Variable("v", ["0", "1", "2"]),)
    clash = BayesianNetwork([ConditionalTable(Variable("v", [1, "1"]), [], [0.5, 0.5])])
    with pytest.raises(ValueError, match=r"the states \[1, '1'\] of 'v' are not all different as"):
        written(clash)


def test_what_can_not_be_said_is_not_written(tmp_path):
    path = tmp_path / "x.bif"
    path.write_text("old")
    with pytest.raises(ValueError, match=r"the name 'a\\nb' holds a line break.*rename it"):
        write_bif(path, BayesianNetwork([ConditionalTable(Variable("a\nb", 1), [], [1])]))
    p = GibbsDistribution([Factor(Variable("a", 2), [1, 2])])
    with pytest.raises(TypeError, match=r"only a BayesianNetwork can be written.*write_uai"):
        write_bif(path, p)
    assert path.read_text() == "old"


def b_given_a(rows):
    return f"{TWO}probability ( b | a ) {{ {rows} }}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"line 1: found the end of the file, expected 'network', 'variable' or 'probability'"),
        ("\nhello", r"line 2: found 'hello', expected 'network'"),
        ("network x {", r"line 1: found the end of the file, expected 'property' or '}'"),
        ("network x {\n{", r"line 2: found '{', expected 'property' or '}'"),
        ("network x { property x }", r"line 1: found a property without its end, expected ';'"),
        ("variable {", r"line 1: found '{', expected the name of a variable"),
        ('variable "x\n" {', r"line 1: found a quoted name without its end, '\"x', expected"),
        ('variable "" { type discrete [ 1 ] { x }; }', r"found a variable with an empty name"),
        ("variable x { }", r"line 1: found '}', expected 'type' of variable 'x'"),
        (TWO.replace("discrete [ 3", "real [ 3"), r"line 2: found 'real .*, expected 'discrete'"),
        (TWO.replace("[ 3 ]", "[ 4 ]"), r"line 2: found 4 states of 'b', expected 3, as many as"),
        (TWO.replace("[ 3 ]", "[ -3 ]"), r"line 2: found -3 states of 'b', expected 3"),
        (TWO.replace("[ 3 ]", "( 3 ]"), r"line 2: found '\( 3 \].*expected '\[' and the number"),
        (TWO.replace("<5", "0"), r"line 2: variable 'b' has the state '0' twice, expected it on"),
        (TWO.replace("12+ };", "12+ }"), r"line 2: found '}', expected ';' after the states of"),
        (TWO + "variable a { type discrete [ 1 ] { x }; }", r"line 4: found variable 'a' a sec"),
        (TWO, r"<text>: there is no table for 'b'; expected one for every variable"),
        (TWO + "probability ( ) { }", r"line 4: found no variable between '\(' and '\)'"),
        (TWO + "probability ( a ) { }", r"line 4: found the table of 'a' a second time"),
        (TWO + "probability ( c ) { table 1; }", r"line 4: found 'c', expected one of the vari"),
        (TWO + "probability ( b | b ) { table 1; }", r"line 4: found 'b' twice in one table, ex"),
        (TWO + "probability ( b, a | a ) { }", r"line 4: found 1 '\|' among 'b', 'a', 'a'"),
        (b_given_a("(x) 1 0 0;\n1 0 0;"), r"line 5: found '1 0 0; }', expected '\(', 'def"),
        (b_given_a("(x) 1 0 0;"), r"line 4: found 1 of the 2 rows of 'b'.*missing is \('y"),
        (b_given_a("(x) 1 0 0;\n(x) 1 0 0;"), r"line 5: found the row \('x',\) of 'b' a s"),
        (b_given_a("(x) 1 0 0;\n(z) 1 0 0;"), r"line 5: found 'z', expected a state of 'a"),
        (b_given_a("(x) 1 0 0;\n(x, 0) 1 0 0;"), r"line 5: found 2 states before the row"),
        (b_given_a("(x) 1 0 0;\n(y) 1 0;"), r"line 5: found 2 probabilities in a row of 'b"),
        (
            b_given_a("(x) 1 0 0;\n(y) 1 0 0.1;"),
            r"line 5: the probabilities of 'b' given \(a='y'\) sum to 1\.1, expected 1 ",
        ),
        (
            b_given_a("(x) 1 0 0;\n(y) 1.5 -.5 0;"),
            r"line 5: the probability of 'b' = '0' given \(a='y'\) is 1\.5, expected a number from",
        ),
        (
            b_given_a("(x) 1 0 0;\n(y) 1 0 nan;"),
            r"line 5: the probabilities of 'b' given \(a='y'\) are \[1.0, 0.0, nan\], expected",
        ),
        (b_given_a("(x) 1 0 0;\n(y) 1 0 1e;"), r"line 5: found '1e; }', expected a number"),
        (b_given_a("(x) 1 0 0;\n(y) 1 0 1e400;"), r"line 5: the probability of .* is inf"),
        (b_given_a("(x) 1 0 0;\n(y) 1 0 1_0;"), r"line 5: found '1_0; }', expected a number"),
        (b_given_a("(x) 1 0 0;\n(y) 1 0 0"), r"line 5: found '}', expected a number or ';'"),
        (b_given_a("table 1 0 0 1 0;"), r"line 4: found 5 probabilities in the table of 'b"),
        (b_given_a("default 1 0;"), r"line 4: found 2 probabilities in the default of 'b'"),
        (b_given_a("default 1 0 0;\ndefault 1 0 0;"), r"line 5: found 'default 1 0 0; }'"),
        (b_given_a("(x) 1 0 0;\ntable 1 0 0 1 0 0;"), r"line 5: found 'table' along with"),
        (b_given_a("(x) 1 0 0; /* \n"), r"line 4: found a comment without its end '\*/'"),
        (
            TWO.replace("( a ) { table 0.5, 0.5;", "( a | b ) { default 1 0;")
            + "probability ( b | a ) { default 1 0 0; }",
            r"<text>: the parents go round in a directed cycle: ",
        ),
    ],
)
def test_what_is_wrong_is_named_by_line(content, message):
    with pytest.raises(FormatError, match=message):
        text(content)


def test_a_table_of_more_variables_than_an_array_has_axes_is_refused():
    variables = "".join(f"variable v{i} {{ type discrete [ 1 ] {{ x }}; }}\n" for i in range(65))
    family = " ".join(f"v{i}" for i in range(65))
    with pytest.raises(FormatError, match=r"line 66: the table has 65 variables, expected 64 or l"):
        text(f"{variables}probability ( {family} ) {{ table 1; }}")


def test_the_suffix_tells_the_format(tmp_path):
    p = text(TWO + "probability ( b ) { table 0 0 1; }")
    for name in ("x.bif", "X.BIF", "x.bif.gz", "x.y.Bif.GZ"):
        write_bif(tmp_path / name, p)
        assert_same_network(p, read_model(tmp_path / name))
    with pytest.raises(
        ValueError, match=r"x\.dne: can't tell.*\.bif, \.xmlbif, \.bifxml, .*\.fg, or"
    ):
        read_model(tmp_path / "x.dne")
    with pytest.raises(FileNotFoundError, match=r"none\.bif: no such file"):
        read_model(tmp_path / "none.bif")
    with pytest.raises(TypeError, match=r"a path is needed.*got a StringIO"):
        read_model(io.StringIO(""))

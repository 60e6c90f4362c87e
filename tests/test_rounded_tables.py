"""Rows of tables in files that are rounded, far from one, or NaN: one rule in all readers."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from gibbsfactor.cli import main
from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import FormatError
from gibbsfactor.io import read_bif, read_model, read_xmlbif
from gibbsfactor.variable import Variable


def as_bif(rows, states):
    """A network of s and y; y has these rows, given the states a, b, ... of s."""
    above = "abcdefgh"[: len(rows)]
    lines = "".join(
        f"\n({s}) {', '.join(row.split())};" for s, row in zip(above, rows, strict=True)
    )
    return (
        f"variable s {{ type discrete [ {len(above)} ] {{ {', '.join(above)} }}; }}\n"
        f"variable y {{ type discrete [ {len(states)} ] {{ {', '.join(states)} }}; }}\n"
        f"probability ( s ) {{ table 1 {'0 ' * (len(above) - 1)}; }}\n"
        f"probability ( y | s ) {{{lines} }}"
    )


def as_xmlbif(rows, states):
    def outcomes(names):
        return "".join(f"<OUTCOME>{name}</OUTCOME>" for name in names)

    above = "abcdefgh"[: len(rows)]
    return (
        f'<BIF VERSION="0.3"><NETWORK><NAME>n</NAME>\n'
        f"<VARIABLE><NAME>s</NAME>{outcomes(above)}</VARIABLE>"
        f"<VARIABLE><NAME>y</NAME>{outcomes(states)}</VARIABLE>\n"
        f"<DEFINITION><FOR>s</FOR><TABLE>1 {'0 ' * (len(above) - 1)}</TABLE></DEFINITION>"
        f"<DEFINITION><FOR>y</FOR><GIVEN>s</GIVEN><TABLE>\n\n"
        + "\n".join(rows)
        + "</TABLE></DEFINITION></NETWORK></BIF>"
    )


FORMATS = {".bif": (as_bif, read_bif), ".xmlbif": (as_xmlbif, read_xmlbif)}
both = pytest.mark.parametrize("suffix", FORMATS)


def read(suffix, rows, states="uvw", **options):
    """The table of y."""
    as_text, reader = FORMATS[suffix]
    return reader(io.StringIO(as_text(rows, states[: len(rows[0].split())])), **options).tables["y"]


@both
@pytest.mark.parametrize("k", [2, 3, 7])
def test_six_digits_are_taken_as_conditional_tables_take_them(suffix, k):
    share = f"{1 / k:.6f}"
    table = read(suffix, [" ".join([share] * k)] * 2, "uvwxyzt")
    assert table.values == pytest.approx(np.full((2, k), 1 / k), abs=1e-16)
    y = Variable("y", list("uvwxyzt"[:k]))
    taken = ConditionalTable(y, [Variable("s", ["a", "b"])], [[float(share)] * k] * 2)
    assert table.values.tobytes() == taken.values.tobytes()


@both
@pytest.mark.parametrize("digits", [2, 3, 4, 5])
def test_fewer_digits_are_an_error_that_names_the_option(suffix, digits):
    share = f"{1 / 3:.{digits}f}"
    rows = ["1 0 0", " ".join([share] * 3)]
    message = (
        r"line 6: the probabilities of 'y' given \(s='b'\) sum to 0\.99?[0-9]*, expected 1 within "
        r"3e-06; .*read with normalize=True"
    )
    with pytest.raises(FormatError, match=message):
        read(suffix, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read(suffix, rows, normalize=True)
    assert table.values == pytest.approx(np.array([[1, 0, 0], [1 / 3] * 3]), abs=1e-16)


@both
def test_rows_of_unit_sum_keep_every_bit_when_the_others_are_normalised(suffix):
    rows = ["0.1 0.2 0.7", "0.33 0.33 0.33"]
    assert read(suffix, rows, normalize=True).values[0].tolist() == [0.1, 0.2, 0.7]


@both
def test_sums_that_rounding_does_not_explain_are_divided_with_a_warning(suffix):
    rows = ["0.5 0.5", "3 1", "0.2 0.2"]
    message = (
        r"line 6: the probabilities of 'y' given \(s='b'\) sum to 4\.0, which rounding to two "
        r"digits does not explain; they are divided by the sum; and so in 1 more rows"
    )
    with pytest.warns(UserWarning, match=message):
        table = read(suffix, rows, normalize=True)
    assert table.values.tolist() == [[0.5, 0.5], [0.75, 0.25], [0.5, 0.5]]


@both
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 0", r"'y' given \(s='b'\) are all 0, expected a distribution; .*nan_rows='uniform'"),
        ("0.7 -0.3", r"'y' = 'v' given \(s='b'\) is -0\.3, expected a finite number of at least 0"),
        ("1e400 1", r"'y' = 'u' given \(s='b'\) is inf, expected a finite number of at least 0"),
        ("1e308 1e308", r"'y' = 'u' given \(s='b'\) is 1e\+308, expected a finite number"),
        ("0.5 nan", r"'y' given \(s='b'\) are \[0\.5, nan\], expected numbers, or NaN for all"),
    ],
)
def test_rows_that_no_option_mends(suffix, row, message):
    for options in ({}, {"nan_rows": "uniform"}):
        with pytest.raises(FormatError, match=r"line 6: "):
            read(suffix, ["0.5 0.5", row], **options)
    with pytest.raises(FormatError, match=f"line 6: .*{message}"):
        read(suffix, ["0.5 0.5", row], normalize=True, nan_rows="uniform")


@both
@pytest.mark.parametrize("word", ["NaN", "nan", "-nan", "NA", "-nan(ind)"])
def test_rows_of_nan_are_named_or_taken_as_uniform(suffix, word):
    rows = ["0.4 0.6", f"{word} {word}", f"{word} {word}"]
    message = (
        r"line 6: the probabilities of 'y' given \(s='b'\) are NaN, .*states of the parents that "
        r"their data do not have; .*nan_rows='uniform'"
    )
    with pytest.raises(FormatError, match=message):
        read(suffix, rows)
    table = read(suffix, rows, nan_rows="uniform")
    assert table.values.tolist() == [[0.4, 0.6], [0.5, 0.5], [0.5, 0.5]]


@both
def test_states_that_are_whole_numbers_are_read_as_such_on_request(suffix):
    rows = ["0.5 0.5 0", "0 0.5 0.5"]
    as_text, reader = FORMATS[suffix]
    for states, whole in [
        (["-1", "0", "10"], (-1, 0, 10)),
        (["00", "1", "2"], ("00", "1", "2")),
        (["1", "1.5", "2"], ("1", "1.5", "2")),
    ]:
        content = as_text(rows, states)
        assert reader(io.StringIO(content)).tables["y"].child.states == tuple(states)
        p = reader(io.StringIO(content), int_states=True)
        assert p.tables["y"].child.states == whole
        assert p.tables["y"].values.tolist() == [[0.5, 0.5, 0], [0, 0.5, 0.5]]
        assert p.tables["s"].child.states == ("a", "b")
    content = as_text(rows, ["0", "1", "2"]).replace("(a)", "(7)").replace("(b)", "(8)")
    content = content.replace("{ a, b }", "{ 7, 8 }").replace(">a<", ">7<").replace(">b<", ">8<")
    p = reader(io.StringIO(content), int_states=True)  # parents' states in rows as well
    assert p.tables["y"][{"s": 8, "y": 2}] == 0.5


@both
def test_the_options_by_path_and_on_the_command_line(suffix, tmp_path, capsys):
    as_text, _ = FORMATS[suffix]
    path = tmp_path / f"model{suffix}"
    path.write_text(as_text(["0.33 0.33 0.33", "nan nan nan"], "uvw"))
    with pytest.raises(FormatError, match=r"are NaN"):
        read_model(path, normalize=True)
    table = read_model(path, normalize=True, nan_rows="uniform").tables["y"]
    assert table.values == pytest.approx(np.full((2, 3), 1 / 3), abs=1e-16)
    assert main(["query", str(path), "--nan-rows", "uniform"]) == 2
    assert "read with --normalize, which divides each row" in capsys.readouterr().err
    assert main(["query", str(path), "--normalize"]) == 2
    assert "or read with --nan-rows uniform" in capsys.readouterr().err
    assert main(["query", str(path), "--normalize", "--nan-rows", "uniform"]) == 0
    assert "0.333333" in capsys.readouterr().out


def test_options_that_do_not_fit(tmp_path):
    path = tmp_path / "model.uai"
    path.write_text("MARKOV 1 2 1 1 0 2 0.3 0.4")
    assert read_model(path, int_states=True).variables[0].states == (0, 1)
    with pytest.raises(ValueError, match=r"model\.uai: the tables of a UAI model are factors, wh"):
        read_model(path, normalize=True)
    with pytest.raises(ValueError, match=r"nan_rows is 'zero'; it must be 'error' or 'uniform'"):
        read_bif(io.StringIO(""), nan_rows="zero")

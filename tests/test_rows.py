"""Tables with named columns and missing entries."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LABELS

from gibbsfactor import Variable
from gibbsfactor.rows import coded_rows, read_columns

A = Variable("A", ["a0", "a1", "a2"])
N = Variable("N", [10, 20])
B = Variable("B", [False, True])
KNOWN = {v.name: v for v in (A, N, B)}


def codes(table, variables=KNOWN):
    n, columns = coded_rows(table, variables)
    assert all(column.shape == (n,) for column in columns.values())
    return {name: column.tolist() for name, column in columns.items()}


EXPECTED = {"A": [1, -1, 0], "N": [0, 1, -1]}
RECORDS = np.array([("a1", 10.0), (None, 20.0), ("a0", np.nan)], dtype=[("A", object), ("N", "f8")])
TABLES = {
    "lists": {"A": ["a1", None, "a0"], "N": [10, 20, None]},
    "tuples": {"A": ("a1", None, "a0"), "N": (10, 20, float("nan"))},
    "variables as keys": {A: ["a1", None, "a0"], N: [10, 20, None]},
    "arrays": {"A": np.array(["a1", None, "a0"], object), "N": np.array([10, 20, np.nan])},
    "single precision": {"A": ["a1", None, "a0"], "N": np.array([10, 20, np.nan], "f4")},
    "numpy scalars": {"A": [np.str_("a1"), None, "a0"], "N": [np.int8(10), np.int64(20), None]},
    "masked": {
        "A": np.ma.array(["a1", "a1", "a0"], mask=[0, 1, 0]),
        "N": np.ma.array([10, 20, 77], mask=[False, False, True]),
    },
    "frame": pd.DataFrame({"A": ["a1", None, "a0"], "N": [10, 20, None]}),
    "frame of extension types": pd.DataFrame(
        {
            "A": pd.Series(["a1", None, "a0"], dtype="string"),
            "N": pd.Series([10, 20, None], dtype="Int64"),
        }
    ),
    "frame of categories": pd.DataFrame(
        {"A": pd.Categorical(["a1", None, "a0"]), "N": pd.Categorical([10, 20, None])}
    ),
    "frame with an index": pd.DataFrame(
        {"A": ["a1", pd.NA, "a0"], "N": [10, 20, pd.NaT]}, index=[7, 7, 3], dtype=object
    ),
    "series": {"A": pd.Series(["a1", None, "a0"]), "N": pd.Series([10, 20, None])},
    "structured": RECORDS,
    "rows": [{"A": "a1", "N": 10}, {"N": 20}, {"A": "a0", "N": None}],
    "rows by name and by variable": [{A: "a1", "N": 10}, {N: 20.0}, {"A": "a0"}],
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_of_table_says_the_same(kind):
    assert codes(TABLES[kind]) == EXPECTED


def test_truth_values_match_as_python_and_numpy_have_them():
    assert codes({"B": np.array([True, False])}) == {"B": [1, 0]}
    assert codes({"B": [np.bool_(True), None]}) == {"B": [1, -1]}


def test_states_that_are_tuples():
    v = Variable("v", [(0, "a"), (0, "b"), ()])
    assert codes({"v": [(), None, (0, "b")]}, {"v": v}) == {"v": [2, -1, 1]}


def test_no_rows_is_a_table_too():
    assert coded_rows({"A": []}, KNOWN)[0] == 0
    assert codes(pd.DataFrame({"A": [], "N": []})) == {"A": [], "N": []}


@given(st.data())
def test_positions_are_those_of_the_states(data):
    variables = {
        f"v{i}": Variable(
            f"v{i}", data.draw(st.sampled_from(LABELS))[: data.draw(st.integers(1, 4))]
        )
        for i in range(data.draw(st.integers(1, 4)))
    }
    n = data.draw(st.integers(0, 6))
    positions = {
        name: data.draw(st.lists(st.integers(-1, v.cardinality - 1), min_size=n, max_size=n))
        for name, v in variables.items()
    }
    columns = {
        name: [None if i < 0 else variables[name].states[i] for i in column]
        for name, column in positions.items()
    }
    assert codes(columns, variables) == positions
    rows = [{name: columns[name][i] for name in columns} for i in range(n)]
    if rows:
        assert codes(rows, variables) == positions


def test_states_of_columns():
    columns = read_columns(
        {
            "whole": [3.0, None, 1.0],
            "real": [0.5, 1.0, float("nan")],
            "words": np.array(["b", "a", "b"]),
            "mixed": ["b", 1, "b"],
            "declared": pd.Categorical(["low", "high", "low"], ["low", "mid", "high"]),
            "truth": [True, False, True],
        }
    )
    states = {name: columns.states(name) for name in columns.entries}
    assert states == {
        "whole": (1, 3),
        "real": (0.5, 1.0),
        "words": ("a", "b"),
        "mixed": ("b", 1),
        "declared": ("low", "mid", "high"),
        "truth": (False, True),
    }
    assert [type(s) for s in states["whole"]] == [int, int]


WRONG = [
    (
        {"C": ["c0"]},
        ValueError,
        r"column for 'C', but there is no such variable; there are 'A', 'N'",
    ),
    ({"A": ["a0", "a1"], "N": [10]}, ValueError, r"2 entries in column 'A' and 1 in column 'N'"),
    (
        {"A": ["a0", None, "a9"]},
        ValueError,
        r"gives 'A' the state 'a9' in row 2 .*its states are 'a0', 'a1', 'a2'$",
    ),
    ({"A": [["a0"], None]}, ValueError, r"gives 'A' the state \['a0'\] in row 0"),
    ({"N": ["10", "20"]}, ValueError, r"'10' in row 0 .*they are not strings: give 10$"),
    ({"N": np.array([10.0, 20.5])}, ValueError, r"the state 20\.5 in row 1"),
    ({"A": "a0"}, TypeError, r"gives 'A' the single state 'a0', not a column; .*\{'A': \['a0'\]\}"),
    ({"N": 10}, TypeError, r"gives 'N' the single state 10, not a column"),
    ({"N": np.array(10)}, TypeError, r"single state array\(10\), not a column"),
    ({"A": np.array([["a0"]])}, TypeError, r"gives 'A' a column of shape \(1, 1\)"),
    ({"A": {"a0", "a1"}}, TypeError, r"gives 'A' .*; expected a list, an array or a series"),
    ({}, ValueError, r"has no column; give at least one"),
    ([], ValueError, r"has no column"),
    ([{}, {}], ValueError, r"has no column"),
    (pd.DataFrame(index=range(3)), ValueError, r"has no column"),
    ([{"A": "a0"}, ["a1"]], TypeError, r"row 1 of evidence is \['a1'\]; expected a mapping"),
    (np.zeros((2, 2)), TypeError, r"a table with named columns: a data frame"),
    ("A", TypeError, r"a table with named columns.*got 'A'"),
    (None, TypeError, r"a table with named columns.*got None"),
    ({"A": ["a0"], A: ["a1"]}, ValueError, r"two columns named 'A'"),
    (
        pl.LazyFrame({"A": ["a0"]}),
        TypeError,
        r"evidence is a lazy frame, whose rows are not read yet; give .collect\(\)",
    ),
    (pd.DataFrame([["a0"]]), TypeError, r"column named 0, a int; .* frame.rename\(columns=str\)"),
    (
        pd.DataFrame([["a0", "a1"]], columns=["A", "A"]),
        ValueError,
        r"two columns named 'A'; give each variable one",
    ),
]


@pytest.mark.parametrize(("table", "error", "words"), WRONG)
def test_what_is_wrong_is_said(table, error, words):
    with pytest.raises(error, match=words):
        coded_rows(table, KNOWN)


def test_numbers_for_states_that_are_strings_are_told_apart():
    v = Variable("v", ["0", "1"])
    with pytest.raises(
        ValueError, match=r"^data gives 'v' the state 1 .* they are strings: give '1'$"
    ):
        coded_rows(pd.DataFrame({"v": [1, 0]}), {"v": v}, "data")
    with pytest.raises(ValueError, match=r"the state 1\.0 in row 1 .* they are strings: give '1'$"):
        coded_rows({"v": [None, 1.0]}, {"v": v})

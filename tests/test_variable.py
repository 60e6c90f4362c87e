"""Variables: their states, positions and errors."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.variable import Variable, by_name, check_agreement

labels = st.one_of(st.integers(), st.text(), st.booleans(), st.tuples(st.integers(), st.text()))


@given(st.lists(labels, min_size=1, unique=True))
def test_index_inverts_states(states):
    v = Variable("v", states)
    assert v.states == tuple(states)
    assert v.cardinality == len(states)
    assert [v.index(s) for s in states] == list(range(len(states)))


@pytest.mark.parametrize("count", [1, 2, 70, np.int64(3)])
def test_a_number_of_states(count):
    v = Variable("v", count)
    assert v.states == tuple(range(int(count)))
    assert all(type(s) is int for s in v.states)


@pytest.mark.parametrize(
    ("states", "given", "position"),
    [
        (["a", "b"], np.str_("b"), 1),
        (3, np.int8(2), 2),
        ([-5, -3], np.int64(-3), 1),
        ([False, True], np.bool_(True), 1),
        ([0.5, 1.5], np.float64(1.5), 1),
        ([(0, 1), (1, 0)], (1, 0), 1),
        (np.array(["x", "y"]), "y", 1),
        (np.array([10, 20]), 20, 1),
        (range(4, 8), 6, 2),
    ],
)
def test_labels_of_every_kind(states, given, position):
    assert Variable("v", states).index(given) == position


def test_numpy_states_become_plain():
    assert [type(s) for s in Variable("v", np.array([1, 2])).states] == [int, int]


def test_equal_by_name_and_states():
    assert Variable("v", 2) == Variable("v", [0, 1])
    assert hash(Variable("v", 2)) == hash(Variable("v", [0, 1]))
    assert Variable("v", 2) != Variable("w", 2)
    assert Variable("v", ["a", "b"]) != Variable("v", ["b", "a"])


def test_never_changes():
    v = Variable("v", 2)
    with pytest.raises(AttributeError, match="name"):
        v.name = "w"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_are_equal(again):
    v = Variable("v", ["a", ("b", 1)])
    v.index("a")
    assert again(v) == v
    assert again(v).index(("b", 1)) == 1


def test_repr_reads_back():
    for v in (Variable("it's", 3), Variable("v", ["a", (1, 2)]), Variable("one", [7])):
        assert eval(repr(v)) == v


@pytest.mark.parametrize(
    ("name", "states", "error", "match"),
    [
        (3, 2, TypeError, r"name is a string; got 3"),
        (None, 2, TypeError, r"name is a string; got None"),
        ("", 2, ValueError, r"name is empty"),
        ("v", 0, ValueError, r"'v' has no states"),
        ("v", -2, ValueError, r"'v' has no states"),
        ("v", [], ValueError, r"'v' has no states"),
        ("v", "ab", TypeError, r"'v' got the string 'ab'.*\['low', 'high'\]"),
        ("v", 2.5, TypeError, r"'v' got 2.5 .*integer or a sequence"),
        ("v", None, TypeError, r"'v' got None .*integer or a sequence"),
        ("v", ["a", "b", "a"], ValueError, r"'v' lists the state 'a' twice"),
        (
            "v",
            [0, 1, False],
            ValueError,
            r"'v' lists the states 0 and False, which are equal; list each state once",
        ),
        ("v", np.array([1, 1]), ValueError, r"'v' lists the state 1 twice"),
        ("v", [["a"], ["b"]], TypeError, r"state of variable 'v' can't be a label.*unhashable"),
    ],
)
def test_what_is_refused(name, states, error, match):
    with pytest.raises(error, match=match):
        Variable(name, states)


def test_unknown_state_lists_those_there_are():
    with pytest.raises(ValueError, match=r"'v' has no state 'c'; its states are 'a', 'b'$"):
        Variable("v", ["a", "b"]).index("c")
    with pytest.raises(ValueError, match=r"no state 99; its states are 0, .*, 11, \.\.\. \(40 in"):
        Variable("v", 40).index(99)
    with pytest.raises(ValueError, match=r"'v' has no state \['a'\]"):
        Variable("v", ["a", "b"]).index(["a"])
    with pytest.raises(ValueError, match=r"'v' has no state -1"):
        Variable("v", 2).index(-1)


def test_agreement_names_both_sides():
    two, three = Variable("b", 2), Variable("b", 3)
    check_agreement(two, Variable("b", [0, 1]), "here", "there")
    with pytest.raises(ValueError, match="here gives 'b' 3 states, but there gives it 2; every"):
        check_agreement(three, two, "here", "there")
    with pytest.raises(ValueError, match=r"here gives 'b' the states \[0, 1\], but .*\['x', 'y'\]"):
        check_agreement(two, Variable("b", ["x", "y"]), "here", "there")


DAY = datetime.date(2024, 5, 1)
NOON = datetime.datetime(2024, 5, 1, 12)
DAYS = [
    DAY,
    datetime.datetime(2024, 5, 1),
    np.datetime64("2024-05-01"),
    np.datetime64("2024-05-01", "ns"),
    pd.Timestamp("2024-05-01"),
]


@pytest.mark.parametrize("given", DAYS)
@pytest.mark.parametrize("listed", DAYS)
def test_a_day_is_one_state_whoever_has_it(listed, given):
    v = Variable("day", [NOON, listed])
    assert v.index(given) == 1
    assert v.index(np.datetime64(NOON, "ns")) == v.index(pd.Timestamp(NOON)) == 0
    assert not isinstance(v.states[1], np.generic | int)
    with pytest.raises(ValueError, match=r"'day' has no state datetime.datetime\(2024, 5, 1, 13"):
        v.index(np.datetime64("2024-05-01T13:00", "ns"))


def test_dates_and_durations_that_python_cannot_hold():
    fine = np.datetime64("2024-05-01T00:00:00.000000001")
    far = np.datetime64("30000-01-01", "us")
    v = Variable("t", np.array([fine, fine + np.timedelta64(1, "ns")]))
    assert (v.index(fine), v.index(v.states[1]), Variable("t", [far]).index(far)) == (0, 1, 0)
    hours = Variable("h", pd.Series(pd.to_timedelta([1, 2], "h")).unique())
    assert hours.index(np.timedelta64(2, "h")) == hours.index(datetime.timedelta(hours=2)) == 1
    assert Variable("y", [np.timedelta64(1, "Y"), "x"]).index(np.timedelta64(1, "Y")) == 0


@pytest.mark.parametrize(
    "states",
    [
        pd.Series([1.0, 2.0, np.nan]).unique(),
        pd.Series(["x", np.nan], dtype=object).unique(),
        pd.Series(["x", None], dtype="string").unique(),
        pd.Series([1, None], dtype="Int64").unique(),
        pd.Series(pd.to_datetime(["2024-05-01", None])).unique(),
        pl.Series(["x", None]),
        ["x", float("nan")],
        ["x", None],
        [1, np.float32("nan")],
        [1, np.datetime64("NaT")],
        [1, decimal.Decimal("nan")],
        np.ma.array([1, 2], mask=[False, True]),
    ],
    ids=repr,
)
def test_what_stands_for_a_missing_entry_is_no_state(states):
    with pytest.raises(ValueError, match=r"'v' lists .* which stands for a missing .*'unknown'"):
        Variable("v", states)


def test_categories_are_the_states():
    sizes = ["small", "mid", "large"]
    cut = pd.Series(pd.Categorical(["large", None, "large"], sizes), index=[5, 3, 9])
    for column in (
        cut,
        cut.dtype,
        cut.cat.categories,
        cut.array,
        pl.Series(["mid"], dtype=pl.Enum(sizes)),
    ):
        assert Variable("size", column).states == tuple(sizes)
    bins = pd.cut(pd.Series([1.0, 5.0]), [0, 2, 6])
    assert Variable("x", bins).index(bins.iloc[1]) == 1


def test_states_of_more_than_one_kind():
    class Colour(enum.Enum):
        RED = 1

    v = Variable("v", [Colour.RED, decimal.Decimal("0.5"), -0.0, np.str_("a"), b"a"])
    assert v.index(Colour.RED) == 0
    assert (v.index(0.5), v.index(0), v.index(False), v.index("a"), v.index(np.bytes_(b"a"))) == (
        1,
        2,
        2,
        3,
        4,
    )


@pytest.mark.parametrize(
    ("states", "given", "advice"),
    [
        (["0", "1"], 1, "they are strings: give '1'"),
        (["0", "1"], np.float64(1.0), "they are strings: give '1'"),
        ([0, 1], "1", "they are not strings: give 1"),
        ([DAY], "2024-05-01", r"they are not strings: give datetime.date\(2024, 5, 1\)"),
        (["low", "high"], "Hihg ", "did you mean 'high'"),
        (["low", "high"], ["low"], "a list is no state"),
    ],
)
def test_an_unknown_state_comes_with_advice(states, given, advice):
    with pytest.raises(ValueError, match=f"'v' has no state .*; its states are .*; {advice}"):
        Variable("v", states).index(given)


A, B = Variable("a", [0, 1]), Variable("b", ["x", "y"])
FRAME = pd.DataFrame({"a": [0, 1, None], "b": ["x", None, "y"]}, index=[8, 3, 5])
MIXED = pd.DataFrame({"a": [1], "b": ["y"]})


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({A: np.int8(1), "b": None}, {"a": 1}),
        (FRAME.iloc[1], {"a": 1.0}),
        (FRAME.loc[5], {"b": "y"}),
        (next(FRAME.iterrows())[1], {"a": 0.0, "b": "x"}),
        (next(FRAME.itertuples()), {"a": 0.0, "b": "x"}),
        (next(MIXED.itertuples(index=False, name="Case")), {"a": 1, "b": "y"}),
        (MIXED, {"a": 1, "b": "y"}),
        (MIXED.to_records(index=False)[0], {"a": 1, "b": "y"}),
        (pl.DataFrame(MIXED.to_dict("list")), {"a": 1, "b": "y"}),
        (pl.from_dicts([{"a": 1, "b": None}]).row(0, named=True), {"a": 1}),
        (pd.Series({"a": pd.NA, "b": pd.NaT}), {}),
    ],
)
def test_a_row_of_a_table_as_evidence(row, found):
    assert by_name(row, "evidence") == found


@pytest.mark.parametrize(
    ("row", "error", "match"),
    [
        (FRAME, TypeError, r"evidence is a data frame of 3 rows.*p.marginals\(evidence=frame\)"),
        (pd.Series([1, 2], ["a", "a"]), ValueError, r"a row that has a name twice: 'a', 'a'"),
        ([1, "y"], TypeError, r"evidence is a mapping .*; got \[1, 'y'\]; a row of a data frame"),
    ],
)
def test_rows_that_are_refused(row, error, match):
    with pytest.raises(error, match=match):
        by_name(row, "evidence")

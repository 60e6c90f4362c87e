"""Tables of numbers that come with labels: crosstabs, pivot tables, value counts, mappings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gibbsfactor import ConditionalTable, Factor, Variable

ROWS = pd.DataFrame(
    {
        "size": ["small", "small", "large", "large", "large"],
        "colour": ["red", "blue", "red", "red", "blue"],
    },
    index=[7, 3, 9, 1, 4],
)
SIZE, COLOUR = Variable("size", ["small", "large"]), Variable("colour", ["red", "blue"])
TABLE = ConditionalTable(COLOUR, [SIZE], [[0.5, 0.5], [2 / 3, 1 / 3]])
SHARES = pd.crosstab(ROWS["size"], ROWS["colour"], normalize="index")  # sorts its labels
BARE = SHARES.rename_axis(None).rename_axis(None, axis=1)
LONG = TABLE.to_frame().iloc[[3, 0, 2, 1]]

LABELLED = {
    "a crosstab": SHARES,
    "a crosstab on its side": SHARES.T,
    "without names": BARE,
    "on its side, without names": BARE.T,
    "a series with two levels": SHARES.stack(),
    "levels swapped": SHARES.T.stack(),
    "value counts by group": ROWS.groupby("size")["colour"].value_counts(normalize=True),
    "to_frame, shuffled": LONG,
    "to_frame, columns in another order": LONG[["probability", "colour", "size"]],
    "to_frame, with an index": LONG.set_index(["colour", "size"]),
    "a pivot table": LONG.pivot(index="size", columns="colour", values="probability"),
    "a pivot table without an index": SHARES.reset_index(),
    "polars": pl.DataFrame(LONG.to_dict("list")),
    "polars, pivoted": pl.DataFrame(SHARES.reset_index().to_dict("list")),
    "nested mappings": SHARES.to_dict("index"),
    "joint states": SHARES.stack().to_dict(),
    "mapping to lists": {"large": [2 / 3, 1 / 3], "small": [0.5, 0.5]},
    "mapping to series": {size: SHARES.loc[size] for size in SHARES.index},
    "mapping to mappings by name": {np.str_(k): v for k, v in SHARES.to_dict("index").items()},
    "a list of mappings": [{"blue": 0.5, "red": 0.5}, {"blue": 1 / 3, "red": 2 / 3}],
    "extension types": SHARES.convert_dtypes(),
}


@pytest.mark.parametrize("kind", LABELLED)
def test_tables_are_read_by_label(kind):
    assert ConditionalTable(COLOUR, [SIZE], LABELLED[kind]).allclose(TABLE)
    assert Factor([COLOUR, SIZE], Factor([SIZE, COLOUR], LABELLED[kind]).to_frame()).allclose(TABLE)


def test_one_variable():
    counts = ROWS["colour"].value_counts(ascending=True)
    expected = [3, 2]
    for values in (
        counts,
        counts.to_frame(),
        counts.to_frame().T,
        counts.to_dict(),
        counts.reset_index(),
        pl.Series("colour", ROWS["colour"].tolist()).value_counts(),
    ):
        assert Factor(COLOUR, values).values.tolist() == expected
    logs = Factor.from_log(COLOUR, np.log(counts))
    assert logs.allclose(Factor(COLOUR, expected))


@settings(max_examples=30)
@given(st.data())
def test_tables_survive_frames_in_any_order(data):
    kinds = [(0, 1), ("0", "1", "2"), ((0, "a"), (1,)), (True, "x"), (0.5, -1.0, 7)]
    kinds.append(tuple(pd.date_range("2024-05-01", periods=2)))
    kinds.append(tuple(np.arange("2024-05", "2024-07", dtype="M8[M]")))
    n = data.draw(st.integers(1, 3))
    names = data.draw(st.permutations(["a", "weight", "probability"]))[:n]
    scope = [Variable(name, data.draw(st.sampled_from(kinds))) for name in names]
    shape = [v.cardinality for v in scope]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    factor = Factor(scope, rng.random(shape))
    frame = factor.to_frame().sample(frac=1, random_state=1)
    assert np.array_equal(Factor(scope, frame).values, factor.values)
    if len(set(frame.columns)) == frame.shape[1]:
        series = frame.set_index(names)["weight"]
        again = [scope[i] for i in rng.permutation(n)]
        assert Factor(again, series).allclose(factor)
    table = ConditionalTable(scope[-1], scope[:-1], rng.dirichlet(np.ones(shape[-1]), shape[:-1]))
    again = ConditionalTable(scope[-1], scope[:-1], table.to_frame().iloc[::-1])
    assert np.array_equal(again.values, table.values)


A, B, C = Variable("a", 2), Variable("b", 3), Variable("c", 2)
P = np.random.default_rng(0).dirichlet([1, 1], (2, 3))
DEEP = ConditionalTable(C, [A, B], P)


def test_three_variables():
    frame = DEEP.to_frame()
    joint = {(i, j, k): P[i, j, k] for i in range(2) for j in range(3) for k in range(2)}
    for values in (
        frame.pivot(index="c", columns=["a", "b"], values="probability"),
        frame.pivot(index=["b", "a"], columns="c", values="probability"),
        frame.pivot(index=["b", "a"], columns="c", values="probability").reset_index(),
        pd.Series(joint),
        pd.Series(joint.values(), pd.Index(list(joint), tupleize_cols=False)),
        joint,
        {0: {(j, k): P[0, j, k] for j in range(3) for k in range(2)}, 1: P[1]},
        {(1, 0): P[1, 0], (1, 1): P[1, 1], (1, 2): {1: P[1, 2, 1], 0: P[1, 2, 0]}, 0: P[0]},
    ):
        assert ConditionalTable(C, [A, B], values).allclose(DEEP)


def test_states_that_are_tuples():
    t = Variable("t", [(0, "a"), (1, "b")])
    expected = Factor([t, C], [[1, 2], [3, 4]])
    by_key = {(1, "b"): {0: 3, 1: 4}, (0, "a"): [1, 2]}
    assert Factor([t, C], by_key).allclose(expected)
    joint = {((1, "b"), 0): 3, ((1, "b"), 1): 4, ((0, "a"), 0): 1, ((0, "a"), 1): 2}
    assert Factor([t, C], joint).allclose(expected)


WRONG = [
    (SHARES.drop("small"), "no number for the states 'small' of 'size'; give one, 0 where it"),
    (SHARES.drop(columns="red"), "no number for the states 'red' of 'colour'"),
    (SHARES.stack().iloc[1:], r"no number at \(size='large', colour='blue'\); give one for each"),
    (pd.concat([LONG, LONG]), r"two numbers at \(size='small', colour='red'\)"),
    (SHARES.replace(0.5, np.nan), r"NaN at \(size='small', colour='red'\).*\.fillna\(0\)"),
    (
        pd.crosstab(ROWS["size"], ROWS["colour"], margins=True),
        "'size' has no state 'All'; its states are 'small', 'large'",
    ),
    (SHARES.rename_axis("Size"), r"labels named 'Size'.*did you mean 'size'\?.*rename_axis"),
    (
        SHARES.rename_axis("colour"),
        "two levels of labels named 'colour'",
    ),
    (BARE.set_axis([0, 1]), r"no state 0; .*to go by the order of the states, give .to_numpy\(\)"),
    (SHARES["red"], "1 levels of labels .'size'.; there are 2 variables"),
    (
        LONG.assign(n=1),
        "columns 'size', 'colour', 'probability', 'n'; besides .*expected one column",
    ),
    (pl.DataFrame({"x": [1.0]}), "columns 'x'; give a column for each variable"),
    ({"small": 0.1, "large": 0.9}, "0.1 where numbers for the states of 'colour' are due: 'red'"),
    ({"small": [1.0], "large": [0.5, 0.5]}, r"\[1.0\] where numbers for .*'colour' are due"),
    ({}, "no number for the states 'small', 'large' of 'size'"),
    (SHARES.astype(object).replace(0.5, "x"), "not a table of numbers: could not convert .*'x'"),
    (
        pd.crosstab(ROWS["size"], ROWS["colour"], normalize="columns"),
        r"size='small'\) sum to 0.83.*they sum to 1 over 'size' instead, as P\(size . colour\)",
    ),
]


@pytest.mark.parametrize(("values", "match"), WRONG)
def test_labels_that_do_not_fit_are_named(values, match):
    with pytest.raises(ValueError, match=match):
        ConditionalTable(COLOUR, [SIZE], values)


def test_labels_of_another_type_come_with_advice():
    frame = pd.DataFrame([[0.5, 0.5], [0.1, 0.9]], columns=["0", "1"])
    with pytest.raises(ValueError, match=r"'c' has no state '0'; .*they are not strings: give 0"):
        ConditionalTable(C, [A], frame)


LAYOUTS = [
    ([A, B], P.reshape(6, 2).T, r"as pgmpy has it: give values.T.reshape\(\(2, 3, 2\)\)"),
    ([A, B], P.reshape(6, 2), r"parents in order: give values.reshape\(\(2, 3, 2\)\)"),
    ([A, B], np.moveaxis(P, -1, 0), r"give np.moveaxis\(values, 0, -1\)"),
    ([A], [[0.1, 0.2], [0.9, 0.8]], r"sum to 1 over 'a' instead, as P\(a . c\).*give values.T"),
    ([], [[0.1], [0.9]], r"give values.T.reshape\(\(2,\)\)"),
]


@pytest.mark.parametrize(("parents", "values", "match"), LAYOUTS)
def test_another_layout_is_seen(parents, values, match):
    with pytest.raises(ValueError, match=match):
        ConditionalTable(C, parents, values)
    way = match.rpartition("give ")[2].replace("\\", "")
    made = eval(way, {"values": np.array(values), "np": np})
    expected = P if len(parents) == 2 else np.array(values).T.reshape(made.shape)
    assert np.array_equal(ConditionalTable(C, parents, made).values, expected)

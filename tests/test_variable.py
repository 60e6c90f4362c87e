"""Variables: their states, positions and errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.variable import Variable, check_agreement

labels = st.one_of(
    st.integers(), st.text(), st.booleans(), st.none(), st.tuples(st.integers(), st.text())
)


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
        ([None, "x"], None, 0),
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
        ("v", [0, 1, False], ValueError, r"'v' lists the state False twice"),
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

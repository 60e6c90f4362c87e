"""Label schemes as tables: what they allow is what can come of writing chunks down."""

from __future__ import annotations

import itertools
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.features.constraints import Constraints, Violation
from gibbsfactor.features.schemes import allowed_transitions

PREFIXES = {
    "IOB1": "BI",
    "IOB2": "BI",
    "IOE1": "IE",
    "IOE2": "IE",
    "IOBES": "BIES",
    "BILOU": "BILU",
    "BMEWO": "BMEW",
    "BMES": "BMES",
}
OTHER_NAMES = {
    "BIO": "IOB2",
    "BIOES": "IOBES",
    "BILUO": "BILOU",
    "BIOUL": "BILOU",
    "BMEOW": "BMEWO",
    "BMESO": "BMES",
    "iob1": "IOB1",
    "Bilou": "BILOU",
}


def classes_of(scheme, types=("X", "Y"), outside=True):
    labels = [f"{p}-{t}" if t else p for t in types for p in PREFIXES[scheme]]
    return labels + ["O"] * outside


# ---- the oracle: every way to cut a sequence into chunks, written down by the scheme's definition


def chunkings(length, types):
    """Every list of (size, type), type None for one token outside, that fills the length."""
    if not length:
        yield []
    for size in range(1, length + 1):
        for kind in (*types, None) if size == 1 else types:
            for rest in chunkings(length - size, types):
                yield [(size, kind), *rest]


def written(chunking, scheme):
    """The labels of chunks, token by token."""
    labels = []
    for n, (size, kind) in enumerate(chunking):
        before = chunking[n - 1][1] if n else None
        after = chunking[n + 1][1] if n + 1 < len(chunking) else None
        first, middle, last, single = {
            "IOB1": ("B" if before == kind else "I", "I", "I", "B" if before == kind else "I"),
            "IOB2": ("B", "I", "I", "B"),
            "IOE1": ("I", "I", "E" if after == kind else "I", "E" if after == kind else "I"),
            "IOE2": ("I", "I", "E", "E"),
            "IOBES": ("B", "I", "E", "S"),
            "BILOU": ("B", "I", "L", "U"),
            "BMEWO": ("B", "M", "E", "W"),
            "BMES": ("B", "M", "E", "S"),
        }[scheme]
        prefixes = [single] if size == 1 else [first, *[middle] * (size - 2), last]
        labels += ["O"] if kind is None else [f"{p}-{kind}" if kind else p for p in prefixes]
    return tuple(labels)


def allows(tables, sequence):
    start, pairs, end = tables
    steps = all(pairs[i, j] for i, j in itertools.pairwise(sequence))
    return bool(start[sequence[0]] and steps and end[sequence[-1]])


@pytest.mark.parametrize("types", [("X", "Y"), ("",)], ids=["two types", "no type"])
@pytest.mark.parametrize("scheme", PREFIXES)
def test_what_is_allowed_is_what_chunks_look_like(scheme, types):
    classes = classes_of(scheme, types)
    tables = allowed_transitions(classes, scheme)
    constraints = Constraints.of_scheme(classes, scheme)
    for length in range(1, 5):
        legal = {written(chunking, scheme) for chunking in chunkings(length, types)}
        for sequence in itertools.product(range(len(classes)), repeat=length):
            labels = tuple(classes[i] for i in sequence)
            assert allows(tables, sequence) == (labels in legal), labels
            assert (constraints.check(labels) is None) == (labels in legal), labels


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "IOE2", "IOBES", "BILOU"])
def test_what_is_allowed_is_what_seqeval_reads_in_full(scheme):
    """seqeval, being strict, takes chunks that follow the scheme and leaves the other tokens.

    (Its IOE1 does not know chunks of one token before others of their type.)
    """
    seqeval = pytest.importorskip("seqeval.scheme")
    classes = classes_of(scheme)
    tables = allowed_transitions(classes, scheme)
    for length in range(1, 5):
        for sequence in itertools.product(range(len(classes)), repeat=length):
            labels = [classes[i] for i in sequence]
            entities = seqeval.Tokens(labels, getattr(seqeval, scheme)).entities
            covered = sum(entity.end - entity.start for entity in entities)
            whole = covered == sum(label != "O" for label in labels)
            assert allows(tables, sequence) == whole, labels


def test_other_names_are_the_same_schemes():
    for name, scheme in OTHER_NAMES.items():
        classes = classes_of(scheme)
        for one, other in zip(
            allowed_transitions(classes, name), allowed_transitions(classes, scheme), strict=True
        ):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("scheme", PREFIXES)
def test_the_order_of_labels_does_not_matter(scheme):
    classes = classes_of(scheme)
    order = np.random.default_rng(0).permutation(len(classes))
    start, pairs, end = allowed_transitions(classes, scheme)
    moved = allowed_transitions([classes[i] for i in order], scheme)
    assert np.array_equal(moved[0], start[order])
    assert np.array_equal(moved[1], pairs[order][:, order])
    assert np.array_equal(moved[2], end[order])


def test_types_may_hold_hyphens_and_prefixes_underscores():
    classes = ["B-a-b", "I-a-b", "I-a", "B_c", "I_c", "O"]
    constraints = Constraints.of_scheme(classes, "IOB2")
    assert constraints.check(["B-a-b", "I-a-b", "B_c", "I_c"]) is None
    assert constraints.check(["B-a-b", "I-a"]) == Violation(1, "'I-a' may not follow 'B-a-b'")
    assert constraints.usable.tolist() == [True, True, False, True, True, True]


def test_a_scheme_without_outside():
    constraints = Constraints.of_scheme(classes_of("BMES", ("",), outside=False), "BMES")
    assert constraints.classes == ("B", "M", "E", "S")
    assert constraints.check(list("BMESBE")) is None
    assert str(constraints.check(list("BS"))) == "position 1: 'S' may not follow 'B'"


def test_labels_that_do_not_follow_the_scheme_are_named():
    with pytest.raises(
        ValueError,
        match=r"the label 'S-NP' does not follow IOB2: expected 'O', or B, I before a type, as in "
        r"'B-NP'; all of the labels fit IOBES and BMES",
    ):
        allowed_transitions(["B-NP", "S-NP", "O"], "IOB2")
    for label in ("NP", "o", "", "X-NP", "BNP", "b-NP"):
        with pytest.raises(ValueError, match=f"the label '{label}' does not follow IOBES: .*-NP'$"):
            allowed_transitions(["O", label], "IOBES")
    with pytest.raises(TypeError, match=r"the label 3 is a int; .* Constraints\.from_pairs"):
        allowed_transitions(["O", 3], "IOB2")
    for scheme in ("IOB", "", None, 3, ["IOB2"]):
        with pytest.raises(ValueError, match=r"there is no label scheme .*; there are IOB1, IOB2"):
            allowed_transitions(["O"], scheme)


# ---- Constraints -----------------------------------------------------------------------------


def test_violations_say_where_and_why():
    constraints = Constraints.of_scheme(classes_of("IOBES"), "IOBES")
    assert constraints.check([]) is None
    assert constraints.check(["B-X", "E-X", "O"]) is None
    for labels, position, reason in (
        (["I-X", "E-X"], 0, "'I-X' may not begin a sequence"),
        (["O", "B-X", "E-Y", "E-Y"], 2, "'E-Y' may not follow 'B-X'"),
        (["O", "S-X", "B-X"], 2, "'B-X' may not end a sequence"),
    ):
        found = constraints.check(labels)
        assert found == Violation(position, reason)
        assert str(found) == f"position {position}: {reason}"


def test_unknown_labels_are_named_with_near_ones():
    constraints = Constraints.of_scheme(["B-LOC", "I-LOC", "O"], "IOB2")
    with pytest.raises(ValueError, match="no label 'B-LCO'; did you mean 'B-LOC'"):
        constraints.check(["O", "B-LCO"])
    with pytest.raises(ValueError, match="no label 7; there are 'B-LOC', 'I-LOC', 'O'"):
        constraints.check([7])
    with pytest.raises(ValueError, match=r"no label \['O'\]; there are"):
        constraints.check([["O"]])
    with pytest.raises(ValueError, match="no label 'I-LOCS'; did you mean 'I-LOC'"):
        constraints.followers("I-LOCS")
    for asked in (
        {"forbidden": [("O", "zzzz")]},
        {"allowed": {"zzzz": ["O"]}},
        {"allowed": {"O": ["zzzz"]}},
        {"start": ["zzzz"]},
        {"end": ["zzzz"]},
    ):
        with pytest.raises(ValueError, match="no label 'zzzz'; there are"):
            Constraints.from_pairs(constraints.classes, **asked)


def test_pairs_are_as_given():
    classes = ["a", "b", 3]
    free = Constraints.from_pairs(classes)
    assert free.start.all()
    assert free.pairs.all()
    assert free.end.all()
    constraints = Constraints.from_pairs(
        classes,
        forbidden=[("a", "a"), (3, "b")],
        allowed={"b": [3], "a": ["a", "b"]},
        start=["a", "b"],
        end=(label for label in [3]),
    )
    assert constraints.pairs.tolist() == [
        [False, True, False],
        [False, False, True],
        [True, False, True],
    ]
    assert constraints.start.tolist() == [True, True, False]
    assert constraints.end.tolist() == [False, False, True]
    assert constraints.followers(3) == ["a", 3]
    assert constraints.check(["a", "b", 3]) is None
    with pytest.raises(ValueError, match=r"forbidden has 'ab', expected pairs"):
        Constraints.from_pairs(["a", "b"], forbidden=["ab"])
    with pytest.raises(ValueError, match=r"expected a list of labels, but got the string 'a'"):
        Constraints.from_pairs(["a", "b"], start="a")


def test_constraints_that_allow_nothing_are_refused():
    with pytest.raises(ValueError, match="no sequence of labels is allowed: there are no labels"):
        Constraints.from_pairs([])
    with pytest.raises(ValueError, match="allowed: none of 'I-X', 'I-Y' may begin one"):
        Constraints.of_scheme(["I-X", "I-Y"], "IOB2")
    with pytest.raises(ValueError, match="allowed: none of 'B-X', 'I-X' may end one"):
        Constraints.of_scheme(["B-X", "I-X"], "IOBES")
    with pytest.raises(ValueError, match="from 'B-X', which may begin one, nothing leads to 'E-Y'"):
        Constraints.of_scheme(["B-X", "E-Y"], "IOBES")
    with pytest.raises(ValueError, match="from 'a', which may begin one, nothing leads to 'b'"):
        Constraints.from_pairs(["a", "b"], forbidden=[("a", "b")], start=["a"], end=["b"])


def test_both_of_two_constraints():
    classes = classes_of("IOB2")
    one = Constraints.of_scheme(classes, "IOB2")
    other = Constraints.from_pairs(classes, forbidden=[("O", "O")], start=["O"])
    both = one & other
    for length in range(1, 4):
        for labels in itertools.product(classes, repeat=length):
            expected = one.check(labels) is None and other.check(labels) is None
            assert (both.check(labels) is None) == expected
    with pytest.raises(ValueError, match=r"the labels differ: 'B-X', .* and 'a'"):
        one & Constraints.from_pairs(["a"])
    with pytest.raises(TypeError, match="unsupported operand"):
        one & 3


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            *[st.lists(st.booleans(), min_size=k, max_size=k) for k in (n, n * n, n)]
        )
    )
)
def test_usable_labels_are_those_of_some_sequence(tables):
    """Every label that can be reached is reached within L steps, and can then end within L more."""
    n = len(tables[0])
    start, pairs, end = (np.array(table) for table in tables)
    pairs = pairs.reshape(n, n)
    found = set()
    for length in range(1, 2 * n):
        for sequence in itertools.product(range(n), repeat=length):
            if not found.issuperset(sequence) and allows((start, pairs, end), sequence):
                found.update(sequence)
    if not found:
        with pytest.raises(ValueError, match="no sequence of labels is allowed"):
            Constraints(tuple(range(n)), start, pairs, end)
        return
    usable = Constraints(tuple(range(n)), start, pairs, end).usable
    assert set(np.flatnonzero(usable).tolist()) == found


def test_tables_are_checked_copied_and_read_only():
    start, pairs, end = np.ones(2, bool), np.ones((2, 2), bool), np.ones(2, bool)
    constraints = Constraints(["a", "b"], start, pairs, end)
    pairs[0, 0] = False
    assert constraints.pairs.all()
    for table in (constraints.start, constraints.pairs, constraints.end):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = False
    with pytest.raises(FrozenInstanceError):
        constraints.start = start
    with pytest.raises(
        ValueError, match=r"start is bool of shape \(3,\), expected .* shape \(2,\)"
    ):
        Constraints(["a", "b"], np.ones(3, bool), pairs, end)
    with pytest.raises(ValueError, match=r"pairs is float64 of shape \(2, 2\), expected booleans"):
        Constraints(["a", "b"], start, np.ones((2, 2)), end)
    with pytest.raises(ValueError, match="the label 'a' is there twice among the 3"):
        Constraints.from_pairs(["a", "b", "a"])
    with pytest.raises(ValueError, match="the label 'a' is there twice among the 2"):
        Constraints(["a", "a"], start, np.ones((2, 2), bool), end)


def test_how_constraints_look():
    constraints = Constraints.of_scheme(["B-<X>", "I-<X>", "O"], "IOB2")
    assert repr(constraints) == "Constraints(3 labels: 2 may begin, 8 of 9 pairs, 3 may end)"
    shown = constraints._repr_html_()
    assert "<th>B-&lt;X&gt;</th>" in shown
    assert "<X>" not in shown
    assert shown.count("✓") == 2 + 8 + 3
    assert shown.count("<tr>") == 1 + 1 + 3
    many = Constraints.from_pairs(range(50))._repr_html_()
    assert "and 10 more labels" in many
    assert many.count("<tr>") == 1 + 1 + 40

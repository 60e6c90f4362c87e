"""Chunks in every scheme: every short label sequence, held against seqeval's reading of it."""

from __future__ import annotations

import random
from itertools import chain, combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.evaluation import chunks, find_chunks, report

PREFIXES = {
    "IOB1": "BI",
    "IOB2": "BI",
    "IOE1": "IE",
    "IOE2": "IE",
    "IOBES": "BIES",
    "BILOU": "BILU",
}
TYPES = ("NP", "VP")


def labels_of(scheme, types=TYPES):
    return ["O", *(f"{prefix}-{kind}" for prefix in PREFIXES[scheme] for kind in types)]


def every_sequence(labels, longest):
    """All sequences of the labels up to a length."""
    return [list(s) for n in range(1, longest + 1) for s in product(labels, repeat=n)]


def longest(scheme):
    return 4 if len(PREFIXES[scheme]) == 4 else 5


def by_seqeval(sequences, scheme, *, suffix=False):
    module = pytest.importorskip("seqeval.scheme", reason="seqeval is not installed")
    entities = module.Entities(sequences, getattr(module, scheme), suffix)
    return {(e.sent_id, e.start, e.end - 1, e.tag) for of in entities.entities for e in of}


def by_seqeval_leniently(sequences, *, suffix=False):
    module = pytest.importorskip("seqeval.metrics.sequence_labeling")
    return {
        (n, first, last, kind)
        for n, sequence in enumerate(sequences)
        for kind, first, last in module.get_entities(sequence, suffix)
    }


@pytest.mark.parametrize("scheme", PREFIXES)
def test_strict_chunks_of_every_short_sequence_are_seqevals(scheme):
    sequences = every_sequence(labels_of(scheme), longest(scheme))
    found = find_chunks(sequences, scheme=scheme, mode="strict")
    assert set(found) == by_seqeval(sequences, scheme)
    assert len(found) == len(set(found)) > 0


@pytest.mark.parametrize("scheme", PREFIXES)
def test_strict_chunks_of_long_sequences_are_seqevals(scheme):
    rng = random.Random(5)
    labels = [*labels_of(scheme, ("NP", "VP", "A-B")), *PREFIXES[scheme]]
    sequences = [rng.choices(labels, k=rng.randint(1, 40)) for _ in range(200)]
    found = find_chunks(sequences, scheme=scheme, mode="strict")
    assert set(found) == by_seqeval(sequences, scheme)


def test_hyphens_around_a_type_are_no_part_of_it_to_seqeval_strictly():
    sequences = [["B--NP", "I-NP-", "O"], ["B-A-B", "I-A-B"]]
    found = find_chunks(sequences, scheme="IOB2", mode="strict")
    assert set(found) == by_seqeval(sequences, "IOB2") == {(0, 0, 1, "NP"), (1, 0, 1, "A-B")}
    leniently = find_chunks(sequences, mode="lenient")
    assert set(leniently) == by_seqeval_leniently(sequences)
    assert leniently.types == ("-NP", "A-B", "NP-")


@pytest.mark.parametrize("scheme", ["IOB2", "IOE2", "IOBES"])
def test_lenient_chunks_of_every_short_sequence_are_seqevals_by_default(scheme):
    sequences = every_sequence(labels_of(scheme), longest(scheme))
    expected = by_seqeval_leniently(sequences)
    assert set(find_chunks(sequences, mode="lenient")) == expected
    assert set(find_chunks(sequences, mode="lenient", scheme=scheme)) == expected


def test_bilou_and_bmewo_are_read_as_iobes_in_other_letters():
    sequences = every_sequence(labels_of("IOBES"), 4)
    letters = str.maketrans("ES", "LU")
    bilou = [[label[0].translate(letters) + label[1:] for label in s] for s in sequences]
    for mode in ("lenient", "strict"):
        expected = set(find_chunks(sequences, scheme="IOBES", mode=mode))
        assert set(find_chunks(bilou, scheme="BILOU", mode=mode)) == expected
    chinese = str.maketrans("IS", "MW")
    bmewo = [[label[0].translate(chinese) + label[1:] for label in s] for s in sequences]
    expected = set(find_chunks(sequences, scheme="IOBES", mode="strict"))
    assert set(find_chunks(bmewo, mode="strict")) == expected
    expected = set(find_chunks(sequences, scheme="IOBES"))
    assert set(find_chunks(bmewo)) == set(find_chunks(bmewo, scheme="bmeow")) == expected
    assert set(find_chunks(bilou)) == set(find_chunks(bilou, scheme="BILUO")) == expected
    assert set(find_chunks(bilou, scheme="bioul", mode="strict")) == set(
        find_chunks(bilou, scheme="BILOU", mode="strict")
    )


@given(st.lists(st.lists(st.sampled_from(labels_of("IOBES")), max_size=8), max_size=4))
def test_a_suffix_and_another_delimiter_are_read_alike(sequences):
    plain = list(find_chunks(sequences, scheme="IOBES"))

    def rewritten(form):
        parts = [[label.partition("-") for label in sequence] for sequence in sequences]
        return [
            [form.format(p=prefix, k=kind) if kind else prefix for prefix, _, kind in sequence]
            for sequence in parts
        ]

    options = {"scheme": "IOBES"}
    assert list(find_chunks(rewritten("{k}-{p}"), suffix=True, **options)) == plain
    assert list(find_chunks(rewritten("{p}_{k}"), delimiter="_", **options)) == plain
    ends = find_chunks(rewritten("{k}/{p}"), delimiter="/", suffix=True, **options)
    assert list(ends) == plain


def test_suffixes_are_read_as_seqeval_reads_them():
    labels = ["O", "I", *(f"{kind}-{p}" for p in "BIES" for kind in ("NP", "A-B"))]
    rng = random.Random(6)
    sequences = [rng.choices(labels, k=rng.randint(1, 20)) for _ in range(200)]
    found = set(find_chunks(sequences, suffix=True, mode="lenient"))
    assert found == by_seqeval_leniently(sequences, suffix=True)
    found = set(find_chunks(sequences, suffix=True, mode="strict", scheme="IOBES"))
    assert found == by_seqeval(sequences, "IOBES", suffix=True)


@pytest.mark.parametrize("scheme", PREFIXES)
def test_well_formed_labels_have_the_same_chunks_in_every_reading(scheme):
    """Chunks written down by the scheme's definition come back, whichever way it is read."""
    rng = random.Random(7)
    spans, sequences = set(), []
    for n in range(300):
        sequence, kind = [], None
        while len(sequence) < 12:
            before, kind = kind, rng.choice([*TYPES, None])
            if kind is None:
                sequence.append("O")
                continue
            length = rng.randint(1, 4)
            first = len(sequence)
            spans.add((n, first, first + length - 1, kind))
            sequence += written(scheme, kind, length, touches=before == kind)
            if scheme == "IOE1" and before == kind:
                sequence[first - 1] = f"E-{kind}"
        sequences.append(sequence)
    if scheme not in ("IOB1", "IOE1"):  # seqeval's strict reading loses some chunks of these
        assert set(find_chunks(sequences, scheme=scheme, mode="strict")) == spans
    assert set(find_chunks(sequences, scheme=scheme, mode="lenient")) == spans
    assert set(find_chunks(sequences, scheme=scheme)) == spans
    assert set(find_chunks(sequences)) == spans


def written(scheme, kind, length, *, touches):
    """The labels of one chunk."""
    letters = ["I"] * length
    if scheme in ("IOB2", "IOBES", "BILOU") or (scheme == "IOB1" and touches):
        letters[0] = "B"
    if scheme in ("IOE2", "IOBES"):
        letters[-1] = "E"
    if scheme == "BILOU":
        letters[-1] = "L"
    if length == 1 and scheme in ("IOBES", "BILOU"):
        letters = ["S" if scheme == "IOBES" else "U"]
    return [f"{letter}-{kind}" for letter in letters]


@pytest.mark.parametrize("mode", ["conlleval", "lenient", "strict"])
def test_a_sequence_has_the_same_chunks_alone_and_among_others(mode):
    rng = random.Random(8)
    sequences = [rng.choices(labels_of("IOE2"), k=rng.randint(0, 9)) for _ in range(60)]
    found = list(find_chunks(sequences, scheme="IOE2", mode=mode))
    each = [
        (n, *chunk)
        for n, sequence in enumerate(sequences)
        for chunk in chunks(sequence, scheme="IOE2", mode=mode)
    ]
    assert found == each


def test_brackets_are_chunks_of_one_token_to_conlleval():
    found = chunks(["[-NP", "]-NP", "I-NP", "O", "[-VP"], mode="conlleval")
    assert found == [(0, 0, "NP"), (1, 1, "NP"), (4, 4, "VP")]


def test_what_is_found_can_be_looked_up():
    found = find_chunks([["B-VP", "O"], [], ["B-NP", "I-NP"]])
    assert (found.sequence.tolist(), found.first.tolist(), found.last.tolist()) == (
        [0, 2],
        [0, 0],
        [0, 1],
    )
    assert (found.types, found.kind.tolist(), len(found)) == (("NP", "VP"), [1, 0], 2)
    with pytest.raises(ValueError, match="read-only"):
        found.first[0] = 5
    assert len(find_chunks([])) == len(find_chunks([[]])) == len(find_chunks([["O"]])) == 0


def test_what_does_not_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="scheme is 'IOB'; it must be one of 'IOB1', 'IOB2', 'IO"):
        chunks(["O"], scheme="IOB")
    with pytest.raises(ValueError, match="scheme is 3; it must be one of"):
        chunks(["O"], scheme=3)
    with pytest.raises(ValueError, match="mode is 'loose'; it must be one of 'conlleval', 'leni"):
        chunks(["O"], mode="loose")
    with pytest.raises(ValueError, match="delimiter is '--'; it must be one character"):
        chunks(["O"], delimiter="--")
    with pytest.raises(ValueError, match="conlleval has no rules for the scheme IOBES; give mode="):
        chunks(["O"], scheme="BIOES", mode="conlleval")
    with pytest.raises(
        ValueError, match=r"'S-NP' is none of the scheme IOB2, .* form 'B-NP' .* among B, I; giv"
    ):
        chunks(["B-NP", "S-NP"], scheme="IOB2")
    with pytest.raises(ValueError, match=r"'NP-X' is none of .* the form 'NP-B'"):
        chunks(["NP-X"], scheme="IOB2", suffix=True)
    with pytest.raises(ValueError, match=r"\['DT', 'NN'\] are of no chunk scheme; expected labels"):
        chunks(["NN", "DT"])
    with pytest.raises(TypeError, match=r"the label 3 is int; chunks are read from strings such"):
        chunks([3], mode="lenient")
    with pytest.raises(TypeError, match="sequence 0 of sequences is str; expected a list of label"):
        find_chunks(["B-NP"])
    with pytest.raises(TypeError, match="sequences is int; expected a list of sequences of labels"):
        find_chunks(3)
    with pytest.raises(TypeError, match=r"a label can't be used as one: .*'list'; labels are hash"):
        find_chunks([[["B-NP"]]])


def test_a_strict_scheme_is_told_from_the_labels_as_seqeval_tells_it():
    module = pytest.importorskip("seqeval.scheme", reason="seqeval is not installed")
    told = set()
    for prefixes in chain.from_iterable(combinations("OBIESLU", n) for n in range(1, 8)):
        sequence = [prefix if prefix == "O" else f"{prefix}-NP" for prefix in prefixes]
        try:
            expected = module.auto_detect([sequence]).__name__
        except ValueError:
            if prefixes in (("O",), ("O", "S"), ("O", "U")):  # which only one scheme has
                assert len(find_chunks([sequence], mode="strict")) == len(prefixes) - 1
                continue
            with pytest.raises(ValueError, match="can't tell the scheme from the labels, whose"):
                find_chunks([sequence], mode="strict")
            continue
        told.add(expected)
        strictly = set(find_chunks([sequence], mode="strict"))
        assert strictly == set(find_chunks([sequence], mode="strict", scheme=expected))
    assert told == {"IOB2", "IOE2", "IOBES", "BILOU"}


@pytest.mark.parametrize(
    ("predicted", "found", "scheme"),
    [("O O", 0, "IOB2"), ("O B-X", 1, "IOB2"), ("S-X O", 1, "IOBES"), ("B-X L-X", 1, "BILOU")],
)
def test_strict_scores_where_truth_holds_no_chunk(predicted, found, scheme):
    told = report([["O", "O"]], [predicted.split()], mode="strict")
    assert (told.scheme, told.unit) == (scheme, "chunks")
    assert (told.micro.predicted, told.micro.support, told.micro.f1) == (found, 0, 0.0)
    assert told.macro.f1 == told.weighted.f1 == 0.0
    assert "micro avg" in told.classification_report()
    with pytest.raises(ValueError, match="can't tell the scheme from the labels, whose prefixes"):
        report([["O", "O"]], [["O", "I-X"]], mode="strict")

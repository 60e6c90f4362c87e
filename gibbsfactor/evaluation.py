"""How well a labelling agrees with the truth: tokens right, and chunks as conlleval counts them.

Source: Tjong Kim Sang & Buchholz (2000), Introduction to the CoNLL-2000 shared task, section 5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from gibbsfactor.features.labels import Labels, check_same_lengths

Chunk = tuple[int, int, str]  # first token, last token, type

_PREFIXES = frozenset("BIEO")
# (prefix before, prefix now): the chunk before has ended / a chunk starts here
_ENDS = {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("E", "E"), ("E", "I"), ("E", "O")}
_STARTS = {("B", "B"), ("I", "B"), ("O", "B"), ("O", "I"), ("E", "E"), ("E", "I"), ("O", "E")}


@dataclass(frozen=True)
class Scores:
    """Agreement of predicted labels with true ones; shares between 0 and 1.

    Attributes
    ----------
    accuracy : share of tokens that are right
    precision, recall, f1 : of chunks, or averaged over labels (see ``unit``)
    unit : "chunks" (micro-averaged, as conlleval) or "labels" (macro-averaged over labels)
    n_tokens, n_true, n_predicted, n_correct : tokens, and chunks (or tokens) counted
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    unit: str
    n_tokens: int
    n_true: int
    n_predicted: int
    n_correct: int


def evaluate_labels(truth: Labels, predicted: Labels) -> Scores:
    """Score predicted labels: by chunk if all labels follow an IOB scheme, else by label.

    Raises
    ------
    ValueError
        If the sequences differ in number or in length, or there is no token.

    Examples
    --------
    >>> evaluate_labels([["B-NP", "I-NP", "O"]], [["B-NP", "O", "O"]]).f1
    0.0
    >>> round(evaluate_labels([["a", "b", "b"]], [["a", "b", "a"]]).f1, 4)
    0.6667
    """
    check_same_lengths(
        list(map(len, truth)), list(map(len, predicted)), "true labels", "predicted labels"
    )
    pairs = [
        (t, p)
        for true, guess in zip(truth, predicted, strict=True)
        for t, p in zip(true, guess, strict=True)
    ]
    if not pairs:
        raise ValueError("there is no token to evaluate")
    accuracy = sum(t == p for t, p in pairs) / len(pairs)
    if all(follows_iob(label) for label in {t for t, _ in pairs} | {p for _, p in pairs}):
        return _by_chunk(truth, predicted, accuracy, len(pairs))
    return _by_label(pairs, accuracy)


def follows_iob(label: Hashable) -> bool:
    """Whether a label is O, or B, I or E before a hyphen (or alone)."""
    return isinstance(label, str) and label.split("-", 1)[0] in _PREFIXES


def chunks(labels: Sequence[str]) -> list[Chunk]:
    """The chunks of one sequence of IOB1, IOB2 or IOE labels, as conlleval sees them.

    A chunk ends where its label's successor begins another one or has another type, so that
    an I- without a B- before it starts a chunk too.

    Examples
    --------
    >>> chunks(["B-NP", "I-NP", "B-NP", "O", "I-VP"])
    [(0, 1, 'NP'), (2, 2, 'NP'), (4, 4, 'VP')]
    """
    found: list[Chunk] = []
    before, before_kind, start = "O", "", -1
    for t, label in enumerate([*labels, "O"]):
        now, _, kind = label.partition("-")
        changed = kind != before_kind
        if start >= 0 and ((before, now) in _ENDS or (before != "O" and changed)):
            found.append((start, t - 1, before_kind))
            start = -1
        if (before, now) in _STARTS or (now != "O" and changed):
            start = t
        before, before_kind = now, kind
    return found


def _by_chunk(truth: Labels, predicted: Labels, accuracy: float, n_tokens: int) -> Scores:
    n_true = n_predicted = n_correct = 0
    for true, guess in zip(truth, predicted, strict=True):
        right = chunks([str(label) for label in true])
        given = chunks([str(label) for label in guess])
        n_true += len(right)
        n_predicted += len(given)
        n_correct += len(set(right) & set(given))
    precision, recall = _share(n_correct, n_predicted), _share(n_correct, n_true)
    return Scores(
        accuracy,
        precision,
        recall,
        _harmonic(precision, recall),
        "chunks",
        n_tokens,
        n_true,
        n_predicted,
        n_correct,
    )


def _by_label(pairs: list[tuple[Hashable, Hashable]], accuracy: float) -> Scores:
    truths, guesses = Counter(t for t, _ in pairs), Counter(p for _, p in pairs)
    right = Counter(t for t, p in pairs if t == p)
    each = []
    for label in truths | guesses:
        precision = _share(right[label], guesses[label])
        recall = _share(right[label], truths[label])
        each.append((precision, recall, _harmonic(precision, recall)))
    precision, recall, f1 = (sum(column) / len(each) for column in zip(*each, strict=True))
    n_correct = right.total()
    return Scores(
        accuracy, precision, recall, f1, "labels", len(pairs), len(pairs), len(pairs), n_correct
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

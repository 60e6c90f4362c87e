"""How well a labelling agrees with the truth: by chunk, by label, by token, by sequence.

Source: Tjong Kim Sang & Buchholz (2000), Introduction to the CoNLL-2000 shared task, section 5.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gibbsfactor.evaluation import layouts
from gibbsfactor.evaluation.chunking import correct_kinds, read_rows
from gibbsfactor.evaluation.coding import Coded, code_pair
from gibbsfactor.evaluation.reading import Notation, Reading, choose_reading
from gibbsfactor.evaluation.scores import Counts, Score
from gibbsfactor.features.labels import Labels

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Report:
    """Agreement of predicted labels with true ones; shares between 0 and 1.

    ``print(report)`` shows what conlleval prints; a notebook shows tables.

    Attributes
    ----------
    entities : the score of each type of chunk, sorted by type; empty if labels are of no scheme
    labels : the score of each label, counted by token
    micro, macro, weighted : averages over entities, or over labels if there are no entities:
        counts added up, plain mean, mean by support
    accuracy : share of tokens that are right
    accuracy_inside : the same among tokens whose true label is not O; None if there are none
    sequence_accuracy : share of sequences that are right throughout
    n_tokens, n_sequences : how many were evaluated
    unit : "chunks" or "labels", what the averages are over
    mode, scheme : how chunks were read; None where it is not known
    """

    entities: Mapping[str, Score]
    labels: Mapping[Hashable, Score]
    micro: Score
    macro: Score
    weighted: Score
    accuracy: float
    accuracy_inside: float | None
    sequence_accuracy: float
    n_tokens: int
    n_sequences: int
    unit: str
    mode: str | None
    scheme: str | None

    def conlleval(self, *, non_o: bool = False) -> str:
        """The text that conlleval.pl prints, without its last line break.

        Parameters
        ----------
        non_o
            Add the line of accuracy among tokens that are not O in truth, as later ports in
            Python print it.

        Raises
        ------
        ValueError
            If the labels were not scored by chunk.
        """
        return layouts.conlleval(self, non_o=non_o)

    def classification_report(self, digits: int = 2) -> str:
        """The text of seqeval's function of this name: entities, or else labels, and averages."""
        return layouts.classification(self, digits)

    def to_frame(self, table: str = "entities") -> pd.DataFrame:
        """A data frame, one row for each of the "entities" and the averages, or of the "labels".

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If there is no such table.
        """
        return layouts.frame(self, table)

    def to_dict(self) -> dict[str, Any]:
        """All figures as dicts of strings and numbers, ready for JSON."""
        return layouts.as_dict(self)

    def __str__(self) -> str:
        return self.conlleval() if self.unit == "chunks" else self.classification_report()

    def __repr__(self) -> str:
        return (
            f"Report({self.n_tokens} tokens, {self.unit}: accuracy {self.accuracy:.4f}, "
            f"{'micro' if self.unit == 'chunks' else 'macro'} F1 "
            f"{(self.micro if self.unit == 'chunks' else self.macro).f1:.4f})"
        )

    def _repr_html_(self) -> str:
        return layouts.html(self)


def report(
    truth: Labels,
    predicted: Labels,
    *,
    scheme: str | None = None,
    mode: str | None = None,
    suffix: bool = False,
    delimiter: str = "-",
) -> Report:
    """Score predicted labels against true ones: by entity, by label, and on average.

    Parameters
    ----------
    truth, predicted
        N sequences of labels each.
    scheme
        IOB1, IOB2 (or BIO), IOE1, IOE2, IOBES (or BIOES), BILOU, BMEWO or BMES. By default it is
        told from the labels; labels of no scheme are scored by label alone.
    mode
        How chunks are read where they break the scheme's rules.

        - ``"conlleval"``: as conlleval.pl does, odd labels and brackets included. A chunk may
          start with I-, and B- after E- does not start one. The default for IOB and IOE, and
          where no scheme is given and all prefixes are B, I, E and O.
        - ``"lenient"``: as seqeval does by default. The same, but E- and S- always end a chunk;
          so do the letters that other schemes have for them, which seqeval does not know. The
          default where there is an S, L, U, M or W.
        - ``"strict"``: as seqeval does with ``mode="strict"``: only chunks that follow the scheme
          from start to end count. Without a scheme it is told from the true labels, or
          from the predicted ones where no true label is of a chunk.
    suffix
        Labels are written ``NP-B``.
    delimiter
        The character between prefix and type.

    Raises
    ------
    TypeError
        If truth or predicted is no list of sequences, or a label is not hashable, or is no string
        where a scheme or a mode asks for chunks.
    ValueError
        If the sequences differ in number or in length, there is no token, a token has no label
        (None, NaN), or a label is not of the scheme.

    Examples
    --------
    >>> truth = [["B-NP", "I-NP", "B-VP", "O"], ["B-NP", "O"]]
    >>> found = report(truth, [["B-NP", "I-NP", "B-VP", "O"], ["O", "B-NP"]])
    >>> print(found)
    processed 6 tokens with 3 phrases; found: 3 phrases; correct: 2.
    accuracy:  66.67%; precision:  66.67%; recall:  66.67%; FB1:  66.67
                   NP: precision:  50.00%; recall:  50.00%; FB1:  50.00  2
                   VP: precision: 100.00%; recall: 100.00%; FB1: 100.00  1
    >>> found.entities["NP"].recall, found.macro.f1, found.labels["I-NP"].support
    (0.5, 0.75, 1)
    >>> report([["S-NP", "S-NP"]], [["S-NP", "S-NP"]]).micro.correct
    2
    """
    coded = code_pair(truth, predicted)
    true, guess = coded.codes
    notation = Notation(suffix, delimiter)
    reading = choose_reading(coded.labels, coded.used(0), scheme, mode, notation)
    hits = true[true == guess]
    K = len(coded.labels)
    by_label = Counts(*(np.bincount(codes, minlength=K) for codes in (true, guess, hits)))
    types, by_type = _entities(coded, reading) if reading else ((), None)
    averaged = by_type.found() if by_type else by_label
    inside = np.array([label != "O" for label in coded.labels])[true]
    return Report(
        entities=_scores_by_type(types, by_type) if by_type else {},
        labels=dict(zip(coded.labels, by_label.each(), strict=True)),
        micro=(by_type or by_label).micro(),
        macro=averaged.macro(),
        weighted=averaged.weighted(),
        accuracy=len(hits) / coded.n_tokens,
        accuracy_inside=float((true == guess)[inside].mean()) if inside.any() else None,
        sequence_accuracy=float(coded.sequences_right().mean()),
        n_tokens=coded.n_tokens,
        n_sequences=len(coded.lengths),
        unit="labels" if reading is None else "chunks",
        mode=reading.mode if reading else None,
        scheme=reading.scheme if reading else None,
    )


def _entities(coded: Coded, reading: Reading) -> tuple[tuple[str, ...], Counts]:
    """The types that labels have, and how many chunks have them in truth, prediction and both."""
    types, (true, guess) = read_rows(coded, reading)
    kinds = [true.kind[true.first], guess.kind[guess.first], correct_kinds(true, guess, reading)]
    return types, Counts(*(np.bincount(kind, minlength=len(types)) for kind in kinds))


def _scores_by_type(types: tuple[str, ...], counts: Counts) -> dict[str, Score]:
    scores = zip(types, counts.each(), strict=True)
    return {name: score for name, score in scores if score.support or score.predicted}


# ---- in short --------------------------------------------------------------------------


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


def evaluate_labels(
    truth: Labels,
    predicted: Labels,
    *,
    scheme: str | None = None,
    mode: str | None = None,
    suffix: bool = False,
    delimiter: str = "-",
) -> Scores:
    """Score predicted labels: by chunk if all labels follow a scheme, else by label.

    The parameters are those of `report`, which says more.

    Raises
    ------
    TypeError, ValueError
        As `report` does.

    Examples
    --------
    >>> evaluate_labels([["B-NP", "I-NP", "O"]], [["B-NP", "O", "O"]]).f1
    0.0
    >>> round(evaluate_labels([["a", "b", "b"]], [["a", "b", "a"]]).f1, 4)
    0.6667
    """
    found = report(truth, predicted, scheme=scheme, mode=mode, suffix=suffix, delimiter=delimiter)
    average = found.micro if found.unit == "chunks" else found.macro
    return Scores(
        found.accuracy,
        average.precision,
        average.recall,
        average.f1,
        found.unit,
        found.n_tokens,
        average.support,
        average.predicted,
        average.correct,
    )

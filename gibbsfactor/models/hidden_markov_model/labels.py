"""The states that are known in training, numbered.

Letters: M positions, K states.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed
from gibbsfactor.features.columns import Columns
from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.features.labels import EncodedLabels, read_labels

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is known of the states.

    Attributes
    ----------
    classes : the K states
    codes : (M,) the state of each position, -1 where it is not known
    allowed : (U, K) those that each of the U positions may be in where it is not known; None if
        no position tells any
    """

    classes: list[Any]
    codes: IntArray
    allowed: BoolArray | None

    @property
    def complete(self) -> bool:
        """Whether every state is known."""
        return self.allowed is not None and not len(self.allowed)


def read_states(y: Any, X: Sequences, n_components: int | None) -> Labelled:
    """The states that are known, and which there are.

    Parameters
    ----------
    y : None, or labels in the form that X has; None in it where a state is not known
    X : what was observed
    n_components : how many states there are; None if the labels tell

    Raises
    ------
    ValueError
        If y and X differ in length, or the number of states is not known or not that of labels.
    """
    given = [] if y is None else cut_labels(y, X)
    if all(label is None for labels in given for label in labels):
        if n_components is None:
            raise ValueError(
                "n_components is None and there are no labels; say how many states there are"
            )
        return Labelled(list(range(n_components)), np.full(len(X.flat), -1), None)
    found = read_labels(given)
    if n_components is not None and n_components != len(found.classes):
        numbers = all(isinstance(c, int) and not isinstance(c, bool) for c in found.classes)
        numbers = numbers and min(found.classes) >= 0 and max(found.classes) < n_components
        fewer = n_components < len(found.classes)
        if not numbers and (fewer or found.allowed is None):
            advice = "" if fewer else ", leave some positions without label"
            raise ValueError(
                f"n_components is {n_components}, but y holds {len(found.classes)} labels: "
                f"{listed(found.classes)}; leave n_components out{advice}, or use whole numbers "
                "below it as labels"
            )
        classes = [*range(n_components)] if numbers else found.classes
        unused = (i for i in count(len(classes)) if i not in classes)
        missing = islice(unused, n_components - len(classes))
        found = read_labels(given, [*classes, *missing])
    return Labelled(found.classes, found.codes, _of_open(found))


def known_states(known: Any, X: Sequences, classes: list[Any]) -> BoolArray:
    """(M, K) the states that each position may be in.

    Parameters
    ----------
    known : labels in the form that X has; None where a state is not known, a set for one of several
    X : what was observed
    classes : the K states

    Raises
    ------
    ValueError
        If known and X differ in length, or there is no such state.
    """
    given = cut_labels(known, X, "known")
    found = read_labels(given, classes)
    if len(found.classes) > len(classes):
        raise ValueError(
            f"known has the label {found.classes[len(classes)]!r}; the states are {listed(classes)}"
        )
    allowed = np.eye(len(classes), dtype=bool)[found.codes]
    allowed[found.codes < 0] = _of_open(found)
    return allowed


def _of_open(found: EncodedLabels) -> BoolArray:
    """(U, K) the labels that are allowed where they are not fixed."""
    if found.allowed is None:
        return np.zeros((0, len(found.classes)), bool)
    return found.allowed[found.codes < 0]


def cut_labels(y: Any, X: Sequences, name: str = "y") -> list[Any]:
    """Labels of each sequence.

    Raises
    ------
    TypeError, ValueError
        If they are none, or differ from X in length.
    """
    if isinstance(y, Columns):
        raise TypeError(f"{name} is Columns; expected labels in the form of X: give y.labels()")
    if isinstance(y, str | bytes | dict | set | frozenset) or not hasattr(y, "__len__"):
        raise TypeError(
            f"{name} is a {type(y).__name__}; give a list or an array with a label for each "
            "position, in the form of X"
        )
    y = y.tolist() if isinstance(y, np.ndarray) else list(y)
    y = [part.to_list() if hasattr(part, "to_list") else part for part in y]
    nested = len(y) == len(X.lengths) and all(part is None or _is_series(part) for part in y)
    if X.listed or (nested and any(part is not None for part in y)):
        return _parts(y, X, name)
    if len(y) != len(X.flat):
        raise ValueError(
            f"{name} has {len(y)} labels but X {len(X.flat)} positions; they must be equal (give "
            "lengths of sequences by name: lengths=...)"
        )
    return X.parts(y)


def _parts(y: list[Any], X: Sequences, name: str) -> list[Any]:
    """Labels of a list of sequences, a whole one of which may be None."""
    if len(y) != len(X.lengths):
        raise ValueError(
            f"{name} has {len(y)} sequences of labels but X {len(X.lengths)} sequences; they must "
            "be equal"
        )
    parts: list[Any] = []
    for n, (part, length) in enumerate(zip(y, X.lengths.tolist(), strict=True)):
        if part is None:
            part = [None] * length
        if not _is_series(part):
            raise TypeError(
                f"sequence {n} of {name} is {part!r:.60}; expected a list of labels, or None"
            )
        if len(part) != length:
            raise ValueError(
                f"sequence {n} has {length} positions but {len(part)} labels; they must be equal"
            )
        parts.append(part.tolist() if isinstance(part, np.ndarray) else part)
    return parts


def _is_series(part: Any) -> bool:
    return isinstance(part, list | tuple | np.ndarray)

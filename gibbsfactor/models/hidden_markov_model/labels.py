"""The states that are known in training, numbered.

Letters: M positions, K states.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.features.labels import read_labels
from gibbsfactor.models.hidden_markov_model.sequences import Sequences

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is known of the states.

    Attributes
    ----------
    classes : the K states
    codes : (M,) the state of each position, -1 where it is not known
    allowed : (M, K) those that each position may be in; None if no position tells any
    """

    classes: list[Any]
    codes: IntArray
    allowed: BoolArray | None

    @property
    def complete(self) -> bool:
        """Whether every state is known."""
        return self.allowed is not None and bool((self.codes >= 0).all())


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
    flat = [] if y is None else _flat(y, X)
    if all(label is None for label in flat):
        if n_components is None:
            raise ValueError(
                "n_components is None and there are no labels; say how many states there are"
            )
        return Labelled(list(range(n_components)), np.full(len(X.flat), -1), None)
    found = read_labels([flat])
    if n_components is not None and n_components != len(found.classes):
        numbers = all(isinstance(c, int) and not isinstance(c, bool) for c in found.classes)
        if not numbers or min(found.classes) < 0 or max(found.classes) >= n_components:
            raise ValueError(
                f"n_components is {n_components}, but y holds {len(found.classes)} labels: "
                f"{found.classes}; leave n_components out, or use whole numbers below it as labels"
            )
        found = read_labels([flat], range(n_components))
    allowed = found.allowed
    if allowed is None:
        allowed = found.codes[:, None] == np.arange(len(found.classes))
    return Labelled(found.classes, found.codes, allowed)


def _flat(y: Any, X: Sequences) -> list[Any]:
    """Labels of all positions, one after the other."""
    if isinstance(y, np.ndarray):
        y = y.tolist()
    if isinstance(y, str | bytes | dict) or not hasattr(y, "__len__"):
        raise TypeError(f"y is {type(y).__name__}; give a label for each position, or None")
    nested = len(y) == len(X.lengths) and all(_is_series(part) for part in y if part is not None)
    if X.listed or (nested and any(part is not None for part in y)):
        return _joined(y, X)
    if len(y) != len(X.flat):
        raise ValueError(
            f"y has {len(y)} labels but X {len(X.flat)} positions; they must be equal (give "
            "lengths of sequences by name: lengths=...)"
        )
    return list(y)


def _joined(y: Any, X: Sequences) -> list[Any]:
    """Labels of a list of sequences, a whole one of which may be None."""
    if len(y) != len(X.lengths):
        raise ValueError(
            f"y has {len(y)} sequences of labels but X {len(X.lengths)} sequences; they must be "
            "equal"
        )
    parts: list[Any] = []
    for n, (part, length) in enumerate(zip(y, X.lengths.tolist(), strict=True)):
        if part is None:
            parts.append([None] * length)
            continue
        if not _is_series(part):
            raise TypeError(f"sequence {n} of y is {part!r}; expected a list of labels, or None")
        if len(part) != length:
            raise ValueError(
                f"sequence {n} has {length} positions but {len(part)} labels; they must be equal"
            )
        parts.append(part.tolist() if isinstance(part, np.ndarray) else part)
    return list(chain.from_iterable(parts))


def _is_series(part: Any) -> bool:
    return isinstance(part, list | tuple | np.ndarray)

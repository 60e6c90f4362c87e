"""What is fitted or asked about: sequences one by one, or one after the other with their lengths.

Letters: N sequences, M positions in all of them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.features.tokens import check_lengths

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sequences:
    """N sequences, one after the other.

    Attributes
    ----------
    flat : list or array of M observations or labels
    lengths : (N,)
    listed : whether they were given as a list of sequences, and answers are to be such lists
    """

    flat: Any
    lengths: IntArray
    listed: bool

    @classmethod
    def of(cls, X: Any, lengths: Any = None, name: str = "X") -> Sequences:
        """Read sequences in any of the forms that `HiddenMarkovModel.fit` tells.

        Raises
        ------
        TypeError, ValueError
            If X is in none of them, or the lengths don't add up to it.

        Examples
        --------
        >>> Sequences.of([["a", "b"], [], ["a"]]).lengths.tolist()
        [2, 0, 1]
        >>> Sequences.of(["a", "b", "a"], [2, 1]).flat
        ['a', 'b', 'a']
        """
        if isinstance(X, Iterator):
            X = list(X)
        if isinstance(X, str | bytes | dict | set) or not hasattr(X, "__len__"):
            raise TypeError(
                f"{name} is {type(X).__name__}; give a list of sequences, or an array of all "
                "observations one after the other with the lengths"
            )
        if not isinstance(X, list | tuple):
            X = np.asarray(X)
            if X.ndim == 3 and lengths is None:  # sequences of one length
                X = list(X)
        if lengths is not None:
            flat = list(X) if isinstance(X, tuple) else X
            return cls(flat, _checked(lengths, len(flat)), False)
        if isinstance(X, np.ndarray) or (len(X) and _is_scalar(X[0])):
            flat = list(X) if isinstance(X, tuple) else X
            return cls(flat, np.array([len(flat)]), False)
        return cls(*_joined(X, name), True)

    def cut(self, values: Any) -> Any:
        """Values of all positions in the form that the sequences had: cut, or as they are."""
        if not self.listed:
            return values
        ends = np.cumsum(self.lengths).tolist()
        return [values[e - n : e] for e, n in zip(ends, self.lengths.tolist(), strict=True)]


def _checked(lengths: Any, n: int) -> IntArray:
    return np.asarray(check_lengths(lengths, n, "observations"), np.int64)


def _is_scalar(x: Any) -> bool:
    return x is None or isinstance(x, str | bytes) or not hasattr(x, "__len__")


def _joined(X: Any, name: str) -> tuple[Any, IntArray]:
    """The sequences of a list joined, and their lengths."""
    for n, x in enumerate(X):
        if _is_scalar(x) or isinstance(x, dict | set):
            raise TypeError(
                f"sequence {n} of {name} is {x!r}; expected a list or an array of observations"
            )
    lengths = np.array([len(x) for x in X], np.int64)
    some = [x for x in X if len(x)]
    if some and all(isinstance(x, np.ndarray) for x in some):
        shapes = {x.shape[1:] for x in some}
        if len(shapes) > 1:
            raise ValueError(
                f"the sequences of {name} have positions of shapes {sorted(shapes)}; they must "
                "be equal"
            )
        return np.concatenate(some), lengths
    return list(chain.from_iterable(some)), lengths

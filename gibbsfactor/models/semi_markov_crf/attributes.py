"""The attributes of segments: the built-in ones, or those that a user's function gives.

Letters: N sequences, M tokens, C candidates for segments, G attributes of segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse

from gibbsfactor.errors import listed
from gibbsfactor.exact.chain.segments import Candidates
from gibbsfactor.features import Columns, Tokens
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_for

SegmentFunction = Callable[[Any, int, int], Any]
Bounds = Sequence[tuple[int, int]]  # the first token of each segment, the one behind its last

BUILT_IN = ("length", "words", "shape", "first", "last", "before", "after")


def shape_of(word: str) -> str:
    """Capitals as X, other letters as x, digits as 0; equal neighbours as one.

    Examples
    --------
    >>> shape_of("McDonald's"), shape_of("B-52")
    ("XxXx'x", 'X-0')
    """
    marks: list[str] = []
    for c in word:
        mark = ("X" if c.isupper() else "x") if c.isalpha() else "0" if c.isdigit() else c
        if not marks or marks[-1] != mark:
            marks.append(mark)
    return "".join(marks)


def segment_strings(
    words: Sequence[str], bounds: Bounds, names: Iterable[str]
) -> list[tuple[str, ...]]:
    """The built-in attributes of segments of one sequence.

    ====== ==============================================================
    length how many tokens the segment has
    words  its words, joined by spaces
    shape  their shapes, joined by spaces
    first  its first word
    last   its last word
    before the word before it; ``before`` alone at the sequence's begin
    after  the word behind it; ``after`` alone at the sequence's end
    ====== ==============================================================

    Examples
    --------
    >>> segment_strings(["in", "New", "York"], [(1, 3)], ["length", "words", "shape", "after"])
    [('length=2', 'words=New York', 'shape=Xx Xx', 'after')]
    """
    columns: list[list[str]] = []
    for name in names:
        if name == "length":
            columns.append([f"length={end - begin}" for begin, end in bounds])
        elif name in ("words", "shape"):
            parts = words if name == "words" else list(map(shape_of, words))
            columns.append([f"{name}=" + " ".join(parts[begin:end]) for begin, end in bounds])
        elif name in ("first", "last"):
            one = [f"{name}={word}" for word in words]
            places = (begin if name == "first" else end - 1 for begin, end in bounds)
            columns.append([one[at] for at in places])
        else:
            one = [name, *(f"{name}={word}" for word in words), name]
            places = (begin if name == "before" else end + 1 for begin, end in bounds)
            columns.append([one[at] for at in places])
    return list(zip(*columns, strict=True)) if columns else [()] * len(bounds)


class SegmentReader:
    """Reads the attributes of segments of some sequences.

    Parameters
    ----------
    X : Columns, or a list of N sequences, or Tokens, which have no words
    features : names of built-in attributes, or a function of (sequence, begin, end)
    word : which column, element or key of a token is its word; None for the first, and for "word"
        in a dict
    """

    def __init__(self, X: Any, features: Sequence[str] | SegmentFunction, word: Any) -> None:
        self.function = features if callable(features) else None
        self.names = () if callable(features) else tuple(features)
        self.sequences: Sequence[Any] = ()
        if self.function is None and set(self.names) <= {"length"}:
            self.sequences = [()] * len(X)
            return
        if not isinstance(X, Columns | list | tuple):
            raise TypeError(
                f"X is {type(X).__name__}, which holds no words for segment_features="
                f"{features!r}; give sequences of tokens, or segment_features=('length',)"
            )
        self.sequences = X.sentences() if isinstance(X, Columns) else X
        if self.function is None:
            self.sequences = [
                [_word(token, word, n, t) for t, token in enumerate(sequence)]
                for n, sequence in enumerate(self.sequences)
            ]

    def __call__(self, n: int, bounds: Bounds) -> list[Any]:
        """What segments of sequence n have: for each a tuple of strings, or what a user gives."""
        if self.function is None:
            return list(segment_strings(self.sequences[n], bounds, self.names))
        found = []
        for begin, end in bounds:
            one = self.function(self.sequences[n], begin, end)
            if not isinstance(one, Mapping | list | tuple | set | frozenset):
                raise TypeError(
                    f"segment_features gave {one!r:.60} for tokens {begin} to {end - 1} of "
                    f"sequence {n}; expected a dict of features or a list of feature strings"
                )
            found.append(one)
        return found


def learn_attributes(
    read: SegmentReader, segments: Iterable[Bounds], min_freq: int
) -> Vectorizer | None:
    """A vectoriser that knows the attributes of these segments; None if they have none."""
    found = [one for n, bounds in enumerate(segments) for one in read(n, bounds) if len(one)]
    if not found:
        return None
    with _named_errors():
        vectorizer = vectorizer_for([found], None, min_freq)
        vectorizer.fit_transform([found])
    return vectorizer


def candidate_attributes(
    read: SegmentReader, vectorizer: Vectorizer | None, candidates: Candidates
) -> Tokens:
    """Tokens with a row for each candidate, its attributes those of the segment."""
    if vectorizer is None:
        none = scipy.sparse.csr_array((len(candidates), 0), dtype=np.float64)
        return Tokens(none, np.array([len(candidates)]))
    with _named_errors():
        return vectorizer.transform(
            read(n, bounds) for n, bounds in enumerate(candidate_bounds(candidates))
        )


def candidate_bounds(candidates: Candidates) -> Iterator[list[tuple[int, int]]]:
    """For each sequence the bounds of its candidates, in their order."""
    most = int(candidates.longest.max(initial=0))
    for size in candidates.lengths.tolist():
        yield [
            (begin, end)
            for begin in range(size)
            for end in range(begin + 1, min(begin + most, size) + 1)
        ]


@contextmanager
def _named_errors() -> Iterator[None]:
    """Say that what a vectoriser complains about are attributes of segments."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"in what segment_features gives, segment by segment: {error}") from None


def _word(token: Any, word: Any, n: int, t: int) -> str:
    key = ("word" if isinstance(token, Mapping) else 0) if word is None else word
    try:
        found = token[key]
    except (KeyError, IndexError, TypeError):
        found = None
    if not isinstance(found, str):
        keys = listed(list(token)) if isinstance(token, Mapping) else f"{token!r:.60}"
        raise ValueError(
            f"sequence {n}, position {t}: the token has no string at {key!r} to be its word "
            f"(there is {keys}); give word=, the column or key of the word, or "
            "segment_features=('length',), or a function"
        )
    return found

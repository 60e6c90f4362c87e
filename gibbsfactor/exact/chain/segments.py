"""Segmentations of sequences, each segment with a label: which there are, and their scores.

Letters: N sequences of T tokens, M tokens in all, L labels, D tokens in the longest segment that
there may be, C candidates: all segments of up to D tokens. A token is counted over all sequences.

Source: Sarawagi & Cohen (2004), Semi-Markov conditional random fields for information extraction,
section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import compiled

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Candidates:
    """All segments of up to D tokens, by their first token, the shorter ones first.

    Attributes
    ----------
    lengths : (N,) tokens of each sequence
    longest : (L,) most tokens of a segment with each label; D is the greatest of them
    offsets : (M + 1,) the first candidate that begins at each token
    """

    lengths: IntArray
    longest: IntArray
    offsets: IntArray

    @classmethod
    def of(cls, lengths: npt.ArrayLike, longest: npt.ArrayLike) -> Candidates:
        """The candidates of sequences of these lengths.

        Examples
        --------
        >>> candidates = Candidates.of([3], [1, 2])
        >>> candidates.begins.tolist(), candidates.ends.tolist()
        ([0, 0, 1, 1, 2], [1, 2, 2, 3, 3])
        """
        sizes, most = np.asarray(lengths, np.int64), np.asarray(longest, np.int64)
        left = np.repeat(np.cumsum(sizes), sizes) - np.arange(sizes.sum())
        counts = np.minimum(left, most.max(initial=0))
        return cls(sizes, most, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    @property
    def n_tokens(self) -> int:
        """M."""
        return len(self.offsets) - 1

    def __len__(self) -> int:
        """C."""
        return int(self.offsets[-1])

    @cached_property
    def begins(self) -> IntArray:
        """(C,) the first token of each candidate."""
        return np.repeat(np.arange(self.n_tokens), np.diff(self.offsets))

    @cached_property
    def ends(self) -> IntArray:
        """(C,) the token behind the last one of each candidate."""
        return self.begins + np.arange(len(self)) - self.offsets[self.begins] + 1


@dataclass(frozen=True, eq=False)
class Segmentations:
    """One segmentation of each of N sequences, token by token.

    Attributes
    ----------
    labels : (M,) the number of the label of the segment that each token lies in
    begins : (M,) whether a segment begins at each token
    """

    labels: IntArray
    begins: BoolArray

    def segments(self, lengths: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """The first token of each segment, how many it has, and its label.

        Examples
        --------
        >>> cut = Segmentations(np.array([1, 1, 0]), np.array([True, False, True]))
        >>> [part.tolist() for part in cut.segments(np.array([3]))]
        [[0, 2], [2, 1], [1, 0]]
        """
        first = np.flatnonzero(self.begins)
        return first, np.diff(np.append(first, int(lengths.sum()))), self.labels[first]


@dataclass(frozen=True, eq=False)
class SegmentScores:
    """Log scores over segmentations; -inf forbids.

        score(s) = sum_j scores[segment j, l_j] + sum_{j>0} steps[l_{j-1}, l_j]

    Attributes
    ----------
    candidates : Candidates
    scores : (C, L) of each candidate with each label; -inf where it is longer than the label allows
    steps : (L, L) of a segment's label after that of the segment before
    """

    candidates: Candidates
    scores: FloatArray
    steps: FloatArray

    @classmethod
    def of(
        cls,
        candidates: Candidates,
        whole: FloatArray,
        steps: FloatArray,
        inside: FloatArray | None = None,
        first: FloatArray | None = None,
        last: FloatArray | None = None,
    ) -> SegmentScores:
        """Add the scores of tokens to those of whole segments, in place.

        Parameters
        ----------
        whole : (C, L) of segments as such
        inside, first, last : (M, L) of every token of a segment, of its first and of its last one
        """
        none = np.empty((0, len(candidates.longest)))
        inside = none if inside is None else inside
        first = none if first is None else first
        last = none if last is None else last
        _add_tokens(candidates.longest, candidates.offsets, inside, first, last, whole)
        return cls(candidates, whole, steps)


def segmentation_scores(scores: SegmentScores, given: Segmentations) -> FloatArray:
    """Log score of one segmentation of each sequence, (N,); -inf where a segment is too long."""
    candidates = scores.candidates
    first, sizes, labels = given.segments(candidates.lengths)
    possible = sizes <= candidates.longest[labels]
    each = np.full(len(first), -np.inf)
    rows = candidates.offsets[first[possible]] + sizes[possible] - 1
    each[possible] = scores.scores[rows, labels[possible]]
    sequence = np.repeat(np.arange(len(candidates.lengths)), candidates.lengths)[first]
    inside = np.flatnonzero(sequence[1:] == sequence[:-1]) + 1
    each[inside] += scores.steps[labels[inside - 1], labels[inside]]
    total = np.bincount(sequence, weights=each, minlength=len(candidates.lengths))
    return np.asarray(total, dtype=np.float64)


def token_sums(
    candidates: Candidates, marginals: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sums (M, L) of the candidates' (C, L) over those that a token lies in, begins and ends.

    Of probabilities of segments these are the probabilities that a token lies in a segment of a
    label, and that it is the first or the last token of one.
    """
    shape = (candidates.n_tokens, len(candidates.longest))
    inside, first, last = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    _sum_by_token(candidates.offsets, marginals, inside, first, last)
    return inside, first, last


@compiled
def _add_tokens(
    longest: Any, offsets: Any, inside: Any, first: Any, last: Any, scores: Any
) -> None:
    n_labels = len(longest)
    running = np.empty(n_labels)
    for b in range(len(offsets) - 1):
        running[:] = 0.0
        for d in range(offsets[b + 1] - offsets[b]):
            row = offsets[b] + d
            if len(inside):
                for k in range(n_labels):
                    running[k] += inside[b + d, k]
            for k in range(n_labels):
                scores[row, k] = scores[row, k] + running[k] if d < longest[k] else -np.inf
            if len(first):
                for k in range(n_labels):
                    scores[row, k] += first[b, k]
            if len(last):
                for k in range(n_labels):
                    scores[row, k] += last[b + d, k]


@compiled
def _sum_by_token(offsets: Any, marginals: Any, inside: Any, first: Any, last: Any) -> None:
    n_labels = marginals.shape[1]
    longer = np.empty(n_labels)  # sum over the segments that reach this far
    for b in range(len(offsets) - 1):
        longer[:] = 0.0
        for d in range(offsets[b + 1] - offsets[b] - 1, -1, -1):
            row = offsets[b] + d
            for k in range(n_labels):
                longer[k] += marginals[row, k]
                inside[b + d, k] += longer[k]
                last[b + d, k] += marginals[row, k]
        for k in range(n_labels):
            first[b, k] = longer[k]

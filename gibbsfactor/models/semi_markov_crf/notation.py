"""How segmentations are written: as lists of segments, or as labels token by token.

Letters: N sequences, M tokens, L labels.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed
from gibbsfactor.evaluation import find_chunks, follows_iob
from gibbsfactor.exact.chain.segments import Segmentations
from gibbsfactor.features.labels import encode_labels

Segment = tuple[int, int, Any]  # first token, the one behind the last, label
IntArray = npt.NDArray[np.int64]

OUTSIDE = "O"
SEGMENTS, RUNS = "segments", "runs"
# Prefixes of the first, a middle and the last token of a chunk, and of one alone. Beside another
# chunk of its type IOB1 begins with B, and IOE1 ends with E.
_MARKS = {
    "IOB2": "BIIB",
    "IOB1": "IIII",
    "IOE2": "IIEE",
    "IOE1": "IIII",
    "IOBES": "BIES",
    "BILOU": "BILU",
    "BMEWO": "BMEW",
    "BMES": "BMES",
}


@dataclass(frozen=True)
class Notation:
    """One way to write segmentations.

    Attributes
    ----------
    kind : "segments" for lists of (begin, end, label); the name of a chunk scheme, such as "IOB2",
        for labels of that scheme; "runs" where neighbours with equal labels are one segment, but
        "O" always stands for a token alone
    """

    kind: str

    @classmethod
    def of(cls, y: Sequence[Sequence[Any]]) -> Notation:
        """The notation of training data.

        Examples
        --------
        >>> Notation.of([["B-PER", "I-PER", "O"]]), Notation.of([["name", "name", "number"]])
        (Notation(kind='IOB2'), Notation(kind='runs'))
        >>> Notation.of([[(0, 2, "PER"), (2, 3, "O")]])
        Notation(kind='segments')
        """
        entries = list(chain.from_iterable(y))
        if entries and all(map(_is_segment, entries)):
            return cls(SEGMENTS)
        try:
            distinct = set(entries)
        except TypeError:
            return cls(RUNS)  # `read` says what is wrong
        if not distinct or not all(map(follows_iob, distinct)):
            return cls(RUNS)
        prefixes = {label[:1] for label in distinct} - {OUTSIDE}
        fitting = [name for name in _MARKS if prefixes <= _prefixes(name)]
        if not fitting:
            raise ValueError(
                f"the labels have the prefixes {listed(sorted(prefixes))}, which are of no scheme "
                f"together; there are {listed(list(_MARKS))}"
            )
        return cls(_closest(y, fitting))

    def read(self, y: Sequence[Sequence[Any]], lengths: Sequence[int]) -> list[list[Segment]]:
        """The segments of N sequences of these lengths.

        Raises
        ------
        TypeError, ValueError
            If they do not cover the sequences, or labels are not of the scheme.
        """
        if len(y) != len(lengths):
            raise ValueError(
                f"there are {len(lengths)} sequences of tokens but {len(y)} of labels; "
                "they must be equal"
            )
        both = list(zip(y, lengths, strict=True))
        if self.kind == SEGMENTS:
            return [_checked(given, n, size) for n, (given, size) in enumerate(both)]
        for n, (given, size) in enumerate(both):
            if len(given) != size:
                raise ValueError(
                    f"sequence {n} has {size} tokens but {len(given)} labels; they must be equal"
                )
        return _runs(y) if self.kind == RUNS else _chunks(y)

    def write(self, segments: Sequence[Segment]) -> list[Any]:
        """One segmentation in this notation."""
        if self.kind == SEGMENTS:
            return list(segments)
        if self.kind == RUNS:
            return [label for begin, end, label in segments for _ in range(begin, end)]
        return _labels(segments, self.kind)


def codes_of(
    segments: Sequence[Sequence[Segment]], known: Sequence[Any] | None = None
) -> tuple[list[Any], IntArray]:
    """The labels there are, sorted if they can be, and the number of each segment's label.

    Raises
    ------
    ValueError
        If a label is not among the known ones, where these are given.
    """
    if known is None:
        return encode_labels([[label for *_, label in one] for one in segments])
    numbers = {label: i for i, label in enumerate(known)}
    codes = []
    for n, one in enumerate(segments):
        for *_, label in one:
            if not isinstance(label, Hashable) or label not in numbers:
                raise ValueError(
                    f"sequence {n} has a segment labelled {label!r}, which the model was not "
                    f"trained on; it knows {listed(list(known))}"
                )
            codes.append(numbers[label])
    return list(known), np.array(codes, np.int64)


def segmentations(segments: Sequence[Sequence[Segment]], codes: IntArray) -> Segmentations:
    """Segments that cover N sequences, with the numbers of their labels, token by token."""
    sizes = np.array([end - begin for one in segments for begin, end, _ in one], np.int64)
    begins = np.zeros(int(sizes.sum()), np.bool_)
    begins[np.cumsum(sizes) - sizes] = True
    return Segmentations(np.repeat(codes, sizes), begins)


# ---- reading --------------------------------------------------------------------------


def _is_segment(entry: Any) -> bool:
    return (
        isinstance(entry, tuple | list)
        and len(entry) == 3
        and all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in entry[:2])
    )


def _checked(given: Sequence[Any], n: int, size: int) -> list[Segment]:
    """Segments that cover a sequence, one after the other; an error says where they do not."""
    found: list[Segment] = []
    at = 0
    for entry in given:
        if not _is_segment(entry):
            raise TypeError(
                f"sequence {n}: {entry!r:.60} is no segment; expected (begin, end, label), end "
                "being the position behind the last token"
            )
        begin, end = index(entry[0]), index(entry[1])
        if begin != at or end <= begin:
            raise ValueError(
                f"sequence {n}: the segment {(begin, end, entry[2])!r} should begin at {at} and "
                "end behind that; segments must cover the sequence in order, without gaps"
            )
        found.append((begin, end, entry[2]))
        at = end
    if at != size:
        raise ValueError(
            f"sequence {n} has {size} tokens but its segments end at {at}; they must cover it"
        )
    return found


def _runs(y: Sequence[Sequence[Any]]) -> list[list[Segment]]:
    found = []
    for labels in y:
        cuts = [
            t for t in range(1, len(labels)) if labels[t] != labels[t - 1] or labels[t] == OUTSIDE
        ]
        bounds = [0, *cuts, len(labels)] if len(labels) else []
        found.append([(begin, end, labels[begin]) for begin, end in pairwise(bounds)])
    return found


def _chunks(y: Sequence[Sequence[Any]]) -> list[list[Segment]]:
    by_sequence: list[list[Segment]] = [[] for _ in y]
    for n, first, last, kind in find_chunks(y):
        if kind == OUTSIDE:
            raise ValueError(
                f"sequence {n} has a chunk of type {OUTSIDE!r}, which is also the label outside of "
                "chunks; rename the type"
            )
        by_sequence[n].append((first, last + 1, kind))
    found = []
    for labels, given in zip(y, by_sequence, strict=True):
        whole: list[Segment] = []
        for begin, end, kind in [*given, (len(labels), len(labels), "")]:
            at = whole[-1][1] if whole else 0
            whole += [(t, t + 1, OUTSIDE) for t in range(at, begin)]
            if end > begin:
                whole.append((begin, end, kind))
        found.append(whole)
    return found


# ---- writing --------------------------------------------------------------------------


def _labels(segments: Sequence[Segment], scheme: str) -> list[str]:
    """Labels of a chunk scheme."""
    first, middle, last, single = tuple(_MARKS[scheme])
    labels: list[str] = []
    for i, (begin, end, kind) in enumerate(segments):
        if kind == OUTSIDE:
            labels += [OUTSIDE] * (end - begin)
            continue
        size = end - begin
        marks = [single] if size == 1 else [first, *[middle] * (size - 2), last]
        if scheme == "IOB1" and i and segments[i - 1][2] == kind:
            marks[0] = "B"
        if scheme == "IOE1" and i + 1 < len(segments) and segments[i + 1][2] == kind:
            marks[-1] = "E"
        labels += [f"{mark}-{kind}" if kind not in ("", "_") else mark for mark in marks]
    return labels


def _prefixes(scheme: str) -> set[str]:
    return set(_MARKS[scheme]) | {"IOB1": {"B"}, "IOE1": {"E"}}.get(scheme, set())


def _closest(y: Sequence[Sequence[Any]], schemes: Sequence[str]) -> str:
    """The scheme in which the segments of the labels are written most nearly as they were."""
    segments = _chunks(y)
    wrong = {
        scheme: sum(
            ours != theirs
            for one, labels in zip(segments, y, strict=True)
            for ours, theirs in zip(_labels(one, scheme), labels, strict=True)
        )
        for scheme in schemes
    }
    return min(wrong, key=lambda scheme: wrong[scheme])  # the first of equals

"""Chunks of label sequences, found for all sequences at once.

Letters: N sequences, M tokens in all of them, T = M + N rows: the sequences one after the other,
an O after each, so that no chunk goes on into the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gibbsfactor.evaluation.coding import Coded, IntArray, code
from gibbsfactor.evaluation.reading import Notation, Reading, choose_reading
from gibbsfactor.evaluation.schemes import BoolArray
from gibbsfactor.features.labels import Labels

Chunk = tuple[int, int, str]  # first token, last token, type


@dataclass(frozen=True, eq=False, repr=False)
class Chunks:
    """The chunks of N label sequences, in their order.

    Attributes
    ----------
    sequence, first, last : read-only int arrays, one entry a chunk: the sequence, and the
        positions in it of the chunk's first and last token
    kind : int array, the position of the chunk's type in ``types``
    types : the types there are, sorted

    Examples
    --------
    >>> found = find_chunks([["B-NP", "I-NP", "O"], ["S-VP", "S-VP"]])
    >>> found
    Chunks(3 chunks of 2 types)
    >>> list(found)
    [(0, 0, 1, 'NP'), (1, 0, 0, 'VP'), (1, 1, 1, 'VP')]
    >>> (0, 0, 1, "NP") in set(found)
    True
    """

    sequence: IntArray
    first: IntArray
    last: IntArray
    kind: IntArray
    types: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[tuple[int, int, int, str]]:
        """Each chunk as (sequence, first token, last token, type)."""
        kinds = [self.types[k] for k in self.kind.tolist()]
        numbers = (a.tolist() for a in (self.sequence, self.first, self.last))
        return zip(*numbers, kinds, strict=True)

    def __repr__(self) -> str:
        return f"Chunks({len(self)} chunks of {len(self.types)} types)"


@dataclass(frozen=True, eq=False)
class Rows:
    """One labelling as T rows, and what each row and the one before it say of chunks.

    Attributes
    ----------
    kind : (T,) the type of each row, a position in the types
    starts, ends : (T,) a chunk starts at the row; one ends before it
    first, last : of each chunk, its first and last row
    """

    kind: IntArray
    starts: BoolArray
    ends: BoolArray
    first: IntArray
    last: IntArray


def find_chunks(
    sequences: Labels,
    *,
    scheme: str | None = None,
    mode: str | None = None,
    suffix: bool = False,
    delimiter: str = "-",
) -> Chunks:
    """The chunks of label sequences; see `report` for what scheme and mode mean.

    Raises
    ------
    TypeError, ValueError
        If the sequences are no lists of labels, or a label is not of the scheme. Without a scheme
        or mode, if the labels are of no scheme at all.

    Examples
    --------
    >>> list(find_chunks([["NP-B", "NP-I"]], suffix=True))
    [(0, 0, 1, 'NP')]
    >>> list(find_chunks([["O", "I-NP"]])), list(find_chunks([["O", "I-NP"]], scheme="IOB2"))
    ([(0, 1, 1, 'NP')], [(0, 1, 1, 'NP')])
    >>> list(find_chunks([["O", "I-NP"]], scheme="IOB2", mode="strict"))
    []
    """
    coded = code(("sequences", sequences))
    reading = choose_reading(coded.labels, coded.labels, scheme, mode, Notation(suffix, delimiter))
    if reading is None:
        raise ValueError(
            f"the labels {coded.labels[:5]!r} are of no chunk scheme; expected labels such as "
            "'B-NP' and 'O': give scheme= or mode= to have one refused by name"
        )
    types, (rows,) = read_rows(coded, reading)
    ends = np.cumsum(coded.lengths + 1)
    sequence = np.searchsorted(ends, rows.first, "right")
    offset = (ends - coded.lengths - 1)[sequence]
    there, kind = np.unique(rows.kind[rows.first], return_inverse=True)
    found = (sequence, rows.first - offset, rows.last - offset, kind)
    for numbers in found:
        numbers.flags.writeable = False
    return Chunks(*found, tuple(types[k] for k in there))


def chunks(
    labels: Sequence[str],
    *,
    scheme: str | None = None,
    mode: str | None = None,
    suffix: bool = False,
    delimiter: str = "-",
) -> list[Chunk]:
    """The chunks of one label sequence, as (first token, last token, type).

    Without a scheme, labels with prefixes B, I, E, O are read as conlleval does: a chunk ends
    where its label's successor begins another one or has another type, so that an I- without a B-
    before it starts a chunk too. `find_chunks` reads many sequences at once.

    Examples
    --------
    >>> chunks(["B-NP", "I-NP", "B-NP", "O", "I-VP"])
    [(0, 1, 'NP'), (2, 2, 'NP'), (4, 4, 'VP')]
    >>> chunks(["B-NP", "E-NP", "S-NP"])
    [(0, 1, 'NP'), (2, 2, 'NP')]
    """
    found = find_chunks([labels], scheme=scheme, mode=mode, suffix=suffix, delimiter=delimiter)
    return [(first, last, kind) for _, first, last, kind in found]


# ---- from codes to chunks --------------------------------------------------------------


def read_rows(coded: Coded, reading: Reading) -> tuple[tuple[str, ...], list[Rows]]:
    """The types there are, sorted, and the rows of each labelling."""
    parts = [reading.split(label) for label in coded.labels]
    parts.append(reading.split("O"))  # what stands between sequences
    types = tuple(sorted({kind for _, kind in parts}))
    prefix_of = np.array([prefix for prefix, _ in parts])
    kind_of = np.array([types.index(kind) for _, kind in parts])
    at = np.arange(coded.n_tokens) + np.repeat(np.arange(len(coded.lengths)), coded.lengths)
    rows = []
    for codes in coded.codes:
        padded = np.full(len(codes) + len(coded.lengths), len(parts) - 1)
        padded[at] = codes
        boundary = np.ones(len(padded), bool)
        boundary[at] = False
        rows.append(_read(prefix_of[padded], kind_of[padded], boundary, reading))
    return types, rows


def _read(prefix: IntArray, kind: IntArray, boundary: BoolArray, reading: Reading) -> Rows:
    rules = reading.rules
    outside, outside_kind = reading.split("O")[0], kind[-1] if len(kind) else 0
    before = np.concatenate([[outside], prefix[:-1]])[: len(prefix)]
    same = (np.concatenate([[outside_kind], kind[:-1]])[: len(kind)] == kind).astype(np.int64)
    starts, ends = (table[before, prefix, same] for table in (rules.starts, rules.ends))
    if rules.inside is None:
        first = np.flatnonzero(starts)
        # odd labels of conlleval's start chunks that nothing ends but the next one
        borders = np.flatnonzero(starts | ends | boundary)
        last = borders[np.searchsorted(borders, first, "right")] - 1
        return Rows(kind, starts, ends, first, last)
    inside = rules.inside[before, prefix, same]
    # A row is within a chunk if the last row that starts one or continues none starts one.
    within = _last_event(starts, starts | ~inside)
    within_before = np.concatenate([[False], within[:-1]])[: len(within)]
    first = np.flatnonzero(starts & ~(inside & within_before))
    closing = np.flatnonzero(within_before & ~inside)
    whole = ends[closing]
    return Rows(kind, starts, ends, first[whole], closing[whole] - 1)


def _last_event(values: BoolArray, events: BoolArray) -> BoolArray:
    """For each row the value at the last event up to it; False before the first."""
    at = np.maximum.accumulate(np.where(events, np.arange(len(events)), -1))
    return values[at] & (at >= 0)


def correct_kinds(true: Rows, guess: Rows, reading: Reading) -> IntArray:
    """The type of each chunk that both labellings have, with the same first and last token."""
    if reading.mode == "conlleval":
        return _correct_by_conlleval(true, guess)
    # no two chunks of a labelling end at the same row
    first, kind = (np.full(len(true.kind), -1) for _ in range(2))
    first[true.last], kind[true.last] = true.first, true.kind[true.first]
    kinds = guess.kind[guess.first]
    same: IntArray = kinds[(first[guess.last] == guess.first) & (kind[guess.last] == kinds)]
    return same


def _correct_by_conlleval(true: Rows, guess: Rows) -> IntArray:
    """The same by conlleval's own state: right so far, from a common start to a common end.

    For B, I, E and O this counts the chunks in common. Brackets and odd prefixes can start a chunk
    within one, which conlleval then counts as right only once.
    """
    begins = true.starts & guess.starts & (true.kind == guess.kind)
    breaks = true.ends | guess.ends | (true.kind != guess.kind)
    right = _last_event(begins, begins | breaks)
    ended = np.flatnonzero(right[:-1] & (true.ends & guess.ends)[1:])
    kinds = guess.kind[ended]
    return np.append(kinds, guess.kind[-1]) if right[-1] else kinds

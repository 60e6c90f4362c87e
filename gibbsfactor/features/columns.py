"""Columns: the token columns of N sequences (word, part of speech, ...), coded as integers.

Letters: N sequences, M tokens in all of them together, C columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from types import EllipsisType
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.tokens import (
    Picked,
    check_lengths,
    check_position,
    pick_sequences,
    read_only,
    unpacked,
)

Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True, eq=False, repr=False)
class Columns:
    """The C columns of N sequences of tokens; column c of token m is a string.

        value(c, m) = vocabularies[c][codes[c, m]]

    Parameters
    ----------
    vocabularies
        For each column its distinct strings; some may be on no token.
    codes
        (C, M) int32, each a position in its column's vocabulary.
    lengths
        (N,) integers that add up to M. A sequence may be empty.

    Raises
    ------
    TypeError, ValueError
        If the parts do not fit each other.

    Examples
    --------
    >>> columns = Columns.from_sentences([[("dogs", "N"), ("bark", "V")], [("run", "V")]])
    >>> columns
    Columns(2 sequences, 3 tokens, 2 columns of 3 and 2 distinct values)
    >>> columns.column(0)
    ['dogs', 'bark', 'run']
    >>> columns.labels()
    [['N', 'V'], ['V']]
    >>> columns[1:].sentences()
    [[('run', 'V')]]
    """

    vocabularies: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int32]
    lengths: NDArray[np.int64]

    def __post_init__(self) -> None:
        vocabularies = tuple(tuple(strings) for strings in self.vocabularies)
        codes = np.asarray(self.codes)
        if codes.ndim != 2 or codes.dtype.kind not in "iu":
            raise ValueError(
                f"codes must be integers of shape (columns, tokens), "
                f"but have shape {codes.shape} and type {codes.dtype}"
            )
        if len(codes) != len(vocabularies) or not len(codes):
            raise ValueError(
                f"{len(codes)} columns of codes and {len(vocabularies)} vocabularies were given; "
                "there must be one vocabulary for each column, and one column at least"
            )
        for c, strings in enumerate(vocabularies):
            _check_vocabulary(c, strings, codes[c])
        object.__setattr__(self, "vocabularies", vocabularies)
        object.__setattr__(self, "codes", read_only(codes.astype(np.int32, copy=False)))
        object.__setattr__(self, "lengths", check_lengths(self.lengths, codes.shape[1], "codes"))

    @classmethod
    def from_sentences(cls, sentences: Sequence[Sequence[Sequence[str]]]) -> Columns:
        """Columns of sentences of tokens, a token being a tuple of C strings.

        Sentences may also come as a series, or as an array with an axis of C strings.

        Raises
        ------
        TypeError, ValueError
            Naming the sentence and the position of the first token that does not fit.
        """
        sentences = _check_sentences(sentences)
        tokens = list(chain.from_iterable(sentences))
        flat = list(chain.from_iterable(tokens))
        width = len(tokens[0])
        coded = [encode(flat[c::width]) for c in range(width)]
        return cls(
            tuple(tuple(map(str, strings)) for strings, _ in coded),
            np.stack([codes for _, codes in coded]),
            np.array([len(sentence) for sentence in sentences]),
        )

    @property
    def n_columns(self) -> int:
        """C, the number of columns."""
        return len(self.codes)

    @property
    def n_tokens(self) -> int:
        """M, the number of tokens over all sequences."""
        return int(self.codes.shape[1])

    def column(self, i: int) -> list[str]:
        """The M strings of one column, all sequences one after the other."""
        c = check_position(i, self.n_columns, "column")
        return list(map(self.vocabularies[c].__getitem__, self.codes[c].tolist()))

    def sentences(self) -> list[list[tuple[str, ...]]]:
        """The sequences, as `from_sentences` takes them."""
        return self._cut(list(zip(*map(self.column, range(self.n_columns)), strict=True)))

    def labels(self, column: int = -1) -> list[list[str]]:
        """One column (by custom the last holds the labels), cut into its sequences."""
        return self._cut(self.column(column))

    def select(self, columns: Sequence[int]) -> Columns:
        """Only these columns, in this order; negative ones count from the end."""
        kept = [check_position(i, self.n_columns, "column") for i in columns]
        if not kept:
            raise ValueError(f"no column was selected; name one at least of the {self.n_columns}")
        return Columns(
            tuple(self.vocabularies[c] for c in kept), np.take(self.codes, kept, 0), self.lengths
        )

    def drop(self, column: int = -1) -> Columns:
        """All columns but one, by default the last, which by custom holds the labels."""
        dropped = check_position(column, self.n_columns, "column")
        if self.n_columns == 1:
            raise ValueError("the only column cannot be dropped; nothing would be left")
        return self.select([c for c in range(self.n_columns) if c != dropped])

    def with_column(self, values: Sequence[Sequence[str]]) -> Columns:
        """These columns and one more on the right, such as predicted labels.

        Examples
        --------
        >>> Columns.from_sentences([[("dogs",), ("bark",)]]).with_column([["N", "V"]]).sentences()
        [[('dogs', 'N'), ('bark', 'V')]]
        """
        found = [len(sequence) for sequence in values]
        wanted = self.lengths.tolist()
        if len(found) != len(wanted):
            raise ValueError(
                f"{len(found)} sequences of values for {len(wanted)} sequences of tokens; "
                "give as many"
            )
        for n, (have, want) in enumerate(zip(found, wanted, strict=True)):
            if have != want:
                raise ValueError(
                    f"sequence {n} has {want} tokens, but {have} values were given; give one each"
                )
        strings, codes = encode(chain.from_iterable(values))
        return Columns(
            (*self.vocabularies, tuple(strings)), np.vstack([self.codes, codes]), self.lengths
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[list[tuple[str, ...]]]:
        return iter(self.sentences())

    @property
    def shape(self) -> tuple[int]:
        """(N,), by which scikit-learn knows that sequences are picked by ``self[positions]``."""
        return (len(self),)

    @overload
    def __getitem__(self, picked: int) -> list[tuple[str, ...]]: ...
    @overload
    def __getitem__(self, picked: Picked | tuple[Picked, EllipsisType]) -> Columns: ...
    def __getitem__(
        self, picked: int | Picked | tuple[Picked, EllipsisType]
    ) -> Columns | list[tuple[str, ...]]:
        """One sentence by its position; or the Columns of a slice, of positions, or of a mask."""
        if isinstance(picked, tuple) and len(picked) == 2 and picked[1] is Ellipsis:
            picked = picked[0]  # as scikit-learn asks
        if isinstance(picked, int | np.integer):
            n = check_position(picked, len(self), "sequence")
            return self[n : n + 1].sentences()[0]
        rows, lengths = pick_sequences(self.lengths, picked)
        return Columns(self.vocabularies, self.codes[:, rows], lengths)

    def __repr__(self) -> str:
        sizes = " and ".join(f"{len(strings):,}" for strings in self.vocabularies)
        return (
            f"Columns({len(self):,} sequences, {self.n_tokens:,} tokens, "
            f"{self.n_columns} columns of {sizes} distinct values)"
        )

    def _cut(self, flat: list[Any]) -> list[list[Any]]:
        """A list of M things as N lists."""
        ends = np.cumsum(self.lengths)
        begins = (ends - self.lengths).tolist()
        return [flat[begin:end] for begin, end in zip(begins, ends.tolist(), strict=True)]


def encode(values: Iterable[Value]) -> tuple[list[Value], NDArray[np.int32]]:
    """The distinct values in order of first appearance, and each value's position among them.

    Examples
    --------
    >>> strings, codes = encode(["a", "b", "a"])
    >>> strings, codes.tolist()
    (['a', 'b'], [0, 1, 0])
    """
    positions: defaultdict[Value, int] = defaultdict(count().__next__)
    codes = np.fromiter(map(positions.__getitem__, values), np.int32)
    return list(positions), codes


def _check_vocabulary(c: int, strings: tuple[str, ...], codes: NDArray[Any]) -> None:
    for string in strings:
        if not isinstance(string, str):
            raise TypeError(
                f"column {c} has the value {string!r}, a {type(string).__name__}; "
                "values must be str: convert it"
            )
    if len(set(strings)) != len(strings):
        repeated = next(string for string in strings if strings.count(string) > 1)
        raise ValueError(f"column {c}'s vocabulary has {repeated!r} twice; its strings must differ")
    if codes.size and (codes.min() < 0 or codes.max() >= len(strings)):
        bad = codes[(codes < 0) | (codes >= len(strings))][0]
        raise ValueError(
            f"column {c} has code {bad}, but its vocabulary has {len(strings)} strings; "
            f"codes must be 0 to {len(strings) - 1}"
        )


def _check_sentences(
    sentences: Sequence[Sequence[Sequence[str]]],
) -> Sequence[Sequence[Sequence[str]]]:
    """The sentences, once each token is found to be a list or tuple of as many strings."""
    sentences = unpacked(sentences)
    if isinstance(sentences, list | tuple):
        sentences = list(map(unpacked, sentences))
    else:
        raise TypeError(
            f"sentences must be a list of lists of tuples of str, "
            f"but a {type(sentences).__name__} was given"
        )
    width, where = 0, ""
    for n, sentence in enumerate(sentences):
        if not isinstance(sentence, list | tuple):
            raise TypeError(
                f"sentence {n} is a {type(sentence).__name__}; it must be a list of tokens, "
                "each a tuple of str"
            )
        for t, token in enumerate(sentence):
            if not isinstance(token, list | tuple):
                raise TypeError(
                    f"sentence {n}, position {t}: the token {token!r} is a "
                    f"{type(token).__name__}; it must be a tuple of str, "
                    "such as ('the', 'DT') or, with one column, ('the',)"
                )
            if not width:
                width, where = len(token), f"sentence {n}, position {t}"
            if len(token) != width or not width:
                raise ValueError(
                    f"sentence {n}, position {t}: the token {tuple(token)!r} has {len(token)} "
                    f"columns, but the first one ({where}) has {width}; "
                    "all must have as many, at least one"
                )
            for value in token:
                if not isinstance(value, str):
                    raise TypeError(
                        f"sentence {n}, position {t}: the value {value!r} is a "
                        f"{type(value).__name__}; values must be str: convert it"
                    )
    if not width:
        raise ValueError(
            f"{len(sentences)} sentences without a token do not tell the number of columns; "
            "give one token at least"
        )
    return sentences

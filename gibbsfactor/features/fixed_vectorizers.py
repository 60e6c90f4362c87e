"""Vectorisers that know their attributes beforehand: those of a model made out of another.

A hidden Markov model knows its symbols, its words, or how many numbers an observation has. The CRF
with the same posterior reads the same sequences through one of these, also when trained further.

Letters: N sequences, M tokens, A attributes, D numbers of an observation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.features.observations import (
    number_symbols,
    pack_symbols,
    read_symbols,
    read_words,
    unpack_symbols,
)
from gibbsfactor.features.strings import Arrays, check_kind, stored
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.features.word_tree import WordTree

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class FixedVectorizer(ABC):
    """One whose attributes are given: there is nothing for it to learn.

    It reads sequences by itself, in any form in which the model it was made out of does.
    """

    kind: ClassVar[str]
    min_freq = 0

    @abstractmethod
    def read(self, X: Any, lengths: Any = None) -> Tokens:
        """The tokens of N sequences; or of one array of all M observations, with their lengths."""

    @property
    @abstractmethod
    def n_attributes(self) -> int:
        """A, the number of attributes."""

    @property
    def n_dense(self) -> int:
        """How many of the attributes, the last ones, are dense."""
        return 0

    @property
    def n_edge_attributes(self) -> int:
        """0: none of the attributes conditions transitions."""
        return 0

    @abstractmethod
    def attribute_names(self) -> list[str]:
        """The A attributes, in order: sparse ones, and then dense ones."""

    def edge_names(self) -> list[str]:
        """The attributes that condition transitions: none."""
        return []

    def fit_transform(self, data: Any) -> Tokens:
        """The same as `transform`."""
        return self.transform(data)

    def transform(self, data: Any) -> Tokens:
        """The tokens of sequences; those that `read` gave stay as they are."""
        return data if isinstance(data, Tokens) else self.read(data)

    @abstractmethod
    def only(self, kept: NDArray[np.bool_]) -> Self:
        """The same without some of the sparse attributes, of each of which is told if it stays."""

    @abstractmethod
    def to_arrays(self) -> Arrays:
        """All that `read` needs, as plain numpy arrays by name."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The vectoriser that `to_arrays` stored."""


class _OneOf(FixedVectorizer):
    """Each token has at most one attribute, with the weight 1."""

    def __init__(self, n_kinds: int, columns: IntArray | None = None) -> None:
        self._columns = np.arange(n_kinds) if columns is None else columns  # -1 where there is none

    def read(self, X: Any, lengths: Any = None) -> Tokens:
        """The tokens of N sequences; or of one list or array of all M, with their lengths."""
        given = Sequences.of(X, lengths)
        kinds, codes = given.read(self._kinds)
        columns = np.where(kinds >= 0, self._columns[kinds], -1)[codes]
        there = columns >= 0
        starts = np.concatenate([[0], np.cumsum(there)])
        parts = (np.ones(int(starts[-1])), columns[there], starts)
        matrix = scipy.sparse.csr_array(parts, shape=(len(codes), self.n_attributes))
        return Tokens(matrix, given.lengths)

    @abstractmethod
    def _kinds(self, flat: Any) -> tuple[IntArray, IntArray]:
        """(V,) the kinds of V different observations, -1 for none, and (M,) which each one is."""

    @abstractmethod
    def _names(self) -> list[str]:
        """What the kinds are called."""

    @property
    def n_attributes(self) -> int:
        """A, the number of attributes."""
        return int(self._columns.max(initial=-1)) + 1

    def attribute_names(self) -> list[str]:
        """The A attributes, in order."""
        return list(compress(self._names(), (self._columns >= 0).tolist()))

    def _left(self, kept: NDArray[np.bool_]) -> IntArray:
        """The columns that are left without some attributes."""
        stays = self._columns >= 0
        stays[stays] = kept
        return np.where(stays, np.cumsum(stays) - 1, -1)


class SymbolVectorizer(_OneOf):
    """An attribute for each symbol: sequences of strings, numbers or bools.

    Other symbols have none; None and NaN, which stand for what is missing, neither.

    Parameters
    ----------
    symbols : different ones
    strict : whether other symbols are an error
    columns : (symbols,) the attribute of each, -1 for none; by default their order

    Examples
    --------
    >>> vectorizer = SymbolVectorizer(["walk", "shop", "clean"])
    >>> vectorizer.attribute_names()
    ['x=walk', 'x=shop', 'x=clean']
    >>> vectorizer.read([["shop", "swim"], ["walk"]]).attributes.toarray()
    array([[0., 1., 0.],
           [0., 0., 0.],
           [1., 0., 0.]])
    """

    kind: ClassVar[str] = "symbols"

    def __init__(
        self, symbols: Sequence[Any], *, strict: bool = False, columns: IntArray | None = None
    ) -> None:
        super().__init__(len(symbols), columns)
        self.symbols = list(symbols)
        self.strict = strict
        self._index = {symbol: kind for kind, symbol in enumerate(self.symbols)}

    def _kinds(self, flat: Any) -> tuple[IntArray, IntArray]:
        distinct, codes = read_symbols(flat)
        return number_symbols(distinct, codes, self._index, strict=self.strict), codes

    def _names(self) -> list[str]:
        plain = all(isinstance(symbol, str) for symbol in self.symbols)
        return [f"x={symbol}" if plain else f"x={symbol!r}" for symbol in self.symbols]

    def only(self, kept: NDArray[np.bool_]) -> SymbolVectorizer:
        """The same without some of the symbols' attributes."""
        return SymbolVectorizer(self.symbols, strict=self.strict, columns=self._left(kept))

    def to_arrays(self) -> Arrays:
        """All that `read` needs, as plain numpy arrays by name.

        Raises
        ------
        TypeError
            If a symbol is neither string, number nor bool.
        """
        return {
            "kind": np.array(self.kind),
            **pack_symbols(self.symbols),
            "strict": np.array(self.strict),
            "columns": self._columns,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The vectoriser that `to_arrays` stored."""
        check_kind(arrays, cls.kind)
        symbols, strict = unpack_symbols(arrays), bool(stored(arrays, "strict"))
        return cls(symbols, strict=strict, columns=_stored_columns(arrays, len(symbols)))


class WordVectorizer(_OneOf):
    """An attribute for each kind of words that a tree has; one that is None has none.

    Parameters
    ----------
    tree : WordTree
    columns : (kinds,) the attribute of each, -1 for none; by default their order

    Examples
    --------
    >>> tree = WordTree.learn(["the", "king", "sailed"], [9, 1, 1], rare=1)
    >>> tokens = WordVectorizer(tree).read([["the", "ring", None]])
    >>> [tree.names[kind] for kind in tokens.attributes.indices]
    ['word=the', 'ending=aa|ing']
    """

    kind: ClassVar[str] = "words"

    def __init__(self, tree: WordTree, *, columns: IntArray | None = None) -> None:
        super().__init__(len(tree), columns)
        self.tree = tree

    def _kinds(self, flat: Any) -> tuple[IntArray, IntArray]:
        words, codes = read_words(flat)
        return self.tree.of(words), codes

    def _names(self) -> list[str]:
        return self.tree.names

    def only(self, kept: NDArray[np.bool_]) -> WordVectorizer:
        """The same without some of the kinds' attributes."""
        return WordVectorizer(self.tree, columns=self._left(kept))

    def to_arrays(self) -> Arrays:
        """All that `read` needs, as plain numpy arrays by name."""
        return {
            "kind": np.array(self.kind),
            **self.tree.to_arrays(),
            "columns": self._columns,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The vectoriser that `to_arrays` stored."""
        check_kind(arrays, cls.kind)
        tree = WordTree.from_arrays(arrays)
        return cls(tree, columns=_stored_columns(arrays, len(tree)))


def _stored_columns(arrays: Mapping[str, NDArray[Any]], n: int) -> IntArray:
    columns = stored(arrays, "columns").astype(np.int64)
    if len(columns) != n:
        raise ValueError(f"{len(columns)} columns are stored for {n} kinds; the file is damaged")
    return columns

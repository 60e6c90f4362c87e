"""Data that is numeric already: `Tokens`, with the names of their attributes.

Letters: M tokens, A attributes, of which D are dense, B attributes of pairs of neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.named_tokens import NamedTokens, align, check_names
from gibbsfactor.features.sequences import as_sequences
from gibbsfactor.features.strings import Arrays, check_kind, pack_strings, stored, unpack_strings
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.features.vocabulary import check_min_freq, drop_rare


class TokensVectorizer:
    """Pass `Tokens` on, and what `as_sequences` makes of matrices; rare attributes are dropped.

    A sparse entry of 0 is the same as none, as in feature dicts.

    New data must have as many columns as the training data. Where both have names (`NamedTokens`,
    as from a data frame or a file), columns are matched by name instead.

    Parameters
    ----------
    min_freq
        Sparse attributes on fewer training tokens are dropped; dense ones never are.
    names
        What to call the attributes, the sparse ones first. Default: the names that the data has,
        else x0, x1, ...

    Examples
    --------
    >>> vectorizer = TokensVectorizer(names=["height", "weight"])
    >>> vectorizer.fit_transform([np.array([[1.8, 70.0], [1.6, 55.0]])])
    Tokens(1 sequences, 2 tokens, 2 attributes, 2 dense, 0 weights)
    >>> vectorizer.attribute_names()
    ['height', 'weight']
    """

    kind: ClassVar[str] = "tokens"

    def __init__(self, min_freq: int = 0, names: Sequence[str] | None = None) -> None:
        self.min_freq = check_min_freq(min_freq)
        self.names = names
        self._shape: tuple[int, int, int] | None = None  # of training data: sparse, dense, pairs
        self._kept = np.zeros(0, np.int64)  # which of the sparse attributes
        self._learnt: tuple[str, ...] | None = None  # the names of those kept and the dense ones

    @property
    def n_attributes(self) -> int:
        """A, the number of attributes."""
        return len(self._kept) + self._fitted()[1]

    @property
    def n_edge_attributes(self) -> int:
        """B, the number of attributes that condition transitions."""
        return self._fitted()[2]

    def fit_transform(self, data: Any) -> Tokens:
        """Learn which attributes there are, and give the data's tokens."""
        given = _numeric(data)
        tokens, names = _parts(given)
        tokens = _without_zeros(tokens)
        if not tokens.n_tokens:
            raise ValueError("there are no tokens to learn attributes from; give one at least")
        if self.names is not None:
            names = check_names(self.names, tokens.n_attributes)
        matrix, kept = drop_rare(tokens.attributes, self.min_freq)
        self._shape = _widths(tokens)
        self._kept = np.flatnonzero(kept)
        if names is not None:
            sparse = (names[a] for a in self._kept.tolist())
            names = (*sparse, *names[tokens.n_sparse :])
        self._learnt = names
        return tokens if kept.all() else Tokens(matrix, tokens.lengths, tokens.edges, tokens.dense)

    def transform(self, data: Any) -> Tokens:
        """The tokens of new data, over the attributes learnt.

        Raises
        ------
        TypeError
            If the data is not numeric.
        ValueError
            If it has other columns than the training data.
        """
        n_sparse, n_dense, n_pairs = self._fitted()
        given = _numeric(data)
        if isinstance(given, NamedTokens) and self._learnt is not None and not n_pairs:
            kept = self._learnt[: len(self._kept)]
            positions = {name: a for a, name in enumerate(kept)}
            return align(given, positions, self._learnt[len(kept) :])
        tokens, _ = _parts(given)
        if _widths(tokens) != self._fitted():
            raise ValueError(
                f"the data has {_described(_widths(tokens))}, but the model was trained on "
                f"{_described((n_sparse, n_dense, n_pairs))}; give the same columns"
            )
        if len(self._kept) == n_sparse:
            return tokens
        matrix = tokens.attributes[:, self._kept]
        return Tokens(matrix, tokens.lengths, tokens.edges, tokens.dense)

    def attribute_names(self) -> list[str]:
        """The A attributes, in order: sparse ones, and then dense ones."""
        n_sparse, n_dense, _ = self._fitted()
        if self._learnt is not None:
            return list(self._learnt)
        return [f"x{a}" for a in (*self._kept.tolist(), *range(n_sparse, n_sparse + n_dense))]

    def edge_names(self) -> list[str]:
        """The B attributes that condition transitions: pair0, pair1, ..."""
        return [f"pair{b}" for b in range(self.n_edge_attributes)]

    def only(self, kept: NDArray[np.bool_]) -> TokensVectorizer:
        """The same without some of the sparse attributes, of each of which is told if it stays."""
        other = TokensVectorizer(self.min_freq, self.names)
        other._shape, other._kept = self._fitted(), self._kept[kept]
        if self._learnt is not None:
            sparse = compress(self._learnt, kept.tolist())
            other._learnt = (*sparse, *self._learnt[len(kept) :])
        return other

    def to_arrays(self) -> Arrays:
        """All that `transform` needs, as plain numpy arrays by name."""
        arrays: Arrays = {
            "kind": np.array(self.kind),
            "min_freq": np.array(self.min_freq),
            "shape": np.array(self._fitted(), np.int64),
            "kept": self._kept,
        }
        if self._learnt is not None:
            arrays["names"], arrays["name_offsets"] = pack_strings(self._learnt)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The vectoriser that `to_arrays` stored."""
        check_kind(arrays, cls.kind)
        self = cls(int(stored(arrays, "min_freq")))
        n_sparse, n_dense, n_pairs = stored(arrays, "shape").astype(np.int64).tolist()
        self._shape = n_sparse, n_dense, n_pairs
        self._kept = stored(arrays, "kept").astype(np.int64)
        if "names" in arrays:
            names = unpack_strings(stored(arrays, "names"), stored(arrays, "name_offsets"))
            self._learnt = check_names(names, self.n_attributes)
        return self

    def _fitted(self) -> tuple[int, int, int]:
        if self._shape is None:
            raise ValueError(
                "this TokensVectorizer has not learnt its attributes yet; call fit_transform"
            )
        return self._shape


def _numeric(data: Any) -> Tokens | NamedTokens:
    found = as_sequences(data)
    if not isinstance(found, Tokens | NamedTokens):
        raise TypeError(
            f"numbers were expected, Tokens or a matrix for each sequence, but a "
            f"{type(data).__name__} of something else was given; give data of the kind that the "
            "model is trained on"
        )
    return found


def _parts(given: Tokens | NamedTokens) -> tuple[Tokens, tuple[str, ...] | None]:
    return (given.tokens, given.names) if isinstance(given, NamedTokens) else (given, None)


def _without_zeros(tokens: Tokens) -> Tokens:
    """The same without entries of 0 in the sparse matrices."""
    edges = tokens.edges
    if tokens.attributes.data.all() and (edges is None or edges.data.all()):
        return tokens
    attributes = tokens.attributes.copy()
    attributes.eliminate_zeros()
    if edges is not None:
        edges = edges.copy()
        edges.eliminate_zeros()
    return Tokens(attributes, tokens.lengths, edges, tokens.dense)


def _widths(tokens: Tokens) -> tuple[int, int, int]:
    return tokens.n_sparse, tokens.n_dense, tokens.n_edge_attributes


def _described(widths: tuple[int, int, int]) -> str:
    sparse, dense, pairs = widths
    text = f"{sparse:,} sparse and {dense:,} dense attributes"
    return f"{text} and {pairs:,} of pairs" if pairs else text

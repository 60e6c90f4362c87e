"""Tokens whose attributes have names, and the same over another vocabulary of names.

Letters: N sequences, M tokens, A attributes, of which D are dense.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import EllipsisType

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from gibbsfactor.features.tokens import Picked, Tokens
from gibbsfactor.features.vocabulary import csr, entries_before


@dataclass(frozen=True, eq=False, repr=False)
class NamedTokens:
    """`Tokens` and what their attributes are called, as a file or a data frame has them.

    Data of other names can then be read by the same model: attributes are matched by name.

    Parameters
    ----------
    tokens
        The tokens.
    names
        A distinct strings, those of sparse attributes first, as the tokens number them.

    Raises
    ------
    TypeError, ValueError
        If the names are not strings, not as many as the attributes, or not distinct.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> named = NamedTokens(Tokens(csr_array([[1.0, 0.0], [1.0, 2.0]]), [1, 1]), ["bias", "size"])
    >>> named[1:].dicts()
    [[{'bias': 1.0, 'size': 2.0}]]
    """

    tokens: Tokens
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.tokens, Tokens):
            raise TypeError(f"tokens must be Tokens, but a {type(self.tokens).__name__} was given")
        object.__setattr__(self, "names", check_names(self.names, self.tokens.n_attributes))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) how many tokens each sequence has."""
        return self.tokens.lengths

    @property
    def shape(self) -> tuple[int]:
        """(N,), by which scikit-learn knows that sequences are picked by ``self[positions]``."""
        return (len(self),)

    def dicts(self) -> list[list[dict[str, float]]]:
        """The sequences as feature dicts {name: weight}, dense values that are 0 left out."""
        matrix = flat_matrix(self.tokens)
        ends, found, weights = (a.tolist() for a in (matrix.indptr, matrix.indices, matrix.data))
        rows = [
            {self.names[a]: w for a, w in zip(found[i:j], weights[i:j], strict=True)}
            for i, j in pairwise(ends)
        ]
        stops = np.cumsum(self.lengths)
        begins = (stops - self.lengths).tolist()
        return [rows[i:j] for i, j in zip(begins, stops.tolist(), strict=True)]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, picked: Picked | tuple[Picked, EllipsisType]) -> NamedTokens:
        """The picked sequences, in the order asked for."""
        if isinstance(picked, tuple) and len(picked) == 2 and picked[1] is Ellipsis:
            picked = picked[0]
        return NamedTokens(self.tokens[picked], self.names)

    def __repr__(self) -> str:
        return f"Named{self.tokens!r}"


def check_names(given: Sequence[str], n_attributes: int) -> tuple[str, ...]:
    """The names as a tuple of distinct str, as many as there are attributes."""
    if isinstance(given, str):
        raise TypeError(f"names must be a list of str, but the str {given!r:.40} was given")
    names = tuple(given)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the name {name!r} is a {type(name).__name__}; names must be str")
    if len(names) != n_attributes:
        raise ValueError(f"{len(names)} names were given for {n_attributes} attributes")
    if len(set(names)) != len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"two attributes are named {twice!r}; names must differ")
    return names


def flat_matrix(tokens: Tokens) -> scipy.sparse.csr_array[np.float64, tuple[int, int]]:
    """The sparse (M, A) matrix of all attributes, the dense ones included."""
    if tokens.dense is None:
        return tokens.attributes
    parts = [tokens.attributes, scipy.sparse.csr_array(tokens.dense)]
    return scipy.sparse.csr_array(scipy.sparse.hstack(parts, format="csr"))


def align(named: NamedTokens, positions: Mapping[str, int], dense_names: Sequence[str]) -> Tokens:
    """The same tokens over learnt attributes, matched by name.

    Parameters
    ----------
    named
        The data. Attributes that were not learnt are left out.
    positions
        The position of each learnt sparse attribute, 0 to one less than their number.
    dense_names
        The learnt dense attributes, in order.

    Raises
    ------
    ValueError
        If the data has dense values, but lacks some that were learnt.
    """
    tokens = named.tokens
    place = {name: i for i, name in enumerate(named.names)}
    missing = [name for name in dense_names if name not in place]
    if missing and tokens.n_dense:
        raise ValueError(
            f"the data has no values named {missing[0]!r} ({len(missing)} of "
            f"{len(dense_names)} are missing); give all that the model was trained on"
        )
    matrix = flat_matrix(tokens)
    learnt = np.fromiter((positions.get(name, -1) for name in named.names), np.int32)
    ids = learnt[matrix.indices]
    known = ids >= 0
    shape = (tokens.n_tokens, len(positions))
    sparse = csr(matrix.data[known], ids[known], entries_before(known)[matrix.indptr], shape)
    if not dense_names:
        return Tokens(sparse, tokens.lengths)
    dense = np.zeros((tokens.n_tokens, len(dense_names)))
    there = [(j, place[name]) for j, name in enumerate(dense_names) if name in place]
    inside = [(j, i - tokens.n_sparse) for j, i in there if i >= tokens.n_sparse]
    if tokens.dense is not None and inside:
        to, origin = map(list, zip(*inside, strict=True))
        dense[:, to] = tokens.dense[:, origin]
    outside = [(j, i) for j, i in there if i < tokens.n_sparse]
    if outside:
        to, origin = map(list, zip(*outside, strict=True))
        dense[:, to] = tokens.attributes[:, origin].toarray()
    return Tokens(sparse, tokens.lengths, dense=dense)

"""Dicts or lists of features, made by the user's own code, to sparse attributes.

Letters: N sequences, M tokens in all of them together, A attributes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from itertools import compress
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.feature_readers import Chunk, DictReader, ListReader, Reader
from gibbsfactor.features.named_tokens import NamedTokens, align
from gibbsfactor.features.sequences import as_sequences, listed
from gibbsfactor.features.strings import Arrays, check_kind, pack_strings, stored, unpack_strings
from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.features.vectors import VectorBlocks
from gibbsfactor.features.vocabulary import (
    NameIndex,
    check_min_freq,
    csr,
    drop_rare,
)

FeatureDict: TypeAlias = Mapping[str, Any]
FeatureList: TypeAlias = "list[str] | tuple[str, ...] | set[str] | frozenset[str]"
Features = TypeVar("Features")
CHUNK = 2**11  # tokens read at a time


class _FeatureVectorizer(ABC, Generic[Features]):
    """What the two have in common: an index of names, learnt and then looked up."""

    kind: ClassVar[str]
    noun: ClassVar[str]

    def __init__(self, min_freq: int = 0) -> None:
        self.min_freq = check_min_freq(min_freq)
        self._names: NameIndex | None = None
        self._sizes: dict[str, int] = {}  # of the vectors by name

    @property
    def n_attributes(self) -> int:
        """A, the number of attributes."""
        return len(self._fitted()) + sum(self._sizes.values())

    @property
    def n_edge_attributes(self) -> int:
        """0: none of the features conditions transitions."""
        return 0

    def fit_transform(self, sequences: Iterable[Iterable[Features]]) -> Tokens:
        """Learn the attributes of training data, and give that data's tokens.

        The sequences are read once, and none is held longer than needed.
        """
        names, vectors = NameIndex(), VectorBlocks({}, growing=True)
        matrix, lengths = self._read(sequences, names, vectors)
        if not matrix.shape[0]:
            raise ValueError("there are no tokens to learn attributes from; give one at least")
        matrix, kept = drop_rare(matrix, self.min_freq)
        if not kept.all():
            frequent = list(compress(names, kept.tolist()))
            names = NameIndex(zip(frequent, range(len(frequent)), strict=True))
        names.growing = False
        clash = next((name for name in vectors.names() if name in names), None)
        if clash is not None:
            raise ValueError(
                f"{clash!r} is both a feature and a value of an array; rename one of the two"
            )
        self._names, self._sizes = names, vectors.sizes
        return Tokens(matrix, lengths, dense=vectors.matrix())

    def transform(self, sequences: Iterable[Iterable[Features]] | NamedTokens) -> Tokens:
        """The tokens of new data, over the attributes learnt; those of named tokens by name."""
        names, vectors = self._fitted(), VectorBlocks(self._sizes, growing=False)
        if isinstance(sequences, NamedTokens):
            return align(sequences, names, vectors.names())
        matrix, lengths = self._read(sequences, names, vectors)
        return Tokens(matrix, lengths, dense=vectors.matrix())

    def attribute_names(self) -> list[str]:
        """The A attributes, in order: features, and then the values of arrays."""
        return [*self._fitted(), *VectorBlocks(self._sizes, growing=False).names()]

    def edge_names(self) -> list[str]:
        """The attributes that condition transitions: none."""
        return []

    def only(self, kept: NDArray[np.bool_]) -> Self:
        """The same without some of the features, of each of which is told if it stays."""
        arrays = self.to_arrays()
        names = compress(self._fitted(), kept.tolist())
        arrays["names"], arrays["name_offsets"] = pack_strings(names)
        return type(self).from_arrays(arrays)

    def to_arrays(self) -> Arrays:
        """All that `transform` needs, as plain numpy arrays by name."""
        arrays: Arrays = {"kind": np.array(self.kind), "min_freq": np.array(self.min_freq)}
        arrays["names"], arrays["name_offsets"] = pack_strings(self._fitted())
        if self._sizes:
            arrays["vectors"], arrays["vector_offsets"] = pack_strings(self._sizes)
            arrays["vector_sizes"] = np.array(list(self._sizes.values()), np.int64)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The vectoriser that `to_arrays` stored."""
        check_kind(arrays, cls.kind)
        names = unpack_strings(stored(arrays, "names"), stored(arrays, "name_offsets"))
        self = cls(int(stored(arrays, "min_freq")))
        self._names = NameIndex(zip(names, range(len(names)), strict=True))
        self._names.growing = False
        if "vectors" in arrays:
            keys = unpack_strings(stored(arrays, "vectors"), stored(arrays, "vector_offsets"))
            sizes = stored(arrays, "vector_sizes").astype(np.int64).tolist()
            self._sizes = dict(zip(keys, sizes, strict=True))
        return self

    @abstractmethod
    def _reader(self, names: NameIndex, vectors: VectorBlocks) -> Reader:
        """What reads the tokens' features."""

    def _read(
        self, sequences: Iterable[Iterable[Features]], names: NameIndex, vectors: VectorBlocks
    ) -> tuple[Matrix, NDArray[np.int64]]:
        data = as_sequences(sequences)
        if isinstance(data, Tokens | NamedTokens | Columns):
            raise TypeError(
                f"sequences of {self.noun} were expected, but a {type(data).__name__} was given; "
                "give data of the kind that the model is trained on"
            )
        reader = self._reader(names, vectors)
        lengths: list[int] = []
        chunks: list[Chunk] = []
        waiting: list[Any] = []
        for n, sequence in enumerate(data):
            tokens = listed(sequence, n, self.noun)
            lengths.append(len(tokens))
            waiting.extend(tokens)
            if len(waiting) >= CHUNK:
                chunks.append(_read_chunk(reader, waiting, lengths))
                waiting = []
        chunks.append(_read_chunk(reader, waiting, lengths))
        return _matrix(chunks, len(names)), np.array(lengths, np.int64)

    def _fitted(self) -> NameIndex:
        if self._names is None:
            raise ValueError(
                f"this {type(self).__name__} has not learnt its attributes yet; call fit_transform"
            )
        return self._names


class FeatureDictVectorizer(_FeatureVectorizer[FeatureDict]):
    """Turn sequences of feature dicts into `Tokens`, by python-crfsuite's rules.

    ===========================  ==========================  =========
    value of ``key``             attribute                   weight
    ===========================  ==========================  =========
    str ``v``                    ``key:v``                   1
    True                         ``key``                     1
    number ``w``                 ``key``                     w
    list, tuple or set of str    ``key:v`` for each ``v``    1 each
    dict                         ``key:`` and its own        its own
    numpy array                  ``key:0``, ``key:1``, ...   its values
    ===========================  ==========================  =========

    Weights of the same attribute add up. A weight of 0, and so False, is the same as no attribute.
    Keys and values may be bytes, which are read as UTF-8.
    Arrays have one axis, and the same length on every token that has one of that key; they become
    dense values, 0 on tokens without.

    Parameters
    ----------
    min_freq
        Attributes on fewer training tokens are dropped; values of arrays never are.
    keep_zeros
        An attribute of weight 0 is present, as CRFsuite has it: trained on such tokens, a chain
        has a weight for it and the label beside it. The tokens hold the zero.

    Examples
    --------
    >>> vectorizer = FeatureDictVectorizer()
    >>> tokens = vectorizer.fit_transform([[{"word": "The", "title": True}, {"length": 3}]])
    >>> vectorizer.attribute_names()
    ['word:The', 'title', 'length']
    >>> tokens.attributes.toarray()
    array([[1., 1., 0.],
           [0., 0., 3.]])
    >>> tokens = vectorizer.fit_transform([[{"word": "The", "vector": np.array([0.5, -1.0])}]])
    >>> vectorizer.attribute_names(), tokens.dense
    (['word:The', 'vector:0', 'vector:1'], array([[ 0.5, -1. ]]))
    """

    kind = "feature-dicts"
    noun = "dicts of features"

    def __init__(self, min_freq: int = 0, *, keep_zeros: bool = False) -> None:
        super().__init__(min_freq)
        self.keep_zeros = keep_zeros

    def _reader(self, names: NameIndex, vectors: VectorBlocks) -> Reader:
        return DictReader(names, vectors, keep_zeros=self.keep_zeros and names.growing)


class FeatureListVectorizer(_FeatureVectorizer[FeatureList]):
    """Turn sequences of lists of feature strings into `Tokens`.

    Each string is an attribute of weight 1; a repeated one adds up.

    Parameters
    ----------
    min_freq
        Attributes on fewer training tokens are dropped.

    Examples
    --------
    >>> vectorizer = FeatureListVectorizer()
    >>> tokens = vectorizer.fit_transform([[["walk"], ["shop", "walk", "shop"]]])
    >>> vectorizer.attribute_names()
    ['walk', 'shop']
    >>> tokens.attributes.toarray()
    array([[1., 0.],
           [1., 2.]])
    """

    kind = "feature-lists"
    noun = "lists of feature strings"

    def _reader(self, names: NameIndex, vectors: VectorBlocks) -> Reader:
        return ListReader(names)


def _read_chunk(reader: Reader, tokens: list[Any], lengths: list[int]) -> Chunk:
    """The attributes of the last tokens of the sequences; an error says at which token."""
    try:
        return reader.read(tokens)
    except (TypeError, ValueError):
        ends = np.cumsum(lengths)
        for m, token in enumerate(tokens, int(ends[-1]) - len(tokens)):
            try:
                reader.read([token])
            except (TypeError, ValueError) as error:
                n = int(np.searchsorted(ends, m, side="right"))
                where = f"sequence {n}, position {m - ends[n] + lengths[n]}"
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"{where}: {error}") from None
        raise


def _matrix(chunks: list[Chunk], n_attributes: int) -> Matrix:
    """The (M, A) matrix of all chunks."""
    positions = np.concatenate([chunk.positions for chunk in chunks])
    sizes = np.concatenate([chunk.sizes for chunk in chunks])
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    weights = np.ones(len(positions))
    ends = np.cumsum([len(chunk.positions) for chunk in chunks])
    for chunk, end in zip(chunks, ends.tolist(), strict=True):
        if chunk.weights is not None:
            weights[end - len(chunk.positions) : end] = chunk.weights
    return csr(weights, positions, indptr, (len(sizes), n_attributes))

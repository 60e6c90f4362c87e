"""Dicts or lists of features, made by the user's own code, to a sparse matrix.

Letters: N sequences, M tokens in all of them together, A attributes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.strings import Arrays, check_kind, pack_strings, stored, unpack_strings
from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.features.vocabulary import (
    NameIndex,
    check_min_freq,
    csr,
    drop_rare,
    entries_before,
)

FeatureDict: TypeAlias = Mapping[str, Any]
FeatureList: TypeAlias = "list[str] | tuple[str, ...] | set[str] | frozenset[str]"
Features = TypeVar("Features")
GROUPED = (list, tuple, set, frozenset)


class _FeatureVectorizer(ABC, Generic[Features]):
    """What the two have in common: an index of names, learnt and then looked up."""

    kind: ClassVar[str]
    noun: ClassVar[str]

    def __init__(self, min_freq: int = 0) -> None:
        self.min_freq = check_min_freq(min_freq)
        self._names: NameIndex | None = None

    @property
    def n_attributes(self) -> int:
        """A, the number of attributes."""
        return len(self._fitted())

    def fit_transform(self, sequences: Sequence[Sequence[Features]]) -> Tokens:
        """Learn the attributes of training data, and give that data's tokens."""
        self._check(sequences)
        if not any(sequences):
            raise ValueError("there are no tokens to learn attributes from; give one at least")
        names = NameIndex()
        matrix, lengths = self._read(sequences, names)
        matrix, kept = drop_rare(matrix, self.min_freq)
        if not kept.all():
            frequent = (name for name, keep in zip(names, kept.tolist(), strict=True) if keep)
            names = NameIndex((name, a) for a, name in enumerate(frequent))
        names.growing = False
        self._names = names
        return Tokens(matrix, lengths)

    def transform(self, sequences: Sequence[Sequence[Features]]) -> Tokens:
        """The tokens of new data, over the attributes learnt."""
        names = self._fitted()
        self._check(sequences)
        return Tokens(*self._read(sequences, names))

    def attribute_names(self) -> list[str]:
        """The A attributes, in order."""
        return list(self._fitted())

    def to_arrays(self) -> Arrays:
        """All that `transform` needs, as plain numpy arrays by name."""
        arrays: Arrays = {"kind": np.array(self.kind), "min_freq": np.array(self.min_freq)}
        arrays["names"], arrays["name_offsets"] = pack_strings(self._fitted())
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The vectoriser that `to_arrays` stored."""
        check_kind(arrays, cls.kind)
        names = unpack_strings(stored(arrays, "names"), stored(arrays, "name_offsets"))
        self = cls(int(stored(arrays, "min_freq")))
        self._names = NameIndex(zip(names, range(len(names)), strict=True))
        self._names.growing = False
        return self

    @abstractmethod
    def _collect(
        self,
        sequence: Sequence[Features],
        n: int,
        names: NameIndex,
        found: list[int],
        weights: list[float],
        ends: list[int],
    ) -> None:
        """Append the sequence's attributes and their weights, and where each token's end."""

    def _read(
        self, sequences: Sequence[Sequence[Features]], names: NameIndex
    ) -> tuple[Matrix, NDArray[np.int64]]:
        found: list[int] = []
        weights: list[float] = []
        ends = [0]
        for n, sequence in enumerate(sequences):
            self._collect(sequence, n, names, found, weights, ends)
        ids = np.fromiter(found, np.int32, len(found))
        known = ids >= 0
        data = np.fromiter(weights, np.float64, len(weights)) if weights else np.ones(len(ids))
        shape = (len(ends) - 1, len(names))
        matrix = csr(data[known], ids[known], entries_before(known)[ends], shape)
        return matrix, np.fromiter(map(len, sequences), np.int64, len(sequences))

    def _fitted(self) -> NameIndex:
        if self._names is None:
            raise ValueError(
                f"this {type(self).__name__} has not learnt its attributes yet; call fit_transform"
            )
        return self._names

    def _check(self, sequences: Sequence[Sequence[Features]]) -> None:
        check_sequences(sequences, self.noun)


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
    ===========================  ==========================  =========

    Weights of the same attribute add up. A weight of 0, and so False, is the same as no attribute.

    Parameters
    ----------
    min_freq
        Attributes on fewer training tokens are dropped.

    Examples
    --------
    >>> vectorizer = FeatureDictVectorizer()
    >>> tokens = vectorizer.fit_transform([[{"word": "The", "title": True}, {"length": 3}]])
    >>> vectorizer.attribute_names()
    ['word:The', 'title', 'length']
    >>> tokens.attributes.toarray()
    array([[1., 1., 0.],
           [0., 0., 3.]])
    """

    kind = "feature-dicts"
    noun = "dicts of features"

    def _collect(
        self,
        sequence: Sequence[FeatureDict],
        n: int,
        names: NameIndex,
        found: list[int],
        weights: list[float],
        ends: list[int],
    ) -> None:
        for t, features in enumerate(sequence):
            if not isinstance(features, Mapping):
                raise _misfit(n, t, features, "a dict of features")
            for key, value in features.items():
                if type(value) is str and type(key) is str:
                    found.append(names[f"{key}:{value}"])
                    weights.append(1.0)
                    continue
                for name, weight in _expand(key, value, n, t):
                    if weight:
                        found.append(names[name])
                        weights.append(weight)
            ends.append(len(found))


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

    def _collect(
        self,
        sequence: Sequence[FeatureList],
        n: int,
        names: NameIndex,
        found: list[int],
        weights: list[float],
        ends: list[int],
    ) -> None:
        for t, features in enumerate(sequence):
            if not isinstance(features, GROUPED):
                raise _misfit(n, t, features, "a list of feature strings")
            try:
                found.extend(map(names.__getitem__, _ordered(features)))
            except TypeError:
                _refuse_strings(features, n, t)
            ends.append(len(found))


def check_sequences(sequences: Any, noun: str) -> Sequence[Sequence[Any]]:
    """The same sequences, or TypeError unless they are N lists of tokens in a list."""
    if not isinstance(sequences, list | tuple):
        raise TypeError(
            f"data must be a list of sequences, each a list of {noun}, one a token, but a "
            f"{type(sequences).__name__} was given; turn it into such a list"
        )
    for n, sequence in enumerate(sequences):
        if not isinstance(sequence, list | tuple):
            raise TypeError(
                f"sequence {n} is a {type(sequence).__name__}, expected a list of {noun}, one a "
                "token; for a single sequence give [sequence]"
            )
    return sequences


def _expand(key: Any, value: Any, n: int, t: int) -> Iterator[tuple[str, float]]:
    """The attributes that one item of a feature dict stands for, with their weights."""
    where = f"sequence {n}, position {t}"
    if not isinstance(key, str):
        raise TypeError(
            f"{where}: the key {key!r} is a {type(key).__name__}; keys must be str: convert it"
        )
    if isinstance(value, str):
        yield f"{key}:{value}", 1.0
    elif isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
        weight = float(value)
        if not isfinite(weight):
            raise ValueError(
                f"{where}: the attribute {key!r} is {weight}; weights must be finite: leave the "
                "attribute out where its value is not known"
            )
        yield key, weight
    elif isinstance(value, Mapping):
        for inner, deeper in value.items():
            for name, weight in _expand(inner, deeper, n, t):
                yield f"{key}:{name}", weight
    elif isinstance(value, GROUPED):
        try:
            yield from [(f"{key}:{_string(item)}", 1.0) for item in _ordered(value)]
        except TypeError:
            _refuse_strings(value, n, t, f" of the attribute {key!r}")
    else:
        raise TypeError(
            f"{where}: the attribute {key!r} is {value!r}, a {type(value).__name__}, expected a "
            "str, bool, number, dict, or list of str; convert it or leave it out"
        )


def _ordered(strings: Iterable[str]) -> Iterable[str]:
    """Sets in sorted order, so that positions do not depend on the run; else as given."""
    return sorted(strings) if isinstance(strings, set | frozenset) else strings


def _string(item: Any) -> str:
    if not isinstance(item, str):
        raise TypeError
    return item


def _misfit(n: int, t: int, found: Any, expected: str) -> TypeError:
    return TypeError(
        f"sequence {n}, position {t}: the token is {found!r:.60}, a {type(found).__name__}, "
        f"expected {expected}; every token must be of that kind"
    )


def _refuse_strings(strings: Iterable[Any], n: int, t: int, of: str = "") -> NoReturn:
    """Raise TypeError for the first item that is not a str."""
    wrong = next(item for item in strings if not isinstance(item, str))
    raise TypeError(
        f"sequence {n}, position {t}: the feature {wrong!r}{of} is a {type(wrong).__name__}, "
        "expected a str; convert it"
    ) from None

"""The vectorisers behind one protocol, and the choice among them by the kind of data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.feature_readers import GROUPED
from gibbsfactor.features.feature_vectorizers import (
    FeatureDictVectorizer,
    FeatureListVectorizer,
)
from gibbsfactor.features.fixed_vectorizers import SymbolVectorizer, WordVectorizer
from gibbsfactor.features.named_tokens import NamedTokens
from gibbsfactor.features.quadratic_vectorizer import QuadraticVectorizer
from gibbsfactor.features.sequences import Stream, as_sequences, is_matrix, listed
from gibbsfactor.features.strings import Arrays, stored
from gibbsfactor.features.template_vectorizer import TemplateVectorizer
from gibbsfactor.features.templates import Templates
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.features.tokens_vectorizer import TokensVectorizer


class Vectorizer(Protocol):
    """Turns N sequences of one kind into `Tokens`: learns attributes once, then looks them up."""

    kind: ClassVar[str]
    min_freq: int

    @property
    def n_attributes(self) -> int:
        """A, the number of attributes learnt, sparse and dense."""

    @property
    def n_edge_attributes(self) -> int:
        """B, the number of attributes learnt that condition transitions."""

    def fit_transform(self, data: Any, /) -> Tokens:
        """Learn the attributes of training data, and give that data's tokens."""

    def transform(self, data: Any, /) -> Tokens:
        """The tokens of new data, over the attributes learnt; others are absent."""

    def attribute_names(self) -> list[str]:
        """The A attributes, in order: sparse ones, and then dense ones."""

    def edge_names(self) -> list[str]:
        """The B attributes that condition transitions, in order."""

    def only(self, kept: NDArray[np.bool_], /) -> Self:
        """The same without some of the sparse attributes, of each of which is told if it stays."""

    def to_arrays(self) -> Arrays:
        """All that `transform` needs, as plain numpy arrays by name."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], /) -> Self:
        """The vectoriser that `to_arrays` stored."""


def vectorizer_for(
    data: object, templates: Templates | None = None, min_freq: int = 0
) -> Vectorizer:
    """The vectoriser that reads this kind of data, not fitted yet.

    Parameters
    ----------
    data
        `Columns`, which need templates; or sequences of feature dicts; or sequences of lists of
        feature strings; or `Tokens`, or a matrix for each sequence. The first token decides. A
        generator, or a matrix with lengths, goes through `as_sequences` beforehand.
    templates
        Feature templates, for `Columns` only.
    min_freq
        Attributes on fewer training tokens are dropped.

    Raises
    ------
    TypeError
        If the data is of another kind, or the templates do not go with it.
    ValueError
        If there is no token to decide by.

    Examples
    --------
    >>> type(vectorizer_for([[{"word": "dogs"}, {"word": "bark"}]])).__name__
    'FeatureDictVectorizer'
    >>> type(vectorizer_for([[["dogs"], ["bark"]]])).__name__
    'FeatureListVectorizer'
    """
    if isinstance(data, Columns):
        if templates is None:
            raise TypeError(
                "Columns were given without templates; give templates=Templates.chunking(), "
                "or your own with Templates.parse or Templates.from_file"
            )
        return TemplateVectorizer(templates, min_freq)
    if templates is not None:
        raise TypeError(
            f"templates read Columns, but a {type(data).__name__} was given; make Columns with "
            "read_conll or Columns.from_sentences, or leave the templates out"
        )
    if isinstance(data, Tokens | NamedTokens):
        return TokensVectorizer(min_freq)
    if isinstance(data, Iterator):
        raise TypeError(
            f"a {type(data).__name__} can be read only once; make X = as_sequences(X) first, and "
            "give that to both vectorizer_for and fit_transform"
        )
    sequences: Any = data if isinstance(data, Stream) else as_sequences(data)
    if isinstance(sequences, Tokens | NamedTokens):
        return TokensVectorizer(min_freq)
    return _for_token(*_first_token(sequences), min_freq)


def _first_token(sequences: Stream | Iterable[Any]) -> tuple[int, Any]:
    """The first token, and the sequence that it is in."""
    if isinstance(sequences, Stream):
        token = sequences.first_token()
        if token is not None:
            return sequences.n_ahead - 1, token
        n = sequences.n_ahead - 1
    else:
        n = -1
        for n, sequence in enumerate(sequences):
            tokens = listed(sequence, n, "feature dicts or of lists of feature strings")
            if len(tokens):
                return n, tokens[0]
    raise ValueError(
        f"{n + 1} sequences without a token do not tell dicts from lists of features; "
        "give one token at least"
    )


def _for_token(n: int, token: object, min_freq: int) -> Vectorizer:
    if isinstance(token, Mapping):
        return FeatureDictVectorizer(min_freq)
    if isinstance(token, GROUPED):
        return FeatureListVectorizer(min_freq)
    raise TypeError(
        f"sequence {n}, position 0: the token is {token!r:.60}, a {type(token).__name__}, "
        "expected a dict of features or a list of feature strings; "
        + (
            "for arrays of numbers, stack those of a sequence into one matrix with np.stack"
            if hasattr(token, "dtype") or is_matrix(token)
            else "for one feature a token, give [feature]"
        )
    )


def vectorizer_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Vectorizer:
    """The vectoriser of whichever kind that `to_arrays` stored.

    Examples
    --------
    >>> vectorizer = FeatureListVectorizer()
    >>> tokens = vectorizer.fit_transform([[["walk"], ["shop"]]])
    >>> vectorizer_from_arrays(vectorizer.to_arrays()).attribute_names()
    ['walk', 'shop']
    """
    kinds: dict[str, type[Vectorizer]] = {
        cls.kind: cls
        for cls in (
            TemplateVectorizer,
            FeatureDictVectorizer,
            FeatureListVectorizer,
            TokensVectorizer,
            SymbolVectorizer,
            WordVectorizer,
            QuadraticVectorizer,
        )
    }
    kind = str(stored(arrays, "kind"))
    if kind not in kinds:
        raise ValueError(
            f"the stored arrays are of kind {kind!r}, expected one of {sorted(kinds)}; "
            "give what a vectoriser's to_arrays() made"
        )
    return kinds[kind].from_arrays(arrays)

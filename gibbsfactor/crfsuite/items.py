"""Sequences as CRFsuite's users give them: tokens that are dicts, lists of strings, or both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np

from gibbsfactor.features import (
    Columns,
    FeatureDictVectorizer,
    FeatureListVectorizer,
    NamedTokens,
    Tokens,
)
from gibbsfactor.features.feature_readers import GROUPED, ordered
from gibbsfactor.features.sequences import is_matrix
from gibbsfactor.features.strings import decoded
from gibbsfactor.models.linear_chain_crf import LinearChainCRF

AS_IT_IS: tuple[type, ...] = (*GROUPED, Mapping, str, bytes, Columns, NamedTokens, Tokens)


class ItemSequence:
    """The tokens of one sequence, read once: python-crfsuite's class of this name.

    Parameters
    ----------
    pyseq
        Tokens that are feature dicts or lists of feature strings (see `FeatureDictVectorizer` for
        the rules), or another ItemSequence.

    Examples
    --------
    >>> ItemSequence([["foo"], {"bar": {"baz": 1}, "size": 2.5, "odd": False}]).items()
    [{'foo': 1.0}, {'bar:baz': 1.0, 'size': 2.5, 'odd': 0.0}]
    """

    def __init__(self, pyseq: ItemSequence | Iterable[Any]) -> None:
        if isinstance(pyseq, ItemSequence):
            self._items = pyseq.items()
            return
        (tokens,) = _with_dicts(_listed([pyseq]))
        self._items = _named([tokens]).dicts()[0] if tokens else []

    def items(self) -> list[dict[str, float]]:
        """{attribute: weight} of each token."""
        return list(map(dict, self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<ItemSequence of size {len(self)}>"


def to_train(X: Any) -> Any:
    """Sequences whose tokens are of one kind, so that a `LinearChainCRF` can be fitted on them.

    Where dicts and lists stand side by side, the lists become dicts. Anything but sequences of
    the two is left as it is.
    """
    X = _listed(X)
    return _with_dicts(X) if len(_kinds(X)) > 1 else X


def to_tag(X: Any, model: LinearChainCRF) -> Any:
    """Sequences as the model reads them, whether it was fitted on dicts or on lists."""
    X = _listed(X)
    kinds = _kinds(X)
    if isinstance(model.vectorizer_, FeatureDictVectorizer):
        return X if kinds <= {dict} else _with_dicts(X)
    if isinstance(model.vectorizer_, FeatureListVectorizer) and dict in kinds:
        return _named(_with_dicts(X))
    return X


def decoded_labels(y: Any) -> list[Any]:
    """Labels as lists of sequences, bytes being text in UTF-8."""
    sequences = [_plain(labels) for labels in _plain(y)]
    of_labels = chain.from_iterable(x for x in sequences if isinstance(x, list | tuple))
    if not any(issubclass(kind, bytes) for kind in set(map(type, of_labels))):
        return sequences
    return [list(map(decoded_label, x)) if isinstance(x, list | tuple) else x for x in sequences]


def decoded_label(label: Any) -> Any:
    """A label, as text if it is bytes."""
    return decoded(label) if isinstance(label, bytes) else label


def _listed(X: Any) -> Any:
    """Lists of lists of tokens, each a dict or a group of strings; matrices and the like as is."""
    X = _plain(X)
    if not isinstance(X, list | tuple):
        return X
    X = [x.items() if isinstance(x, ItemSequence) else _plain(x) for x in X]
    of_tokens = chain.from_iterable(x for x in X if isinstance(x, list | tuple))
    odd = [kind for kind in set(map(type, of_tokens)) if not issubclass(kind, (dict, *GROUPED))]
    if odd:
        X = [list(map(_plain, x)) if isinstance(x, list | tuple) else x for x in X]
    return X


def _plain(things: Any) -> Any:
    """An array of objects, an iterator or another iterable as a list; the rest as it is."""
    if isinstance(things, np.ndarray) and things.dtype.kind in "OSU":
        return things.tolist()
    keep = isinstance(things, AS_IT_IS) or is_matrix(things)
    return things if keep or not isinstance(things, Iterable) else list(things)


def _kinds(X: Any) -> set[type]:
    """Which of dict and list the tokens are; empty if they are anything else."""
    if not isinstance(X, list | tuple) or not all(isinstance(x, list | tuple) for x in X):
        return set()
    found: set[type] = set()
    for kind in set(map(type, chain.from_iterable(X))):
        if not issubclass(kind, (Mapping, *GROUPED)):
            return set()
        found.add(dict if issubclass(kind, Mapping) else list)
    return found


def _with_dicts(X: Iterable[Iterable[Any]]) -> list[list[Any]]:
    return [[_as_dict(token, n, t) for t, token in enumerate(x)] for n, x in enumerate(X)]


def _as_dict(token: Any, n: int, t: int) -> Any:
    """A group of strings as a dict that says how often each is there."""
    if not isinstance(token, GROUPED):
        return token
    try:
        return dict(Counter(ordered(token)))
    except TypeError as error:
        raise TypeError(f"sequence {n}, position {t}: {error}") from None


def _named(X: list[list[Any]]) -> NamedTokens:
    vectorizer = FeatureDictVectorizer(keep_zeros=True)
    tokens = vectorizer.fit_transform(X)
    return NamedTokens(tokens, tuple(vectorizer.attribute_names()))

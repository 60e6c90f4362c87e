"""Sequences as CRFsuite's users give them: tokens that are dicts, lists of strings, or both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

from gibbsfactor.features import FeatureDictVectorizer, FeatureListVectorizer, NamedTokens
from gibbsfactor.models.linear_chain_crf import LinearChainCRF

GROUPS = (list, tuple, set, frozenset)


class ItemSequence:
    """The tokens of one sequence, read once: python-crfsuite's class of this name.

    Parameters
    ----------
    pyseq
        Tokens that are feature dicts or lists of feature strings (see `FeatureDictVectorizer` for
        the rules), or another ItemSequence.

    Examples
    --------
    >>> ItemSequence([["foo"], {"bar": {"baz": 1}, "size": 2.5}]).items()
    [{'foo': 1.0}, {'bar:baz': 1.0, 'size': 2.5}]
    """

    def __init__(self, pyseq: ItemSequence | Iterable[Any]) -> None:
        if isinstance(pyseq, ItemSequence):
            self._items = pyseq.items()
            return
        tokens = list(map(_as_dict, pyseq))
        self._items = _named([tokens]).dicts()[0] if tokens else []

    def items(self) -> list[dict[str, float]]:
        """{attribute: weight} of each token; weights of 0 are left out."""
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


def _listed(X: Any) -> Any:
    """Iterators read, and item sequences as what they hold."""
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
        X = X.tolist()
    if not isinstance(X, list | tuple | Iterator):
        return X
    return [
        x.items() if isinstance(x, ItemSequence) else list(x) if isinstance(x, Iterator) else x
        for x in X
    ]


def _kinds(X: Any) -> set[type]:
    """Which of dict and list the tokens are; empty if they are anything else."""
    if not isinstance(X, list | tuple) or not all(isinstance(x, list | tuple) for x in X):
        return set()
    found: set[type] = set()
    for kind in set(map(type, chain.from_iterable(X))):
        if not issubclass(kind, (Mapping, *GROUPS)):
            return set()
        found.add(dict if issubclass(kind, Mapping) else list)
    return found


def _with_dicts(X: Iterable[Iterable[Any]]) -> list[list[Any]]:
    return [list(map(_as_dict, x)) for x in X]


def _as_dict(token: Any) -> Any:
    """A list of strings as a dict that says how often each is there."""
    return dict(Counter(token)) if isinstance(token, GROUPS) else token


def _named(X: list[list[Any]]) -> NamedTokens:
    vectorizer = FeatureDictVectorizer()
    tokens = vectorizer.fit_transform(X)
    return NamedTokens(tokens, tuple(vectorizer.attribute_names()))

"""What is asked about: one sequence or several, none, and answers cut into sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gibbsfactor.features import Columns, NamedTokens, Tokens
from gibbsfactor.features.fixed_vectorizers import FixedVectorizer
from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.features.vectorizers import Vectorizer


def are_empty(X: Any) -> bool:
    """Whether X is a list of sequences, if any, without a token."""
    return isinstance(X, list | tuple) and all(isinstance(x, list | tuple) and not x for x in X)


def no_tokens(vectorizer: Vectorizer, n_dense: int, n: int) -> Tokens:
    """n empty sequences."""
    a, b = vectorizer.n_attributes - n_dense, vectorizer.n_edge_attributes
    edges = scipy.sparse.csr_array((0, b)) if b else None
    dense = np.zeros((0, n_dense)) if n_dense else None
    return Tokens(scipy.sparse.csr_array((0, a)), np.zeros(n, np.int64), edges, dense)


def of_one(given: dict[str, Any]) -> dict[str, Any]:
    """What is known of one sequence, as of a list that holds it."""
    return given | ({"known": [given["known"]]} if given.get("known") is not None else {})


def holding_one(x: Any, question: str, fixed: FixedVectorizer | None) -> Any:
    """What holds one sequence, given that or the sequence itself.

    A vectoriser that reads sequences of single observations, and not of features, tells them apart
    in its own way.
    """
    if fixed is not None:
        whole = Sequences.of(x).listed
    else:
        whole = isinstance(x, Columns | Tokens | NamedTokens) or holds_sequences(x)
    single = x if whole else [x]
    if len(single) != 1:
        raise ValueError(f"{question} takes one sequence; got {len(single)} of them")
    return single


def holds_sequences(x: Any) -> bool:
    """Whether x is a list of sequences of tokens, rather than a sequence of tokens."""
    first = x[0] if isinstance(x, list | tuple) and x else None
    token = first[0] if isinstance(first, list | tuple) and first else None
    return isinstance(token, dict | list | tuple | set)


def cut(flat: list[Any], lengths: npt.NDArray[np.int64]) -> list[list[Any]]:
    """Flat answers as sequences of these lengths."""
    ends = np.cumsum(lengths).tolist()
    return [flat[end - n : end] for end, n in zip(ends, lengths.tolist(), strict=True)]

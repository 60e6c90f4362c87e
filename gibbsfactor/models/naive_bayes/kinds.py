"""The kind of each column: as asked for, or from what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any, Literal, get_args

import numpy as np

from gibbsfactor.errors import listed
from gibbsfactor.models.naive_bayes.table import Table
from gibbsfactor.variable import is_missing

Kind = Literal["gaussian", "categorical", "multinomial", "bernoulli"]
Features = str | Sequence[str] | Mapping[Any, str]

KINDS: tuple[str, ...] = get_args(Kind)
SPARSE_KINDS = ("multinomial", "bernoulli")


def kinds_of(features: Any, table: Table) -> tuple[str, ...]:
    """The kind of every column.

    Parameters
    ----------
    features : str, sequence of str, or mapping {column: str}
        One kind or "auto" for all columns, one for each, or some by name or position.
    table : Table

    Raises
    ------
    ValueError
        If there is no such kind or column, or a column is of no kind that can be told.
    """
    asked = _asked(features, table)
    if table.is_sparse:  # there may be very many columns
        return tuple("multinomial" if kind == "auto" else kind for kind in asked)
    return tuple(inferred(table, i) if kind == "auto" else kind for i, kind in enumerate(asked))


def inferred(table: Table, i: int) -> str:
    """The kind that fits what a column holds."""
    column = table.column(i)
    kind = column.dtype.kind
    if getattr(column.dtype, "categories", None) is not None:
        return "categorical"
    if kind in "iuf":
        return "gaussian"
    if kind == "b":
        return "bernoulli"
    if kind != "O":
        raise ValueError(
            f"column {table.names[i]!r} of X holds {column.dtype}; name its kind in features, "
            f"one of {listed(KINDS)}"
        )
    return _of_objects(column.tolist(), table.names[i])


def _of_objects(entries: list[Any], name: object) -> str:
    examples = dict(zip(map(type, entries), entries, strict=True))
    for entry_type, example in examples.items():
        if entry_type.__hash__ is None:
            raise TypeError(
                f"column {name!r} of X holds {example!r:.60}; an entry of this argument must be a "
                "string, a number or another label that is hashable"
            )
    held = [
        t
        for t, example in examples.items()
        if not is_missing(example)
        or (issubclass(t, float) and any(e == e for e in entries if type(e) is t))  # not all NaN
    ]
    truth = [t for t in held if issubclass(t, bool | np.bool_)]
    if held and truth == held:
        return "bernoulli"
    is_numeric = held and not truth and all(issubclass(t, Number) for t in held)
    return "gaussian" if is_numeric else "categorical"


def _asked(features: Any, table: Table) -> list[str]:
    n = table.shape[1]
    if isinstance(features, str):
        return [_known(features, "features")] * n
    if isinstance(features, Mapping):
        asked = ["auto"] * n
        for key, kind in features.items():
            asked[_position(key, table)] = _known(kind, f"features[{key!r}]")
        return asked
    if isinstance(features, Sequence | np.ndarray):
        if len(features) != n:
            raise ValueError(
                f"features lists {len(features)} kinds, but X has {n} columns; list one for each"
            )
        return [_known(kind, f"features[{i}]") for i, kind in enumerate(features)]
    raise TypeError(
        f"features is {features!r:.60}; expected a kind, a sequence of them, one for each column, "
        "or a mapping from names or positions of columns to kinds"
    )


def _known(kind: Any, where: str) -> str:
    if not isinstance(kind, str) or kind not in (*KINDS, "auto"):
        raise ValueError(f"{where} is {kind!r}; the kinds are {listed((*KINDS, 'auto'))}")
    return str(kind)


def _position(key: Any, table: Table) -> int:
    if key in table.names:
        return table.names.index(key)
    is_whole = isinstance(key, int | np.integer) and not isinstance(key, bool)
    if is_whole and 0 <= key < table.shape[1]:
        return int(key)
    raise ValueError(
        f"features names the column {key!r}, which X has not; "
        f"its columns are {listed(table.names, 12)}"
    )

"""Which label may begin a sequence, follow another, end it: label schemes as tables.

A scheme writes chunks of tokens, each of a type, as one label a token: a prefix that says where
in its chunk the token stands, and the type, as in ``B-NP``; ``O`` stands outside of all chunks.

====== ==================================================================================
IOB1   I within a chunk; B begins one only where another of its type ends just before
IOB2   B begins every chunk, I goes on (also BIO)
IOE1   I within a chunk; E ends one only where another of its type begins just behind
IOE2   E ends every chunk, I stands before
IOBES  B begins, I goes on, E ends a chunk of several tokens; S is one of one (also BIOES)
BILOU  as IOBES, with L for E and U for S (also BILUO, BIOUL)
BMEWO  as IOBES, with M for I and W for S (also BMEOW)
BMES   as IOBES, with M for I (also BMESO)
====== ==================================================================================

Letter: L labels.

Source: Tjong Kim Sang & Veenstra (1999), Representing text chunks, section 2, for the first
four; Ratinov & Roth (2009), Design challenges and misconceptions in named entity recognition,
for BILOU.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]

OUTSIDE = "O"
SEPARATORS = "-_"  # between prefix and type


@dataclass(frozen=True)
class _Scheme:
    """What the prefixes of a scheme allow.

    Between two labels of the same type every pair of prefixes may stand, or, where a scheme
    marks both ends of a chunk, those in `same`. Anywhere else a chunk ends or begins: beside O,
    beside another type, at the start and at the end.
    """

    prefixes: str
    begin: str
    end: str
    same: frozenset[str] | None = None


def _both_ends(middle: str, last: str, single: str) -> _Scheme:
    within = {"B" + middle, "B" + last, middle * 2, middle + last}
    border = {before + after for before in (last, single) for after in ("B", single)}
    prefixes = "B" + middle + last + single
    return _Scheme(prefixes, "B" + single, last + single, frozenset(within | border))


_SCHEMES = {
    "IOB1": _Scheme("BI", begin="I", end="BI"),
    "IOB2": _Scheme("BI", begin="B", end="BI"),
    "IOE1": _Scheme("IE", begin="IE", end="I"),
    "IOE2": _Scheme("IE", begin="IE", end="E"),
    "IOBES": _both_ends("I", "E", "S"),
    "BILOU": _both_ends("I", "L", "U"),
    "BMEWO": _both_ends("M", "E", "W"),
    "BMES": _both_ends("M", "E", "S"),
}
_ALSO = {
    "BIO": "IOB2",
    "BIOES": "IOBES",
    "BILUO": "BILOU",
    "BIOUL": "BILOU",
    "BMEOW": "BMEWO",
    "BMESO": "BMES",
}


def allowed_transitions(classes: Sequence[Hashable], scheme: str) -> tuple[Mask, Mask, Mask]:
    """Which labels may begin a sequence, follow each other, and end it, by a label scheme.

    Parameters
    ----------
    classes
        L labels, such as ``B-NP`` or ``O``, in any order. A label may be a prefix alone, as in
        word segmentation, where there is only one type; ``_`` may stand for ``-``.
    scheme
        IOB1, IOB2, IOE1, IOE2, IOBES, BILOU, BMEWO, BMES, or another name of one of these (see
        above); capitals or not.

    Returns
    -------
    start : ndarray of bool, shape (L,)
    pairs : ndarray of bool, shape (L, L)
        ``pairs[i, j]``: whether label j may follow label i.
    end : ndarray of bool, shape (L,)

    Raises
    ------
    TypeError
        If a label is not a string.
    ValueError
        If there is no such scheme, or a label does not follow it.

    Examples
    --------
    >>> start, pairs, end = allowed_transitions(["B-NP", "I-NP", "O"], "IOB2")
    >>> start.tolist()
    [True, False, True]
    >>> pairs.tolist()
    [[True, True, True], [True, True, True], [True, False, True]]
    """
    rules = _rules(scheme)
    parts = [_parts(label, rules) for label in classes]
    for label, part in zip(classes, parts, strict=True):
        if part is None:
            raise ValueError(_does_not_follow(label, classes, scheme))
    prefixes, kinds = zip(*(part or ("", "") for part in parts), strict=True) if parts else ((), ())
    begin = np.array([p == OUTSIDE or p in rules.begin for p in prefixes], bool)
    end = np.array([p == OUTSIDE or p in rules.end for p in prefixes], bool)
    pairs = end[:, None] & begin
    for i, (before, kind) in enumerate(zip(prefixes, kinds, strict=True)):
        for j, (after, other) in enumerate(zip(prefixes, kinds, strict=True)):
            if kind == other and OUTSIDE not in (before, after):
                pairs[i, j] = rules.same is None or before + after in rules.same
    return begin, pairs, end


def _rules(scheme: str) -> _Scheme:
    name = scheme.upper() if isinstance(scheme, str) else scheme
    try:
        return _SCHEMES[_ALSO.get(name, name)]
    except (KeyError, TypeError):
        raise ValueError(
            f"there is no label scheme {scheme!r}; there are {', '.join(_SCHEMES)}, "
            f"and as other names {', '.join(_ALSO)}"
        ) from None


def _parts(label: Hashable, rules: _Scheme) -> tuple[str, str] | None:
    """The prefix and the type of a label, None if it does not follow the scheme."""
    if not isinstance(label, str):
        raise TypeError(
            f"the label {label!r} is a {type(label).__name__}; a label scheme reads strings such "
            "as 'B-NP'; for other labels give the pairs, with Constraints.from_pairs"
        )
    if label == OUTSIDE:
        return OUTSIDE, ""
    if label[:1] and label[0] in rules.prefixes and (len(label) == 1 or label[1] in SEPARATORS):
        return label[0], label[2:]
    return None


def _does_not_follow(label: Hashable, classes: Sequence[Hashable], scheme: str) -> str:
    prefixes = ", ".join(_rules(scheme).prefixes)
    fitting = [name for name, rules in _SCHEMES.items() if all(_parts(c, rules) for c in classes)]
    hint = f"; all of the labels fit {' and '.join(fitting)}" if fitting else ""
    return (
        f"the label {label!r} does not follow {scheme}: expected {OUTSIDE!r}, or {prefixes} before "
        f"a type, as in '{_rules(scheme).prefixes[0]}-NP'{hint}"
    )

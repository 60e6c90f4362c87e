"""Lists of strings as two arrays of numbers, for files that hold no pickle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.generic]]
"""What a fitted vectoriser is stored as: plain numpy arrays by name, none of objects."""


def pack_strings(strings: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """One UTF-8 blob and the offsets of its S strings.

    Parameters
    ----------
    strings
        S strings. Lone surrogates are kept as they are.

    Returns
    -------
    blob : ndarray of uint8, shape (B,)
    offsets : ndarray of int64, shape (S + 1,)
        String s is ``blob[offsets[s]:offsets[s + 1]]``.

    Examples
    --------
    >>> blob, offsets = pack_strings(["dog", "", "é"])
    >>> offsets.tolist()
    [0, 3, 3, 5]
    >>> unpack_strings(blob, offsets)
    ['dog', '', 'é']
    """
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def unpack_strings(blob: NDArray[np.generic], offsets: NDArray[np.generic]) -> list[str]:
    """The strings that `pack_strings` packed.

    Raises
    ------
    ValueError
        If the offsets do not run upwards from 0 to the blob's length.
    """
    data, bounds = blob.astype(np.uint8).tobytes(), offsets.astype(np.int64)
    if not len(bounds) or bounds[0] != 0 or bounds[-1] != len(data) or (np.diff(bounds) < 0).any():
        raise ValueError(
            f"the {len(bounds)} offsets of packed strings must rise from 0 to the blob's "
            f"{len(data)} bytes; the stored arrays are damaged"
        )
    steps = pairwise(bounds.tolist())
    return [data[begin:end].decode("utf-8", "surrogatepass") for begin, end in steps]


def stored(arrays: Mapping[str, NDArray[np.generic]], key: str) -> NDArray[np.generic]:
    """``arrays[key]``, or an error that lists the keys that are there."""
    try:
        return np.asarray(arrays[key])
    except KeyError:
        raise ValueError(
            f"the stored arrays have no {key!r}, only {sorted(arrays)}; "
            "give the mapping that to_arrays() made"
        ) from None


def check_kind(arrays: Mapping[str, NDArray[np.generic]], kind: str) -> None:
    """Raise ValueError unless the arrays were stored by a vectoriser of this kind."""
    found = str(stored(arrays, "kind"))
    if found != kind:
        raise ValueError(
            f"the stored arrays are of kind {found!r}, but {kind!r} was expected; "
            "use vectorizer_from_arrays, which picks by the kind"
        )


def decoded(text: bytes) -> str:
    """Bytes as text, read as UTF-8.

    Raises
    ------
    ValueError
        If they are not UTF-8.
    """
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"the bytes {text!r:.60} are not UTF-8 ({error.reason} at byte {error.start}); decode "
            "them with their own encoding"
        ) from None

"""CQDB: the dictionaries within a CRFsuite model, between strings and the numbers 0 .. n-1.

Layout of a dictionary of n strings, all numbers little-endian, all places from its start: a
header of 24 bytes; 256 pairs (place, slots) of hash tables; one record (number, length, string,
zero byte) for each string; the hash tables; the place of each number's record. A string is in
table ``hash % 256``, in the first free slot from ``hash // 256`` on, cyclically; half of the
slots are free. A slot is the pair (hash, place of the record).

Source: CQDB of CRFsuite 0.12 (Okazaki, 2007); the hash is hashlittle of lookup3 (Jenkins, 2006).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]

MARK = b"CQDB"
BYTE_ORDER = 0x62445371
TABLES = 256
HEADER = np.dtype(
    [
        ("mark", "S4"),
        ("size", "<u4"),
        ("flags", "<u4"),
        ("byte_order", "<u4"),
        ("strings", "<u4"),
        ("places_at", "<u4"),
    ]
)
RECORDS_AT = HEADER.itemsize + 8 * TABLES

# Jenkins' rotations: six of a round between blocks of 12 bytes, seven of the last round.
BETWEEN = (4, 6, 8, 16, 19, 4)
LAST = (14, 11, 25, 16, 4, 14, 24)


def words_at(data: Bytes, places: Integers) -> Integers:
    """The 32-bit numbers at places that need not be aligned.

    Raises
    ------
    ValueError
        If a place lies outside the data.
    """
    if len(places) and (places.min() < 0 or places.max() + 4 > len(data)):
        raise ValueError(f"it refers to byte {places.max() + 4}, but has {len(data)}")
    found: Words = data[places[:, None] + np.arange(4)].view("<u4").ravel()
    return found.astype(np.int64)


def run_of_words(data: Bytes, begin: int, count: int) -> Integers:
    """`count` 32-bit numbers one after the other; raises ValueError beyond the data's end."""
    if begin + 4 * count > len(data):
        raise ValueError(f"it refers to byte {begin + 4 * count}, but has {len(data)}")
    return data[begin : begin + 4 * count].view("<u4").astype(np.int64)


# ---- reading ----------------------------------------------------------------------------------


def read_dictionary(data: Bytes, begin: int, count: int) -> list[str]:
    """The strings of the dictionary at a place in a file, in the order of their numbers.

    Bytes that are not UTF-8 become lone surrogates, as in the names of files.

    Raises
    ------
    ValueError
        If there is no whole dictionary of `count` strings.
    """
    if begin + RECORDS_AT > len(data):
        raise ValueError(f"its dictionary should begin at byte {begin}, but it has {len(data)}")
    header = data[begin : begin + HEADER.itemsize].view(HEADER)[0]
    if header["mark"] != MARK or header["byte_order"] != BYTE_ORDER:
        raise ValueError(f"there is no dictionary at byte {begin}")
    if header["strings"] != count:
        raise ValueError(f"a dictionary has {header['strings']} strings, expected {count}")
    chunk = data[begin : begin + int(header["size"])]
    places = run_of_words(chunk, int(header["places_at"]), count)
    numbers, lengths = words_at(chunk, places), words_at(chunk, places + 4)
    if (numbers != np.arange(count)).any():
        raise ValueError("the records of a dictionary are not where it says they are")
    begins, ends = places + 8, places + 8 + lengths - 1
    if (lengths < 1).any() or (ends >= len(chunk)).any() or lengths.sum() > len(chunk):
        raise ValueError("a string of a dictionary runs beyond its end")
    raw = chunk.tobytes()
    spans = zip(begins.tolist(), ends.tolist(), strict=True)
    strings = [raw[first:last].decode("utf-8", "surrogateescape") for first, last in spans]
    if chunk[ends].any() or any("\0" in string for string in strings):
        raise ValueError("a string of a dictionary does not end where it should")
    return strings


# ---- writing ----------------------------------------------------------------------------------


def dictionary(strings: Sequence[str]) -> bytes:
    """A dictionary of strings, numbered as they stand, as CRFsuite would write it.

    Raises
    ------
    ValueError
        If a string holds a zero byte, which ends strings in this format.
    """
    keys = [string.encode("utf-8", "surrogateescape") + b"\0" for string in strings]
    for key, string in zip(keys, strings, strict=True):
        if b"\0" in key[:-1]:
            raise ValueError(f"{string!r} holds a zero byte, which ends strings in this format")
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    heads = np.stack([np.arange(len(keys)), lengths], axis=1).astype("<u4").tobytes()
    records = b"".join([heads[8 * n : 8 * n + 8] + key for n, key in enumerate(keys)])
    ends = RECORDS_AT + np.cumsum(lengths + 8)
    places = ends - lengths - 8
    hashes = hash_keys(keys)

    references, tables, begin = [], [], RECORDS_AT + len(records)
    order = np.argsort(hashes % TABLES, kind="stable")
    bounds = np.searchsorted(hashes[order] % TABLES, np.arange(TABLES + 1))
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        mine = order[first:last]
        tables.append(_table(hashes[mine], places[mine]))
        references += [begin if len(mine) else 0, 2 * len(mine)]
        begin += len(tables[-1])
    end = begin + 4 * len(keys)
    header = np.zeros(1, HEADER)
    header[0] = (MARK, end, 0, BYTE_ORDER, len(keys), begin if keys else 0)
    parts = [header.tobytes(), _as_words(references), records, *tables, _as_words(places)]
    return b"".join(parts)


def _as_words(numbers: Sequence[int] | Integers) -> bytes:
    """Numbers as 32 bits each; those of a model too large for that are noticed when it is whole."""
    return np.asarray(numbers, np.int64).astype("<u4").tobytes()


def _table(hashes: Words, places: Integers) -> bytes:
    """A hash table, filled in the order given, twice as large as it need be."""
    slots = 2 * len(hashes)
    table = np.zeros((slots, 2), "<u4")
    taken = bytearray(slots)
    for n, home in enumerate(((hashes >> 8) % max(slots, 1)).tolist()):
        slot = taken.find(0, home)
        if slot < 0:
            slot = taken.find(0)
        taken[slot] = 1
        table[slot] = hashes[n], places[n]
    return table.tobytes()


def hash_keys(keys: Sequence[bytes]) -> Words:
    """Jenkins' hashlittle of each key, none of them empty, all in step.

    Examples
    --------
    >>> [hex(h) for h in hash_keys([b"Four score and seven years ago"])]
    ['0x17770551']
    """
    hashes = np.zeros(len(keys), np.uint32)
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    blocks = (lengths + 11) // 12
    for n in np.unique(blocks).tolist():
        mine = np.flatnonzero(blocks == n)
        padded = b"".join([keys[k].ljust(12 * n, b"\0") for k in mine.tolist()])
        block = np.frombuffer(padded, "<u4").reshape(len(mine), n, 3).astype(np.uint32)
        start = (0xDEADBEEF + lengths[mine]).astype(np.uint32)
        state = [start, start.copy(), start.copy()]
        for i in range(n):
            for j in range(3):
                state[j] += block[:, i, j]
            if i < n - 1:
                _mix(state)
        hashes[mine] = _last_mix(state)
    return hashes


def _mix(state: list[Words]) -> None:
    """The round between blocks, in place."""
    for step, shift in enumerate(BETWEEN):
        first, second, third = (state[(step + k) % 3] for k in (0, 1, 2))
        first -= third
        first ^= _rotated(third, shift)
        third += second


def _last_mix(state: list[Words]) -> Words:
    """The hash, after the round behind the last block."""
    for step, shift in enumerate(LAST):
        changed, other = state[(step + 2) % 3], state[(step + 1) % 3]
        changed ^= other
        changed -= _rotated(other, shift)
    return state[2]


def _rotated(words: Words, shift: int) -> Words:
    return (words << np.uint32(shift)) | (words >> np.uint32(32 - shift))

"""Model files: named arrays and a description, no pickle, never half written.

Layout: an 8-byte mark, the length of the header (8 bytes, little-endian), the header (JSON in
UTF-8), then the arrays, each at a multiple of 64 bytes from the start of the file, with its
CRC-32 in the header. The arrays can therefore be mapped into memory as they lie.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import FormatError

MARK = b"\x89gibbsf\n"
ALIGNMENT = 64
MOST_HEADER = 2**28
KINDS = "biufUS"  # numpy kinds that are plain bytes on disk

Arrays = Mapping[str, npt.NDArray[Any]]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write a file aside and move it into place when all of it is on disk.

    Whatever happens on the way, ``path`` holds either what it held before or the whole of what
    was written, and no temporary file stays.
    """
    target = Path(os.path.realpath(path))  # a link stays a link to what is replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(f"can't write {path}: there is no folder {target.parent}")
    if target.is_dir():
        raise IsADirectoryError(f"can't write {path}: it is a folder")
    if target.exists() and not target.is_file():  # a pipe or a device can only be written to
        with open(target, "wb") as file:
            yield file
        return
    aside = target.with_name(f".gibbsfactor-{secrets.token_hex(8)}.part")
    try:
        file = open(aside, "xb")  # noqa: SIM115 - closed below, before it is moved
    except OSError as error:
        raise type(error)(f"can't write {path}: {error.strerror}") from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, aside)
        os.replace(aside, target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_arrays(
    path: str | os.PathLike[str], kind: str, description: Mapping[str, Any], arrays: Arrays
) -> None:
    """Write named arrays and a JSON-able description as a file of one kind.

    Raises
    ------
    TypeError
        If an array is of a kind that would need pickle, or the description is not JSON-able.
    """
    entries: dict[str, Any] = {}
    position = 0
    payload = {}
    for name, given in arrays.items():
        array = np.ascontiguousarray(given).reshape(np.shape(given))
        if array.dtype.kind not in KINDS:
            raise TypeError(f"array {name!r} has type {array.dtype}, which can't go into a file")
        payload[name] = array
        entries[name] = {
            "type": array.dtype.str,
            "shape": list(array.shape),
            "start": position,
            "crc": zlib.crc32(_bytes(array)),
        }
        position += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    header = {"kind": kind, "version": 1, "description": dict(description), "arrays": entries}
    text = json.dumps(header, ensure_ascii=False).encode("utf-8", "surrogatepass")
    text += zlib.crc32(text).to_bytes(4, "little")
    with replacing(path) as file:
        file.write(MARK + len(text).to_bytes(8, "little") + text)
        file.write(b"\0" * (_data_start(len(text)) - len(MARK) - 8 - len(text)))
        for array in payload.values():
            file.write(_bytes(array))
            file.write(b"\0" * (-array.nbytes % ALIGNMENT))


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return memoryview(array.tobytes())


def _data_start(header: int) -> int:
    return -(-(len(MARK) + 8 + header) // ALIGNMENT) * ALIGNMENT


def read_arrays(
    path: str | os.PathLike[str], kind: str
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The description and the arrays of a file that `write_arrays` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file, of another kind, cut short or damaged.
    """
    name = os.fspath(path)
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {name}") from None
    except IsADirectoryError:
        raise FormatError(f"{name} is a folder, expected a {kind} file") from None
    if not data.startswith(MARK):
        found = "is empty" if not data else f"starts with {data[:8]!r}"
        raise FormatError(f"{name} {found}; expected a {kind} file written by gibbsfactor")
    length = int.from_bytes(data[len(MARK) : len(MARK) + 8], "little")
    text = data[len(MARK) + 8 : len(MARK) + 8 + length]
    if length > MOST_HEADER or len(text) < length:
        raise FormatError(f"{name} is cut short: it ends within its header, at byte {len(data)}")
    text, mark = text[:-4], text[-4:]
    if zlib.crc32(text).to_bytes(4, "little") != mark:
        raise FormatError(f"{name} is damaged: the checksum of its header does not match")
    try:
        header = json.loads(text.decode("utf-8", "surrogatepass"))
        found, version = header["kind"], header["version"]
        description, entries = header["description"], header["arrays"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{name} has a damaged header ({error}); write it again") from None
    if not isinstance(entries, dict):
        raise FormatError(f"{name} has a damaged header (its arrays are {entries!r})")
    if found != kind or version != 1:
        raise FormatError(
            f"{name} holds a {found} of format {version}; expected a {kind} of format 1"
        )
    start = _data_start(length)
    return description, {
        key: _read_one(name, key, entry, data, start) for key, entry in entries.items()
    }


def _read_one(
    name: str, key: str, entry: Mapping[str, Any], data: bytes, start: int
) -> npt.NDArray[Any]:
    try:
        dtype = np.dtype(str(entry["type"]))
        shape = tuple(int(n) for n in entry["shape"])
        first = start + int(entry["start"])
        crc = entry["crc"]
    except (KeyError, TypeError, ValueError, OverflowError, SyntaxError) as error:
        raise FormatError(f"{name} has a damaged header for {key!r} ({error})") from None
    if dtype.kind not in KINDS or min(shape, default=0) < 0 or first < start:
        raise FormatError(f"{name} has a damaged header for {key!r}")
    count = 1
    for n in shape:
        count *= n
    last = first + count * dtype.itemsize
    if last > len(data):
        raise FormatError(
            f"{name} is cut short: {key!r} should end at byte {last}, the file at {len(data)}"
        )
    if zlib.crc32(memoryview(data)[first:last]) != crc:
        raise FormatError(f"{name} is damaged: the checksum of {key!r} does not match")
    return np.frombuffer(data, dtype, count, first).reshape(shape)

"""Model files: named arrays and a description, no pickle, never half written.

Layout: an 8-byte mark, the length of the header (8 bytes, little-endian), the header (JSON in
UTF-8, then its CRC-32), then the arrays, each at a multiple of 64 bytes from the start of the
file, with its CRC-32 in the header. The arrays can therefore be mapped into memory as they lie.

Format 1 holds every array as it is. Format 2 may also hold some of them packed, without loss:
whole numbers in a narrower type, or as the steps from each to the next, and any of it deflated.
A packed array is unpacked when it is read; the others can still be mapped. A file says format 2
only where something in it is packed.
"""

from __future__ import annotations

import glob
import io
import json
import mmap
import os
import secrets
import shutil
import stat
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BufferedWriter, FileIO
from math import prod
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import FormatError, listed

MARK = b"\x89gibbsf\n"
NEWEST = 2  # the format of files with packed arrays
ALIGNMENT = 64
MOST_HEADER = 2**28
KINDS = "biufUS"  # numpy kinds that are plain bytes on disk
MAPPABLE = os.name != "nt"  # Windows lets no file be replaced while it is mapped
NARROW = ("<u1", "<i1", "<u2", "<i2", "<u4", "<i4")
DEFLATING = 1  # the higher levels gain a few per cent, in several times as long
WORTH_DEFLATING = 7 / 8  # of the size before; else it is stored as it is, and quicker to read

FileSource: TypeAlias = "str | os.PathLike[str] | IO[bytes]"
"""A path, or a file open for bytes."""

Arrays = Mapping[str, npt.NDArray[Any]]
Bytes = npt.NDArray[np.uint8]


def file_name(file: Any) -> str:
    """What errors call a file: its path, if it has one.

    Raises
    ------
    TypeError
        If it is neither a path nor an open file, or one open for text.
    """
    if isinstance(file, str | os.PathLike):
        return os.fspath(file)
    if isinstance(file, io.TextIOBase):
        raise TypeError(
            f"{getattr(file, 'name', 'the file')} is open for text; open it for bytes, with mode "
            "'rb' or 'wb'"
        )
    if not (hasattr(file, "read") or hasattr(file, "write")):
        advice = "; wrap it in io.BytesIO" if isinstance(file, bytes | bytearray) else ""
        raise TypeError(
            f"a path or a file open for bytes is needed, but a {type(file).__name__} was "
            f"given{advice}"
        )
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else "the file"


@contextmanager
def replacing(path: FileSource) -> Iterator[IO[bytes]]:
    """Write a file aside and move it into place when all of it is on disk.

    Whatever happens on the way, ``path`` holds either what it held before or the whole of what
    was written, and no temporary file stays. (What a process leaves that is killed outright, the
    next one to write the same file removes.) An open file is just written to.

    Raises
    ------
    OSError
        If it can't be written, as where the disk is full; it names ``path``.
    """
    file_name(path)  # raises
    if not isinstance(path, str | os.PathLike):
        yield path
        return
    target = Path(os.path.realpath(path))  # a link stays a link to what is replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(f"can't write {path}: there is no folder {target.parent}")
    if target.is_dir():
        raise IsADirectoryError(f"can't write {path}: it is a folder")
    if target.exists() and not target.is_file():  # a pipe or a device can only be written to
        with BufferedWriter(_Output(target, "wb", path)) as file:
            yield file
        return
    _remove_remains(target)
    aside = target.with_name(f"{_aside(target)}{os.getpid()}-{secrets.token_hex(4)}.part")
    file = BufferedWriter(_Output(aside, "xb", path))  # closed below, before it is moved
    try:
        with file:
            yield file
            file.flush()
            with _naming(path):
                os.fsync(file.fileno())
        with _naming(path):
            if target.exists():
                shutil.copymode(target, aside)
            os.replace(aside, target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


class _Output(FileIO):
    """A file whose errors name the path that it is written for, as a full disk's do not."""

    def __init__(self, path: Path, mode: str, name: str | os.PathLike[str]) -> None:
        self._target = name
        with _naming(name):
            super().__init__(path, mode)

    def write(self, data: Any) -> int:
        with _naming(self._target):
            return super().write(data)


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of the system name this path."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from None


def _aside(target: Path) -> str:
    """How the names of the files begin that are written aside for a target."""
    return f".gibbsfactor-{target.name[:80]}-"


def _remove_remains(target: Path) -> None:
    """Remove what processes that are gone have left of writing this target."""
    remains = list(target.parent.glob(f"{glob.escape(_aside(target))}*-*.part"))
    if not remains:
        return
    import psutil

    for path in remains:
        number = path.name.removeprefix(_aside(target)).split("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            path.unlink(missing_ok=True)


def write_arrays(
    path: FileSource,
    kind: str,
    description: Mapping[str, Any],
    arrays: Arrays,
    *,
    packed: Collection[str] = (),
) -> None:
    """Write named arrays and a JSON-able description as a file of one kind.

    Parameters
    ----------
    path
        Where to, or an open file.
    packed
        Names of the arrays to store in fewer bytes where that can be done without loss. Rising
        positions, offsets, small whole numbers and text become a small part of their size, at
        the cost of being unpacked, instead of mapped, when read. Trained weights gain nothing.

    Raises
    ------
    TypeError
        If an array is of a kind that would need pickle, or the description is not JSON-able.
    ValueError
        If `packed` names an array that is not there.
    """
    if strange := sorted(set(packed) - set(arrays)):
        raise ValueError(f"no array to pack is called {listed(strange)}, only {listed([*arrays])}")
    entries: dict[str, Any] = {}
    payload: list[Bytes] = []
    position = 0
    for name, given in arrays.items():
        array = np.ascontiguousarray(given).reshape(np.shape(given))
        if array.dtype.kind not in KINDS:
            raise TypeError(f"array {name!r} has type {array.dtype}, which can't go into a file")
        entries[name] = {"type": array.dtype.str, "shape": list(array.shape), "start": position}
        stored = array.reshape(-1).view(np.uint8)
        if name in packed:
            shorter, coding = _pack(array)
            if len(shorter) < len(stored):
                stored, entries[name]["packed"] = shorter, coding
        entries[name]["crc"] = zlib.crc32(stored.data)
        payload.append(stored)
        position += -(-len(stored) // ALIGNMENT) * ALIGNMENT
    version = NEWEST if any("packed" in entry for entry in entries.values()) else 1
    header = {
        "kind": kind,
        "version": version,
        "description": dict(description),
        "arrays": entries,
    }
    text = json.dumps(header, ensure_ascii=False).encode("utf-8", "surrogatepass")
    text += zlib.crc32(text).to_bytes(4, "little")
    with replacing(path) as file:
        file.write(MARK + len(text).to_bytes(8, "little") + text)
        file.write(b"\0" * (_data_start(len(text)) - len(MARK) - 8 - len(text)))
        for stored in payload:
            file.write(stored.data)
            file.write(b"\0" * (-len(stored) % ALIGNMENT))


def _data_start(header: int) -> int:
    return -(-(len(MARK) + 8 + header) // ALIGNMENT) * ALIGNMENT


def read_arrays(
    path: FileSource, kind: str, *, mapped: bool = False, verify: bool = True
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The description and the arrays of a file that `write_arrays` wrote; arrays are read-only.

    Parameters
    ----------
    path
        Where it is, or an open file, which is read from where it stands to its end.
    mapped
        Map the file into memory instead of reading it: what was not stored packed is a view of
        the file itself, read from disk as it is touched, and shared by all processes that map
        the same file. `write_arrays` never changes a file in place, so that a model that is
        mapped keeps what it was loaded with when another is saved over it. A program that cuts
        a mapped file short in place would end this one. On Windows, where a mapped file could
        not be replaced, and from a pipe or an open file, it is read.
    verify
        Compare the checksum of every array, which reads the whole file once. Without it only the
        header and all sizes are checked, and the time to load does not grow with the file; a bit
        that flipped on the disk then goes unnoticed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file, of another kind, of a newer format, cut short or damaged.
    """
    name = file_name(path)
    data = _contents(path, kind, mapped)
    header, start = _header(name, kind, data)
    try:
        found, version = header["kind"], header["version"]
        description, entries = header["description"], header["arrays"]
    except (KeyError, TypeError) as error:
        raise FormatError(f"{name} has a damaged header ({error}); write it again") from None
    if isinstance(version, int) and version > NEWEST:
        raise FormatError(
            f"{name} is of format {version}, written by a newer gibbsfactor; this one reads "
            f"formats 1 to {NEWEST}: update gibbsfactor"
        )
    if found != kind or version not in range(1, NEWEST + 1):
        raise FormatError(
            f"{name} holds a {found} of format {version}; expected a {kind} of format 1 to {NEWEST}"
        )
    if not isinstance(entries, dict):
        raise FormatError(f"{name} has a damaged header (its arrays are {entries!r})")
    arrays = {
        key: _read_one(name, key, entry, data, start, verify) for key, entry in entries.items()
    }
    return description, arrays


def _contents(path: FileSource, kind: str, mapped: bool) -> Bytes:
    """The bytes of the file, read or mapped, read-only."""
    if not isinstance(path, str | os.PathLike):
        return np.frombuffer(path.read(), np.uint8)
    name = os.fspath(path)
    if os.path.isdir(path):
        raise FormatError(f"{name} is a folder, expected a {kind} file")
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below; what is mapped stays mapped
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {name}") from None
    with file:
        status = os.fstat(file.fileno())
        if mapped and MAPPABLE and stat.S_ISREG(status.st_mode) and status.st_size:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        return np.frombuffer(file.read(), np.uint8)


def _header(name: str, kind: str, data: Bytes) -> tuple[Any, int]:
    """The header, and where the arrays begin."""
    begin = data[: len(MARK) + 8].tobytes()
    if not begin.startswith(MARK):
        found = "is empty" if not begin else f"starts with {begin[: len(MARK)]!r}"
        raise FormatError(f"{name} {found}; expected a {kind} file written by gibbsfactor")
    length = int.from_bytes(begin[len(MARK) :], "little")
    if length > MOST_HEADER or len(MARK) + 8 + length > len(data):
        raise FormatError(f"{name} is cut short: it ends within its header, at byte {len(data)}")
    text = data[len(MARK) + 8 : len(MARK) + 8 + length].tobytes()
    text, mark = text[:-4], text[-4:]
    if zlib.crc32(text).to_bytes(4, "little") != mark:
        raise FormatError(f"{name} is damaged: the checksum of its header does not match")
    try:
        return json.loads(text.decode("utf-8", "surrogatepass")), _data_start(length)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name} has a damaged header ({error}); write it again") from None


def _read_one(
    name: str, key: str, entry: Mapping[str, Any], data: Bytes, start: int, verify: bool
) -> npt.NDArray[Any]:
    try:
        dtype = np.dtype(str(entry["type"]))
        shape = tuple(int(n) for n in entry["shape"])
        first = start + int(entry["start"])
        crc = entry["crc"]
        coding = _Coding(**entry["packed"]) if "packed" in entry else None
        length = prod(shape) * dtype.itemsize if coding is None else int(coding.bytes)
    except (KeyError, TypeError, ValueError, OverflowError, SyntaxError) as error:
        raise FormatError(f"{name} has a damaged header for {key!r} ({error})") from None
    if (
        dtype.kind not in KINDS
        or not dtype.itemsize
        or min(shape, default=0) < 0
        or len(shape) > 64  # numpy's own bound
        or first < start
        or first % ALIGNMENT
        or length < 0
    ):
        raise FormatError(f"{name} has a damaged header for {key!r}")
    last = first + length
    if last > len(data):
        raise FormatError(
            f"{name} is cut short: {key!r} should end at byte {last}, the file at {len(data)}"
        )
    stored = data[first:last]
    if verify and zlib.crc32(stored.data) != crc:
        raise FormatError(f"{name} is damaged: the checksum of {key!r} does not match")
    if coding is None:
        return stored.view(dtype).reshape(shape)
    try:
        values = _unpack(stored, coding, dtype, prod(shape)).reshape(shape)
    except (ValueError, TypeError, OverflowError, SyntaxError, zlib.error) as error:
        raise FormatError(f"{name} is damaged: {key!r} can't be unpacked ({error})") from None
    values.flags.writeable = False
    return values


# ---- packing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Coding:
    """How an array is packed.

    Its numbers are stored in a narrower type: as they are, or (`steps`) each as its difference
    from the one before, the first from 0, in 64-bit arithmetic that wraps around. A step that is
    too large for the type is stored as the type's largest number, and itself among the
    `escapes`, which come first, 8 bytes each. All of that is deflated where `deflated`.
    """

    type: str
    steps: bool
    escapes: int
    deflated: bool
    bytes: int  # stored in the file


def _pack(array: npt.NDArray[Any]) -> tuple[Bytes, dict[str, Any]]:
    """The shortest packing of an array, which may be longer than the array, and its coding."""
    dtype, steps, escapes = array.dtype, False, np.zeros(0, np.uint64)
    plain = array.reshape(-1)
    if dtype.kind in "iu":
        plain, steps, escapes = _narrowed(plain)
    stored = np.concatenate([escapes.astype("<u8").view(np.uint8), plain.view(np.uint8)])
    deflated = zlib.compress(stored.data, DEFLATING)
    worth = len(deflated) <= WORTH_DEFLATING * len(stored)
    if worth:
        stored = np.frombuffer(deflated, np.uint8)
    return stored, asdict(_Coding(plain.dtype.str, steps, len(escapes), worth, len(stored)))


def _narrowed(
    numbers: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], bool, npt.NDArray[np.uint64]]:
    """Whole numbers in the type that takes the fewest bytes, whether as steps, and the escapes."""
    none = np.zeros(0, np.uint64)
    if not len(numbers):
        return numbers, False, none
    least, most = int(numbers.min()), int(numbers.max())
    fitting = (t for t in NARROW if np.iinfo(t).min <= least and most <= np.iinfo(t).max)
    narrow = np.dtype(next(fitting, numbers.dtype))
    best, size = (narrow, False), len(numbers) * narrow.itemsize
    steps = np.diff(_wrapped(numbers), prepend=np.uint64(0))
    for width in (1, 2, 4):
        limit = np.uint64(2 ** (8 * width) - 1)
        taken = len(numbers) * width + 8 * int(np.count_nonzero(steps >= limit))
        if taken < size:
            best, size = (np.dtype(f"<u{width}"), True), taken
    narrow, as_steps = best
    if not as_steps:
        return numbers.astype(narrow), False, none
    limit = np.uint64(2 ** (8 * narrow.itemsize) - 1)
    return np.minimum(steps, limit).astype(narrow), True, steps[steps >= limit]


def _wrapped(numbers: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Whole numbers modulo 2**64."""
    same = np.uint64 if numbers.dtype.kind == "u" else np.int64
    return numbers.astype(same).view(np.uint64)


def _unpack(stored: Bytes, coding: _Coding, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
    """The numbers that `_pack` packed; raises ValueError where they are not `count`."""
    narrow = np.dtype(coding.type)
    whole = narrow.kind in "iu" and dtype.kind in "iu"
    if not (whole or narrow == dtype) or not 0 <= coding.escapes <= count:
        raise ValueError(f"{coding} is no packing")
    expected = 8 * coding.escapes + count * narrow.itemsize
    if coding.deflated:
        stored = np.frombuffer(zlib.decompressobj().decompress(stored.data, expected + 1), np.uint8)
    if len(stored) != expected:
        raise ValueError(f"found {len(stored)} bytes, expected {expected}")
    escapes, numbers = stored[: 8 * coding.escapes], stored[8 * coding.escapes :].view(narrow)
    if not coding.steps:
        return numbers.astype(dtype)
    steps = numbers.astype(np.uint64)
    large = np.flatnonzero(numbers == np.iinfo(narrow).max)
    if len(large) != coding.escapes:
        raise ValueError(f"found {len(large)} large steps, expected {coding.escapes}")
    steps[large] = escapes.view("<u8")
    np.cumsum(steps, out=steps)
    return steps.view(np.uint64 if dtype.kind == "u" else np.int64).astype(dtype)

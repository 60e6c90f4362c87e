"""Text files, plain or gzip: read whole with errors that name the line, written aside."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import IO, Any, TypeAlias

from gibbsfactor.errors import FormatError
from gibbsfactor.files import replacing

TextSource: TypeAlias = "str | os.PathLike[str] | IO[str] | IO[bytes]"
"""A path, or an open file of text or of bytes."""

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def source_name(source: TextSource) -> str:
    """What errors call the source: its path, or ``<text>`` for an open file without one."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<text>"


def read_text(source: TextSource) -> str:
    r"""The whole text of a plain or gzip file in UTF-8.

    Gzip is known by its first two bytes, whatever the file is called. A byte order mark is
    dropped.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If the text is not UTF-8, naming the line, or if the gzip data is cut short or damaged.

    Examples
    --------
    >>> import io
    >>> read_text(io.BytesIO(b"one\ntwo\n"))
    'one\ntwo\n'
    """
    return read_utf8(source).decode("utf-8")


def read_utf8(source: TextSource) -> bytes:
    """As `read_text`, but left as bytes, once they are found to be UTF-8."""
    name, data = source_name(source), read_unpacked(source)
    data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(
            f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8 "
            f"({error.reason}); save the file as UTF-8"
        ) from None
    return data


def read_unpacked(source: TextSource) -> bytes:
    """The bytes of a plain or gzip file, in whatever encoding; those of text are UTF-8."""
    name, data = source_name(source), _read(source)
    if data.startswith(GZIP_MAGIC) or (not data and name.endswith(".gz")):
        return _gunzip(name, data)
    return data


def write_text(target: TextSource, text: str) -> None:
    """Write text as UTF-8, as gzip where the path ends in ``.gz``.

    The file is written under another name beside the path and then renamed, so that a reader
    meets the old file or the new one and never a part of it. An open file is just written to.
    """
    if not isinstance(target, str | os.PathLike):
        _write_open(target, text)
        return
    data = text.encode("utf-8")
    if os.fspath(target).endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    with replacing(target) as file:
        file.write(data)


def _write_open(file: IO[str] | IO[bytes], text: str) -> None:
    if not hasattr(file, "write"):
        raise TypeError(f"a path or an open file is needed, but a {type(file).__name__} was given")
    write: Any = file.write
    try:
        write(text)
    except TypeError:  # it is open for bytes
        write(text.encode("utf-8"))


def _read(source: TextSource) -> bytes:
    if isinstance(source, str | os.PathLike):
        if "\n" in os.fspath(source):
            raise ValueError(
                f"the path {os.fspath(source)[:40]!r}... holds a line break; "
                "to read text that is already in memory, wrap it in io.StringIO"
            )
        try:
            return Path(source).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{os.fspath(source)}: no such file; check the path, and the folder it starts from"
            ) from None
    if not hasattr(source, "read"):
        raise TypeError(
            f"a path or an open file is needed, but a {type(source).__name__} was given"
        )
    try:
        content = source.read()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{source_name(source)}: {error}; save the file as UTF-8, or open it as bytes"
        ) from None
    if isinstance(content, str):  # a lone surrogate is found with its line when decoded
        return content.encode("utf-8", "surrogatepass")
    return bytes(content)


def _gunzip(name: str, data: bytes) -> bytes:
    if not data:
        raise FormatError(f"{name}: the gzip file is empty; fetch or write it again")
    try:
        return gzip.decompress(data)
    except EOFError:
        raise FormatError(
            f"{name}: the gzip data is cut short after {len(data)} bytes; fetch or write it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(
            f"{name}: the gzip data is damaged ({error}); fetch or write it again"
        ) from None

"""Text files, plain or gzip: read whole with errors that name the line, written aside."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import os
import re
import zlib
from pathlib import Path
from typing import IO, Any, TypeAlias

from gibbsfactor.errors import FormatError
from gibbsfactor.files import replacing

TextSource: TypeAlias = "str | os.PathLike[str] | IO[str] | IO[bytes]"
"""A path, or an open file of text or of bytes."""

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CARRIAGE_RETURNS = re.compile(rb"\r+(?:\n|\Z)")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = ("idna", "punycode", "raw-unicode-escape", "unicode-escape")
_ASCII = bytes(range(32, 127))
_DECLARED = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<\?xml\s[^>]{0,200}?\bencoding\s*=\s*[\"']([!-~]{1,80}?)[\"']"
)


def source_name(source: TextSource) -> str:
    """What errors call the source: its path, or ``<text>`` for an open file without one."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<text>"


def read_text(source: TextSource, encoding: str | None = None) -> str:
    r"""The whole text of a plain or gzip file.

    Gzip is known by its first two bytes, whatever the file is called. UTF-16 and UTF-32 are known
    by their byte order mark, UTF-16 also by a zero as every other byte of the first four; all
    else is UTF-8, unless ``encoding`` says otherwise. The mark is dropped.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If the text is not in its encoding, naming the line, or if the gzip data is cut short or
        damaged.
    ValueError
        If there is no such encoding.

    Examples
    --------
    >>> import io
    >>> read_text(io.BytesIO(b"one\ntwo\n"))
    'one\ntwo\n'
    >>> read_text(io.BytesIO(b"caf\xe9"), encoding="latin-1")
    'café'
    """
    return read_utf8(source, encoding).decode("utf-8")


def read_utf8(source: TextSource, encoding: str | None = None) -> bytes:
    """As `read_text`, but as bytes in UTF-8."""
    name, data = source_name(source), read_unpacked(source)
    check_encoding(encoding)
    if _is_text(source):
        encoding = "utf-8"
    return as_utf8(name, data, encoding or told_encoding(data))


def unix_lines(name: str, data: bytes) -> bytes:
    r"""Lines that end in ``\n``, or in ``\r\n`` or ``\r``, with ``\n`` at each end.

    The last line gets one as well, and byte order marks where files were joined are dropped.

    Raises
    ------
    FormatError
        If a line that ends in ``\n`` holds a ``\r``, which some programs take for the end of a line
        and others do not.
    """
    if b"\r" in data:
        if b"\n" in data:
            data = _CARRIAGE_RETURNS.sub(b"\n", data)
            if b"\r" in data:
                line = data.count(b"\n", 0, data.index(b"\r")) + 1
                raise FormatError(
                    f"{name}, line {line}: found a carriage return within the line, expected line "
                    "ends of one kind; take it out, or make it a line end"
                )
        else:
            data = data.replace(b"\r", b"\n")
    if BYTE_ORDER_MARK in data:
        data = data.replace(b"\n" + BYTE_ORDER_MARK, b"\n")
    return data if data.endswith(b"\n") else data + b"\n"


def read_xml(source: TextSource, encoding: str | None = None) -> bytes:
    """The text of an XML file in UTF-8, as bytes.

    Text is in the encoding that the file declares, unless a byte order mark or ``encoding`` says
    otherwise. A file that declares UTF-16 or UTF-32 in plain ASCII is in UTF-8, and so is one
    that declares ASCII, Latin-1 or Windows-1252 but whose bytes beyond ASCII are all UTF-8.

    Raises
    ------
    FormatError
        As `read_text`, and if the file declares an unknown encoding.
    """
    name, data = source_name(source), read_unpacked(source)
    check_encoding(encoding)
    if _is_text(source):
        return as_utf8(name, data, "utf-8")
    if encoding is None:
        encoding, said = told_encoding(data), _DECLARED.match(data)
        if said is not None and encoding == "utf-8":
            encoding = _declared(name, said[1].decode(), data)
    return as_utf8(name, data, encoding)


def check_encoding(encoding: str | None) -> None:
    """Raise ValueError unless it is None or the name of a text encoding."""
    if encoding is not None and not _is_encoding(encoding):
        raise ValueError(
            f"there is no encoding {encoding!r}; give one that Python knows, such as 'utf-8', "
            "'latin-1', 'cp1252' or 'utf-16'"
        )


def read_ascii(source: TextSource) -> bytes:
    """The text of a file of ASCII words, as bytes; what else is in it is left as it is."""
    data = read_unpacked(source)
    encoding = told_encoding(data)
    if encoding != "utf-8":
        return as_utf8(source_name(source), data, encoding)
    return data.removeprefix(BYTE_ORDER_MARK)


def told_encoding(data: bytes) -> str:
    """The encoding that the first four bytes tell: UTF-16, UTF-32, or else UTF-8."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    head = data[:4]
    if len(head) == 4 and not head[1] and not head[3] and head[0] and head[2]:
        return "utf-16-le"
    if len(head) == 4 and not head[0] and not head[2] and head[1] and head[3]:
        return "utf-16-be"
    return "utf-8"


def as_utf8(name: str, data: bytes, encoding: str) -> bytes:
    """Text in some encoding as UTF-8, without a byte order mark.

    Raises
    ------
    FormatError
        If it is not in that encoding; the message names the line.
    """
    utf8 = codecs.lookup(encoding).name == "utf-8"
    if utf8:
        data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        shown = "UTF-8" if utf8 else encoding
        raise FormatError(
            f"{name}, line {line}: byte 0x{data[error.start]:02x} is not {shown} "
            f"({error.reason}); save the file as UTF-8, or say which encoding it is in, such as "
            "encoding='cp1252'"
        ) from None
    return data if utf8 else text.removeprefix("\ufeff").encode("utf-8", "surrogatepass")


def _is_text(source: TextSource) -> bool:
    """Whether it is a file that is open for text, which is UTF-8 by the time it is read."""
    return hasattr(source, "encoding")


def _is_encoding(encoding: str) -> bool:
    """Whether this is a text encoding that extends ASCII, or UTF-16 or UTF-32."""
    try:
        known = codecs.lookup(encoding).name
        if known.startswith(("utf-16", "utf-32")):
            return True
        return known not in _NO_TEXT and _ASCII.decode(known) == _ASCII.decode()
    except (LookupError, UnicodeError, ValueError, TypeError):
        return False


def _declared(name: str, encoding: str, data: bytes) -> str:
    """The encoding of XML that declares one in ASCII."""
    known = codecs.lookup(encoding).name if _is_encoding(encoding) else None
    if known is None:
        raise FormatError(
            f"{name}, line 1: found the encoding {encoding!r:.40}, which there is not, expected "
            "one such as UTF-8; say which encoding the file is in, as in encoding='utf-8'"
        )
    if known.startswith(("utf-16", "utf-32")):
        return "utf-8"
    if known in ("ascii", "iso8859-1", "cp1252"):
        with contextlib.suppress(UnicodeDecodeError):
            data.decode("utf-8")
            return "utf-8"
    return known


def read_unpacked(source: TextSource) -> bytes:
    """The bytes of a plain or gzip file, in whatever encoding; those of text are in UTF-8."""
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

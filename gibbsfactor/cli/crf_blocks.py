"""Files of tokens read block by block, so that memory does not grow with the file.

A block ends with a sentence. Its errors name the line of the file.
"""

from __future__ import annotations

import codecs
import gzip
import os
import re
import select
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from gibbsfactor.cli.crf_data import STDIN, Named, Reading, check_features, standard_input
from gibbsfactor.errors import FormatError
from gibbsfactor.io.text import BYTE_ORDER_MARK, GZIP_MAGIC, check_encoding, told_encoding

if TYPE_CHECKING:
    from gibbsfactor.features import Columns
    from gibbsfactor.io.crfsuite_text import CRFsuiteText

BLOCK = 2**21  # bytes, some 150,000 tokens
_BREAK = re.compile(rb"\n[ \t\r\v\f]*\n")
_TOKEN = re.compile(rb"^.*[^ \t\r\v\f\n].*$", re.MULTILINE)
_TOKEN_OF_TEXT = re.compile(rb"^(?!-DOCSTART-).*[^ \t\r\v\f\n].*$", re.MULTILINE)
_CONLLU_TOKEN = re.compile(rb"^[0-9]+\t.*$", re.MULTILINE)
_NO_CONLLU = re.compile(rb"^(?![0-9]+[-.][0-9]+\t|#).*[^ \t\r\v\f\n].*$", re.MULTILINE)

Read = TypeVar("Read")


class ColumnBlocks:
    """The columns of a file, block after block, all of one width; no block of an empty file.

    Parameters
    ----------
    path : str
        Of a plain or gzip file; ``-`` is standard input.
    reading : Reading
        How columns are read. Default: as read_conll reads them.
    live : bool
        Do not wait for a full block of standard input when there are whole sentences to go on
        with. Blocks then depend on when the input comes. False where it is a file.

    Attributes
    ----------
    name : what errors call the file
    separator : what parts its columns, a tab or a space
    lines : of the block that was given last, each with whether it is a token; None where every
        line that is not blank is one. Before them those of blocks without tokens, such as comments
    rest : lines after the last block with tokens, once all are given
    """

    def __init__(self, path: str, reading: Reading | None = None, *, live: bool = True) -> None:
        self.path, self.live = path, live and path == "-" and _waits(standard_input())
        self.reading = reading or Reading()
        self.name = STDIN if path == "-" else path
        self.separator = " "
        self.lines: list[tuple[str, bool]] | None = None
        self.rest: list[tuple[str, bool]] = []

    def __iter__(self) -> Iterator[Columns]:
        read = replace(self.reading, encoding=None).read_columns  # blocks are UTF-8
        head, first, place = b"", b"", 0  # the names of columns, and the first token's line, which
        for block, line in blocks(self.path, self.name, self.reading.encoding, live=self.live):
            if line == 0 and self.reading.format == "conllu" and block.startswith(b"#"):
                head = block[: block.find(b"\n") + 1]
            found = self._first_token(block)
            lines = self._lines(block)
            if found is None:
                self.rest += lines or []
                continue
            self.lines = lines if lines is None else self.rest + lines
            self.rest = []
            if not first:  # tell the form of all
                first, place = found[0], line + block.count(b"\n", 0, found.start())
                self.separator = "\t" if b"\t" in first else " "
                before = head + b"\n" * (line - 1) if line and head else b"\n" * line
                yield _read(read, self.name, block, before)
                continue
            gap = b"\n" * (place - 1 if head and place else place)
            before = (head if place else b"") + gap + first + b"\n" * (line - place)
            yield _read(read, self.name, block, before, head + first + b"\n\n")[1:]

    def _first_token(self, block: bytes) -> re.Match[bytes] | None:
        """The first line of a block that holds a token."""
        if self.reading.format == "conllu":
            return _CONLLU_TOKEN.search(block) or _NO_CONLLU.search(block)
        return (_TOKEN_OF_TEXT if self.reading.drop_docstart else _TOKEN).search(block)

    def _lines(self, block: bytes) -> list[tuple[str, bool]] | None:
        from gibbsfactor.io.conll import skipped_lines
        from gibbsfactor.io.text import unix_lines

        if self.reading.format == "conll" and not self.reading.drop_docstart:
            return None
        try:
            data = unix_lines(self.name, block)
            of_columns, drop = self.reading.of_columns, self.reading.drop_docstart
            skipped = skipped_lines(self.name, data, of_columns, drop)
            lines = data.decode().split("\n")[:-1]
        except (FormatError, UnicodeDecodeError):  # told with its line when it is read
            return None
        if skipped is None:
            return None
        tokens = (~skipped).tolist()
        return [
            (line, token and bool(line.strip())) for line, token in zip(lines, tokens, strict=True)
        ]


class FeatureBlocks:
    """The tokens of a file in CRFsuite's text format, block after block, as `ColumnBlocks`."""

    separator = "\t"
    lines = None
    rest: tuple[()] = ()

    def __init__(self, path: str, reading: Reading | None = None, *, live: bool = True) -> None:
        self.path, self.live = path, live and path == "-" and _waits(standard_input())
        self.reading = reading or Reading("crfsuite")
        self.name = STDIN if path == "-" else path

    def __iter__(self) -> Iterator[CRFsuiteText]:
        from gibbsfactor.io import read_crfsuite

        first = True
        for block, line in blocks(self.path, self.name, self.reading.encoding, live=self.live):
            if _TOKEN.search(block) is not None:
                text = _read(read_crfsuite, self.name, block, b"\n" * line)
                if first:
                    check_features(text.tokens, self.name)
                first = False
                yield text


def blocks_of(path: str, reading: Reading, *, live: bool = True) -> ColumnBlocks | FeatureBlocks:
    """The blocks of a file that is read so."""
    kind = FeatureBlocks if reading.format == "crfsuite" else ColumnBlocks
    return kind(path, reading, live=live)


def blocks(
    path: str, name: str, encoding: str | None, *, live: bool
) -> Iterator[tuple[bytes, int]]:
    """Bytes of a file in UTF-8 that end with a sentence, and how many lines come before them."""
    with _opened(path) as stream:
        rest, new, line = b"", 0, 0
        for chunk in _chunks(stream, name, encoding, live):
            if live:
                rest, new = rest + chunk, len(chunk)
            end = _last_break(rest, new)
            if end:
                yield rest[:end], line
                line += rest.count(b"\n", 0, end)
                rest = rest[end:]
            if not live:
                rest, new = rest + chunk, len(chunk)
        if rest:
            yield rest, line


def _last_break(data: bytes, new: int) -> int:
    """Where the last sentence that is whole ends; 0 if none does. Only the end is new."""
    end = data.rfind(b"\n\n", max(len(data) - new - 1, 0))
    if end >= 0:
        return end + 2
    found = list(_BREAK.finditer(data, max(len(data) - new - 100, 0)))
    return found[-1].end() if found else 0


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    if path == "-":
        return nullcontext(standard_input())
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: no such file; check the path, and the folder it starts from"
        ) from None


def _chunks(stream: BinaryIO, name: str, encoding: str | None, live: bool) -> Iterator[bytes]:
    """What the file holds, unpacked, in UTF-8, without a byte order mark."""
    check_encoding(encoding)
    head = stream.read(2)
    if head == GZIP_MAGIC or (not head and name.endswith(".gz")):
        parts = _unpacked(stream, head, name)
    else:
        parts = _raw(stream, head, live)
    first = next(parts, b"")
    while len(first) < len(BYTE_ORDER_MARK) and (more := next(parts, b"")):
        first += more
    encoding = encoding or told_encoding(first)
    if codecs.lookup(encoding).name != "utf-8":
        yield from _decoded(chain([first], parts), name, encoding)
        return
    yield first.removeprefix(BYTE_ORDER_MARK)
    yield from parts


def _decoded(parts: Iterable[bytes], name: str, encoding: str) -> Iterator[bytes]:
    """Text in another encoding, in UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        for part in chain(parts, [None]):
            text = decoder.decode(part or b"", final=part is None)
            line += text.count("\n")
            yield text.encode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{name}, after line {line - 1}: the text is not {encoding} ({error.reason}); say "
            "which encoding it is in, such as encoding='cp1252'"
        ) from None


def _raw(stream: BinaryIO, head: bytes, live: bool) -> Iterator[bytes]:
    chunk = head
    while chunk:
        while len(chunk) < BLOCK:
            if live and not _ready(stream) and len(chunk) > len(head):
                break
            more = _some(stream, BLOCK - len(chunk), live)
            if not more:
                break
            chunk += more
        yield chunk
        head = b""
        chunk = _some(stream, BLOCK, live)


def _some(stream: Any, size: int, live: bool) -> bytes:
    """At most so many bytes; of live input, those that are there."""
    return bytes(stream.read1(size) if live and hasattr(stream, "read1") else stream.read(size))


def _waits(stream: BinaryIO) -> bool:
    """Whether a read may wait for what has not been written yet, as from a pipe or a terminal."""
    try:
        return not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:
        return False


def _ready(stream: BinaryIO) -> bool:
    """Whether more can be read at once; yes where that can't be known."""
    try:
        return bool(select.select([stream], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _unpacked(stream: BinaryIO, head: bytes, name: str) -> Iterator[bytes]:
    if not head:
        raise FormatError(f"{name}: the gzip file is empty; fetch or write it again")
    again: Any = _Again(head, stream)
    try:
        with gzip.GzipFile(fileobj=again) as file:
            while chunk := file.read(BLOCK):
                yield chunk
    except EOFError:
        raise FormatError(
            f"{name}: the gzip data is cut short after {again.count} bytes; fetch or write it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(
            f"{name}: the gzip data is damaged ({error}); fetch or write it again"
        ) from None


class _Again:
    """A stream whose first bytes, read already, come once more."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self.head, self.stream, self.count = head, stream, 0

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes."""
        found, self.head = self.head, b""
        found = found or self.stream.read(size)
        self.count += len(found)
        return found


def _read(
    reader: Callable[[Any], Read], name: str, block: bytes, lines: bytes, before: bytes = b""
) -> Read:
    """What a block holds; its errors are those of the block behind all the lines before it."""
    try:
        return reader(Named(before + block, name))
    except FormatError:
        if lines:
            reader(Named(lines + block, name))
        raise

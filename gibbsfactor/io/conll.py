"""CoNLL files: one token a line, columns side by side, a blank line between sentences."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.errors import FormatError
from gibbsfactor.features.columns import Columns, encode
from gibbsfactor.features.tokens import check_position
from gibbsfactor.io.text import TextSource, read_utf8, source_name, write_text

WHITE = np.zeros(256, bool)
WHITE[list(b" \t\n\r\v\f")] = True
"""The bytes that `bytes.split` splits on. A no-break space is part of a word."""


def read_conll(path_or_file: TextSource, *, columns: Sequence[int] | None = None) -> Columns:
    r"""Read a CoNLL file, plain or gzip.

    If the first token's line holds a tab, every line is split on tabs, so that a field may hold
    spaces or be empty; else on runs of white space. Lines that hold nothing but white space part
    the sentences.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    columns
        The columns to keep, in this order; negative ones count from the end. Default: all.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If lines differ in their number of columns, there is no token, the text is not UTF-8, or
        the gzip data is cut short; the message names the file and the line.

    Examples
    --------
    >>> import io
    >>> columns = read_conll(io.StringIO("dogs N B\nbark V O\n\nrun V O\n"))
    >>> columns.sentences()
    [[('dogs', 'N', 'B'), ('bark', 'V', 'O')], [('run', 'V', 'O')]]
    """
    name = source_name(path_or_file)
    data = read_utf8(path_or_file)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    lines = _Lines.of(data)
    width = _check_lines(name, data, lines)
    kept = range(width) if columns is None else _check_kept(name, columns, width)
    if lines.tabs:
        flat = b"\t".join(compress(data.split(b"\n"), lines.filled)).split(b"\t")
    else:
        flat = data.split()
    coded = [encode(flat[c::width]) for c in kept]
    return Columns(
        tuple(tuple(field.decode() for field in fields) for fields, _ in coded),
        np.stack([codes for _, codes in coded]),
        _run_lengths(lines.filled),
    )


def write_conll(path: str | os.PathLike[str], columns: Columns, *, separator: str = " ") -> None:
    r"""Write columns as a CoNLL file that `read_conll` reads back as they were.

    The file is written aside and then renamed; a path that ends in ``.gz`` makes it gzip.

    Parameters
    ----------
    path
        Where to.
    columns
        What. No sentence may be empty, since nothing would part it from the next.
    separator
        A space, or a tab, with which fields may hold spaces or be empty.

    Raises
    ------
    ValueError
        If something would not be read back as it is; nothing is written.
    """
    if separator not in (" ", "\t"):
        raise ValueError(f"separator must be a space or a tab, but is {separator!r}")
    if not isinstance(columns, Columns):
        raise TypeError(
            f"columns must be Columns, but a {type(columns).__name__} was given; "
            "make them with Columns.from_sentences"
        )
    if not len(columns) or not columns.lengths.all():
        empty = int(np.flatnonzero(columns.lengths == 0)[0]) if len(columns) else None
        raise ValueError(
            "a CoNLL file cannot hold "
            + ("no sentence at all" if empty is None else f"an empty sentence (sentence {empty})")
            + "; drop it"
        )
    sentences = columns.sentences()
    _check_fields(columns, sentences, separator)
    write_text(
        path,
        "\n".join(
            "".join(f"{separator.join(token)}\n" for token in sentence) for sentence in sentences
        ),
    )


@dataclass(frozen=True, eq=False)
class _Lines:
    """The lines of a text: which of them hold a token, and how many fields each has."""

    filled: NDArray[np.bool_]
    fields: NDArray[np.int64]
    tabs: bool

    @classmethod
    def of(cls, data: bytes) -> _Lines:
        raw = np.frombuffer(data, np.uint8)
        white = WHITE[raw]
        begins = ~white
        begins[1:] &= white[:-1]
        ends = np.flatnonzero(raw == ord("\n"))
        words = _count_before(np.flatnonzero(begins), ends)
        filled = words > 0
        tabs = _count_before(np.flatnonzero(raw == ord("\t")), ends)
        first = int(np.argmax(filled))
        if tabs[first]:
            return cls(filled, tabs + 1, True)
        return cls(filled, words, False)


def _count_before(places: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the sorted places lie in each line, given where the lines end."""
    return np.diff(np.searchsorted(places, ends), prepend=0)


def _run_lengths(filled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(filled.view(np.int8), prepend=0, append=0))
    return edges[1::2] - edges[::2]


def _check_lines(name: str, data: bytes, lines: _Lines) -> int:
    """The number of columns, the same on every line that holds a token."""
    if not lines.filled.any():
        raise FormatError(f"{name}: there is no token in it, expected one a line")
    first = int(np.argmax(lines.filled))
    width = int(lines.fields[first])
    ragged = lines.filled & (lines.fields != width)
    if ragged.any():
        bad = int(np.argmax(ragged))
        comment = data.split(b"\n", first + 1)[first].startswith(b"#")
        raise FormatError(
            f"{name}, line {bad + 1}: found {lines.fields[bad]} columns, expected {width} as on "
            f"line {first + 1} (split on {'tabs' if lines.tabs else 'white space'}); "
            + ("take out comment lines" if comment else "every token needs all columns")
        )
    return width


def _check_kept(name: str, columns: Sequence[int], width: int) -> list[int]:
    try:
        kept = [check_position(column, width, "column") for column in columns]
    except IndexError as error:
        raise IndexError(f"{name}: {error}") from None
    if not kept:
        raise ValueError(f"{name}: no column was asked for; name one at least of the {width}")
    return kept


def _check_fields(columns: Columns, sentences: list[list[tuple[str, ...]]], separator: str) -> None:
    """Raise ValueError unless every field comes back as it is."""
    if sentences[0][0][0].startswith("\ufeff"):
        raise ValueError(
            f"the first field, {sentences[0][0][0]!r}, begins with a byte order mark, which "
            "readers drop; take it out"
        )
    spaced = separator == "\t" and columns.n_columns > 1
    broken = re.compile(r"[\t\n\r]" if spaced else r"[ \t\n\r\v\f]|^\Z")
    for c, strings in enumerate(columns.vocabularies):
        for code in np.unique(columns.codes[c]).tolist():
            string = strings[code]
            if broken.search(string):
                raise ValueError(
                    f"column {c} has the value {string!r}, which would not be read back; "
                    + (
                        "take tabs and line breaks out of it"
                        if spaced
                        else "take white space out of it, fill it if empty, or write two or more "
                        "columns with separator='\\t'"
                    )
                )
    if spaced:
        for n, sentence in enumerate(sentences):
            for t, token in enumerate(sentence):
                if not "".join(token).strip(" \v\f"):
                    raise ValueError(
                        f"sentence {n}, position {t}: a token of white space alone would be read "
                        "back as the end of a sentence; give it a value"
                    )

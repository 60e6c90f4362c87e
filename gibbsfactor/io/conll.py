"""CoNLL files: one token a line, columns side by side, a blank line between sentences."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.errors import FormatError, listed
from gibbsfactor.features.columns import Columns, encode
from gibbsfactor.features.tokens import check_position
from gibbsfactor.io.text import TextSource, read_utf8, source_name, unix_lines, write_text

ConllFormat: TypeAlias = Literal["conll", "conllu"]
FORMATS: tuple[ConllFormat, ...] = ("conll", "conllu")
CONLLU = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
DOCSTART = b"-DOCSTART-"
_CONLLU = re.compile(rb"#|([0-9]+)\t|[0-9]+[-.][0-9]+\t")  # a group where it is a token
_GLOBAL_COLUMNS = re.compile(rb"#\s*global\.columns\s*=([^\n]*)")
_LATE_COLUMNS = re.compile(rb"\n#[ \t]*global\.columns[ \t]*=")
_LAST_SPACES = re.compile(rb" +\n")
WHITE = np.zeros(256, bool)
WHITE[list(b" \t\n\r\v\f")] = True
"""The bytes that `bytes.split` splits on. A no-break space is part of a word."""


def read_conll(
    path_or_file: TextSource,
    *,
    columns: Sequence[int | str] | None = None,
    format: ConllFormat = "conll",
    drop_docstart: bool = False,
    encoding: str | None = None,
) -> Columns:
    r"""Read a CoNLL or CoNLL-U file, plain or gzip.

    If the first token's line holds a tab, every line is split on tabs, so that a field may hold
    spaces or be empty, and spaces at the end of a line are left out; else on runs of white space.
    Lines that hold nothing but white space part the sentences. Lines end in ``\n``, ``\r\n`` or
    ``\r``.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    columns
        The columns to keep, in this order; negative ones count from the end. Those of CoNLL-U may
        be given by name, such as ["FORM", "UPOS"]. Default: all.
    format
        "conll", or "conllu" for CoNLL-U: ten columns parted by tabs. Comment lines, ranges such as
        1-2 and empty nodes such as 2.1 are left out. Other columns, as CoNLL-U Plus has them, are
        known by name where the first line is ``# global.columns = ID FORM ...``, else by number.
    drop_docstart
        Leave out lines that begin with ``-DOCSTART-``, which part documents in some files and
        else are sentences of one token.
    encoding
        The encoding of bytes, such as "latin-1". Default: that of a byte order mark, else UTF-8.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If lines differ in their number of columns, there is no token, the text is not in its
        encoding, or the gzip data is cut short; the message names the file and the line.
    IndexError, ValueError
        If there is no such column.

    Notes
    -----
    Source: https://universaldependencies.org/format.html, and https://universaldependencies.org/
    ext-format.html for CoNLL-U Plus.

    Examples
    --------
    >>> import io
    >>> columns = read_conll(io.StringIO("dogs N B\nbark V O\n\nrun V O\n"))
    >>> columns.sentences()
    [[('dogs', 'N', 'B'), ('bark', 'V', 'O')], [('run', 'V', 'O')]]
    """
    name = source_name(path_or_file)
    data = unix_lines(name, read_utf8(path_or_file, encoding))
    lines = _Lines.of(data, skipped_lines(name, data, format, drop_docstart))
    if lines.tabs and b" \n" in data:
        data = _LAST_SPACES.sub(b"\n", data)
    width = _check_lines(name, data, lines)
    names = _names(name, data, width) if format == "conllu" else ()
    kept = range(width) if columns is None else _check_kept(name, columns, width, names)
    split = data.split(b"\n")
    if lines.tabs:
        flat = b"\t".join(compress(split, lines.tokens)).split(b"\t")
    else:
        flat = (b"\n".join(compress(split, lines.tokens)) if lines.skips else data).split()
    coded = [encode(flat[c::width]) for c in kept]
    return Columns(
        tuple(tuple(field.decode() for field in fields) for fields, _ in coded),
        np.stack([codes for _, codes in coded]),
        lines.lengths(),
    )


def skipped_lines(
    name: str, data: bytes, format: ConllFormat, drop_docstart: bool = False
) -> NDArray[np.bool_] | None:
    """Which lines are neither tokens nor blank: of CoNLL-U, and -DOCSTART-; None if none can be.

    Raises
    ------
    FormatError
        If a line of CoNLL-U does not begin with an ID, or IDs do not grow within a sentence.
    """
    if format not in FORMATS:
        raise ValueError(f"format is {format!r}; it must be 'conll' or 'conllu'")
    if format == "conll":
        if not drop_docstart or DOCSTART not in data:
            return None
        return np.array([line.startswith(DOCSTART) for line in data.split(b"\n")[:-1]])
    skipped, before = [], -1
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        found = _CONLLU.match(line)
        if found is None and line.strip() and not (drop_docstart and line.startswith(DOCSTART)):
            shown = line.split(b"\t")[0].decode()[:40]
            raise FormatError(
                f"{name}, line {number}: found {shown!r}, expected a line of CoNLL-U: an ID such "
                "as 1, 1-2 or 1.1 before a tab, or a comment that begins with #; columns without "
                "IDs have the format 'conll'"
            )
        place = None if found is None or found[1] is None else int(found[1])
        if place is not None and place <= before:
            raise FormatError(
                f"{name}, line {number}: found the ID {place} after {before} in one sentence, "
                "expected a greater one; put a blank line between sentences"
            )
        if place is not None or not line.strip():
            before = -1 if place is None else place
        skipped.append(place is None and (found is not None or line.startswith(DOCSTART)))
    return np.array(skipped)


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
    tokens: NDArray[np.bool_]  # those that are filled and not skipped
    fields: NDArray[np.int64]
    tabs: bool

    @classmethod
    def of(cls, data: bytes, skipped: NDArray[np.bool_] | None) -> _Lines:
        raw = np.frombuffer(data, np.uint8)
        white = WHITE[raw]
        begins = ~white
        begins[1:] &= white[:-1]
        ends = np.flatnonzero(raw == ord("\n"))
        words = _count_before(np.flatnonzero(begins), ends)
        filled = words > 0
        tokens = filled if skipped is None else filled & ~skipped
        tabs = _count_before(np.flatnonzero(raw == ord("\t")), ends)
        first = int(np.argmax(tokens))
        if tabs[first]:
            return cls(filled, tokens, tabs + 1, True)
        return cls(filled, tokens, words, False)

    @property
    def skips(self) -> bool:
        """Whether lines are left out."""
        return self.tokens is not self.filled

    def lengths(self) -> NDArray[np.int64]:
        """How many tokens each sentence has, which has some."""
        if not self.skips:
            return _run_lengths(self.filled)
        sentence = np.cumsum(~self.filled)
        return np.unique(sentence[self.tokens], return_counts=True)[1]


def _count_before(places: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the sorted places lie in each line, given where the lines end."""
    return np.diff(np.searchsorted(places, ends), prepend=0)


def _run_lengths(filled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(filled.view(np.int8), prepend=0, append=0))
    return edges[1::2] - edges[::2]


def _check_lines(name: str, data: bytes, lines: _Lines) -> int:
    """The number of columns, the same on every line that holds a token."""
    if not lines.tokens.any():
        raise FormatError(f"{name}: there is no token in it, expected one a line")
    first = int(np.argmax(lines.tokens))
    width = int(lines.fields[first])
    ragged = lines.tokens & (lines.fields != width)
    if ragged.any():
        bad = int(np.argmax(ragged))
        comment = data.split(b"\n", first + 1)[first].startswith(b"#")
        raise FormatError(
            f"{name}, line {bad + 1}: found {lines.fields[bad]} columns, expected {width} as on "
            f"line {first + 1} (split on {'tabs' if lines.tabs else 'white space'}); "
            + (
                "take out comment lines, or read CoNLL-U as such, with format='conllu'"
                if comment
                else "every token needs all columns"
            )
        )
    return width


def _names(name: str, data: bytes, width: int) -> tuple[str, ...]:
    """The names of the columns of CoNLL-U; none where they are not known."""
    found = _GLOBAL_COLUMNS.match(data)
    if found is None and (late := _LATE_COLUMNS.search(data)) is not None:
        number = data.count(b"\n", 0, late.end()) + 1
        raise FormatError(
            f"{name}, line {number}: found # global.columns, "
            "expected on the first line; move it there"
        )
    names = tuple(found[1].decode().split()) if found is not None else CONLLU
    if found is not None and len(names) != width:
        raise FormatError(
            f"{name}, line 1: found {len(names)} names of columns, expected {width}, one for each "
            "column of the tokens"
        )
    return names if len(names) == width else ()


def _check_kept(
    name: str, columns: Sequence[int | str], width: int, names: tuple[str, ...]
) -> list[int]:
    if isinstance(columns, str):
        raise TypeError(f"columns is the string {columns!r}; give a list, such as [{columns!r}]")
    kept = []
    for column in columns:
        if isinstance(column, str):
            if column.upper() not in (known := [known.upper() for known in names]):
                raise ValueError(
                    f"{name}: there is no column {column!r}; "
                    + (
                        f"there are {listed(names)}"
                        if names
                        else f"its {width} columns have no names, give numbers: 0 is the first "
                        "one. Names are those of CoNLL-U's ten columns, with format='conllu'"
                    )
                )
            kept.append(known.index(column.upper()))
            continue
        try:
            kept.append(check_position(column, width, "column"))
        except IndexError as error:
            raise IndexError(f"{name}: {error}") from None
    if not kept:
        raise ValueError(f"{name}: no column was asked for; name one at least of the {width}")
    return kept


def _check_fields(columns: Columns, sentences: list[list[tuple[str, ...]]], separator: str) -> None:
    """Raise ValueError unless every field comes back as it is."""
    marked = next((s[0] for s in chain(*sentences) if s[0].startswith("\ufeff")), None)
    if marked is not None:
        raise ValueError(
            f"the first field of a line, {marked!r}, begins with a byte order mark, which "
            "readers drop; take it out"
        )
    spaced = separator == "\t" and columns.n_columns > 1
    for c, strings in enumerate(columns.vocabularies):
        last = spaced and c == columns.n_columns - 1
        broken = re.compile(
            r"[\t\n\r]| \Z" if last else r"[\t\n\r]" if spaced else r"[ \t\n\r\v\f]|^\Z"
        )
        for code in np.unique(columns.codes[c]).tolist():
            string = strings[code]
            if broken.search(string):
                raise ValueError(
                    f"column {c} has the value {string!r}, which would not be read back; "
                    + (
                        "take tabs and line breaks out of it, and spaces at the end of a line"
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

"""Files of tokens, read whole: columns, or CRFsuite's text of labels and features."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from gibbsfactor.features import Columns, NamedTokens
    from gibbsfactor.io.conll import ConllFormat

STDIN = "<stdin>"
UNKNOWN = "?"
"""What stands for a label not known, unless --unknown says otherwise."""


class Named(io.BytesIO):
    """Bytes that know what errors shall call them."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def standard_input() -> BinaryIO:
    """Standard input as bytes."""
    if sys.stdin is None:  # the shell has closed it, with <&-
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard input")
    stream = getattr(sys.stdin, "buffer", None)
    return cast(BinaryIO, stream) if stream else io.BytesIO(sys.stdin.read().encode())


def read_source(path: str) -> Any:
    """What the readers take: the path itself, or what standard input holds."""
    return path if path != "-" else Named(standard_input().read(), STDIN)


@dataclass(frozen=True, eq=False)
class Labelled:
    """The sequences of a file and their labels.

    Attributes
    ----------
    name : of the file, in errors
    data : Columns without the label, or NamedTokens
    labels : for each sequence its labels; None where one is not known
    weights : of the sequences, where CRFsuite's text gives them
    """

    name: str
    data: Columns | NamedTokens
    labels: list[list[Any]]
    weights: Any = None

    @property
    def n_tokens(self) -> int:
        """How many tokens there are."""
        return int(self.data.lengths.sum())


@dataclass(frozen=True, eq=False)
class Reading:
    """How a file of tokens is read, as the options of `add_format` say it.

    Raises
    ------
    ValueError
        If the options do not go together.
    """

    format: str = "conll"
    columns: list[int | str] | None = None
    drop_docstart: bool = False
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.format == "crfsuite" and (self.columns is not None or self.drop_docstart):
            option = "--drop-docstart" if self.columns is None else "--columns"
            raise ValueError(f"{option} is for files of columns, not for CRFsuite's text")
        if self.format == "conllu" and self.columns is None:
            raise ValueError(
                "CoNLL-U needs --columns, those that the templates read, such as --columns FORM; "
                "where the tokens have labels these come last, as in --columns FORM,UPOS"
            )

    @classmethod
    def of(cls, arguments: argparse.Namespace, format: str | None = None) -> Reading:
        """What the arguments say; ``format`` goes before theirs."""
        return cls(
            format or arguments.format or "conll",
            arguments.columns,
            arguments.drop_docstart,
            arguments.encoding,
        )

    def read_columns(self, source: Any) -> Columns:
        """The columns of a path or an open file."""
        from gibbsfactor.io import read_conll

        return read_conll(
            source,
            columns=self.columns,
            format=self.of_columns,
            drop_docstart=self.drop_docstart,
            encoding=self.encoding,
        )

    @property
    def of_columns(self) -> ConllFormat:
        """The format as `read_conll` has it."""
        return "conllu" if self.format == "conllu" else "conll"


def read_labelled(path: str, reading: Reading, unknown: str | None = None) -> Labelled:
    """Read a file whose tokens have labels; ``unknown`` is what stands for a label not known.

    Raises
    ------
    FormatError
        As the readers do, if there is no column but one, or if a label is empty.
    """
    name = STDIN if path == "-" else path
    if reading.format == "crfsuite":
        from gibbsfactor.io import read_crfsuite

        text = read_crfsuite(read_source(path), encoding=reading.encoding)
        check_features(text.tokens, name)
        return Labelled(name, text.tokens, _opened(text.labels, unknown), text.weights)
    columns = read_columns(path, reading)
    labels = columns.labels()
    if "" in columns.vocabularies[-1]:
        from gibbsfactor.errors import FormatError

        n = next(n for n, sentence in enumerate(labels) if "" in sentence)
        raise FormatError(
            f"{name}, sentence {n}, position {labels[n].index('')}: the label, which is the last "
            "column, is empty; give one, or the text of --unknown where it is not known, or say "
            "with --columns where the labels are"
        )
    return Labelled(name, columns.drop(), _opened(labels, unknown))


def check_features(tokens: NamedTokens, name: str) -> None:
    """Raise FormatError if no token has a feature, as when columns are read as CRFsuite's text."""
    from gibbsfactor.errors import FormatError

    if not tokens.names:
        raise FormatError(
            f"{name}: no token has a feature; expected CRFsuite's text, where a tab comes after "
            "the label and after each feature (crf convert makes it of columns)"
        )


def read_columns(path: str, reading: Reading) -> Columns:
    """Read columns of which the last is the label.

    Raises
    ------
    FormatError
        As `read_conll`, and if there is no column but one.
    """
    from gibbsfactor.errors import FormatError

    columns = reading.read_columns(read_source(path))
    if columns.n_columns < 2:
        raise FormatError(
            f"{STDIN if path == '-' else path}: found 1 column, expected at least 2: those that "
            "templates read, and the label as the last one"
        )
    return columns


def _opened(labels: list[list[str]], unknown: str | None) -> list[list[Any]]:
    """Labels with None where one is not known."""
    if unknown is None or not any(unknown in sequence for sequence in labels):
        return cast(list[list[Any]], labels)
    return [[None if label == unknown else label for label in sequence] for sequence in labels]

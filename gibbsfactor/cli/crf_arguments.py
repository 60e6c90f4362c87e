"""What the parsers of `gibbsfactor crf` have in common: their form, and kinds of values."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

FILES = """\
Files hold one token a line, its columns side by side, and a blank line between sentences; columns
are split on tabs if the first line has one, else on white space. They are UTF-8, plain or gzip;
- is standard input. Of CoNLL-U, comments, ranges (1-2) and empty nodes (2.1) are no tokens.
"""
SCHEMES = "IOB1, IOB2, IOE1, IOE2, IOBES, BILOU, BMEWO or BMES"

Subparsers = argparse._SubParsersAction


def add_command(
    subparsers: Subparsers[argparse.ArgumentParser],
    name: str,
    what: str,
    description: str,
    epilog: str,
) -> argparse.ArgumentParser:
    """Add the parser of a command; its texts are printed as they are."""
    return subparsers.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.\n\n{description}",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_format(parser: argparse._ActionsContainer, default: str, *, crfsuite: bool = True) -> None:
    """The options that say how a file of tokens is to be read."""
    formats = ["conll", "conllu", "crfsuite"] if crfsuite else ["conll", "conllu"]
    what = "conll: columns; conllu: CoNLL-U"
    if crfsuite:
        what += "; crfsuite: CRFsuite's text of label and features"
    parser.add_argument("--format", choices=formats, help=f"{what} ({default})")
    parser.add_argument(
        "--columns",
        type=column_list,
        metavar="A,B",
        help="columns to read, in this order: from 0 or -1, or CoNLL-U's names (all)",
    )
    parser.add_argument(
        "--drop-docstart", action="store_true", help="leave out lines that begin with -DOCSTART-"
    )
    parser.add_argument("--encoding", metavar="NAME", help="of the tokens, where it is not UTF-8")


def add_report(parser: argparse.ArgumentParser, quiet: str) -> None:
    """The options for figures in a file, and for none on the screen."""
    parser.add_argument("--report", metavar="FILE", help="file to write figures to, as JSON")
    parser.add_argument("--quiet", action="store_true", help=quiet)


def number(text: str) -> float:
    """A finite number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"is {text}; it must be a finite number of at least 0")
    return value


def whole(least: int) -> Callable[[str], int]:
    """A whole number of at least ``least``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"is {text}; it must be a whole number from {least}")
        return value

    return read


def column(text: str) -> int:
    """The place of a column: counted from 0, or from the right with -1, -2, ..."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"is {text}; it must be a whole number: 0 is the first column, -1 the last"
        ) from None


def column_list(text: str) -> list[int | str]:
    """Columns by number or by name, parted by commas.

    >>> column_list("1,-1,UPOS")
    [1, -1, 'UPOS']
    """
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(
            f"is {text}; it must be columns parted by commas, such as FORM,UPOS or 0,-1"
        )
    return [int(word) if word.lstrip("-").isdecimal() else word for word in words]


def label_weight(text: str) -> tuple[str, float]:
    """A label and its weight, ``LABEL=W``; only the last ``=`` parts them. Or "balanced".

    >>> label_weight("B-NP=2.5"), label_weight("==0")
    (('B-NP', 2.5), ('=', 0.0))
    >>> label_weight("balanced")
    ('balanced', nan)
    """
    if text == "balanced":
        return text, math.nan
    label, value = _by_label(text)
    if not label or not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(
            f"is {text}; it must be LABEL=W, with a finite number W of at least 0, or balanced"
        )
    return label, value


def mistake_cost(text: str) -> tuple[str, float]:
    """A label and its cost, ``LABEL=C``, as `label_weight`."""
    label, value = _by_label(text)
    if not label or not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(
            f"is {text}; it must be LABEL=C, with a finite number C of more than 0"
        )
    return label, value


def _by_label(text: str) -> tuple[str, float]:
    label, _, number = text.rpartition("=")
    try:
        return label, float(number)
    except ValueError:
        return label, math.nan


def place(text: str) -> tuple[int, int]:
    """The place of a token, ``SENTENCE:POSITION``, both counted from 0."""
    sentence, _, position = text.partition(":")
    try:
        found = int(sentence), int(position)
    except ValueError:
        found = -1, -1
    if min(found) < 0:
        raise argparse.ArgumentTypeError(
            f"is {text}; it must be SENTENCE:POSITION, two whole numbers that count from 0"
        )
    return found

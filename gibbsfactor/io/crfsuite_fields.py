"""The lines and fields of CRFsuite's text format, without a loop over lines.

Each distinct field is looked into once; the others only cost a look-up.

Letters: N sequences, M tokens, F attributes on all of them together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.errors import FormatError
from gibbsfactor.features.vocabulary import NameIndex

BLOCK = 2**22  # bytes split at a time
EMPTY, END = 0, 1  # the numbers of an empty field and of a line's end


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of a text, as numbers of its distinct fields.

    Attributes
    ----------
    name : of the file, for errors
    fields : the distinct fields
    codes : the number of each field, line by line, an END before and after each line
    first : whether a field is the first of its line
    """

    name: str
    fields: list[str]
    codes: NDArray[np.int32]
    first: NDArray[np.bool_]

    def error(self, code: int, first: bool, message: str) -> FormatError:
        """An error about a field, that names the first line which has it in that place."""
        at = int(np.argmax((self.codes == code) & (self.first == first)))
        line = np.count_nonzero(self.codes[:at] == END)
        return FormatError(f"{self.name}, line {line}: {message}")


def read_lines(name: str, data: bytes) -> Lines:
    """Split a text into lines and fields; raises FormatError where a label is missing."""
    numbers: defaultdict[bytes, int] = defaultdict(count().__next__)
    _ = numbers[b""], numbers[b"\n"]
    parts = [np.array([END], np.int32)]
    for block in _blocks(data):
        pieces = block.replace(b"\n", b"\t\n\t").split(b"\t")
        parts.append(np.fromiter(map(numbers.__getitem__, pieces[:-1]), np.int32))
    codes = np.concatenate(parts)
    begins = (codes[:-2] == END) & (codes[1:-1] == EMPTY) & (codes[2:] != END)
    if begins.any():
        line = np.count_nonzero(codes[: int(np.argmax(begins)) + 1] == END)
        raise FormatError(
            f"{name}, line {line}: it begins with a tab, expected a label; where labels are not "
            "known, put any"
        )
    codes = codes[codes != EMPTY]
    is_end = codes == END
    first = ~is_end
    first[1:] &= is_end[:-1]
    return Lines(name, [field.decode() for field in numbers], codes, first)


def _blocks(data: bytes) -> Iterator[bytes]:
    """Pieces of whole lines, the last one ended too."""
    if not data.endswith(b"\n"):
        data += b"\n"
    begin = 0
    while begin < len(data):
        end = data.find(b"\n", begin + BLOCK) + 1 or len(data)
        yield data[begin:end]
        begin = end


def parse_field(field: str) -> tuple[str, list[str]]:
    r"""The name in a field, and what follows after each colon; ``\:`` and ``\\`` are names' own.

    Examples
    --------
    >>> parse_field(r"size\:a\\b:0.5")
    ('size:a\\b', ['0.5'])
    """
    if ":" not in field and "\\" not in field:
        return field, []
    # tabs and line breaks cannot be in a field, and so can stand for what was escaped
    marked = field.replace("\\\\", "\t").replace("\\:", "\n")
    name, *rest = (part.replace("\n", ":").replace("\t", "\\") for part in marked.split(":"))
    return name, rest


def attributes(
    lines: Lines, used: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.int32], NDArray[np.float64]]:
    """What fields mean as attributes.

    Parameters
    ----------
    lines
        The lines.
    used
        The numbers of the fields that are attributes.

    Returns
    -------
    names : the names of the attributes, in order of appearance
    positions : for each field, of those used, its attribute
    weights : and its weight
    """
    names = NameIndex()
    positions = np.full(len(lines.fields), -1, np.int32)
    weights = np.ones(len(lines.fields))
    for code in used.tolist():
        name, rest = parse_field(lines.fields[code])
        positions[code] = names[name]
        if rest:
            if len(rest) > 1:
                raise lines.error(
                    code,
                    False,
                    f"the field {lines.fields[code]!r} has {len(rest)} colons, expected one before "
                    r"its weight; write colons within a name as '\:'",
                )
            weights[code] = _number(lines, code, rest[0], first=False)
    return list(names), positions, weights


def labels(lines: Lines, used: NDArray[np.int64]) -> dict[int, str]:
    """What fields mean as labels; declarations, which begin with @, are left out."""
    found = {}
    for code in used.tolist():
        label, rest = parse_field(lines.fields[code])
        if label.startswith("@"):
            continue
        if rest:
            raise lines.error(
                code,
                True,
                f"the label {lines.fields[code]!r} holds a colon, after which CRFsuite cuts it "
                r"off; write it as '\:'",
            )
        found[code] = label
    return found


def sequence_weight(lines: Lines, code: int) -> float:
    """The number that a declaration gives; raises FormatError if it is no weight."""
    name, rest = parse_field(lines.fields[code])
    if name != "@weight" or len(rest) != 1 or not rest[0]:
        raise lines.error(
            code,
            True,
            f"found the declaration {lines.fields[code]!r}, expected @weight:NUMBER, the only one "
            "that there is; labels cannot begin with @",
        )
    return _number(lines, code, rest[0], first=True)


def _number(lines: Lines, code: int, text: str, *, first: bool) -> float:
    if not text:
        return 1.0
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or "_" in text:
        raise lines.error(
            code,
            first,
            f"the field {lines.fields[code]!r} has the weight {text!r}, expected a finite number; "
            r"write colons within a name as '\:'",
        )
    return number

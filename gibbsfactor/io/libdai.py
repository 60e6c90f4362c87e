"""Factor graphs of libDAI: numbered variables and sparse tables."""

from __future__ import annotations

import math
import re

import numpy as np

from gibbsfactor.errors import FormatError
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.plain_tables import plain_values
from gibbsfactor.io.text import TextSource, write_text
from gibbsfactor.io.uai_numbering import all_variables
from gibbsfactor.io.uai_words import Words
from gibbsfactor.tables import MOST_AXES
from gibbsfactor.variable import Variable

_NUMBERED = re.compile(r"x(0|[1-9][0-9]{0,17})")
_MOST_ZEROS = 2**22  # entries of a table that the file does not list


def read_libdai(path_or_file: TextSource) -> GibbsDistribution:
    r"""Read a factor graph of libDAI (``.fg``), plain or gzip.

    The file is the number of factors; then for each factor how many variables it has, their
    numbers, how many states each has, how many entries follow, and for each of these its index and
    its value. In the index the **first** variable runs fastest. An entry that is not listed is
    0. White space of any kind parts the words, and what follows a ``#`` on its line is a comment.

    Variable number 7 is named x7; variables are in the order of their numbers, and their states
    are 0, 1, ... The factors are in the order of the file, their axes in that of their variables
    there, with every bit as written.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file; the message names the file and the line, what was found and
        what was expected.

    Notes
    -----
    Source: the factor graph format, in the manual of libDAI (J. Mooij, 2010).

    Examples
    --------
    >>> import io
    >>> p = read_libdai(io.StringIO("1\n\n2\n0 4\n2 3\n3\n0 1.5\n1 2\n4 0.5\n"))
    >>> p.names
    ('x0', 'x4')
    >>> p.factors[0].values
    array([[1.5, 0. , 0.5],
           [2. , 0. , 0. ]])
    """
    words = Words(path_or_file)
    known: dict[int, int] = {}
    tables = [_read_table(words, k, known) for k in range(words.count("the number of factors", 2))]
    words.end()
    variables = {v: Variable(f"x{v}", known[v]) for v in sorted(known)}
    factors = [Factor([variables[v] for v in scope], values) for scope, values in tables]
    return GibbsDistribution(factors, variables.values())


def write_libdai(path_or_file: TextSource, p: GibbsDistribution) -> None:
    r"""Write a distribution as a factor graph of libDAI that `read_libdai` reads back bit for bit.

    Variables become numbers: those in their names if all are named x0, x1, ..., else their places
    in the order of first appearance. States become their positions. The factors are written
    as given, before any evidence; a variable that is in none gets a factor of ones, since
    libDAI knows only variables of factors.

    Parameters
    ----------
    path_or_file
        A path, which is written aside and then renamed, and as gzip if it ends in ``.gz``; or an
        open file.
    p
        What to write.

    Raises
    ------
    ValueError
        If a factor is held in logs and has a weight beyond what a float holds; nothing is
        written.

    Examples
    --------
    >>> import io
    >>> a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
    >>> file = io.StringIO()
    >>> write_libdai(file, GibbsDistribution([Factor([a, b], [[0.1, 25], [0, 4]])]))
    >>> print(file.getvalue())
    1
    <BLANKLINE>
    2
    0 1
    2 2
    3
    0 0.1
    2 25.0
    3 4.0
    <BLANKLINE>
    """
    variables = all_variables(p)
    numbered = [_NUMBERED.fullmatch(v.name) for v in variables]
    numbers = {
        v.name: int(found[1]) if found is not None and all(numbered) else i
        for i, (v, found) in enumerate(zip(variables, numbered, strict=True))
    }
    held = {name for factor in p.factors for name in factor.names}
    loose = [Factor(v, np.ones(v.cardinality)) for v in variables if v.name not in held]
    factors = [*p.factors, *loose]
    lines = [str(len(factors))]
    for factor in factors:
        values = plain_values(factor, "a factor graph of libDAI").ravel(order="F")
        listed = np.flatnonzero((values != 0) | np.signbit(values))
        entries = zip(listed.tolist(), values[listed].tolist(), strict=True)
        lines += [
            "",
            str(len(factor.scope)),
            " ".join(str(numbers[name]) for name in factor.names),
            " ".join(str(v.cardinality) for v in factor.scope),
            str(len(listed)),
            *(f"{i} {value!r}" for i, value in entries),
        ]
    write_text(path_or_file, "\n".join([*lines, ""]))


def _read_table(
    words: Words, k: int, known: dict[int, int]
) -> tuple[list[int], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """The variables and the table of a factor; ``known`` has the number of states of each."""
    count = words.whole(f"how many variables factor {k} has", 0, MOST_AXES)
    scope: list[int] = []
    for _ in range(count):
        v = words.whole(f"the number of a variable of factor {k}")
        if v in scope:
            raise words.error(words.at - 1, f"each variable once in factor {k}")
        scope.append(v)
    for v in scope:
        states = words.whole(f"the number of states of variable {v}", least=1)
        if known.setdefault(v, states) != states:
            raise words.error(
                words.at - 1, f"{known[v]} states of variable {v}, as a factor before says"
            )
    shape = [known[v] for v in scope]
    size = math.prod(shape)
    listed = words.count(f"how many entries of factor {k} follow", each=2)
    if size > max(_MOST_ZEROS, 16 * listed):
        raise FormatError(
            f"{words.name}, line {words.line(words.at - 1)}: factor {k} has {size} entries, of "
            f"which {listed} are listed; expected {_MOST_ZEROS} entries or less, or more of them"
        )
    values, met = np.zeros(size), np.zeros(size, dtype=bool)
    for _ in range(listed):
        i = words.whole(f"the index of an entry of factor {k}", 0, size - 1)
        if met[i]:
            raise words.error(words.at - 1, f"each entry of factor {k} once")
        met[i] = True
        (values[i],) = words.floats(1, f"the value of entry {i} of factor {k}")
    return scope, values.reshape(shape, order="F")

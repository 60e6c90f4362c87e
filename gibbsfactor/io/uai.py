"""UAI models: Markov and Bayesian networks as numbered variables and flat tables."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from gibbsfactor.errors import FormatError, listed
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.network_parts import MOST_ROUNDED
from gibbsfactor.io.plain_tables import plain_values
from gibbsfactor.io.text import TextSource, write_text
from gibbsfactor.io.uai_numbering import all_variables
from gibbsfactor.io.uai_words import Words, as_whole
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.tables import MOST_AXES, FloatArray
from gibbsfactor.variable import Variable

KINDS = ("MARKOV", "BAYES")
_MOST_LOOSE = 2**20  # states that variables of no table may have in all

Scopes = list[tuple[int, ...]]


def read_uai(path_or_file: TextSource) -> GibbsDistribution:
    r"""Read a UAI model, plain or gzip.

    The file is a word for the kind, ``MARKOV`` or ``BAYES`` in letters of any case; the number of
    variables and how many states each has; the number of tables and the scope of each, its length
    before its variables; then for each table the number of its entries and the entries, the last
    variable of the scope running fastest. White space of any kind parts the words, and what
    follows a ``#`` on its line is a comment.

    Variables are named x0, x1, ... and their states are 0, 1, ... The tables become the factors,
    in the order of the file and with every bit as written; a table with a number that is too small
    for a float, such as 1e-400, is held in logs.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.

    Returns
    -------
    GibbsDistribution
        Whatever the kind: tables of a ``BAYES`` file are often rounded, and are left so. Its
        last variable of each scope is the child; where rows do sum to one,
        ``BayesianNetwork(ConditionalTable(f.scope[-1], f.scope[:-1], f.values) for f in
        p.factors)`` makes the network of it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a model; the message names the file and the line, what was found and
        what was expected.

    Warns
    -----
    UserWarning
        If a table of a ``BAYES`` file does not sum to one over its last variable, by more than
        rounding to two digits explains.

    Notes
    -----
    Source: the file formats of the UAI 2014 inference competition.

    Examples
    --------
    >>> import io
    >>> p = read_uai(io.StringIO("MARKOV  2  2 3  1  2 0 1  6  1 2 3  4 5 6e0"))
    >>> p.names
    ('x0', 'x1')
    >>> p.factors[0][{"x0": 0, "x1": 2}]
    3.0
    >>> p.partition_function()
    21.0
    """
    words = Words(path_or_file)
    if not words.words or words.words[0].decode("utf-8", "replace").upper() not in KINDS:
        raise words.error(0, "MARKOV or BAYES, the kind of model")
    kind = words.words[0].decode().upper()
    words.at = 1
    cardinalities = _read_cardinalities(words)
    n_tables = words.count("the number of tables", each=2)
    scopes = _read_scopes(words, n_tables, len(cardinalities))
    sizes = _read_sizes(words, scopes, cardinalities)
    _check_loose(words, scopes, cardinalities)
    first = words.at
    entries = words.floats(sum(sizes) + len(sizes), "an entry of a table")
    tiny = words.logs_of_tiny(first, entries)
    words.end()
    variables = [Variable(f"x{v}", k) for v, k in enumerate(cardinalities)]
    entries.flags.writeable = False
    factors, at = [], 0
    for scope, size in zip(scopes, sizes, strict=True):
        shape = [cardinalities[v] for v in scope]
        names = tuple([variables[v] for v in scope])
        inside = range(at + 1, at + 1 + size)  # after the number of entries
        table = entries[inside.start : inside.stop]
        if tiny.keys().isdisjoint(inside):
            factors.append(Factor._trusted(names, table.reshape(shape)))
        else:
            factors.append(Factor._trusted(names, log_values=_logs(table, inside, tiny, shape)))
        at = inside.stop
    if kind == "BAYES":
        _warn_of_sums(factors, words.name)
    return GibbsDistribution(factors, variables)


def _warn_of_sums(factors: Sequence[Factor], name: str) -> None:
    """Warn of the first table that is no conditional distribution of the last in its scope."""
    for k, factor in enumerate(factors):
        if not factor.scope:
            continue
        sums = factor.values.sum(axis=-1)
        off = np.abs(sums - 1.0).max()
        if off > MOST_ROUNDED * factor.shape[-1]:
            worst = float(sums.flat[np.abs(sums - 1.0).argmax()])
            warnings.warn(
                f"{name}: table {k} of this BAYES file, over {listed(factor.names)}, sums to "
                f"{worst:.6g} over {factor.names[-1]!r}, expected 1: the last variable of a scope "
                "is the child and runs fastest. Some programs write scope and table in different "
                "orders; the table is read as it stands",
                UserWarning,
                stacklevel=3,
            )
            return


def _logs(
    table: FloatArray, inside: range, tiny: Mapping[int, float], shape: Sequence[int]
) -> FloatArray:
    """The table in logs, with those of numbers that a float can't hold."""
    with np.errstate(divide="ignore"):
        logs = np.log(table)
    for i in inside:
        if i in tiny:
            logs[i - inside.start] = tiny[i]
    return logs.reshape(shape)


def write_uai(path_or_file: TextSource, p: GibbsDistribution) -> None:
    r"""Write a distribution as a UAI model that `read_uai` reads back bit for bit.

    Variables become numbers, in the order of first appearance with observed ones in their
    places, and states their positions: a UAI file has no names. The factors are written as
    given, before any evidence, which has a file of its own: `write_uai_evidence`. A
    `BayesianNetwork` is written as ``BAYES``, all else as ``MARKOV``.

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
    >>> write_uai(file, GibbsDistribution([Factor([a, b], [[0.1, 25], [15, 4]])]))
    >>> print(file.getvalue())
    MARKOV
    2
    2 2
    1
    2 0 1
    <BLANKLINE>
    4
    0.1 25.0 15.0 4.0
    <BLANKLINE>
    """
    variables = all_variables(p)
    numbers = {v.name: i for i, v in enumerate(variables)}
    lines = [
        "BAYES" if isinstance(p, BayesianNetwork) else "MARKOV",
        str(len(variables)),
        " ".join(str(v.cardinality) for v in variables),
        str(len(p.factors)),
    ]
    lines += [" ".join(map(str, [len(f.scope), *(numbers[n] for n in f.names)])) for f in p.factors]
    for factor in p.factors:
        values = plain_values(factor, "a UAI file")
        lines += ["", str(values.size), " ".join(map(repr, values.ravel().tolist()))]
    write_text(path_or_file, "\n".join([*lines, ""]))


# ---- reading, part by part -----------------------------------------------------------------


def _read_cardinalities(words: Words) -> list[int]:
    n = words.count("the number of variables")
    return [words.whole(f"the number of states of variable {v}", least=1) for v in range(n)]


def _read_scopes(words: Words, n: int, n_variables: int) -> Scopes:
    """The scopes; anything odd about one is explained when it is read again, word by word."""
    scopes: Scopes = []
    for k in range(n):
        try:
            start = words.at + 1
            end = start + int(words.words[words.at])
            scope = tuple(map(int, words.words[start:end]))
        except (ValueError, IndexError):
            raise _explain_scope(words, k, n_variables) from None
        if (
            len(scope) != end - start
            or len(scope) > MOST_AXES
            or (scope and (min(scope) < 0 or max(scope) >= n_variables))
            or len(set(scope)) != len(scope)
        ):
            raise _explain_scope(words, k, n_variables)
        words.at = end
        scopes.append(scope)
    return scopes


def _explain_scope(words: Words, k: int, n_variables: int) -> FormatError:
    """What is wrong with a scope."""
    length = words.whole(f"how many variables table {k} is over", 0, MOST_AXES)
    met = set()
    for _ in range(length):
        v = words.whole(f"the number of a variable of table {k}", 0, n_variables - 1)
        if v in met:
            return words.error(words.at - 1, f"each variable once in the scope of table {k}")
        met.add(v)
    return words.error(words.at, f"the scope of table {k}")


def _read_sizes(words: Words, scopes: Scopes, cardinalities: list[int]) -> list[int]:
    """How many entries each table has; the words themselves are still to be read."""
    sizes, at, n_words = [], words.at, len(words.words)
    for k, scope in enumerate(scopes):
        size = math.prod([cardinalities[v] for v in scope])
        if at >= n_words or as_whole(words.words[at]) != size:
            over = ", ".join(f"x{v} of {cardinalities[v]}" for v in scope) or "nothing"
            raise words.error(at, f"{size}, the number of entries of table {k}, over {over}")
        if size > n_words - at - 1:
            raise FormatError(
                f"{words.name}, line {words.line(at)}: table {k} has {size} entries, "
                f"but only {n_words - at - 1} words follow; the file is cut short"
            )
        sizes.append(size)
        at += 1 + size
    return sizes


def _check_loose(words: Words, scopes: Scopes, cardinalities: list[int]) -> None:
    """Make no room for states that no table has entries for."""
    held = set().union(*scopes)
    loose = sum(k for v, k in enumerate(cardinalities) if v not in held)
    if loose > _MOST_LOOSE:
        raise FormatError(
            f"{words.name}: variables that are in no table have {loose} states in all, expected "
            f"{_MOST_LOOSE} at most"
        )

"""UAI results: what a solver answers to one of the tasks PR, MAR, MAP and MMAP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gibbsfactor.errors import FormatError
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.text import TextSource, write_text
from gibbsfactor.io.uai_numbering import Numbering, pairs_text
from gibbsfactor.io.uai_words import Words, as_float
from gibbsfactor.variable import Assignment, State, Variable

LOG_10 = math.log(10.0)
_NEW_SOLUTION = b"-BEGIN-"
_MOST_OFF = 1e-3  # how far from one the sum of a rounded marginal may be


@dataclass(frozen=True, eq=False)
class UAIResults:
    """The answer that a UAI results file holds: one of these, the others None.

    Attributes
    ----------
    log_partition : float or None
        log Z in nats, evidence applied (PR; the file has log10).
    marginals : dict of Factor by name, or None
        Single marginals of all variables, observed ones included (MAR), as rounded in the file.
    map_assignment : dict, or None
        {name: state} of all variables (MAP, also called MPE).
    marginal_map : dict, or None
        {name: state} of some variables (MMAP).
    """

    log_partition: float | None = None
    marginals: dict[str, Factor] | None = None
    map_assignment: dict[str, State] | None = None
    marginal_map: dict[str, State] | None = None


def read_uai_results(path_or_file: TextSource, p: GibbsDistribution | None = None) -> UAIResults:
    r"""Read a UAI results file, plain or gzip: of PR, MAR, MAP (or MPE) or MMAP.

    Where solutions follow each other, parted by ``-BEGIN-``, the last one counts. A number of
    evidence samples before the solution, as was the custom until 2011, is read if it is 1.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    p
        The distribution that the numbers are of, to have its names and states; numbers are then
        checked against it. Without one, variables are x0, x1, ... and their states 0, 1, ...

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file.

    Examples
    --------
    >>> import io
    >>> round(read_uai_results(io.StringIO("PR\n2.0")).log_partition, 6)
    4.60517
    >>> read_uai_results(io.StringIO("MAR\n2  2 0.1 0.9  3 0.2 0.2 0.6")).marginals["x1"]
    x1  probability
    0           0.2
    1           0.2
    2           0.6
    >>> read_uai_results(io.StringIO("MAP\n3  0 1 0")).map_assignment
    {'x0': 0, 'x1': 1, 'x2': 0}
    >>> read_uai_results(io.StringIO("MMAP\n2  7 0  4 1")).marginal_map
    {'x7': 0, 'x4': 1}
    """
    words = Words(path_or_file)
    task = words.words[0].decode("utf-8", "replace").upper() if words.words else ""
    if task not in _READERS:
        raise words.error(0, "PR, MAR, MAP, MPE or MMAP, the task")
    begun = [at for at, word in enumerate(words.words) if word == _NEW_SOLUTION]
    words.at = 1 + (begun[-1] if begun else 0)
    if _has_count_of_samples(task, words):
        samples = words.whole("the number of evidence samples")
        if samples != 1:
            raise words.error(words.at - 1, "results of 1 evidence sample")
    results = _READERS[task](words, Numbering.of(p))
    words.end()
    return results


def write_uai_results(
    path_or_file: TextSource,
    p: GibbsDistribution,
    *,
    log_partition: float | None = None,
    marginals: Mapping[str, Factor] | None = None,
    map_assignment: Assignment | None = None,
    marginal_map: Assignment | None = None,
) -> None:
    """Write one answer about a distribution as a UAI results file.

    Parameters
    ----------
    path_or_file
        A path, written aside and then renamed, as gzip if it ends in ``.gz``; or an open file.
    p
        What the answer is about: its order numbers the variables, and the states that it
        observes are filled into marginals and MAP assignments, which are of all variables.
    log_partition
        log Z in nats; written as log10 (PR).
    marginals
        {name: marginal}, as ``p.marginals()`` gives them (MAR).
    map_assignment
        {name: state}, as ``p.map_assignment()`` gives it (MAP).
    marginal_map
        {name: state} of some variables (MMAP).

    Raises
    ------
    ValueError
        If not exactly one answer is given, or it lacks a variable.

    Examples
    --------
    >>> import io
    >>> a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
    >>> p = GibbsDistribution([Factor([a, b], [[20, 25], [15, 40]])]).condition({"A": "a1"})
    >>> file = io.StringIO()
    >>> write_uai_results(file, p, map_assignment=p.map_assignment())
    >>> file.getvalue()
    'MAP\\n2 1 1\\n'
    """
    answers = (log_partition, marginals, map_assignment, marginal_map)
    if sum(answer is not None for answer in answers) != 1:
        raise ValueError(
            "a UAI results file holds one answer; give one of log_partition, marginals, "
            "map_assignment and marginal_map"
        )
    numbering = Numbering.of(p)
    if log_partition is not None:
        if math.isnan(log_partition) or log_partition == math.inf:
            raise ValueError(f"log_partition is {log_partition}; it must be a number or -inf")
        text = f"PR\n{log_partition / LOG_10!r}\n"
    elif marginals is not None:
        text = f"MAR\n{_marginals_text(p, numbering, marginals)}\n"
    elif map_assignment is not None:
        positions = numbering.positions({**p.evidence, **map_assignment}, "map_assignment")
        states = [positions[i] for i in _each_of(positions, numbering, "map_assignment")]
        text = f"MAP\n{' '.join(map(str, [len(states), *states]))}\n"
    else:
        assert marginal_map is not None
        text = f"MMAP\n{pairs_text(numbering.positions(marginal_map, 'marginal_map'))}\n"
    write_text(path_or_file, text)


# ---- reading -------------------------------------------------------------------------------


def _has_count_of_samples(task: str, words: Words) -> bool:
    """Whether what follows is a solution only with its first word left out."""
    rest = words.words[words.at :]
    if task == "PR":
        return len(rest) == 2
    if task in ("MAP", "MPE", "MMAP"):
        each = 2 if task == "MMAP" else 1
        return not _counts(rest, each) and _counts(rest[1:], each)
    return not _counts_groups(rest) and _counts_groups(rest[1:])


def _counts(words: list[bytes], each: int) -> bool:
    return bool(words) and as_float(words[0]) * each == len(words) - 1


def _counts_groups(words: list[bytes]) -> bool:
    """Whether the words are a number of groups, each of them its length before its words."""
    at, groups = 1, 0
    while at < len(words) and words[at].isdigit() and len(words[at]) < 9:
        at, groups = at + 1 + int(words[at]), groups + 1
    return bool(words) and at == len(words) and as_float(words[0]) == groups


def _read_log_partition(words: Words, numbering: Numbering) -> UAIResults:
    at, words.at = words.at, words.at + 1
    value = as_float(words.words[at]) if at < len(words.words) else math.nan
    if math.isnan(value) or value == math.inf:
        raise words.error(at, "log10 of the partition function, a number or -inf")
    return UAIResults(log_partition=value * LOG_10)


def _read_marginals(words: Words, numbering: Numbering) -> UAIResults:
    marginals = {}
    for v in range(_read_all(words, numbering, each=2)):
        name = numbering.name(v)
        k = words.count(f"the number of states of {name!r}", least=1)
        at = words.at
        table = words.floats(k, f"the probability of a state of {name!r}")
        if not abs(table.sum() - 1) <= _MOST_OFF:
            raise FormatError(
                f"{words.name}, line {words.line(at)}: the probabilities of {name!r} sum to "
                f"{table.sum():.6g}, expected 1 within {_MOST_OFF}"
            )
        variable = Variable(name, k) if numbering.variables is None else numbering.variables[v]
        if variable.cardinality != k:
            raise words.error(at - 1, f"{variable.cardinality}, the number of states of {name!r}")
        marginals[name] = Factor._trusted((variable,), table, is_probability=True)
    return UAIResults(marginals=marginals)


def _read_map(words: Words, numbering: Numbering) -> UAIResults:
    n = _read_all(words, numbering, each=1)
    return UAIResults(
        map_assignment={numbering.name(v): numbering.read_state(words, v) for v in range(n)}
    )


def _read_marginal_map(words: Words, numbering: Numbering) -> UAIResults:
    return UAIResults(marginal_map=numbering.read_pairs(words, "query"))


def _read_all(words: Words, numbering: Numbering, each: int) -> int:
    """The number of variables, which is that of the model."""
    n = words.count("the number of variables", each)
    if numbering.variables is not None and n != len(numbering.variables):
        raise words.error(words.at - 1, f"{len(numbering.variables)}, the number of variables")
    return n


_READERS = {
    "PR": _read_log_partition,
    "MAR": _read_marginals,
    "MAP": _read_map,
    "MPE": _read_map,
    "MMAP": _read_marginal_map,
}


# ---- writing -------------------------------------------------------------------------------


def _each_of(given: Mapping[int, object], numbering: Numbering, what: str) -> range:
    """The numbers of all variables, each of which must be given."""
    assert numbering.variables is not None
    missing = [numbering.name(i) for i in range(len(numbering.variables)) if i not in given]
    if missing:
        raise ValueError(f"{what} lacks {missing[0]!r}; the file is to be about every variable")
    return range(len(numbering.variables))


def _marginals_text(
    p: GibbsDistribution, numbering: Numbering, marginals: Mapping[str, Factor]
) -> str:
    assert numbering.variables is not None
    tables = {}
    for i, v in enumerate(numbering.variables):
        if v.name in p.evidence:
            tables[i] = np.eye(v.cardinality)[v.index(p.evidence[v.name])]
        elif v.name in marginals:
            if marginals[v.name].scope != (v,):
                raise ValueError(
                    f"the marginal of {v.name!r} is a factor over {marginals[v.name].names}; "
                    f"expected one over {v!r}"
                )
            tables[i] = marginals[v.name].values
    words = [str(len(numbering.variables))]
    for i in _each_of(tables, numbering, "marginals"):
        words += [str(tables[i].size), *map(repr, tables[i].tolist())]
    return " ".join(words)

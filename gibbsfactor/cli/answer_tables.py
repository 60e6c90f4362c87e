"""The answer to a query in columns, to be read by people."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from gibbsfactor.cli.answers import NO_MASS, Answer
from gibbsfactor.cli.report import Table
from gibbsfactor.factor import Factor
from gibbsfactor.io.uai_results import LOG_10
from gibbsfactor.variable import State

WIDTH = 80  # characters of a line, where it can be helped
SMALLEST = 1e-4  # a probability below it is written with an exponent
LARGEST_LOG = 690.0  # of numbers whose exp is printed


def as_table(answer: Answer) -> str:
    """The answer to the task in columns."""
    return "\n".join(line.rstrip() for line in _TABLES[answer.task](answer)) + "\n"


def probability_text(p: float) -> str:
    """A probability for people: six decimals, or three digits and an exponent if it is tiny.

    >>> [probability_text(p) for p in (0.25, 0.0, 3.21e-9)]
    ['0.250000', '0.000000', '3.21e-09']
    """
    return f"{p:.6f}" if p == 0 or p >= SMALLEST else f"{p:.2e}"


def _marginals_table(answer: Answer) -> list[str]:
    assert answer.marginals is not None
    if answer.joint is not None:
        return [_joint_table(answer.joint)]
    rows = [
        (name, str(state), probability_text(p))
        for name, table in answer.marginals.items()
        for state, p in zip(table.scope[0].states, table.values.tolist(), strict=True)
    ]
    return [Table(["variable", "state", "probability"], rows).text()]


def _joint_table(joint: Factor) -> str:
    states = product(*(map(str, v.states) for v in joint.scope))
    shares = map(probability_text, joint.values.ravel().tolist())
    rows = [(*labels, p) for labels, p in zip(states, shares, strict=True)]
    return Table([*joint.names, "probability"], rows).text()


def _log_partition_table(answer: Answer) -> list[str]:
    log_z = answer.log_partition
    assert log_z is not None
    rows = [("log Z", f"{log_z:.15g}", "nats"), ("log10 Z", f"{log_z / LOG_10:.15g}", "")]
    if log_z == -math.inf or abs(log_z) < LARGEST_LOG:
        rows.append(("Z", f"{math.exp(log_z):.15g}", ""))
    lines = [f"{name:9}{value}  {unit}" for name, value, unit in rows]
    return lines if log_z > -math.inf else [*lines, "", NO_MASS]


def _map_table(answer: Answer) -> list[str]:
    assert answer.map_assignment is not None
    assert answer.log_score is not None
    log_p = answer.p.log_probability(answer.map_assignment)
    return [
        _assignment_table(answer.map_assignment),
        "",
        f"log score    {answer.log_score:.15g} nats",
        *_probability_lines(log_p),
    ]


def _marginal_map_table(answer: Answer) -> list[str]:
    assert answer.marginal_map is not None
    assert answer.log_probability is not None
    return [
        _assignment_table(answer.marginal_map),
        "",
        *_probability_lines(answer.log_probability),
    ]


def _probability_lines(log_p: float) -> list[str]:
    log_p = min(log_p, 0.0)
    p = f"exp({log_p:.6g})" if log_p < -LARGEST_LOG else probability_text(math.exp(log_p))
    return [f"probability  {p}"]


def _assignment_table(assignment: Mapping[str, State]) -> str:
    rows = [(name, str(state)) for name, state in assignment.items()]
    return Table(["variable", "state"], rows).text()


def _k_best_table(answer: Answer) -> list[str]:
    """Scores, then the assignments side by side: a column each, as many as fit a line."""
    best = answer.k_best
    assert best is not None
    scores = [
        (str(rank), f"{log_p:.6f}", probability_text(math.exp(log_p)))
        for rank, (_, log_p) in enumerate(best, 1)
    ]
    lines = [Table(["rank", "log probability", "probability"], scores).text()]
    names = list(answer.p.names)
    columns = [
        [str(rank), *(str(assignment[name]) for name in names)]
        for rank, (assignment, _) in enumerate(best, 1)
    ]
    for some in _fitting(["variable", *names], columns):
        rows = list(zip(names, *(column[1:] for column in some), strict=True))
        lines += ["", Table(["variable", *(column[0] for column in some)], rows).text()]
    return lines


def _fitting(first: Sequence[str], columns: Sequence[Sequence[str]]) -> list[list[Sequence[str]]]:
    """The columns in blocks that fit a line together with the first column."""
    room = WIDTH - max(map(len, first))
    blocks: list[list[Sequence[str]]] = []
    left = -1
    for column in columns:
        width = 2 + max(map(len, column))
        if width > left:
            blocks.append([])
            left = room
        blocks[-1].append(column)
        left -= width
    return blocks


def _sample_table(answer: Answer) -> list[str]:
    assert answer.samples is not None
    columns = [list(map(str, states)) for states in answer.samples.values()]
    return [Table(list(answer.samples), list(zip(*columns, strict=True))).text()]


def _explain_table(answer: Answer) -> list[str]:
    assert answer.explain is not None
    return [_wrapped(line) for line in answer.explain.splitlines()]


def _wrapped(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


_TABLES: dict[str, Callable[[Answer], list[str]]] = {
    "marginals": _marginals_table,
    "logz": _log_partition_table,
    "map": _map_table,
    "marginal-map": _marginal_map_table,
    "k-best": _k_best_table,
    "sample": _sample_table,
    "explain": _explain_table,
}

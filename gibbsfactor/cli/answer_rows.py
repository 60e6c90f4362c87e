"""The answers to a query under several rows of evidence, all in one pass, and how to write them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.cli.answer_tables import probability_text
from gibbsfactor.cli.answers import FEW, NO_MASS, cost, finite, json_text, label
from gibbsfactor.cli.report import Table
from gibbsfactor.errors import ZeroProbabilityError, listed
from gibbsfactor.exact.cost import Task
from gibbsfactor.exact.plan import Plan
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.variable import State


@dataclass(eq=False)
class RowAnswers:
    """What is known under each of n rows of evidence; None is what was not asked.

    ``p`` is the model with the evidence that all rows ``share``, ``plan`` that of the first row.
    """

    task: str
    p: GibbsDistribution
    share: Mapping[str, State]
    rows: Sequence[Mapping[str, State]]
    plan: Plan
    sweep: Task
    seconds: Mapping[str, float]
    log_partition: Sequence[float] = field(default_factory=list)
    marginals: Mapping[str, npt.NDArray[np.float64]] | None = None  # (n, cardinality) each
    map_assignment: Mapping[str, Sequence[State]] | None = None
    log_score: Sequence[float] | None = None

    @property
    def columns(self) -> dict[str, list[State]]:
        """The evidence by variable; None where a row does not observe it."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: [row.get(name) for row in self.rows] for name in names}

    @property
    def empty(self) -> list[int]:
        """Numbers of the rows that are impossible; the first is row 1."""
        return [i for i, log_z in enumerate(self.log_partition, 1) if log_z == -math.inf]

    def ask(self, names: Sequence[str], lap: Callable[[str], float]) -> None:
        """Answer the task, of the named variables only where some are.

        Raises
        ------
        ZeroProbabilityError
            If a row is impossible and the task is not its log Z.
        """
        columns = self.columns
        if not columns:
            raise ValueError(f"none of the {len(self.rows)} rows of evidence observes anything")
        self.log_partition = self.p.log_partition(columns).tolist()
        lap("log_partition")
        if self.task == "logz":
            return
        if self.empty:
            raise ZeroProbabilityError(
                f"{NO_MASS}, in {_rows(self.empty)} of {len(self.rows)} (the first is row 1); "
                "leave out what is impossible, or ask for logz"
            )
        if self.task == "map":
            best = self.p.map_assignment(columns)
            self.map_assignment = {name: states.tolist() for name, states in best.items()}
            self.log_score = self.p.log_partition(best).tolist()  # nothing is left to sum over
        elif 0 < len(names) <= FEW and not columns.keys() & names:
            self.marginals = {name: self.p.marginal(name, evidence=columns) for name in names}
        else:
            every = self.p.marginals(columns)
            self.marginals = {name: every[name] for name in names or every}
        lap(self.task)


def as_table(answers: RowAnswers) -> str:
    """A line for each row, numbered from 1."""
    head, columns = ["row"], [[str(i) for i in range(1, len(answers.rows) + 1)]]

    def add(name: str, cells: Sequence[str]) -> None:
        head.append(name)
        columns.append(list(cells))

    if answers.marginals is not None:
        for v in answers.p.variables:
            if v.name in answers.marginals:
                table = answers.marginals[v.name].T.tolist()
                for state, shares in zip(v.states, table, strict=True):
                    add(f"{v.name}={state}", list(map(probability_text, shares)))
    elif answers.map_assignment is not None:
        assert answers.log_score is not None
        for name, states in answers.map_assignment.items():
            if any(isinstance(row.get(name), frozenset | None) for row in answers.rows):
                add(name, list(map(str, states)))
        logs = zip(answers.log_score, answers.log_partition, strict=True)
        add("probability", [probability_text(math.exp(min(a - b, 0.0))) for a, b in logs])
    else:
        add("log Z", [f"{log_z:.12g}" for log_z in answers.log_partition])
    return Table(head, list(zip(*columns, strict=True))).text() + "\n"


def as_json(answers: RowAnswers) -> str:
    """One JSON object: in place of each number or state of one answer, a list with all rows'."""
    n = len(answers.rows)
    figures: dict[str, Any] = {"task": answers.task, "rows": n}
    figures["log_partition"] = list(map(finite, answers.log_partition))
    if answers.empty:
        figures["zero_probability"] = f"{NO_MASS}, in {_rows(answers.empty)}"
    if answers.marginals is not None:
        states = {v.name: list(map(str, v.states)) for v in answers.p.variables}
        figures["marginals"] = {
            name: dict(zip(states[name], table.T.tolist(), strict=True))
            for name, table in answers.marginals.items()
        }
    if answers.map_assignment is not None:
        figures["map"] = _columns(answers.map_assignment)
        figures["log_score"] = answers.log_score
    shared = {name: [state] * n for name, state in answers.share.items()}
    figures["evidence"] = _columns({**shared, **answers.columns})
    return json_text(figures | cost(answers.plan, answers.sweep, answers.seconds)) + "\n"


def _rows(numbers: Sequence[int]) -> str:
    return f"{'row' if len(numbers) == 1 else 'rows'} {listed(numbers)}"


def _columns(columns: Mapping[str, Sequence[State]]) -> dict[str, list[Any]]:
    return {
        name: [None if state is None else label(state) for state in states]
        for name, states in columns.items()
    }

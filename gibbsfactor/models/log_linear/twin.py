"""The discriminative twin of a Bayesian network: P(targets | the rest), with weights set free.

Every family that holds a target becomes a template over the targets in it, which sees the joint
state of the others. With the logs of the tables as weights it is the network's own conditional;
trained on, it need no longer be a product of conditional probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import listed, suggested
from gibbsfactor.models.log_linear.estimator import LogLinearModel
from gibbsfactor.models.log_linear.template import CliqueTemplate
from gibbsfactor.variable import State, Variable, is_missing

IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class JointState:
    """A column for each joint state of some variables of a row {name: state}, 1 at the row's.

    Examples
    --------
    >>> sees = JointState((Variable("wind", ["low", "high"]), Variable("rain", ["no", "yes"])))
    >>> sees({"wind": "high", "rain": "no"}, np.array([[0]])).toarray().tolist()
    [[0.0, 0.0, 1.0, 0.0]]
    """

    variables: tuple[Variable, ...]
    _codes: list[dict[Any, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        codes = [{state: i for i, state in enumerate(v.states)} for v in self.variables]
        object.__setattr__(self, "_codes", codes)

    def __call__(self, x: Any, cliques: IntArray) -> sp.csr_array:
        """Features of one row."""
        return self.together([x], [cliques])

    def together(self, inputs: Sequence[Any], cliques: Sequence[IntArray]) -> sp.csr_array:
        """Features of many rows at once."""
        columns = np.zeros(len(inputs), dtype=np.intp)
        for v, codes in zip(self.variables, self._codes, strict=True):
            columns *= v.cardinality
            columns += [self._code(x, u, v, codes) for u, x in enumerate(inputs)]
        columns = np.repeat(columns, list(map(len, cliques)))
        shape = len(columns), prod(v.cardinality for v in self.variables)
        return sp.csr_array(
            (np.ones(len(columns)), columns, np.arange(len(columns) + 1)), shape=shape
        )

    def _code(self, x: Any, u: int, v: Variable, codes: dict[Any, int]) -> int:
        state = x.get(v.name) if hasattr(x, "get") else None
        try:
            return codes[state]
        except (KeyError, TypeError):
            pass
        if is_missing(state):
            there = ""
            if isinstance(x, Mapping) and v.name not in x:
                names = list(x)
                there = f" (it has {listed(names, 8)}{suggested(v.name, names)})"
            raise ValueError(
                f"row {u} of X has no state for {v.name!r}{there}, which the targets depend on; "
                "fill it in, or make it a target whose labels are None where they are not known"
            )
        try:
            return v.index(state)
        except ValueError as error:
            raise ValueError(f"row {u} of X: {error}") from None


def twin_of(
    tables: Iterable[ConditionalTable], targets: Sequence[str], **parameters: Any
) -> LogLinearModel:
    """The log-linear model of P(targets | all else), with the logs of the tables as weights."""
    templates: list[CliqueTemplate] = []
    weights: dict[str, npt.NDArray[np.float64]] = {}
    states: dict[str, list[State]] = {}
    for table in tables:
        inside = [v for v in table.scope if v.name in targets]
        outside = [v for v in table.scope if v.name not in targets]
        states |= {v.name: list(v.states) for v in inside}
        if not inside:
            continue
        order = [table.scope.index(v) for v in (*outside, *inside)]
        logs = np.transpose(table.log_values, order)
        name = f"P({table.child.name} | {', '.join(v.name for v in table.parents)})"
        name = name if table.parents else f"P({table.child.name})"
        weights[name] = logs.reshape(prod(v.cardinality for v in outside), -1)
        sees = JointState(tuple(outside)) if outside else None
        templates.append(
            CliqueTemplate(features=sees, over=tuple(v.name for v in inside), name=name)
        )
    ordered = {name: states[name] for t in templates for name in t.kinds}
    return LogLinearModel.from_weights(templates, ordered, weights, warm_start=True, **parameters)

"""The numbered form of a list of factors: what the engine works on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gibbsfactor.exact.order import Scope
from gibbsfactor.exact.scaled import Block, FloatArray, linear_block, log_block, settle
from gibbsfactor.factor import Factor
from gibbsfactor.variable import Variable


@dataclass(frozen=True, eq=False)
class Network:
    """Factors over variables numbered 0 .. n-1.

    ``tables[k]`` has one axis for each variable in ``scopes[k]``: variables with one state are
    left out of the scopes, factors over nothing go into ``log_constant``, and a variable that no
    factor mentions gets a table of ones. The first ``n_given`` tables come from factors, the others
    were added.
    """

    variables: tuple[Variable, ...]
    numbers: dict[str, int]
    cardinalities: tuple[int, ...]
    scopes: tuple[Scope, ...]
    tables: tuple[Factor, ...]
    n_given: int
    log_constant: float

    @classmethod
    def of(
        cls,
        factors: Iterable[Factor],
        variables: Sequence[Variable],
        extra_scopes: Iterable[Sequence[Variable]] = (),
    ) -> Network:
        """Number the variables and drop what needs no engine.

        ``extra_scopes`` adds a table of ones for each of them, right after those that come from
        factors, so that the sweep gives the marginal over it as well.
        """
        numbers = {v.name: i for i, v in enumerate(variables)}
        scopes: list[Scope] = []
        tables: list[Factor] = []
        log_constant = 0.0
        mentioned: set[int] = set()
        for factor in factors:
            scope = tuple(numbers[v.name] for v in factor.scope if v.cardinality > 1)
            if not scope:
                log_constant += float(factor.log_values.reshape(()))
                continue
            mentioned.update(scope)
            scopes.append(scope)
            tables.append(factor)
        n_given = len(tables)
        unmentioned = [
            [v] for i, v in enumerate(variables) if i not in mentioned and v.cardinality > 1
        ]
        for added in [*extra_scopes, *unmentioned]:
            shape = tuple(v.cardinality for v in added)
            scopes.append(tuple(numbers[v.name] for v in added if v.cardinality > 1))
            tables.append(Factor._trusted(tuple(added), np.ones(shape)))
        return cls(
            tuple(variables),
            numbers,
            tuple(v.cardinality for v in variables),
            tuple(scopes),
            tuple(tables),
            n_given,
            log_constant,
        )

    def stack(self, tables: Sequence[int], shape: tuple[int, ...]) -> Block:
        """The given tables, all of one shape, as one settled block."""
        factors = [self.tables[t] for t in tables]
        if any(f.is_log for f in factors):
            return settle(log_block(_gather([f.log_values for f in factors], shape)))
        return linear_block(_gather([f.values for f in factors], shape))


def _gather(arrays: list[FloatArray], shape: tuple[int, ...]) -> FloatArray:
    if len(arrays) == 1:
        return arrays[0].reshape((1, *shape))
    return np.concatenate([a.ravel() for a in arrays]).reshape((len(arrays), *shape))

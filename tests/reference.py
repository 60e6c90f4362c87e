"""Brute force: every answer by listing all joint states. Never imports the package.

Sums of logs carry their rounding error along (the two-sum of Knuth), so that the answers
hold to about 1e-15 even where terms of +-1e6 cancel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np

Label = object


@dataclass(frozen=True, eq=False)
class Table:
    """Weights over named variables, given as such or by their logs."""

    scope: tuple[str, ...]
    values: np.ndarray
    is_log: bool = True

    @cached_property
    def logs(self) -> np.ndarray:
        if self.is_log:
            return np.asarray(self.values, dtype=float)
        with np.errstate(divide="ignore"):
            return np.log(np.asarray(self.values, dtype=float))

    def __repr__(self) -> str:
        kind = "log" if self.is_log else "weights"
        return f"Table({self.scope}, {np.asarray(self.values).tolist()}, {kind})"


@dataclass(frozen=True, eq=False)
class Model:
    """States of every variable, and the tables that are multiplied."""

    states: dict[str, tuple[Label, ...]]
    tables: list[Table] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Model({self.states}, {self.tables})"

    @property
    def names(self) -> list[str]:
        return list(self.states)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(s) for s in self.states.values())

    @cached_property
    def scale(self) -> float:
        """Sum of the tables' greatest finite |log|: what rounding errors are relative to."""
        finite = [t.logs[np.isfinite(t.logs)] for t in self.tables]
        return math.fsum(float(np.abs(f).max()) for f in finite if f.size)

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Log weight of every joint state as a sum and its error; -inf where one is impossible."""
        total, error = np.zeros(self.shape), np.zeros(self.shape)
        dead = np.zeros(self.shape, dtype=bool)
        for table in self.tables:
            order = np.argsort([self.names.index(n) for n in table.scope]) if table.scope else ()
            spread = [len(s) if n in table.scope else 1 for n, s in self.states.items()]
            logs = np.transpose(table.logs, order).reshape(spread)
            dead |= logs == -math.inf
            term = np.broadcast_to(np.where(logs == -math.inf, 0.0, logs), self.shape)
            new = total + term
            part = new - total
            error = error + ((total - (new - part)) + (term - part))
            total = new
        total = np.where(dead, -math.inf, total)
        return total, np.where(dead, 0.0, error)

    @cached_property
    def log_weights(self) -> np.ndarray:
        total, error = self._sums
        return total + error

    @cached_property
    def _relative(self) -> np.ndarray:
        """Log weights relative to the greatest one."""
        total, error = self._sums
        peak = total.max()
        return np.where(total == -math.inf, -math.inf, (total - peak) + error)

    @cached_property
    def support_size(self) -> int:
        return int((self.log_weights > -math.inf).sum())

    @cached_property
    def _log_sum(self) -> float:
        return math.log(math.fsum(np.exp(self._relative).ravel().tolist()))

    @cached_property
    def log_z(self) -> float:
        if not self.support_size:
            return -math.inf
        return float(self._sums[0].max()) + self._log_sum

    @cached_property
    def log_joint(self) -> np.ndarray:
        """log P(x) of every joint state."""
        return self._relative - self._log_sum

    @cached_property
    def joint(self) -> np.ndarray:
        return np.exp(self.log_joint)

    def marginal(self, names: Sequence[str]) -> np.ndarray:
        """P(x_names), axes in the order given."""
        axes = [self.names.index(n) for n in names]
        others = tuple(i for i in range(len(self.names)) if i not in axes)
        kept = sorted(axes)
        table = self.joint.sum(axis=others)
        return table.transpose([kept.index(a) for a in axes])

    def position(self, x: Mapping[str, Label]) -> tuple[int, ...]:
        return tuple(states.index(x[n]) for n, states in self.states.items())

    def log_weight(self, x: Mapping[str, Label]) -> float:
        return float(self.log_weights[self.position(x)])

    @property
    def map_score(self) -> float:
        return float(self.log_weights.max())

    def maximisers(self, tolerance: float) -> set[tuple[int, ...]]:
        """Positions of all joint states within ``tolerance`` nats of the greatest weight."""
        top = self._relative.max()
        return {tuple(map(int, i)) for i in np.argwhere(self._relative >= top - tolerance)}

    def entropy(self) -> float:
        possible = self.joint > 0
        return -math.fsum((self.joint[possible] * self.log_joint[possible]).tolist())

    def kl(self, other: Model) -> float:
        """KL(self || other), by name; inf where the other lacks mass."""
        order = [other.names.index(n) for n in self.names]
        theirs = other.log_joint.transpose(order)
        possible = self.log_weights > -math.inf
        if (theirs[possible] == -math.inf).any():
            return math.inf
        terms = self.joint[possible] * (self.log_joint[possible] - theirs[possible])
        return math.fsum(terms.tolist())

    def given(self, evidence: Mapping[str, Label]) -> Model:
        """The model with some variables observed: they leave, the tables shrink."""
        tables = []
        for t in self.tables:
            index = tuple(
                self.states[n].index(evidence[n]) if n in evidence else slice(None) for n in t.scope
            )
            rest = tuple(n for n in t.scope if n not in evidence)
            tables.append(Table(rest, np.asarray(np.asarray(t.values)[index]), t.is_log))
        return Model({n: s for n, s in self.states.items() if n not in evidence}, tables)

    def tempered(self, temperature: float) -> Model:
        return Model(self.states, [Table(t.scope, t.logs / temperature) for t in self.tables])

    def assignments(self) -> list[dict[str, Label]]:
        return [dict(zip(self.names, x, strict=True)) for x in product(*self.states.values())]

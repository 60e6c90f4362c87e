"""Which variable and which state a number in a UAI file stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gibbsfactor.errors import listed
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.uai_words import Words
from gibbsfactor.variable import State, Variable, by_name

_NUMBERED = re.compile(r"x(0|[1-9][0-9]{0,17})")


def all_variables(p: GibbsDistribution) -> tuple[Variable, ...]:
    """The variables of a distribution in the order that numbers them, observed ones included."""
    if not isinstance(p, GibbsDistribution):
        raise TypeError(f"a GibbsDistribution is needed; got {p!r:.60}")
    return tuple(p._domain.variables.values())


@dataclass(frozen=True)
class Numbering:
    """The variables of a distribution by number; x0, x1, ... with states 0, 1, ... without one."""

    variables: tuple[Variable, ...] | None

    @classmethod
    def of(cls, p: GibbsDistribution | None) -> Numbering:
        """That of a distribution, or of none."""
        return cls(None if p is None else all_variables(p))

    def name(self, v: int) -> str:
        """The name of variable number v."""
        return f"x{v}" if self.variables is None else self.variables[v].name

    def read_variable(self, words: Words, what: str) -> int:
        """The next word as the number of a variable."""
        most = None if self.variables is None else len(self.variables) - 1
        return words.whole(f"the number of {what} variable", 0, most)

    def read_state(self, words: Words, v: int) -> State:
        """The next word as a state of variable v: its label where variables are known."""
        if self.variables is None:
            return words.whole(f"a state of x{v}")
        variable = self.variables[v]
        what = f"a state of {variable.name!r}, variable {v}"
        return variable.states[words.whole(what, 0, variable.cardinality - 1)]

    def read_pairs(self, words: Words, what: str) -> dict[str, State]:
        """A count, then as many pairs of a variable and its state."""
        read: dict[str, State] = {}
        for _ in range(words.count(f"the number of {what} variables", each=2)):
            v = self.read_variable(words, f"one {what}")
            name = self.name(v)
            if name in read:
                raise words.error(words.at - 1, f"each variable once, but {v} was given before")
            read[name] = self.read_state(words, v)
        return read

    def positions(self, assignment: Mapping[str, State], what: str) -> dict[int, int]:
        """{number of a variable: number of its state} of {name: state}."""
        assignment = by_name(assignment, what)
        if self.variables is None:
            return dict(_bare_position(name, state) for name, state in assignment.items())
        numbers = {v.name: i for i, v in enumerate(self.variables)}
        unknown = [name for name in assignment if name not in numbers]
        if unknown:
            raise ValueError(
                f"{what} names {listed(unknown)}; the distribution has {listed(list(numbers))}"
            )
        return {
            numbers[name]: self.variables[numbers[name]].index(state)
            for name, state in assignment.items()
        }


def _bare_position(name: str, state: State) -> tuple[int, int]:
    found = _NUMBERED.fullmatch(name) if isinstance(name, str) else None
    if (
        found is None
        or not isinstance(state, int | np.integer)
        or isinstance(state, bool)
        or state < 0
    ):
        raise ValueError(
            f"{name!r} = {state!r} has no number in a UAI file, where variables are x0, x1, ... "
            "and states 0, 1, ...; give the distribution as p, whose order numbers them"
        )
    return int(found[1]), int(state)


def pairs_text(positions: Mapping[int, int]) -> str:
    """``n v s v s ...``: how many pairs, then each variable's number and its state's."""
    return " ".join([str(len(positions)), *(f"{v} {s}" for v, s in positions.items())])

"""A discrete random variable: a name and the states it can take."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gibbsfactor.errors import listed

State = Hashable
Assignment = Mapping[str, State]

_SHOWN = 12  # how many states an error message lists before it stops


@dataclass(frozen=True, repr=False)
class Variable:
    """A discrete random variable.

    Parameters
    ----------
    name : str
        How assignments, evidence and marginals refer to it.
    states : int or sequence of hashable labels
        An integer k means the states 0, 1, ..., k - 1; a sequence lists the labels
        themselves, in the order in which a factor's axis runs through them.

    Raises
    ------
    ValueError
        If the name is empty, or there is no state, or a state is listed twice.
    TypeError
        If the name is not a string or a state is not hashable.

    Examples
    --------
    >>> weather = Variable("weather", ["sun", "rain"])
    >>> weather.cardinality
    2
    >>> weather.index("rain")
    1
    >>> Variable("die", 6).states
    (0, 1, 2, 3, 4, 5)
    """

    name: str
    states: tuple[State, ...]

    def __init__(self, name: str, states: int | Sequence[State]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a variable's name is a string; got {name!r}")
        if not name:
            raise ValueError("a variable's name is empty; give it a name of at least one character")
        labels: tuple[Any, ...]
        if isinstance(states, bool):
            raise TypeError(
                f"variable {name!r} got {states!r} as its states; "
                "for a truth value list the labels: [False, True]"
            )
        if isinstance(states, set | frozenset | dict):
            raise TypeError(
                f"variable {name!r} got a {type(states).__name__} as its states; "
                "give a list, whose order is that of a factor's axis"
            )
        if isinstance(states, int | np.integer):
            labels = tuple(range(int(states)))
        elif isinstance(states, str):
            raise TypeError(
                f"variable {name!r} got the string {states!r} as its states; "
                "give a sequence of labels, such as ['low', 'high'], or how many there are"
            )
        else:
            try:
                labels = tuple(s.item() if isinstance(s, np.generic) else s for s in states)
            except TypeError:
                raise TypeError(
                    f"variable {name!r} got {states!r} as its states; "
                    "expected an integer or a sequence of labels"
                ) from None
        if not labels:
            raise ValueError(f"variable {name!r} has no states; it needs at least one")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "states", labels)
        if not isinstance(states, int) and len(self._positions) != len(labels):
            repeated = next(s for i, s in enumerate(labels) if s in labels[:i])
            raise ValueError(f"variable {name!r} lists the state {repeated!r} twice")

    @cached_property
    def _positions(self) -> dict[State, int]:
        try:
            return {state: i for i, state in enumerate(self.states)}
        except TypeError as error:
            raise TypeError(
                f"a state of variable {self.name!r} can't be a label: {error}"
            ) from None

    @property
    def cardinality(self) -> int:
        """How many states there are."""
        return len(self.states)

    def index(self, state: State) -> int:
        """Position of a state in ``states``.

        Raises
        ------
        ValueError
            If there is no such state; the message lists those there are.
        """
        if isinstance(state, np.generic):
            state = state.item()
        try:
            return self._positions[state]
        except (KeyError, TypeError):
            raise ValueError(
                f"variable {self.name!r} has no state {state!r}; "
                f"its states are {listed(self.states, _SHOWN)}"
            ) from None

    def __repr__(self) -> str:
        whole = all(type(state) is int for state in self.states)
        if whole and self.states == tuple(range(self.cardinality)):
            return f"Variable({self.name!r}, {self.cardinality})"
        return f"Variable({self.name!r}, {list(self.states)!r})"


def name_of(variable: str | Variable) -> str:
    """The name, of a variable or as it is."""
    return variable.name if isinstance(variable, Variable) else variable


def by_name(assignment: Mapping[Any, State], what: str) -> dict[str, State]:
    """An assignment or evidence with names as keys, where users may have given variables."""
    if not isinstance(assignment, Mapping):
        raise TypeError(f"{what} is a mapping {{name: state}}; got {assignment!r:.60}")
    return {name_of(key): state for key, state in assignment.items()}


def check_agreement(first: Variable, second: Variable, where: str, elsewhere: str) -> None:
    """Raise ValueError unless two variables of one name have the same states.

    ``where`` and ``elsewhere`` say in the message where each was met.
    """
    if first is second or first.states == second.states:
        return
    if first.cardinality != second.cardinality:
        given: object = f"{first.cardinality} states"
        other: object = str(second.cardinality)
    else:
        given, other = f"the states {list(first.states)}", list(second.states)
    raise ValueError(
        f"{where} gives {first.name!r} {given}, but {elsewhere} gives it {other}; "
        "every factor must agree on a variable's states"
    )

"""Variables as users name them."""

from __future__ import annotations

from collections.abc import Iterable

from gibbsfactor.domain import Domain
from gibbsfactor.variable import Variable, name_of

Names = str | Variable | Iterable[str | Variable]


def names_in(names: Names) -> tuple[str | Variable, ...]:
    """One name, or several."""
    return (names,) if isinstance(names, str | Variable) else tuple(names)


def variables_named(domain: Domain, names: Iterable[str | Variable]) -> tuple[Variable, ...]:
    """The variables of these names, observed or not."""
    wanted = [name_of(name) for name in names]
    domain._check_names(wanted)
    return tuple(domain.variables[name] for name in wanted)

"""The Ising model on a hypercubic lattice of any dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from gibbsfactor.thermodynamics.boltzmann import BoltzmannDistribution
from gibbsfactor.thermodynamics.energy import Energy
from gibbsfactor.variable import Variable

UP_DOWN = (-1, 1)
ALIGNED = -np.outer(UP_DOWN, UP_DOWN)  # -s t
MOMENT = -np.array(UP_DOWN)  # -s

Site = tuple[int, ...]


def ising(
    shape: int | Sequence[int],
    coupling: float = 1.0,
    field: float = 0.0,
    *,
    periodic: bool | Sequence[bool] = True,
    temperature: float = 1.0,
    memory: int | None = None,
) -> BoltzmannDistribution:
    """Spins of -1 and +1 on a lattice: E(s) = -J sum over bonds s_i s_j - h sum_i s_i.

    Parameters
    ----------
    shape : int or sequence of int
        Sites along each axis: ``(8, 8)`` is a square lattice, ``12`` a chain.
    coupling : float
        J, the parameter ``coupling``: spins like to agree where it is positive.
    field : float
        h, the parameter ``field``; its pressure is the magnetization sum_i E[s_i].
    periodic : bool or sequence of bool, one for each axis
        Whether the last site along an axis is bound to the first.
    temperature : float
        T, in the unit of J and h.
    memory : int, optional
        As for `BoltzmannDistribution`.

    Returns
    -------
    BoltzmannDistribution
        Variables ``s0_0``, ``s0_1``, ... in the order of the sites' coordinates.

    Raises
    ------
    ValueError
        If a side is not a whole number of at least 1, or ``periodic`` has another length.

    Notes
    -----
    A site has one bond onwards along every periodic axis, whatever the side: with a side of 2
    neighbours are bound twice, with a side of 1 a site is bound to itself, which adds the constant
    -J. So a periodic lattice of N sites in d dimensions has d N bonds, as `kaufman_log_partition`
    and the infinite lattice count them.

    Source: Ising (1925), Beitrag zur Theorie des Ferromagnetismus.

    Examples
    --------
    >>> torus = ising((4, 4), temperature=2.5)
    >>> torus.energy({name: 1 for name in torus.names})  # 32 bonds
    -32.0
    >>> from gibbsfactor.thermodynamics.kaufman import kaufman_log_partition
    >>> round(torus.log_partition(), 6), round(kaufman_log_partition(4, 4, 1 / 2.5), 6)
    (14.561093, 14.561093)
    >>> chain = ising(10, field=0.1, periodic=False)
    >>> round(chain.pressure("field"), 6)
    4.421857
    """
    sides, around = _sides(shape), _around(shape, periodic)
    sites = list(product(*map(range, sides)))
    spin = {site: Variable("s" + "_".join(map(str, site)), UP_DOWN) for site in sites}
    terms = [Energy(spin[site], MOMENT, "field") for site in sites]
    for one, two in _bonds(sites, sides, around):
        if one == two:
            terms.append(Energy((), -1.0, "coupling"))
        else:
            terms.append(Energy((spin[one], spin[two]), ALIGNED, "coupling"))
    return BoltzmannDistribution(
        terms,
        temperature,
        variables=spin.values(),
        memory=memory,
        coupling=coupling,
        field=field,
    )


def _bonds(
    sites: Sequence[Site], sides: Sequence[int], around: Sequence[bool]
) -> Iterator[tuple[Site, Site]]:
    """Each site with the next one along every axis."""
    for site in sites:
        for axis, side in enumerate(sides):
            there = site[axis] + 1
            if there < side or around[axis]:
                yield site, (*site[:axis], there % side, *site[axis + 1 :])


def _sides(shape: int | Sequence[int]) -> tuple[int, ...]:
    sides = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    for side in sides:
        if isinstance(side, bool) or not isinstance(side, int | np.integer) or side < 1:
            raise ValueError(
                f"shape is {shape!r}; it has the sites along each axis, whole numbers of at least 1"
            )
    if not sides:
        raise ValueError("shape is empty; a lattice has one axis at least")
    return tuple(int(side) for side in sides)


def _around(shape: int | Sequence[int], periodic: bool | Sequence[bool]) -> tuple[bool, ...]:
    axes = len(_sides(shape))
    around = (periodic,) * axes if isinstance(periodic, bool) else tuple(periodic)
    if len(around) != axes:
        raise ValueError(f"periodic has {len(around)} entries for the {axes} axes of the lattice")
    return around

"""What contraction costs on a common machine: seconds, from a tree or from its schedule.

The figures only rank plans, bound the search for better ones and say whether a run is hopeless.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from gibbsfactor.exact.tree import TreeBuilder

Task = Literal["log_partition", "marginals", "map", "marginal_map", "sample"]

SECONDS_PER_GROUP = 2e-5  # Python's share of a batched product
SECONDS_PER_MATRIX = 2e-8  # to call BLAS for one of its matrices
SECONDS_PER_PRODUCT = 1e-10
SECONDS_PER_ENTRY = 1.5e-9  # to write a table and read it again
LARGE_TABLE = 2**22  # entries, beyond which a table's memory comes fresh from the system
LARGE_FACTOR = 5.0  # by which that takes longer
GROUPS_AT_A_HEIGHT = 4  # about so many in a tree that is not scheduled yet

MOST_COUNTED = 2**1000  # a float holds no more

UNITS = (("year", 31557600.0), ("day", 86400.0), ("hour", 3600.0), ("minute", 60.0))

# How many upward sweeps of sums of products a task is worth: groups, products and entries.
SWEEPS: dict[Task, tuple[float, float, float]] = {
    "log_partition": (1.0, 1.0, 1.0),
    "marginals": (3.5, 3.0, 5.0),
    "map": (2.0, 15.0, 3.0),  # maxima are not BLAS's business
    "marginal_map": (2.0, 15.0, 3.0),  # at most: its sums are
    "sample": (2.0, 1.0, 3.0),
}


@dataclass(frozen=True)
class Work:
    """What an upward sweep of sums of products takes."""

    groups: int
    matrices: float
    products: float
    entries: float  # of all tables, those of large ones counted several times

    @classmethod
    def of(cls, tree: TreeBuilder, groups: int | None = None) -> Work:
        """The work of a tree; the number of groups is a guess where it isn't given."""
        if groups is None:
            height = [0] * len(tree.scopes)
            for step in tree.steps:
                below = height[step.right] if step.right >= 0 else 0
                height[step.out] = 1 + max(height[step.left], below)
            groups = min(len(tree.steps), GROUPS_AT_A_HEIGHT * max(height, default=0))
        return cls(
            groups,
            as_float(sum(tree.matrices)),
            as_float(sum(tree.products)),
            sum([charged(size) for size in tree.sizes]),
        )

    def __add__(self, other: Work) -> Work:
        return Work(
            self.groups + other.groups,
            self.matrices + other.matrices,
            self.products + other.products,
            self.entries + other.entries,
        )

    def seconds(self, task: Task = "log_partition") -> float:
        """Seconds that a task takes."""
        of_groups, of_products, of_entries = SWEEPS[task]
        return (
            SECONDS_PER_GROUP * of_groups * self.groups
            + of_products
            * (SECONDS_PER_MATRIX * self.matrices + SECONDS_PER_PRODUCT * self.products)
            + SECONDS_PER_ENTRY * of_entries * self.entries
        )


def charged(entries: float) -> float:
    """What a table's entries count: more where it is large."""
    if entries > LARGE_TABLE:
        return LARGE_FACTOR * entries if entries < MOST_COUNTED else inf
    return float(entries)


def as_float(number: int) -> float:
    """The number as a float, inf where it has too many digits for one."""
    return float(number) if number < MOST_COUNTED else inf


def duration(seconds: float) -> str:
    """Seconds in units a person reads.

    >>> duration(0.004), duration(5400), duration(86400), duration(3.8e9)
    ('4 ms', '1.5 hours', '1 day', '120 years')
    """
    for unit, length in UNITS:
        if seconds >= length:
            amount = _two_digits(seconds / length)
            return f"{amount} {unit}" if amount == "1" else f"{amount} {unit}s"
    return f"{_two_digits(seconds)} s" if seconds >= 1 else f"{_two_digits(1000 * seconds)} ms"


def _two_digits(number: float) -> str:
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.10g}" if rounded < 1e6 else f"{rounded:.0e}"

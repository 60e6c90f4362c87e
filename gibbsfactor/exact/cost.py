"""What contraction costs on a common machine: seconds, from a tree or from its schedule.

The figures only rank plans, bound the search for better ones and say whether a run is hopeless.
"""

from __future__ import annotations

from math import inf
from typing import Literal

from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.exact.tree import TreeBuilder

Task = Literal["log_partition", "marginals", "map", "sample"]

SECONDS_PER_GROUP = 2e-5  # Python's share of a batched product
SECONDS_PER_PRODUCT = 2e-10
SECONDS_PER_ENTRY = 2e-9  # to write a table and read it again
GROUPS_AT_A_HEIGHT = 4  # about so many in a tree that is not scheduled yet

# How many upward sweeps of sums of products a task is worth: groups, products and entries.
SWEEPS: dict[Task, tuple[float, float, float]] = {
    "log_partition": (1.0, 1.0, 1.0),
    "marginals": (4.0, 3.0, 4.0),
    "map": (2.0, 8.0, 3.0),  # maxima are not BLAS's business
    "sample": (2.0, 1.0, 3.0),
}


def as_float(number: int) -> float:
    """The number as a float, inf where it has too many digits for one."""
    return float(number) if number < 2**1000 else inf


def products_of(tree: TreeBuilder) -> float:
    """Multiplications of one upward sweep."""
    return as_float(sum(tree.products))


def seconds_of_tree(tree: TreeBuilder, task: Task = "log_partition") -> float:
    """Seconds of a task, from the tree alone."""
    n_given, height = tree.n_given, [0] * len(tree.scopes)
    for step in tree.steps:
        below = height[step.right] if step.right >= 0 else 0
        height[step.out] = 1 + max(height[step.left], below)
    groups = min(len(tree.steps), GROUPS_AT_A_HEIGHT * max(height[n_given:], default=0))
    return seconds_of(groups, products_of(tree), as_float(sum(tree.sizes)), task)


def seconds_of(groups: int, products: float, entries: float, task: Task) -> float:
    """Seconds of a task whose upward sweep takes so many groups, products and table entries."""
    per_group, per_product, per_entry = SWEEPS[task]
    return (
        SECONDS_PER_GROUP * per_group * groups
        + SECONDS_PER_PRODUCT * per_product * products
        + SECONDS_PER_ENTRY * per_entry * entries
    )


def seconds_of_schedule(schedule: Schedule, tree: TreeBuilder, task: Task) -> float:
    """Seconds of a task, with the groups counted."""
    groups = len(schedule.groups)
    return seconds_of(groups, products_of(tree), as_float(sum(tree.sizes)), task)


def duration(seconds: float) -> str:
    """Seconds in units a person reads.

    >>> duration(0.004), duration(5400), duration(3e9)
    ('4 ms', '1.5 hours', '95 years')
    """
    if seconds < 1:
        return f"{1000 * seconds:.2g} ms"
    for unit, length in (("years", 31557600.0), ("days", 86400.0), ("hours", 3600.0)):
        if seconds >= length:
            return f"{seconds / length:,.2g} {unit}"
    return f"{seconds / 60:.2g} minutes" if seconds >= 60 else f"{seconds:.2g} s"

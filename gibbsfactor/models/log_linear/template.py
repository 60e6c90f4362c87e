"""The clique template: which labels meet, what they see, and how their states are weighed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from gibbsfactor.models.log_linear.structures import Edges
from gibbsfactor.models.log_linear.views import Features
from gibbsfactor.variable import State

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

KIND = "y"  # of labels, where there is only one
Table = str | npt.ArrayLike | Callable[..., npt.ArrayLike]


@dataclass(frozen=True, eq=False)
class CliqueTemplate:
    """Weights tied over cliques of labels.

    Every clique c that the template finds in an input x is a factor over its labels y_c,

        phi_c(y_c) = exp( sum_a sum_b f_a(x, c) W[a, b] g_b(y_c) )

    with the same W for all cliques of all inputs.

    Parameters
    ----------
    cliques : callable, networkx graph, or None
        Which labels meet: a function of the input that gives positions (C, r), such as `Chain()`;
        or a graph, whose edges they are. None for the one label of each kind in ``over``, as in a
        table of data, where every column is a kind.
    features : callable, optional
        What a clique sees: a function of the input and its cliques that gives a matrix (C, A), or
        for each clique a dict {name: value} or a list of names. None for nothing: one feature that
        is 1 everywhere.
    over : str or sequence of str, optional
        The kinds of labels that meet, one for each place in a clique; one name for all places of
        the same kind. Needed only where there are several kinds.
    table : "full", "same", array or callable
        How states enter, g: "full" has a weight for each joint state; "same" has one, for all
        members in the same state (Potts); an array (states of each member, B) or a function of
        the members' lists of states that gives one, has B weights.
    name : str, optional

    Notes
    -----
    Source: Sutton & McCallum (2012), section 2.4 (clique templates); Taskar, Abbeel & Koller
    (2002); Koller & Friedman (2009), section 4.4.1.

    Examples
    --------
    >>> from gibbsfactor.models.log_linear import Chain, own
    >>> CliqueTemplate(Chain(), own)
    CliqueTemplate 'Chain': pairs, features by own, a weight for each joint state
    """

    cliques: Callable[[Any], npt.ArrayLike] | nx.Graph[Any] | None = None
    features: Features | None = None
    over: str | Sequence[str] | None = None
    table: Table = "full"
    name: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.cliques, nx.Graph):
            object.__setattr__(self, "cliques", Edges(self.cliques))
        if self.cliques is not None and not callable(self.cliques):
            raise TypeError(
                f"cliques is {self.cliques!r:.80}; expected a function of the input, a networkx "
                "graph, or None with over=(names of single labels)"
            )
        strange = [kind for kind in self.kinds if not isinstance(kind, str)]
        if strange:
            raise TypeError(f"over names {strange[0]!r}; names of kinds of labels are strings")
        if self.cliques is None and not self.kinds:
            raise ValueError("without cliques, over must name the labels that meet")
        if self.features is not None and not callable(self.features):
            raise TypeError(
                f"features is {self.features!r:.80}; expected a function of the input and its "
                "cliques, such as own, or None"
            )
        if isinstance(self.table, str) and self.table not in ("full", "same"):
            raise ValueError(f"table is {self.table!r}; expected 'full', 'same', or an array")
        if not self.is_single or len(set(self.kinds)) == len(self.kinds):
            return
        raise ValueError(f"over={self.kinds} names a label twice")

    @property
    def is_single(self) -> bool:
        """Whether it is over the one label of each of its kinds."""
        return self.cliques is None

    @property
    def is_full(self) -> bool:
        """Whether there is a weight for each joint state."""
        return isinstance(self.table, str) and self.table == "full"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds in ``over``, as told; empty if it was left out."""
        if self.over is None:
            return ()
        return (self.over,) if isinstance(self.over, str) else tuple(self.over)

    @property
    def title(self) -> str:
        """The name given, or one made from what it is over."""
        if self.name is not None:
            return self.name
        if self.is_single:
            return " ".join(self.kinds)
        of = self.cliques
        base = getattr(of, "__name__", type(of).__name__)
        return " ".join([base, *self.kinds])

    def found(self, x: Any) -> IntArray:
        """The cliques (C, r) in an input.

        Raises
        ------
        ValueError
            If they are no whole numbers from 0, or repeat a label within a clique.
        """
        if self.cliques is None:
            return np.zeros((1, len(self.kinds)), dtype=np.intp)
        assert callable(self.cliques)
        given = np.asarray(self.cliques(x))
        if given.size == 0:
            return np.zeros(
                (0, max(len(self.kinds), given.shape[-1] if given.ndim == 2 else 1)), int
            )
        if given.ndim == 1:
            given = given[:, None]
        if given.ndim != 2 or given.dtype.kind not in "iu" or given.min() < 0:
            raise ValueError(
                f"template {self.title!r} gave cliques of shape {given.shape} and type "
                f"{given.dtype}; expected positions of labels, whole numbers from 0, (C, r)"
            )
        if given.shape[1] == 1 < len(self.kinds):
            given = np.repeat(given, len(self.kinds), axis=1)
        if len(self.kinds) > 1 and given.shape[1] != len(self.kinds):
            raise ValueError(
                f"template {self.title!r} gave cliques of {given.shape[1]} labels, but is over "
                f"{len(self.kinds)} kinds, {self.kinds}"
            )
        if len(set(self.kinds)) <= 1 and (np.diff(np.sort(given, axis=1), axis=1) == 0).any():
            raise ValueError(f"template {self.title!r} gave a clique in which a label meets itself")
        return given.astype(np.intp)

    def label_shape(self, x: Any) -> tuple[int, ...] | None:
        """The shape of the labels, where the structure knows it."""
        if self.is_single:
            return ()
        shape = getattr(self.cliques, "shape", None)
        if shape is None:
            return None
        known: tuple[int, ...] = shape(x)
        return known

    def basis(self, states: Sequence[Sequence[State]]) -> FloatArray | None:
        """g as an array (joint states, B); None for a weight each.

        Raises
        ------
        ValueError
            If the array has another shape, or numbers that are not finite.
        """
        shape = tuple(map(len, states))
        if isinstance(self.table, str):
            if self.table == "full":
                return None
            joint = np.indices(shape).reshape(len(shape), -1)
            labels = [[of[i] for i in row] for of, row in zip(states, joint.tolist(), strict=True)]
            alike = [
                all(label == first for label in rest) for first, *rest in zip(*labels, strict=True)
            ]
            return np.array(alike, dtype=np.float64)[:, None]
        given = self.table(*map(list, states)) if callable(self.table) else self.table
        table = np.asarray(given, dtype=np.float64)
        if table.shape[: len(shape)] != shape or table.ndim > len(shape) + 1:
            raise ValueError(
                f"the table of template {self.title!r} has shape {table.shape}; its labels have "
                f"{shape} states: expected that shape, or that and one axis more"
            )
        if not np.isfinite(table).all():
            raise ValueError(f"the table of template {self.title!r} has values that are not finite")
        return table.reshape(prod(shape), -1)

    def __repr__(self) -> str:
        sees = "no features"
        if self.features is not None:
            sees = f"features by {_name(self.features)}"
        weighs = {"full": "a weight for each joint state", "same": "one weight for equal states"}
        table = weighs.get(self.table, "") if isinstance(self.table, str) else "a table of its own"
        sizes = {0: "cliques", 1: "single labels", 2: "pairs"}
        kinds = f" of {', '.join(self.kinds)}" if self.kinds else ""
        n = len(self.kinds)
        if n == 0 and type(self.cliques).__name__ in (
            "Chain",
            "Grid",
            "SkipChain",
            "Tree",
            "Edges",
        ):
            n = 1 + getattr(self.cliques, "order", 1)
        if n == 0 and type(self.cliques).__name__ == "Nodes":
            n = 1
        return f"CliqueTemplate {self.title!r}: {sizes.get(n, 'cliques')}{kinds}, {sees}, {table}"


def titles(templates: Iterable[CliqueTemplate]) -> list[str]:
    """A name for each template, numbered where they would be the same.

    Raises
    ------
    ValueError
        If two were given the same name.
    """
    found: list[str] = []
    for template in templates:
        title, n = template.title, 2
        while title in found:
            if template.name is not None:
                raise ValueError(f"two templates are named {title!r}; give each its own name")
            title, n = f"{template.title} {n}", n + 1
        found.append(title)
    return found


def _name(features: Any) -> str:
    """What a feature function is called, with what it is made of."""
    inner = getattr(features, "features", None)
    name = getattr(features, "__name__", type(features).__name__)
    return f"{name} of {_name(inner)}" if callable(inner) else str(name)

"""Labels as users have them, numbered: of sequences, of grids, of tables, of several kinds.

Letters: N cases, U inputs. Every case has an input of its own, or all have the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed, suggested
from gibbsfactor.learning.log_linear.cliques import Cases
from gibbsfactor.models.log_linear.reading import Inputs
from gibbsfactor.rows import entries_of, read_columns, states_of
from gibbsfactor.variable import State, is_missing

IntArray = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]

HIDDEN = -1  # the length of what nothing is known of
STRANGE = -2  # the code of a label that is none of the states


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of N cases, by kind.

    Attributes
    ----------
    n : N
    flat : {kind: the labels of all cases in a row}, None where one is not known
    lengths : {kind: (N,) how many of them each case has}, or -1 where nothing is known of any
    shapes : {kind: {case: shape}} of those that come as arrays of two axes or more
    """

    n: int
    flat: Mapping[str, list[Any]]
    lengths: Mapping[str, IntArray]
    shapes: Mapping[str, Mapping[int, tuple[int, ...]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, y: Any, kinds: Sequence[str], is_table: bool, nodes: Sequence[Any] | None = None
    ) -> Labels:
        """Read labels.

        Parameters
        ----------
        y
            Of a table: a data frame, {name: column} and the like, or one column where there is one
            kind. Else N items, each an array or a sequence of labels, or {kind: such}.
        kinds : names
        is_table : whether every kind has one label in each case
        nodes : of the graph that labels are on, in order; labels may be {node: label} then

        Raises
        ------
        TypeError, ValueError
            If it is something else, or names a kind that there is not.
        """
        if isinstance(y, str | bytes) or not (hasattr(y, "__iter__") or hasattr(y, "iloc")):
            raise TypeError(f"y is {type(y).__name__}; expected the labels of each case")
        if is_table:
            return cls._of_table(y, kinds)
        if isinstance(y, Mapping):
            raise TypeError(
                "y is a mapping; expected one item for each case: give a list of "
                f"{{kind: labels}}, the kinds being {listed(kinds)}"
            )
        items = list(y)
        flat: dict[str, list[Any]] = {kind: [] for kind in kinds}
        lengths = {kind: np.full(len(items), HIDDEN, dtype=np.intp) for kind in kinds}
        shapes: dict[str, dict[int, tuple[int, ...]]] = {kind: {} for kind in kinds}
        for n, item in enumerate(items):
            for kind, labels in _by_kind(item, kinds, n, nodes).items():
                if labels is None:
                    continue
                if np.ndim(labels) > 1 and hasattr(labels, "shape"):
                    shapes[kind][n] = labels.shape
                these = _listed(labels, n, kind)
                flat[kind] += these
                lengths[kind][n] = len(these)
        return cls(len(items), flat, lengths, shapes)

    @classmethod
    def _of_table(cls, y: Any, kinds: Sequence[str]) -> Labels:
        is_column = not (isinstance(y, Mapping) or hasattr(y, "columns"))
        if is_column and not (isinstance(y, np.ndarray) and y.dtype.names):
            entries = entries_of(y, "y has", kinds[0])
            if not any(isinstance(entry, Mapping) for entry in entries):
                if len(kinds) > 1:
                    raise TypeError(
                        f"y is one column; the model is over {listed(kinds)}: give a data frame "
                        "or {name: column}"
                    )
                y = {kinds[0]: entries}
        columns = read_columns(y, "y")
        unknown = [name for name in columns.entries if name not in kinds]
        if unknown:
            raise ValueError(
                f"y has a column for {listed(unknown)}, but the templates are over {listed(kinds)}"
                f"{suggested(unknown[0], kinds)}"
            )
        flat = {kind: list(columns.entries.get(kind, ())) for kind in kinds}
        n = columns.n
        lengths = {k: np.full(n, 1 if k in columns.entries else HIDDEN) for k in kinds}
        return cls(n, flat, lengths)

    def states(self, kind: str) -> list[State]:
        """The states of a kind that occur, sorted where they can be.

        Raises
        ------
        ValueError
            If there is none.
        """
        found = list(states_of(self.flat[kind]))
        if not found:
            raise ValueError(
                f"no case has a label of kind {kind!r}; if it is hidden throughout, say what its "
                f"states are: states={{{kind!r}: 2}}"
            )
        return found

    def cases(
        self,
        states: Mapping[str, Sequence[State]],
        inputs: Inputs,
        weights: FloatArray,
        *,
        strange: bool = False,
    ) -> Cases:
        """The labels as codes, in the order of each input's variables.

        Parameters
        ----------
        states : {kind: states}
        inputs : that the labels are of
        weights : (N,)
        strange : whether labels that are not among the states are let through, as -2

        Raises
        ------
        ValueError
            If a case has another number of labels than its input, or in another shape, or a label
            is not among the states.
        """
        n_inputs = inputs.structure.n_inputs
        of = np.arange(self.n) if n_inputs == self.n else np.zeros(self.n, dtype=np.intp)
        sizes = inputs.structure.sizes[of]
        first = np.cumsum(sizes) - sizes
        codes = np.full(int(sizes.sum()), -1, dtype=np.intp)
        starts = inputs.starts()
        for k, (kind, of_kind) in enumerate(states.items()):
            known = self.lengths[kind] >= 0
            counts = inputs.counts[k, of]
            wrong = np.flatnonzero(known & (self.lengths[kind] != counts))
            if len(wrong):
                n = int(wrong[0])
                hint = "; CliqueTemplate(Nodes()) is over every label" if not counts[n] else ""
                raise ValueError(
                    f"case {n} has {self.lengths[kind][n]} labels of kind {kind!r}, but its input "
                    f"has {counts[n]} for the templates{hint}"
                )
            for n, shape in self.shapes.get(kind, {}).items():
                wanted = inputs.shapes[kind][of[n]]
                if len(wanted) > 1 and shape != wanted:
                    raise ValueError(
                        f"case {n} has labels of kind {kind!r} in an array of shape {shape}, but "
                        f"its input has {wanted}"
                    )
            if not known.any():
                continue
            some = counts[known]
            begin = (first + starts[k, of])[known]
            within = np.arange(some.sum()) - np.repeat(np.cumsum(some) - some, some)
            here = _coded(self.flat[kind], of_kind)
            if not strange and (here == STRANGE).any():
                raise self._unknown(kind, of_kind, int(np.flatnonzero(here == STRANGE)[0]))
            codes[np.repeat(begin, some) + within] = here
        return Cases(of, codes, weights)

    def _unknown(self, kind: str, states: Sequence[State], place: int) -> ValueError:
        lengths = np.maximum(self.lengths[kind], 0)
        n = int(np.searchsorted(np.cumsum(lengths), place, side="right"))
        label, position = self.flat[kind][place], place - int(lengths[:n].sum())
        at = f", position {position}" if lengths.max(initial=0) > 1 else ""
        return ValueError(
            f"case {n}{at}: the label {label!r} of kind {kind!r} is none of the states "
            f"{listed(list(states), 12)}"
        )


def _coded(labels: list[Any], states: Sequence[State]) -> IntArray:
    """The place of each label among the states; -1 where it is missing, -2 where it is none."""
    number: dict[Any, int] = {state: i for i, state in enumerate(states)}

    def code(label: Any) -> int:
        try:
            found = number.get(label)
        except TypeError:
            found = None
        if found is None:
            return -1 if is_missing(label) else STRANGE
        return found

    return np.fromiter(map(code, labels), np.intp, len(labels))


def merged(cases: Cases, n_inputs: int) -> Cases:
    """Cases of the one input there is that are alike, as one case that counts as often."""
    n = len(cases.inputs)
    if n_inputs > 1 or n < 2 or not len(cases.codes):
        return cases
    rows, which = np.unique(cases.codes.reshape(n, -1), axis=0, return_inverse=True)
    weights = np.bincount(which.ravel(), cases.weights, len(rows)).astype(np.float64)
    return Cases(np.zeros(len(rows), dtype=np.intp), rows.ravel(), weights)


def _by_kind(
    item: Any, kinds: Sequence[str], n: int, nodes: Sequence[Any] | None
) -> Mapping[str, Any]:
    if len(kinds) == 1 and not isinstance(item, Mapping):
        return {kinds[0]: item}
    if len(kinds) == 1 and nodes is not None and not set(item) <= set(kinds):
        unknown = [node for node in item if node not in nodes]
        if unknown:
            raise ValueError(
                f"case {n} has a label of {unknown[0]!r}, which is no node of the graph: "
                f"{listed(list(nodes))}"
            )
        return {kinds[0]: [item.get(node) for node in nodes]}
    if item is None:
        return {}
    if not isinstance(item, Mapping):
        raise TypeError(
            f"case {n}: labels are {type(item).__name__}; expected {{kind: labels}} for "
            f"{listed(kinds)}"
        )
    unknown = [kind for kind in item if kind not in kinds]
    if unknown:
        raise ValueError(
            f"case {n} has labels of kind {listed(unknown)}; the templates are over {listed(kinds)}"
        )
    return item


def _listed(labels: Any, n: int, kind: str) -> list[Any]:
    """The labels of one case, row by row if they are an array."""
    if hasattr(labels, "ravel"):
        return list(np.asarray(labels).ravel().tolist())
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        raise TypeError(
            f"case {n}: the labels of kind {kind!r} are {labels!r:.60}; expected a list or array"
        )
    return list(labels)


def sample_weights(given: Any, n: int) -> FloatArray:
    """(N,) weights of cases, 1 unless given.

    Raises
    ------
    ValueError
        If they are not N finite numbers of at least 0, or all are 0.
    """
    if given is None:
        return np.ones(n)
    weights = np.asarray(given, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}; there are {n} cases")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError("sample_weight must be finite numbers of at least 0, not all of them 0")
    return weights

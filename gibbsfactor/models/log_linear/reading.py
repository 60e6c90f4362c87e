"""From inputs and labels as users have them to the arrays that the losses work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from gibbsfactor.errors import listed
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_for
from gibbsfactor.learning.log_linear.cliques import Structure, TiedCliques
from gibbsfactor.models.log_linear.structures import Edges
from gibbsfactor.models.log_linear.template import KIND, CliqueTemplate, titles
from gibbsfactor.models.log_linear.views import is_sparse
from gibbsfactor.variable import State

IntArray = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Inputs:
    """What was read of U inputs: their cliques, and where each kind's labels lie.

    Attributes
    ----------
    structure : Structure
    counts : (kinds, U) how many labels of each kind an input has
    shapes : for each kind the shape of the labels of every input
    """

    structure: Structure
    counts: IntArray
    shapes: dict[str, list[tuple[int, ...]]]

    def starts(self) -> IntArray:
        """(kinds, U) where each kind's labels begin within an input."""
        return np.asarray(np.cumsum(self.counts, axis=0) - self.counts)


@dataclass(eq=False)
class Reader:
    """Reads inputs by templates; learns names of features when it first does.

    Attributes
    ----------
    templates : sequence of CliqueTemplate
    states : {kind: its states}
    vectorizers : for each template, what turns names of features into columns; a number of columns
        where it gives a matrix; None without features
    widths : for each template, how many labels meet in its cliques
    """

    templates: Sequence[CliqueTemplate]
    states: dict[str, list[State]]
    vectorizers: list[Vectorizer | int | None] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """Names of the kinds of labels."""
        return list(self.states)

    @property
    def nodes(self) -> list[Any] | None:
        """The nodes of the graph that labels are on, where templates were given one."""
        return nodes_of(self.templates)

    def read(self, X: Any) -> Inputs:
        """The cliques of inputs, X being None where there is but one, which nobody sees."""
        inputs = [None] if X is None else listed_inputs(X)
        found = [[self._cliques(t, u, x) for u, x in enumerate(inputs)] for t in self.templates]
        members = [self._kinds_of(i, some) for i, some in enumerate(found)]
        counts, shapes = self._extents(inputs, found, members)
        starts = np.cumsum(counts, axis=0) - counts
        sizes = counts.sum(axis=0)
        by_kind = np.array([len(self.states[kind]) for kind in self.kinds])
        cardinalities = np.repeat(np.tile(by_kind, len(inputs)), counts.T.ravel())
        is_new = not self.vectorizers
        self.widths = list(map(len, members))
        cliques = []
        for i, (template, some, kinds) in enumerate(
            zip(self.templates, found, members, strict=True)
        ):
            owner = np.repeat(np.arange(len(inputs)), [len(c) for c in some])
            positions = np.concatenate(some) if some else np.zeros((0, len(kinds)), dtype=np.intp)
            numbers = positions + starts[np.array(kinds)[None, :], owner[:, None]]
            if is_new:
                self.vectorizers.append(None)
            states = [self.states[self.kinds[k]] for k in kinds]
            cliques.append(
                TiedCliques(
                    owner,
                    numbers,
                    tuple(map(len, states)),
                    self._features(i, inputs, some, is_new),
                    template.basis(states),
                )
            )
        return Inputs(Structure(sizes, cardinalities, cliques), counts, shapes)

    # ---- cliques ------------------------------------------------------------------------

    def _cliques(self, template: CliqueTemplate, u: int, x: Any) -> IntArray:
        try:
            return template.found(x)
        except ValueError as error:
            raise ValueError(f"input {u}: {error}") from None

    def _kinds_of(self, i: int, found: list[IntArray]) -> list[int]:
        """The number of each member's kind; inputs without cliques get the width of the others."""
        template = self.templates[i]
        widths = {c.shape[1] for c in found if len(c)}
        if self.widths:
            widths.add(self.widths[i])
        if len(widths) > 1:
            raise ValueError(
                f"template {template.title!r} gave cliques of {listed(sorted(widths))} labels; "
                "those of one template have the same number, others need a template of their own"
            )
        kinds = template.kinds or (KIND,)
        width = next(iter(widths), max((c.shape[1] for c in found), default=len(kinds)))
        found[:] = [c if len(c) else np.zeros((0, width), dtype=np.intp) for c in found]
        if len(kinds) == 1:
            kinds = kinds * width
        return [self.kinds.index(kind) for kind in kinds]

    def _extents(
        self, inputs: Sequence[Any], found: list[list[IntArray]], members: list[list[int]]
    ) -> tuple[IntArray, dict[str, list[tuple[int, ...]]]]:
        """How many labels of each kind there are, and in what shape."""
        n_kinds, n = len(self.kinds), len(inputs)
        counts = np.zeros((n_kinds, n), dtype=np.intp)
        shapes: list[list[tuple[int, ...] | None]] = [[None] * n for _ in range(n_kinds)]
        for template, some, kinds in zip(self.templates, found, members, strict=True):
            for u, (x, cliques) in enumerate(zip(inputs, some, strict=True)):
                shape = template.label_shape(x)
                for j, kind in enumerate(kinds):
                    most = int(cliques[:, j].max(initial=-1)) + 1
                    if shape is not None and shapes[kind][u] is None:
                        shapes[kind][u] = shape
                        most = max(most, int(np.prod(shape, dtype=int)))
                    counts[kind, u] = max(counts[kind, u], most)
        told = {}
        for k, name in enumerate(self.kinds):
            told[name] = [
                shape if shape is not None and np.prod(shape, dtype=int) == count else (int(count),)
                for shape, count in zip(shapes[k], counts[k], strict=True)
            ]
        return counts, told

    # ---- features -----------------------------------------------------------------------

    def _features(
        self, i: int, inputs: Sequence[Any], found: list[IntArray], is_new: bool
    ) -> FloatArray | sp.csr_array | None:
        """What the cliques of a template see, (C, A)."""
        template = self.templates[i]
        if template.features is None:
            return None
        together = getattr(template.features, "together", None)
        if together is not None:
            every = [together(inputs, found)]
            return self._matrix(i, every, [np.concatenate(found)], is_new)
        seen = [template.features(x, c) for x, c in zip(inputs, found, strict=True)]
        for u, (one, cliques) in enumerate(zip(seen, found, strict=True)):
            n = one.shape[0] if hasattr(one, "shape") else len(one)
            if n != len(cliques):
                raise ValueError(
                    f"input {u}: template {template.title!r} has {len(cliques)} cliques, but its "
                    f"features are of {n}"
                )
        if all(hasattr(one, "shape") for one in seen):
            return self._matrix(i, seen, found, is_new)
        if is_new:
            self.vectorizers[i] = vectorizer_for(seen)
        vectorizer = self.vectorizers[i]
        if vectorizer is None or isinstance(vectorizer, int):
            raise TypeError(
                f"template {template.title!r} gave a matrix of features in training, and now names"
            )
        tokens = vectorizer.fit_transform(seen) if is_new else vectorizer.transform(seen)
        if tokens.dense is None:
            return sp.csr_array(tokens.attributes)
        return sp.csr_array(
            sp.hstack([tokens.attributes, sp.csr_array(tokens.dense)], format="csr")
        )

    def _matrix(
        self, i: int, seen: list[Any], found: list[IntArray], is_new: bool
    ) -> FloatArray | sp.csr_array:
        title = self.templates[i].title
        some = [one for one, cliques in zip(seen, found, strict=True) if len(cliques)]
        widths = {one.shape[1] if one.ndim == 2 else 1 for one in some}
        known = None if is_new else self.vectorizers[i]
        if known is not None and not isinstance(known, int):
            raise TypeError(
                f"template {title!r} gave names of features in training, and now a matrix"
            )
        if known is not None and widths - {known}:
            raise ValueError(
                f"template {title!r} gave {known} features in training, and now "
                f"{listed(sorted(widths - {known}))}"
            )
        if known is not None:
            widths.add(known)
        if len(widths) > 1:
            raise ValueError(
                f"template {title!r} gave {listed(sorted(widths))} features; every clique needs "
                "the same number"
            )
        width = next(iter(widths), 0)
        self.vectorizers[i] = width
        if not some:
            return np.zeros((0, width))
        if any(map(sp.issparse, some)):
            table: Any = sp.csr_array(sp.vstack(some, format="csr").astype(np.float64))
            values = table.data
        else:
            table = np.concatenate([np.asarray(one, np.float64).reshape(-1, width) for one in some])
            values = table
        if not np.isfinite(values).all():
            raise ValueError(f"template {title!r} gave features that are NaN or infinite")
        return table  # type: ignore[no-any-return]

    def feature_names(self, i: int) -> list[str]:
        """Names of the features of a template; of matrices their columns' numbers."""
        vectorizer = self.vectorizers[i]
        if vectorizer is None:
            return ["1"]
        if isinstance(vectorizer, int):
            return [f"x{a}" for a in range(vectorizer)]
        return vectorizer.attribute_names()


def kinds_of(templates: Sequence[CliqueTemplate]) -> list[str]:
    """The kinds of labels, in the order in which templates name them.

    Raises
    ------
    TypeError, ValueError
        If something else than templates is given, none at all, or only some name their kinds.
    """
    for template in templates:
        if not isinstance(template, CliqueTemplate):
            raise TypeError(f"templates has {template!r:.80}; expected CliqueTemplate objects")
    if not templates:
        raise ValueError(
            "there are no templates; give one at least, such as CliqueTemplate(Nodes())"
        )
    titles(templates)
    kinds = list(dict.fromkeys(kind for t in templates for kind in t.kinds))
    if kinds and any(not t.kinds for t in templates):
        missing = next(t for t in templates if not t.kinds)
        raise ValueError(
            f"template {missing.title!r} does not say which labels it is over; there are "
            f"{listed(kinds)}: give over="
        )
    return kinds or [KIND]


def nodes_of(templates: Sequence[CliqueTemplate]) -> list[Any] | None:
    """The nodes of the one graph that templates were given; None where there is none.

    Raises
    ------
    ValueError
        If two of them were given graphs of other nodes.
    """
    graphs = [t.cliques.graph for t in templates if isinstance(t.cliques, Edges)]
    for graph in graphs[1:]:
        if list(graph) != list(graphs[0]):
            raise ValueError(
                "two templates have graphs of different nodes, or in another order; labels are in "
                "the order of the nodes, so give graphs of the same"
            )
    return list(graphs[0]) if graphs else None


def listed_inputs(X: Any) -> list[Any]:
    """Inputs as a list: rows of a data frame or of {name: column} become dicts {name: value}.

    Series and arrays of inputs are read by position.

    Examples
    --------
    >>> listed_inputs({"wind": ["high", "low"], "hour": [7, 8]})
    [{'wind': 'high', 'hour': 7}, {'wind': 'low', 'hour': 8}]
    """
    if hasattr(X, "columns"):
        names = list(X.columns)
        if len(set(names)) < len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise ValueError(f"X has two columns named {twice!r}; give each one name")
        rows = zip(*(X[name].to_list() for name in names), strict=True)
        return [dict(zip(names, row, strict=True)) for row in rows]
    if isinstance(X, Mapping):
        columns = {str(name): list(column) for name, column in X.items()}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            parts = ", ".join(f"{name!r} has {n}" for name, n in lengths.items())
            raise ValueError(f"the columns of X have different lengths: {parts}")
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if is_sparse(X):
        matrix = X.tocsr()
        return [matrix[[i]] for i in range(matrix.shape[0])]
    if isinstance(X, str | bytes) or not hasattr(X, "__iter__"):
        raise TypeError(f"X is {type(X).__name__}; expected a sequence of inputs, or None for none")
    return list(X)

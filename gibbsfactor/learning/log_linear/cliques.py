"""Cliques that share weights, and what they come to: log weights of joint states, and back.

One template T ties a weight matrix over all its cliques. The log weights of the joint states s of
clique c are

    theta[c, s] = sum_a sum_b F[c, a] W[a, b] B[s, b]

where F says what the clique sees of the input, and B how its labels enter. The log weights of all
templates, one after the other, are the one vector theta that `exact.tied` works on.

Letters: U inputs, C cliques, r labels in each, S joint states of them, A features, B columns of the
basis; N cases, each an input with what is known of its labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from gibbsfactor.exact.tied import TiedGraphs, TiedTables
from gibbsfactor.learning.preconditioning import Coordinates, Kind, coordinates_for, spreads

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class TiedCliques:
    """The cliques of one template in all inputs.

    Attributes
    ----------
    inputs : (C,) ascending, the input that each is in
    members : (C, r) its label variables, numbered within the input
    shape : (r,) how many states each member has
    features : (C, A), dense or sparse; None for a single feature that is 1 everywhere
    basis : (S, B); None for the identity: a weight for each joint state
    """

    inputs: IntArray
    members: IntArray
    shape: tuple[int, ...]
    features: FloatArray | sp.csr_array | None = None
    basis: FloatArray | None = None

    @property
    def n_states(self) -> int:
        """S."""
        return prod(self.shape)

    @property
    def weights_shape(self) -> tuple[int, int]:
        """(A, B)."""
        n_features = 1 if self.features is None else int(self.features.shape[1])
        return n_features, self.n_states if self.basis is None else int(self.basis.shape[1])

    @property
    def n_rows(self) -> int:
        """Of distinct log weights: C, or 1 where all cliques see the same."""
        return 1 if self.features is None else len(self.inputs)

    def scores(self, weights: FloatArray) -> FloatArray:
        """theta of the cliques, (C, S), or (1, S) where all see the same, from weights (A, B)."""
        table = weights if self.basis is None else weights @ self.basis.T
        return table if self.features is None else np.asarray(self.features @ table)

    def pull(self, gradient: FloatArray) -> FloatArray:
        """The derivative by the weights, (A, B), from that by theta."""
        table = gradient if self.features is None else np.asarray(self.features.T @ gradient)
        return table if self.basis is None else table @ self.basis


@dataclass(frozen=True, eq=False)
class Structure:
    """All inputs: their label variables, and the cliques of every template.

    Attributes
    ----------
    sizes : (U,) how many label variables each input has
    cardinalities : (sum of sizes,) of these, input after input
    cliques : one for each template
    """

    sizes: IntArray
    cardinalities: IntArray
    cliques: Sequence[TiedCliques]

    @property
    def n_inputs(self) -> int:
        """U."""
        return len(self.sizes)

    @cached_property
    def first(self) -> IntArray:
        """(U + 1,) where each input's variables begin among all."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @cached_property
    def bounds(self) -> IntArray:
        """(number of templates + 1,) where each template's log weights begin in theta."""
        return np.cumsum([0, *(c.n_rows * c.n_states for c in self.cliques)])

    @cached_property
    def weight_bounds(self) -> IntArray:
        """Where each template's weights begin in the vector of all."""
        return np.cumsum([0, *(prod(c.weights_shape) for c in self.cliques)])

    def parts(self, weights: FloatArray) -> Iterator[FloatArray]:
        """The weight matrix (A, B) of each template, out of the vector of all."""
        for i, cliques in enumerate(self.cliques):
            part = weights[self.weight_bounds[i] : self.weight_bounds[i + 1]]
            yield part.reshape(cliques.weights_shape)

    def theta(self, weights: FloatArray) -> FloatArray:
        """All log weights."""
        theta = np.empty(self.bounds[-1])
        for i, (cliques, part) in enumerate(zip(self.cliques, self.parts(weights), strict=True)):
            theta[self.bounds[i] : self.bounds[i + 1]] = cliques.scores(part).ravel()
        return theta

    def pull(self, gradient: FloatArray) -> FloatArray:
        """The derivative by all weights, from that by theta."""
        return np.concatenate(
            [
                cliques.pull(
                    gradient[self.bounds[i] : self.bounds[i + 1]].reshape(-1, cliques.n_states)
                ).ravel()
                for i, cliques in enumerate(self.cliques)
            ]
            or [np.empty(0)]
        )


@dataclass(frozen=True, eq=False)
class Cases:
    """N cases: which input each is of, what is known of its labels, and how much it counts.

    Attributes
    ----------
    inputs : (N,) ascending
    codes : the state of every label variable, case after case; -1 where it is not known
    weights : (N,)
    """

    inputs: IntArray
    codes: IntArray
    weights: FloatArray

    def first(self, structure: Structure) -> IntArray:
        """(N + 1,) where each case's labels begin."""
        return np.concatenate([[0], np.cumsum(structure.sizes[self.inputs])])

    def cardinalities(self, structure: Structure) -> IntArray:
        """How many states every label has, case after case."""
        begin = structure.first[self.inputs] - self.first(structure)[:-1]
        shift = np.repeat(begin, structure.sizes[self.inputs])
        return structure.cardinalities[np.arange(len(shift)) + shift]


def coordinates_of(
    structure: Structure, cases: Cases, c2: float, *, separable: bool
) -> Coordinates:
    """Coordinates of the weights in which units of features and of bases do not matter."""
    counted = np.bincount(cases.inputs, cases.weights, structure.n_inputs)
    kinds = []
    for cliques, start in zip(structure.cliques, structure.weight_bounds, strict=False):
        spread, units = spreads(cliques.n_states), None
        if cliques.basis is not None:
            spread = cliques.basis.var(axis=0)
            plain = np.isin(cliques.basis, (-1, 0, 1)).all(axis=0)
            units = np.where(plain | (spread == 0), 1.0, np.ptp(cliques.basis, axis=0))
        features = cliques.features
        kinds.append(
            Kind(
                int(start),
                np.arange(prod(cliques.weights_shape)),
                spread,
                counted[cliques.inputs].astype(np.float64),
                sparse=features if isinstance(features, sp.csr_array) else None,
                dense=features if isinstance(features, np.ndarray) else None,
                units=units,
            )
        )
    n_weights = int(structure.weight_bounds[-1])
    return coordinates_for(kinds, n_weights, c2, separable=separable)


def unlabelled(structure: Structure) -> Cases:
    """Every input once, with nothing known."""
    n = structure.n_inputs
    return Cases(np.arange(n), np.full(len(structure.cardinalities), -1), np.ones(n))


@dataclass(frozen=True, eq=False)
class Slots:
    """The cliques of one template in all cases, and the states of their members.

    Attributes
    ----------
    cases : (C',) ascending
    members : (C', r) variables, numbered within the case
    variables : (C', r) the same, numbered among all cases
    codes : (C', r) states, -1 where not known
    row : (C',) where each clique's log weights begin in theta
    strides : (r,) of its joint states
    """

    cases: IntArray
    members: IntArray
    variables: IntArray
    codes: IntArray
    row: IntArray
    strides: IntArray


def slots_of(structure: Structure, cases: Cases) -> list[Slots]:
    """The cliques of every template as they are in the cases."""
    first = cases.first(structure)
    found = []
    for i, cliques in enumerate(structure.cliques):
        begin = np.searchsorted(cliques.inputs, cases.inputs)
        counts = np.searchsorted(cliques.inputs, cases.inputs, side="right") - begin
        which = np.repeat(np.arange(len(cases.inputs)), counts)
        clique = np.arange(len(which)) + np.repeat(begin - (np.cumsum(counts) - counts), counts)
        members = cliques.members[clique]
        variables = first[which, None] + members
        row = np.zeros_like(clique) if cliques.features is None else clique
        strides = [prod(cliques.shape[j + 1 :]) for j in range(len(cliques.shape))]
        found.append(
            Slots(
                which,
                members,
                variables,
                cases.codes[variables],
                structure.bounds[i] + row * cliques.n_states,
                np.array(strides, dtype=np.intp),
            )
        )
    return found


def tied_tables(structure: Structure, cases: Cases) -> Iterator[TiedTables]:
    """The tables over the labels that are not known, the others being what they are known to be."""
    for cliques, slots in zip(structure.cliques, slots_of(structure, cases), strict=True):
        hidden = slots.codes < 0
        base = slots.row + (np.where(hidden, 0, slots.codes) * slots.strides).sum(axis=1)
        pattern = hidden @ (1 << np.arange(len(cliques.shape)))  # a bit for each member
        for number in np.flatnonzero(np.bincount(pattern)):
            some = np.flatnonzero(pattern == number)
            free = hidden[some[0]]
            shape = tuple(k for k, is_free in zip(cliques.shape, free, strict=True) if is_free)
            entries = np.zeros(1, dtype=np.intp)
            for k, stride in zip(shape, slots.strides[free], strict=True):
                entries = (entries[:, None] + stride * np.arange(k)).ravel()
            yield TiedTables(
                slots.cases[some],
                slots.members[some][:, free],
                shape,
                base[some],
                entries,
            )


def graphs_of(structure: Structure, cases: Cases, memory: int | None) -> TiedGraphs:
    """log Z(x, what is known of y) of every case."""
    return TiedGraphs(
        structure.sizes[cases.inputs],
        np.where(cases.codes < 0, cases.cardinalities(structure), 1),
        list(tied_tables(structure, cases)),
        memory,
    )

"""log Z of many graphs whose tables are tied to one vector of log weights theta, and its gradient.

Graphs of the same structure are rows of one network, which share a plan; others are put side by
side in one network, so that the engine does their same-shaped steps together. What comes out is
one number for each graph, and for each position of theta how often its entry is expected:

    log Z_n(theta)            d / d theta_i sum_n s_n log Z_n(theta)

Letters: N graphs, c tables of one kind, of r variables and E entries each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact import assignments, gathered
from gibbsfactor.exact.gathered import Gathered
from gibbsfactor.exact.network import IntArray, Network
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.threads import one_blas_thread

ENOUGH_ROWS = 8  # graphs of one structure from which on they are rows rather than side by side
MOST_TABLES = 4000  # of the graphs that are put side by side


@dataclass(frozen=True, eq=False)
class TiedTables:
    """Tables of one shape, any number in each graph.

    Attributes
    ----------
    graphs : (c,) ascending, the graph that each table is in
    scopes : (c, r) its variables, numbered within the graph
    shape : (r,) their numbers of states
    bases : (c,) where each begins in theta
    entries : (E,) how far its entries lie from there, the last variable running fastest
    """

    graphs: IntArray
    scopes: IntArray
    shape: tuple[int, ...]
    bases: IntArray
    entries: IntArray

    def without_single_states(self) -> TiedTables:
        """The same without the variables of one state, along which there is nothing to sum."""
        many = [i for i, k in enumerate(self.shape) if k > 1]
        if len(many) == len(self.shape):
            return self
        shape = tuple(self.shape[i] for i in many)
        return replace(self, scopes=self.scopes[:, many], shape=shape)


class TiedGraphs:
    """N graphs, ready to be summed over at any theta.

    Parameters
    ----------
    sizes : (N,) how many variables each graph has
    cardinalities : (sum of sizes,) of their variables, graph after graph
    tables : of all graphs, by kind
    memory : bytes, as for `GibbsDistribution`

    Examples
    --------
    Two chains of three and of two variables, all of whose links share one table.

    >>> links = np.array([0, 0, 1])
    >>> scopes = np.array([[0, 1], [1, 2], [0, 1]])
    >>> tables = TiedTables(links, scopes, (2, 2), np.zeros(3, dtype=int), np.arange(4))
    >>> graphs = TiedGraphs(np.array([3, 2]), np.full(5, 2), [tables])
    >>> np.exp(graphs.log_partitions(np.log([1.0, 2.0, 3.0, 4.0]))).round(6)
    array([54., 10.])
    """

    def __init__(
        self,
        sizes: IntArray,
        cardinalities: IntArray,
        tables: Sequence[TiedTables],
        memory: int | None = None,
    ) -> None:
        self.n_graphs = len(sizes)
        self._sizes = sizes
        self._cardinalities = cardinalities
        self._first = np.concatenate([[0], np.cumsum(sizes)])
        kinds = [kind.without_single_states() for kind in tables]
        self._constants = [kind for kind in kinds if not kind.shape]
        self._kinds = [kind for kind in kinds if kind.shape]
        self._memory = memory

    def log_partitions(self, theta: FloatArray) -> FloatArray:
        """log Z of each graph, (N,), in nats."""
        log_z = self._log_free.copy()
        for kind in self._constants:
            log_z += np.bincount(kind.graphs, theta[kind.bases], self.n_graphs)
        with one_blas_thread():
            for job, graphs in self.jobs:
                log_z[graphs] += gathered.log_partitions(job, theta, self._memory)
        return log_z

    def constants(self, weights: FloatArray, n: int) -> FloatArray:
        """How often, so weighted, each of n positions is a table over nothing: part of log Z."""
        counts = np.zeros(n)
        for kind in self._constants:
            counts += np.bincount(kind.bases, weights[kind.graphs], n)
        return counts

    def add_gradient(
        self, theta: FloatArray, weights: FloatArray, gradient: FloatArray
    ) -> FloatArray:
        """log Z of each graph without its constants, (N,), and what it adds to a gradient.

        Parameters
        ----------
        theta : log weights
        weights : (N,)
        gradient : of the shape of theta; the derivative of sum_n weights_n log Z_n is added to it

        Raises
        ------
        ZeroProbabilityError
            If some log Z is -inf.
        """
        log_z = self._log_free.copy()
        with one_blas_thread():
            for job, graphs in self.jobs:
                log_z[graphs] += gathered.add_gradient(
                    job, theta, weights[graphs], gradient, self._memory
                )
        return log_z

    def most_probable(self, theta: FloatArray) -> IntArray:
        """A most probable state of every variable, graph after graph."""
        return self._assigned(
            theta, lambda network: assignments.most_probable(network, self._memory)[1]
        )

    def samples(self, theta: FloatArray, rng: np.random.Generator) -> IntArray:
        """One exact sample of each graph, its variables' states graph after graph."""
        states = self._assigned(
            theta, lambda network: assignments.samples(network, 1, rng, self._memory)[:, 0]
        )
        free = ~self._mentioned
        states[free] = rng.integers(self._cardinalities[free])
        return states

    def _assigned(self, theta: FloatArray, assign: Callable[[Network], IntArray]) -> IntArray:
        states = np.zeros(len(self._cardinalities), dtype=np.intp)
        with one_blas_thread():
            for (job, _), variables in zip(self.jobs, self._variables, strict=True):
                states[variables.T] = assign(job.network(theta))
        return states

    # ---- how the graphs are put together ------------------------------------------------

    @cached_property
    def _mentioned(self) -> npt.NDArray[np.bool_]:
        """(number of variables,) which of them some table is over, or have one state."""
        seen = self._cardinalities <= 1
        for kind in self._kinds:
            seen[(self._first[kind.graphs, None] + kind.scopes).ravel()] = True
        return seen

    @cached_property
    def _log_free(self) -> FloatArray:
        """What the variables that no table is over add to log Z: the log of their states."""
        logs = np.where(self._mentioned, 0.0, np.log(np.maximum(self._cardinalities, 1)))
        graph = np.repeat(np.arange(self.n_graphs), self._sizes)
        return np.asarray(np.bincount(graph, logs, self.n_graphs), dtype=np.float64)

    @cached_property
    def jobs(self) -> list[tuple[Gathered, IntArray]]:
        """The networks that are run, and which graphs (P, R) are their parts and rows."""
        made = []
        self._variables: list[IntArray] = []
        for graphs in self._together():
            for job, those, variables in self._jobs(graphs):
                made.append((job, those))
                self._variables.append(variables)
        return made

    def _jobs(self, graphs: IntArray) -> Iterator[tuple[Gathered, IntArray, IntArray]]:
        """A network for the graphs (P, R); two of them where one would not fit the memory."""
        job, variables = self._job(graphs)
        if len(graphs) == 1 or gathered.fits(job, self._memory):
            yield job, graphs, variables
            return
        half = len(graphs) // 2
        yield from self._jobs(graphs[:half])
        yield from self._jobs(graphs[half:])

    def _together(self) -> Iterator[IntArray]:
        """Graphs that go into one network, as an array of parts and rows."""
        starts = [np.searchsorted(k.graphs, np.arange(self.n_graphs + 1)) for k in self._kinds]
        n_tables = sum((np.diff(s) for s in starts), start=np.zeros(self.n_graphs, dtype=int))
        by_structure: dict[tuple[bytes, ...], list[int]] = defaultdict(list)
        for n in np.flatnonzero(n_tables).tolist():
            key = tuple(
                kind.scopes[start[n] : start[n + 1]].tobytes()
                for kind, start in zip(self._kinds, starts, strict=True)
            )
            by_structure[key].append(n)
        few: list[int] = []
        for members in by_structure.values():
            if len(members) >= ENOUGH_ROWS:
                yield np.array([members])
            else:
                few += members
        few.sort(key=lambda n: (n_tables[n], n))
        side_by_side: list[int] = []
        total = 0
        for n in few:
            if side_by_side and total + n_tables[n] > MOST_TABLES:
                yield np.array(side_by_side)[:, None]
                side_by_side, total = [], 0
            side_by_side.append(n)
            total += int(n_tables[n])
        if side_by_side:
            yield np.array(side_by_side)[:, None]

    def _job(self, graphs: IntArray) -> tuple[Gathered, IntArray]:
        """The network of the graphs (P, R), and its variables' numbers (V, R) among all."""
        scopes: list[tuple[int, ...]] = []
        entries: list[IntArray] = []
        first, n_parts = graphs[:, 0], len(graphs)
        shift = np.full(self.n_graphs, -1)
        shift[first] = np.arange(n_parts)
        tables = []
        for kind in self._kinds:
            rows = [
                np.searchsorted(kind.graphs, column)
                for column in (graphs.ravel(), graphs.ravel() + 1)
            ]
            begin, end = (r.reshape(graphs.shape) for r in rows)
            counts = (end - begin)[:, 0]
            which = np.repeat(np.arange(n_parts), counts)
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            places = begin[which] + within[:, None]  # (tables, R)
            variables = self._first[first[which], None] + kind.scopes[places[:, 0]]
            tables.append((which, variables, places))
        used = np.unique(np.concatenate([variables.ravel() for _, variables, _ in tables]))
        found = list(zip(self._kinds, tables, strict=True))
        for kind, (_, variables, places) in found:
            scopes += map(tuple, np.searchsorted(used, variables).tolist())
            entries += [kind.entries] * len(places)
        owner = np.searchsorted(self._first, used, side="right") - 1
        local = used - self._first[owner]
        part = shift[owner]
        job = Gathered(
            tuple(self._cardinalities[used].tolist()),
            tuple(scopes),
            np.concatenate([kind.bases[places] for kind, (_, _, places) in found]),
            entries,
            part,
        )
        return job, self._first[graphs[part]] + local[:, None]

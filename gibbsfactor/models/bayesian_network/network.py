"""The Bayesian network: conditional tables along a directed acyclic graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from gibbsfactor.conditional_table import ConditionalTable, tables_by_child, trusted_table
from gibbsfactor.errors import listed
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.gibbs.names import Names, names_in
from gibbsfactor.learning.counting import Smoothing, mixed_radix
from gibbsfactor.learning.expectation_maximization import Training, fit_tables
from gibbsfactor.learning.expected_counts import Incomplete
from gibbsfactor.learning.structure import (
    Families,
    read_structure,
    tables_in_order,
    variables_of,
)
from gibbsfactor.models.bayesian_network.directed import (
    DirectedStructure,
    directed_graph,
    topological_order,
)
from gibbsfactor.rows import Unseen, coded_columns, coded_rows, read_columns
from gibbsfactor.variable import State, Variable

if TYPE_CHECKING:
    from gibbsfactor.models.log_linear import LogLinearModel

IntArray = npt.NDArray[np.intp]


class BayesianNetwork(DirectedStructure, GibbsDistribution):
    """The distribution P(x) = prod_v P(x_v | x_parents(v)), one conditional table a variable.

    It is the Gibbs distribution of its tables, with log Z = 0, so every question that can be put
    to a `GibbsDistribution` can be put to it. What is conditioned, tempered or otherwise derived
    from it is a plain Gibbs distribution.

    Parameters
    ----------
    tables : iterable of ConditionalTable
        One for each variable, in any order; variables are listed in that order.
    memory : int, optional
        Bytes that tables may take, as for `GibbsDistribution`.

    Raises
    ------
    ValueError
        If a variable has two tables, a parent has none, two tables disagree on a variable's
        states, or the parents go round in a directed cycle; the message shows it.
    TypeError
        If something else than conditional tables is given.

    Notes
    -----
    Source: Koller & Friedman (2009), definitions 3.1 and 3.5.

    Examples
    --------
    >>> rain, grass = Variable("rain", ["no", "yes"]), Variable("grass", ["dry", "wet"])
    >>> p = BayesianNetwork([
    ...     ConditionalTable(rain, [], [0.7, 0.3]),
    ...     ConditionalTable(grass, [rain], [[0.9, 0.1], [0.2, 0.8]]),
    ... ])
    >>> p.log_partition()
    0.0
    >>> p.condition({"grass": "wet"}).marginal("rain")
    rain  probability
    no       0.225806
    yes      0.774194
    >>> p.d_separated("rain", "grass")
    False
    """

    def __init__(
        self, tables: Iterable[ConditionalTable] | ConditionalTable, *, memory: int | None = None
    ) -> None:
        given: tuple[Any, ...] = (tables,) if isinstance(tables, Factor) else tuple(tables)
        self._tables = tables_by_child(given)
        self._edges = directed_graph(self._tables)
        self._order = topological_order(self._edges)
        self._training: Training | None = None
        self._learned: tuple[Incomplete, Smoothing] | None = None
        super().__init__(given, (t.child for t in given), memory=memory)

    @cached_property
    def _log_z(self) -> float:
        return 0.0  # whatever the tables: every row sums to one

    @property
    def _log_shared(self) -> tuple[float, ...]:
        return ()

    def gibbs(self) -> GibbsDistribution:
        """The Gibbs distribution of the same tables, of which nothing more is known."""
        return self._derived(self._factors, self._domain)

    # ---- data -------------------------------------------------------------------------

    @classmethod
    def fit(
        cls,
        structure: nx.DiGraph[Any] | BayesianNetwork | Iterable[tuple[Any, Any]],
        data: object,
        *,
        states: Mapping[str, int | Sequence[State]] | Iterable[Variable] | None = None,
        pseudo_count: float = 0.0,
        equivalent_sample_size: float | None = None,
        sample_weight: npt.ArrayLike | None = None,
        unseen: Unseen = "error",
        start: BayesianNetwork | None = None,
        rng: np.random.Generator | int | None = None,
        max_iterations: int = 1000,
        tol: float = 1e-6,
        verbose: bool = False,
        memory: int | None = None,
    ) -> BayesianNetwork:
        """The network of a given graph whose tables fit data best; ``training`` says how it went.

        Where nothing is missing these are relative frequencies; otherwise expectation-maximization
        finds them, supposing that entries are not missing for what they would have been.

        Parameters
        ----------
        structure : networkx.DiGraph, BayesianNetwork, or (parent, child) pairs
            Only the graph and the states of a network are used. Pairs may be any iterable, an
            array of shape (edges, 2), or a data frame of two columns. Pairs cannot contain an
            isolated variable; a graph can. Nodes are names; ``networkx.relabel_nodes(graph, str)``
            makes names of others.
        data : data frame, mapping {name: column}, structured array or sequence of {name: state}
            Columns are variables, missing entries as in `gibbsfactor.rows.coded_rows`. A variable
            without a column is hidden in every row, and needs its states listed.
        states : mapping {name: states} or iterable of Variable, optional
            Of some variables. Others have the states that the structure knows (a network, or the
            node attribute ``states``, a list or its JSON text), of a categorical column, or the
            distinct entries, sorted.
        pseudo_count : float
            Added to the count of every cell of every table: 1 is Laplace's rule.
        equivalent_sample_size : float, optional
            Instead: adds s / (number of cells) to each cell, the BDeu prior of s cases in all.
        sample_weight : array_like, shape (n,), optional
            A row of weight 2 is the same as the row given twice.
        unseen : {"error", "missing"}
            What an entry is that is none of the variable's states.
        start : BayesianNetwork, optional
            Tables to begin with; zeros stay zeros. Unless given, the frequencies in rows that have
            a whole family, and one random case for each row of a table.
        rng : numpy Generator, or a seed for one
            For that start.
        max_iterations, tol
            Iterations end when one raises the log likelihood by at most ``tol`` nats a row.
        verbose : bool
            Whether iterations that take more than two seconds show a progress bar.
        memory : int, optional
            As for `GibbsDistribution`.

        Raises
        ------
        ValueError, TypeError
            If the structure has a cycle, data and structure do not fit each other, an entry is
            not a state, or a number is out of range.
        ZeroProbabilityError
            If ``start`` gives a row probability zero.
        IntractableError
            If a table would be too large, or inference about what is missing.

        Warns
        -----
        ConvergenceWarning
            If max_iterations was reached before tol.
        RuntimeWarning
            If Ctrl-C ended the iterations; the tables so far are kept.

        Notes
        -----
        A row of a table whose parents' states never occur, and to which nothing is added, is
        uniform: the likelihood does not depend on it, and uniform takes no side.

        Source: Koller & Friedman (2009), sections 17.2, 17.4 (priors) and 19.2.2 (missing data).

        Examples
        --------
        >>> rows = {"rain": ["no", "no", "yes", "yes"], "grass": ["dry", "dry", "wet", "dry"]}
        >>> BayesianNetwork.fit([("rain", "grass")], rows).tables["grass"]
        P(grass | rain)
        rain  dry  wet
        no      1    0
        yes   0.5  0.5
        """
        if isinstance(structure, BayesianNetwork):
            graph = structure.graph()
            nx.set_node_attributes(graph, {v.name: v for v in structure.variables}, "variable")
            structure = graph
        graph = read_structure(structure)
        topological_order(graph)
        columns = read_columns(data, "data")
        variables = variables_of(graph, columns, states)
        coded = coded_columns(columns, variables, "data", unseen)
        rows = Incomplete.of(Families.of(graph, variables), coded, sample_weight, columns.n)
        smoothing = Smoothing(pseudo_count, equivalent_sample_size)
        tables, training = fit_tables(
            rows,
            smoothing,
            start=None if start is None else tables_in_order(start.tables, graph, variables),
            rng=np.random.default_rng(rng),
            max_iterations=max_iterations,
            tol=tol,
            verbose=verbose,
            memory=memory,
        )
        above = {name: [variables[u] for u in graph.predecessors(name)] for name in graph}
        made = zip(variables.values(), above.values(), tables, strict=True)
        network = cls((trusted_table(*parts) for parts in made), memory=memory)
        network._training, network._learned = training, (rows, smoothing)
        return network

    def partial_fit(
        self,
        data: object,
        *,
        sample_weight: npt.ArrayLike | None = None,
        unseen: Unseen = "error",
        rng: np.random.Generator | int | None = None,
        max_iterations: int = 1000,
        tol: float = 1e-6,
        verbose: bool = False,
    ) -> BayesianNetwork:
        """A new network that has learned from more rows: that of one `fit` on all rows so far.

        The counts of `fit` are kept, and those of the new rows are added, so that the old rows
        are not needed any more. Smoothing is that of `fit`, added once. The network itself does
        not change.

        Parameters
        ----------
        data, sample_weight, unseen, rng, max_iterations, tol, verbose
            As for `fit`. States are those of the network: list in ``fit(states=...)`` those that
            may come later.

        Raises
        ------
        ValueError, TypeError
            As for `fit`; or if the network was not made by `fit`, so that there are no counts.

        Notes
        -----
        Source: Koller & Friedman (2009), section 17.4.1: the counts are sufficient statistics.

        Examples
        --------
        >>> rows = {"rain": ["no", "yes", "yes"], "grass": ["dry", "wet", "dry"]}
        >>> p = BayesianNetwork.fit([("rain", "grass")], rows, pseudo_count=1)
        >>> p.partial_fit({"rain": ["yes", "yes"], "grass": ["wet", "wet"]}).tables["grass"]
        P(grass | rain)
        rain       dry       wet
        no    0.666667  0.333333
        yes   0.333333  0.666667
        """
        if self._learned is None:
            raise ValueError(
                "this network has no counts to add to: its tables were given, not learned by "
                "BayesianNetwork.fit (files keep tables alone); fit it to all rows"
            )
        known, smoothing = self._learned
        variables = {v.name: v for v in self.variables}
        n, columns = coded_rows(data, variables, "data", unseen)
        rows = known.plus(Incomplete.of(known.families, columns, sample_weight, n))
        tables, training = fit_tables(
            rows,
            smoothing,
            start=None,
            rng=np.random.default_rng(rng),
            max_iterations=max_iterations,
            tol=tol,
            verbose=verbose,
            memory=self._memory,
        )
        old = [self._tables[name] for name in known.families.names]
        made = zip(old, tables, strict=True)
        network = BayesianNetwork(
            (trusted_table(t.child, t.parents, values) for t, values in made), memory=self._memory
        )
        network._training, network._learned = training, (rows, smoothing)
        return network

    @property
    def training(self) -> Training | None:
        """How `fit` went; None if the tables were given."""
        return self._training

    def log_likelihood(
        self,
        data: object,
        sample_weight: npt.ArrayLike | None = None,
        *,
        unseen: Unseen = "error",
    ) -> float:
        """Sum over rows of log P(what the row has), in nats; -inf if one is impossible.

        Parameters
        ----------
        data, sample_weight, unseen
            As for `fit`: missing entries are summed out.

        Examples
        --------
        >>> coin = Variable("coin", ["heads", "tails"])
        >>> p = BayesianNetwork([ConditionalTable(coin, [], [0.5, 0.5])])
        >>> round(p.log_likelihood({"coin": ["heads", "tails", None]}), 6)
        -1.386294
        """
        variables = {v.name: v for v in self.variables}
        n, columns = coded_rows(data, variables, "data", unseen)
        families = Families.of(self._edges, variables)
        tables = [self._tables[name].values for name in families.names]
        rows = Incomplete.of(families, columns, sample_weight, n)
        return rows.log_likelihood(tables, self._memory)

    # ---- its twin ---------------------------------------------------------------------

    def discriminative_twin(self, targets: Names, **parameters: Any) -> LogLinearModel:
        """The conditional random field of the same graph: P(targets | all other variables).

        Every table that holds a target becomes a factor over the targets in it, picked by the
        states of the others, with a weight for each entry. As it is made the weights are the logs
        of the tables, and its answers those of the network. ``fit(X, y)`` goes on from there and
        maximises the likelihood of the targets alone, so that the weights need not be logs of
        conditional probabilities any more: naive Bayes becomes softmax regression, a hidden Markov
        model a linear-chain conditional random field.

        Parameters
        ----------
        targets : name, or sequence of names
        **parameters
            Of `LogLinearModel`, such as c2.

        Returns
        -------
        LogLinearModel
            Its inputs are rows of the other variables (a data frame, {name: column}, or dicts);
            only those in a family with a target are looked at. Its labels are columns of the
            targets.

        Raises
        ------
        ValueError
            If there is no target, or no such variable.

        Notes
        -----
        Source: Ng & Jordan (2002), On discriminative vs. generative classifiers; Greiner et al.
        (2005), Structural extension to logistic regression; Sutton & McCallum (2012), section 2.2.

        Examples
        --------
        >>> rain, grass = Variable("rain", ["no", "yes"]), Variable("grass", ["dry", "wet"])
        >>> p = BayesianNetwork([
        ...     ConditionalTable(rain, [], [0.7, 0.3]),
        ...     ConditionalTable(grass, [rain], [[0.9, 0.1], [0.2, 0.8]]),
        ... ])
        >>> twin = p.discriminative_twin("rain")
        >>> twin.predict_proba({"grass": ["wet", "dry"]}).round(4)
        array([[0.2258, 0.7742],
               [0.913 , 0.087 ]])
        """
        from gibbsfactor.models.log_linear.twin import twin_of

        wanted = [v.name for v in self._domain.named(names_in(targets))]
        if not wanted:
            raise ValueError("there is no target; name one at least")
        return twin_of(self._tables.values(), wanted, **parameters)

    # ---- samples ----------------------------------------------------------------------

    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        """Samples drawn parents first: no inference is needed, however wide the network is.

        Source: Koller & Friedman (2009), algorithm 12.1 (forward sampling).
        """
        drawn: dict[str, IntArray] = {}
        for name in self._order:
            table = self._tables[name]
            above = [drawn[v.name] for v in table.parents]
            rows = mixed_radix(above, table.shape[:-1], n)
            drawn[name] = table.draw(rows, rng.random(n))
        positions = np.empty((n, len(drawn)), dtype=np.intp)
        for i, v in enumerate(self.variables):
            positions[:, i] = drawn[v.name]
        return positions

    # ---- looks ------------------------------------------------------------------------

    def __repr__(self) -> str:
        edges = sum(len(t.parents) for t in self._tables.values())
        return (
            f"BayesianNetwork of {len(self._tables)} variables "
            f"({listed(self.names) or 'none'}) and {edges} edges"
        )

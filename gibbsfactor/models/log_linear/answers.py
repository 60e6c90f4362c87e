"""What a log-linear model is asked: labels, probabilities, samples, and the distribution it is.

Letters: U inputs, N cases, K states of a label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed
from gibbsfactor.exact.tied import TiedGraphs, TiedTables
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.learning.estimator import not_fitted
from gibbsfactor.learning.log_linear.cliques import (
    Cases,
    Structure,
    graphs_of,
    tied_tables,
    unlabelled,
)
from gibbsfactor.models.log_linear.labels import Labels
from gibbsfactor.models.log_linear.reading import Inputs, Reader
from gibbsfactor.models.log_linear.template import CliqueTemplate, titles
from gibbsfactor.variable import State, Variable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


class Answers:
    """Questions to a fitted model. ``known`` gives labels that are known, as ``y`` in `fit`."""

    templates: Sequence[CliqueTemplate]
    memory: int | None
    states_: dict[str, list[State]]
    weights_: dict[str, FloatArray]
    feature_names_: dict[str, list[str]]
    _reader_: Reader

    # ---- labels -------------------------------------------------------------------------

    def predict(self, X: Any = None, *, known: Any = None) -> Any:
        """The most probable joint labelling of each input, hidden labels included.

        Parameters
        ----------
        X : inputs as for `fit`; None for the one that a model without inputs has
        known : labels that are known already, as ``y`` in `fit`; others are None

        Returns
        -------
        list
            For each input its labels: a list, or an array where labels have two axes or more; of
            several kinds, {kind: such}. Where every kind has one label, an array (N,) instead of
            the list, or {kind: array}.
        """
        cases, inputs = self._asked(X, known)
        graphs = graphs_of(inputs.structure, cases, self.memory)
        codes = np.where(cases.codes < 0, graphs.most_probable(self._theta(inputs)), cases.codes)
        return self._told(codes, inputs, cases, _labelled)

    def predict_proba(self, X: Any = None, *, known: Any = None) -> Any:
        """P(y_v | x) of every label, laid out as in `predict` with an axis of states more.

        The states are in the order of ``states_``.
        """
        cases, inputs = self._asked(X, known)
        marginals = self._marginals(inputs, cases)
        return self._told(np.arange(len(cases.codes)), inputs, cases, _rows_of(marginals))

    def sample(
        self, X: Any = None, *, known: Any = None, rng: np.random.Generator | int | None = None
    ) -> Any:
        """One exact sample of the labels of each input, laid out as in `predict`."""
        cases, inputs = self._asked(X, known)
        graphs = graphs_of(inputs.structure, cases, self.memory)
        drawn = graphs.samples(self._theta(inputs), np.random.default_rng(rng))
        codes = np.where(cases.codes < 0, drawn, cases.codes)
        return self._told(codes, inputs, cases, _labelled)

    def score(self, X: Any, y: Any) -> float:
        """Share of the labels given in y that `predict` gets right; unseen ones it can't."""
        cases, inputs = self._asked(X, y, strange=True)
        free = Cases(cases.inputs, np.full_like(cases.codes, -1), cases.weights)
        graphs = graphs_of(inputs.structure, free, self.memory)
        known = cases.codes != -1
        if not known.any():
            raise ValueError("y has no label that is known, so there is nothing to score")
        right = graphs.most_probable(self._theta(inputs))[known] == cases.codes[known]
        return float(right.mean())

    # ---- numbers ------------------------------------------------------------------------

    def log_partition(self, X: Any = None, *, known: Any = None) -> FloatArray:
        """log Z(x), or log Z(x, y) over the labellings that agree with what is known, (N,)."""
        cases, inputs = self._asked(X, known)
        graphs = graphs_of(inputs.structure, cases, self.memory)
        return graphs.log_partitions(self._theta(inputs))

    def log_probability(self, X: Any, y: Any) -> FloatArray:
        """log P(y_n | x_n) in nats, (N,), labels that are not known being summed out."""
        cases, inputs = self._asked(X, y)
        structure, theta = inputs.structure, self._theta(inputs)
        log_z = graphs_of(structure, unlabelled(structure), self.memory).log_partitions(theta)
        known = graphs_of(structure, cases, self.memory).log_partitions(theta)
        return np.asarray(known - log_z[cases.inputs])

    # ---- the distribution ---------------------------------------------------------------

    def gibbs(self, x: Any = None) -> GibbsDistribution:
        """The Gibbs distribution over the labels of one input, for the general engine.

        Variables are named after their kind and position, as ``y0``, after their kind alone where
        it has one label, or after the nodes of the templates' graph; there is a factor for each
        clique.

        Parameters
        ----------
        x : one input; None for a model without inputs
        """
        self._check_fitted()
        inputs = self._reader_.read(None if x is None else [x])
        theta, structure = self._theta(inputs), inputs.structure
        variables = self._variables(inputs)
        factors = []
        for i, cliques in enumerate(structure.cliques):
            logs = theta[structure.bounds[i] : structure.bounds[i + 1]]
            tables = logs.reshape(-1, *cliques.shape)
            for c, members in enumerate(cliques.members.tolist()):
                scope = [variables[v] for v in members]
                factors.append(Factor.from_log(scope, tables[c if len(tables) > 1 else 0]))
        return GibbsDistribution(factors, variables, memory=self.memory)

    def _variables(self, inputs: Inputs) -> list[Variable]:
        kinds, nodes = self._reader_.kinds, self._reader_.nodes

        def name(kind: str, position: int) -> str:
            if self._of_columns:
                return kind
            if nodes is not None and len(kinds) == 1 and position < len(nodes):
                return str(nodes[position])
            return f"{kind}{position}"

        return [
            Variable(name(kind, position), self.states_[kind])
            for kind, n in zip(kinds, inputs.counts[:, 0].tolist(), strict=True)
            for position in range(n)
        ]

    def weight_table(self, template: str) -> FloatArray:
        """The weights of a template by its title, (A, states of each member), features first.

        Of a template with a table of its own they are (A, B), as in ``weights_``.
        """
        self._check_fitted()
        names = titles(self.templates)
        if template not in names:
            raise ValueError(f"there is no template {template!r}; there are {listed(names)}")
        i, weights = names.index(template), self.weights_[template]
        if not self.templates[i].is_full:
            return weights
        return weights.reshape(len(weights), *(len(self.states_[k]) for k in self._members(i)))

    def _members(self, i: int) -> list[str]:
        """The kind of each member of a template's cliques."""
        kinds = list(self.templates[i].kinds or self._reader_.kinds[:1])
        width = self._reader_.widths[i] if self._reader_.widths else len(kinds)
        return kinds * width if len(kinds) == 1 else kinds

    def top_weights(self, n: int = 10) -> list[tuple[str, str, Any, float]]:
        """The n weights of greatest size: (template, feature, joint state, weight).

        The joint state is a tuple of the members' states, or the column's number where the
        template has a table of its own.
        """
        self._check_fitted()
        found = []
        for name, template in zip(titles(self.templates), self.templates, strict=True):
            weights = self.weights_[name]
            order = np.argsort(-np.abs(weights), axis=None, kind="stable")[:n]
            for a, b in zip(*np.unravel_index(order, weights.shape), strict=True):
                found.append((name, template, int(a), int(b), float(weights[a, b])))
        found.sort(key=lambda one: -abs(one[-1]))
        return [
            (name, self.feature_names_[name][a], self._joint_state(template, b), weight)
            for name, template, a, b, weight in found[:n]
        ]

    def _joint_state(self, template: CliqueTemplate, b: int) -> Any:
        if not template.is_full:
            return b
        kinds = self._members(list(self.templates).index(template))
        shape = [len(self.states_[kind]) for kind in kinds]
        where = np.unravel_index(b, shape)
        return tuple(self.states_[kind][int(i)] for kind, i in zip(kinds, where, strict=True))

    # ---- within -------------------------------------------------------------------------

    @property
    def _of_columns(self) -> bool:
        """Whether every kind has one label in each case, as the columns of a table."""
        return all(template.is_single for template in self.templates)

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise not_fitted(
                f"this {type(self).__name__} is not fitted yet; call fit, or make it with "
                "from_weights"
            )

    def _asked(self, X: Any, known: Any, *, strange: bool = False) -> tuple[Cases, Inputs]:
        """The inputs asked about, and what is known of their labels."""
        self._check_fitted()
        reader = self._reader_
        inputs = reader.read(X)
        structure = inputs.structure
        if known is None:
            return unlabelled(structure), inputs
        labels = Labels.of(known, reader.kinds, self._of_columns, reader.nodes)
        if X is not None and labels.n != structure.n_inputs:
            raise ValueError(
                f"X has {structure.n_inputs} inputs, but there are labels of {labels.n} cases"
            )
        weights = np.ones(labels.n)
        return labels.cases(reader.states, inputs, weights, strange=strange), inputs

    def _vector(self, structure: Structure) -> FloatArray:
        """All weights, checked to be those of the templates."""
        names = titles(self.templates)
        for name, cliques in zip(names, structure.cliques, strict=True):
            given = self.weights_[name].shape if name in self.weights_ else None
            if given != cliques.weights_shape:
                raise ValueError(
                    f"template {name!r} needs weights of shape {cliques.weights_shape}, (features, "
                    f"joint states or columns of its table), but there are {given}"
                )
        return np.concatenate([self.weights_[name].ravel() for name in names])

    def _theta(self, inputs: Inputs) -> FloatArray:
        return inputs.structure.theta(self._vector(inputs.structure))

    def _marginals(self, inputs: Inputs, cases: Cases) -> FloatArray:
        """P(y_v | x, known), (labels of all cases, most states); known ones have it all at one."""
        structure, theta = inputs.structure, self._theta(inputs)
        sizes = structure.sizes[cases.inputs]
        first, cardinalities = cases.first(structure), cases.cardinalities(structure)
        most = int(cardinalities.max(initial=1))
        owner = np.repeat(np.arange(len(sizes)), sizes)
        shares = np.zeros((len(owner), most))
        probes = []
        for k in np.unique(cardinalities).tolist():  # tables of ones, whose marginals are asked for
            (those,) = np.nonzero((cardinalities == k) & (cases.codes < 0))
            within = (those - first[owner[those]])[:, None]
            bases = len(theta) + those * most
            probes.append(TiedTables(owner[those], within, (k,), bases, np.arange(k)))
        tables = [*tied_tables(structure, cases), *probes]
        free = np.where(cases.codes < 0, cardinalities, 1)
        graphs = TiedGraphs(sizes, free, tables, self.memory)
        longer = np.concatenate([theta, np.zeros(shares.size)])
        gradient = np.zeros_like(longer)
        graphs.add_gradient(longer, np.ones(len(sizes)), gradient)
        shares = gradient[len(theta) :].reshape(shares.shape)
        known = np.flatnonzero((cases.codes >= 0) | (cardinalities == 1))
        shares[known, np.maximum(cases.codes[known], 0)] = 1.0
        return shares

    def _told(
        self,
        codes: IntArray,
        inputs: Inputs,
        cases: Cases,
        made: Callable[[IntArray, list[State]], npt.NDArray[Any]],
    ) -> Any:
        """Values of all labels, case by case and kind by kind, in the labels' shape."""
        kinds, starts = self._reader_.kinds, inputs.starts()
        sizes = inputs.structure.sizes[cases.inputs]
        first = np.cumsum(sizes) - sizes
        if self._of_columns:
            columns = {
                kind: made(codes[first + starts[k, cases.inputs]], self.states_[kind])
                for k, kind in enumerate(kinds)
            }
            return columns if len(kinds) > 1 else columns[kinds[0]]
        told = []
        for n, u in enumerate(cases.inputs.tolist()):
            of_case = {}
            for k, kind in enumerate(kinds):
                begin = int(first[n] + starts[k, u])
                values = made(codes[begin : begin + int(inputs.counts[k, u])], self.states_[kind])
                shape = inputs.shapes[kind][u]
                values = values.reshape((*shape, *values.shape[1:]))
                is_list = len(shape) == 1 and values.ndim == 1
                of_case[kind] = values.tolist() if is_list else values
            told.append(of_case if len(kinds) > 1 else of_case[kinds[0]])
        return told


def _labelled(codes: IntArray, states: list[State]) -> npt.NDArray[Any]:
    return _state_array(states)[codes]


def _state_array(states: list[State]) -> npt.NDArray[Any]:
    """States as an array: of their own type where they share one."""
    types = {type(state) for state in states}
    if len(types) == 1 and types <= {int, float, str, bool}:
        return np.array(states)
    array = np.empty(len(states), dtype=object)
    array[:] = states
    return array


def _rows_of(marginals: FloatArray) -> Callable[[IntArray, list[State]], FloatArray]:
    return lambda codes, states: marginals[codes][:, : len(states)]

"""The log-linear model, or general conditional random field, as an estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from time import perf_counter
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import IntractableError, listed
from gibbsfactor.learning.estimator import Estimator, warn_not_converged
from gibbsfactor.learning.lbfgs import minimize
from gibbsfactor.learning.log_linear.cliques import Cases, Structure, coordinates_of
from gibbsfactor.learning.log_linear.loss import LogLinearLoss
from gibbsfactor.learning.log_linear.pseudo_likelihood import PseudoLikelihoodLoss
from gibbsfactor.learning.log_linear.scaling import scale
from gibbsfactor.learning.minimum import Minimum, Watcher
from gibbsfactor.learning.preconditioning import Coordinates, typical_weight
from gibbsfactor.learning.progress import progress_bar
from gibbsfactor.learning.proximal import minimize_l1
from gibbsfactor.models.log_linear.answers import Answers
from gibbsfactor.models.log_linear.labels import Labels, merged, sample_weights
from gibbsfactor.models.log_linear.parameters import check_parameters
from gibbsfactor.models.log_linear.reading import Reader, kinds_of, nodes_of
from gibbsfactor.models.log_linear.storage import Storage
from gibbsfactor.models.log_linear.template import KIND, CliqueTemplate, titles
from gibbsfactor.threads import one_blas_thread
from gibbsfactor.variable import State, Variable

FloatArray = npt.NDArray[np.float64]

GRADIENT_TOLERANCE = 1e-6  # of a case that counts once
PERIOD = 5  # iterations over which training must still gain something
FORBIDDEN_START = -30.0  # weights of -inf start from here when they are trained on
HIDDEN_START = 0.1  # standard deviation of the weights to start from where labels are hidden


class LogLinearModel(Answers, Storage, Estimator):
    """Log-linear model of labels on any graph: a general conditional random field.

    The Gibbs distribution over the labels y of an input x whose factors are those that clique
    templates make,

        P(y | x) = (1/Z(x)) prod_T prod_{c in T(x)} exp( w_T . f_T(x, c, y_c) )

    with the weights w_T of a template tied over all its cliques. Without inputs it is a Markov
    network, P(y). Weights minimise

        -sum_n s_n log P(y_n | x_n) + c1 |w|_1 + c2 |w|^2

    where labels that are not known are summed out: log P(y | x) = log Z(x, y) - log Z(x). Both come
    from the exact engine, and their derivatives are expected features.

    Parameters
    ----------
    templates : sequence of CliqueTemplate
    states : {kind: states}, optional
        The states of labels, a number or a list. Of kinds that are left out they are those that
        the data show.
    objective : "likelihood" or "pseudo-likelihood"
        The second, each label given all others, needs no partition function, for graphs that are
        too wide for one.
    solver : "lbfgs" or "scaling"
        L-BFGS (its proximal form where c1 > 0); or iterative scaling, for models without inputs.
    c1, c2 : float
        Strengths of the penalties c1 |w|_1 and c2 |w|^2, as in `LinearChainCRF`.
    max_iterations : int
    tol : float
        Stop when five iterations together lower the loss by less than this share of it, and the
        gradient promises no more than ten times this share; with
        "scaling", when no expected frequency is off by more than this share of the cases.
    warm_start : bool
        Let `fit` start from the weights of the last fit, or of `from_weights`, of the same
        templates and features.
    random_state : int
        Seed of the weights to start from where labels are hidden: at zero all hidden states are
        alike and would stay so.
    memory : int, optional
        Bytes that tables may take; by default half of what is free.
    progress : bool or "always"
        Show a bar: once training has taken two seconds, never, or from the start.

    Attributes
    ----------
    states_ : {kind: list of states}
    weights_ : {template's title: ndarray (A, B)}
        A row for each feature; a column for each joint state of the members, the last member's
        running fastest, or for each column of the template's own table.
    feature_names_ : {template's title: list of A names}
    loss_ : at the end of training
    gradient_norm_ : its largest component, by weights scaled to the size of their features' values
    n_iter_, n_evaluations_ : of training
    converged_, interrupted_ : whether training met its tolerance, or was ended by Ctrl-C
    seconds_ : {"reading": ..., "training": ...}

    Notes
    -----
    Source: Lafferty, McCallum & Pereira (2001); Taskar, Abbeel & Koller (2002); Sutton & McCallum
    (2012), sections 2.4 and 5.1; Koller & Friedman (2009), section 20.3.

    Examples
    --------
    A chain, as `LinearChainCRF` has it:

    >>> from gibbsfactor.models.log_linear import Chain, Nodes, own
    >>> model = LogLinearModel([CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())], c2=0.1)
    >>> X = [[["w=the"], ["w=dog"], ["w=barks"]], [["w=a"], ["w=cat"], ["w=sleeps"]]]
    >>> y = [["D", "N", "V"], ["D", "N", "V"]]
    >>> model.fit(X, y).predict([[["w=the"], ["w=cat"]]])
    [['D', 'N']]

    A Markov network fitted to a table of data:

    >>> pair = LogLinearModel([CliqueTemplate(over=("a", "b"))], c2=0.0)
    >>> p = pair.fit(None, {"a": [0, 0, 1, 1], "b": [0, 0, 1, 0]}).gibbs()
    >>> round(p.probability({"a": 0, "b": 0}), 3)
    0.5
    """

    def __init__(
        self,
        templates: Sequence[CliqueTemplate] = (),
        *,
        states: Mapping[str, int | Sequence[State]] | None = None,
        objective: Literal["likelihood", "pseudo-likelihood"] = "likelihood",
        solver: Literal["lbfgs", "scaling"] = "lbfgs",
        c1: float = 0.0,
        c2: float = 1.0,
        max_iterations: int = 1000,
        tol: float = 1e-6,
        warm_start: bool = False,
        random_state: int = 0,
        memory: int | None = None,
        progress: bool | Literal["always"] = True,
    ) -> None:
        self.templates = templates
        self.states = states
        self.objective = objective
        self.solver = solver
        self.c1 = c1
        self.c2 = c2
        self.max_iterations = max_iterations
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.memory = memory
        self.progress = progress

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Train the weights.

        Parameters
        ----------
        X : sequence of U inputs, or None
            Anything that the templates' functions take: sequences of feature dicts, arrays, rows
            of a data frame (as dicts). None for a model without inputs.
        y : N labellings
            One for each input, or any number without inputs. Each is a sequence or an array of
            labels, with None where one is not known; {node: label} where templates were given a
            graph; or {kind: such}. Where every kind has one
            label, y is a table: a data frame or {kind: column} (None or NaN where one is not
            known), or one column.
        sample_weight : (N,), optional
            How much each case counts.

        Raises
        ------
        ValueError
            If a parameter is out of range, the sizes do not agree, a feature is NaN or infinite,
            or a state does not exist.
        IntractableError
            If the graphs are too wide for exact inference; the message says how wide, and
            ``objective="pseudo-likelihood"`` does without.

        Warns
        -----
        ConvergenceWarning
            If training ended before it converged.
        RuntimeWarning
            If Ctrl-C ended it; the best weights so far are kept.
        """
        if y is None:
            raise TypeError("y is missing; a model without inputs is fitted by fit(None, data)")
        check_parameters(self)
        began = perf_counter()
        kinds = kinds_of(self.templates)
        labels = Labels.of(y, kinds, self._of_columns, nodes_of(self.templates))
        weights = sample_weights(sample_weight, labels.n)
        if labels.n == 0:
            raise ValueError("there are no cases to learn from")
        reader = self._reader(kinds, labels)
        inputs = reader.read(X)
        if X is not None and inputs.structure.n_inputs != labels.n:
            raise ValueError(
                f"X has {inputs.structure.n_inputs} inputs, but y has {labels.n} labellings; "
                "each input has one"
            )
        structure = inputs.structure
        cases = merged(labels.cases(reader.states, inputs, weights), structure.n_inputs)
        coordinates = coordinates_of(structure, cases, self.c2, separable=self.c1 > 0)
        start = self._start(structure, cases, coordinates)
        limits: dict[str, Any] = {
            "coordinates": coordinates,
            "gradient_tolerance": GRADIENT_TOLERANCE * typical_weight(weights),
        }
        ready = perf_counter()
        with progress_bar(self.progress, "log-linear model") as bar, one_blas_thread():
            try:
                found = self._minimum(structure, cases, start, bar, limits)
            except IntractableError as error:
                raise IntractableError(
                    f"{error}. Training can do without: objective='pseudo-likelihood'"
                ) from None
        self._reader_ = reader
        self._keep(structure, found.weights)
        self.loss_ = found.loss
        self.gradient_norm_ = found.gradient_norm
        self.n_iter_ = found.iterations
        self.n_evaluations_ = found.evaluations
        self.converged_ = found.converged
        self.interrupted_ = found.interrupted
        self.seconds_ = {"reading": ready - began, "training": perf_counter() - ready}
        if not (found.converged or found.interrupted):
            warn_not_converged(
                f"training stopped before it converged: {found.message}, at loss "
                f"{found.loss:.8g}; raise max_iterations={self.max_iterations} or "
                f"tol={self.tol:g}, penalise more, or scale the features",
                stacklevel=2,
            )
        return self

    @classmethod
    def from_weights(
        cls,
        templates: Sequence[CliqueTemplate],
        states: Mapping[str, int | Sequence[State]],
        weights: Mapping[str, npt.ArrayLike],
        **parameters: Any,
    ) -> Self:
        """A model with given weights, as if it had been fitted.

        Parameters
        ----------
        templates : sequence of CliqueTemplate
            Their features, if any, are matrices: names are learned from data only.
        states : {kind: states}, of every kind
        weights : {template's title: (A, B)}
            Shapes as those of ``weights_``; (B,) where a template has no features.
        **parameters
            As for the class.

        Raises
        ------
        ValueError
            If a kind or a template is missing, or weights have another shape; where it takes an
            input to know the shape, at the first question.

        Examples
        --------
        >>> from gibbsfactor.models.log_linear import Chain
        >>> ising = CliqueTemplate(Chain(size=3), table="same", name="coupling")
        >>> model = LogLinearModel.from_weights([ising], {"y": [-1, 1]}, {"coupling": [1.0]})
        >>> round(model.gibbs().partition_function(), 4)  # 2 (1 + e)^2
        27.6512
        """
        model = cls(templates, states=states, **parameters)
        kinds = kinds_of(templates)
        missing = [kind for kind in kinds if kind not in states]
        if missing:
            raise ValueError(f"states says nothing about {listed(missing)}")
        known = {kind: list(Variable(kind, states[kind]).states) for kind in kinds}
        names = titles(templates)
        if set(weights) != set(names):
            raise ValueError(f"weights are of {listed(list(weights))}, templates {listed(names)}")
        given = {name: np.atleast_2d(np.array(weights[name], dtype=np.float64)) for name in names}
        for name, template in zip(names, templates, strict=True):
            kinds_told = template.kinds or (KIND,)
            if template.is_full and (template.is_single or len(kinds_told) > 1):
                wanted = prod(len(known[kind]) for kind in kinds_told)
                if given[name].shape[-1] != wanted:
                    raise ValueError(
                        f"weights of template {name!r} have shape {given[name].shape}; its labels "
                        f"have {wanted} joint states"
                    )
        widths = [
            None if template.features is None else len(given[name])
            for name, template in zip(names, templates, strict=True)
        ]
        model._reader_ = Reader(tuple(templates), known, list(widths))
        model.states_ = known
        model.weights_ = given
        model.feature_names_ = {
            name: model._reader_.feature_names(i) for i, name in enumerate(names)
        }
        return model

    def _reader(self, kinds: Sequence[str], labels: Labels) -> Reader:
        if self.warm_start and hasattr(self, "_reader_"):
            return self._reader_
        given = dict(self.states or {})
        unknown = [kind for kind in given if kind not in kinds]
        if unknown:
            raise ValueError(f"states names {unknown[0]!r}, but the templates are over {kinds}")
        states = {
            kind: list(Variable(kind, given[kind]).states) if kind in given else labels.states(kind)
            for kind in kinds
        }
        return Reader(tuple(self.templates), states)

    def _start(self, structure: Structure, cases: Cases, coordinates: Coordinates) -> FloatArray:
        n = int(structure.weight_bounds[-1])
        if self.warm_start and hasattr(self, "weights_"):
            return np.maximum(self._vector(structure), FORBIDDEN_START)
        if (cases.codes < 0).any():
            drawn = np.random.default_rng(self.random_state).normal(0.0, HIDDEN_START, n)
            return coordinates.weights(drawn)
        return np.zeros(n)

    def _minimum(
        self,
        structure: Structure,
        cases: Cases,
        start: FloatArray,
        watch: Watcher | None,
        limits: dict[str, Any],
    ) -> Minimum:
        most: dict[str, Any] = {"max_iterations": self.max_iterations, "progress": watch}
        if self.objective == "pseudo-likelihood":
            loss: Any = PseudoLikelihoodLoss(structure, cases, self.c2)
        else:
            loss = LogLinearLoss(structure, cases, self.c2, self.memory)
        if self.solver == "scaling":
            return scale(loss, start, tolerance=self.tol, **most)
        descend = partial(minimize_l1, l1=self.c1) if self.c1 else minimize
        return descend(
            loss,
            start,
            loss_tolerance=self.tol,
            period=PERIOD,
            **most,
            **limits,
        )

    def _keep(self, structure: Structure, weights: FloatArray) -> None:
        names = titles(self.templates)
        self.states_ = self._reader_.states
        self.weights_ = {
            name: part.copy() for name, part in zip(names, structure.parts(weights), strict=True)
        }
        self.feature_names_ = {name: self._reader_.feature_names(i) for i, name in enumerate(names)}

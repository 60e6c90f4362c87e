"""The linear-chain conditional random field as an estimator."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from gibbsfactor.features import Columns, Constraints, Templates, Tokens, as_sequences
from gibbsfactor.features.fixed_vectorizers import FixedVectorizer
from gibbsfactor.features.labels import Labels, check_labelled, listed_labels, read_labels
from gibbsfactor.features.tokens import unpacked, with_ends
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_for
from gibbsfactor.learning.chain.features import observed_features
from gibbsfactor.learning.checkpoints import Checkpoints, fingerprint
from gibbsfactor.learning.estimator import Estimator, warn_not_converged
from gibbsfactor.learning.minimum import Watcher
from gibbsfactor.learning.progress import progress_bar
from gibbsfactor.models.linear_chain_crf.decoding import Decoding, Sentences
from gibbsfactor.models.linear_chain_crf.dev import dev_watcher
from gibbsfactor.models.linear_chain_crf.insight import Insight, names_with
from gibbsfactor.models.linear_chain_crf.parameters import check_parameters
from gibbsfactor.models.linear_chain_crf.problem import (
    ChainProblem,
    check_possible,
    finite_start,
    make_rules,
    make_targets,
    weights_from,
)
from gibbsfactor.models.linear_chain_crf.storage import Storage
from gibbsfactor.models.linear_chain_crf.training import Watchers, prepare


class LinearChainCRF(Decoding, Insight, Storage, Estimator):
    """Linear-chain conditional random field for labelling sequences.

    The Gibbs distribution over the labels y_1 .. y_T of a sequence x whose factors are
    exponentiated weights of the features that fire,

        P(y | x) = (1/Z(x)) prod_t exp( sum_a x_ta w[a, y_t] ) prod_{t>1} exp( v[y_{t-1}, y_t] )

    a softmax regression at each position, tied to its neighbours by transition weights. Its
    partition function depends on x. Weights minimise

        -sum_n log P(y_n | x_n) + c1 |w|_1 + c2 |w|^2

    over the training data, with log Z and its gradient from forward-backward.

    Parameters
    ----------
    algorithm : "lbfgs", "l2sgd" or "ap"
        L-BFGS (its proximal form where c1 > 0); averaged stochastic gradient descent; the averaged
        perceptron, which has no loss and no penalty.
    c1, c2 : float
        Strengths of the penalties c1 |w|_1 and c2 |w|^2 (not halved, as in CRFsuite).
    order : 1 or 2
        With 2 there are also weights for triples of labels, v[y_{t-2}, y_{t-1}, y_t].
    templates : Templates, optional
        How to make attributes out of the columns of tokens, when fitted on `Columns`. Without a
        ``B`` line in them there are no transition weights; those with macros make transition
        weights that depend on the tokens. Feature dicts and lists need none.
    constraints : str or Constraints, optional
        Which labellings are possible: a scheme such as "IOB2", or `Constraints`. No mass goes to
        others, in training and after it.
    boundary_weights : bool
        Give each label a weight for coming first, and one for coming last.
    label_weights : dict or "balanced", optional
        {label: w}: tokens with that label count w times in the loss, 1 where none is given; each
        sequence's loss is then -sum_t w[y_t] log P(y_t | y_1 .. y_{t-1}, x), which is
        -log P(y | x) where all w are 1. "balanced" gives each label n / (L n_label), where n_label
        of the n tokens have it. For "lbfgs" and "l2sgd".
    mistake_costs : dict, optional
        {label: c}: softmax-margin. Where that label is right, log c is added in training to the
        score of every other label, so that the right one has to be ahead by as much. Sequences
        whose labels are known in part have no costs.
    all_possible_states, all_possible_transitions : bool
        Give a weight to every (attribute, label) or (label, label) pair, not only to those that
        occur in the training data.
    min_freq : int
        Leave out attributes on fewer training tokens.
    max_iterations : int
        Most iterations of L-BFGS, or passes over the data of the others.
    tol : float
        Stop when ten iterations together lower the loss by less than this share of it, and the
        gradient promises no more than ten times this share; or ten passes of "l2sgd" and "ap", by
        less than a hundred times this.
    early_stopping : int, optional
        Where there are dev data, stop after so many iterations without gain on them.
    dev_metric : "f1", "accuracy" or "loss"
        What is measured on dev data. The weights that did best are kept.
    warm_start : bool
        Let `fit` start from the weights of the last fit, for the features that there still are.
    checkpoint : path, optional
        Keep the weights in this file while training, at most every ``checkpoint_seconds``. If
        it is there at the start, training goes on from it. `save` deletes it, once the model is
        written; so does another `fit` of this object.
    random_state : int
        Seed of the order of sequences in "l2sgd" and "ap".
    n_threads : int, optional
        By default as many as there are processors.
    progress : bool or "always"
        Show a bar with loss, gradient norm and time: once training has taken two seconds, never,
        or from the start.

    Attributes
    ----------
    classes_ : list of the L labels
    features_ : ChainFeatures, which weights there are
    weights_ : ndarray (F,), in the order that ``features_`` tells
    vectorizer_ : turns sequences into sparse attributes
    loss_ : at the end of training; of "l2sgd" and "ap" the sum over the last pass, each sequence
        at the weights it met, which is above the loss of the averaged weights that are kept
    gradient_norm_ : its largest component, by weights scaled to the size of their features' values
    n_iter_, n_evaluations_ : of training
    history_ : list of dicts, the figures after each iteration
    dev_score_, best_iteration_ : of the weights kept, where there were dev data
    converged_ : whether training met its tolerance; "l2sgd" near the optimum, "ap" with fewer
        mistakes than the most frequent label makes
    interrupted_ : whether Ctrl-C ended training
    seconds_ : {"features": ..., "training": ...}

    Notes
    -----
    Source: Lafferty, McCallum & Pereira (2001); Sutton & McCallum (2012), sections 2.3, 4.1, 5.1.

    Examples
    --------
    >>> X = [[["w=the"], ["w=dog"], ["w=barks"]], [["w=a"], ["w=cat"], ["w=sleeps"]]]
    >>> y = [["D", "N", "V"], ["D", "N", "V"]]
    >>> crf = LinearChainCRF(c2=0.1).fit(X, y)
    >>> crf.predict([[["w=the"], ["w=cat"]]])
    [['D', 'N']]
    """

    def __init__(
        self,
        algorithm: Literal["lbfgs", "l2sgd", "ap"] = "lbfgs",
        *,
        c1: float = 0.0,
        c2: float = 1.0,
        order: Literal[1, 2] = 1,
        templates: Templates | None = None,
        constraints: str | Constraints | None = None,
        boundary_weights: bool = False,
        label_weights: Mapping[Any, float] | Literal["balanced"] | None = None,
        mistake_costs: Mapping[Any, float] | None = None,
        all_possible_states: bool = False,
        all_possible_transitions: bool = False,
        min_freq: int = 0,
        max_iterations: int = 1000,
        tol: float = 1e-5,
        early_stopping: int | None = None,
        dev_metric: Literal["f1", "accuracy", "loss"] = "f1",
        warm_start: bool = False,
        checkpoint: str | None = None,
        checkpoint_seconds: float = 30.0,
        random_state: int = 0,
        n_threads: int | None = None,
        progress: bool | Literal["always"] = True,
    ) -> None:
        self.algorithm = algorithm
        self.c1 = c1
        self.c2 = c2
        self.order = order
        self.templates = templates
        self.constraints = constraints
        self.boundary_weights = boundary_weights
        self.label_weights = label_weights
        self.mistake_costs = mistake_costs
        self.all_possible_states = all_possible_states
        self.all_possible_transitions = all_possible_transitions
        self.min_freq = min_freq
        self.max_iterations = max_iterations
        self.tol = tol
        self.early_stopping = early_stopping
        self.dev_metric = dev_metric
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.checkpoint_seconds = checkpoint_seconds
        self.random_state = random_state
        self.n_threads = n_threads
        self.progress = progress

    def fit(
        self,
        X: Sentences,
        y: Labels,
        X_dev: Sentences | None = None,
        y_dev: Labels | None = None,
        *,
        known: Labels | None = None,
        known_dev: Labels | None = None,
        sample_weight: Any = None,
        lengths: Any = None,
    ) -> Self:
        """Train on N labelled sequences.

        Parameters
        ----------
        X : sequences in one of these forms
            `Columns`, or sequences of tuples of strings (both need ``templates``); sequences of
            feature dicts, or of lists of feature strings; `Tokens`; a matrix for each sequence; or
            one matrix, sparse or not, of all tokens with ``lengths``. The outermost may be a
            generator.
        y : N sequences of labels, any hashable values
            None at a position says that its label is not known, a set that it is one of several.
            With ``lengths`` y may be one list of M labels.
        X_dev, y_dev : held-out sequences, optional
            See ``early_stopping`` and ``dev_metric``.
        known : N sequences, optional
            Which labels each token can have at all, as a tag dictionary tells: a set of labels, one
            label, or None for any. Z(x) then sums over these labellings only. Give the same in
            prediction, as ``known`` there.
        known_dev : the same for X_dev, optional
        sample_weight : (N,), optional
            How much each sequence counts.
        lengths : (N,), optional
            Of the sequences, where X is one matrix.

        Raises
        ------
        ValueError
            If X and y differ in length, there is no token, a feature is NaN or infinite, a
            parameter is out of range, a labelling breaks the constraints, or a label is not
            among those that ``known`` allows its token.

        Warns
        -----
        ConvergenceWarning
            If ``max_iterations``, or a loss that could not be lowered, ended L-BFGS first; or if
            "l2sgd" settled far from the optimum, or "ap" at too many mistakes.
        RuntimeWarning
            If Ctrl-C did; the best weights so far are kept.
        """
        check_parameters(self)
        began = perf_counter()
        fixed = self._fixed() if self.warm_start else None
        X, y = self._read(X, lengths, fixed), _cut_labels(y, lengths)
        known = None if known is None else _cut_labels(known, lengths, "known")
        vectorizer = fixed or self._vectorizer(X)
        if not hasattr(X, "first_token"):  # all but a stream can be checked before it is read
            check_labelled(X, y)
        tokens = vectorizer.fit_transform(X)
        problem, classes = self._problem(tokens, y, known, sample_weight, vectorizer)
        dev = dev_watcher(self, classes, problem, vectorizer, X_dev, y_dev, known_dev)
        self._drop_checkpoint()
        checkpoints = self._checkpoints(problem)
        kept = checkpoints.load() if checkpoints is not None else None
        done = 0 if kept is None else kept.iteration
        features, n_dense, n_tokens = problem.features, tokens.n_dense, tokens.n_tokens
        training = prepare(problem, self, kept)
        del X, y, tokens, problem  # what the trainer needs of them it has
        ready = perf_counter()
        with self._progress(n_tokens) as bar:
            watchers = Watchers(bar, dev, checkpoints)
            found = training(watchers)
        self.classes_ = classes
        self.features_ = features
        self.n_dense_ = n_dense
        self.vectorizer_ = vectorizer
        self.weights_ = found.weights if dev is None or dev.weights is None else dev.weights
        self.loss_ = found.loss
        self.gradient_norm_ = found.gradient_norm
        self.n_iter_ = found.iterations + done
        self.n_evaluations_ = found.evaluations + (0 if kept is None else kept.evaluations)
        self.history_ = watchers.history
        self.dev_score_ = None if dev is None else dev.value
        self.best_iteration_ = None if dev is None else dev.iteration
        self.converged_ = found.converged
        self.interrupted_ = found.interrupted
        self.seconds_ = {"features": ready - began, "training": perf_counter() - ready}
        self._forget()
        if checkpoints is not None and not found.interrupted:
            self._checkpoint_left = os.path.realpath(checkpoints.path)
        stopped = found.interrupted or (dev is not None and dev.stopped)
        limited = found.iterations + done >= self.max_iterations
        if not (found.converged or stopped or (limited and self.algorithm != "lbfgs")):
            advice = (
                f"; raise max_iterations={self.max_iterations} or tol={self.tol:g}, penalise more, "
                "or scale the features"
            )
            warn_not_converged(
                f"training stopped before it converged: {found.message}, at loss "
                f"{found.loss:.8g}{advice if self.algorithm == 'lbfgs' else ''}",
                stacklevel=2,
            )
        return self

    def _vectorizer(self, X: Any) -> Vectorizer:
        """What reads such data."""
        return vectorizer_for(X, self.templates, self.min_freq)

    def _progress(self, n_tokens: int) -> AbstractContextManager[Watcher | None]:
        """What shows how training goes."""
        held_out = f"dev {self.dev_metric}"
        return progress_bar(self.progress, "CRF", tokens=n_tokens, held_out=held_out)

    def _problem(
        self,
        tokens: Tokens,
        y: Labels,
        known: Labels | None,
        sample_weight: Any,
        vectorizer: Vectorizer,
    ) -> tuple[ChainProblem, list[Any]]:
        """What is to be learnt, and the labels."""
        check_labelled(tokens, y)
        tokens = with_ends(tokens) if self.boundary_weights else tokens
        warm = self.warm_start and hasattr(self, "weights_")
        labels = read_labels(y, self.classes_ if warm else ())
        rules = make_rules(self.constraints, labels.classes, self.mistake_costs)
        targets = make_targets(labels, tokens.lengths, sample_weight, self.label_weights, known)
        check_possible(targets, rules, labels.classes)
        features, observed = observed_features(
            tokens,
            targets,
            order=self.order,
            transitions=self.templates is None or self.templates.transitions,
            all_states=self.all_possible_states,
            all_transitions=self.all_possible_transitions,
        )
        if tokens.n_attributes == 0 and (self.min_freq or not features.n_weights):
            raise ValueError(
                f"no attribute occurs on {max(self.min_freq, 1)} tokens or more; "
                "there is nothing to learn from"
            )
        start = np.zeros(features.n_weights)
        if warm:
            own = names_with(vectorizer, tokens.n_dense, self.boundary_weights)
            names = (*own, labels.classes)
            old = (*self._names(), self.classes_)
            start = weights_from(features, names, self.features_, self.weights_, old)
            start = finite_start(start)
        problem = ChainProblem(tokens, targets, features, observed, rules, start)
        return problem, labels.classes

    def _checkpoints(self, problem: ChainProblem) -> Checkpoints | None:
        if self.checkpoint is None:
            return None
        names = ("algorithm", "c1", "c2", "order", "random_state")
        features, tokens, targets = problem.features, problem.tokens, problem.targets
        parts: list[npt.NDArray[Any]] = [
            features.states,
            features.transitions,
            features.conditioned,
            features.triples,
        ]
        parts += [problem.observed, tokens.attributes.data, tokens.lengths]
        parts += [targets.codes, targets.weights]
        some = (targets.allowed, targets.token_weights, targets.support)
        parts += [part for part in some if part is not None]
        described = {name: getattr(self, name) for name in names} | {
            "weights": features.n_weights,
            "tokens": tokens.n_tokens,
            "fingerprint": fingerprint(*parts),
            "rules": fingerprint(*problem.rules.tables()),
        }
        return Checkpoints(self.checkpoint, described, every_seconds=self.checkpoint_seconds)

    def _fixed(self) -> FixedVectorizer | None:
        """The vectoriser that the model was made with, if it was made out of another model."""
        vectorizer = getattr(self, "vectorizer_", None)
        return vectorizer if isinstance(vectorizer, FixedVectorizer) else None

    def _read(self, X: Sentences, lengths: Any, fixed: FixedVectorizer | None) -> Any:
        """Columns of strings where templates are to read them, else X as it is."""
        if fixed is not None:
            return fixed.read(X, lengths)
        X = unpacked(X)
        plain = isinstance(X, list | tuple | Iterator)
        if self.templates is not None and plain and (not isinstance(X, list | tuple) or len(X)):
            return Columns.from_sentences(X if isinstance(X, list | tuple) else list(X))
        return as_sequences(X, lengths)


def _cut_labels(y: Any, lengths: Any, name: str = "y") -> Any:
    """Labels as a list of sequences; one list of them is cut by the lengths of X."""
    if lengths is None:
        return listed_labels(y, name)
    flat = list(y)
    if flat and isinstance(flat[0], list | tuple) and len(flat) == len(lengths):
        return listed_labels(flat, name)
    ends = np.cumsum(lengths).tolist()
    if not ends or ends[-1] != len(flat):
        raise ValueError(
            f"{name} holds {len(flat)} labels, but the {len(ends)} lengths add up to "
            f"{ends[-1] if ends else 0}; they must be equal"
        )
    return [flat[end - n : end] for end, n in zip(ends, lengths, strict=True)]

"""The linear-chain conditional random field."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Hashable, Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from gibbsfactor.errors import FormatError, listed
from gibbsfactor.exact.chain import Packing, forward_backward, log_partitions, viterbi
from gibbsfactor.factor import Factor
from gibbsfactor.features import Columns, Templates, Tokens, vectorizer_for
from gibbsfactor.features.labels import Labels, check_labelled, encode_labels
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_from_arrays
from gibbsfactor.files import read_arrays, write_arrays
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.learning.chain_loss import ChainFeatures, ChainLoss, observed_features
from gibbsfactor.learning.lbfgs import minimize
from gibbsfactor.learning.progress import progress_bar
from gibbsfactor.variable import Variable

FloatArray = npt.NDArray[np.float64]
Sentences = Columns | Sequence[Sequence[Any]]

KIND = "linear-chain CRF"
PERIOD = 10  # iterations over which training must still gain something


class LinearChainCRF(BaseEstimator):  # type: ignore[misc]
    """Linear-chain conditional random field for labelling sequences.

    The Gibbs distribution over the labels y_1 .. y_T of a sequence x whose factors are
    exponentiated weights of the features that fire,

        P(y | x) = (1/Z(x)) prod_t exp( sum_a x_ta w[a, y_t] ) prod_{t>1} exp( v[y_{t-1}, y_t] )

    a softmax regression at each position, tied to its neighbours by transition weights. Its
    partition function depends on x. Weights minimise -log P(y | x) + c2 |w|^2 over the training
    data by L-BFGS, with log Z and its gradient from forward-backward.

    Parameters
    ----------
    c2 : float
        Strength of the penalty c2 |w|^2 (not halved, as in CRFsuite).
    templates : Templates, optional
        How to make attributes out of the columns of tokens, when fitted on `Columns`. Without a
        ``B`` line in them there are no transition weights. Feature dicts and lists need none.
    all_possible_states, all_possible_transitions : bool
        Give a weight to every (attribute, label) or (label, label) pair, not only to those that
        occur in the training data.
    min_freq : int
        Leave out attributes on fewer training tokens.
    max_iterations : int
        Most iterations of L-BFGS.
    tol : float
        Stop when ten iterations together lower the loss by less than this share of it.
    n_threads : int, optional
        By default as many as there are processors.
    progress : bool or "always"
        Show a bar with loss, gradient norm and time: once training has taken two seconds, never,
        or from the start.

    Attributes
    ----------
    classes_ : list of the L labels
    features_ : ChainFeatures, which weights there are
    weights_ : ndarray (F,), state weights, then transition weights
    vectorizer_ : turns sequences into sparse attributes
    loss_, gradient_norm_ : at the end of training
    n_iter_, n_evaluations_ : of training
    converged_, interrupted_ : whether training met its tolerance, or was ended by Ctrl-C
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
        c2: float = 1.0,
        *,
        templates: Templates | None = None,
        all_possible_states: bool = False,
        all_possible_transitions: bool = False,
        min_freq: int = 0,
        max_iterations: int = 1000,
        tol: float = 1e-5,
        n_threads: int | None = None,
        progress: bool | Literal["always"] = True,
    ) -> None:
        self.c2 = c2
        self.templates = templates
        self.all_possible_states = all_possible_states
        self.all_possible_transitions = all_possible_transitions
        self.min_freq = min_freq
        self.max_iterations = max_iterations
        self.tol = tol
        self.n_threads = n_threads
        self.progress = progress

    # ---- training ---------------------------------------------------------------------

    def fit(self, X: Sentences, y: Labels) -> Self:
        """Train on N labelled sequences.

        Parameters
        ----------
        X : Columns, or N sequences of tuples of strings (both need ``templates``), or N
            sequences of feature dicts, or N sequences of lists of feature strings
        y : N sequences of labels, any hashable values

        Raises
        ------
        ValueError
            If X and y differ in length, there is no token, a feature is NaN or infinite, or a
            parameter is out of range.

        Warns
        -----
        ConvergenceWarning
            If ``max_iterations``, or a loss that could not be lowered, ended training first.
        RuntimeWarning
            If Ctrl-C did; the best weights so far are kept.
        """
        self._check_parameters()
        X = self._read(X)
        check_labelled(X, y)
        began = perf_counter()
        vectorizer = vectorizer_for(X, self.templates, self.min_freq)
        tokens = vectorizer.fit_transform(X)
        if tokens.n_attributes == 0:
            raise ValueError(
                f"no attribute occurs on {max(self.min_freq, 1)} tokens or more; "
                "there is nothing to learn from"
            )
        classes, codes = encode_labels(y)
        features, observed = observed_features(
            tokens,
            codes,
            len(classes),
            transitions=self.templates is None or self.templates.transitions,
            all_states=self.all_possible_states,
            all_transitions=self.all_possible_transitions,
        )
        loss = ChainLoss(features, observed, tokens, self.c2, self.n_threads)
        del tokens
        ready = perf_counter()
        with loss, progress_bar(self.progress, "CRF") as show:
            minimum = minimize(
                loss,
                np.zeros(features.n_weights),
                max_iterations=self.max_iterations,
                gradient_tolerance=1e-5,
                loss_tolerance=self.tol,
                period=PERIOD,
                progress=show,
            )
        self.classes_ = classes
        self.features_ = features
        self.weights_ = minimum.weights
        self.vectorizer_ = vectorizer
        self.loss_ = minimum.loss
        self.gradient_norm_ = minimum.gradient_norm
        self.n_iter_ = minimum.iterations
        self.n_evaluations_ = minimum.evaluations
        self.converged_ = minimum.converged
        self.interrupted_ = minimum.interrupted
        self.seconds_ = {"features": ready - began, "training": perf_counter() - ready}
        self._forget_matrices()
        if not minimum.converged and not minimum.interrupted:
            warnings.warn(
                f"training stopped before it converged: {minimum.message}, at loss "
                f"{minimum.loss:.8g}; raise max_iterations={self.max_iterations} or "
                f"tol={self.tol:g}, or scale the features",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _check_parameters(self) -> None:
        if not (isinstance(self.c2, int | float | np.number) and 0 <= self.c2 < math.inf):
            raise ValueError(f"c2 is {self.c2!r}; it must be a finite number of at least 0")
        if not (isinstance(self.tol, int | float | np.number) and 0 <= self.tol < math.inf):
            raise ValueError(f"tol is {self.tol!r}; it must be a finite number of at least 0")
        for name, least in (("max_iterations", 1), ("n_threads", 1)):
            value = getattr(self, name)
            if name == "n_threads" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from {least}")
        if self.progress not in (True, False, "always"):
            raise ValueError(f"progress is {self.progress!r}; it must be True, False or 'always'")
        if self.templates is not None and not isinstance(self.templates, Templates):
            raise TypeError(
                f"templates is {self.templates!r}; give Templates.chunking(), "
                "or your own with Templates.parse or Templates.from_file"
            )

    # ---- answers ----------------------------------------------------------------------

    def predict(self, X: Sentences) -> list[list[Any]]:
        """The most probable labelling of each sequence, as a whole (Viterbi)."""
        packing, nodes, edge = self._scores(self._tokens(X))
        _, labels = viterbi(packing, nodes, edge)
        codes = np.empty_like(labels)
        codes[packing.rows] = labels
        flat = list(map(self.classes_.__getitem__, codes.tolist()))
        return _cut(flat, packing.lengths)

    def predict_proba(self, X: Sentences) -> list[FloatArray]:
        """P(y_t = l | x) for each sequence: arrays (T, L), columns as in ``classes_``."""
        packing, nodes, edge = self._scores(self._tokens(X))
        marginals = np.empty_like(nodes)
        marginals[packing.rows] = forward_backward(packing, nodes, edge).nodes
        return np.split(marginals, np.cumsum(packing.lengths)[:-1]) if len(packing.lengths) else []

    def log_partition(self, X: Sentences) -> FloatArray:
        """log Z(x) of each sequence, (N,), in nats."""
        return log_partitions(*self._scores(self._tokens(X)))

    def log_probability(self, X: Sentences, y: Labels) -> FloatArray:
        """log P(y | x) of a labelling of each sequence, (N,), in nats.

        Raises
        ------
        ValueError
            If X and y differ in length, or a label was not seen in training.
        """
        check_labelled(X, y)
        packing, nodes, edge = self._scores(self._tokens(X))
        known = {label: i for i, label in enumerate(self.classes_)}
        for n, labels in enumerate(y):
            for label in labels:
                if not isinstance(label, Hashable) or label not in known:
                    raise ValueError(
                        f"sequence {n} has the label {label!r}, which the model was not trained "
                        f"on; it knows {listed(self.classes_)}"
                    )
        codes = np.array([known[label] for labels in y for label in labels], dtype=np.int64)
        scores = np.empty(len(codes))
        scores[packing.rows] = nodes[np.arange(len(codes)), codes[packing.rows]]
        sequence = np.repeat(np.arange(len(packing.lengths)), packing.lengths)
        inside = np.flatnonzero(sequence[1:] == sequence[:-1]) + 1
        scores[inside] += edge[codes[inside - 1], codes[inside]]
        total = np.bincount(sequence, weights=scores, minlength=len(packing.lengths))
        return np.asarray(total - log_partitions(packing, nodes, edge))

    def score(self, X: Sentences, y: Labels) -> float:
        """Share of tokens labelled right."""
        check_labelled(X, y)
        right = [
            a == b
            for labels, truth in zip(self.predict(X), y, strict=True)
            for a, b in zip(labels, truth, strict=True)
        ]
        if not right:
            raise ValueError("there is no token to score")
        return float(np.mean(right))

    def gibbs(self, x: Columns | Sequence[Any]) -> GibbsDistribution:
        """The Gibbs distribution over the labels ``y0``, ``y1``, ... of one sequence.

        One factor exp(sum_a x_ta w[a, y_t]) for each position, one factor exp(v[y_{t-1}, y_t])
        for each pair of neighbours: the general engine then answers anything about them.

        Parameters
        ----------
        x : one sequence, or Columns or a list that hold one sequence
        """
        single: Any = x if isinstance(x, Columns) or _holds_sequences(x) else [x]
        if len(single) != 1:
            raise ValueError(f"gibbs takes one sequence; got {len(single)} of them")
        packing, nodes, edge = self._scores(self._tokens(single))
        labels = [Variable(f"y{t}", self.classes_) for t in range(packing.n_positions)]
        at_positions = [Factor.from_log(v, nodes[t]) for t, v in enumerate(labels)]
        between = [Factor.from_log(pair, edge) for pair in pairwise(labels)]
        return GibbsDistribution([*at_positions, *between], labels)

    # ---- weights ----------------------------------------------------------------------

    def attribute_weights(self) -> dict[tuple[str, Any], float]:
        """{(attribute, label): weight} of every state feature."""
        self._check_fitted()
        names = self.vectorizer_.attribute_names()
        attribute, label = np.divmod(self.features_.states, self.features_.n_labels)
        pairs = zip(attribute.tolist(), label.tolist(), self.weights_.tolist(), strict=False)
        return {(names[a], self.classes_[i]): w for a, i, w in pairs}

    def transition_weights(self) -> dict[tuple[Any, Any], float]:
        """{(label before, label after): weight} of every transition feature."""
        self._check_fitted()
        before, after = np.divmod(self.features_.transitions, self.features_.n_labels)
        weights = self.weights_[len(self.features_.states) :]
        pairs = zip(before.tolist(), after.tolist(), weights.tolist(), strict=True)
        return {(self.classes_[i], self.classes_[j]): w for i, j, w in pairs}

    def _tokens(self, X: Sentences) -> Tokens:
        self._check_fitted()
        return self.vectorizer_.transform(self._read(X))

    def _read(self, X: Sentences) -> Sentences:
        """Columns of strings where templates are to read them, else X as it is."""
        if self.templates is None or not isinstance(X, list | tuple) or not len(X):
            return X
        return Columns.from_sentences(X)

    def _scores(self, tokens: Tokens) -> tuple[Packing, FloatArray, FloatArray]:
        """Packed node scores (M, L) and edge scores (L, L)."""
        if not hasattr(self, "_matrices"):
            self._matrices = self.features_.spread(self.weights_)
        state, edge = self._matrices
        packing = Packing.of(tokens.lengths)
        return packing, np.asarray(tokens.attributes[packing.rows] @ state), edge

    def _forget_matrices(self) -> None:
        self.__dict__.pop("_matrices", None)

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise NotFittedError(
                "this LinearChainCRF is not fitted yet; call fit(X, y) or LinearChainCRF.load(path)"
            )

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_matrices", None)
        return state

    # ---- files ------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file: no pickle, written aside and then moved into place.

        Raises
        ------
        TypeError
            If a label is not a string, number or bool.
        """
        self._check_fitted()
        for label in self.classes_:
            if not isinstance(label, str | int | float | bool):
                raise TypeError(
                    f"the label {label!r} can't be written to a file; "
                    "train with strings or numbers as labels to save the model"
                )
        description = {
            "classes": self.classes_,
            "n_attributes": self.features_.n_attributes,
            "parameters": {
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in self.get_params().items()
                if name != "templates"
            },
            "loss": self.loss_,
            "gradient_norm": self.gradient_norm_,
            "iterations": self.n_iter_,
            "evaluations": self.n_evaluations_,
            "converged": self.converged_,
            "interrupted": self.interrupted_,
            "seconds": self.seconds_,
        }
        arrays = {
            "weights": self.weights_,
            "states": self.features_.states,
            "transitions": self.features_.transitions,
            **{f"vectorizer.{k}": v for k, v in self.vectorizer_.to_arrays().items()},
        }
        write_arrays(path, KIND, description, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LinearChainCRF:
        """Read a model that `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FormatError
            If it is not a CRF's file, or cut short, or damaged.
        """
        description, arrays = read_arrays(path, KIND)
        own = {k.split(".", 1)[1]: v for k, v in arrays.items() if k.startswith("vectorizer.")}
        try:
            vectorizer: Vectorizer = vectorizer_from_arrays(own)
            model = cls(**description["parameters"])
            model.templates = getattr(vectorizer, "templates", None)
            model.classes_ = list(description["classes"])
            model.features_ = ChainFeatures(
                int(description["n_attributes"]),
                len(model.classes_),
                arrays["states"],
                arrays["transitions"],
            )
            model.weights_ = arrays["weights"]
            model.vectorizer_ = vectorizer
            model.loss_ = description["loss"]
            model.gradient_norm_ = description["gradient_norm"]
            model.n_iter_ = description["iterations"]
            model.n_evaluations_ = description["evaluations"]
            model.converged_ = description["converged"]
            model.interrupted_ = description["interrupted"]
            model.seconds_ = description["seconds"]
        except (KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
            raise FormatError(f"{os.fspath(path)} is not a usable CRF model: {error}") from None
        features, n_labels = model.features_, len(model.classes_)
        if (
            len(model.weights_) != features.n_weights
            or features.n_attributes != vectorizer.n_attributes
            or not _within(features.states, features.n_attributes * n_labels)
            or not _within(features.transitions, n_labels**2)
        ):
            raise FormatError(
                f"{os.fspath(path)} is damaged: its {len(model.weights_)} weights don't fit its "
                f"{features.n_attributes} attributes and {n_labels} labels"
            )
        return model


def _holds_sequences(x: Any) -> bool:
    """Whether x is a list of sequences of tokens, rather than a sequence of tokens."""
    first = x[0] if isinstance(x, list | tuple) and x else None
    token = first[0] if isinstance(first, list | tuple) and first else None
    return isinstance(token, dict | list | tuple | set)


def _within(positions: npt.NDArray[Any], n: int) -> bool:
    """Whether whole positions lie in 0 .. n-1, rising."""
    if positions.ndim != 1 or positions.dtype.kind != "i" or not len(positions):
        return positions.ndim == 1 and not len(positions)
    return bool(positions[0] >= 0 and positions[-1] < n and (np.diff(positions) > 0).all())


def _cut(flat: list[Any], lengths: npt.NDArray[np.int64]) -> list[list[Any]]:
    ends = np.cumsum(lengths).tolist()
    return [flat[end - n : end] for end, n in zip(ends, lengths.tolist(), strict=True)]

"""What a hidden Markov model says about sequences: states, probabilities, what comes next.

Letters: N sequences, M positions in all of them together, K states, V symbols, D numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import ZeroProbabilityError, listed
from gibbsfactor.exact.chain import (
    ChainScores,
    Packing,
    RepeatedScores,
    forward_backward,
    forward_messages,
    log_partitions,
    sample,
    viterbi,
)
from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.learning.estimator import not_fitted
from gibbsfactor.models.hidden_markov_model.data import Parameters, smoothing_priors
from gibbsfactor.models.hidden_markov_model.emissions import Emissions
from gibbsfactor.models.hidden_markov_model.labels import known_states
from gibbsfactor.models.hidden_markov_model.parameters import ALGORITHMS, generator, warn_of_rows
from gibbsfactor.models.hidden_markov_model.rows import (
    check_rows,
    log,
    stationary_distribution,
)
from gibbsfactor.threads import one_blas_thread

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
OnImpossible = Literal["raise", "none"]


@dataclass(frozen=True, eq=False)
class Asked:
    """Sequences that are asked about.

    Attributes
    ----------
    sequences, scores : in the form that they were given, and for the sweeps
    unseen : (N,) those with an observation that no state emits
    """

    sequences: Sequences
    scores: RepeatedScores
    unseen: BoolArray

    def cut(self, values: Any, impossible: BoolArray) -> Any:
        """Values of all positions in the form of the question; None or NaN for the impossible."""
        if self.sequences.listed:
            parts = self.sequences.parts(values)
            return [None if n else part for part, n in zip(parts, impossible.tolist(), strict=True)]
        if not impossible.any():
            return values
        hidden = np.repeat(impossible, self.sequences.lengths)
        values = values.astype(float if values.ndim > 1 else object)
        values[hidden] = np.nan if values.ndim > 1 else None
        return values


class Decoding:
    """The questions.

    They take sequences in any of the forms that `fit` does. Answers for each position come in the
    form of the question: one array for all positions where X is flat, a list of them where X is a
    list of sequences.

    With ``known`` come states that are known beforehand, in the form of X: None where one is not, a
    set where it is one of several. Answers are then those given that knowledge, and a likelihood is
    that of the observations together with it.

    A sequence that is impossible under the model has no states. Questions about them raise a
    ZeroProbabilityError; with ``on_impossible="none"`` such a sequence has None for an answer (NaN
    among the numbers of flat data), and the others have theirs.
    """

    startprob_: FloatArray
    transmat_: FloatArray
    emissions_: Emissions
    algorithm: str
    random_state: Any
    _listed: bool = False  # whether training data were a list of sequences

    # ---- states -----------------------------------------------------------------------

    def predict(
        self,
        X: Any,
        lengths: Any = None,
        *,
        known: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> Any:
        """The states of each sequence, by the model's ``algorithm``: labels of ``classes_``.

        Returns
        -------
        array (M,), or a list of N lists

        Raises
        ------
        ZeroProbabilityError
            If a sequence is impossible under the model, unless ``on_impossible`` is "none".

        Examples
        --------
        >>> from gibbsfactor import HiddenMarkovModel
        >>> model = HiddenMarkovModel().fit([["a", "b"], ["a", "a"]], [["X", "Y"], ["X", "X"]])
        >>> model.predict([["a", "b"], ["b", "a"], ["a"]], on_impossible="none")
        [['X', 'Y'], None, ['X']]
        """
        return self.decode(X, lengths, known=known, on_impossible=on_impossible)[1]

    def decode(
        self,
        X: Any,
        lengths: Any = None,
        algorithm: str | None = None,
        *,
        known: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> tuple[float, Any]:
        """A log-probability and the states.

        Parameters
        ----------
        X, lengths : sequences
        algorithm : "viterbi" or "map", by default the model's
            "viterbi" gives the most probable sequence of states z as a whole, and log P(x, z);
            "map" the most probable state of each position by itself, and the sum of their
            probabilities (as in hmmlearn): how many of them are expected to be right.
        """
        chosen = self.algorithm if algorithm is None else algorithm
        if chosen not in ALGORITHMS:
            raise ValueError(f"algorithm is {chosen!r}; it must be 'viterbi' or 'map'")
        if chosen == "viterbi":
            scores, states = self.viterbi(X, lengths, known=known, on_impossible=on_impossible)
            return float(scores.sum()), states
        asked, shares, impossible = self._posteriors(X, lengths, known, on_impossible)
        possible = ~np.repeat(impossible, asked.sequences.lengths)
        right = float(shares[possible].max(axis=1).sum())
        return right, self._named(asked, shares.argmax(axis=1), impossible)

    def viterbi(
        self,
        X: Any,
        lengths: Any = None,
        *,
        known: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> tuple[FloatArray, Any]:
        """log P(x, z) of the most probable states z of each sequence, (N,), and those states.

        Raises
        ------
        ZeroProbabilityError
            If a sequence is impossible under the model, unless ``on_impossible`` is "none".
        """
        asked = self._ask(X, lengths, known)
        best, states = viterbi(asked.scores.spread())
        impossible = self._impossible(best, on_impossible)
        named = self._named(asked, asked.scores.packing.natural(states), impossible)
        return self._log_probabilities(asked, best), named

    # ---- probabilities ----------------------------------------------------------------

    def predict_proba(
        self,
        X: Any,
        lengths: Any = None,
        *,
        known: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> Any:
        """P(z_t = k | x) given the whole sequence (smoothing): (M, K), or a list of N arrays.

        Raises
        ------
        ZeroProbabilityError
            If a sequence is impossible under the model, unless ``on_impossible`` is "none".
        """
        asked, shares, impossible = self._posteriors(X, lengths, known, on_impossible)
        return asked.cut(shares, impossible)

    smooth = predict_proba

    def score_samples(
        self,
        X: Any,
        lengths: Any = None,
        *,
        known: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> tuple[float, Any]:
        """log P(x) of all sequences together, and `predict_proba`."""
        log_p = self.score(X, lengths, known=known)
        shares = self.predict_proba(X, lengths, known=known, on_impossible=on_impossible)
        return log_p, shares

    def filter(
        self,
        X: Any,
        lengths: Any = None,
        *,
        known: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> Any:
        """P(z_t = k | x_1 .. x_t) given what came so far: (M, K), or a list of N arrays.

        Raises
        ------
        ZeroProbabilityError
            If the beginning of a sequence is impossible under the model, unless ``on_impossible``
            is "none".
        """
        asked = self._ask(X, lengths, known)
        return asked.cut(*self._filtered(asked, on_impossible))

    def predict_next_state(
        self,
        X: Any,
        lengths: Any = None,
        *,
        steps: int = 1,
        known: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> FloatArray:
        """P(z_{T+h} = k | x_1 .. x_T), (N, K): the state so many steps behind each sequence's end.

        Of an empty sequence, one step is to its first state; NaN of an impossible one, where
        ``on_impossible`` is "none".
        """
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
            raise ValueError(f"steps is {steps!r}; it must be a whole number from 1")
        asked = self._ask(X, lengths, known)
        some, ends = asked.sequences.lengths > 0, np.cumsum(asked.sequences.lengths)
        shares, impossible = self._filtered(asked, on_impossible)
        moves = np.linalg.matrix_power(self._parameters().transitions, int(steps) - 1)
        found = np.tile(self._parameters().start, (len(ends), 1))
        found[some] = shares[ends[some] - 1] @ self._parameters().transitions
        found[impossible] = np.nan
        return np.asarray(found @ moves)

    def predict_next(
        self,
        X: Any,
        lengths: Any = None,
        *,
        steps: int = 1,
        known: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> FloatArray:
        """What is observed so many steps behind the end of each sequence.

        Returns
        -------
        (N, V) P(x_{T+h} | x_1 .. x_T) of each of the symbols; of real numbers the mean (N, D)
        """
        shares = self.predict_next_state(
            X, lengths, steps=steps, known=known, on_impossible=on_impossible
        )
        return self.emissions_.predictive(shares)

    def get_stationary_distribution(self) -> FloatArray:
        """The distribution p over the states that a step does not change, (K,): p = p transmat_.

        Raises
        ------
        ValueError
            If there are several: some states are never left for some others, and the other way.

        Notes
        -----
        Source: Grassmann, Taksar & Heyman (1985), whose elimination subtracts nothing.

        Examples
        --------
        >>> from gibbsfactor import HiddenMarkovModel
        >>> weather = HiddenMarkovModel()
        >>> weather.transmat_ = [[0.7, 0.3], [0.4, 0.6]]
        >>> weather.get_stationary_distribution().round(4)
        array([0.5714, 0.4286])
        """
        steps = check_rows("transmat_", getattr(self, "transmat_", None))
        if steps.shape[0] != steps.shape[1]:
            raise ValueError(f"transmat_ has shape {steps.shape}; it must be square")
        return stationary_distribution(steps)

    # ---- likelihood -------------------------------------------------------------------

    def score(self, X: Any, lengths: Any = None, *, known: Any = None) -> float:
        """log P(x) of all sequences together, in nats; a log density of real numbers.

        With ``known`` it is log P(x, z is as known), so that with all states known it is
        log P(x, z), and the log of the probability of a labelling is
        ``score(X, known=z) - score(X)``.
        """
        return float(self.score_sequences(X, lengths, known=known).sum())

    def score_sequences(self, X: Any, lengths: Any = None, *, known: Any = None) -> FloatArray:
        """log P(x) of each sequence, (N,); -inf of one that is impossible, 0 of an empty one.

        A symbol that training did not hold makes a sequence impossible, unless the model's
        ``unseen`` says otherwise.
        """
        asked = self._ask(X, lengths, known)
        with one_blas_thread():
            return self._log_probabilities(asked, log_partitions(asked.scores.spread()))

    def n_parameters(self) -> int:
        """How many free parameters the model has."""
        p = self._parameters()
        k = len(p.start)
        return k - 1 + k * (k - 1) + p.emissions.n_parameters("".join(p.emissions.parameters))

    def aic(self, X: Any, lengths: Any = None) -> float:
        """Akaike's criterion, -2 log P(x) + 2 (number of parameters); less is better."""
        return -2 * self.score(X, lengths) + 2 * self.n_parameters()

    def bic(self, X: Any, lengths: Any = None) -> float:
        """The Bayesian one, -2 log P(x) + (number of parameters) log M; less is better."""
        n = len(Sequences.of(X, lengths).flat)
        return -2 * self.score(X, lengths) + self.n_parameters() * math.log(max(n, 1))

    # ---- samples ----------------------------------------------------------------------

    def sample(
        self,
        n_samples: int = 1,
        random_state: int | np.random.Generator | None = None,
        currstate: Any = None,
    ) -> tuple[Any, npt.NDArray[Any]]:
        """Draw a sequence.

        Parameters
        ----------
        n_samples : its length
        random_state : by default the model's own
        currstate : a state to begin in

        Returns
        -------
        X : array (n, 1) of whole numbers, (n,) of other symbols, or (n, D) of real numbers
        states : (n,)
        """
        whole = isinstance(n_samples, int | np.integer) and not isinstance(n_samples, bool)
        if not whole or n_samples < 1:
            raise ValueError(f"n_samples is {n_samples!r}; it must be a whole number from 1")
        rng = generator(self.random_state if random_state is None else random_state)
        p, classes = self._parameters(), self._classes()
        start = p.start
        if currstate is not None:
            if currstate not in classes:
                raise ValueError(f"currstate is {currstate!r}; the states are {listed(classes)}")
            start = np.eye(len(classes))[classes.index(currstate)]
        nodes = np.zeros((int(n_samples), len(start)))
        nodes[0] = log(start)
        scores = ChainScores.of(Packing.of([len(nodes)]), nodes, log(p.transitions))
        states = sample(scores, 1, rng)[0].astype(np.int64)
        return p.emissions.sample(states, rng), _labels(classes, states)

    # ---- parts ------------------------------------------------------------------------

    def _parameters(self) -> Parameters:
        """The parameters, whether fitted or set, checked."""
        if not hasattr(self, "startprob_") and not hasattr(self, "emissions_"):
            raise not_fitted(
                "this HiddenMarkovModel has no parameters yet; call fit(X), or set startprob_, "
                "transmat_ and those of the emissions"
            )
        start = check_rows("startprob_", getattr(self, "startprob_", None), ndim=1)
        steps = check_rows("transmat_", getattr(self, "transmat_", None), len(start))
        if steps.shape[1] != len(start):
            raise ValueError(f"transmat_ has shape {steps.shape}; it must be square")
        if not hasattr(self, "emissions_"):
            raise ValueError("the parameters of the emissions are not set; call fit, or set them")
        if not isinstance(self.emissions_, Emissions):
            raise TypeError(
                f"emissions_ is {self.emissions_!r}; it must be an object of a class of Emissions"
            )
        self.emissions_.check(len(start))
        return Parameters(start, steps, self.emissions_)

    def _classes(self) -> list[Any]:
        """The states: labels of training, or numbers."""
        n = len(self.startprob_)
        classes = list(getattr(self, "classes_", range(n)))
        if len(classes) != n:
            raise ValueError(
                f"classes_ names {len(classes)} states, but startprob_ has {n}; set classes_, too"
            )
        return classes

    def _ask(self, X: Any, lengths: Any, known: Any) -> Asked:
        """The sequences, and their scores."""
        p, sequences = self._parameters(), Sequences.of(X, lengths)
        if known is None and not self._listed:
            warn_of_rows(X, sequences, p.emissions)
        observations, packing = sequences.read(p.emissions.read), Packing.of(sequences.lengths)
        table, kinds = p.emissions.log_likelihoods(observations), observations.codes
        if known is not None:
            allowed = known_states(known, sequences, self._classes())
            table, kinds = np.where(allowed, table[kinds], -np.inf), np.arange(len(kinds))
        scores = RepeatedScores(
            packing, table, kinds[packing.rows], log(p.start), log(p.transitions)
        )
        unseen = np.zeros(len(sequences.lengths), bool)
        if observations.unseen is not None:
            which = np.repeat(np.arange(len(unseen)), sequences.lengths)
            unseen[which[observations.unseen]] = True
        return Asked(sequences, scores, unseen)

    def _posteriors(
        self, X: Any, lengths: Any, known: Any, on_impossible: OnImpossible
    ) -> tuple[Asked, FloatArray, BoolArray]:
        asked = self._ask(X, lengths, known)
        with one_blas_thread():
            found = forward_backward(asked.scores.spread())
        impossible = self._impossible(found.log_partitions, on_impossible)
        return asked, asked.scores.packing.natural(found.nodes), impossible

    def _filtered(self, asked: Asked, on_impossible: OnImpossible) -> tuple[FloatArray, BoolArray]:
        log_z, messages = forward_messages(asked.scores.spread())
        impossible = self._impossible(log_z, on_impossible)
        return asked.scores.packing.natural(messages), impossible

    def _log_probabilities(self, asked: Asked, found: FloatArray) -> FloatArray:
        """Logs of the probabilities of sequences: free of rounding above 0, -inf if impossible."""
        if self.emissions_.discrete:
            found = np.minimum(found, 0.0)
        return np.where(asked.unseen, -np.inf, found)

    def _named(self, asked: Asked, states: IntArray, impossible: BoolArray) -> Any:
        """State numbers as labels, in the form of the question."""
        named = _labels(self._classes(), states)
        return asked.cut(named.tolist() if asked.sequences.listed else named, impossible)

    def _impossible(self, scores: FloatArray, on_impossible: OnImpossible) -> BoolArray:
        """(N,) the sequences of probability 0; raises if there is one, unless they are asked for.

        Raises
        ------
        ZeroProbabilityError
        """
        if on_impossible not in ("raise", "none"):
            raise ValueError(f"on_impossible is {on_impossible!r}; it must be 'raise' or 'none'")
        found = scores == -np.inf
        if on_impossible == "raise" and found.any():
            others = f" (and {found.sum() - 1} others of {len(found)})" if found.sum() > 1 else ""
            raise ZeroProbabilityError(
                f"sequence {int(np.argmax(found))} has probability 0 under the model{others}: no "
                "states, or none that agree with those known, can emit it in this order. "
                f"on_impossible='none' answers None for it; training with priors above 1 "
                f"({', '.join(smoothing_priors(self.emissions_))}) leaves no probability at 0"
            )
        return np.asarray(found)


def _labels(classes: list[Any], states: IntArray) -> npt.NDArray[Any]:
    if classes == list(range(len(classes))):
        return states
    if {type(c) for c in classes} in ({str}, {int}, {float}):
        return np.array(classes)[states]
    names = np.empty(len(classes), object)
    for k, label in enumerate(classes):
        names[k] = label
    return names[states]

"""What a hidden Markov model says about sequences: states, probabilities, what comes next.

Letters: N sequences, M positions in all of them together, K states, V symbols, D numbers.
"""

from __future__ import annotations

import math
from typing import Any

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
from gibbsfactor.models.hidden_markov_model.data import Parameters
from gibbsfactor.models.hidden_markov_model.emissions import Emissions
from gibbsfactor.models.hidden_markov_model.labels import known_states
from gibbsfactor.models.hidden_markov_model.parameters import ALGORITHMS, generator
from gibbsfactor.models.hidden_markov_model.rows import check_rows, log
from gibbsfactor.threads import one_blas_thread

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Decoding:
    """The questions.

    They take sequences in any of the forms that `fit` does. Answers for each position come in the
    form of the question: one array for all positions where X is flat, a list of them where X is a
    list of sequences.

    With ``known`` come states that are known beforehand, in the form of X: None where one is not, a
    set where it is one of several. Answers are then those given that knowledge, and a likelihood is
    that of the observations together with it.
    """

    startprob_: FloatArray
    transmat_: FloatArray
    emissions_: Emissions
    algorithm: str
    random_state: Any

    # ---- states -----------------------------------------------------------------------

    def predict(self, X: Any, lengths: Any = None, *, known: Any = None) -> Any:
        """The states of each sequence, by the model's ``algorithm``: labels of ``classes_``.

        Returns
        -------
        array (M,), or a list of N lists

        Raises
        ------
        ZeroProbabilityError
            If a sequence is impossible under the model.
        """
        return self.decode(X, lengths, known=known)[1]

    def decode(
        self, X: Any, lengths: Any = None, algorithm: str | None = None, *, known: Any = None
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
            scores, states = self.viterbi(X, lengths, known=known)
            return float(scores.sum()), states
        asked, shares = self._posteriors(X, lengths, known)
        return float(shares.max(axis=1).sum()), self._named(asked, shares.argmax(axis=1))

    def viterbi(self, X: Any, lengths: Any = None, *, known: Any = None) -> tuple[FloatArray, Any]:
        """log P(x, z) of the most probable states z of each sequence, (N,), and those states.

        Raises
        ------
        ZeroProbabilityError
            If a sequence is impossible under the model.
        """
        asked, scores = self._ask(X, lengths, known)
        best, states = viterbi(scores.spread())
        _check_possible(best)
        return best, self._named(asked, scores.packing.natural(states))

    # ---- probabilities ----------------------------------------------------------------

    def predict_proba(self, X: Any, lengths: Any = None, *, known: Any = None) -> Any:
        """P(z_t = k | x) given the whole sequence (smoothing): (M, K), or a list of N arrays.

        Raises
        ------
        ZeroProbabilityError
            If a sequence is impossible under the model.
        """
        asked, shares = self._posteriors(X, lengths, known)
        return asked.cut(shares)

    smooth = predict_proba

    def score_samples(self, X: Any, lengths: Any = None, *, known: Any = None) -> tuple[float, Any]:
        """log P(x) of all sequences together, and `predict_proba`."""
        log_p = self.score(X, lengths, known=known)
        return log_p, self.predict_proba(X, lengths, known=known)

    def filter(self, X: Any, lengths: Any = None, *, known: Any = None) -> Any:
        """P(z_t = k | x_1 .. x_t) given what came so far: (M, K), or a list of N arrays.

        Raises
        ------
        ZeroProbabilityError
            If the beginning of a sequence is impossible under the model.
        """
        asked, shares = self._filtered(*self._ask(X, lengths, known))
        return asked.cut(shares)

    def predict_next_state(
        self, X: Any, lengths: Any = None, *, steps: int = 1, known: Any = None
    ) -> FloatArray:
        """P(z_{T+h} = k | x_1 .. x_T), (N, K): the state so many steps behind each sequence's end.

        Of an empty sequence, one step is to its first state.
        """
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
            raise ValueError(f"steps is {steps!r}; it must be a whole number from 1")
        asked, scores = self._ask(X, lengths, known)
        some, ends = asked.lengths > 0, np.cumsum(asked.lengths)
        _, shares = self._filtered(asked, scores)
        moves = np.linalg.matrix_power(self._parameters().transitions, int(steps) - 1)
        found = np.tile(self._parameters().start, (len(ends), 1))
        found[some] = shares[ends[some] - 1] @ self._parameters().transitions
        return np.asarray(found @ moves)

    def predict_next(
        self, X: Any, lengths: Any = None, *, steps: int = 1, known: Any = None
    ) -> FloatArray:
        """What is observed so many steps behind the end of each sequence.

        Returns
        -------
        (N, V) P(x_{T+h} | x_1 .. x_T) of each of the symbols; of real numbers the mean (N, D)
        """
        shares = self.predict_next_state(X, lengths, steps=steps, known=known)
        return self.emissions_.predictive(shares)

    # ---- likelihood -------------------------------------------------------------------

    def score(self, X: Any, lengths: Any = None, *, known: Any = None) -> float:
        """log P(x) of all sequences together, in nats; a log density of real numbers.

        With ``known`` it is log P(x, z is as known), so that with all states known it is
        log P(x, z), and the log of the probability of a labelling is
        ``score(X, known=z) - score(X)``.
        """
        return float(self.score_sequences(X, lengths, known=known).sum())

    def score_sequences(self, X: Any, lengths: Any = None, *, known: Any = None) -> FloatArray:
        """log P(x) of each sequence, (N,); -inf of one that is impossible, 0 of an empty one."""
        _, scores = self._ask(X, lengths, known)
        with one_blas_thread():
            return log_partitions(scores.spread())

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

    def _ask(self, X: Any, lengths: Any, known: Any) -> tuple[Sequences, RepeatedScores]:
        """The sequences, and their scores."""
        p, asked = self._parameters(), Sequences.of(X, lengths)
        observations, packing = asked.read(p.emissions.read), Packing.of(asked.lengths)
        table, kinds = p.emissions.log_likelihoods(observations), observations.codes
        if known is not None:
            allowed = known_states(known, asked, self._classes())
            table, kinds = np.where(allowed, table[kinds], -np.inf), np.arange(len(kinds))
        kinds = kinds[packing.rows]
        return asked, RepeatedScores(packing, table, kinds, log(p.start), log(p.transitions))

    def _posteriors(self, X: Any, lengths: Any, known: Any) -> tuple[Sequences, FloatArray]:
        asked, scores = self._ask(X, lengths, known)
        with one_blas_thread():
            found = forward_backward(scores.spread())
        _check_possible(found.log_partitions)
        return asked, scores.packing.natural(found.nodes)

    def _filtered(self, asked: Sequences, scores: RepeatedScores) -> tuple[Sequences, FloatArray]:
        log_z, messages = forward_messages(scores.spread())
        _check_possible(log_z)
        return asked, scores.packing.natural(messages)

    def _named(self, asked: Sequences, states: IntArray) -> Any:
        """State numbers as labels, in the form of the question."""
        named = _labels(self._classes(), states)
        return asked.cut(named.tolist()) if asked.listed else named


def _labels(classes: list[Any], states: IntArray) -> npt.NDArray[Any]:
    if classes == list(range(len(classes))):
        return states
    if {type(c) for c in classes} in ({str}, {int}, {float}):
        return np.array(classes)[states]
    names = np.empty(len(classes), object)
    for k, label in enumerate(classes):
        names[k] = label
    return names[states]


def _check_possible(scores: FloatArray) -> None:
    impossible = np.flatnonzero(scores == -np.inf)
    if impossible.size:
        raise ZeroProbabilityError(
            f"sequence {impossible[0]} has probability 0 under the model: no states, or none that "
            "agree with those known, can emit it in this order"
        )

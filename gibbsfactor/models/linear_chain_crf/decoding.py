"""What a trained chain says about sequences: labellings, probabilities, samples.

Letters: N sequences of lengths T, M tokens in all of them together, L labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact.chain import (
    ChainScores,
    forward_backward,
    k_best,
    labelling_scores,
    log_partitions,
    sample,
    viterbi,
)
from gibbsfactor.features import Columns, Constraints, Tokens
from gibbsfactor.features.labels import Labels, check_labelled, listed_labels, read_known
from gibbsfactor.features.tokens import with_ends
from gibbsfactor.features.vectorizers import Vectorizer
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.learning.chain.scoring import ChainScorer
from gibbsfactor.learning.estimator import not_fitted
from gibbsfactor.models.linear_chain_crf.asked import (
    are_empty,
    cut,
    holding_one,
    no_tokens,
    of_one,
)
from gibbsfactor.models.linear_chain_crf.problem import make_rules, make_support

if TYPE_CHECKING:
    from gibbsfactor.gibbs import GibbsDistribution

FloatArray = npt.NDArray[np.float64]
Sentences = Any
OnImpossible = Literal["raise", "none"]
Answer = TypeVar("Answer")


class Decoding:
    """The questions.

    All take ``known``, N sequences with the labels that are known beforehand: None where one is
    not, a set where it is one of several, as a tag dictionary tells. Answers are then those given
    that knowledge. All but ``score`` take ``constraints`` in place of those that the model was
    trained with.
    """

    classes_: list[Any]
    features_: ChainFeatures
    weights_: FloatArray
    vectorizer_: Vectorizer
    n_dense_: int
    constraints: str | Constraints | None
    n_threads: int | None
    _fixed: Callable[[], Any]
    _read: Callable[..., Any]

    # ---- labellings -------------------------------------------------------------------

    def predict(
        self,
        X: Sentences,
        *,
        known: Labels | None = None,
        constraints: str | Constraints | None = None,
        lengths: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> list[list[Any]]:
        """The most probable labelling of each sequence, as a whole (Viterbi).

        With ``on_impossible="none"`` a sequence none of whose labellings agrees with ``known`` and
        the constraints has None for an answer, here and in `predict_proba` and `k_best`.

        Raises
        ------
        ZeroProbabilityError
            If there is such a sequence, unless ``on_impossible`` is "none".
        """
        tokens = self._tokens(X, lengths)
        parts = self._ask(tokens, known, constraints, _best)
        tops = np.concatenate([np.zeros(0), *(top for top, _ in parts)])
        possible = self._check_possible(tops, on_impossible=on_impossible)
        flat = [self.classes_[code] for _, codes in parts for code in codes.tolist()]
        return _only(cut(flat, tokens.lengths), possible)

    def predict_single(self, x: Any, **given: Any) -> list[Any]:
        """The most probable labelling of one sequence."""
        labels: list[Any] = self.predict([x], **of_one(given))[0]
        return labels

    def k_best(
        self,
        X: Sentences,
        k: int,
        *,
        known: Labels | None = None,
        constraints: str | Constraints | None = None,
        lengths: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> list[list[tuple[list[Any], float]]]:
        """For each sequence its k most probable labellings with P(y | x), falling; fewer if there
        are no more.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"k is {k!r}; it must be a whole number from 1")
        tokens = self._tokens(X, lengths)

        def ask(scores: ChainScores) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int32]]:
            best, labels = k_best(scores, int(k))
            return best, log_partitions(scores), labels

        parts = self._ask(tokens, known, constraints, ask)
        answers: list[list[tuple[list[Any], float]]] = []
        for best, log_z, labels in parts:
            starts = np.cumsum([0, *tokens.lengths[len(answers) : len(answers) + len(best)]])
            possible = self._check_possible(log_z, len(answers), on_impossible)
            shares = np.exp(best - np.where(possible, log_z, 0.0)[:, None])
            these = []
            for n, (begin, end) in enumerate(pairwise(starts.tolist())):
                found = np.flatnonzero(best[n] > -np.inf)
                names = [[self.classes_[c] for c in labels[r, begin:end].tolist()] for r in found]
                these.append(list(zip(names, shares[n, found].tolist(), strict=True)))
            answers += _only(these, possible)
        return answers

    def sample(
        self,
        X: Sentences,
        n: int = 1,
        *,
        random_state: int | np.random.Generator = 0,
        known: Labels | None = None,
        constraints: str | Constraints | None = None,
        lengths: Any = None,
    ) -> list[list[list[Any]]]:
        """For each sequence n labellings drawn from P(y | x), exactly."""
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ValueError(f"n is {n!r}; it must be a whole number from 1")
        tokens, rng = self._tokens(X, lengths), np.random.default_rng(random_state)
        shards = self._ask(tokens, known, constraints, lambda scores: scores)
        answers: list[list[list[Any]]] = []
        for scores in shards:
            drawn, sizes = sample(scores, int(n), rng), scores.packing.lengths
            bounds = np.cumsum([0, *sizes]).tolist()
            for begin, end in pairwise(bounds):
                if end > begin and drawn[0, begin] < 0:
                    self._check_possible(np.array([-np.inf]), len(answers))
                rows = drawn[:, begin:end].tolist()
                answers.append([[self.classes_[c] for c in row] for row in rows])
        return answers

    # ---- probabilities ----------------------------------------------------------------

    def predict_proba(
        self,
        X: Sentences,
        *,
        known: Labels | None = None,
        constraints: str | Constraints | None = None,
        lengths: Any = None,
        on_impossible: OnImpossible = "raise",
    ) -> list[FloatArray]:
        """P(y_t = l | x) for each sequence: arrays (T, L), columns as in ``classes_``."""
        tokens = self._tokens(X, lengths)

        def ask(scores: ChainScores) -> tuple[FloatArray, FloatArray]:
            found = forward_backward(scores)
            return found.log_partitions, scores.packing.natural(found.nodes)

        parts = self._ask(tokens, known, constraints, ask, together=64)
        if not parts:
            return []
        log_z = np.concatenate([log_z for log_z, _ in parts])
        possible = self._check_possible(log_z, on_impossible=on_impossible)
        marginals = np.concatenate([nodes for _, nodes in parts])
        return _only(np.split(marginals, np.cumsum(tokens.lengths)[:-1]), possible)

    def predict_marginals(self, X: Sentences, **given: Any) -> list[list[dict[Any, float]]]:
        """P(y_t = l | x) for each sequence, as a list of dicts {label: probability}."""
        found: list[Any] = []
        for shares in self.predict_proba(X, **given):
            rows = None if shares is None else shares.tolist()
            found.append(rows and [dict(zip(self.classes_, row, strict=True)) for row in rows])
        return found

    def predict_marginals_single(self, x: Any, **given: Any) -> list[dict[Any, float]]:
        """P(y_t = l | x) for one sequence, as a list of dicts {label: probability}."""
        return self.predict_marginals([x], **of_one(given))[0]

    def log_partition(
        self,
        X: Sentences,
        *,
        known: Labels | None = None,
        constraints: str | Constraints | None = None,
        lengths: Any = None,
    ) -> FloatArray:
        """log Z(x) of each sequence, (N,), in nats; -inf where no labelling is possible."""
        tokens = self._tokens(X, lengths)
        parts = self._ask(tokens, known, constraints, log_partitions, together=64)
        return np.concatenate([np.zeros(0), *parts])

    def log_probability(
        self,
        X: Sentences,
        y: Labels,
        *,
        known: Labels | None = None,
        constraints: str | Constraints | None = None,
        lengths: Any = None,
    ) -> FloatArray:
        """log P(y | x) of a labelling of each sequence, (N,), in nats.

        Where labels are known only in part (None, or a set), it is the log of the probability of
        all labellings that agree with them. -inf where the constraints forbid it, or ``known``
        does.

        Raises
        ------
        ValueError
            If X and y differ in length, or a label was not seen in training.
        """
        tokens = self._tokens(X, lengths)
        known = None if known is None else listed_labels(known, "known")  # it is read twice
        given = read_known(y, tokens.lengths, self.classes_, "y")
        free = self._ask(tokens, known, constraints, log_partitions, together=64)
        whole = np.concatenate([np.zeros(0), *free])
        self._check_possible(whole)
        if given.allowed is not None:
            support, rules = self._support(tokens, known), self._rules(constraints)
            agree = given.allowed if support is None else given.allowed & support
            part = self._scorer().each(tokens, rules, agree, log_partitions, together=64)
            return np.asarray(np.concatenate([np.zeros(0), *part]) - whole)
        shards, first, scored = self._ask(tokens, known, constraints, lambda s: s), 0, []
        for scores in shards:
            last = first + scores.packing.n_positions
            scored.append(labelling_scores(scores, given.codes[first:last]))
            first = last
        return np.asarray(np.concatenate([np.zeros(0), *scored]) - whole)

    def confidence(
        self,
        X: Sentences,
        *,
        known: Labels | None = None,
        constraints: str | Constraints | None = None,
        lengths: Any = None,
    ) -> FloatArray:
        """P(y* | x) of the most probable labelling y* of each sequence, (N,)."""
        tokens = self._tokens(X, lengths)

        def ask(scores: ChainScores) -> tuple[FloatArray, FloatArray]:
            return viterbi(scores)[0], log_partitions(scores)

        parts = self._ask(tokens, known, constraints, ask)
        best = np.concatenate([np.zeros(0), *(best for best, _ in parts)])
        self._check_possible(best)
        log_z = np.concatenate([np.zeros(0), *(log_z for _, log_z in parts)])
        return np.asarray(np.exp(best - log_z))

    def score(
        self, X: Sentences, y: Labels, *, known: Labels | None = None, lengths: Any = None
    ) -> float:
        """Share of tokens labelled right."""
        y = listed_labels(y)
        predicted = self.predict(X, known=known, lengths=lengths)
        check_labelled(predicted, y)
        right = [
            a == b
            for labels, truth in zip(predicted, y, strict=True)
            for a, b in zip(labels, truth, strict=True)
        ]
        if not right:
            raise ValueError("there is no token to score")
        return float(np.mean(right))

    def gibbs(
        self,
        x: Columns | Sequence[Any],
        *,
        known: Sequence[Any] | None = None,
        constraints: str | Constraints | None = None,
    ) -> GibbsDistribution:
        """The Gibbs distribution over the labels ``y0``, ``y1``, ... of one sequence.

        One factor exp(sum_a x_ta w[a, y_t]) for each position, one for each pair of neighbours
        (of second order, for each three in a row): the general engine then answers anything
        about them.

        Parameters
        ----------
        x : one sequence, or Columns, Tokens or a list that hold one sequence
        known : what is known of its labels, a list of T
        """
        from gibbsfactor.models.linear_chain_crf.factors import gibbs_of

        tokens = self._tokens(holding_one(x, "gibbs", self._fixed()))
        labels = None if known is None else [known]
        shards = self._ask(tokens, labels, constraints, lambda scores: scores)
        return gibbs_of(shards[0], self.classes_)

    # ---- parts ------------------------------------------------------------------------

    def _ask(
        self,
        tokens: Tokens,
        known: Labels | None,
        constraints: str | Constraints | None,
        question: Callable[[ChainScores], Answer],
        *,
        together: int = 1,
    ) -> list[Answer]:
        """Answers for every shard of the sequences."""
        rules = self._rules(constraints)
        return self._scorer().each(
            tokens, rules, self._support(tokens, known), question, together=together
        )

    def _support(self, tokens: Tokens, known: Labels | None) -> npt.NDArray[np.bool_] | None:
        """(M, L) which labels each token may have, by what is known; None for all."""
        return None if known is None else make_support(known, tokens.lengths, self.classes_)

    def _rules(self, constraints: str | Constraints | None) -> Any:
        return make_rules(self.constraints if constraints is None else constraints, self.classes_)

    def _tokens(self, X: Sentences, lengths: Any = None) -> Tokens:
        self._check_fitted()
        if lengths is None and are_empty(X):  # these don't tell what kind they are of
            tokens = no_tokens(self.vectorizer_, self.n_dense_, len(X))
        else:
            tokens = self.vectorizer_.transform(self._read(X, lengths, self._fixed()))
        return with_ends(tokens) if self._has_ends() else tokens

    def _has_ends(self) -> bool:
        """Whether there are attributes of ends: ``boundary_weights`` as it was in training."""
        return self.features_.n_attributes > self.vectorizer_.n_attributes

    def _scorer(self) -> ChainScorer:
        """Made once, and again after training. It is kept elsewhere: asking changes no model."""
        if self not in _SCORERS:
            _SCORERS[self] = ChainScorer(
                self.features_, self.weights_, self.n_dense_, self.n_threads
            )
        return _SCORERS[self]

    def _forget(self) -> None:
        _SCORERS.pop(self, None)

    def _check_possible(
        self, scores: FloatArray, first: int = 0, on_impossible: OnImpossible = "raise"
    ) -> npt.NDArray[np.bool_]:
        """(N,) whether a sequence has a labelling; raises if one has none, unless told not to."""
        if on_impossible not in ("raise", "none"):
            raise ValueError(f"on_impossible is {on_impossible!r}; it must be 'raise' or 'none'")
        possible = scores != -np.inf
        if on_impossible == "raise" and not possible.all():
            raise ZeroProbabilityError(
                f"no labelling of sequence {first + int(np.argmin(possible))} agrees with the "
                "labels known and the constraints; allow more, or ask with on_impossible='none' "
                "(of predict, predict_proba and k_best) for the other sequences"
            )
        return np.asarray(possible)

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise not_fitted(
                "this LinearChainCRF is not fitted yet; call fit(X, y) or LinearChainCRF.load(path)"
            )


_SCORERS: WeakKeyDictionary[Decoding, ChainScorer] = WeakKeyDictionary()


def _only(answers: list[Any], possible: npt.NDArray[np.bool_]) -> list[Any]:
    """Answers for the sequences that are possible, and None for the others."""
    return [x if kept else None for x, kept in zip(answers, possible.tolist(), strict=True)]


def _best(scores: ChainScores) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    top, labels = viterbi(scores)
    return top, scores.packing.natural(labels)

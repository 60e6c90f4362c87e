"""What a trained semi-Markov chain says about sequences.

Letters: N sequences of T tokens, L labels, D tokens in the longest segment that there may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.chain.segments import (
    Candidates,
    Segmentations,
    SegmentScores,
    segmentation_scores,
    token_sums,
)
from gibbsfactor.exact.chain.segments_best import k_best_segmentations, sample_segmentations
from gibbsfactor.exact.chain.segments_sweeps import segment_log_partitions, segment_marginals
from gibbsfactor.features import Columns, Tokens
from gibbsfactor.features.labels import Labels, listed_labels
from gibbsfactor.features.vectorizers import Vectorizer
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.learning.chain.segment_features import SegmentFeatures
from gibbsfactor.learning.chain.segment_loss import segment_batches
from gibbsfactor.learning.estimator import not_fitted
from gibbsfactor.models.semi_markov_crf.attributes import SegmentReader, candidate_attributes
from gibbsfactor.models.semi_markov_crf.graph import segment_distribution
from gibbsfactor.models.semi_markov_crf.notation import (
    RUNS,
    SEGMENTS,
    Notation,
    Segment,
    codes_of,
    segmentations,
)

FloatArray = npt.NDArray[np.float64]
Sentences = Any


class Decoding:
    """The questions."""

    classes_: list[Any]
    longest_: npt.NDArray[np.int64]
    features_: SegmentFeatures
    weights_: FloatArray
    vectorizer_: Vectorizer
    segment_vectorizer_: Vectorizer | None
    notation_: Notation
    segment_features: Any
    word: Any
    _read: Callable[[Any], Any]

    # ---- segmentations ----------------------------------------------------------------

    def predict(self, X: Sentences) -> list[list[Any]]:
        """The most probable segmentation of each sequence, written as y was in training."""
        segments = self.predict_segments(X)
        return list(map(self.notation_.write, segments))

    def predict_segments(self, X: Sentences) -> list[list[Segment]]:
        """The most probable segmentation of each sequence, as a list of (begin, end, label)."""
        found: list[list[Segment]] = []
        for scores in self._scores(X):
            _, labels, begins = k_best_segmentations(scores, 1)
            found += self._segments(scores, labels[0], begins[0])
        return found

    def k_best(self, X: Sentences, k: int) -> list[list[tuple[list[Segment], float]]]:
        """For each sequence its k most probable segmentations with P(s | x), falling; fewer if
        there are no more.
        """
        _check_count("k", k)
        answers: list[list[tuple[list[Segment], float]]] = []
        for scores in self._scores(X):
            best, labels, begins = k_best_segmentations(scores, int(k))
            shares = np.exp(best - segment_log_partitions(scores)[:, None])
            by_rank = [self._segments(scores, *one) for one in zip(labels, begins, strict=True)]
            for n, row in enumerate(best):
                ranks = np.flatnonzero(row > -np.inf).tolist()
                answers.append([(by_rank[r][n], float(shares[n, r])) for r in ranks])
        return answers

    def sample(
        self, X: Sentences, n: int = 1, *, random_state: int | np.random.Generator = 0
    ) -> list[list[list[Segment]]]:
        """For each sequence n segmentations drawn from P(s | x), exactly."""
        _check_count("n", n)
        rng = np.random.default_rng(random_state)
        answers: list[list[list[Segment]]] = []
        for scores in self._scores(X):
            labels, begins = sample_segmentations(scores, int(n), rng)
            drawn = [self._segments(scores, *one) for one in zip(labels, begins, strict=True)]
            answers += [list(one) for one in zip(*drawn, strict=True)]
        return answers

    # ---- probabilities ----------------------------------------------------------------

    def predict_proba(self, X: Sentences) -> list[FloatArray]:
        """The probability that each token lies in a segment with each label: arrays (T, L).

        Columns are as in ``classes_``.
        """
        answers: list[FloatArray] = []
        for scores in self._scores(X):
            inside, _, _ = token_sums(scores.candidates, segment_marginals(scores).segments)
            answers += np.split(inside, np.cumsum(scores.candidates.lengths)[:-1])
        return answers

    def segment_probabilities(self, X: Sentences) -> list[FloatArray]:
        """The probability of every segment: arrays (T, D, L).

        Entry [b, d, l] is P(the segment of tokens b .. b + d, with the label ``classes_[l]``).
        """
        answers: list[FloatArray] = []
        for scores in self._scores(X):
            candidates = scores.candidates
            shape = (candidates.n_tokens, int(candidates.longest.max()), len(self.classes_))
            shares = np.zeros(shape)
            sizes = candidates.ends - candidates.begins
            shares[candidates.begins, sizes - 1] = segment_marginals(scores).segments
            answers += np.split(shares, np.cumsum(candidates.lengths)[:-1])
        return answers

    def log_partition(self, X: Sentences) -> FloatArray:
        """log Z(x) of each sequence, (N,), in nats."""
        parts = [segment_log_partitions(scores) for scores in self._scores(X)]
        return np.concatenate([np.zeros(0), *parts])

    def log_probability(self, X: Sentences, y: Labels) -> FloatArray:
        """log P(s | x) of a segmentation of each sequence, (N,), in nats.

        -inf where a segment is longer than its label allows.

        Parameters
        ----------
        y : segmentations written as in training, or lists of segments

        Raises
        ------
        ValueError
            If X and y differ in length, or a label was not seen in training.
        """
        self._check_fitted()
        given = listed_labels(y)
        notation = Notation.of(given)
        notation = notation if notation.kind == SEGMENTS else self.notation_
        shards = list(self._scores(X))
        lengths = np.concatenate([np.zeros(0, np.int64), *(s.candidates.lengths for s in shards)])
        segments = notation.read(given, lengths.tolist())
        _, codes = codes_of(segments, self.classes_)
        coded = segmentations(segments, codes)
        found, first = [np.zeros(0)], 0
        for scores in shards:
            here = slice(first, first + scores.candidates.n_tokens)
            part = Segmentations(coded.labels[here], coded.begins[here])
            found.append(segmentation_scores(scores, part) - segment_log_partitions(scores))
            first = here.stop
        return np.concatenate(found)

    def score(self, X: Sentences, y: Labels) -> float:
        """Share of tokens whose label is right: that of y, or, of segments, the segment's."""
        given, found = listed_labels(y), self.predict_segments(X)
        segments = self.notation_.read(given, [one[-1][1] if one else 0 for one in found])
        if self.notation_.kind == SEGMENTS:
            given, written = list(map(Notation(RUNS).write, segments)), Notation(RUNS)
        else:
            written = self.notation_
        predicted = list(map(written.write, found))
        right = [
            a == b
            for labels, truth in zip(predicted, given, strict=True)
            for a, b in zip(labels, truth, strict=True)
        ]
        if not right:
            raise ValueError("there is no token to score")
        return float(np.mean(right))

    def gibbs(self, x: Columns | Sequence[Any]) -> GibbsDistribution:
        """The Gibbs distribution over the segmentations of one sequence, position by position.

        The variable ``y0``, ``y1``, ... of a position has a state (label, k) for each label and
        each k up to the longest segment with it: the k-th token of a segment with that label.
        Factors between neighbours forbid what does not go on or end a segment, and score a
        segment where it ends. The general engine then answers anything about them.

        Parameters
        ----------
        x : one sequence, or Columns or a list that hold one sequence
        """
        whole = isinstance(x, Columns | Tokens) or _holds_sequences(x)
        single: Any = x if whole else [x]
        if len(single) != 1:
            raise ValueError(f"gibbs takes one sequence; got {len(single)} of them")
        (scores,) = self._scores(single)
        return segment_distribution(scores, self.classes_)

    # ---- parts ------------------------------------------------------------------------

    def _scores(self, X: Sentences) -> Iterator[SegmentScores]:
        """Scores of all sequences, some of them at a time."""
        self._check_fitted()
        X = self._read(X)
        tokens = self.vectorizer_.transform(X)
        candidates = Candidates.of(tokens.lengths, self.longest_)
        read = SegmentReader(X, self.segment_features, self.word)
        whole = candidate_attributes(read, self.segment_vectorizer_, candidates)
        for batch in segment_batches(tokens, whole, candidates, self.features_):
            yield batch.scores(self.features_, self.weights_)

    def _segments(self, scores: SegmentScores, labels: Any, begins: Any) -> list[list[Segment]]:
        """Segmentations of a batch as lists; empty where there is none (label -1)."""
        bounds, found = np.cumsum([0, *scores.candidates.lengths]).tolist(), []
        for begin, end in pairwise(bounds):
            cuts = [*np.flatnonzero(begins[begin:end]).tolist(), end - begin]
            names = [self.classes_[code] for code in labels[begin:end][cuts[:-1]].tolist()]
            found.append([(b, e, name) for (b, e), name in zip(pairwise(cuts), names, strict=True)])
        return found

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise not_fitted(
                "this SemiMarkovCRF is not fitted yet; call fit(X, y) or SemiMarkovCRF.load(path)"
            )


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} is {value!r}; it must be a whole number from 1")


def _holds_sequences(x: Any) -> bool:
    """Whether x is a list of sequences of tokens, rather than a sequence of tokens."""
    first = x[0] if isinstance(x, list | tuple) and x else None
    token = first[0] if isinstance(first, list | tuple) and first else None
    return isinstance(token, dict | list | tuple | set)

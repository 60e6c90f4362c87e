"""The best segmentations of each sequence, and exact samples.

Source: Sarawagi & Cohen (2004), section 2.1, the recursion after Viterbi; for the k best, Seshadri
& Sundberg (1994), the parallel list algorithm; for samples, Scott (2002), section 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import compiled
from gibbsfactor.exact.chain.best import insert
from gibbsfactor.exact.chain.samples import draw
from gibbsfactor.exact.chain.segments import BoolArray, FloatArray, SegmentScores
from gibbsfactor.exact.chain.segments_sweeps import sweep_arrays, upward


def k_best_segmentations(
    scores: SegmentScores, k: int
) -> tuple[FloatArray, npt.NDArray[np.int32], BoolArray]:
    """The k greatest log scores of every sequence, and their segmentations.

    Returns
    -------
    scores : (N, k), falling; -inf where there are fewer segmentations
    labels : (k, M) int32, the label of the segment that each token lies in; -1 where there are
        fewer
    begins : (k, M) bool, whether a segment begins at each token
    """
    candidates = scores.candidates
    best = np.full((len(candidates.lengths), k), -math.inf)
    labels = np.full((k, candidates.n_tokens), -1, np.int32)
    begins = np.zeros((k, candidates.n_tokens), np.bool_)
    _k_best(*sweep_arrays(scores)[:5], best, labels, begins)
    return best, labels, begins


def sample_segmentations(
    scores: SegmentScores, n: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], BoolArray]:
    """n segmentations of every sequence, drawn from P(s | x).

    Returns
    -------
    labels : (n, M) int32, the label of the segment that each token lies in; -1 throughout a
        sequence without any possible segmentation
    begins : (n, M) bool, whether a segment begins at each token
    """
    n_tokens = scores.candidates.n_tokens
    labels, begins = np.full((n, n_tokens), -1, np.int32), np.zeros((n, n_tokens), np.bool_)
    draws = rng.random((n, n_tokens, 2))
    _sample(*sweep_arrays(scores), draws, labels, begins)
    return labels, begins


@compiled
def _k_best(
    lengths: Any,
    longest: Any,
    offsets: Any,
    scores: Any,
    steps: Any,
    best: Any,
    labels: Any,
    begins: Any,
) -> None:
    n_labels, k, at = len(longest), best.shape[1], 0
    for n in range(len(lengths)):
        length = lengths[n]
        first = at
        at += length
        if not length:
            best[n, 0] = 0.0
            continue
        here = offsets[first : at + 1]
        # The k best ways to a place from which a segment of a label goes on, or where one ends.
        # A way into a segment is (label before times k, rank), or 0; one to its end (tokens, rank).
        shape = (length + 1, n_labels, k)
        enters, ends = np.full(shape, -math.inf), np.full(shape, -math.inf)
        enters[0, :, 0] = 0.0
        from_label, from_place = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for e in range(1, length + 1):
            for j in range(n_labels):
                for d in range(1, min(longest[j], e) + 1):
                    gain = scores[here[e - d] + d - 1, j]
                    for rank in range(k):
                        v = enters[e - d, j, rank] + gain
                        if not v > ends[e, j, k - 1]:
                            break
                        insert(ends[e, j], from_place[e, j], v, d * k + rank)
            if e == length:
                break
            for i in range(n_labels):
                for j in range(n_labels):
                    for rank in range(k):
                        v = ends[e, i, rank] + steps[i, j]
                        if not v > enters[e, j, k - 1]:
                            break
                        insert(enters[e, j], from_label[e, j], v, i * k + rank)
        tops, ways = np.full(k, -math.inf), np.zeros(k, np.int64)
        for j in range(n_labels):
            for rank in range(k):
                v = ends[length, j, rank]
                if not v > tops[k - 1]:
                    break
                insert(tops, ways, v, j * k + rank)
        best[n] = tops
        for number in range(k):
            if tops[number] == -math.inf:
                break
            own = labels[number, first:at], begins[number, first:at]
            _trace(ways[number], from_label, from_place, *own)


@compiled
def _trace(way: Any, from_label: Any, from_place: Any, labels: Any, begins: Any) -> None:
    """Follow the ways back from the end of a sequence."""
    e, k = len(labels), from_label.shape[2]
    while e:
        j, rank = way // k, way % k
        came = from_place[e, j, rank]
        d, rank = came // k, came % k
        e -= d
        labels[e : e + d] = j
        begins[e] = True
        way = from_label[e, j, rank]


@compiled
def _sample(
    lengths: Any,
    longest: Any,
    offsets: Any,
    scores: Any,
    steps: Any,
    scaled: Any,
    top: Any,
    draws: Any,
    labels: Any,
    begins: Any,
) -> None:
    n_labels, at = len(longest), 0
    of_label, of_size = np.empty(n_labels), np.empty(longest.max())
    for n in range(len(lengths)):
        length = lengths[n]
        first = at
        at += length
        if not length:
            continue
        here = offsets[first : at + 1]
        enters, ends = np.empty((length + 1, n_labels)), np.empty((length + 1, n_labels))
        if upward(here, longest, scores, steps, scaled, top, enters, ends) == -math.inf:
            continue
        for number in range(len(draws)):
            e, behind = length, -1
            while e:
                for j in range(n_labels):
                    of_label[j] = ends[e, j] + (steps[j, behind] if behind >= 0 else 0.0)
                j = draw(of_label, draws[number, first + e - 1, 0])
                reach = min(longest[j], e)
                for d in range(1, reach + 1):
                    of_size[d - 1] = enters[e - d, j] + scores[here[e - d] + d - 1, j]
                d = draw(of_size[:reach], draws[number, first + e - 1, 1]) + 1
                e -= d
                labels[number, first + e : first + e + d] = j
                begins[number, first + e] = True
                behind = j

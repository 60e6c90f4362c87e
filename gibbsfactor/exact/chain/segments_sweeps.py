"""The sums over all segmentations: log Z, the probability of every segment, expected steps.

Messages are logs throughout, so that any scores are dealt with alike. For one sequence, with b and
e between tokens and v the steps,

    ends[e, l]    sum over segmentations of what is before e, the last segment of label l
    enters[b, l]  sum_l' exp( ends[b, l'] + v[l', l] ), and 1 for b = 0
    ends[e, l]    sum_d enters[e - d, l] exp( score(e - d, e, l) )

which takes O(T L (D + L)) steps. Backward alike. The sums over the labels before run on scaled
numbers where nothing can be lost by that, and in logs elsewhere.

Source: Sarawagi & Cohen (2004), sections 2.2 and 2.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gibbsfactor.compiled import compiled
from gibbsfactor.exact.chain.log_sweeps import log_sum
from gibbsfactor.exact.chain.segments import FloatArray, IntArray, SegmentScores

LEAST = 1e-280  # of a scaled sum: what underflowed in it was some 1e-28 of it at most
MOST_LOG = 200.0  # of a scale that makes up for what may have underflowed


@dataclass(frozen=True, eq=False)
class SegmentMarginals:
    """What the sums over all segmentations come to.

    Attributes
    ----------
    log_partitions : (N,) log Z of each sequence, 0 for an empty one, -inf without any segmentation
    segments : (C, L) probability that a candidate is a segment with a label, times the sequence's
        weight
    steps : (L, L) expected number of times that each label follows each, so weighted, over all
        sequences
    """

    log_partitions: FloatArray
    segments: FloatArray
    steps: FloatArray


def segment_marginals(scores: SegmentScores, weights: FloatArray | None = None) -> SegmentMarginals:
    """log Z, the probabilities of all segments and the expected steps, from one sweep each way.

    Parameters
    ----------
    scores : SegmentScores
    weights : (N,) how much each sequence counts in the expected numbers, by default 1
    """
    lengths = scores.candidates.lengths
    counted = np.ones(len(lengths)) if weights is None else weights
    log_z, segments = np.zeros(len(lengths)), np.zeros_like(scores.scores)
    taken = np.zeros_like(scores.steps)
    _sweep(*sweep_arrays(scores), counted, log_z, segments, taken)
    return SegmentMarginals(log_z, segments, taken)


def segment_log_partitions(scores: SegmentScores) -> FloatArray:
    """log Z of every sequence, (N,); 0 for an empty one, -inf for one without a segmentation."""
    log_z = np.zeros(len(scores.candidates.lengths))
    _upward(*sweep_arrays(scores), log_z)
    return log_z


Arrays = tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray, FloatArray, float]


def sweep_arrays(scores: SegmentScores) -> Arrays:
    """What the compiled loops take: lengths, longest, offsets, scores, steps, and these scaled.

    The last is exp(steps - top), and top the greatest of them.
    """
    candidates, steps = scores.candidates, np.ascontiguousarray(scores.steps)
    top = float(steps.max(initial=-np.inf))
    top = top if np.isfinite(top) else 0.0
    place = (candidates.lengths, candidates.longest, candidates.offsets)
    return *place, np.ascontiguousarray(scores.scores), steps, np.exp(steps - top), top


@compiled
def upward(
    offsets: Any,
    longest: Any,
    scores: Any,
    steps: Any,
    scaled: Any,
    top: Any,
    enters: Any,
    ends: Any,
) -> Any:
    """Messages of one sequence, whose offsets these are; gives log Z.

    ``enters`` and ``ends`` (T + 1, L) are filled in, but for the first row of ends and the last
    of enters.
    """
    length, n_labels = len(offsets) - 1, len(longest)
    share, peak, total = np.empty(n_labels), np.empty(n_labels), np.empty(n_labels)
    most = longest.max()
    enters[0] = 0.0
    for e in range(1, length + 1):
        reach = min(most, e)
        peak[:] = -math.inf
        for d in range(1, reach + 1):
            before, score = enters[e - d], scores[offsets[e - d] + d - 1]
            for k in range(n_labels):
                v = before[k] + score[k]
                peak[k] = v if v > peak[k] else peak[k]
        total[:] = 0.0
        for d in range(1, reach + 1):
            before, score = enters[e - d], scores[offsets[e - d] + d - 1]
            for k in range(n_labels):
                v = before[k] + score[k]
                if v > -math.inf:
                    total[k] += math.exp(v - peak[k])
        for k in range(n_labels):
            ends[e, k] = peak[k] + math.log(total[k]) if total[k] > 0.0 else -math.inf
        if e < length:
            _through(ends[e], steps, scaled, top, share, enters[e])
    return log_sum(ends[length])


@compiled
def _through(before: Any, steps: Any, scaled: Any, top: Any, share: Any, out: Any) -> None:
    """out[l] = log sum_k exp( before[k] + steps[k, l] )."""
    n_labels = len(before)
    peak = before.max()
    if peak == -math.inf:
        out[:] = -math.inf
        return
    for k in range(n_labels):
        share[k] = math.exp(before[k] - peak)
    out[:] = 0.0
    for k in range(n_labels):
        if share[k] > 0.0:
            for j in range(n_labels):
                out[j] += share[k] * scaled[k, j]
    for j in range(n_labels):
        if out[j] > LEAST:
            out[j] = peak + top + math.log(out[j])
        else:
            out[j] = log_sum(before + steps[:, j])


@compiled
def _upward(
    lengths: Any,
    longest: Any,
    offsets: Any,
    scores: Any,
    steps: Any,
    scaled: Any,
    top: Any,
    log_z: Any,
) -> None:
    n_labels, at = len(longest), 0
    for n in range(len(lengths)):
        length = lengths[n]
        if length:
            here = offsets[at : at + length + 1]
            enters, ends = np.empty((length + 1, n_labels)), np.empty((length + 1, n_labels))
            log_z[n] = upward(here, longest, scores, steps, scaled, top, enters, ends)
        at += length


@compiled
def _sweep(
    lengths: Any,
    longest: Any,
    offsets: Any,
    scores: Any,
    steps: Any,
    scaled: Any,
    top: Any,
    weights: Any,
    log_z: Any,
    segments: Any,
    taken: Any,
) -> None:
    """Both sweeps, sequence by sequence."""
    n_labels, at = len(longest), 0
    turned, turned_steps = np.ascontiguousarray(scaled.T), np.ascontiguousarray(steps.T)
    share, raw = np.empty(n_labels), np.zeros((n_labels, n_labels))
    opens, after = np.empty(n_labels), np.empty(n_labels)
    for n in range(len(lengths)):
        length = lengths[n]
        here = offsets[at : at + length + 1]
        at += length
        if not length:
            continue
        enters, ends = np.empty((length + 1, n_labels)), np.empty((length + 1, n_labels))
        total = upward(here, longest, scores, steps, scaled, top, enters, ends)
        log_z[n] = total
        if total == -math.inf:
            continue
        leaves = np.empty((length + 1, n_labels))  # sums over what is behind, after each label
        leaves[length] = 0.0
        for b in range(length - 1, -1, -1):
            first, size = here[b], here[b + 1] - here[b]
            own = segments[first : first + size]
            _open(scores[first : first + size], leaves[b + 1 :], opens, share, own)
            for k in range(n_labels):  # what makes the shares of each label probabilities
                v = enters[b, k] + opens[k] - total
                share[k] = weights[n] * math.exp(v) / share[k] if v > -math.inf else 0.0
            for d in range(size):
                for k in range(n_labels):
                    own[d, k] *= share[k]
            if b:
                _through(opens, turned_steps, turned, top, after, leaves[b])
                _take(ends[b], opens, steps, top, total, weights[n], share, raw, taken)
    for k in range(n_labels):
        for j in range(n_labels):
            taken[k, j] += raw[k, j] * scaled[k, j]


@compiled
def _open(scores: Any, leaves: Any, opens: Any, total: Any, shares: Any) -> None:
    """opens[l] = log sum over the segments of a label that begin here; ``scores`` are theirs.

    Their shares are put in ``shares``, and those add up to ``total`` for each label.
    """
    n_labels = len(opens)
    opens[:] = -math.inf
    for d in range(len(scores)):
        score, behind = scores[d], leaves[d]
        for k in range(n_labels):
            v = score[k] + behind[k]
            opens[k] = v if v > opens[k] else opens[k]
    total[:] = 0.0
    for d in range(len(scores)):
        score, behind, own = scores[d], leaves[d], shares[d]
        for k in range(n_labels):
            v = score[k] + behind[k]
            if v > -math.inf:
                own[k] = math.exp(v - opens[k])
                total[k] += own[k]
    for k in range(n_labels):
        if total[k] > 0.0:
            opens[k] += math.log(total[k])


@compiled
def _take(
    before: Any,
    behind: Any,
    steps: Any,
    top: Any,
    log_z: Any,
    weight: Any,
    share: Any,
    raw: Any,
    taken: Any,
) -> None:
    """Add the probabilities of the steps at one place: to raw, still without a factor ``scaled``.

    Or, where that factor may have underflowed and matters, to taken.
    """
    n_labels = len(before)
    one, other = before.max(), behind.max()
    log_scale = one + other + top - log_z
    if not log_scale > -math.inf:
        return
    if log_scale > MOST_LOG:
        for k in range(n_labels):
            for j in range(n_labels):
                taken[k, j] += weight * math.exp(before[k] + steps[k, j] + behind[j] - log_z)
        return
    scale = weight * math.exp(log_scale)
    for j in range(n_labels):
        share[j] = math.exp(behind[j] - other)
    for k in range(n_labels):
        v = scale * math.exp(before[k] - one)
        if v > 0.0:
            for j in range(n_labels):
                raw[k, j] += v * share[j]

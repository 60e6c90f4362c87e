"""Which weights a semi-Markov chain has: of tokens within segments, of segments, of transitions.

Letters: A attributes of tokens, G of segments, L labels, C candidates, F weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.chain.segments import Candidates, Segmentations
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.learning.chain.features import observed_features
from gibbsfactor.learning.chain.targets import ChainTargets

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
NONE: IntArray = np.zeros(0, np.int64)

_Counted = tuple[IntArray, FloatArray]

KINDS = ("inside", "first", "last", "whole")


@dataclass(frozen=True, eq=False)
class SegmentFeatures:
    """The F weights, in this order: inside, first, last, whole, transitions.

    Attributes
    ----------
    n_attributes, n_segment_attributes, n_labels : A, G and L
    inside, first, last : sorted positions attribute * L + label: a token with the attribute lies
        in a segment with the label, is the first one of it, is the last one of it
    whole : sorted positions attribute * L + label: a segment with the attribute has the label
    transitions : sorted positions before * L + label
    """

    n_attributes: int
    n_segment_attributes: int
    n_labels: int
    inside: IntArray
    first: IntArray
    last: IntArray
    whole: IntArray
    transitions: IntArray

    @property
    def bounds(self) -> tuple[int, ...]:
        """Where each kind of weights begins, and the end."""
        kinds = (*(getattr(self, kind) for kind in KINDS), self.transitions)
        return tuple(np.cumsum([0, *map(len, kinds)]).tolist())

    @property
    def n_weights(self) -> int:
        """F."""
        return self.bounds[-1]

    def span(self, kind: str) -> tuple[int, int]:
        """Where the weights of a kind begin and end."""
        i = KINDS.index(kind)
        return self.bounds[i], self.bounds[i + 1]

    def steps(self, weights: FloatArray) -> FloatArray:
        """Log scores (L, L) of a label after another."""
        pairs = np.zeros(self.n_labels**2)
        pairs[self.transitions] = weights[self.bounds[4] :]
        return pairs.reshape(self.n_labels, self.n_labels)


def observed_segment_features(
    tokens: Tokens,
    whole: Tokens,
    candidates: Candidates,
    given: Segmentations,
    *,
    weights: FloatArray | None = None,
    positions: bool = False,
    all_states: bool = False,
    all_transitions: bool = True,
) -> tuple[SegmentFeatures, FloatArray]:
    """The features that occur in segmented data, and how often each does.

    Counts are weighted by the attributes' values and by the sequences' weights. Dense attributes
    have a weight for each label. Labels whose segments have one token only get no weights for
    first and last ones, which would say the same as those for tokens inside.

    Parameters
    ----------
    tokens : Tokens, the attributes of tokens
    whole : Tokens with a row for each of the C candidates, the attributes of segments
    candidates : Candidates
    given : Segmentations, no segment longer than its label allows
    weights : (N,) how much each sequence counts, by default 1
    positions : whether there are weights of first and last tokens
    all_states, all_transitions : every pair, whether it occurs or not
    """
    lengths, n_labels = candidates.lengths, len(candidates.longest)
    counts = np.ones(len(lengths)) if weights is None else weights
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    first, sizes, labels = given.segments(lengths)
    of_tokens = counts[sequence]  # how much each token counts
    none: _Counted = (NONE, np.zeros(0))

    def observed(part: Tokens, rows: IntArray, codes: IntArray, weights: FloatArray) -> _Counted:
        return _observed(part, rows, codes, n_labels, weights, all_states)

    everything = np.arange(candidates.n_tokens)
    kinds: list[_Counted] = [
        observed(tokens, everything, given.labels, of_tokens),
        none,
        none,
        none,
    ]
    if positions:
        longer = candidates.longest > 1
        for i, at in ((1, first), (2, first + sizes - 1)):
            states, counted = observed(tokens, at, labels, of_tokens[at])
            kept = longer[states % n_labels]
            kinds[i] = states[kept], counted[kept]
    kinds[3] = observed(whole, candidates.offsets[first] + sizes - 1, labels, of_tokens[first])
    after = np.flatnonzero(sequence[first[1:]] == sequence[first[:-1]]) + 1
    pairs = labels[after - 1] * n_labels + labels[after]
    taken = np.bincount(pairs, of_tokens[first[after]], n_labels**2)
    seen = np.bincount(pairs, minlength=n_labels**2) > 0
    transitions = np.flatnonzero(seen | all_transitions)
    kinds.append((transitions.astype(np.int64), np.asarray(taken[transitions], np.float64)))
    features = SegmentFeatures(
        tokens.n_attributes, whole.n_attributes, n_labels, *(cells for cells, _ in kinds)
    )
    return features, np.concatenate([counted for _, counted in kinds])


def _observed(
    part: Tokens,
    rows: IntArray,
    codes: IntArray,
    n_labels: int,
    weights: FloatArray,
    all_states: bool,
) -> _Counted:
    """The states that occur in some rows with these labels, and how often."""
    ones = np.ones(len(rows), np.int64)
    dense = None if part.dense is None else part.dense[rows]
    picked = Tokens(part.attributes[rows], ones, dense=dense)
    targets = ChainTargets.of(ones, codes, n_labels, weights=weights)
    found, counted = observed_features(picked, targets, transitions=False, all_states=all_states)
    return found.states, counted

"""What a semi-Markov chain is trained on: data, given segmentations, attributes, weights.

Letters: N sequences, M tokens, C candidates for segments, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.chain.segments import Candidates, Segmentations
from gibbsfactor.features import Columns, Tokens
from gibbsfactor.features.vectorizers import Vectorizer
from gibbsfactor.learning.chain.segment_features import SegmentFeatures, observed_segment_features
from gibbsfactor.learning.chain.segment_loss import SegmentLoss
from gibbsfactor.learning.chain.targets import sequence_weights
from gibbsfactor.learning.preconditioning import Coordinates, Kind, coordinates_for, spreads
from gibbsfactor.models.semi_markov_crf.attributes import (
    SegmentReader,
    candidate_attributes,
    candidate_bounds,
    learn_attributes,
)
from gibbsfactor.models.semi_markov_crf.notation import (
    OUTSIDE,
    SEGMENTS,
    Notation,
    codes_of,
    segmentations,
)
from gibbsfactor.models.semi_markov_crf.parameters import longest_segments


@dataclass(frozen=True, eq=False)
class SegmentProblem:
    """Training data, ready to be counted in.

    Attributes
    ----------
    tokens : Tokens, attributes of the tokens
    whole : Tokens with a row for each candidate
    candidates : Candidates
    given : the segmentations to learn from
    weights : (N,) how much each sequence counts
    classes : the L labels
    notation : how y was written
    of_segments : the vectoriser of segments' attributes; None if they have none
    n_left_out : how many sequences have a segment that is too long, and are none of the N
    """

    tokens: Tokens
    whole: Tokens
    candidates: Candidates
    given: Segmentations
    weights: npt.NDArray[np.float64]
    classes: list[Any]
    notation: Notation
    of_segments: Vectorizer | None
    n_left_out: int

    @classmethod
    def of(
        cls,
        model: Any,
        X: Any,
        tokens: Tokens,
        y: Sequence[Sequence[Any]],
        sample_weight: Any,
    ) -> Self:
        """What a model with its parameters learns from these sequences."""
        notation = Notation.of(y)
        segments = notation.read(y, tokens.lengths.tolist())
        classes, codes = codes_of(segments)
        weights = sequence_weights(sample_weight, len(tokens))
        sizes = np.array([end - begin for one in segments for begin, end, _ in one], np.int64)
        seen = np.zeros(len(classes), np.int64)
        np.maximum.at(seen, codes, sizes)
        alone = () if notation.kind == SEGMENTS else (OUTSIDE,)
        longest = longest_segments(model.max_length, classes, seen, alone)
        sequence = np.repeat(np.arange(len(segments)), [len(one) for one in segments])
        kept = np.ones(len(segments), bool)
        kept[sequence[sizes > longest[codes]]] = False
        if not kept.all():
            numbers = np.flatnonzero(kept)
            if not tokens.lengths[numbers].any():
                raise ValueError(
                    f"every training sequence has a segment longer than max_length="
                    f"{model.max_length!r}; raise it"
                )
            tokens, weights = tokens[numbers], weights[numbers]
            X = X[numbers] if isinstance(X, Columns | Tokens) else [X[n] for n in numbers]
            segments, codes = [segments[n] for n in numbers], codes[kept[sequence]]
        candidates = Candidates.of(tokens.lengths, longest)
        read = SegmentReader(X, model.segment_features, model.word)
        learnt_from = (
            candidate_bounds(candidates)
            if model.all_possible_states
            else [[(begin, end) for begin, end, _ in one] for one in segments]
        )
        of_segments = learn_attributes(read, learnt_from, model.min_freq)
        whole = candidate_attributes(read, of_segments, candidates)
        if not tokens.n_attributes and not whole.n_attributes:
            raise ValueError("no token and no segment has an attribute; there is nothing to learn")
        given, left_out = segmentations(segments, codes), int((~kept).sum())
        parts = (tokens, whole, candidates, given, weights, classes, notation, of_segments)
        return cls(*parts, left_out)

    def coordinates(self, features: SegmentFeatures, c2: float, *, separable: bool) -> Coordinates:
        """Coordinates of the weights in which units do not matter; `coordinates_for` tells more."""
        n = features.n_labels
        of_tokens = np.repeat(self.weights, self.candidates.lengths)
        of_candidates = of_tokens[self.candidates.begins]
        longest = int(self.candidates.longest.max(initial=1))
        label, segment = spreads(n), spreads(n * longest)[:n]
        kinds = [
            Kind(start, states, label, of_tokens, self.tokens.attributes, self.tokens.dense)
            for start, states in zip(
                features.bounds, (features.inside, features.first, features.last), strict=False
            )
        ]
        whole = self.whole.attributes, self.whole.dense
        kinds.append(Kind(features.bounds[3], features.whole, segment, of_candidates, *whole))
        kinds.append(Kind(features.bounds[4], features.transitions, spreads(n**2), of_tokens))
        return coordinates_for(kinds, features.n_weights, c2, separable=separable)

    def loss(self, model: Any) -> SegmentLoss:
        """The objective that the model's parameters ask for."""
        rows = (self.tokens, self.whole, self.candidates)
        features, observed = observed_segment_features(
            *rows,
            self.given,
            weights=self.weights,
            positions=model.positions,
            all_states=model.all_possible_states,
            all_transitions=model.all_possible_transitions,
        )
        return SegmentLoss(features, observed, *rows, model.c2, self.weights, model.n_threads)

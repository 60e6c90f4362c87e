"""What a trained chain has learnt: its weights by name, and why it labels as it does.

Letters: T positions, A attributes, L labels, F weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.chain import ChainScores
from gibbsfactor.features.tokens import BOS, EOS, Tokens
from gibbsfactor.features.vectorizers import Vectorizer
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.models.linear_chain_crf.asked import holding_one

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a position got its label: what each feature adds to the score of every label.

    Attributes
    ----------
    position : int
    labels : the L labels
    chosen : the label at this position in the best labelling of the sequence
    contributions : list of (name, (L,) array), in nats, the largest first
        Attributes of the token, and the steps from the label before and to the one after (of
        second order, to the two after), as they are in the best labelling.
    marginals : (L,) P(y_t = l | x)

    The contributions add up to the score of each label given its neighbours' labels: differences
    between two labels' sums are log odds, given those.
    """

    position: int
    labels: list[Any]
    chosen: Any
    contributions: list[tuple[str, FloatArray]]
    marginals: FloatArray

    def of(self, label: Any) -> list[tuple[str, float]]:
        """What speaks for a label and against it, largest first."""
        k = self.labels.index(label)
        found = [(name, float(values[k])) for name, values in self.contributions if values[k]]
        return sorted(found, key=lambda pair: -abs(pair[1]))

    def __str__(self) -> str:
        share = self.marginals[self.labels.index(self.chosen)]
        lines = [f"position {self.position}: {self.chosen} with probability {share:.4f}"]
        lines += [f"  {weight:+8.3f}  {name}" for name, weight in self.of(self.chosen)]
        return "\n".join(lines)


class Insight:
    """The weights by name."""

    classes_: list[Any]
    features_: ChainFeatures
    weights_: FloatArray
    vectorizer_: Vectorizer
    n_dense_: int
    _has_ends: Callable[[], bool]
    _check_fitted: Callable[[], None]
    _fixed: Callable[[], Any]
    _tokens: Callable[..., Any]
    _ask: Callable[..., Any]
    predict: Callable[..., Any]
    predict_proba: Callable[..., Any]

    @property
    def attributes_(self) -> list[str]:
        """The names of the A attributes."""
        self._check_fitted()
        return self._names()[0]

    @property
    def state_features_(self) -> dict[tuple[str, Any], float]:
        """{(attribute, label): weight} of every state feature."""
        names, n = self.attributes_, self.features_.n_labels
        attribute, label = np.divmod(self.features_.states, n)
        pairs = zip(attribute.tolist(), label.tolist(), self.weights_.tolist(), strict=False)
        return {(names[a], self.classes_[i]): w for a, i, w in pairs}

    @property
    def transition_features_(self) -> dict[tuple[Any, Any], float]:
        """{(label before, label): weight} of every transition feature."""
        self._check_fitted()
        return {
            (self.classes_[i], self.classes_[j]): w
            for i, j, w in self._pairs(self.features_.transitions, 1)
        }

    @property
    def conditioned_features_(self) -> dict[tuple[str, Any, Any], float]:
        """{(attribute of the pair, label before, label): weight}."""
        self._check_fitted()
        names, n = self._names()[1], self.features_.n_labels
        attribute = (self.features_.conditioned // (n * n)).tolist()
        pairs = self._pairs(self.features_.conditioned % (n * n), 2)
        return {
            (names[b], self.classes_[i], self.classes_[j]): w
            for b, (i, j, w) in zip(attribute, pairs, strict=True)
        }

    @property
    def triple_features_(self) -> dict[tuple[Any, Any, Any], float]:
        """{(label two before, label before, label): weight}, in second order."""
        self._check_fitted()
        n = self.features_.n_labels
        first = (self.features_.triples // (n * n)).tolist()
        pairs = self._pairs(self.features_.triples % (n * n), 3)
        return {
            (self.classes_[h], self.classes_[i], self.classes_[j]): w
            for h, (i, j, w) in zip(first, pairs, strict=True)
        }

    @property
    def size_(self) -> int:
        """Bytes that the weights and where they are take up."""
        self._check_fitted()
        f = self.features_
        positions = (f.states, f.transitions, f.conditioned, f.triples)
        return int(self.weights_.nbytes + sum(part.nbytes for part in positions))

    def top_features(self, k: int = 10) -> dict[Any, list[tuple[str, float]]]:
        """For each label the k attributes with the largest weights, and the k with the smallest.

        As {label: [(attribute, weight), ...]}, falling.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"k is {k!r}; it must be a whole number from 1")
        names, n = self.attributes_, self.features_.n_labels
        attribute, label = np.divmod(self.features_.states, n)
        weights, found = self.weights_[: len(attribute)], {}
        for i, name in enumerate(self.classes_):
            own = np.flatnonzero((label == i) & (weights != 0))
            falling = own[np.argsort(-weights[own], kind="stable")]
            ends = falling if len(falling) <= 2 * k else np.concatenate([falling[:k], falling[-k:]])
            found[name] = [(names[attribute[f]], float(weights[f])) for f in ends]
        return found

    def explain(self, x: Any, position: int) -> Explanation:
        """What each feature adds to the scores of the labels at one position of a sequence.

        Parameters
        ----------
        x : one sequence, or Columns, Tokens or a list that hold one sequence
        position : from 0, or from the end if negative

        Raises
        ------
        IndexError
            If there is no such position.
        """
        single = holding_one(x, "explain", self._fixed())
        tokens = self._tokens(single)
        length = tokens.n_tokens
        if not -length <= position < length:
            raise IndexError(f"there is no position {position}: the sequence has {length}")
        t, labels = position % length, self.predict(single)[0]
        scores = self._ask(tokens, None, None, lambda s: s)[0]
        contributions = self._of_attributes(tokens, t)
        forbidden = np.where(np.isfinite(scores.nodes[t]), 0.0, -np.inf)
        contributions.append(("the constraints on the ends", forbidden))
        contributions += _of_steps(scores, t, [self.classes_.index(i) for i in labels], labels)
        contributions = [(name, values) for name, values in contributions if values.any()]
        contributions.sort(key=lambda pair: -float(np.abs(pair[1]).max()))
        marginals = self.predict_proba(single)[0][t]
        return Explanation(t, list(self.classes_), labels[t], contributions, marginals)

    def _of_attributes(self, tokens: Tokens, t: int) -> list[tuple[str, FloatArray]]:
        """What each attribute of a token adds to the score of every label."""
        names, pointers = self.attributes_, self.features_.of_attributes()
        row = slice(tokens.attributes.indptr[t], tokens.attributes.indptr[t + 1])
        entries = [*zip(tokens.attributes.indices[row], tokens.attributes.data[row], strict=True)]
        if tokens.dense is not None:
            entries += [(tokens.n_sparse + d, x) for d, x in enumerate(tokens.dense[t])]
        found = []
        for a, value in entries:
            features = np.arange(pointers[a], pointers[a + 1])
            scores = np.zeros(len(self.classes_))
            labels = self.features_.states[features] % len(scores)
            scores[labels] = value * self.weights_[features]
            found.append((names[a], scores))
        return found

    # ---- parts ------------------------------------------------------------------------

    def _pairs(self, cells: npt.NDArray[np.int64], kind: int) -> list[tuple[int, int, float]]:
        """(number before, number, weight) of the weights of one kind."""
        before, after = np.divmod(cells, self.features_.n_labels)
        bounds = self.features_.bounds
        weights = self.weights_[bounds[kind] : bounds[kind + 1]]
        return list(zip(before.tolist(), after.tolist(), weights.tolist(), strict=True))

    def _names(self) -> tuple[list[str], list[str]]:
        return names_with(self.vectorizer_, self.n_dense_, self._has_ends())


def names_with(vectorizer: Vectorizer, n_dense: int, ends: bool) -> tuple[list[str], list[str]]:
    """The names of attributes, with or without those of ends, and of attributes of pairs."""
    names = vectorizer.attribute_names()
    if ends:
        n_sparse = len(names) - n_dense
        names[n_sparse:n_sparse] = [BOS, EOS]
    return names, vectorizer.edge_names()


def _of_steps(
    scores: ChainScores, t: int, codes: list[int], labels: list[Any]
) -> list[tuple[str, FloatArray]]:
    """What the steps that a position takes part in add, its neighbours' labels being as they are.

    In second order these are three steps: to it, to the next one, and to the one behind that.
    """
    n, second = scores.n_labels, scores.n_states > scores.n_labels
    every, found = np.arange(n), []

    def step(to: int, before: Any, label: Any, two_before: Any) -> FloatArray:
        state = before + n * two_before if second else before
        return np.array(scores.steps[scores.which[to], state, label])

    if t:
        two_before = codes[t - 2] if t > 1 else n
        found.append((f"after {labels[t - 1]!r}", step(t, codes[t - 1], every, two_before)))
    if t + 1 < len(codes):
        two_before = codes[t - 1] if t else n
        found.append((f"before {labels[t + 1]!r}", step(t + 1, every, codes[t + 1], two_before)))
    if second and t + 2 < len(codes):
        name = f"two before {labels[t + 2]!r}"
        found.append((name, step(t + 2, codes[t + 1], codes[t + 2], every)))
    return found

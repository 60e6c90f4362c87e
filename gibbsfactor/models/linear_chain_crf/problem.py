"""What a chain is trained on: data, targets, rules, features and where the weights start.

Letters: N sequences, M tokens, L labels, F weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gibbsfactor.errors import listed
from gibbsfactor.exact.chain import ChainScores, Packing, viterbi
from gibbsfactor.features import Constraints, Tokens
from gibbsfactor.features.labels import EncodedLabels, read_known
from gibbsfactor.features.tokens import Matrix
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.learning.chain.rules import ChainRules
from gibbsfactor.learning.chain.targets import ChainTargets, sequence_weights
from gibbsfactor.learning.preconditioning import Coordinates, Kind, coordinates_for, spreads

FloatArray = npt.NDArray[np.float64]

BELOW = 30.0  # nats: a share of 1e-13


@dataclass(frozen=True, eq=False)
class ChainProblem:
    """A training problem, ready for any of the trainers."""

    tokens: Tokens
    targets: ChainTargets
    features: ChainFeatures
    observed: FloatArray
    rules: ChainRules
    start: FloatArray

    def coordinates(self, c2: float, *, separable: bool) -> Coordinates:
        """Coordinates of the weights in which units do not matter; `coordinates_for` tells more."""
        features, tokens, n = self.features, self.tokens, self.features.n_labels
        bounds = features.bounds
        counts = np.repeat(self.targets.weights, tokens.lengths)
        after = counts[self.targets.neighbours()[1]]
        label, pair = spreads(n), spreads(n**2)
        kinds = [
            Kind(0, features.states, label, counts, tokens.attributes, tokens.dense),
            Kind(bounds[1], features.transitions, pair, after),
            Kind(bounds[3], features.triples, spreads(n**3), after),
        ]
        if tokens.edges is not None:
            kinds.append(Kind(bounds[2], features.conditioned, pair, counts, tokens.edges))
        return coordinates_for(kinds, features.n_weights, c2, separable=separable)

    def in_units(self, units: FloatArray) -> Tokens:
        """The tokens, each attribute's values divided by the unit (F,) of its weights."""
        features, tokens, n = self.features, self.tokens, self.features.n_labels
        of_attributes, of_pairs = np.ones(tokens.n_attributes), np.ones(tokens.n_edge_attributes)
        of_attributes[features.states // n] = units[: features.bounds[1]]
        of_pairs[features.conditioned // n**2] = units[features.bounds[2] : features.bounds[3]]
        sparse = of_attributes[: tokens.n_sparse]
        return Tokens(
            _divided(tokens.attributes, sparse),
            tokens.lengths,
            None if tokens.edges is None else _divided(tokens.edges, of_pairs),
            None if tokens.dense is None else tokens.dense / of_attributes[tokens.n_sparse :],
        )


def _divided(matrix: Matrix, units: FloatArray) -> Matrix:
    """The matrix with its columns divided by their units."""
    parts = (matrix.data / units[matrix.indices], matrix.indices, matrix.indptr)
    return scipy.sparse.csr_array(parts, shape=matrix.shape)


def make_targets(
    labels: EncodedLabels,
    lengths: npt.NDArray[np.int64],
    sample_weight: Any,
    label_weights: Mapping[Any, float] | Literal["balanced"] | None = None,
    known: Any = None,
) -> ChainTargets:
    """Targets of N sequences, each counted by its weight, and each token by its label's.

    ``known``, if given, says for N sequences which labels each token can have at all.

    Raises
    ------
    ValueError
        If the weights are not N finite numbers of at least 0, or all are 0; and if the weights of
        labels name a label that is not among the classes, or leave no token that counts; and if a
        label is none of those that its token can have.
    """
    support = None if known is None else make_support(known, lengths, labels.classes)
    labels = labels if support is None else narrowed(labels, support, lengths)
    weights, each = sequence_weights(sample_weight, len(lengths)), None
    if label_weights is not None:
        each = _token_weights(labels, lengths, weights, label_weights)
        if not (each * np.repeat(weights, lengths)).any():
            raise ValueError(
                f"label_weights is {label_weights!r}: no token of the training data has a label "
                "that counts; give one of them a weight of more than 0"
            )
    codes, allowed, n_labels = labels.codes, labels.allowed, len(labels.classes)
    return ChainTargets.of(lengths, codes, n_labels, allowed, weights, each, support)


def make_support(
    known: Any, lengths: npt.NDArray[np.int64], classes: Sequence[Any]
) -> npt.NDArray[np.bool_] | None:
    """(M, L) which labels each token can have, by what is known of N sequences; None if any."""
    support = read_known(known, lengths, classes, "known").mask
    return None if support.all() else support


def narrowed(
    labels: EncodedLabels, support: npt.NDArray[np.bool_], lengths: npt.NDArray[np.int64]
) -> EncodedLabels:
    """Labels, known wholly or in part, less those outside the support (M, L).

    Raises
    ------
    ValueError
        If a token has no label left.
    """
    classes, given = labels.classes, labels.mask
    told = given.sum(axis=1, keepdims=True) < len(classes)
    possible = np.where(told, given & support, given)
    lost = np.flatnonzero(~possible.any(axis=1))
    if lost.size:
        m, ends = int(lost[0]), np.cumsum(lengths)
        n = int(np.searchsorted(ends, m, side="right"))
        named = " or ".join(repr(classes[k]) for k in np.flatnonzero(given[m]))
        raise ValueError(
            f"sequence {n}, position {m - int(ends[n] - lengths[n])}: y has the label {named}, but "
            f"known allows only {listed([classes[k] for k in np.flatnonzero(support[m])])}; "
            "allow it in known, or correct y"
        )
    codes = np.where(possible.sum(axis=1) == 1, possible.argmax(axis=1), -1)
    return EncodedLabels(classes, codes, possible if (codes < 0).any() else None)


def _token_weights(
    labels: EncodedLabels,
    lengths: npt.NDArray[np.int64],
    weights: FloatArray,
    label_weights: Mapping[Any, float] | Literal["balanced"],
) -> FloatArray:
    """(M,) how much each token counts; one of several labels counts their mean."""
    of_token = np.repeat(weights, lengths)
    if labels.allowed is None:
        counts = np.bincount(labels.codes, of_token, len(labels.classes)).astype(np.float64)
        return _weights_of(labels.classes, counts, label_weights)[labels.codes]
    told = labels.allowed.sum(axis=1) < max(len(labels.classes), 2)
    shares = labels.allowed / labels.allowed.sum(axis=1, keepdims=True)
    counts = of_token[told] @ shares[told]
    each = shares @ _weights_of(labels.classes, counts, label_weights)
    # A token of which nothing is known has a loss of 0. It takes a neighbour's weight, so that the
    # tokens of its sequence count the same where those do of which something is known.
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    for step in (1, -1):
        nearest = np.maximum.accumulate(np.where(told[::step], np.arange(len(told)), -1))
        found = (nearest >= 0) & (sequence[::step][nearest] == sequence[::step])
        each[::step] = np.where(found, each[::step][nearest], 1.0)
        told = found[::step]
    return np.asarray(each)


def _weights_of(
    classes: Sequence[Any],
    counts: FloatArray,
    label_weights: Mapping[Any, float] | Literal["balanced"],
) -> FloatArray:
    """(L,) the weight of each label, of which the data hold so many."""
    if not isinstance(label_weights, str):
        return _by_label("label_weights", label_weights, classes)
    weights, seen = np.ones(len(classes)), counts > 0
    weights[seen] = counts.sum() / (seen.sum() * counts[seen])
    return weights


def _by_label(name: str, given: Mapping[Any, float], classes: Sequence[Any]) -> FloatArray:
    """(L,) a number for each label, 1 for those that are not named."""
    number, found = {label: i for i, label in enumerate(classes)}, np.ones(len(classes))
    for label, value in given.items():
        if label not in number:
            raise ValueError(
                f"{name} names {label!r}, which is no label of the training data: "
                f"{listed(list(classes))}"
            )
        found[number[label]] = value
    return found


def make_rules(
    constraints: str | Constraints | None,
    classes: Sequence[Any],
    mistake_costs: Mapping[Any, float] | None = None,
) -> ChainRules:
    """What the constraints and the costs of mistakes say about these classes.

    Raises
    ------
    ValueError
        If a label does not follow the scheme, or is not among the constraints' or the model's.
    """
    costs = None
    if mistake_costs is not None:
        given = _by_label("mistake_costs", mistake_costs, classes)
        costs = np.tile(np.log(given)[:, None], len(classes))
        np.fill_diagonal(costs, 0.0)
    if constraints is None:
        return ChainRules(costs=costs)
    if isinstance(constraints, str):
        constraints = Constraints.of_scheme(list(classes), constraints)
    place = {label: i for i, label in enumerate(constraints.classes)}
    missing = [label for label in classes if label not in place]
    if missing:
        raise ValueError(
            f"the constraints say nothing about the label {missing[0]!r}; they are for "
            f"{listed(list(constraints.classes))}"
        )
    kept = [place[label] for label in classes]
    pairs = constraints.pairs[np.ix_(kept, kept)]
    return ChainRules(constraints.start[kept], pairs, constraints.end[kept], costs)


def check_possible(targets: ChainTargets, rules: ChainRules, classes: Sequence[Any]) -> None:
    """Raise ValueError if a given labelling is one that the constraints forbid."""
    if rules.pairs is None or rules.start is None or rules.end is None:
        return
    codes, lengths = targets.codes, targets.lengths
    ends = np.cumsum(lengths)
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    before, after = targets.neighbours()
    fixed = (codes[before] >= 0) & (codes[after] >= 0)
    bad = np.flatnonzero(fixed & ~rules.pairs[codes[before], codes[after]])
    if bad.size:
        m = int(after[bad[0]])
        raise _impossible(
            sequence[m],
            m - int(ends[sequence[m]] - lengths[sequence[m]]),
            f"{classes[codes[m]]!r} may not follow {classes[codes[m - 1]]!r}",
        )
    some = np.flatnonzero(lengths)
    for table, rows, where in (
        (rules.start, ends[some] - lengths[some], "begin"),
        (rules.end, ends[some] - 1, "end"),
    ):
        bad = np.flatnonzero((codes[rows] >= 0) & ~table[codes[rows]])
        if bad.size:
            m, n = int(rows[bad[0]]), int(some[bad[0]])
            position = m - int(ends[n] - lengths[n])
            raise _impossible(n, position, f"{classes[codes[m]]!r} may not {where} a sequence")
    if targets.allowed is not None:
        allowed = targets.allowed
        allowed = allowed if targets.support is None else allowed & targets.support
        check_some_possible(lengths, allowed, rules)


def check_some_possible(
    lengths: npt.NDArray[np.int64], allowed: npt.NDArray[np.bool_], rules: ChainRules
) -> None:
    """Raise ValueError if none of the labellings that a sequence is known to have is possible."""
    packing, n_labels = Packing.of(lengths, together=1), allowed.shape[1]
    nodes = np.where(allowed, 0.0, -np.inf)
    steps = rules.restrict(packing, nodes, np.zeros((1, n_labels, n_labels)))
    best, _ = viterbi(ChainScores.of(packing, nodes, steps[0]))
    bad = np.flatnonzero(best == -np.inf)
    if bad.size:
        raise ValueError(
            f"sequence {bad[0]}: no labelling agrees with both the labels known and the "
            "constraints; correct the labels, or give other constraints"
        )


def _impossible(sequence: int, position: int, reason: str) -> ValueError:
    return ValueError(
        f"sequence {sequence}, position {position}: {reason} by the constraints; correct the "
        "labels, or give other constraints"
    )


def weights_from(
    features: ChainFeatures,
    names: tuple[Sequence[str], Sequence[str], Sequence[Any]],
    old: ChainFeatures,
    old_weights: FloatArray,
    old_names: tuple[Sequence[str], Sequence[str], Sequence[Any]],
) -> FloatArray:
    """Weights of another model, for the features that the two have in common; 0 for the others.

    Names are those of attributes, of attributes of pairs, and of labels.
    """
    attributes, edges, labels = (
        _matched(new, before) for new, before in zip(names, old_names, strict=True)
    )
    n, m = features.n_labels, old.n_labels
    none = np.array([-1])
    attributes, edges = np.concatenate([attributes, none]), np.concatenate([edges, none])

    def pair(cell: npt.NDArray[Any]) -> npt.NDArray[Any]:
        one, two = labels[cell // n], labels[cell % n]
        return np.where((one >= 0) & (two >= 0), one * m + two, -1)

    a, label = np.divmod(features.states, n)
    state = np.where(labels[label] >= 0, attributes[a] * m + labels[label], -1)
    state = np.where(attributes[a] >= 0, state, -1)
    b, cell = np.divmod(features.conditioned, n * n)
    conditioned = np.where((edges[b] >= 0) & (pair(cell) >= 0), edges[b] * m * m + pair(cell), -1)
    two_before, cell = np.divmod(features.triples, n * n)
    first = labels[two_before]
    triple = np.where((first >= 0) & (pair(cell) >= 0), first * m * m + pair(cell), -1)
    wanted = (state, pair(features.transitions), conditioned, triple)
    there = (old.states, old.transitions, old.conditioned, old.triples)
    start = np.zeros(features.n_weights)
    for kind, (cells, positions) in enumerate(zip(wanted, there, strict=True)):
        place = np.searchsorted(positions, cells)
        found = place < len(positions)
        found[found] = positions[place[found]] == cells[found]
        kept = start[features.bounds[kind] : features.bounds[kind + 1]]
        kept[found] = old_weights[old.bounds[kind] + place[found]]
    return start


def finite_start(weights: FloatArray) -> FloatArray:
    """Weights that training can move: -inf, which forbids, as far below all the others."""
    forbids = weights == -np.inf
    if not forbids.any():
        return weights
    lowest = weights[~forbids].min(initial=0.0)
    return np.where(forbids, lowest - BELOW, weights)


def _matched(new: Sequence[Any], old: Sequence[Any]) -> npt.NDArray[np.int64]:
    """The place of each new name among the old ones, -1 where there is none."""
    place = {name: i for i, name in enumerate(old)}
    return np.fromiter((place.get(name, -1) for name in new), np.int64, len(new))

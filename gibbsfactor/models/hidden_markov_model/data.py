"""Training data: what was observed, and which states each position may be in.

Letters: N sequences, M positions, V distinct observations, K states, P distinct pairs of an
observation and a set of states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact.chain import ExpectedCounts, Packing, RepeatedScores, expected_counts
from gibbsfactor.features.columns import encode
from gibbsfactor.models.hidden_markov_model.emissions import Emissions, FloatArray, Observations
from gibbsfactor.models.hidden_markov_model.labels import BoolArray, Labelled
from gibbsfactor.models.hidden_markov_model.rows import log

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Parameters:
    """Those of a hidden Markov model: start (K,), transitions (K, K), and the emissions'."""

    start: FloatArray
    transitions: FloatArray
    emissions: Emissions


def smoothing_priors(emissions: Emissions) -> list[str]:
    """Names of the priors that, above 1, leave no probability at 0."""
    return ["startprob_prior", "transmat_prior", *emissions.smoothing]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Sequences, ready for the sweeps.

    Attributes
    ----------
    observations : Observations
    labels : Labelled
    packing : Packing
    kinds : (M,) in packed order: which of the V observations, or of the P pairs
    rows : (P,) the observation of each pair; None where no states are known
    masks : (P, K) log 1 of the states that each pair allows, log 0 of others
    """

    observations: Observations
    labels: Labelled
    packing: Packing
    kinds: IntArray
    rows: IntArray | None = None
    masks: FloatArray | None = None

    @classmethod
    def of(cls, observations: Observations, lengths: IntArray, labels: Labelled) -> TrainingData:
        """Join what was observed with what is known."""
        packing, codes = Packing.of(lengths), observations.codes
        if labels.allowed is None:
            return cls(observations, labels, packing, codes[packing.rows])
        sets, of_position = _sets(labels.codes, labels.allowed)
        pairs, kinds = np.unique(codes * len(sets) + of_position, return_inverse=True)
        masks = np.where(sets[pairs % len(sets)], 0.0, -np.inf)
        return cls(observations, labels, packing, kinds[packing.rows], pairs // len(sets), masks)

    def expect(self, parameters: Parameters) -> ExpectedCounts:
        """Expected counts of states, steps and (V, K) observations: EM's E step.

        Raises
        ------
        ZeroProbabilityError
            If a sequence is impossible under the parameters.
        """
        table = parameters.emissions.log_likelihoods(self.observations)
        n_rows = len(table)
        if self.rows is not None and self.masks is not None:
            table = table[self.rows] + self.masks
        start, steps = log(parameters.start), log(parameters.transitions)
        found = expected_counts(RepeatedScores(self.packing, table, self.kinds, start, steps))
        impossible = np.flatnonzero(found.log_partitions == -np.inf)
        if impossible.size:
            raise ZeroProbabilityError(
                f"sequence {impossible[0]} has probability 0 under the parameters that training "
                "has reached: no states that its labels allow can emit it in this order; start "
                "from parameters without zeros, which priors above 1 keep so: "
                f"{', '.join(smoothing_priors(parameters.emissions))}"
            )
        if self.rows is None:
            return found
        nodes = np.zeros((n_rows, table.shape[1]))
        np.add.at(nodes, self.rows, found.nodes)
        return ExpectedCounts(found.log_partitions, found.start, nodes, found.steps)

    def count(self) -> ExpectedCounts:
        """Plain counts of the positions whose states are known."""
        n_states, codes = len(self.labels.classes), self.labels.codes
        nodes = np.zeros((len(self.observations.distinct), n_states))
        known = codes >= 0
        np.add.at(nodes, (self.observations.codes[known], codes[known]), 1.0)
        lengths = self.packing.lengths
        begins = (np.cumsum(lengths) - lengths)[lengths > 0]
        first = codes[begins]
        inside = np.ones(len(codes), bool)
        inside[begins] = False
        after = np.flatnonzero(inside)
        after = after[(codes[after] >= 0) & (codes[after - 1] >= 0)]
        pairs = codes[after - 1] * n_states + codes[after]
        steps = np.bincount(pairs, minlength=n_states**2).reshape(n_states, n_states)
        start = np.bincount(first[first >= 0], minlength=n_states)
        return ExpectedCounts(np.zeros(0), start.astype(float), nodes, steps.astype(float))


def _sets(codes: IntArray, allowed: BoolArray) -> tuple[BoolArray, IntArray]:
    """The different sets of states that positions may be in, and which of them each one has.

    First come the K sets of one state, then those of positions whose state is not known.
    """
    open_, n_states = codes < 0, allowed.shape[1]
    packed = np.packbits(allowed, axis=1)
    distinct, numbers = encode(map(bytes, packed))
    rows = np.frombuffer(b"".join(distinct), np.uint8).reshape(len(distinct), packed.shape[1])
    several = np.unpackbits(rows, axis=1, count=n_states).astype(bool)
    found = codes.copy()
    found[open_] = n_states + numbers
    return np.concatenate([np.eye(n_states, dtype=bool), several]), found

"""What every question to a Gibbs distribution rests on: factors, evidence and log Z."""

from __future__ import annotations

import math
from functools import cached_property
from typing import overload

import numpy as np

from gibbsfactor.domain import Domain
from gibbsfactor.exact import batch, inference, runs
from gibbsfactor.exact.batch import Cases
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs.case_rows import EvidenceRows, asked_in_rows, cases_of
from gibbsfactor.gibbs.soft_evidence import SoftEvidence
from gibbsfactor.rows import Unseen
from gibbsfactor.variable import Assignment, State, Variable


class FactoredDistribution:
    """Factors, what is observed of their variables, and log Z. Questions derive from it."""

    _factors: tuple[Factor, ...]
    _domain: Domain
    _memory: int | None

    # ---- what it is made of -----------------------------------------------------------

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The factors as given, and those that likelihood evidence and targets added."""
        return self._factors

    @property
    def evidence(self) -> dict[str, State]:
        """The observed states that `condition` fixed."""
        return dict(self._domain.evidence)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables that are not observed, in order of first appearance."""
        return self._domain.unobserved

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables that are not observed."""
        return tuple(v.name for v in self.variables)

    @cached_property
    def reduced_factors(self) -> tuple[Factor, ...]:
        """The factors with the evidence applied: what the engine multiplies."""
        evidence = self._domain.evidence
        if not evidence:
            return self._factors
        variables = self._domain.variables
        positions = {name: variables[name].index(state) for name, state in evidence.items()}
        return tuple([f._at(positions) for f in self._factors])

    @cached_property
    def _network(self) -> Network:
        return Network.of(self.reduced_factors, self.variables)

    # ---- log Z and probabilities ------------------------------------------------------

    @cached_property
    def _log_z(self) -> float:
        """log Z of the tables below their peaks: what other answers are relative to."""
        return inference.log_partition(self._network, self._memory)

    @property
    def _log_shared(self) -> tuple[float, ...]:
        """What log Z has more: numbers that may be far larger, and cancel exactly."""
        return self._network.log_shared

    @overload
    def log_partition(self) -> float: ...

    @overload
    def log_partition(
        self,
        evidence: EvidenceRows,
        *,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> FloatArray: ...

    def log_partition(
        self,
        evidence: EvidenceRows | None = None,
        *,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> float | FloatArray:
        """log Z in nats, evidence applied: log sum_x prod_k phi_k(x_k, e); -inf without any mass.

        For a conditioned distribution this is log(Z P(e)) of the original.

        Parameters
        ----------
        evidence, likelihood, targets, unseen
            Rows of cases, all answered in one pass: see `marginals`. The answer is then an array
            (n_rows,): log Z of each row.

        Raises
        ------
        IntractableError
            If the tables would not fit the memory budget, in however many slices; true of every
            exact answer below.
        """
        if asked_in_rows(evidence, likelihood, targets):
            cases = self._cases(evidence, likelihood, targets, unseen)
            return batch.log_partitions(self._network, cases, self._memory)
        return math.fsum((self._log_z, *self._log_shared))

    def _cases(
        self,
        evidence: EvidenceRows | None,
        likelihood: SoftEvidence | None,
        targets: SoftEvidence | None,
        unseen: Unseen,
    ) -> Cases:
        """Rows of cases, checked."""
        given = evidence, likelihood, targets
        return cases_of(self._domain, self._network, *given, self._memory, unseen)

    def partition_function(self) -> float:
        """Z itself. Raises OverflowError beyond about 1e308; `log_partition` has no such bound."""
        log_z = self.log_partition()
        if log_z == -math.inf:
            return 0.0
        try:
            z = math.exp(log_z)
        except OverflowError:
            raise OverflowError(
                f"Z = exp({log_z:.6g}) is beyond what a float holds; use log_partition()"
            ) from None
        nearest = round(z)  # sums of products of whole weights are whole: undo the rounding of exp
        return float(nearest) if z < 2**53 and self._is_whole else z

    @cached_property
    def _is_whole(self) -> bool:
        return all(
            not f.is_log and bool((f.values == np.floor(f.values)).all())
            for f in self.reduced_factors
        )

    def log_unnormalized(self, x: Assignment) -> float:
        """sum_k log phi_k(x_k): log weight of a full assignment {name: state}, not normalised.

        Raises
        ------
        ValueError
            If a variable is missing or unknown, a state does not exist, or x contradicts the
            evidence.
        """
        return math.fsum(self._log_weights(x))

    def _log_weights(self, x: Assignment) -> list[float]:
        """Numbers that the log weight of a full assignment is the sum of."""
        full = self._domain.completed(x)
        return [number for f in self._factors for number in f._log_parts(full)]

    def log_probability(self, x: Assignment) -> float:
        """log P(x) = log_unnormalized(x) - log Z, in nats; P is given the evidence.

        Raises
        ------
        ZeroProbabilityError
            If log Z is -inf.
        """
        weights = self._log_weights(x)
        self._require_mass("probability")
        return math.fsum((*weights, *(-log for log in self._log_shared), -self._log_z))

    def probability(self, x: Assignment) -> float:
        """P(x) of a full assignment {name: state}."""
        return math.exp(self.log_probability(x))

    # ---- checks -----------------------------------------------------------------------

    def _require_mass(self, what: str) -> None:
        log_totals = np.array([self._log_z])
        runs.require_mass(log_totals, what)
        if self._log_z < 0:
            runs.warn_of_rounding(self._network, log_totals)

"""Marginals: of one variable, of several together, of every one in a pass."""

from __future__ import annotations

from typing import overload

import numpy as np

from gibbsfactor.exact import batch, inference, runs
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs.case_rows import EvidenceRows, asked_in_rows
from gibbsfactor.gibbs.factored import FactoredDistribution
from gibbsfactor.gibbs.soft_evidence import SoftEvidence
from gibbsfactor.rows import Unseen
from gibbsfactor.tables import check_axes
from gibbsfactor.variable import Variable


class Marginals(FactoredDistribution):
    """Questions answered by distributions over some of the variables."""

    @overload
    def marginal(self, *names: str | Variable) -> Factor: ...

    @overload
    def marginal(
        self,
        *names: str | Variable,
        evidence: EvidenceRows,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> FloatArray: ...

    def marginal(
        self,
        *names: str | Variable,
        evidence: EvidenceRows | None = None,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> Factor | FloatArray:
        """P(x_1, ..., x_m | evidence) of the named variables, with axes in the order given.

        No name at all gives the constant 1.

        Parameters
        ----------
        *names : str or Variable
        evidence, likelihood, targets, unseen
            Rows of cases, all answered in one pass: see `marginals`.

        Returns
        -------
        Factor
            With rows of cases, an array (n_rows, cardinality of each name) instead.

        Raises
        ------
        ValueError
            If a name is unknown, repeated or observed.
        ZeroProbabilityError
            If log Z is -inf, here or in a row.
        """
        wanted = self._domain.named(names)
        check_axes(len(wanted))
        kept = [self._network.numbers[v.name] for v in wanted]
        if asked_in_rows(evidence, likelihood, targets):
            cases = self._cases(evidence, likelihood, targets, unseen)
            joint = batch.joint_log_weights(self._network, cases, kept, self._memory)
            return _normalised_rows(joint, self._network)
        logs = inference.joint_log_weights(self._network, kept, self._memory, ratios=True)[..., 0]
        peak = logs.max()
        runs.require_mass(peak[None], "marginal")
        runs.warn_of_rounding(self._network, peak[None])
        weights = np.exp(logs - peak)
        weights /= weights.sum()
        return Factor._trusted(wanted, np.asarray(weights), is_probability=True)

    @overload
    def marginals(self) -> dict[str, Factor]: ...

    @overload
    def marginals(
        self,
        evidence: EvidenceRows,
        *,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> dict[str, FloatArray]: ...

    def marginals(
        self,
        evidence: EvidenceRows | None = None,
        *,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> dict[str, Factor] | dict[str, FloatArray]:
        """P(x_v | evidence) of every unobserved variable, from one sweep up and one down.

        Parameters
        ----------
        evidence : table of states with a column for each observed variable, optional
            Rows of cases: a data frame, {name: column}, a structured array, or a sequence of
            {name: state}. Entries may be missing (None or NaN). Rows that observe the same
            variables share one plan and one pass, which takes far less time than one by one.
        likelihood, targets : {name: array (n_rows, cardinality)}, optional
            Likelihood evidence and target marginals by row, as `condition` has them for one case.
            One row of numbers holds in every row.
        unseen : {"error", "missing"}
            What a state in the evidence is that its variable does not have.

        Returns
        -------
        dict of name -> Factor
            Given rows of cases, name -> array (n_rows, cardinality) instead, of every variable
            that some row does not observe; where a row does, its mass is at the observed state.

        Raises
        ------
        ZeroProbabilityError
            If log Z is -inf; with rows, if it is in any of them, naming which
            (``log_partition(evidence=rows)`` finds them).

        Examples
        --------
        >>> from gibbsfactor import Factor, GibbsDistribution, Variable
        >>> a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
        >>> p = GibbsDistribution([Factor([a, b], [[20, 25], [15, 4]])])
        >>> p.marginals(evidence={"B": ["b0", "b1", None]})["A"].round(3)
        array([[0.571, 0.429],
               [0.862, 0.138],
               [0.703, 0.297]])
        """
        if asked_in_rows(evidence, likelihood, targets):
            return self._marginals_in_rows(evidence, likelihood, targets, unseen)
        tables = inference.single_marginals(self._network, self._memory)
        return {
            v.name: Factor._trusted((v,), table[:, 0], is_probability=True)
            for v, table in zip(self.variables, tables, strict=True)
        }

    def _marginals_in_rows(
        self,
        evidence: EvidenceRows | None,
        likelihood: SoftEvidence | None,
        targets: SoftEvidence | None,
        unseen: Unseen,
    ) -> dict[str, FloatArray]:
        cases = self._cases(evidence, likelihood, targets, unseen)
        tables = batch.single_marginals(self._network, cases, self._memory)
        return {
            v.name: table
            for v, table in zip(self.variables, tables, strict=True)
            if table is not None
        }


def _normalised_rows(joint: FloatArray, network: Network) -> FloatArray:
    """Log weights (n_rows, ...) as probabilities that sum to one in each row."""
    axes = tuple(range(1, joint.ndim))
    peak = joint.max(axis=axes, keepdims=True)
    runs.require_mass(peak.reshape(-1), "marginal")
    runs.warn_of_rounding(network, peak.reshape(-1))
    weights = np.exp(joint - peak)
    weights /= weights.sum(axis=axes, keepdims=True)
    return np.asarray(weights)

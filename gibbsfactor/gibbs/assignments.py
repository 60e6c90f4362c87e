"""Whole assignments: the most probable, the k most probable, of some variables, and samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from gibbsfactor.domain import state_array
from gibbsfactor.exact import assignments, batch
from gibbsfactor.exact.k_best import k_best
from gibbsfactor.exact.marginal_map import marginal_map
from gibbsfactor.gibbs.case_rows import EvidenceRows, asked_in_rows
from gibbsfactor.gibbs.factored import FactoredDistribution
from gibbsfactor.gibbs.names import Names, names_in
from gibbsfactor.gibbs.soft_evidence import SoftEvidence
from gibbsfactor.rows import Unseen
from gibbsfactor.variable import State, Variable


class ScoredAssignment(NamedTuple):
    """An assignment {name: state} and its log probability in nats, given the evidence."""

    assignment: dict[str, State]
    log_probability: float

    @property
    def probability(self) -> float:
        """exp(log_probability)."""
        return math.exp(self.log_probability)


class Assignments(FactoredDistribution):
    """Questions answered by states of the variables."""

    @overload
    def map_assignment(self) -> dict[str, State]: ...

    @overload
    def map_assignment(
        self,
        evidence: EvidenceRows,
        *,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> dict[str, npt.NDArray[Any]]: ...

    def map_assignment(
        self,
        evidence: EvidenceRows | None = None,
        *,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> dict[str, State] | dict[str, npt.NDArray[Any]]:
        """A most probable joint assignment argmax_x P(x | evidence), by max-product and traceback.

        Among ties it is one of the maximisers, whole: never a mixture of several.

        Parameters
        ----------
        evidence, likelihood, targets, unseen
            Rows of cases, all answered in one pass: see `marginals`. The answer is then a column
            of n_rows states for each variable, observed ones as they were observed.

        Raises
        ------
        ZeroProbabilityError
            If every assignment has weight zero, here or in a row.
        """
        if asked_in_rows(evidence, likelihood, targets):
            cases = self._cases(evidence, likelihood, targets, unseen)
            return self._columns(batch.most_probable(self._network, cases, self._memory))
        _, positions = assignments.most_probable(self._network, self._memory)
        return _labelled(self.variables, positions[0].tolist())

    def _columns(self, positions: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[Any]]:
        """A column of states for each variable, from positions (n, number of variables)."""
        return {v.name: state_array(v)[positions[:, i]] for i, v in enumerate(self.variables)}

    def k_best(self, k: int) -> list[ScoredAssignment]:
        """The k most probable joint assignments given the evidence, best first.

        There are fewer than k where fewer have any probability. Among ties the order is always
        the same, and the k - 1 best are the first of the k best. It takes one max-product sweep;
        after that each further assignment costs less than a traceback.

        Parameters
        ----------
        k : int

        Returns
        -------
        list of ScoredAssignment
            Pairs ``(assignment, log_probability)``, in nats; none occurs twice.

        Raises
        ------
        ValueError
            If k is not a whole number of at least 1.
        ZeroProbabilityError
            If every assignment has weight zero.

        Notes
        -----
        Source: Nilsson (1998), An efficient algorithm for finding the M most probable
        configurations in probabilistic expert systems; Lawler (1972).

        Examples
        --------
        >>> from gibbsfactor import Factor, GibbsDistribution, Variable
        >>> a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
        >>> p = GibbsDistribution([Factor([a, b], [[20, 25], [15, 4]])])
        >>> for x, log_probability in p.k_best(2):
        ...     print(x, round(log_probability, 4))
        {'A': 'a0', 'B': 'b1'} -0.94
        {'A': 'a0', 'B': 'b0'} -1.1632
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"k is {k!r}; it must be a whole number of assignments, 1 or more")
        log_weights, positions = k_best(self._network, int(k), self._memory)
        return [
            ScoredAssignment(_labelled(self.variables, x), min(log_weight - self._log_z, 0.0))
            for log_weight, x in zip(log_weights.tolist(), positions.tolist(), strict=True)
        ]

    def marginal_map(self, names: Names) -> dict[str, State]:
        """Most probable joint state of the named variables, all others summed out.

        argmax_a sum_b P(a, b | evidence), which is neither the named part of `map_assignment` nor
        the best state of each variable by itself. Summing has to come before maximising, so that
        this can take far more memory than either alone. ``log_probability_of(answer)`` is the log
        of the answer's probability.

        Parameters
        ----------
        names : name, or sequence of names
            None gives {}; all gives what `map_assignment` gives.

        Raises
        ------
        ValueError
            If a name is unknown, repeated or observed.
        IntractableError
            If the tables would not fit the memory budget.
        ZeroProbabilityError
            If log Z is -inf.

        Notes
        -----
        Source: Koller & Friedman (2009), section 13.2.3.

        Examples
        --------
        >>> from gibbsfactor import Factor, GibbsDistribution, Variable
        >>> a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1", "b2"])
        >>> p = GibbsDistribution([Factor([a, b], [[0.4, 0, 0], [0.2, 0.2, 0.2]])])
        >>> p.map_assignment(), p.marginal_map("A")
        ({'A': 'a0', 'B': 'b0'}, {'A': 'a1'})
        """
        wanted = self._domain.named(names_in(names))
        numbers = [self._network.numbers[v.name] for v in wanted]
        _, positions = marginal_map(self._network, numbers, self._memory)
        return _labelled(wanted, positions.tolist())

    def sample(
        self,
        n: int | None = None,
        rng: np.random.Generator | int | None = None,
        *,
        evidence: EvidenceRows | None = None,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
        unseen: Unseen = "error",
    ) -> dict[str, npt.NDArray[Any]]:
        """n independent exact samples given the evidence, one column of n states a variable.

        Parameters
        ----------
        n : int, default 1
        rng : numpy Generator, or a seed for one
        evidence, likelihood, targets, unseen
            Rows of cases: see `marginals`. Each row is then drawn once, its observed states being
            as they were observed, and n is left out.

        Raises
        ------
        ZeroProbabilityError
            If log Z is -inf, here or in a row.

        Examples
        --------
        >>> from gibbsfactor import Factor, GibbsDistribution, Variable
        >>> coin = Variable("coin", ["heads", "tails"])
        >>> columns = GibbsDistribution([Factor(coin, [3, 1])]).sample(1000, rng=0)
        >>> bool(abs((columns["coin"] == "heads").mean() - 0.75) < 0.05)
        True
        """
        generator = np.random.default_rng(rng)
        if asked_in_rows(evidence, likelihood, targets):
            if n is not None:
                raise ValueError(f"each row of evidence is drawn once; leave out n={n!r}")
            cases = self._cases(evidence, likelihood, targets, unseen)
            return self._columns(batch.samples(self._network, cases, generator, self._memory))
        n = 1 if n is None else n
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ValueError(f"n is {n!r}; it must be a whole number of samples, 0 or more")
        return self._columns(self._draw(int(n), generator))

    def _draw(self, n: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Positions (n, number of variables) of n samples."""
        (positions,) = assignments.samples(self._network, n, rng, self._memory)
        return np.asarray(positions)


def _labelled(variables: Sequence[Variable], positions: Sequence[int]) -> dict[str, State]:
    """An assignment in labels, from positions."""
    return {v.name: v.states[i] for v, i in zip(variables, positions, strict=True)}

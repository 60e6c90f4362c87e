"""Whole assignments: the most probable, the k most probable, of some variables, and samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gibbsfactor.domain import state_array
from gibbsfactor.exact import assignments
from gibbsfactor.exact.k_best import k_best
from gibbsfactor.exact.marginal_map import marginal_map
from gibbsfactor.gibbs.factored import FactoredDistribution, Names, names_in
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

    def map_assignment(self) -> dict[str, State]:
        """A most probable joint assignment argmax_x P(x | evidence), by max-product and traceback.

        Among ties it is one of the maximisers, whole: never a mixture of several.

        Raises
        ------
        ZeroProbabilityError
            If every assignment has weight zero.
        """
        _, positions = assignments.most_probable(self._network, self._memory)
        return _labelled(self.variables, positions[0].tolist())

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
        self, n: int = 1, rng: np.random.Generator | int | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """n independent exact samples given the evidence, one column of n states a variable.

        Parameters
        ----------
        n : int
        rng : numpy Generator, or a seed for one

        Raises
        ------
        ZeroProbabilityError
            If log Z is -inf.

        Examples
        --------
        >>> from gibbsfactor import Factor, GibbsDistribution, Variable
        >>> coin = Variable("coin", ["heads", "tails"])
        >>> columns = GibbsDistribution([Factor(coin, [3, 1])]).sample(1000, rng=0)
        >>> bool(abs((columns["coin"] == "heads").mean() - 0.75) < 0.05)
        True
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ValueError(f"n is {n!r}; it must be a whole number of samples, 0 or more")
        generator = np.random.default_rng(rng)
        (positions,) = assignments.samples(self._network, int(n), generator, self._memory)
        return {v.name: state_array(v)[positions[:, i]] for i, v in enumerate(self.variables)}


def _labelled(variables: Sequence[Variable], positions: Sequence[int]) -> dict[str, State]:
    """An assignment in labels, from positions."""
    return {v.name: v.states[i] for v, i in zip(variables, positions, strict=True)}

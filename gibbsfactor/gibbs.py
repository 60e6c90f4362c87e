"""The Gibbs distribution: factors multiplied together and normalised by the partition function."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from gibbsfactor import graphs
from gibbsfactor.domain import Domain, state_array
from gibbsfactor.errors import ZeroProbabilityError, listed
from gibbsfactor.exact import expectations, inference
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.plan import Plan
from gibbsfactor.factor import Factor, check_temperature
from gibbsfactor.variable import Assignment, State, Variable


class GibbsDistribution:
    """The distribution P(x) = (1/Z) prod_k phi_k(x_k) that a set of factors defines.

    Z = sum_x prod_k phi_k(x_k) is the partition function; every answer below is a sweep that
    computes log Z, or a derivative or a limit of it.

    Parameters
    ----------
    factors : iterable of Factor, or one Factor
        Factors over nothing are constants. None at all gives the empty product.
    variables : iterable of Variable, optional
        Further variables that no factor mentions (uniform, if alone), or an order to list them in.
    memory : int, optional
        Bytes that tables may take; by default half of the memory that is free when asked.

    Raises
    ------
    ValueError
        If two factors disagree about the states of a variable.

    Notes
    -----
    Source: Koller & Friedman (2009), definition 4.3. Logs are natural: log Z, energies and
    entropies are in nats.

    Examples
    --------
    >>> a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
    >>> p = GibbsDistribution([Factor([a, b], [[20, 25], [15, 4]])])
    >>> p.partition_function()
    64.0
    >>> round(p.probability({"A": "a0", "B": "b0"}), 6)
    0.3125
    >>> p.marginal("A")
    A   probability
    a0     0.703125
    a1     0.296875
    >>> p.condition({"B": "b1"}).map_assignment()
    {'A': 'a0'}
    """

    def __init__(
        self,
        factors: Iterable[Factor] | Factor,
        variables: Iterable[Variable] = (),
        *,
        memory: int | None = None,
    ) -> None:
        if memory is not None and (isinstance(memory, bool) or not isinstance(memory, int)):
            raise TypeError(f"memory is {memory!r}; it is a number of bytes, such as 4 * 2**30")
        if memory is not None and memory < 0:
            raise ValueError(f"memory is {memory}; it must be at least 0 bytes")
        self._factors = (factors,) if isinstance(factors, Factor) else tuple(factors)
        self._domain = Domain.of(self._factors, tuple(variables))
        self._memory = memory

    # ---- what it is made of -----------------------------------------------------------

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The factors as given, before any evidence."""
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
        if not self._domain.evidence:
            return self._factors
        return tuple(
            f.reduce({n: self._domain.evidence[n] for n in f.names if n in self._domain.evidence})
            for f in self._factors
        )

    @cached_property
    def _network(self) -> Network:
        return Network.of(self.reduced_factors, self.variables)

    # ---- log Z and probabilities ------------------------------------------------------

    @cached_property
    def _log_z(self) -> float:
        return inference.log_partition(self._network, self._memory)

    def log_partition(self) -> float:
        """log Z in nats, evidence applied: log sum_x prod_k phi_k(x_k, e); -inf without any mass.

        For a conditioned distribution this is log(Z P(e)) of the original.

        Raises
        ------
        IntractableError
            If the tables would not fit the memory budget; true of every exact answer below.
        """
        return self._log_z

    def partition_function(self) -> float:
        """Z itself. Raises OverflowError beyond about 1e308; `log_partition` has no such bound."""
        if self._log_z == -math.inf:
            return 0.0
        try:
            z = math.exp(self._log_z)
        except OverflowError:
            raise OverflowError(
                f"Z = exp({self._log_z:.6g}) is beyond what a float holds; use log_partition()"
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
        full = self._domain.completed(x)
        return math.fsum(f.log(full) for f in self._factors)

    def log_probability(self, x: Assignment) -> float:
        """log P(x) = log_unnormalized(x) - log Z, in nats; P is given the evidence.

        Raises
        ------
        ZeroProbabilityError
            If log Z is -inf.
        """
        weight = self.log_unnormalized(x)
        self._require_mass("probability")
        return weight - self._log_z

    def probability(self, x: Assignment) -> float:
        """P(x) of a full assignment {name: state}."""
        return math.exp(self.log_probability(x))

    # ---- marginals --------------------------------------------------------------------

    def marginal(self, *names: str | Variable) -> Factor:
        """P(x_1, ..., x_m | evidence) of the named variables, with axes in the order given.

        No name at all gives the constant 1.

        Raises
        ------
        ValueError
            If a name is unknown, repeated or observed.
        ZeroProbabilityError
            If log Z is -inf.
        """
        wanted = self._domain.named(names)
        kept = [self._network.numbers[v.name] for v in wanted]
        logs = inference.joint_log_weights(self._network, kept, self._memory)
        peak = float(logs.max())
        if peak == -math.inf:
            self._raise_no_mass("marginal")
        weights = np.exp(logs - peak)
        weights /= weights.sum()
        return Factor._trusted(wanted, np.asarray(weights), is_probability=True)

    def marginals(self) -> dict[str, Factor]:
        """P(x_v | evidence) of every unobserved variable, from one sweep up and one down.

        Raises
        ------
        ZeroProbabilityError
            If log Z is -inf.
        """
        tables = inference.single_marginals(self._network, self._memory)
        return {
            v.name: Factor._trusted((v,), table, is_probability=True)
            for v, table in zip(self.variables, tables, strict=True)
        }

    # ---- assignments ------------------------------------------------------------------

    def map_assignment(self) -> dict[str, State]:
        """A most probable joint assignment argmax_x P(x | evidence), by max-product and traceback.

        Among ties it is one of the maximisers, whole: never a mixture of several.

        Raises
        ------
        ZeroProbabilityError
            If every assignment has weight zero.
        """
        _, positions = inference.most_probable(self._network, self._memory)
        return {
            v.name: v.states[i] for v, i in zip(self.variables, positions.tolist(), strict=True)
        }

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
        >>> coin = Variable("coin", ["heads", "tails"])
        >>> columns = GibbsDistribution([Factor(coin, [3, 1])]).sample(1000, rng=0)
        >>> bool(abs((columns["coin"] == "heads").mean() - 0.75) < 0.05)
        True
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ValueError(f"n is {n!r}; it must be a whole number of samples, 0 or more")
        generator = np.random.default_rng(rng)
        positions = inference.samples(self._network, int(n), generator, self._memory)
        return {v.name: state_array(v)[positions[:, i]] for i, v in enumerate(self.variables)}

    # ---- entropy and divergence -------------------------------------------------------

    def entropy(self) -> float:
        """H(P) = -sum_x P(x) log P(x) in nats: log Z minus the expected log weight.

        Raises
        ------
        ZeroProbabilityError
            If log Z is -inf.
        """
        return max(expectations.entropy(self._network, self._memory), 0.0)

    def kl_divergence(self, q: GibbsDistribution) -> float:
        """KL(P || Q) = sum_x P(x) log(P(x) / Q(x)) in nats; inf where Q lacks mass that P has.

        Both must be over the same variables, with the same states. One sweep of P over its own
        factors and the scopes of Q's gives every expectation that is needed.

        Raises
        ------
        ValueError
            If the variables differ.
        ZeroProbabilityError
            If either has log Z = -inf.
        """
        if not isinstance(q, GibbsDistribution):
            raise TypeError(f"the divergence is from a GibbsDistribution; got {q!r}")
        self._domain.check_same(q._domain)
        q._require_mass("divergence from it")
        own, expected = expectations.entropy_and_expected_logs(
            self.reduced_factors, self.variables, q.reduced_factors, self._memory
        )
        return max(q._log_z - expected - own, 0.0)

    # ---- new distributions ------------------------------------------------------------

    def condition(self, evidence: Assignment) -> GibbsDistribution:
        """P(x | evidence), evidence as {name: state}: observed variables leave, factors shrink.

        Its ``log_partition()`` is -inf if the evidence is impossible.

        Raises
        ------
        ValueError
            If a name or a state does not exist, or a variable is observed already in another state.
        """
        return self._derived(self._factors, self._domain.observing(evidence))

    def at_temperature(self, temperature: float) -> GibbsDistribution:
        """P_T(x) proportional to prod_k phi_k(x_k)^(1/T): the same energies at temperature T.

        Raises
        ------
        ValueError
            If T is not a positive finite number.
        """
        check_temperature(temperature)
        return self._derived(
            tuple(f.at_temperature(temperature) for f in self._factors), self._domain
        )

    def _derived(self, factors: tuple[Factor, ...], domain: Domain) -> GibbsDistribution:
        new = GibbsDistribution.__new__(GibbsDistribution)
        new._factors, new._domain, new._memory = factors, domain, self._memory
        return new

    # ---- graphs and cost --------------------------------------------------------------

    def induced_graph(self) -> nx.Graph[Any]:
        """The induced (Markov) graph, observed variables marked: see `graphs.induced_graph`."""
        return graphs.induced_graph(
            self._factors, tuple(self._domain.variables.values()), self._domain.evidence
        )

    def factor_graph(self) -> nx.Graph[Any]:
        """The bipartite graph of variables and factors: see `graphs.factor_graph`."""
        return graphs.factor_graph(
            self._factors, tuple(self._domain.variables.values()), self._domain.evidence
        )

    def junction_tree(self) -> nx.Graph[Any]:
        """Cliques of the triangulated graph of what is unobserved: see `graphs.junction_tree`."""
        return graphs.junction_tree(self.reduced_factors, self.variables)

    def plan(self) -> Plan:
        """How log Z and the marginals will be computed, and what that costs.

        Examples
        --------
        >>> spins = [Variable(f"s{i}", [-1, 1]) for i in range(50)]
        >>> pairs = zip(spins, spins[1:])
        >>> chain = GibbsDistribution(Factor(pair, [[2, 1], [1, 2]]) for pair in pairs)
        >>> chain.plan().width
        2
        """
        return inference.plan_for(self._network)

    # ---- checks and looks -------------------------------------------------------------

    def _require_mass(self, what: str) -> None:
        if self._log_z == -math.inf:
            self._raise_no_mass(what)

    def _raise_no_mass(self, what: str) -> None:
        raise ZeroProbabilityError(inference.NO_MASS.format(what=what))

    def __repr__(self) -> str:
        given = f", given {len(self._domain.evidence)} observed" if self._domain.evidence else ""
        return (
            f"GibbsDistribution of {len(self._factors)} factors over "
            f"{len(self.variables)} variables ({listed(self.names) or 'none'}){given}"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(v.name)}</td><td>{html.escape(listed(list(v.states)))}</td></tr>"
            for v in self.variables[:_SHOWN]
        )
        return (
            f"<p>{html.escape(repr(self))}</p><table><thead><tr><th>variable</th><th>states</th>"
            f"</tr></thead><tbody>{rows}</tbody></table>"
        )


_SHOWN = 20

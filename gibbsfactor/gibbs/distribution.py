"""The Gibbs distribution: factors multiplied together and normalised by the partition function."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from typing import Any

import networkx as nx

from gibbsfactor import graphs
from gibbsfactor.domain import Domain
from gibbsfactor.errors import listed
from gibbsfactor.exact.cost import SWEEPS, Task
from gibbsfactor.exact.marginal_map import marginal_map_plan
from gibbsfactor.exact.plan import Plan
from gibbsfactor.exact.prepared import expected_plan
from gibbsfactor.exact.targets import target_factors
from gibbsfactor.factor import Factor, check_temperature
from gibbsfactor.gibbs.assignments import Assignments
from gibbsfactor.gibbs.information import Information
from gibbsfactor.gibbs.names import Names, names_in, variables_named
from gibbsfactor.gibbs.soft_evidence import (
    SoftEvidence,
    likelihood_factors,
    single_states,
    targets_by_variable,
)
from gibbsfactor.tables import check_axes
from gibbsfactor.variable import Evidence, Variable


class GibbsDistribution(Assignments, Information):
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

    # ---- new distributions ------------------------------------------------------------

    def condition(
        self,
        evidence: Evidence | None = None,
        *,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
    ) -> GibbsDistribution:
        """The distribution given what was learned: states, how likely they are, or marginals.

        Parameters
        ----------
        evidence : {name: state} or {name: set of states}, optional
            Hard evidence: P(x | e). Observed variables leave, factors shrink. A set of two or more
            states says that the variable is in one of them: it stays, and all other states have
            probability zero. `Variable.other_than` gives the set that leaves some states out.
        likelihood : {name: numbers}, optional
            Likelihood (virtual) evidence: lambda(a) is proportional to how probable the report
            that came in is when the variable is in state a. It is one more factor,

                P'(x) proportional to P(x) lambda(a)

            so that what was known about the variable still counts, and two reports multiply. Only
            ratios matter to P'; ``log_partition()`` counts the numbers as they are.
        targets : {name: numbers}, optional
            Target marginals: what the marginal is to *be* after the evidence, whatever it was
            before. Of all distributions with these marginals, this is the one nearest to P, with
            least KL(P' || P). For one variable that is Jeffrey's rule,

                P'(x) = sum_a q(a) P(x | a)

            for several it is found by iterative proportional fitting, right away, until no
            marginal is off by more than 1e-12. ``log_partition()`` stays as it was.

        Returns
        -------
        GibbsDistribution
            Its ``log_partition()`` is -inf if the evidence is impossible.

        Raises
        ------
        ValueError
            If a name or a state does not exist, a variable is observed already in another state,
            numbers are negative, missing or all zero, a target does not sum to 1, or the targets
            contradict each other.
        ZeroProbabilityError
            If a target asks for mass where the distribution has none.

        Notes
        -----
        The numbers of a variable are a mapping {state: number}, a sequence in the order of the
        states, or a factor over it. In a mapping the key ``...`` stands for all states that are not
        named: ``{"heavy": 0.2, ...: 1.0}``. All three kinds may be given: evidence and likelihood
        come first, then the targets hold in the result. Conditioning again keeps what was learned
        before as factors; a target of before need not hold any more then.

        Source: Pearl (1988), Probabilistic reasoning in intelligent systems, section 2.2.2
        (virtual evidence); Jeffrey (1965), chapter 11; Chan & Darwiche (2005), On the revision of
        probabilistic beliefs using uncertain evidence, for how the two differ.

        Examples
        --------
        A piece of cloth is green, blue or violet. Violet sells better. Seen by candlelight, it is
        thought to be green with probability 0.7: that is a target, all things considered.

        >>> colour = Variable("colour", ["green", "blue", "violet"])
        >>> sold = Variable("sold", ["no", "yes"])
        >>> p = GibbsDistribution([
        ...     Factor(colour, [0.3, 0.3, 0.4]),
        ...     Factor([colour, sold], [[0.6, 0.4], [0.6, 0.4], [0.2, 0.8]]),
        ... ])
        >>> seen = p.condition(targets={"colour": {"green": 0.7, "blue": 0.25, "violet": 0.05}})
        >>> [round(float(x), 4) for x in seen.marginal("colour").values]
        [0.7, 0.25, 0.05]
        >>> round(seen.marginal("sold")[{"sold": "yes"}], 4)
        0.42

        A meter that reads "green" for 70% of green cloths, 25% of blue and 5% of violet ones is
        a likelihood, to be weighed against what was known of the colour before.

        >>> read = p.condition(likelihood={"colour": [0.7, 0.25, 0.05]})
        >>> [round(float(x), 4) for x in read.marginal("colour").values]
        [0.6885, 0.2459, 0.0656]
        >>> round(read.marginal("sold")[{"sold": "yes"}], 4)
        0.4262
        """
        states, possible = single_states(self._domain, {} if evidence is None else evidence)
        domain = self._domain.observing(states)
        factors = (*self._factors, *possible, *likelihood_factors(domain, likelihood))
        new = self._derived(factors, domain)
        wanted = targets_by_variable(domain, targets)
        if not wanted:
            return new
        numbers = new._network.numbers
        found = target_factors(
            new._network, {numbers[name]: q for name, q in wanted.items()}, self._memory
        )
        more = (Factor.from_log(domain.variables[n], found[numbers[n]]) for n in wanted)
        return self._derived((*factors, *more), domain)

    def log_probability_of(self, evidence: Evidence) -> float:
        """log P(e) of the states of some variables, {name: state}: log Z(e) - log Z, in nats.

        A set of states in place of a state counts all of them, as for `condition`.

        Given what is observed already. Variables that are not mentioned are summed over: that is
        the difference from `log_probability`, which insists on an assignment of all of them.

        Raises
        ------
        ValueError
            If a name or a state does not exist, or a variable is observed in another state.
        ZeroProbabilityError
            If log Z is -inf.

        Examples
        --------
        >>> a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
        >>> p = GibbsDistribution([Factor([a, b], [[20, 25], [15, 4]])])
        >>> round(p.log_probability_of({"A": "a0"}), 6)
        -0.352221
        >>> p.log_probability_of({"A": {"a0", "a1"}})
        0.0
        """
        given = self.condition(evidence)
        log_z = given._log_z
        self._require_mass("probability")
        shared = (*given._log_shared, *(-log for log in self._log_shared))
        return min(math.fsum((log_z, -self._log_z, *shared)), 0.0)

    def probability_of(self, evidence: Evidence) -> float:
        """P(e) of the states of some variables, {name: state}; see `log_probability_of`."""
        return math.exp(self.log_probability_of(evidence))

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

    def minimal_separator(
        self,
        xs: Names,
        ys: Names,
        *,
        included: Names = (),
        restricted: Names | None = None,
    ) -> frozenset[str]:
        """Smallest set of variables given which two sets of variables are independent.

        It is a minimum vertex cut of the induced graph without what is observed already.

        Parameters
        ----------
        xs, ys : name, or sequence of names
            Two disjoint sets, neither empty.
        included : name, or sequence of names
            To be in the set in any case.
        restricted : name, or sequence of names, optional
            Those of which the set may consist, besides the included ones; all others unless given.

        Raises
        ------
        ValueError
            If a name is unknown, observed or in two of xs, ys and included, xs or ys is empty, or
            there is no such set, as where the two share a factor.

        See Also
        --------
        gibbsfactor.graphs.minimal_separator : how it is found.

        Examples
        --------
        >>> spins = [Variable(f"s{i}", 2) for i in range(4)]
        >>> ring = zip(spins, spins[1:] + spins[:1])
        >>> p = GibbsDistribution(Factor(pair, [[2, 1], [1, 2]]) for pair in ring)
        >>> sorted(p.minimal_separator("s0", "s2"))
        ['s1', 's3']
        >>> p.condition({"s1": 0}).minimal_separator("s0", "s2")
        frozenset({'s3'})
        """
        asked = (xs, ys, included, () if restricted is None else restricted)
        sets = [{v.name for v in variables_named(self._domain, names_in(names))} for names in asked]
        for name in sorted(set().union(*sets) & set(self._domain.evidence)):
            raise ValueError(f"{name!r} is observed already, and so separates; leave it out")
        return graphs.minimal_separator(
            self.induced_graph().subgraph(self.names),
            sets[0],
            sets[1],
            included=sets[2],
            restricted=None if restricted is None else sets[3],
        )

    def plan(self, task: Task = "marginals", names: Names = ()) -> Plan:
        """How a question will be computed, and what that costs; nothing is computed yet.

        Parameters
        ----------
        task : {"marginals", "log_partition", "map", "marginal_map", "sample"}
            All single marginals (the k best assignments are planned alike); log Z or, with
            names, a joint marginal; a most probable assignment; that of the named variables, the
            others summed out first; samples.
        names : name, or sequence of names
            The variables of a joint marginal or a marginal MAP; only with "log_partition" and
            "marginal_map".

        Returns
        -------
        Plan
            As the question will follow it: pruned of what it has no need of, and sliced where the
            memory budget asks for it. Where nothing fits the budget, what it would take without
            one; the question then raises IntractableError.

        Examples
        --------
        >>> spins = [Variable(f"s{i}", [-1, 1]) for i in range(50)]
        >>> pairs = zip(spins, spins[1:])
        >>> chain = GibbsDistribution(Factor(pair, [[2, 1], [1, 2]]) for pair in pairs)
        >>> chain.plan().width
        2
        """
        if task not in SWEEPS:
            raise ValueError(f"there is no task {task!r}; there are {listed(list(SWEEPS))}")
        wanted = self._domain.named(names_in(names))
        if wanted and task not in ("log_partition", "marginal_map"):
            raise ValueError(
                "names go with the tasks 'log_partition' and 'marginal_map' only, not with "
                f"{task!r}"
            )
        kept = [self._network.numbers[v.name] for v in wanted]
        if task == "marginal_map":
            return marginal_map_plan(self._network, kept)
        check_axes(len(kept))
        return expected_plan(self._network, task, self._memory, kept)

    # ---- looks ------------------------------------------------------------------------

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

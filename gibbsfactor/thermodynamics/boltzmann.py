"""The Boltzmann distribution: energies over a few variables each, at a temperature."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy.typing as npt

from gibbsfactor.domain import Domain
from gibbsfactor.errors import listed
from gibbsfactor.factor import Factor, check_temperature
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.gibbs.soft_evidence import SoftEvidence
from gibbsfactor.thermodynamics.curves import Curve, Path, swept
from gibbsfactor.thermodynamics.energy import Energy
from gibbsfactor.thermodynamics.moments import LogWeight, log_weight_moments
from gibbsfactor.thermodynamics.terms import (
    checked_names,
    checked_values,
    log_weights,
    slopes_of,
    tables_of,
)
from gibbsfactor.variable import Assignment, Evidence, Variable


class BoltzmannDistribution(GibbsDistribution):
    """The distribution P(x) = exp(-E(x) / T) / Z of a system at temperature T.

    Its energy is a sum of terms over a few variables each, which may depend on named parameters:
    couplings, fields, the width of a box,

        E(x; theta) = sum_k E_k(x_k; theta)      Z(T, theta) = sum_x exp(-E(x; theta) / T)

    It is the Gibbs distribution of the factors exp(-E_k / T), so every question that can be put to
    a `GibbsDistribution` can be put to it, and those of thermodynamics besides. All of these are
    log Z and its derivatives.

    Parameters
    ----------
    energies : iterable of Energy, or one Energy
        The terms. None at all gives E = 0.
    temperature : float
        T > 0, in the unit of the energies: Boltzmann's constant is 1.
    variables : iterable of Variable, optional
        Further variables that no term mentions, or an order to list them in.
    memory : int, optional
        Bytes that tables may take, as for `GibbsDistribution`.
    **parameters : float
        A value for every parameter that a term depends on.

    Raises
    ------
    ValueError
        If a parameter has no value or is unknown, the temperature is not positive, or two terms
        disagree about a variable's states.
    TypeError
        If something else than an `Energy` is given.

    Notes
    -----
    Free energy, mean energy and pressures are in the unit of the energies (pressures per unit of
    the parameter), entropy in nats, heat capacity in units of k_B.

    Source: Landau & Lifshitz (1980), Statistical physics, sections 28 and 31; Koller & Friedman
    (2009), section 4.4.1.

    Examples
    --------
    Two spins that gain the energy J by pointing the same way, in a field h:

    >>> a, b = Variable("a", [-1, 1]), Variable("b", [-1, 1])
    >>> p = BoltzmannDistribution(
    ...     [Energy([a, b], [[-1, 1], [1, -1]], "J"), Energy(a, [1, -1], "h"),
    ...      Energy(b, [1, -1], "h")],
    ...     temperature=2.0, J=1.0, h=0.5,
    ... )
    >>> p.energy({"a": 1, "b": 1})
    -2.0
    >>> F, U, S = p.free_energy(), p.mean_energy(), p.entropy()
    >>> round(F, 6), round(U - 2.0 * S, 6)
    (-3.191223, -3.191223)
    >>> round(p.pressure("h"), 6)  # -dF/dh: the magnetization
    0.696882
    >>> round(p.with_parameters(h=0).at_temperature(1.0).heat_capacity(), 6)
    0.419974
    """

    def __init__(
        self,
        energies: Iterable[Energy] | Energy,
        temperature: float = 1.0,
        *,
        variables: Iterable[Variable] = (),
        memory: int | None = None,
        **parameters: float,
    ) -> None:
        terms = (energies,) if isinstance(energies, Energy) else tuple(energies)
        for term in terms:
            if not isinstance(term, Energy):
                raise TypeError(
                    "the energy is a sum of Energy terms, such as Energy([a, b], [[0, 1], [1, 0]], "
                    f"'J'); got {term!r:.60}"
                )
        check_temperature(temperature)
        self._terms = terms
        self._temperature = float(temperature)
        self._parameters = checked_values(parameters, terms)
        self._tables = tables_of(terms, self._parameters)
        super().__init__(self._made_factors(), variables, memory=memory)

    @classmethod
    def of(cls, distribution: GibbsDistribution) -> BoltzmannDistribution:
        """The same distribution as one of energies -log phi, at temperature 1.

        Parameters
        ----------
        distribution : GibbsDistribution
            Any, a Bayesian network or a model's ``.gibbs(...)`` too; what it is conditioned on
            stays. A weight of zero is an infinite energy.

        Examples
        --------
        >>> coin = Variable("coin", ["heads", "tails"])
        >>> p = BoltzmannDistribution.of(GibbsDistribution([Factor(coin, [3, 1])]))
        >>> round(p.free_energy(), 6)  # -log 4
        -1.386294
        >>> p.at_temperature(2.0).marginal("coin").values.round(3).tolist()  # sqrt(3) to 1
        [0.634, 0.366]
        """
        if not isinstance(distribution, GibbsDistribution):
            raise TypeError(f"energies are those of a GibbsDistribution; got {distribution!r:.60}")
        if isinstance(distribution, BoltzmannDistribution):
            return distribution
        terms = []
        for f in distribution.factors:
            logs, peak = f.logs_below_peak()
            terms.append(Energy(f.scope, -logs))
            if peak:
                terms.append(Energy((), -peak))
        domain = distribution._domain
        made = cls(terms, variables=domain.variables.values(), memory=distribution._memory)
        made._domain = domain
        return made

    # ---- what it is made of -----------------------------------------------------------

    @property
    def energies(self) -> tuple[Energy, ...]:
        """The terms of the energy."""
        return self._terms

    @property
    def temperature(self) -> float:
        """T, in the unit of the energies."""
        return self._temperature

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters' values, by name."""
        return dict(self._parameters)

    def energy(self, x: Assignment) -> float:
        """E(x) of a full assignment {name: state}; +inf if it is impossible.

        Raises
        ------
        ValueError
            If a variable is missing or unknown, a state does not exist, or x contradicts the
            evidence.
        """
        full = self._domain.completed(x)
        return math.fsum(
            table[tuple(v.index(full[v.name]) for v in term.scope)]
            for term, table in zip(self._terms, self._tables, strict=True)
        )

    # ---- other states of the same system ----------------------------------------------

    def at_temperature(self, temperature: float) -> BoltzmannDistribution:
        """The same energies at temperature T, in their unit: not relative to the present one.

        Raises
        ------
        ValueError
            If T is not a positive finite number.
        """
        check_temperature(temperature)
        return self._at(float(temperature), self._parameters, self._terms, self._domain)

    def with_parameters(self, **parameters: float) -> BoltzmannDistribution:
        """The system with some of its parameters at other values.

        Raises
        ------
        ValueError
            If there is no such parameter, or a value is not a finite number.
        """
        new = checked_values({**self._parameters, **parameters}, self._terms)
        return self._at(self._temperature, new, self._terms, self._domain)

    def condition(
        self,
        evidence: Evidence | None = None,
        *,
        likelihood: SoftEvidence | None = None,
        targets: SoftEvidence | None = None,
    ) -> BoltzmannDistribution:
        """The system given what was learned of it: see `GibbsDistribution.condition`.

        Observed variables are held where they are. Likelihood evidence and targets lambda become
        energies -T log lambda, which keep their values when the temperature is changed.
        """
        found = super().condition(evidence, likelihood=likelihood, targets=targets)
        assert isinstance(found, BoltzmannDistribution)
        return found

    def _derived(self, factors: tuple[Factor, ...], domain: Domain) -> BoltzmannDistribution:
        added = factors[len(self._terms) :]
        more = [Energy(f.scope, -self._temperature * f.log_values) for f in added]
        return self._at(self._temperature, self._parameters, (*self._terms, *more), domain)

    def _at(
        self,
        temperature: float,
        parameters: Mapping[str, float],
        terms: tuple[Energy, ...],
        domain: Domain,
    ) -> BoltzmannDistribution:
        new = BoltzmannDistribution.__new__(BoltzmannDistribution)
        new._terms, new._temperature, new._parameters = terms, temperature, dict(parameters)
        same = parameters is self._parameters and terms is self._terms
        new._tables = self._tables if same else tables_of(terms, parameters)
        new._factors = new._made_factors()
        new._domain, new._memory = domain, self._memory
        return new

    def _made_factors(self) -> tuple[Factor, ...]:
        """exp(-E_k / T)."""
        made = zip(
            self._terms,
            log_weights(self._terms, self._tables, self._temperature),
            strict=True,
        )
        return tuple(
            Factor._trusted(term.scope, log_values=logs, peak=float(peak))
            for term, (logs, peak) in made
        )

    # ---- thermodynamics ---------------------------------------------------------------

    @cached_property
    def _log_weight(self) -> LogWeight:
        return log_weight_moments(self._network, self._memory)

    def free_energy(self) -> float:
        """F = -T log Z, the Helmholtz free energy; +inf where nothing is possible.

        Given evidence, Z sums over what agrees with it. F = U - T S.
        """
        return -self._temperature * self.log_partition()

    def mean_energy(self) -> float:
        """U = E[E(x)] = T^2 d log Z / dT, the internal energy.

        Raises
        ------
        ZeroProbabilityError
            If every assignment has infinite energy; true of every answer below.
        """
        mean = float(self._log_weight.mean[0])
        return -self._temperature * math.fsum((mean, *self._log_shared))

    def entropy(self) -> float:
        """S = (U - F) / T = -dF/dT in nats.

        From the sweep that gives U, so that little is lost where energies are many times T.
        """
        found = self._log_weight
        return max(float(found.log_partition[0] - found.mean[0]), 0.0)

    def heat_capacity(self) -> float:
        """C = dU/dT = Var[E(x)] / T^2, in units of k_B; never negative.

        Exact, by a sweep that carries the energy's moments along: `log_weight_moments`. Nothing is
        differenced.
        """
        return float(self._log_weight.variance[0])

    def energy_variance(self) -> float:
        """Var[E(x)] = T^2 C, in the energies' unit squared."""
        return self._temperature**2 * self.heat_capacity()

    def pressure(self, parameter: str) -> float:
        """-dF/dtheta, the force that the system puts up against a change of a parameter.

        By the Hellmann-Feynman identity it is the mean of -dE/dtheta at fixed states,

            -dF/dtheta = -E[dE(x; theta)/dtheta] = -sum_k E[dE_k(x_k; theta)/dtheta]

        one sweep up and one down, whatever the energy's dependence on theta. Of the volume it is
        the pressure, of a field the magnetization.

        Parameters
        ----------
        parameter : str

        Raises
        ------
        ValueError
            If there is no such parameter, or a term's derivative isn't known: see `Energy`.

        Notes
        -----
        Source: Feynman (1939), Forces in molecules; Landau & Lifshitz (1980), Statistical physics,
        sections 11 and 15.

        Examples
        --------
        A particle in a box of width L at temperature 1: the pressure on its walls is 2 U / L.

        >>> import numpy as np
        >>> n = np.arange(1, 50)
        >>> box = BoltzmannDistribution(Energy(Variable("n", n), lambda L: n**2 / L**2), L=3.0)
        >>> round(box.pressure("L"), 6), round(2 * box.mean_energy() / 3.0, 6)
        (0.410541, 0.410541)
        """
        self._check_parameter(parameter)
        self._require_mass("pressure")
        moved = [t for t in self._terms if parameter in t.parameters]
        slopes = slopes_of(moved, parameter, self._parameters)
        functions = [(t.names, slope) for t, slope in zip(moved, slopes, strict=True)]
        return 0.0 - math.fsum(self.expectations(functions))

    def curve(
        self,
        temperature: npt.ArrayLike | None = None,
        *,
        pressures: str | Sequence[str] = (),
        verbose: bool = False,
        **parameters: npt.ArrayLike,
    ) -> Curve:
        """All of these at many temperatures, or along a path of parameters, by one plan.

        Parameters
        ----------
        temperature : array_like, shape (R,), optional
            The present one unless given. A single number holds all along.
        pressures : str or sequence of str
            The parameters whose pressures are wanted: they take a sweep of their own.
        verbose : bool
            Whether a progress bar is shown once it has taken more than two seconds.
        **parameters : array_like, shape (R,), or float
            Other values of some parameters; one-dimensional ones must agree in length.

        Returns
        -------
        Curve
            Arrays (R,).

        Raises
        ------
        ValueError
            As for `at_temperature`, `with_parameters` and `pressure`, or if lengths differ.
        ZeroProbabilityError
            If every assignment has infinite energy somewhere.

        Examples
        --------
        >>> spin = Variable("s", [-1, 1])
        >>> p = BoltzmannDistribution(Energy(spin, [1, -1], "h"), h=1.0)
        >>> curve = p.curve([0.5, 1.0, 2.0], pressures="h")
        >>> curve.heat_capacity.round(3)  # the Schottky peak of two levels
        array([0.283, 0.42 , 0.197])
        >>> curve.pressures["h"].round(6)  # tanh(h / T)
        array([0.964028, 0.761594, 0.462117])
        """
        wanted = (pressures,) if isinstance(pressures, str) else tuple(pressures)
        for name in wanted:
            self._check_parameter(name)
        values = {**self._parameters, **parameters}
        checked_names(values, self._terms)
        given = self._temperature if temperature is None else temperature
        return swept(self, Path.of(given, values), wanted, verbose=verbose)

    def _check_parameter(self, name: str) -> None:
        if name not in self._parameters:
            raise ValueError(
                f"no energy depends on a parameter {name!r}; there are "
                f"{listed(list(self._parameters)) or 'none'}"
            )

    # ---- looks ------------------------------------------------------------------------

    def __repr__(self) -> str:
        values = "".join(f", {name} = {value:g}" for name, value in self._parameters.items())
        given = f", given {len(self._domain.evidence)} observed" if self._domain.evidence else ""
        return (
            f"BoltzmannDistribution of {len(self._terms)} energies over {len(self.variables)} "
            f"variables ({listed(self.names) or 'none'}){given}, T = {self._temperature:g}{values}"
        )

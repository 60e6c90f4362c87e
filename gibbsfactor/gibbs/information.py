"""Numbers that sum a distribution up: entropy, divergence, information, expected values."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import prod
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from gibbsfactor.domain import Domain
from gibbsfactor.exact import expectations
from gibbsfactor.exact.expected_values import expected_values, mutual_information
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs.factored import FactoredDistribution
from gibbsfactor.gibbs.marginals import Marginals
from gibbsfactor.gibbs.names import Names, names_in, variables_named
from gibbsfactor.tables import Scope, as_scope, as_table
from gibbsfactor.variable import check_agreement

FloatArray = npt.NDArray[np.float64]
Function = Factor | tuple[Names, npt.ArrayLike]


class Information(Marginals):
    """Questions answered by numbers, logarithmic ones in nats."""

    def entropy(self) -> float:
        """H(P) = -sum_x P(x) log P(x) in nats: log Z minus the expected log weight.

        Raises
        ------
        ZeroProbabilityError
            If log Z is -inf.
        """
        return max(expectations.entropy(self._network, self._memory), 0.0)

    def kl_divergence(self, q: FactoredDistribution) -> float:
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
        if not isinstance(q, FactoredDistribution):
            raise TypeError(f"the divergence is from a GibbsDistribution; got {q!r}")
        self._domain.check_same(q._domain)
        q._require_mass("divergence from it")
        own, expected = expectations.entropy_and_expected_logs(
            self.reduced_factors, self.variables, q._network, self._memory
        )
        return max(q._log_z - expected - own, 0.0)

    def mutual_information(self, a: Names, b: Names, given: Names = ()) -> float:
        """I(A; B | C) in nats: what knowing A says about B, where C is known already.

        sum_{a,b,c} P(a, b, c) log [P(a, b | c) / (P(a | c) P(b | c))]; zero if and only if A and B
        are independent given C. From the joint marginal of all that is named.

        Parameters
        ----------
        a, b, given : name, or sequence of names
            Variables, or groups of them that count as one. ``given`` averages over the states of
            C; for one state of C, condition on it first.

        Raises
        ------
        ValueError
            If a name is unknown, observed, or named twice, be it in two groups.
        ZeroProbabilityError
            If log Z is -inf.

        Notes
        -----
        Source: Cover & Thomas (2006), Elements of information theory, section 2.5.

        Examples
        --------
        >>> from gibbsfactor import Factor, GibbsDistribution, Variable
        >>> coin, copy = Variable("coin", 2), Variable("copy", 2)
        >>> p = GibbsDistribution([Factor([coin, copy], [[1, 0], [0, 1]])])
        >>> round(p.mutual_information("coin", "copy"), 6)  # log 2
        0.693147
        """
        groups = [names_in(group) for group in (a, b, given)]
        joint = self.marginal(*(name for group in groups for name in group))
        ends = np.cumsum([0, *map(len, groups)])
        shape = [prod(joint.shape[i:j]) for i, j in pairwise(ends.tolist())]
        return mutual_information(joint.values.reshape(shape))

    @overload
    def expectation(self, f: Factor) -> float: ...

    @overload
    def expectation(self, f: Names, values: npt.ArrayLike) -> float: ...

    def expectation(self, f: Any, values: npt.ArrayLike | None = None) -> float:
        """E[f(x)] = sum_x P(x | evidence) f(x), of a function f of some of the variables.

        Parameters
        ----------
        f : Factor, or name, or sequence of names
            A factor says it all. Names say what f is a function of, with ``values`` its values.
        values : array_like, shape (cardinality of each variable named)
            Real numbers, negative ones too. Observed variables may be among those named.

        Raises
        ------
        ValueError
            If a name is unknown, a variable's states are not the distribution's, or the values
            have another shape.
        ZeroProbabilityError
            If log Z is -inf.

        Notes
        -----
        Probabilities below 1e-308 count as zero, as they do in `marginals`.

        Examples
        --------
        >>> from gibbsfactor import Factor, GibbsDistribution, Variable
        >>> up, down = Variable("up", [-1, 1]), Variable("down", [-1, 1])
        >>> p = GibbsDistribution([Factor([up, down], [[1, 3], [3, 1]])])
        >>> p.expectation("up", [-1, 1])
        0.0
        >>> p.expectation(["up", "down"], np.outer([-1, 1], [-1, 1]))
        -0.5
        """
        if isinstance(f, Factor) != (values is None):
            raise TypeError(
                "expectation takes a factor, or names and values as in expectation('A', [0, 1]); "
                f"got {f!r:.60} and values {values!r:.60}"
            )
        return float(self.expectations([f if values is None else (f, values)])[0])

    def expectations(self, functions: Iterable[Function]) -> FloatArray:
        """Expected values of any number of functions, in one sweep up and one down.

        Parameters
        ----------
        functions : iterable of Factor or (names, values)
            As for `expectation`.

        Returns
        -------
        expected : array, shape (number of functions,)

        Raises
        ------
        ValueError, ZeroProbabilityError
            As for `expectation`.

        Examples
        --------
        >>> from gibbsfactor import Factor, GibbsDistribution, Variable
        >>> a, b = Variable("A", 2), Variable("B", 2)
        >>> p = GibbsDistribution([Factor([a, b], [[2, 1], [1, 4]])])
        >>> p.expectations([("A", [0, 1]), Factor(b, [10, 20])]).tolist()
        [0.625, 16.25]
        """
        asked = [_reduced(*_function(f, self._domain), self._domain) for f in functions]
        return expected_values(self.reduced_factors, self.variables, asked, self._memory)


def _function(f: Function, domain: Domain) -> tuple[Scope, FloatArray]:
    """Scope and values of a function, checked against the variables there are."""
    if isinstance(f, Factor):
        for v in f.scope:
            (known,) = variables_named(domain, [v])
            check_agreement(v, known, f"factor over {f.names}", "the distribution")
        return f.scope, f.values
    if not (isinstance(f, tuple) and len(f) == 2):
        raise TypeError(f"a function is a Factor, or names and values as ('A', [0, 1]); got {f!r}")
    scope = as_scope(variables_named(domain, names_in(f[0])))
    values = as_table(scope, f[1], "values")
    if not np.isfinite(values).all():
        raise ValueError(
            f"the function of {[v.name for v in scope]} has values that are not finite"
        )
    return scope, values


def _reduced(scope: Scope, values: FloatArray, domain: Domain) -> tuple[Scope, FloatArray]:
    """The function of what is not observed, the rest being what it is observed to be."""
    seen = domain.evidence
    index = tuple(v.index(seen[v.name]) if v.name in seen else slice(None) for v in scope)
    return tuple(v for v in scope if v.name not in seen), np.asarray(values[index])

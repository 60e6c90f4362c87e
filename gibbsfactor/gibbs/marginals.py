"""Marginals: of one variable, of several together, of every one in a pass."""

from __future__ import annotations

import math

import numpy as np

from gibbsfactor.exact import inference
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs.factored import FactoredDistribution
from gibbsfactor.variable import Variable


class Marginals(FactoredDistribution):
    """Questions answered by distributions over some of the variables."""

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
        logs = inference.joint_log_weights(self._network, kept, self._memory)[..., 0]
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
            v.name: Factor._trusted((v,), table[:, 0], is_probability=True)
            for v, table in zip(self.variables, tables, strict=True)
        }

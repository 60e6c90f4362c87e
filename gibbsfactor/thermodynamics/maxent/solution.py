"""What a maximum-entropy problem comes to: the distribution, its multipliers, how exact it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gibbsfactor import table_view
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.tables import FloatArray
from gibbsfactor.thermodynamics.maxent.constraints import Relation


@dataclass(frozen=True, eq=False, repr=False)
class MaximumEntropy:
    """The distribution of greatest entropy under constraints, as `maximum_entropy` finds it.

    Attributes
    ----------
    distribution : GibbsDistribution
        P(x) proportional to q(x) prod_j exp(lambda_j f_j(x)), one factor for each term of each
        constraint that makes a difference.
    names : tuple of str
        What the constraints are called.
    relations : tuple of {"=", "<=", ">="}
    asked : array (m,)
        The expected values that were asked for.
    expected : array (m,)
        E[f_j] under the distribution.
    multipliers : array (m,)
        lambda_j: by how much the entropy (the divergence from q, negated) falls as the value
        asked for rises by one. 0 where an inequality makes no difference, +-inf where a
        constraint rules states out.
    entropy : float
        H(P) in nats.
    divergence : float
        KL(P || q) in nats, q normalised, uniform if none was given.
    residual : float
        Largest violation of a constraint, as a share of its function's range.
    iterations : int
    converged : bool
        Whether the residual is within the tolerance.
    """

    distribution: GibbsDistribution
    names: tuple[str, ...]
    relations: tuple[Relation, ...]
    asked: FloatArray
    expected: FloatArray
    multipliers: FloatArray
    entropy: float
    divergence: float
    residual: float
    iterations: int
    converged: bool

    @property
    def temperatures(self) -> FloatArray:
        """T_j = -1 / lambda_j, which P(x) proportional to exp(-f_j(x) / T_j) has, (m,).

        The temperature where a function is an energy: inf where its constraint makes no
        difference, 0 where only the states of least energy are left, negative where more energy
        is asked for than there is at any temperature.
        """
        with np.errstate(divide="ignore"):
            return np.asarray(-1.0 / np.where(self.multipliers == 0, -0.0, self.multipliers))

    def _rows(self) -> table_view.Rows:
        columns = zip(
            self.names,
            self.relations,
            *(a.tolist() for a in (self.asked, self.expected, self.multipliers)),
            strict=True,
        )
        cells = [
            [name, f"{relation} {asked:.6g}", f"{expected:.6g}", f"{multiplier:.6g}"]
            for name, relation, asked, expected, multiplier in columns
        ]
        more = max(len(cells) - table_view.SHOWN_ROWS, 0)
        header = ["constraint", "asked", "expected", "multiplier"]
        return table_view.Rows(header, cells[: table_view.SHOWN_ROWS], more)

    @property
    def _verdict(self) -> str:
        if self.converged:
            return f"entropy {self.entropy:.6g} nats"
        return f"NOT CONVERGED: residual {self.residual:.2g} after {self.iterations} iterations"

    def __repr__(self) -> str:
        return f"{self._verdict}\n{table_view.as_text(self._rows())}"

    def _repr_html_(self) -> str:
        return f"<p>{self._verdict}</p>{table_view.as_html(self._rows())}"

"""The distribution of greatest entropy that has given expected values, by convex duality."""

from gibbsfactor.thermodynamics.maxent.constraints import Constraint
from gibbsfactor.thermodynamics.maxent.solution import MaximumEntropy
from gibbsfactor.thermodynamics.maxent.solve import maximum_entropy

__all__ = ["Constraint", "MaximumEntropy", "maximum_entropy"]

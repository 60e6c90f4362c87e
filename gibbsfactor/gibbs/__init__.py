"""The Gibbs distribution: what it is made of, and the questions put to it, by kind."""

from gibbsfactor.gibbs.assignments import ScoredAssignment
from gibbsfactor.gibbs.distribution import GibbsDistribution

__all__ = ["GibbsDistribution", "ScoredAssignment"]

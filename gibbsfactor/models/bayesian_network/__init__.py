"""The Bayesian network: its tables as a distribution, and what its graph says alone."""

from gibbsfactor.models.bayesian_network.network import BayesianNetwork

__all__ = ["BayesianNetwork"]

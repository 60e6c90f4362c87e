"""Log-linear models of labels on any graph: general conditional random fields, Markov networks."""

from __future__ import annotations

from gibbsfactor.models.log_linear.estimator import LogLinearModel
from gibbsfactor.models.log_linear.recipes import factorial_chain, markov_templates
from gibbsfactor.models.log_linear.structures import Chain, Edges, Grid, Nodes, SkipChain, Tree
from gibbsfactor.models.log_linear.template import CliqueTemplate
from gibbsfactor.models.log_linear.views import contrast, interactions, own, whole, with_one

__all__ = [
    "Chain",
    "CliqueTemplate",
    "Edges",
    "Grid",
    "LogLinearModel",
    "Nodes",
    "SkipChain",
    "Tree",
    "contrast",
    "factorial_chain",
    "interactions",
    "markov_templates",
    "own",
    "whole",
    "with_one",
]

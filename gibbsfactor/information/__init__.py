"""Information theory of discrete distributions: arrays, factors and Gibbs distributions alike."""

from gibbsfactor.information.divergences import (
    cross_entropy,
    jensen_shannon,
    kl_divergence,
    perplexity,
)
from gibbsfactor.information.entropies import (
    conditional_entropy,
    entropy,
    mutual_information,
    surprisal,
)

__all__ = [
    "conditional_entropy",
    "cross_entropy",
    "entropy",
    "jensen_shannon",
    "kl_divergence",
    "mutual_information",
    "perplexity",
    "surprisal",
]

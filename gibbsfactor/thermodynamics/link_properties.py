"""What exp alone gives as a link, measured: how far any other is from each of its laws.

With K scores z and p = g(z) / Z, Z = sum_k g(z_k):

    independence   parts whose energies add are independent           g(z + w) prop. to g(z) g(w)
    shift          raising all scores changes nothing                 g(z + c) prop. to g(z)
    marginals      the gradient of log Z is p                         g' = g
    residual       the gradient of the log loss is p - y              g' = g
    convexity      the log loss is convex in the scores               log g concave and convex
    entropy        none with the same mean is more random             log g affine
    evidence       two pieces of evidence count as the sum of scores  g(z + w) prop. to g(z) g(w)
    sufficiency    of many observations only the sum matters          log g affine

Each forces g(z) = a e^(cz) if it is to hold for all scores and g is continuous, with c = 1 where
g' = g. For independence, shift and evidence that is Cauchy's functional equation. For entropy and
sufficiency it takes three states. Convexity forces it for links that reach from 0 to infinity:
second derivatives in z_k and z_y say that log g bends neither down nor up once p_k comes near 1 and
p_y near 0.

Shift, residual and convexity can be had without exp where the loss is not the log loss: sparsemax
has them with a loss of its own, whose potential takes the place of log Z. It gives up the others.

Source: Cauchy (1821), Cours d'analyse, chapter 5; Pitman (1936), Sufficient statistics and
intrinsic accuracy; Jaynes (1957), Information theory and statistical mechanics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import entr, rel_entr, softmax

from gibbsfactor.thermodynamics.links import Rule

FloatArray = npt.NDArray[np.float64]

STATES = 4
SPREAD = 2.0  # standard deviation of the scores
MOST_SLOPE = 1e4  # in the search for the most random distribution


@dataclass(frozen=True)
class LinkLaws:
    """How far a link is from each law, the worst of many random scores; 0 where the law holds.

    Attributes
    ----------
    independence : mutual information, in nats, of two parts whose energies add
    shift : change of a probability when all scores are raised by the same
    marginals : difference of d log Z / dz_k and p_k
    residual : difference of the loss's gradient and p - y
    convexity : how far below zero the loss's Hessian has an eigenvalue
    entropy : nats below the most random distribution with the same mean
    evidence : total variation between updating twice and adding the scores
    sufficiency : nats by which the likelihood tells data with the same sum apart
    """

    independence: float
    shift: float
    marginals: float
    residual: float
    convexity: float
    entropy: float
    evidence: float
    sufficiency: float


def link_laws(
    rule: Rule, draws: int = 200, rng: np.random.Generator | int | None = None
) -> LinkLaws:
    """Measure how far a link is from each law of exp.

    Parameters
    ----------
    rule : Link, or anything with its methods
    draws : int
        How many random scores; four normal ones each time, with standard deviation 2.
    rng : numpy Generator, or a seed for one

    Examples
    --------
    >>> from gibbsfactor.thermodynamics.links import LINKS
    >>> max(vars(link_laws(LINKS["exp"], rng=0)).values()) < 1e-12
    True
    >>> link_laws(LINKS["softplus"], rng=0).shift > 0.1
    True
    """
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise ValueError(f"draws is {draws!r}; it must be a whole number of at least 1")
    generator = np.random.default_rng(rng)
    scores = SPREAD * generator.standard_normal((draws, 2, STATES))
    features = generator.standard_normal((draws, STATES))
    shifts = SPREAD * generator.standard_normal(draws)
    p = rule.probabilities
    joint = [p((z[:, None] + w).reshape(-1)).reshape(STATES, STATES) for z, w in scores]
    single = scores[:, 0]
    return LinkLaws(
        independence=max(map(_dependence, joint)),
        shift=max(_largest(p(z + c) - p(z)) for z, c in zip(single, shifts, strict=True)),
        marginals=max(_largest(rule.potential_gradient(z) - p(z)) for z in single),
        residual=max(_off_residual(rule, z) for z in single),
        convexity=max(_below_zero(rule, z) for z in single),
        entropy=max(_entropy_lost(p(z[0] * f), f) for z, f in zip(single, features, strict=True)),
        evidence=max(_off_evidence(rule, z, w) for z, w in scores),
        sufficiency=max(_told_apart(rule, theta) for theta in np.linspace(0.1, SPREAD, 20)),
    )


def _largest(differences: FloatArray) -> float:
    return float(np.abs(differences).max())


def _dependence(joint: FloatArray) -> float:
    """I(A; B) of p(a, b), in nats."""
    independent = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return float(rel_entr(joint, independent).sum())


def _off_residual(rule: Rule, z: FloatArray) -> float:
    residual = rule.probabilities(z)
    residual[0] -= 1
    return _largest(rule.loss_gradient(z, 0) - residual)


def _below_zero(rule: Rule, z: FloatArray) -> float:
    return max(0.0, -float(np.linalg.eigvalsh(rule.loss_hessian(z, 0)).min()))


def _entropy_lost(p: FloatArray, f: FloatArray) -> float:
    """Entropy of the p prop. to exp(l f) with the same mean of f, less that of p."""
    mean = float(p @ f)

    def off(l: float) -> float:
        return float(softmax(l * f) @ f) - mean

    if not off(-MOST_SLOPE) < 0 < off(MOST_SLOPE):
        return 0.0  # all mass at one end, which leaves no choice
    best = softmax(brentq(off, -MOST_SLOPE, MOST_SLOPE, xtol=1e-15) * f)
    return max(0.0, float(entr(best).sum() - entr(p).sum()))


def _off_evidence(rule: Rule, z: FloatArray, w: FloatArray) -> float:
    """Total variation between p(z) p(w), normalised, and p(z + w); 1 where nothing is left."""
    both = rule.probabilities(z) * rule.probabilities(w)
    if both.sum() == 0:
        return 1.0
    return float(np.abs(both / both.sum() - rule.probabilities(z + w)).sum() / 2)


def _told_apart(rule: Rule, theta: float) -> float:
    """Log likelihood ratio of observing (-1, 1) and (0, 0), the scores being theta x."""
    low, middle, high = rule.probabilities(theta * np.array([-1.0, 0.0, 1.0]))
    if 0 in (low, middle, high):
        return math.inf
    return abs(math.log(low) + math.log(high) - 2 * math.log(middle))

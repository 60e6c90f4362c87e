"""The generative-discriminative pair: the CRF with the same posterior as a hidden Markov model.

    log P(y, x) = log P(y_0) + sum_{t>0} log P(y_t | y_{t-1}) + sum_t log P(x_t | y_t)

is, read as a function of y, the score of a linear-chain CRF: weights of coming first, weights of
transitions, and weights of statistics of the observations in which the last term is linear.

Letters: K states, A statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.features.fixed_vectorizers import (
    FixedVectorizer,
    SymbolVectorizer,
    WordVectorizer,
)
from gibbsfactor.features.quadratic_vectorizer import QuadraticVectorizer
from gibbsfactor.models.hidden_markov_model.categorical import CategoricalEmissions
from gibbsfactor.models.hidden_markov_model.decoding import Decoding
from gibbsfactor.models.hidden_markov_model.emissions import Emissions
from gibbsfactor.models.hidden_markov_model.gaussian import GaussianEmissions
from gibbsfactor.models.hidden_markov_model.rows import log
from gibbsfactor.models.hidden_markov_model.words import WordEmissions

if TYPE_CHECKING:
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF

FloatArray = npt.NDArray[np.float64]


class Pair(Decoding):
    """The conversion."""

    def to_crf(self, **parameters: Any) -> LinearChainCRF:
        """The linear-chain CRF with the same P(y | x), its discriminative partner.

        Its log Z(x) is log p(x), too, with symbols that training did not hold taken as missing. It
        reads the same sequences. ``fit`` goes on from these
        weights, and raises log P(y | x) where this model's own raises log p(x, y).

        Probabilities of 0 come out as what they are: steps and first states as constraints, which
        hold in training, symbols as weights of -inf, which training starts from far below the
        others.

        Parameters
        ----------
        parameters
            Of the CRF, for training it further. Unless given, ``warm_start`` is True and ``c2``
            is 0: no penalty pulls the weights from here to 0.

        Returns
        -------
        LinearChainCRF
            What only training tells (``loss_`` and the like) is None.

        Raises
        ------
        ValueError
            If log-likelihoods are not linear in statistics of the observations, as of mixtures.
        TypeError
            If the emissions are of a kind of your own.

        Notes
        -----
        Source: Sutton & McCallum (2012), section 2.3.

        Examples
        --------
        >>> from gibbsfactor import HiddenMarkovModel
        >>> X, y = [["walk", "walk", "clean"], ["clean"]], [["sun", "sun", "rain"], ["rain"]]
        >>> model = HiddenMarkovModel(emissionprob_prior=2).fit(X, y)
        >>> crf = model.to_crf()
        >>> x = ["clean", None, "walk"]
        >>> bool(np.allclose(crf.predict_proba([x])[0], model.predict_proba(x)))
        True
        >>> bool(np.isclose(crf.log_partition([x])[0], model.score(x)))
        True
        """
        p = self._parameters()
        return crf_of(self._classes(), log(p.start), log(p.transitions), p.emissions, **parameters)


def crf_of(
    states: Sequence[Any],
    log_start: FloatArray,
    log_transitions: FloatArray,
    emissions: Emissions,
    **parameters: Any,
) -> LinearChainCRF:
    """The linear-chain CRF with P(y | x) of a hidden Markov model, and with log Z(x) = log p(x).

    Probabilities of 0 come out as what they are: steps and first states as the CRF's constraints,
    emissions as weights of -inf.

    The weights of symbols and words are log P(x_t | y_t) themselves; of Gaussians those of the
    numbers and their products.

    Parameters
    ----------
    states : K labels
    log_start : (K,)
    log_transitions : (K, K)
    emissions : Emissions whose log-likelihoods are linear in statistics
    parameters : of the CRF, for training it further

    Raises
    ------
    ValueError
        If the log-likelihoods are not linear in statistics, as those of mixtures.
    """
    from gibbsfactor.models.linear_chain_crf.given import crf_of_weights

    if isinstance(emissions, GaussianEmissions):
        vectorizer, weights = _of_gaussians(emissions)
    else:
        linear = emissions.log_linear()  # raises for mixtures
        vectorizer, weights = vectorizer_of(emissions), linear.weights
    return crf_of_weights(
        states,
        vectorizer,
        weights,
        log_transitions,
        log_start,
        n_dense=vectorizer.n_dense,
        **parameters,
    )


def _of_gaussians(emissions: GaussianEmissions) -> tuple[FixedVectorizer, FloatArray]:
    """What reads the numbers z = (x - c) / s, and the weights of 1, z_i and z_i z_j.

        log N(x; m, S) = -1/2 z' L z + (L u)' z - 1/2 u' L u + 1/2 log det L
                         - sum_i log s_i - D/2 log 2 pi

    with L = (S / s s')^-1 and u = (m - c) / s. The centre c and the scale s are those of the states
    together: far from 0, x x' would lose all digits.
    """
    means, covars = emissions.means_, emissions.covars_
    n_numbers = means.shape[1]
    centre = means.mean(axis=0)
    scale = np.sqrt(np.einsum("kii->ki", covars).mean(axis=0) + means.var(axis=0))
    u = (means - centre) / scale
    precisions = np.linalg.inv(covars / np.outer(scale, scale))
    linear = np.einsum("kij,kj->ki", precisions, u)
    constant = np.linalg.slogdet(precisions)[1] - (u * linear).sum(axis=1)
    constant = constant / 2 - np.log(scale).sum() - n_numbers / 2 * np.log(2 * np.pi)
    products = emissions.covariance_type in ("full", "tied")
    first, second = np.triu_indices(n_numbers) if products else (np.arange(n_numbers),) * 2
    quadratic = -precisions[:, first, second] * np.where(first == second, 0.5, 1.0)
    weights = np.concatenate([constant[:, None], linear, quadratic], axis=1).T
    return QuadraticVectorizer(centre, scale, products=products), weights


def vectorizer_of(emissions: Emissions) -> FixedVectorizer:
    """What turns symbols or words into the statistics of `Emissions.log_linear`.

    Raises
    ------
    TypeError
        If the emissions are of a kind of one's own.
    """
    if isinstance(emissions, WordEmissions):
        return WordVectorizer(emissions.tree_)
    if isinstance(emissions, CategoricalEmissions):
        return SymbolVectorizer(emissions.symbols_, strict=emissions.unseen == "error")
    raise TypeError(
        f"a CRF reads symbols, words or numbers, but not what {type(emissions).__name__} do; "
        "give the CRF their statistics as features of your own"
    )

"""The hidden Markov model as an estimator."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np

from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.learning.estimator import Estimator, warn_not_converged
from gibbsfactor.learning.minimum import Progress
from gibbsfactor.learning.progress import progress_bar
from gibbsfactor.models.hidden_markov_model.covariances import CovarianceType
from gibbsfactor.models.hidden_markov_model.data import Parameters, TrainingData
from gibbsfactor.models.hidden_markov_model.emissions import Emissions
from gibbsfactor.models.hidden_markov_model.labels import read_states
from gibbsfactor.models.hidden_markov_model.parameters import (
    OfEmissions,
    check_parameters,
    generator,
    make_emissions,
    warn_of_rows,
)
from gibbsfactor.models.hidden_markov_model.rows import check_rows, pseudo_counts
from gibbsfactor.models.hidden_markov_model.storage import Storage
from gibbsfactor.models.hidden_markov_model.training import (
    Estimation,
    Monitor,
    Watch,
    baum_welch,
    count,
    first_guess,
    letters_to_set,
)
from gibbsfactor.models.hidden_markov_model.views import Views
from gibbsfactor.threads import one_blas_thread


class HiddenMarkovModel(Storage, Views, Estimator):
    """Hidden Markov model: a chain of states, each of which emits an observation.

        P(x, z) = P(z_1) prod_{t>1} P(z_t | z_{t-1}) prod_t P(x_t | z_t)

    The Gibbs distribution over the states of an observed sequence has these as its factors, and
    its partition function is P(x). Parameters maximise the likelihood: where all states are known
    they are relative counts; where none is, or some are, EM (Baum-Welch) raises log P(x) with the
    counts that forward-backward expects.

    Parameters
    ----------
    n_components : int, optional
        K, the number of states; by default as many as there are labels.
    emissions : "categorical", "gaussian", "mixture" or Emissions
        What states emit: symbols of any hashable kind, vectors of real numbers, the same from a
        mixture of ``n_mix`` Gaussians, or whatever an object of yours does.
    n_iter : int
        Most iterations of EM. With 0 the parameters that it would start from are kept.
    tol : float
        EM has converged when an iteration raises the log-likelihood (plus log prior) by less than
        this, in nats. With 0 or less all iterations are done.
    n_init : int
        Start EM so many times, at random; the best is kept.
    startprob_prior, transmat_prior : float or array (K,), (K, K)
        Of Dirichlet priors: 1 plus a pseudo-count.
    emissionprob_prior, n_features, unseen
        Of "categorical", see `CategoricalEmissions`.
    covariance_type, min_covar, means_prior, means_weight, covars_prior, covars_weight
        Of "gaussian" and "mixture", see `GaussianEmissions`.
    n_mix, weights_prior
        Of "mixture", see `MixtureEmissions`.
    algorithm : "viterbi" or "map"
        How `predict` chooses states, see `decode`.
    params : str, optional
        Letters of the parameters that training sets, by default all: "s" startprob_, "t" transmat_,
        "e" emissionprob_, "m" means_, "c" covars_, "w" weights_.
    init_params : str, optional
        Letters of those that EM starts afresh, by default all. Others are where they were fitted
        or set before.
    random_state : int or Generator
        Of the starts of EM, and of samples.
    progress : bool or "always"
        Show a bar with the loss -log P(x) and the time: once training has taken two seconds,
        never, or from the start.

    Attributes
    ----------
    startprob_ : (K,), transmat_ : (K, K)
        P(z_1), and P(z_t | z_{t-1}) with a row for each state before.
    emissionprob_, symbols_, means_, covars_, weights_
        Those of ``emissions_``, by kind. Like the two above they may be set by hand.
    emissions_ : Emissions
    classes_ : list of the K states, labels or numbers
    log_likelihood_ : of the training data, in nats; None where it was not needed
    n_iter_, converged_, interrupted_ : of EM; 0, True and False where there was none
    monitor_ : Monitor with ``history``, or None

    Notes
    -----
    Source: Rabiner (1989), A tutorial on hidden Markov models.

    Examples
    --------
    >>> weather = HiddenMarkovModel()
    >>> weather.startprob_ = [0.6, 0.4]
    >>> weather.transmat_ = [[0.7, 0.3], [0.4, 0.6]]
    >>> weather.emissionprob_ = [[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]]  # walk, shop, clean
    >>> log_p, states = weather.decode(np.array([0, 1, 2]))
    >>> states, round(float(np.exp(log_p)), 5)
    (array([1, 0, 0]), 0.01344)

    Of states that are known it learns by counting:

    >>> X, y = [["walk", "walk", "clean"], ["clean"]], [["sun", "sun", "rain"], ["rain"]]
    >>> HiddenMarkovModel().fit(X, y).predict([["clean", "walk"]])
    [['rain', 'sun']]
    """

    emissionprob_ = OfEmissions("(K, V) P(symbol | state).")
    symbols_ = OfEmissions("The V symbols.")
    means_ = OfEmissions("(K, D), of mixtures (K, C, D).")
    covars_ = OfEmissions("(K, D, D); of mixtures in the shape of their type.")
    weights_ = OfEmissions("(K, C) of the Gaussians of mixtures.")
    _trained: Parameters | None = None

    def __init__(
        self,
        n_components: int | None = None,
        emissions: Literal["categorical", "gaussian", "mixture"] | Emissions = "categorical",
        *,
        n_iter: int = 100,
        tol: float = 1e-2,
        n_init: int = 1,
        startprob_prior: Any = 1.0,
        transmat_prior: Any = 1.0,
        emissionprob_prior: Any = 1.0,
        n_features: int | None = None,
        unseen: Literal["impossible", "missing", "error"] = "impossible",
        covariance_type: CovarianceType = "diag",
        min_covar: float | None = None,
        means_prior: Any = 0.0,
        means_weight: Any = 0.0,
        covars_prior: Any = None,
        covars_weight: float = 1.0,
        n_mix: int = 2,
        weights_prior: Any = 1.0,
        algorithm: Literal["viterbi", "map"] = "viterbi",
        params: str | None = None,
        init_params: str | None = None,
        random_state: int | np.random.Generator = 0,
        progress: bool | Literal["always"] = True,
    ) -> None:
        self.n_components = n_components
        self.emissions = emissions
        self.n_iter = n_iter
        self.tol = tol
        self.n_init = n_init
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
        self.emissionprob_prior = emissionprob_prior
        self.n_features = n_features
        self.unseen = unseen
        self.covariance_type = covariance_type
        self.min_covar = min_covar
        self.means_prior = means_prior
        self.means_weight = means_weight
        self.covars_prior = covars_prior
        self.covars_weight = covars_weight
        self.n_mix = n_mix
        self.weights_prior = weights_prior
        self.algorithm = algorithm
        self.params = params
        self.init_params = init_params
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: Any, y: Any = None, lengths: Any = None) -> Self:
        """Estimate the parameters.

        Parameters
        ----------
        X : observations in one of these forms
            A list of N sequences, each a list or an array of observations; `Columns` with one
            column, of symbols; an array of all observations one after the other, (M,) or (M, 1) of
            symbols or (M, D) of numbers, with ``lengths`` (without, it is one sequence); a list of
            symbols, likewise.
        y : labels of the states, any hashable values, in the form of X; optional
            None at a position, or in place of a sequence, says that its states are not known, a
            set that it is one of several. With all labels known training is counting. States that
            no label names have numbers as labels (``n_components`` above the number of labels).
        lengths : (N,), optional
            Of the sequences, where X is flat.

        Raises
        ------
        ValueError, TypeError
            If X is not what the emissions read, X and y differ in length, or a parameter is out
            of range.
        ZeroProbabilityError
            If a sequence is impossible under the parameters that EM starts from.

        Warns
        -----
        UserWarning
            If a parameter that was set by hand is estimated afresh; if X is a list of lists that
            may be meant as the rows of one sequence; if a column of real numbers looks wrong.
        ConvergenceWarning
            If ``n_iter`` iterations were not enough for ``tol``.
        RuntimeWarning
            If Ctrl-C ended EM, the parameters so far being kept; if an iteration lowered the
            likelihood, as wrong estimates of your own emissions may.
        """
        check_parameters(self)
        sequences = Sequences.of(X, lengths)
        emissions, which, afresh = self._emissions()
        labels = read_states(y, sequences, self._n_states(afresh))
        if not len(sequences.flat):
            raise ValueError("there is no observation to learn from; give one at least")
        if y is None:
            warn_of_rows(X, sequences, emissions)
        observations = sequences.read(emissions.learn)
        data = TrainingData.of(observations, sequences.lengths, labels)
        n_states = len(labels.classes)
        estimation = Estimation(
            which,
            pseudo_counts("startprob_prior", self.startprob_prior, (n_states,)),
            pseudo_counts("transmat_prior", self.transmat_prior, (n_states, n_states)),
        )
        with one_blas_thread():
            if labels.complete and emissions.counted:
                found, monitor = self._count(data, estimation, emissions), None
            else:
                found, monitor = self._climb(data, estimation, emissions, afresh)
        self.startprob_, self.transmat_ = found.start, found.transitions
        self.emissions_, self.classes_, self.monitor_ = found.emissions, labels.classes, monitor
        self._trained, self._listed = found, sequences.listed
        self.log_likelihood_ = None if monitor is None else monitor.history[-1]
        self.n_iter_ = 0 if monitor is None else monitor.iter
        self.converged_ = monitor is None or monitor.converged
        self.interrupted_ = monitor is not None and monitor.interrupted
        if monitor is not None:
            self._tell(monitor)
        return self

    # ---- parts ------------------------------------------------------------------------

    def _emissions(self) -> tuple[Emissions, str, str]:
        """New emissions, with the letters to train and those to start afresh."""
        emissions = make_emissions(self)
        which = letters_to_set(emissions, self.params, "params")
        afresh = letters_to_set(emissions, self.init_params, "init_params")
        self._warn_of_overwritten(emissions, afresh)
        kept = "".join(letter for letter in emissions.parameters if letter not in afresh)
        if type(vars(self).get("emissions_")) is type(emissions):
            emissions.adopt(self.emissions_, kept)
        emissions.forget(afresh)
        missing = [x for x, name in emissions.parameters.items() if not hasattr(emissions, name)]
        model = {"s": "startprob_", "t": "transmat_"}
        missing += [letter for letter, name in model.items() if not hasattr(self, name)]
        return emissions, which, afresh + "".join(x for x in missing if x not in afresh)

    def _warn_of_overwritten(self, emissions: Emissions, afresh: str) -> None:
        """Warn of parameters that were set by hand, and would start afresh.

        Those are kept apart from trained ones by identity: training and setting replace arrays.
        """
        trained, mine = self._trained, vars(self).get("emissions_")
        found = {"s": "startprob_", "t": "transmat_"}
        now: dict[str, Any] = {x: vars(self).get(name) for x, name in found.items()}
        before: dict[str, Any] = (
            {} if trained is None else {"s": trained.start, "t": trained.transitions}
        )
        for letter, name in emissions.parameters.items():
            found[letter] = name
            now[letter] = getattr(emissions, name, None)
            if type(mine) is type(emissions):
                now[letter] = getattr(mine, name, now[letter])
            if trained is not None:
                before[letter] = getattr(trained.emissions, name, None)
        by_hand = [x for x in found if now[x] is not None and now[x] is not before.get(x)]
        for letter in (x for x in by_hand if x in afresh):
            warnings.warn(
                f"{found[letter].lstrip('_').rstrip('_')}_ is set, but will be overwritten by fit; "
                f"leave {letter!r} out of init_params to start from it, and out of params, too, to "
                "keep it as it is",
                UserWarning,
                stacklevel=4,
            )

    def _n_states(self, afresh: str) -> int | None:
        """How many states there are: as told, or by the parameters that are kept."""
        if self.n_components is None and "s" not in afresh:
            return len(self.startprob_)
        return None if self.n_components is None else int(self.n_components)

    def _count(
        self, data: TrainingData, estimation: Estimation, emissions: Emissions
    ) -> Parameters:
        n = len(data.labels.classes)
        even = Parameters(np.full(n, 1 / n), np.full((n, n), 1 / n), emissions)
        afresh = "".join(letter for letter in "st" if letter in estimation.which)
        return count(data, estimation, self._keeping(even, afresh))

    def _climb(
        self, data: TrainingData, estimation: Estimation, emissions: Emissions, afresh: str
    ) -> tuple[Parameters, Monitor]:
        """EM from several starts; the best."""
        rng, best = generator(self.random_state), None
        with progress_bar(self.progress, "HMM", tokens=len(data.observations)) as bar:
            for turn in range(self.n_init):
                monitor = Monitor(float(self.tol), int(self.n_iter))
                watch = _shifted(bar, turn * self.n_iter)
                try:
                    first = self._keeping(first_guess(data, emissions, afresh, rng), afresh)
                    found = baum_welch(data, estimation, first, monitor, watch)
                except KeyboardInterrupt:
                    if best is None:
                        raise
                    best[1].interrupted = True
                    break
                if best is None or monitor.objective[-1] > best[1].objective[-1]:
                    best = found, monitor
                best[1].interrupted |= monitor.interrupted
                if monitor.interrupted:
                    break
        assert best is not None  # n_init is 1 at least
        return best

    def _keeping(self, p: Parameters, afresh: str) -> Parameters:
        """The parameters, but for those of the model that are not to start afresh; checked."""
        n = len(p.start)
        start, transitions = p.start, p.transitions
        if "s" not in afresh and hasattr(self, "startprob_"):
            start = check_rows("startprob_", self.startprob_, n, ndim=1)
        if "t" not in afresh and hasattr(self, "transmat_"):
            transitions = check_rows("transmat_", self.transmat_, n)
        if transitions.shape != (n, n):
            raise ValueError(f"transmat_ has shape {transitions.shape}; it must be ({n}, {n})")
        return Parameters(start, transitions, p.emissions)

    def _tell(self, monitor: Monitor) -> None:
        """Warn of how EM ended, unless it converged."""
        reached = f"at log-likelihood {monitor.history[-1]:.8g} after {monitor.iter} iterations"
        if monitor.interrupted:
            warnings.warn(
                f"training was interrupted {reached}; the parameters so far are kept",
                RuntimeWarning,
                stacklevel=3,
            )
        elif not monitor.converged and self.tol > 0 and self.n_iter > 0:
            warn_not_converged(
                f"EM stopped before it converged, {reached}; raise n_iter={self.n_iter} or "
                f"tol={self.tol:g}",
                stacklevel=3,
            )

    def __sklearn_tags__(self) -> Any:
        """As the other chains, but y is not needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _shifted(bar: Watch | None, done: int) -> Watch:
    """Shows progress as that of one training, of which so many iterations were done before."""

    def watch(progress: Progress) -> None:
        if bar is not None:
            bar(replace(progress, iteration=progress.iteration + done))

    return watch

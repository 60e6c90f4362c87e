"""The estimator of sklearn-crfsuite, on top of `LinearChainCRF`.

Letters: N sequences, T positions, L labels.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from gibbsfactor.crfsuite.items import decoded_labels, to_tag
from gibbsfactor.crfsuite.parameters import PARAMETERS, check_algorithm
from gibbsfactor.crfsuite.tagger import Tagger, open_model, tagger_of
from gibbsfactor.crfsuite.trainer import Trainer
from gibbsfactor.crfsuite.training import train_chain
from gibbsfactor.crfsuite.training_log import TrainingLog
from gibbsfactor.models.linear_chain_crf import LinearChainCRF

ObjectArray = npt.NDArray[np.object_]


class CRF(BaseEstimator):  # type: ignore[misc]
    """Linear-chain CRF under the names of sklearn-crfsuite 0.5.

    The features, the objective and its optimum are CRFsuite's, and so are labels and
    probabilities but for what training leaves to its tolerance. Trained by gibbsfactor, on all
    processors. None stands for a parameter's default.

    Parameters
    ----------
    algorithm : "lbfgs", "l2sgd" or "ap"
        "pa" and "arow" are errors.
    min_freq : float
        Leave out features that occur less often; attribute and label are counted together.
    all_possible_states, all_possible_transitions : bool
        Give a weight to every (attribute, label) or (label, label) pair.
    c1, c2 : float
        Strengths of the penalties c1 |w|_1 and c2 |w|^2.
    max_iterations : int, optional
        By default no limit for "lbfgs", 1000 for "l2sgd", 100 for "ap". If it is given, training
        that ends by it does so without a warning; ``model_.converged_`` tells.
    delta : float
        Stop when ten iterations lower the loss by less than this share of it; ten passes of
        "l2sgd", by less than a hundred times this.
    num_memories, epsilon, period, linesearch, max_linesearch, calibration_eta, \
calibration_rate, calibration_samples, calibration_candidates, calibration_max_trials
        Steer how CRFsuite finds the optimum. They mean nothing here: any value but the default
        warns.
    pa_type, c, error_sensitive, averaging, variance, gamma
        Belong to "pa" and "arow": any value but the default is an error.
    verbose : bool
        Show the progress of training.
    model_filename : path, optional
        A model to start with, gibbsfactor's or CRFsuite's. `fit` writes its own there.
    keep_tempfiles : bool
        There are none: True warns.
    trainer_cls : a subclass of `Trainer`, optional
        What trains: its methods are called with the messages of training.

    Attributes
    ----------
    model_ : LinearChainCRF
        The trained model, for all that sklearn-crfsuite has no names for: ``predict_proba``,
        ``k_best``, ``sample``, ``explain``, constraints, ``save``.
    training_log_ : TrainingLog of the last `fit`
    classes_, attributes_, num_attributes_, state_features_, transition_features_, size_, tagger_
        As in sklearn-crfsuite, and None before `fit`.

    Examples
    --------
    >>> X = [[{"word": "the"}, {"word": "dog"}], [{"word": "a"}, {"word": "cat"}]]
    >>> crf = CRF(c1=0.01, c2=0.1, max_iterations=100).fit(X, [["D", "N"], ["D", "N"]])
    >>> crf.predict(X[:1]).tolist()
    [['D', 'N']]
    >>> crf.classes_, crf.num_attributes_
    (['D', 'N'], 4)
    """

    # for a subclass that does not call super().__init__(), and before fit
    algorithm: str | None = None
    verbose: bool = False
    model_filename: str | os.PathLike[str] | None = None
    keep_tempfiles: bool = False
    trainer_cls: Any = None
    training_log_: TrainingLog | None = None

    def __init__(
        self,
        algorithm: str | None = "lbfgs",
        min_freq: float | None = 0,
        all_possible_states: bool | None = False,
        all_possible_transitions: bool | None = False,
        c1: float | None = 0.0,
        c2: float | None = 1.0,
        max_iterations: int | None = None,
        num_memories: int | None = 6,
        epsilon: float | None = 1e-5,
        period: int | None = 10,
        delta: float | None = 1e-5,
        linesearch: str | None = "MoreThuente",
        max_linesearch: int | None = 20,
        calibration_eta: float | None = 0.1,
        calibration_rate: float | None = 2.0,
        calibration_samples: int | None = 1000,
        calibration_candidates: int | None = 10,
        calibration_max_trials: int | None = 20,
        pa_type: int | None = 1,
        c: float | None = 1.0,
        error_sensitive: bool | None = True,
        averaging: bool | None = True,
        variance: float | None = 1.0,
        gamma: float | None = 1.0,
        verbose: bool = False,
        model_filename: str | os.PathLike[str] | None = None,
        keep_tempfiles: bool = False,
        trainer_cls: Any = None,
    ) -> None:
        self.algorithm = algorithm
        self.min_freq = min_freq
        self.all_possible_states = all_possible_states
        self.all_possible_transitions = all_possible_transitions
        self.c1 = c1
        self.c2 = c2
        self.max_iterations = max_iterations
        self.num_memories = num_memories
        self.epsilon = epsilon
        self.period = period
        self.delta = delta
        self.linesearch = linesearch
        self.max_linesearch = max_linesearch
        self.calibration_eta = calibration_eta
        self.calibration_rate = calibration_rate
        self.calibration_samples = calibration_samples
        self.calibration_candidates = calibration_candidates
        self.calibration_max_trials = calibration_max_trials
        self.pa_type = pa_type
        self.c = c
        self.error_sensitive = error_sensitive
        self.averaging = averaging
        self.variance = variance
        self.gamma = gamma
        self.verbose = verbose
        self.model_filename = model_filename
        self.keep_tempfiles = keep_tempfiles
        self.trainer_cls = trainer_cls

    def fit(self, X: Any, y: Any, X_dev: Any = None, y_dev: Any = None) -> Self:
        """Train on labelled sequences.

        Parameters
        ----------
        X : sequences of feature dicts, or of lists of feature strings
        y : their labels
        X_dev, y_dev : held-out sequences, optional
            As in CRFsuite they change nothing: ``training_log_.last_iteration`` tells how the
            trained model does on them. `LinearChainCRF` can stop training by them.

        Raises
        ------
        ValueError
            If X and y differ in length, a feature is NaN or infinite, or a parameter makes no
            sense.
        """
        if (X_dev is None) != (y_dev is None):
            given, missing = ("y_dev", "X_dev") if X_dev is None else ("X_dev", "y_dev")
            raise ValueError(f"{given} is given without {missing}; give both")
        algorithm = check_algorithm(self.algorithm)
        if self.keep_tempfiles:
            warnings.warn(
                "keep_tempfiles=True changes nothing: training writes no temporary files; leave it "
                "out",
                UserWarning,
                stacklevel=2,
            )
        values = {name: getattr(self, name, None) for name in PARAMETERS}
        X_dev, y_dev = ([], []) if X_dev is None else (X_dev, y_dev)
        if self.trainer_cls is not None:
            X_dev, y_dev = list(X_dev), list(y_dev)
            trainer = self._trainer(algorithm, values, X, y, X_dev, y_dev)
            trainer.train("", holdout=1 if len(X_dev) else -1)
            assert trainer.model is not None
            self.model_, self.training_log_ = trainer.model, trainer.logparser
        else:
            log = self.training_log_ = TrainingLog()
            verbose = bool(self.verbose)
            self.model_ = train_chain(algorithm, values, X, y, X_dev, y_dev, log, verbose=verbose)
            if self.verbose and log.iterations[-1]["scores"]:
                _print_scores(log)
        if self.model_filename is not None:
            self.model_.save(self.model_filename)
        return self

    def _trainer(
        self, algorithm: str, given: Mapping[str, Any], X: Any, y: Any, X_dev: Any, y_dev: Any
    ) -> Trainer:
        """The trainer asked for, with all the data."""
        if not (isinstance(self.trainer_cls, type) and issubclass(self.trainer_cls, Trainer)):
            raise TypeError(
                f"trainer_cls is {self.trainer_cls!r}; it must be a subclass of "
                "gibbsfactor.crfsuite.Trainer: change the import where it is defined"
            )
        params = {
            p.long_name: given[name]
            for name, p in PARAMETERS.items()
            if given[name] is not None and (algorithm in p.algorithms or given[name] != p.default)
        }
        trainer: Trainer = self.trainer_cls(
            algorithm=algorithm, params=params, verbose=bool(self.verbose)
        )
        for group, (sequences, labels) in enumerate(((X, y), (X_dev, y_dev))):
            sequences, labels = list(sequences), list(labels)
            if len(sequences) != len(labels):
                raise ValueError(
                    f"{len(sequences)} sequences were given, but labels for {len(labels)}; give "
                    "each its own"
                )
            for xseq, yseq in zip(sequences, labels, strict=True):
                trainer.append(xseq, yseq, group)
        return trainer

    def predict(self, X: Any) -> ObjectArray:
        """The most probable labelling of each sequence: (N,) lists of labels."""
        model = self._fitted()
        return _array(model.predict(to_tag(X, model)))

    def predict_single(self, xseq: Any) -> list[Any]:
        """The most probable labelling of one sequence."""
        labels: list[Any] = self.predict([xseq])[0]
        return labels

    def predict_marginals(self, X: Any) -> ObjectArray:
        """P(y_t = l | x) of each sequence: (N,) lists of T dicts {label: probability}."""
        model = self._fitted()
        return _array(model.predict_marginals(to_tag(X, model)))

    def predict_marginals_single(self, xseq: Any) -> list[dict[Any, float]]:
        """P(y_t = l | x) of one sequence, as a list of T dicts {label: probability}."""
        shares: list[dict[Any, float]] = self.predict_marginals([xseq])[0]
        return shares

    def score(self, X: Any, y: Any) -> float:
        """Share of tokens labelled right."""
        model = self._fitted()
        return model.score(to_tag(X, model), decoded_labels(y))

    # ---- what was learnt; None before, as in sklearn-crfsuite --------------------------

    @property
    def classes_(self) -> list[Any] | None:
        """The L labels, in the order in which they appear in the training data."""
        model = self._model()
        return None if model is None else list(model.classes_)

    @property
    def attributes_(self) -> list[str] | None:
        """The names of the attributes that have a weight other than 0."""
        tagger = self.tagger_
        return None if tagger is None else list(tagger.info().attributes)

    @property
    def num_attributes_(self) -> int | None:
        """How many attributes have a weight other than 0."""
        names = self.attributes_
        return None if names is None else len(names)

    @property
    def state_features_(self) -> dict[tuple[str, Any], float] | None:
        """{(attribute, label): weight}, those of weight 0 left out."""
        model = self._model()
        return None if model is None else {k: w for k, w in model.state_features_.items() if w}

    @property
    def transition_features_(self) -> dict[tuple[Any, Any], float] | None:
        """{(label before, label): weight}, those of weight 0 left out."""
        model = self._model()
        return None if model is None else {k: w for k, w in model.transition_features_.items() if w}

    @property
    def size_(self) -> int | None:
        """Bytes that the weights and where they are take up."""
        model = self._model()
        return None if model is None else model.size_

    @property
    def tagger_(self) -> Tagger | None:
        """A `Tagger` that has the model open."""
        model = self._model()
        return None if model is None else tagger_of(model)

    def _model(self) -> LinearChainCRF | None:
        """The model trained, or that in the file named; None if there is neither."""
        if not hasattr(self, "model_"):
            if self.model_filename is None or not os.path.exists(self.model_filename):
                return None
            self.model_ = open_model(self.model_filename)
        return self.model_

    def _fitted(self) -> LinearChainCRF:
        model = self._model()
        if model is None:
            raise NotFittedError(
                "this CRF is not fitted yet; call fit(X, y), or give the model_filename of a "
                "model that is there"
            )
        return model


def _array(answers: list[Any]) -> ObjectArray:
    """(N,) one answer each, also where all are of the same length."""
    array = np.empty(len(answers), dtype=object)
    for n, answer in enumerate(answers):
        array[n] = answer
    return array


def _print_scores(log: TrainingLog) -> None:
    """A table of how each label did on held-out data."""
    scores = log.iterations[-1]["scores"]
    width = max(len("Label"), *(len(str(label)) for label in scores))
    print(f"{'Label':<{width}}  Precision  Recall     F1  Support")
    for label, s in sorted(scores.items(), key=lambda pair: str(pair[0])):
        shares = s.precision or 0.0, s.recall or 0.0, s.f1 or 0.0
        print(
            f"{label!s:<{width}}  " + "{:9.3f}  {:6.3f}  {:5.3f}".format(*shares) + f"  {s.ref:7}"
        )

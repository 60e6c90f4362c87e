"""Softmax regression: one variable, one factor for every input feature."""

from __future__ import annotations

import math
import warnings
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    validate_data,
)

from gibbsfactor.factor import Factor, check_temperature
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.learning.lbfgs import Minimum
from gibbsfactor.learning.progress import progress_bar
from gibbsfactor.learning.softmax_loss import FloatArray, Matrix, SoftmaxLoss, log_softmax
from gibbsfactor.learning.whitening import minimize_whitened
from gibbsfactor.variable import Variable


class SoftmaxRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Softmax (multinomial logistic) regression, a Gibbs distribution over the class.

    The one variable is the class y. Feature i of an input x gives it the factor
    exp(w_iy x_i), the intercept gives it exp(b_y), and their normalised product is::

        P(y | x) = (1/Z(x)) exp(b_y) prod_i exp(w_iy x_i) = exp(z_y) / sum_k exp(z_k)
        z_y = b_y + sum_i w_iy x_i            Z(x) = sum_k exp(z_k)

    which is softmax(z). The gradient of log Z by the scores z is P, so the gradient of a row's
    log loss log Z - z_y is P minus the indicator of y. Training minimises::

        C sum_n s_n (log Z(x_n) - z_{n, y_n}) + |W|^2 / 2

    Parameters
    ----------
    C : float
        Weight of the data against the penalty, as in scikit-learn; more is less regularised.
    temperature : float
        T: every answer is given for the scores z / T. Training is at T = 1, so this can be set
        on a fitted model: above one probabilities come nearer to each other (the way to cool
        down an overconfident model), towards zero all goes to the best class. The loss at
        another T would only be that of rescaled weights, with another C.
    fit_intercept : bool
        Whether there is an intercept b; it isn't penalised.
    class_weight : dict, 'balanced' or None
        Factors on the sample weights, by class label; 'balanced' makes all classes weigh the
        same.
    max_iterations : int
        The most L-BFGS iterations.
    tol : float
        Training ends when an iteration lowers the loss by at most this share of it, and the
        gradient promises no more than ten times this share. At the default the loss is within
        about 1e-5 of its lowest, far closer than predictions need.
    warm_start : bool
        Whether `fit` starts from the weights of the last one, rather than from zero. The classes
        and the number of features must be the same.
    verbose : bool
        Whether training that takes more than two seconds shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray, shape (K,)
    coef_ : ndarray, shape (K, D), or (1, D) with two classes
        W. With two classes the first one's score is fixed at zero: the sigmoid.
    intercept_ : ndarray, shape (K,) or (1,)
    loss_ : float
        The minimised sum above, in nats.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray, shape (D,)
        If X had names of its columns.

    Notes
    -----
    Training is L-BFGS in whitened coordinates (see `gibbsfactor.learning.whitening`). Ctrl-C ends
    it with the best weights so far and a warning.

    Source: Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4; Koller &
    Friedman (2009), section 5.4 on log-linear conditional distributions.

    Examples
    --------
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    >>> y = ["up", "right", "both", "up", "right", "both"]
    >>> model = SoftmaxRegression(C=100.0).fit(X, y)
    >>> model.predict([[0.0, 3.0], [3.0, 0.0]])
    array(['up', 'right'], dtype='<U5')
    >>> p = model.gibbs([0.0, 1.0])
    >>> np.allclose(p.marginal("class").values, model.predict_proba([[0.0, 1.0]])[0])
    True
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        temperature: float = 1.0,
        fit_intercept: bool = True,
        class_weight: dict[Any, float] | str | None = None,
        max_iterations: int = 1000,
        tol: float = 1e-6,
        warm_start: bool = False,
        verbose: bool = False,
    ) -> None:
        self.C = C
        self.temperature = temperature
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.max_iterations = max_iterations
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Self:
        """Train the weights.

        Parameters
        ----------
        X : array_like or sparse, shape (N, D)
        y : array_like, shape (N,)
            Class labels.
        sample_weight : array_like, shape (N,), optional
            s_n: a row of weight 2 is the same as the row given twice.

        Raises
        ------
        ValueError
            If a parameter is out of range, a value isn't finite, the sizes don't agree, or there
            is only one class.

        Warns
        -----
        ConvergenceWarning
            If max_iterations was reached, or the loss could not be lowered any more, before tol.
        RuntimeWarning
            If Ctrl-C ended training; the best weights so far are kept.
        """
        self._check_parameters()
        table: Any  # the checked X, y: an array or a CSR matrix, and an array
        table, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float64, order="C", accept_large_sparse=True
        )
        check_classification_targets(y)
        previous = self._previous() if self.warm_start else None
        classes, labels = np.unique(y, return_inverse=True)
        if classes.size < 2:
            raise ValueError(
                f"y has only one class, {classes.tolist()[0]!r}; "
                "a classifier needs at least 2 to tell apart"
            )
        weights = _check_sample_weight(
            sample_weight, table, dtype=np.float64, ensure_non_negative=True
        )
        if self.class_weight is not None:
            factors = compute_class_weight(
                self.class_weight, classes=classes, y=y, sample_weight=weights
            )
            if not (np.isfinite(factors).all() and (factors >= 0).all()):
                bad = int(np.argmin(np.isfinite(factors) & (factors >= 0)))
                raise ValueError(
                    f"class_weight gives {classes.tolist()[bad]!r} the weight {factors[bad]}; "
                    "weights are finite numbers of at least 0"
                )
            weights = weights * factors[labels]
        is_sparse: bool = sp.issparse(table)
        features: Matrix = sp.csr_array(table) if is_sparse else table
        n_columns = 1 if classes.size == 2 else int(classes.size)
        loss = SoftmaxLoss(features, labels, n_columns, self.C * weights, bool(self.fit_intercept))
        start = np.zeros(loss.shape)
        if previous is not None:
            start = self._warm(*previous, classes, loss)
        with progress_bar(self.verbose, "softmax") as progress:
            minimum = minimize_whitened(
                loss,
                start,
                max_iterations=self.max_iterations,
                tolerance=self.tol,
                progress=progress,
            )
        if not (minimum.converged or minimum.interrupted):
            warnings.warn(
                f"softmax regression did not converge: {minimum.message}, at loss "
                f"{minimum.loss:.8g}; raise max_iterations or tol={self.tol:g}, or lower C",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.classes_ = classes
        self._keep(minimum, loss)
        return self

    def _keep(self, minimum: Minimum, loss: SoftmaxLoss) -> None:
        weights = minimum.weights.reshape(loss.shape)
        n_features = loss.features.shape[1]
        self.coef_ = weights[:, :n_features].copy()
        self.intercept_ = weights[:, -1].copy() if self.fit_intercept else np.zeros(len(weights))
        self.loss_ = minimum.loss
        self.n_iter_ = max(minimum.iterations, 1)

    def _previous(self) -> tuple[npt.NDArray[Any], FloatArray, FloatArray] | None:
        if not hasattr(self, "coef_"):
            return None
        return self.classes_, self.coef_, self.intercept_

    def _warm(
        self,
        old_classes: npt.NDArray[Any],
        coef: FloatArray,
        intercept: FloatArray,
        classes: npt.NDArray[Any],
        loss: SoftmaxLoss,
    ) -> FloatArray:
        """Weights to start from: those of the last fit."""
        n_features = loss.features.shape[1]
        if not np.array_equal(old_classes, classes) or coef.shape[1] != n_features:
            raise ValueError(
                f"warm_start=True goes on from {coef.shape[1]} features and the classes "
                f"{old_classes.tolist()}, but the new data have {n_features} features and the "
                f"classes {classes.tolist()}; set warm_start=False to start afresh"
            )
        start = np.zeros(loss.shape)
        start[:, :n_features] = coef
        if loss.fit_intercept:
            start[:, -1] = intercept
        return start

    def _check_parameters(self) -> None:
        if not (_is_real(self.C) and 0 < self.C < math.inf):
            raise ValueError(f"C is {self.C!r}; it must be a positive finite number")
        if not (_is_real(self.tol) and 0 <= self.tol < 1):
            raise ValueError(f"tol is {self.tol!r}; it must be a number from 0 to below 1")
        iterations: Any = self.max_iterations
        if not (_is_real(iterations) and isinstance(iterations, Integral) and int(iterations) >= 1):
            raise ValueError(
                f"max_iterations is {iterations!r}; it must be an integer of at least 1"
            )
        check_temperature(self.temperature)

    # ---- answers ----------------------------------------------------------------------

    def decision_function(self, X: npt.ArrayLike) -> FloatArray:
        """Scores z / T: log weights of the classes, shape (N, K).

        With two classes, the second one's alone, shape (N,).
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class of every row, shape (N,)."""
        scores = self._scores(X)
        one_column = scores.shape[1] == 1
        best = scores[:, 0] > 0 if one_column else scores.argmax(axis=1)
        return np.asarray(self.classes_[best.astype(np.intp)])

    def predict_log_proba(self, X: npt.ArrayLike) -> FloatArray:
        """log P(y | x) = z_y / T - log Z(x) in nats, shape (N, K)."""
        scores = self._scores(X)
        if scores.shape[1] == 1:  # log P of the first class is that of the second at -z
            return np.hstack([log_softmax(-scores), log_softmax(scores)])
        return log_softmax(scores)

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        """P(y | x) = softmax(z / T), shape (N, K)."""
        return np.exp(self.predict_log_proba(X))

    def gibbs(self, x: npt.ArrayLike) -> GibbsDistribution:
        """The Gibbs distribution over the variable "class" that one input makes.

        Parameters
        ----------
        x : array_like or sparse, shape (D,) or (1, D)
            One row of features.

        Returns
        -------
        GibbsDistribution
            Of the intercept's factor exp(b_y / T), then the factors exp(w_iy x_i / T) in the order
            of the features; for a sparse row only those where x_i is not zero (the others are
            one everywhere). Its partition function is the softmax denominator, its marginal
            over "class" is `predict_proba`.

        Raises
        ------
        ValueError
            If x is not one row of finite numbers, one for each feature.
        """
        check_is_fitted(self)
        check_temperature(self.temperature)
        is_sparse: bool = sp.issparse(x)
        given: Any = x
        if hasattr(x, "to_frame"):  # a row of a data frame: its labels are names of features
            given = x.to_frame().T
        elif not is_sparse and not hasattr(x, "iloc"):
            given = np.atleast_2d(np.asarray(x, dtype=np.float64))
        if hasattr(given, "iloc"):  # names of features are checked
            given = validate_data(self, given, dtype=np.float64, reset=False)
        row: Any = check_array(given, accept_sparse="csr", dtype=np.float64)
        if row.shape != (1, self.n_features_in_):
            raise ValueError(
                f"x has shape {np.shape(given)}; expected one row of {self.n_features_in_} features"
            )
        positions, values = np.arange(self.n_features_in_), row[0]
        if is_sparse:
            row.sum_duplicates()
            row.eliminate_zeros()
            positions, values = row.indices, row.data
        table = np.vstack([self.intercept_, (self.coef_[:, positions] * values).T])
        table /= self.temperature
        if table.shape[1] == 1:
            table = np.hstack([np.zeros_like(table), table])
        variable = Variable("class", list(self.classes_))
        return GibbsDistribution([Factor.from_log(variable, log_weights) for log_weights in table])

    def _scores(self, X: npt.ArrayLike) -> FloatArray:
        """Scores z / T, shape (N, K), or (N, 1) with two classes."""
        check_is_fitted(self)
        check_temperature(self.temperature)
        rows: Any = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        scores = np.asarray(rows @ self.coef_.T) + self.intercept_
        return np.asarray(scores / self.temperature)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may ask of this classifier: it takes sparse input."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _is_real(number: object) -> bool:
    return isinstance(number, Real) and not isinstance(number, bool)

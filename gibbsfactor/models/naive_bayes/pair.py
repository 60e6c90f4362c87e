"""Naive Bayes as an exponential family, and its discriminative partner, softmax regression.

The log joint is linear in sufficient statistics; so the posterior is a softmax of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from gibbsfactor.errors import listed
from gibbsfactor.models.naive_bayes.family import FloatArray, Linear, Matrix
from gibbsfactor.models.naive_bayes.kinds import SPARSE_KINDS
from gibbsfactor.models.naive_bayes.model import Counted
from gibbsfactor.models.naive_bayes.table import Table

if TYPE_CHECKING:
    from gibbsfactor.models.softmax import SoftmaxRegression


class LinearView:
    """Statistics, natural parameters, and the softmax regression that has them for weights."""

    classes_: npt.NDArray[Any]
    class_log_prior_: FloatArray
    kinds_: tuple[str, ...]
    n_features_in_: int
    _counted: Counted

    @property
    def _names(self) -> list[str]:
        """Names of the columns; of those without, "x0", "x1", ..."""
        if hasattr(self, "feature_names_in_"):
            return list(map(str, self.feature_names_in_))
        return [f"x{i}" for i in range(self.n_features_in_)]

    if TYPE_CHECKING:

        def _read(self, X: Any, *, reset: bool) -> Table: ...

    def sufficient_statistics(self, X: Any, *, missing: bool | None = None) -> Matrix:
        """The statistics s(x) in which the log joint is linear: W s + b, shape (N, A).

        Of each column in turn: x and x^2 if gaussian, the bit if bernoulli, the count if
        multinomial, and an indicator for each category.

        Parameters
        ----------
        X : array_like, data frame or sparse, shape (N, D)
        missing : bool, optional
            Whether gaussian and bernoulli columns have a further statistic, which is one where
            the entry is missing. By default, those that lacked entries in training have.

        Returns
        -------
        ndarray or csr_array
            CSR if X is sparse or there are categorical columns. With multinomial columns, and
            bernoulli ones of zeros and ones, it is X itself.

        Raises
        ------
        ValueError
            If an entry is missing and there is no statistic for that.
        """
        check_is_fitted(self)
        table = self._read(X, reset=False)
        return self._counted.statistics(table, missing)

    def statistic_names(self, *, missing: bool | None = None) -> list[str]:
        """What each of the A statistics is: "x0", "x0^2", "x1=red", "x2 missing"."""
        check_is_fitted(self)
        return self._linear(missing).names

    def natural_parameters(self, *, missing: bool | None = None) -> tuple[FloatArray, FloatArray]:
        """The weights W (K, A) and biases b (K,) of the sufficient statistics::

            log P(y, x) = W_y . s(x) + b_y

        Parameters
        ----------
        missing : bool, optional
            As for `sufficient_statistics`.

        Raises
        ------
        ValueError
            If alpha = 0 or a class that was never met would make one infinite.

        Notes
        -----
        A gaussian column has the weights mu / var and -1 / (2 var). Both terms are large and
        cancel where a mean is many standard deviations from zero; centre such columns first.

        Source: Bishop (2006), section 2.4; Wainwright & Jordan (2008), section 3.2.
        """
        check_is_fitted(self)
        self._counted.check(self._names, self.classes_.tolist())
        linear = self._linear(missing)
        bias = linear.bias + self.class_log_prior_
        infinite = ~np.isfinite(linear.weights).all(axis=0)
        if infinite.any() or not np.isfinite(bias).all():
            which = [linear.names[i] for i in np.flatnonzero(infinite)]
            raise ValueError(
                f"the model has probabilities of zero (statistics {listed(which, 5) or 'none'}; "
                f"log P(y) {self.class_log_prior_.tolist()}), whose logs no weight can be; "
                "fit with alpha > 0 and with all classes possible"
            )
        return linear.weights, bias

    def _linear(self, missing: bool | None) -> Linear:
        return self._counted.linear(self._names, missing)

    def to_softmax(self, *, missing: bool | None = None) -> SoftmaxRegression:
        """The discriminative partner: softmax regression with the very same posterior.

        Its input are the `sufficient_statistics`, its weights the `natural_parameters`. Fitting
        it to data would find the weights with which P(y | x) alone is best, of which these are
        one choice.

        Parameters
        ----------
        missing : bool, optional
            As for `sufficient_statistics`.

        Returns
        -------
        SoftmaxRegression
            As if fitted, for ``predict_proba(model.sufficient_statistics(X))``.

        Raises
        ------
        ValueError
            As for `natural_parameters`, or if there is only one class.

        Notes
        -----
        Source: Ng & Jordan (2001), On discriminative vs. generative classifiers.

        Examples
        --------
        >>> from gibbsfactor.models.naive_bayes import NaiveBayes
        >>> X = np.array([[1.0, 0.2], [2.0, 0.1], [1.5, 2.0], [0.5, 2.2]])
        >>> model = NaiveBayes().fit(X, ["a", "a", "b", "b"])
        >>> model.statistic_names()
        ['x0', 'x0^2', 'x1', 'x1^2']
        >>> partner = model.to_softmax()
        >>> s = model.sufficient_statistics(X)
        >>> np.allclose(partner.predict_proba(s), model.predict_proba(X))
        True
        """
        weights, bias = self.natural_parameters(missing=missing)
        if len(bias) < 2:
            raise ValueError(
                f"the model has only one class, {self.classes_.tolist()[0]!r}; "
                "softmax regression needs at least 2 to tell apart"
            )
        same = weights.shape[1] == self.n_features_in_ and set(self.kinds_) <= {*SPARSE_KINDS}
        return softmax_of(
            self.classes_, weights, bias, getattr(self, "feature_names_in_", None) if same else None
        )


def softmax_of(
    classes: npt.NDArray[np.generic],
    weights: FloatArray,
    bias: FloatArray,
    feature_names: npt.NDArray[np.object_] | None = None,
) -> SoftmaxRegression:
    """Softmax regression with given weights, as if it had been fitted.

    Parameters
    ----------
    classes : ndarray, shape (K,)
        Sorted labels, at least two.
    weights : ndarray, shape (K, A)
    bias : ndarray, shape (K,)
    feature_names : ndarray of str, shape (A,), optional

    Returns
    -------
    SoftmaxRegression
        Of two classes it keeps the second one's weights less the first one's, which has the same
        posterior: the sigmoid.

    Examples
    --------
    >>> model = softmax_of(np.array(["a", "b"]), np.array([[1.0], [3.0]]), np.array([0.5, 0.0]))
    >>> model.coef_, model.intercept_
    (array([[2.]]), array([-0.5]))
    """
    from gibbsfactor.models.softmax import SoftmaxRegression

    model = SoftmaxRegression()
    if len(classes) == 2:
        weights, bias = weights[1:] - weights[:1], bias[1:] - bias[:1]
    model.classes_ = classes.copy()
    model.coef_, model.intercept_ = weights.copy(), bias.copy()
    model.n_features_in_ = weights.shape[1]
    if feature_names is not None:
        model.feature_names_in_ = feature_names.copy()
    model.n_iter_ = 0
    return model

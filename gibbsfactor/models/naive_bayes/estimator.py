"""Naive Bayes: the class, and features that are independent of each other given it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import networkx as nx
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted, validate_data

from gibbsfactor.errors import ZeroProbabilityError, listed
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.models.naive_bayes.attributes import keep_attributes, variables_of
from gibbsfactor.models.naive_bayes.family import FloatArray
from gibbsfactor.models.naive_bayes.kinds import Features, kinds_of
from gibbsfactor.models.naive_bayes.looks import Description, naive_graph
from gibbsfactor.models.naive_bayes.model import Counted
from gibbsfactor.models.naive_bayes.pair import LinearView
from gibbsfactor.models.naive_bayes.settings import Settings, log_prior
from gibbsfactor.models.naive_bayes.table import Table, is_frame, read_table
from gibbsfactor.models.naive_bayes.targets import read_labels, targets_of
from gibbsfactor.tables import MOST_LOG
from gibbsfactor.variable import Variable


class NaiveBayes(LinearView, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Naive Bayes over columns of any kind: one factor for the class, one for each feature.

    The features x_1 ... x_D are independent of each other given the class y::

        P(y, x) = P(y) prod_i P(x_i | y)        P(y | x) = P(y, x) / sum_k P(k, x)

    P(x_i | y) depends on the kind of column i:

    - "gaussian": the normal density with the class's mean and variance;
    - "categorical": a table of the labels met, strings or numbers, smoothed by alpha;
    - "bernoulli": P(x_i = 1 | y), where x_i is whether the entry is above ``binarize``;
    - "multinomial": theta_yi^x_i, for counts such as of words; theta_y sums to one over all
      columns of the kind (the multinomial coefficient, free of y, is left out).

    A missing entry (None, NaN, NA) is summed out: its factor is left out, in training and in
    prediction. A missing count is one of zero.

    Parameters
    ----------
    features : str, sequence of str, or mapping {column: str}
        One kind for all columns, one for each, or those of some columns by name or position. With
        "auto", which is also the kind of columns that a mapping leaves out, a column of numbers is
        gaussian, one of truth values bernoulli, one of strings or a categorical series
        categorical, and a sparse matrix multinomial.
    alpha : float or array_like, shape (D,)
        Added to every count (Laplace's rule at 1, Lidstone's otherwise), of all columns or of
        each; gaussian columns have no use for it. At 0, what was never met with a class is
        impossible with it.
    fit_prior : bool
        Whether P(y) is how often y was met, rather than the same for all.
    class_prior : array_like, shape (K,), optional
        P(y) itself, in the order of the sorted classes.
    var_smoothing : float
        This share of the largest variance among the gaussian columns is added to all variances.
        A variance that is zero even so, as where no column varies, becomes this number.
    binarize : float or None
        The number above which an entry of a bernoulli column is a one; with None the columns hold
        zeros and ones only.
    min_categories : int or array_like, shape (D,), optional
        How many categories columns have at least, met or not.
    unseen : {"missing", "category"}
        What a label is that training never met. It is one of the categories not met, if there are
        any by ``min_categories``. Otherwise it is as good as missing, or, with "category", every
        column is given one more category, which stands for all labels to come: their probability
        is alpha / (N_y + alpha M) in both cases, N_y the rows of class y that have an entry and M
        the number of categories. The categories that a categorical series declares are known.

    Attributes
    ----------
    classes_ : ndarray, shape (K,)
    class_count_ : ndarray, shape (K,)
        Weight of the rows of each class.
    class_log_prior_ : ndarray, shape (K,)
        log P(y), in nats.
    kinds_ : tuple of str
        The kind of each column.
    theta_, var_ : ndarray, shape (K, D)
        Means and variances of gaussian columns, NaN in others.
    epsilon_ : float
        What the last batch added to the variances.
    feature_count_, feature_log_prob_ : ndarray, shape (K, D)
        Totals, and log P(x_i = 1 | y) or log theta_yi, of bernoulli and multinomial columns, NaN
        in others.
    categories_ : dict {column: tuple of labels}
        Of categorical columns, by name, or by position if columns have no names.
    category_count_, category_log_prob_ : dict {column: ndarray, shape (K, M)}
        Weight of each category in each class, and log P(category | y).
    n_features_in_ : int
    feature_names_in_ : ndarray, shape (D,)
        If X had names of its columns.

    Notes
    -----
    What a class was never met with and alpha does not make up for takes no side: categories and
    bits are uniform, a gaussian column has the mean and the variance over all classes. A column
    without any entry in training says nothing.

    With columns of one kind only it is scikit-learn's GaussianNB, CategoricalNB, BernoulliNB or
    MultinomialNB, except that CategoricalNB takes all integers up to the largest for categories
    (see ``min_categories``), and that those give NaN where this says something.

    Source: Bishop (2006), Pattern Recognition and Machine Learning, section 4.2; Koller &
    Friedman (2009), section 3.1.3; Manning, Raghavan & Schuetze (2008), Introduction to
    Information Retrieval, chapter 13.

    Examples
    --------
    >>> X = [["red", 1.0], ["red", 1.4], ["green", 3.1], ["blue", 2.7]]
    >>> model = NaiveBayes().fit(X, ["cherry", "cherry", "plum", "plum"])
    >>> model.describe()
    column  kind         given the class
    x0      categorical  3 categories: 'blue', 'green', 'red'
    x1      gaussian     means 1.2 to 2.9, sd 0.2
    >>> model.predict([["green", 2.5], [None, 1.1], ["violet", 1.1]])
    array(['plum', 'cherry', 'cherry'], dtype='<U6')
    >>> model.gibbs(["red", None]).marginal("class")
    class   probability
    cherry         0.75
    plum           0.25
    """

    def __init__(
        self,
        features: Features = "auto",
        *,
        alpha: npt.ArrayLike = 1.0,
        fit_prior: bool = True,
        class_prior: npt.ArrayLike | None = None,
        var_smoothing: float = 1e-9,
        binarize: float | None = 0.0,
        min_categories: npt.ArrayLike | None = None,
        unseen: str = "missing",
    ) -> None:
        self.features = features
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.var_smoothing = var_smoothing
        self.binarize = binarize
        self.min_categories = min_categories
        self.unseen = unseen

    classes_: npt.NDArray[Any]
    _counted: Counted

    # ---- training ---------------------------------------------------------------------

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Count the rows of X, and forget those of before.

        Parameters
        ----------
        X : array_like, data frame or sparse, shape (N, D)
            Sparse where all columns are multinomial or bernoulli; missing entries of a sparse X
            are stored NaN.
        y : array_like, shape (N,)
            Class labels.
        sample_weight : array_like, shape (N,), optional
            A row of weight 2 is the same as the row given twice.

        Raises
        ------
        ValueError
            If a parameter is out of range, a column does not fit its kind, an entry is infinite,
            the sizes don't agree, or a class has variance zero and var_smoothing is 0.
        TypeError
            If a label of a category is not hashable.
        """
        self._count(X, y, None, sample_weight, afresh=True)
        self._counted.check(self._keys, self.classes_.tolist())
        return self

    def partial_fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        classes: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Count more rows.

        The result is that of one `fit` on all rows, except that var_smoothing goes by the
        variances of each batch. Kinds are those of the first call; categories may join in any.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array_like, shape (K,)
            All classes there will be; needed in the first call only.

        Raises
        ------
        ValueError, TypeError
            As for `fit`; or if classes are not named in the first call, or a label is none of
            them. Then nothing of the batch is counted.
        """
        afresh = not hasattr(self, "classes_")
        if afresh and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if not afresh and classes is not None:
            given = np.unique(np.asarray(classes))
            if not np.array_equal(given, self.classes_):
                raise ValueError(
                    f"partial_fit got the classes {listed(given.tolist())}, but they were "
                    f"{listed(self.classes_.tolist())} in an earlier call; fit starts afresh"
                )
        return self._count(X, y, classes, sample_weight, afresh=afresh)

    def _count(self, X: Any, y: Any, classes: Any, sample_weight: Any, *, afresh: bool) -> Self:
        table = self._read(X, reset=afresh)
        labels = read_labels(self, y, table.shape[0])
        if afresh:
            known = np.unique(labels if classes is None else np.asarray(classes))
        else:
            known = self.classes_
        settings = Settings.of(self, table.shape[1])
        targets = targets_of(labels, known, table.data, sample_weight)
        counted: Counted
        if afresh:
            counted = Counted.empty(kinds_of(self.features, table), known.size, settings)
        else:
            counted = self._counted
        counted = counted.plus(table, targets, settings)
        prior = log_prior(self, counted.class_count)
        self.classes_, self.kinds_, self._counted = known, counted.kinds, counted
        self.class_count_, self.class_log_prior_ = counted.class_count, prior
        keep_attributes(self, counted, self._keys)
        return self

    def _read(self, X: Any, *, reset: bool) -> Table:
        table = read_table(X)
        named = X if hasattr(X, "columns") else table.data
        validate_data(self, named, reset=reset, skip_check_array=True)
        return table

    @property
    def _keys(self) -> Sequence[Any]:
        """Names of the columns, or positions."""
        named = getattr(self, "feature_names_in_", None)
        return range(self.n_features_in_) if named is None else named.tolist()

    # ---- answers ----------------------------------------------------------------------

    def predict_joint_log_proba(self, X: Any) -> FloatArray:
        """log P(y, x) = log P(y) + sum_i log P(x_i | y) in nats, shape (N, K).

        -inf where alpha = 0 makes it impossible, or a normal density is below exp(-1e300); the
        density of gaussian columns may be above one.
        """
        check_is_fitted(self)
        table = self._read(X, reset=False)
        self._counted.check(self._keys, self.classes_.tolist())
        joint = np.tile(self.class_log_prior_, (table.shape[0], 1))
        self._counted.add_log_likelihood(table, joint)
        joint[joint < -MOST_LOG] = -np.inf
        return joint

    def predict_log_proba(self, X: Any) -> FloatArray:
        """log P(y | x) in nats, shape (N, K).

        Raises
        ------
        ZeroProbabilityError
            If a row is impossible with every class.
        """
        joint = self._possible(X)
        relative = joint - joint.max(axis=1, keepdims=True)
        return np.asarray(relative - np.log(np.exp(relative).sum(axis=1, keepdims=True)))

    def predict_proba(self, X: Any) -> FloatArray:
        """P(y | x), shape (N, K); raises as `predict_log_proba`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of every row, shape (N,); raises as `predict_log_proba`."""
        best = self._possible(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _possible(self, X: Any) -> FloatArray:
        joint = self.predict_joint_log_proba(X)
        impossible = np.isneginf(joint).all(axis=1)
        if impossible.any():
            rows = np.flatnonzero(impossible).tolist()
            raise ZeroProbabilityError(
                f"{len(rows)} of {len(joint)} rows have probability zero with every class (rows "
                f"{listed(rows, 5)}; the first is row 0), so no class can be told; fit with "
                "alpha > 0, or see predict_joint_log_proba, which is -inf there"
            )
        return joint

    def gibbs(self, x: Any) -> GibbsDistribution:
        """The Gibbs distribution over the variable "class" that one row makes.

        Parameters
        ----------
        x : array_like, series, sparse row, or mapping {column: entry}
            One row. In a mapping, columns that it leaves out are missing.

        Returns
        -------
        GibbsDistribution
            Of the factor P(y), then a factor P(x_i | y) for each column that has an entry, in
            their order (of a sparse row, only counts that are not zero: others are one). Its
            partition function is P(x), its marginal over "class" is `predict_proba`.

        Raises
        ------
        ValueError
            If x is not one row, or does not fit the columns.
        """
        check_is_fitted(self)
        table = self._row(x)
        self._counted.check(self._keys, self.classes_.tolist())
        logs = np.vstack([self.class_log_prior_, self._counted.log_factors(table)])
        logs[logs < -MOST_LOG] = -np.inf
        variable = self._class_variable()
        return GibbsDistribution([Factor.from_log(variable, weights) for weights in logs])

    def _row(self, x: Any) -> Table:
        if isinstance(x, Mapping):
            keys = self._keys
            strange = [name for name in x if name not in keys]
            if strange:
                raise ValueError(
                    f"x has entries for {listed(strange)}, which are no columns; "
                    f"the columns are {listed(keys, 12)}"
                )
            x = [x.get(key) for key in keys]
        elif hasattr(x, "to_frame"):  # a row of a data frame: its labels are names of columns
            x = x.to_frame().T
        if is_frame(x):
            table = self._read(x, reset=False)
        elif sp.issparse(x):
            table = read_table(x)
        else:
            row = x if isinstance(x, np.ndarray) else np.array(x, dtype=object)
            table = read_table(np.atleast_2d(row))
        if table.shape != (1, self.n_features_in_):
            raise ValueError(
                f"x has shape {np.shape(x)}; expected one row of {self.n_features_in_} features"
            )
        return table

    def _class_variable(self) -> Variable:
        return Variable("class", list(self.classes_))

    # ---- looks ------------------------------------------------------------------------

    def graph(self) -> nx.DiGraph[str]:
        """The directed graph: an edge from "class" to every column.

        Nodes have the attributes of `BayesianNetwork.graph`, and ``distribution``, the kind. A
        column of numbers has no ``states`` and no ``cardinality``. A column named "class" is the
        node "class (column)".
        """
        check_is_fitted(self)
        states = variables_of(self._counted, self._names)
        return naive_graph(self._class_variable(), self._names, self.kinds_, states)

    def describe(self) -> Description:
        """A table of the columns: name, kind, and what was learned of each."""
        check_is_fitted(self)
        words = self._counted.described()
        return Description(tuple(zip(self._names, self.kinds_, words, strict=True)))

    def _repr_html_(self) -> str:
        table = self.describe()._repr_html_() if hasattr(self, "classes_") else ""
        return f"{estimator_html_repr(self)}{table}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may ask: it takes sparse input and missing entries.

        The tag ``string`` stays False though it takes strings: scikit-learn's checks read it as
        taking any object whatever for an entry.
        """
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

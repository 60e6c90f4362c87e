"""The CRF among scikit-learn's tools: parameters, copies, pipelines, model selection."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest
from crf_data import KINDS, TEMPLATES, as_dicts, as_lists, chunks_of, sentences_of, train
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks

from gibbsfactor import LinearChainCRF
from gibbsfactor.features import Columns, Constraints

X, Y = sentences_of(24)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    make, options = KINDS[request.param]
    new = sentences_of(10, seed=1)[0]
    return train(make(X), Y, c2=0.3, **options), make(X), make(new)


# ---- parameters -----------------------------------------------------------------------------


def test_defaults_are_visible_and_in_the_documented_order():
    parameters = inspect.signature(LinearChainCRF).parameters
    assert [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD] == [
        "algorithm"
    ]
    crf = LinearChainCRF()
    assert crf.get_params() == {name: p.default for name, p in parameters.items()}
    assert (crf.algorithm, crf.c1, crf.c2, crf.max_iterations) == ("lbfgs", 0.0, 1.0, 1000)


def test_parameters_clone_and_repr():
    crf = LinearChainCRF(c2=0.5, templates=TEMPLATES, min_freq=2, n_threads=1, constraints="IOB2")
    parameters = crf.get_params()
    twin = clone(crf)
    assert twin.get_params() == parameters
    assert not hasattr(clone(train()), "weights_")
    assert crf.set_params(c2=2.0).c2 == 2.0
    with pytest.raises(ValueError, match="LinearChainCRF has no parameter 'c3'; it has"):
        crf.set_params(c3=1.0)
    assert "c2=2.0" in repr(crf)
    assert "min_freq=2" in repr(crf)


def test_fitting_does_not_touch_the_parameters_or_the_data():
    chunks, labels = chunks_of(20)
    given = {
        "constraints": Constraints.of_scheme(["B-x", "B-y", "I-x", "I-y", "O"], "IOB2"),
        "label_weights": {"O": 2.0},
        "c2": 0.5,
    }
    kept = {name: copy.deepcopy(value) for name, value in given.items() if name != "constraints"}
    data = copy.deepcopy((chunks, labels))
    crf = LinearChainCRF(progress=False, **given)
    crf.fit(chunks, labels, chunks[:3], labels[:3])
    crf.predict(chunks, known=[[None] * len(row) for row in labels])
    assert all(getattr(crf, name) is value for name, value in given.items())
    assert {name: crf.get_params()[name] for name in kept} == kept
    assert (chunks, labels) == data


@pytest.mark.parametrize(
    "twin",
    [copy.copy, copy.deepcopy, lambda crf: pickle.loads(pickle.dumps(crf))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_answer_alike_and_go_their_own_way(fitted, twin):
    crf, own, new = fitted
    crf.predict(new)
    other = twin(crf)
    assert other.get_params() == crf.get_params()
    assert other.predict(new) == crf.predict(new)
    for a, b in zip(other.predict_proba(new), crf.predict_proba(new), strict=True):
        assert_array_equal(a, b)
    before = crf.log_partition(new)
    other.set_params(c2=50.0).fit(own, Y)
    assert not np.allclose(other.log_partition(new), before)
    assert_array_equal(crf.log_partition(new), before)


def test_parameters_set_after_training_wait_for_the_next(tmp_path):
    """What there is of a model is as it was trained, whatever it is told to be the next time."""
    own, new = as_lists(X), as_lists(sentences_of(10, seed=1)[0])
    for before, after in (
        ({"boundary_weights": False}, {"boundary_weights": True}),
        ({"boundary_weights": True}, {"boundary_weights": False}),
        ({"order": 1}, {"order": 2}),
        ({"order": 2}, {"order": 1}),
    ):
        crf = train(own, Y, **before)
        expected, named = crf.log_partition(new), crf.state_features_
        crf.set_params(**after)
        assert_array_equal(crf.log_partition(new), expected)
        assert crf.state_features_ == named
        crf.save(tmp_path / "model")
        assert_array_equal(LinearChainCRF.load(tmp_path / "model").log_partition(new), expected)
        warm = copy.copy(crf).set_params(warm_start=True).fit(own, Y)
        assert warm.loss_ == pytest.approx(train(own, Y, **after).loss_, rel=1e-4)


def test_what_prediction_keeps_for_itself_is_not_pickled():
    crf = train()
    size = len(pickle.dumps(crf))
    crf.predict(as_lists(sentences_of(2)[0]))
    assert len(pickle.dumps(crf)) == size


# ---- pipelines and model selection ----------------------------------------------------------


class ToDicts(TransformerMixin, BaseEstimator):
    """Sentences of (word, tag) to feature dicts, with a setting to search over."""

    def __init__(self, tags=True):
        self.tags = tags

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return [[{"w": w, **({"t": t} if self.tags else {})} for w, t in x] for x in X]


def test_a_pipeline_ends_in_a_crf():
    pipeline = Pipeline([("features", ToDicts()), ("crf", LinearChainCRF(progress=False))])
    pipeline.fit(X, Y)
    alone = LinearChainCRF(progress=False).fit(ToDicts().transform(X), Y)
    assert pipeline.predict(X) == alone.predict(ToDicts().transform(X))
    assert pipeline.score(X, Y) == alone.score(ToDicts().transform(X), Y)
    pipeline.set_params(crf__c2=1e6).fit(X, Y, crf__sample_weight=np.arange(24) + 1.0)
    assert np.abs(pipeline[-1].weights_).max() < 1e-2
    search = GridSearchCV(pipeline, {"features__tags": [True, False], "crf__c2": [0.1, 1e6]}, cv=2)
    search.fit(X, Y)
    assert search.best_params_["crf__c2"] == 0.1


def test_model_selection_works():
    own = as_lists(X)
    assert cross_val_score(LinearChainCRF(progress=False), own, Y, cv=3).min() > 0.3
    search = GridSearchCV(LinearChainCRF(progress=False), {"c2": [0.1, 1.0, 1e6]}, cv=2).fit(own, Y)
    by_hand = {
        c2: cross_val_score(LinearChainCRF(c2=c2, progress=False), own, Y, cv=2).mean()
        for c2 in (0.1, 1.0, 1e6)
    }
    assert search.best_score_ == pytest.approx(max(by_hand.values()))
    assert by_hand[search.best_params_["c2"]] == pytest.approx(search.best_score_)
    best = LinearChainCRF(**search.best_params_, progress=False).fit(own, Y)
    assert search.predict(own) == best.predict(own)


def test_folds_of_columns_are_as_those_of_lists():
    columns = Columns.from_sentences(X)
    crf = LinearChainCRF(templates=TEMPLATES, progress=False)
    folds = KFold(3)
    lists = cross_val_score(crf, X, Y, cv=folds)
    by_hand = [
        clone(crf).fit(columns[train], [Y[n] for n in train]).score(
            columns[test], [Y[n] for n in test]
        )
        for train, test in folds.split(X)
    ]  # fmt: skip
    assert_allclose(lists, by_hand)
    assert crf.fit(X, Y).predict(columns) == crf.predict(X)


def test_scorers_and_predictions_by_folds():
    own = as_dicts(X)

    def sequences_right(truth, predicted):
        return float(np.mean([a == b for a, b in zip(truth, predicted, strict=True)]))

    crf = LinearChainCRF(progress=False, c2=0.1)
    scores = cross_val_score(crf, own, Y, cv=2, scoring=make_scorer(sequences_right))
    assert ((scores >= 0) & (scores <= 1)).all()
    lengths = {len(x) for x in own}
    same = [n for n, x in enumerate(own) if len(x) == max(lengths)]
    found = cross_val_predict(crf, [own[n] for n in same], [Y[n] for n in same], cv=2)
    assert len(found) == len(same)


# ---- scikit-learn's own checks --------------------------------------------------------------


class RowWise(LinearChainCRF):
    """Every row of X a sequence of one token.

    scikit-learn's checks of data give one matrix (n, features) and n labels, without `lengths`;
    a CRF takes sequences. Left out are those that ask for what a sequence estimator has not:
    `n_features_in_` and `feature_names_in_`, which are of tabular data; refusing one sample, a
    1d X or sparse y; a `decision_function`; and tags of a classifier, whose y is flat. And
    `check_estimators_nan_inf`, which wants "NaN" in capitals: there are tests of our own for it.
    """

    def fit(self, X, y, sample_weight=None):
        y = np.asarray(y).tolist()
        super().fit(np.asarray(X), y, lengths=[1] * len(y), sample_weight=sample_weight)
        return self

    def predict(self, X):
        found = super().predict(np.asarray(X), lengths=[1] * len(X))
        return np.array([labels[0] for labels in found])

    def predict_proba(self, X):
        return np.concatenate(super().predict_proba(np.asarray(X), lengths=[1] * len(X)))

    def score(self, X, y):
        return float(np.mean(self.predict(X) == np.asarray(y)))


OF_PARAMETERS = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_mixin_order",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_valid_tag_types",
    "check_estimator_tags_renamed",
]
OF_DATA = [
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_estimators_unfitted",
    "check_fit2d_1feature",
    "check_non_transformer_estimators_n_iter",
    "check_sample_weights_not_an_array",
    "check_all_zero_sample_weights_error",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_fit_score_takes_y",
    "check_fit_idempotent",
    "check_fit_check_is_fitted",
    "check_pipeline_consistency",
    "check_methods_subset_invariance",
    "check_methods_sample_order_invariance",
    "check_sample_weights_pandas_series",
    "check_sample_weights_list",
    "check_sample_weights_shape",
    "check_sample_weights_not_overwritten",
    "check_sample_weight_equivalence_on_dense_data",
    "check_readonly_memmap_input",
    "check_f_contiguous_array_estimator",
    "check_positive_only_tag_during_fit",
]


@pytest.mark.parametrize("name", OF_PARAMETERS)
def test_scikit_learns_checks_of_parameters(name):
    check = getattr(estimator_checks, name)
    check("LinearChainCRF", LinearChainCRF(progress=False))


@pytest.mark.parametrize("name", OF_DATA)
def test_scikit_learns_checks_of_data(name):
    check = getattr(estimator_checks, name)
    check("RowWise", RowWise(progress=False, tol=1e-10))

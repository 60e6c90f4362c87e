"""Code of sklearn-crfsuite and python-crfsuite runs with its import changed, and finds the same."""

from __future__ import annotations

import gzip
import importlib
import inspect
import io
import math
import pickle
import random
import re
import warnings
from collections import Counter
from itertools import chain

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import expon
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer
from sklearn.model_selection import RandomizedSearchCV, cross_val_predict, cross_val_score

import gibbsfactor.crfsuite as dropin
from gibbsfactor import LinearChainCRF
from gibbsfactor.crfsuite.parameters import PARAMETERS
from gibbsfactor.errors import FormatError
from gibbsfactor.io.crfsuite_model import CRFsuiteModel, read_crfsuite_model, write_crfsuite_model
from gibbsfactor.io.with_crfsuite import from_crfsuite, to_crfsuite

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # their imports may warn
    try:
        import pycrfsuite
    except ImportError:
        pycrfsuite = None
    try:
        import sklearn_crfsuite
    except ImportError:
        sklearn_crfsuite = None

needs_pycrfsuite = pytest.mark.skipif(pycrfsuite is None, reason="python-crfsuite is missing")
needs_sklearn_crfsuite = pytest.mark.skipif(
    sklearn_crfsuite is None, reason="sklearn-crfsuite is missing"
)

NAMES = {"PER": ["Ana", "Luis", "Rosa"], "LOC": ["Lugo", "Rosa", "Madrid"], "O": ["en", "y", "va"]}


def sentences(seed, n):
    """Sequences of (word, tag, label); a word may stand under several labels."""
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        sentence = []
        for kind in rng.choices(["PER", "LOC", "O"], [1, 1, 3], k=rng.randint(1, 7)):
            if sentence and kind != "O" != sentence[-1][2]:
                continue  # two names do not meet
            size = rng.randint(1, 2) if kind != "O" else 1
            for k in range(size):
                word = rng.choice(NAMES[rng.choice(list(NAMES)) if rng.random() < 0.1 else kind])
                label = kind if kind == "O" else f"{'I' if k else 'B'}-{kind}"
                sentence.append((word, "NP" if word[0].isupper() else "X", label))
        made.append(sentence)
    return made


def word2features(sent, i):
    """As in the tutorial of sklearn-crfsuite, shortened."""
    word, postag = sent[i][0], sent[i][1]
    features = {
        "bias": 1.0,
        "word.lower()": word.lower(),
        "word[-3:]": word[-3:],
        "word.istitle()": word.istitle(),
        "postag": postag,
    }
    if i > 0:
        features.update({"-1:word.lower()": sent[i - 1][0].lower(), "-1:postag": sent[i - 1][1]})
    else:
        features["BOS"] = True
    if i == len(sent) - 1:
        features["EOS"] = True
    return features


def xy(sents):
    X = [[word2features(s, i) for i in range(len(s))] for s in sents]
    return X, [[label for *_, label in s] for s in sents]


TRAIN, TEST = xy(sentences(1, 120)), xy(sentences(2, 40))

# ---- sklearn-crfsuite --------------------------------------------------------------------------


def tutorial(library):
    """The tutorial of sklearn-crfsuite; what it prints."""
    metrics = importlib.import_module(f"{library.__name__}.metrics")
    X_train, y_train, X_test, y_test = *TRAIN, *TEST
    crf = library.CRF(
        algorithm="lbfgs", c1=0.1, c2=0.1, max_iterations=100, all_possible_transitions=True
    )
    crf.fit(X_train, y_train)
    labels = list(crf.classes_)
    labels.remove("O")
    y_pred = crf.predict(X_test)
    f1 = metrics.flat_f1_score(y_test, y_pred, average="weighted", labels=labels)
    sorted_labels = sorted(labels, key=lambda name: (name[1:], name[0]))
    told = metrics.flat_classification_report(y_test, y_pred, labels=sorted_labels, digits=3)

    crf = library.CRF(algorithm="lbfgs", max_iterations=100, all_possible_transitions=True)
    params_space = {"c1": expon(scale=0.5), "c2": expon(scale=0.05)}
    f1_scorer = make_scorer(metrics.flat_f1_score, average="weighted", labels=labels)
    rs = RandomizedSearchCV(
        crf, params_space, cv=3, n_iter=3, scoring=f1_scorer, random_state=0, error_score="raise"
    )
    rs.fit(X_train, y_train)
    best = rs.best_estimator_
    assert best.size_ > 0
    top = Counter(best.transition_features_).most_common(5)
    states = [key for key, w in Counter(best.state_features_).most_common(5)]
    return labels, f1, told, rs.best_params_, round(rs.best_score_, 6), top, states


@pytest.fixture(scope="module")
def told():
    return tutorial(dropin)


def test_the_tutorial_runs_with_the_import_changed(told):
    labels, f1, text, best, score, top, states = told
    assert set(labels) == {"B-PER", "I-PER", "B-LOC", "I-LOC"}
    assert 0.75 < f1 < 1
    assert "weighted avg" in text
    assert set(best) == {"c1", "c2"}
    assert 0.75 < score < 1
    assert {"B-LOC", "B-PER"} & {label for pair, _ in top for label in pair}
    assert len(states) == 5


@needs_sklearn_crfsuite
def test_the_tutorial_finds_what_it_finds_with_sklearn_crfsuite(told):
    theirs = tutorial(sklearn_crfsuite)
    assert told[:4] == theirs[:4]
    assert told[4] == pytest.approx(theirs[4], abs=5e-3)
    assert [pair for pair, _ in told[5]] == [pair for pair, _ in theirs[5]]
    for (_, ours), (_, other) in zip(told[5], theirs[5], strict=True):
        assert ours == pytest.approx(other, abs=0.2)  # the optimum is flat where c2 is small
    assert told[6][0] == theirs[6][0]


def test_imports_of_modules_and_names():
    assert (
        dropin.metrics.flat_f1_score
        is importlib.import_module("gibbsfactor.crfsuite.metrics").flat_f1_score
    )
    crf = dropin.CRF(c2=0.1)
    assert cross_val_score(crf, *TRAIN, cv=3, scoring=dropin.scorers.flat_accuracy).min() > 0.7
    by_sentence = cross_val_score(crf, *TRAIN, cv=3, scoring=dropin.scorers.sequence_accuracy)
    assert 0 < by_sentence.mean() < 1


@needs_sklearn_crfsuite
def test_the_constructor_is_that_of_sklearn_crfsuite():
    ours, theirs = (inspect.signature(c) for c in (dropin.CRF, sklearn_crfsuite.CRF))
    assert list(ours.parameters) == list(theirs.parameters)
    documented = re.findall(
        r"^    (\w+) : \w+, optional \(default=(.*)\)$", sklearn_crfsuite.CRF.__doc__, re.MULTILINE
    )
    assert len(documented) > 20
    for name, default in documented:
        assert ours.parameters[name].default == eval(default), name
    public = {n for n in vars(sklearn_crfsuite.CRF) if not n.startswith("_")}
    assert public - set(dir(dropin.CRF)) == set()


OPTIONS = {
    "defaults": {},
    "l1": {"c1": 0.8, "c2": 0.0},
    "elastic net": {"c1": 0.3, "c2": 0.05},
    "possible": {"all_possible_states": True, "all_possible_transitions": True},
    "frequent": {"min_freq": 4},
    "frequent, possible": {"min_freq": 2.5, "all_possible_states": True},
    "None throughout": dict.fromkeys(PARAMETERS),
}


@needs_sklearn_crfsuite
@pytest.mark.parametrize("name", OPTIONS)
def test_weights_and_labels_are_those_of_sklearn_crfsuite(name):
    tight = {"delta": 1e-10}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        ours = dropin.CRF(**(OPTIONS[name] | tight)).fit(*TRAIN)
    theirs = sklearn_crfsuite.CRF(**(OPTIONS[name] | tight | {"epsilon": 1e-7})).fit(*TRAIN)
    assert ours.classes_ == theirs.classes_
    assert ours.model_.loss_ == pytest.approx(theirs.training_log_.last_iteration["loss"], rel=1e-6)
    if OPTIONS[name].get("c2") != 0:  # else the optimum is not a single point
        for kind in ("state_features_", "transition_features_"):
            one, other = getattr(ours, kind), getattr(theirs, kind)
            for pair in one.keys() | other.keys():
                assert one.get(pair, 0) == pytest.approx(other.get(pair, 0), abs=5e-3), pair
    assert [*map(list, ours.predict(TEST[0]))] == [*map(list, theirs.predict(TEST[0]))]
    for x in TEST[0][:5]:
        for one, other in zip(
            ours.predict_marginals_single(x), theirs.predict_marginals_single(x), strict=True
        ):
            assert one == pytest.approx(other, abs=1e-3)


@needs_sklearn_crfsuite
def test_values_below_zero_and_features_that_cancel_are_counted_as_crfsuite_does():
    X = [[{"a": -0.5}, {"a": 1.5, "b": -1}], [{"a": -0.5}, {"b": 2}]]
    y = [["X", "Y"], ["X", "Y"]]
    ours, theirs = dropin.CRF().fit(X, y), sklearn_crfsuite.CRF().fit(X, y)
    assert set(ours.state_features_) == {("a", "Y"), ("b", "Y")}  # ("a", "X") occurs -1 times
    assert ours.state_features_ == pytest.approx(theirs.state_features_, abs=1e-4)
    assert ours.attributes_ == theirs.attributes_
    assert ours.num_attributes_ == theirs.num_attributes_ == 2


def odd_data(seed):
    """Sequences with values 0, below 0 and large ones, and parameters to train on them with."""
    rng = random.Random(seed)

    def value():
        return rng.choice(
            [0, False, -0.0, True, 1, -1, -2.5, 10.0, -3e1, "p", "q", {"n": 0, "s": ["u", "v"]}]
        )

    labels = "XYZ"[: rng.randint(2, 3)]
    lengths = [rng.randint(1, 5) for _ in range(rng.randint(3, 8))]
    X = [
        [{k: value() for k in rng.sample("abcd", rng.randint(0, 4))} for _ in range(n)]
        for n in lengths
    ]
    y = [[rng.choice(labels) for _ in range(n)] for n in lengths]
    return (
        X,
        y,
        {
            "c1": rng.choice([0, 0.3]),
            "c2": rng.choice([0.1, 1.0]),
            "min_freq": rng.choice([0, 0, 0.5, 2, -3]),
            "all_possible_states": rng.random() < 0.5,
            "all_possible_transitions": rng.random() < 0.5,
        },
    )


@needs_sklearn_crfsuite
@pytest.mark.parametrize("seed", range(24))
def test_zeros_and_odd_values_make_the_features_of_crfsuite(seed):
    X, y, options = odd_data(seed)
    tight = {"delta": 1e-12, "max_iterations": 10_000}
    ours = dropin.CRF(**options, **tight).fit(X, y)
    theirs = sklearn_crfsuite.CRF(**options, **tight, epsilon=1e-9, period=30).fit(X, y)
    logs = ours.training_log_, theirs.training_log_
    assert logs[0].featgen_num_features == logs[1].featgen_num_features
    assert set(ours.state_features_) == set(theirs.state_features_)
    assert set(ours.transition_features_) == set(theirs.transition_features_)
    for x in X:
        found, expected = ours.predict_marginals_single(x), theirs.predict_marginals_single(x)
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other, abs=1e-3)


def test_a_value_of_0_is_a_feature_in_the_drop_in_alone():
    X, y = [[{"t": True}], [{"t": False}], [{"t": False}]], [["N"], ["D"], ["V"]]
    crf = dropin.CRF(c2=0.1).fit(X, y)
    assert set(crf.state_features_) == {("t", "N"), ("t", "D"), ("t", "V")}
    assert crf.state_features_["t", "N"] == pytest.approx(1.2177, abs=1e-3)
    assert crf.predict_marginals_single([{"t": 1}])[0]["N"] == pytest.approx(0.7565, abs=1e-3)
    plain = LinearChainCRF(c2=0.1).fit(X, y)  # a dict, a sparse matrix, stored zeros or not
    assert set(plain.state_features_) == {("t", "N")}
    for stored in (
        csr_array([[1.0], [0.0], [0.0]]),
        csr_array(([1.0, 0, 0], ([0, 1, 2], [0, 0, 0]))),
    ):
        same = LinearChainCRF(c2=0.1).fit(stored, y, lengths=[1, 1, 1])
        assert list(same.weights_) == pytest.approx(list(plain.weights_), abs=1e-12)
    below = csr_array(([1.0, -1, 0], ([0, 1, 2], [0, 0, 0])))
    assert set(LinearChainCRF().fit(below, y, lengths=[1, 1, 1]).state_features_) == {
        ("x0", "N"),
        ("x0", "D"),
    }


@needs_sklearn_crfsuite
def test_tokens_without_features_are_labelled_by_their_neighbours():
    X, y = [[{}, {}, {}], [[], []]], [["X", "Y", "X"], ["X", "Y"]]
    ours, theirs = dropin.CRF(delta=1e-10).fit(X, y), sklearn_crfsuite.CRF(delta=1e-10).fit(X, y)
    assert ours.transition_features_ == pytest.approx(theirs.transition_features_, abs=1e-3)
    assert ours.state_features_ == theirs.state_features_ == {}
    assert [*map(list, ours.predict(X))] == [*map(list, theirs.predict(X))]
    with pytest.raises(ValueError, match="no attribute occurs on 1 tokens or more"):
        dropin.CRF().fit([[{}], [[]]], [["X"], ["Y"]])  # nor are there neighbours


@needs_sklearn_crfsuite
@pytest.mark.parametrize("algorithm", ["l2sgd", "ap"])
def test_stochastic_algorithms_do_about_as_well(algorithm):
    ours = dropin.CRF(algorithm).fit(*TRAIN)
    theirs = sklearn_crfsuite.CRF(algorithm).fit(*TRAIN)
    assert ours.score(*TEST) > theirs.score(*TEST) - 0.03
    if algorithm == "l2sgd":  # an objective that both lower
        found, best = (objective(m) for m in (ours.model_, LinearChainCRF(tol=1e-9).fit(*TRAIN)))
        assert best <= found < best * 1.002
        assert found < objective(from_crfsuite(theirs.modelfile.name)) * 1.001


def objective(model):
    return -model.log_probability(*TRAIN).sum() + (model.weights_**2).sum()


@needs_sklearn_crfsuite
def test_held_out_data_are_measured_and_change_nothing(capsys):
    ours = dropin.CRF(verbose=True).fit(*TRAIN, *TEST)
    assert ours.training_log_.last_iteration["scores"]
    assert re.search(r"B-LOC +0\.\d{3}", capsys.readouterr().out)
    theirs = sklearn_crfsuite.CRF(verbose=False).fit(*TRAIN, *TEST)
    assert ours.state_features_ == dropin.CRF().fit(*TRAIN).state_features_
    mine, other = (m.training_log_.last_iteration for m in (ours, theirs))
    for key in ("avg_precision", "avg_recall", "avg_f1"):
        assert mine[key] == pytest.approx(other[key], abs=1e-6)
    for key in ("item_accuracy", "instance_accuracy", "active_features"):
        assert mine[key] == other[key]
    assert {k: v[:3] for k, v in mine["scores"].items()} == {
        k: tuple(v[:3]) for k, v in other["scores"].items()
    }
    for one in ours.training_log_.iterations:
        assert {"num", "loss", "error_norm", "time"} <= set(one)
    assert ours.training_log_.featgen_num_features == theirs.training_log_.featgen_num_features


def test_equally_good_labels_the_first_that_training_named_wins():
    crf = dropin.CRF().fit([[{"a": 1}], [{"b": 1}]], [["z"], ["y"]])
    assert crf.classes_ == ["z", "y"]
    assert crf.predict_single([{"new": 1}]) == ["z"]


def test_a_subclass_may_leave_out_what_the_constructor_does():
    class Ours(dropin.CRF):
        def __init__(self, c2=0.1):
            self.c2 = c2

    crf = Ours().fit(*TRAIN)
    assert crf.state_features_ == dropin.CRF(c2=0.1).fit(*TRAIN).state_features_
    assert crf.get_params() == {"c2": 0.1}
    assert clone(crf).training_log_ is None


def in_bytes(thing):
    if isinstance(thing, str):
        return thing.encode()
    if isinstance(thing, dict):
        return {in_bytes(key): in_bytes(value) for key, value in thing.items()}
    return [*map(in_bytes, thing)] if isinstance(thing, list) else thing


def test_features_and_labels_may_be_bytes(tmp_path):
    crf = dropin.CRF(c2=0.1).fit(*TRAIN)
    (X, y), asked = in_bytes([*TRAIN]), TEST[0][0]
    same = dropin.CRF(c2=0.1).fit(X, [np.array(y[0]), *y[1:]], X[:3], y[:3])
    assert same.state_features_ == crf.state_features_
    assert same.classes_ == crf.classes_
    assert same.predict(in_bytes(TEST[0])).tolist() == crf.predict(TEST[0]).tolist()
    assert same.score(*in_bytes([*TEST])) == crf.score(*TEST)
    tagger, label = same.tagger_, crf.predict_single(asked)[0]
    tagger.set(asked)
    assert tagger.marginal(label.encode(), 0) == tagger.marginal(label, 0)
    assert tagger.probability(in_bytes(TEST[1][0])) == tagger.probability(TEST[1][0])
    with pytest.raises(ValueError, match=r"the bytes b'\\xff' are not UTF-8"):
        dropin.CRF().fit(X, [[b"\xff"] * len(x) for x in X])


@pytest.mark.parametrize("of_arrays", [np.array, lambda x: np.array(x, object)])
def test_tokens_of_every_iterable_kind(of_arrays):
    """Keys of dicts, generators, arrays, sets and tuples, and sequences that are such."""
    X = [[["a", "b"], ["b", "c"]], [["c", "a"], ["a", "b"]]]
    y = [["X", "Y"], ["Y", "X"]]
    crf = dropin.CRF(c2=0.1).fit(X, y)
    shares = [*crf.predict_marginals(X)]
    forms = [
        lambda token: dict.fromkeys(token).keys(),
        iter,
        tuple,
        set,
        frozenset,
        of_arrays,
        lambda token: dict.fromkeys(token, 1),
    ]
    for form in forms:
        same = dropin.CRF(c2=0.1).fit([map(form, x) for x in X], map(tuple, y))
        assert same.state_features_ == pytest.approx(crf.state_features_, abs=1e-12)
        for one, other in zip(
            same.predict_marginals([map(form, x) for x in X]), shares, strict=True
        ):
            assert [*map(pytest.approx, other)] == one
    for whole in (of_arrays(X), [of_arrays(x) for x in X], map(of_arrays, X)):
        assert dropin.CRF(c2=0.1).fit(whole, of_arrays(y)).state_features_ == crf.state_features_
    assert LinearChainCRF(c2=0.1).fit([[*map(forms[0], x)] for x in X], y).predict(X) == y


class Told(dropin.Trainer):
    """Notes its events."""

    def __init__(self):
        self.events, self.messages = [], []

    def message(self, message):
        self.messages.append(message)
        super().message(message)

    def on_start(self, log):
        self.events.append(("start", log))

    def on_featgen_progress(self, log, percent):
        self.events.append(("featgen_progress", percent))

    def on_featgen_end(self, log):
        self.events.append(("featgen_end", log))

    def on_prepared(self, log):
        self.events.append(("prepared", log))

    def on_prepare_error(self, log):
        self.events.append(("prepare_error", log))

    def on_iteration(self, log, info):
        self.events.append(("iteration", dict(info)))

    def on_optimization_end(self, log):
        self.events.append(("optimization_end", log))

    def on_end(self, log):
        self.events.append(("end", log))


def test_training_tells_what_python_crfsuite_tells(tmp_path):
    """By a subclass, too, that does not call the constructor above it."""
    trainer = Told()
    assert trainer.logparser is trainer.model is None
    for group, (x, labels) in enumerate(zip(*TRAIN, strict=True)):
        trainer.append(x, labels, group % 10 == 9)
    trainer.set_params({"c2": 0.5, "max_iterations": 4})
    trainer.train(tmp_path / "quiet", holdout=1)
    assert trainer.events == []  # verbose is False, but messages come
    log = trainer.logparser
    assert log.log == trainer.messages
    assert {"type: CRF1d\n", "c2: 0.500000\n", "***** Iteration #4 *****\n"} <= set(log.log)
    trainer.verbose = True
    trainer.train(tmp_path / "told", holdout=1)
    kinds = [kind for kind, _ in trainer.events]
    middle = ["featgen_end", "prepared", *4 * ["iteration"], "optimization_end", "end"]
    assert kinds == ["start", *51 * ["featgen_progress"], *middle]
    assert [said for kind, said in trainer.events if kind == "featgen_progress"][-1] == 100
    infos = [info for kind, info in trainer.events if kind == "iteration"]
    assert [info["num"] for info in infos] == [1, 2, 3, 4]
    assert infos[0]["loss"] > infos[-1]["loss"] == log.last_iteration["loss"]
    assert infos[0]["active_features"] > 50
    told = dict(trainer.events)
    assert re.search(r"    B-LOC: \(\d+, \d+, \d+\) \(0\.\d{4}, ", told["optimization_end"])
    assert trainer.logparser.last_iteration["scores"]["O"].ref > 0
    assert trainer.model.predict(TEST[0]) == LinearChainCRF.load(tmp_path / "told").predict(TEST[0])


@needs_pycrfsuite
def test_messages_are_those_of_python_crfsuites_parser(tmp_path):
    from pycrfsuite._logparser import TrainLogParser

    trainer, parser = Told(), TrainLogParser()
    for group, (x, labels) in enumerate(zip(*TRAIN, strict=True)):
        trainer.append(x, labels, group % 10 == 9)
    trainer.train(tmp_path / "model", holdout=1)
    events = [event for event in map(parser.feed, trainer.messages) if event is not None]
    assert [event for event in events if event != "featgen_progress"] == [
        "start",
        "featgen_end",
        "prepared",
        *len(trainer.logparser.iterations) * ["iteration"],
        "optimization_end",
        "end",
    ]
    log = trainer.logparser
    assert parser.featgen_num_features == log.featgen_num_features
    for one, other in zip(parser.iterations, log.iterations, strict=True):
        for name in ("num", "loss", "feature_norm", "active_features", "linesearch_trials"):
            assert one[name] == pytest.approx(other[name], abs=1e-6)


def test_the_trainers_own_log_is_printed(capsys):
    trainer = dropin.Trainer()
    trainer.append([["a"], ["b"]], ["X", "Y"])
    trainer.train("")
    out, err = capsys.readouterr()
    assert out == "".join(trainer.logparser.log)
    assert out.startswith("Feature generation\ntype: CRF1d\nfeature.minfreq: 0.000000\n")
    assert "Error norm: " in out
    assert err == ""


def test_errors_of_training_and_of_its_messages_are_raised():
    class Broken(Told):
        def on_iteration(self, log, info):
            raise ZeroDivisionError("a mistake of theirs")

    trainer = Broken()
    trainer.verbose = True
    trainer.append([["a"], ["b"], []], ["X", "Y", "Y"])
    with pytest.raises(ZeroDivisionError, match="a mistake of theirs"):
        trainer.train("")
    assert trainer.events[-1][0] == "prepared"
    wrong = Told()
    wrong.verbose = True
    wrong.append([{"a": math.nan}], ["X"])
    with pytest.raises(ValueError, match="the attribute 'a' is nan"):
        wrong.train("")
    kind, log = wrong.events[-1]
    assert kind == "prepare_error"
    assert "the attribute 'a' is nan" in log


def test_a_trainer_of_ones_own_trains_the_estimator():
    seen = []

    class Ours(dropin.Trainer):
        def on_iteration(self, log, info):
            seen.append(info["loss"])

        def on_start(self, log):
            pass

        on_featgen_end = on_prepared = on_optimization_end = on_end = on_start

        def on_featgen_progress(self, log, percent):
            pass

    crf = dropin.CRF(c1=0.1, c2=0.1, verbose=True, trainer_cls=Ours).fit(*TRAIN, *TEST)
    assert crf.state_features_ == dropin.CRF(c1=0.1, c2=0.1).fit(*TRAIN).state_features_
    assert seen == [one["loss"] for one in crf.training_log_.iterations]
    assert crf.training_log_.last_iteration["item_accuracy"] > 0.7
    with pytest.raises(ValueError, match="algorithm='ap' has no parameter 'c1'"):
        dropin.CRF("ap", c1=0.1, trainer_cls=Ours).fit(*TRAIN)


def test_models_come_from_bytes_and_open_files(tmp_path):
    path = tmp_path / "ours"
    model = train(dropin, path, {"c2": 0.1}).model
    to_crfsuite(model, tmp_path / "theirs")
    expected = model.predict(TEST[0])
    for data in (path.read_bytes(), (tmp_path / "theirs").read_bytes()):
        with dropin.Tagger().open_inmemory(data) as tagger:
            assert tagger.tag(TEST[0][0]) == expected[0]
        with dropin.Tagger().open(io.BytesIO(data)) as tagger:
            assert tagger.tag(TEST[0][0]) == expected[0]
        with dropin.Tagger().open_inmemory(
            gzip.compress((tmp_path / "theirs").read_bytes())
        ) as tagger:
            assert tagger.tag(TEST[0][0]) == expected[0]
    written = io.BytesIO()
    to_crfsuite(model, written)
    assert written.getvalue() == (tmp_path / "theirs").read_bytes()
    saved = io.BytesIO()
    train(dropin, path, {"c2": 0.1})
    trainer = dropin.Trainer(verbose=False)
    trainer.append(TRAIN[0][0], TRAIN[1][0])
    trainer.train(saved)
    assert dropin.Tagger().open_inmemory(saved.getvalue()).thing.labels() == trainer.model.classes_
    for wrong in (b"", b"no", b"lCRFabc"):
        with pytest.raises(FormatError, match=r"expected a linear-chain CRF file|cut short"):
            dropin.Tagger().open_inmemory(wrong)


def test_predictions_are_one_array_entry_a_sequence():
    crf = dropin.CRF(c2=0.1, max_iterations=5).fit(*TRAIN)  # no warning: it was asked for
    assert not crf.model_.converged_
    same_length = [x[:1] for x in TEST[0]]
    for answer in (crf.predict(same_length), crf.predict_marginals(same_length)):
        assert answer.shape == (40,)
        assert len(answer[0]) == 1
    assert cross_val_predict(crf, *TRAIN, cv=3).shape == (120,)
    assert crf.predict([]).shape == (0,)
    assert crf.predict_single([]) == []


def test_clone_and_pickle():
    crf = dropin.CRF(c1=0.1, min_freq=2).fit(*TRAIN)
    again = pickle.loads(pickle.dumps(crf))
    assert again.predict(TEST[0]).tolist() == crf.predict(TEST[0]).tolist()
    bare = clone(crf)
    assert bare.get_params() == crf.get_params()
    with pytest.raises(NotFittedError, match=r"this CRF is not fitted yet; call fit\(X, y\)"):
        bare.predict(TEST[0])
    assert bare.classes_ is bare.tagger_ is bare.state_features_ is None


def test_the_model_inside_answers_everything_else(tmp_path):
    crf = dropin.CRF(c2=0.1).fit(*TRAIN)
    assert type(crf.model_) is LinearChainCRF
    (best, share), (_, less) = crf.model_.k_best(TEST[0][:1], 2)[0]
    assert best == crf.predict(TEST[0][:1])[0]
    assert share > less
    crf.model_.save(tmp_path / "model.crf")
    again = LinearChainCRF.load(tmp_path / "model.crf")
    assert again.predict(TEST[0]) == crf.predict(TEST[0]).tolist()
    assert again.classes_ == crf.classes_


def test_a_model_file_is_opened_and_written(tmp_path):
    path = tmp_path / "model"
    crf = dropin.CRF(c2=0.1, model_filename=path)
    with pytest.raises(NotFittedError):
        crf.predict(TEST[0])
    predicted = crf.fit(*TRAIN).predict(TEST[0]).tolist()
    assert dropin.CRF(model_filename=path).predict(TEST[0]).tolist() == predicted
    to_crfsuite(crf.model_, path)
    opened = dropin.CRF(model_filename=path)
    assert opened.predict(TEST[0]).tolist() == predicted
    assert opened.state_features_ == crf.state_features_


REFUSED = {
    "pa": ({"algorithm": "pa"}, r"algorithm='pa' is not there in gibbsfactor; use 'ap'"),
    "arow": ({"algorithm": "arow"}, "algorithm='arow' is not there"),
    "unknown": ({"algorithm": "sgd"}, r"'sgd'; it must be 'lbfgs', 'l2sgd' or 'ap'"),
    "of pa": ({"c": 2}, "c is 2, but it belongs to algorithm='pa'"),
    "of arow": ({"gamma": 0.5}, "gamma is 0.5, but it belongs to algorithm='arow'"),
    "c1": (
        {"algorithm": "l2sgd", "c1": 0.1},
        "c1 is 0.1, but algorithm='l2sgd' has no such parameter; leave it out, or use 'lbfgs'",
    ),
    "c2": ({"algorithm": "ap", "c2": 0.1}, "c2 is 0.1, but algorithm='ap' has no such parameter"),
    "calibration": (
        {"calibration_eta": 0.2},
        "calibration_eta is 0.2, but algorithm='lbfgs' has no such parameter",
    ),
    "linesearch": ({"linesearch": "Armijo"}, "linesearch is 'Armijo'; it must be one of 'More"),
    "nan": ({"c2": math.nan}, "c2 is nan; it must be a finite number"),
    "word": ({"max_iterations": "many"}, "max_iterations is 'many'; it must be a whole number"),
    "half": ({"max_iterations": 2.5}, r"max_iterations is 2\.5; it must be a whole number"),
    "below": ({"c2": -1}, r"c2 is -1\.0; it must be a finite number of at least 0"),
    "rare": ({"min_freq": 10_000}, "no feature occurs min_freq=10000 times"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_an_error(name):
    given, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        dropin.CRF(**given).fit(*TRAIN)


STEERING = {
    "num_memories": 3,
    "epsilon": 1e-3,
    "period": 5,
    "linesearch": "Backtracking",
    "max_linesearch": 5,
}


@pytest.mark.parametrize("name", STEERING)
def test_what_only_steers_crfsuite_warns(name):
    X, y = TRAIN[0][:5], TRAIN[1][:5]
    with pytest.warns(UserWarning, match=f"{name}={STEERING[name]!r} changes nothing") as seen:
        dropin.CRF(**{name: STEERING[name]}).fit(X, y)
    assert seen[0].filename == __file__
    trainer = dropin.Trainer("lbfgs", {name: STEERING[name]}, verbose=False)
    trainer.append(X[0], y[0])
    with pytest.warns(UserWarning, match=f"{name}={STEERING[name]!r} changes nothing") as seen:
        trainer.train("")
    assert seen[0].filename == __file__


def test_other_errors():
    X, y = TRAIN
    with pytest.raises(TypeError, match="trainer_cls is <class 'dict'>; it must be a subclass of"):
        dropin.CRF(trainer_cls=dict).fit(X, y)
    with pytest.raises(ValueError, match="120 sequences were given, but labels for 119"):
        dropin.CRF(trainer_cls=dropin.Trainer).fit(X, y[:-1])
    with pytest.warns(UserWarning, match="keep_tempfiles=True changes nothing"):
        dropin.CRF(keep_tempfiles=True).fit(X[:5], y[:5])
    with pytest.raises(ValueError, match="y_dev is given without X_dev; give both"):
        dropin.CRF().fit(X, y, y_dev=y)
    with pytest.raises(ValueError, match=r"120 sequences.*119"):
        dropin.CRF().fit(X, y[:-1])


# ---- python-crfsuite ---------------------------------------------------------------------------


def train(library, path, params, data=TRAIN, **more):
    trainer = library.Trainer(verbose=False)
    trainer.select("lbfgs")
    for x, labels in zip(*data, strict=True):
        trainer.append(x, labels)
    trainer.set_params(params)
    trainer.train(str(path), **more)
    return trainer


@needs_pycrfsuite
def test_trainer_and_tagger_do_as_those_of_python_crfsuite(tmp_path):
    params = {"c1": 0.2, "c2": 1e-2, "feature.possible_transitions": True, "delta": 1e-6}
    ours = train(dropin, tmp_path / "ours", params)
    theirs = train(pycrfsuite, tmp_path / "theirs", params | {"epsilon": 1e-7})
    assert ours.params() == theirs.params()
    assert ours.get_params() | {"epsilon": 0} == theirs.get_params() | {"epsilon": 0}
    assert ours.logparser.last_iteration["loss"] == pytest.approx(
        theirs.logparser.last_iteration["loss"], rel=2e-5
    )
    mine, tagger = dropin.Tagger(), pycrfsuite.Tagger()
    mine.open(str(tmp_path / "ours"))
    tagger.open(str(tmp_path / "theirs"))
    assert mine.labels() == tagger.labels()
    for x, labels in zip(*TEST, strict=True):
        assert mine.tag(x) == tagger.tag(x)
        assert mine.probability(labels) == pytest.approx(tagger.probability(labels), abs=5e-3)
        last = len(x) - 1
        assert mine.marginal("O", last) == pytest.approx(tagger.marginal("O", last), abs=5e-3)
    info, other = mine.info(), tagger.info()
    assert info.labels == other.labels
    assert info.transitions == pytest.approx(other.transitions, rel=0.02, abs=0.05)
    assert len(info.state_features) == pytest.approx(len(other.state_features), rel=0.03)
    assert info.header["num_labels"] == other.header["num_labels"]


@needs_pycrfsuite
@pytest.mark.parametrize("algorithm", ["lbfgs", "l2sgd", "ap"])
def test_parameters_and_their_defaults_are_python_crfsuites(algorithm):
    ours, theirs = (lib.Trainer(algorithm, verbose=False) for lib in (dropin, pycrfsuite))
    assert ours.get_params() == theirs.get_params()
    assert all(ours.help(name) for name in ours.params())


def test_parameters_of_the_trainer():
    trainer = dropin.Trainer("ap", {"max_iterations": 7})
    assert trainer.get("max_iterations") == 7
    trainer.select("averaged-perceptron")
    assert trainer.get("max_iterations") == 100
    trainer.set("feature.possible_states", "1")
    assert trainer.get_params()["feature.possible_states"] is True
    with pytest.raises(ValueError, match="algorithm='ap' has no parameter 'c2', only 'feature"):
        trainer.set("c2", 1)
    with pytest.raises(ValueError, match="algorithm='passive-aggressive' is not there"):
        trainer.select("passive-aggressive")
    with pytest.raises(ValueError, match="type is 'crf2d'; the only one is 'crf1d'"):
        trainer.select("lbfgs", "crf2d")


@needs_pycrfsuite
def test_a_group_is_held_out(tmp_path):
    logs = []
    for library in (dropin, pycrfsuite):
        trainer = library.Trainer(verbose=False)
        for group, data in enumerate((TRAIN, TEST)):
            for x, labels in zip(*data, strict=True):
                trainer.append(x, labels, group)
        trainer.train(str(tmp_path / library.__name__), holdout=1)
        logs.append(trainer.logparser.last_iteration)
    assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], rel=1e-4)
    assert logs[0]["avg_f1"] == pytest.approx(logs[1]["avg_f1"], abs=1e-2)


def test_errors_of_trainer_and_tagger(tmp_path):
    trainer = dropin.Trainer(verbose=False)
    with pytest.raises(ValueError, match="no sequence to train on: 0 were given"):
        trainer.train(tmp_path / "none")
    trainer.append(["a"], ["X"], group=1)
    with pytest.raises(ValueError, match="1 were given, of which 1 are held out"):
        trainer.train(tmp_path / "none", holdout=1)
    with pytest.raises(ValueError, match="sequence 1 has 2 tokens, but 1 labels"):
        trainer.append([["a"], ["b"]], ["X"])
    trainer.clear()
    trainer.append([["a"], ["b"]], ["X", "Y"])
    trainer.train("")  # writes nothing
    assert list(tmp_path.iterdir()) == []
    trainer.train(tmp_path / "small")

    tagger = dropin.Tagger()
    with pytest.raises(ValueError, match=r"no model open; call open\(path\)"):
        tagger.tag([["a"]])
    with tagger.open(tmp_path / "small"):
        with pytest.raises(ValueError, match="no sequence is set"):
            tagger.marginal("X", 0)
        assert tagger.tag([["a"]]) == ["X"]
        assert tagger.tag([]) == []
        tagger.set([["a"]])
        with pytest.raises(ValueError, match="no label 'Q'; the model knows 'X', 'Y'"):
            tagger.marginal("Q", 0)
        with pytest.raises(IndexError, match="no position 1: the sequence has 1"):
            tagger.marginal("X", 1)
        with pytest.raises(ValueError, match=r"has 1 tokens.*2 labels"):
            tagger.probability(["X", "Y"])
    closed = (tagger.labels, tagger.info, tagger.dump, tagger.tag, lambda: tagger.set([["a"]]))
    for ask in closed:  # python-crfsuite raises the one or the other
        for kind in (ValueError, RuntimeError):
            with pytest.raises(kind, match=r"no model open; call open\(path\)"):
                ask()
    (tmp_path / "text").write_text("no model")
    for wrong in (lambda: tagger.open(tmp_path / "text"), lambda: tagger.open_inmemory(b"no")):
        with pytest.raises(FormatError):
            wrong()
    with pytest.raises(FileNotFoundError):
        tagger.open(tmp_path / "nothing")


# ---- tokens of every kind ----------------------------------------------------------------------

ITEMS = [
    ["foo", "bar", "foo"],
    {"foo": 1, "bar": 0.5},
    {"word": "The", "title": True},
    {"key4": {"key5": ["x", "y"], "key6": 2.5}, "set": {"only"}},
    {},
]


@needs_pycrfsuite
def test_item_sequences_are_python_crfsuites():
    ours, theirs = dropin.ItemSequence(ITEMS), pycrfsuite.ItemSequence(ITEMS)
    assert ours.items()[1:] == theirs.items()[1:]
    assert ours.items()[0] == {"foo": 2.0, "bar": 1.0}  # theirs shows one of the two
    zeros = [{"a": 0, "b": {"c": False}}, {"d": 1}.keys()]
    assert dropin.ItemSequence(zeros).items() == pycrfsuite.ItemSequence(zeros).items()
    assert repr(ours) == repr(theirs) == "<ItemSequence of size 5>"
    assert dropin.ItemSequence(ours).items() == ours.items()
    assert dropin.ItemSequence([]).items() == []


@needs_pycrfsuite
def test_dicts_lists_and_item_sequences_train_and_tag_alike(tmp_path):
    labels = [["A", "B", "A", "C", "B"]]
    as_lists = [[["w=" + f["word.lower()"]] for f in x] for x in TRAIN[0]]
    for data in (([ITEMS], labels), ([dropin.ItemSequence(ITEMS)], labels), (as_lists, TRAIN[1])):
        theirs = [
            pycrfsuite.ItemSequence(x.items()) if isinstance(x, dropin.ItemSequence) else x
            for x in data[0]
        ]
        train(dropin, tmp_path / "ours", {}, data)
        train(pycrfsuite, tmp_path / "theirs", {}, (theirs, data[1]))
        ours, other = dropin.Tagger(), pycrfsuite.Tagger()
        ours.open(tmp_path / "ours")
        other.open(str(tmp_path / "theirs"))
        asked = [ITEMS, [["w=ana"], {"w=en": 2.0, "new": 1}], as_lists[0]]
        for x in asked:
            expected = other.tag(x)
            for form in (x, dropin.ItemSequence(x), iter(x)):
                assert ours.tag(form) == expected
                found = [ours.marginal(name, 0) for name in other.labels()]
                other.set(x)
                assert found == pytest.approx(
                    [other.marginal(name, 0) for name in other.labels()], abs=1e-3
                )


def test_tokens_of_another_kind_are_an_error():
    crf = dropin.CRF().fit(*TRAIN)
    with pytest.raises(TypeError, match="sequence 0, position 0: the token is 'word'"):
        crf.predict([["word"]])
    with pytest.raises(TypeError, match=r"sequence 0, position 0: the feature {'a': 1} is a dict"):
        crf.predict([[[{"a": 1}]]])


def test_labels_of_arrays_are_plain_text():
    trainer = dropin.Trainer(verbose=False)
    trainer.append([["a"], ["b"]], np.array(["X", "Y"]))
    trainer.append((token for token in [["b"]]), (label for label in [b"Y"]))
    trainer.train("")
    assert list(map(type, trainer.model.classes_)) == [str, str]


# ---- models of CRFsuite ------------------------------------------------------------------------


@needs_pycrfsuite
@pytest.mark.parametrize("c1", [0.0, 0.5])
def test_a_model_of_crfsuite_tags_as_in_crfsuite(tmp_path, c1):
    path = tmp_path / "theirs"
    train(pycrfsuite, path, {"c1": c1, "feature.possible_states": True})
    tagger, model = pycrfsuite.Tagger(), from_crfsuite(path)
    tagger.open(str(path))
    assert model.predict(TEST[0]) == [tagger.tag(x) for x in TEST[0]]
    logs = model.log_probability(*TEST)
    for x, labels, log in zip(*TEST, logs, strict=True):
        tagger.set(x)
        assert log == pytest.approx(math.log(tagger.probability(labels)), abs=1e-9)
    raw = read_crfsuite_model(path)
    of_states = zip(raw.state_attributes, raw.state_labels, raw.state_weights, strict=True)
    assert model.state_features_ == {
        (raw.attributes[a], raw.labels[y]): w for a, y, w in of_states
    }  # to the last bit
    of_steps = zip(raw.transition_from, raw.transition_to, raw.transition_weights, strict=True)
    assert model.transition_features_ == {(raw.labels[y], raw.labels[z]): w for y, z, w in of_steps}

    again = tmp_path / "again"
    to_crfsuite(model, again)
    other = pycrfsuite.Tagger()
    other.open(str(again))
    assert other.info().state_features == tagger.info().state_features
    assert [other.tag(x) for x in TEST[0]] == [tagger.tag(x) for x in TEST[0]]

    ours = dropin.Tagger()
    (tmp_path / "gz").write_bytes(gzip.compress(path.read_bytes()))
    for opened in (path, tmp_path / "gz"):
        ours.open(opened)
        assert ours.tag(TEST[0][0]) == tagger.tag(TEST[0][0])
    ours.open_inmemory(path.read_bytes())
    ours.dump(tmp_path / "ours.txt")
    tagger.dump(str(tmp_path / "theirs.txt"))
    mine, dumped = (
        (tmp_path / name).read_text().split("LABELS = {")[1] for name in ("ours.txt", "theirs.txt")
    )
    assert mine == dumped


def test_dump_goes_to_standard_output(capsys):
    dropin.CRF().fit([[["a"]], [["b"]]], [["X"], ["Y"]]).tagger_.dump()
    assert "STATE_FEATURES = {\n  (0) a --> X: " in capsys.readouterr().out


@needs_pycrfsuite
def test_our_models_tag_in_crfsuite(tmp_path):
    for parameters in ({"c2": 0.1}, {"c1": 0.5, "c2": 0.0}, {"all_possible_states": True}):
        model = LinearChainCRF(**parameters).fit(*TRAIN)
        to_crfsuite(model, tmp_path / "model")
        tagger = pycrfsuite.Tagger()
        tagger.open(str(tmp_path / "model"))
        for x, labels, log in zip(*TEST, model.log_probability(*TEST), strict=True):
            assert tagger.tag(x) == model.predict([x])[0]
            assert math.log(tagger.probability(labels)) == pytest.approx(log, abs=1e-9)
        written, nonzero = (
            read_crfsuite_model(tmp_path / "model"),
            model.weights_[model.weights_ != 0],
        )
        weights = np.concatenate([written.state_weights, written.transition_weights])
        assert sorted(weights) == sorted(nonzero)
        used = {name for (name, _), w in model.state_features_.items() if w}
        assert set(written.attributes) == used


def test_a_converted_model_is_saved_and_reads_lists(tmp_path):
    X, y = [[["a"], ["b"]]], [["X", "Y"]]
    to_crfsuite(LinearChainCRF(c2=0.1).fit(X, y), tmp_path / "model")
    model = from_crfsuite(tmp_path / "model", tokens="lists")
    assert model.predict(X) == y
    assert model.loss_ is None
    model.save(tmp_path / "saved")
    assert LinearChainCRF.load(tmp_path / "saved").predict(X) == y
    assert from_crfsuite(tmp_path / "model").predict([[{"a": 1}, {"b": True}]]) == y
    with pytest.raises(ValueError, match="tokens is 'strings'; it must be 'dicts' or 'lists'"):
        from_crfsuite(tmp_path / "model", tokens="strings")


def test_odd_models_of_crfsuite(tmp_path):
    none = CRFsuiteModel([], [], [], [], [], [], [], [])
    write_crfsuite_model(none, tmp_path / "none")
    with pytest.raises(FormatError, match="none has no labels"):
        from_crfsuite(tmp_path / "none")
    twice = CRFsuiteModel(["X"], ["a"], [0, 0], [0, 0], [1.0, 2.0], [], [], [])
    write_crfsuite_model(twice, tmp_path / "twice")
    with pytest.raises(FormatError, match="twice gives one feature two weights"):
        from_crfsuite(tmp_path / "twice")
    bare = CRFsuiteModel(["X", "Y"], [], [], [], [], [], [], [])
    write_crfsuite_model(bare, tmp_path / "bare")
    assert from_crfsuite(tmp_path / "bare").predict([[{"a": 1}, {}]]) == [["X", "X"]]


BEYOND = {
    "order": ({"order": 2}, "weights for triples of labels"),
    "ends": ({"boundary_weights": True}, "weights for the ends of sequences"),
    "constraints": ({"constraints": "IOB2"}, "constraints, which CRFsuite has no place for"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_crfsuite_has_no_place_for_is_an_error(tmp_path, name):
    given, message = BEYOND[name]
    model = LinearChainCRF(**given).fit(*TRAIN)
    with pytest.raises(ValueError, match=message):
        to_crfsuite(model, tmp_path / "model")


def test_labels_that_are_not_strings_and_models_not_fitted(tmp_path):
    with pytest.raises(TypeError, match="the label 1 is a int, but CRFsuite's are strings"):
        to_crfsuite(LinearChainCRF().fit([[["a"], ["b"]]], [[1, 2]]), tmp_path / "model")
    with pytest.raises(NotFittedError):
        to_crfsuite(LinearChainCRF(), tmp_path / "model")
    assert dropin.CRF().fit([[["a"], ["b"]]], [[1, 2]]).classes_ == [1, 2]


@needs_pycrfsuite
def test_conll2000_with_either_library(shared_data, tmp_path):
    from gibbsfactor import Templates, read_conll
    from gibbsfactor.features import TemplateVectorizer

    columns = read_conll(shared_data / "conll2000" / "train.txt.gz")[:700]
    y = columns.labels()
    vectorizer = TemplateVectorizer(Templates.chunking())
    tokens = vectorizer.fit_transform(columns.drop())
    names = np.array(vectorizer.attribute_names(), dtype=object)
    rows = np.split(names[tokens.attributes.indices], tokens.attributes.indptr[1:-1])
    rows = [row.tolist() for row in rows]
    ends = np.cumsum(tokens.lengths).tolist()
    X = [rows[e - n : e] for e, n in zip(ends, tokens.lengths.tolist(), strict=True)]
    held = X[500:]
    train(pycrfsuite, tmp_path / "theirs", {"delta": 1e-7}, (X[:500], y[:500]))
    train(dropin, tmp_path / "ours", {"delta": 1e-7}, (X[:500], y[:500]))
    theirs = pycrfsuite.Tagger()
    theirs.open(str(tmp_path / "theirs"))
    expected = [theirs.tag(x) for x in held]
    assert from_crfsuite(tmp_path / "theirs", tokens="lists").predict(held) == expected
    found = LinearChainCRF.load(tmp_path / "ours").predict(held)
    differing = sum(a != b for a, b in zip(chain(*found), chain(*expected), strict=True))
    assert differing <= 3  # of 4,700 tokens: near ties, left open by training's tolerance


def test_a_failed_dump_leaves_the_old_file_and_names_it(tmp_path, monkeypatch):
    tagger = dropin.CRF().fit([[["a"]], [["b"]]], [["X"], ["Y"]]).tagger_
    path = tmp_path / "dump.txt"
    path.write_text("old")

    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gibbsfactor.files.os.replace", fail)
    with pytest.raises(OSError, match=r"No space left on device.*dump\.txt"):
        tagger.dump(path)
    assert [one.name for one in tmp_path.iterdir()] == ["dump.txt"]
    assert path.read_text() == "old"

"""Model files of CRFs: every kind comes back as it was, and damage is noticed."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
import scipy.sparse
from crf_data import CONDITIONED, KINDS, TEMPLATES, as_lists, chunks_of, sentences_of, train
from numpy.testing import assert_array_equal

from gibbsfactor import LinearChainCRF, files
from gibbsfactor.errors import FormatError
from gibbsfactor.features import Columns, Constraints, Tokens
from gibbsfactor.models.linear_chain_crf import storage

SENTENCES, LABELS = sentences_of(30)
NEW = [*sentences_of(10, seed=1)[0], [("zz", "Z")], []]
IOB2 = Constraints.of_scheme(["B-x", "B-y", "I-x", "I-y", "O"], "IOB2")


def tokens_of(X, with_edges=True):
    """Sparse, conditioned and dense values at once; one dense value is always 0."""
    flat = [token for x in X for token in x]
    values = np.array([[w == v for v in "abcd"] for w, _ in flat], float).reshape(-1, 4)
    dense = np.array([[ord(w[0]) / 100, 0.0, t == "N"] for w, t in flat], float).reshape(-1, 3)
    edges = scipy.sparse.csr_array(dense[:, 2:]) if with_edges else None
    return Tokens(scipy.sparse.csr_array(values), [len(x) for x in X], edges, dense)


def model(name):
    """A model of each kind, and data to ask it about."""
    if name in KINDS:
        make, options = KINDS[name]
        return train(make(SENTENCES), LABELS, **options), make(NEW)
    if name == "L1":
        X = as_lists(SENTENCES)
        return train(X, LABELS, c1=1.5, c2=0.0, boundary_weights=True), as_lists(NEW)
    if name == "L1 of templates":
        columns = Columns.from_sentences(SENTENCES)
        options = {"c1": 1.0, "c2": 0.0, "order": 2, "templates": CONDITIONED}
        return train(columns, LABELS, **options), Columns.from_sentences(NEW)
    if name == "dense":
        return train(tokens_of(SENTENCES), LABELS, order=2), tokens_of(NEW)
    if name == "L1 of dense":
        options = {"c1": 1.0, "c2": 0.0, "boundary_weights": True}
        return train(tokens_of(SENTENCES), LABELS, **options), tokens_of(NEW)
    X, y = chunks_of(30)
    options = {
        "scheme": {"constraints": "IOB2"},
        "constraints": {"constraints": IOB2, "order": 2},
        "label weights": {"label_weights": {"O": 2.5, "B-x": np.float32(0.5)}},
        "balanced": {"label_weights": "balanced"},
        "mistake costs": {"mistake_costs": {"O": 2.5}},
        "perceptron": {"algorithm": "ap", "max_iterations": 5},
        "everything else": {"min_freq": 2, "tol": 1e-3, "n_threads": 1, "dev_metric": "loss"},
    }[name]
    return train(X, y, **options), chunks_of(10, seed=1)[0]


NAMES = [
    *KINDS,
    "L1",
    "L1 of templates",
    "dense",
    "L1 of dense",
    "scheme",
    "constraints",
    "label weights",
    "balanced",
    "mistake costs",
    "perceptron",
    "everything else",
]


def test_files_from_before_mistake_costs(tmp_path, monkeypatch):
    """What is called mistake_costs now was called label_weights in them."""
    crf, _ = model("mistake costs")
    given = crf.get_params()
    given["label_weights"] = given.pop("mistake_costs")
    monkeypatch.setattr(crf, "get_params", lambda: given)
    crf.save(tmp_path / "old.crf")
    loaded = LinearChainCRF.load(tmp_path / "old.crf")
    assert (loaded.label_weights, loaded.mistake_costs) == (None, {"O": 2.5})


def assert_alike(one, other, new):
    assert other.classes_ == one.classes_
    assert list(map(type, other.classes_)) == list(map(type, one.classes_))
    mine, theirs = one.get_params(), other.get_params()
    for parameters in (mine, theirs):
        given = parameters["constraints"]
        if isinstance(given, Constraints):
            tables = (given.start.tolist(), given.pairs.tolist(), given.end.tolist())
            parameters["constraints"] = (given.classes, *tables)
    assert theirs == mine
    assert other.predict(new) == one.predict(new)
    for a, b in zip(other.predict_proba(new), one.predict_proba(new), strict=True):
        assert_array_equal(a, b)
    assert_array_equal(other.log_partition(new), one.log_partition(new))
    assert other.k_best(new, 3) == one.k_best(new, 3)
    for name in (
        "state_features_",
        "transition_features_",
        "conditioned_features_",
        "triple_features_",
    ):
        kept = {key: w for key, w in getattr(one, name).items() if w != 0}
        assert {key: w for key, w in getattr(other, name).items() if w != 0} == kept
    for name in storage.TRAINED:
        assert str(getattr(other, name)) == str(getattr(one, name))  # NaN as well


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_answers_alike(name, tmp_path):
    crf, new = model(name)
    crf.save(tmp_path / "model")
    loaded = LinearChainCRF.load(str(tmp_path / "model"))
    assert type(loaded) is LinearChainCRF
    assert_alike(crf, loaded, new)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["again", "model"]
    if name.startswith("L1"):
        assert loaded.features_.n_weights < 0.8 * crf.features_.n_weights
    if name == "columns":
        assert loaded.templates == TEMPLATES


def test_a_loaded_model_can_be_trained_on(tmp_path):
    X, y = chunks_of(40)
    crf = train(X, y, constraints="IOB2", c1=0.1, tol=1e-7)
    crf.save(tmp_path / "model")
    loaded = LinearChainCRF.load(tmp_path / "model").set_params(warm_start=True)
    before = loaded.predict(X)
    loaded.fit(X, y)
    assert loaded.n_iter_ < crf.n_iter_
    assert loaded.loss_ == pytest.approx(crf.loss_, rel=1e-5)
    assert loaded.predict(X) == before


def test_the_weights_are_mapped_and_an_open_model_may_be_replaced(tmp_path):
    path = tmp_path / "model"
    crf = train()
    crf.save(path)
    loaded, new = LinearChainCRF.load(path), as_lists(NEW)
    expected = loaded.log_partition(new)
    assert not loaded.weights_.flags.writeable
    train(c2=30.0).save(path)
    assert_array_equal(loaded.log_partition(new), expected)
    assert not np.allclose(LinearChainCRF.load(path).log_partition(new), expected)


@pytest.mark.parametrize(
    "labels",
    [[3, -1, 2**70], [2.5, -1.0, 1e300], [True, False, True], ["é", "", "\ud800"], ["a", 1, 2.5]],
    ids=repr,
)
def test_labels_come_back_from_a_file_as_they_were(tmp_path, labels):
    X = [[["a"], ["b"], ["c"]]] * 2
    crf = train(X, [labels] * 2)
    crf.save(tmp_path / "model")
    assert_alike(crf, LinearChainCRF.load(tmp_path / "model"), X)


@pytest.mark.parametrize(
    "options",
    [
        {"c2": np.float64(0.5)},
        {"c2": np.float32(0.5)},
        {"c2": np.int64(1)},
        {"max_iterations": np.int64(100)},
        {"min_freq": np.int32(1), "n_threads": np.int64(1)},
        {"constraints": Constraints.from_pairs(np.array(["B", "I", "O"]), forbidden=[("O", "O")])},
        {"constraints": Constraints.from_pairs(["B", "I", "O"]), "checkpoint": None},
    ],
    ids=repr,
)
def test_models_with_numpy_values_as_parameters_can_be_saved(tmp_path, options):
    y = [["B"] + ["I"] * (len(labels) - 1) for labels in LABELS]
    crf = train(as_lists(SENTENCES), y[:-1] + [["O"] + y[-1][1:]], **options)
    crf.save(tmp_path / "model")
    assert_alike(crf, LinearChainCRF.load(tmp_path / "model"), as_lists(NEW))


def test_labels_that_json_cannot_hold_are_refused(tmp_path):
    for labels, shown in ([("a", 1), ("b", 2)], r"\('a', 1\)"), ([b"x", b"x"], "b'x'"):
        crf = train([[["a"], ["b"]]], [labels])
        with pytest.raises(TypeError, match=f"the label {shown} can't be written to a file; train"):
            crf.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


# ---- damage ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["lists", "all", "L1 of dense"])
def fitted(request):
    return model(request.param)


def test_a_cut_model_is_noticed(fitted, tmp_path):
    crf, _ = fitted
    path = tmp_path / "model"
    crf.save(path)
    data = path.read_bytes()
    rng = random.Random(0)
    for size in [8, 16, *(rng.randrange(1, len(data) - files.ALIGNMENT) for _ in range(40))]:
        path.write_bytes(data[:size])
        with pytest.raises(
            FormatError, match=r"model (is cut short|starts with|is damaged|has a damag)"
        ):
            LinearChainCRF.load(path)


def test_a_flipped_bit_is_noticed_or_harmless(fitted, tmp_path):
    """Harmless: in the filling between the arrays."""
    crf, new = fitted
    path = tmp_path / "model"
    crf.save(path)
    data = path.read_bytes()
    rng = random.Random(1)
    noticed = 0
    for place in rng.sample(range(len(data)), min(150, len(data))):
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            loaded = LinearChainCRF.load(path)
        except FormatError:
            noticed += 1
        else:
            assert_alike(crf, loaded, new)
    assert noticed > 60


def test_what_is_not_a_model_is_named(tmp_path):
    path = tmp_path / "model"
    with pytest.raises(FileNotFoundError, match=r"there is no file .*model"):
        LinearChainCRF.load(path)
    with pytest.raises(FormatError, match="is a folder, expected a linear-chain CRF file"):
        LinearChainCRF.load(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="model is empty; expected a linear-chain CRF file"):
        LinearChainCRF.load(path)
    path.write_bytes(b"lCRF\x00\x01\x02\x03 a file of another program" * 20)
    with pytest.raises(FormatError, match=r"starts with b'lCRF.*expected a linear-chain CRF file"):
        LinearChainCRF.load(path)
    files.write_arrays(path, "HMM", {}, {})
    with pytest.raises(FormatError, match=r"holds a HMM of format .*; expected a linear-chain CRF"):
        LinearChainCRF.load(path)
    files.write_arrays(path, storage.KIND, {}, {})
    with pytest.raises(FormatError, match="model is not a usable CRF model: "):
        LinearChainCRF.load(path)


def test_parts_that_do_not_fit_each_other_are_noticed(tmp_path):
    path = tmp_path / "model"
    crf = train(order=2)
    crf.save(path)
    description, arrays = files.read_arrays(path, storage.KIND)
    n = len(crf.weights_)
    for change, message in (
        ({"weights": arrays["weights"][:-1]}, f"is damaged: its {n - 1} weights don't fit its"),
        ({"states": arrays["states"] + 10**6}, "model"),
        ({"states": -arrays["states"] - 1}, "model"),
        ({"transitions": arrays["transitions"] + 9}, "model"),
        ({"triples": arrays["triples"][::-1]}, "model"),
    ):
        files.write_arrays(path, storage.KIND, description, {**arrays, **change})
        with pytest.raises(FormatError, match=message):
            LinearChainCRF.load(path)
    for change in (
        {"n_attributes": description["n_attributes"] + 1},
        {"n_edge_attributes": 3},
        {"classes": ["B", "I"]},
        {"parameters": {**description["parameters"], "unheard": 1}},
        {"trained": {}},
    ):
        files.write_arrays(path, storage.KIND, {**description, **change}, arrays)
        with pytest.raises(FormatError, match="model"):
            LinearChainCRF.load(path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_midway_keeps_the_old_model(tmp_path, monkeypatch, step):
    path = tmp_path / "model"
    old, new = train(c2=0.1), train(c2=10.0)
    old.save(path)
    kept = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "no space left")

    monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        new.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == kept
    assert os.listdir(tmp_path) == ["model"]
    new.save(path)
    assert LinearChainCRF.load(path).c2 == 10
    assert os.listdir(tmp_path) == ["model"]

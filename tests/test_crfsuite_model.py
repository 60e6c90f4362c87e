"""CRFsuite's binary models: what it wrote is read to the last bit, what is written it tags with."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import math
import random
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.errors import FormatError
from gibbsfactor.io import crfsuite_model
from gibbsfactor.io.crfsuite_dictionary import dictionary, hash_keys, read_dictionary
from gibbsfactor.io.crfsuite_model import (
    CRFsuiteModel,
    read_crfsuite_model,
    write_crfsuite_model,
)

# Written by python-crfsuite 0.9.12, with L-BFGS, c1 = 0.1 and c2 = 0.01, from these sequences:
# [{"bias": 1, "w=dog": 1}, {"w=runs": 2.5}] as N V and [["bias"], ["w=café"], ["w=runs"]] as V N V
WRITTEN = (
    "eNrLcQ5y0xFiYHDz93VOYYAAJiBmAWIDID4BxDKcDAwHBBkY3gCxm6tjyAygGDsDKqh/7yZTvHXjfhifEYi/QcTsYX"
    "wQCNFn3yw744I9zB6QuNz8//ad4T/AYsxQdS6vuGWnzXxtz4hk3vTag50WNowOjEjmle002H1H45+9c6CLUwgHRKww"
    "2CUJZLYPB8MoGAWDAuhwQNL7KBgFo2AUjALigA0Vyk2Qfj9wiwHECmMIPBevJoHUNvhhkNGuhMQHyYH4oDbFIqQ2Ba"
    "hNNGm0TTEKRgFZIGi0DTQKaAiSRlj6KhrNT3QBTVjCmRWU3jITi8HNCjYgLrdNyU8HK2MH84pK84rBoxkcYG5yYtrh"
    "lXDd6cyfPjkBJTaXLGtVxdKiuMi5pAy5hfIveN8tYw5IywSkHsR2Asv7uAW56TBAxmvuCDIwPBFE6GKEuhPmREegWg"
    "eoWg4hBgYRIJYBYhUhhP9gYyuwsRlmKA3SAwCprkr7"
)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "written.crfsuite"
    path.write_bytes(zlib.decompress(base64.b64decode(WRITTEN)))
    return path


def test_a_model_of_crfsuite_is_read_to_the_last_bit(written):
    model = read_crfsuite_model(written)
    assert model.labels == ["N", "V"]
    assert model.attributes == ["bias", "w=dog", "w=runs", "w=café"]
    assert model.state_attributes.tolist() == [0, 0, 1, 2, 3]
    assert model.state_labels.tolist() == [0, 1, 0, 1, 0]
    assert [weight.hex() for weight in model.state_weights.tolist()] == [
        "-0x1.1b5731c46ef7fp-4",
        "0x1.1b5731c46eff6p-4",
        "0x1.0981db3072f54p-2",
        "0x1.857893fff9f1ep+0",
        "0x1.b99961d0bea44p-1",
    ]
    assert model.transition_from.tolist() == [0, 1]
    assert model.transition_to.tolist() == [1, 0]
    assert [weight.hex() for weight in model.transition_weights.tolist()] == [
        "0x1.13c3889c17d97p+1",
        "0x1.e28dcbb30b976p+0",
    ]
    assert repr(model) == (
        "CRFsuiteModel(2 labels, 4 attributes, 5 state and 2 transition weights)"
    )
    for array in (model.state_weights, model.transition_from):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_model_of_crfsuite_is_written_as_the_same_file(written, tmp_path):
    write_crfsuite_model(read_crfsuite_model(written), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == written.read_bytes()


def test_gzip_and_open_files_are_read(written, tmp_path):
    data = written.read_bytes()
    (tmp_path / "model.gz").write_bytes(gzip.compress(data))
    for source in (tmp_path / "model.gz", str(written), io.BytesIO(data)):
        assert read_crfsuite_model(source).labels == ["N", "V"]


# ---- models that CRFsuite trains now ---------------------------------------------------------

ALPHABET = ["a", "é", "日本", "b:c", " ", "x" * 30]
TRAINING = {
    "l2": ("lbfgs", {"c1": 0, "c2": 1, "max_iterations": 15}),
    "l1": ("lbfgs", {"c1": 1, "c2": 0, "max_iterations": 15}),
    "possible": (
        "lbfgs",
        {"feature.possible_states": 1, "feature.possible_transitions": 1, "max_iterations": 5},
    ),
    "perceptron": ("ap", {"max_iterations": 5}),
    "nothing": ("lbfgs", {"c1": 1e4, "max_iterations": 5}),
}


def sentences(seed, n, labels="ABC"):
    """Sequences of feature dicts with values, and labels that depend on them."""
    rng = random.Random(seed)
    for _ in range(n):
        names = [[rng.choice(ALPHABET) + str(rng.randint(0, 9)) for _ in range(3)] for _ in "ab"]
        names += [
            ["bias", rng.choice(ALPHABET) * rng.randint(1, 9)] for _ in range(rng.randint(0, 5))
        ]
        x = [{name: rng.choice([1.0, 0.5, -2.0]) for name in token} for token in names]
        yield x, [rng.choice(labels) + ("é" if "bias" in token else "") for token in names]


@pytest.fixture(scope="module", params=TRAINING)
def trained(tmp_path_factory, request):
    """A file that CRFsuite wrote, open in its own tagger."""
    pycrfsuite = pytest.importorskip("pycrfsuite")
    path = tmp_path_factory.mktemp("crfsuite") / f"{request.param}.crfsuite"
    algorithm, parameters = TRAINING[request.param]
    trainer = pycrfsuite.Trainer(algorithm, parameters, verbose=False)
    for x, y in sentences(1, 60):
        trainer.append(x, y)
    trainer.train(str(path))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    return path, tagger


def features_one_by_one(data):
    """(kind, source, label, weight) as the file lists them, read with struct."""
    place = struct.unpack_from("<I", data, 28)[0]
    assert data[place : place + 4] == b"FEAT"
    count = struct.unpack_from("<I", data, place + 8)[0]
    return [struct.unpack_from("<IIId", data, place + 12 + 20 * k) for k in range(count)]


def test_weights_are_those_of_the_file(trained):
    path, tagger = trained
    model, info = read_crfsuite_model(path), tagger.info()
    states = list(zip(model.state_attributes, model.state_labels, model.state_weights, strict=True))
    transitions = list(
        zip(model.transition_from, model.transition_to, model.transition_weights, strict=True)
    )
    listed = features_one_by_one(path.read_bytes())
    assert [(0, *f) for f in states] + [(1, *f) for f in transitions] == listed
    assert {label: str(k) for k, label in enumerate(model.labels)} == info.labels
    assert {name: str(k) for k, name in enumerate(model.attributes)} == info.attributes
    names = {(model.attributes[a], model.labels[y]): w for a, y, w in states}
    assert names == pytest.approx(info.state_features, abs=6e-7)  # it prints six digits
    names = {(model.labels[y], model.labels[z]): w for y, z, w in transitions}
    assert names == pytest.approx(info.transitions, abs=6e-7)


def scores(model, x):
    """State scores of a sequence, shape (T, L), added up in plain Python."""
    number = {name: a for a, name in enumerate(model.attributes)}
    found = [[0.0] * len(model.labels) for _ in x]
    for t, token in enumerate(x):
        known = {number[name]: value for name, value in token.items() if name in number}
        for a, y, w in zip(
            model.state_attributes, model.state_labels, model.state_weights, strict=True
        ):
            found[t][y] += w * known.get(a, 0.0)
    return np.array(found).reshape(len(x), len(model.labels))


def best_path(states, transitions):
    """Viterbi; of equally good labels, the first."""
    best, back = states[0], []
    for state in states[1:]:
        joined = best[:, None] + transitions
        back.append(joined.argmax(0))
        best = joined.max(0) + state
    path = [int(best.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return path[::-1]


def log_partition(states, transitions):
    total = states[0]
    for state in states[1:]:
        total = np.logaddexp.reduce(total[:, None] + transitions, axis=0) + state
    return float(np.logaddexp.reduce(total))


def check_tagging(model, tagger):
    transitions = model.transition_matrix()
    for x, _ in sentences(2, 40):
        states = scores(model, x)
        path = best_path(states, transitions)
        labels = tagger.tag(x)
        assert [model.labels[y] for y in path] == labels
        score = sum(states[t, y] for t, y in enumerate(path))
        score += sum(transitions[y, z] for y, z in itertools.pairwise(path))
        expected = math.exp(score - log_partition(states, transitions))
        assert tagger.probability(labels) == pytest.approx(expected, rel=1e-9)


def test_the_weights_tag_as_crfsuite_does(trained):
    path, tagger = trained
    check_tagging(read_crfsuite_model(path), tagger)


def test_the_matrices_hold_the_weights(trained):
    model = read_crfsuite_model(trained[0])
    matrix = model.state_matrix()
    assert matrix.shape == (len(model.attributes), len(model.labels))
    assert matrix.nnz == len(model.state_weights)
    found = matrix.toarray()[model.state_attributes, model.state_labels]
    assert found.tolist() == model.state_weights.tolist()


def test_what_crfsuite_wrote_is_written_byte_for_byte(trained, tmp_path):
    write_crfsuite_model(read_crfsuite_model(trained[0]), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == trained[0].read_bytes()


# ---- models that are made here ---------------------------------------------------------------


def made(seed, n_labels=4, shuffled=True):
    """A model with features in no order, labels without any, and weights of all sizes."""
    rng = np.random.default_rng(seed)
    attributes = ["bias", *(f"{a}{n}" for a in ALPHABET for n in range(10)), "never"]
    pairs = [(a, y) for a in range(len(attributes) - 1) for y in range(n_labels)]
    pairs = [pair for pair in pairs if rng.random() < 0.5]
    edges = [pair for pair in itertools.product(range(n_labels), repeat=2) if rng.random() < 0.7]
    if shuffled:
        rng.shuffle(pairs)
        rng.shuffle(edges)
    a, y = np.array(pairs).T
    z, w = np.array(edges).T
    labels = [f"L{k}é" for k in range(n_labels)]
    return CRFsuiteModel(
        labels, attributes, a, y, rng.normal(size=len(a)), z, w, 3 * rng.normal(size=len(z))
    )


def fields(model):
    return [
        value.tolist() if isinstance(value, np.ndarray) else value for value in vars(model).values()
    ]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_made_here_is_tagged_with_by_crfsuite(tmp_path, seed):
    pycrfsuite = pytest.importorskip("pycrfsuite")
    model, path = made(seed), tmp_path / "made"
    write_crfsuite_model(model, path)
    assert fields(read_crfsuite_model(path)) == fields(model)
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    assert tagger.labels() == model.labels
    check_tagging(model, tagger)
    info = tagger.info()
    assert info.attributes == {name: str(k) for k, name in enumerate(model.attributes)}
    assert len(info.state_features) == len(model.state_weights)


NAMES = st.lists(st.text(st.characters(exclude_characters="\0")), unique=True, max_size=40)


@given(NAMES.filter(lambda names: all(name.isprintable() for name in names)), st.binary(max_size=9))
def test_dictionaries_are_read_back(names, before):
    data = np.frombuffer(before + dictionary(names) + b"after", np.uint8)
    assert read_dictionary(data, len(before), len(names)) == names


def test_every_string_of_a_large_dictionary_is_found_by_its_hash():
    """As CRFsuite looks it up: from the slot of its hash on, up to the first free one."""
    names = [f"w[{k % 5}]={k}" for k in range(5000)]
    data = dictionary(names)
    for number, name in enumerate(names):
        key = name.encode() + b"\0"
        hashed = int(hash_keys([key])[0])
        place, slots = struct.unpack_from("<II", data, 24 + 8 * (hashed % 256))
        slot = (hashed >> 8) % slots
        while True:
            found, record = struct.unpack_from("<II", data, place + 8 * slot)
            assert record, f"{name} is not there"
            length = struct.unpack_from("<I", data, record + 4)[0]
            if found == hashed and data[record + 8 : record + 8 + length] == key:
                break
            slot = (slot + 1) % slots
        assert struct.unpack_from("<I", data, record)[0] == number


def test_the_hash_is_jenkins():
    """The values in the comments of lookup3.c (driver5); short keys against CRFsuite's files."""
    assert hash_keys([b"Four score and seven years ago"]).tolist() == [0x17770551]
    assert hash_keys([b"Four score and seven years ago"] * 2 + [b"x"])[:2].tolist() == [
        0x17770551,
        0x17770551,
    ]


def test_names_that_are_no_utf8_keep_their_bytes(tmp_path):
    model = CRFsuiteModel(["caf\udce9"], [], [], [], [], [], [], [])
    write_crfsuite_model(model, tmp_path / "latin")
    assert b"caf\xe9\0" in (tmp_path / "latin").read_bytes()
    assert read_crfsuite_model(tmp_path / "latin").labels == ["caf\udce9"]


# ---- what does not fit -----------------------------------------------------------------------


def test_models_that_contradict_themselves_are_refused(tmp_path):
    def model(labels=("N",), attributes=("a",), states=((0,), (0,), (1.0,)), edges=((), (), ())):
        return CRFsuiteModel(list(labels), list(attributes), *states, *edges)

    with pytest.raises(ValueError, match="'N' is there twice among the labels"):
        model(labels=["N", "V", "N"])
    with pytest.raises(ValueError, match="'a' is there twice among the attributes"):
        model(attributes=["a", "a"])
    with pytest.raises(ValueError, match="state_attributes has 1, expected numbers below 1"):
        model(states=([1], [0], [1.0]))
    with pytest.raises(ValueError, match="transition_to has -1, expected numbers below 1"):
        model(edges=([0], [-1], [1.0]))
    with pytest.raises(ValueError, match=r"the shapes differ.*'state_weights': \(2,\)"):
        model(states=([0], [0], [1.0, 2.0]))
    with pytest.raises(ValueError, match=r"'N\\x00V' holds a zero byte"):
        write_crfsuite_model(model(labels=["N\0V"]), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_model_too_large_for_the_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(crfsuite_model, "MOST_BYTES", 5000)
    with pytest.raises(ValueError, match=r"takes [\d,]+ bytes, but CRFsuite's format holds 5,000"):
        write_crfsuite_model(made(0), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_named(written, tmp_path):
    data = written.read_bytes()
    path = tmp_path / "model"
    with pytest.raises(FileNotFoundError, match=r"none: no such file"):
        read_crfsuite_model(tmp_path / "none")
    for wrong, message in (
        (b"", "model is empty; expected a model written by CRFsuite"),
        (b"\x89gibbsf\n and more", r"model starts with b'\\x89gibbsf\\n'; expected a model"),
        (data[:20], "model is cut short: it ends within its header, at byte 20"),
        (data[:-1], f"model should have {len(data)} bytes, but has {len(data) - 1}; copy it"),
        (data[:8] + b"SEMI" + data[12:], "of type SEMI, version 100; expected type FOMC"),
        (
            data[:12] + b"e" + data[13:],
            "of type FOMC, version 101; expected type FOMC, version 100",
        ),
    ):
        path.write_bytes(wrong)
        with pytest.raises(FormatError, match=message):
            read_crfsuite_model(path)


def with_word(data, place, value):
    return data[:place] + struct.pack("<I", value) + data[place + 4 :]


# where the header's numbers are: counts of labels and attributes, places of the chunks
@pytest.mark.parametrize("place", [20, 24, 28, 32, 36, 40, 44])
@pytest.mark.parametrize("value", [0, 1, 3, 47, 1000, 2**31, 2**32 - 1])
def test_headers_that_point_elsewhere_are_damaged(written, place, value):
    written.write_bytes(with_word(written.read_bytes(), place, value))
    with pytest.raises(FormatError, match=r"written\.crfsuite is damaged: "):
        read_crfsuite_model(written)


def test_features_that_do_not_match_their_lists_are_noticed(written):
    data = written.read_bytes()
    first = 48 + 12
    for place, value in ((first, 1), (first, 7), (first + 4, 2), (first + 4, 99), (first + 8, 2)):
        written.write_bytes(with_word(data, place, value))
        with pytest.raises(FormatError, match="is damaged: "):
            read_crfsuite_model(written)


def test_no_damage_ends_in_another_error(written):
    data = written.read_bytes()
    rng = random.Random(0)
    told = 0
    for size in [*range(0, len(data), 101), *range(60)]:
        cut = data[:4] + struct.pack("<I", size) + data[8:size]  # and says that this is all
        for part in (data[:size], cut[:size]):
            with pytest.raises(FormatError, match=r"<text> "):
                read_crfsuite_model(io.BytesIO(part))
    for place in [
        *range(400),
        *rng.sample(range(400, len(data)), 600),
        *range(len(data) - 300, len(data)),
    ]:
        changed = bytearray(data)
        changed[place] ^= rng.randrange(1, 256)
        try:
            model = read_crfsuite_model(io.BytesIO(bytes(changed)))
        except FormatError:
            told += 1
        else:
            assert len(model.labels) == 2
            assert len(model.state_weights) == 5
    assert told > 300

"""Model files: what is written is read back, what is damaged is noticed, what was there stays."""

from __future__ import annotations

import io
import json
import math
import mmap
import os
import re
import stat
import sys
import threading
import zlib
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gibbsfactor import HiddenMarkovModel, LinearChainCRF, LogLinearModel, SemiMarkovCRF, files
from gibbsfactor.drawing import draw
from gibbsfactor.errors import FormatError
from gibbsfactor.features import Columns
from gibbsfactor.files import read_arrays, replacing, write_arrays
from gibbsfactor.io import write_conll, write_text
from gibbsfactor.models.log_linear import Chain, CliqueTemplate, Nodes, own

KIND = "test"
OVER = [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]


def same(one, other):
    """Equal in type, shape and every bit (so that NaN and -0.0 count)."""
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )


def round_trip(folder, arrays, description=None):
    path = folder / "model"
    write_arrays(path, KIND, description or {}, arrays)
    return read_arrays(path, KIND)


dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"),
    hnp.unicode_string_dtypes(endianness="?"),
    hnp.byte_string_dtypes(),
)
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
)


CHAIN = [[["a"], ["b"]], [["b"], ["a"]]], [["X", "Y"], ["Y", "X"]]
MODELS = {
    "linear chain": (LinearChainCRF(c2=0.1), CHAIN, {}),
    "segments": (SemiMarkovCRF(c2=0.1), ([[["a"], ["b"], ["b"]]], [["B-X", "I-X", "O"]]), {}),
    "hidden Markov": (HiddenMarkovModel(), ([["a", "b"]], [["X", "Y"]]), {}),
    "log-linear": (LogLinearModel(OVER), CHAIN, {"templates": OVER}),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_are_written_to_open_files_and_read_from_them(tmp_path, name):
    model, (X, y), more = MODELS[name]
    kind, expected = type(model), model.fit(X, y).predict(X)
    buffer = io.BytesIO()
    model.save(buffer)
    model.save(tmp_path / "model")
    assert buffer.getvalue() == (tmp_path / "model").read_bytes()
    with open(tmp_path / "again", "wb") as file:
        file.write(b"what comes before")
        model.save(file)
    with open(tmp_path / "again", "rb") as file:
        file.seek(len(b"what comes before"))
        assert list(kind.load(file, **more).predict(X)) == list(expected)
    buffer.seek(0)
    for source in (buffer, tmp_path / "model", str(tmp_path / "model")):
        assert list(kind.load(source, **more).predict(X)) == list(expected)
    with pytest.raises(FormatError, match=r"the file is empty; expected a .* file written by"):
        kind.load(io.BytesIO(), **more)
    cut = buffer.getvalue()[:-70]
    with pytest.raises(FormatError, match="the file is cut short"):
        kind.load(io.BytesIO(cut), **more)
    with pytest.raises(TypeError, match=r"but a bytes was given; wrap it in io\.BytesIO"):
        kind.load(buffer.getvalue(), **more)
    with open(tmp_path / "model", encoding="utf-8") as text:
        with pytest.raises(TypeError, match="model is open for text; open it for bytes, with mode"):
            kind.load(text, **more)
        with pytest.raises(TypeError, match="model is open for text; open it for bytes, with mode"):
            model.save(text)


@given(st.dictionaries(st.text(max_size=8), arrays, max_size=4))
def test_arrays_are_read_back(tmp_path_factory, given_arrays):
    _, found = round_trip(tmp_path_factory.mktemp("files"), given_arrays)
    assert list(found) == list(given_arrays)
    for name, array in given_arrays.items():
        assert same(found[name], array)


@pytest.mark.parametrize(
    "array",
    [
        np.float64(3.5),
        np.array(True),
        np.array("é\0x"),
        np.zeros((0, 3)),
        np.zeros((3, 0, 2), dtype="<U4"),
        np.zeros((2, 0), dtype=bool),
        np.array(["", "\U0001f600", "\ud800", "b" * 70]),
        np.array([b"", b"\xff\x01"]),
        np.array([math.nan, -0.0, math.inf, -math.inf, 5e-324]),
        np.arange(12.0).reshape(3, 4).T,
        np.arange(24)[::-3],
        np.broadcast_to(np.float32(2.5), (4, 5)),
        np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
    ],
    ids=lambda array: f"{np.asarray(array).dtype.str}-{np.shape(array)}",
)
def test_odd_arrays_are_read_back(tmp_path, array):
    _, found = round_trip(tmp_path, {"one": array, "after": np.arange(3)})
    assert same(found["one"], np.asarray(array))
    assert found["after"].tolist() == [0, 1, 2]


def test_descriptions_are_read_back(tmp_path):
    description = {
        "text": "é\ud800\n",
        "numbers": [1, 2.5, -1e300, 2**70],
        "none": None,
        "nested": {"yes": True, "": []},
    }
    found, nothing = round_trip(tmp_path, {}, description)
    assert found == description
    assert nothing == {}


@given(st.lists(st.integers(0, 300), max_size=6), st.text(max_size=100))
def test_every_array_begins_at_a_multiple_of_64_bytes(tmp_path_factory, sizes, text):
    path = tmp_path_factory.mktemp("files") / "model"
    rng = np.random.default_rng(len(text))
    contents = {str(k): rng.integers(0, 256, 16 + n, np.uint8) for k, n in enumerate(sizes)}
    write_arrays(path, KIND, {"text": text}, {**contents, "empty": np.zeros(0)})
    data = path.read_bytes()
    starts = [data.index(array.tobytes()) for array in contents.values()]
    assert starts == sorted(starts)
    assert [start % 64 for start in starts] == [0] * len(starts)
    assert len(data) % 64 == 0


def test_arrays_that_would_need_pickle_are_refused(tmp_path):
    path = tmp_path / "model"
    for array, kind in [
        (np.array([None, "a"], dtype=object), "object"),
        (np.zeros(2, dtype=complex), "complex128"),
        (np.zeros(2, dtype="M8[s]"), r"datetime64\[s\]"),
        (np.zeros(2, dtype=[("a", "i4"), ("b", "O")]), r"\[\('a', '<i4'\), \('b', 'O'\)\]"),
    ]:
        with pytest.raises(TypeError, match=f"array 'x' has type {kind}, which can't go into"):
            write_arrays(path, KIND, {}, {"x": array})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_arrays(path, KIND, {"x": object()}, {})
    assert list(tmp_path.iterdir()) == []


# ---- disks that are full --------------------------------------------------------------------


def write_a_model(path):
    crf = LinearChainCRF(progress=False)
    crf.fit([[[f"word number {n}"] for n in range(500)]], [["a", "b"] * 250]).save(path)


def draw_a_graph(path):
    draw(nx.path_graph(60), path=path)


WRITERS = {
    "model": write_a_model,
    "arrays": lambda path: write_arrays(path, KIND, {}, {"x": np.zeros(10**5)}),
    "text": lambda path: write_text(path, "0123456789" * 10**5),
    "gzip.gz": lambda path: write_text(path, "".join(map(str, range(10**5)))),
    "columns": lambda path: write_conll(path, Columns.from_sentences([[("word", "x")] * 10**4])),
    "picture.svg": draw_a_graph,
    "picture.png": draw_a_graph,
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits on files")
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_can_not_grow_is_named_and_nothing_is_left(tmp_path, name):
    """As on a full disk: the system refuses more than 4096 bytes."""
    import resource

    path = tmp_path / name
    path.write_bytes(b"before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match=f"File too large: '{re.escape(str(path))}'"):
            WRITERS[name](path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == [name]
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_errors_of_the_last_steps_name_the_file(tmp_path, monkeypatch, step):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    path = tmp_path / "model"
    with pytest.raises(OSError, match=f"No space left on device: '{re.escape(str(path))}'"):
        write_text(path, "text")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_full_is_named():
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write_text("/dev/full", "text")


# ---- files that are not what they should be -------------------------------------------------


def test_wrong_files_are_named(tmp_path):
    path = tmp_path / "model"
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none"):
        read_arrays(tmp_path / "none", KIND)
    with pytest.raises(FormatError, match=r"is a folder, expected a test file"):
        read_arrays(tmp_path, KIND)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match=r"model is empty; expected a test file"):
        read_arrays(path, KIND)
    path.write_bytes(b"\x80\x04\x95 a pickle")
    with pytest.raises(FormatError, match=r"starts with b'\\x80\\x04\\x95 a pi'; expected a test"):
        read_arrays(path, KIND)
    with pytest.raises(
        FileNotFoundError, match=r"can't write .*model: there is no folder .*nowhere"
    ):
        write_arrays(tmp_path / "nowhere" / "model", KIND, {}, {})


def test_other_kinds_and_versions_are_named(tmp_path):
    path = tmp_path / "model"
    write_arrays(path, KIND, {}, {"x": np.arange(3)})
    with pytest.raises(
        FormatError, match="holds a test of format 1; expected a CRF of format 1 to 2"
    ):
        read_arrays(path, "CRF")


HEADERS = {
    "a list": lambda header: [],
    "null": lambda header: None,
    "version 0": lambda header: {**header, "version": 0},
    "no version": lambda header: {**header, "version": None},
    "a version in a list": lambda header: {**header, "version": [1]},
    "no kind": lambda header: {**header, "kind": None},
    "no description": lambda header: {k: v for k, v in header.items() if k != "description"},
    "arrays in a list": lambda header: {**header, "arrays": []},
    "an array that is a list": lambda header: {**header, "arrays": {"x": []}},
}
ENTRIES = {
    "type": ["|O", "<U0", "nonsense", "0f8", None],
    "shape": [[-3], 3, [2**62, 2**62], [math.inf], ["a"], [1] * 65, None],
    "start": [-64, 1, 10**9, math.inf, None],
    "crc": [0, None],
}
CODINGS = {
    "type": ["|O", "<f8", "<U1", "<i3", "<u2", None],
    "steps": [False, "yes"],
    "escapes": [-1, 1, 10**30, 0.5, None],
    "deflated": [True],
    "bytes": [-1, 2, 10**9, 10**30, None],
    "strange": [1],
}


def with_entry(key, value):
    return lambda header: {**header, "arrays": {"x": {**header["arrays"]["x"], key: value}}}


@pytest.mark.parametrize(
    "change",
    [
        *(pytest.param(change, id=name) for name, change in HEADERS.items()),
        *(
            pytest.param(with_entry(key, value), id=f"{key} {value}")
            for key, values in ENTRIES.items()
            for value in values
        ),
    ],
)
def test_damaged_headers_are_format_errors(tmp_path, monkeypatch, change):
    """As another program might write them: a header that is whole, and says what it must not."""
    dumps = json.dumps
    monkeypatch.setattr(files.json, "dumps", lambda header, **kw: dumps(change(header), **kw))
    path = tmp_path / "model"
    write_arrays(path, KIND, {}, {"x": np.arange(3)})
    monkeypatch.undo()
    with pytest.raises(FormatError, match=r"model.*(damaged|cut short|format|holds a None)"):
        read_arrays(path, KIND)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in CODINGS.items() for value in values]
)
@pytest.mark.parametrize("verify", [True, False])
def test_damaged_packings_are_format_errors(tmp_path, monkeypatch, key, value, verify):
    numbers = np.array([3, 4, 7, 7, 30, 200, 250, 300])
    path = tmp_path / "model"
    dumps = json.dumps

    def change(header):
        coding = header["arrays"]["x"]["packed"]
        assert coding["steps"]
        assert coding["bytes"] == len(numbers)
        coding[key] = value
        return header

    monkeypatch.setattr(files.json, "dumps", lambda header, **kw: dumps(change(header), **kw))
    write_arrays(path, KIND, {}, {"x": numbers}, packed=["x"])
    monkeypatch.undo()
    if key == "steps":  # read as if they were the numbers themselves, or as before
        found = read_arrays(path, KIND, verify=verify)[1]["x"]
        assert found.tolist() in (numbers.tolist(), np.diff(numbers, prepend=0).tolist())
        return
    with pytest.raises(FormatError, match=r"model.*(damaged|cut short)"):
        read_arrays(path, KIND, verify=verify)


def test_a_header_nested_too_deep_is_a_format_error(tmp_path):
    path = tmp_path / "model"
    text = b'{"description":' + b"[" * 10**5
    text += zlib.crc32(text).to_bytes(4, "little")
    path.write_bytes(files.MARK + len(text).to_bytes(8, "little") + text)
    with pytest.raises(FormatError, match=r"model has a damaged header \(.*recursion"):
        read_arrays(path, KIND)


def test_a_newer_format_asks_for_a_newer_gibbsfactor(tmp_path, monkeypatch):
    path = tmp_path / "model"
    dumps = json.dumps
    monkeypatch.setattr(
        files.json, "dumps", lambda header, **kw: dumps({**header, "version": 3}, **kw)
    )
    write_arrays(path, KIND, {}, {"x": np.arange(3)})
    monkeypatch.undo()
    message = "model is of format 3, written by a newer gibbsfactor; this one reads formats 1 to 2"
    with pytest.raises(FormatError, match=message):
        read_arrays(path, KIND)


@pytest.fixture(params=["plain", "packed"])
def model_file(tmp_path, request):
    path = tmp_path / "model"
    rng = np.random.default_rng(0)
    contents = {
        "w": rng.normal(size=(5, 7)),
        "i": np.cumsum(rng.integers(0, 260, 40)),
        "z": np.frombuffer(b"walk shop clean " * 9, np.uint8),
        "s": np.array(["a", "bc"]),
    }
    packed = ["w", "i", "z"] if request.param == "packed" else []
    write_arrays(path, KIND, {"classes": ["D", "N"], "loss": 1.25}, contents, packed=packed)
    return path


both_ways = pytest.mark.parametrize("mapped", [False, True], ids=["read", "mapped"])


@both_ways
def test_a_file_cut_anywhere_is_noticed(model_file, mapped):
    data = model_file.read_bytes()
    text = np.array(["a", "bc"]).tobytes()  # the last array of the file
    last = data.rindex(text) + len(text)
    assert last < len(data) <= last + 64  # only filling follows the last array
    for size in [*range(40), *range(40, last, 5), last - 1]:
        model_file.write_bytes(data[:size])
        for verify in (True, False):
            with pytest.raises(FormatError, match=r"is empty|starts with|cut short|damaged"):
                read_arrays(model_file, KIND, mapped=mapped, verify=verify)


def test_a_cut_within_an_array_says_where(model_file):
    data = model_file.read_bytes()
    end = data.rindex(np.array(["a", "bc"]).tobytes()) + 16
    model_file.write_bytes(data[: end - 1])
    message = f"model is cut short: 's' should end at byte {end}, the file at {end - 1}"
    with pytest.raises(FormatError, match=message):
        read_arrays(model_file, KIND)


@both_ways
def test_a_flipped_bit_is_never_read_as_something_else(model_file, mapped):
    data = model_file.read_bytes()
    description, contents = read_arrays(model_file, KIND)
    unnoticed = []
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        model_file.write_bytes(changed)
        try:
            found, given_arrays = read_arrays(model_file, KIND, mapped=mapped)
        except FormatError:
            continue
        except Exception as error:
            unnoticed.append((place, data[place - 5 : place + 5], repr(error)))
            continue
        alike = found == description and list(given_arrays) == list(contents)
        if not alike or not all(same(given_arrays[k], v) for k, v in contents.items()):
            unnoticed.append((place, data[place - 5 : place + 5], "read"))
    assert unnoticed == []


def test_a_flipped_bit_without_checksums_changes_no_size_and_no_type(model_file):
    data = model_file.read_bytes()
    description, contents = read_arrays(model_file, KIND)
    start = 16 + int.from_bytes(data[8:16], "little")  # what lies before has its own checksum
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        model_file.write_bytes(changed)
        try:
            found, arrays = read_arrays(model_file, KIND, verify=False)
        except FormatError:
            continue
        assert place >= start
        assert found == description
        assert {k: (v.dtype, v.shape) for k, v in arrays.items()} == {
            k: (v.dtype, v.shape) for k, v in contents.items()
        }


# ---- mapping --------------------------------------------------------------------------------


@both_ways
def test_what_is_read_is_read_only(tmp_path, mapped):
    path = tmp_path / "model"
    write_arrays(path, KIND, {}, {"x": np.arange(40), "y": np.arange(40)}, packed=["y"])
    for array in read_arrays(path, KIND, mapped=mapped)[1].values():
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def base_of(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base.obj if isinstance(array.base, memoryview) else array.base


def test_mapped_arrays_are_views_of_the_file(tmp_path, monkeypatch):
    path = tmp_path / "model"
    contents = {"x": np.arange(40.0).reshape(5, 8), "s": np.array(["a", "bc"]), "e": np.zeros(0)}
    write_arrays(path, KIND, {"a": 1}, {**contents, "p": np.arange(40)}, packed=["p"])
    for verify in (True, False):
        description, arrays = read_arrays(path, KIND, mapped=True, verify=verify)
        assert description == {"a": 1}
        for key, array in contents.items():
            assert type(arrays[key]) is np.ndarray
            assert isinstance(base_of(arrays[key]), mmap.mmap) == (os.name != "nt")
            assert arrays[key].ctypes.data % 64 == 0 or os.name == "nt"
            assert same(arrays[key], array)
        assert arrays["p"].tolist() == list(range(40))
    monkeypatch.setattr(files, "MAPPABLE", False)  # as on Windows
    arrays = read_arrays(path, KIND, mapped=True)[1]
    assert isinstance(base_of(arrays["x"]), bytes)
    assert same(arrays["x"], contents["x"])


def test_a_mapped_file_can_be_replaced_and_removed(tmp_path):
    path = tmp_path / "model"
    first = np.random.default_rng(1).random(10**5)
    write_arrays(path, KIND, {}, {"x": first})
    mapped = read_arrays(path, KIND, mapped=True, verify=False)[1]["x"]
    write_arrays(path, KIND, {}, {"x": np.zeros(3)})
    assert read_arrays(path, KIND)[1]["x"].tolist() == [0, 0, 0]
    path.unlink()
    assert same(mapped, first)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_mapped_file_takes_no_more_once_its_arrays_are_gone(tmp_path):
    path = tmp_path / "model"
    write_arrays(path, KIND, {}, {"x": np.zeros(10**4)})

    def held():
        return Path("/proc/self/maps").read_text().count(str(path))

    before = len(os.listdir("/proc/self/fd"))
    arrays = read_arrays(path, KIND, mapped=True)[1]
    assert held() == 1
    del arrays
    assert held() == 0
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX pipes")
def test_a_pipe_is_read_where_a_file_would_be_mapped(tmp_path):
    path, pipe = tmp_path / "model", tmp_path / "pipe"
    write_arrays(path, KIND, {}, {"x": np.arange(3)})
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    assert read_arrays(pipe, KIND, mapped=True)[1]["x"].tolist() == [0, 1, 2]
    writer.join()


# ---- packing --------------------------------------------------------------------------------


def packed_size(folder, array):
    """How many bytes a packed array takes in its file, once it is found to be read back."""
    path = folder / "model"
    write_arrays(path, KIND, {}, {"x": array, "after": np.arange(3)}, packed=["x"])
    for mapped in (False, True):
        found = read_arrays(path, KIND, mapped=mapped)[1]
        assert same(found["x"], np.asarray(array))
        assert found["after"].tolist() == [0, 1, 2]
    length = int.from_bytes(path.read_bytes()[8:16], "little")
    header = json.loads(path.read_bytes()[16 : 12 + length])
    entry = header["arrays"]["x"]
    assert header["version"] == 1 + ("packed" in entry)
    return entry["packed"]["bytes"] if "packed" in entry else np.asarray(array).nbytes


@given(arrays)
def test_packed_arrays_are_read_back(tmp_path_factory, array):
    assert packed_size(tmp_path_factory.mktemp("files"), array) <= array.nbytes


@given(
    st.sampled_from(["i1", "<i2", ">i4", "i8", "u1", ">u2", "u4", "u8"]),
    st.lists(st.integers(0, 2**64 - 1), max_size=30),
    st.sampled_from([2**3, 2**8, 2**9, 2**16, 2**17, 2**32, 2**33, 2**64]),
    st.booleans(),
)
def test_packed_numbers_of_every_size_are_read_back(tmp_path_factory, kind, draws, most, rising):
    numbers = np.array([n % most for n in draws], np.uint64)
    numbers = np.cumsum(numbers, dtype=np.uint64) if rising else numbers
    packed_size(tmp_path_factory.mktemp("files"), numbers.astype(np.int64).astype(kind))


EDGES = [0, 1, 2**7, 2**8 - 1, 2**8, 2**15, 2**16 - 1, 2**16, 2**31, 2**32 - 1, 2**32, 2**63 - 1]


@pytest.mark.parametrize("step", EDGES)
@pytest.mark.parametrize("sign", [1, -1])
def test_steps_at_the_edges_of_the_types(tmp_path, step, sign):
    rng = np.random.default_rng(step % 7)
    for numbers in (
        np.array([sign * step]),
        np.array([0, sign * step, 5]),
        np.array([2**63 - 1, -(2**63), sign * step, -1]),
        np.cumsum(rng.integers(max(0, step - 3), min(step + 3, 2**63 - 1), 50)) * sign,
    ):
        packed_size(tmp_path, numbers)
        packed_size(tmp_path, numbers.astype(np.uint64))


def test_packing_is_small(tmp_path):
    rng = np.random.default_rng(0)
    n = 10_000
    assert packed_size(tmp_path, np.cumsum(rng.integers(1, 40, n))) < n
    assert packed_size(tmp_path, np.arange(10**12, 10**12 + n)) < 100
    few_large = np.cumsum(np.where(rng.random(n) < 0.01, 10**9, rng.integers(0, 200, n)))
    assert packed_size(tmp_path, few_large) < 1.15 * n
    assert packed_size(tmp_path, rng.integers(-100, 100, n)) <= n
    assert packed_size(tmp_path, rng.integers(0, 60_000, n)) <= 2 * n
    assert packed_size(tmp_path, rng.random(n)) == 8 * n  # nothing to gain
    assert packed_size(tmp_path, np.zeros(n)) < n / 20
    text = np.frombuffer(b"walk shop clean " * n, np.uint8)
    assert packed_size(tmp_path, text) < len(text) / 50


def test_an_array_to_pack_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="no array to pack is called 'y', only 'x'"):
        write_arrays(tmp_path / "model", KIND, {}, {"x": np.arange(3)}, packed=["y"])
    assert list(tmp_path.iterdir()) == []


# ---- replacing ------------------------------------------------------------------------------


def test_replacing_writes_all_or_nothing(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as file:
        file.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"

    def write_half(error):
        with replacing(path) as file:
            file.write(b"two")
            raise error

    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error):
            write_half(error)
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "model"
    write_arrays(path, KIND, {}, {"x": np.arange(3)})
    old = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, f"no space in {step}")

    monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(OSError, match=f"no space in {step}"):
        write_arrays(path, KIND, {}, {"x": np.arange(4)})
    monkeypatch.undo()
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["model"]


def test_a_folder_in_the_way_stays(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "model"))):
        write_arrays(tmp_path / "model", KIND, {}, {})
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_new_files_have_the_permissions_of_any_other(tmp_path):
    write_arrays(tmp_path / "model", KIND, {}, {})
    (tmp_path / "other").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("model", "other")}
    assert len(modes) == 1

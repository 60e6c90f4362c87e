"""Model files: what is written is read back, what is damaged is noticed, what was there stays."""

from __future__ import annotations

import json
import math
import os
import re
import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gibbsfactor import files
from gibbsfactor.errors import FormatError
from gibbsfactor.files import read_arrays, replacing, write_arrays

KIND = "test"


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
    with pytest.raises(FormatError, match="holds a test of format 1; expected a CRF of format 1"):
        read_arrays(path, "CRF")


HEADERS = {
    "a list": lambda header: [],
    "null": lambda header: None,
    "version 2": lambda header: {**header, "version": 2},
    "no kind": lambda header: {**header, "kind": None},
    "no description": lambda header: {k: v for k, v in header.items() if k != "description"},
    "arrays in a list": lambda header: {**header, "arrays": []},
    "an array that is a list": lambda header: {**header, "arrays": {"x": []}},
}
ENTRIES = {
    "type": ["|O", "<U0", "nonsense", "0f8", None],
    "shape": [[-3], 3, [2**62, 2**62], [math.inf], ["a"], None],
    "start": [-64, 10**9, math.inf, None],
    "crc": [0, None],
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
    with pytest.raises(FormatError, match=r"model.*(damaged|cut short|format 2|holds a None)"):
        read_arrays(path, KIND)


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "model"
    rng = np.random.default_rng(0)
    contents = {"w": rng.normal(size=(5, 7)), "i": np.arange(9), "s": np.array(["a", "bc"])}
    write_arrays(path, KIND, {"classes": ["D", "N"], "loss": 1.25}, contents)
    return path


def test_a_file_cut_anywhere_is_noticed(model_file):
    data = model_file.read_bytes()
    text = np.array(["a", "bc"]).tobytes()  # the last array of the file
    last = data.rindex(text) + len(text)
    assert last < len(data) <= last + 64  # only filling follows the last array
    for size in [*range(40), *range(40, last, 5), last - 1]:
        model_file.write_bytes(data[:size])
        with pytest.raises(FormatError, match=r"is empty|starts with|cut short|damaged"):
            read_arrays(model_file, KIND)


def test_a_cut_within_an_array_says_where(model_file):
    data = model_file.read_bytes()
    end = data.rindex(np.array(["a", "bc"]).tobytes()) + 16
    model_file.write_bytes(data[: end - 1])
    message = f"model is cut short: 's' should end at byte {end}, the file at {end - 1}"
    with pytest.raises(FormatError, match=message):
        read_arrays(model_file, KIND)


def test_a_flipped_bit_is_never_read_as_something_else(model_file):
    data = model_file.read_bytes()
    description, contents = read_arrays(model_file, KIND)
    unnoticed = []
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        model_file.write_bytes(changed)
        try:
            found, given_arrays = read_arrays(model_file, KIND)
        except FormatError:
            continue
        except Exception as error:
            unnoticed.append((place, data[place - 5 : place + 5], repr(error)))
            continue
        alike = found == description and list(given_arrays) == list(contents)
        if not alike or not all(same(given_arrays[k], v) for k, v in contents.items()):
            unnoticed.append((place, data[place - 5 : place + 5], "read"))
    assert unnoticed == []


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

"""The binary models of CRFsuite: read to the last bit of each weight, and written.

Layout, all numbers little-endian: a header of 48 bytes, then chunks whose places it gives.
``FEAT`` lists the features (kind, source, label, weight); two ``CQDB`` are the dictionaries of
the labels and of the attributes; ``LFRF`` and ``AFRF`` list the features of each of these.

Letters: A attributes, L labels, S state features, T transition features.

Source: the model files of CRFsuite 0.12 (Okazaki, 2007), type FOMC, version 100.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gibbsfactor.errors import FormatError
from gibbsfactor.files import FileSource, replacing
from gibbsfactor.io.crfsuite_dictionary import dictionary, read_dictionary, run_of_words, words_at
from gibbsfactor.io.text import TextSource, read_unpacked, source_name

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MARK, KIND, VERSION = b"lCRF", b"FOMC", 100
HEADER = np.dtype(
    [
        ("mark", "S4"),
        ("size", "<u4"),
        ("kind", "S4"),
        ("version", "<u4"),
        ("unused", "<u4"),  # named after the number of features, but always 0
        ("labels", "<u4"),
        ("attributes", "<u4"),
        ("features_at", "<u4"),
        ("labels_at", "<u4"),
        ("attributes_at", "<u4"),
        ("label_features_at", "<u4"),
        ("attribute_features_at", "<u4"),
    ]
)
CHUNK = 12  # bytes before the items of a chunk: its mark, its size, how many items
FEATURE = np.dtype([("kind", "<u4"), ("source", "<u4"), ("label", "<u4"), ("weight", "<f8")])
STATE, TRANSITION = 0, 1  # kinds of features
MOST_BYTES = 2**32 - 1


@dataclass(frozen=True, eq=False, repr=False)
class CRFsuiteModel:
    """A linear-chain CRF as CRFsuite stores it: names, and the weights that are not 0.

    The score of labels y for tokens x is the sum over positions t of

        sum_a x_t[a] * state weight(a, y_t)  +  transition weight(y_{t-1}, y_t)

    Parameters
    ----------
    labels
        L names, in the order of their numbers; the first of equally good ones wins.
    attributes
        A names, in the order of their numbers.
    state_attributes, state_labels, state_weights
        (S,) the attribute's number, the label's number and the weight of each state feature.
    transition_from, transition_to, transition_weights
        (T,) the number of the label before, that of the label, and the weight.

    Raises
    ------
    ValueError
        If a name comes twice, arrays that belong together differ in length, or a number is not
        that of a label or attribute.

    Examples
    --------
    >>> CRFsuiteModel(["N", "V"], ["w=dog"], [0], [0], [1.5], [0], [1], [0.25])
    CRFsuiteModel(2 labels, 1 attributes, 1 state and 1 transition weights)
    """

    labels: list[str]
    attributes: list[str]
    state_attributes: Integers
    state_labels: Integers
    state_weights: Floats
    transition_from: Integers
    transition_to: Integers
    transition_weights: Floats

    def __post_init__(self) -> None:
        for field in ("labels", "attributes"):
            names = list(getattr(self, field))
            if len(set(names)) < len(names):
                twice = Counter(names).most_common(1)[0][0]
                raise ValueError(f"{twice!r} is there twice among the {field}")
            object.__setattr__(self, field, names)
        n_labels, n_attributes = len(self.labels), len(self.attributes)
        for fields, bounds in (
            (("state_attributes", "state_labels", "state_weights"), (n_attributes, n_labels)),
            (("transition_from", "transition_to", "transition_weights"), (n_labels, n_labels)),
        ):
            self._check_features(fields, bounds)

    def _check_features(self, fields: tuple[str, str, str], bounds: tuple[int, int]) -> None:
        for field in fields[:2]:
            object.__setattr__(self, field, _read_only(getattr(self, field), np.int64))
        object.__setattr__(self, fields[2], _read_only(getattr(self, fields[2]), np.float64))
        shapes = {field: getattr(self, field).shape for field in fields}
        if len(set(shapes.values())) > 1 or len(shapes[fields[2]]) != 1:
            raise ValueError(f"the shapes differ, or have more than one axis: {shapes}")
        for field, bound in zip(fields, bounds, strict=False):
            numbers = getattr(self, field)
            wrong = numbers[(numbers < 0) | (numbers >= bound)]
            if len(wrong):
                raise ValueError(f"{field} has {wrong[0]}, expected numbers below {bound}")

    def state_matrix(self) -> scipy.sparse.csr_array[np.float64, tuple[int, int]]:
        """The state weights as a sparse matrix, shape (A, L)."""
        places = (self.state_attributes, self.state_labels)
        shape = (len(self.attributes), len(self.labels))
        return scipy.sparse.csr_array((self.state_weights, places), shape=shape)

    def transition_matrix(self) -> Floats:
        """The transition weights, shape (L, L), 0 where there is no feature."""
        matrix = np.zeros((len(self.labels), len(self.labels)))
        matrix[self.transition_from, self.transition_to] = self.transition_weights
        return matrix

    def __repr__(self) -> str:
        return (
            f"CRFsuiteModel({len(self.labels):,} labels, {len(self.attributes):,} attributes, "
            f"{len(self.state_weights):,} state and {len(self.transition_weights):,} "
            "transition weights)"
        )


def _read_only(given: npt.ArrayLike, dtype: type[np.generic]) -> npt.NDArray[np.generic]:
    array = np.array(given, dtype)
    array.flags.writeable = False
    return array


# ---- reading ----------------------------------------------------------------------------------


def read_crfsuite_model(source: TextSource) -> CRFsuiteModel:
    """Read a model that CRFsuite, python-crfsuite or sklearn-crfsuite trained.

    Parameters
    ----------
    source
        A path or a file open for bytes, plain or gzip.

    Returns
    -------
    CRFsuiteModel
        Weights are those of the file to the last bit. Names are read as UTF-8; bytes that are not
        become lone surrogates, from which `write_crfsuite_model` makes the same bytes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not a CRFsuite model, cut short, or its parts contradict each other. The format
        has no checksums: a damaged weight or letter can't be noticed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> model = CRFsuiteModel(["N", "V"], ["w=dog"], [0], [0], [1.5], [0], [1], [0.25])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "small.crfsuite")
    ...     write_crfsuite_model(model, path)
    ...     read_crfsuite_model(path).transition_matrix()
    array([[0.  , 0.25],
           [0.  , 0.  ]])
    """
    name, data = source_name(source), np.frombuffer(read_unpacked(source), np.uint8)
    begin = data[: HEADER.itemsize].tobytes()
    if not begin.startswith(MARK):
        found = f"starts with {begin[:8]!r}" if begin else "is empty"
        raise FormatError(f"{name} {found}; expected a model written by CRFsuite ({MARK!r})")
    if len(begin) < HEADER.itemsize:
        raise FormatError(f"{name} is cut short: it ends within its header, at byte {len(data)}")
    header = np.frombuffer(begin, HEADER)[0]
    if header["kind"] != KIND or header["version"] != VERSION:
        raise FormatError(
            f"{name} is a CRFsuite model of type {header['kind'].decode('latin-1')}, version "
            f"{header['version']}; expected type {KIND.decode()}, version {VERSION}"
        )
    if header["size"] != len(data):
        raise FormatError(
            f"{name} should have {header['size']} bytes, but has {len(data)}; copy it again"
        )
    try:
        return _model(data, header)
    except ValueError as error:
        raise FormatError(f"{name} is damaged: {error}") from None


def _model(data: Bytes, header: np.void) -> CRFsuiteModel:
    """The model in a whole file; raises ValueError where its parts do not fit."""
    labels = read_dictionary(data, int(header["labels_at"]), int(header["labels"]))
    attributes = read_dictionary(data, int(header["attributes_at"]), int(header["attributes"]))
    begin, count = _chunk(data, int(header["features_at"]), b"FEAT")
    if begin + count * FEATURE.itemsize > len(data):
        raise ValueError(f"there is no room for its {count} features")
    features = data[begin : begin + count * FEATURE.itemsize].view(FEATURE)
    kinds = features["kind"]
    if (kinds > TRANSITION).any():
        raise ValueError(f"it has a feature of kind {kinds.max()}, expected 0 or 1")
    states, transitions = features[kinds == STATE], features[kinds == TRANSITION]
    model = CRFsuiteModel(
        labels,
        attributes,
        states["source"],
        states["label"],
        states["weight"],
        transitions["source"],
        transitions["label"],
        transitions["weight"],
    )
    for key, mark, kind, owners in (
        ("label_features_at", b"LFRF", TRANSITION, len(labels)),
        ("attribute_features_at", b"AFRF", STATE, len(attributes)),
    ):
        listed = _references(data, int(header[key]), mark, owners)
        mine = np.flatnonzero(kinds == kind)
        in_order = mine[np.argsort(features["source"][mine], kind="stable")]
        if not np.array_equal(listed, in_order):
            raise ValueError(f"its lists of features ({mark.decode()}) don't match its features")
    return model


def _chunk(data: Bytes, begin: int, mark: bytes) -> tuple[int, int]:
    """Where the items of a chunk begin, and how many they are."""
    if data[begin : begin + 4].tobytes() != mark:
        raise ValueError(f"there is no chunk {mark.decode()} at byte {begin}")
    return begin + CHUNK, int(run_of_words(data, begin + 8, 1)[0])


def _references(data: Bytes, begin: int, mark: bytes, owners: int) -> Integers:
    """The features of each label or attribute, one list after the other."""
    begin, count = _chunk(data, begin, mark)
    if count < owners:
        raise ValueError(f"{mark.decode()} has {count} lists of features, expected {owners}")
    places = run_of_words(data, begin, owners)
    lengths = words_at(data, places)
    if lengths.sum() > len(data) // 4:
        raise ValueError(f"the lists of features ({mark.decode()}) are longer than the file")
    firsts = places + 4 - 4 * (np.cumsum(lengths) - lengths)
    return words_at(data, np.repeat(firsts, lengths) + 4 * np.arange(lengths.sum()))


# ---- writing ----------------------------------------------------------------------------------


def write_crfsuite_model(model: CRFsuiteModel, path: FileSource) -> None:
    """Write a model that CRFsuite and its bindings open and tag with.

    A model that CRFsuite wrote becomes the same file again, byte for byte.

    Raises
    ------
    ValueError
        If a name holds a zero byte, or the file would take 4 GiB or more, which the format can't
        hold.
    """
    n_states, n_labels = len(model.state_weights), len(model.labels)
    features = np.zeros(n_states + len(model.transition_weights), FEATURE)
    states, transitions = features[:n_states], features[n_states:]
    states["source"], states["label"] = model.state_attributes, model.state_labels
    states["weight"] = model.state_weights
    transitions["kind"] = TRANSITION
    transitions["source"], transitions["label"] = model.transition_from, model.transition_to
    transitions["weight"] = model.transition_weights

    listing = features.tobytes()
    parts = [np.array([CHUNK + len(listing), len(features)], "<u4").tobytes(), listing]
    data = bytearray(HEADER.itemsize) + b"FEAT" + b"".join(parts)
    at = {"features_at": HEADER.itemsize, "labels_at": len(data)}
    data += dictionary(model.labels)
    at["attributes_at"] = len(data)
    data += dictionary(model.attributes)
    for key, mark, sources, owners, first, spare in (
        ("label_features_at", b"LFRF", model.transition_from, n_labels, n_states, 2),
        ("attribute_features_at", b"AFRF", model.state_attributes, len(model.attributes), 0, 0),
    ):
        data += bytes(-len(data) % 4)
        at[key] = len(data)
        data += _reference_chunk(mark, sources, owners, first, spare, len(data))
    if len(data) > MOST_BYTES:
        raise ValueError(
            f"the model takes {len(data):,} bytes, but CRFsuite's format holds {MOST_BYTES:,} at "
            "most; drop features of little weight"
        )
    counts = {"labels": n_labels, "attributes": len(model.attributes)}
    header = {"mark": MARK, "size": len(data), "kind": KIND, "version": VERSION, **counts, **at}
    filled = np.zeros(1, HEADER)
    for key, value in header.items():
        filled[key] = value
    data[: HEADER.itemsize] = filled.tobytes()
    with replacing(path) as file:
        file.write(data)


def _reference_chunk(
    mark: bytes, sources: Integers, owners: int, first: int, spare: int, begin: int
) -> bytes:
    """The list of features of each owner; `spare` owners that CRFsuite counts have none at all.

    Features are numbered from `first` on in the order of their `sources`.
    """
    lengths = np.bincount(sources, minlength=owners)
    lists = np.zeros(owners + len(sources), np.int64)
    heads = np.arange(owners) + np.cumsum(lengths) - lengths
    is_head = np.zeros(len(lists), bool)
    is_head[heads] = True
    lists[is_head] = lengths
    lists[~is_head] = first + np.argsort(sources, kind="stable")
    places = begin + CHUNK + 4 * (owners + spare) + 4 * heads
    size = CHUNK + 4 * (owners + spare + len(lists))
    numbers = np.concatenate([[size, owners + spare], places, np.zeros(spare, np.int64), lists])
    return mark + numbers.astype("<u4").tobytes()

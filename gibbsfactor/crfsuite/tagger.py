"""Tagging with a model from a file: python-crfsuite's ``Tagger``.

Letters: T positions, L labels.
"""

from __future__ import annotations

import io
import math
import os
import sys
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Self, TextIO

import numpy as np
import numpy.typing as npt

from gibbsfactor.crfsuite.items import decoded_label, decoded_labels, to_tag
from gibbsfactor.errors import listed
from gibbsfactor.files import FileSource
from gibbsfactor.io.crfsuite_model import MARK
from gibbsfactor.io.text import GZIP_MAGIC, write_text
from gibbsfactor.io.with_crfsuite import from_crfsuite
from gibbsfactor.models.linear_chain_crf import LinearChainCRF


class NoModelError(ValueError, RuntimeError):
    """A tagger is asked that has no model open; python-crfsuite raises the one or the other."""


@dataclass
class Info:
    """What is in a model: python-crfsuite's ``ParsedDump``.

    Attributes
    ----------
    header : {"num_labels": ..., "num_attrs": ..., "size": ...} as strings; size in bytes
    labels, attributes : {name: number as a string}
    transitions : {(label before, label): weight}
    state_features : {(attribute, label): weight}

    Weights of 0, and attributes that have no others, are left out.
    """

    header: dict[str, str] = field(default_factory=dict)
    labels: dict[Any, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    transitions: dict[tuple[Any, Any], float] = field(default_factory=dict)
    state_features: dict[tuple[str, Any], float] = field(default_factory=dict)

    @classmethod
    def of(cls, model: LinearChainCRF) -> Self:
        """What is in a fitted model."""
        states = {pair: w for pair, w in model.state_features_.items() if w}
        names = dict.fromkeys(name for name, _ in states)
        return cls(
            {
                "num_labels": str(len(model.classes_)),
                "num_attrs": str(len(names)),
                "size": str(model.size_),
            },
            {label: str(k) for k, label in enumerate(model.classes_)},
            {name: str(k) for k, name in enumerate(names)},
            {pair: w for pair, w in model.transition_features_.items() if w},
            states,
        )

    def write(self, file: TextIO) -> None:
        """Write it as ``crfsuite dump`` does, with weights rounded to six digits."""
        parts = {
            "FILEHEADER": [f"{name}: {value}" for name, value in self.header.items()],
            "LABELS": [f"{k:>5}: {name}" for name, k in self.labels.items()],
            "ATTRIBUTES": [f"{k:>5}: {name}" for name, k in self.attributes.items()],
            "TRANSITIONS": [f"(1) {a} --> {b}: {w:f}" for (a, b), w in self.transitions.items()],
            "STATE_FEATURES": [
                f"(0) {a} --> {b}: {w:f}" for (a, b), w in self.state_features.items()
            ],
        }
        for name, lines in parts.items():
            file.write(f"{name} = {{\n")
            file.writelines(f"  {line}\n" for line in lines)
            file.write("}\n\n")


class Tagger:
    """Labels sequences, one at a time, with a model from a file.

    `LinearChainCRF.predict` labels many at a time, and is quicker for each.

    Examples
    --------
    >>> from gibbsfactor.crfsuite import Trainer
    >>> import tempfile, pathlib
    >>> trainer = Trainer(params={"c2": 0.1}, verbose=False)
    >>> trainer.append([["w=the"], ["w=dog"]], ["D", "N"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "small.crf")
    ...     trainer.train(path)
    ...     tagger = Tagger()
    ...     with tagger.open(path):
    ...         print(tagger.tag([["w=the"], ["w=dog"]]), tagger.marginal("N", 1) > 0.8)
    ['D', 'N'] True
    """

    def __init__(self) -> None:
        self._model: LinearChainCRF | None = None
        self._sequence: Any = None  # in a list of its own
        self._marginals: npt.NDArray[np.float64] | None = None

    def open(self, name: FileSource) -> closing[Tagger]:
        """Open a model of gibbsfactor's, or a binary model of CRFsuite, also in gzip.

        Parameters
        ----------
        name
            A path, or a file open for bytes.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FormatError
            If it is neither of the two, or damaged.
        """
        return self._use(open_model(name))

    def open_inmemory(self, value: bytes) -> closing[Tagger]:
        """Open a model from the bytes of its file.

        Raises
        ------
        FormatError
            If they are not those of a model of gibbsfactor's or of CRFsuite's.
        """
        return self._use(open_model(io.BytesIO(value)))

    def _use(self, model: LinearChainCRF) -> closing[Tagger]:
        self.close()
        self._model = model
        return closing(self)

    def close(self) -> None:
        """Let go of the model."""
        self._model = self._sequence = self._marginals = None

    @property
    def model(self) -> LinearChainCRF:
        """The model, for all the questions that CRFsuite has no names for.

        Raises
        ------
        NoModelError
            If none is open.
        """
        if self._model is None:
            raise NoModelError("the tagger has no model open; call open(path)")
        return self._model

    def labels(self) -> list[Any]:
        """The L labels."""
        return list(self.model.classes_)

    def set(self, xseq: Any) -> None:
        """Set the sequence that is asked about from now on."""
        self._sequence, self._marginals = to_tag([xseq], self.model), None

    def tag(self, xseq: Any = None) -> list[Any]:
        """The most probable labelling of a sequence; of the one set, unless given."""
        if xseq is not None:
            self.set(xseq)
        labels: list[Any] = self.model.predict(self._asked())[0]
        return labels

    def probability(self, yseq: Any) -> float:
        """P(y | x) of a labelling of the sequence set.

        Raises
        ------
        ValueError
            If it has not as many labels as the sequence has tokens, or unknown ones.
        """
        return math.exp(self.model.log_probability(self._asked(), decoded_labels([yseq]))[0])

    def marginal(self, y: Any, pos: int) -> float:
        """P(y_pos = y | x) in the sequence set.

        Raises
        ------
        ValueError
            If there is no such label.
        IndexError
            If there is no such position.
        """
        classes, y = self.model.classes_, decoded_label(y)
        if y not in classes:
            raise ValueError(f"there is no label {y!r}; the model knows {listed(classes)}")
        if self._marginals is None:
            (self._marginals,) = self.model.predict_proba(self._asked())
        length = len(self._marginals)
        if not 0 <= pos < length:
            raise IndexError(f"there is no position {pos}: the sequence has {length}")
        return float(self._marginals[pos, classes.index(y)])

    def _asked(self) -> Any:
        """The sequence set, as the only one of many."""
        if self._sequence is None:
            raise ValueError("no sequence is set; call set(xseq) or tag(xseq) first")
        return self._sequence

    def info(self) -> Info:
        """The labels, attributes and weights of the model."""
        return Info.of(self.model)

    def dump(self, filename: str | os.PathLike[str] | None = None) -> None:
        """Write the model as text, to standard output unless a file is named."""
        info = self.info()
        if filename is None:
            info.write(sys.stdout)
            return
        text = io.StringIO()
        info.write(text)
        write_text(filename, text.getvalue())


def tagger_of(model: LinearChainCRF) -> Tagger:
    """A tagger that has this model open."""
    tagger = Tagger()
    tagger._use(model)
    return tagger


def open_model(source: FileSource) -> LinearChainCRF:
    """The model in a file of gibbsfactor's, or of CRFsuite's, which may be in gzip.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is neither of the two, or damaged.
    """
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            begin = file.read(len(MARK))
    else:
        data = source.read()
        source, begin = io.BytesIO(data), data[: len(MARK)]
    if begin == MARK or begin.startswith(GZIP_MAGIC):
        return from_crfsuite(source)
    return LinearChainCRF.load(source)

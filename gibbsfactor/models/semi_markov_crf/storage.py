"""Model files of semi-Markov chains."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import FormatError
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_from_arrays
from gibbsfactor.files import FileSource, file_name, read_arrays, write_arrays
from gibbsfactor.learning.chain.segment_features import KINDS, SegmentFeatures
from gibbsfactor.models.semi_markov_crf.notation import Notation

KIND = "semi-Markov CRF"
POSITIONS = (*KINDS, "transitions")
TRAINED = (
    "loss_",
    "gradient_norm_",
    "n_iter_",
    "n_evaluations_",
    "converged_",
    "interrupted_",
    "seconds_",
    "n_left_out_",
)


class Storage:
    """Saving and loading."""

    classes_: list[Any]
    longest_: npt.NDArray[np.int64]
    features_: SegmentFeatures
    weights_: npt.NDArray[np.float64]
    vectorizer_: Vectorizer
    segment_vectorizer_: Vectorizer | None
    notation_: Notation
    segment_features: Any
    _check_fitted: Callable[[], None]
    get_params: Callable[..., dict[str, Any]]

    def save(self, path: FileSource) -> None:
        """Write the model to a file: no pickle, written aside and then moved into place.

        The path may also be a file open for bytes, which is just written to.

        Features whose weight is 0, as an L1 penalty leaves most of them, are left out. A function
        given as ``segment_features`` is not written: `load` takes it again.

        Raises
        ------
        TypeError
            If a label is not a string, number or bool.
        """
        self._check_fitted()
        for label in self.classes_:
            if not isinstance(label, str | int | float | bool):
                raise TypeError(
                    f"the label {label!r} can't be written to a file; "
                    "train with strings or numbers as labels to save the model"
                )
        f, active = self.features_, self.weights_ != 0
        parameters = self.get_params()
        own = callable(self.segment_features)
        parameters["segment_features"] = None if own else list(self.segment_features)
        description = {
            "classes": self.classes_,
            "notation": self.notation_.kind,
            "n_attributes": f.n_attributes,
            "n_segment_attributes": f.n_segment_attributes,
            "parameters": {k: _plain(v) for k, v in parameters.items() if k != "templates"},
            "trained": {name: getattr(self, name) for name in TRAINED},
        }
        arrays = {"weights": self.weights_[active], "longest": self.longest_}
        for name, begin, end in zip(POSITIONS, f.bounds, f.bounds[1:], strict=False):
            arrays[name] = getattr(f, name)[active[begin:end]]
        arrays |= {f"vectorizer.{k}": v for k, v in self.vectorizer_.to_arrays().items()}
        if self.segment_vectorizer_ is not None:
            of_segments = self.segment_vectorizer_.to_arrays()
            arrays |= {f"segment_vectorizer.{k}": v for k, v in of_segments.items()}
        write_arrays(path, KIND, description, arrays, packed=[k for k in arrays if k != "weights"])

    @classmethod
    def load(
        cls,
        path: FileSource,
        *,
        segment_features: Callable[[Any, int, int], Any] | None = None,
    ) -> Self:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : where it is, or a file open for bytes
        segment_features : the function that the model was trained with, if it was one

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FormatError
            If it is not such a model's file, or cut short, or damaged.
        TypeError
            If the model needs a function and none is given, or the other way round.
        """
        description, arrays = read_arrays(path, KIND, mapped=True)
        name = file_name(path)
        try:
            parameters = dict(description["parameters"])
            names = parameters["segment_features"]
            most = parameters["max_length"]
            parameters["max_length"] = dict(most) if isinstance(most, list) else most
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{name} is not a usable semi-Markov CRF: {error}") from None
        if (names is None) != callable(segment_features):
            raise TypeError(
                f"{name} was trained with a function as segment_features; give load the same one"
                if names is None
                else f"{name} was trained with segment_features={names}; leave the function out"
            )
        parameters["segment_features"] = segment_features if names is None else tuple(names)
        try:
            model = cls(**parameters)
            model._restore(description, arrays)
        except (KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
            raise FormatError(f"{name} is not a usable semi-Markov CRF: {error}") from None
        if not _fits(model):
            raise FormatError(
                f"{name} is damaged: its {len(model.weights_)} weights don't fit its attributes "
                f"and its {len(model.classes_)} labels"
            )
        return model

    def _restore(self, description: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        self.classes_ = list(description["classes"])
        self.longest_ = arrays["longest"].astype(np.int64)
        self.features_ = SegmentFeatures(
            int(description["n_attributes"]),
            int(description["n_segment_attributes"]),
            len(self.classes_),
            *(arrays[name].astype(np.int64) for name in POSITIONS),
        )
        self.weights_ = arrays["weights"]
        self.notation_ = Notation(description["notation"])
        own = _within_name(arrays, "vectorizer.")
        self.vectorizer_ = vectorizer_from_arrays(own)
        of_segments = _within_name(arrays, "segment_vectorizer.")
        self.segment_vectorizer_ = vectorizer_from_arrays(of_segments) if of_segments else None
        self.templates = getattr(self.vectorizer_, "templates", None)
        for name in TRAINED:
            setattr(self, name, description["trained"][name])


def _within_name(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _plain(value: Any) -> Any:
    """A parameter as JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return [[_plain(k), _plain(v)] for k, v in value.items()]
    return value


def _fits(model: Storage) -> bool:
    f, n = model.features_, len(model.classes_)
    of_segments = model.segment_vectorizer_
    return (
        len(model.weights_) == f.n_weights
        and model.longest_.shape == (n,)
        and bool((model.longest_ > 0).all())
        and f.n_attributes == model.vectorizer_.n_attributes
        and f.n_segment_attributes == (0 if of_segments is None else of_segments.n_attributes)
        and all(_within(getattr(f, kind), f.n_attributes * n) for kind in ("inside", "first"))
        and _within(f.last, f.n_attributes * n)
        and _within(f.whole, f.n_segment_attributes * n)
        and _within(f.transitions, n**2)
    )


def _within(positions: npt.NDArray[np.int64], n: int) -> bool:
    """Whether positions lie in 0 .. n-1, rising."""
    if positions.ndim != 1 or not len(positions):
        return positions.ndim == 1
    return bool(positions[0] >= 0 and positions[-1] < n and (np.diff(positions) > 0).all())

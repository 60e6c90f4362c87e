"""What the parameters of a semi-Markov CRF may be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed
from gibbsfactor.features import Templates
from gibbsfactor.models.semi_markov_crf.attributes import BUILT_IN


def check_parameters(model: Any) -> None:
    """Raise unless every parameter is one that a model can be trained with."""
    for name in ("c1", "c2", "tol"):
        value = getattr(model, name)
        if not (isinstance(value, int | float | np.number) and 0 <= value < math.inf):
            raise ValueError(f"{name} is {value!r}; it must be a finite number of at least 0")
    for name in ("max_iterations", "n_threads"):
        value = getattr(model, name)
        if value is not None or name == "max_iterations":
            _check_whole(name, value)
    if isinstance(model.max_length, Mapping):
        for label, most in model.max_length.items():
            _check_whole(f"max_length[{label!r}]", most)
    elif model.max_length is not None:
        _check_whole("max_length", model.max_length)
    if model.progress not in (True, False, "always"):
        raise ValueError(f"progress is {model.progress!r}; it must be True, False or 'always'")
    if model.templates is not None and not isinstance(model.templates, Templates):
        raise TypeError(
            f"templates is {model.templates!r}; give Templates.chunking(), "
            "or your own with Templates.parse or Templates.from_file"
        )
    features = model.segment_features
    if callable(features):
        return
    if isinstance(features, str) or not isinstance(features, Sequence):
        raise TypeError(
            f"segment_features is {features!r}; give a tuple of names, or a function of "
            "(sequence, begin, end)"
        )
    unknown = [name for name in features if name not in BUILT_IN]
    if unknown:
        raise ValueError(
            f"segment_features names {listed(unknown)}; there are {listed(list(BUILT_IN))}"
        )


def longest_segments(
    max_length: int | Mapping[Any, int] | None,
    classes: Sequence[Any],
    seen: npt.NDArray[np.int64],
    alone: Sequence[Any],
) -> npt.NDArray[np.int64]:
    """(L,) how many tokens a segment with each label may have.

    Parameters
    ----------
    max_length : the parameter
    classes : L labels
    seen : (L,) the longest segment with each label in the training data
    alone : labels that the notation gives to single tokens only
    """
    if max_length is None:
        return seen
    if isinstance(max_length, Mapping):
        unknown = [label for label in max_length if label not in classes]
        if unknown:
            raise ValueError(
                f"max_length names {listed(unknown)}, no label of a segment in the training data; "
                f"there are {listed(list(classes))}"
            )
        given = [max_length.get(label, n) for label, n in zip(classes, seen.tolist(), strict=True)]
    else:
        given = [1 if label in alone else max_length for label in classes]
    return np.array(given, np.int64)


def _check_whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} is {value!r}; it must be a whole number from 1")

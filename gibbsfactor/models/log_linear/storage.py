"""Model files of log-linear models: weights and names, but not the templates' functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import FormatError, listed
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_from_arrays
from gibbsfactor.files import FileSource, file_name, read_arrays, write_arrays
from gibbsfactor.models.log_linear.reading import Reader
from gibbsfactor.models.log_linear.template import CliqueTemplate, titles
from gibbsfactor.variable import State

FloatArray = npt.NDArray[np.float64]

KIND = "log-linear model"
TRAINED = (
    "loss_",
    "gradient_norm_",
    "n_iter_",
    "n_evaluations_",
    "converged_",
    "interrupted_",
    "seconds_",
)


class Storage:
    """Saving and loading."""

    templates: Sequence[CliqueTemplate]
    states_: dict[str, list[State]]
    weights_: dict[str, FloatArray]
    feature_names_: dict[str, list[str]]
    _reader_: Reader
    _check_fitted: Callable[[], None]
    get_params: Callable[..., dict[str, Any]]

    def save(self, path: FileSource) -> None:
        """Write weights, states and names of features to a file: no pickle, moved into place whole.

        The path may also be a file open for bytes, which is just written to.

        The templates' functions are code, and are given again to `load`.

        Raises
        ------
        TypeError
            If a state is not a string, number or bool.
        """
        self._check_fitted()
        for kind, states in self.states_.items():
            for state in states:
                if not isinstance(state, str | int | float | bool):
                    raise TypeError(
                        f"the state {state!r} of {kind!r} can't be written to a file; "
                        "train with strings or numbers as labels to save the model"
                    )
        arrays: dict[str, npt.NDArray[Any]] = {}
        features: list[int | str | None] = []
        for i, (name, vectorizer) in enumerate(
            zip(titles(self.templates), self._reader_.vectorizers, strict=True)
        ):
            arrays[f"{i}.weights"] = self.weights_[name]
            if vectorizer is None or isinstance(vectorizer, int):
                features.append(vectorizer)
            else:
                features.append("names")
                arrays |= {f"{i}.features.{k}": v for k, v in vectorizer.to_arrays().items()}
        description = {
            "titles": titles(self.templates),
            "features": features,
            "widths": self._reader_.widths,
            "states": list(self.states_.items()),
            "parameters": {
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in self.get_params().items()
                if name not in ("templates", "states")
            },
            "trained": {name: getattr(self, name) for name in TRAINED if hasattr(self, name)},
        }
        packed = [name for name in arrays if not name.endswith(".weights")]
        write_arrays(path, KIND, description, arrays, packed=packed)

    @classmethod
    def load(cls, path: FileSource, templates: Sequence[CliqueTemplate]) -> Self:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path
            Where it is, or a file open for bytes.
        templates
            Those that the model was made with: their titles must be the same.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the templates have other titles.
        FormatError
            If it is not such a file, or cut short, or damaged.
        """
        description, arrays = read_arrays(path, KIND)
        try:
            given, stored = titles(templates), list(description["titles"])
            if given != stored:
                raise _OtherTemplatesError(
                    f"{file_name(path)} holds weights of the templates {listed(stored)}, but those "
                    f"given are {listed(given)}"
                )
            model = cls(templates, **description["parameters"])  # type: ignore[call-arg]
            model.states_ = {kind: list(states) for kind, states in description["states"]}
            model.weights_ = {name: arrays[f"{i}.weights"] for i, name in enumerate(given)}
            vectorizers = [
                _vectorizer(i, features, arrays)
                for i, features in enumerate(description["features"])
            ]
            widths = [int(n) for n in description["widths"]]
            model._reader_ = Reader(tuple(templates), model.states_, vectorizers, widths)
            model.feature_names_ = {
                name: model._reader_.feature_names(i) for i, name in enumerate(given)
            }
            for name, value in description["trained"].items():
                if name in TRAINED:
                    setattr(model, name, value)
        except _OtherTemplatesError as error:
            raise ValueError(str(error)) from None
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{file_name(path)} is not a usable model: {error}") from None
        for name, names in model.feature_names_.items():
            if model.weights_[name].ndim != 2 or len(model.weights_[name]) != len(names):
                raise FormatError(
                    f"{file_name(path)} is damaged: template {name!r} has {len(names)} features "
                    f"but weights of shape {model.weights_[name].shape}"
                )
        return model


class _OtherTemplatesError(Exception):
    """Raised past what catches the errors of a damaged file."""


def _vectorizer(
    i: int, features: int | str | None, arrays: Mapping[str, npt.NDArray[Any]]
) -> Vectorizer | int | None:
    if features is None or isinstance(features, int):
        return features
    start = f"{i}.features."
    own = {name.removeprefix(start): v for name, v in arrays.items() if name.startswith(start)}
    return vectorizer_from_arrays(own)

"""Model files of hidden Markov models."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import FormatError
from gibbsfactor.files import FileSource, file_name, read_arrays, write_arrays
from gibbsfactor.models.hidden_markov_model.data import Parameters
from gibbsfactor.models.hidden_markov_model.emissions import Emissions
from gibbsfactor.models.hidden_markov_model.parameters import KINDS
from gibbsfactor.models.hidden_markov_model.training import Monitor
from gibbsfactor.models.hidden_markov_model.words import WordEmissions

KIND = "hidden Markov model"
EMISSIONS: dict[str, type[Emissions]] = {**KINDS, "words": WordEmissions}
TRAINED = ("log_likelihood_", "n_iter_", "converged_", "interrupted_", "_listed")

Arrays = dict[str, npt.NDArray[Any]]


class Storage:
    """Saving and loading."""

    startprob_: npt.NDArray[np.float64]
    transmat_: npt.NDArray[np.float64]
    emissions_: Emissions
    classes_: list[Any]
    monitor_: Monitor | None
    _parameters: Callable[[], Parameters]
    _trained: Parameters | None
    get_params: Callable[..., dict[str, Any]]

    def save(self, path: FileSource) -> None:
        """Write the model to a file: no pickle, written aside and then moved into place.

        The path may also be a file open for bytes, which is just written to.

        Raises
        ------
        TypeError
            If a state or a symbol is neither string, number nor bool, or an argument of the model
            is of a kind that can't be written, such as a Generator.
        NotFittedError, ValueError
            If parameters are missing, or make no sense.
        """
        p, arrays = self._parameters(), {}
        classes = getattr(self, "classes_", None)
        monitor = getattr(self, "monitor_", None)
        arrays["startprob"], arrays["transmat"] = p.start, p.transitions
        description = {
            "parameters": {
                name: _written(name, value, arrays) for name, value in self.get_params().items()
            },
            "emissions": _written("emissions_", p.emissions, arrays),
            "classes": None if classes is None else [_checked(state) for state in classes],
            "trained": {name: vars(self)[name] for name in TRAINED if name in vars(self)},
            "monitor": None if monitor is None else asdict(monitor),
        }
        packed = [name for name, array in arrays.items() if array.dtype.kind != "f"]
        write_arrays(path, KIND, description, arrays, packed=packed)

    @classmethod
    def load(cls, path: FileSource, emissions: Emissions | None = None) -> Self:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : where it is, or a file open for bytes
        emissions : an object of your own class of `Emissions`, if the model has such
            Its class is code, and in no file; the parameters come from the file.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it needs emissions of another class than those given.
        FormatError
            If it is no such file, or cut short, or damaged.
        """
        description, arrays = read_arrays(path, KIND)
        name = file_name(path)
        try:
            _check_own(name, description, emissions)
            parameters = {
                key: _read(key, value, arrays, emissions)
                for key, value in description["parameters"].items()
            }
            model = cls(**parameters)
            model.startprob_ = np.array(arrays["startprob"])
            model.transmat_ = np.array(arrays["transmat"])
            model.emissions_ = _read("emissions_", description["emissions"], arrays, emissions)
            if description["classes"] is not None:
                model.classes_ = list(description["classes"])
                if len(model.classes_) != len(model.startprob_):
                    raise ValueError(
                        f"{len(model.classes_)} states have {len(model.startprob_)} probabilities"
                    )
            for key, value in description["trained"].items():
                if key in TRAINED:
                    setattr(model, key, value)
            if description["trained"]:
                monitor = description["monitor"]
                model.monitor_ = None if monitor is None else Monitor(**monitor)
            parameters_ = model._parameters()
            model._trained = parameters_ if description["trained"] else None
        except _OtherEmissionsError as error:
            raise ValueError(str(error)) from None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{name} is not a usable hidden Markov model: {error}") from None
        return model


class _OtherEmissionsError(Exception):
    """Raised past what catches the errors of a damaged file."""


def _check_own(path: str, description: Mapping[str, Any], own: Emissions | None) -> None:
    """Raise unless emissions of a class of one's own are given if, and only if, there are such."""
    told = (description["emissions"], description["parameters"]["emissions"])
    needed = {part["class"] for part in told if isinstance(part, dict)} - set(EMISSIONS)
    given = set() if own is None else {type(own).__name__}
    if given == needed:
        return
    found = f"{type(own).__name__} are given" if given else "none are given"
    if not needed:
        raise _OtherEmissionsError(
            f"{path} needs no emissions to be loaded, but {found}; leave them out"
        )
    (wanted, *_) = sorted(needed)
    raise _OtherEmissionsError(
        f"{path} holds a model with emissions of the class {wanted}, but {found}; load it with an "
        f"object of that class: load(path, emissions={wanted}(...))"
    )


# ---- values ---------------------------------------------------------------------------


def _checked(state: Any) -> Any:
    """A state as JSON has it."""
    state = state.item() if isinstance(state, np.generic) else state
    if type(state) not in (str, int, float, bool):
        raise TypeError(
            f"the state {state!r} is a {type(state).__name__} and can't be written to a file; use "
            "strings or numbers as labels to save the model"
        )
    return state


def _written(name: str, value: Any, arrays: Arrays) -> Any:
    """A value as JSON has it; arrays go among the arrays of the file."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name}
    if isinstance(value, list | tuple):
        return [_written(f"{name}.{i}", part, arrays) for i, part in enumerate(value)]
    if isinstance(value, Emissions):
        arrays |= {f"{name}.{key}": array for key, array in value.to_arrays().items()}
        kinds = {kind: key for key, kind in EMISSIONS.items()}
        if type(value) not in kinds:
            return {"class": type(value).__name__}
        settings = {
            key: _written(f"{name}.{key}", part, arrays) for key, part in value.settings().items()
        }
        return {"class": kinds[type(value)], "settings": settings}
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(
        f"{name} is {value!r:.60}, a {type(value).__name__}, which can't be written to a file; set "
        "it to a number, a string or an array to save the model"
    )


def _read(
    name: str, value: Any, arrays: Mapping[str, npt.NDArray[Any]], own: Emissions | None
) -> Any:
    """What `_written` made that of."""
    if isinstance(value, list):
        return [_read(f"{name}.{i}", part, arrays, own) for i, part in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return np.array(arrays[value["array"]])
    start = f"{name}."
    parts = {key.removeprefix(start): v for key, v in arrays.items() if key.startswith(start)}
    if own is not None and value["class"] not in EMISSIONS:
        found = copy.copy(own)
    else:
        settings = {
            key: _read(f"{start}{key}", part, arrays, own)
            for key, part in value["settings"].items()
        }
        found = EMISSIONS[value["class"]](**settings)
    found.take_arrays(parts)
    return found

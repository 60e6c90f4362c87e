"""Model files of linear chains."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import FormatError
from gibbsfactor.features import Constraints
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_from_arrays
from gibbsfactor.files import FileSource, file_name, read_arrays, write_arrays
from gibbsfactor.learning.chain.features import ChainFeatures

KIND = "linear-chain CRF"
TRAINED = (
    "loss_",
    "gradient_norm_",
    "n_iter_",
    "n_evaluations_",
    "dev_score_",
    "best_iteration_",
    "converged_",
    "interrupted_",
    "seconds_",
    "history_",
    "n_dense_",
)
POSITIONS = ("states", "transitions", "conditioned", "triples")


class Storage:
    """Saving and loading."""

    classes_: list[Any]
    features_: ChainFeatures
    weights_: npt.NDArray[np.float64]
    vectorizer_: Vectorizer
    n_dense_: int
    _check_fitted: Callable[[], None]
    get_params: Callable[..., dict[str, Any]]
    _checkpoint_left: str | None = None  # by a training that ended, while the model is not saved

    def save(self, path: FileSource) -> None:
        """Write the model to a file: no pickle, written aside and then moved into place.

        The path may also be a file open for bytes, which is just written to.

        Features whose weight is 0, as an L1 penalty leaves most of them, are left out. What
        training has kept in the file ``checkpoint`` is deleted once the model is in a file that
        was given by its path.

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
        f, bounds = self.features_, self.features_.bounds
        active = self.weights_ != 0
        active[bounds[1] - self.n_dense_ * f.n_labels : bounds[1]] = True  # there are all of these
        states, vectorizer = f.states[active[: bounds[1]]], self.vectorizer_
        ends = f.n_attributes - vectorizer.n_attributes
        if not active.all():
            # attributes without weights go too; those of ends and dense ones, which are last, stay
            kept = np.bincount(states // f.n_labels, minlength=f.n_attributes) > 0
            kept[f.n_attributes - self.n_dense_ - ends :] = True
            number = np.cumsum(kept) - 1
            states = number[states // f.n_labels] * f.n_labels + states % f.n_labels
            vectorizer = vectorizer.only(kept[: f.n_attributes - self.n_dense_ - ends])
        description = {
            "classes": self.classes_,
            "n_attributes": vectorizer.n_attributes + ends,
            "n_edge_attributes": f.n_edge_attributes,
            "order": f.order,
            "parameters": {
                name: _plain(value)
                for name, value in self.get_params().items()
                if name not in ("templates", "checkpoint")
            },
            "trained": {name: getattr(self, name) for name in TRAINED},
        }
        positions = {
            name: getattr(f, name)[active[bounds[k] : bounds[k + 1]]]
            for k, name in enumerate(POSITIONS)
        } | {"states": states}
        arrays = {
            "weights": self.weights_[active],
            **positions,
            **{f"vectorizer.{k}": v for k, v in vectorizer.to_arrays().items()},
        }
        write_arrays(path, KIND, description, arrays, packed=[k for k in arrays if k != "weights"])
        if isinstance(path, str | os.PathLike):
            if os.path.realpath(path) == self._checkpoint_left:
                self._checkpoint_left = None  # the model has taken its place
            self._drop_checkpoint()

    def _drop_checkpoint(self) -> None:
        """Delete the checkpoint of a training that ended, once nothing needs it any more."""
        if self._checkpoint_left:
            Path(self._checkpoint_left).unlink(missing_ok=True)
        self._checkpoint_left = None

    @classmethod
    def load(cls, path: FileSource) -> Self:
        """Read a model that `save` wrote; the weights are mapped from the file as they lie there.

        The path may also be a file open for bytes, which is read to its end.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FormatError
            If it is not a CRF's file, or cut short, or damaged.
        """
        description, arrays = read_arrays(path, KIND, mapped=True)
        own = {k.split(".", 1)[1]: v for k, v in arrays.items() if k.startswith("vectorizer.")}
        try:
            vectorizer: Vectorizer = vectorizer_from_arrays(own)
            parameters = dict(description["parameters"])
            parameters["constraints"] = _constraints(parameters["constraints"])
            if "mistake_costs" not in parameters:  # older files: they were called label_weights
                parameters["mistake_costs"] = parameters.pop("label_weights")
            for name in ("label_weights", "mistake_costs"):
                if isinstance(parameters.get(name), list):
                    parameters[name] = dict(parameters[name])
            model = cls(**parameters)
            model.templates = getattr(vectorizer, "templates", None)  # type: ignore[attr-defined]
            model.classes_ = list(description["classes"])
            model.features_ = ChainFeatures(
                int(description["n_attributes"]),
                len(model.classes_),
                arrays["states"].astype(np.int64),
                arrays["transitions"].astype(np.int64),
                arrays["conditioned"].astype(np.int64),
                arrays["triples"].astype(np.int64),
                int(description["order"]),
                int(description["n_edge_attributes"]),
            )
            model.weights_ = arrays["weights"]
            model.vectorizer_ = vectorizer
            for name in TRAINED:
                setattr(model, name, description["trained"][name])
        except (KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
            raise FormatError(f"{file_name(path)} is not a usable CRF model: {error}") from None
        if not _fits(model.features_, model.weights_, vectorizer, model):
            raise FormatError(
                f"{file_name(path)} is damaged: its {len(model.weights_)} weights don't fit its "
                f"{model.features_.n_attributes} attributes and {len(model.classes_)} labels"
            )
        return model


def _plain(value: Any) -> Any:
    """A parameter as JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Constraints):
        tables = {
            name: getattr(value, name).astype(int).tolist() for name in ("start", "pairs", "end")
        }
        return {"classes": list(value.classes), **tables}
    if isinstance(value, dict):
        return [[_plain(k), _plain(v)] for k, v in value.items()]
    return value


def _constraints(stored: Any) -> Any:
    if not isinstance(stored, dict):
        return stored
    tables = (np.array(stored[name], dtype=bool) for name in ("start", "pairs", "end"))
    return Constraints(tuple(stored["classes"]), *tables)


def _fits(f: ChainFeatures, weights: Any, vectorizer: Vectorizer, model: Any) -> bool:
    n = f.n_labels
    return (
        len(weights) == f.n_weights
        and f.n_attributes - vectorizer.n_attributes in (0, 2)
        and f.n_edge_attributes == vectorizer.n_edge_attributes
        and _within(f.states, f.n_attributes * n)
        and _within(f.transitions, n**2)
        and _within(f.conditioned, f.n_edge_attributes * n**2)
        and _within(f.triples, n**3)
    )


def _within(positions: npt.NDArray[Any], n: int) -> bool:
    """Whether whole positions lie in 0 .. n-1, rising."""
    if positions.ndim != 1 or positions.dtype.kind != "i" or not len(positions):
        return positions.ndim == 1 and not len(positions)
    return bool(positions[0] >= 0 and positions[-1] < n and (np.diff(positions) > 0).all())

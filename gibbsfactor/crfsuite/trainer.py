"""Training on sequences given one by one: python-crfsuite's ``Trainer``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from gibbsfactor.crfsuite.items import ItemSequence
from gibbsfactor.crfsuite.parameters import PARAMETERS, Parameter, check_algorithm
from gibbsfactor.crfsuite.training import TrainingLog, train_chain, training_log
from gibbsfactor.errors import listed


class Trainer:
    """Takes labelled sequences one by one, trains on them, and writes a model file.

    Parameters
    ----------
    algorithm : "lbfgs", "l2sgd" or "ap"
    params : dict, optional
        Training parameters by CRFsuite's names, such as ``feature.minfreq``.
    verbose : bool
        Show the progress of training.

    Attributes
    ----------
    logparser : TrainingLog of the last training, None before

    Notes
    -----
    The file is gibbsfactor's; `Tagger` opens it, and `LinearChainCRF.load`. For one that CRFsuite
    opens, load it and give it to `gibbsfactor.io.with_crfsuite.to_crfsuite`.

    Examples
    --------
    >>> trainer = Trainer("lbfgs", {"c1": 0.5, "max_iterations": 50})
    >>> trainer.append([{"word": "The"}, {"word": "dog"}], ["D", "N"])
    >>> trainer.get_params()["c1"]
    0.5
    """

    def __init__(
        self,
        algorithm: str | None = None,
        params: Mapping[str, Any] | None = None,
        verbose: bool = True,
    ) -> None:
        self.verbose = verbose
        self.logparser: TrainingLog | None = None
        self._data: list[tuple[Any, list[Any], int]] = []
        self.select("lbfgs" if algorithm is None else algorithm)
        self.set_params(params or {})

    def append(
        self, xseq: ItemSequence | Iterable[Any], yseq: Iterable[Any], group: int = 0
    ) -> None:
        """Add a sequence of tokens with its labels, and the group that it is in.

        Raises
        ------
        ValueError
            If there are not as many labels as tokens.
        """
        x = xseq if isinstance(xseq, ItemSequence) else list(xseq)
        y = list(yseq)
        if len(x) != len(y):
            raise ValueError(
                f"sequence {len(self._data)} has {len(x)} tokens, but {len(y)} labels; give each "
                "token one"
            )
        self._data.append((x, y, group))

    def clear(self) -> None:
        """Forget all sequences."""
        self._data.clear()

    def train(self, model: str | os.PathLike[str], holdout: int = -1) -> None:
        """Train on all sequences, and write the model to a file.

        Parameters
        ----------
        model
            Path of the file; with an empty one nothing is written.
        holdout
            The group to leave out: the log then says how the trained model does on it. Nothing is
            left out by default.

        Raises
        ------
        ValueError
            If there is no sequence to train on, or a parameter makes no sense.
        """
        train = [(x, y) for x, y, group in self._data if holdout < 0 or group != holdout]
        held = [(x, y) for x, y, group in self._data if holdout >= 0 and group == holdout]
        if not train:
            raise ValueError(
                f"there is no sequence to train on: {len(self._data)} were given, of which "
                f"{len(held)} are held out; call append(xseq, yseq) first"
            )
        X, y = map(list, zip(*train, strict=True))
        given = {p.name: self._values.get(p.name) for p in self._parameters()}
        found = train_chain(self.algorithm, given, X, y, verbose=self.verbose)
        dev = tuple(map(list, zip(*held, strict=True))) if held else ()
        self.logparser = training_log(found, *dev)
        if os.fspath(model):
            found.save(model)

    # ---- parameters -------------------------------------------------------------------

    def select(self, algorithm: str, type: str = "crf1d") -> None:
        """Choose the algorithm; its parameters go back to their defaults.

        Raises
        ------
        ValueError
            If there is no such algorithm here, or the type is not "crf1d".
        """
        if type != "crf1d":
            raise ValueError(f"type is {type!r}; the only one is 'crf1d', a chain of first order")
        self.algorithm = check_algorithm(algorithm)
        self._values: dict[str, Any] = {}

    def params(self) -> list[str]:
        """The names of the algorithm's parameters."""
        return [p.long_name for p in self._parameters()]

    def set(self, name: str, value: Any) -> None:
        """Set a parameter.

        Raises
        ------
        ValueError
            If the algorithm has no such parameter, or the value is not of its kind.
        """
        p = self._parameter(name)
        self._values[p.name] = p.read(value)

    def get(self, name: str) -> Any:
        """The value of a parameter."""
        p = self._parameter(name)
        return self._values.get(p.name, p.default_of(self.algorithm))

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Set parameters by name."""
        for name, value in params.items():
            self.set(name, value)

    def get_params(self) -> dict[str, Any]:
        """All parameters, as {name: value}."""
        return {name: self.get(name) for name in self.params()}

    def help(self, name: str) -> str:
        """What a parameter is, in a few words."""
        return self._parameter(name).meaning

    def _parameters(self) -> list[Parameter]:
        return [p for p in PARAMETERS.values() if self.algorithm in p.algorithms]

    def _parameter(self, name: str) -> Parameter:
        for p in self._parameters():
            if p.long_name == name:
                return p
        raise ValueError(
            f"algorithm={self.algorithm!r} has no parameter {name!r}, only {listed(self.params())}"
        )

"""Training on sequences given one by one: python-crfsuite's ``Trainer``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, Self

from gibbsfactor.crfsuite.items import ItemSequence, decoded_labels
from gibbsfactor.crfsuite.parameters import PARAMETERS, Parameter, check_algorithm
from gibbsfactor.crfsuite.training import train_chain
from gibbsfactor.crfsuite.training_log import TrainingLog
from gibbsfactor.errors import listed
from gibbsfactor.models.linear_chain_crf import LinearChainCRF


class Trainer:
    """Takes labelled sequences one by one, trains on them, and writes a model file.

    Parameters
    ----------
    algorithm : "lbfgs", "l2sgd" or "ap"
    params : dict, optional
        Training parameters by CRFsuite's names, such as ``feature.minfreq``.
    verbose : bool
        Print the messages of training.

    Attributes
    ----------
    model : LinearChainCRF of the last training, None before
    logparser : TrainingLog of the last training, None before

    Notes
    -----
    The file is gibbsfactor's; `Tagger` opens it, and `LinearChainCRF.load`. For one that CRFsuite
    opens, give ``model`` to `gibbsfactor.io.with_crfsuite.to_crfsuite`.

    Training calls `message` with each line of CRFsuite's log, and that, if ``verbose``, the
    method of the event: ``on_start``, ``on_featgen_progress``, ``on_featgen_end``,
    ``on_prepared`` or ``on_prepare_error``, ``on_iteration``, ``on_optimization_end``,
    ``on_end``. A subclass may override any of them.

    Examples
    --------
    >>> trainer = Trainer("lbfgs", {"c1": 0.5, "max_iterations": 50}, verbose=False)
    >>> trainer.append([{"word": "The"}, {"word": "dog"}], ["D", "N"])
    >>> trainer.get_params()["c1"]
    0.5
    >>> trainer.train("")
    >>> trainer.model.predict([[{"word": "The"}, {"word": "dog"}]])
    [['D', 'N']]
    """

    verbose: bool
    model: LinearChainCRF | None
    logparser: TrainingLog | None
    _data: list[tuple[Any, list[Any], int]]

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """What a subclass that does not call ``super().__init__()`` needs as well."""
        self = super().__new__(cls)
        self.verbose = False
        self.model = None
        self.logparser = None
        self._data = []
        Trainer.select(self, "lbfgs")
        return self

    def __init__(
        self,
        algorithm: str | None = None,
        params: Mapping[str, Any] | None = None,
        verbose: bool = True,
    ) -> None:
        self.verbose = verbose
        if algorithm is not None:
            self.select(algorithm)
        if params is not None:
            self.set_params(params)

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
        y: list[Any] = list(*decoded_labels([yseq]))
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
        dev = [(x, y) for x, y, group in self._data if holdout >= 0 and group == holdout]
        if not train:
            raise ValueError(
                f"there is no sequence to train on: {len(self._data)} were given, of which "
                f"{len(dev)} are held out; call append(xseq, yseq) first"
            )
        X, y = map(list, zip(*train, strict=True))
        X_dev, y_dev = map(list, zip(*dev, strict=True)) if dev else ([], [])
        given = {p.name: self._values.get(p.name) for p in self._parameters()}
        log = self.logparser = TrainingLog(self.message)
        self.model = train_chain(self.algorithm, given, X, y, X_dev, y_dev, log, holdout=holdout)
        began = perf_counter()
        if model != "":
            self.model.save(model)
        log.stored(self.model, perf_counter() - began)

    # ---- messages ---------------------------------------------------------------------

    def message(self, message: str) -> None:
        """Take a message of training; if ``verbose``, call the method of the event that it ends."""
        assert self.logparser is not None
        event = self.logparser.feed(message)
        if event is None or not self.verbose:
            return
        log = self.logparser.last_log
        if event == "featgen_progress":
            self.on_featgen_progress(log, self.logparser.featgen_percent)
        elif event == "iteration":
            self.on_iteration(log, self.logparser.iterations[-1])
        else:
            getattr(self, f"on_{event}")(log)

    def on_start(self, log: str) -> None:
        """Training begins; prints what it is going to learn."""
        print(log, end="")

    def on_featgen_progress(self, log: str, percent: int) -> None:
        """So many percent of the features are read."""
        print(log, end="")

    def on_featgen_end(self, log: str) -> None:
        """All features are read."""
        print(log, end="")

    def on_prepared(self, log: str) -> None:
        """The first iteration begins."""
        print(log, end="")

    def on_prepare_error(self, log: str) -> None:
        """Training can't begin; the error is raised afterwards."""
        print(log, end="")

    def on_iteration(self, log: str, info: dict[str, Any]) -> None:
        """An iteration is done; ``info`` is what `TrainingLog.iterations` holds of it."""
        print(log, end="")

    def on_optimization_end(self, log: str) -> None:
        """The last iteration is done, and held-out data are labelled."""
        print(log, end="")

    def on_end(self, log: str) -> None:
        """The model is written."""
        print(log, end="")

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

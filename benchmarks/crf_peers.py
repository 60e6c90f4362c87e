"""CRFsuite, by python-crfsuite, and chaine, which has CRFsuite's core, behind one face."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

from crf_corpora import Corpus

OURS, CRFSUITE, CHAINE = "gibbsfactor", "CRFsuite", "chaine"
SYSTEMS = (OURS, CRFSUITE, CHAINE)
Log = list[tuple[float, str]]


class Pycrfsuite:
    """python-crfsuite, as quick as its users get it: lists of strings where there are no values."""

    STARTS = ("L-BFGS optimization", "Stochastic Gradient Descent", "Averaged perceptron")
    STORES = "Storing the model"

    def __init__(self, algorithm: str, options: dict[str, Any], model: Path) -> None:
        import pycrfsuite

        class Trainer(pycrfsuite.Trainer):  # type: ignore[misc]
            """Keeps the log, and when each message of it came."""

            log: Log

            def message(self, message: str) -> None:
                self.log.append((perf_counter(), message))

        self.trainer = Trainer(algorithm=algorithm, params=options, verbose=False)
        self.trainer.log = []
        self.model = str(model)

    def items(self, corpus: Corpus, columns: tuple[list[str], ...]) -> Any:
        return corpus.attributes(*columns)

    def train(self, X: Iterable[Any], y: list[list[str]]) -> Log:
        for items, labels in zip(X, y, strict=True):
            self.trainer.append(items, labels)
        del X  # it has them
        self.trainer.train(self.model)
        log: Log = self.trainer.log
        return log

    def tagger(self) -> Any:
        import pycrfsuite

        tagger = pycrfsuite.Tagger()
        tagger.open(self.model)
        self.opened = tagger
        return tagger.tag

    def read_log(self, text: str) -> dict[str, Any]:
        weights = re.search(r"^Number of features: (\d+)", text, re.MULTILINE)
        assert weights is not None, text
        active = re.findall(r"^Number of active features: (\d+)", text, re.MULTILINE)
        steps = re.findall(r"^\*{5} (?:Iteration|Epoch) #\d+ \*{5}", text, re.MULTILINE)
        return {
            "iterations": len(steps),
            "weights": int(weights[1]),
            "active": int(active[-1]),
            "loss": float(re.findall(r"^Loss: ([-+.\deE]+)", text, re.MULTILINE)[-1]),
        }


class Chaine:
    """chaine, which takes dicts only; its log tells less."""

    STARTS = ("Start training with",)
    STORES = "Saving model"

    def __init__(self, algorithm: str, options: dict[str, Any], model: Path) -> None:
        import chaine

        self.trainer = chaine.Trainer(algorithm, **options)
        self.model = str(model)

    def items(self, corpus: Corpus, columns: tuple[list[str], ...]) -> Any:
        return [corpus.flat(item) for item in corpus.attributes(*columns)]

    def train(self, X: Iterable[Any], y: list[list[str]]) -> Log:
        log: Log = []

        class Keep(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                log.append((perf_counter(), record.getMessage() + "\n"))

        for name in ("chaine.crf", "chaine._core.crf"):
            logging.getLogger(name).handlers = [Keep()]
        self.trainer.train(X, y, model_filepath=self.model)
        return log

    def tagger(self) -> Any:
        import chaine

        return chaine.Model(self.model).predict_single

    def read_log(self, text: str) -> dict[str, Any]:
        losses = re.findall(r"^(?:Iteration|Epoch) .* loss: ([-+.\deE]+)$", text, re.MULTILINE)
        stored = Path(self.model).read_bytes()
        (place,) = struct.unpack_from(
            "<I", stored, 28
        )  # of the features, after their mark and size
        (active,) = struct.unpack_from("<I", stored, place + 8)  # after a mark and a size
        return {"iterations": len(losses), "active": active, "loss": float(losses[-1])}

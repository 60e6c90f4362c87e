"""CRFsuite's training parameters: their two names, defaults, and what each means here."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gibbsfactor.errors import listed

LBFGS, L2SGD, AP, PA, AROW = ALGORITHMS = ("lbfgs", "l2sgd", "ap", "pa", "arow")
ALIASES = {"averaged-perceptron": AP, "passive-aggressive": PA}
UNLIMITED = 2**31 - 1
MAX_ITERATIONS = {LBFGS: UNLIMITED, L2SGD: 1000, AP: 100, PA: 100, AROW: 100}
LINE_SEARCHES = ("MoreThuente", "Backtracking", "StrongBacktracking")

Kind = type[float] | type[int] | type[bool] | type[str]


@dataclass(frozen=True)
class Parameter:
    """One parameter of CRFsuite.

    Attributes
    ----------
    name, long_name : in sklearn-crfsuite, and in python-crfsuite
    algorithms : those that have it
    kind : bool, int, float or str
    default : what it is unless given; None where it depends on the algorithm
    meaning : in a few words
    steers : whether it only steers how CRFsuite finds the optimum, so that it means nothing here
    """

    name: str
    long_name: str
    algorithms: tuple[str, ...]
    kind: Kind
    default: Any
    meaning: str
    steers: bool = False

    def read(self, value: Any) -> Any:
        """The value as one of its kind.

        Raises
        ------
        ValueError
            If it can't be.
        """
        try:
            if self.kind is bool:
                read: Any = bool(int(value))
            elif self.kind is int:
                read = int(value)
                if isinstance(value, float | np.floating) and value != read:
                    raise ValueError
            else:
                read = self.kind(value)
            if self.kind is float and not math.isfinite(read):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            kind = {bool: "True or False", int: "a whole number", float: "a finite number"}
            wanted = kind.get(self.kind, "a str")
            raise ValueError(f"{self.name} is {value!r}; it must be {wanted}") from None
        return read

    def default_of(self, algorithm: str) -> Any:
        """CRFsuite's default under an algorithm, which sklearn-crfsuite's names can't tell."""
        if self.name == "max_iterations":
            return MAX_ITERATIONS[algorithm]
        if self.name == "epsilon" and algorithm != LBFGS:
            return 0.0
        if self.name == "delta" and algorithm == L2SGD:
            return 1e-6
        return self.default


_POSSIBLE = ("all_possible_states", "all_possible_transitions")
_ALL, _GRADIENT = ALGORITHMS, (LBFGS, L2SGD)
_SAMPLES = "of the calibration of the learning rate"
PARAMETERS = {
    p.name: p
    for p in (
        Parameter("min_freq", "feature.minfreq", _ALL, float, 0.0, "least frequency of a feature"),
        Parameter(
            "all_possible_states",
            "feature.possible_states",
            _ALL,
            bool,
            False,
            "every attribute with every label",
        ),
        Parameter(
            "all_possible_transitions",
            "feature.possible_transitions",
            _ALL,
            bool,
            False,
            "every pair of labels",
        ),
        Parameter("c1", "c1", (LBFGS,), float, 0.0, "strength of the L1 penalty c1 |w|_1"),
        Parameter("c2", "c2", _GRADIENT, float, 1.0, "strength of the L2 penalty c2 |w|^2"),
        Parameter("max_iterations", "max_iterations", _ALL, int, None, "most iterations"),
        Parameter("num_memories", "num_memories", (LBFGS,), int, 6, "past steps of L-BFGS", True),
        Parameter(
            "epsilon",
            "epsilon",
            (LBFGS, AP, PA, AROW),
            float,
            1e-5,
            "least gradient, or loss",
            True,
        ),
        Parameter("period", "period", _GRADIENT, int, 10, "iterations that delta looks at", True),
        Parameter("delta", "delta", _GRADIENT, float, 1e-5, "least gain over ten iterations"),
        Parameter(
            "linesearch", "linesearch", (LBFGS,), str, "MoreThuente", "line search of L-BFGS", True
        ),
        Parameter(
            "max_linesearch", "max_linesearch", (LBFGS,), int, 20, "most trials of a search", True
        ),
        *(
            Parameter(
                f"calibration_{name}",
                f"calibration.{name}",
                (L2SGD,),
                type(default),
                default,
                f"{what} {_SAMPLES}",
                True,
            )
            for name, default, what in (
                ("eta", 0.1, "first rate"),
                ("rate", 2.0, "factor between rates"),
                ("samples", 1000, "sequences"),
                ("candidates", 10, "rates to try"),
                ("max_trials", 20, "most trials"),
            )
        ),
        Parameter("pa_type", "type", (PA,), int, 1, "kind of update"),
        Parameter("c", "c", (PA,), float, 1.0, "aggressiveness"),
        Parameter("error_sensitive", "error_sensitive", (PA,), bool, True, "weigh by errors"),
        Parameter("averaging", "averaging", (PA,), bool, True, "average the weights"),
        Parameter("variance", "variance", (AROW,), float, 1.0, "first variance of weights"),
        Parameter("gamma", "gamma", (AROW,), float, 1.0, "loss against change of weights"),
    )
}


def check_algorithm(algorithm: Any) -> Literal["lbfgs", "l2sgd", "ap"]:
    """The algorithm's short name; None is CRFsuite's default.

    Raises
    ------
    ValueError
        If there is no such algorithm, or only CRFsuite has it.
    """
    name = "lbfgs" if algorithm is None else str(algorithm).lower()
    name = ALIASES.get(name, name)
    if name in (PA, AROW):
        raise ValueError(
            f"algorithm={algorithm!r} is not there in gibbsfactor; use 'ap', which learns from its "
            "mistakes alike and is as quick, or 'lbfgs', which gives probabilities"
        )
    if name not in (LBFGS, L2SGD, AP):
        raise ValueError(f"algorithm is {algorithm!r}; it must be 'lbfgs', 'l2sgd' or 'ap'")
    return name  # type: ignore[return-value]


def chain_parameters(algorithm: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a `LinearChainCRF` is to be trained with, from sklearn-crfsuite's parameters.

    A value of None, or a name left out, stands for CRFsuite's default.

    Raises
    ------
    ValueError
        If a value makes no sense, or is given for an algorithm that has no such parameter, which
        is an error in CRFsuite too.

    Warns
    -----
    UserWarning
        If a parameter that only steers CRFsuite's way to the optimum has another value than its
        default: gibbsfactor has its own way, and the value changes nothing.
    """
    read: dict[str, Any] = {}
    for name, p in PARAMETERS.items():  # no comprehension: a warning counts the frames
        read[name] = _read(p, algorithm, given.get(name))
    chain = {name: read[name] for name in ("c1", "c2", "max_iterations", *_POSSIBLE)}
    if algorithm != AP:
        chain["tol"] = read["delta"]
    return {"algorithm": algorithm, **chain}


def _read(p: Parameter, algorithm: str, given: Any) -> Any:
    """The value of a parameter, if it makes sense under the algorithm."""
    default = p.default_of(algorithm)
    if given is None:
        return default
    value = p.read(given)
    if p.name == "linesearch" and value not in LINE_SEARCHES:
        raise ValueError(f"linesearch is {given!r}; it must be one of {listed(LINE_SEARCHES)}")
    if value in (default, p.default):
        return default if algorithm not in p.algorithms else value
    if algorithm not in p.algorithms:
        others = [name for name in p.algorithms if name not in (PA, AROW)]
        if not others:
            raise ValueError(
                f"{p.name} is {given!r}, but it belongs to algorithm={p.algorithms[0]!r}, which is "
                "not there in gibbsfactor; leave it out"
            )
        raise ValueError(
            f"{p.name} is {given!r}, but algorithm={algorithm!r} has no such parameter; leave it "
            f"out, or use {listed(others)}"
        )
    if p.steers:
        warnings.warn(
            f"{p.name}={given!r} changes nothing: it steers CRFsuite's way to the optimum "
            f"({p.meaning}), and gibbsfactor has its own, which ends by delta and max_iterations; "
            "leave it out",
            UserWarning,
            stacklevel=5,  # who called fit or train
        )
    return value

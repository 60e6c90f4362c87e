"""What a state emits: the one thing in which hidden Markov models differ.

Letters: M observations in all sequences together, V distinct ones, K states, A statistics.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Observations:
    """M observations as V distinct ones and which of them each position has.

    What is asked of an emission is asked of the distinct ones, once each: the sweeps along the
    sequences look the answers up, and add up what they expect by distinct observation.

    Attributes
    ----------
    distinct : the V distinct ones, in the emissions' own form
    codes : (M,) the number of each position's own among them
    unseen : (M,) positions of what no state emits, if there are any: questions about the states
        take it as missing, but a sequence that holds it has probability 0
    """

    distinct: Any
    codes: IntArray
    unseen: BoolArray | None = None

    @classmethod
    def each(cls, values: FloatArray) -> Observations:
        """One for each row: real numbers hardly ever come twice."""
        return cls(values, np.arange(len(values)))

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, eq=False)
class LogLinear:
    """Log-likelihoods as a linear function of statistics of the observation.

        log P(x | z=k) = sum_a statistics(x)_a weights[a, k] + bias[k]  (+ what is free of k)

    Attributes
    ----------
    weights : (A, K), -inf where a statistic that is present rules a state out
    bias : (K,)
    names : (A,) of the statistics
    """

    weights: FloatArray
    bias: FloatArray
    names: list[str]


class Emissions(ABC):
    """P(observation | state): parameters of K states, how to estimate them, and how to draw.

    One object is at first only a choice (its constructor's arguments), and holds parameters, under
    names that end in an underscore, once `start` or `maximize` set them or a user did. The model
    works on a copy: what it is given stays as it was. Arrays of parameters are replaced and never
    written into, so that ``copy.copy`` keeps a state of them.

    Attributes
    ----------
    parameters : class variable, {letter: attribute}
        What `HiddenMarkovModel`'s ``params`` and ``init_params`` call each array of parameters
        ("s" and "t" are the model's own).
    counted : bool
        Whether `maximize` is all that there is to do where the states are known. Else, as for a
        mixture, where more is hidden than states, it is one step of EM. `learn` may set it.
    learnt : class variable
        Attributes, arrays too, that `learn` sets beside the parameters.
    discrete : class variable
        Whether likelihoods are probabilities, not densities.
    smoothing : class variable
        Names of the priors that leave no probability of an observation at 0.
    """

    parameters: ClassVar[Mapping[str, str]] = {}
    counted: bool = True
    learnt: ClassVar[tuple[str, ...]] = ()
    discrete: ClassVar[bool] = False
    smoothing: ClassVar[tuple[str, ...]] = ()

    def settings(self) -> dict[str, Any]:
        """The arguments of the constructor, by name."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def __repr__(self) -> str:
        """As it is made, with the arguments that are not the defaults."""
        arguments = inspect.signature(type(self)).parameters
        given = {
            name: (repr(x), repr(arguments[name].default)) for name, x in self.settings().items()
        }
        shown = [f"{name}={x}" for name, (x, default) in given.items() if x != default]
        return f"{type(self).__name__}({', '.join(shown)})"

    # ---- parameters -------------------------------------------------------------------

    def forget(self, which: str) -> None:
        """Delete the parameters with letters in ``which``."""
        for letter, name in self.parameters.items():
            if letter in which and hasattr(self, name):
                delattr(self, name)

    def adopt(self, other: Emissions, which: str) -> None:
        """Take over from others of the same kind the parameters with letters in ``which``."""
        for letter, name in self.parameters.items():
            if letter in which and hasattr(other, name):
                setattr(self, name, getattr(other, name))

    # ---- files ------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All parameters that are set, and what was learnt, as plain numpy arrays by name."""
        names = (*self.parameters.values(), *self.learnt)
        return {name: np.asarray(getattr(self, name)) for name in names if hasattr(self, name)}

    def take_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `to_arrays` of others of the same kind gave."""
        for name in (*self.parameters.values(), *self.learnt):
            if name in arrays:
                setattr(self, name, np.array(arrays[name]))

    # ---- observations -----------------------------------------------------------------

    def learn(self, X: Any) -> Observations:
        """Read the M observations of training data; learns what kinds there are."""
        return self.read(X)

    @abstractmethod
    def read(self, X: Any) -> Observations:
        """Read the M observations of all sequences, one after the other.

        A position whose observation is missing, or of a kind that training did not hold, must
        have a row of zeros in `log_likelihoods` unless there is a better estimate. The second may
        be named in ``unseen``.

        Raises
        ------
        ValueError, TypeError
            If they are not what this kind of emission reads; says which position, what it holds,
            and what to give instead. Of an `ObservationError` the model tells the sequence, too.
        """

    # ---- estimation -------------------------------------------------------------------

    @abstractmethod
    def start(
        self, observations: Observations, n_states: int, rng: np.random.Generator, which: str
    ) -> None:
        """Set the parameters that EM starts from; only those with letters in ``which``."""

    def start_known(
        self, observations: Observations, counts: FloatArray, rng: np.random.Generator, which: str
    ) -> None:
        """Set the same where some states are known, behind `start`: by default, by `maximize`.

        Of a position with a known state ``counts`` is 1 for that state; of others, little for all.
        """
        self.maximize(observations, counts, which)

    @abstractmethod
    def maximize(self, observations: Observations, counts: FloatArray, which: str) -> None:
        """Set the parameters to the best ones for expected counts (EM's M step).

        Where labels are known the counts are plain ones, and this is training by counting.

        Parameters
        ----------
        observations : Observations
        counts : (V, K) how often each distinct observation comes from each state
        which : the letters of the parameters to set; others stay as they are
        """

    def log_prior(self) -> float:
        """Log density of the parameters under their prior, up to a constant; 0 without one.

        EM raises the log-likelihood plus this with every iteration.
        """
        return 0.0

    # ---- answers ----------------------------------------------------------------------

    @abstractmethod
    def check(self, n_states: int) -> None:
        """Raise ValueError, with what is wrong, unless all parameters are set and make sense."""

    @abstractmethod
    def log_likelihoods(self, observations: Observations) -> FloatArray:
        """(V, K) log P(observation | state) of the distinct observations, in nats.

        A density's where observations are real numbers. -inf where a state can't emit one.
        """

    @abstractmethod
    def sample(self, states: IntArray, rng: np.random.Generator) -> Any:
        """Draw an observation from each of the (n,) states: n of them, as `read` takes them."""

    @abstractmethod
    def predictive(self, shares: FloatArray) -> FloatArray:
        """What to expect when states have the probabilities (n, K).

        Probabilities of the symbols (n, symbols); of real numbers the mean (n, D).
        """

    @abstractmethod
    def n_parameters(self, which: str) -> int:
        """How many free parameters those with letters in ``which`` have."""

    # ---- the discriminative twin ------------------------------------------------------

    def log_linear(self) -> LogLinear:
        """Weights of the statistics, for the CRF that has the same posterior.

        Raises
        ------
        ValueError
            If the log-likelihood is no linear function of any statistics, as of a mixture.
        """
        raise ValueError(
            f"log-likelihoods of {type(self).__name__} are not linear in statistics of the "
            "observation, so no CRF has the same posterior with weights for them"
        )

    def statistics(self, observations: Observations) -> Any:
        """(V, A) statistics of the distinct observations: an array, or sparse (csr_array).

        Raises
        ------
        ValueError
            As `log_linear`.
        """
        self.log_linear()
        raise NotImplementedError(
            f"{type(self).__name__} tells weights of statistics, but not the statistics; define "
            "its method statistics(observations)"
        )

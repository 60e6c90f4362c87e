"""States that emit symbols, each with its own probabilities.

Letters: M observations, V symbols, K states.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse

from gibbsfactor.errors import listed
from gibbsfactor.features.observations import (
    number_symbols,
    pack_symbols,
    read_symbols,
    unpack_symbols,
)
from gibbsfactor.models.hidden_markov_model.emissions import (
    Emissions,
    FloatArray,
    IntArray,
    LogLinear,
    Observations,
)
from gibbsfactor.models.hidden_markov_model.rows import (
    check_rows,
    log,
    log_dirichlet,
    normalized,
    pseudo_counts,
)
from gibbsfactor.variable import is_missing


class CategoricalEmissions(Emissions):
    """P(symbol | state), a table with a row for each state.

    Symbols are of any hashable kind. Those of the training data are the ones there are, in order
    where they have one. At a position that holds None or NaN nothing was observed: every state
    has the likelihood 1 there, so that the position is summed out.

    Parameters
    ----------
    n_features : int, optional
        The symbols are 0 .. n_features - 1, whether they occur or not.
    emissionprob_prior : float or array that broadcasts to (K, V)
        Of the Dirichlet prior: 1 plus the pseudo-count of each symbol. With 1 estimates are plain
        relative frequencies, and a symbol that a state never emitted has probability 0 there.
    unseen : "impossible", "missing" or "error"
        What a symbol is that is not among those there are. "impossible": no state emits it, so
        that a sequence with one has the score -inf; questions about the states leave it out.
        "missing": it is like None in both. "error": it is an error.

    Attributes
    ----------
    symbols_ : list of the V symbols
    emissionprob_ : (K, V) probabilities, in the order of ``symbols_``
    """

    parameters: ClassVar[Mapping[str, str]] = {"e": "emissionprob_"}
    discrete: ClassVar[bool] = True
    smoothing: ClassVar[tuple[str, ...]] = ("emissionprob_prior",)

    def __init__(
        self,
        n_features: int | None = None,
        emissionprob_prior: Any = 1.0,
        unseen: Literal["impossible", "missing", "error"] = "impossible",
    ) -> None:
        self.n_features = n_features
        self.emissionprob_prior = emissionprob_prior
        self.unseen = unseen
        self.emissionprob_: FloatArray
        self._symbols: list[Any]

    @property
    def symbols_(self) -> list[Any]:
        """The V symbols; whole numbers from 0 where only the probabilities were set."""
        if hasattr(self, "_symbols"):
            return self._symbols
        if self.n_features is not None:
            return list(range(self.n_features))
        return list(range(np.shape(self.emissionprob_)[-1]))

    @symbols_.setter
    def symbols_(self, symbols: Any) -> None:
        self._symbols = [x.item() if isinstance(x, np.generic) else x for x in symbols]

    def adopt(self, other: Emissions, which: str) -> None:
        """As any emissions; with the probabilities go the symbols."""
        super().adopt(other, which)
        if "e" in which and hasattr(other, "emissionprob_"):
            self.symbols_ = other.symbols_  # type: ignore[attr-defined]

    def to_arrays(self) -> dict[str, Any]:
        """The probabilities, and the symbols.

        Raises
        ------
        TypeError
            If a symbol is neither string, number nor bool.
        """
        names = pack_symbols(self._symbols) if hasattr(self, "_symbols") else {}
        return super().to_arrays() | names

    def take_arrays(self, arrays: Mapping[str, Any]) -> None:
        """As any emissions; with the symbols."""
        super().take_arrays(arrays)
        if any(name.startswith("symbol") for name in arrays):
            self.symbols_ = unpack_symbols(arrays)

    # ---- observations -----------------------------------------------------------------

    def learn(self, X: Any) -> Observations:
        """Read training data; the symbols there are its own, unless there are probabilities."""
        self._check_choice()
        n = self.n_features
        whole = isinstance(n, int | np.integer) and not isinstance(n, bool)
        if n is not None and (not whole or n < 1):
            raise ValueError(f"n_features is {n!r}; it must be a whole number from 1, or None")
        if hasattr(self, "emissionprob_"):
            return self.read(X, "error")
        distinct, numbers = read_symbols(X)
        if self.n_features is None:
            self._symbols = _in_order([x for x in distinct if not is_missing(x)])
            if not self._symbols:
                raise ValueError("there is no observation in the training data; give one at least")
        elif hasattr(self, "_symbols"):
            del self._symbols
        return self._encoded(distinct, numbers, "error")

    def read(self, X: Any, unseen: str | None = None) -> Observations:
        """Number the symbols; V for those missing, and for unseen ones.

        Warns
        -----
        UserWarning
            If an unseen symbol is one of those there are but for its type, such as "1" and 1.
        """
        self._check_choice()
        return self._encoded(*read_symbols(X), unseen or self.unseen)

    def _check_choice(self) -> None:
        choices = "impossible", "missing", "error"
        if self.unseen not in choices:
            told = ", ".join(map(repr, choices))
            raise ValueError(f"unseen is {self.unseen!r}; it must be one of {told}")

    def _encoded(self, distinct: list[Any], numbers: IntArray, unseen: str) -> Observations:
        symbols = self.symbols_
        number = {symbol: i for i, symbol in enumerate(symbols)}
        found = number_symbols(distinct, numbers, number, strict=unseen == "error")
        codes = np.where(found < 0, len(symbols), found)[numbers]
        every = [*symbols, None]
        new = np.array([i < 0 and not is_missing(x) for i, x in zip(found, distinct, strict=True)])
        if not new.any():
            return Observations(every, codes)
        _warn_of_types([x for x, is_new in zip(distinct, new, strict=True) if is_new], symbols)
        return Observations(every, codes, new[numbers] if unseen == "impossible" else None)

    # ---- estimation -------------------------------------------------------------------

    def start(
        self, observations: Observations, n_states: int, rng: np.random.Generator, which: str
    ) -> None:
        """Relative frequencies of the data, disturbed differently for each state."""
        if "e" in which:
            n = len(observations.distinct) - 1
            counts = np.bincount(observations.codes, minlength=n + 1)[:n]
            drawn = (counts + 1.0) * rng.gamma(2.0, size=(n_states, n))
            self.emissionprob_ = normalized(drawn)

    def maximize(self, observations: Observations, counts: FloatArray, which: str) -> None:
        """Relative frequencies of expected counts and pseudo-counts."""
        if "e" not in which:
            return
        shape = counts.shape[1], len(observations.distinct) - 1
        added = pseudo_counts("emissionprob_prior", self.emissionprob_prior, shape)
        old = getattr(self, "emissionprob_", None)
        self.emissionprob_ = normalized(counts[:-1].T + added, old)

    def log_prior(self) -> float:
        """Log density of the Dirichlet prior, up to a constant."""
        p = self.emissionprob_
        return log_dirichlet(
            p, pseudo_counts("emissionprob_prior", self.emissionprob_prior, p.shape)
        )

    # ---- answers ----------------------------------------------------------------------

    def check(self, n_states: int) -> None:
        """Raise ValueError unless the rows are K distributions over the symbols."""
        table = check_rows("emissionprob_", getattr(self, "emissionprob_", None), n_states)
        if table.shape[1] != len(self.symbols_):
            raise ValueError(
                f"emissionprob_ has {table.shape[1]} columns, but there are "
                f"{len(self.symbols_)} symbols; give a column for each"
            )
        self.emissionprob_ = table

    def log_likelihoods(self, observations: Observations) -> FloatArray:
        """(V + 1, K) log probabilities of the symbols; the last row, of none, is 0."""
        table = np.zeros((len(observations.distinct), len(self.emissionprob_)))
        table[:-1] = log(self.emissionprob_.T)
        return table

    def sample(self, states: IntArray, rng: np.random.Generator) -> Any:
        """Draw symbols: an array (n, 1) of whole numbers, or (n,) of other symbols."""
        ends = np.cumsum(self.emissionprob_, axis=1)
        drawn = np.empty(len(states), np.int64)
        for k in np.unique(states):
            here = np.flatnonzero(states == k)
            reach = rng.random(len(here)) * ends[k, -1]
            drawn[here] = np.searchsorted(ends[k], reach, side="right")
        symbols = self.symbols_
        if all(isinstance(x, int) and not isinstance(x, bool) and abs(x) < 2**63 for x in symbols):
            return np.array(symbols, np.int64)[drawn][:, None]
        out = np.empty(len(states), object)
        for t, i in enumerate(drawn.tolist()):
            out[t] = symbols[i]
        return out

    def predictive(self, shares: FloatArray) -> FloatArray:
        """(n, V) probabilities of the symbols."""
        return np.asarray(shares @ self.emissionprob_)

    def n_parameters(self, which: str) -> int:
        """K (V - 1)."""
        k, v = self.emissionprob_.shape
        return k * (v - 1) if "e" in which else 0

    # ---- the discriminative twin ------------------------------------------------------

    def log_linear(self) -> LogLinear:
        """A statistic for each symbol, whether it is the one observed: its weights are logs."""
        names = [f"x={symbol}" for symbol in self.symbols_]
        return LogLinear(log(self.emissionprob_.T), np.zeros(len(self.emissionprob_)), names)

    def statistics(self, observations: Observations) -> Any:
        """(V + 1, V) sparse: a one for each symbol, and an empty last row."""
        n = len(observations.distinct)
        return scipy.sparse.csr_array(scipy.sparse.eye_array(n, n - 1))


def _warn_of_types(unseen: list[Any], symbols: list[Any]) -> None:
    """Warn of symbols that are known but for their type."""
    known = {_text(symbol): symbol for symbol in symbols}
    twins = [(x, known[_text(x)]) for x in unseen if _text(x) in known]
    if twins:
        x, symbol = twins[0]
        warnings.warn(
            f"the symbols {listed([x for x, _ in twins])} are of type {type(x).__name__}, but "
            f"those of the model of type {type(symbol).__name__}: {listed(symbols)}; they are not "
            "the same symbols. Give them in the type of the training data",
            UserWarning,
            stacklevel=2,
        )


def _text(symbol: Any) -> str:
    if isinstance(symbol, bytes):
        return symbol.decode(errors="replace")
    whole = isinstance(symbol, float) and symbol.is_integer()
    return str(int(symbol)) if whole else str(symbol)


def _in_order(symbols: list[Any]) -> list[Any]:
    try:
        return sorted(symbols)
    except TypeError:
        return symbols

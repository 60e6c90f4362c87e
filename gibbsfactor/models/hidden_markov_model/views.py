"""A hidden Markov model as a Gibbs distribution, and as a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.models.hidden_markov_model.pair import Pair
from gibbsfactor.models.hidden_markov_model.rows import log

if TYPE_CHECKING:
    import networkx as nx

    from gibbsfactor.gibbs import GibbsDistribution


class Views(Pair):
    """The conversions."""

    def gibbs(self, x: Any) -> GibbsDistribution:
        """The Gibbs distribution over the states ``y0``, ``y1``, ... of one observed sequence.

        Its factors are the conditional tables, those of what is observed being reduced to it; its
        partition function is P(x), symbols that training did not hold being taken as missing. The
        general engine then answers anything about the states.

        Parameters
        ----------
        x : one sequence, or a list that holds one

        Raises
        ------
        ValueError
            If x holds several sequences.

        Examples
        --------
        >>> from gibbsfactor import HiddenMarkovModel
        >>> X, y = [["walk", "walk", "clean"], ["clean"]], [["sun", "sun", "rain"], ["rain"]]
        >>> model = HiddenMarkovModel(emissionprob_prior=2).fit(X, y)
        >>> p = model.gibbs(["clean", "walk"])
        >>> p.map_assignment()
        {'y0': 'rain', 'y1': 'sun'}
        >>> abs(p.log_partition() - model.score(["clean", "walk"])) < 1e-12
        True
        """
        from gibbsfactor.models.hidden_markov_model.factors import gibbs_of

        asked, p = Sequences.of(x), self._parameters()
        if len(asked.lengths) != 1:
            raise ValueError(f"gibbs takes one sequence; got {len(asked.lengths)} of them")
        observations = asked.read(p.emissions.read)
        nodes = p.emissions.log_likelihoods(observations)[observations.codes]
        return gibbs_of(log(p.start), log(p.transitions), nodes, self._classes())

    def graph(self, n_positions: int) -> nx.DiGraph[str]:
        """The Bayesian network over so many positions: y0 -> y1 -> ..., and each y_t -> x_t.

        Nodes have the attributes of `BayesianNetwork.graph`, and `draw` draws them; the
        observations x_t are marked as observed. Where these are no symbols, they have no
        ``states`` and no ``cardinality``.

        Raises
        ------
        ValueError
            If ``n_positions`` is not a whole number from 1.
        """
        from gibbsfactor.models.hidden_markov_model.factors import unrolled_graph

        p = self._parameters()
        return unrolled_graph(n_positions, self._classes(), getattr(p.emissions, "symbols_", None))

"""The demo's picture of the family: six fitted models, after Sutton & McCallum (2012), figure 2.4.

Small instances of them: a flower of four measures, a conversation of four words, one plant.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gibbsfactor.drawing import Panel, draw_panels, with_inputs
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.models.hidden_markov_model import HiddenMarkovModel
from gibbsfactor.models.linear_chain_crf import LinearChainCRF
from gibbsfactor.models.log_linear import LogLinearModel
from gibbsfactor.models.naive_bayes import NaiveBayes
from gibbsfactor.models.softmax import SoftmaxRegression

N = 4  # words, and measures of a flower
XS, YS = [f"x{i}" for i in range(N)], [f"y{i}" for i in range(N)]
HIDDEN, SEEN = ("weather", "soil", "roots", "blight"), ("stem", "leaves")

_BELOW = {name: (float(i), -1.2) for i, name in enumerate(XS)}
_PLANT = {
    "weather": (1.0, 0.4),
    "soil": (0.0, -0.4),
    "roots": (1.0, -0.4),
    "blight": (2.0, -0.4),
    "stem": (0.5, -1.6),
    "leaves": (1.5, -1.6),
}


def draw_family(
    stars: tuple[NaiveBayes, SoftmaxRegression],
    chains: tuple[HiddenMarkovModel, LinearChainCRF],
    graphs: tuple[BayesianNetwork, LogLinearModel],
    path: Path,
) -> None:
    """Draw three generative models, and below each its conditional partner as a factor graph.

    Parameters
    ----------
    stars : of N measures
    chains : of words, which the CRF reads as lists of one attribute
    graphs : over HIDDEN and SEEN, the second one for HIDDEN alone
    path : where the picture goes
    """
    rows = zip(_star_panels(*stars), _chain_panels(*chains), _graph_panels(*graphs), strict=True)
    across = ["sequence", "general graphs"]
    draw_panels(list(rows), across=across, down=["conditional"], path=path)


# Which factor of a conditional model looks at which input is said by `with_inputs`.


def _star_panels(bayes: NaiveBayes, softmax: SoftmaxRegression) -> tuple[Panel, Panel]:
    layout = {"class": (1.5, 0.0), **_BELOW}
    star = partial(Panel, layout=layout, labels={"class": "y", **_numbered(XS, "x")})
    graph = softmax.gibbs(np.ones(N)).factor_graph()  # the first factor is the intercept
    return (
        star(bayes, "Naive Bayes", "P(y, x) = P(y) ∏ P(xᵢ | y)", observed=XS),
        star(
            with_inputs(graph, dict(enumerate(XS, 1))),
            "Softmax regression",
            "P(y | x) = ϕ(y) ∏ ϕᵢ(y, xᵢ) / Z(x)",
        ),
    )


def _chain_panels(markov: HiddenMarkovModel, chain: LinearChainCRF) -> tuple[Panel, Panel]:
    layout = {**{name: (float(i), 0.0) for i, name in enumerate(YS)}, **_BELOW}
    line = partial(Panel, layout=layout, labels={**_numbered(YS, "y"), **_numbered(XS, "x")})
    graph = chain.gibbs([[["word"]] * N]).factor_graph()  # a factor a word, then one a step
    return (
        line(markov.graph(N), "Hidden Markov model", "P(y, x) = ∏ P(yₜ | yₜ₋₁) P(xₜ | yₜ)"),
        line(
            with_inputs(graph, dict(enumerate(XS))),
            "Linear-chain CRF",
            "P(y | x) = ∏ ϕ(yₜ₋₁, yₜ) ϕ(yₜ, xₜ) / Z(x)",
        ),
    )


def _graph_panels(network: BayesianNetwork, twin: LogLinearModel) -> tuple[Panel, Panel]:
    labels = {**_numbered(HIDDEN, "y"), **_numbered(SEEN, "x")}
    plant = partial(Panel, layout=_PLANT, labels=labels)
    states = {v.name: v.states[0] for v in network.variables}
    graph = twin.gibbs({name: states[name] for name in SEEN}).factor_graph()
    tables = list(network.tables)  # the twin has a factor for each
    return (
        plant(network, "Bayesian network", "P(y, x) = ∏ P(v | parents of v)", observed=SEEN),
        plant(
            with_inputs(graph, {tables.index(name): name for name in SEEN}),
            "General CRF",
            "P(y | x) = ∏ ϕₖ(yₖ, x) / Z(x)",
        ),
    )


def _numbered(names: Sequence[str], letter: str) -> dict[str, str]:
    return {name: letter + "₁₂₃₄"[i] for i, name in enumerate(names)}

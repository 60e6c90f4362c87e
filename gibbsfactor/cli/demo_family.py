"""The demo's family: generative models, conditional ones with the same posterior, and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_iris

from gibbsfactor.cli.demo_family_picture import HIDDEN, SEEN, draw_family
from gibbsfactor.cli.report import Picture, Story, Table
from gibbsfactor.datasets import load_conversations, tomato_plant
from gibbsfactor.features import Columns
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.models.hidden_markov_model import HiddenMarkovModel
from gibbsfactor.models.linear_chain_crf import LinearChainCRF
from gibbsfactor.models.log_linear import LogLinearModel
from gibbsfactor.models.naive_bayes import NaiveBayes
from gibbsfactor.models.softmax import SoftmaxRegression

FloatArray = npt.NDArray[np.float64]
Words = list[list[str]]

FAMILY = (
    ("one", "naive Bayes", "softmax regression"),
    ("a sequence", "hidden Markov model", "linear-chain CRF"),
    ("any graph", "Bayesian network", "general CRF"),
)
EDGES = (
    ("weather", "soil"),
    ("weather", "blight"),
    ("soil", "roots"),
    ("soil", "stem"),
    ("roots", "stem"),
    ("roots", "leaves"),
    ("blight", "leaves"),
)
N_PLANTS = 1000  # drawn from the network
# By five-fold cross-validation on the training split, both of them by -log P(y | x):
EMISSION_PRIOR = 1.5  # of the HMM: each word counts half a time more under each label
C2 = 0.2  # penalty c2 |w|^2 of the CRF on the same words
TOLERANCE = 1e-10  # in nats or probability; rounding leaves about 1e-13


@dataclass(frozen=True, eq=False)
class _Talk:
    """The words and labels of the conversations; those of the test split are asked about."""

    words: Words
    labels: Words
    asked: Words
    truth: Words


def tell_family(
    story: Story, folder: Path, softmax: SoftmaxRegression, crf: LinearChainCRF
) -> None:
    """Section 7: three pairs of models, their posteriors held against each other.

    Parameters
    ----------
    softmax : of the irises
    crf : of the conversations, with the words around as inputs too
    """
    story.section("The family: three models and their partners")
    story.say(
        "Each model so far has a partner. A generative model says how labels y and inputs x come "
        "about together, P(y, x), and is fitted by counting. Once x is seen its tables are "
        "factors over y, and their sum Z(x) is P(x). A conditional model has the same factors "
        "with free weights, trained for P(y | x) alone. From row to row more labels meet:"
    )
    story.table(Table(["labels", "generative, P(y, x)", "conditional, P(y | x)"], FAMILY))
    iris = load_iris()
    bayes = NaiveBayes().fit(iris.data, iris.target_names[iris.target])
    talk = _load_talk()
    markov = HiddenMarkovModel(emissionprob_prior=EMISSION_PRIOR, unseen="missing").fit(
        talk.words, talk.labels
    )
    chain = LinearChainCRF(c2=C2).fit(_single_words(talk.words), talk.labels)
    network = _plant()
    twin = network.discriminative_twin(list(HIDDEN))
    path = folder / "family.svg"
    draw_family((bayes, softmax), (markov, chain), (network, twin), path)
    _show(story, path)
    story.say("Fitted by counting, each can be written down as its partner:")
    _check_bayes(story, bayes, iris.data)
    partner = markov.to_crf()
    _check_markov(story, markov, partner, talk.asked)
    _check_network(story, network, twin)
    _tell_comparison(story, talk, partner, chain, crf)


def _show(story: Story, path: Path) -> None:
    story.picture(
        Picture(
            path,
            "The six models, drawn from those fitted here. Above the generative ones, below their "
            "conditional partners as factor graphs; labels y in blue, inputs x in grey. After "
            "figure 2.4 of Sutton and McCallum, An introduction to conditional random fields.",
            "Three columns. One label: y with arrows to four inputs; below, y with a factor to "
            "each input. A sequence: labels y1 to y4 in a chain of arrows, each with an arrow to "
            "its input; below, factors between neighbouring labels, and from each label to its "
            f"input. Any graph: {', '.join(f'{u} to {v}' for u, v in EDGES)}; below, a factor in "
            "place of each variable's table.",
        )
    )


def _load_talk() -> _Talk:
    corpus = load_conversations()
    train, test = (
        [[word for (word,) in sentence] for sentence in part.drop()]
        for part in (corpus.train, corpus.test)
    )
    return _Talk(train, corpus.train.labels(), test, corpus.test.labels())


def _plant() -> BayesianNetwork:
    """A network of six of the tomato's variables, four of which are not seen."""
    plants = tomato_plant().sample(N_PLANTS, np.random.default_rng(0))
    rows = {name: plants[name] for name in (*HIDDEN, *SEEN)}
    return BayesianNetwork.fit(list(EDGES), rows, pseudo_count=1.0)


# ---- the same posterior ---------------------------------------------------------------


def _check_bayes(story: Story, bayes: NaiveBayes, flowers: FloatArray) -> None:
    features: Any = bayes.sufficient_statistics(flowers)  # of Gaussian features x and x^2
    found = bayes.to_softmax().predict_proba(features)
    by_engine = np.array([bayes.gibbs(x).marginal("class").values for x in flowers])
    difference = max(_gap(found, other) for other in (bayes.predict_proba(flowers), by_engine))
    story.check(
        difference < TOLERANCE,
        f"naive Bayes of {len(found)} irises, as softmax regression on x and x^2, has the same "
        f"P(species | x); largest difference {difference:.1e}",
    )


def _check_markov(
    story: Story, markov: HiddenMarkovModel, partner: LinearChainCRF, asked: Words
) -> None:
    """The HMM's own answers and those of the general engine on its tables, against the CRF's."""
    found, log_z = partner.predict_proba(asked), partner.log_partition(asked)
    by_engine = [markov.gibbs([words]) for words in asked]
    posterior = max(
        max(_gap(ours, own), _gap(ours, [m.values for m in p.marginals().values()]))
        for ours, own, p in zip(found, markov.predict_proba(asked), by_engine, strict=True)
    )
    log_p = [p.log_partition() for p in by_engine]
    log_gap = max(_gap(log_z, markov.score_sequences(asked)), _gap(log_z, log_p))
    story.check(
        max(posterior, log_gap) < TOLERANCE,
        f"a hidden Markov model, as linear-chain CRF, has the same P(label | words) of "
        f"{_count(asked):,} words; largest difference {posterior:.1e}. Its log P(words) is log "
        f"Z(words); {log_gap:.1e} nats",
    )


def _check_network(story: Story, network: BayesianNetwork, twin: LogLinearModel) -> None:
    states = {v.name: v.states for v in network.variables}
    cases = [dict(zip(SEEN, x, strict=True)) for x in product(*(states[name] for name in SEEN))]
    difference = max(
        _gap(
            network.condition(x).marginal(*HIDDEN).values,
            twin.gibbs(x).marginal(*HIDDEN).values,
        )
        for x in cases
    )
    story.check(
        difference < TOLERANCE,
        f"a Bayesian network of {N_PLANTS:,} tomato plants, as general CRF, has the same "
        f"P({', '.join(HIDDEN)} | {', '.join(SEEN)}); largest difference {difference:.1e}",
    )


# ---- which of the two -----------------------------------------------------------------


def _tell_comparison(
    story: Story,
    talk: _Talk,
    markov: LinearChainCRF,
    chain: LinearChainCRF,
    crf: LinearChainCRF,
) -> None:
    """The HMM and two CRFs on the test split."""
    alone = _single_words(talk.asked)
    around = Columns.from_sentences(alone)  # for the CRF's templates
    scores = {
        "hidden Markov model": _scores(markov, talk.asked, talk.truth),
        "CRF, on the same words": _scores(chain, alone, talk.truth),
        "CRF of section 5, on the words around too": _scores(crf, around, talk.truth),
    }
    rows = [(name, f"{loss:.4f}", f"{right:.2%}") for name, (loss, right) in scores.items()]
    story.table(
        Table(
            ["model", "-log P(y | x), nats a word", "words right"],
            rows,
            f"Counted or trained: the labels of {len(talk.asked)} test conversations",
        )
    )
    (_, counted), (loss, trained), (wide_loss, _) = scores.values()
    story.say(
        f"With the word itself as the only input the HMM gets {abs(counted - trained) * 100:.1f} "
        f"points {'more' if counted >= trained else 'fewer'} right than the CRF: counting makes "
        "do with little data, training for the labels takes more. But a CRF's inputs may overlap. "
        f"When it sees the words around too its loss goes from {loss:.4f} to {wide_loss:.4f}."
    )


def _scores(model: LinearChainCRF, x: Any, truth: Words) -> tuple[float, float]:
    """-log P(y | x) a word, in nats, and the share of words whose best label is right."""
    loss = -float(model.log_probability(x, truth).sum()) / _count(truth)
    labels = np.array(model.classes_)
    best = labels[np.concatenate(model.predict_proba(x)).argmax(axis=1)]
    return loss, float(np.mean(best == np.concatenate(truth)))


def _single_words(sentences: Iterable[Sequence[str]]) -> list[list[list[str]]]:
    """What a CRF reads: here the word itself is all that a position has."""
    return [[[word] for word in sentence] for sentence in sentences]


def _count(sequences: Words) -> int:
    return sum(map(len, sequences))


def _gap(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    return float(np.abs(np.subtract(one, other)).max())

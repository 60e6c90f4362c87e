"""The family: three generative models, their discriminative partners, and one picture of all six.

Run: python examples/family.py [folder for pictures]

The picture is that of figure 2.4 in Sutton & McCallum (2012), An introduction to conditional random
fields, drawn from the models that are fitted here.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

import gibbsfactor as gf
from gibbsfactor.drawing import Panel, draw_panels, with_inputs

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)


def tell(name, log_probabilities, right):
    """Of cases kept aside: -log P(y | x) and how many labels are right, both for each label."""
    loss = -np.sum(log_probabilities) / len(right)
    print(f"  {name:20} {loss:.3f} nats, {np.mean(right):.1%} right")
    return loss


# ---- One label: a tumour, by its radius, perimeter and area ----

data = load_breast_cancer()
X, y = data.data[:, [0, 2, 3]], data.target_names[data.target]
test = np.arange(len(X)) % 3 == 0
bayes = gf.NaiveBayes().fit(X[~test], y[~test])
softmax = gf.SoftmaxRegression(C=100.0).fit(X[~test], y[~test])

print(f"{test.sum()} tumours")
own = bayes.classes_.searchsorted(y[test])
losses = []
for name, model in (("naive Bayes", bayes), ("softmax regression", softmax)):
    logs = model.predict_log_proba(X[test])
    losses.append(tell(name, logs[np.arange(len(own)), own], logs.argmax(axis=1) == own))
assert losses[1] < losses[0] - 0.1  # it is one piece of evidence; naive Bayes counts it thrice

partner = bayes.to_softmax()  # with the same posterior; of Gaussian features it sees x and x^2
same = partner.predict_proba(bayes.sufficient_statistics(X))
assert np.allclose(same, bayes.predict_proba(X), rtol=0, atol=1e-10)

# ---- A sequence: the tone of every word in a conversation ----

talk = gf.datasets.load_conversations()
words, asked = ([[w for w, _ in said] for said in c.sentences()] for c in (talk.train, talk.test))
tones, truth = talk.train.labels(), talk.test.labels()


def attributes(sentences):
    """What a CRF reads: here the word itself is all that a position has."""
    return [[[f"word={word}"] for word in sentence] for sentence in sentences]


markov = gf.HiddenMarkovModel(emissionprob_prior=1.3).fit(words, tones)
chain = gf.LinearChainCRF(c2=0.3).fit(attributes(words), tones)
partner = markov.to_crf()  # with the same posterior

print(f"{sum(map(len, asked)):,} words in {len(asked)} conversations")
for name, model, x in (
    ("hidden Markov model", partner, asked),
    ("linear-chain CRF", chain, attributes(asked)),
):
    right = np.concatenate(model.predict(x)) == np.concatenate(truth)
    assert tell(name, model.log_probability(x, truth), right) < 0.3
for one, two in zip(markov.predict_proba(asked), partner.predict_proba(asked), strict=True):
    assert np.allclose(one, two, rtol=0, atol=1e-10)

# ---- Any graph: the state of a tomato plant, by what one sees of it ----

EDGES = [("weather", "soil"), ("weather", "blight"), ("soil", "roots")]
EDGES += [("soil", "stem"), ("roots", "stem"), ("roots", "leaves"), ("blight", "leaves")]
HIDDEN, SEEN = ["weather", "soil", "roots", "blight"], ["stem", "leaves"]
drawn = gf.datasets.tomato_plant().sample(4000, np.random.default_rng(0))
plants, others = (
    {name: drawn[name][part] for name in HIDDEN + SEEN} for part in (slice(2000), slice(2000, None))
)
network = gf.BayesianNetwork.fit(EDGES, plants, pseudo_count=1.0)


def only(names, cases):
    return {name: cases[name] for name in names}


partner = network.discriminative_twin(HIDDEN)  # with the same posterior: a factor for each table
general = network.discriminative_twin(HIDDEN, c2=0.01)
general.fit(only(SEEN, plants), only(HIDDEN, plants))  # goes on from there

print(f"{len(others['stem'])} tomato plants, four labels each")
for name, model in (("Bayesian network", partner), ("general CRF", general)):
    found = model.predict(only(SEEN, others))
    right = np.concatenate([found[label] == others[label] for label in HIDDEN])
    tell(name, model.log_probability(only(SEEN, others), only(HIDDEN, others)), right)
x = {name: others[name][0] for name in SEEN}
for name, marginal in network.condition(x).marginals().items():
    assert np.allclose(marginal.values, partner.gibbs(x).marginal(name).values, atol=1e-10)

# ---- The picture: small instances of the six; what is observed is shaded ----

T = 4  # steps of time


def subscripts(names, letter):
    return {name: letter + "₁₂₃₄"[i] for i, name in enumerate(names)}


ys, xs = (
    {f"{letter}{t}": (t, height) for t in range(T)} for letter, height in (("y", 0), ("x", -1.2))
)
three = {name: xs[name] for name in ("x0", "x1", "x2")}
star = partial(
    Panel, layout={"class": (1, 0)} | three, labels={"class": "y"} | subscripts(three, "x")
)
line = partial(Panel, layout=ys | xs, labels=subscripts(ys, "y") | subscripts(xs, "x"))
places = {"weather": (1, 0.4), "soil": (0, -0.4), "roots": (1, -0.4), "blight": (2, -0.4)}
places |= {"stem": (0.5, -1.6), "leaves": (1.5, -1.6)}
plant = partial(Panel, layout=places, labels=subscripts(HIDDEN, "y") | subscripts(SEEN, "x"))

# Conditional models know no x: it has set the numbers in their factors. Which factor looks at what:
softmax_graph = with_inputs(  # the first factor is the intercept
    softmax.gibbs(X[0]).factor_graph(), {i + 1: f"x{i}" for i in range(3)}
)
chain_graph = with_inputs(  # a factor for each position, then one for each step
    chain.gibbs(attributes([asked[0][:T]])).factor_graph(), {t: f"x{t}" for t in range(T)}
)
general_graph = with_inputs(
    general.gibbs(x).factor_graph(),
    {list(network.tables).index(name): name for name in SEEN},  # one for each table
)

draw_panels(
    [
        [
            star(bayes, "Naive Bayes", "P(y, x) = P(y) ∏ P(xᵢ | y)", observed=list(three)),
            line(markov.graph(T), "Hidden Markov model", "P(y, x) = ∏ P(yₜ | yₜ₋₁) P(xₜ | yₜ)"),
            plant(network, "Bayesian network", "P(y, x) = ∏ P(v | parents of v)", observed=SEEN),
        ],
        [
            star(softmax_graph, "Softmax regression", "P(y | x) = ϕ(y) ∏ ϕᵢ(y, xᵢ) / Z(x)"),
            line(chain_graph, "Linear-chain CRF", "P(y | x) = ∏ ϕ(yₜ₋₁, yₜ) ϕ(yₜ, xₜ) / Z(x)"),
            plant(general_graph, "General CRF", "P(y | x) = ∏ ϕₖ(yₖ, x) / Z(x)"),
        ],
    ],
    across=["sequence", "general graphs"],
    down=["conditional"],
    path=folder / "family.png",
)
print(f"Drawn: family.png in {folder}")
assert (folder / "family.png").stat().st_size > 0

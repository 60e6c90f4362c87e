"""Tag parts of speech and chunks together, by a CRF of two chains: a factorial chain.

Run: python examples/factorial_tagging.py [folder for pictures]

In "the cooks fish in the lake" it takes a verb to end the noun phrase, and the end of the noun
phrase to make "fish" a verb. Two chains that know nothing of each other contradict each other;
one after the other, the second can't mend the errors of the first; tied at every word, they decide
together (Sutton, McCallum & Rohanimanesh 2007, Dynamic conditional random fields).
"""

import sys
from pathlib import Path

import numpy as np

import gibbsfactor as gf
from gibbsfactor.drawing.charts import heat_map
from gibbsfactor.models.log_linear import (
    Chain,
    CliqueTemplate,
    LogLinearModel,
    Nodes,
    factorial_chain,
    own,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- Sentences with both layers ----

phrases = gf.datasets.load_phrases()
COLUMN = {"tag": 1, "chunk": 2}
states = {kind: sorted(set(phrases.column(c))) for kind, c in COLUMN.items()}
words = phrases.labels(0)
truth = [
    {"tag": tags, "chunk": chunks}
    for tags, chunks in zip(phrases.labels(1), phrases.labels(2), strict=True)
]
print(f"{len(words)} sentences, {phrases.n_tokens:,} words")


def tokens(sentence):
    """What is known of each word: itself, its neighbours, its last two letters."""
    padded = ["^", *sentence, "$"]
    return [
        {"word": word, "end": word[-2:], "before": padded[t], "after": padded[t + 2]}
        for t, word in enumerate(sentence)
    ]


def with_tags(x, tags):
    """The same and the tags of each word and its neighbours, for the second step of a pipeline."""
    padded = ["^", *tags, "$"]
    return [
        {**token, "tag": tag, "tag before": padded[t], "tag after": padded[t + 2]}
        for t, (token, tag) in enumerate(zip(x, tags, strict=True))
    ]


X = [tokens(sentence) for sentence in words]

# ---- Three ways, each sentence labelled by models that have not seen it ----


def one_chain(kind, X, y):
    """A chain over one layer."""
    templates = [CliqueTemplate(Nodes(), own, over=kind), CliqueTemplate(Chain(), over=kind)]
    return LogLinearModel(templates, states={kind: states[kind]}, c2=0.1).fit(X, y)


def both_chains(X, y):
    """A chain over each layer, and a weight for each tag and chunk of the same word."""
    return LogLinearModel(factorial_chain(["tag", "chunk"], own), states=states, c2=0.1).fit(X, y)


def only(kind, y):
    """One layer of labels."""
    return [{kind: labels[kind]} for labels in y]


ways = ["two chains", "one after the other", "factorial chain"]
found = {way: [None] * len(X) for way in [*ways, "chunks known", "tags known"]}
for fold in range(3):
    test = np.arange(fold, len(X), 3).tolist()
    train = sorted(set(range(len(X))) - set(test))
    (X_train, y_train), (X_test, y_test) = (
        ([X[n] for n in part], [truth[n] for n in part]) for part in (train, test)
    )
    tags = one_chain("tag", X_train, only("tag", y_train)).predict(X_test)
    chunks = one_chain("chunk", X_train, only("chunk", y_train)).predict(X_test)
    second = one_chain(
        "chunk",
        [with_tags(x, labels["tag"]) for x, labels in zip(X_train, y_train, strict=True)],
        only("chunk", y_train),
    )
    later = second.predict([with_tags(x, labels) for x, labels in zip(X_test, tags, strict=True)])
    model = both_chains(X_train, y_train)
    answers = {
        "two chains": [{"tag": a, "chunk": b} for a, b in zip(tags, chunks, strict=True)],
        "one after the other": [{"tag": a, "chunk": b} for a, b in zip(tags, later, strict=True)],
        "factorial chain": model.predict(X_test),
        "chunks known": model.predict(X_test, known=only("chunk", y_test)),
        "tags known": model.predict(X_test, known=only("tag", y_test)),
    }
    for way, labels in answers.items():
        for n, one in zip(test, labels, strict=True):
            found[way][n] = one


def flat(answers, kind):
    """The labels of all words in a row."""
    return np.array([label for one in answers for label in one[kind]])


true = {kind: flat(truth, kind) for kind in COLUMN}
possible = set(zip(true["tag"], true["chunk"], strict=True))
print("\n                      tags right   chunks right   both right   contradictions")
right = {}
for way, answers in found.items():
    told = {kind: flat(answers, kind) for kind in COLUMN}
    good = {kind: told[kind] == true[kind] for kind in COLUMN}
    right[way] = {kind: good[kind].mean() for kind in COLUMN}
    right[way]["both"] = (good["tag"] & good["chunk"]).mean()
    against = [p not in possible for p in zip(told["tag"], told["chunk"], strict=True)]
    print(
        f"{way:20} {right[way]['tag']:11.1%} {right[way]['chunk']:14.1%} "
        f"{right[way]['both']:12.1%} {sum(against):16}"
    )
assert right["factorial chain"]["both"] > right["two chains"]["both"] + 0.02
assert right["factorial chain"]["both"] > right["one after the other"]["both"] - 0.01
# Each layer tells much of the other, in both directions; a pipeline has only one.
assert right["chunks known"]["tag"] > right["factorial chain"]["tag"] + 0.05
assert right["tags known"]["chunk"] > right["factorial chain"]["chunk"] + 0.05

# ---- Half of the labels: chunks for all training sentences, tags for 50 ----

few = 50
partly = y_train[:few] + only("chunk", y_train[few:])
alone = one_chain("tag", X_train[:few], only("tag", y_train[:few]))
together = both_chains(X_train, partly)
shares = {
    f"{few} tagged sentences": alone.score(X_test, only("tag", y_test)),
    f"and the chunks of {len(X_train)}": np.mean(
        flat(together.predict(X_test), "tag") == flat(y_test, "tag")
    ),
}
print("\ntags right, trained on " + ", ".join(f"{k}: {v:.1%}" for k, v in shares.items()))
assert np.diff(list(shares.values())) > 0.03

# ---- One sentence, and pictures ----

sentence = words[3]  # the cooks fish in the lake
p = model.gibbs(tokens(sentence))
best = p.map_assignment()
print(f"\n{' '.join(sentence)}: {' '.join(best[f'tag{t}'] for t in range(len(sentence)))}")
print(p.plan().explain())
assert best["tag1"] == "NOUN"
assert best["tag2"] == "VERB"

gf.draw(
    p,
    labels={name: f"{sentence[int(name[-1])]}\n{best[name]}" for name in p.names},
    layout={name: (int(name[-1]), name.startswith("tag")) for name in p.names},
    title="Tags above, chunks below",
    path=folder / "factorial_graph.png",
)
table = model.weights_["Nodes tag chunk"].reshape(len(states["tag"]), len(states["chunk"]))
heat_map(
    table,
    states["tag"],
    states["chunk"],
    diverging=True,
    title="Weights of a tag and a chunk on one word",
).savefig(folder / "factorial_weights.png")
print(f"Drawn: factorial_graph.png, factorial_weights.png in {folder}")
assert (folder / "factorial_weights.png").stat().st_size > 0

"""Label the words of conversations with a CRF: fighting words, neutral, or an olive branch.

Run: python examples/tagging_conversations.py [folder for pictures]
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

import gibbsfactor as gf
from gibbsfactor.drawing.charts import heat_map, stacked_shares
from gibbsfactor.evaluation import evaluate_labels
from gibbsfactor.features import Columns

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- Train ----

corpus = gf.datasets.load_conversations()
crf = gf.LinearChainCRF(c2=0.3, templates=corpus.templates)
crf.fit(corpus.train.drop(), corpus.train.labels())  # the last column holds the labels
print(f"{len(crf.weights_):,} weights after {crf.n_iter_} iterations of L-BFGS")

test, truth = corpus.test.drop(), corpus.test.labels()
scores = evaluate_labels(truth, crf.predict(test))
each = [[crf.classes_[i] for i in table.argmax(axis=1)] for table in crf.predict_proba(test)]
print(f"most probable labelling:           accuracy {scores.accuracy:.4f}, F1 {scores.f1:.4f}")
scores = evaluate_labels(truth, each)
print(f"most probable label of each word:  accuracy {scores.accuracy:.4f}, F1 {scores.f1:.4f}")
assert scores.accuracy > 0.7

# ---- One sentence ----

words = ["hey", "there", "jerk", "shit", "roar"]
x = Columns.from_sentences([[(word,) for word in words]])
(labels,) = crf.predict(x)
(marginals,) = crf.predict_proba(x)
for word, label, row in zip(words, labels, marginals, strict=True):
    print(f"{word:8}{label:16}{row[crf.classes_.index(label)]:.4f}")
assert labels[2] == "fighting-words"

# ---- The same sentence as a Gibbs distribution ----

p = crf.gibbs(x)
every = [dict(zip(p.names, y, strict=True)) for y in product(crf.classes_, repeat=len(words))]
enumerated = np.logaddexp.reduce([p.log_unnormalized(y) for y in every])
print(f"\nlog Z of {len(every)} labellings: {crf.log_partition(x)[0]:.9f} by forward-backward,")
print(f"{p.log_partition():.9f} by the general engine, {enumerated:.9f} one by one")
assert len(every) == 3**5 == 243
assert np.allclose([crf.log_partition(x)[0], p.log_partition()], enumerated, rtol=0, atol=1e-9)

best = p.map_assignment()
assert list(best.values()) == labels
print(f"probability of the best labelling: {p.probability(best):.6f}")
assert np.isclose(p.probability(best), np.exp(crf.log_probability(x, [labels])[0]))
assert np.allclose([m.values for m in p.marginals().values()], marginals)

# ---- Pictures ----

names = {f"y{t}": f"{words[t]}\n{label}" for t, label in enumerate(labels)}
gf.draw(p, kind="factor", labels=names, path=folder / "tagging_factor.png")
stacked_shares(marginals, words, crf.classes_).savefig(folder / "tagging_marginals.png")
weights = crf.transition_features_
heat_map(
    [[weights.get((one, two), np.nan) for two in crf.classes_] for one in crf.classes_],
    crf.classes_,
    crf.classes_,
    diverging=True,
    row_label="label before",
    column_label="label after",
    title="Transition weights",
).savefig(folder / "tagging_transitions.png")
drawn = sorted(folder.glob("tagging_*.png"))
print(f"Drawn: {', '.join(path.name for path in drawn)} in {folder}")
assert len(drawn) == 3

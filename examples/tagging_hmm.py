"""Label the words of conversations with a hidden Markov model, and with the CRF that it is.

Run: python examples/tagging_hmm.py [folder for pictures]
"""

import sys
from pathlib import Path

import numpy as np

import gibbsfactor as gf
from gibbsfactor.drawing.charts import heat_map, stacked_shares
from gibbsfactor.evaluation import evaluate_labels
from gibbsfactor.models.hidden_markov_model import HiddenMarkovModel, WordEmissions

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- The hidden Markov model: count ----

corpus = gf.datasets.load_conversations()
X, y = [[w for w, _ in talk] for talk in corpus.train], corpus.train.labels()
test, truth = [[w for w, _ in talk] for talk in corpus.test], corpus.test.labels()
part, held_out = slice(0, 240), slice(240, None)

hmm = HiddenMarkovModel(emissions=WordEmissions(suffix_weight=10, word_weight=3))
hmm.fit(X[part], y[part])
classes = hmm.classes_
scores = evaluate_labels(truth, hmm.predict(test))
print(f"hidden Markov model, counted from {len(X[part])} talks: accuracy {scores.accuracy:.4f}")
assert scores.accuracy > 0.72

# ---- One talk as a Gibbs distribution ----

words = ["shut", "up", "idiot", "i", "am", "so", "sorry"]
p = hmm.gibbs(words)
print(f"log p(x) = log Z: {hmm.score(words):.9f} by the forward algorithm,")
print(f"                  {p.log_partition():.9f} by the general engine")
assert np.isclose(p.log_partition(), hmm.score(words), rtol=0, atol=1e-9)
marginals = np.array([table.values for table in p.marginals().values()])
assert np.allclose(marginals, hmm.predict_proba(words), rtol=0, atol=1e-10)
best = p.map_assignment()
assert list(best.values()) == hmm.predict([words])[0]
assert [best["y0"], best["y6"]] == ["fighting-words", "olive-branch"]
for word, label, row in zip(words, best.values(), marginals, strict=True):
    print(f"{word:8}{label:16}{row[classes.index(label)]:.4f}")

# ---- The CRF with the same posterior ----

crf = hmm.to_crf(dev_metric="loss", early_stopping=5, progress=False)
for one, other in zip(crf.predict_proba(test), hmm.predict_proba(test), strict=True):
    assert np.allclose(one, other, rtol=0, atol=1e-10)
assert np.allclose(crf.log_partition(test), hmm.score_sequences(test), rtol=0, atol=1e-9)
before = crf.log_probability(X[part], y[part]).sum(), crf.log_probability(test, truth).sum()

# ---- Training goes on where counting ended, now for log P(y | x) ----

crf.fit(X[part], y[part], X[held_out], y[held_out])
after = crf.log_probability(X[part], y[part]).sum(), crf.log_probability(test, truth).sum()
print(f"\nlog P(y | x), in nats             training talks   {len(test)} new ones")
print(f"counted                           {before[0]:14.1f}{before[1]:14.1f}")
print(f"{crf.best_iteration_:2} steps of conditional training   {after[0]:14.1f}{after[1]:14.1f}")
print(f"accuracy on new talks: {crf.score(test, truth):.4f}")  # counting needs fewer data for that
assert after[0] > before[0]
assert after[1] > before[1]

# ---- Pictures ----

names = {f"x{t}": word for t, word in enumerate(words)}
names |= {name: label.replace("-", "-\n") for name, label in best.items()}
gf.draw(hmm.graph(len(words)), labels=names, path=folder / "tagging_hmm_graph.png")
stacked_shares(marginals, words, classes).savefig(folder / "tagging_hmm_marginals.png")
heat_map(
    hmm.transmat_,
    classes,
    classes,
    row_label="label before",
    column_label="label",
    title="P(label | label before)",
).savefig(folder / "tagging_hmm_transitions.png")
drawn = sorted(folder.glob("tagging_hmm_*.png"))
print(f"Drawn: {', '.join(path.name for path in drawn)} in {folder}")
assert len(drawn) == 3

"""Code a test set with a model's probabilities: the bytes are the model's cross-entropy.

An arithmetic coder turns P(y) into about -log2 P(y) bits. So the size of the file says how good a
model is, and a better one makes a smaller file. Here the tone labels of conversations are sent to
someone who has the words already.

Run: python examples/coding.py [folder for pictures]
(constriction has the arithmetic coder: pip install constriction)
"""

import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import constriction
import numpy as np
from matplotlib.figure import Figure

import gibbsfactor as gf
from gibbsfactor.drawing.charts import PALETTE
from gibbsfactor.information import entropy, surprisal

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

corpus = gf.datasets.load_conversations()
labels = list(corpus.labels)
L = len(labels)
number = {label: i for i, label in enumerate(labels)}
train = [[number[y] for y in sentence] for sentence in corpus.train.labels()]
test = [[number[y] for y in sentence] for sentence in corpus.test.labels()]
words = corpus.test.drop()
n_words = sum(map(len, test))

# ---- The coder: one symbol after another, each with the probabilities that both sides know ----

# P(next label | the labels before it), for sentence s, given the label before (None at its start).
Model = Callable[[int, int, int | None], np.ndarray]
FAMILY = constriction.stream.model.Categorical(perfect=False)


def steps() -> Iterator[tuple[int, int]]:
    for s, sentence in enumerate(test):
        for t in range(len(sentence)):
            yield s, t


def encoded(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """The message in words of 32 bits, and the probability that each symbol had."""
    coder = constriction.stream.queue.RangeEncoder()
    given = []
    for s, t in steps():
        p = model(s, t, test[s][t - 1] if t else None)
        coder.encode(np.array([test[s][t]], dtype=np.int32), FAMILY, np.array(p, ndmin=2))
        given.append(p[test[s][t]])
    return coder.get_compressed(), np.array(given)


def decoded(model: Model, message: np.ndarray) -> list[list[int]]:
    """What the receiver reads, who knows the model, the words, and what was read so far."""
    coder = constriction.stream.queue.RangeDecoder(message)
    read: list[list[int]] = [[] for _ in test]
    for s, t in steps():
        p = model(s, t, read[s][t - 1] if t else None)
        read[s].append(int(coder.decode(FAMILY, np.array(p, ndmin=2))[0]))
    return read


# ---- Models, from knowing nothing to knowing the words and what labels follow each other ----

flat = np.concatenate([np.array(sentence) for sentence in train])
frequency = np.bincount(flat, minlength=L) / len(flat)
first = np.bincount([s[0] for s in train], minlength=L) + 1.0
follow = np.ones((L, L))
for sentence in train:
    np.add.at(follow, (sentence[:-1], sentence[1:]), 1)
first, follow = first / first.sum(), follow / follow.sum(axis=1, keepdims=True)

crf = gf.LinearChainCRF(c2=0.3, templates=corpus.templates)
crf.fit(corpus.train.drop(), corpus.train.labels())
assert list(crf.classes_) == sorted(labels)
order = [crf.classes_.index(label) for label in labels]
marginals = [table[:, order] for table in crf.predict_proba(words)]


def next_given_last(s: int) -> list[np.ndarray]:
    """P(y_t | y_{t-1}, x) for every t of a sentence, from one pair of sweeps: chain rule."""
    p = crf.gibbs(words[s : s + 1])
    corner = np.eye(L * L).reshape(L * L, L, L)
    pairs = [((a, b), cell) for a, b in pairwise(p.names) for cell in corner]
    joint = p.expectations(pairs).reshape(-1, L, L)[:, order][:, :, order]
    return [marginals[s][:1], *(joint / joint.sum(axis=2, keepdims=True))]


conditionals = [next_given_last(s) for s in range(len(test))]

models: dict[str, Model] = {
    "nothing known": lambda s, t, last: np.full(L, 1 / L),
    "how often each label is": lambda s, t, last: frequency,
    "the words, label by label": lambda s, t, last: marginals[s][t],
    "which label follows which": lambda s, t, last: first if last is None else follow[last],
    "both, as the CRF does": lambda s, t, last: conditionals[s][t][last or 0],
}

# ---- Send it ----

print(f"{n_words:,} labels, {entropy(frequency, unit='bits'):.3f} bits each if drawn one by one\n")
print(f"{'the model knows':34}{'bits a label':>13}{'cross-entropy':>15}{'coded':>8}")
sizes, ideals = {}, {}
for name, model in models.items():
    message, probabilities = encoded(model)
    assert decoded(model, message) == test  # nothing is lost
    bits = surprisal(probabilities, unit="bits")
    ideals[name], sizes[name] = bits.sum() / 8, 4 * len(message)
    print(f"{name:34}{bits.mean():13.4f}{ideals[name]:9.1f} bytes{sizes[name]:8}")
    assert ideals[name] <= sizes[name] + 1e-3
    assert sizes[name] - ideals[name] < 8  # a message ends in a whole word of 4 bytes

# The last is the CRF's own probability of each whole labelling, which the chain rule takes apart.
log_p = crf.log_probability(words, corpus.test.labels())
assert np.isclose(-log_p.sum() / np.log(2) / 8, ideals["both, as the CRF does"], rtol=1e-9)
assert sorted(sizes.values(), reverse=True) == list(sizes.values())

# ---- Picture ----

figure = Figure(figsize=(7.5, 3.6), dpi=144, layout="constrained")
ax = figure.add_subplot()
rows = np.arange(len(models))
ax.barh(rows, list(sizes.values()), height=0.6, color=PALETTE[6], label="arithmetic code")
ax.plot(list(ideals.values()), rows, "|", ms=22, mew=3, color=PALETTE[0], label="cross-entropy")
for row, name in enumerate(models):
    text = f"{sizes[name]} bytes; cross-entropy {ideals[name]:.1f}"
    ax.text(sizes[name] + 12, row, text, va="center", fontsize=9)
ax.set_yticks(rows, list(models))
ax.invert_yaxis()
ax.set_xlim(0, 760)
ax.set_xlabel("bytes")
ax.set_title(f"{n_words:,} labels, by what the model knows")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(loc="lower right", frameon=False)
figure.savefig(folder / "coding_bytes.png")
print(f"\nDrawn: coding_bytes.png in {folder}")
assert (folder / "coding_bytes.png").stat().st_size > 0

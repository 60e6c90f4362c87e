"""Find names of people, places and companies with code written for sklearn-crfsuite.

Only the two imports are other than in that library's tutorial. The sentences are made here.

Run: python examples/entities_dropin.py [folder for pictures]
"""

import random
import sys
from collections import Counter
from pathlib import Path

from scipy.stats import expon
from sklearn.metrics import make_scorer
from sklearn.model_selection import RandomizedSearchCV

import gibbsfactor.crfsuite as sklearn_crfsuite  # was: import sklearn_crfsuite
from gibbsfactor.crfsuite import metrics  # was: from sklearn_crfsuite import metrics
from gibbsfactor.drawing import draw_top_features, draw_transitions

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- Sentences: (word, part of speech, label); half of the names are new in the test ----

STARTS, MIDDLES = ["Mar", "Lu", "An", "Ro", "Vi", "Be", "Ca", "To"], ["li", "ra", "no", "sa", "ti"]
ENDS = {
    "PER": ["na", "ez", "os", "ton"],
    "LOC": ["ville", "burg", "ia", "ton"],
    "ORG": ["tec", "corp", "ia", "na"],
}
FRAMES = [
    "PER works/VB for/IN ORG in/IN LOC ./.",
    "ORG hired/VB PER ,/, who/WP lives/VB in/IN LOC ./.",
    "shares/NN of/IN ORG fell/VB after/IN PER left/VB ./.",
    "yesterday/NN PER flew/VB from/IN LOC to/IN LOC ./.",
    "LOC is/VB home/NN to/IN ORG and/CC to/IN PER ./.",
    "nobody/NN asked/VB PER about/IN ORG ./.",
    "nobody/NN asked/VB ORG about/IN LOC or/CC PER ./.",
    "Today/NN in/IN LOC ORG thanked/VB PER ./.",
]


def names(kind, rng, count):
    made = [rng.choice(STARTS) + rng.choice(MIDDLES) + rng.choice(ENDS[kind]) for _ in range(count)]
    return [[name, rng.choice(made)] if rng.random() < 0.4 else [name] for name in made]


def sentences(rng, known, count):
    made = []
    for _ in range(count):
        sent = []
        for part in rng.choice(FRAMES).split():
            word, _, postag = part.partition("/")
            if postag:
                sent.append((word, postag, "O"))
                continue
            for k, name in enumerate(rng.choice(known[word])):
                sent.append((name, "NP", f"{'I' if k else 'B'}-{word}"))
        made.append(sent)
    return made


rng = random.Random(0)
known = {kind: names(kind, rng, 40) for kind in ENDS}
train_sents = sentences(rng, known, 400)
test_sents = sentences(rng, {k: known[k][:20] + names(k, rng, 20) for k in ENDS}, 150)

# ---- Features, as in the tutorial ----


def word2features(sent, i):
    word, postag = sent[i][:2]
    features = {
        "bias": 1.0,
        "word.lower()": word.lower(),
        "word[-3:]": word[-3:],
        "word.istitle()": word.istitle(),
        "postag": postag,
    }
    for name, j in (("-1", i - 1), ("+1", i + 1)):
        if 0 <= j < len(sent):
            features |= {f"{name}:word.lower()": sent[j][0].lower(), f"{name}:postag": sent[j][1]}
        else:
            features["BOS" if j < i else "EOS"] = True
    return features


X_train = [[word2features(s, i) for i in range(len(s))] for s in train_sents]
y_train = [[label for *_, label in s] for s in train_sents]
X_test = [[word2features(s, i) for i in range(len(s))] for s in test_sents]
y_test = [[label for *_, label in s] for s in test_sents]

# ---- Training and a report ----

crf = sklearn_crfsuite.CRF(
    algorithm="lbfgs", c1=0.1, c2=0.1, max_iterations=100, all_possible_transitions=True
)
crf.fit(X_train, y_train)
labels = list(crf.classes_)
labels.remove("O")

y_pred = crf.predict(X_test)
f1 = metrics.flat_f1_score(y_test, y_pred, average="weighted", labels=labels)
sorted_labels = sorted(labels, key=lambda name: (name[1:], name[0]))
print(metrics.flat_classification_report(y_test, y_pred, labels=sorted_labels, digits=3))
assert f1 > 0.9

# ---- A search for c1 and c2 ----

search = RandomizedSearchCV(
    sklearn_crfsuite.CRF(algorithm="lbfgs", max_iterations=100, all_possible_transitions=True),
    {"c1": expon(scale=0.5), "c2": expon(scale=0.05)},
    n_iter=4,
    cv=3,
    scoring=make_scorer(metrics.flat_f1_score, average="weighted", labels=labels),
    random_state=0,
)
search.fit(X_train, y_train)
print("best parameters:", {name: f"{value:.4f}" for name, value in search.best_params_.items()})
print(f"best F1 in cross-validation: {search.best_score_:.4f}")
assert search.best_score_ > 0.9

# ---- What it has learnt ----

for (before, after), weight in Counter(crf.transition_features_).most_common(5):
    print(f"{before:6} -> {after:7} {weight:.3f}")
for (attribute, label), weight in Counter(crf.state_features_).most_common(5):
    print(f"{weight:.3f} {label:8} {attribute}")
steps = crf.transition_features_
assert steps["B-PER", "I-PER"] > 0 > steps["O", "I-PER"]

# ---- What sklearn-crfsuite has no name for: the model inside answers ----

model, x = crf.model_, X_test[:1]
for labelling, share in model.k_best(x, 2)[0]:
    print(f"{share:.4f}", " ".join(labelling))
legal = model.predict(X_test, constraints="IOB2")
assert all(
    not label.startswith("I-") or (t and y[t - 1][2:] == label[2:])
    for y in legal
    for t, label in enumerate(y)
)

# ---- Pictures ----

draw_transitions(steps, sorted(crf.classes_), path=folder / "entities_transitions.png")
draw_top_features(
    crf.state_features_, 4, sorted_labels, columns=2, path=folder / "entities_top_features.png"
)
drawn = sorted(folder.glob("entities_*.png"))
print(f"Drawn: {', '.join(path.name for path in drawn)} in {folder}")
assert len(drawn) == 2

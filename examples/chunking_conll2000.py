"""Find the chunks of English sentences, on the data of the CoNLL-2000 shared task.

Run: python examples/chunking_conll2000.py [folder for pictures] [--data FOLDER] [--all]

The data (train.txt.gz and test.txt.gz: word, part of speech, chunk) is not part of this project.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import gibbsfactor as gf
from gibbsfactor.drawing.charts import heat_map
from gibbsfactor.evaluation import chunks, evaluate_labels

beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "conll2000"
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", nargs="?", type=Path, default=Path("pictures"))
parser.add_argument("--data", type=Path, default=beside)
parser.add_argument("--all", action="store_true", help="train on all 8,936 sentences (a minute)")
arguments = parser.parse_args()
if not (arguments.data / "train.txt.gz").is_file():
    print(f"No CoNLL-2000 data in {arguments.data}; give its folder with --data. Nothing done.")
    sys.exit(0)
arguments.folder.mkdir(parents=True, exist_ok=True)

# ---- Train ----

train = gf.read_conll(arguments.data / "train.txt.gz")
test = gf.read_conll(arguments.data / "test.txt.gz")
if not arguments.all:
    train, test = train[:500], test[:300]
print(f"train {train}\ntest  {test}")

crf = gf.LinearChainCRF(templates=gf.Templates.chunking())
crf.fit(train.drop(), train.labels())
print(
    f"{len(crf.classes_)} labels, {len(crf.weights_):,} weights, {crf.n_iter_} iterations, "
    f"{sum(crf.seconds_.values()):.1f} s"
)

# ---- Test ----

found = crf.predict(test.drop())
scores = evaluate_labels(test.labels(), found)
print(
    f"accuracy {scores.accuracy:.4f}, precision {scores.precision:.4f}, "
    f"recall {scores.recall:.4f}, chunk F1 {scores.f1:.4f}"
)
assert scores.unit == "chunks"
assert scores.f1 > (0.93 if arguments.all else 0.85)

# ---- One sentence: its chunks, and how sure each word is of its label ----

one = test[:1]
words = one.column(0)
(shares,) = crf.predict_proba(one.drop())
sure = shares.max(axis=1)
for first, last, kind in chunks(found[0]):
    print(f"{kind:5}{sure[first : last + 1].min():.3f}  {' '.join(words[first : last + 1])}")

# The sentence has far too many labellings to enumerate; the general engine agrees all the same.
x = one.drop()
print(f"{len(crf.classes_)}^{len(words)} labellings, log Z = {crf.log_partition(x)[0]:.6f}")
assert np.isclose(crf.gibbs(x).log_partition(), crf.log_partition(x)[0], rtol=1e-10)

# ---- Picture: which label follows which ----

weights = crf.transition_features_
common = [label for label in crf.classes_ if label.endswith(("-NP", "-VP", "-PP")) or label == "O"]
heat_map(
    [[weights.get((before, after), np.nan) for after in common] for before in common],
    common,
    common,
    diverging=True,
    number_format="z.1f",
    row_label="label before",
    column_label="label after",
    title="Transition weights (blank: never seen in training)",
).savefig(arguments.folder / "chunking_transitions.png")
print(f"Drawn: chunking_transitions.png in {arguments.folder}")
assert (arguments.folder / "chunking_transitions.png").stat().st_size > 0

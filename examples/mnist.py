"""Read handwritten digits by softmax regression: MNIST, 60,000 images of 28 x 28 pixels.

Run: python examples/mnist.py [folder for pictures] [--data FOLDER]

The data (the four idx files, gzipped) is not part of this project. Takes about half a minute.
"""

import argparse
import gzip
import sys
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

import gibbsfactor as gf
from gibbsfactor.drawing import draw_confusion, draw_weight_images
from gibbsfactor.evaluation import confusion_matrix, report

beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", nargs="?", type=Path, default=Path("pictures"))
parser.add_argument("--data", type=Path, default=beside)
arguments = parser.parse_args()
FILES = {
    (part, what): arguments.data / f"{stem}-{what}-idx{rank}-ubyte.gz"
    for part, stem in (("train", "train"), ("test", "t10k"))
    for what, rank in (("images", 3), ("labels", 1))
}
if not all(path.is_file() for path in FILES.values()):
    print(f"No MNIST data in {arguments.data}; give its folder with --data. Nothing done.")
    sys.exit(0)
arguments.folder.mkdir(parents=True, exist_ok=True)


def read_idx(path):
    """The array of bytes in an idx file: two zeros, type 8, rank, sizes, then the data."""
    content = gzip.decompress(path.read_bytes())
    zeros, kind, rank = content[:2], content[2], content[3]
    if zeros != b"\0\0" or kind != 8:
        raise SystemExit(f"{path} is no idx file of bytes: it begins with {content[:4].hex(' ')}")
    sizes = np.frombuffer(content, ">i4", rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(sizes)


def read(part):
    """(N, 784) shares of ink, and the N digits."""
    images, digits = (read_idx(FILES[part, what]) for what in ("images", "labels"))
    return images.reshape(len(images), -1) / 255, digits.astype(int)


X, y = read("train")
X_test, y_test = read("test")
print(f"{len(X):,} images to train on, {len(X_test):,} to test, {X.shape[1]} pixels each")

# ---- How much to regularise: by the log loss of 10,000 training images kept aside ----


def log_loss(model, rows, digits):
    """Mean of -log P(digit | image), in nats."""
    return -model.predict_log_proba(rows)[np.arange(len(digits)), digits].mean()


kept = slice(50_000, None)
losses = {}
for C in (0.05, 0.1, 0.2, 0.5, 1.0):
    candidate = gf.SoftmaxRegression(C=C).fit(X[:50_000], y[:50_000])
    losses[C] = log_loss(candidate, X[kept], y[kept])
    print(f"C = {C:<4}  log loss {losses[C]:.4f}, accuracy {candidate.score(X[kept], y[kept]):.4f}")
C = min(losses, key=losses.get)

# ---- Train on all, test once ----

model = gf.SoftmaxRegression(C=C).fit(X, y)
found = model.predict(X_test)
accuracy = float((found == y_test).mean())
print(f"\nC = {C}, on all training images: {model.n_iter_} iterations")
print(f"test accuracy {accuracy:.4f}, log loss {log_loss(model, X_test, y_test):.4f}\n")
assert accuracy >= 0.9256

truth, predicted = [y_test.tolist()], [found.tolist()]
print(report(truth, predicted).classification_report(digits=3))
matrix = confusion_matrix(truth, predicted)
print(f"rows: true digits, columns: predicted ones\n{matrix}\n")

# ---- Which digits are taken for each other, either way ----

both = matrix.counts + matrix.counts.T
pairs = sorted(((both[a, b], a, b) for b in range(10) for a in range(b)), reverse=True)
for count, a, b in pairs[:5]:
    print(f"{a} and {b}: {count} errors ({a} read as {b} {matrix.counts[a, b]} times)")
assert {(3, 5), (4, 9), (5, 8), (7, 9)} == {(a, b) for _, a, b in pairs[:4]}

# ---- How far the probabilities can be believed ----

sure = model.predict_proba(X_test).max(axis=1)
print("\nsure of the digit   images   right")
for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.99), (0.99, 1.0)):
    those = (sure > low) & (sure <= high)
    right = (found == y_test)[those].mean()
    print(f"{low:>8.0%} to {high:<6.0%}  {those.sum():>6,}   {right:.1%}")

# ---- The same answer from the general engine: one factor for every pixel with ink ----

worst = int(np.where(found != y_test, sure, 0).argmax())
row = X_test[[worst]]
p = model.gibbs(csr_array(row))
print(f"\nsurest error: test image {worst}, a {y_test[worst]}; {p}")
print(f"MAP {p.map_assignment()}, with probability {sure[worst]:.4f}")
assert np.allclose(p.marginal("class").values, model.predict_proba(row)[0], atol=1e-12)

# ---- Pictures ----

draw_confusion(
    matrix,
    normalize=None,
    title="Handwritten digits",
    path=arguments.folder / "mnist_confusion.png",
)
draw_weight_images(
    model,
    (28, 28),
    limit=0.8,
    title="What each class looks for",
    path=arguments.folder / "mnist_weights.png",
)
print(f"Drawn: mnist_confusion.png, mnist_weights.png in {arguments.folder}")
assert (arguments.folder / "mnist_weights.png").stat().st_size > 0

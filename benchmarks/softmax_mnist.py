"""Softmax regression on MNIST: scikit-learn's LogisticRegression and ours, in one run.

    python benchmarks/softmax_mnist.py [folder of the four idx files] [--threads 2] [--rows 60000]

Both minimise C sum_n (log Z(x_n) - z_n) + |W|^2 / 2 at C = 1 on pixels / 255. First the peer runs
at its default tolerance; then ours until it reaches the objective that the peer stopped at;
then ours at its own default. Seconds count everything that `fit` does to the data.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_array
from threadpoolctl import threadpool_limits

from gibbsfactor.learning.softmax_loss import SoftmaxLoss, log_partition
from gibbsfactor.learning.whitening import minimize_whitened
from gibbsfactor.models.softmax import SoftmaxRegression

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"


def read_idx(path: Path) -> np.ndarray:
    """Bytes of an idx file: a magic number, the sizes, the data."""
    data = gzip.decompress(path.read_bytes())
    sizes = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)


def read(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    return images.reshape(len(images), -1) / 255.0, labels.astype(np.intp)


def objective(X: np.ndarray, y: np.ndarray, coef: np.ndarray, intercept: np.ndarray) -> float:
    z = X @ coef.T + intercept
    losses = log_partition(z) - z[np.arange(len(y)), y]
    return float(losses.sum() + 0.5 * (coef**2).sum())


def until(target: float, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, int]:
    """Train until the objective is at most the target: weights and evaluations."""

    def stop(now):
        if now.loss <= target:
            raise StopIteration

    X = check_array(X, dtype=np.float64)  # what fit does, too
    classes, labels = np.unique(y, return_inverse=True)
    loss = SoftmaxLoss(X, labels, classes.size, np.ones(len(y)), True)
    minimum = minimize_whitened(
        loss, np.zeros(loss.shape), max_iterations=1000, tolerance=0.0, progress=stop
    )
    return minimum.weights.reshape(loss.shape), minimum.evaluations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=DEFAULT)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=60_000, help="training rows, from the first")
    arguments = parser.parse_args()
    X, y = (part[: arguments.rows] for part in read(arguments.folder, "train"))
    X_test, y_test = read(arguments.folder, "t10k")
    seen: list[tuple[float, float]] = []  # seconds and objective of each row so far
    print(f"{'':18} {'seconds':>8} {'ratio':>7} {'objective':>10} {'accuracy':>9}  work")

    def report(name: str, seconds: float, coef: np.ndarray, b: np.ndarray, work: str) -> None:
        accuracy = float(((X_test @ coef.T + b).argmax(axis=1) == y_test).mean())
        value = objective(X, y, coef, b)
        seen.append((seconds, value))
        ratio = seen[0][0] / seconds
        line = f"{name:18} {seconds:8.2f} {ratio:7.1f} {value:10.2f} {accuracy:9.4f}  {work}"
        print(line, flush=True)

    with threadpool_limits(arguments.threads):
        began = time.perf_counter()
        peer = LogisticRegression(C=1.0, max_iter=1000).fit(X, y)
        seconds = time.perf_counter() - began
        report(
            "scikit-learn", seconds, peer.coef_, peer.intercept_, f"{peer.n_iter_[0]} iterations"
        )

        began = time.perf_counter()
        weights, evaluations = until(seen[0][1], X, y)
        seconds = time.perf_counter() - began
        work = f"{evaluations} evaluations"
        report("ours, to the same", seconds, weights[:, :-1], weights[:, -1], work)

        began = time.perf_counter()
        ours = SoftmaxRegression().fit(X, y)
        seconds = time.perf_counter() - began
        report("ours, default", seconds, ours.coef_, ours.intercept_, f"{ours.n_iter_} iterations")


if __name__ == "__main__":
    main()

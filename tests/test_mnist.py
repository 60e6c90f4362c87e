"""Softmax regression on MNIST: the accuracy to be had, and the digits it takes for each other."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from gibbsfactor.drawing import draw_weight_images
from gibbsfactor.evaluation import confusion_matrix, report
from gibbsfactor.models.softmax import SoftmaxRegression

C = 0.2  # of five, the best on held-out training images: see examples/mnist.py


def read(folder: Path, name: str, offset: int) -> np.ndarray:
    """The bytes after an idx file's head: one or three sizes after four bytes."""
    return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8, offset=offset)


@pytest.fixture(scope="module")
def mnist(shared_data: Path) -> dict[str, np.ndarray]:
    """Images as (N, 784) shares of ink, and digits, to train and to test."""
    folder = shared_data / "mnist"
    if not folder.is_dir():
        pytest.skip("no MNIST in ../shared/data/mnist")
    return {
        f"{part}{what}": read(folder, f"{stem}-{what}-idx{rank}-ubyte.gz", 4 + 4 * rank)
        for part, stem in (("", "train"), ("test ", "t10k"))
        for what, rank in (("images", 3), ("labels", 1))
    }


def rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(-1, 784) / 255


@pytest.fixture(scope="module")
def model(mnist) -> SoftmaxRegression:
    return SoftmaxRegression(C=C).fit(rows(mnist["images"]), mnist["labels"])


def test_accuracy_and_main_confusions(mnist, model):
    truth = mnist["test labels"]
    found = model.predict(rows(mnist["test images"]))
    assert len(truth) == 10_000
    scores = report([truth.tolist()], [found.tolist()])
    assert scores.accuracy == np.mean(found == truth) >= 0.9256
    assert all(score.f1 > 0.88 for score in scores.labels.values())
    counts = confusion_matrix([truth.tolist()], [found.tolist()]).counts
    both = counts + counts.T
    pairs = sorted((-both[a, b], a, b) for b in range(10) for a in range(b))
    assert {(a, b) for _, a, b in pairs[:4]} == {(3, 5), (4, 9), (5, 8), (7, 9)}  # the fifth: 40


def test_a_digit_is_a_gibbs_distribution(mnist, model):
    image = rows(mnist["test images"][: 784 * 3])[2:]
    p = model.gibbs(csr_array(image))
    assert len(p.factors) == 1 + np.count_nonzero(image)
    np.testing.assert_allclose(
        p.marginal("class").values, model.predict_proba(image)[0], rtol=0, atol=1e-12
    )
    assert p.map_assignment() == {"class": mnist["test labels"][2]}


def test_there_are_ten_images_of_weights(model):
    ax = draw_weight_images(model, (28, 28))
    drawn = [image for image in ax.images if image.get_gid() != "scale"]
    assert len(drawn) == 10
    largest = np.abs(model.coef_).max()
    for image, weights in zip(drawn, model.coef_, strict=True):
        np.testing.assert_allclose(image.get_array(), weights.reshape(28, 28) / largest)
    assert [t.get_text() for t in ax.texts if t.get_gid() == "name"] == [*map(str, range(10))]
    assert np.abs(model.coef_.sum(axis=0)).max() < 1e-3 * largest  # apart from the mean of all

"""Clean noisy black-and-white images by a CRF on the grid of their pixels.

Run: python examples/denoising.py [folder for pictures]

Discs, boxes and stripes under noise so strong that a pixel by itself is wrong one time in four.
Four models: softmax regression of each pixel by itself, seeing that pixel or also the eight around
it; and a grid on which neighbouring labels meet, trained by the pseudo-likelihood or exactly.
"""

import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from matplotlib.figure import Figure

from gibbsfactor.models.log_linear import (
    CliqueTemplate,
    Grid,
    LogLinearModel,
    Nodes,
    contrast,
    own,
    with_one,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- Images: two shapes in each, and the same with Gaussian noise ----

SIZE, NOISE = 12, 0.8


def shapes(rng):
    """An image of zeros and ones."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    image = np.zeros((SIZE, SIZE), dtype=bool)
    for kind in rng.choice(["disc", "box", "stripe"], 2):
        y, x = rng.uniform(1, SIZE - 2, (2, 1, 1))
        y, x = np.abs(rows - y), columns - x
        if kind == "disc":
            image |= np.hypot(y, x) < rng.uniform(2, 4)
        elif kind == "box":
            image |= (y < rng.uniform(1, 4)) & (np.abs(x) < rng.uniform(2, 5))
        else:
            slope = rng.uniform(0, np.pi / 2)
            image |= np.abs(np.cos(slope) * y - np.sin(slope) * x) < 1.6
    return image.astype(int)


rng = np.random.default_rng(0)
clean = np.array([shapes(rng) for _ in range(140)])
noisy = clean + rng.normal(0, NOISE, clean.shape)
X, y = noisy[:40, ..., None], clean[:40]  # features are the last axis: here one, the grey value
X_test, y_test = noisy[40:, ..., None], clean[40:]

# ---- Models ----


def patch(image, cliques):
    """The grey values of a pixel and the eight around it, and a one."""
    padded = np.pad(image[..., 0], 1, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(-1, 9)
    return np.hstack([around, np.ones((len(around), 1))])[cliques[:, 0]]


pixel = CliqueTemplate(Nodes(2), with_one(own), name="pixel")
pixels_around = CliqueTemplate(Nodes(2), patch, name="3 x 3")
# A table of 2 x 2 weights for neighbours, and another that counts by how much their greys differ.
neighbours = CliqueTemplate(Grid(), with_one(contrast), name="neighbours")
models = {
    "each pixel by itself": LogLinearModel([pixel], c2=0.1),
    "seeing 3 x 3 pixels": LogLinearModel([pixels_around], c2=0.1),
    "grid, pseudo-likelihood": LogLinearModel(
        [pixel, neighbours], c2=0.1, objective="pseudo-likelihood"
    ),
    "grid, exact": LogLinearModel([pixel, neighbours], c2=0.1),
}

print(f"{'':24} train  best image  best pixels  nats an image")
found, wrong = {}, {}
for name, model in models.items():
    began = perf_counter()
    model.fit(X, y)
    seconds = perf_counter() - began
    shares = np.array(model.predict_proba(X_test))[..., 1]
    found[name] = {"image": np.array(model.predict(X_test)), "shares": shares}
    wrong[name] = {
        "image": (found[name]["image"] != y_test).mean(),
        "pixels": ((shares > 0.5) != y_test).mean(),
        "nats": -model.log_probability(X_test, y_test).mean(),
    }
    print(
        f"{name:24} {seconds:4.1f}s {wrong[name]['image']:11.1%} {wrong[name]['pixels']:12.1%} "
        f"{wrong[name]['nats']:14.1f}"
    )

# The image that is most probable as a whole is not the one with the fewest wrong pixels to expect:
# that has the more probable value in each pixel.
by_itself, around, pseudo, exact = (wrong[name] for name in models)
assert exact["pixels"] < exact["image"]
assert exact["pixels"] < around["pixels"] < by_itself["pixels"] / 2
assert exact["nats"] < pseudo["nats"] < around["nats"] < by_itself["nats"]

# The pseudo-likelihood looks at each label given those around it. They nearly tell what it is, so
# neighbours get too much weight and grey values too little: where the neighbours are not known
# either, as in any new image, whole regions run into one.
print("\nlog odds of a label to be 1:  by its grey value   by one neighbour that is 1, not 0")
for name in ("grid, pseudo-likelihood", "grid, exact"):
    weights = models[name].weights_
    grey = weights["pixel"][0] @ [-1, 1]
    pull = weights["neighbours"][1] @ [1, -1, -1, 1]
    print(f"{name:28} {grey:20.2f} {pull:35.2f}")
assert pseudo["image"] > by_itself["image"]

print(f"\nA grid of {SIZE} x {SIZE}:\n{models['grid, exact'].gibbs(X_test[0]).plan().explain()}")

# ---- Picture ----

columns = {
    "clean": y_test,
    "noisy": X_test[..., 0],
    "each pixel\nby itself": found["each pixel by itself"]["image"],
    "seeing\n3 x 3 pixels": found["seeing 3 x 3 pixels"]["image"],
    "grid:\nbest image": found["grid, exact"]["image"],
    "grid: P(1)\nof each pixel": found["grid, exact"]["shares"],
}
figure = Figure(figsize=(9.2, 6.6), dpi=144, facecolor="white", layout="constrained")
for n, row in enumerate(figure.subplots(4, len(columns))):
    for ax, (name, images) in zip(row, columns.items(), strict=True):
        low, high = (-0.5, 1.5) if name == "noisy" else (0, 1)
        ax.imshow(images[n], cmap="gray_r", vmin=low, vmax=high)
        ax.set(xticks=[], yticks=[])
        if n == 0:
            ax.set_title(name, fontsize=10)
figure.savefig(folder / "denoising.png")
print(f"\nDrawn: denoising.png in {folder}")
assert (folder / "denoising.png").stat().st_size > 0

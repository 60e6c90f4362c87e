"""Naive Bayes over a mixed table with holes, and softmax regression, its discriminative partner.

Run: python examples/naive_bayes_pair.py [folder for pictures]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import gibbsfactor as gf
from gibbsfactor.drawing.charts import PALETTE

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- A basket of fruit: numbers, words, truth values and counts in one table, with holes ----

names = ["grams", "colour", "downy", "seeds"]
basket = [
    [152.0, "red", False, 7],
    [171.0, "green", False, 9],
    [148.0, "green", None, 8],
    [166.0, "yellow", False, 6],
    [None, "red", False, 8],
    [141.0, "orange", True, 1],
    [128.0, "yellow", True, 1],
    [133.0, "orange", True, 1],
    [139.0, "red", True, None],
    [172.0, "green", False, 9],
    [196.0, "yellow", False, 10],
    [184.0, None, False, 8],
]
fruit = ["apple"] * 5 + ["peach"] * 4 + ["pear"] * 3
kinds = {0: "gaussian", 1: "categorical", 2: "bernoulli", 3: "gaussian"}
model = gf.NaiveBayes(kinds, var_smoothing=0.01).fit(basket, fruit)
print(model.describe())

# One row makes a Gibbs distribution over the class: a factor for P(y), one for each feature it has.
found = [150.0, "yellow", None, 8]
p = model.gibbs(found)
print(f"\n{found}: most probably {model.predict([found])[0]}\n{p.marginal('class')}")
assert len(p.factors) == 4  # P(y) and three features: "downy" is missing, and is summed out
assert np.allclose(p.marginal("class").values, model.predict_proba([found])[0])
joint = model.predict_joint_log_proba([found])[0]
assert np.isclose(p.log_partition(), np.logaddexp.reduce(joint))  # Z is P(x)

# A colour that was never seen is no crash: it is as good as missing.
strange = model.predict_proba([[150.0, "blue", None, 8], [150.0, None, None, 8]])
assert np.allclose(strange[0], strange[1])

# ---- The partner: the log joint is linear in a few statistics, so the posterior is a softmax ----

statistics = model.sufficient_statistics(basket)
partner = model.to_softmax()  # a SoftmaxRegression, as if it had been fitted
print(f"\n{statistics.shape[1]} statistics: {', '.join(model.statistic_names())}")
assert np.allclose(partner.predict_proba(statistics), model.predict_proba(basket), atol=1e-10)
print("the partner's posterior of them is that of naive Bayes, to 1e-10")


# ---- Two ways to fit the same family of posteriors ----

# Naive Bayes counts, which makes P(y, x) best; softmax regression makes P(y | x) best and does not
# care for P(x). Where features are independent given the class, counting needs fewer rows. Where
# they are not, as neighbouring pixels are not, it errs however many rows there are.
rng = np.random.default_rng(0)
chances = 1 / (1 + np.exp(-rng.normal(scale=0.45, size=(3, 40))))


def independent_bits(n: int) -> tuple[np.ndarray, np.ndarray]:
    classes = np.arange(n) % 3
    return (rng.random((n, 40)) < chances[classes]).astype(float), classes


def errors(X, y, test, y_test, n: int, rounds: int = 5) -> tuple[float, float]:
    """Shares of test rows that the two get wrong, trained on n rows, in the mean over rounds."""
    wrong = []
    for _ in range(rounds):
        rows = rng.permutation(len(y))[:n]
        while len(np.unique(y[rows])) < len(np.unique(y)):
            rows = rng.permutation(len(y))[:n]
        counted = gf.NaiveBayes("bernoulli").fit(X[rows], y[rows])
        trained = gf.SoftmaxRegression().fit(X[rows], y[rows])
        wrong.append([1 - m.score(test, y_test) for m in (counted, trained)])
    return tuple(np.mean(wrong, axis=0))


digits = load_digits()
pixels, numerals = (digits.data > 7).astype(float), digits.target
mixed = rng.permutation(len(numerals))
train, held = mixed[:1200], mixed[1200:]
tasks = {
    "independent bits, as it supposes": (*independent_bits(3000), *independent_bits(3000)),
    "pixels of digits, which depend on each other": (
        *(pixels[train], numerals[train]),
        *(pixels[held], numerals[held]),
    ),
}
sizes = [30, 60, 120, 240, 480, 960]
curves = {task: np.array([errors(*data, n) for n in sizes]) for task, data in tasks.items()}
for task, curve in curves.items():
    print(f"\n{task}\nrows   naive Bayes   softmax")
    for n, (ours, theirs) in zip(sizes, curve, strict=True):
        print(f"{n:5d}  {ours:11.1%}  {theirs:8.1%}")

supposed, pixelated = curves.values()
assert (supposed[1:5, 0] < supposed[1:5, 1]).all()  # fewer rows do where its supposition holds
assert pixelated[-1, 1] < 0.75 * pixelated[-1, 0]  # and none are enough where it doesn't

# Begun at the weights of naive Bayes, training for P(y | x) goes on from there.
counted = gf.NaiveBayes("bernoulli").fit(pixels[train], numerals[train])
started = counted.to_softmax()  # bits are their own statistics: it takes the pixels as they are
before = started.score(pixels[held], numerals[held])
assert before == counted.score(pixels[held], numerals[held])
started.set_params(warm_start=True).fit(pixels[train], numerals[train])
after = started.score(pixels[held], numerals[held])
print(f"\nthe partner on digits: {before:.1%} right as it comes, {after:.1%} once trained further")
assert after > before

# ---- Pictures ----

graph = model.graph()
labels = {f"x{i}": name for i, name in enumerate(names)}
gf.draw(
    graph,
    observed=[f"x{i}" for i, entry in enumerate(found) if entry is not None],
    labels=labels,
    title="Naive Bayes: features depend on the class alone",
    path=folder / "naive_bayes_graph.png",
)

figure = Figure(figsize=(9, 3.8), dpi=144, layout="constrained")
for ax, (task, curve) in zip(figure.subplots(1, 2, sharey=True), curves.items(), strict=True):
    for name, colour, mark, y in zip(
        ("naive Bayes", "softmax regression"), (PALETTE[0], PALETTE[2]), "os", curve.T, strict=True
    ):
        ax.plot(sizes, y, color=colour, marker=mark, label=name)
    ax.set_xscale("log")
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.set_ylim(0, 0.55)
    ax.grid(alpha=0.3)
    ax.set_title(task, fontsize=11)
    ax.set_xlabel("rows to learn from")
figure.axes[0].set_ylabel("test rows wrong")
figure.axes[0].legend(frameon=False)
figure.savefig(folder / "naive_bayes_pair.png")
print(f"Drawn: naive_bayes_graph.png, naive_bayes_pair.png in {folder}")
assert (folder / "naive_bayes_pair.png").stat().st_size > 0

"""Where exp comes from: the least biased distribution that agrees with what was measured.

Run: python examples/maximum_entropy.py [folder for pictures]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_iris

import gibbsfactor as gf
from gibbsfactor import maximum_entropy
from gibbsfactor.drawing.charts import PALETTE

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- A loaded die: all that is known is that its mean was 4.5, not 3.5 (Jaynes) ----

faces = [1, 2, 3, 4, 5, 6]
die = maximum_entropy(faces, {"mean": (faces, 4.5)})
p = die.distribution.marginal("x").values
print(die, "\n")
print("P(face):", p.round(5))
assert np.allclose(p, [0.05435, 0.07877, 0.11416, 0.16545, 0.23977, 0.34749], atol=5e-6)
assert np.allclose(p[1:] / p[:-1], np.exp(die.multipliers[0]))  # it is an exponential

# Any other die with that mean is less uncertain, by its divergence from this one.
other = np.array([0.1, 0.05, 0.1, 0.15, 0.2, 0.4])
other += (4.5 - other @ faces) / 17.5 * (np.array(faces) - 3.5)
assert np.isclose(other @ faces, 4.5)
divergence = gf.GibbsDistribution([gf.Factor(die.distribution.variables, other)]).kl_divergence(
    die.distribution
)
print(f"entropy {die.entropy:.4f} nats; of another with mean 4.5: {die.entropy - divergence:.4f}")
assert np.isclose(die.entropy - divergence, -(other * np.log(other)).sum())

# Nothing can be said of what no die can do; and of what only one face can do, everything.
refused = ""
try:
    maximum_entropy(faces, {"mean": (faces, 7)})
except ValueError as error:
    refused = str(error)
print(refused)
assert refused.endswith("its function lies between 1 and 6")
certain = maximum_entropy(faces, {"mean": (faces, 6)})
assert certain.distribution.marginal("x").values.tolist() == [0, 0, 0, 0, 0, 1]

# ---- Softmax: its scores are the multipliers that the classes' probabilities ask for ----

scores = np.array([1.0, 2.0, 6.0])
softmax = np.exp(scores) / np.exp(scores).sum()
three = maximum_entropy(3, [(row, share) for row, share in zip(np.eye(3), softmax, strict=True)])
assert np.allclose(three.distribution.marginal("x").values, softmax, atol=1e-12)
assert np.allclose(np.diff(three.multipliers), np.diff(scores))
print(f"\nmultipliers, up to a constant: {(three.multipliers - three.multipliers[0] + 1).round(6)}")

# ---- Softmax regression: of all P(y | x) with the data's E[x 1(y = k)], the most uncertain ----

iris = load_iris()
X, y = iris.data[50:, 2:3], iris.target[50:] - 1  # petal length of two species that overlap
N, K = len(X), 2
columns = np.column_stack([np.ones(N), X])
case, species = gf.Variable("case", N), gf.Variable("species", K)
constraints = [(("case", row), 1 / N) for row in np.eye(N)]  # the inputs are as they are
for k in range(K):
    for feature in columns.T:
        values = feature[:, None] * (np.arange(K) == k)
        constraints.append(((("case", "species"), values), feature[y == k].sum() / N))
found = maximum_entropy([case, species], constraints)
joint = found.distribution.marginal("case", "species").values
given = joint / joint.sum(axis=1, keepdims=True)

regression = gf.SoftmaxRegression(C=1e9, tol=1e-15).fit(X, y)  # as good as no penalty
apart = np.abs(given - regression.predict_proba(X)).max()
print(f"maximum entropy and softmax regression differ by {apart:.0e} on {N} irises")
assert apart < 1e-6
weights = found.multipliers[N:].reshape(K, 2)  # intercept and slope of each species
print("weights:", (weights[1] - weights[0]).round(4))
theirs = [regression.intercept_[0], regression.coef_[0, 0]]
assert np.allclose(weights[1] - weights[0], theirs, rtol=1e-5)
log_z = np.logaddexp.reduce(columns @ weights.T, axis=1)
assert np.ptp(found.multipliers[:N] + log_z) < 1e-8  # the inputs' own multipliers are -log Z(x)

# ---- Picture ----

figure = Figure(figsize=(9.5, 3.8), dpi=144, layout="constrained")
left, right = figure.subplots(1, 2)
for mean, colour in zip((2.0, 3.5, 4.5, 5.5), PALETTE, strict=False):
    q = maximum_entropy(faces, [(faces, mean)]).distribution.marginal("x").values
    width = 2.5 if mean == 4.5 else 1.2
    left.plot(faces, q, "o-", color=colour, lw=width, ms=5, label=f"mean {mean}")
left.set_title("A die of which the mean is known")
left.set_xlabel("face")
left.set_ylabel("probability")
left.set_ylim(0)
left.legend(frameon=False)

line = np.linspace(2.8, 7.1, 200)[:, None]
right.plot(line, regression.predict_proba(line)[:, 1], color=PALETTE[2], label="softmax regression")
right.plot(X, given[:, 1], "o", ms=5, mfc="none", color=PALETTE[0], label="maximum entropy")
right.plot(X, y, "|", ms=9, color=PALETTE[1], label="data")
right.set_title(f"{iris.target_names[2]} or {iris.target_names[1]}?")
right.set_xlabel(iris.feature_names[2])
right.set_ylabel(f"P({iris.target_names[2]})")
right.legend(frameon=False)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig(folder / "maximum_entropy.png")
print(f"Drawn: maximum_entropy.png in {folder}")
assert (folder / "maximum_entropy.png").stat().st_size > 0

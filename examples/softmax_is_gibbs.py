"""Softmax is a Gibbs distribution over one variable, by hand and then trained.

Run: python examples/softmax_is_gibbs.py [folder for pictures]
"""

import math
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris

import gibbsfactor as gf
from gibbsfactor.drawing.charts import heat_map

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- By hand: each score is a factor on its own class ----

scores = np.array([1.0, 2.0, 6.0])
y = gf.Variable("y", ["first", "second", "third"])
factors = [gf.Factor.from_log(y, score * np.eye(3)[k]) for k, score in enumerate(scores)]
p = gf.GibbsDistribution(factors)
print("three factors:")
for factor in factors:
    print(" ", factor.values.round(3))
print(f"their product sums to Z = {p.partition_function():.3f}")
print(f"product / Z = {p.marginal('y').values.round(3)}")

closed = np.exp(scores) / np.exp(scores).sum()
assert np.allclose(p.marginal("y").values, closed)
assert closed.round(3).tolist() == [0.007, 0.018, 0.976]
assert math.isclose(p.partition_function(), np.exp(scores).sum())

# Temperature divides the scores: hot is even, cold is certain.
for temperature in (100.0, 1.0, 0.1):
    print(f"T = {temperature:g}: {p.at_temperature(temperature).marginal('y').values.round(3)}")
assert p.at_temperature(0.1).marginal("y")[{"y": "third"}] > 1 - 1e-15

# ---- Trained: one factor for every feature of the input ----

iris = load_iris()
species = iris.target_names[iris.target]
test = np.arange(len(species)) % 3 == 0
model = gf.SoftmaxRegression().fit(iris.data[~test], species[~test])
print(
    f"\naccuracy on {test.sum()} irises kept aside: {model.score(iris.data[test], species[test])}"
)

flower = model.gibbs(iris.data[test][-1])
print(f"the last of them is {species[test][-1]}; {flower}")
print(flower.marginal("class"))

for x, probabilities in zip(iris.data, model.predict_proba(iris.data), strict=True):
    assert np.allclose(model.gibbs(x).marginal("class").values, probabilities, rtol=1e-9)
print(f"gibbs(x).marginal('class') is predict_proba, on all {len(species)} flowers")

# ---- Pictures ----

gf.draw(flower, kind="factor", path=folder / "softmax_factor.png")
rows = ["intercept", *iris.feature_names]
logs = [factor.log_values for factor in flower.factors]
chart = heat_map(
    logs, rows, [str(c) for c in model.classes_], diverging=True, title="Log factors of one iris"
)
chart.savefig(folder / "softmax_factors.png")
print(f"Drawn: softmax_factor.png, softmax_factors.png in {folder}")
assert (folder / "softmax_factors.png").stat().st_size > 0

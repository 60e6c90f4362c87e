"""The week of a small business: six variables, seven small tables, many questions.

Run: python examples/business_graph.py [folder for pictures]
"""

import sys
from itertools import product
from math import isclose, log, prod
from pathlib import Path

import numpy as np

import gibbsfactor as gf

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- The model ----

weekday = gf.Variable("weekday", ["workday", "weekend"])  # A
channel = gf.Variable("channel", ["search", "letter", "fair"])  # B: where customers come from
sign_ups = gf.Variable("sign-ups", ["few", "some", "many"])  # C
revenue = gf.Variable("revenue", ["low", "middling", "high"])  # D
hiring = gf.Variable("hiring", ["no", "yes"])  # E
cakes = gf.Variable("cakes", 4)  # F: how many are ordered for the party; the states 0 to 3

week = gf.GibbsDistribution(
    [
        gf.Factor(weekday, [5, 2]),
        gf.Factor([weekday, channel], [[6, 3, 1], [2, 1, 4]]),  # fairs are at the weekend
        gf.Factor([weekday, sign_ups], [[2, 3, 1], [3, 2, 1]]),
        gf.Factor([channel, sign_ups], [[4, 3, 1], [2, 3, 2], [1, 2, 6]]),  # and bring many
        gf.Factor([sign_ups, revenue], [[6, 2, 1], [2, 4, 2], [1, 2, 6]]),
        gf.Factor([revenue, hiring], [[5, 1], [3, 2], [1, 3]]),
        gf.Factor(
            [revenue, hiring, cakes],  # a high revenue and a new colleague: three cakes
            [
                [[6, 3, 1, 0], [2, 3, 2, 0]],
                [[2, 5, 2, 1], [1, 3, 4, 1]],
                [[1, 3, 4, 2], [0, 1, 4, 6]],
            ],
        ),
    ]
)
print(week)

shipped = gf.datasets.business_graph()  # the same model ships with the package
assert shipped.variables == week.variables
assert all(
    one.scope == other.scope and np.array_equal(one.values, other.values)
    for one, other in zip(shipped.factors, week.factors, strict=True)
)

# ---- What it will cost, before it costs anything ----

print(f"\n{week.plan().explain()}")
assert week.plan().width == 2

# ---- Questions ----

z = week.partition_function()
joint = [
    dict(zip(week.names, x, strict=True)) for x in product(*(v.states for v in week.variables))
]
weights = [prod(f[{name: x[name] for name in f.names}] for f in week.factors) for x in joint]
print(f"\nZ = {z:g}, the sum of {len(joint)} weights")
assert z == sum(weights)

print("\nHow many cakes?")
print(week.marginal("cakes"))

print("\nAnd if customers come from the fair?")
at_fair = week.condition({"channel": "fair"})
print(at_fair.marginal("cakes"))
three = {"cakes": 3}
assert at_fair.marginal("cakes")[three] > week.marginal("cakes")[three]

print("\nThree cakes are on the table. Where did the customers come from?")
after = week.condition(three).marginal("channel")
print(after)
assert after[{"channel": "fair"}] > week.marginal("channel")[{"channel": "fair"}]
probability = week.marginal("cakes")[three]
assert isclose(week.condition(three).log_partition(), log(z * probability))

best = week.map_assignment()
print(f"\nThe most probable week: {best}, probability {week.probability(best):.4f}")
assert week.log_unnormalized(best) == max(map(week.log_unnormalized, joint))
alone = {v: m.scope[0].states[m.values.argmax()] for v, m in week.marginals().items()}
print(f"The most probable state of each variable alone: {alone}")
assert alone != best  # and its joint probability is lower
assert week.probability(alone) < week.probability(best)

samples = week.sample(20_000, rng=1)
share = float(np.mean(samples["cakes"] == 3))
print(
    f"\nThree cakes in {share:.2%} of 20,000 sampled weeks; the exact figure is {probability:.2%}"
)
assert abs(share - probability) < 0.012  # five standard errors of a share of 20,000

# Knowing the revenue, hiring tells nothing more about sign-ups: no path goes around it.
known = week.condition({"revenue": "high"})
pair = known.marginal("sign-ups", "hiring")
assert pair.allclose(known.marginal("sign-ups") * known.marginal("hiring"))

# ---- Pictures ----

gf.draw(week, path=folder / "business_induced.png", title="Induced graph")
gf.draw(
    at_fair,
    kind="factor",
    path=folder / "business_factor.png",
    title="Factor graph, the channel observed",
)
gf.draw(week, kind="junction", path=folder / "business_junction.png", title="Junction tree")
drawn = sorted(folder.glob("business_*.png"))
print(f"\nDrawn: {', '.join(path.name for path in drawn)} in {folder}")
assert len(drawn) == 3

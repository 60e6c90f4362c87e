"""A table of weights, and the partition function that turns it into probabilities.

Run: python examples/factor_table.py [folder for pictures]
"""

import math
import sys
from pathlib import Path

import gibbsfactor as gf

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# A factor gives each joint state of its variables a weight: any number of at least zero.
a = gf.Variable("A", ["a0", "a1"])
b = gf.Variable("B", ["b0", "b1"])
phi = gf.Factor([a, b], [[20, 25], [15, 4]])
print(phi)

# The partition function Z is the sum of the weights. Weight / Z is the probability.
p = gf.GibbsDistribution([phi])
z = p.partition_function()
print(f"\nZ = {z:g}, log Z = {p.log_partition():.6f} nats")
assert z == 20 + 25 + 15 + 4 == 64

for one in a.states:
    for other in b.states:
        x = {"A": one, "B": other}
        print(f"P({one}, {other}) = {phi[x]:g}/{z:g} = {p.probability(x):.6f}")
        assert math.isclose(p.probability(x), phi[x] / 64)

# Questions are sums over parts of the table.
print("\nP(A), B summed out:")
print(p.marginal("A"))
assert math.isclose(p.marginal("A")[{"A": "a0"}], 45 / 64)

print("\nP(A | B = b1), from the second column alone:")
given = p.condition({"B": "b1"})
print(given.marginal("A"))
assert math.isclose(given.marginal("A")[{"A": "a0"}], 25 / 29)
assert given.partition_function() == 29

# Multiplying every weight by seven changes Z but no probability.
scaled = gf.GibbsDistribution([phi * 7])
assert scaled.partition_function() == 7 * 64
assert scaled.marginal("A").allclose(p.marginal("A"))

# A second factor pulls A and B together, or apart; Z is then the sum over their product.
agree = gf.Factor([a, b], [[2, 1], [1, 2]])
both = gf.GibbsDistribution([phi, agree])
print(f"\nwith a second factor Z = {both.partition_function():g}")
assert both.partition_function() == 2 * 20 + 25 + 15 + 2 * 4

gf.draw(p, kind="factor", path=folder / "factor_table.png")
print(f"\nThe factor graph is drawn in {folder / 'factor_table.png'}")
assert (folder / "factor_table.png").stat().st_size > 0

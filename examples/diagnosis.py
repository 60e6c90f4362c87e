"""What ails the tomato plant: a Bayesian network, asked, fitted to data, written and read back.

Run: python examples/diagnosis.py [folder for pictures]
"""

import sys
import tempfile
from math import isclose
from pathlib import Path

import numpy as np

import gibbsfactor as gf

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- The model: causes first, what one sees last ----

plant = gf.datasets.tomato_plant()  # it ships with the package; all its numbers are made up
print(f"{plant}\n\n{plant.tables['roots']}")
assert plant.log_partition() == 0.0  # rows sum to one, and so does their product over all


def percent(p: gf.GibbsDistribution, **states: str) -> str:
    return (
        f"P({', '.join(f'{n} = {s}' for n, s in states.items())}) = {p.probability_of(states):.1%}"
    )


# ---- Tables of one's own: the same plant in a raised bed, which drains ----

weather, watering, soil = (plant.tables[name].child for name in ("weather", "watering", "soil"))
drained = gf.ConditionalTable(  # an axis for each parent, the child's last: rows sum to one
    soil,
    [weather, watering],
    [
        [[0.9, 0.1, 0.0], [0.3, 0.69, 0.01], [0.1, 0.8, 0.1]],
        [[0.3, 0.68, 0.02], [0.1, 0.85, 0.05], [0.05, 0.75, 0.2]],
    ],
)
raised = gf.BayesianNetwork({**plant.tables, "soil": drained}.values())
print(f"\n{drained}")
print(f"\nIn the ground:   {percent(plant, roots='rotting')}, {percent(plant, harvest='good')}")
print(f"In a raised bed: {percent(raised, roots='rotting')}, {percent(raised, harvest='good')}")
assert raised.probability_of({"harvest": "good"}) > plant.probability_of({"harvest": "good"})

# ---- From what one sees to what caused it ----

rotting = {"roots": "rotting"}
yellow = plant.condition({"leaves": "yellow"})
print(f"\nBefore anyone looks:      {percent(plant, **rotting)}")
print(f"The leaves are yellow:    {percent(yellow, **rotting)}")
assert yellow.probability_of(rotting) > plant.probability_of(rotting)

# Aphids turn leaves yellow too. Roots and aphids know nothing of each other, until the leaves are
# seen: then one of the two is explanation enough, and makes the other less likely.
infested = plant.condition({"leaves": "yellow", "aphids": "yes"})
print(f"... and there are aphids: {percent(infested, **rotting)}")
assert infested.probability_of(rotting) < yellow.probability_of(rotting)
assert plant.d_separated("roots", "aphids")
assert not plant.d_separated("roots", "aphids", given="leaves")
apart, together = (p.mutual_information("roots", "aphids") for p in (plant, yellow))
print(f"What aphids say of roots: {apart:.4f} nats before, {together:.4f} once leaves are yellow")
assert apart < 1e-12 < together

# ---- The best explanation as a whole ----

sick = plant.condition({"leaves": "yellow", "stem": "wilting"})
causes = ["roots", "blight", "aphids"]
print(f"\nYellow and wilting. Most probable causes: {sick.marginal_map(causes)}")
print("The three most probable states of everything:")
print("  ".join(f"{name:9}" for name in sick.names), "P")
for x, log_probability in sick.k_best(3):
    print("  ".join(f"{state:9}" for state in x.values()), f"{np.exp(log_probability):.3f}")
assert sick.k_best(1)[0].assignment == sick.map_assignment()

# ---- Evidence that is not certain ----

# The meter shows "soaked" for 80% of soaked soils, 30% of moist and 5% of dry ones: a likelihood,
# which is weighed against what was known. A gardener who, all things considered, holds the soil to
# be soaked with probability 0.8 has told what the marginal is to be: a target.
meter = plant.condition(likelihood={"soil": {"dry": 0.05, "moist": 0.3, "soaked": 0.8}})
gardener = plant.condition(targets={"soil": {"dry": 0.05, "moist": 0.15, "soaked": 0.8}})
print(f"\nThe meter shows soaked:  {percent(meter, soil='soaked')}, {percent(meter, **rotting)}")
print(
    f"The gardener is sure of: {percent(gardener, soil='soaked')}, {percent(gardener, **rotting)}"
)
assert isclose(gardener.probability_of({"soil": "soaked"}), 0.8)

# ---- Many plants at once ----

bed = {  # one row a plant; None where nobody looked
    "leaves": ["green", "yellow", "yellow", None, "spotted"],
    "stem": ["upright", "wilting", None, "wilting", "upright"],
    "soil": [None, "dry", "soaked", None, None],
}
shares = plant.marginals(evidence=bed)["roots"][:, plant.tables["roots"].child.index("rotting")]
print("\nleaves   stem     soil    P(roots = rotting)")
for *seen, share in zip(*bed.values(), shares, strict=True):
    print("  ".join(f"{state or '-':7}" for state in seen), f"{share:.3f}")
second = plant.condition({"leaves": "yellow", "stem": "wilting", "soil": "dry"})
assert isclose(shares[1], second.probability_of(rotting))

# ---- Learned back from data with holes ----

rng = np.random.default_rng(0)
rows = {name: column.astype(object) for name, column in plant.sample(5000, rng).items()}
for column in rows.values():
    column[rng.random(len(column)) < 0.2] = None  # a fifth of all entries is lost
learned = gf.BayesianNetwork.fit(
    plant.graph(), rows, states=plant.variables, equivalent_sample_size=10, rng=rng
)
print(f"\nFitted to 5,000 rows with a fifth missing, {learned.training.iterations} iterations:")
print(learned.tables["roots"])
off = plant.kl_divergence(learned)
print(f"KL(plant || learned) = {off:.4f} nats, of an entropy of {plant.entropy():.3f}")
assert learned.training.converged
assert off < 0.02
assert learned.log_likelihood(rows) > plant.log_likelihood(rows)  # the data it was fitted to

# ---- Written, and read back to the last bit ----

with tempfile.TemporaryDirectory() as place:
    path = Path(place, "plant.bif.gz")
    gf.write_bif(path, plant)
    again = gf.read_bif(path)
assert again.variables == plant.variables
assert all(np.array_equal(again.tables[n].values, t.values) for n, t in plant.tables.items())
print("\nWritten as BIF and read back: the same tables, bit for bit")

# ---- Pictures ----

gf.draw(
    plant,
    observed=sick.evidence,
    path=folder / "diagnosis_network.png",
    title="Yellow and wilting",
)
gf.draw(plant, kind="moral", path=folder / "diagnosis_moral.png", title="Moral graph")
print(f"Drawn: diagnosis_network.png, diagnosis_moral.png in {folder}")
assert (folder / "diagnosis_moral.png").stat().st_size > 0

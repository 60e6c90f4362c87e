"""Why exp: other functions that could turn scores into probabilities, and what each of them breaks.

Run: python examples/why_exp.py [folder for pictures]
"""

import math
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gibbsfactor.drawing.charts import PALETTE
from gibbsfactor.thermodynamics import LINKS, Sparsemax, link_laws

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

LAWS = {
    "independence": "Parts whose energies add are independent",
    "shift": "Raising all scores changes nothing",
    "marginals": "The gradient of log Z is p",
    "residual": "The gradient of the loss is p - y",
    "convexity": "The loss is convex",
    "entropy": "None with the same mean is more random",
    "evidence": "Two pieces of evidence: their scores add",
    "sufficiency": "Of many observations only the sum matters",
}
HOLDS = 1e-12  # what is left of a law that holds is rounding

# ---- Scores of 1, 2 and 6, by every link ----

rules = (*LINKS.values(), Sparsemax())
scores = np.array([1.0, 2.0, 6.0])
print(
    "p = g(z) / sum g(z) for the scores 1, 2, 6; for 1001, 1002, 1006; and for ten times 1, 2, 6:"
)
for rule in rules:
    rows = [rule.probabilities(z).round(3).tolist() for z in (scores, scores + 1000, 10 * scores)]
    print(f"  {rule.name:10s}", *(f"{row!s:24}" for row in rows))
assert LINKS["exp"].probabilities(scores).round(3).tolist() == [0.007, 0.018, 0.976]

# ---- Eight laws, by how much each link breaks them ----

found = {rule.name: vars(link_laws(rule, rng=0)) for rule in rules}
print("\nHow far off, at worst, over 200 random scores (a dot: the law holds):")
print(" " * 44 + "".join(f"{name:>10s}" for name in found))
for law, words in LAWS.items():
    numbers = [found[name][law] for name in found]
    cells = ["." if x < HOLDS else "inf" if x == math.inf else f"{x:.2f}" for x in numbers]
    print(f"{words:44s}" + "".join(f"{cell:>10s}" for cell in cells))
print("Nats for independence, entropy and sufficiency; probabilities for shift and evidence.")
print("Every link is softmax of u(z) = log g(z): its laws hold in u, where scores no longer add.")
print("Sparsemax has a loss of its own, convex and with gradient p - y, and probabilities of zero.")

kept = {name: {law for law, off in laws.items() if off < HOLDS} for name, laws in found.items()}
assert kept["exp"] == set(LAWS)
assert kept["sparsemax"] == {"shift", "marginals", "residual", "convexity"}
assert all(not kept[name] for name in LINKS if name != "exp")

# ---- A picture ----

INK, QUIET = "#1A1A1A", "#6B6B6B"
GOOD, BAD = PALETTE[2], PALETTE[0]
figure = Figure(figsize=(12.4, 4.6), dpi=144, layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 2.1))

z = np.linspace(-4, 4, 801)
colours = dict(
    zip(LINKS, (PALETTE[2], PALETTE[3], PALETTE[4], PALETTE[5], "#6B6B6B", PALETTE[0]), strict=True)
)
for name, link in LINKS.items():
    wide = 2.6 if name == "exp" else 1.4
    left.plot(z, link.log(z), color=colours[name], linewidth=wide, label=f"{name}: {link.formula}")
left.set(xlim=(-4, 4), ylim=(-4, 4), title="log g(z), straight for exp alone", xlabel="score z")
left.legend(frameon=False, fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16))
left.spines[["top", "right"]].set_visible(False)

for j, rule in enumerate(rules):
    for i, law in enumerate(LAWS):
        off = found[rule.name][law]
        holds = off < HOLDS
        strength = 0.12 + 0.3 * min(1.0, max(0.0, (math.log10(off) + 1.5) / 2)) if not holds else 1
        fill = GOOD if holds else BAD
        right.add_patch(Rectangle((j, i), 0.95, 0.9, facecolor=fill, alpha=strength, linewidth=0))
        said = "holds" if holds else "\u221e" if off == math.inf else f"{off:.2f}"
        if rule.name == "sparsemax" and law in ("marginals", "residual", "convexity"):
            said += " *"
        ink = "white" if holds else INK
        right.text(j + 0.475, i + 0.45, said, ha="center", va="center", color=ink, fontsize=9)
right.set(xlim=(0, len(found)), ylim=(len(LAWS), 0), title="How far off, at worst")
right.set_xlabel("* of a loss of its own, in place of the log loss", fontsize=9, loc="right")
right.set_xticks(np.arange(len(found)) + 0.475, list(found))
right.set_yticks(np.arange(len(LAWS)) + 0.45, list(LAWS.values()))
right.spines[:].set_visible(False)
for ax in (left, right):
    ax.tick_params(labelsize=9, colors=INK, length=3 if ax is left else 0)
    ax.title.set(fontsize=11, color=INK)
figure.savefig(folder / "why_exp.png")
print(f"\nDrawn: why_exp.png in {folder}")
assert (folder / "why_exp.png").stat().st_size > 0

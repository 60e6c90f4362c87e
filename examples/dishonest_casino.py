"""The dishonest casino: which die was rolled, found in the rolls alone by a hidden Markov model.

A casino mostly rolls a fair die and now and then, for a while, a loaded one that shows six half of
the time. One sees the rolls and not the dice. (The example is that of Durbin, Eddy, Krogh &
Mitchison 1998, Biological sequence analysis, section 3.2.)

Run: python examples/dishonest_casino.py [folder for pictures]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gibbsfactor import HiddenMarkovModel
from gibbsfactor.drawing.charts import PALETTE

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- The casino, and an evening in it ----

casino = HiddenMarkovModel(n_components=2)
casino.startprob_ = [1.0, 0.0]
casino.transmat_ = [[0.95, 0.05], [0.10, 0.90]]  # fair -> loaded, loaded -> fair
casino.emissionprob_ = [[1 / 6] * 6, [0.1] * 5 + [0.5]]
casino.symbols_ = [1, 2, 3, 4, 5, 6]

rolls, dice = casino.sample(30_000, random_state=1)
evening, loaded = rolls[:300], dice[:300] == 1
print(f"300 rolls, {loaded.sum()} of them of the loaded die; the first 60:")
print("  rolls ", "".join(map(str, evening[:60, 0])))
print("  die   ", "".join("FL"[k] for k in dice[:60]))

# ---- What the casino's own model says about them ----

log_p, path = casino.decode(evening)
print("  found ", "".join("FL"[k] for k in path[:60]))
smooth, filtered = casino.predict_proba(evening)[:, 1], casino.filter(evening)[:, 1]
right = {
    "looking back on the whole evening": ((smooth > 0.5) == loaded).mean(),
    "at the time, from the rolls so far": ((filtered > 0.5) == loaded).mean(),
    "the best sequence of dice as a whole": ((path == 1) == loaded).mean(),
    "always saying 'fair'": (~loaded).mean(),
}
print("\nRolls whose die is named right:")
for how, share in right.items():
    print(f"  {how:38}{share:.1%}")
assert right["looking back on the whole evening"] > right["always saying 'fair'"]

# Any other question goes to the general engine: the model of an evening is a Gibbs distribution.
start = casino.gibbs(evening[:60])
assert np.isclose(start.log_partition(), casino.score(evening[:60]))
assert np.allclose(start.marginal("y59").values, casino.filter(evening[:60])[-1])
after = casino.predict_next(evening)[0]
print(f"\nP(the next roll is a six) = {after[5]:.3f}; of a fair die it would be {1 / 6:.3f}")

# ---- A model from the rolls alone ----

guess = HiddenMarkovModel(n_components=2, n_init=3, tol=1e-3, n_iter=1000).fit(rolls)
order = np.argsort(guess.emissionprob_[:, 5])  # the die that shows fewer sixes first
dice_found = guess.emissionprob_[order]
steps_found = guess.transmat_[np.ix_(order, order)]
gap = guess.log_likelihood_ - casino.score(rolls)
print(f"\nFrom {len(rolls):,} rolls, after {guess.n_iter_} iterations of EM:")
for name, row, true in zip(
    ("fair", "loaded"), dice_found, np.array(casino.emissionprob_), strict=True
):
    print(f"  {name:7}" + " ".join(f"{p:.3f}" for p in row), f"   truly a six: {true[5]:.3f}")
print(f"  stays fair {steps_found[0, 0]:.3f} (truly 0.950)", end=", ")
print(f"stays loaded {steps_found[1, 1]:.3f} (0.900)")
print(f"  log-likelihood {gap:+.1f} nats from that of the casino's own model")
assert np.abs(dice_found - casino.emissionprob_).max() < 0.05
assert gap > 0  # it fits these rolls better than the truth does

# One evening with the dice written down names the states, and trains without EM.
told = HiddenMarkovModel().fit(rolls, np.array(["fair", "loaded"])[dice])
print(f"\nWith the dice known, by counting: {told.classes_}, stays loaded", end=" ")
print(f"{told.transmat_[1, 1]:.3f}")
assert abs(told.transmat_[1, 1] - 0.9) < 0.02

# ---- Pictures ----

figure = Figure(figsize=(10, 3.6), layout="constrained")
ax = figure.subplots()
edges = np.flatnonzero(np.diff(np.concatenate([[0], loaded.astype(int), [0]])))
for n, (begin, end) in enumerate(edges.reshape(-1, 2)):
    label = "the loaded die was rolled" if n == 0 else None
    ax.axvspan(begin - 0.5, end - 0.5, color=PALETTE[1], alpha=0.35, lw=0, label=label)
ax.plot(filtered, color=PALETTE[0], lw=1, label="at the time: P(loaded | rolls so far)")
ax.plot(smooth, color=PALETTE[2], lw=1.8, label="looking back: P(loaded | all rolls)")
sixes = np.flatnonzero(evening[:, 0] == 6)
ax.plot(sixes, np.full(len(sixes), 1.04), "|", color="#1A1A1A", ms=6, label="a six")
ax.set(xlim=(-1, 300), ylim=(-0.02, 1.1), xlabel="roll", ylabel="probability")
ax.set_title("Which die was it? The hidden state found in 300 rolls", loc="left")
ax.spines[["top", "right"]].set_visible(False)
figure.legend(loc="outside lower center", ncols=4, frameon=False)
figure.savefig(folder / "casino_posterior.png", dpi=150)

figure = Figure(figsize=(7.5, 3.2), layout="constrained")
for ax, k, name in zip(
    figure.subplots(1, 2, sharey=True), range(2), ("fair", "loaded"), strict=True
):
    faces = np.arange(1, 7)
    ax.bar(faces - 0.2, casino.emissionprob_[k], 0.38, color=PALETTE[1], label="the casino's die")
    ax.bar(faces + 0.2, dice_found[k], 0.38, color=PALETTE[2], label="found by EM")
    ax.set(title=f"{name} die", xlabel="face", xticks=faces)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_ylabel("probability" if k == 0 else "")
figure.axes[0].legend(loc="upper left", frameon=False)
figure.savefig(folder / "casino_dice.png", dpi=150)
print(f"\nDrawn: casino_dice.png, casino_posterior.png in {folder}")

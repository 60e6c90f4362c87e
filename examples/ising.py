"""The Ising model on a torus: every lattice up to 10 x 10 exactly, and how the infinite one nears.

Run: python examples/ising.py [folder for pictures]
"""

import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from gibbsfactor.drawing.charts import PALETTE
from gibbsfactor.thermodynamics import (
    critical_temperature,
    ising,
    kaufman_energy,
    kaufman_heat_capacity,
    kaufman_log_partition,
    onsager_energy,
    onsager_heat_capacity,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)
T_C = critical_temperature()

# ---- Kaufman's formula, lattice by lattice ----

start = time.perf_counter()
worst, where = 0.0, ""
for m, n in product(range(1, 11), repeat=2):
    for T in (1.0, T_C, 4.0):
        exact = kaufman_log_partition(m, n, 1 / T)
        off = abs(ising((m, n), temperature=T).log_partition() / exact - 1)
        if off > worst:
            worst, where = off, f"{m} x {n}, T = {T:.3g}"
seconds = time.perf_counter() - start
print(
    "log Z of the 100 lattices from 1 x 1 to 10 x 10, at three temperatures, by summing out spins:"
)
print(f"  within {worst:.1e} of Kaufman's formula (worst: {where}), in {seconds:.1f} s")
assert worst < 1e-10
print(f"  in the last of them {ising((10, 10)).plan('log_partition').explain().splitlines()[1]}")

# ---- Energy and heat capacity as the temperature goes up ----

SIZES = range(2, 11)
T = np.unique(np.concatenate([np.linspace(1.0, 4.0, 61), np.linspace(2.1, 2.8, 36)]))
curves, start = {}, time.perf_counter()
for n in SIZES:
    curves[n] = ising((n, n)).curve(T, verbose=True)
    assert np.allclose(curves[n].mean_energy, kaufman_energy(n, n, T), rtol=1e-10)
    exact = kaufman_heat_capacity(n, n, T)
    assert np.allclose(curves[n].heat_capacity, exact, rtol=1e-9, atol=1e-9)
seconds = time.perf_counter() - start
print(f"\nheat capacity of n x n lattices at {len(T)} temperatures each, in {seconds:.1f} s:")
print(f"   n  peak per spin  at T   (the infinite lattice: at T_c = {T_C:.4f})")
peaks = {n: int(curves[n].heat_capacity.argmax()) for n in SIZES}
heights = [curves[n].heat_capacity[i] / n**2 for n, i in peaks.items()]
for (n, i), height in zip(peaks.items(), heights, strict=True):
    print(f"  {n:2d}  {height:13.4f}  {T[i]:.2f}")
assert heights == sorted(heights)  # it grows with the logarithm of n
assert all(T_C < T[i] < T_C * (1 + 0.5 / n) for n, i in peaks.items())  # and comes nearer as 1/n

# ---- Energy per spin against Onsager's ----

POINTS = {"T = 1.6": 1.6, "T = T_c": T_C, "T = 2.9": 2.9}
off = {}
for label, t in POINTS.items():
    energies = np.array([ising((n, n), temperature=t).mean_energy() / n**2 for n in SIZES])
    off[label] = np.abs(energies - onsager_energy(t))
print("\nenergy per spin, difference from the infinite lattice:")
for label, found in off.items():
    print(f"  {label:8s} {found[0]:.1e} for n = 2, {found[-1]:.1e} for n = 10")
assert all((np.diff(found) < 0).all() for found in off.values())

# ---- A picture ----

INK, QUIET, INFINITE = "#1A1A1A", "#6B6B6B", PALETTE[0]
figure = Figure(figsize=(10.4, 4.4), dpi=144, layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))

near = np.geomspace(1e-7, 0.3, 100)  # the peak of the infinite lattice is logarithmic
every = np.unique(np.concatenate([np.linspace(1.0, 4.0, 200), T_C - near, T_C + near]))
for n in SIZES:
    blue = colormaps["Blues"](0.3 + 0.7 * (n - 2) / 8)
    capacity, i = curves[n].heat_capacity / n**2, peaks[n]
    left.plot(T, capacity, color=blue, linewidth=1.4, label=f"{n} x {n}")
    left.plot(T[i], capacity[i], "o", color=blue, markersize=4)
left.plot(every, onsager_heat_capacity(every), color=INFINITE, linewidth=1.8, label="infinite")
left.axvline(T_C, color=QUIET, linewidth=0.9, linestyle=":", zorder=0)
left.text(T_C + 0.04, 2.36, f"$T_c$ = {T_C:.3f}", color=QUIET, fontsize=9)
left.set(xlim=(1, 4), ylim=(0, 2.5), title="Heat capacity per spin")
left.set_xlabel("temperature / coupling")
left.legend(frameon=False, fontsize=9, loc="upper right")

sides = np.arange(2, 31)
looks = ((PALETTE[2], 13), (INFINITE, 24), (PALETTE[4], 24))  # where the label goes
for (label, t), (colour, place) in zip(POINTS.items(), looks, strict=True):
    far = [abs(kaufman_energy(n, n, t) / n**2 - onsager_energy(t)) for n in sides.tolist()]
    right.plot(sides, far, color=colour, linewidth=1.2)
    right.plot(SIZES, off[label], "o", color=colour, markersize=4.5)
    at = (place, far[place - 2])
    right.annotate(f"${label}$", at, (5, 5), textcoords="offset points", color=colour, fontsize=10)
right.plot([], [], "o", color=QUIET, markersize=4.5, label="by summing out spins")
right.plot([], [], color=QUIET, linewidth=1.2, label="Kaufman's formula")
right.legend(frameon=False, fontsize=9, loc="upper right")
right.set(
    yscale="log", xlim=(0, 30), ylim=(1e-9, 20), title="Energy per spin: how far from Onsager's"
)
right.set_xlabel("n, of the n x n lattice")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9, colors=INK)
    ax.title.set(fontsize=11, color=INK)
figure.savefig(folder / "ising.png")
print(f"\nDrawn: ising.png in {folder}")
assert (folder / "ising.png").stat().st_size > 0

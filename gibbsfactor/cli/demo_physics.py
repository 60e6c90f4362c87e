"""The demo's physics: Ising's magnet, a loaded die, and what an answer is worth in bits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gibbsfactor import information
from gibbsfactor.cli.demo_network import Joint
from gibbsfactor.cli.report import Picture, Story, Table
from gibbsfactor.datasets import tomato_plant
from gibbsfactor.drawing.charts import PALETTE
from gibbsfactor.drawing.figure import save_figure
from gibbsfactor.drawing.line_chart import Curve, line_chart, shades
from gibbsfactor.thermodynamics import (
    critical_temperature,
    ising,
    kaufman_heat_capacity,
    kaufman_log_partition,
    maximum_entropy,
    onsager_heat_capacity,
)

FloatArray = npt.NDArray[np.float64]

SIDES = (2, 4, 6, 8)
LARGEST = 5  # sites along each axis up to which every lattice is held against the formula
TEMPERATURES = np.linspace(1.5, 3.5, 41)
FACES = (1, 2, 3, 4, 5, 6)
MEAN = 4.5  # of the loaded die; a fair one's is 3.5
LOOKS = ((), ("stem",), ("leaves",), ("stem", "leaves"), ("soil", "stem", "leaves"))
TOLERANCE = 1e-9  # in bits, probability, or of a number itself; rounding leaves about 1e-12


def tell_physics(story: Story, folder: Path) -> None:
    """Section 8: temperature, entropy and bits, against closed formulas and enumeration."""
    story.section("Physics and information")
    _tell_magnet(story, folder)
    _tell_die(story)
    _tell_bits(story)


# ---- the magnet -----------------------------------------------------------------------


def _tell_magnet(story: Story, folder: Path) -> None:
    critical = critical_temperature()
    story.say(
        "Gibbs found this distribution for matter in a heat bath: a state of energy E(x) has "
        "P(x) = exp(-E(x) / T) / Z. Ising's magnet is a lattice of spins, -1 or +1, with less "
        "energy the more neighbours agree. The engine sums the spins out; Kaufman (1949) found a "
        "formula. The table has log Z at the critical temperature "
        f"{critical:.4f}, below which the infinite lattice is magnetic, and the peak of the heat "
        "capacity Var[E] / T^2:"
    )
    curves = {n: ising((n, n)).curve(TEMPERATURES) for n in SIDES}
    rows = []
    for n, curve in curves.items():
        log_z = ising((n, n), temperature=critical).log_partition()
        peak = int(curve.heat_capacity.argmax())
        rows.append(
            (
                f"{n} x {n}",
                f"{log_z:.10f}",
                f"{kaufman_log_partition(n, n, 1 / critical):.10f}",
                f"{curve.heat_capacity[peak] / n**2:.4f}",
                f"{TEMPERATURES[peak]:.2f}",
            )
        )
    head = ["lattice", "log Z", "by the formula", "heat capacity a spin, at most", "at T"]
    story.table(Table(head, rows))
    shapes = list(product(range(1, LARGEST + 1), repeat=2))
    off = max(
        abs(
            ising((m, n), temperature=critical).log_partition()
            / float(kaufman_log_partition(m, n, 1 / critical))
            - 1
        )
        for m, n in shapes
    )
    story.check(
        off < TOLERANCE,
        f"log Z of the {len(shapes)} lattices from 1 x 1 to {LARGEST} x {LARGEST} is the "
        f"formula's; largest relative difference {off:.1e}",
    )
    exact = {n: kaufman_heat_capacity(n, n, TEMPERATURES) for n in SIDES}
    off = max(_gap(curves[n].heat_capacity / exact[n], np.ones(len(TEMPERATURES))) for n in SIDES)
    story.check(
        off < TOLERANCE,
        "so is the heat capacity of the four in the table, at "
        f"{len(TEMPERATURES)} temperatures each; largest relative difference {off:.1e}",
    )
    path = folder / "ising-heat-capacity.svg"
    _draw_heat_capacities({n: curve.heat_capacity / n**2 for n, curve in curves.items()}, path)
    story.picture(
        Picture(
            path,
            "Heat capacity of Ising's magnet, per spin. Dots: lattices of n x n spins, summed out. "
            "Lines: Kaufman's formula. Orange: Onsager's, for the infinite lattice; it grows "
            "without bounds at the critical temperature.",
            "Peaks that grow and come nearer to the critical temperature with n: "
            + "; ".join(f"{row[0]}: {row[3]} at T = {row[4]}" for row in rows)
            + ".",
        )
    )


def _draw_heat_capacities(found: dict[int, FloatArray], path: Path) -> None:
    """Heat capacity per spin against temperature, a curve for each side of the lattice."""
    critical = critical_temperature()
    low, high = TEMPERATURES[0], TEMPERATURES[-1]
    fine = np.linspace(low, high, 201)
    near = np.geomspace(1e-7, 0.2, 60)  # the infinite lattice's peak is logarithmic
    every = np.unique(np.concatenate([fine, critical - near, critical + near]))
    curves = [
        Curve(
            f"{n} x {n}",
            colour,
            line=(fine, kaufman_heat_capacity(n, n, fine) / n**2),
            dots=(TEMPERATURES, capacity),
        )
        for (n, capacity), colour in zip(found.items(), shades(len(found)), strict=True)
    ]
    curves.append(Curve("infinite", PALETTE[0], line=(every, onsager_heat_capacity(every))))
    figure = line_chart(
        curves,
        x_label="temperature, in units of the coupling",
        y_label="heat capacity per spin",
        x_range=(low, high),
        y_range=(0.0, 2.2),
        marked={f"critical: {critical:.3f}": critical},
    )
    save_figure(figure, path)


# ---- the die --------------------------------------------------------------------------


def _tell_die(story: Story) -> None:
    found = maximum_entropy(list(FACES), [(list(FACES), MEAN)])
    loaded = found.distribution.marginal("x").values
    fair = np.full(len(FACES), 1 / len(FACES))
    bits = {
        name: float(information.entropy(p, unit="bits"))
        for name, p in (("fair", fair), ("loaded", loaded))
    }
    story.say(
        f"Why exp? Of a die all that is known is the mean of its throws, {MEAN}. Of all "
        "distributions with that mean, the one that claims the least beyond it has the most "
        "entropy (Jaynes):"
    )
    rows = [
        (name, *(f"{share:.5f}" for share in p), f"{bits[name]:.4f}")
        for name, p in (("fair", fair), ("loaded", loaded))
    ]
    story.table(Table(["die", *map(str, FACES), "bits"], rows))
    bends = _gap(np.diff(np.log(loaded), 2), np.zeros(len(FACES) - 2))
    off = abs(float(loaded @ FACES) - MEAN)
    lost = float(information.kl_divergence(loaded, fair, unit="bits"))
    difference = max(bends, off, abs(bits["fair"] - bits["loaded"] - lost))
    story.check(
        difference < TOLERANCE,
        f"it is a Gibbs distribution: log P rises by {found.multipliers[0]:.6f} from face to "
        f"face, the mean is {MEAN}, and the {lost:.4f} bits by which it falls short are its "
        f"divergence from the fair die; largest difference {difference:.1e}",
    )


# ---- bits -----------------------------------------------------------------------------


def _tell_bits(story: Story) -> None:
    """What looks at the tomato plant tell about its roots."""
    p = tomato_plant()
    joint = Joint(p)
    story.say(
        "Entropy in bits is how many yes-or-no questions are open. Each look at the tomato plant "
        "of section 3 closes a part of the question whether its roots rot:"
    )
    whole = information.entropy(p, "roots", unit="bits")
    rows, difference = [], 0.0
    for seen in LOOKS:
        told = information.mutual_information(p, "roots", seen, unit="bits") if seen else 0.0
        left = information.conditional_entropy(p, "roots", seen, unit="bits") if seen else whole
        by_hand = _bits(joint, ["roots", *seen]) - _bits(joint, seen)
        difference = max(difference, abs(left - by_hand), abs(told + left - whole))
        rows.append((", ".join(seen) or "nothing", f"{told:.4f}", f"{left:.4f}"))
    story.table(Table(["looked at", "bits it tells", "bits open"], rows))
    story.check(
        difference < TOLERANCE,
        f"told and open sum to the {whole:.4f} bits of P(roots) in every row, and the open ones "
        f"are those of the enumeration; largest difference {difference:.1e}",
    )


def _bits(joint: Joint, names: Sequence[str]) -> float:
    """Entropy of some variables by enumeration."""
    p = joint.table(joint.probabilities, names).ravel()
    p = p[p > 0]
    return -float(p @ np.log2(p))


def _gap(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).max())

"""The demo's Bayesian network: what ails a tomato plant, asked, checked, fitted and written."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gibbsfactor.cli.report import Picture, Story, Table
from gibbsfactor.datasets import tomato_plant
from gibbsfactor.drawing import draw
from gibbsfactor.io import read_bif, write_bif
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import State, Variable

FloatArray = npt.NDArray[np.float64]
Evidence = Mapping[str, State]

CAUSES = {"roots": "rotting", "blight": "yes", "aphids": "yes"}
YELLOW = {"leaves": "yellow"}
SICK = {"leaves": "yellow", "stem": "wilting"}
CASES: tuple[Evidence, ...] = (
    {},
    YELLOW,
    {**YELLOW, "aphids": "yes"},
    SICK,
    {**SICK, "soil": "dry"},
)
N_PLANTS = 1000  # drawn from the network
TOLERANCE = 1e-9  # in nats or probability; rounding leaves about 1e-15


def tell_network(story: Story, folder: Path) -> Path:
    """Section 3: a Bayesian network against all its joint states; the path of its file."""
    story.section("A Bayesian network, asked and checked")
    p = tomato_plant()
    joint = Joint(p)
    _tell_model(story, folder, p, joint)
    _tell_causes(story, p, joint)
    _tell_explanation(story, p, joint)
    _tell_rows(story, p, joint)
    return _tell_file(story, folder, p)


def _tell_model(story: Story, folder: Path, p: BayesianNetwork, joint: Joint) -> None:
    story.say(
        f"What ails the tomato plant: {len(p.variables)} variables, causes before effects, with "
        "made-up numbers. Each has a table of its probabilities given its parents, and P(x) is "
        "the product of the tables: a Gibbs distribution, with log Z = 0."
    )
    rows = [
        (v.name, ", ".join(map(str, v.states)), ", ".join(p.parents(v)) or "-") for v in p.variables
    ]
    story.table(Table(["variable", "states", "given"], rows))
    path = folder / "tomato-network.svg"
    draw(p, observed=SICK, path=path)
    story.picture(
        Picture(
            path,
            "The tomato plant's network, causes above effects. Shaded: what one sees of it.",
            "Arrows: " + ", ".join(f"{u} to {v}" for u, v in p.graph().edges) + ".",
        )
    )
    log_z = p.gibbs().log_partition()
    difference = max(abs(log_z), abs(joint.probabilities.sum() - 1))
    story.check(
        difference < TOLERANCE,
        f"log Z = 0 by the engine, and the {joint.probabilities.size:,} joint states sum to 1; "
        f"largest difference {difference:.1e}",
    )
    story.say(
        f"Enumeration multiplies {len(p.tables)} numbers for each joint state. What the engine "
        f"does instead once {_written(SICK)} are seen, by its plan:"
    )
    story.show(p.condition(SICK).plan().explain())


def _tell_causes(story: Story, p: BayesianNetwork, joint: Joint) -> None:
    """From symptoms to causes, all cases in one call."""
    found = p.marginals(evidence=CASES)
    shares = [found[name][:, joint[name].index(state)] for name, state in CAUSES.items()]
    rows = [
        (_written(case) or "nothing yet", *(f"{share[i]:.4f}" for share in shares))
        for i, case in enumerate(CASES)
    ]
    story.table(
        Table(
            ["what is known", *(f"P({_written({n: s})})" for n, s in CAUSES.items())],
            rows,
            "From what one sees back to what caused it",
        )
    )
    one_by_one, enumerated = 0.0, 0.0
    for i, case in enumerate(CASES):
        alone = p.condition(case).marginals()
        for name, by_hand in joint.marginals(case).items():
            enumerated = max(enumerated, _gap(found[name][i], by_hand))
            if name in alone:
                one_by_one = max(one_by_one, _gap(found[name][i], alone[name].values))
    story.check(
        max(one_by_one, enumerated) < TOLERANCE,
        f"one call for the {len(CASES)} cases gives what they give one by one (largest difference "
        f"{one_by_one:.1e}) and what enumeration gives ({enumerated:.1e})",
    )
    yellow = p.condition(YELLOW)
    apart, together = (q.mutual_information("roots", "aphids") for q in (p, yellow))
    story.say(
        "Yellow leaves may come from rotting roots or from aphids. Once aphids are found, they are "
        "explanation enough, and rot becomes less likely: it is explained away. Before anyone "
        "looks at the leaves, the two tell nothing of each other."
    )
    separated = [p.d_separated("roots", "aphids", given=seen) for seen in ([], ["leaves"])]
    story.check(
        separated == [True, False] and abs(apart) < TOLERANCE < together,
        "d-separation says so: roots and aphids are independent until the leaves are seen. Their "
        f"mutual information is {abs(apart):.4f} nats, then {together:.4f}",
    )


def _tell_explanation(story: Story, p: BayesianNetwork, joint: Joint) -> None:
    """The most probable explanation, of everything and of the causes alone."""
    sick = p.condition(SICK)
    best = sick.map_assignment()
    chance = sick.probability(best)
    weights = joint.agreeing(SICK)
    by_hand = joint.state(int(weights.argmax()))
    difference = abs(chance - weights.max() / weights.sum())
    story.check(
        {**best, **SICK} == by_hand and difference < TOLERANCE,
        f"given {_written(SICK)}, the most probable explanation is "
        f"{_written(best)} (probability {chance:.4f}), by max-product and by enumeration; "
        f"largest difference {difference:.1e}",
    )
    causes = sick.marginal_map(list(CAUSES))
    table = joint.table(weights, CAUSES)
    codes = tuple(joint[name].index(state) for name, state in causes.items())
    story.check(
        codes == np.unravel_index(int(table.argmax()), table.shape),
        "of the causes alone, all else summed out, the most probable are "
        f"{_written(causes)} (probability {table[codes] / weights.sum():.4f})",
    )


def _tell_rows(story: Story, p: BayesianNetwork, joint: Joint) -> None:
    """Many plants with holes in one call, and a network fitted to them."""
    rng = np.random.default_rng(0)
    plants = p.sample(N_PLANTS, rng)
    rows = {name: column.astype(object) for name, column in plants.items()}
    for column in rows.values():
        column[rng.random(N_PLANTS) < 0.5] = None
    log_p = p.log_partition(evidence=rows)
    by_hand = [
        math.log(joint.agreeing({n: c[i] for n, c in rows.items() if c[i] is not None}).sum())
        for i in range(N_PLANTS)
    ]
    difference = _gap(log_p, np.array(by_hand))
    story.check(
        difference < TOLERANCE,
        f"of {N_PLANTS:,} plants drawn from the network half of all entries are lost; log P of "
        "what is left of each, all in one call, agrees with the enumeration; largest difference "
        f"{difference:.1e} nats",
    )
    fitted = BayesianNetwork.fit(p.graph(), plants, states=p.variables, pseudo_count=0.5)
    divergence = p.kl_divergence(fitted)
    logs = np.log(joint.probabilities) - np.log(Joint(fitted).probabilities)
    difference = abs(divergence - float(joint.probabilities @ logs))
    story.check(
        difference < TOLERANCE,
        f"a network fitted to the plants as they were drawn is {divergence:.4f} nats off the true "
        f"one (KL divergence; the true entropy is {p.entropy():.4f}), by the engine and by "
        f"enumeration; largest difference {difference:.1e}",
    )


def _tell_file(story: Story, folder: Path, p: BayesianNetwork) -> Path:
    path = folder / "tomato.bif"
    write_bif(path, p)
    again = read_bif(path)
    same = again.variables == p.variables and all(
        np.array_equal(again.tables[name].values, table.values) for name, table in p.tables.items()
    )
    story.check(same, f"written to {path.name} and read back, every table has the same bits")
    return path


class Joint:
    """All joint states of a network and their probabilities, from its tables alone."""

    def __init__(self, p: BayesianNetwork) -> None:
        self.variables = p.variables
        self.shape = tuple(v.cardinality for v in p.variables)
        self.place = {name: i for i, name in enumerate(p.names)}
        self.codes = np.indices(self.shape).reshape(len(self.shape), -1)
        self.probabilities: FloatArray = math.prod(
            (
                table.values[tuple(self.codes[self.place[name]] for name in table.names)]
                for table in p.tables.values()
            ),
            start=np.ones(self.codes.shape[1]),
        )

    def __getitem__(self, name: str) -> Variable:
        return self.variables[self.place[name]]

    def state(self, number: int) -> dict[str, State]:
        """One joint state by the names of its states."""
        codes = self.codes[:, number]
        return {v.name: v.states[i] for v, i in zip(self.variables, codes, strict=True)}

    def agreeing(self, evidence: Mapping[str, State]) -> FloatArray:
        """Probabilities of the joint states that agree with the evidence, zero for the others."""
        agrees = np.ones(self.probabilities.size, bool)
        for name, state in evidence.items():
            agrees &= self.codes[self.place[name]] == self[name].index(state)
        return np.where(agrees, self.probabilities, 0.0)

    def table(self, weights: FloatArray, names: Collection[str]) -> FloatArray:
        """Weights summed over all variables but these, whose order is the network's."""
        others = tuple(i for name, i in self.place.items() if name not in names)
        summed: FloatArray = weights.reshape(self.shape).sum(axis=others)
        return summed

    def marginals(self, evidence: Evidence) -> dict[str, FloatArray]:
        """P(x_v | evidence) of every variable."""
        weights = self.agreeing(evidence)
        return {name: self.table(weights, [name]) / weights.sum() for name in self.place}


def _written(states: Mapping[str, State]) -> str:
    return ", ".join(f"{name} = {state}" for name, state in states.items())


def _gap(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).max())

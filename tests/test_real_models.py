"""The exact engine against published references on real models, read by the package's readers.

UAI-2014 competition models, whose log10 Z, best scores and single marginals are known, and Bayesian
networks of the bnlearn repository, which must agree with themselves. Where published values are
wrong or missing, plain elimination by `uai` (numpy alone, with a reader of its own) stands in.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from bif import read_network
from uai import UAIModel, read_evidence, read_model

from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io import read_bif, read_uai, read_uai_evidence, read_uai_results
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import State

MEMORY = 2 * 2**30  # bytes a model may take; what would take more runs in slices


def assert_normalised(marginals: dict[str, Factor], names: Sequence[str]) -> None:
    assert list(marginals) == list(names)
    for factor in marginals.values():
        assert np.isfinite(factor.values).all()
        assert factor.values.min() >= 0
        assert factor.values.sum() == pytest.approx(1, rel=0, abs=1e-12)


def assert_samples_below(p: GibbsDistribution, best: dict[str, State], n: int) -> None:
    columns = {name: column.tolist() for name, column in p.sample(n, rng=0).items()}
    drawn = [{name: column[i] for name, column in columns.items()} for i in range(n)]
    scores = [p.log_probability(x) for x in drawn]
    assert min(scores) > -math.inf
    assert max(scores) <= 1e-9
    top = p.log_probability(best)
    assert top >= max(scores) - 1e-12 * max(1.0, abs(p.log_unnormalized(best)))


# ---- UAI ------------------------------------------------------------------------------------

UAI = (  # all but linkage_18, which is too wide for a test
    *("Alchemy_11", "CSP_11", "CSP_12", "DBN_11", "DBN_12", "Grids_11", "Grids_12", "Grids_15"),
    *("ObjectDetection_11", "ObjectDetection_12", "ObjectDetection_32"),
    *("Pedigree_11", "Pedigree_12", "Promedus_11", "Promedus_13", "Promedus_14", "Promedus_15"),
    *("Promedus_16", "Promedus_24", "Promedus_26", "Promedus_28"),
    *("Segmentation_11", "Segmentation_13", "Segmentation_15", "linkage_24"),
    *("relational_3", "relational_5"),
)
NARROW = ("CSP_12", "Promedus_13", "relational_3", "relational_5")
SLICED = ("DBN_11", "Grids_11", "Grids_12", "Promedus_24", "Segmentation_13")


@dataclass(frozen=True, eq=False)
class Case:
    """A competition model with the evidence applied, and what is known about it."""

    p: GibbsDistribution
    row: dict[str, str]  # of the index

    def states(self, unobserved: dict[str, State]) -> np.ndarray:
        """A full assignment as an array, in the order of the file."""
        full = {**self.p.evidence, **unobserved}
        return np.array([full[f"x{v}"] for v in range(len(full))])


@lru_cache(maxsize=len(UAI))
def uai_case(data: Path, name: str) -> Case:
    folder = data / "uai"
    read = read_uai(folder / f"{name}.uai.gz")
    whole = GibbsDistribution(read.factors, read.variables, memory=MEMORY)
    evidence = read_uai_evidence(folder / f"{name}.uai.evid.gz", whole)
    with open(folder / "index.tsv", encoding="utf-8", newline="") as lines:
        rows = {row["name"]: row for row in csv.DictReader(lines, delimiter="\t")}
    return Case(whole.condition(evidence), rows[name])


@lru_cache(maxsize=len(NARROW))
def plain_case(data: Path, name: str) -> tuple[UAIModel, dict[int, int]]:
    """The same model and evidence without the package."""
    folder = data / "uai"
    (evidence,) = read_evidence(folder / f"{name}.uai.evid.gz")
    return read_model(folder / f"{name}.uai.gz"), evidence


def last_digit(printed: str) -> float:
    """Half a unit in the sixth digit, the most that printing six digits can take away."""
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(float(printed)))) - 5)


@pytest.mark.parametrize("name", UAI)
def test_log_partition_is_the_published_one(name: str, shared_data: Path) -> None:
    case = uai_case(shared_data, name)
    log10_z = case.p.log_partition() / math.log(10)
    want = case.row["log10Z"]
    if case.row["log10Z_source"] == "exact":
        assert log10_z == pytest.approx(float(want), rel=1e-9)
    else:
        assert log10_z == pytest.approx(float(want), rel=0, abs=1.001 * last_digit(want))


@pytest.mark.parametrize("name", NARROW)
def test_narrow_models_by_plain_elimination(name: str, shared_data: Path) -> None:
    case, (model, evidence) = uai_case(shared_data, name), plain_case(shared_data, name)
    log_z = model.eliminated(evidence)
    assert case.p.log_partition() == pytest.approx(log_z, rel=1e-12)
    best = case.p.map_assignment()
    score = model.log_weight(case.states(best))
    assert case.p.log_unnormalized(best) == pytest.approx(score, rel=1e-12)
    assert score == pytest.approx(model.eliminated(evidence, np.maximum), rel=1e-12)


@pytest.mark.parametrize("name", NARROW)
def test_marginals_by_plain_elimination(name: str, shared_data: Path) -> None:
    case, (model, evidence) = uai_case(shared_data, name), plain_case(shared_data, name)
    log_z = model.eliminated(evidence)
    marginals = case.p.marginals()
    free = [v for v in range(len(model.cardinalities)) if v not in evidence]
    for v in free[:: len(free) // 4]:
        mass = model.eliminated({**evidence, v: 0}) - log_z
        # a difference of two numbers of the size of log Z, each rounded
        tolerance = 1e-12 * max(1.0, abs(log_z))
        assert marginals[f"x{v}"].log({f"x{v}": 0}) == pytest.approx(mass, rel=0, abs=tolerance)


@pytest.mark.parametrize("name", UAI)
def test_marginals_are_the_published_ones(name: str, shared_data: Path) -> None:
    case = uai_case(shared_data, name)
    marginals = case.p.marginals()
    assert_normalised(marginals, case.p.names)
    if case.row["MAR_reference"] != "yes":  # published ones of the relational models are wrong
        return
    published = read_uai_results(shared_data / "uai" / f"{name}.uai.MAR.gz", case.p).marginals
    assert published is not None
    for v, want in published.items():
        if v in case.p.evidence:
            assert want[{v: case.p.evidence[v]}] == 1
        else:  # printed with six digits
            np.testing.assert_allclose(marginals[v].values, want.values, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", UAI)
def test_best_assignment_has_the_published_score(name: str, shared_data: Path) -> None:
    case = uai_case(shared_data, name)
    score = case.p.log_unnormalized(case.p.map_assignment())
    assert -math.inf < score <= case.p.log_partition()
    if case.row["log10MAP"] != "-":
        assert score / math.log(10) == pytest.approx(float(case.row["log10MAP"]), rel=1e-9)


@pytest.mark.parametrize("name", UAI)
def test_competition_samples_are_possible_and_no_better_than_the_best(
    name: str, shared_data: Path
) -> None:
    p = uai_case(shared_data, name).p
    assert_samples_below(p, p.map_assignment(), n=5)


@pytest.mark.parametrize("name", SLICED)
def test_a_quarter_of_the_memory_gives_the_same_answers(name: str, shared_data: Path) -> None:
    p = uai_case(shared_data, name).p
    plan = p.plan()
    for quarter, answer in (
        (plan.peak_bytes // 4, GibbsDistribution.log_partition),
        (plan.map_bytes // 4, lambda q: q.log_unnormalized(q.map_assignment())),
    ):
        tight = GibbsDistribution(p.reduced_factors, p.variables, memory=quarter)
        assert answer(tight) == pytest.approx(answer(p), rel=1e-12)


# ---- Bayesian networks ----------------------------------------------------------------------

BIF = (
    *("alarm", "asia", "barley", "cancer", "diabetes", "earthquake", "hailfinder", "hepar2"),
    *("insurance", "link", "munin", "munin1", "pathfinder", "pigs", "sachs", "survey", "water"),
    "win95pts",
)
CHAIN = 8  # evidence nodes taken one by one at the end of the chain rule


@lru_cache(maxsize=len(BIF))
def bif_case(data: Path, name: str) -> BayesianNetwork:
    network = read_bif(data / "bif" / f"{name}.bif.gz")
    return BayesianNetwork(network.tables.values(), memory=MEMORY)


def forward_evidence(network: BayesianNetwork, seed: int = 0) -> dict[str, State]:
    """A tenth of the variables, at random, in the states of one forward sample."""
    rng = np.random.default_rng(seed)
    drawn = network.sample(1, rng)
    names = network.names
    chosen = rng.choice(len(names), size=math.ceil(len(names) / 10), replace=False)
    return {names[i]: drawn[names[i]][0] for i in chosen}


@pytest.mark.parametrize("name", BIF)
def test_network_sums_to_one(name: str, shared_data: Path) -> None:
    network = bif_case(shared_data, name)
    leaf = next(v for v in reversed(network.topological_order()) if not network.children(v))
    shares = [network.probability_of({leaf: s}) for s in network.tables[leaf].child.states]
    assert math.fsum(shares) == pytest.approx(1, rel=0, abs=1e-9)
    assert network.gibbs().log_partition() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", BIF)
def test_network_marginals(name: str, shared_data: Path) -> None:
    network = bif_case(shared_data, name)
    marginals = network.marginals()
    assert_normalised(marginals, network.names)
    for v, table in network.tables.items():
        if not table.parents:  # nothing below a root changes it
            np.testing.assert_allclose(marginals[v].values, table.values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", BIF)
def test_probability_of_evidence_is_the_product_of_its_conditionals(
    name: str, shared_data: Path
) -> None:
    network = bif_case(shared_data, name)
    evidence = forward_evidence(network)
    order = list(evidence)
    first = order[:-CHAIN]
    chain = network.log_probability_of({v: evidence[v] for v in first})
    for i, v in enumerate(order[len(first) :], len(first)):
        given = network.condition({u: evidence[u] for u in order[:i]})
        conditional = given.marginal(v)
        chain += conditional.log({v: evidence[v]})
    # the last conditional once more, from the sweep down
    np.testing.assert_allclose(given.marginals()[v].values, conditional.values, rtol=0, atol=1e-12)
    q = network.condition(evidence)
    assert q.log_partition() == pytest.approx(chain, rel=0, abs=1e-9)
    assert_normalised(q.marginals(), [v for v in network.names if v not in evidence])


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("name", BIF)
def test_network_samples_are_possible_and_no_better_than_the_best(
    name: str, observed: bool, shared_data: Path
) -> None:
    network = bif_case(shared_data, name)
    p = network.condition(forward_evidence(network)) if observed else network.gibbs()
    best = p.map_assignment()
    assert_samples_below(p, best, n=50)
    full = {**p.evidence, **best}
    rows = [t[{n: full[n] for n in t.names}] for t in network.tables.values()]
    assert p.log_unnormalized(best) == pytest.approx(sum(map(math.log, rows)), rel=1e-12)


# ---- the readers of the tests themselves ----------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_model_files(packed: bool, tmp_path: Path) -> None:
    text = "MARKOV 2\n2 3\n2\n2 1 0\n1 0\n\n6\n1 2e0 .3E+1\n4 -0 6e-310\n2 \t1 0.5\n"
    path = tmp_path / ("m.uai.gz" if packed else "m.uai")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    model = read_model(path)
    assert model.cardinalities == (2, 3)
    assert model.scopes == ((1, 0), (0,))
    assert model.tables[0].tolist() == [[1, 2], [3, 4], [0, 6e-310]]  # the last variable is fastest
    assert model.log_weight(np.array([1, 0])) == pytest.approx(math.log(2) + math.log(0.5))


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("2 7 1 3 0", [{7: 1, 3: 0}]),
        ("2\n7 1\n3 0\n", [{7: 1, 3: 0}]),
        ("1\n2 7 1 3 0\n", [{7: 1, 3: 0}]),
        ("2\n1 7 1\n2 3 0 7 0\n", [{7: 1}, {3: 0, 7: 0}]),
        ("0", [{}]),
        ("1\n0\n", [{}]),
        ("", [{}]),
    ],
)
def test_evidence_files(text: str, samples: list[dict[int, int]], tmp_path: Path) -> None:
    path = tmp_path / "e.evid"
    path.write_text(text, encoding="utf-8")
    assert read_evidence(path) == samples


def test_truncated_files(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text("MARKOV 1 2 1 1 0 2 0.5", encoding="utf-8")
    with pytest.raises(ValueError, match=r"m ends after 8 words; 2 were expected from word 7 on"):
        read_model(path)
    path.write_text("MARKOV 1 2 1 1 0 2 0.5 0.5 1", encoding="utf-8")
    with pytest.raises(ValueError, match=r"m has 10 words; 9 were read"):
        read_model(path)
    path.write_text("MARKOV 1 2 1 1 0 3 0.5 0.5 1", encoding="utf-8")
    with pytest.raises(ValueError, match=r"gives table 0 3 entries; its scope has \[2\]"):
        read_model(path)


def test_network_files(tmp_path: Path) -> None:
    path = tmp_path / "n.bif"
    path.write_text(
        """network unknown { // a comment
        }
        variable age { type discrete [ 3 ] { <5, 5-12_y, 12+ }; }
        variable "dose" { type discrete [ 2 ] { 1, 2.5 }; }
        probability ( "dose" | age ) {
          (12+) 1, 0; /* rows come
          in any order */ (<5) 2.5e-1, 0.75;
          (5-12_y) 0.5, 0.5;
        }
        probability ( age ) { table 0.2, 0.3, 0.5; }""",
        encoding="utf-8",
    )
    network = read_network(path)
    assert network.states == {"age": ("<5", "5-12_y", "12+"), '"dose"': ("1", "2.5")}
    assert network.parents == {'"dose"': ("age",), "age": ()}
    assert network.tables['"dose"'].tolist() == [[0.25, 0.75], [0.5, 0.5], [1, 0]]
    assert network.topological() == ["age", '"dose"']

"""`gibbsfactor query`, run in-process: what it answers, and one line for every mistake."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import re
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from gibbsfactor.cli import main
from gibbsfactor.cli.query import memory_size
from gibbsfactor.cli.query_evidence import parse_given, read_evidence
from gibbsfactor.cli.waiting import waiting
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io import read_model, read_uai_evidence, read_uai_results, write_uai
from gibbsfactor.variable import Variable

GARDEN = """
network garden { }
variable rain { type discrete [ 2 ] { no, yes }; }
variable sprinkler { type discrete [ 2 ] { off, on }; }
variable grass { type discrete [ 3 ] { dry, damp, wet }; }
probability ( rain ) { table 0.7, 0.3; }
probability ( sprinkler | rain ) { (no) 0.5, 0.5; (yes) 0.99, 0.01; }
probability ( grass | rain, sprinkler ) {
  (no, off) 1.0, 0.0, 0.0; (no, on) 0.1, 0.5, 0.4;
  (yes, off) 0.0, 0.6, 0.4; (yes, on) 0.0, 0.00001, 0.99999;
}
"""
PAIRS = "MARKOV\n4\n2 3 2 2\n3\n2 0 1\n2 1 2\n2 2 3\n6 1 2 3 4 5 6\n6 2 1 1 3 1 1\n4 5 1 1 5\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two models and evidence, which is the working folder too."""
    monkeypatch.chdir(tmp_path)
    Path("garden.bif").write_text(GARDEN)
    Path("pairs.uai").write_text(PAIRS)
    Path("pairs.evid").write_text("1 1 2\n")
    return tmp_path


@pytest.fixture
def ask(folder, capsys):
    """Runs a query that must succeed in silence, and returns what it prints."""

    def run(*arguments):
        assert main(["query", *arguments]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


@pytest.fixture
def ask_json(ask):
    """As `ask`, with the JSON object that is printed."""

    def strict(constant):
        raise ValueError(f"{constant} is not JSON")

    return lambda *arguments: json.loads(ask(*arguments, "--format", "json"), parse_constant=strict)


def cells(text):
    return [line.split() for line in text.splitlines()]


def by_text(marginals):
    """Marginals as JSON has them."""
    return {
        name: {str(s): t[{name: s}] for s in t.scope[0].states} for name, t in marginals.items()
    }


# ---- tasks ----------------------------------------------------------------------------


def test_a_table_of_all_marginals_is_what_one_gets_unasked(ask):
    out = ask("garden.bif")
    p = read_model("garden.bif")
    assert out.splitlines()[0].split() == ["variable", "state", "probability"]
    assert cells(out)[1:] == [
        [name, state, f"{p.marginal(name)[{name: state}]:.6f}"]
        for name in ("rain", "sprinkler", "grass")
        for state in p.marginal(name).scope[0].states
    ]
    assert len({len(line) for line in out.splitlines()}) == 1  # columns end together


def test_tiny_probabilities_are_told_from_zero(ask):
    out = ask("garden.bif", "--given", "rain=yes", "sprinkler=on")
    assert cells(out)[1:] == [
        ["grass", "dry", "0.000000"],
        ["grass", "damp", "1.00e-05"],
        ["grass", "wet", "0.999990"],
    ]


def test_json_is_one_object(ask_json):
    found = ask_json("garden.bif", "--given", "grass=wet")
    p = read_model("garden.bif").condition({"grass": "wet"})
    assert list(found) == [
        *("task", "log_partition", "marginals", "evidence", "plan", "seconds"),
    ]
    assert found["task"] == "marginals"
    assert found["log_partition"] == pytest.approx(p.log_partition(), rel=1e-14)
    assert found["marginals"] == by_text(p.marginals())
    assert found["evidence"] == {"grass": "wet"}
    plan = p.plan()
    assert found["plan"] == {
        "width": plan.width,
        "flops": plan.flops,
        "peak_bytes": plan.marginals_bytes,
        "slices": 1,
    }
    assert list(found["seconds"]) == ["read", "plan", "marginals", "log_partition", "total"]
    assert 0 < sum(found["seconds"].values()) <= 2.001 * found["seconds"]["total"]


def test_uai_variables_are_numbered(ask_json):
    found = ask_json("pairs.uai", "--given", "x1=2", "--task", "map")
    p = read_model("pairs.uai").condition({"x1": 2})
    best = max(
        (dict(zip(("x0", "x2", "x3"), x, strict=True)) for x in product(range(2), repeat=3)),
        key=p.log_unnormalized,
    )
    assert found["map"] == best == p.map_assignment()
    assert found["log_score"] == p.log_unnormalized(best)
    assert found["evidence"] == {"x1": 2}
    assert list(ask_json("pairs.uai")["marginals"]["x1"]) == ["0", "1", "2"]


def test_log_partition(ask, ask_json):
    by_hand = 0.7 * 0.5 * 0.4 + 0.3 * (0.99 * 0.4 + 0.01 * 0.99999)
    asked = ("garden.bif", "--given", "grass=wet", "--task", "logz")
    assert ask_json(*asked)["log_partition"] == pytest.approx(math.log(by_hand), rel=1e-14)
    rows = cells(ask(*asked))
    assert [row[:-1] if row[-1] == "nats" else row for row in rows] == [
        ["log", "Z", f"{math.log(by_hand):.15g}"],
        ["log10", "Z", f"{math.log10(by_hand):.15g}"],
        ["Z", rows[2][1]],
    ]
    assert float(rows[2][1]) == pytest.approx(by_hand, rel=1e-12)


def test_what_is_impossible_is_an_answer_only_to_logz(ask, ask_json):
    asked = ("garden.bif", "--given", "grass=dry", "rain=yes", "--task", "logz")
    found = ask_json(*asked)
    assert found["log_partition"] is None
    assert found["zero_probability"].startswith("every assignment has weight zero")
    out = ask(*asked)
    assert cells(out)[0][2] == "-inf"
    assert "every assignment has weight zero" in out
    assert ask(*asked, "--format", "uai") == "PR\n-inf\n"
    assert "zero_probability" not in ask_json("garden.bif", "--task", "logz")


def test_numbers_too_large_for_a_float_stay_logs(ask, ask_json):
    Path("huge.uai").write_text("MARKOV\n3\n2 2 2\n3\n1 0\n1 1\n1 2\n" + "2 1e200 1e200\n" * 3)
    assert [row[0] for row in cells(ask("huge.uai", "--task", "logz"))] == ["log", "log10"]
    log_z = ask_json("huge.uai", "--task", "logz")["log_partition"]
    assert log_z == pytest.approx(600 * math.log(10) + 3 * math.log(2), rel=1e-14)


def test_map_table_ends_with_its_probability(ask):
    *rows, blank, score, probability = ask("garden.bif", "--task", "map").splitlines()
    p = read_model("garden.bif")
    assert [row.split() for row in rows[1:]] == list(map(list, p.map_assignment().items()))
    assert blank == ""
    assert float(score.split()[2]) == pytest.approx(math.log(0.35), rel=1e-14)
    assert probability.split() == ["probability", "0.350000"]


def test_marginal_map(ask, ask_json):
    asked = ("garden.bif", "--task", "marginal-map", "--variables", "grass,rain")
    p = read_model("garden.bif")
    joint = p.marginal("grass", "rain")
    best = max(
        product(*(v.states for v in joint.scope)),
        key=lambda x: joint[dict(zip(joint.names, x, strict=True))],
    )
    found = ask_json(*asked)
    assert found["marginal_map"] == dict(zip(joint.names, best, strict=True))
    assert found["log_probability"] == pytest.approx(math.log(joint.values.max()), rel=1e-13)
    out = ask(*asked).splitlines()
    assert [line.split() for line in out[1:3]] == [["grass", best[0]], ["rain", best[1]]]
    assert out[-1].split() == ["probability", f"{joint.values.max():.6f}"]


def test_one_of_several_states(ask, ask_json):
    p = read_model("garden.bif")
    some = p.condition({"grass": {"damp", "wet"}, "rain": "no"})
    want = {name: table.values.tolist() for name, table in some.marginals().items()}
    Path("some.json").write_text('{"grass": ["damp", "wet"], "rain": "no"}')
    for given in (
        ("--given", "grass=damp,wet", "rain=no"),
        ("--given", "grass!=dry", "rain!=yes"),
        ("--given", "grass!=dry", "--given", "grass=wet,damp", "rain=no"),
        ("--evidence", "some.json"),
    ):
        found = ask_json("garden.bif", *given)
        got = {name: list(table.values()) for name, table in found["marginals"].items()}
        assert got == want
        assert found["log_partition"] == pytest.approx(some.log_partition(), rel=1e-14)
        assert found["evidence"] == {"grass": ["damp", "wet"], "rain": "no"}
    only = ask_json("garden.bif", "--given", "grass!=dry,damp", "--task", "map")
    assert only["evidence"] == {"grass": "wet"}
    assert "grass" not in only["map"]


def test_rows_that_leave_several_states(ask, ask_json):
    p = read_model("garden.bif")
    rows = [{"grass": {"damp", "wet"}}, {"grass": "wet", "rain": "no"}]
    Path("rows.json").write_text('[{"grass": ["damp", "wet"]}, {"grass": "wet", "rain": "no"}]')
    found = ask_json("garden.bif", "--evidence", "rows.json", "--variables", "grass")
    want = p.marginals(evidence=rows)["grass"].T.tolist()
    assert list(found["marginals"]["grass"].values()) == want
    assert found["evidence"] == {"grass": [["damp", "wet"], "wet"], "rain": [None, "no"]}
    best = ask_json("garden.bif", "--evidence", "rows.json", "--task", "map")
    assert best["map"]["grass"] == p.map_assignment(evidence=rows)["grass"].tolist()
    assert "grass" in ask("garden.bif", "--evidence", "rows.json", "--task", "map").split("\n")[0]


def test_states_with_commas():
    v = Variable("v", ["a", "b", "a,b", "c, d", "1"])
    variables = {"v": v, "n!": Variable("n!", 2), "n": Variable("n", 3)}
    assert parse_given(["v=a,b"], variables) == {"v": "a,b"}
    assert parse_given(["v=b,a"], variables) == {"v": frozenset({"a", "b"})}
    assert parse_given(["v=c, d,1"], variables) == {"v": frozenset({"c, d", "1"})}
    assert parse_given(["v=c, d, a"], variables) == {"v": frozenset({"c, d", "a"})}
    assert parse_given(["v!=c, d", "v!=a"], variables) == {"v": frozenset({"b", "a,b", "1"})}
    assert parse_given(["n!=1"], variables) == {"n!": 1}
    assert parse_given(["n=0,1.0"], variables) == {"n": frozenset({0, 1})}
    assert parse_given(["n=0,1,2"], variables) == {}
    for given, message in (
        ("v=1,a,b", "may be read as the states '1', 'a,b' or '1', 'a', 'b' of 'v'"),
        ("v=a,x", "--given v=a,x: 'v' has no state 'x'; its states are 'a', 'b'"),
        ("v=x,y", "'v' has no state 'x,y'"),
        ("n!=0,1,2", "--given n!=0,1,2 leaves no state of 'n'; there were 0, 1, 2"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            parse_given([given], {"v": v, "n": variables["n"]})


def test_marginal_map_of_seventy_variables(ask_json):
    v = [Variable(f"x{i}", 2) for i in range(70)]
    write_uai("apart.uai", GibbsDistribution([Factor(x, [1, 3]) for x in v]))
    names = ",".join(x.name for x in v)
    found = ask_json("apart.uai", "--task", "marginal-map", "--variables", names)
    assert set(found["marginal_map"].values()) == {1}
    assert found["log_probability"] == pytest.approx(70 * math.log(0.75), rel=1e-12)
    assert found["plan"]["width"] == 0


def test_k_best(ask, ask_json):
    p = read_model("pairs.uai")
    expected = p.k_best(5)
    found = ask_json("pairs.uai", "--task", "k-best", "-k", "5")["k_best"]
    assert [one["assignment"] for one in found] == [x for x, _ in expected]
    assert [one["log_probability"] for one in found] == [log_p for _, log_p in expected]
    assert [one["log_score"] for one in found] == [p.log_unnormalized(x) for x, _ in expected]
    scores, states = ask("pairs.uai", "--task", "k-best", "--k", "5").split("\n\n")
    assert [row[0] for row in cells(scores)[1:]] == ["1", "2", "3", "4", "5"]
    assert float(cells(scores)[1][2]) == pytest.approx(expected[0].probability, abs=1e-6)
    columns = list(zip(*cells(states), strict=True))
    assert columns[0] == ("variable", *p.names)
    assert [column[1:] for column in columns[1:]] == [
        tuple(str(x[name]) for name in p.names) for x, _ in expected
    ]
    assert len(ask_json("pairs.uai", "--task", "k-best")["k_best"]) == 10


def test_many_best_assignments_are_set_in_blocks_that_fit_a_line(ask):
    out = ask("pairs.uai", "--task", "k-best", "-k", "24")
    assert max(map(len, out.splitlines())) <= 80
    _, *blocks = out.split("\n\n")
    ranks = [rank for block in blocks for rank in cells(block)[0][1:]]
    assert len(blocks) > 1
    assert ranks == [str(rank) for rank in range(1, 25)]


def test_samples(ask, ask_json):
    asked = ("garden.bif", "--given", "rain=yes", "--task", "sample", "--n", "50", "--seed", "3")
    drawn = read_model("garden.bif").condition({"rain": "yes"}).sample(50, 3)
    columns = {name: states.tolist() for name, states in drawn.items()}
    assert ask_json(*asked)["samples"] == columns
    head, *rows = cells(ask(*asked))
    assert head == list(columns)
    assert rows == [list(row) for row in zip(*columns.values(), strict=True)]
    assert ask_json(*asked, "--variables", "grass")["samples"] == {"grass": columns["grass"]}
    one = ask_json("pairs.uai", "--task", "sample")["samples"]
    assert {name: len(states) for name, states in one.items()} == dict.fromkeys(one, 1)
    assert set(map(type, one["x0"])) == {int}


def test_explain_runs_nothing(ask, ask_json, monkeypatch):
    for question in ("log_partition", "marginals", "marginal", "map_assignment"):
        monkeypatch.setattr(GibbsDistribution, question, None)
    plan = read_model("garden.bif").condition({"grass": "wet"}).plan()
    asked = ("garden.bif", "--given", "grass=wet", "--task", "explain")
    out = ask(*asked)
    assert " ".join(out.split()) == " ".join(plan.explain().split())
    found = ask_json(*asked)
    assert found["explain"] == plan.explain()
    assert found["plan"]["width"] == plan.width
    assert list(found["seconds"]) == ["read", "plan", "total"]
    assert "log_partition" not in found


def complete(n):
    """A UAI model of n variables, each of them in a factor with each other."""
    pairs = [(i, j) for i in range(n) for j in range(i)]
    scopes = "\n".join(f"2 {i} {j}" for i, j in pairs)
    tables = "\n".join("4 1 2 2 1" for _ in pairs)
    return f"MARKOV\n{n}\n{'2 ' * n}\n{len(pairs)}\n{scopes}\n{tables}\n"


def test_hopeless_models_are_explained_and_refused(ask, ask_json, capsys):
    Path("hopeless.uai").write_text(complete(80))
    out = ask("hopeless.uai", "--task", "explain")
    assert "no machine holds that" in out
    assert max(map(len, out.splitlines())) <= 80
    found = ask_json("hopeless.uai", "--task", "explain")
    assert 48 < found["plan"]["width"] < 80  # of 80 variables that all meet; 2^48 is too many
    assert found["plan"]["at_least"] is True
    for task in ("marginals", "logz", "map", "sample", "k-best"):
        assert main(["query", "hopeless.uai", "--task", task]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert re.fullmatch("gibbsfactor: error: exact inference would take .* width .*\n", err)


# ---- variables ------------------------------------------------------------------------


def test_marginals_of_some_variables(ask, ask_json):
    p = read_model("pairs.uai")
    for names in (["x3"], ["x2", "x0"], ["x3", "x2", "x1", "x0"]):
        found = ask_json("pairs.uai", "--variables", ",".join(names))["marginals"]
        assert list(found) == names
        for name in names:
            assert list(found[name].values()) == pytest.approx(p.marginal(name).values, rel=1e-12)
    separately = ask("pairs.uai", "--variables", "x2", "--variables", "x0")
    assert separately == ask("pairs.uai", "--variables", "x2,x0")


def test_joint_marginal(ask, ask_json):
    asked = ("garden.bif", "--variables", "grass,rain", "--joint")
    joint = read_model("garden.bif").marginal("grass", "rain")
    found = ask_json(*asked)["joint"]
    assert (found["variables"], found["states"]) == (
        ["grass", "rain"],
        [["dry", "damp", "wet"], ["no", "yes"]],
    )
    np.testing.assert_array_equal(found["probabilities"], joint.values)
    head, *rows = cells(ask(*asked))
    assert head == ["grass", "rain", "probability"]
    assert len(rows) == 6
    assert all(
        float(p) == pytest.approx(joint[{"grass": g, "rain": r}], abs=1e-6) for g, r, p in rows
    )


def test_everything_observed(ask, ask_json):
    every = ("--given", "rain=no", "sprinkler=on", "grass=wet")
    assert ask_json("garden.bif", *every)["marginals"] == {}
    assert cells(ask("garden.bif", *every)) == [["variable", "state", "probability"]]
    found = ask_json("garden.bif", *every, "--task", "map")
    assert found["map"] == {}
    assert found["log_score"] == pytest.approx(math.log(0.7 * 0.5 * 0.4))
    assert ask("garden.bif", *every, "--task", "map", "--format", "uai") == "MAP\n3 0 1 2\n"


# ---- evidence -------------------------------------------------------------------------

SAME = {
    "seen.csv": "rain,grass,sprinkler\nyes,wet,\n",
    "seen.tsv": "rain\tgrass\nyes\twet\n\n",
    "seen.json": '{"rain": "yes", "grass": "wet", "sprinkler": null}',
    "rows.json": '[{"rain": "yes", "grass": "wet"}]',
    "seen.evid": "2 0 1 2 2",
    "SEEN.CSV": '\ufeff"rain","grass"\r\n"yes","wet"\r\n',
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("zipped", [False, True])
def test_evidence_files(ask_json, name, zipped):
    data = SAME[name].encode()
    path = f"{name}.gz" if zipped else name
    Path(path).write_bytes(gzip.compress(data) if zipped else data)
    found = ask_json("garden.bif", "--evidence", path)
    expected = read_model("garden.bif").condition({"rain": "yes", "grass": "wet"})
    assert found["evidence"] == {"rain": "yes", "grass": "wet"}
    assert found["marginals"] == by_text(expected.marginals())


def test_states_in_files_are_known_by_their_text(ask_json):
    Path("numbers.json").write_text('{"x1": 2, "x3": "0"}')
    assert ask_json("pairs.uai", "--evidence", "numbers.json")["evidence"] == {"x1": 2, "x3": 0}
    Path("numbers.csv").write_text("x3,x1\n0,2\n")
    assert ask_json("pairs.uai", "--evidence", "numbers.csv")["evidence"] == {"x3": 0, "x1": 2}


@pytest.mark.parametrize(
    "text",
    [
        "x0,x1\n1.0,\n0.0,1.0\n",
        "x0;x1\r\n1;NA\r\n0;+1\r\n",
        "sep=;\nx0;x1\n1;\n0;1\n",
        "x0\tx1\n1e0\tNaN\n00\t1\n",
        ' x0 , "x1"\n1, ?\n0, "1"\n',
        ",x0,x1\n0,1.0,None\n1,0.0,1.0\n",  # the index that pandas writes
        "\nx0,x1,\n\n1,<NA>,\n   \n0,1,\n",
    ],
)
def test_tables_of_numbers_as_other_programs_write_them(ask_json, text):
    rows = [{"x0": 1}, {"x0": 0, "x1": 1}]
    expected = [read_uai_partition(row) for row in rows]
    for name in ("e.csv", "e.tsv"):
        Path(name).write_bytes(text.encode())
        found = ask_json("pairs.uai", "--evidence", name, "--task", "logz")
        assert found["evidence"] == {"x0": [1, 0], "x1": [None, 1]}
        assert found["log_partition"] == pytest.approx(expected, abs=1e-12)


def read_uai_partition(evidence):
    return read_model("pairs.uai").condition(evidence).log_partition()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("e.json", '[{"x0": 1.0, "x1": null}, {"x0": "0.0", "x1": 1.0}]'),
        ("e.json", '[{"x0": 1, "x1": NaN}, {"x0": false, "x1": 1e0}]'.replace("false", "0")),
        ("e.json", '{"x0": 1.0, "x1": "NA"}\n{"x0": 0, "x1": 1}\n'),
        ("e.jsonl", '{"x0": 1.0}\n\n{"x0": 0, "x1": 1}'),
        ("e.ndjson", '\ufeff{"x0": 1, "x1": ""}\r\n{"x0": 0, "x1": "1"}\r\n'),
    ],
)
def test_json_as_other_programs_write_it(ask_json, name, text):
    Path(name).write_bytes(text.encode())
    found = ask_json("pairs.uai", "--evidence", name, "--task", "logz")
    assert found["evidence"] == {"x0": [1, 0], "x1": [None, 1]}


def test_marks_of_what_is_missing_may_be_states(ask_json):
    Path("m.bif").write_text(
        'variable v { type discrete [ 3 ] { NA, "?", True }; } probability ( v ) { table 1 1 2; }'
        'variable w { type discrete [ 2 ] { "1", "2.50" }; } probability ( w ) { table .5 .5; }'
    )
    Path("m.csv").write_text("v,w\nNA,2.5\n?,1.0\nTRUE,NA\n,1\nNaN,?\n")
    with pytest.warns(UserWarning, match=r"'v' sum to 4\.0"):
        p = read_model("m.bif", normalize=True)
    rows = read_evidence("m.csv", p)
    assert rows == [
        {"v": "NA", "w": "2.50"}, {"v": "?", "w": "1"}, {"v": "True"}, {"w": "1"}, {},
    ]  # fmt: skip
    numbers = GibbsDistribution([], variables(b=[False, True], n=[0, 1], s=["1", "1.0"]).values())
    Path("b.json").write_text('[{"b": true, "n": 1.0}, {"b": "FALSE", "s": 1.0}, {"b": 1}]')
    rows = read_evidence("b.json", numbers)
    assert rows == [{"b": True, "n": 1}, {"b": False, "s": "1.0"}, {"b": True}]
    Path("b.csv").write_text("s\n1e0\n")
    with pytest.raises(
        ValueError, match=r"b\.csv, line 2: '1e0' may be any of .*'1', '1\.0' of 's"
    ):
        read_evidence("b.csv", numbers)
    Path("b.csv").write_text("n\n1.5\n")
    with pytest.raises(ValueError, match=r"b\.csv, line 2: 'n' has no state '1\.5'; its .* 0, 1"):
        read_evidence("b.csv", numbers)


def test_tables_in_other_encodings(ask_json, capsys):
    Path("c.bif").write_text(
        "variable caf\u00e9 { type discrete [ 2 ] { \u00fc, a }; } "
        "probability ( caf\u00e9 ) { table .5 .5; }",
        encoding="utf-8",
    )
    Path("c.csv").write_text("caf\u00e9\n\u00fc\n", encoding="utf-16")
    assert ask_json("c.bif", "--evidence", "c.csv")["evidence"] == {"caf\u00e9": "\u00fc"}
    for name in ("c.bif", "c.csv"):
        encoding = "utf-8" if name == "c.bif" else "utf-16"
        Path(name).write_bytes(Path(name).read_text(encoding=encoding).encode("cp1252"))
    assert main(["query", "c.bif", "--evidence", "c.csv"]) == 2
    assert "c.bif, line 1: byte 0xe9 is not UTF-8" in (err := capsys.readouterr().err)
    assert "such as --encoding cp1252" in err
    found = ask_json("c.bif", "--evidence", "c.csv", "--encoding", "cp1252")
    assert found["evidence"] == {"caf\u00e9": "\u00fc"}


def test_json_lines_name_their_line(folder):
    p = read_model("pairs.uai")
    for name, text, message in [
        ("l.jsonl", '{"x0": 1}\n{"x0": 2}', r"l\.jsonl, line 2: 'x0' has no state '2'"),
        ("l.jsonl", '{"x0": 1}\n{"x0"', r"l\.jsonl, line 2: .*expected one JSON object on each l"),
        ("l.json", '{"x0": 1} {"x0": 0}', r"l\.json, line 1: Extra data; expected JSON"),
        ("l.json", '{"x0": 1}\n[1]', r"l\.json, line 2: found \[1\], expected an object"),
    ]:
        Path(name).write_text(text)
        with pytest.raises(ValueError, match=message):
            read_evidence(name, p)


def test_evidence_from_a_file_and_by_hand(ask_json):
    found = ask_json("pairs.uai", "--evidence", "pairs.evid", "--given", "x0=1", "--given", "x3=0")
    assert found["evidence"] == {"x1": 2, "x0": 1, "x3": 0}
    expected = read_model("pairs.uai").condition({"x1": 2, "x0": 1, "x3": 0})
    assert found["marginals"] == by_text(expected.marginals())
    assert found["log_partition"] == expected.log_partition()


def variables(**states):
    return {name: Variable(name, labels) for name, labels in states.items()}


def test_given_is_split_where_a_name_ends():
    known = {v.name: v for v in (Variable("a=b", ["c", "=d"]), Variable("e", ["f=g", "h"]))}
    assert parse_given(["a=b=c", "e=f=g"], known) == {"a=b": "c", "e": "f=g"}
    assert parse_given(["a=b==d"], known) == {"a=b": "=d"}
    both = {v.name: v for v in (Variable("a", ["b=c", "x"]), Variable("a=b", ["c", "y"]))}
    assert parse_given(["a=b=y"], both) == {"a=b": "y"}
    assert parse_given(["a=b=c"], both) == {"a": "b=c"}  # the first place where it all fits
    assert parse_given(["e=h", "e=h"], known) == {"e": "h"}


def test_given_matches_labels_of_any_kind():
    known = variables(t=[False, True], n=[-1, 1], f=[0.5, 1.5])
    assert parse_given(["t=True", "n=-1", "f=1.5"], known) == {"t": True, "n": -1, "f": 1.5}
    with pytest.raises(ValueError, match=r"'1' may be any of the states 1, '1' of 'm'"):
        parse_given(["m=1"], variables(m=[1, "1"]))


# ---- rows of evidence -----------------------------------------------------------------

ROWS = [{"rain": "yes"}, {"grass": "wet"}, {"rain": "no", "grass": "damp"}]


@pytest.fixture
def rows(folder):
    """A file of several rows, and the model under each."""
    Path("rows.json").write_text(json.dumps(ROWS))
    p = read_model("garden.bif")
    return [p.condition(row) for row in ROWS]


def test_rows_of_log_partitions(ask, ask_json, rows):
    asked = ("garden.bif", "--evidence", "rows.json", "--task", "logz")
    found = ask_json(*asked)
    expected = [p.log_partition() for p in rows]
    assert (found["rows"], found["log_partition"]) == (3, pytest.approx(expected, rel=1e-13))
    assert found["evidence"] == {"rain": ["yes", None, "no"], "grass": [None, "wet", "damp"]}
    table = [[str(i), f"{log_z:.12g}"] for i, log_z in enumerate(found["log_partition"], 1)]
    assert cells(ask(*asked)) == [["row", "log", "Z"], *table]


def test_rows_of_marginals(ask, ask_json, rows):
    asked = ("garden.bif", "--evidence", "rows.json")
    found = ask_json(*asked)["marginals"]
    assert list(found) == ["rain", "sprinkler", "grass"]
    for i, p in enumerate(rows):
        known = by_text(p.marginals())
        for name, shares in found.items():
            here = {state: column[i] for state, column in shares.items()}
            one_hot = {state: float(p.evidence.get(name) == state) for state in shares}
            assert here == pytest.approx(known.get(name, one_hot), rel=1e-12)
    head, *lines = cells(ask(*asked))
    assert head[:3] == ["row", "rain=no", "rain=yes"]
    assert head[-1] == "grass=wet"
    assert [line[:3] for line in lines[::2]] == [
        ["1", "0.000000", "1.000000"],
        ["3", "1.000000", "0.000000"],
    ]
    assert lines[1][-1] == "1.000000"
    for names in (["sprinkler"], ["grass", "sprinkler"]):
        some = ask_json(*asked, "--variables", ",".join(names))["marginals"]
        assert list(some) == names
        for name in names:
            for state, column in some[name].items():
                assert column == pytest.approx(found[name][state], rel=1e-12)


def test_rows_of_best_assignments(ask, ask_json, rows):
    asked = ("garden.bif", "--evidence", "rows.json", "--task", "map")
    found = ask_json(*asked)
    best = [{**p.evidence, **p.map_assignment()} for p in rows]
    assert found["map"] == {name: [x[name] for x in best] for name in found["map"]}
    assert set(found["map"]) == {"rain", "sprinkler", "grass"}
    scores = [p.log_unnormalized(x) for p, x in zip(rows, best, strict=True)]
    assert found["log_score"] == pytest.approx(scores, rel=1e-13)
    head, *lines = cells(ask(*asked))
    assert head == ["row", "rain", "sprinkler", "grass", "probability"]
    assert [line[1:-1] for line in lines] == [[x[name] for name in head[1:-1]] for x in best]
    shares = [p.probability(x) for p, x in zip(rows, best, strict=True)]
    assert [float(line[-1]) for line in lines] == pytest.approx(shares, abs=1e-6)


def test_rows_share_what_is_given(ask_json, folder):
    Path("rows.csv").write_text("x0,x3\n1,\n0,1\n")
    found = ask_json("pairs.uai", "--evidence", "rows.csv", "--given", "x1=2")
    assert found["evidence"] == {"x1": [2, 2], "x0": [1, 0], "x3": [None, 1]}
    p = read_model("pairs.uai")
    each = [p.condition({"x1": 2, "x0": 1}), p.condition({"x1": 2, "x0": 0, "x3": 1})]
    assert found["log_partition"] == pytest.approx([q.log_partition() for q in each], rel=1e-13)
    x2 = [by_text(q.marginals())["x2"]["1"] for q in each]
    assert found["marginals"]["x2"]["1"] == pytest.approx(x2, rel=1e-12)
    assert list(found["marginals"]) == ["x2", "x3"]


def test_impossible_rows_have_a_log_partition(ask_json, folder):
    Path("rows.csv").write_text("rain,grass\nyes,dry\nno,dry\n")
    found = ask_json("garden.bif", "--evidence", "rows.csv", "--task", "logz")
    assert found["log_partition"] == [None, pytest.approx(math.log(0.7 * 0.55), rel=1e-13)]
    assert found["zero_probability"].endswith("in row 1")


# ---- formats and output ---------------------------------------------------------------


def test_uai_results(ask):
    seen = {"x1": 2}
    p = read_model("pairs.uai")
    expected = p.condition(seen)

    def results(*more):
        out = ask("pairs.uai", "--evidence", "pairs.evid", "--format", "uai", *more)
        return read_uai_results(io.StringIO(out), p)

    marginals = results().marginals
    assert list(marginals) == ["x0", "x1", "x2", "x3"]
    assert marginals["x1"].values.tolist() == [0, 0, 1]
    for name, table in expected.marginals().items():
        assert marginals[name].values.tolist() == table.values.tolist()
    assert results("--task", "map").map_assignment == {**expected.map_assignment(), **seen}
    log_z = results("--task", "logz").log_partition
    assert log_z == pytest.approx(expected.log_partition(), rel=1e-14)
    some = results("--task", "marginal-map", "--variables", "x3,x0").marginal_map
    assert some == expected.marginal_map(["x3", "x0"])


@pytest.mark.parametrize("kind", ["table", "json", "uai"])
def test_output_goes_to_a_file(ask, folder, kind):
    before = sorted(folder.iterdir())
    for path in ("answer", "answer.gz"):
        assert ask("pairs.uai", "--task", "map", "--format", kind, "--output", path) == ""
    data = Path("answer").read_bytes()
    zipped = gzip.decompress(Path("answer.gz").read_bytes())
    printed = ask("pairs.uai", "--task", "map", "--format", kind).encode()
    without_seconds = [re.sub(rb'"seconds.*', b"", d, flags=re.S) for d in (data, zipped, printed)]
    assert without_seconds[0] == without_seconds[1] == without_seconds[2]
    assert sorted(folder.iterdir()) == sorted([*before, folder / "answer", folder / "answer.gz"])


def test_labels_outside_ascii_stay_readable(ask, ask_json):
    Path("garden.bif").write_text(GARDEN.replace("damp", "humidité"), encoding="utf-8")
    assert "humidité" in ask("garden.bif")
    assert "humidité" in ask("garden.bif", "--format", "json")


# ---- memory ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GiB", 4 * 2**30),
        ("4g", 4 * 2**30),
        ("500MB", 500 * 10**6),
        ("500 mb", 500 * 10**6),
        ("2e9", 2 * 10**9),
        ("0.5TiB", 2**39),
        ("4096", 4096),
        ("64B", 64),
        ("1.5KiB", 1536),
    ],
)
def test_sizes_of_memory(text, size):
    assert memory_size(text) == size


def test_a_small_budget_gives_the_same_answers(ask_json, grid):
    Path("grid.uai").write_text(grid(12))
    asked = ("grid.uai", "--variables", "x0,x70,x143")
    found, sliced = ask_json(*asked), ask_json(*asked, "--memory", "32KiB")
    assert found["plan"]["peak_bytes"] > 2**17
    assert sliced["log_partition"] == pytest.approx(found["log_partition"], rel=1e-12)
    for name, shares in found["marginals"].items():
        assert sliced["marginals"][name] == pytest.approx(shares, abs=1e-12)


def test_what_does_not_fit_is_refused(folder, capsys):
    Path("wide.uai").write_text(complete(26))
    before = sorted(folder.iterdir())
    assert main(["query", "wide.uai", "--memory", "1KB", "--output", "answer"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch("gibbsfactor: error: .* budget is 1000 bytes.* with --memory\n", err), err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("model", ["garden.bif", "pairs.uai"])
def test_the_budget_reaches_the_engine(folder, capsys, model, monkeypatch):
    seen = []
    marginals = GibbsDistribution.marginals
    monkeypatch.setattr(
        GibbsDistribution, "marginals", lambda p: seen.append(p._memory) or marginals(p)
    )
    assert main(["query", model, "--memory", "1MiB"]) == 0
    assert main(["query", model]) == 0
    assert seen == [2**20, None]


@pytest.fixture
def grid():
    """A square grid of pairwise factors as a UAI model."""

    def text(n):
        rng = np.random.default_rng(0)
        at = np.arange(n * n).reshape(n, n)
        sides = [(at[:, :-1], at[:, 1:]), (at[:-1], at[1:])]
        pairs = [pair for one, two in sides for pair in zip(one.flat, two.flat, strict=True)]
        scopes = "\n".join(f"2 {i} {j}" for i, j in pairs)
        tables = "\n".join(
            f"4 {' '.join(map(repr, row))}" for row in rng.uniform(0.5, 2, (len(pairs), 4)).tolist()
        )
        return f"MARKOV\n{n * n}\n{'2 ' * n * n}\n{len(pairs)}\n{scopes}\n{tables}\n"

    return text


# ---- waiting and leaving --------------------------------------------------------------


class Terminal(io.StringIO):
    """Text in memory that calls itself a terminal."""

    def isatty(self):
        return True


def test_work_that_takes_long_says_so(monkeypatch):
    monkeypatch.setattr("gibbsfactor.cli.waiting.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("gibbsfactor.cli.waiting.BETWEEN_SECONDS", 30.0)
    for stream, enabled, said in (
        (Terminal(), True, True),
        (Terminal(), False, False),
        (io.StringIO(), True, False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        with waiting("map", "about 12 s expected", enabled=enabled):
            while said and not stream.getvalue():
                pass
        text = stream.getvalue()
        assert ("map: 0 s so far, about 12 s expected" in text) == said
        if said:
            assert "\n" not in text
            assert text.endswith(f"\r{' ' * 78}\r")  # the line is gone at the end


def test_quick_work_says_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with waiting("reading"):
        pass
    assert sys.stderr.getvalue() == ""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_ctrl_c_leaves_in_one_line_and_without_a_file(folder, grid):
    Path("grid.uai").write_text(grid(24))  # in two megabytes: a minute's work
    before = sorted(folder.iterdir())
    arguments = ["query", "grid.uai", "--memory", "2MiB", "--output", "answer"]
    code = "import sys; from gibbsfactor.cli import main, waiting; waiting.QUIET_SECONDS = 0.1; "
    code += f"sys.exit(main({arguments}))"
    ours, theirs = os.openpty()
    program = [sys.executable, "-c", code]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=theirs) as run:
        os.close(theirs)
        said = b""
        while b"marginals: " not in said:
            said += os.read(ours, 1000)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=60)
        said += os.read(ours, 10000)
    os.close(ours)
    assert run.returncode == 130
    assert out == b""
    lines = said.decode().replace("\r\n", "\n").split("\n")
    assert lines[0].split("\r")[-1] == "gibbsfactor: interrupted: nothing more was written"
    assert lines[1:] == [""]
    assert sorted(folder.iterdir()) == before


def test_a_query_loads_nothing_heavy(folder):
    code = "import sys; from gibbsfactor.cli import main; main(['query', 'garden.bif']); "
    code += (
        "print({'sklearn', 'matplotlib', 'scipy.optimize', 'pandas', 'tqdm'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "set()"


def test_help_fits_a_terminal_and_loads_little(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["query", "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    assert "examples:\n  gibbsfactor query asia.bif\n" in out
    code = "import sys; from gibbsfactor.cli import main; main(['query', '--help']); "
    code += "print({'scipy', 'networkx'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "set()"


# ---- mistakes -------------------------------------------------------------------------


def garden(*more):
    return ["garden.bif", *more]


def evidence(path):
    return ["garden.bif", "--evidence", path]


MISTAKES = {
    "no model": ([], "arguments are required: MODEL; see gibbsfactor query --help"),
    "model missing": (["nowhere.bif"], "nowhere.bif: no such file"),
    "model a folder": (["folder.bif"], "folder.bif: Is a directory"),
    "folder": (["."], r"\.: can't tell the format of the model .* \.uai, \.bif"),
    "model suffix": (["model.txt"], r"model.txt: can't tell the format of the model"),
    "model malformed": (["bad.bif"], r"bad.bif, line 1: "),
    "model cut short": (["cut.uai"], r"cut.uai, line 2: "),
    "model not gzip": (["cut.uai.gz"], r"cut.uai.gz: the gzip data is cut short"),
    "task": (garden("--task", "mpe"), "--task: invalid choice: 'mpe'"),
    "format": (garden("--format", "xml"), "--format: invalid choice: 'xml'"),
    "swallowed": (["--given", "rain=no", "garden.bif"], "--given: is garden.bif; .* put it first"),
    "given no state": (garden("--given", "rain"), "--given: is rain; it must be NAME=STATE"),
    "given unknown": (
        garden("--given", "Rian=no"),
        "--given Rian=no: there is no variable 'Rian'; the nearest are 'rain'$",
    ),
    "given far off": (
        garden("--given", "zzz=no"),
        "no variable 'zzz'; there are 'rain', 'sprinkler', 'grass'$",
    ),
    "given state": (
        garden("--given", "grass=moist"),
        "--given grass=moist: 'grass' has no state 'moist'; its states are 'dry', 'damp', 'wet'$",
    ),
    "given state of UAI": (
        ["pairs.uai", "--given", "x1=3"],
        "x1=3: 'x1' has no state '3'; its states are 0, 1, 2$",
    ),
    "given twice": (
        garden("--given", "rain=no", "--given", "rain=yes"),
        "--given says rain=no and rain=yes; a variable has one state",
    ),
    "contradiction": (
        garden("--given", "grass=dry", "rain=yes"),
        r"every assignment has weight zero \(log Z = -inf\), so there is no marginal",
    ),
    "contradiction of map": (
        garden("--given", "grass=dry", "rain=yes", "--task", "map"),
        "every assignment has weight zero .* no most probable assignment",
    ),
    "evidence missing": (evidence("nowhere.csv"), "nowhere.csv: no such file"),
    "evidence suffix": (evidence("model.txt"), r"model.txt: .* evidence .* \.csv, \.tsv, \.json"),
    "evidence overlaps": (
        [*evidence("rain.csv"), "--given", "rain=no"],
        "'rain' is observed in rain.csv and by --given; say it once",
    ),
    "evidence empty": (evidence("empty.csv"), "empty.csv: there is no row of evidence in it"),
    "evidence no row": (evidence("norow.csv"), "norow.csv: there is no row of evidence in it"),
    "rows of samples": (
        [*evidence("rows.csv"), "--task", "sample"],
        "rows.csv: there are 2 rows of evidence, expected 1 for sample; several are answered for "
        "logz, marginals, map, as table or json",
    ),
    "rows jointly": (
        [*evidence("rows.csv"), "--variables", "grass", "--joint"],
        "there are 2 rows of evidence, expected 1 for --joint",
    ),
    "rows as UAI": ([*evidence("rows.csv"), "--format", "uai"], "expected 1 for --format uai"),
    "rows of nothing": (evidence("nothing.json"), "none of the 2 rows of evidence observes any"),
    "rows impossible": (
        [*evidence("dry.csv"), "--given", "rain=yes"],
        r"weight zero.*, in rows 1, 3 of 3 \(the first is row 1\); leave out what is impossible",
    ),
    "row overlaps": (
        [*evidence("dry.csv"), "--given", "grass=wet"],
        "'grass' is observed in dry.csv and by --given",
    ),
    "variables of all rows": (
        [*evidence("rows.csv"), "--variables", "grass,rain"],
        "--variables names 'rain', which is observed",
    ),
    "evidence unknown": (
        evidence("unknown.csv"),
        "unknown.csv, line 1: there is no variable 'rainy'; the nearest are 'rain'",
    ),
    "evidence state": (evidence("state.csv"), "state.csv, line 2: 'rain' has no state 'heavy'"),
    "evidence twice": (evidence("twice.csv"), "twice.csv, line 1: there are two columns named 'ra"),
    "evidence ragged": (evidence("ragged.csv"), "ragged.csv, line 2: found 1 cells, expected 2"),
    "evidence quote": (evidence("quote.csv"), "quote.csv, line 2: unexpected end of data"),
    "evidence bytes": (evidence("latin.csv"), "latin.csv, line 1: byte 0xe9 is not UTF-8"),
    "evidence JSON": (evidence("bad.json"), "bad.json, line 2: .*; expected JSON"),
    "evidence JSON twice": (evidence("twice.json"), "twice.json: found 'rain' twice"),
    "evidence JSON kind": (evidence("text.json"), 'text.json: found "rain", expected an object'),
    "evidence JSON state": (evidence("deep.json"), r"deep.json: found \[\[1\]\], expected a state"),
    "evidence JSON label": (evidence("label.json"), "label.json, row 1: 'rain' has no state '1'"),
    "evidence JSON depth": (evidence("nest.json"), "nest.json: nested too deeply"),
    "evidence UAI": (evidence("far.evid"), "far.evid, line 1: "),
    "variables unknown": (
        garden("--variables", "rain,gras"),
        "--variables: there is no variable 'gras'; the nearest are 'grass'",
    ),
    "variables observed": (
        garden("--variables", "rain", "--given", "rain=no"),
        "--variables names 'rain', which is observed; name unobserved",
    ),
    "variables twice": (garden("--variables", "rain,rain"), "--variables names 'rain' twice"),
    "variables of map": (
        garden("--variables", "rain", "--task", "map"),
        "--variables is for --task marginals or marginal-map or sample; the task is map",
    ),
    "marginal-map of what": (garden("--task", "marginal-map"), "needs --variables A,B; for all of"),
    "joint of what": (garden("--joint"), "--joint needs --variables"),
    "joint of map": (garden("--joint", "--task", "map"), "--joint is for --task marginals; the"),
    "k": (garden("--task", "k-best", "-k", "0"), "-k/--k: is 0; it must be a whole number from 1"),
    "k half": (garden("--task", "k-best", "-k", "1.5"), "-k/--k: is 1.5; it must be a whole"),
    "k of map": (garden("--task", "map", "-k", "3"), "--k is for --task k-best; the task is map"),
    "n": (garden("--task", "sample", "--n", "-1"), "-n/--n: is -1; it must be a whole number from"),
    "n of map": (garden("--task", "map", "--n", "3"), "--n is for --task sample; the task is map"),
    "seed": (garden("--task", "sample", "--seed", "x"), "--seed: is x; it must be a whole number"),
    "uai sample": (
        garden("--task", "sample", "--format", "uai"),
        "UAI has no results file for sample; it has one for logz, marginals, map, marginal-map",
    ),
    "uai some": (garden("--variables", "rain", "--format", "uai"), "leave --variables out, or use"),
    "output nowhere": (garden("--output", "no/t"), "can't write no/t: there is no folder no$"),
    "output a folder": (garden("--output", "."), r"can't write \.: it is a folder"),
    "output the model": (garden("--output", "garden.bif"), "garden.bif would overwrite garden.bif"),
    "output a dash": (garden("--output", "-"), "an output is named -; name a file"),
}
MISTAKES |= {
    f"memory {size}": (garden("--memory", size), f"--memory: is {size}; it must be a size such as")
    for size in ("lots", "4XB", "-1", "0", "1e400", "4iB", "nan", "1.2.3GB", "")
}
FILES = {
    "model.txt": GARDEN,
    "bad.bif": "nonsense { }",
    "cut.uai": "MARKOV\n4 2 3",
    "rain.csv": "rain\nno\n",
    "empty.csv": "",
    "norow.csv": "rain\n\n",
    "rows.csv": "rain\nno\nyes\n",
    "nothing.json": "[{}, {}]",
    "dry.csv": "grass\ndry\nwet\ndry\n",
    "unknown.csv": "rainy\nno\n",
    "state.csv": "rain\nheavy\n",
    "twice.csv": "rain,rain\nno,no\n",
    "ragged.csv": "rain,grass\nno\n",
    "quote.csv": 'rain\n"no\n',
    "bad.json": '{"rain":\n}',
    "twice.json": '{"rain": "no", "rain": "yes"}',
    "text.json": '"rain"',
    "deep.json": '{"rain": [[1]]}',
    "label.json": '[{"rain": 1}]',
    "nest.json": "[" * 10**5,
    "far.evid": "1 3 0",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_one_line_and_status_2(folder, capsys, name):
    for path, text in FILES.items():
        Path(path).write_text(text)
    Path("folder.bif").mkdir()
    Path("latin.csv").write_bytes("caf\u00e9\nno\n".encode("latin-1"))
    Path("cut.uai.gz").write_bytes(gzip.compress(PAIRS.encode())[:20])
    before = sorted(folder.iterdir())
    arguments, message = MISTAKES[name]
    assert main(["query", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gibbsfactor: error: ")
    assert err.count("\n") == 1
    assert re.search(message, err.rstrip("\n")), err
    assert sorted(folder.iterdir()) == before
    assert Path("garden.bif").read_text() == GARDEN


# ---- shared models --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Promedus_24", "Promedus_26"])
def test_competition_models(ask, ask_json, shared_data, name):
    model, seen, known = (
        str(shared_data / "uai" / f"{name}.uai{suffix}.gz") for suffix in ("", ".evid", ".MAR")
    )
    p = read_model(model)
    out = ask(model, "--evidence", seen, "--format", "uai")
    found, expected = read_uai_results(io.StringIO(out), p), read_uai_results(known, p)
    for variable, table in expected.marginals.items():
        np.testing.assert_allclose(found.marginals[variable].values, table.values, atol=1e-6)
    assert found.marginals.keys() == expected.marginals.keys()
    rows = [
        line.split("\t") for line in (shared_data / "uai" / "index.tsv").read_text().split("\n")
    ]
    (row,) = (dict(zip(rows[0], row, strict=True)) for row in rows if row[0] == name)
    best = ask_json(model, "--evidence", seen, "--task", "map")
    assert best["evidence"] == read_uai_evidence(seen)
    assert best["log_partition"] / math.log(10) == pytest.approx(float(row["log10Z"]), rel=1e-9)
    assert best["log_score"] / math.log(10) == pytest.approx(float(row["log10MAP"]), rel=1e-9)


def test_bayesian_networks(ask_json, shared_data):
    path = str(shared_data / "bif" / "alarm.bif.gz")
    found = ask_json(path, "--given", "HR=HIGH", "CVP=LOW")
    p = read_model(path).condition({"HR": "HIGH", "CVP": "LOW"})
    assert found["log_partition"] == p.log_partition()
    assert found["marginals"] == by_text(p.marginals())
    assert len(found["marginals"]) == 35

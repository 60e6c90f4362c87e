"""UAI files: against an independent reader, bit for bit there and back, and errors by line."""

from __future__ import annotations

import gzip
import io
import math
from pathlib import Path

import numpy as np
import pytest
import uai as reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import build, models

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import FormatError
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io import (
    read_model,
    read_uai,
    read_uai_evidence,
    read_uai_results,
    read_uai_samples,
    write_uai,
    write_uai_evidence,
    write_uai_results,
)
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import Variable

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "uai"
MODELS = sorted(path.name.removesuffix(".uai.gz") for path in DATA.glob("*.uai.gz")) or ["none"]
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")

GRID = "MARKOV\n3\n2 2 3\n2\n2 0 1\n2 1 2\n\n4\n 4.0 2.4\n 1 0\n\n6\n .5 1 1e-3\n 0 5 5E2\n"


def text(read, content, *args):
    return read(io.StringIO(content), *args)


def written(write, *args, **options):
    file = io.StringIO()
    write(file, *args, **options)
    return file.getvalue()


def assert_same(p, q):
    """The same up to names: number by number and bit by bit."""
    numbers = {v.name: i for i, v in enumerate(p._domain.variables.values())}
    assert [v.cardinality for v in p._domain.variables.values()] == [
        v.cardinality for v in q.variables
    ]
    assert q.names == tuple(f"x{i}" for i in range(len(numbers)))
    for f, g in zip(p.factors, q.factors, strict=True):
        assert g.names == tuple(f"x{numbers[name]}" for name in f.names)
        assert g.values.tobytes() == f.values.tobytes()
        assert not g.values.flags.writeable


# ---- models --------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize("name", MODELS)
def test_real_models_are_read_as_by_the_reference_and_come_back(name, tmp_path):
    p = read_uai(DATA / f"{name}.uai.gz")
    model = reference.read_model(DATA / f"{name}.uai.gz")
    assert p.names == tuple(f"x{v}" for v in range(len(model.cardinalities)))
    assert tuple(v.cardinality for v in p.variables) == model.cardinalities
    for factor, scope, table in zip(p.factors, model.scopes, model.tables, strict=True):
        assert factor.names == tuple(f"x{v}" for v in scope)
        assert factor.values.tobytes() == table.tobytes()
    write_uai(tmp_path / "x.uai.gz", p)
    assert_same(p, read_model(tmp_path / "x.uai.gz"))


@given(models())
def test_any_model_comes_back_bit_for_bit(model):
    p = build(model)
    assert_same(p, text(read_uai, written(write_uai, p)))


def test_the_last_variable_of_a_scope_runs_fastest_in_any_white_space():
    p = text(read_uai, GRID)
    assert [f.values.tolist() for f in p.factors] == [
        [[4.0, 2.4], [1.0, 0.0]],
        [[0.5, 1.0, 1e-3], [0.0, 5.0, 500.0]],
    ]
    q = text(read_uai, "\ufeff\r\n\t " + GRID.replace("\n", "\r\n\t").replace(" ", "\f\v "))
    assert_same(p, q)
    assert_same(p, read_uai(io.BytesIO(gzip.compress(GRID.encode()))))
    commented = GRID.replace("\n", "  # 7 x_y\n")  # as pyAgrum names the variables
    assert_same(p, text(read_uai, commented))
    with pytest.raises(FormatError, match=r"line 14: found '7', expected the end of the file"):
        text(read_uai, commented.replace("5E2", "5E2 7"))


def test_no_variables_one_state_and_tables_over_nothing():
    assert text(read_uai, "MARKOV 0 0").partition_function() == 1
    p = text(read_uai, "MARKOV 2 1 3 2 0 1 0 1 2.5 1 4")
    assert p.factors[0].scope == ()
    assert p.partition_function() == pytest.approx(2.5 * 4 * 3)  # x1 is in no table
    assert_same(p, text(read_uai, written(write_uai, p)))


def test_a_bayesian_network_is_written_as_one_and_conditioned_ones_with_all_variables():
    a, b = Variable("a", ["u", "v"]), Variable("b", ["r", "s", "t"])
    tables = [
        ConditionalTable(b, [a], [[0.2, 0.3, 0.5], [0, 1, 0]]),
        ConditionalTable(a, [], [0.1, 0.9]),
    ]
    p = BayesianNetwork(tables)
    assert written(write_uai, p) == (
        "BAYES\n2\n3 2\n2\n2 1 0\n1 1\n\n6\n0.2 0.3 0.5 0.0 1.0 0.0\n\n2\n0.1 0.9\n"
    )
    read = text(read_uai, written(write_uai, p))
    assert type(read) is GibbsDistribution
    network = BayesianNetwork(
        ConditionalTable(f.scope[-1], f.scope[:-1], f.values) for f in read.factors
    )
    assert network.marginal("x0").values.tolist() == p.marginal("b").values.tolist()
    given = p.condition({"a": "v"})
    assert written(write_uai, given) == written(write_uai, p).replace("BAYES", "MARKOV")
    evidence = text(read_uai_evidence, written(write_uai_evidence, given.evidence, given))
    assert evidence == {"x1": 1}
    assert read.condition(evidence).marginal("x0").values.tolist() == [0, 1, 0]


def test_log_weights_are_written_as_weights_where_a_float_holds_them():
    v = Variable("a", 3)
    p = GibbsDistribution([Factor.from_log(v, [-700.0, 709.0, -math.inf])])
    assert_same(p, text(read_uai, written(write_uai, p)))
    for logs, shown in (([0, 710.0, 1], r"710\.0 at \(a=1\)"), ([0, 0, -746], r"-746\.0 at")):
        p = GibbsDistribution([Factor.from_log(v, logs)])
        with pytest.raises(ValueError, match=rf"has the log weight {shown}.*subtract a constant"):
            write_uai(io.StringIO(), p)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"the file is empty; expected MARKOV or BAYES"),
        ("BAYESIAN\n2", r"line 1: found 'BAYESIAN', expected MARKOV or BAYES"),
        ("MARKOV", r"line 1: the file ends after 1 words; expected the number of variables"),
        ("MARKOV\n-1", r"line 2: found '-1', expected the number of variables, a whole number"),
        ("MARKOV\n2\n2 x", r"line 3: found 'x', expected the number of states of variable 1"),
        ("MARKOV\n2\n2 0", r"line 3: found '0', expected the number of states .* at least 1"),
        ("MARKOV\n9\n2 2", r"line 2: the number of variables is 9, but only 2 words follow"),
        ("MARKOV 1 2\n9\n1 0", r"line 2: the number of tables is 9, but only 2 words follow"),
        (GRID.replace("2 1 2", "2 1 3"), r"line 6: found '3', expected the number of a variable"),
        (GRID.replace("2 1 2", "2 1 -1"), r"line 6: found '-1', expected .* table 1, .* 0 to 2"),
        (GRID.replace("2 1 2", "2 1 1"), r"line 6: found '1', expected each variable once in"),
        (GRID.replace("2 1 2", "2 1 .5"), r"line 6: found '\.5', expected the number of a variab"),
        (GRID.replace("2 1 2", "99 1 2"), r"line 6: found '99', expected how many .* 0 to 64"),
        (GRID.replace("\n6\n", "\n5\n"), r"line 12: found '5', expected 6, .* x1 of 2, x2 of 3"),
        (GRID.replace("\n6\n", "\n6.0\n"), r"line 12: found '6\.0', expected 6, the number of e"),
        (GRID.replace("5E2", ""), r"line 12: table 1 has 6 entries, but only 5 words follow"),
        (GRID.replace("5E2", "5E2 1"), r"line 14: found '1', expected the end of the file"),
        (GRID.replace("5E2", "-5"), r"line 14: found '-5', expected an entry of a table, finite"),
        (GRID.replace("2.4", "nan"), r"line 9: found 'nan', expected an entry"),
        (GRID.replace("2.4", "1e400"), r"line 9: found '1e400', expected an entry"),
        (GRID.replace("2.4", "2,4"), r"line 9: found '2,4', expected an entry"),
        (GRID.replace("2.4", "2_4"), r"line 9: found '2_4', expected .* without underscores"),
        ("MARKOV 1\n2000000\n0", r"in no table have 2000000 states in all, expected 1048576"),
    ],
)
def test_what_is_wrong_with_a_model_is_named_by_line(content, message):
    with pytest.raises(FormatError, match=rf"^<text>(: |, ).*{message}"):
        text(read_uai, content)


def test_files_are_named(tmp_path):
    (tmp_path / "bad.uai").write_text("MARKOV\n1\nx")
    with pytest.raises(FormatError, match=r"bad\.uai, line 3: found 'x'"):
        read_uai(tmp_path / "bad.uai")
    with pytest.raises(FileNotFoundError, match=r"none\.uai: no such file"):
        read_uai(tmp_path / "none.uai")
    with pytest.raises(TypeError, match="a GibbsDistribution is needed; got 3"):
        write_uai(tmp_path / "x.uai", 3)
    assert not (tmp_path / "x.uai").exists()


# ---- evidence ------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize("name", MODELS)
def test_real_evidence_and_marginals_are_read_as_by_the_reference(name):
    p = read_uai(DATA / f"{name}.uai.gz")
    (expected,) = reference.read_evidence(DATA / f"{name}.uai.evid.gz")
    for args in ((), (p,)):
        evidence = read_uai_evidence(DATA / f"{name}.uai.evid.gz", *args)
        assert evidence == {f"x{v}": state for v, state in expected.items()}
    if (DATA / f"{name}.uai.MAR.gz").exists():
        marginals = read_uai_results(DATA / f"{name}.uai.MAR.gz", p).marginals
        tables = reference.read_marginals(DATA / f"{name}.uai.MAR.gz")
        assert list(marginals) == list(p.names)
        for marginal, table in zip(marginals.values(), tables, strict=True):
            assert marginal.values.tobytes() == table.tobytes()


samples = st.dictionaries(st.integers(0, 99).map(lambda v: f"x{v}"), st.integers(0, 9), max_size=5)


@given(samples)
def test_one_sample_comes_back(evidence):
    content = written(write_uai_evidence, evidence)
    assert text(read_uai_evidence, content) == evidence
    assert text(read_uai_samples, content) == [evidence]
    assert text(read_uai_evidence, f"1\n{content}") == evidence  # the older layout


@given(st.lists(samples, max_size=5))
def test_several_samples_come_back_or_are_refused(evidence):
    if len(evidence) == 2 * sum(map(len, evidence)):
        with pytest.raises(ValueError, match=rf"^{len(evidence)} samples .* of its own"):
            written(write_uai_evidence, evidence)
    else:
        assert text(read_uai_samples, written(write_uai_evidence, evidence)) == evidence


def test_evidence_speaks_in_the_names_and_states_of_a_distribution():
    a, b = Variable("a", ["u", "v"]), Variable("b", [10, 20, 30])
    p = GibbsDistribution([Factor([b, a], np.ones((3, 2)))])
    assert written(write_uai_evidence, {"a": "v", b: 30}, p) == "2 1 1 0 2\n"
    assert text(read_uai_evidence, "2 1 1 0 2", p) == {"a": "v", "b": 30}
    with pytest.raises(ValueError, match=r"evidence names 'c'; the distribution has 'b', 'a'"):
        written(write_uai_evidence, {"c": 1}, p)
    with pytest.raises(ValueError, match=r"variable 'a' has no state 'w'"):
        written(write_uai_evidence, {"a": "w"}, p)
    for evidence in ({"a": "v"}, {"x01": 1}, {"x1": -1}, {"x1": 1.0}, {"x1": True}):
        with pytest.raises(ValueError, match=r"has no number in a UAI file.*give the distributi"):
            written(write_uai_evidence, evidence)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"the file is empty; expected the number of observed variables, or of samples"),
        ("2\n0 1\n0 1", r"line 3: found '0', expected each variable once, but 0 was given befo"),
        ("1\n5 0", r"line 2: found '5', expected the number of one observed variable, .* 0 to 1"),
        ("1\n1 2", r"line 2: found '2', expected a state of 'b', variable 1, .* from 0 to 1"),
        ("1 1\nx", r"line 2: found 'x', expected a state of 'b'"),
        ("2\n0 1", r"line 1: found '2', expected 1, the number of pairs that follow, or the num"),
        ("2\n1 0 1", r"line 1: found '2', .* \(but read so, line 2: the file ends after 4 word"),
        ("2 1 0 1 1 0 1", r"there are 2 samples of evidence, expected 1; read_uai_samples reads"),
    ],
)
def test_what_is_wrong_with_evidence_is_named(content, message):
    p = GibbsDistribution([Factor([Variable("a", 2), Variable("b", 2)], np.ones((2, 2)))])
    with pytest.raises(FormatError, match=message):
        text(read_uai_evidence, content, p)


# ---- results -------------------------------------------------------------------------------


@given(models(with_mass=True), st.data())
def test_every_answer_comes_back(model, data):
    p = build(model)
    if p.variables and data.draw(st.booleans()):
        p = p.condition(dict([next(iter(p.map_assignment().items()))]))
    log_z = text(read_uai_results, written(write_uai_results, p, log_partition=p.log_partition()))
    assert log_z.log_partition == pytest.approx(p.log_partition(), rel=1e-14)
    content = written(write_uai_results, p, marginals=p.marginals())
    read, marginals = text(read_uai_results, content, p), p.marginals()
    assert read.marginals.keys() == marginals.keys() | p.evidence.keys()
    for name, marginal in read.marginals.items():
        if name in p.evidence:
            assert marginal[{name: p.evidence[name]}] == 1
            assert marginal.values.sum() == 1
        else:
            assert marginal.values.tobytes() == marginals[name].values.tobytes()
    best = {**p.evidence, **p.map_assignment()}
    read = text(read_uai_results, written(write_uai_results, p, map_assignment=best), p)
    assert read.map_assignment == best
    some = dict(list(best.items())[::2])
    read = text(read_uai_results, written(write_uai_results, p, marginal_map=some), p)
    assert read.marginal_map == some
    assert read.map_assignment is None


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ("PR\n2", {"log_partition": 2 * math.log(10)}),
        ("PR 1 -inf", {"log_partition": -math.inf}),
        ("PR\n5\n-BEGIN-\n1\n-1.5", {"log_partition": -1.5 * math.log(10)}),
        ("MAP\n3 0 1 0", {"map_assignment": {"x0": 0, "x1": 1, "x2": 0}}),
        ("MPE 1 1 0", {"map_assignment": {"x0": 0}}),
        ("MAP 1 1", {"map_assignment": {"x0": 1}}),
        ("MMAP\n2 7 0 4 1", {"marginal_map": {"x7": 0, "x4": 1}}),
        ("MMAP 1 1 4 1", {"marginal_map": {"x4": 1}}),
    ],
)
def test_layouts_of_results(content, answer):
    found = {k: v for k, v in vars(text(read_uai_results, content)).items() if v is not None}
    assert found == answer


def test_marginals_of_both_layouts():
    for content in ("MAR 2 2 0.25 0.75 1 1", "MAR 1 2 2 0.25 0.75 1 1.0"):
        tables = text(read_uai_results, content).marginals
        assert {name: t.values.tolist() for name, t in tables.items()} == {
            "x0": [0.25, 0.75],
            "x1": [1],
        }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"the file is empty; expected PR, MAR, MAP, MPE or MMAP, the task"),
        ("BEL 1", r"line 1: found 'BEL', expected PR, MAR"),
        ("PR", r"the file ends after 1 words; expected log10 of the partition function"),
        ("PR\ninf", r"line 2: found 'inf', expected log10 .* a number or -inf"),
        ("PR\n2 1.5", r"line 2: found '2', expected results of 1 evidence sample"),
        ("MAR\n2 2 .5 .5\n2 .5 .6", r"line 3: the probabilities of 'b' sum to 1\.1, expected 1"),
        ("MAR\n1 2 .5 .5", r"line 2: found '1', expected 2, the number of variables"),
        ("MAR\n2 2 .5 .5 1 1", r"line 2: found '1', expected 2, the number of states of 'b'"),
        ("MAR\n2 2 .5 -.5 2 0 1", r"found '-\.5', expected the probability of a state of 'a'"),
        ("MAP\n2 0 2", r"line 2: found '2', expected a state of 'b', variable 1, .* 0 to 1"),
        ("MAP\n2 0 1 0", r"line 2: found '0', expected the end of the file, after 4 words"),
        ("MMAP\n1 2 0", r"line 2: found '2', expected the number of one query variable"),
    ],
)
def test_what_is_wrong_with_results_is_named(content, message):
    p = GibbsDistribution([Factor([Variable("a", 2), Variable("b", 2)], np.ones((2, 2)))])
    with pytest.raises(FormatError, match=message):
        text(read_uai_results, content, p)


def test_answers_that_do_not_fit_are_not_written():
    a, b = Variable("a", 2), Variable("b", 2)
    p = GibbsDistribution([Factor([a, b], np.ones((2, 2)))])
    for options in ({}, {"log_partition": 1.0, "marginal_map": {}}):
        with pytest.raises(ValueError, match=r"holds one answer; give one of log_partition, mar"):
            written(write_uai_results, p, **options)
    with pytest.raises(ValueError, match=r"log_partition is nan; it must be a number or -inf"):
        written(write_uai_results, p, log_partition=math.nan)
    with pytest.raises(ValueError, match=r"map_assignment lacks 'b'; the file is to be about ev"):
        written(write_uai_results, p, map_assignment={"a": 1})
    with pytest.raises(ValueError, match=r"marginals lacks 'b'"):
        written(write_uai_results, p, marginals={"a": p.marginal("a")})
    with pytest.raises(ValueError, match=r"the marginal of 'a' is a factor over \('b',\); expect"):
        written(write_uai_results, p, marginals={"a": p.marginal("b"), "b": p.marginal("b")})


def test_open_files_of_bytes_are_written_to_as_well(tmp_path):
    with (tmp_path / "x.evid").open("wb") as file:
        write_uai_evidence(file, {"x1": 0})
    assert (tmp_path / "x.evid").read_bytes() == b"1 1 0\n"
    with pytest.raises(TypeError, match="a path or an open file is needed, but a int was given"):
        write_uai_evidence(3, {"x1": 0})


@pytest.mark.parametrize("kind", ["MARKOV", "markov", "Bayes"])
def test_the_kind_and_the_task_are_in_letters_of_any_case(kind):
    text = f"\r\n{kind}\r\n1\r\n2 # states\r\n1\r\n1 0\r\n2\r\n 2.5E-1\r\n\t7.5e-01"
    assert read_uai(io.StringIO(text, newline="")).factors[0].values.tolist() == [0.25, 0.75]
    assert read_uai_results(io.StringIO("mar 1 2 0.25 0.75")).marginals["x0"][{"x0": 1}] == 0.75
    with pytest.raises(FormatError, match="line 9: found '1', expected the end of the file, after"):
        read_uai(io.StringIO(text + " 1"))


def test_a_table_of_bayes_that_is_no_conditional_one_is_told():
    rows = "BAYES 2 2 2 2 1 0 2 0 1 2 .3 .7 4 {}"
    told = r"table 1 of this BAYES file, over 'x0', 'x1', sums to 1.1 over 'x1'"
    with pytest.warns(UserWarning, match=told):
        p = read_uai(io.StringIO(rows.format(".9 .2 .1 .8")))  # the child's states slowest
    assert p.factors[1].values.tolist() == [[0.9, 0.2], [0.1, 0.8]]
    read_uai(io.StringIO(rows.format(".903 .1 .2 .8")))  # rounded
    read_uai(io.StringIO(rows.replace("BAYES", "MARKOV").format(".9 .2 .1 .8")))

"""What users get wrong, or say in another way than the examples: answered, or understood."""

import copy
import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from threadpoolctl import threadpool_info

from gibbsfactor import (
    Factor,
    GibbsDistribution,
    LinearChainCRF,
    SoftmaxRegression,
    Templates,
    Variable,
    draw,
)
from gibbsfactor.cli import main
from gibbsfactor.features import Columns
from gibbsfactor.files import replacing
from gibbsfactor.threads import one_blas_thread

A, B = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
PHI = Factor([A, B], [[20, 25], [15, 4]])


# ---- variables and factors ------------------------------------------------------------


@pytest.mark.parametrize("states", [{"x", "y"}, frozenset({1, 2}), {"x": 1, "y": 2}])
def test_states_have_an_order(states):
    with pytest.raises(TypeError, match="as its states; give a list, whose order is that of"):
        Variable("v", states)


def test_truth_values_are_not_shown_as_numbers():
    assert repr(Variable("v", [False, True])) == "Variable('v', [False, True])"
    assert repr(Variable("v", [0, 1])) == "Variable('v', 2)"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ma.masked_array([1.0, 2.0], [0, 1]), "may be masked; give values.filled"),
        ([10**400, 1], "not a table of numbers: int too large"),
        ([1 + 2j, 1], "they are complex"),
    ],
)
def test_tables_of_other_kinds_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Factor(A, values)


def test_logs_that_could_add_up_to_infinity_are_refused():
    with pytest.raises(ValueError, match=r"log weight 1e\+308 at .A='a0'.; log weights are"):
        Factor.from_log(A, [1e308, 0])
    with pytest.raises(ValueError, match="temperature is 1e-300: so low that log weights"):
        Factor.from_log(A, [1e10, 0]).at_temperature(1e-300)


def test_a_factor_is_not_a_sequence():
    with pytest.raises(TypeError, match="not iterable"):
        list(PHI)
    assert GibbsDistribution(PHI).partition_function() == 64
    with pytest.raises(TypeError, match=r"name the variables, as in \['A', 'B'\]; got 0"):
        PHI.marginalize(0)


def test_only_what_sums_to_one_is_called_a_probability():
    p = GibbsDistribution(PHI)
    assert repr(PHI).splitlines()[0].split() == ["A", "B", "weight"]
    for normalised in (PHI.normalize(), p.marginal("A"), p.marginals()["A"]):
        assert repr(normalised).splitlines()[0].split()[-1] == "probability"
        assert normalised.to_frame().columns[-1] == "probability"
        assert "probability" in repr(copy.deepcopy(normalised))
        assert repr(normalised * 2).splitlines()[0].split()[-1] == "weight"
    huge = Factor.from_log(A, [1e6, 1e6 - 2000])
    assert repr(huge).splitlines()[0].split()[-2:] == ["log", "weight"]
    assert repr(huge.normalize()).splitlines()[0].split()[-2:] == ["log", "probability"]


def test_variables_serve_as_names():
    p = GibbsDistribution(PHI)
    assert PHI[{A: "a0", B: "b1"}] == 25
    assert PHI.reduce({A: "a0"}).values.tolist() == [20, 25]
    assert p.condition({A: "a0"}).evidence == {"A": "a0"}
    assert p.marginal(A).allclose(p.marginal("A"))
    assert p.probability({A: "a0", "B": "b0"}) == pytest.approx(20 / 64)


def test_more_axes_than_numpy_has():
    many = [Variable(f"v{i}", 2) for i in range(70)]
    p = GibbsDistribution([Factor(v, [1, 2]) for v in many])
    assert math.isclose(p.log_partition(), 70 * math.log(3))
    with pytest.raises(ValueError, match="over 70 variables would have more axes than the 64"):
        p.marginal(*[v.name for v in many])
    halves = [Factor([Variable(f"{h}{i}", 1) for i in range(40)], np.ones((1,) * 40)) for h in "lr"]
    with pytest.raises(ValueError, match="over 80 variables would have more axes than the 64"):
        halves[0] * halves[1]


@pytest.mark.parametrize(
    ("memory", "error", "message"),
    [
        ("1GB", TypeError, "memory is '1GB'; it is a number of bytes"),
        (-1, ValueError, "memory is -1"),
    ],
)
def test_memory_is_a_number_of_bytes(memory, error, message):
    with pytest.raises(error, match=message):
        GibbsDistribution(PHI, memory=memory)


def test_pictures_need_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        draw(GibbsDistribution(PHI), "factor", path=tmp_path / "nowhere" / "x.png")


# ---- sequences ------------------------------------------------------------------------

SENTENCES = [[("dogs", "N"), ("bark", "V")], [("cats", "N"), ("sleep", "V")]] * 4
LABELS = [["x", "y"]] * 8
TEMPLATES = Templates.parse("U0:%x[0,0]\nU1:%x[0,1]\nB")


def test_sentences_of_strings_are_columns_to_templates():
    crf = LinearChainCRF(templates=TEMPLATES, progress=False)
    columns = Columns.from_sentences(SENTENCES)
    assert crf.fit(SENTENCES, LABELS).predict(columns) == LABELS
    assert cross_val_score(crf, SENTENCES, LABELS, cv=2).tolist() == [1.0, 1.0]


def test_one_sequence_in_every_form():
    crf = LinearChainCRF(templates=TEMPLATES, progress=False).fit(SENTENCES, LABELS)
    columns = Columns.from_sentences(SENTENCES)
    log_z = crf.log_partition(columns[:1])[0]
    for one in (columns[:1], columns[0], SENTENCES[0], SENTENCES[:1]):
        assert crf.gibbs(one).log_partition() == pytest.approx(log_z, rel=1e-12)
    X = [[{"word": w} for w, _ in sentence] for sentence in SENTENCES]
    crf = LinearChainCRF(progress=False).fit(X, LABELS)
    assert crf.gibbs(X[0]).log_partition() == crf.gibbs(X[:1]).log_partition()


def test_labels_are_labels():
    crf = LinearChainCRF(templates=TEMPLATES, progress=False)
    columns = Columns.from_sentences(SENTENCES)
    with pytest.raises(TypeError, match=r"y is Columns; .* give y.labels\(\)"):
        crf.fit(columns, columns)
    with pytest.raises(ValueError, match="sequence 1, position 0: the label is nan"):
        crf.fit(SENTENCES[:2], [["x", "y"], [float("nan"), "y"]])
    # None is a label that is not known, which is no slip
    assert crf.fit(SENTENCES[:2], [["x", "y"], [None, "y"]]).classes_ == ["x", "y"]


def test_many_labels_train():
    rng = np.random.default_rng(0)
    X = [[[f"w{w}"] for w in rng.integers(0, 400, 30)] for _ in range(40)]
    y = [[int(token[0][1:]) for token in sentence] for sentence in X]
    crf = LinearChainCRF(c2=0.01, max_iterations=60, tol=1e-3, progress=False).fit(X, y)
    assert crf.score(X, y) > 0.99


# ---- rows of data frames --------------------------------------------------------------


def test_a_row_of_a_frame_is_read_by_its_names():
    frame, y = load_iris(return_X_y=True, as_frame=True)
    model = SoftmaxRegression().fit(frame, y)
    expected = model.predict_proba(frame.iloc[:1])[0]
    for row in (frame.iloc[0], frame.iloc[:1], frame.iloc[0].to_numpy()):
        np.testing.assert_allclose(model.gibbs(row).marginal("class").values, expected)
    with pytest.raises(ValueError, match="feature names"):
        model.gibbs(frame.iloc[0][::-1])


# ---- threads and files ----------------------------------------------------------------


def test_the_last_one_out_lifts_the_limit():
    def threads():
        return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]

    before, inside = threads(), threading.Event()
    leave = threading.Event()

    def hold():
        with one_blas_thread():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    with one_blas_thread():
        other.start()
        assert inside.wait(10)
    assert set(threads()) <= {1}  # the other one still holds it
    leave.set()
    other.join()
    assert threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_a_forked_process_can_hold_the_limit_too():
    code = (
        "import os\n"
        "from gibbsfactor.threads import one_blas_thread\n"
        "with one_blas_thread(): pass\n"
        "child = os.fork()\n"
        "with one_blas_thread(): pass\n"
        "if child == 0: os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.strip() == "7"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with replacing(pipe) as file:
        file.write(b"through")
    reader.join(10)
    assert read == [b"through"]
    assert pipe.is_fifo()


def test_outputs_never_overwrite_inputs(tmp_path, capsys):
    data, template = tmp_path / "t.txt", tmp_path / "t.tpl"
    data.write_text("a x\nb y\n")
    template.write_text("U0:%x[0,0]\nB\n")
    model = tmp_path / "m"
    train = ["crf", "train", str(data), "--template", str(template), "--quiet", "--model"]
    assert main([*train, str(data)]) == 2
    assert main([*train, str(model), "--report", str(model)]) == 2
    assert main([*train, "-"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert "t.txt would overwrite" in err[0]
    assert "m would overwrite" in err[1]
    assert "an output is named -; name a file" in err[2]
    assert data.read_text() == "a x\nb y\n"
    assert main([*train, str(model)]) == 0
    assert main(["crf", "tag", str(model), str(data), "--output", str(model)]) == 2
    assert main([*train, str(model), "--c2", "1e308"]) == 2
    assert all(line.startswith("gibbsfactor: ") for line in capsys.readouterr().err.splitlines())

"""The demo: it tells its story, checks it, and leaves a report that needs nothing else."""

from __future__ import annotations

import argparse
import base64
import contextlib
import dataclasses
import io
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from gibbsfactor import (
    BayesianNetwork,
    BoltzmannDistribution,
    ConditionalTable,
    GibbsDistribution,
    HiddenMarkovModel,
    LinearChainCRF,
    LogLinearModel,
    NaiveBayes,
    cli,
    information,
    maximum_entropy,
)
from gibbsfactor.cli import demo, demo_crf, demo_family, demo_network, demo_physics
from gibbsfactor.cli.report import Picture, Story, Table
from gibbsfactor.datasets import load_conversations, tomato_plant
from gibbsfactor.drawing.charts import heat_map, ranked_bars, stacked_shares
from gibbsfactor.drawing.line_chart import Curve, line_chart, shades
from gibbsfactor.models.softmax import SoftmaxRegression

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Reads a page, holding that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.ids = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def run(*arguments):
    parser = argparse.ArgumentParser()
    demo.add_commands(parser.add_subparsers())
    parsed = parser.parse_args(["demo", *arguments])
    return parsed.run(parsed)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Exit status, stdout, folder and page of one run."""
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = run("--output", str(folder))
    text = (folder / "report.html").read_text(encoding="utf-8")
    return status, out.getvalue(), folder, text


def test_the_story(told):
    status, out, folder, _ = told
    assert status == 0
    for n in range(1, 10):
        assert f"\n{n}. " in out
    assert "Z = 20 + 25 + 15 + 4 = 64" in out
    for share in ("20/64", "25/64", "15/64", "4/64"):
        assert share in out
    assert "the 3,456 joint states sum to 1; largest difference" in out
    assert "8 variables, 10 tables; 11 steps" in out
    assert "0.007, 0.018, 0.976" in out
    assert "predict_proba on all 150 flowers" in out
    assert "3^5 = 243" in out
    assert "the three agree on log Z; largest difference" in out
    assert "and on every word's marginals; largest difference" in out
    for word in ("hey", "there", "jerk", "shit", "roar"):
        assert f"    {word}" in out
    assert "has the same P(label | words) of 2,359 words" in " ".join(out.split())
    assert "at the critical temperature 2.2692" in " ".join(out.split())
    assert "0.05435  0.07877  0.11416  0.16545  0.23977  0.34749" in out  # Jaynes (1978)
    assert "FAILED" not in out
    assert "All 27 checks agree." in out
    assert out.rstrip().endswith(f"The report: {folder / 'report.html'}")
    assert out.isascii()


def test_the_pictures_are_in_the_report_and_in_the_folder(told):
    _, _, folder, text = told
    pictures = sorted(folder.glob("*.svg"))
    assert len(pictures) == 11
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["report.html", "tomato.bif", *(path.name for path in pictures)]
    )
    images = Page(text).all("img")
    embedded = [base64.b64decode(image["src"].split(",", 1)[1]) for image in images]
    assert sorted(embedded) == sorted(path.read_bytes() for path in pictures)
    assert all(len(image["alt"]) > 20 for image in images)


def test_the_report_needs_nothing_else(told):
    text = told[-1]
    page = Page(text)
    assert not page.open
    assert len(page.ids) == len(set(page.ids))
    for tag in ("script", "link", "iframe", "object", "base"):
        assert not page.all(tag)
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in page.all("img"))
    assert {a["href"].removeprefix("#") for a in page.all("a")} == set(page.ids)
    assert "http" not in text
    assert "url(" not in text
    assert len(page.all("table")) == 17
    assert "FAILED" not in text


@pytest.fixture
def small_corpus(monkeypatch):
    corpus = load_conversations()
    part = dataclasses.replace(corpus, train=corpus.train[:30], test=corpus.test[:8])
    for module in (demo_crf, demo_family):
        monkeypatch.setattr(module, "load_conversations", lambda: part)


@pytest.mark.usefixtures("small_corpus")
def test_quiet_says_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--quiet") == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "gibbsfactor-demo" / "report.html").is_file()


@pytest.mark.usefixtures("small_corpus")
def test_checks_that_fail_are_told_and_give_one(tmp_path, capsys, monkeypatch):
    right = SoftmaxRegression.predict_proba
    monkeypatch.setattr(SoftmaxRegression, "predict_proba", lambda self, X: right(self, X) + 1e-6)
    assert run("--output", str(tmp_path), "--quiet") == 1
    out = capsys.readouterr().out
    assert out.count("FAILED: ") == 2  # that of the softmax, and that of its naive Bayes
    assert " ".join(out.split()).count("largest difference 1.0e-06") == 2
    assert "2 of 27 checks FAILED." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_made(tmp_path):
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(NotADirectoryError, match=r"file is a file; give --output a folder"):
        run("--output", str(file))
    with pytest.raises(OSError, match=r"can't make the folder .*below: Not a directory"):
        run("--output", str(file / "below"))
    assert file.read_text() == "kept"


# ---- the network ----------------------------------------------------------------------


def answered(command):
    """What a `gibbsfactor` command prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(shlex.split(command)[1:]) == 0, command
    return out.getvalue()


def test_the_command_to_go_on_with_gives_the_numbers_of_the_story(told):
    _, out, folder, text = told
    (command,) = [line.strip() for line in out.splitlines() if "gibbsfactor query" in line]
    assert f"<pre>{command}</pre>" in text
    assert str(folder / "tomato.bif") in command
    case = "    leaves = yellow, stem = wilting  "
    (line,) = [line for line in out.splitlines() if line.startswith(case)]
    rotting, _, aphids = re.findall(r"0\.\d{4}", line)
    found = dict(re.findall(r"(rotting|yes) +(0\.\d+)", answered(command)))
    assert {state: f"{float(p):.4f}" for state, p in found.items()} == {
        "rotting": rotting,
        "yes": aphids,
    }


def test_a_folder_with_a_blank_is_quoted(tmp_path, capsys):
    story = Story("s")
    demo.tell_files(story, tmp_path / "my plants" / "tomato.bif")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "query" in line]
    assert shlex.split(line)[2] == str(tmp_path / "my plants" / "tomato.bif")


def test_the_commands_of_the_readme_run_after_the_demo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("gibbsfactor-demo").mkdir()
    demo_network.tell_network(Story("s", quiet=True), Path("gibbsfactor-demo"))
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    part = readme.split("### Models from files")[1].split("\n### ")[0]
    commands, shown = re.findall(r"^```(?:bash|text)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    first, *others = commands.replace("\\\n", " ").splitlines()
    assert answered(first) == shown
    as_json, plan = map(answered, others)
    assert json.loads(as_json)["map"]["aphids"] == "yes"
    assert "induced width" in plan


def test_the_picture_names_every_variable_and_what_is_seen(tmp_path):
    demo_network.tell_network(Story("s", quiet=True), tmp_path)
    svg = (tmp_path / "tomato-network.svg").read_text(encoding="utf-8")
    labels = re.findall(r"<!-- (.*?) -->", svg)  # matplotlib writes each text above its outlines
    assert sorted(labels) == sorted([*tomato_plant().names, "= yellow", "= wilting"])


def with_other_roots(plant):
    roots = plant.tables["roots"]
    values = roots.values + np.array([1e-12, -1e-12])
    other = ConditionalTable(roots.child, roots.parents, values)
    return BayesianNetwork({**plant.tables, "roots": other}.values())


WRONG = {  # a check, and an answer that is to fail it: of what, which, spoilt how
    "log Z = 0": (BayesianNetwork, "gibbs", lambda q: q.condition({"blight": "no"})),
    "one call for the 5 cases": (
        BayesianNetwork,
        "marginals",
        lambda tables: {name: table + 1e-6 for name, table in tables.items()},
    ),
    "d-separation says so": (BayesianNetwork, "d_separated", lambda separated: not separated),
    "the most probable explanation is": (
        GibbsDistribution,
        "map_assignment",
        lambda x: {**x, "weather": "wet"},
    ),
    "of the causes alone": (GibbsDistribution, "marginal_map", lambda x: {**x, "aphids": "yes"}),
    "half of all entries are lost": (BayesianNetwork, "log_partition", lambda z: z + 1e-6),
    "a network fitted to the plants": (BayesianNetwork, "kl_divergence", lambda nats: nats + 1e-6),
    "written to tomato.bif": (demo_network, "read_bif", with_other_roots),
}


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_answer_fails_its_check_alone(check, tmp_path, monkeypatch):
    target, name, spoilt = WRONG[check]
    right = getattr(target, name)
    monkeypatch.setattr(target, name, lambda *args, **kw: spoilt(right(*args, **kw)))
    story = Story("s", quiet=True)
    demo_network.tell_network(story, tmp_path)
    assert story.n_checks == len(WRONG)
    (failure,) = story.failures
    assert check in failure


# ---- the family and the physics --------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """What the family is told with: the irises' softmax, and a CRF that saw few conversations."""
    corpus = load_conversations()
    part = corpus.train[:30]
    crf = LinearChainCRF(c2=0.3, templates=corpus.templates).fit(part.drop(), part.labels())
    iris = load_iris()
    return SoftmaxRegression().fit(iris.data, iris.target), crf


def numbers_of(out, row):
    """The numbers that a row of a table ends in."""
    (line,) = [line for line in out.splitlines() if line.startswith(f"    {row}  ")]
    return [float(cell.strip("%")) for cell in line.removeprefix(f"    {row}  ").split()]


def test_counting_and_training_are_compared(told):
    out = told[1]
    hmm, same, around = (
        numbers_of(out, name)
        for name in (
            "hidden Markov model",
            "CRF, on the same words",
            "CRF of section 5, on the words around too",
        )
    )
    assert hmm[1] > same[1] + 3
    assert around[0] < min(hmm[0], same[0])
    (each,) = [
        line.split() for line in out.splitlines() if "CRF, best label of each word  " in line
    ]
    assert around[1] / 100 == pytest.approx(float(each[-3]), abs=1e-4)  # as section 5 has it
    assert f"the HMM gets {hmm[1] - same[1]:.1f} points more right" in " ".join(out.split())


def test_small_lattices_have_lower_peaks_further_off(told):
    rows = [numbers_of(told[1], f"{n} x {n}") for n in (2, 4, 6, 8)]
    heights, temperatures = [row[2] for row in rows], [row[3] for row in rows]
    assert heights == sorted(heights)
    assert temperatures == sorted(temperatures, reverse=True)
    assert min(temperatures) > 2.2692


def test_each_look_tells_more_and_leaves_less_open(told):
    part = told[1].split("Physics and information")[1]
    looks = ("nothing", "stem", "stem, leaves", "soil, stem, leaves")
    tells, leaves = zip(*(numbers_of(part, look) for look in looks), strict=True)
    assert list(tells) == sorted(tells)
    assert list(leaves) == sorted(leaves, reverse=True)
    assert leaves[0] == pytest.approx(
        information.entropy(tomato_plant(), "roots", unit="bits"), abs=1e-4
    )


def test_the_picture_of_the_family_has_all_variables_and_factors(told):
    svg = (told[2] / "family.svg").read_text(encoding="utf-8")
    labels = re.findall(r"<!-- (.*?) -->", svg)
    for title in ("Naive Bayes", "Hidden Markov model", "Bayesian network"):
        assert labels.count(title) == 1
    for title in ("Softmax regression", "Linear-chain CRF", "General CRF"):
        assert labels.count(title) == 1
    nodes = set(re.findall(r'id="panel-(\d-\d)-node-(\d+)"', svg))
    count = {place: sum(there == place for there, _ in nodes) for place, _ in nodes}
    assert [count[place] for place in ("0-0", "0-1", "0-2")] == [5, 8, 6]
    # below, a factor for each input and the class; each word and step; each table
    assert [count[place] for place in ("1-0", "1-1", "1-2")] == [5 + 5, 8 + 4 + 3, 6 + 6]


def plus(values):
    return values + 1e-6


def loaded(mean, base=None):
    return lambda found: maximum_entropy([1, 2, 3, 4, 5, 6], [(lambda face: face, mean)], base=base)


SPOILT = [  # a check, and an answer that is to fail it, as in WRONG
    ("naive Bayes of 150", NaiveBayes, "predict_proba", plus),
    ("naive Bayes of 150", NaiveBayes, "gibbs", lambda q: q.at_temperature(1.001)),
    (
        "a hidden Markov model",
        HiddenMarkovModel,
        "predict_proba",
        lambda tables: [plus(table) for table in tables],
    ),
    ("a hidden Markov model", HiddenMarkovModel, "score_sequences", plus),
    ("a hidden Markov model", HiddenMarkovModel, "gibbs", lambda q: q.at_temperature(1.001)),
    ("a Bayesian network of", LogLinearModel, "gibbs", lambda q: q.at_temperature(1.001)),
    ("log Z of the 25 lattices", demo_physics, "kaufman_log_partition", plus),
    ("log Z of the 25 lattices", BoltzmannDistribution, "log_partition", plus),
    ("so is the heat capacity", demo_physics, "kaufman_heat_capacity", plus),
    ("it is a Gibbs distribution", demo_physics, "maximum_entropy", loaded(4.500001)),
    (
        "it is a Gibbs distribution",
        demo_physics,
        "maximum_entropy",
        loaded(4.5, [1, 1, 1, 1, 1, 1.001]),
    ),
    ("it is a Gibbs distribution", information, "kl_divergence", plus),
    ("told and open", information, "mutual_information", plus),
    ("told and open", information, "conditional_entropy", plus),
]


@pytest.mark.usefixtures("small_corpus")
@pytest.mark.parametrize(("check", "target", "name", "spoilt"), SPOILT)
def test_a_wrong_answer_of_the_family_fails_its_check_alone(
    check, target, name, spoilt, trained, tmp_path, monkeypatch
):
    right = getattr(target, name)
    monkeypatch.setattr(target, name, lambda *args, **kw: spoilt(right(*args, **kw)))
    monkeypatch.setattr(demo_physics, "SIDES", (2, 3))
    story = Story("s", quiet=True)
    if target in (demo_physics, information, BoltzmannDistribution):
        demo_physics.tell_physics(story, tmp_path)
        assert story.n_checks == 4
    else:
        demo_family.tell_family(story, tmp_path, *trained)
        assert story.n_checks == 3
    (failure,) = story.failures
    assert check in failure


# ---- the parts ------------------------------------------------------------------------


def test_everything_in_a_report_is_escaped(tmp_path):
    nasty = "<b>&\"'</b>"
    svg = tmp_path / "a.svg"
    svg.write_text("<svg/>")
    story = Story(nasty, quiet=True)
    story.section(nasty)
    story.say(nasty)
    story.show(nasty)
    story.table(Table([nasty], [[nasty]], nasty))
    story.picture(Picture(svg, nasty, nasty))
    story.check(True, nasty)
    story.write(tmp_path / "a.html")
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert page.all("b") == [{}]  # the check's own
    assert "".join(page.text).count(nasty) == 11
    assert page.all("img")[0]["alt"] == nasty


def test_columns_of_numbers_stand_to_the_right():
    table = Table(["name", "n", "share"], [["a", "1,000", "5%"], ["long one", "2", ""]])
    assert table.text().splitlines() == [
        "name          n  share",
        "a         1,000     5%",
        "long one      2",
    ]
    assert table.html().count('class="number"') == 6


def test_charts_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match=r"values have shape \(1, 2\), .* for \(2, 2\)"):
        heat_map([[1, 2]], ["a", "b"], ["c", "d"])
    with pytest.raises(ValueError, match=r"no bars to draw"):
        ranked_bars({})
    with pytest.raises(ValueError, match=r"there are 9 states, but colours for 8"):
        stacked_shares(np.full((1, 9), 1 / 9), ["x"], list("abcdefghi"))


def test_a_chart_of_curves_shows_lines_dots_and_marks(tmp_path):
    blue, orange = shades(2)
    figure = line_chart(
        [
            Curve("$both$", blue, line=([0, 4], [0, 2]), dots=([1], [0.5])),
            Curve("_dots", orange, dots=([1, 2], [1, 2])),
        ],
        x_label="$x",
        y_label="y_",
        x_range=(0, 3),
        y_range=(0, 1),
        marked={"$here": 2.0},
    )
    (ax,) = figure.axes
    drawn = [(line.get_marker(), line.get_xydata().tolist()) for line in ax.lines]
    assert ("None", [[0, 0], [4, 2]]) in drawn
    assert ("o", [[1, 0.5]]) in drawn
    assert ("o", [[1, 1], [2, 2]]) in drawn
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 3), (0, 1))
    assert [text.get_text() for text in ax.texts] == ["$here"]
    key = ax.get_legend()
    assert [text.get_text() for text in key.get_texts()] == ["$both$", "_dots"]
    looks = [(line.get_linestyle(), line.get_marker()) for line in key.get_lines()]
    assert looks == [("-", "o"), ("None", "o")]
    figure.savefig(tmp_path / "a.png")


def test_a_chart_of_curves_refuses_what_is_none():
    with pytest.raises(ValueError, match=r"no curves to draw"):
        line_chart([])
    with pytest.raises(ValueError, match=r"curve 'a' has neither line nor dots"):
        line_chart([Curve("a", "black")])
    with pytest.raises(ValueError, match=r"line of curve 'a' has x of shape \(2,\) and y of .*1,"):
        line_chart([Curve("a", "black", line=([1, 2], [1]))])


def test_charts_draw_what_is_special(tmp_path):
    """Zeros alone, blank cells, a dollar sign, no bar in a group."""
    blank = heat_map([[np.nan, 1.0], [-1e-9, np.nan]], ["a", "b"], ["c", "d"], diverging=True)
    assert [text.get_text() for text in blank.axes[0].texts] == ["1.00", "0.00"]
    heat_map([[np.nan]], ["a"], ["b"], row_label="$\\x$").savefig(tmp_path / "e.png")
    heat_map([[0.0]], ["$a$_"], ["b^$"], diverging=True, title="$x").savefig(tmp_path / "a.png")
    heat_map([[0.0, 0.0]], ["a"], ["b", "c"]).savefig(tmp_path / "b.png")
    ranked_bars({"$": [], "b": [("$\\frac$", 2.0)]}).savefig(tmp_path / "c.png")
    stacked_shares([[0.5, 0.5]], ["$\\x$"], ["$\\y$", "_b"]).savefig(tmp_path / "d.png")
    assert len(list(tmp_path.iterdir())) == 5

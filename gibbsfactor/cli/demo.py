"""`gibbsfactor demo`: from one factor's table to a family of models, every claim checked."""

from __future__ import annotations

import argparse
import math
import shlex
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import gibbsfactor as gf
from gibbsfactor.cli.report import Picture, Story, Table

TOLERANCE = 1e-9  # in probability; rounding leaves about 1e-15

_KINDS = {
    "induced": "Induced graph: an edge where two variables share a factor",
    "factor": "Factor graph: variables in blue, the seven factors as black squares",
    "junction": "Junction tree: cliques in boxes, and between two of them what they share",
}


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``demo`` to the command line."""
    demo = subparsers.add_parser(
        "demo",
        help="a tour from one factor's table to a family of models, with pictures and a report",
        description="Tell, check and draw the main uses on data that ships with the package. "
        "Writes pictures, a model to query and one self-contained HTML report. Exits with 1 "
        "if a check fails.",
    )
    demo.add_argument(
        "--output", metavar="DIR", default="gibbsfactor-demo", help="folder to write (%(default)s)"
    )
    demo.add_argument("--quiet", action="store_true", help="print only checks that fail")
    demo.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 if every check agrees, else 1."""
    from gibbsfactor.cli.demo_crf import tell_sentence, tell_training
    from gibbsfactor.cli.demo_family import tell_family
    from gibbsfactor.cli.demo_network import tell_network
    from gibbsfactor.cli.demo_physics import tell_physics

    folder = _made(Path(arguments.output))
    story = Story("gibbsfactor: from one table to a family of models", quiet=arguments.quiet)
    tell_factor_table(story)
    tell_business(story, folder)
    network = tell_network(story, folder)
    tell_softmax(story)
    softmax = tell_trained_softmax(story)
    crf = tell_training(story, folder, progress=not arguments.quiet)
    tell_sentence(story, folder, crf)
    tell_family(story, folder, softmax, crf)
    tell_physics(story, folder)
    report = folder / "report.html"
    tell_files(story, network)
    story.write(report)
    if not arguments.quiet:
        print(f"The report: {report}")
    return 1 if story.failures else 0


def tell_files(story: Story, network: Path) -> None:
    """The last section: what was written, how the checks came out, and how to go on."""
    story.section("The pictures, a model and the report")
    files = [
        (picture.path.name, picture.caption.split(". ")[0].rstrip("."))
        for picture in story.pictures
    ]
    files.append((network.name, "The tomato plant's network, in BIF"))
    story.table(Table(["file", "shows"], files))
    command = ["gibbsfactor", "query", str(network), "--given", "leaves=yellow", "stem=wilting"]
    story.say("To ask the network yourself, in a shell:")
    story.show(shlex.join([*command, "--variables", "roots,aphids"]))
    story.say(story.verdict())


def _made(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; give --output a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"can't make the folder {folder}: {error.strerror}") from None
    return folder


# ---- factors --------------------------------------------------------------------------


def tell_factor_table(story: Story) -> None:
    """Section 1: one factor, its partition function, one query, its cost."""
    story.section("One factor and its partition function")
    a, b = gf.Variable("A", ["a0", "a1"]), gf.Variable("B", ["b0", "b1"])
    phi = gf.Factor([a, b], [[20, 25], [15, 4]])
    p = gf.GibbsDistribution([phi])
    z = p.partition_function()
    story.say(
        "A factor phi(A, B) gives a weight to each joint state. The weights need not sum to one: "
        f"their sum is the partition function Z = {z:g}, and weight / Z is the probability."
    )
    rows, difference = [], 0.0
    for (i, j), weight in np.ndenumerate(phi.values):
        state = {"A": a.states[i], "B": b.states[j]}
        found = p.probability(state)
        difference = max(difference, abs(found - weight / 64))
        rows.append((*map(str, state.values()), f"{weight:g}", f"{weight:g}/{z:g}", f"{found:.6f}"))
    story.table(Table(["A", "B", "phi(A, B)", "phi / Z", "P(A, B)"], rows))
    story.check(z == 64, f"Z = 20 + 25 + 15 + 4 = {z:g}")
    story.check(
        difference < TOLERANCE,
        "the four probabilities are 20/64, 25/64, 15/64, 4/64; "
        f"largest difference {difference:.1e}",
    )
    given = p.condition({"B": "b1"}).marginal("A")[{"A": "a0"}]
    story.check(
        abs(given - 25 / 29) < TOLERANCE,
        f"a query: P(A = a0 | B = b1) = 25 / (25 + 4) = {given:.6f}",
    )
    story.say("What it costs is known before any arithmetic:")
    story.show(p.plan().explain())


def tell_business(story: Story, folder: Path) -> None:
    """Section 2: six variables, the graphs that their factors induce, queries."""
    story.section("Six variables of a small business")
    p = gf.datasets.business_graph()
    story.say(
        "Small tables tie six variables together. Two variables are joined in the induced graph "
        "where some factor holds both; the graph tells who is independent of whom given what."
    )
    variables = [
        (letter, v.name, ", ".join(map(str, v.states)))
        for letter, v in zip("ABCDEF", p.variables, strict=True)
    ]
    story.table(Table(["", "variable", "states"], variables))
    edges = ", ".join(f"{u} - {v}" for u, v in p.induced_graph().edges)
    for kind, caption in _KINDS.items():
        path = folder / f"business-{kind}.svg"
        gf.draw(p, kind=kind, path=path)  # type: ignore[arg-type]
        alt = f"{caption}. Variables that share a factor: {edges}."
        story.picture(Picture(path, f"{caption}.", alt))

    joint = [dict(zip(p.names, x, strict=True)) for x in product(*(v.states for v in p.variables))]
    weights = np.array([math.prod(f[{n: x[n] for n in f.names}] for f in p.factors) for x in joint])
    z = p.partition_function()
    story.check(
        z == weights.sum(),
        f"Z = {z:,.0f} by the engine and by enumeration of all {len(joint)} joint states",
    )
    cakes = p.marginal("cakes")
    answers = {
        "P(cakes)": cakes,
        "P(cakes | channel = fair)": p.condition({"channel": "fair"}).marginal("cakes"),
    }
    counts = cakes.scope[0].states
    rows = [(query, *(f"{w:.4f}" for w in answer.values)) for query, answer in answers.items()]
    story.table(Table(["", *map(str, counts)], rows, "How many cakes for the party"))
    by_hand = [
        sum(w for w, x in zip(weights, joint, strict=True) if x["cakes"] == k) for k in counts
    ]
    difference = _gap(cakes.values, np.array(by_hand) / weights.sum())
    story.check(
        difference < TOLERANCE,
        f"P(cakes) agrees with the enumeration; largest difference {difference:.1e}",
    )
    best = p.map_assignment()
    story.check(
        best == joint[int(weights.argmax())],
        "the most probable joint state, by max-product and by enumeration, is "
        + ", ".join(f"{name} = {state}" for name, state in best.items())
        + f" (probability {p.probability(best):.4f}); the most probable number of cakes alone is "
        + str(int(cakes.values.argmax())),
    )


# ---- softmax --------------------------------------------------------------------------


def tell_softmax(story: Story) -> None:
    """Section 4: softmax is one variable's Gibbs distribution."""
    story.section("Softmax is a product of factors")
    scores = [1.0, 2.0, 6.0]
    y = gf.Variable("y", ["first", "second", "third"])
    factors = [gf.Factor(y, np.exp(s * np.eye(3)[k])) for k, s in enumerate(scores)]
    phi = math.prod(factors, start=gf.Factor((), 1.0))
    z = float(phi.marginalize("y"))
    found = phi.normalize().values
    story.say(
        "Each score becomes a factor exp(score) on its own class, one elsewhere. Their product "
        "divided by its sum Z is the softmax of the scores 1, 2, 6:"
    )
    rows = [
        (str(state), *(f"{f.values[k]:.3f}" for f in factors), f"{phi.values[k]:.3f}", f"{p:.3f}")
        for k, (state, p) in enumerate(zip(y.states, found, strict=True))
    ]
    story.table(
        Table(
            ["y", "factor 1", "factor 2", "factor 3", "product", "product / Z"],
            rows,
            f"Z = {z:.3f}",
        )
    )
    closed = np.exp(scores) / np.exp(scores).sum()
    difference = _gap(found, closed)
    story.check(
        difference < TOLERANCE,
        "the closed formula exp(s_k) / sum_j exp(s_j) gives "
        + ", ".join(f"{p:.3f}" for p in closed)
        + f" too; largest difference {difference:.1e}",
    )


def tell_trained_softmax(story: Story) -> gf.SoftmaxRegression:
    """The rest of section 4: trained weights are factors too, one for every input feature."""
    from sklearn.datasets import load_iris

    iris = load_iris()
    names = iris.target_names[iris.target]
    held_out = np.arange(len(names)) % 3 == 0
    model = gf.SoftmaxRegression().fit(iris.data[~held_out], names[~held_out])
    share = model.score(iris.data[held_out], names[held_out])
    story.say(
        "A trained softmax regression is the same thing, with one factor for every input feature. "
        f"Trained on {np.sum(~held_out)} of Fisher's irises, it names {share:.1%} of the other "
        f"{np.sum(held_out)} right. The factors of one flower:"
    )
    flower = model.gibbs(iris.data[held_out][-1])
    sources = ["intercept", *iris.feature_names]
    rows = [
        (source, *(f"{weight:.4g}" for weight in factor.values))
        for source, factor in zip(sources, flower.factors, strict=True)
    ]
    total = math.prod(flower.factors, start=gf.Factor((), 1.0))
    rows.append(("product", *(f"{weight:.4g}" for weight in total.values)))
    rows.append(("product / Z", *(f"{p:.4f}" for p in flower.marginal("class").values)))
    story.table(
        Table(
            ["factor from", *map(str, model.classes_)],
            rows,
            f"Z = {float(total.marginalize('class')):.4g}",
        )
    )
    marginals = [model.gibbs(x).marginal("class").values for x in iris.data]
    difference = _gap(np.array(marginals), model.predict_proba(iris.data))
    story.check(
        difference < TOLERANCE,
        f"gibbs(x).marginal('class') equals predict_proba on all {len(names)} flowers; "
        f"largest difference {difference:.1e}",
    )
    return model


def _gap(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    return float(np.abs(one - other).max())

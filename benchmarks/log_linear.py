"""Log-linear models: training a grid exactly, recovering weights, the chain's loss, gradients.

    python benchmarks/log_linear.py [--only grid|recovery|chain|gradient] [--data FOLDER]

grid      A CRF on 200 images of 10 x 10, trained exactly: from zero and from the weights that the
          pseudo-likelihood finds, to the default tolerance and as far as numbers go.
recovery  Random Markov networks of 12 binary variables, fitted to 100,000 exact samples of each:
          how far the estimates are from the truth, in units of their own covariance.
chain     Loss and gradient of a LogLinearModel and of LinearChainCRF's own code, on the same
          features at random weights, and the time that an evaluation takes.
gradient  Against central differences: chain, tree, grid, skip chain, factorial chain.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import networkx as nx
import numpy as np
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

import gibbsfactor as gf
from gibbsfactor.features import Columns, Templates
from gibbsfactor.features.labels import read_labels
from gibbsfactor.learning.chain.features import observed_features
from gibbsfactor.learning.chain.loss import ChainLoss
from gibbsfactor.learning.log_linear.loss import LogLinearLoss
from gibbsfactor.models.linear_chain_crf.problem import make_rules, make_targets
from gibbsfactor.models.log_linear import (
    Chain,
    CliqueTemplate,
    Grid,
    LogLinearModel,
    Nodes,
    SkipChain,
    Tree,
    contrast,
    factorial_chain,
    own,
    with_one,
)
from gibbsfactor.models.log_linear.labels import Labels
from gibbsfactor.models.log_linear.reading import Reader, kinds_of

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "conll2000"


def loss_of(
    templates: Sequence[CliqueTemplate], X: Any, y: Any, c2: float, states: Any = None
) -> LogLinearLoss:
    """The loss that `LogLinearModel.fit` minimises."""
    kinds = kinds_of(templates)
    labels = Labels.of(y, kinds, False)
    reader = Reader(tuple(templates), states or {kind: labels.states(kind) for kind in kinds})
    inputs = reader.read(X)
    cases = labels.cases(reader.states, inputs, np.ones(labels.n))
    return LogLinearLoss(inputs.structure, cases, c2)


# ---- grid ------------------------------------------------------------------------------


def images(n: int, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Discs and boxes, with Gaussian noise (n, size, size, 1) and without (n, size, size)."""
    rows, columns = np.mgrid[:size, :size]
    clean = np.zeros((n, size, size), dtype=bool)
    for image in clean:
        for _ in range(rng.integers(1, 4)):
            y, x = np.abs(rows - rng.uniform(0, size)), np.abs(columns - rng.uniform(0, size))
            if rng.random() < 0.5:
                image |= np.hypot(y, x) < rng.uniform(1.5, size / 3)
            else:
                image |= (y < rng.uniform(1, size / 3)) & (x < rng.uniform(1, size / 2))
    noisy = clean + rng.normal(0, 0.8, clean.shape)
    return noisy[..., None], clean.astype(int)


def grid() -> None:
    X, y = images(200, 10, np.random.default_rng(0))
    X_test, y_test = images(200, 10, np.random.default_rng(1))
    templates = [
        CliqueTemplate(Nodes(2), with_one(own), name="pixel"),
        CliqueTemplate(Grid(), with_one(contrast), name="neighbours"),
    ]
    print("CRF on 200 images of 10 x 10, c2 = 0.1")
    print(f"{'':34}{'seconds':>8}{'evals':>7}{'loss':>16}{'gradient':>10}{'errors':>8}")

    def row(name: str, model: LogLinearModel) -> LogLinearModel:
        began = perf_counter()
        model.fit(X, y)
        seconds = perf_counter() - began
        errors = 1 - model.score(X_test, y_test)
        print(
            f"{name:34}{seconds:8.2f}{model.n_evaluations_:7}{model.loss_:16.8f}"
            f"{model.gradient_norm_:10.1e}{errors:8.2%}",
            flush=True,
        )
        return model

    exact: dict[str, Any] = {"c2": 0.1, "progress": False, "warm_start": True}
    far = row("exact, from zero", LogLinearModel(templates, **exact))
    row("  then on, to tol=1e-14", far.set_params(tol=1e-14))
    model = row(
        "pseudo-likelihood",
        LogLinearModel(templates, objective="pseudo-likelihood", **exact),
    )
    row("  exact, from there", model.set_params(objective="likelihood"))
    row("  then on, to tol=1e-14", model.set_params(tol=1e-14))
    apart = max(np.abs(model.weights_[k] - far.weights_[k]).max() for k in far.weights_)
    print(f"largest difference of the two ends' weights: {apart:.1e}")


# ---- recovery --------------------------------------------------------------------------


def random_network(n: int, edges: int, seed: int) -> tuple[LogLinearModel, np.ndarray, list[str]]:
    """Spins with random fields and couplings; the true weights, and the names of templates."""
    rng = np.random.default_rng(seed)
    spin = np.array([-1.0, 1.0])
    graph = nx.gnm_random_graph(n, edges, seed=seed)
    templates = [CliqueTemplate(over=f"v{i}", table=spin, name=f"v{i}") for i in range(n)]
    for i, j in graph.edges:
        pair = (f"v{i}", f"v{j}")
        templates.append(CliqueTemplate(over=pair, table=np.outer(spin, spin), name=" ".join(pair)))
    names = [template.title for template in templates]
    true = rng.uniform(-0.6, 0.6, len(names))
    states = {f"v{i}": [-1, 1] for i in range(n)}
    weights = {name: [weight] for name, weight in zip(names, true, strict=True)}
    return LogLinearModel.from_weights(templates, states, weights), true, names


def information(weights: np.ndarray, names: Sequence[str], n: int) -> np.ndarray:
    """Fisher information of one sample: the features' covariance, over all 2^n states."""
    spins = np.array(list(product([-1.0, 1.0], repeat=n)))
    features = np.stack(
        [spins[:, [int(v[1:]) for v in name.split()]].prod(axis=1) for name in names], axis=1
    )
    scores = features @ weights
    shares = np.exp(scores - scores.max())
    return np.cov(features.T, aweights=shares, ddof=0)


def recovery(n: int = 12, edges: int = 20, samples: int = 100_000, runs: int = 8) -> None:
    print(f"\nMarkov networks of {n} binary variables and {edges} edges, {samples:,} samples")
    print(
        f"{'seed':>4}{'weights':>9}{'width':>7}{'seconds':>9}{'chi-square':>12}{'p':>8}"
        f"{'max |z|':>9}"
    )
    p_values, zs = [], []
    for seed in range(runs):
        model, true, names = random_network(n, edges, seed)
        data = model.gibbs().sample(samples, rng=seed)
        began = perf_counter()
        fitted = LogLinearModel(model.templates, c2=0.0, tol=1e-12, progress=False).fit(None, data)
        seconds = perf_counter() - began
        found = np.array([fitted.weights_[name][0, 0] for name in names])
        fisher = samples * information(true, names, n)
        off = found - true
        distance = off @ fisher @ off
        z = off / np.sqrt(np.diag(np.linalg.inv(fisher)))
        p_values.append(stats.chi2.sf(distance, len(names)))
        zs.append(z)
        print(
            f"{seed:4}{len(names):9}{fitted.gibbs().plan().width:7}{seconds:9.2f}{distance:12.1f}"
            f"{p_values[-1]:8.3f}{np.abs(z).max():9.2f}",
            flush=True,
        )
    every = np.concatenate(zs)
    print(
        f"all {every.size} z: mean {every.mean():.3f}, variance {every.var():.3f}, largest "
        f"{np.abs(every).max():.2f} (to expect: {stats.norm.isf(0.25 / every.size):.2f}); "
        f"p-values even: p = {stats.kstest(p_values, 'uniform').pvalue:.3f}"
    )


# ---- chain -----------------------------------------------------------------------------


def both(data: Columns, templates: Templates) -> tuple[ChainLoss, LogLinearLoss]:
    """The two losses on the same features and weights."""
    X, y = data.drop(), data.labels()
    crf = gf.LinearChainCRF(templates=templates, max_iterations=1)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        tokens = crf.fit(X, y).vectorizer_.transform(X)
    labels = read_labels(y)
    targets = make_targets(labels, tokens.lengths, np.ones(len(y)))
    features, observed = observed_features(
        tokens, targets, order=1, transitions=True, all_states=True, all_transitions=True
    )
    theirs = ChainLoss(features, observed, tokens, targets, 0.5, make_rules(None, labels.classes))
    ends = np.cumsum(tokens.lengths)
    rows = [
        tokens.attributes[begin:end] for begin, end in zip(ends - tokens.lengths, ends, strict=True)
    ]
    chain = [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]
    return theirs, loss_of(chain, rows, y, 0.5, {"y": list(labels.classes)})


def chain(folder: Path, sentences: int = 300, repeats: int = 5) -> None:
    talk = gf.datasets.load_conversations()
    corpora = {"conversations": (talk.train, talk.templates)}
    if (folder / "train.txt.gz").is_file():
        train = gf.read_conll(folder / "train.txt.gz")[:sentences]
        corpora[f"CoNLL-2000, {sentences}"] = (train, Templates.chunking())
    else:
        print(f"no CoNLL-2000 data in {folder}")
    print("\nAn evaluation of a chain's loss, LinearChainCRF's code and LogLinearModel's")
    print(
        f"{'':20}{'tokens':>8}{'labels':>8}{'weights':>9}{'chain, s':>10}{'ours, s':>9}{'ratio':>7}"
        f"{'loss':>10}{'gradient':>10}"
    )
    rng = np.random.default_rng(0)
    for name, (data, templates) in corpora.items():
        theirs, ours = both(data, templates)
        seconds: dict[str, list[float]] = {"theirs": [], "ours": []}
        off, slope_off = 0.0, 0.0
        with theirs:
            for _ in range(repeats + 1):  # the first makes plans, and is not counted
                weights = rng.normal(0, 0.5, theirs.features.n_weights)
                began = perf_counter()
                value, slope = theirs(weights)
                halfway = perf_counter()
                loss, gradient = ours(weights)
                seconds["theirs"].append(halfway - began)
                seconds["ours"].append(perf_counter() - halfway)
                off = max(off, abs(loss - value) / abs(value))
                slope_off = max(slope_off, np.abs(gradient - slope).max() / np.abs(slope).max())
        one, other = (median(seconds[who][1:]) for who in ("theirs", "ours"))
        print(
            f"{name:20}{data.n_tokens:8,}{ours.structure.cardinalities[0]:8}"
            f"{theirs.features.n_weights:9,}{one:10.4f}{other:9.4f}{other / one:7.1f}"
            f"{off:10.1e}{slope_off:10.1e}",
            flush=True,
        )
    print("(loss, gradient: largest differences, relative)")


# ---- gradient --------------------------------------------------------------------------


def gradient() -> None:
    rng = np.random.default_rng(0)
    features = CliqueTemplate(Nodes(), own)
    skip = CliqueTemplate(SkipChain(lambda x: round(float(x[0]))), table="same")
    tree = CliqueTemplate(Tree(lambda x: [(t - 1) // 2 for t in range(len(x))]))
    cases = {
        "chain of 8": ([features, CliqueTemplate(Chain())], (8, 2)),
        "chain of order 2": ([features, CliqueTemplate(Chain(order=2))], (8, 2)),
        "tree of 10": ([features, tree], (10, 2)),
        "skip chain of 10": ([features, CliqueTemplate(Chain()), skip], (10, 2)),
        "grid of 3 x 3": (
            [CliqueTemplate(Nodes(2), own), CliqueTemplate(Grid(), with_one(contrast))],
            (3, 3, 2),
        ),
        "factorial chain of 6": (factorial_chain(["a", "b"], own), (6, 2)),
    }
    print("\nGradient and central differences: largest difference")
    print(f"{'':24}{'weights':>8}{'all known':>12}{'two in five hidden':>20}")
    for name, (templates, shape) in cases.items():
        X = list(rng.normal(size=(4, *shape)))
        kinds = kinds_of(templates)
        off = []
        for hidden in (0.0, 0.4):
            y = []
            for _ in X:
                codes = rng.integers(0, 3, (len(kinds), *shape[:-1])).astype(object)
                codes[rng.random(codes.shape) < hidden] = None
                y.append(dict(zip(kinds, codes, strict=True)))
            loss = loss_of(templates, X, y, 0.3, {kind: [0, 1, 2] for kind in kinds})
            weights = rng.normal(size=int(loss.structure.weight_bounds[-1]))
            step = 1e-5
            numeric = [
                (loss(weights + step * e)[0] - loss(weights - step * e)[0]) / (2 * step)
                for e in np.eye(len(weights))
            ]
            off.append(np.abs(loss(weights)[1] - numeric).max())
        print(f"{name:24}{len(weights):8}{off[0]:12.1e}{off[1]:20.1e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("grid", "recovery", "chain", "gradient")
    parser.add_argument("--only", choices=parts, action="append", help="this part; repeatable")
    parser.add_argument("--data", type=Path, default=DEFAULT, help="folder of CoNLL-2000")
    arguments = parser.parse_args()
    for part in arguments.only or parts:
        if part == "grid":
            grid()
        elif part == "recovery":
            recovery()
        elif part == "chain":
            chain(arguments.data)
        else:
            gradient()


if __name__ == "__main__":
    main()

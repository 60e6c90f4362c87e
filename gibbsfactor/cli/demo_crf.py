"""The demo's second half: a linear-chain CRF trained, compared, and taken apart on one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.cli.report import Picture, Story, Table
from gibbsfactor.datasets import Conversations, load_conversations
from gibbsfactor.drawing import draw
from gibbsfactor.drawing.charts import heat_map, ranked_bars, stacked_shares
from gibbsfactor.drawing.figure import save_figure
from gibbsfactor.evaluation import Scores, evaluate_labels
from gibbsfactor.factor import Factor
from gibbsfactor.features import Columns, FeatureListVectorizer
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.models.linear_chain_crf import LinearChainCRF
from gibbsfactor.models.softmax import SoftmaxRegression
from gibbsfactor.variable import Variable

Labels = list[list[str]]

SENTENCE = ("hey", "there", "jerk", "shit", "roar")
C2 = 0.3  # penalty c2 |w|^2 of all models here, by cross-validation on the training split
TOLERANCE = 1e-9  # in nats or probability; rounding leaves about 1e-13


def tell_training(story: Story, folder: Path, *, progress: bool) -> LinearChainCRF:
    """Section 5: train on the conversations, and compare on the test split."""
    story.section("A linear-chain CRF learns to label words")
    corpus = load_conversations()
    words, truth = corpus.train.drop(), corpus.train.labels()
    test_words, test_truth = corpus.test.drop(), corpus.test.labels()
    crf = LinearChainCRF(
        c2=C2, templates=corpus.templates, progress="always" if progress else False
    ).fit(words, truth)
    story.say(
        f"The corpus: {len(corpus.train)} training conversations of {words.n_tokens:,} words, "
        f"{len(corpus.test)} test conversations of {test_words.n_tokens:,}. Every word has a "
        f"label: {', '.join(crf.classes_)}. A CRF is a softmax at each word whose labels are tied "
        f"to their neighbours' by transition factors. Training its {len(crf.weights_):,} weights "
        f"took {crf.n_iter_} iterations of L-BFGS and {crf.seconds_['training']:.1f} s."
    )
    each = [
        [crf.classes_[i] for i in table.argmax(axis=1)] for table in crf.predict_proba(test_words)
    ]
    scores = _tell_comparison(story, crf, corpus, each)
    counts = _confusion(test_truth, each, crf.classes_)
    _tell_labels(story, counts, crf.classes_, scores["CRF, best label of each word"])
    _draw_weights(story, folder, crf)
    figure = heat_map(
        counts,
        crf.classes_,
        crf.classes_,
        row_label="true label",
        column_label="label given",
        number_format=".0f",
        shade=counts / counts.sum(axis=1, keepdims=True),
    )
    path = folder / "crf-confusion.svg"
    save_figure(figure, path)
    story.picture(
        Picture(
            path,
            "Confusion matrix of the CRF on the test split. Numbers are words; the shade is the "
            "share of the row.",
            "Rows true labels, columns labels given: "
            + "; ".join(
                f"{label}: {', '.join(f'{n:.0f}' for n in row)}"
                for label, row in zip(crf.classes_, counts, strict=True)
            ),
        )
    )
    return crf


def _tell_comparison(
    story: Story, crf: LinearChainCRF, corpus: Conversations, each: Labels
) -> dict[str, Scores]:
    """The CRF against softmax regressions, on words and on stretches of words."""
    words, truth = corpus.train.drop(), corpus.train.labels()
    test_words, test_truth = corpus.test.drop(), corpus.test.labels()
    best = crf.predict(test_words)
    alone = _softmax_labels(_single_words(words), _single_words(test_words), truth)
    window = _softmax_labels(words, test_words, truth, crf)
    predictions = {
        "CRF, best label of each word": each,
        "CRF, best labelling as a whole": best,
        "softmax on the window of words": window,
        "softmax on the word alone": alone,
    }
    scores = {name: evaluate_labels(test_truth, found) for name, found in predictions.items()}
    stretches = {
        name: evaluate_labels(_as_chunks(test_truth), _as_chunks(found)).f1
        for name, found in predictions.items()
    }
    story.table(
        Table(
            ["test split", "accuracy", "macro F1", "stretch F1"],
            [
                (name, f"{s.accuracy:.4f}", f"{s.f1:.4f}", f"{stretches[name]:.4f}")
                for name, s in scores.items()
            ],
            f"The CRF and two softmax regressions, all with the penalty {C2:g} |w|^2",
        )
    )
    story.say(_verdict(scores))
    story.say(_stretch_verdict(*stretches.values()))
    return scores


def _single_words(columns: Columns) -> list[list[list[str]]]:
    return [[[word] for (word,) in sentence] for sentence in columns]


def _softmax_labels(
    train: Any, test: Any, truth: Labels, crf: LinearChainCRF | None = None
) -> Labels:
    """Labels that a softmax gives each token by itself, on the CRF's features if it is given."""
    if crf is None:
        vectorizer: Any = FeatureListVectorizer()
        attributes = vectorizer.fit_transform(train).attributes
    else:
        vectorizer = crf.vectorizer_
        attributes = vectorizer.transform(train).attributes
    tokens = vectorizer.transform(test)
    flat = [label for labels in truth for label in labels]
    model = SoftmaxRegression(C=1 / (2 * C2), tol=1e-5).fit(attributes, flat)
    found = model.predict(tokens.attributes)
    return [part.tolist() for part in np.split(found, np.cumsum(tokens.lengths)[:-1])]


def _verdict(scores: dict[str, Scores]) -> str:
    each, best, window, alone = (s.accuracy for s in scores.values())
    noise = math.sqrt(each * (1 - each) / next(iter(scores.values())).n_tokens)
    if abs(each - window) < noise:
        compared = "as good, within the noise of so few words, as"
    else:
        compared = "better than" if each > window else "worse than"
    return (
        f"Label by label the CRF gets {each:.2%} of the words right: {100 * (each - alone):.1f} "
        f"points more than the softmax that sees the word alone, and {compared} the softmax that "
        f"sees the same window of words ({window:.2%}; one standard error is {noise:.2%}). The "
        "most probable labelling as a whole answers another question, and gets "
        f"{best:.2%} of single words right."
    )


def _as_chunks(labels: Labels) -> Labels:
    """Stretches of one label as chunks: B- where one begins, I- within, O for neutral words."""
    return [
        [
            "O" if now == "neutral" else f"{'I' if before == now else 'B'}-{now}"
            for before, now in zip([None, *sentence], sentence, strict=False)
        ]
        for sentence in labels
    ]


def _stretch_verdict(each: float, best: float, window: float, alone: float) -> str:
    chain, single = max(each, best), max(window, alone)
    return (
        "People speak in stretches: a whole apology, a whole insult. Counted are the stretches "
        "found exactly, from the first word to the last. There a chain, which labels words "
        f"together, reaches F1 {chain:.3f}, and a softmax, which labels each alone, {single:.3f}."
    )


def _confusion(truth: Labels, found: Labels, labels: Sequence[str]) -> npt.NDArray[np.float64]:
    """Words by true label (rows) and label given (columns)."""
    number = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)))
    for true, given in zip(truth, found, strict=True):
        for one, other in zip(true, given, strict=True):
            counts[number[one], number[other]] += 1
    return counts


def _tell_labels(
    story: Story, counts: npt.NDArray[np.float64], labels: Sequence[str], scores: Scores
) -> None:
    right = np.diag(counts)
    precision = right / np.maximum(counts.sum(axis=0), 1)
    recall = right / np.maximum(counts.sum(axis=1), 1)
    f1 = 2 * right / np.maximum(counts.sum(axis=0) + counts.sum(axis=1), 1)
    rows = [
        (label, *(f"{share[i]:.4f}" for share in (precision, recall, f1)), f"{n:.0f}")
        for i, (label, n) in enumerate(zip(labels, counts.sum(axis=1), strict=True))
    ]
    story.table(
        Table(
            ["label", "precision", "recall", "F1", "words"],
            rows,
            "The CRF's best label of each word, by label",
        )
    )
    gap = max(abs(right.sum() / counts.sum() - scores.accuracy), abs(f1.mean() - scores.f1))
    story.check(
        gap < TOLERANCE,
        f"accuracy {scores.accuracy:.4f} and macro F1 {scores.f1:.4f} follow from the confusion "
        "matrix too",
    )


def _draw_weights(story: Story, folder: Path, crf: LinearChainCRF) -> None:
    labels = crf.classes_
    transitions = crf.transition_features_
    table = [[transitions.get((one, two), np.nan) for two in labels] for one in labels]
    path = folder / "crf-transitions.svg"
    figure = heat_map(
        table, labels, labels, row_label="label before", column_label="label after", diverging=True
    )
    save_figure(figure, path)
    story.picture(
        Picture(
            path,
            "Transition weights: what a label adds to the score of the next one. Labels tend to "
            "stay as they are.",
            "; ".join(f"{one} to {two}: {w:.2f}" for (one, two), w in transitions.items()),
        )
    )
    assert crf.templates is not None
    own = next((t.literals[0] for t in crf.templates.templates if t.macros == ((0, 0),)), None)
    if own is None:
        return
    weights = [
        (w, name.removeprefix(own), label)
        for (name, label), w in crf.state_features_.items()
        if name.startswith(own) and w > 0
    ]
    top = {
        label: [(word, w) for w, word, other in sorted(weights, reverse=True) if other == label][:8]
        for label in labels
    }
    path = folder / "crf-words.svg"
    save_figure(ranked_bars(top), path)
    story.picture(
        Picture(
            path,
            "The words with the largest weights for each label. Only the word itself counts here, "
            "not those around it.",
            "; ".join(f"{label}: {', '.join(w for w, _ in words)}" for label, words in top.items()),
        )
    )


# ---- one sentence ---------------------------------------------------------------------


def tell_sentence(story: Story, folder: Path, crf: LinearChainCRF) -> None:
    """Section 6: label one sentence, and compute the same numbers in three ways."""
    labels = crf.classes_
    story.section(f"One sentence: {' '.join(SENTENCE)}")
    x = Columns.from_sentences([[(word,) for word in SENTENCE]])
    (best,) = crf.predict(x)
    (marginals,) = crf.predict_proba(x)
    rows = [
        (word, label, *(f"{p:.4f}" for p in shares))
        for word, label, shares in zip(SENTENCE, best, marginals, strict=True)
    ]
    story.table(Table(["word", "label", *(f"P({label})" for label in labels)], rows))

    engine = crf.gibbs(x)
    labellings = list(product(labels, repeat=len(SENTENCE)))
    log_weights = np.array(list(map(_scorer(crf, x), labellings)))
    log_z = {
        "forward-backward": float(crf.log_partition(x)[0]),
        "general engine": engine.log_partition(),
        f"enumeration of {len(labellings)}": float(np.logaddexp.reduce(log_weights)),
    }
    story.say(
        f"{len(SENTENCE)} words with {len(labels)} labels each have {len(labels)}^{len(SENTENCE)} "
        f"= {len(labellings)} labellings. The partition function Z(x) sums over all of them: by "
        "forward-backward along the chain, by the general engine that knows nothing of chains, or "
        "one by one, from the trained weights alone."
    )
    story.table(Table(["log Z by", "nats"], [(how, f"{z:.12f}") for how, z in log_z.items()]))
    gap = max(log_z.values()) - min(log_z.values())
    story.check(gap < TOLERANCE, f"the three agree on log Z; largest difference {gap:.1e}")

    probabilities = np.exp(log_weights - np.logaddexp.reduce(log_weights))
    counted = np.zeros_like(marginals)
    for labelling, p in zip(labellings, probabilities, strict=True):
        for t, label in enumerate(labelling):
            counted[t, labels.index(label)] += p
    by_engine = [table.values for table in engine.marginals().values()]
    gap = max(float(np.abs(marginals - other).max()) for other in (counted, np.array(by_engine)))
    story.check(gap < TOLERANCE, f"and on every word's marginals; largest difference {gap:.1e}")

    chances = {
        "the chain": math.exp(float(crf.log_probability(x, [best])[0])),
        "the general engine": engine.probability(engine.map_assignment()),
        "enumeration": float(probabilities.max()),
    }
    gap = max(chances.values()) - min(chances.values())
    same = tuple(best) == labellings[int(probabilities.argmax())]
    same &= list(engine.map_assignment().values()) == best
    story.check(
        same and gap < TOLERANCE,
        f"the best labelling is {', '.join(best)}, with probability {chances['the chain']:.6f}, "
        f"by {', '.join(chances)}; largest difference {gap:.1e}",
    )
    _draw_sentence(story, folder, engine, labels, marginals)


def _scorer(crf: LinearChainCRF, x: Columns) -> Any:
    """log weight of a labelling, added up from the weights by name."""
    attributes = crf.vectorizer_.transform(x).attributes
    names = crf.vectorizer_.attribute_names()
    fired = [
        [(names[a], value) for a, value in zip(row.indices, row.data, strict=True)]
        for row in (attributes[[t]] for t in range(attributes.shape[0]))
    ]
    states, transitions = crf.state_features_, crf.transition_features_

    def score(labelling: Sequence[str]) -> float:
        at_words = (
            value * states.get((name, label), 0.0)
            for here, label in zip(fired, labelling, strict=True)
            for name, value in here
        )
        return math.fsum(at_words) + math.fsum(
            transitions.get(pair, 0.0) for pair in pairwise(labelling)
        )

    return score


def _draw_sentence(
    story: Story,
    folder: Path,
    engine: GibbsDistribution,
    labels: Sequence[str],
    marginals: npt.NDArray[np.float64],
) -> None:
    words = [Variable(f"x{t}", [word]) for t, word in enumerate(SENTENCE)]
    n = len(words)
    at_words = [
        Factor.from_log([word, *factor.scope], factor.log_values[None])
        for word, factor in zip(words, engine.factors[:n], strict=True)
    ]
    seen = GibbsDistribution([*at_words, *engine.factors[n:]])
    path = folder / "crf-factor-graph.svg"
    draw(
        seen,
        kind="factor",
        observed={word.name: word.states[0] for word in words},
        path=path,
    )
    story.picture(
        Picture(
            path,
            "Factor graph of the CRF on the sentence: observed words shaded, their labels above. "
            "Each word's factor also reads the words around it, which is left out here.",
            f"A chain of {n} labels y0 to y{n - 1}, neighbours joined by a factor; below each a "
            f"factor and the observed word: {', '.join(SENTENCE)}.",
        )
    )
    path = folder / "crf-marginals.svg"
    shares = stacked_shares(marginals, SENTENCE, labels, share_label="P(label | sentence)")
    save_figure(shares, path)
    story.picture(
        Picture(
            path,
            "Marginal probability of each label at each word. They take all labellings into "
            "account, not only the best.",
            "; ".join(
                f"{word}: {labels[int(row.argmax())]} {row.max():.0%}"
                for word, row in zip(SENTENCE, marginals, strict=True)
            ),
        )
    )

"""Bytes are cross-entropy: what an arithmetic coder needs, from models of the package."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from gibbsfactor import datasets
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.information import cross_entropy, entropy, kl_divergence, surprisal
from gibbsfactor.models.linear_chain_crf import LinearChainCRF
from gibbsfactor.variable import Variable

constriction = pytest.importorskip("constriction", reason="constriction is not installed")

ENDING = 64  # bits: the message is filled up to whole words of 32
FIXED_POINT = 1e-4  # the share that probabilities in 24 bits may cost


def coded(symbols, probabilities):
    """The bits of the message, which is read back."""
    family = constriction.stream.model.Categorical(perfect=False)
    symbols = np.asarray(symbols, dtype=np.int32)
    table = np.ascontiguousarray(probabilities, dtype=np.float64)
    coder = constriction.stream.queue.RangeEncoder()
    coder.encode(symbols, family, table)
    message = coder.get_compressed()
    reader = constriction.stream.queue.RangeDecoder(message)
    assert np.array_equal(reader.decode(family, table), symbols)
    return 32 * len(message)


def check(bits, ideal):
    assert ideal - FIXED_POINT * ideal - 1 <= bits <= ideal * (1 + FIXED_POINT) + ENDING


def test_any_sequence_costs_its_surprisal():
    rng = np.random.default_rng(0)
    tables = rng.dirichlet(np.full(5, 0.5), size=20_000) * 0.999 + 0.0002
    symbols = rng.integers(0, 5, size=len(tables))
    ideal = surprisal(tables[np.arange(len(tables)), symbols], unit="bits").sum()
    check(coded(symbols, tables), ideal)


def test_the_wrong_code_costs_the_divergence():
    rng = np.random.default_rng(1)
    p, q, n = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.3, 0.5]), 100_000
    symbols = rng.choice(3, size=n, p=p)
    right, wrong = (coded(symbols, np.tile(code, (n, 1))) for code in (p, q))
    counts = np.bincount(symbols) / n
    check(right, n * cross_entropy(counts, p, unit="bits"))
    check(wrong, n * cross_entropy(counts, q, unit="bits"))
    # In the long run, H(p) and KL(p || q) a symbol; five standard errors of the mean.
    for bits, law, cost in [
        (right, entropy(p, unit="bits"), -np.log2(p)),
        (wrong - right, kl_divergence(p, q, unit="bits"), np.log2(p / q)),
    ]:
        error = 5 * math.sqrt(p @ cost**2 - (p @ cost) ** 2) / math.sqrt(n) + 2 * ENDING / n
        assert abs(bits / n - law) < error


def test_samples_of_a_gibbs_distribution_by_the_chain_rule():
    spins = [[Variable(f"s{i}{j}", [-1, 1]) for j in range(3)] for i in range(3)]
    pairs = [(spins[i][j], spins[i][j + 1]) for i in range(3) for j in range(2)]
    pairs += [(spins[i][j], spins[i + 1][j]) for i in range(2) for j in range(3)]
    p = GibbsDistribution(Factor(pair, [[3, 1], [1, 3]]) for pair in pairs)

    @cache
    def given(*before):
        """P(next spin | the spins before it)."""
        seen = dict(zip(p.names, before, strict=False))
        return p.condition(seen).marginal(p.names[len(before)]).values

    drawn = p.sample(400, rng=0)
    rows = np.stack([drawn[name] for name in p.names], axis=1).tolist()
    tables = [given(*row[:k]) for row in rows for k in range(9)]
    ideal = -sum(p.log_probability(dict(zip(p.names, row, strict=True))) for row in rows)
    check(coded((np.ravel(rows) + 1) // 2, tables), ideal / math.log(2))


def test_labels_given_the_words_cost_what_the_crf_says():
    corpus = datasets.load_conversations()
    crf = LinearChainCRF(c2=0.3, templates=corpus.templates)
    crf.fit(corpus.train.drop(), corpus.train.labels())
    words, truth = corpus.test.drop()[:20], corpus.test.labels()[:20]
    tables, symbols = [], []
    for s, labels in enumerate(truth):
        p = crf.gibbs(words[s : s + 1])
        for t, label in enumerate(labels):
            given = p.condition({p.names[t - 1]: labels[t - 1]}) if t else p
            tables.append(given.marginal(p.names[t]).values)
            symbols.append(crf.classes_.index(label))
    ideal = -crf.log_probability(words, truth).sum() / math.log(2)
    chained = surprisal(np.array(tables)[np.arange(len(symbols)), symbols], unit="bits").sum()
    assert chained == pytest.approx(ideal, rel=1e-9)
    check(coded(symbols, tables), ideal)

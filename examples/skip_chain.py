"""Find persons and places in announcements by a CRF that lets equal words agree: a skip chain.

Run: python examples/skip_chain.py [folder for pictures]

"Remember Washington" may mean the man or the town; "trains to Washington", two sentences
later, tells. A linear chain sees no further than the words around; edges between equal words carry
the news (Sutton & McCallum 2012, section 2.5). The announcements are put together from hand-written
sentences; names in the test texts are never seen in training.
"""

import sys
from pathlib import Path

import numpy as np

import gibbsfactor as gf
from gibbsfactor.drawing.charts import stacked_shares
from gibbsfactor.models.log_linear import Chain, CliqueTemplate, LogLinearModel, Nodes, SkipChain

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
folder.mkdir(parents=True, exist_ok=True)

# ---- Texts ----

NAMES = """
    Adelaide Alexandria Austin Bedford Bradford Brandon Bristol Camden Carlisle Chelsea Chester
    Clifton Dakota Dallas Darwin Devon Douglas Easton Florence Georgia Hamilton Houston Jackson
    Jordan Kent Kingston Lancaster Lincoln Lourdes Madison Marion Melbourne Milton Nelson Newton
    Norton Orlando Paris Phoenix Preston Raleigh Regina Salisbury Savannah Selby Sheffield Sidney
    Stafford Stratford Sutton Trent Troy Victoria Vienna Walton Warwick Washington Wells Windsor
    York
"""
SENTENCES = {
    "person": """Doctor * will give the talk / our guest * was born in a village / * said that she
    would come / please welcome Mrs * on Monday / the chair asked * to speak up / Mr * plays the
    organ for us / * has written three novels / a letter by * was read aloud / * and her brother
    sing together / we met Professor * at the door""",
    "place": """the meeting takes place in * / trains to * leave every hour / a hotel near * has
    free rooms / the road from * is closed / * lies an hour from the sea / we arrived in * at noon /
    the mayor of * opens the fair / the old bridge at * is shut / buses between * and the coast are
    full / * has two theatres and a zoo""",
    "either": """everybody talks about * / we all love * / * again this year / this time without * /
    have you seen * lately / the papers are full of * / remember * / * was never so popular / thanks
    to * it was a success / nobody knew * well / more about * on the last page / and now * / * would
    be a good choice / I often think of *""",
    "neither": """tickets cost four pounds / bring your own cup / the bar opens at eight / rain is
    expected / children are welcome / doors close at ten / we start on time / dinner is at seven""",
}
SENTENCES = {kind: [s.split() for s in text.split("/")] for kind, text in SENTENCES.items()}


def announcement(names, rng):
    """Words and labels: a person and a place, each in one to three sentences in any order."""
    found = [("neither", "", "other")] * rng.integers(2)
    person, place = rng.choice(names, 2, replace=False).tolist()
    if rng.random() < 0.1:  # now and then the two are called the same
        place = person
    for name, label in ((person, "person"), (place, "place")):
        for _ in range(rng.integers(1, 4)):
            found.append((label if rng.random() < 0.45 else "either", name, label))
    rng.shuffle(found)
    words, labels = [], []
    for kind, name, label in found:
        sentence = SENTENCES[kind][rng.integers(len(SENTENCES[kind]))]
        labels += [label if word == "*" else "other" for word in sentence] + ["other"]
        first, *rest = [name if word == "*" else word for word in sentence]
        words += [first[0].upper() + first[1:], *rest, "."]
    return words, labels


rng = np.random.default_rng(0)
NAMES = rng.permutation(NAMES.split()).tolist()
train = [announcement(NAMES[:30], rng) for _ in range(100)]
test = [announcement(NAMES[30:], rng) for _ in range(300)]
X, y = zip(*train, strict=True)
X_test, y_test = zip(*test, strict=True)
print(
    f"{len(X)} texts of {np.mean([len(x) for x in X]):.0f} words to train on, {len(X_test)} to test"
)

# ---- Two models: without and with edges between equal words ----


def around(words, cliques):
    """What a label sees: two words to either side, and whether its own has a capital letter."""
    padded = ["^", "^", *(word.lower() for word in words), "$", "$"]
    return [
        {"capital": words[t][0].isupper()}
        | {f"word {d:+}": padded[t + 2 + d] for d in range(-2, 3)}
        for (t,) in cliques.tolist()
    ]


alike = SkipChain(lambda word: word if word[0].isupper() else None)
chain_templates = [CliqueTemplate(Nodes(), around), CliqueTemplate(Chain())]
skip_templates = [*chain_templates, CliqueTemplate(alike, table="same", name="equal words")]
chain = LogLinearModel(chain_templates, c2=0.1).fit(X, y)
skip = LogLinearModel(skip_templates, c2=0.1).fit(X, y)
pull = skip.weights_["equal words"][0, 0]
print(f"equal words with equal labels: weight {pull:.2f}, odds times {np.exp(pull):.0f}\n")
assert pull > 1


def scores(found):
    """F1 of the words labelled person or place; how often names joined by an edge agree."""
    pairs = [
        p for told, true in zip(found, y_test, strict=True) for p in zip(told, true, strict=True)
    ]
    right = sum(one == other != "other" for one, other in pairs)
    named = sum((one != "other") + (other != "other") for one, other in pairs)
    agree = [
        labels[i] == labels[j]
        for labels, words in zip(found, X_test, strict=True)
        for i, j in alike(words).tolist()
        if words[i] in NAMES
    ]
    return 2 * right / named, np.mean(agree)


print("                F1 of names   equal names agree")
results = {}
for name, found in (
    ("linear chain", chain.predict(X_test)),
    ("skip chain", skip.predict(X_test)),
    ("the truth", y_test),
):
    f1, agree = results[name] = scores(found)
    print(f"{name:<14} {f1:12.3f} {agree:19.1%}")
assert results["skip chain"][0] > results["linear chain"][0] + 0.05
assert results["skip chain"][1] > 0.9 > results["linear chain"][1]

# ---- One text: what the edges change ----

text = """Remember Sutton . Trains to Washington leave every hour .
Our guest Sutton was born in a village . Everybody talks about Washington ."""
words = text.split()
p, q = skip.gibbs(words), chain.gibbs(words)
states = skip.states_["y"]
bars = {}
for t, word in enumerate(words):
    if word in NAMES:
        bars[f"{word} {t}\nlinear"] = q.marginal(f"y{t}").values
        bars[f"{word} {t}\nskip"] = p.marginal(f"y{t}").values
print(f"\nP({', '.join(states)}):")
for name, row in bars.items():
    print(f"{name.replace(chr(10), ', '):22}", *(f"{share:6.2f}" for share in row))
best = p.map_assignment()
mentions = [f"y{t}" for t, word in enumerate(words) if word in NAMES]
assert [best[y] for y in mentions] == ["person", "place", "person", "place"]
assert [q.map_assignment()[y] for y in mentions] != [best[y] for y in mentions]

# The edges close loops, so that forwards and backwards along the chain is no longer enough; the
# plan says which tables are to meet instead, and what that costs.
print(f"\nlinear chain: {q.plan().explain()}\n\nskip chain: {p.plan().explain()}")
widths = [skip.gibbs(x).plan().width for x in X_test]
print(f"\ninduced width of the test texts: {min(widths)} to {max(widths)}")
assert max(widths) <= 6

# ---- Pictures ----

angles = np.pi - 2 * np.pi * (np.arange(len(words)) + 1) / (len(words) + 1)
gf.draw(
    p,
    labels={f"y{t}": f"{w}\n{best[f'y{t}']}" if w in NAMES else w for t, w in enumerate(words)},
    layout={f"y{t}": (1.7 * np.cos(a), np.sin(a)) for t, a in enumerate(angles)},
    title="A chain whose equal words meet",
    path=folder / "skip_chain_graph.png",
)
chart = stacked_shares(
    list(bars.values()),
    list(bars),
    states,
    title="What the linear and the skip chain make of names",
)
chart.savefig(folder / "skip_chain_marginals.png")
print(f"Drawn: skip_chain_graph.png, skip_chain_marginals.png in {folder}")
assert (folder / "skip_chain_marginals.png").stat().st_size > 0

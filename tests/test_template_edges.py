"""All of CRF++'s templates, B lines with macros too, against CRF++'s own rules in plain Python."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.features import Columns, Templates, TemplateVectorizer, vectorizer_from_arrays

# Values without a '/' or '|': joined by those they stay apart, whatever the template.
value = st.sampled_from(["a", "b", "é", "_B-1", "%x"])
sentence = st.lists(st.tuples(value, value), max_size=5)
data = st.lists(sentence, max_size=6).filter(any)
macro = st.builds("%x[{},{}]".format, st.integers(-3, 3), st.integers(0, 1))
prefix = st.sampled_from(["U", "B", "U01:", "B01:", "U02:#|", "B02:"])
line = st.builds(
    lambda kind, macros, end: kind + "/".join(macros) + end,
    prefix,
    st.lists(macro, max_size=4),
    st.sampled_from(["", "|", " x"]),
)
other = st.sampled_from(["", "# U09:%x[0,0]", "  ", "#"])
files = st.lists(line | other, min_size=1, max_size=8).filter(
    lambda lines: any(one[:1] in ("U", "B") for one in lines)
)


def crfpp_string(rule, sentence, position):
    """A rule at a token as CRF++ expands it: one character at a time."""
    written, at = "", 0
    while at < len(rule):
        if not rule.startswith("%x[", at):
            written += rule[at]
            at += 1
            continue
        end = rule.index("]", at)
        row, column = map(int, rule[at + 3 : end].split(","))
        where = position + row
        if where < 0:
            written += "_B" + str(where)
        elif where >= len(sentence):
            written += "_B+" + str(where - len(sentence) + 1)
        else:
            written += sentence[where][column]
        at = end + 1
    return written


def crfpp_features(lines, sentences):
    """For each token what CRF++ adds to the node there, and to the path from the token before."""
    nodes, paths = [], []
    for sentence in sentences:
        for position in range(len(sentence)):
            nodes.append(Counter())
            paths.append(Counter())
            for rule in lines:
                if rule.startswith("U"):
                    nodes[-1][crfpp_string(rule, sentence, position)] += 1
                elif rule.startswith("B") and position > 0 and "%" in rule:
                    paths[-1][crfpp_string(rule, sentence, position)] += 1
    return nodes, paths


def named(matrix, names):
    assert len(names) == len(set(names)) == matrix.shape[1]
    dense = matrix.toarray()
    return [Counter({names[a]: row[a] for a in np.flatnonzero(row)}) for row in dense]


def only(rows, known):
    return [Counter({name: n for name, n in row.items() if name in known}) for row in rows]


def check(lines, train, test, min_freq):
    lines = [one.rstrip() for one in lines]
    templates = Templates.parse("\n".join(lines), syntax="crf++")
    vectorizer = TemplateVectorizer(templates, min_freq)
    columns = Columns.from_sentences([*train, *test])
    found = vectorizer.fit_transform(columns[: len(train)])
    again = vectorizer.transform(columns[: len(train)])
    new = vectorizer.transform(Columns.from_sentences(test))
    copy = vectorizer_from_arrays(vectorizer.to_arrays())
    copied = copy.transform(Columns.from_sentences(test))
    assert copy.templates == templates
    wanted, later = crfpp_features(lines, train), crfpp_features(lines, test)
    kinds = [
        ("attributes", vectorizer.attribute_names(), copy.attribute_names()),
        ("edges", vectorizer.edge_names(), copy.edge_names()),
    ]
    assert vectorizer.n_edge_attributes == copy.n_edge_attributes == len(kinds[1][1])
    assert found.n_edge_attributes == vectorizer.n_edge_attributes
    for k, (kind, names, names_of_copy) in enumerate(kinds):
        frequency = Counter(name for row in wanted[k] for name in row)
        known = {name for name, n in frequency.items() if n >= min_freq}
        assert set(names) == known
        assert names_of_copy == names
        if kind == "edges" and not templates.edges:
            assert found.edges is new.edges is None
            continue
        assert named(getattr(found, kind), names) == only(wanted[k], known)
        assert named(getattr(again, kind), names) == only(wanted[k], known)
        assert named(getattr(new, kind), names) == only(later[k], known)
        assert named(getattr(copied, kind), names) == only(later[k], known)


@given(files, data, data, st.integers(0, 3))
def test_nodes_and_paths_are_those_of_crfpp(lines, train, test, min_freq):
    check(lines, train, test, min_freq)


def test_a_conditioned_transition_by_example():
    templates = Templates.parse("U00:%x[0,0]\nB01:%x[-1,0]/%x[0,0]\nB02:%x[0,0]\nB\n")
    assert (templates.transitions, len(templates.templates), len(templates.edges)) == (True, 1, 2)
    assert [str(template) for template in templates.edges] == [
        "B01:%x[-1,0]/%x[0,0]",
        "B02:%x[0,0]",
    ]
    vectorizer = TemplateVectorizer(templates)
    tokens = vectorizer.fit_transform(Columns.from_sentences([[("the",), ("dog",)], [("a",)]]))
    assert vectorizer.edge_names() == ["B01:the/dog", "B02:dog"]
    assert tokens.edges.toarray().tolist() == [[0, 0], [1, 1], [0, 0]]
    assert vectorizer.n_edge_attributes == 2


def test_lines_without_a_macro_are_the_transitions():
    for text in ("B", "B01", "U:%x[0,0]\nB\nB02\n"):
        templates = Templates.parse(text)
        assert templates.transitions
        assert templates.edges == ()
    assert not Templates.parse("B:%x[0,0]").transitions


def test_sentences_of_one_token_have_no_pairs():
    vectorizer = TemplateVectorizer(Templates.parse("B01:%x[0,0]"))
    tokens = vectorizer.fit_transform(Columns.from_sentences([[("a",)], [("b",)]]))
    assert tokens.edges.shape == (2, 0)
    assert vectorizer.edge_names() == []
    assert vectorizer.n_edge_attributes == vectorizer.n_attributes == 0


def test_min_freq_counts_pairs_apart_from_first_tokens():
    columns = Columns.from_sentences([[("a",), ("a",), ("b",)], [("a",), ("b",)], [("b",)]])
    vectorizer = TemplateVectorizer(Templates.parse("U:%x[0,0]\nB:%x[0,0]"), min_freq=2)
    vectorizer.fit_transform(columns)
    assert vectorizer.attribute_names() == ["U:a", "U:b"]
    assert vectorizer.edge_names() == ["B:b"]  # twice; 'B:a' but once behind another token


def test_a_column_that_a_pair_lacks_is_named():
    vectorizer = TemplateVectorizer(Templates.parse("U:%x[0,0]\nB:%x[0,3]", name="t"))
    message = r"t, line 2: found %x\[0,3\], column 3, but the data has 1 \(0 to 0\)"
    with pytest.raises(ValueError, match=message):
        vectorizer.fit_transform(Columns.from_sentences([[("a",)]]))

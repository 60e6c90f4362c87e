"""Columns made of words, and the templates for parts of speech that read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.features import Columns, Templates, TemplateVectorizer, derived_columns
from gibbsfactor.features.derived_columns import (
    DERIVED,
    with_affixes_and_shape,
    word_case,
    word_digits,
    word_shape,
)

word = st.text(st.sampled_from("aAbBéÉß19-.'ǅ٣"), min_size=1, max_size=7)
sentences = st.lists(st.lists(st.tuples(word, word), max_size=4), max_size=4).filter(any)


@given(sentences, st.integers(-2, 1))
def test_each_column_is_made_of_the_words(data, position):
    columns = Columns.from_sentences(data)
    derived = with_affixes_and_shape(columns, position)
    assert derived.n_columns == 2 + len(DERIVED)
    assert [derived.column(c) for c in (0, 1)] == [columns.column(c) for c in (0, 1)]
    assert derived.lengths.tolist() == columns.lengths.tolist()
    words = columns.column(position)
    made = {name: derived.column(2 + c) for c, name in enumerate(DERIVED)}
    assert made["lower"] == [word.lower() for word in words]
    for n in (1, 2, 3, 4):
        assert made[f"prefix{n}"] == [word[:n] for word in words]
        assert made[f"suffix{n}"] == [word[-n:] for word in words]
    assert made["shape"] == [word_shape(word) for word in words]
    assert made["case"] == [word_case(word) for word in words]
    assert made["digits"] == [word_digits(word) for word in words]


def test_words_are_looked_at_once_each(monkeypatch):
    seen = []
    monkeypatch.setitem(derived_columns.DERIVED, "shape", lambda word: seen.append(word) or "s")
    with_affixes_and_shape(Columns.from_sentences([[("a",), ("b",), ("a",)]] * 9))
    assert seen == ["a", "b"]


def test_part_of_speech_templates_read_the_derived_columns():
    data = [[("The", "D"), ("dog", "N"), ("McX", "N")], [("Barks", "V")]]
    columns = with_affixes_and_shape(Columns.from_sentences(data))
    templates = Templates.part_of_speech(word=0, derived=2)
    assert templates.n_columns == 14
    assert templates.transitions
    vectorizer = TemplateVectorizer(templates)
    tokens = vectorizer.fit_transform(columns)
    names = vectorizer.attribute_names()
    rows = [{names[a] for a in tokens.attributes[[m]].indices} for m in range(4)]
    assert rows[3] == {
        *("U02:Barks", "U07:barks", "U10:B", "U11:Ba", "U12:Bar", "U13:Bark", "U14:s", "U15:ks"),
        *("U16:rks", "U17:arks", "U31:Xx", "U35:title", "U36:none", "__BOS__", "__EOS__"),
    }
    assert {"U05:the/dog", "U06:dog/mcx", "U18:The", "U19:McX", "U20:he/og", "U21:og/cX"} <= rows[1]
    assert {"U30:Xx", "U31:x", "U32:XxX", "U33:Xx/x", "U34:x/XxX"} <= rows[1]
    assert Templates.part_of_speech().n_columns == 13


def test_a_column_that_is_not_there_is_named():
    columns = Columns.from_sentences([[("a",)]])
    with pytest.raises(IndexError, match=r"there is no column 1: there are 1, 0 to 0"):
        with_affixes_and_shape(columns, 1)
    with pytest.raises(TypeError, match=r"a column is named by its position, an integer, but 'w'"):
        with_affixes_and_shape(columns, "w")

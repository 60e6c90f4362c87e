"""Wapiti's patterns, against its rules in plain Python, its matcher of expressions among them."""

from __future__ import annotations

import re
from collections import Counter
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits, punctuation

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.errors import FormatError
from gibbsfactor.features import Columns, Templates, TemplateVectorizer, vectorizer_from_arrays
from gibbsfactor.features.template_regexps import compiled, translate
from gibbsfactor.features.template_syntax import detect_syntax

SETS = {
    "a": ascii_letters,
    "d": digits,
    "l": ascii_lowercase,
    "p": punctuation,
    "s": " \t\n\v\f\r",
    "u": ascii_uppercase,
    "w": ascii_letters + digits,
}


def is_one(written, character):
    if written == ".":
        return True
    if written[0] != "\\":
        return written == character
    members = SETS.get(written[1].lower())
    if members is None:
        return written[1] == character
    return (character in members) == written[1].islower()


def match_here(regexp, string, at):
    """Where a match that begins here ends, or None. `*` takes little, `?` takes much."""
    if not regexp:
        return at
    if regexp == "$":
        return at if at == len(string) else None
    size = 2 if regexp[0] == "\\" else 1
    written, rest = regexp[:size], regexp[size:]

    def fits(place):
        return place < len(string) and is_one(written, string[place])

    if rest[:1] == "*":
        while True:
            end = match_here(rest[1:], string, at)
            if end is not None:
                return end
            if not fits(at):
                return None
            at += 1
    if rest[:1] == "?":
        end = match_here(rest[1:], string, at + 1) if fits(at) else None
        return match_here(rest[1:], string, at) if end is None else end
    return match_here(rest, string, at + 1) if fits(at) else None


def find(regexp, string):
    """The part that the expression matches, or None."""
    starts = [0] if regexp.startswith("^") else range(len(string) + 1)
    for start in starts:
        end = match_here(regexp.removeprefix("^"), string, start)
        if end is not None:
            return string[start:end]
    return None


character = st.sampled_from([*".abA1-$^é", *(f"\\{c}" for c in 'adlpsuwADLPSUW.*?\\"$^nb')])
regexps = st.builds(
    lambda begin, parts, end: begin + "".join(parts) + end,
    st.sampled_from(["", "^"]),
    st.lists(st.builds(str.__add__, character, st.sampled_from(["", "", "*", "?"])), max_size=5),
    st.sampled_from(["", "$"]),
).filter(lambda regexp: regexp[:2] not in ("^*", "^?"))
strings = st.text(st.sampled_from('abAB12é-.*?$^\\" \n_'), max_size=7)


@given(regexps, strings)
def test_expressions_match_as_wapiti_matches(regexp, string):
    found = compiled(regexp).search(string)
    assert (found and found[0]) == find(regexp, string)


@pytest.mark.parametrize(
    ("regexp", "string", "part"),
    [
        (r"^\u\u*$", "NATO", "NATO"),
        (r"^\u\u*$", "NATo", None),
        ("^.?.?.?", "walking", "wal"),
        (".?.?.?$", "walking", "ing"),
        (".?.?.?$", "at", "at"),
        (r"\d*", "a12", ""),
        (r"\d*$", "a12", "12"),
        ("a$b", "a$b", "a$b"),
    ],
)
def test_expressions_by_example(regexp, string, part):
    found = compiled(regexp).search(string)
    assert (found and found[0]) == part


def test_wrong_expressions_are_refused():
    with pytest.raises(ValueError, match=r"'\*' follows no character; write \\\* for itself"):
        translate("a**")
    with pytest.raises(ValueError, match=r"'\?' follows no character"):
        translate("^?")
    with pytest.raises(ValueError, match=r"it ends in a single \\; write \\\\ for itself"):
        translate("a\\")


# ---- whole files --------------------------------------------------------------------------

value = st.sampled_from(["Aa", "bB", "é1", "-1", "2", "+1 x", "_x-1"])
sentence = st.lists(st.tuples(value, value), max_size=6)
data = st.lists(sentence, max_size=5).filter(any)
near, far = st.integers(-6, 6), st.sampled_from([-40, 17, 40])
place = st.one_of(
    st.tuples(st.just(""), near | far),
    st.tuples(st.just("@"), near),
    st.tuples(st.just("*"), st.integers(0, 1)),
)
macro = st.tuples(place, st.integers(0, 1), st.sampled_from("xXtTmM"), regexps)
pattern = st.tuples(
    st.sampled_from("uUbB*"), st.sampled_from(["", "1:"]), st.lists(macro, max_size=3)
)
patterns = st.lists(pattern, min_size=1, max_size=5)


def write(pattern):
    kind, name, macros = pattern
    texts = []
    for (anchor, offset), column, command, regexp in macros:
        argument = "" if command in "xX" else f',"{regexp}"'
        texts.append(f"%{command}[{anchor}{offset},{column}{argument}]")
    return f"{kind}{name}{len(macros)}:{'|'.join(texts)}"


def fold(string):
    return "".join(c.lower() if c in ascii_uppercase else c for c in string)


def observe(pattern, sentence, at):
    """A pattern at a token, as Wapiti makes a string of it."""
    parts = []
    for (anchor, offset), column, command, regexp in pattern[2]:
        where = at + offset
        if anchor == "@":
            where = len(sentence) + offset if offset < 0 else offset - 1
        elif anchor == "*":
            number = re.match(r"\s*([+-]?\d+)", sentence[at][offset], re.ASCII)
            where = at + (int(number[1]) if number else 0)
        if where < 0:
            string = f"_x-{-where}" if where > -5 else "_x-#"
        elif where >= len(sentence):
            beyond = where - len(sentence) + 1
            string = f"_x+{beyond}" if beyond < 5 else "_x+#"
        else:
            string = sentence[where][column]
        if command in "tT":
            string = "false" if find(regexp, string) is None else "true"
        elif command in "mM":
            string = find(regexp, string) or ""
        parts.append(fold(string) if command.isupper() else string)
    return f"{pattern[0].lower()}{pattern[1]}{len(parts)}:{'|'.join(parts)}"


def tidy(patterns):
    """Patterns whose attributes are equal only if the macros found the same."""
    return [p for p in patterns if len(p[2]) < 2 or all(m[2] in "xXtT" for m in p[2])]


def rows_of(matrix, names):
    assert len(names) == len(set(names)) == matrix.shape[1]
    return [Counter({names[a]: row[a] for a in np.flatnonzero(row)}) for row in matrix.toarray()]


@given(patterns.map(tidy).filter(bool), data, data)
def test_observations_are_those_of_wapiti(patterns, train, test):
    templates = Templates.parse("\n".join(map(write, patterns)), syntax="wapiti")
    vectorizer = TemplateVectorizer(templates)
    vectorizer.fit_transform(Columns.from_sentences(train))
    copy = vectorizer_from_arrays(vectorizer.to_arrays())
    for sentences in (train, test):
        states, pairs = [], []
        for sentence in sentences:
            for at in range(len(sentence)):
                found = [(p, observe(p, sentence, at)) for p in patterns]
                states.append(Counter(name for p, name in found if p[0] in "uU*"))
                given = [name for p, name in found if p[0] in "bB*" and p[2] and at]
                pairs.append(Counter(given))
        if sentences is train:
            known = set(vectorizer.attribute_names()), set(vectorizer.edge_names())
            assert known == ({n for row in states for n in row}, {n for row in pairs for n in row})
        for one in (vectorizer, copy):
            tokens = one.transform(Columns.from_sentences(sentences))
            rows = rows_of(tokens.attributes, one.attribute_names())
            assert rows == [Counter({k: n for k, n in r.items() if k in known[0]}) for r in states]
            if templates.edges:
                rows = rows_of(tokens.edges, one.edge_names())
                wanted = [Counter({k: n for k, n in r.items() if k in known[1]}) for r in pairs]
                assert rows == wanted


def test_a_file_by_example():
    text = """*

U:Wrd X=%x[ 0,0]  # the word
u:wrd L=%X[-1,0]/%X[ 0,0]
*:Suf=%m[ 0,0,".?.?$"]
b:Caps=%t[+1,0,"^\\u"]
u:last=%x[@-1,0] first=%x[@1,0]
"""
    templates = Templates.parse(text)
    assert templates.syntax == "wapiti"
    assert (templates.transitions, len(templates.templates), len(templates.edges)) == (True, 5, 2)
    assert [str(t) for t in templates.edges] == [
        '*:Suf=%m[0,0,".?.?$"]',
        'b:Caps=%t[1,0,"^\\u"]',
    ]
    assert str(templates.templates[2]) == "u:wrd L=%X[-1,0]/%X[0,0]"
    vectorizer = TemplateVectorizer(templates)
    tokens = vectorizer.fit_transform(Columns.from_sentences([[("The",), ("Dog",)]]))
    assert rows_of(tokens.attributes, vectorizer.attribute_names())[0] == Counter(
        ["*", "u:Wrd X=The", "u:wrd L=_x-1/the", "*:Suf=he", "u:last=Dog first=The"]
    )
    assert rows_of(tokens.edges, vectorizer.edge_names()) == [
        Counter(),
        Counter(["*:Suf=og", "b:Caps=false"]),
    ]


def test_the_syntax_is_found_from_the_lines():
    for text in ("U00:%x[0,0]\nB", "B01:%x[-1,0]", "# u:%X[0,0]\nU:*b", "U # u"):
        assert detect_syntax(text) == Templates.parse(text).syntax == "crf++"
    for text in ("u:%x[0,0]", "b", "*", "U:%X[0,0]", 'U:%t[0,0,"a"]', "U:%x[@1,0]", "B:%x[ 0,0]"):
        assert detect_syntax(text) == Templates.parse(text).syntax == "wapiti"
    assert Templates.parse("U:%x[0,0]", syntax="wapiti") != Templates.parse("U:%x[0,0]")
    with pytest.raises(ValueError, match=r"syntax must be 'crf\+\+', 'wapiti' or None, but is 'c"):
        Templates.parse("U", syntax="crfsuite")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("*\nV", r"line 2: found 'V', expected a line that begins with u, b, \* or #"),
        ("*\n u:", r"line 2: found ' u:', expected a line that begins with u, b, \* or #"),
        ("*:%y[0,0]", r"line 1: found '%y\[0,0\]', an unknown macro, expected %x\[offset,column\]"),
        ("*:%x[0]", r"line 1: found '%x\[0\]', a malformed macro"),
        ("*:%x[09,0]", r"found '%x\[09,0\]', a malformed macro"),
        ("*:%x[0,-1]", r"found '%x\[0,-1\]', a malformed macro"),
        ("*:%x[@a,0]", r"found '%x\[@a,0\]', a malformed macro"),
        ("*:50%", r"found '%', an unknown macro.*a % cannot stand for itself"),
        ("\nu:%t[0,0]", r"line 2: found '%t\[0,0\]', a macro without its regexp, expected"),
        ('u:%X[0,0,"a"]', r"found '%X\[0,0,\"a\"\]', a macro with a regexp that it does not take"),
        ('u:%m[0,0,"a#b"]', r"found '%m\[0,0,\"a', a malformed macro.*a # begins a comment"),
        ('u:%m[0,0,"a]', r"found '%m\[0,0,\"a\]', a malformed macro"),
        ('u:%m[0,0,"+*?"]', r"found '%m\[0,0,\"\+\*\?\"\]', whose regexp is wrong: '\?' follows"),
        ("u:%x[*-1,0]", r"found '%x\[\*-1,0\]', a \* with -1, expected a column from 0 behind it"),
        ("# u\n", r"<templates>: found no template"),
    ],
)
def test_wrong_patterns_are_named(text, message):
    with pytest.raises(FormatError, match=message):
        Templates.parse(text)


def test_patterns_are_refused_as_crfpp_templates():
    with pytest.raises(FormatError, match=r"line 1: found 'u:', .* give syntax='wapiti'"):
        Templates.parse("u:", syntax="crf++")
    with pytest.raises(FormatError, match=r"found '%X\[0,0\]', an unk.*syntax='wapiti' reads thos"):
        Templates.parse("U:%X[0,0]", syntax="crf++")


def test_columns_of_indirect_macros_are_checked():
    vectorizer = TemplateVectorizer(Templates.parse("u:%x[*2,0]", name="t"))
    message = r"t, line 1: found %x\[\*2,0\], column 2, but the data has 1"
    with pytest.raises(ValueError, match=message):
        vectorizer.fit_transform(Columns.from_sentences([[("a",)]]))


def test_expressions_are_searched_once_for_each_distinct_string(monkeypatch):
    calls = []

    class Counted:
        def search(self, string):
            calls.append(string)

    monkeypatch.setattr("gibbsfactor.features.template_regexps.compiled", lambda _: Counted())
    templates = Templates.parse('u:%t[0,0,"a"]/%t[-1,0,"a"]\nb:%t[0,0,"a"]', outside="omit")
    columns = Columns.from_sentences([[("a",), ("b",)] * 50] * 20)
    TemplateVectorizer(templates).fit_transform(columns)
    assert sorted(calls) == ["a", "b"]

"""Damaged files: every reader gives a value or a FormatError, and nothing else.

GIBBSFACTOR_FUZZ sets the number of cases for each reader (10000 for a thorough run).
"""

from __future__ import annotations

import gzip
import io
import os
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gibbsfactor.errors import FormatError
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io import (
    UAIResults,
    read_bif,
    read_conll,
    read_hugin,
    read_libdai,
    read_text,
    read_uai,
    read_uai_evidence,
    read_uai_results,
    read_uai_samples,
    read_xdsl,
    read_xmlbif,
    write_bif,
    write_hugin,
    write_libdai,
    write_uai,
    write_xdsl,
    write_xmlbif,
)
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import Variable

CASES = int(os.environ.get("GIBBSFACTOR_FUZZ", "150"))
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

MARKOV = (
    b"MARKOV\n3\n2 2 3\n2\n2 0 1\n2 1 2\n\n4\n 4.000 2.400\n 1.000 0.000\n\n6\n 2e0 1 1e-3 0 5 .5\n"
)
BAYES = b"BAYES 2 2 1 2 1 0 2 0 1 2 0.5 0.5 2 1.0 1.0"
BIF = b"""network example { property author nobody; }
variable age { type discrete [ 3 ] { <5, 5-12, 12+ }; property position = (1, 2); }
/* two
   kinds */ variable "likes tea" { type discrete[2] { yes no }; } // of comment
probability ( age ) { table 0.25, 0.25, 5e-1; }
probability ( "likes tea" | age ) { (12+) 0.6, 0.4; default 0.1 0.9; }
variable z { type discrete [ 2 ] { "a b", 'c' }; }
probability ( z "likes tea" age ) { table 0 0 0 0 0 0.5, 1 1 1 1 1 0.5; }
"""
XMLBIF = b"""<?xml version="1.0"?>
<!DOCTYPE BIF [ <!ELEMENT BIF (NETWORK)*> ]>
<BIF VERSION="0.3"><NETWORK><NAME>example</NAME>
<!-- comment --><PROPERTY>author = nobody</PROPERTY>
<VARIABLE TYPE="nature"><NAME>age</NAME><OUTCOME>&lt;5</OUTCOME><OUTCOME><![CDATA[>5]]></OUTCOME>
</VARIABLE>
<VARIABLE><NAME>tea</NAME><OUTCOME>yes</OUTCOME><OUTCOME>no</OUTCOME></VARIABLE>
<DEFINITION><FOR>age</FOR><TABLE>0.25 75e-2</TABLE></DEFINITION>
<DEFINITION><FOR>tea</FOR><GIVEN>age</GIVEN><TABLE>0.1 0.9
 <!-- young --> 0.6 0.4</TABLE></DEFINITION>
</NETWORK></BIF>
"""
NET = rb"""% a "comment
net { name = "flu"; node_size = (80 40); HR_Desc = "a % in a \"text\""; }
discrete node age { label = "age"; states = ("<5" "5 to 12" "12+"); }
node tea { states = (yes no); }
potential (age | ) { data = (0.25 .25 5e-1); }
potential (tea | age) { data = ((0.1 0.9) % <5
  (0.1 0.9) (1 0)); model_nodes = (); }
node z { states = ("a" "b"); }
potential (z | tea age) { data = (((0.5 0.5)(0 1)(1 0))((1 0)(0 1)(0.5 0.5))); }
"""
XDSL = b"""<?xml version="1.0" encoding="ISO-8859-1"?><!-- comment -->
<smile version="1.0" id="tea" numsamples="1000"><nodes>
<cpt id="age"><state id="&lt;5"/><state id="5 to 12" /><probabilities>0.25 75e-2</probabilities>
<property id="x">y</property></cpt>
<cpt id="tea"><state id="yes"/><state id="no"/><parents>age</parents>
<probabilities>0.1 0.9
 0.6 0.4</probabilities></cpt>
<deterministic id="z"><state id="a"/><state id="b"/><parents>age tea</parents>
<resultingstates>a b b a</resultingstates></deterministic></nodes>
<extensions><genie version="1.0" app="GeNIe 2.0"><node id="age"><name>A</name></node></genie>
</extensions></smile>
"""
OLD_XMLBIF = (
    XMLBIF.replace(b' VERSION="0.3"', b"")
    .replace(b"OUTCOME>", b"VALUE>")
    .replace(b"DEFINITION>", b"PROBABILITY>")
    .replace(b"0.1 0.9\n <!-- young --> 0.6 0.4", b"0.1 0.6\n <!-- young --> 0.9 0.4")
)
LIBDAI = b"# factors\n2\n\n2\n7 3\n2 3\n4\n0 1.5\n1 2\n4 0.5\n5 1e-3\n\n1\n7\n2\n0\n"


def real(pattern: str, most: int = 40_000) -> list[bytes]:
    """Real files, unpacked, cut to a size at which a case is quick."""
    found = sorted(DATA.glob(pattern)) if DATA.is_dir() else []
    texts = [gzip.decompress(path.read_bytes()) for path in found]
    return [text for text in texts if len(text) <= most][:6]


@dataclass(frozen=True)
class Reader:
    """A reader, files that it reads, and what must hold of what it gives."""

    read: Callable[[io.BytesIO], object]
    seeds: list[bytes]
    check: Callable[[object], None]


def written_and_read(p, write, read):
    file = io.BytesIO()
    write(file, p)
    return read(io.BytesIO(file.getvalue()))


def check_uai(p):
    assert type(p) is GibbsDistribution
    again = written_and_read(p, write_uai, read_uai)
    assert again.variables == p.variables
    assert [f.scope for f in again.factors] == [f.scope for f in p.factors]
    for one, other in zip(p.factors, again.factors, strict=True):
        assert one.values.tobytes() == other.values.tobytes()


def check_libdai(p):
    again = written_and_read(p, write_libdai, read_libdai)
    assert again.variables == p.variables
    for one, other in zip(p.factors, again.factors, strict=True):
        assert one.scope == other.scope
        assert one.values.tobytes() == other.values.tobytes()


def check_network(write, read):
    def check(p):
        assert type(p) is BayesianNetwork
        try:
            again = written_and_read(p, write, read)
        except FormatError:
            raise
        except ValueError:  # a name that the format has no way to say
            event("could not be written")
            return
        assert sorted(map(repr, again.variables)) == sorted(map(repr, p.variables))
        for name, table in p.tables.items():
            assert again.tables[name].scope == table.scope
            assert again.tables[name].values.tobytes() == table.values.tobytes()

    return check


def check_evidence(evidence):
    for sample in evidence if isinstance(evidence, list) else [evidence]:
        assert all(re.fullmatch(r"x\d+", name) for name in sample)
        assert all(type(state) is int and state >= 0 for state in sample.values())


def check_states(evidence):
    for sample in evidence if isinstance(evidence, list) else [evidence]:
        P.condition(sample)


def check_results(results):
    assert isinstance(results, UAIResults)
    assert sum(answer is not None for answer in vars(results).values()) == 1
    for marginal in (results.marginals or {}).values():
        assert (marginal.values >= 0).all()
        assert abs(marginal.values.sum() - 1) <= 1e-3


P = GibbsDistribution(
    [Factor([Variable("a", ["u", "v"]), Variable("b", 3)], np.ones((2, 3)))], [Variable("c", 2)]
)
EVIDENCE = [b"2  0 1  2 2", b"1\n2 0 1 2 1\n", b"0"]
SAMPLES = [*EVIDENCE, b"3\n1 0 1\n2 0 1 1 1\n0\n"]
RESULTS = [
    b"PR\n-12.25\n",
    b"PR\n1\n-BEGIN-\n1\n-inf",
    b"MAR\n3 2 0.25 0.75 2 1 0 3 0.2 0.3 0.5\n",
    b"MAR\n1\n3 2 0.25 0.75 2 1 0 3 0.2 0.3 0.5\n",
    b"MAP\n3 1 0 2",
    b"MPE\n3 0 0 0\n-BEGIN-\n3 1 0 2",
    b"MMAP\n2 0 1 2 1",
]
READERS = {
    "uai": Reader(read_uai, [MARKOV, BAYES, *real("uai/*.uai.gz")], check_uai),
    "evidence": Reader(read_uai_evidence, EVIDENCE, check_evidence),
    "samples": Reader(read_uai_samples, SAMPLES, check_evidence),
    "samples of p": Reader(lambda file: read_uai_samples(file, P), SAMPLES, check_states),
    "results": Reader(read_uai_results, [*RESULTS, *real("uai/*.MAR.gz")], check_results),
    "results of p": Reader(lambda file: read_uai_results(file, P), RESULTS, check_results),
    "bif": Reader(
        read_bif, [BIF, BIF, *real("bif/*.bif.gz", 15_000)], check_network(write_bif, read_bif)
    ),
    "xmlbif": Reader(read_xmlbif, [XMLBIF], check_network(write_xmlbif, read_xmlbif)),
    "old xmlbif": Reader(read_xmlbif, [OLD_XMLBIF], check_network(write_xmlbif, read_xmlbif)),
    "hugin": Reader(read_hugin, [NET], check_network(write_hugin, read_hugin)),
    "xdsl": Reader(read_xdsl, [XDSL], check_network(write_xdsl, read_xdsl)),
    "libdai": Reader(read_libdai, [LIBDAI], check_libdai),
    "conll": Reader(read_conll, [b"a b\nc d\n\ne f\n", b"a\tb c\td\n"], lambda _: None),
    "text": Reader(read_text, [BIF], lambda _: None),
}

# ---- damage --------------------------------------------------------------------------------

TOKEN = re.compile(rb"[\w.+-]+|\s+|[^\w\s]")
ODD = [
    *(b"0", b"1", b"2", b"-1", b"+1", b"007", b"1.5", b"1.", b".5", b"-0.0", b"1e5", b"1e", b"e"),
    *(b"1000000000000", b"9" * 18, b"9" * 40, b"9" * 5000, b"nan", b"inf", b"-inf", b"1e400"),
    *(b"1e-400", b"1_0", b"0x1p3", b"1,5", b"\xd9\xa3", b"\xc2\xb2", b"\xc2\xa0", b"\xe2\x80\xa8"),
    *(b"MARKOV", b"BAYES", b"PR", b"MAR", b"MAP", b"MMAP", b"-BEGIN-", b"x0", b"\x00", b"\xff"),
    *(b"{", b"}", b"(", b")", b"[", b"]", b";", b",", b"|", b'"', b"'", b"\\", b'"\\', b"\n"),
    *(b"/*", b"*/", b"//", b"{" * 3000, b"(" * 3000, b"table", b"default", b"property", b"type"),
    *(b"variable v {", b"probability ( age | age ) {", b"network", b"discrete", b"continuous"),
    *(b"<", b">", b"&", b"&lt;", b"&x;", b"&#0;", b"&#13;", b"<!--", b"-->", b"<![CDATA[", b"]]>"),
    *(b"<!ENTITY x 'y'>", b"<TABLE>", b"</TABLE>", b"<NAME>", b"<GIVEN>age</GIVEN>", b"<FOR/>"),
    *(b"<BIF>" * 3000, b"<?xml version='1.0' encoding='utf-16'?>", b"encoding='idna'", b"\xfe\xff"),
    *(b"node", b"discrete node", b"potential (age) {", b"data =", b"states = (", b"% x\n", b"=("),
    *(b"<state id='q'/>", b"<parents>age</parents>", b"<cpt id='q'>", b"<VALUE>", b"<PROBABILITY>"),
    *(b'encoding="latin-1"', b'encoding="cp037"', b'encoding="utf-7"', b'encoding="undefined"'),
]
place = st.integers(0, 2**20)
tokens_changed = st.tuples(
    st.sampled_from(["drop", "repeat", "swap", "put", "replace", "cut"]),
    place,
    place,
    st.sampled_from(ODD),
)
bytes_changed = st.tuples(
    st.sampled_from(["byte", "insert", "remove", "end"]), place, place, st.binary(max_size=8)
)
packings = st.sampled_from(["plain"] * 8 + ["gzip", "gzip cut", "gzip changed", "gzip more"])


def change_tokens(data: bytes, change: tuple[str, int, int, bytes]) -> bytes:
    what, i, j, odd = change
    tokens = TOKEN.findall(data)
    if not tokens:
        return odd
    i, j = sorted((i % len(tokens), j % len(tokens)))
    if what == "drop":
        del tokens[i]
    elif what == "repeat":
        tokens.insert(j, tokens[i])
    elif what == "swap":
        tokens[i], tokens[j] = tokens[j], tokens[i]
    elif what == "put":
        tokens.insert(i, b" " + odd + b" ")
    elif what == "replace":
        tokens[i] = odd
    else:
        del tokens[i : i + 1 + (j - i) % 40]
    return b"".join(tokens)


def change_bytes(data: bytes, change: tuple[str, int, int, bytes]) -> bytes:
    what, i, j, odd = change
    i = i % (len(data) + 1)
    if what == "byte":
        return data[:i] + bytes([j % 256]) + data[i + 1 :]
    if what == "insert":
        return data[:i] + odd + data[i:]
    if what == "remove":
        return data[:i] + data[i + 1 + j % 100 :]
    return data[:i]


def pack(data: bytes, packing: str, i: int) -> bytes:
    if packing == "plain":
        return data
    packed = gzip.compress(data, 1, mtime=0)
    i = i % len(packed)
    if packing == "gzip cut":
        return packed[:i]
    if packing == "gzip changed":
        return packed[:i] + bytes([(packed[i] + 1 + i % 255) % 256]) + packed[i + 1 :]
    return packed + packed[:i] if packing == "gzip more" else packed


@st.composite
def damaged(draw, seeds):
    if draw(st.integers(0, 19)) == 0:
        data = draw(st.binary(max_size=200))
    else:
        data = draw(st.sampled_from(seeds))
    for change in draw(st.lists(tokens_changed, max_size=3)):
        data = change_tokens(data, change)
    for change in draw(st.lists(bytes_changed, max_size=1)):
        data = change_bytes(data, change)
    return pack(data, draw(packings), draw(place))


def outcome(read, data):
    """What is read, or the FormatError; anything else is raised."""
    try:
        return read(io.BytesIO(data))
    except FormatError as error:
        return error


@pytest.mark.parametrize("name", READERS)
def test_a_value_or_a_format_error(name):
    reader = READERS[name]

    @settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
    @given(damaged(reader.seeds))
    def case(data):
        found = outcome(reader.read, data)
        if isinstance(found, FormatError):
            event("refused")
            assert str(found).startswith("<text>")
        else:
            event("read")
            reader.check(found)

    case()


@pytest.mark.parametrize("name", READERS)
def test_the_files_to_be_damaged_are_read(name):
    reader = READERS[name]
    for seed in reader.seeds:
        reader.check(reader.read(io.BytesIO(seed)))


HUGE = {
    "uai: variables": (read_uai, "MARKOV 1000000000000 2 2"),
    "uai: states": (read_uai, "MARKOV 1 1000000000000 0"),
    "uai: states of a table": (read_uai, "MARKOV 1 1000000000000 1 1 0 1000000000000 1 2 3"),
    "uai: tables": (read_uai, "MARKOV 1 2 1000000000000 1 0"),
    "uai: a scope": (read_uai, "MARKOV 1 2 1 1000000000000 0"),
    "uai: entries": (read_uai, "MARKOV 2 999999 999999 1 2 0 1 999998000001 1 2"),
    "evidence: pairs": (read_uai_evidence, "1000000000000 1 1"),
    "evidence: samples": (read_uai_samples, "1000000000000 0 0"),
    "results: variables": (read_uai_results, "MAR 1000000000000 1 1"),
    "results: states": (read_uai_results, "MAR 1 1000000000000 1"),
    "results: MAP": (read_uai_results, "MAP 1000000000000 1"),
    "bif: states": (read_bif, "variable a { type discrete [ 1000000000000 ] { x, y }; }"),
    "bif: rows": (
        read_bif,
        "".join(f"variable v{i} {{ type discrete [ 2 ] {{ x, y }}; }}\n" for i in range(60))
        + f"probability ( {' '.join(f'v{i}' for i in range(60))} ) {{ (x) 1 0; }}",
    ),
    "bif: default": (
        read_bif,
        "".join(f"variable v{i} {{ type discrete [ 2 ] {{ x, y }}; }}\n" for i in range(60))
        + f"probability ( {' '.join(f'v{i}' for i in range(60))} ) {{ default 1 0; }}",
    ),
    "bif: nested": (read_bif, "network " + "{" * 100_000),
    "bif: quotes": (read_bif, "network { property " + '"a" ' * 50_000),
    "hugin: nested": (read_hugin, "net { a = " + "(" * 100_000),
    "hugin: data": (
        read_hugin,
        "".join(f"node v{i} {{ states = (a b); }}\n" for i in range(60))
        + f"potential (v0 | {' '.join(f'v{i}' for i in range(1, 60))}) {{ data = (1 0); }}",
    ),
    "hugin: quotes": (read_hugin, 'net { a = "' + "a" * 100_000),
    "xdsl: nested": (read_xdsl, "<smile>" * 100_000),
    "xdsl: parents": (
        read_xdsl,
        "<smile><nodes>"
        + "".join(f'<cpt id="v{i}"><state id="a"/><state id="b"/></cpt>' for i in range(60))
        + f'<deterministic id="x"><state id="a"/><parents>{" ".join(f"v{i}" for i in range(60))}'
        "</parents><resultingstates>a</resultingstates></deterministic></nodes></smile>",
    ),
    "libdai: factors": (read_libdai, "1000000000000 0 0"),
    "libdai: states": (read_libdai, "1 1 0 1000000000000 1 0 1"),
    "libdai: table": (read_libdai, "1 2 0 1 99999 99999 1 0 1"),
    "xmlbif: nested": (read_xmlbif, "<BIF>" * 100_000),
    "xmlbif: entities": (
        read_xmlbif,
        "<!DOCTYPE BIF [<!ENTITY a0 'x'>"
        + "".join(f"<!ENTITY a{i + 1} '{f'&a{i};' * 10}'>" for i in range(9))
        + "]><BIF><NETWORK><NAME>&a9;</NAME></NETWORK></BIF>",
    ),
}


@pytest.mark.parametrize("case", HUGE)
def test_a_number_in_a_file_makes_no_room(case):
    read, text = HUGE[case]
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=r"^<text>(, line \d+)?: .*(expected|words follow)"):
            read(io.StringIO(text))
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()

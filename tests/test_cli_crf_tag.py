"""`gibbsfactor crf tag`: every way to write labels, block by block."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_cli_crf import TEXT, WORDS, columns, fill, stdin, train

from gibbsfactor import LinearChainCRF, read_conll
from gibbsfactor.cli import crf_blocks, main
from gibbsfactor.cli.crf_blocks import ColumnBlocks, FeatureBlocks
from gibbsfactor.errors import FormatError
from gibbsfactor.io import read_crfsuite

TAG = ["crf", "tag", "model.crf"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return fill(tmp_path, monkeypatch)


@pytest.fixture
def crf(folder):
    return LinearChainCRF.load("model.crf")


def tagged(capsys, *arguments):
    """What `tag` prints."""
    assert main([*TAG, *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


# ---- labels ---------------------------------------------------------------------------


def test_tag_round_trip(folder, capsys):
    assert tagged(capsys, "new.txt") == TEXT  # so small a training set is learnt by heart
    assert tagged(capsys, "new.txt", "--output", "tagged.txt") == ""
    assert Path("tagged.txt").read_bytes() == TEXT.encode()


@pytest.mark.parametrize("text", [b"", b"\n \n\n"])
@pytest.mark.parametrize("options", [[], ["--marginals"], ["--k-best", "2"], ["--sample", "2"]])
def test_an_empty_file_has_an_empty_answer(folder, capsys, monkeypatch, text, options):
    Path("empty").write_bytes(text)
    assert tagged(capsys, "empty", *options) == ""
    assert list(FeatureBlocks("empty")) == []
    stdin(monkeypatch, text)
    assert tagged(capsys, "-", *options) == ""
    tagged(capsys, "empty", *options, "--output", "answer")
    assert Path("answer").read_bytes() == b""


def test_tag_passes_further_columns_through(folder, capsys):
    expected = [line and f"{line} {line.split()[-1]}" for line in TEXT.splitlines()]
    assert tagged(capsys, "train.txt").splitlines() == expected


def test_tag_keeps_tabs(folder, capsys):
    Path("tabs.txt").write_text("\r\nthe\tD\tx y\r\ndog\tN\t\r\n")
    assert tagged(capsys, "tabs.txt") == "the\tD\tx y\tB-NP\ndog\tN\t\tI-NP\n"


def test_tag_reads_standard_input(folder, capsys, monkeypatch):
    for pack in (bytes, gzip.compress):
        stdin(monkeypatch, pack("thé D\ndog N\n".encode()))
        assert tagged(capsys, "-") == "thé D B-NP\ndog N I-NP\n"


def test_gzip_in_and_out(folder, capsys):
    Path("train.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert tagged(capsys, "train.txt.gz", "--output", "tagged.txt.gz") == ""
    expected = tagged(capsys, "train.txt")
    assert gzip.decompress(Path("tagged.txt.gz").read_bytes()).decode() == expected


def test_labels_with_spaces_are_set_off_by_tabs(folder, capsys):
    Path("spaced.txt").write_text("the\tD\tnoun phrase\ndog\tN\tnoun phrase\nbarks\tV\tother\n")
    assert main(train("--quiet", data="spaced.txt")) == 0
    assert "the\tD\tnoun phrase\n" in tagged(capsys, "new.txt")


def test_crfsuite_text(folder, capsys):
    assert main(["crf", "tag", "features.crf", "train.crfsuite", "--proba"]) == 0
    out = columns(capsys.readouterr().out)
    crf, text = LinearChainCRF.load("features.crf"), read_crfsuite("train.crfsuite")
    assert out.labels(0) == text.labels
    assert out.labels(1) == crf.predict(text.tokens)
    shares = np.concatenate(crf.predict_proba(text.tokens)).max(1)
    np.testing.assert_allclose(list(map(float, out.column(2))), shares, atol=1e-6)


# ---- probabilities --------------------------------------------------------------------


def test_probabilities(folder, crf, capsys):
    more = ["--proba", "--confidence", "--marginals"]
    out = columns(tagged(capsys, "new.txt", *more))
    words = columns(WORDS)
    predicted, shares = crf.predict(words), np.concatenate(crf.predict_proba(words))
    assert out.labels(2) == predicted
    codes = [crf.classes_.index(label) for label in chain.from_iterable(predicted)]
    found = np.array(list(map(float, out.column(3))))
    np.testing.assert_allclose(found, shares[np.arange(len(codes)), codes], atol=1e-6)
    found = np.array(list(map(float, out.column(4))))
    np.testing.assert_allclose(found, np.repeat(crf.confidence(words), words.lengths), atol=1e-6)
    for i, label in enumerate(crf.classes_):
        pairs = [cell.rpartition(":") for cell in out.column(5 + i)]
        assert {name for name, _, _ in pairs} == {label}
        np.testing.assert_allclose([float(p) for *_, p in pairs], shares[:, i], atol=1e-6)


def test_k_best(folder, crf, capsys):
    out = columns(tagged(capsys, "new.txt", "--k-best", "12"))
    best = crf.k_best(columns(WORDS), 12)
    assert list(map(len, best)) == [12, 12, 9]  # of two tokens there are nine labellings
    assert out.labels(2) == [labels for sentence in best for labels, _ in sentence]
    ranks = [r for sentence in best for r, (y, _) in enumerate(sentence, 1) for _ in y]
    assert list(map(int, out.column(3))) == ranks
    shares = [share for sentence in best for y, share in sentence for _ in y]
    np.testing.assert_allclose(list(map(float, out.column(4))), shares, atol=1e-6)


def test_samples(folder, crf, capsys):
    out = columns(tagged(capsys, "new.txt", "--sample", "400", "--seed", "3"))
    assert len(out) == 3 * 400
    assert out.labels(2) == list(
        chain.from_iterable(crf.sample(columns(WORDS), 400, random_state=np.random.default_rng(3)))
    )
    assert {int(number) for number in out.column(3)} == set(range(1, 401))


def test_samples_do_not_depend_on_when_input_comes(folder, capsys):
    Path("long.txt").write_text("\n".join([WORDS] * 40))
    expected = tagged(capsys, "long.txt", "--sample", "5")
    program = [sys.executable, "-m", "gibbsfactor", *TAG, "-", "--sample", "5"]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe) as run:
        for _ in range(40):
            run.stdin.write(f"{WORDS}\n".encode())
            run.stdin.flush()
        run.stdin.close()
        assert run.stdout.read().decode() == expected


def test_known_labels(folder, crf, capsys):
    some = TEXT.replace("barks V O", "barks V B-NP").replace("cat N I-NP", "cat N ?")
    half = re.sub(r"(the|a|dog|sleeps|dogs|bark) (\w) \S+", r"\1 \2 ?", some)
    Path("half.txt").write_text(half)
    known = [[None if k == "?" else k for k in labels] for labels in columns(half).labels()]
    assert any(label for labels in known for label in labels)
    for given_as in ("-1", "2"):
        out = columns(tagged(capsys, "half.txt", "--known", given_as, "--proba"))
        assert out.labels(3) == crf.predict(columns(WORDS), known=known)
        assert out.column(3)[2] == "B-NP"
        assert out.column(4)[2] == "1.000000"
    Path("half.txt").write_text(half.replace("?", "none"))
    more = ["--known", "-1", "--unknown", "none", "--proba"]
    assert columns(tagged(capsys, "half.txt", *more)).labels(3) == out.labels(3)


def test_constraints(folder, crf, capsys):
    Path("odd.txt").write_text("barks V\ndog N\ndog N\ncat N\n")
    for scheme in ("IOB1", "IOB2"):
        out = columns(tagged(capsys, "odd.txt", "--constraints", scheme, "--k-best", "50"))
        best = crf.k_best(columns(Path("odd.txt").read_text()), 50, constraints=scheme)
        assert out.labels(2) == [labels for labels, _ in best[0]]


def test_a_scheme_of_other_labels_is_warned_of(folder, capsys):
    assert main([*TAG, "new.txt", "--constraints", "BILOU"]) == 0
    warning = "gibbsfactor: warning: no labelling that follows BILOU has the model's labels "
    assert capsys.readouterr().err == f"{warning}'B-NP', 'I-NP'; is it the right scheme?\n"


def test_threads_do_not_matter(folder, capsys):
    assert tagged(capsys, "new.txt", "--threads", "2") == TEXT


# ---- blocks ---------------------------------------------------------------------------


def test_blocks_are_tagged_as_the_whole(folder, capsys, monkeypatch):
    Path("long.txt").write_text("\n".join([TEXT, TEXT.replace("dog", "cat")] * 40))
    more = ["--proba", "--known", "-1", "--unknown", "O"]
    whole = tagged(capsys, "long.txt", *more)
    monkeypatch.setattr(crf_blocks, "BLOCK", 100)
    assert sum(1 for _ in ColumnBlocks("long.txt")) > 20
    assert tagged(capsys, "long.txt", *more) == whole


EVEN = [b"a b", b"", b" \t", b"\xc3\xa9  f"]
UNEVEN = [*EVEN, b"a\tb", b"c d e", b"h"]
LATIN = [*EVEN, b"\xff g"]
LINES = st.sampled_from([EVEN, UNEVEN, LATIN]).flatmap(
    lambda kinds: st.lists(st.sampled_from(kinds), max_size=12)
)


@given(
    LINES,
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.integers(1, 12),
)
def test_blocks_hold_what_the_file_holds(tmp_path_factory, lines, end, packed, size):
    """Columns, errors and their lines are those of the file read as a whole."""
    path = tmp_path_factory.mktemp("blocks") / "file"
    data = end.join(lines)
    path.write_bytes(gzip.compress(data) if packed else data)

    def whole():
        return read_conll(str(path)).sentences()

    def in_blocks():
        return list(chain.from_iterable(part.sentences() for part in ColumnBlocks(str(path))))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crf_blocks, "BLOCK", size)
        assert outcome(in_blocks) == outcome(whole)


def outcome(read):
    try:
        return read()
    except FormatError as error:  # of an empty file there are no blocks
        return [] if "there is no token in it" in str(error) else str(error)


def test_blocks_of_features(folder, monkeypatch):
    text = Path("train.crfsuite").read_text()
    Path("many").write_text("\n".join([text] * 3 + [text.replace("w=dog", "w=owl")]))
    whole = read_crfsuite("many")
    monkeypatch.setattr(crf_blocks, "BLOCK", 30)
    parts = list(FeatureBlocks("many"))
    assert len(parts) > 3
    assert [labels for part in parts for labels in part.labels] == whole.labels
    assert [d for part in parts for d in part.tokens.dicts()] == whole.tokens.dicts()
    Path("many").write_text(text + "\n" + text.replace("w=dogs", "w=dogs:x"))
    with pytest.raises(FormatError) as one:
        read_crfsuite("many")
    with pytest.raises(FormatError, match=re.escape(str(one.value))):
        list(FeatureBlocks("many"))


def test_errors_number_sentences_through_the_file(folder, capsys, monkeypatch):
    monkeypatch.setattr(crf_blocks, "BLOCK", 60)
    Path("long.txt").write_text("\n".join([TEXT] * 5 + ["dog N O\ncat N I-NP\n"]))
    more = ["long.txt", "--known", "-1", "--constraints", "IOB2"]
    assert main([*TAG, *more, "--output", "o"]) == 2
    err = capsys.readouterr().err
    assert "long.txt, sentence 15: no labelling agrees with the labels known and the con" in err
    Path("long.txt").write_text("\n".join([TEXT] * 5 + ["dog N O\ncat N ZZ\n"]))
    assert main([*TAG, *more, "--output", "o"]) == 2
    assert "long.txt, sentence 15, position 1: column -1 has the label 'ZZ'" in (
        capsys.readouterr().err
    )
    assert not Path("o").exists()


def test_sentences_are_tagged_as_they_come(folder):
    """Each is written before the next one is read, and the blank line that ends it."""
    program = [sys.executable, "-m", "gibbsfactor", *TAG, "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe) as run:
        for n, sentence in enumerate(TEXT.split("\n\n")):
            run.stdin.write(f"{WORDS.split(chr(10) * 2)[n].strip()}\n\n".encode())
            run.stdin.flush()
            lines = sentence.strip().split("\n")
            found = [run.stdout.readline().decode() for _ in [*lines, ""]]
            assert "".join(found) == "\n".join(lines) + "\n\n"
        run.stdin.close()
        assert run.stdout.read() == b""
        assert run.wait() == 0


# ---- readers that leave ---------------------------------------------------------------


def test_broken_pipe_is_no_error(folder, capsys, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    assert main([*TAG, "new.txt"]) == 0
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_early(folder):
    Path("long.txt").write_text("\n".join([TEXT] * 1500))
    program = [sys.executable, "-m", "gibbsfactor", *TAG, "long.txt"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout.readline() == b"the D B-NP B-NP\n"
        run.stdout.close()
        assert run.stderr.read() == b""
        assert run.wait() == 0


# Whether prints go through one buffer or straight to the pipe, they meet its end in other places.
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [
        ["crf", "evaluate", "model.crf", "train.txt"],
        ["crf", "inspect", "model.crf"],
        ["crf", "convert", "model.crf", "-", "--to", "text"],
    ],
)
def test_no_command_minds_that_its_reader_leaves(folder, command, unbuffered):
    here, there = os.pipe()
    os.close(here)
    program = [sys.executable, "-m", "gibbsfactor", *command]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    run = subprocess.run(
        program, stdout=there, stderr=subprocess.PIPE, env=environment, check=False
    )
    os.close(there)
    assert (run.returncode, run.stderr) == (0, b"")


def test_tagging_loads_nothing_it_does_not_need(folder):
    code = "import sys; from gibbsfactor.cli import main; main(sys.argv[1:]); print(sorted("
    code += "{'sklearn', 'pandas', 'matplotlib', 'networkx', 'tqdm'} & set(sys.modules)))"
    arguments = [*TAG, "new.txt", "--proba", "--output", "tagged.txt"]
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"


# ---- real data ------------------------------------------------------------------------


def test_chunking(shared_data, tmp_path, monkeypatch, capsys):
    """From text to tags: the labels, as the model gives them, and no lines lost."""
    monkeypatch.chdir(tmp_path)
    train_file = shared_data / "conll2000" / "train.txt.gz"
    test_file = shared_data / "conll2000" / "test.txt.gz"
    words = read_conll(train_file)[:300]
    lines = ("".join(f"{' '.join(token)}\n" for token in s) for s in words.sentences())
    Path("train.txt").write_text("\n".join(lines))
    train = ["crf", "train", "train.txt", "--template", "chunking", "--model", "m", "--quiet"]
    assert main([*train, "--max-iterations", "15"]) == 0
    assert "before it converged" in capsys.readouterr().err
    monkeypatch.setattr(crf_blocks, "BLOCK", 100_000)
    assert main(["crf", "tag", "m", str(test_file), "--output", "tagged.txt"]) == 0
    test, found = read_conll(test_file), read_conll("tagged.txt")
    assert found.drop().sentences() == test.sentences()
    assert found.labels() == LinearChainCRF.load("m").predict(test)

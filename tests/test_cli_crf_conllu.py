"""`gibbsfactor crf` on CoNLL-U, picked columns, -DOCSTART- lines and other encodings."""

from __future__ import annotations

from pathlib import Path

import pytest

from gibbsfactor.cli import crf_blocks, main

SENTENCES = [
    [("a", "DET"), ("dog", "NOUN"), ("barks", "VERB")],
    [("the", "DET"), ("caf\u00e9", "NOUN"), ("sleeps", "VERB")],
    [("dogs", "NOUN"), ("sleep", "VERB")],
]
FORM = ["--format", "conllu", "--columns", "FORM"]
LABELLED = ["--format", "conllu", "--columns", "FORM,UPOS"]


def conllu(sentences, added=None):
    """CoNLL-U with a comment, a range and an empty node in each sentence; columns may be added."""
    parts = []
    for n, sentence in enumerate(sentences):
        more = [[""] * len(sentence)] * len(sentences) if added is None else added
        none = "" if added is None else "\t_"
        lines = [f"# sent_id = {n}", "1-2\tx" + "\t_" * 8 + none]
        for i, (form, tag) in enumerate(sentence):
            label = more[n][i] and f"\t{more[n][i]}"
            lines.append(f"{i + 1}\t{form}\t_\t{tag}" + "\t_" * 6 + label)
        lines.append("2.1\te\t_\tX" + "\t_" * 6 + none)
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.conllu").write_text(conllu(SENTENCES * 4), encoding="utf-8")
    command = ["crf", "train", "train.conllu", "--template", "part-of-speech", "--quiet"]
    assert main([*command, "--model", "m.crf", *LABELLED]) == 0
    return tmp_path


def run(capsys, *arguments):
    """What a command prints, which must succeed in silence."""
    assert main(["crf", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def fail(capsys, *arguments):
    """The one line on stderr of a command that must fail."""
    assert main(["crf", *arguments]) == 2
    return capsys.readouterr().err


def test_tagged_conllu_keeps_its_lines(folder, capsys, monkeypatch):
    expected = conllu(SENTENCES * 4, [[tag for _, tag in s] for s in SENTENCES * 4])
    found = run(capsys, "tag", "m.crf", "train.conllu", *FORM)
    assert found == expected
    Path("tagged.conllu").write_text(found, encoding="utf-8")
    scores = ["--predicted", "-1", "--format", "conllu", "--columns", "3,-1"]
    assert "right: 1.0000 of 32 tokens" in run(capsys, "evaluate", "tagged.conllu", *scores)
    assert "right: 1.0000 of 32 tokens" in run(
        capsys, "evaluate", "m.crf", "train.conllu", *LABELLED
    )
    monkeypatch.setattr(crf_blocks, "BLOCK", 100)  # so are they block by block
    assert run(capsys, "tag", "m.crf", "train.conllu", *FORM) == expected
    text = conllu(SENTENCES * 4)
    for encoding, options in [("utf-16", []), ("latin-1", ["--encoding", "latin-1"])]:
        Path("x.conllu").write_text(text, encoding=encoding)
        assert run(capsys, "tag", "m.crf", "x.conllu", *FORM, *options) == expected
    lines = run(capsys, "tag", "m.crf", "train.conllu", *FORM, "--proba").splitlines()
    assert lines[1].endswith("\t_\t_\t_")
    assert lines[2].split("\t")[10] == "DET"


def test_an_encoding_is_read_once(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "caf\u00e9 N\nl\u00e0 D\n\nna\u00efve A\nl\u00e0 D\n\n" * 3
    Path("t").write_text("U00:%x[0,0]\n")
    for encoding in ("latin-1", "utf-16-le", "utf-8"):
        Path("x.txt").write_text(text, encoding=encoding)
        given = ["--encoding", encoding]
        run(capsys, "train", "x.txt", "--template", "t", "--model", "m", "--quiet", *given)
        for block in (2**21, 12):
            monkeypatch.setattr(crf_blocks, "BLOCK", block)
            found = run(capsys, "tag", "m", "x.txt", *given).split()
            assert found[::3] == text.split()[::2]
            assert found[2::3] == text.split()[1::2]


def test_comments_stay_where_no_token_follows(folder, capsys, monkeypatch):
    alone = "# newdoc\n\n"
    sentence = conllu(SENTENCES[:1])
    tagged = conllu(SENTENCES[:1], [["DET", "NOUN", "VERB"]])
    Path("c.conllu").write_text(f"{alone}{sentence}\n{alone}{alone}{sentence}\n# end\n# of all\n")
    expected = f"{alone}{tagged}\n{alone}{alone}{tagged}\n# end\n# of all\n"
    assert run(capsys, "tag", "m.crf", "c.conllu", *FORM) == expected
    for block in (5, 12, 40, 200):
        monkeypatch.setattr(crf_blocks, "BLOCK", block)
        assert run(capsys, "tag", "m.crf", "c.conllu", *FORM) == expected


def test_several_labellings_of_conllu_keep_its_lines(folder, capsys):
    Path("c.conllu").write_text("# newdoc\n\n" + conllu(SENTENCES[1:]) + "\n# end\n")
    best = run(capsys, "tag", "m.crf", "c.conllu", *FORM, "--k-best", "2").split("\n\n")
    assert len(best) == 6
    assert (best[0], best[-1]) == ("# newdoc", "# end\n")
    for n, part in enumerate(best[1:-1]):
        lines = part.split("\n")
        assert lines[0] == f"# sent_id = {n // 2}"
        assert lines[1] == "1-2\tx" + "\t_" * 11
        assert lines[-1] == "2.1\te\t_\tX" + "\t_" * 9
        given = conllu(SENTENCES[1:]).split("\n\n")[n // 2].split("\n")[2:-1]
        for line, token in zip(lines[2:-1], given, strict=False):
            assert line.startswith(f"{token}\t")
            assert line.split("\t")[11] == str(n % 2 + 1)
    tags = [line.split("\t")[10] for line in best[1].split("\n")[2:-1]]
    assert tags == [tag for _, tag in SENTENCES[1]]
    drawn = run(capsys, "tag", "m.crf", "c.conllu", *FORM, "--sample", "3").split("\n\n")
    numbers = [part.split("\n")[2].split("\t")[11:] for part in drawn[1:-1]]
    assert numbers == [["1"], ["2"], ["3"]] * 2


def test_named_columns_of_conllu_plus_in_blocks(folder, capsys, monkeypatch):
    plus = "# global.columns = ID FORM TAG\n" + "".join(
        "".join(f"{i}\t{form}\t_\n" for i, (form, _) in enumerate(sentence, 1)) + "\n"
        for sentence in SENTENCES * 4
    )
    Path("plus.conllup").write_text(plus, encoding="utf-8")
    found = run(capsys, "tag", "m.crf", "plus.conllup", *FORM)
    monkeypatch.setattr(crf_blocks, "BLOCK", 40)
    assert run(capsys, "tag", "m.crf", "plus.conllup", *FORM) == found
    assert [line.split("\t")[-1] for line in found.splitlines()[1:4]] == ["DET", "NOUN", "VERB"]
    Path("plus.conllup").write_text(plus + "5\tx\n", encoding="utf-8")
    error = fail(capsys, "tag", "m.crf", "plus.conllup", *FORM)
    assert f"plus.conllup, line {plus.count(chr(10)) + 1}: found 2 columns, expected 3" in error


def test_docstart_lines_are_passed_through(folder, capsys):
    Path("d.txt").write_text("-DOCSTART- -X-\n\na DET\ndog NOUN\n\n\n-DOCSTART- -X-\n\ndogs NOUN\n")
    expected = "-DOCSTART- -X-\n\na DET DET\ndog NOUN NOUN\n\n\n-DOCSTART- -X-\n\ndogs NOUN NOUN\n"
    assert run(capsys, "tag", "m.crf", "d.txt", "--drop-docstart") == expected
    found = run(capsys, "evaluate", "m.crf", "d.txt", "--drop-docstart")
    assert "right: 1.0000 of 3 tokens" in found


def test_columns_are_picked_for_training_and_conversion(folder, capsys):
    text = "".join(f"{tag}\tx\t{form}\n" for form, tag in SENTENCES[0])
    Path("t.tsv").write_text(text)
    options = ["--template", "part-of-speech", "--columns", "2,0"]
    run(capsys, "train", "t.tsv", "--model", "n.crf", "--quiet", *options)
    assert run(capsys, "tag", "n.crf", "t.tsv", "--columns", "-1") == "".join(
        f"{form}\t{tag}\n" for form, tag in SENTENCES[0]
    )
    run(capsys, "convert", "t.tsv", "f.txt", *options)
    assert Path("f.txt").read_text().startswith("DET\tU02\\:a\t")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tag", "m.crf", "train.conllu", "--format", "conllu"], "CoNLL-U needs --columns, those"),
        (["tag", "m.crf", "train.conllu"], "read CoNLL-U as such, with --format conllu"),
        (["tag", "m.crf", "train.conllu", *FORM[:3], "POS"], "there is no column 'POS'; there are"),
        (["tag", "m.crf", "x.txt", *FORM], "x.txt, line 1: found 'a', expected a line of CoNLL-U"),
        (["tag", "m.crf", "l.txt"], "l.txt, line 1: byte 0xe9 is not UTF-8"),
        (["tag", "m.crf", "l.txt", "--encoding", "x"], "there is no encoding 'x'; give one that"),
        (["tag", "m.crf", "l.txt", "--encoding", "ascii"], "l.txt, after line 0: the text is"),
        (["evaluate", "m.crf", "x.txt"], "x.txt, sentence 0, position 1: the label, which is the "),
        (["tag", "m.crf", "x.txt", "--columns", "0,,1"], "is 0,,1; it must be columns parted by"),
        (
            ["train", "x.txt", "--format", "crfsuite", "--columns", "1", "--model", "o"],
            "--columns is for files of columns, not for CRFsuite's text",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_told(folder, capsys, arguments, message):
    Path("x.txt").write_text("a\tDET\ndog\t\n")
    Path("l.txt").write_bytes(b"caf\xe9 N\n")
    assert message in fail(capsys, *arguments)

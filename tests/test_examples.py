"""Every example runs by itself, passes its own assertions and leaves pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
NEEDS = {"chunking_conll2000": DATA / "conll2000", "mnist": DATA / "mnist"}

PICTURES = {
    "factor_table": ["factor_table"],
    "business_graph": ["business_factor", "business_induced", "business_junction"],
    "diagnosis": ["diagnosis_moral", "diagnosis_network"],
    "naive_bayes_pair": ["naive_bayes_graph", "naive_bayes_pair"],
    "ising": ["ising"],
    "why_exp": ["why_exp"],
    "dishonest_casino": ["casino_dice", "casino_posterior"],
    "family": ["family"],
    "skip_chain": ["skip_chain_graph", "skip_chain_marginals"],
    "denoising": ["denoising"],
    "factorial_tagging": ["factorial_graph", "factorial_weights"],
    "maximum_entropy": ["maximum_entropy"],
    "coding": ["coding_bytes"],
    "tagging_hmm": ["tagging_hmm_graph", "tagging_hmm_marginals", "tagging_hmm_transitions"],
    "mnist": ["mnist_confusion", "mnist_weights"],
    "softmax_is_gibbs": ["softmax_factor", "softmax_factors"],
    "tagging_conversations": ["tagging_factor", "tagging_marginals", "tagging_transitions"],
    "chunking_conll2000": ["chunking_transitions"],
    "entities_dropin": ["entities_top_features", "entities_transitions"],
}


def run_example(name, cwd, *arguments):
    """The output of an example; its warnings are errors, as in all tests."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py"), *arguments],
        cwd=cwd,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_example_is_forgotten():
    assert sorted(PICTURES) == sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                name in NEEDS and not NEEDS[name].is_dir(),
                reason="no ../shared/data beside the checkout",
            ),
        )
        for name in PICTURES
    ],
)
def test_example(name, tmp_path):
    assert run_example(name, tmp_path)
    drawn = sorted(tmp_path.glob("pictures/*"))
    assert [path.name for path in drawn] == [f"{picture}.png" for picture in PICTURES[name]]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_pictures_go_where_they_are_asked_to(tmp_path):
    run_example("factor_table", tmp_path, "a/b")
    assert (tmp_path / "a" / "b" / "factor_table.png").is_file()


def test_chunking_without_the_data_says_so(tmp_path):
    told = run_example("chunking_conll2000", tmp_path, "--data", str(tmp_path / "none"))
    assert f"No CoNLL-2000 data in {tmp_path / 'none'}; give its folder with --data" in told
    assert not (tmp_path / "pictures").exists()

"""Parameters out of range are named before any work is done."""

from __future__ import annotations

import math

import pytest

from gibbsfactor import LinearChainCRF

X, Y = [[["a"], ["b"]], [["c"]]], [["x", "y"], ["x"]]
NUMBER = "it must be a finite number of at least 0"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"algorithm": "sgd"},
            ValueError,
            "algorithm is 'sgd'; it must be one of 'lbfgs'",
        ),
        ({"algorithm": 0.3}, ValueError, "algorithm is 0.3; it must be one of"),
        ({"dev_metric": "recall"}, ValueError, "dev_metric is 'recall'; it must be one of 'f1'"),
        ({"c2": -0.5}, ValueError, f"c2 is -0.5; {NUMBER}"),
        ({"c2": math.nan}, ValueError, f"c2 is nan; {NUMBER}"),
        ({"c2": math.inf}, ValueError, f"c2 is inf; {NUMBER}"),
        ({"c2": "1"}, ValueError, f"c2 is '1'; {NUMBER}"),
        ({"c2": None}, ValueError, f"c2 is None; {NUMBER}"),
        ({"c2": True}, ValueError, f"c2 is True; {NUMBER}"),
        ({"c1": -1}, ValueError, f"c1 is -1; {NUMBER}"),
        ({"tol": -1e-3}, ValueError, f"tol is -0.001; {NUMBER}"),
        ({"checkpoint_seconds": -1.0}, ValueError, f"checkpoint_seconds is -1.0; {NUMBER}"),
        ({"algorithm": "ap", "c1": 0.5}, ValueError, "c1 is 0.5, but algorithm='ap' has no L1"),
        ({"algorithm": "l2sgd", "c1": 2}, ValueError, "c1 is 2, but algorithm='l2sgd' has no L1"),
        ({"algorithm": "l2sgd", "c2": 0}, ValueError, "c2 is 0, but algorithm='l2sgd' takes its"),
        (
            {"max_iterations": 0},
            ValueError,
            "max_iterations is 0; it must be a whole number",
        ),
        ({"max_iterations": 2.5}, ValueError, "max_iterations is 2.5; it must be a whole number"),
        ({"max_iterations": True}, ValueError, "max_iterations is True; it must be a whole"),
        ({"max_iterations": None}, ValueError, "max_iterations is None; it must be a whole"),
        ({"n_threads": 0}, ValueError, "n_threads is 0; it must be a whole number from 1"),
        ({"n_threads": -1}, ValueError, "n_threads is -1; it must be a whole number from 1"),
        (
            {"early_stopping": 0},
            ValueError,
            "early_stopping is 0; it must be a whole number",
        ),
        ({"random_state": -1}, ValueError, "random_state is -1; it must be a whole number from 0"),
        ({"order": 3}, ValueError, "order is 3; it must be 1 or 2"),
        (
            {"progress": "loud"},
            ValueError,
            "progress is 'loud'; it must be True, False",
        ),
        ({"min_freq": -1}, ValueError, "min_freq must be 0 or more, but is -1"),
        ({"min_freq": 1.5}, TypeError, "min_freq must be an integer, but is 1.5"),
        (
            {"min_freq": 4},
            ValueError,
            "no attribute occurs on 4 tokens or more; there is nothing to learn from",
        ),
        ({"templates": "U0:%x[0,0]"}, TypeError, "templates is 'U0.*give Templates.chunking"),
        ({"constraints": 7}, TypeError, "constraints is 7; give the name of a scheme"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_parameters_out_of_range(options, error, message):
    crf = LinearChainCRF(**{"progress": False, **options})
    with pytest.raises(error, match=message):
        crf.fit(X, Y)
    assert not hasattr(crf, "weights_")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"sample_weight has shape \(1,\); it must hold one number for each of the 2 seq"),
        ([[1.0, 1.0]], r"sample_weight has shape \(1, 2\)"),
        ([1.0, -0.5], "sample_weight gives sequence 1 the weight -0.5; weights are finite and at"),
        ([math.nan, 1.0], "sample_weight gives sequence 0 the weight nan"),
        ([0, 0], "sample_weight is zero throughout; there is nothing to learn from"),
    ],
)
def test_weights_of_sequences_that_make_no_sense(weights, message):
    with pytest.raises(ValueError, match=message):
        LinearChainCRF(progress=False).fit(X, Y, sample_weight=weights)


def test_all_but_the_algorithm_is_given_by_name():
    assert LinearChainCRF("ap").algorithm == "ap"
    with pytest.raises(TypeError, match="positional"):
        LinearChainCRF("lbfgs", 1.0)

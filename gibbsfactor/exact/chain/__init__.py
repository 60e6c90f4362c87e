"""Chains of labels: sums, best labellings and samples, over many sequences at a time.

Letters: N sequences of lengths T_1 .. T_N, M = sum T_n positions in all, L labels, S states (what
is remembered of the labels before), K matrices of steps.
"""

from __future__ import annotations

from gibbsfactor.exact.chain.best import k_best, viterbi
from gibbsfactor.exact.chain.filtering import forward_messages
from gibbsfactor.exact.chain.packing import Packing
from gibbsfactor.exact.chain.samples import sample
from gibbsfactor.exact.chain.scores import ChainScores, RepeatedScores, labelling_scores
from gibbsfactor.exact.chain.sweeps import (
    ChainMarginals,
    ExpectedCounts,
    expected_counts,
    forward_backward,
    log_partitions,
)
from gibbsfactor.exact.chain.token_terms import token_terms

__all__ = [
    "ChainMarginals",
    "ChainScores",
    "ExpectedCounts",
    "Packing",
    "RepeatedScores",
    "expected_counts",
    "forward_backward",
    "forward_messages",
    "k_best",
    "labelling_scores",
    "log_partitions",
    "sample",
    "token_terms",
    "viterbi",
]

"""Rows of cases as users give them: evidence as a table, likelihoods and targets by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gibbsfactor.domain import Domain
from gibbsfactor.errors import listed
from gibbsfactor.exact.batch import Cases
from gibbsfactor.exact.network import IntArray, Network
from gibbsfactor.exact.row_targets import row_target_weights
from gibbsfactor.gibbs.soft_evidence import (
    BoolArray,
    FloatArray,
    SoftEvidence,
    checked_likelihood,
    checked_target,
    numbers_by_variable,
    states_possible,
)
from gibbsfactor.rows import Unseen, coded_columns, read_columns
from gibbsfactor.variable import State, Variable

# A data frame, {name: column of states}, a structured array or a sequence of {name: state}.
EvidenceRows = Mapping[str, Sequence[State]] | Sequence[Mapping[str, State]] | object


def asked_in_rows(*given: object) -> bool:
    """Whether a question comes with rows of any kind."""
    return any(part is not None for part in given)


def cases_of(
    domain: Domain,
    network: Network,
    evidence: EvidenceRows | None,
    likelihood: SoftEvidence | None,
    targets: SoftEvidence | None,
    memory: int | None,
    unseen: Unseen = "error",
) -> Cases:
    """Rows checked and coded; all parts must agree how many there are.

    Raises
    ------
    TypeError, ValueError
        If a part is not what it should be, a column is of a variable observed already, or the
        parts have different numbers of rows.
    """
    lengths: dict[str, int] = {}
    observed: dict[int, IntArray] = {}
    possible: dict[int, BoolArray] = {}
    if evidence is not None:
        lengths["evidence"], columns, sets = _coded(evidence, domain.variables, unseen)
        _check_unobserved(domain, columns, "evidence")
        observed = {network.numbers[name]: codes for name, codes in columns.items()}
        possible = {network.numbers[name]: masks for name, masks in sets.items()}
    given = {}
    for what, part, checked in (
        ("likelihood", likelihood, checked_likelihood),
        ("targets", targets, checked_target),
    ):
        by_variable = numbers_by_variable(domain, part, what)
        _check_unobserved(domain, [v.name for v, _ in by_variable], what)
        given[what] = {v: checked(v, numbers) for v, numbers in by_variable}
        lengths |= {
            f"the {what} of {v.name!r}": len(numbers)
            for v, numbers in given[what].items()
            if numbers.ndim == 2
        }
    n = _common_length(lengths)
    with np.errstate(divide="ignore"):
        logs = {v: np.log(w) for v, w in _spread(given["likelihood"], network, n).items()}
        for v, masks in possible.items():
            logs[v] = logs.get(v, 0.0) + np.log(masks)
    cases = Cases(n, observed, logs)
    if not given["targets"]:
        return cases
    return row_target_weights(network, cases, _spread(given["targets"], network, n), memory)


def _coded(
    evidence: EvidenceRows, variables: Mapping[str, Variable], unseen: Unseen
) -> tuple[int, dict[str, IntArray], dict[str, BoolArray]]:
    """Rows as positions of states, -1 where there is none, and the states that sets leave.

    Those are (n_rows, cardinality), all true in rows without a set.
    """
    read = read_columns(evidence, "evidence")
    try:
        return read.n, coded_columns(read, variables, "evidence", unseen), {}
    except ValueError:  # perhaps because of sets, which are rare
        entries = {name: list(column) for name, column in read.entries.items()}
        sets: dict[str, BoolArray] = {}
        for name, v in variables.items():
            for row, entry in enumerate(entries.get(name, ())):
                found = states_possible(v, entry, f"row {row} of evidence")
                if found is not None:
                    masks = sets.setdefault(name, np.ones((read.n, v.cardinality), dtype=bool))
                    masks[row], entries[name][row] = found, None
        if not sets:
            raise
    codes = coded_columns(replace(read, entries=entries), variables, "evidence", unseen)
    return read.n, codes, sets


def _spread(
    by_variable: Mapping[Variable, FloatArray], network: Network, n: int
) -> dict[int, FloatArray]:
    """By variable number, with the same numbers in every row where one row was given."""
    return {
        network.numbers[v.name]: np.broadcast_to(numbers, (n, v.cardinality))
        for v, numbers in by_variable.items()
    }


def _check_unobserved(
    domain: Domain, names: Sequence[str] | Mapping[str, object], what: str
) -> None:
    seen = [name for name in names if name in domain.evidence]
    if seen:
        raise ValueError(
            f"{what} has a column for {listed(seen)}, which the distribution is conditioned on "
            "already; ask the distribution without that condition"
        )


def _common_length(lengths: Mapping[str, int]) -> int:
    if not lengths:
        raise ValueError(
            "likelihood and targets give one row of numbers a variable, which is one case: use "
            "condition(likelihood=..., targets=...), or give arrays (n_rows, cardinality)"
        )
    if len(set(lengths.values())) > 1:
        parts = ", ".join(f"{what} has {n}" for what, n in lengths.items())
        raise ValueError(f"all parts of a batch need the same number of rows; {parts}")
    return next(iter(lengths.values()))

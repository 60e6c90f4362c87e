"""The answer to a query, and how programs read it: as JSON, or as a UAI results file."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gibbsfactor.exact.cost import Task
from gibbsfactor.exact.plan import Plan
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution, ScoredAssignment
from gibbsfactor.io.uai_results import write_uai_results
from gibbsfactor.variable import State

NO_MASS = "every assignment has weight zero: the factors contradict each other or the evidence"

FEW = 4  # marginals that are asked for one by one: a pass for all costs about as much


@dataclass(eq=False)
class Answer:
    """What is known about a model under evidence; None is what was not asked.

    ``p`` is the model with the ``evidence`` applied, ``sweep`` what the plan was followed for, and
    ``seconds`` the time of each stage.
    """

    task: str
    p: GibbsDistribution
    evidence: Mapping[str, Any]
    plan: Plan
    sweep: Task
    seconds: Mapping[str, float]
    log_partition: float | None = None
    marginals: Mapping[str, Factor] | None = None
    joint: Factor | None = None
    map_assignment: Mapping[str, State] | None = None
    log_score: float | None = None
    marginal_map: Mapping[str, State] | None = None
    log_probability: float | None = None
    k_best: Sequence[ScoredAssignment] | None = None
    samples: Mapping[str, Sequence[State]] | None = None
    explain: str | None = None


# ---- JSON -----------------------------------------------------------------------------


def as_json(answer: Answer) -> str:
    """One JSON object with everything that is known; minus infinity is null."""
    figures: dict[str, Any] = {"task": answer.task}
    if answer.log_partition is not None:
        figures["log_partition"] = finite(answer.log_partition)
        if answer.log_partition == -math.inf:
            figures["zero_probability"] = NO_MASS
    figures |= _answers(answer)
    figures["evidence"] = labels(answer.evidence)
    figures |= cost(answer.plan, answer.sweep, answer.seconds)
    return json_text(figures) + "\n"


def cost(plan: Plan, sweep: Task, seconds: Mapping[str, float]) -> dict[str, Any]:
    """What an answer took, and what its plan said: the last keys of every object."""
    figures: dict[str, Any] = {
        "width": plan.width,
        "flops": finite(plan.flops),
        "peak_bytes": plan.footprint.peak(sweep),
        "slices": plan.n_slices,
    }
    if plan.schedule is None:  # no machine can follow it, and the figures are lower bounds
        figures["at_least"] = True
    return {"plan": figures, "seconds": {stage: round(t, 6) for stage, t in seconds.items()}}


def _answers(answer: Answer) -> dict[str, Any]:
    """What the task asked for, in values that JSON has."""
    found: dict[str, Any] = {}
    if answer.marginals is not None:
        found["marginals"] = {
            name: dict(zip(map(str, t.scope[0].states), t.values.tolist(), strict=True))
            for name, t in answer.marginals.items()
        }
    if answer.joint is not None:
        found["joint"] = {
            "variables": list(answer.joint.names),
            "states": [list(map(label, v.states)) for v in answer.joint.scope],
            "probabilities": answer.joint.values.tolist(),
        }
    if answer.map_assignment is not None:
        found |= {"map": labels(answer.map_assignment), "log_score": answer.log_score}
    if answer.marginal_map is not None:
        found["marginal_map"] = labels(answer.marginal_map)
        found["log_probability"] = answer.log_probability
    if answer.k_best is not None:
        found["k_best"] = [
            {
                "log_probability": log_p,
                "log_score": answer.p.log_unnormalized(assignment),
                "assignment": labels(assignment),
            }
            for assignment, log_p in answer.k_best
        ]
    if answer.samples is not None:
        found["samples"] = {
            name: list(map(label, states)) for name, states in answer.samples.items()
        }
    if answer.explain is not None:
        found["explain"] = answer.explain
    return found


def labels(assignment: Mapping[str, State]) -> dict[str, Any]:
    """An assignment in values that JSON has."""
    return {name: label(state) for name, state in assignment.items()}


def label(state: State) -> Any:
    """A state as JSON has it: whole numbers as such, all else by its text; a set as a list."""
    if isinstance(state, frozenset):
        return sorted(map(label, state), key=str)
    return state if isinstance(state, str | int) else str(state)


def finite(number: float) -> float | None:
    """The number, or None where JSON has none for it."""
    return number if math.isfinite(number) else None


def json_text(value: Any, depth: int = 2) -> str:
    """JSON with the outer levels line by line, and what is deeper inside on one line.

    >>> print(json_text({"map": {"A": 1, "B": 0}, "log_partition": [0.5, None]}))
    {
      "map": {
        "A": 1,
        "B": 0
      },
      "log_partition": [0.5, null]
    }
    """
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    nested = any(isinstance(item, dict | list) for item in items)
    if depth == 0 or not items or (isinstance(value, list) and not nested):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = [json_text(item, depth - 1) for item in items]
    if isinstance(value, dict):
        inner = [f"{json_text(key)}: {item}" for key, item in zip(value, inner, strict=True)]
    margin = "  " * (3 - depth)
    ends = "{}" if isinstance(value, dict) else "[]"
    lines = f",\n{margin}".join(inner)
    return f"{ends[0]}\n{margin}{lines}\n{margin[2:]}{ends[1]}"


# ---- UAI ------------------------------------------------------------------------------


def as_uai(answer: Answer) -> str:
    """A UAI results file; the observed variables are among those of marginals and map."""
    known: dict[str, Any] = {
        "log_partition": answer.log_partition if answer.task == "logz" else None,
        "marginals": answer.marginals,
        "map_assignment": answer.map_assignment,
        "marginal_map": answer.marginal_map,
    }
    file = io.StringIO()
    write_uai_results(file, answer.p, **known)
    return file.getvalue()

"""What `gibbsfactor query` does with its parsed arguments: read, ask, write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gibbsfactor.cli.crf_commands import _check_targets, _stopwatch
from gibbsfactor.cli.waiting import waiting

if TYPE_CHECKING:
    from gibbsfactor.cli.answers import Answer
    from gibbsfactor.cli.query_evidence import Evidence
    from gibbsfactor.exact.cost import Task
    from gibbsfactor.exact.plan import Plan
    from gibbsfactor.gibbs import GibbsDistribution

TASKS = ("marginals", "logz", "map", "marginal-map", "k-best", "sample", "explain")
FORMATS = ("table", "json", "uai")
UAI_TASKS = ("logz", "marginals", "map", "marginal-map")  # those with a results file
NAMING_TASKS = ("marginals", "marginal-map", "sample")  # those that ask about some variables
SWEEP_OF: dict[str, Task] = {
    "logz": "log_partition",
    "marginals": "marginals",
    "map": "map",
    "marginal-map": "log_partition",
    "k-best": "map",
    "sample": "sample",
    "explain": "log_partition",
}
DEFAULT_K, DEFAULT_N = 10, 1
FEW = 4  # marginals that are asked for one by one: a pass for all costs about as much
WORTH_A_WORD = 2.0  # seconds, by estimate


def run_query(arguments: argparse.Namespace) -> int:
    """Answer one question about a model; 0."""
    _check_options(arguments)
    _check_targets([arguments.output], _inputs(arguments))
    from gibbsfactor.cli.answer_tables import as_table
    from gibbsfactor.cli.answers import as_json, as_uai
    from gibbsfactor.errors import IntractableError
    from gibbsfactor.io import write_text

    write = {"table": as_table, "json": as_json, "uai": as_uai}[arguments.format]
    try:
        text = write(_answer(arguments))
    except IntractableError as error:  # in this program's words
        raise IntractableError(str(error).replace("memory=", "--memory")) from None
    if arguments.output:
        write_text(arguments.output, text)
    elif hasattr(sys.stdout, "buffer"):  # UTF-8 and plain line ends, whatever the terminal's are
        sys.stdout.buffer.write(text.encode())
    else:
        sys.stdout.write(text)
    return 0


# ---- what is asked --------------------------------------------------------------------


def _check_options(arguments: argparse.Namespace) -> None:
    """Find options that do not go together before anything is read."""
    task = arguments.task
    belongs = {
        "--k": (arguments.k is not None, ("k-best",)),
        "--n": (arguments.n is not None, ("sample",)),
        "--seed": (arguments.seed is not None, ("sample",)),
        "--joint": (arguments.joint, ("marginals",)),
        "--variables": (arguments.variables is not None, NAMING_TASKS),
    }
    for option, (given, tasks) in belongs.items():
        if given and task not in tasks:
            raise ValueError(f"{option} is for --task {' or '.join(tasks)}; the task is {task}")
    if task == "marginal-map" and arguments.variables is None:
        raise ValueError("--task marginal-map needs --variables A,B; for all of them ask for map")
    if arguments.joint and arguments.variables is None:
        raise ValueError("--joint needs --variables A,B, those whose joint marginal is asked")
    if arguments.format == "uai":
        if task not in UAI_TASKS:
            raise ValueError(
                f"UAI has no results file for {task}; it has one for {', '.join(UAI_TASKS)}. "
                "Use --format json"
            )
        if task == "marginals" and arguments.variables is not None:
            raise ValueError(
                "a UAI results file of marginals is about every variable; leave --variables out, "
                "or use --format json"
            )


def _inputs(arguments: argparse.Namespace) -> list[str]:
    return [path for path in (arguments.model, arguments.evidence) if path is not None]


def _read(arguments: argparse.Namespace) -> tuple[GibbsDistribution, Evidence]:
    """The model, and what is observed."""
    from gibbsfactor.cli.query_evidence import parse_given, read_evidence, variables_of
    from gibbsfactor.io import read_model

    p = _within(read_model(arguments.model), arguments.memory)
    given = parse_given(arguments.given, variables_of(p))
    if arguments.evidence is None:
        return p, given
    rows = read_evidence(arguments.evidence, p)
    if len(rows) > 1:
        raise ValueError(
            f"{arguments.evidence}: there are {len(rows)} rows of evidence, expected 1; "
            "ask about one at a time"
        )
    both = next((name for name in given if name in rows[0]), None)
    if both is not None:
        raise ValueError(
            f"{both!r} is observed in {arguments.evidence} and by --given; say it once"
        )
    return p, {**rows[0], **given}


def _within(p: GibbsDistribution, memory: int | None) -> GibbsDistribution:
    """The same model with a memory budget."""
    from gibbsfactor.gibbs import GibbsDistribution
    from gibbsfactor.models.bayesian_network import BayesianNetwork

    if memory is None:
        return p
    if isinstance(p, BayesianNetwork):
        return BayesianNetwork(p.tables.values(), memory=memory)
    return GibbsDistribution(p.factors, p.variables, memory=memory)


def _asked(texts: Sequence[str] | None, p: GibbsDistribution, evidence: Evidence) -> list[str]:
    """The names in --variables, parted by commas where they are not one name as they stand."""
    from gibbsfactor.cli.query_evidence import variable_named, variables_of

    variables = variables_of(p)
    names = []
    for text in texts or ():
        for name in [text] if text in variables else text.split(","):
            variable_named(variables, name, "--variables")
            if name in names:
                raise ValueError(f"--variables names {name!r} twice; name each variable once")
            if name in evidence:
                raise ValueError(
                    f"--variables names {name!r}, which is observed to be {evidence[name]!r}; "
                    "ask about unobserved variables"
                )
            names.append(name)
    return names


# ---- the answers ----------------------------------------------------------------------


def _answer(arguments: argparse.Namespace) -> Answer:
    from gibbsfactor.cli.answers import Answer

    seconds, lap = _stopwatch()
    task, shown = arguments.task, arguments.progress
    with waiting("reading", enabled=shown):
        model, evidence = _read(arguments)
        names = _asked(arguments.variables, model, evidence)
        p = model.condition(evidence) if evidence else model
    lap("read")
    with waiting("planning", enabled=shown):
        plan = p.plan()
    lap("plan")
    answer = Answer(task, p, plan, SWEEP_OF[task], seconds)
    if task == "explain":
        answer.explain = plan.explain()
    else:
        stage = task.replace("-", "_")
        with waiting(task, _estimate(plan, SWEEP_OF[task]), enabled=shown):
            if task != "logz":
                _QUESTIONS[task](answer, names, arguments)
                lap(stage)
            answer.log_partition = p.log_partition()
            lap("log_partition")
    lap("total")
    return answer


def _estimate(plan: Plan, sweep: Task) -> str:
    """How long the arithmetic may take, where that is worth a word."""
    from gibbsfactor.exact.cost import SWEEPS, duration

    _, products, _ = SWEEPS[sweep]
    seconds = products * plan.seconds
    return f"about {duration(seconds)} expected" if seconds > WORTH_A_WORD else ""


def _marginals(answer: Answer, names: Sequence[str], arguments: argparse.Namespace) -> None:
    p = answer.p
    if 0 < len(names) <= FEW:
        answer.marginals = {name: p.marginal(name) for name in names}
    else:
        every = p.marginals()
        answer.marginals = {name: every[name] for name in names or every}
    if arguments.joint:
        answer.joint = p.marginal(*names)


def _map(answer: Answer, names: Sequence[str], arguments: argparse.Namespace) -> None:
    answer.map_assignment = answer.p.map_assignment()
    answer.log_score = answer.p.log_unnormalized(answer.map_assignment)


def _marginal_map(answer: Answer, names: Sequence[str], arguments: argparse.Namespace) -> None:
    answer.marginal_map = answer.p.marginal_map(names)
    answer.log_probability = answer.p.log_probability_of(answer.marginal_map)


def _k_best(answer: Answer, names: Sequence[str], arguments: argparse.Namespace) -> None:
    answer.k_best = answer.p.k_best(arguments.k or DEFAULT_K)


def _sample(answer: Answer, names: Sequence[str], arguments: argparse.Namespace) -> None:
    drawn = answer.p.sample(arguments.n or DEFAULT_N, arguments.seed)
    answer.samples = {name: drawn[name].tolist() for name in names or drawn}


_QUESTIONS: dict[str, Callable[[Answer, Sequence[str], argparse.Namespace], None]] = {
    "marginals": _marginals,
    "map": _map,
    "marginal-map": _marginal_map,
    "k-best": _k_best,
    "sample": _sample,
}

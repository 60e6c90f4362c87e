"""What `gibbsfactor query` does with its parsed arguments: read, ask, write."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from gibbsfactor.cli.crf_commands import check_targets, stopwatch
from gibbsfactor.cli.output import put
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
ROW_TASKS = ("logz", "marginals", "map")  # those that several rows of evidence may be put to
SWEEP_OF: dict[str, Task] = {
    "logz": "log_partition",
    "marginals": "marginals",
    "map": "map",
    "marginal-map": "marginal_map",
    "k-best": "map",
    "sample": "sample",
    "explain": "marginals",
}
DEFAULT_K, DEFAULT_N = 10, 1
WORTH_A_WORD = 2.0  # seconds, by estimate


def run_query(arguments: argparse.Namespace) -> int:
    """Answer one question about a model; 0."""
    _check_options(arguments)
    check_targets([arguments.output], _inputs(arguments))
    from gibbsfactor.errors import IntractableError

    try:
        text = _answer(arguments)
    except IntractableError as error:  # in this program's words
        raise IntractableError(str(error).replace("memory=", "--memory")) from None
    put(text, arguments.output)
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


def _read(arguments: argparse.Namespace) -> tuple[GibbsDistribution, Evidence, list[Evidence]]:
    """The model, what is observed in any case, and rows of what else is."""
    from gibbsfactor.cli.query_evidence import parse_given, read_evidence, variables_of
    from gibbsfactor.io import read_model

    model = read_model(
        arguments.model,
        normalize=arguments.normalize,
        nan_rows=arguments.nan_rows,
        encoding=arguments.encoding,
    )
    p = _within(model, arguments.memory)
    given = parse_given(arguments.given, variables_of(p))
    rows = (
        [{}]
        if arguments.evidence is None
        else read_evidence(arguments.evidence, p, arguments.encoding)
    )
    if len(rows) > 1:
        _check_rows(arguments, len(rows))
    both = next((name for name in given if any(name in row for row in rows)), None)
    if both is not None:
        raise ValueError(
            f"{both!r} is observed in {arguments.evidence} and by --given; say it once"
        )
    return p, given, rows


def _check_rows(arguments: argparse.Namespace, n: int) -> None:
    """Several rows are answered where a line says it all."""
    if arguments.task not in ROW_TASKS:
        what = arguments.task
    elif arguments.joint:
        what = "--joint"
    elif arguments.format == "uai":
        what = "--format uai"
    else:
        return
    raise ValueError(
        f"{arguments.evidence}: there are {n} rows of evidence, expected 1 for {what}; several "
        f"are answered for {', '.join(ROW_TASKS)}, as table or json"
    )


def _within(p: GibbsDistribution, memory: int | None) -> GibbsDistribution:
    """The same model with a memory budget."""
    from gibbsfactor.gibbs import GibbsDistribution
    from gibbsfactor.models.bayesian_network import BayesianNetwork

    if memory is None:
        return p
    if isinstance(p, BayesianNetwork):
        return BayesianNetwork(p.tables.values(), memory=memory)
    return GibbsDistribution(p.factors, p.variables, memory=memory)


def _observing(p: GibbsDistribution, evidence: Evidence) -> GibbsDistribution:
    """The model under evidence; as it is without any, a Bayesian network with its shortcuts."""
    return p.condition(evidence) if evidence else p


def _asked(texts: Sequence[str] | None, p: GibbsDistribution, seen: Collection[str]) -> list[str]:
    """The names in --variables, parted by commas where they are not one name as they stand."""
    from gibbsfactor.cli.query_evidence import variable_named, variables_of

    variables = variables_of(p)
    names = []
    for text in texts or ():
        for name in [text] if text in variables else text.split(","):
            variable_named(variables, name, "--variables")
            if name in names:
                raise ValueError(f"--variables names {name!r} twice; name each variable once")
            if name in seen:
                raise ValueError(
                    f"--variables names {name!r}, which is observed; name unobserved variables"
                )
            names.append(name)
    return names


# ---- the answers ----------------------------------------------------------------------


def _answer(arguments: argparse.Namespace) -> str:
    """The text that answers: to the evidence, or to each of several rows of it."""
    from gibbsfactor.cli import answer_rows, answer_tables, answers

    seconds, lap = stopwatch()
    task, shown = arguments.task, arguments.progress
    unsettled = (frozenset, type(None))  # evidence that leaves several states
    sweep: Task = "log_partition" if arguments.joint else SWEEP_OF[task]
    with waiting("reading", enabled=shown):
        model, given, rows = _read(arguments)
        whole = [{**given, **row} for row in rows]
        always = [n for n in whole[0] if all(not isinstance(r.get(n), unsettled) for r in whole)]
        names = _asked(arguments.variables, model, always)
    lap("read")
    with waiting("planning", enabled=shown):
        p = _observing(model, whole[0])
        plan = p.plan(sweep, names if arguments.joint or task == "marginal-map" else ())
    lap("plan")
    with waiting(task, _estimate(plan, sweep, len(rows)), enabled=shown):
        if len(rows) == 1:
            one = answers.Answer(task, p, whole[0], plan, sweep, seconds)
            _ask(one, names, arguments, lap)
        else:
            p = _observing(model, given)
            several = answer_rows.RowAnswers(task, p, given, rows, plan, sweep, seconds)
            several.ask(names, lap)
    lap("total")
    if len(rows) > 1:
        write_rows = answer_rows.as_json if arguments.format == "json" else answer_rows.as_table
        return write_rows(several)
    write_one = {"table": answer_tables.as_table, "json": answers.as_json, "uai": answers.as_uai}
    return write_one[arguments.format](one)


def _ask(
    answer: Answer,
    names: Sequence[str],
    arguments: argparse.Namespace,
    lap: Callable[[str], float],
) -> None:
    """Answer the question, and find log Z as well."""
    if answer.task == "explain":
        answer.explain = answer.plan.explain()
        return
    if answer.task in _QUESTIONS:
        _QUESTIONS[answer.task](answer, names, arguments)
        lap(answer.task.replace("-", "_"))
    answer.log_partition = answer.p.log_partition()
    lap("log_partition")


def _estimate(plan: Plan, sweep: Task, n_rows: int) -> str:
    """How long the arithmetic may take, where that is worth a word."""
    from gibbsfactor.exact.cost import duration

    seconds = n_rows * plan.seconds_for(sweep)
    return f"about {duration(seconds)} expected" if seconds > WORTH_A_WORD else ""


def _marginals(answer: Answer, names: Sequence[str], arguments: argparse.Namespace) -> None:
    from gibbsfactor.cli.answers import FEW

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

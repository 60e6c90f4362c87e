"""`gibbsfactor query`: put a question to a model in a file, with or without evidence."""

from __future__ import annotations

import argparse
import re
from decimal import Decimal, InvalidOperation

from gibbsfactor.cli.crf_arguments import whole
from gibbsfactor.cli.query_commands import FORMATS as ANSWERS
from gibbsfactor.cli.query_commands import TASKS, run_query
from gibbsfactor.io.models import FORMATS, SUFFIXES

_MODELS = "\n".join(f"  {', '.join(one.suffixes):<24}{one.name}" for one in FORMATS)
DESCRIPTION = f"""\
Ask a model for exact answers: probabilities, the most probable states, samples.

MODEL is a file in one of the formats of the field, known by its name; each may
be .gz:
{_MODELS}
Files of UAI and libDAI have no names, so their variables are called x0, x1, ...
and their states 0, 1, ...; all others hold Bayesian networks.

tasks:
  marginals     the probability of each state of each unobserved variable (the
                default); of some with --variables A,B; --joint: their joint
  logz          log Z, the log of the summed weights of all assignments that
                agree with the evidence; for a Bayesian network this is the log
                probability of the evidence
  map           the most probable joint state of all unobserved variables
  marginal-map  that of --variables, with all others summed out
  k-best        the -k most probable joint states, best first
  sample        -n exact samples, drawn with --seed
  explain       what the answer would cost, without computing it
"""

EPILOG = """\
evidence:
  --given takes NAME=STATE, as many as you like; NAME=STATE,STATE for one of
  several states, and NAME!=STATE for any other state. --evidence takes a file,
  known by its name, which may be .gz as well:
    .csv, .tsv  names of variables in the first line, their states below, parted
                by commas, tabs or semicolons
    .json       {"NAME": "STATE", ...}, or a list of these; or one on each line,
                as in .jsonl; a list of states in place of one: one of them
    .evid       UAI evidence: how many, then number and state of each variable
  Cells that are empty and values such as NA, NaN, None, null and ? are not
  observed, unless a state is called so. Numbers and truth values may be written
  in any way: 1.0 is the state 1, TRUE the state True.
  A table or list may have several rows, each a case of its own, for the tasks
  logz, marginals and map: all are answered in one pass, one line a row. In JSON
  each number or state of the answer is then a list with that of every row.

formats:
  table  columns for people to read
  json   one object. Always: task, evidence, plan (width, flops, peak_bytes,
         slices; at_least: true where no machine could follow it), seconds by
         stage and, except for explain, log_partition: log Z in nats with the
         evidence applied; null is minus infinity, and then zero_probability
         says why.
         By task: marginals {variable: {state: p}}, joint; map, log_score (log
         weight in nats); marginal_map, log_probability; k_best; samples
         {variable: [state, ...]}; explain
  uai    results file of the UAI competitions: MAR for marginals, PR for logz,
         MAP, MMAP for marginal-map; observed variables are in MAR and MAP

examples:
  gibbsfactor query asia.bif
  gibbsfactor query asia.bif --given smoke=yes xray=no --variables lung,tub
  gibbsfactor query asia.bif --given dysp=yes --variables lung,bronc --joint
  gibbsfactor query weather.bif --given rain=none,light wind!=storm
  gibbsfactor query asia.bif --evidence patient.csv --task map
  gibbsfactor query grid.uai --evidence grid.uai.evid --task logz --format json
  gibbsfactor query grid.uai.gz --format uai --output grid.uai.MAR
  gibbsfactor query link.bif.gz --task explain
  gibbsfactor query asia.bif --task sample -n 1000 --seed 7 --format json

All answers are exact. What would take more memory than --memory runs in
slices, or is refused with a line that says how much it would take.
"""

_MEMORY = re.compile(r"([0-9.]+(?:e[+-]?[0-9]+)?) *([kmgt]?)(i?)(b?)", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_MOST_BYTES = 2**63 - 1


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``query`` to the command line."""
    query = subparsers.add_parser(
        "query",
        help="ask a model for probabilities, best states or samples",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    query.add_argument("model", metavar="MODEL", help=f"file of a model: {', '.join(SUFFIXES)}")
    query.add_argument(
        "--normalize",
        action="store_true",
        help="divide each row of a network's tables by its sum, as for rounded files",
    )
    query.add_argument(
        "--nan-rows",
        choices=("error", "uniform"),
        default="error",
        metavar="HOW",
        help="what rows of NaN in a network's tables are: error or uniform (%(default)s)",
    )
    query.add_argument(
        "--encoding", metavar="NAME", help="of MODEL and of --evidence, where they are not UTF-8"
    )
    query.add_argument("--evidence", metavar="FILE", help="file of observed states")
    query.add_argument(
        "--given",
        metavar="NAME=STATE",
        nargs="+",
        action="extend",
        type=_pair,
        default=[],
        help="observed states; may be repeated",
    )
    query.add_argument(
        "--task", choices=TASKS, default="marginals", metavar="TASK", help="see above (%(default)s)"
    )
    query.add_argument(
        "--variables",
        metavar="A,B",
        action="append",
        help="variables to ask about (all), for marginals, marginal-map, sample",
    )
    query.add_argument("--joint", action="store_true", help="the joint marginal of --variables")
    query.add_argument(
        "-k", "--k", type=whole(1), metavar="K", help="how many assignments for k-best (10)"
    )
    query.add_argument("-n", "--n", type=whole(1), metavar="N", help="how many samples to draw (1)")
    query.add_argument(
        "--seed", type=whole(0), metavar="S", help="makes samples the same every time"
    )
    query.add_argument(
        "--memory",
        type=memory_size,
        metavar="SIZE",
        help="most memory for tables, as 4GiB, 500MB or 2e9 (half of what is free)",
    )
    query.add_argument(
        "--format",
        choices=ANSWERS,
        default="table",
        metavar="FORMAT",
        help="table, json or uai (%(default)s)",
    )
    query.add_argument("--output", metavar="FILE", help="file to write (standard output)")
    query.add_argument(
        "--no-progress",
        dest="progress",
        action="store_false",
        help="show no status line, as where stderr is not a terminal",
    )
    query.set_defaults(run=run_query)


def _pair(text: str) -> str:
    """Text that is a NAME=STATE at least by its looks."""
    if not text.partition("=")[1]:
        raise argparse.ArgumentTypeError(
            f"is {text}; it must be NAME=STATE. If {text} is the MODEL, put it first"
        )
    return text


def memory_size(text: str) -> int:
    """A number of bytes from a size as people write it.

    K, M, G and T with nothing or iB behind are powers of 1024, with B alone powers of 1000.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is no such size.

    Examples
    --------
    >>> memory_size("4GiB"), memory_size("500 MB"), memory_size("2e9"), memory_size("1.5k")
    (4294967296, 500000000, 2000000000, 1536)
    """
    found = _MEMORY.fullmatch(text.strip())
    try:
        if found is None or (found[3] and not found[2]):
            raise InvalidOperation
        base = 1000 if found[4] and not found[3] else 1024
        size = Decimal(found[1]) * base ** _POWERS[found[2].lower()]
        if not 1 <= size <= _MOST_BYTES:
            raise InvalidOperation
    except InvalidOperation:
        raise argparse.ArgumentTypeError(
            f"is {text}; it must be a size such as 4GiB, 500MB, 2e9 or 4096 (bytes)"
        ) from None
    return int(size)

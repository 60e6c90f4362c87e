"""All CRF benchmarks, one after the other, and the bars that they are held against.

pip install '.[bench]'
python benchmarks/crf_all.py --output crf.json
"""

from __future__ import annotations

import sys

import crf_conll2000
import crf_tagging
import crf_tasks
from crf_table import Findings, parser


def main() -> int:
    args = parser(__doc__).parse_args()
    findings = Findings()
    for what in crf_conll2000.MEASURES:
        crf_conll2000.measure(what, args, findings)
    crf_tagging.measure(args, findings)
    for task in crf_tasks.TASKS:
        crf_tasks.measure(task, args, findings)
    return findings.summary(args)


if __name__ == "__main__":
    sys.exit(main())

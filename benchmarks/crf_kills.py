"""Kill training and saving at random moments: what is on disk must load, and training go on.

A child process trains a linear-chain CRF on the shipped conversations, with a checkpoint after
each iteration, then saves the model over and over, and begins anew. It is killed outright (SIGKILL)
at a random moment. Then the model on disk, if there is one, must load and label; and training that
goes on from the checkpoint must end at the loss of training that nobody disturbed.

    python benchmarks/crf_kills.py --kills 50
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gibbsfactor import LinearChainCRF, datasets

TOLERANCE = 1e-4  # of the loss: where ten iterations settle depends a little on the start
LONGEST = 3.0  # seconds that a child lives once it has begun


def model(algorithm: str, folder: Path) -> LinearChainCRF:
    talk = datasets.load_conversations()
    limits = {"lbfgs": 1000, "l2sgd": 12, "ap": 12}
    return LinearChainCRF(
        algorithm,
        templates=talk.templates,
        max_iterations=limits[algorithm],
        checkpoint=str(folder / "checkpoint"),
        checkpoint_seconds=0,
        progress=False,
    )


def child(algorithm: str, folder: Path) -> None:
    """Train and save until killed."""
    talk = datasets.load_conversations()
    words, labels = talk.train.drop(), talk.train.labels()
    print("begun", flush=True)
    while True:
        crf = model(algorithm, folder).fit(words, labels)
        for _ in range(20):
            crf.save(folder / "model.crf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=2, default=None, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child[0], Path(args.child[1]))
        return
    talk, rng = datasets.load_conversations(), random.Random(args.seed)
    words, labels = talk.train.drop(), talk.train.labels()
    undisturbed: dict[str, float] = {}
    resumed = models = 0
    for kill in range(args.kills):
        algorithm = ("lbfgs", "l2sgd", "ap")[kill % 3]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if algorithm not in undisturbed:
                undisturbed[algorithm] = model(algorithm, folder).fit(words, labels).loss_
            command = [sys.executable, __file__, "--child", algorithm, name]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                process.stdout.readline()
                time.sleep(rng.uniform(0, LONGEST))
                process.kill()
            if (folder / "model.crf").exists():
                models += 1
                LinearChainCRF.load(folder / "model.crf").predict(talk.test.drop())
            resumed += (folder / "checkpoint").exists()
            crf = model(algorithm, folder).fit(words, labels)
            gap = abs(crf.loss_ - undisturbed[algorithm]) / max(abs(undisturbed[algorithm]), 1)
            assert gap <= TOLERANCE, (algorithm, crf.loss_, undisturbed[algorithm])
            crf.save(folder / "model.crf")  # sweeps up what the killed process left
            left = sorted(path.name for path in folder.iterdir())
            assert left == ["model.crf"], left
        print(f"kill {kill + 1}: {algorithm}, loss within {gap:.1e}", flush=True)
    print(f"{args.kills} kills: {models} left a model and all loaded, {resumed} left a checkpoint")
    print("and all reached the loss of undisturbed training")


if __name__ == "__main__":
    main()

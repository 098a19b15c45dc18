"""The scores that the README states: experiments of `conf/`, run by `kedro run`, with seeds.

For each experiment and seed the stages before training are run, then the stage `train` is timed
(imports and predictions included), then the scores are made. Hours in all: name what you want.
Run: `python benchmarks/scores/scores.py magnetic_tile --seeds 0 1 2` with FOLDWISE_DATA set.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEFORE, TRAIN, AFTER = "ingest,audit,split,balance,augment", "train", "evaluate"


@dataclass(frozen=True)
class Score:
    """What is scored, and what is asked of it."""

    metrics: tuple[str, ...]
    goal: str


SCORES = {
    "fashion_mnist": Score(("accuracy",), "accuracy >= 0.945 in 15 minutes, official test part"),
    "cifar10": Score(("accuracy",), "accuracy >= 0.92 in 40 minutes, official test part"),
    "magnetic_tile": Score(("macro_f1",), "macro F1 >= 0.60, tiles whole, 5 folds"),
    "blood_cells": Score(("macro_f1", "accuracy"), "macro F1 >= 0.995, recalls >= 0.99, 5 folds"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(SCORES), help=", ".join(SCORES))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--params", default="", help="further parameters, as for kedro run")
    arguments = parser.parse_args()
    for name in arguments.names:
        print(f"\n{name}: {SCORES[name].goal}\n")
        for seed in arguments.seeds:
            report(name, seed, arguments.params)


def report(name: str, seed: int, extra: str) -> None:
    """Run one experiment with one seed, and print what came of it as a row."""
    experiment = f"{name}_seed{seed}"
    # The fold's own draws and the folds themselves: both are chance.
    params = f"experiment={experiment},train_cnn.seed={seed},split.seed={seed}"
    params += f",{extra}" if extra else ""
    kedro(name, params, BEFORE)
    start, used = time.perf_counter(), processor_seconds()
    kedro(name, params, TRAIN)
    seconds, processor = time.perf_counter() - start, processor_seconds() - used
    kedro(name, params, AFTER)
    folder = ROOT / "data/08_reporting" / experiment / "cnn"
    scores = json.loads((folder / "metrics.json").read_text())["oof"]
    found = "; ".join(f"{metric} {interval(scores[metric])}" for metric in SCORES[name].metrics)
    print(
        f"| {name} | {seed} | {found} | {scores['num_samples']} | {seconds / 60:.1f} min | "
        f"{processor / 60:.1f} min of processors |",
        flush=True,
    )
    print((folder / "details.csv").read_text())


def kedro(environment: str, params: str, tags: str) -> None:
    """Run stages of `train_cnn`; what they say is shown if they fail."""
    command = [sys.executable, "-m", "kedro", "run", f"--env={environment}"]
    command += ["--pipeline=train_cnn", f"--tags={tags}", f"--params={params}"]
    found = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    if found.returncode != 0:
        sys.exit(found.stdout[-3000:] + found.stderr[-3000:])


def interval(score: dict[str, float]) -> str:
    return f"{score['value']:.4f} ({score['low']:.4f}-{score['high']:.4f})"


def processor_seconds() -> float:
    """Return the time that ended child processes spent on processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

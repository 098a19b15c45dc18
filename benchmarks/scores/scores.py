"""The scores that the README states: experiments of `conf/`, run by `kedro run`, with seeds.

For each experiment and seed the stages before training are run, then the stage `train` is timed
(imports and predictions included), then the scores are made, those of simple models beside them
where there are any. Hours in all: name what you want.
Run: `python benchmarks/scores/scores.py magnetic_tile --seeds 0 1 2` with FOLDWISE_DATA set.
"""

import argparse
import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from stages import ROOT, run_stages

BEFORE, TRAIN = "ingest,audit,split,balance,augment", "train"
AFTER = "evaluate,baseline,compare_baselines"


@dataclass(frozen=True)
class Score:
    """What is scored, and what is asked of it."""

    family: str  # cnn | rnn | mlp
    metrics: tuple[str, ...]  # of the out-of-fold predictions
    goal: str
    environment: str | None = None  # the folder in `conf/`; None: the name of the score
    params: str = ""  # beside those of the environment, as for `kedro run --params`


def archive(name: str, goal: str) -> Score:
    """Return a data set of the UCR and UEA archives, with the one recipe of all."""
    goal = f"accuracy >= {goal}, official test part"
    return Score("rnn", ("accuracy",), goal, "ucr", f"ingest.source.name={name}")


def table(*metrics: str) -> Score:
    """Return an experiment on a table."""
    return Score("mlp", metrics, "beside gradient boosting")


SCORES = {
    "fashion_mnist": Score(
        "cnn", ("accuracy",), "accuracy >= 0.945 in 15 minutes, official test part"
    ),
    "cifar10": Score("cnn", ("accuracy",), "accuracy >= 0.92 in 40 minutes, official test part"),
    "magnetic_tile": Score("cnn", ("macro_f1",), "macro F1 >= 0.60, tiles whole, 5 folds"),
    "blood_cells": Score(
        "cnn", ("macro_f1", "accuracy"), "macro F1 >= 0.995, recalls >= 0.99, 5 folds"
    ),
    "gunpoint": archive("GunPoint", "0.99"),
    "italy_power_demand": archive("ItalyPowerDemand", "0.96"),
    "arrow_head": archive("ArrowHead", "0.84"),
    "acsf1": archive("ACSF1", "0.85"),
    "basic_motions": archive("BasicMotions", "1.00"),
    "japanese_vowels": archive("JapaneseVowels", "0.985"),
    "ecg5000": Score(
        "rnn", ("macro_recall", "accuracy"), "macro recall above the best baseline, 3 x 5 folds"
    ),
    "names": Score(
        "rnn", ("macro_f1", "accuracy"), "both above logistic regression on n-grams, 5 folds"
    ),
    "sms_spam": Score(
        "rnn",
        ("f1", "specificity", "recall"),
        "F1 of spam >= 0.94, specificity >= 0.995, 5 folds",
    ),
    "dna_promoters": Score("rnn", ("accuracy",), "accuracy >= 0.90, 5 x 5 folds"),
    "digits_rows": Score(
        "rnn", ("accuracy",), "accuracy >= 0.975 with LSTM or GRU, 5 folds", "local"
    ),
    "mammography": table("macro_f1", "average_precision"),
    "pima": table("macro_f1", "accuracy"),
    "phoneme": table("macro_f1", "accuracy"),
    "glass": table("macro_f1", "accuracy"),
    "ecoli": table("macro_f1", "accuracy"),
    "abalone": table("mae", "r2"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(SCORES), help=", ".join(SCORES))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--params", default="", help="further parameters, as for kedro run")
    arguments = parser.parse_args()
    for name in arguments.names:
        print(f"\n{name}: {SCORES[name].goal}\n")
        folders = [run(name, seed, arguments.params) for seed in arguments.seeds]
        summarise(name, folders)


def run(name: str, seed: int, extra: str) -> Path:
    """Run one experiment with one seed, print what came of it, and return where it lies."""
    score, experiment = SCORES[name], f"{name}_seed{seed}"
    # The fold's own draws and the folds themselves: both are chance.
    given = f"experiment={experiment},train_{score.family}.seed={seed},split.seed={seed}"
    params = ",".join(text for text in (given, score.params, extra) if text)
    journey = f"train_{score.family}", score.environment or name
    run_stages(*journey, params, BEFORE)
    start, used = time.perf_counter(), processor_seconds()
    run_stages(*journey, params, TRAIN)
    seconds, processor = time.perf_counter() - start, processor_seconds() - used
    run_stages(*journey, params, AFTER)
    folder = ROOT / "data/08_reporting" / experiment / score.family
    scores = json.loads((folder / "metrics.json").read_text())["oof"]
    found = "; ".join(f"{metric} {interval(scores[metric])}" for metric in score.metrics)
    print(
        f"| {name} | {seed} | {found} | {scores['num_samples']} | {seconds / 60:.1f} min | "
        f"{processor / 60:.1f} min of processors |",
        flush=True,
    )
    print((folder / "details.csv").read_text())
    print((folder / "baselines.txt").read_text(), flush=True)
    return folder


def summarise(name: str, folders: list[Path]) -> None:
    """Print the mean over the seeds, of the network and of the simple models beside it."""
    metrics = list(SCORES[name].metrics)
    scores = [json.loads((folder / "metrics.json").read_text())["oof"] for folder in folders]
    rows = pd.DataFrame([{m: found[m]["value"] for m in metrics} for found in scores])
    means = "; ".join(f"{m} {rows[m].mean():.4f} (sd {rows[m].std():.4f})" for m in metrics)
    print(f"| {name} | mean of {len(folders)} | {means} |\n", flush=True)
    tables = [folder / "baselines.csv" for folder in folders]
    if all(path.exists() for path in tables):
        joined = pd.concat([pd.read_csv(path) for path in tables])
        scored = [column for column in joined if column.startswith("oof_")]
        print(joined.groupby("model", sort=False)[scored].mean().round(4).to_string(), flush=True)


def interval(score: dict[str, float]) -> str:
    return f"{score['value']:.4f} ({score['low']:.4f}-{score['high']:.4f})"


def processor_seconds() -> float:
    """Return the time that ended child processes spent on processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

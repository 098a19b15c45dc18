"""The scores of generators that the README states: `kedro run --pipeline=train_gan`, with seeds.

For each experiment and seed the samples and folds are made, then the stage `train_gan` is timed
(imports included), then the generator is measured by the held-out part that it never saw.
Run: `python benchmarks/scores/generators.py digits --seeds 0 1 2`; FOLDWISE_DATA is needed by
fashion_mnist.
"""

import argparse
import json
import time
from dataclasses import dataclass

import pandas as pd
from stages import ROOT, run_stages

SHOWN = (
    "tstr_accuracy",
    "trtr_accuracy",
    "trts_accuracy",
    "frechet",
    "frechet_halves",  # between as few samples as the floor is
    "frechet_floor",
    "frechet_ratio",
    "kernel_distance",
    "precision",
    "recall",
    "density",
    "coverage",
    "copies",
    "num_missing_classes",
)


@dataclass(frozen=True)
class Experiment:
    """What is generated, and what is asked of it."""

    environment: str
    goal: str
    params: str = ""


EXPERIMENTS = {
    "digits": Experiment("local", "accuracy of a network fitted on samples >= 0.90, 2 minutes"),
    "fashion_mnist": Experiment(
        "fashion_mnist",
        "accuracy of a network fitted on samples >= 0.80 (on real data >= 0.91), 30 minutes",
        "train_gan.fit.max_epochs=16",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(EXPERIMENTS), help=", ".join(EXPERIMENTS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--params", default="", help="further parameters, as for kedro run")
    arguments = parser.parse_args()
    for name in arguments.names:
        print(f"\n{name}: {EXPERIMENTS[name].goal}\n", flush=True)
        rows = {seed: run(name, seed, arguments.params) for seed in arguments.seeds}
        table = pd.DataFrame(rows).T
        print(table.describe().loc[["mean", "std"]].round(4).T.to_string(), flush=True)


def run(name: str, seed: int, extra: str) -> dict[str, float]:
    """Train and measure one generator, print what came of it, and return the measures."""
    chosen = EXPERIMENTS[name]
    experiment = f"{name}_gan_seed{seed}"
    given = f"experiment={experiment},train_gan.seed={seed},split.seed={seed}"
    params = ",".join(text for text in (given, chosen.params, extra) if text)
    run_stages("train_gan", chosen.environment, params, "ingest,audit,split")
    start = time.perf_counter()
    run_stages("train_gan", chosen.environment, params, "train_gan")
    minutes = (time.perf_counter() - start) / 60
    run_stages("train_gan", chosen.environment, params, "evaluate_gan")
    found = ROOT / "data/08_reporting" / experiment / "gan/metrics.json"
    means = json.loads(found.read_text())["mean"]
    measures = {name: shortened(means, name) for name in SHOWN}
    print(f"seed {seed}, {minutes:.1f} min:", flush=True)
    print("\n".join(f"  {key}: {value:.4f}" for key, value in measures.items()), flush=True)
    return {**measures, "minutes": minutes}


def shortened(means: dict[str, float | None], name: str) -> float:
    """Return a measure by its name without that of the network whose features it is taken in."""
    named = [key for key in means if key == name or key.startswith(f"{name}_")]
    value = means[min(named, key=len)] if named else None
    return float("nan") if value is None else value


if __name__ == "__main__":
    main()

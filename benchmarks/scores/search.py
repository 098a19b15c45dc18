"""What searches win: `kedro run --pipeline=search_cnn`, then the winner on the outer folds.

Samples and folds are made first; then the stage `search` is timed: imports, the trials, and winner
and defaults on the outer folds.
Run: `python benchmarks/scores/search.py digits`; FOLDWISE_DATA is needed by magnetic_tile.
"""

import argparse
import json
import time
from dataclasses import dataclass

from stages import ROOT, run_stages


@dataclass(frozen=True)
class Experiment:
    """What is searched, and what is asked of it."""

    environment: str
    goal: str
    params: str = ""


EXPERIMENTS = {
    "digits": Experiment(
        "local",
        "40 random trials in 6 minutes on 2 cores, winner at least 0.992 on the outer folds",
        "search_cnn.metric=accuracy,search_cnn.folds=3,train_cnn.fit.max_epochs=30",
    ),
    "magnetic_tile": Experiment(
        "magnetic_tile",
        "30 TPE trials, tiles whole: the gain over the defaults, with interval",
        "search_cnn.sampler=tpe,search_cnn.n_trials=30",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(EXPERIMENTS), help=", ".join(EXPERIMENTS))
    parser.add_argument("--params", default="", help="further parameters, as for kedro run")
    arguments = parser.parse_args()
    for name in arguments.names:
        print(f"\n{name}: {EXPERIMENTS[name].goal}\n", flush=True)
        run(name, arguments.params)


def run(name: str, extra: str) -> None:
    """Search, and print how long it took and what came of it."""
    chosen = EXPERIMENTS[name]
    experiment = f"{name}_search"
    given = f"experiment={experiment}"
    params = ",".join(text for text in (given, chosen.params, extra) if text)
    run_stages("search_cnn", chosen.environment, params, "ingest,audit,split")
    start = time.perf_counter()
    run_stages("search_cnn", chosen.environment, params, "search")
    minutes = (time.perf_counter() - start) / 60
    print(run_stages("search_cnn", chosen.environment, params, "report_search"))
    found = ROOT / "data/08_reporting" / experiment / "cnn_search/metrics.json"
    print(json.dumps(json.loads(found.read_text()), indent=1))
    print(f"{minutes:.1f} min of the stage search", flush=True)


if __name__ == "__main__":
    main()

"""What a search costs beyond its fits, and whether two trials side by side are faster than one.

Overhead: a search of a tiny network on the embedded digits, with the journal, the pruner's
reports, MLflow on SQLite and the progress lines; and a bare loop that scores the same candidates
by the same fits, without all that. Both run in one process and take turns.

Side by side: the same search by one worker and by two. Workers import everything once, which is
measured apart: it does not grow with the number of trials.

Run: `make bench`, or this file.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
from rich.console import Console

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.samples import Samples, array_hash, read_samples, write_samples
from foldwise.data.sources.digits import DigitsSource
from foldwise.search_runs import SearchRuns
from foldwise.tasks.events import StudyStarted, TrainingEvent, TrialFinished
from foldwise.tasks.progress import ProgressDisplay
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.run_search import run_search
from foldwise.tasks.search.score_trial import open_scorer, studies_of
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.trial import Fidelity, Problem, StudyResult, TrialRecord
from foldwise.tasks.train_config import TrainCnnConfig
from foldwise.tracking import prepare_store

SPACE = [
    {
        "path": "train_cnn.fit.optimizer.lr",
        "kind": "float",
        "low": 0.001,
        "high": 0.03,
        "log": True,
    },
    {"path": "train_cnn.model.dropout", "kind": "float", "low": 0.0, "high": 0.5},
]
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def digits_problem(folder: Path, num_folds: int, model: dict[str, object], epochs: int) -> Problem:
    reading = DigitsSource().read(folder)
    hashes = [array_hash(x) for x in reading.x]
    table = reading.table.assign(group=None, official_split=None, source="", sha256=hashes)
    write_samples(folder / "samples", Samples(reading.x, table, reading.classes))
    samples = read_samples(folder / "samples")
    fit = {"max_epochs": epochs, "accelerator": "cpu"}
    return Problem(
        family="cnn",
        samples=samples,
        folds=make_folds(samples.table, SplitConfig(num_folds=num_folds)),
        base={
            "train_cnn": TrainCnnConfig.of(model=model, fit=fit),
            "augment": AugmentConfig(),
            "balance": BalanceConfig(),
        },
        experiment="digits",
    )


class Tracked:
    """The observers of a pipeline: MLflow on a store of its own, and the progress."""

    def __init__(self, folder: Path) -> None:
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        prepare_store(uri, "search", folder)
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name("search").experiment_id
        run = client.create_run(experiment).info.run_id
        self._runs = SearchRuns(client, experiment, run)
        self._display = ProgressDisplay(Console(file=io.StringIO()))

    def __call__(self, event: TrainingEvent) -> None:
        """Pass it on."""
        self._runs(event)
        self._display(event)


def searched(
    problem: Problem, config: SearchConfig, observer: Callable[[TrainingEvent], None]
) -> list[StudyResult]:
    with tempfile.TemporaryDirectory() as folder:
        return run_search(problem, config, Path(folder), observer)


class FarEnoughError(Exception):
    """The search has ended this trial here."""


def bare_loop(problem: Problem, config: SearchConfig, result: StudyResult) -> None:
    """Score the same candidates, each as far as the search did."""
    scorer = open_scorer(problem, studies_of(problem, config)[0])
    space = Space(config.space, problem.base)
    for trial in result.trials:
        left = iter(range(trial.num_epochs - 1))

        def on_epoch(*_: object, trial: TrialRecord = trial, left: Iterator[int] = left) -> None:
            if next(left, None) is None and trial.state == "pruned":
                raise FarEnoughError

        with contextlib.suppress(FarEnoughError):
            scorer(space.candidate(trial.params), Fidelity(), on_epoch)


def measure_overhead(folder: Path, trials: int, rounds: int, clock: str) -> None:
    problem = digits_problem(folder, 2, {"name": "small_cnn", "widths": [4]}, 3)
    now = CLOCKS[clock]
    times: dict[str, list[float]] = {"search": [], "bare loop": []}
    for turn in range(rounds + 1):
        config = SearchConfig.of(space=SPACE, n_trials=trials, workers=1, seed=turn)
        observer = Tracked(Path(tempfile.mkdtemp(dir=folder)))  # before the clock is read
        start = now()
        (result,) = searched(problem, config, observer)
        middle = now()
        bare_loop(problem, config, result)
        if turn > 0:  # the first round warms up
            pruned = sum(trial.state == "pruned" for trial in result.trials)
            times["search"].append((middle - start) / trials)
            times["bare loop"].append((now() - middle) / trials)
            print(f"<!-- round {turn}: {pruned} of {trials} trials were pruned -->")
    print(f"\n| {trials} trials, {rounds} rounds | ms per trial (min, median, max) |")
    print("| --- | --- |")
    differences = [a - b for a, b in zip(*times.values(), strict=True)]
    for name, values in {**times, "overhead of the search": differences}.items():
        low, middle, high = (1000 * f(values) for f in (min, statistics.median, max))
        print(f"| {name} | {low:.0f}, {middle:.0f}, {high:.0f} |")


class Stopwatch:
    """When the first trial began, and when the last one ended."""

    def __init__(self) -> None:
        self.asked = self.began = self.ended = 0.0

    def __call__(self, event: TrainingEvent) -> None:
        """Read the clock."""
        self.ended = time.perf_counter()
        if isinstance(event, StudyStarted):
            self.asked = self.ended
        elif isinstance(event, TrialFinished) and not self.began:
            self.began = self.ended - event.record.seconds


def measure_side_by_side(folder: Path, trials: int, rounds: int) -> None:
    problem = digits_problem(folder, 2, {"name": "small_cnn"}, 5)
    spent: dict[int, list[float]] = {1: [], 2: []}
    starts: list[float] = []
    for _ in range(rounds):
        for workers, seconds in spent.items():
            config = SearchConfig.of(
                space=SPACE, n_trials=trials, workers=workers, pruner="none", seed=0
            )
            watch = Stopwatch()
            searched(problem, config, watch)
            seconds.append(watch.ended - watch.began)
            if workers == 2:
                starts.append(watch.began - watch.asked)
    ratios = [two / one for one, two in zip(*spent.values(), strict=True)]
    print(f"\n| {trials} trials, {rounds} rounds | seconds (min, median, max) |")
    print("| --- | --- |")
    for workers, values in spent.items():
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"| {workers} side by side | {low:.1f}, {middle:.1f}, {high:.1f} |")
    print(f"| two / one, median of the rounds | {statistics.median(ratios):.2f} |")
    print(f"| start of two workers, at first and later | {starts[0]:.1f}, {min(starts):.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    # Of the processor where other work is done beside it; then the disk is waited for at no cost.
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--only", choices=("overhead", "side_by_side"))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only != "side_by_side":
            measure_overhead(Path(folder), arguments.trials, arguments.rounds, arguments.clock)
        if arguments.only != "overhead":
            measure_side_by_side(Path(folder), arguments.trials // 5, arguments.rounds)


if __name__ == "__main__":
    main()

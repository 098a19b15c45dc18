"""Scorers that compute nothing: what they do is said by the learning rate that is suggested."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd

from foldwise.data.fold_table import Folds
from foldwise.data.samples import Samples
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.trial import PartScore, Problem, SearchError, StudySpec, TrialScore
from foldwise.tasks.train_config import TrainCnnConfig

LR = "train_cnn.fit.optimizer.lr"
EPOCHS = 3


def problem(experiment="fake"):
    """A problem that no scorer here looks at; its experiment may name a folder to write to."""
    table = pd.DataFrame({"sample_id": ["a", "b"], "label": ["x", "y"]})
    samples = Samples(np.zeros((2, 1, 8, 8), np.uint8), table, ("x", "y"))
    folds = Folds(pd.DataFrame({"sample_id": ["a", "b"], "fold": [0, 1], "repeat": [0, 0]}), {})
    return Problem("cnn", samples, folds, {"train_cnn": TrainCnnConfig()}, str(experiment))


def config(**values):
    space = [{"path": LR, "kind": "float", "low": 0.001, "high": 0.1}]
    return SearchConfig.of(**{"space": space, "n_trials": 6, "workers": 1, **values})


def spec(name="fake_cnn", num_parts=2, **values):
    return StudySpec(
        **{
            "name": name,
            "folds": tuple((0, fold) for fold in range(num_parts)),
            "nested": False,
            "num_parts": num_parts,
            "max_epochs": EPOCHS,
            "directions": ("maximize",),
            "objectives": ("val_f1",),
            "fingerprint": "fake",
            **values,
        }
    )


class FakeScorer:
    """The score is the learning rate, reached after `EPOCHS` epochs of each part."""

    def __init__(self, problem: Problem, spec: StudySpec) -> None:
        self.spec, self.folder = spec, Path(problem.experiment)
        self.finished = []

    def __call__(self, candidate, fidelity, on_epoch):
        rate = candidate.values[LR]
        self.finished = []
        self.act(rate)
        epochs = fidelity.max_epochs or EPOCHS
        for number, (repeat, fold) in enumerate(self.spec.folds):
            scores = []
            for epoch in range(epochs):
                scores.append(rate * (epoch + 1) / EPOCHS)
                on_epoch(number, tuple(scores))
            history = tuple({"epoch": e, "val_f1": score} for e, score in enumerate(scores))
            self.finished.append(
                PartScore(repeat, fold, 0, scores[-1], epochs, epochs - 1, history, 0.5)
            )
        return TrialScore(self.values(rate), tuple(self.finished))

    def act(self, rate):
        """What happens before the fits."""

    def values(self, rate):
        return (rate,)


class FailsAbove(FakeScorer):
    """Trials with a learning rate above 0.05 fail."""

    def act(self, rate):
        if rate > 0.05:
            raise ValueError(f"no rate of {rate}")


class AlwaysFails(FakeScorer):
    def act(self, rate):
        raise RuntimeError("it is broken")


class Slow(FakeScorer):
    """Each trial takes 0.2 s and leaves a file that names its process."""

    def act(self, rate):
        time.sleep(0.2)
        (self.folder / f"{rate}-{os.getpid()}").touch()


class Endless(FakeScorer):
    """The third trial of each process never ends; it says that it has begun."""

    num = 0

    def act(self, rate):
        self.num += 1
        if self.num == 3:
            (self.folder / f"endless-{os.getpid()}").touch()
            time.sleep(1000)


class KilledOnce(FakeScorer):
    """The first trial of all kills its process."""

    def act(self, rate):
        time.sleep(0.05)
        try:
            (self.folder / "killed").touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class KilledAlways(FakeScorer):
    def act(self, rate):
        os.kill(os.getpid(), signal.SIGKILL)


class TwoObjectives(FakeScorer):
    """The score and a size that falls with it: all trials are on the front, or one beats all."""

    def values(self, rate):
        return rate, 1000 * rate


class Interrupted(FakeScorer):
    """Ctrl-C comes in the third trial."""

    num = 0

    def act(self, rate):
        Interrupted.num += 1
        if Interrupted.num == 3:
            raise KeyboardInterrupt


class NoNumber(FakeScorer):
    def values(self, rate):
        return (float("nan"),) if rate > 0.05 else (rate,)


class Unable(FakeScorer):
    """It cannot even be opened."""

    def __init__(self, problem: Problem, spec: StudySpec) -> None:
        raise SearchError("there is nothing to score on")

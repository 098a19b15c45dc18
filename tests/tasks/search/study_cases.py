"""A space of two numbers, and what a study of it needs."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from fake_scorers import FakeScorer
from postgres_server import kill

from foldwise.config import Config
from foldwise.tasks.search.claim import claim
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.quiet import quiet_optuna
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.study import num_waiting, open_study
from foldwise.tasks.search.trial import StudySpec


class Base(Config):
    lr: float = 0.1
    width: int = 3
    kind: str = "plain"


LR = {"path": "train_cnn.lr", "kind": "float", "low": 0.001, "high": 1.0, "log": True}
WIDTH = {"path": "train_cnn.width", "kind": "int", "low": 1, "high": 9}
SPEC = StudySpec(
    name="digits_cnn",
    folds=((0, 0), (0, 1)),
    nested=False,
    num_parts=2,
    max_epochs=10,
    directions=("maximize",),
    objectives=("val_f1",),
    fingerprint="of everything",
)


def a_config(**values: Any) -> SearchConfig:
    return SearchConfig.of(**{"space": [LR, WIDTH], "n_trials": 6, **values})


def a_space(config: SearchConfig) -> Space:
    return Space(config.space, {"train_cnn": Base()})


@functools.cache
def _cached_space(text: str) -> Space:
    return a_space(SearchConfig.model_validate_json(text))


def a_study(folder: Path, config: SearchConfig, **spec: Any) -> optuna.Study:
    return open_study(replace(SPEC, **spec), a_space(config), config, folder)


def score(trial: optuna.Trial, config: SearchConfig) -> float:
    """Stand in for a fit: the best rate is 0.03, the width matters little."""
    claim(trial)
    values: Any = _cached_space(config.model_dump_json()).suggest(trial)
    return -abs(float(values["train_cnn.lr"]) - 0.03) - 0.001 * float(values["train_cnn.width"])


def run_waiting(study: optuna.Study, config: SearchConfig, most: int = 1000) -> None:
    with quiet_optuna():
        while num_waiting(study) and most:
            study.optimize(lambda trial: score(trial, config), n_trials=1, catch=(Exception,))
            most -= 1


class EndsTheDatabase(FakeScorer):
    """The first trial ends the server whose URL is in the file `url`."""

    def act(self, rate):
        kill((self.folder / "url").read_text())

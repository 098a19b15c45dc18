"""On labels that mean nothing the best of many trials looks good; the nested score does not."""

import numpy as np
import pytest
from baseline_samples import table_of

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.samples import Feature, Samples
from foldwise.metrics.estimate import Resampling
from foldwise.tasks.paired_scores import fold_scores, parts_of
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.outer_score import outer_scores
from foldwise.tasks.search.run_search import run_search
from foldwise.tasks.search.trial import Problem
from foldwise.tasks.train_config import TrainMlpConfig

CHANCE = 0.5
RESAMPLING = Resampling(confidence=0.95, num_resamples=200, seed=0)
SEARCH = SearchConfig.of(
    space=[
        {
            "path": "train_mlp.fit.optimizer.lr",
            "kind": "float",
            "low": 1e-3,
            "high": 1e-1,
            "log": True,
        },
        {
            "path": "train_mlp.model.widths",
            "kind": "categorical",
            "choices": [[4], [16], [16, 16]],
        },
        {"path": "train_mlp.seed", "kind": "int", "low": 0, "high": 999},
    ],
    sampler="random",
    pruner="none",
    n_trials=16,
    nested=True,
    metric="accuracy",
    workers=1,
)


@pytest.fixture
def noise():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(180, 6)).astype(np.float32)
    labels = rng.permutation(np.repeat(["heads", "tails"], 90))
    features = tuple(Feature(name=name) for name in "abcdef")
    samples = Samples(x, table_of(x, label=labels), ("heads", "tails"), "none", "table", features)
    config = SplitConfig(num_folds=3, test_fraction=0, validation_fraction=0.2)
    training = TrainMlpConfig.of(
        model={"name": "mlp", "widths": [8]},
        fit={"max_epochs": 3, "batch_size": 64, "accelerator": "cpu", "num_threads": 1},
    )
    base = {"train_mlp": training, "augment": AugmentConfig(), "balance": BalanceConfig()}
    return Problem("mlp", samples, make_folds(samples.table, config), base, "noise")


@pytest.mark.slow
def test_the_best_of_many_is_above_chance_and_the_nested_score_is_not(noise, tmp_path):
    results = run_search(noise, SEARCH, tmp_path / "study")
    main = results[0]
    predictions = outer_scores(noise, results, tmp_path / "networks")
    tables = {name: table.drop(columns="method") for name, table in predictions.groupby("method")}
    outer = {
        name: parts_of(table, noise.folds.units)["oof"].estimates(RESAMPLING)["accuracy"]
        for name, table in tables.items()
    }
    naive = main.inner[0]
    every = [trial.values[0] for trial in main.trials]
    assert len(every) == 16
    assert naive == max(every)
    # The trials themselves are at chance: it is the choice that flatters.
    assert np.mean(every) == pytest.approx(CHANCE, abs=0.05)
    assert naive > CHANCE + 0.08
    assert np.mean([result.inner[0] for result in results[1:]]) > CHANCE + 0.12
    assert outer["nested"].low < CHANCE < outer["nested"].high
    assert fold_scores(tables["nested"], "accuracy").mean() < naive - 0.05
    assert outer["winner"].low < CHANCE < outer["winner"].high

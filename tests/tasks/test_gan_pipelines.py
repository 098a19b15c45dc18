"""The stages of generators on catalogues in memory."""

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from foldwise.data.folds import fold_parts
from foldwise.pipelines import evaluate_gan, sample_gan, train_gan
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.events import GanEpochFinished, GanFoldFinished, ignore
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.sample_gan_config import SampleGanConfig

MODEL = {"name": "cgan", "latent_size": 4, "widths": [8, 4], "hidden_size": 8}
TRAINING = TrainGanConfig.of(
    model=MODEL, fit={"max_epochs": 2, "batch_size": 16, "sample_every": 1, "on_collapse": "warn"}
)
MEASURES = EvaluateGanConfig.of(
    max_samples=20, max_training=20, epochs=1, per_class=5, num_pairs=2
)

pytestmark = pytest.mark.slow


def run(pipeline, **inputs):
    catalog = DataCatalog(
        {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
    )
    for name in pipeline.datasets() - set(inputs):
        catalog[name] = MemoryDataset(copy_mode="assign")
    SequentialRunner().run(pipeline, catalog)
    return catalog


@pytest.fixture(scope="module")
def events():
    return []


@pytest.fixture(scope="module")
def trained(samples, folds, tmp_path_factory, events):
    inputs = {
        "samples": samples,
        "folds": folds,
        "params:train_gan": TRAINING,
        "gan_workspace": GanModels(tmp_path_factory.mktemp("gan")),
        "observer": events.append,
    }
    return run(train_gan.create_pipeline(), **inputs)["gan_models"].load()


@pytest.fixture(scope="module")
def evaluated(samples, folds, trained, tmp_path_factory):
    inputs = {
        "samples": samples,
        "folds": folds,
        "gan_models": trained,
        "params:train_gan": TRAINING,
        "params:evaluate_gan": MEASURES,
        "gan_judges_workspace": tmp_path_factory.mktemp("judges"),
    }
    return run(evaluate_gan.create_pipeline(), **inputs)


def test_the_generator_is_of_the_training_part_of_the_first_fold(samples, folds, trained):
    (card,) = trained.cards()
    first = next(iter(fold_parts(folds, samples.table)))
    labels = samples.y[samples.positions(pd.Series(first.train, dtype=object))]
    assert card.class_counts == tuple(np.bincount(labels))
    assert (card.samples_hash, card.folds_hash) == (samples.content_hash, folds.content_hash)


def test_the_observer_is_told_of_both_losses_of_each_batch(trained, events):
    epochs = [event for event in events if isinstance(event, GanEpochFinished)]
    (card,) = trained.cards()
    num_steps = len(epochs[0].generator_losses)
    assert [event.first_step for event in epochs] == [0, num_steps]
    for event, record in zip(epochs, card.history, strict=True):
        assert len(event.discriminator_losses) == num_steps
        assert record["generator_loss"] == pytest.approx(np.mean(event.generator_losses))
        assert event.grid.dtype == np.uint8
    assert sum(isinstance(event, GanFoldFinished) for event in events) == 1


def test_measures_are_of_the_outer_fold(evaluated, folds, trained):
    metrics, details = (evaluated[name].load() for name in ("gan_metrics", "gan_details_table"))
    (found,) = metrics["generators"]
    assert found["weights_sha256"] == trained.cards()[0].weights_sha256
    assert {"frechet_small_cnn", "tstr_accuracy", "trtr_accuracy"} <= set(found["metrics"])
    assert metrics["mean"]["frechet_small_cnn"] >= 0
    assert details["name"].tolist() == ["bright", "dark"]
    assert (details["fold"] == 0).all()


def test_figures_and_page_are_made(evaluated):
    for name in ("curves", "classes", "interpolation", "pairs"):
        assert evaluated[f"gan_{name}_figure"].load().axes
    page = evaluated["gan_report"].load()
    assert "cgan" in page
    assert "train_gan.model.name" in page
    assert "<script" not in page


def test_samples_are_drawn_and_shown(trained):
    inputs = {
        "gan_models": trained,
        "params:sample_gan": SampleGanConfig(per_class=2, classes=("dark",)),
    }
    catalog = run(sample_gan.create_pipeline(), **inputs)
    drawn = catalog["gan_samples"].load()
    assert drawn.samples.table["label"].tolist() == ["dark", "dark"]
    assert catalog["gan_samples_sheet"].load().axes


def test_a_generator_of_other_samples_is_not_measured(samples, folds, trained, tmp_path):
    from dataclasses import replace

    from foldwise.tasks.fold_models import ModelError

    others = replace(samples, table=samples.table.assign(sha256="other"))
    inputs = {
        "samples": others,
        "folds": folds,
        "gan_models": trained,
        "params:train_gan": TRAINING,
        "params:evaluate_gan": MEASURES,
        "gan_judges_workspace": tmp_path,
    }
    with pytest.raises(ModelError, match=r"no generator of these samples.*'train_gan' again"):
        run(evaluate_gan.create_pipeline(), **inputs)


def test_a_second_training_is_skipped(samples, folds, trained):
    before = {path: path.stat().st_mtime_ns for path in trained.root.rglob("*")}
    inputs = {
        "samples": samples,
        "folds": folds,
        "params:train_gan": TRAINING,
        "gan_workspace": trained,
        "observer": ignore,
    }
    run(train_gan.create_pipeline(), **inputs)
    assert {path: path.stat().st_mtime_ns for path in trained.root.rglob("*")} == before

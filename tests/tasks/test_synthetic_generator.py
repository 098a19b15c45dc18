"""The real generator of a fold, tiny: that it sees the training part and makes what is asked."""

import dataclasses

import numpy as np
import pytest

from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.samples import Feature, Samples
from foldwise.tasks import synthetic_generator
from foldwise.tasks.fit_gan import CollapsedError
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.synthetic_generator import fit_draw
from foldwise.tasks.train import fold_jobs

FIT = {"max_epochs": 2, "batch_size": 8, "on_collapse": "warn", "accelerator": "cpu"}
IMAGES = TrainGanConfig.of(model={"name": "cgan", "widths": [8, 4], "latent_size": 4}, fit=FIT)
SERIES = TrainGanConfig.of(model={"name": "recurrent", "width": 4, "latent_size": 2}, fit=FIT)


def drawn(job, samples, recipe, folder):
    draw, findings = fit_draw(job, samples, recipe, folder)
    return draw(np.array([0, 1, 1]), 5), findings


@pytest.fixture(scope="module")
def filling(recipe):
    return dataclasses.replace(recipe, balance=BalanceConfig.of(method="gan"), generator=IMAGES)


@pytest.fixture(scope="module")
def job(samples, folds, filling):
    return fold_jobs(samples, folds, plan_balance(samples.table, folds, filling.balance), filling)[
        0
    ]


@pytest.mark.slow
def test_it_makes_pictures_as_they_are_stored_and_the_same_ones_from_its_state(
    job, samples, filling, tmp_path
):
    made, _ = drawn(job, samples, filling, tmp_path / "one")
    assert (made.shape, made.dtype) == ((3, *samples.x.shape[1:]), np.uint8)
    again, _ = drawn(job, samples, filling, tmp_path / "one")  # from its state
    anew, _ = drawn(job, samples, filling, tmp_path / "two")
    np.testing.assert_array_equal(made, again)
    np.testing.assert_array_equal(made, anew)


@pytest.mark.slow
def test_what_is_not_in_the_training_part_changes_nothing(job, samples, filling, tmp_path):
    x = samples.x.copy()
    others = np.setdiff1d(np.arange(len(samples)), job.training.rows)
    x[others] = 255 - x[others]
    changed = dataclasses.replace(samples, x=x)
    made, _ = drawn(job, samples, filling, tmp_path / "one")
    same, _ = drawn(job, changed, filling, tmp_path / "two")
    np.testing.assert_array_equal(made, same)


def test_a_collapsed_generator_is_told_with_its_fold_and_what_may_be_done(
    job, samples, filling, tmp_path, monkeypatch
):
    def collapsed(*_):
        raise CollapsedError("It does not converge. All samples are alike.")

    monkeypatch.setattr(synthetic_generator, "fit_generator", collapsed)
    with pytest.raises(CollapsedError, match=r"repeat 0, fold 0 is not fit .* alike\. train_gan"):
        fit_draw(job, samples, filling, tmp_path)


@pytest.mark.slow
def test_it_makes_series_in_their_units(job, samples, filling, tmp_path):
    x = np.random.default_rng(0).normal(1000, 1, (len(samples), 6, 2)).astype(np.float32)
    series = Samples(
        x,
        samples.table,
        samples.classes,
        modality="series",
        features=(Feature(name="a"), Feature(name="b")),
    )
    recipe = dataclasses.replace(filling, generator=SERIES)
    made, _ = drawn(job, series, recipe, tmp_path)
    assert (made.shape, made.dtype) == ((3, 6, 2), np.float32)
    assert np.abs(made - 1000).max() < 20

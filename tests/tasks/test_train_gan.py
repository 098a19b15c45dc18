import json

import numpy as np
import pytest
from event_recorder import Recorder
from safetensors.numpy import load_file

from foldwise.data.folds import fold_parts
from foldwise.tasks import fit_gan
from foldwise.tasks.events import (
    GanEpochFinished,
    GanFoldFinished,
    GanFoldStarted,
    TrainingFinished,
    TrainingStarted,
)
from foldwise.tasks.fit_gan import CollapsedError
from foldwise.tasks.fold_folders import ModelError
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.generate import Generator, UnknownClassError
from foldwise.tasks.train_gan import train_gans

MODEL = {"name": "cgan", "latent_size": 4, "widths": [8], "hidden_size": 8}
FIT = {
    "max_epochs": 3,
    "batch_size": 8,
    "sample_every": 1,
    "on_collapse": "warn",
    "accelerator": "cpu",
}


def config_of(num_folds=None, model=MODEL, **fit):
    return TrainGanConfig.of(
        model=model, fit=FIT | {"accelerator": "cpu"} | fit, num_folds=num_folds
    )


def tree(root):
    """What lies in a folder, as bytes; the states of epochs are left out."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "resume_" not in path.as_posix()
    }


@pytest.fixture(scope="module")
def trained(samples, folds, tmp_path_factory):
    recorder = Recorder()
    models = GanModels(tmp_path_factory.mktemp("gan") / "gan")
    train_gans(samples, folds, config_of(), models, recorder)
    return models, recorder


def test_each_fold_gets_a_generator_of_its_training_part_alone(
    trained, samples, folds, monkeypatch
):
    models, recorder = trained
    cards = models.cards()
    assert [card.fold for card in cards] == [0, 1]
    for card, parts in zip(cards, fold_parts(folds, samples.table), strict=True):
        rows = samples.positions(parts.train)
        assert card.class_counts == tuple(np.bincount(samples.y[rows]))
        assert card.shape == (1, 8, 8)
        assert [record["epoch"] for record in card.history] == [0, 1, 2]
        assert card.history[-1]["num_clusters"] >= 1
    assert not list(models.root.glob("*/resume_*"))
    kinds = [type(event) for event in recorder.events]
    of_fold = [GanFoldStarted, *[GanEpochFinished] * 3, GanFoldFinished]
    assert kinds == [TrainingStarted, *of_fold, *of_fold, TrainingFinished]


def test_what_a_generator_does_not_see_does_not_matter(trained, samples, folds, tmp_path):
    models, _ = trained
    parts = next(iter(fold_parts(folds, samples.table)))
    unseen = np.ones(len(samples), bool)
    unseen[samples.positions(parts.train)] = False
    x = samples.x.copy()
    x[unseen] = 255 - x[unseen]
    changed = type(samples)(x, samples.table, samples.classes)
    other = train_gans(changed, folds, config_of(1), GanModels(tmp_path))
    for name, weights in load_file(other.folder(0, 0) / "weights.safetensors").items():
        kept = load_file(models.folder(0, 0) / "weights.safetensors")[name]
        np.testing.assert_array_equal(weights, kept)


def test_what_is_done_is_skipped(trained, samples, folds):
    models, _ = trained
    before = tree(models.root)
    again = Recorder()
    train_gans(samples, folds, config_of(), models, again)
    assert [event.was_skipped for event in again.of(GanFoldFinished)] == [True, True]
    assert not again.of(GanEpochFinished)
    assert tree(models.root) == before


def test_a_killed_training_goes_on_to_the_same_bytes(trained, samples, folds, tmp_path):
    models, _ = trained

    def kill(event):
        if isinstance(event, GanEpochFinished) and (event.fold, event.record.epoch) == (1, 1):
            raise RuntimeError("killed here")

    with pytest.raises(RuntimeError, match="killed here"):
        train_gans(samples, folds, config_of(), GanModels(tmp_path), kill)
    rest = Recorder()
    train_gans(samples, folds, config_of(), GanModels(tmp_path), rest)
    (start,) = rest.of(GanFoldStarted)
    assert len(start.history) == 2
    assert len(start.generator_losses) == len(start.discriminator_losses)
    first = rest.of(GanEpochFinished)[0]
    assert first.first_step == len(start.generator_losses)
    assert tree(tmp_path) == tree(models.root)


def test_the_number_of_folds_is_chosen(trained, samples, folds, tmp_path):
    models = train_gans(samples, folds, config_of(1), GanModels(tmp_path))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["fold_0"]
    ours = load_file(models.folder(0, 0) / "weights.safetensors")
    theirs = load_file(trained[0].folder(0, 0) / "weights.safetensors")
    assert all((ours[name] == theirs[name]).all() for name in theirs)


def test_earlier_folds_are_kept_where_one_collapses(samples, folds, tmp_path, monkeypatch):
    run, count = fit_gan._run, []

    def collapse_in_the_second(*arguments):
        count.append(1)
        if len(count) == 2:
            raise CollapsedError("It does not converge.")
        return run(*arguments)

    monkeypatch.setattr(fit_gan, "_run", collapse_in_the_second)
    models = GanModels(tmp_path)
    with pytest.raises(CollapsedError):
        train_gans(samples, folds, config_of(), models)
    assert [card.fold for card in models.cards()] == [0]


def test_a_generator_draws_samples_as_they_are_stored(trained):
    generator = Generator(trained[0].folder(0, 0))
    latents = generator.latents(5, seed=3)
    assert latents.shape == (5, 4)
    assert latents.dtype == np.float32
    np.testing.assert_array_equal(latents[:2], generator.latents(2, seed=3))
    assert (latents != generator.latents(5, seed=4)).all()
    labels = generator.labels(["dark", "bright", "dark", "bright", "dark"])
    assert labels.tolist() == [1, 0, 1, 0, 1]
    drawn = generator.generate(labels, latents)
    assert drawn.shape == (5, 1, 8, 8)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(
        drawn, Generator(trained[0].folder(0, 0)).generate(labels, latents)
    )
    assert (drawn != generator.generate(1 - labels, latents)).any()


def test_unknown_classes_are_refused_by_name(trained):
    generator = Generator(trained[0].folder(0, 0))
    with pytest.raises(UnknownClassError, match=r"does not know 'grey'\. Allowed: 'bright'"):
        generator.labels(["dark", "grey"])
    with pytest.raises(UnknownClassError, match="the label 2, which is none"):
        generator.generate(np.array([2]), generator.latents(1, 0))


def test_latents_of_another_shape_are_refused(trained):
    generator = Generator(trained[0].folder(0, 0))
    with pytest.raises(ValueError, match=r"latents of the shape \(N, 4\).*got \(1, 3\)"):
        generator.generate(np.array([0]), np.zeros((1, 3), np.float32))


def test_values_that_are_no_numbers_are_an_error(trained):
    generator = Generator(trained[0].folder(0, 0))
    with pytest.raises(ValueError, match="generated values are infinite or no numbers"):
        generator.generate(np.array([0]), np.full((1, 4), np.nan, np.float32))


def test_weights_of_another_network_are_refused(samples, folds, tmp_path):
    from foldwise.atomic import read_sealed_json, write_sealed_json

    models = train_gans(samples, folds, config_of(1, max_epochs=1), GanModels(tmp_path))
    path = models.folder(0, 0) / "model.json"
    card = read_sealed_json(path)
    card["model"]["widths"] = [16]
    write_sealed_json(path, card)
    with pytest.raises(ModelError, match="weights of another network than 'cgan'"):
        Generator(models.folder(0, 0))
    path.write_text(json.dumps({}))
    with pytest.raises(ModelError, match="is damaged"):
        Generator(models.folder(0, 0))


def test_without_generators_the_stage_to_run_is_named(tmp_path):
    with pytest.raises(ModelError, match="Run the stage 'train_gan' first"):
        GanModels(tmp_path).cards()

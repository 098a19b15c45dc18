import dataclasses
import json
import logging
import os
import signal

import numpy as np
import pytest
import torch
from event_recorder import Recorder
from project_copy import tree
from safetensors.torch import load_file

from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.samples import Samples
from foldwise.models.build import build_cnn
from foldwise.models.config import SmallCnnConfig, TimmConfig
from foldwise.modules import images
from foldwise.modules.fold_state import DivergedError
from foldwise.tasks import train
from foldwise.tasks.events import EpochFinished, FoldFinished, FoldStarted
from foldwise.tasks.fold_models import CARD, WEIGHTS, FoldModels
from foldwise.tasks.predict import Predictor, predict_folds
from foldwise.tasks.train import PlanError, cross_validate, fold_jobs, train_fold


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, samples, folds, plan, recipe):
    models = FoldModels(tmp_path_factory.mktemp("undisturbed") / "cnn")
    return cross_validate(samples, folds, plan, recipe, models)


def test_two_runs_with_one_seed_give_the_same_bytes(
    undisturbed, tmp_path, samples, folds, plan, recipe
):
    torch.manual_seed(123)  # what happened before must not matter
    again = cross_validate(samples, folds, plan, recipe, FoldModels(tmp_path / "elsewhere"))
    assert tree(again.root) == tree(undisturbed.root)
    assert set(tree(again.root)) == {f"fold_{k}/{f}" for k in (0, 1) for f in (WEIGHTS, CARD)}


def test_training_leaves_the_global_generator_alone(tmp_path, samples, folds, plan, recipe):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    cross_validate(samples, folds, plan, recipe, FoldModels(tmp_path))
    assert torch.equal(before, torch.get_rng_state())


def test_folds_in_another_order_and_alone_give_the_same_bytes(
    undisturbed, tmp_path, samples, folds, plan, recipe
):
    models = FoldModels(tmp_path / "cnn")
    for job in reversed(fold_jobs(samples, folds, plan, recipe)):
        train_fold(job, samples, folds.content_hash, recipe, models)
    assert tree(models.root) == tree(undisturbed.root)


@pytest.mark.parametrize("stop_at", [(0, 0), (0, 2), (1, 1), (1, 3)])
def test_an_interrupted_training_ends_in_the_same_bytes(
    undisturbed, tmp_path, samples, folds, plan, recipe, stop_at
):
    models = FoldModels(tmp_path / "cnn")
    with pytest.raises(RuntimeError, match="killed here"):
        cross_validate(samples, folds, plan, recipe, models, Recorder(stop_at))
    resumed = Recorder()
    cross_validate(samples, folds, plan, recipe, models, resumed)
    assert tree(models.root) == tree(undisturbed.root)
    fold, epoch = stop_at
    repeated = [e.record.epoch for e in resumed.of(EpochFinished) if e.fold == fold]
    assert repeated == list(range(epoch + 1, recipe.fit.max_epochs))
    skipped = [e.card.fold for e in resumed.of(FoldFinished) if e.was_skipped]
    assert skipped == list(range(fold))


@pytest.mark.parametrize("victim", ["safetensors", "json"])
def test_a_damaged_state_is_passed_over_for_the_epoch_before(
    undisturbed, tmp_path, samples, folds, plan, recipe, victim, caplog
):
    models = FoldModels(tmp_path / "cnn")
    with pytest.raises(RuntimeError):
        cross_validate(samples, folds, plan, recipe, models, Recorder((0, 2)))
    newest = sorted(models.root.rglob(f"epoch_*.{victim}"))[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0x01
    newest.write_bytes(content)
    resumed = Recorder()
    with caplog.at_level(logging.WARNING):
        cross_validate(samples, folds, plan, recipe, models, resumed)
    assert len(resumed.of(FoldStarted)[0].history) == 2
    assert [str(newest.stem) in record.message for record in caplog.records] == [True]
    assert tree(models.root) == tree(undisturbed.root)


def test_an_unchanged_training_is_skipped(undisturbed, samples, folds, plan, recipe):
    before = tree(undisturbed.root)
    again = Recorder()
    cross_validate(samples, folds, plan, recipe, undisturbed, again)
    assert [event.was_skipped for event in again.of(FoldFinished)] == [True, True]
    assert not again.of(EpochFinished)
    assert tree(undisturbed.root) == before


def copy_of(models, tmp_path):
    for name, content in tree(models.root).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return FoldModels(tmp_path)


@pytest.mark.parametrize("file", [WEIGHTS, CARD])
def test_a_flipped_byte_is_never_used(undisturbed, tmp_path, samples, folds, plan, recipe, file):
    models = copy_of(undisturbed, tmp_path)
    victim = models.folder(0, 1) / file
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 0x01
    victim.write_bytes(content)
    again = Recorder()
    cross_validate(samples, folds, plan, recipe, models, again)
    assert [event.was_skipped for event in again.of(FoldFinished)] == [True, False]
    assert tree(models.root) == tree(undisturbed.root)


def fingerprints(samples, folds, plan, recipe):
    return [job.fingerprint for job in fold_jobs(samples, folds, plan, recipe)]


def test_every_input_changes_the_fingerprint(samples, folds, plan, recipe, monkeypatch):
    reference = fingerprints(samples, folds, plan, recipe)
    fit = recipe.fit.model_copy(update={"max_epochs": 5})
    augment = recipe.augment.model_copy(update={"rotation": 11.0})
    model = SmallCnnConfig(widths=(9,))
    balanced = plan_balance(samples.table, folds, BalanceConfig(method="class_weights"))
    changed_pixels = samples.table.assign(sha256=samples.table["sha256"].str.upper())
    same_folds = make_folds(changed_pixels, SplitConfig.of(**folds.info["parameters"]))
    variants = [
        (samples, folds, plan, dataclasses.replace(recipe, fit=fit)),
        (samples, folds, plan, dataclasses.replace(recipe, augment=augment)),
        (samples, folds, plan, dataclasses.replace(recipe, model=model)),
        (samples, folds, plan, dataclasses.replace(recipe, seed=1)),
        (samples, folds, balanced, recipe),
        (dataclasses.replace(samples, table=changed_pixels), same_folds, plan, recipe),
    ]
    for variant in variants:
        assert not set(fingerprints(*variant)) & set(reference)
    monkeypatch.setattr(train, "code_hash", lambda module, without=(): "other code")
    assert not set(fingerprints(samples, folds, plan, recipe)) & set(reference)


def test_what_no_fold_needs_any_more_is_removed(
    undisturbed, tmp_path, samples, folds, plan, recipe
):
    models = copy_of(undisturbed, tmp_path)
    models.folder(0, 7).mkdir()
    cross_validate(samples, folds, plan, recipe, models)
    assert tree(models.root) == tree(undisturbed.root)


def test_the_weights_kept_are_those_of_the_best_epoch(undisturbed, samples, folds, plan, recipe):
    for job, card in zip(
        fold_jobs(samples, folds, plan, recipe), undisturbed.cards(), strict=True
    ):
        losses = [record["val_loss"] for record in card.history]
        assert card.best_epoch == int(np.argmin(losses))
        probabilities = Predictor(undisturbed.folder(*job.key)).probabilities(
            samples.x, job.validation.rows
        )
        chosen = probabilities[np.arange(len(job.validation.targets)), job.validation.targets]
        # training validates in bfloat16 where the processor has it
        assert -np.log(chosen).mean() == pytest.approx(min(losses), abs=0.02)


def test_outer_fold_and_test_part_have_no_influence_on_a_network(
    undisturbed, tmp_path, samples, folds, plan, recipe
):
    job = fold_jobs(samples, folds, plan, recipe)[0]
    seen = np.union1d(job.training.rows, job.validation.rows)
    unseen = np.setdiff1d(np.arange(len(samples)), seen)
    assert len(unseen) > 20
    x = samples.x.copy()
    x[unseen] = 255 - x[unseen]
    other = Samples(x, samples.table, samples.classes)
    models = FoldModels(tmp_path / "cnn")
    train_fold(job, other, folds.content_hash, recipe, models)
    assert tree(models.folder(0, 0)) == tree(undisturbed.folder(0, 0))


def test_streamed_and_resident_images_give_the_same_weights(
    undisturbed, tmp_path, samples, folds, plan, recipe, monkeypatch
):
    monkeypatch.setattr(images, "_RESIDENT_SHARE", 0.0)
    streamed = cross_validate(samples, folds, plan, recipe, FoldModels(tmp_path / "cnn"))
    assert tree(streamed.root) == tree(undisturbed.root)


def test_patience_stops_early(tmp_path, samples, folds, plan, recipe):
    fit = recipe.fit.model_copy(update={"max_epochs": 50, "patience": 1})
    models = FoldModels(tmp_path)
    cross_validate(samples, folds, plan, dataclasses.replace(recipe, fit=fit), models)
    for card in models.cards():
        losses = [record["val_loss"] for record in card.history]
        assert len(losses) < 50
        assert len(losses) - 1 == card.best_epoch + 1
        assert losses[-1] >= losses[-2]


def test_a_rate_that_diverges_is_stopped_with_a_hint(tmp_path, samples, folds, plan, recipe):
    optimizer = {"name": "sgd", "lr": 1e30}
    fit = type(recipe.fit).of(
        max_epochs=3, optimizer=optimizer, gradient_clip_norm=0, accelerator="cpu"
    )
    with pytest.raises(DivergedError, match=r"smaller fit\.optimizer\.lr"):
        cross_validate(
            samples, folds, plan, dataclasses.replace(recipe, fit=fit), FoldModels(tmp_path)
        )


def test_a_gpu_that_is_not_there_is_said(tmp_path, samples, folds, plan, recipe, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    fit = recipe.fit.model_copy(update={"accelerator": "gpu"})
    with pytest.raises(ValueError, match="finds no GPU"):
        cross_validate(
            samples, folds, plan, dataclasses.replace(recipe, fit=fit), FoldModels(tmp_path)
        )


def test_weights_load_without_pickle_into_an_equal_network(undisturbed, samples):
    card = undisturbed.cards()[0]
    network = build_cnn(card.model, card.shape, len(card.classes))
    network.load_state_dict(load_file(undisturbed.folder(0, 0) / WEIGHTS))
    predictor = Predictor(undisturbed.folder(0, 0))
    x = torch.from_numpy(samples.x[:5]).float() / 255
    mean, std = card.preprocessing.mean[0], card.preprocessing.std[0]
    with torch.no_grad():
        expected = network.eval()((x - mean) / std).softmax(dim=1)
    np.testing.assert_allclose(predictor.probabilities(samples.x[:5]), expected, atol=1e-6)


def test_the_card_holds_no_path_and_no_time(undisturbed):
    card = json.loads((undisturbed.folder(0, 0) / CARD).read_text())
    assert str(undisturbed.root) not in json.dumps(card)
    packages = {"torch", "torchvision", "pytorch_lightning", "numpy"}
    assert set(card["versions"]) == packages | {"python"}


def test_versions_are_told_of_all_that_a_recipe_computes_with(recipe):
    plain = {"python", "torch", "torchvision", "pytorch_lightning", "numpy"}
    with_timm = dataclasses.replace(recipe, model=TimmConfig(architecture="test_resnet"))
    with_smote = dataclasses.replace(recipe, balance=BalanceConfig.of(method="smote"))
    assert set(train.package_versions(recipe)) == plain
    assert set(train.package_versions(with_timm)) == plain | {"timm"}
    assert set(train.package_versions(with_smote)) == plain | {"scikit-learn"}


def test_another_version_is_trained_anew(monkeypatch, samples, folds, plan, recipe):
    before = fold_jobs(samples, folds, plan, recipe)[0].fingerprint
    asked = "foldwise.tasks.installed_versions.version"
    monkeypatch.setattr(asked, lambda name: "9" if name == "torchvision" else "1")
    one = fold_jobs(samples, folds, plan, recipe)[0].fingerprint
    monkeypatch.setattr(asked, lambda name: "1")
    other = fold_jobs(samples, folds, plan, recipe)[0].fingerprint
    assert len({before, one, other}) == 3


def test_predictions_hold_each_sample_once_by_the_network_that_did_not_see_it(
    undisturbed, samples, folds
):
    table = predict_folds(undisturbed, samples, folds)
    oof = table[table["part"] == "oof"].set_index("sample_id")
    assigned = folds.table.set_index("sample_id")["fold"]
    development = assigned[assigned >= 0]
    assert sorted(oof.index) == sorted(development.index)
    assert (oof["fold"] == development[oof.index]).all()
    test = table[table["part"] == "test"]
    assert test.groupby("sample_id").size().eq(2).all()
    assert set(test["sample_id"]) == set(assigned[assigned < 0].index)
    labels = samples.table.set_index("sample_id")["label"]
    assert (table["target"].to_numpy() == labels[table["sample_id"]].to_numpy()).all()
    np.testing.assert_allclose(table[["p_bright", "p_dark"]].sum(axis=1), 1)


def test_augmentation_differs_between_epochs_but_not_between_runs(samples, folds, plan, recipe):
    from foldwise.data.augment import Augmenter
    from foldwise.data.preprocessing import fit_images
    from foldwise.modules.data_module import TrainingBatches
    from foldwise.modules.images import open_images
    from foldwise.modules.inputs import ImageInputs

    job = fold_jobs(samples, folds, plan, recipe)[0]
    device = torch.device("cpu")

    def batches(epoch):
        return list(
            TrainingBatches(
                ImageInputs(
                    open_images(samples.x, job.training.rows, device),
                    fit_images(samples.x, job.training.rows),
                ),
                job.training,
                Augmenter(recipe.augment),
                batch_size=16,
                seed=1,
                epoch=lambda: epoch,
                device=device,
            )
        )

    first, again, second = (torch.cat([x for x, _, _ in batches(e)]) for e in (0, 0, 1))
    assert torch.equal(first, again)
    # not even as a set: no image of the second epoch is one of the first
    flat_first, flat_second = first.flatten(1), second.flatten(1)
    assert (torch.cdist(flat_second, flat_first).min(dim=1).values > 1e-3).float().mean() > 0.9


def test_a_plan_of_other_folds_is_refused(tmp_path, samples, folds, plan, recipe):
    other = make_folds(samples.table, SplitConfig(num_folds=2, validation_fraction=0.25, seed=1))
    with pytest.raises(PlanError, match=r"repeat 0, fold 0, \d+ are not of the training part"):
        cross_validate(samples, other, plan, recipe, FoldModels(tmp_path))
    with pytest.raises(PlanError, match="its 0 rows for repeat 0, fold 1"):
        cross_validate(samples, folds, plan[plan["fold"] == 0], recipe, FoldModels(tmp_path))


def test_another_inner_part_changes_the_fingerprint(samples, folds, plan, recipe):
    parameters = {**folds.info["parameters"], "validation_fraction": 0.4}
    other = dataclasses.replace(folds, info={**folds.info, "parameters": parameters})
    both = plan.merge(plan_balance(samples.table, other, BalanceConfig())[["fold", "sample_id"]])
    one, two = (fingerprints(samples, f, both, recipe) for f in (folds, other))
    assert not set(one) & set(two)


def test_torch_is_left_as_it_was(tmp_path, samples, folds, plan, recipe):
    def settings():
        cudnn = torch.backends.cudnn
        return (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
        )

    before, during = settings(), []
    cross_validate(
        samples, folds, plan, recipe, FoldModels(tmp_path), lambda event: during.append(settings())
    )
    assert (True, True, (True, False, True, False)) in during
    assert settings() == before


def test_the_images_of_a_fold_are_let_go_before_the_next_one(
    tmp_path, samples, folds, plan, recipe, monkeypatch
):
    held = []

    class Watched(images.ResidentImages):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            held.append(self)

        def close(self):
            super().close()
            held.remove(self)

    monkeypatch.setattr(images, "ResidentImages", Watched)
    counts = []
    cross_validate(
        samples,
        folds,
        plan,
        recipe,
        FoldModels(tmp_path),
        lambda event: counts.append((type(event), len(held))),
    )
    assert {number for kind, number in counts if kind is EpochFinished} == {2}
    assert {number for kind, number in counts if kind is not EpochFinished} == {0}


def test_told_to_terminate_it_ends_with_an_error_and_goes_on_later(
    undisturbed, tmp_path, samples, folds, plan, recipe
):
    def terminate(event):
        if isinstance(event, EpochFinished) and (event.fold, event.record.epoch) == (1, 1):
            os.kill(os.getpid(), signal.SIGTERM)

    models = FoldModels(tmp_path / "cnn")
    with pytest.raises(SystemExit) as ended:
        cross_validate(samples, folds, plan, recipe, models, terminate)
    assert ended.value.code == 128 + signal.SIGTERM
    cross_validate(samples, folds, plan, recipe, models)
    assert tree(models.root) == tree(undisturbed.root)


def test_it_trains_inside_a_job_of_a_cluster(
    undisturbed, tmp_path, samples, folds, plan, recipe, monkeypatch
):
    for name, value in {"NTASKS": "4", "JOB_ID": "1", "JOB_NAME": "job", "NNODES": "2"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    models = FoldModels(tmp_path / "cnn")
    cross_validate(samples, folds, plan, recipe, models)
    assert tree(models.root) == tree(undisturbed.root)

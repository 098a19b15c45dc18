"""Train one network per fold; skip what is done, resume what was interrupted."""

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.torch import save_file

from foldwise.code_closure import code_hash
from foldwise.config import json_hash
from foldwise.data.balance.config import Gan, Smote
from foldwise.data.folds import FoldParts, Folds, fold_parts
from foldwise.data.preprocessing import require_complete, require_readable
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.models.config import TimmConfig
from foldwise.modules.data_module import Part
from foldwise.modules.hardware import choose_device, choose_num_threads, choose_precision
from foldwise.modules.records import EpochRecord
from foldwise.modules.test_time_config import require_fitting_shift
from foldwise.tasks.batch_size import with_batch_size
from foldwise.tasks.events import (
    EpochFinished,
    FoldFinished,
    FoldStarted,
    Observer,
    TrainingFinished,
    TrainingStarted,
    ignore,
)
from foldwise.tasks.finish_fold import finish_fold
from foldwise.tasks.fit_fold import fit_fold
from foldwise.tasks.fold_folders import facts_of, state_folder
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.fold_models import FoldKey, FoldModels, ModelCard, write_model
from foldwise.tasks.fold_seconds import FoldSeconds
from foldwise.tasks.installed_versions import installed_versions
from foldwise.tasks.pretrained import FindRun, find_weights, require_elsewhere
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.synthetic_samples import FilledFold, fill_up, require_fillable
from foldwise.tasks.targets import Targets, changing_channel, require_task, target_values
from foldwise.tasks.transfer import transfer_fingerprint

# What is run by the remedy `gan` alone: another training does not change with it.
_GENERATOR_CODE = (
    "foldwise.models.gan",
    "foldwise.modules.gan",
    "foldwise.modules.diff_augment",
    "foldwise.metrics.generation",
    "foldwise.modules.sample_grid",
    "foldwise.modules.sampler",
    "foldwise.tasks.fit_gan",
    "foldwise.tasks.gan",
    "foldwise.tasks.generate",
    "foldwise.tasks.synthetic",
    "foldwise.tasks.train_gan",
)


class PlanError(UserError):
    """The balance plan does not belong to the folds."""


def cross_validate(
    samples: Samples,
    folds: Folds,
    plan: pd.DataFrame,
    recipe: Recipe,
    models: FoldModels,
    observer: Observer = ignore,
    find_run: FindRun | None = None,
    only: Collection[tuple[int, int]] | None = None,
) -> FoldModels:
    """Train one network per fold into `models` and return it.

    A fold whose fingerprint is already there is not trained again; a fold that was interrupted
    goes on after its last finished epoch. Folds depend on nothing of one another.

    Args:
        samples: The samples.
        folds: Which of them are held out where.
        plan: The balance plan; its rows are what each network is fitted on.
        recipe: Network, fit, augmentation, seed.
        models: Where the networks are kept.
        observer: Is told of what happens.
        find_run: From an MLflow run's id to its networks, for weights to start from.
        only: Repeat and fold of those that are to be trained; the networks of others stay as they
            are. None: all.

    Raises:
        DivergedError: The loss became infinite or not a number; earlier folds are kept.
        FillError: Rare classes are to be filled up, and no generator makes such samples.
        MissingValueError: A series lacks values, and nothing is to stand in their place.
        PlanError: The plan was made for other folds.
        PretrainedError: The weights to start from are missing, or not to be used here.
        SamplesError: The networks of this family do not take such samples.
        ValueError: The device or the network does not fit.
    """
    require_readable(samples, recipe.inputs)
    require_task(samples, recipe)
    require_complete(samples, recipe.inputs)
    require_fillable(samples, recipe)
    if samples.modality == "image":
        require_fitting_shift(recipe.test_time, *samples.x.shape[-2:])
    recipe = with_batch_size(recipe, samples, plan)
    device = choose_device(recipe.fit)
    jobs = [
        job
        for job in fold_jobs(samples, folds, plan, recipe, find_run)
        if only is None or job.key in only
    ]
    for job in jobs:
        require_elsewhere(job.pretrained, models)
    observer(
        TrainingStarted(
            len(jobs),
            recipe.fit.max_epochs,
            device.type,
            choose_precision(recipe.fit, device),
        )
    )
    try:
        with models.exclusive():
            if only is None:
                models.prune(folds.jobs)
            for job in jobs:
                train_fold(job, samples, folds.content_hash, recipe, models, observer)
    finally:
        observer(TrainingFinished())
    return models


def train_fold(
    job: FoldJob,
    samples: Samples,
    folds_hash: str,
    recipe: Recipe,
    models: FoldModels,
    observer: Observer = ignore,
) -> ModelCard:
    """Train one fold's network, or find that it is there already; return its card."""
    done = models.finished(*job.key, job.fingerprint)
    if done is not None:
        observer(FoldFinished(done, was_skipped=True))
        return done

    folder = state_folder(models.folder(*job.key), job.fingerprint)
    seconds = FoldSeconds(folder)

    def on_start(history: tuple[EpochRecord, ...]) -> None:
        observer(FoldStarted(*job.key, history))

    def on_epoch(record: EpochRecord) -> None:
        seconds.keep()
        observer(EpochFinished(*job.key, record))

    filled = _filled(job, samples, recipe, folder)
    seconds.keep()
    fitted = fit_fold(filled.job, filled.samples, recipe, folder, on_start, on_epoch)
    meaning = finish_fold(fitted, filled.job, filled.samples, recipe)
    card = ModelCard(
        model=recipe.model,
        **facts_of(samples, job.parts, folds_hash),
        preprocessing=fitted.preprocessing,
        test_time=recipe.test_time,
        decision_weights=meaning.decision_weights,
        number_outputs=meaning.number_outputs,
        num_trainable=fitted.transfer.num_trainable,
        fingerprint=job.fingerprint,
        started_from=job.pretrained.seen if job.pretrained else (),
        best_epoch=fitted.state.best_epoch,
        synthetic=filled.record,
        history=tuple(asdict(record) for record in fitted.state.history),
        versions=package_versions(recipe),
        weights_sha256="",
    )
    weights = {k: v.contiguous() for k, v in fitted.network.state_dict().items()}

    def save(path: Path) -> None:
        save_file(weights, path)
        filled.store(path.parent)

    card = write_model(models.folder(*job.key), card, save)
    observer(FoldFinished(card, was_skipped=False, seconds=seconds.total))
    return card


def _filled(job: FoldJob, samples: Samples, recipe: Recipe, folder: Path) -> FilledFold:
    """Return the fold as it is, or with made samples in its training part."""
    if not isinstance(recipe.balance.remedy, Gan):
        return FilledFold(job, samples)
    return fill_up(job, samples, recipe, folder)


def fold_jobs(
    samples: Samples,
    folds: Folds,
    plan: pd.DataFrame,
    recipe: Recipe,
    find_run: FindRun | None = None,
) -> list[FoldJob]:
    """Return the jobs of all folds; each can be run alone, in any order, in any process.

    Raises:
        PretrainedError: The weights to start from are missing, damaged, or not to be used here.
        PlanError: The plan has no rows for a fold, or rows that its network must not see.
    """
    common = _common_fingerprint(samples, folds, recipe)
    targets = target_values(samples)

    def job(parts: FoldParts) -> FoldJob:
        rows = plan[(plan["repeat"] == parts.repeat) & (plan["fold"] == parts.fold)]
        fitted = samples.positions(rows["sample_id"])
        inner = samples.positions(parts.validation)
        allowed = samples.positions(parts.train)
        _require_training_rows(fitted, allowed, parts)
        training = planned_part(rows, fitted, targets)
        of_plan = pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes().hex()
        key = FoldKey(samples.content_hash, folds.content_hash, parts.repeat, parts.fold)
        pretrained = find_weights(recipe.transfer, recipe.model, key, find_run)
        start = transfer_fingerprint(recipe.transfer, pretrained)
        fingerprint = json_hash(
            [common, parts.repeat, parts.fold, of_plan, list(parts.validation), start]
        )
        validation = Part(inner, targets[inner])
        channel = changing_channel(samples, fitted, recipe)
        return FoldJob(parts, training, validation, fingerprint, pretrained, channel)

    return [job(parts) for parts in fold_parts(folds, samples.table)]


def planned_part(rows: pd.DataFrame, positions: npt.NDArray[np.int64], targets: Targets) -> Part:
    """Return the training part that a fold's rows of a balance plan say.

    Args:
        rows: Of the plan.
        positions: Of these rows among the samples.
        targets: Of all samples.
    """
    return Part(
        positions,
        targets[positions],
        rows["sampling_weight"].to_numpy(),
        rows["loss_weight"].to_numpy(),
    )


def _require_training_rows(
    fitted: npt.NDArray[np.int64], allowed: npt.NDArray[np.int64], parts: FoldParts
) -> None:
    num_foreign = int((~np.isin(fitted, allowed)).sum())
    if not len(fitted) or num_foreign:
        raise PlanError(
            f"The balance plan was made for other folds: of its {len(fitted)} rows for repeat "
            f"{parts.repeat}, fold {parts.fold}, {num_foreign} are not of the training part. "
            "Run the stage 'balance' again."
        )


def _common_fingerprint(samples: Samples, folds: Folds, recipe: Recipe) -> dict[str, Any]:
    device = choose_device(recipe.fit)
    return {
        **_generator_fingerprint(recipe),
        "samples": samples.content_hash,
        "folds": folds.content_hash,
        "model": recipe.model.model_dump(mode="json"),
        "inputs": recipe.inputs.model_dump(mode="json"),
        "loss": recipe.loss.model_dump(mode="json"),
        "target": [recipe.target, recipe.target_channel],
        "fit": recipe.fit.model_dump(mode="json"),
        "augment": recipe.augment.in_force(samples.modality),
        "balance": recipe.balance.flat(),
        "test_time": recipe.test_time.model_dump(mode="json"),
        "seed": recipe.seed,
        "device": device.type,
        "precision": choose_precision(recipe.fit, device),
        # The order of sums, and with it the last bits, depends on the number of threads.
        "num_threads": (
            choose_num_threads(recipe.fit, samples.x.shape[1:]) if device.type == "cpu" else 0
        ),
        "versions": package_versions(recipe),
    }


def _generator_fingerprint(recipe: Recipe) -> dict[str, Any]:
    """Return what code is run, and the generator's parameters where there is one."""
    if not isinstance(recipe.balance.remedy, Gan):
        return {"code": code_hash(__name__, without=_GENERATOR_CODE)}
    assert recipe.generator is not None
    # How many folds get a generator, and its seed, are of its own pipeline. Whether a search has
    # found the others changes nothing.
    others = {"num_folds", "seed", "use_best"}
    generator = recipe.generator.model_dump(mode="json", exclude=others)
    return {"code": code_hash(__name__), "generator": generator}


def package_versions(recipe: Recipe) -> dict[str, str]:
    """Return the versions of all that a training of this recipe computes with."""
    packages = ["torch", "torchvision", "pytorch_lightning", "numpy"]
    if isinstance(recipe.model, TimmConfig):
        packages.append("timm")
    if isinstance(recipe.balance.remedy, Smote | Gan):
        packages.append("scikit-learn")  # fits the last layer, or finds copies
    return installed_versions(packages)

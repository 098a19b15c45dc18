"""Train one generator per fold; skip what is done, resume what was interrupted."""

from collections.abc import Collection
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import save_file

from foldwise.code_closure import code_hash
from foldwise.config import json_hash
from foldwise.data.findings import Finding
from foldwise.data.folds import FoldParts, Folds, fold_parts
from foldwise.data.samples import Samples
from foldwise.modules.gan_state import GanEpochReport, GanState
from foldwise.modules.hardware import choose_device, choose_num_threads, choose_precision
from foldwise.seeds import derive_seed
from foldwise.tasks.events import (
    GanEpochFinished,
    GanFoldFinished,
    GanFoldStarted,
    Observer,
    TrainingFinished,
    TrainingStarted,
    ignore,
)
from foldwise.tasks.fit_gan import FittedGan, fit_generator, require_generable
from foldwise.tasks.fold_folders import facts_of, state_folder, write_model
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.gan_models import GanCard, GanModels
from foldwise.tasks.installed_versions import installed_versions

_PACKAGES = ("torch", "torchvision", "pytorch_lightning", "numpy", "scipy", "scikit-learn")


def train_gans(
    samples: Samples,
    folds: Folds,
    config: TrainGanConfig,
    models: GanModels,
    observer: Observer = ignore,
    only: Collection[tuple[int, int]] | None = None,
) -> GanModels:
    """Train one generator per fold into `models` and return it.

    Each is fitted on its fold's training part alone: neither on the inner validation part, nor on
    the outer fold, nor on the test part. A fold whose fingerprint is already there is not trained
    again; one that was interrupted goes on after its last finished epoch.

    Args:
        samples: Images, or series of one length, in classes.
        folds: Which of them are held out where.
        config: Networks, fit, seed, and for how many folds.
        models: Where the generators are kept.
        observer: Is told of what happens.
        only: Repeat and fold of those that get a generator, in place of `num_folds`; the others
            stay as they are.

    Raises:
        CollapsedError: A generator does not converge; those of earlier folds are kept.
        GanTrainingError: No generator can be fitted on such samples.
        UserError: The networks cannot make such samples, or the device does not fit.
    """
    require_generable(samples)
    all_parts = fold_parts(folds, samples.table)
    if only is None:
        jobs = list(islice(all_parts, config.num_folds))
    else:
        jobs = [parts for parts in all_parts if (parts.repeat, parts.fold) in only]
    device = choose_device(config.fit)
    precision = choose_precision(config.fit, device)
    observer(TrainingStarted(len(jobs), config.fit.max_epochs, device.type, precision))
    try:
        with models.exclusive():
            if only is None:
                models.prune([(parts.repeat, parts.fold) for parts in jobs])
            for parts in jobs:
                _train_fold(parts, samples, folds.content_hash, config, models, observer)
    finally:
        observer(TrainingFinished())
    return models


def generator_seed(config: TrainGanConfig, repeat: int, fold: int) -> int:
    """Return the seed of the fit of a fold's generator."""
    return derive_seed(config.seed, repeat, fold, "gan")


def gan_fingerprint(
    samples: Samples, rows: npt.NDArray[np.int64], config: TrainGanConfig, seed: int
) -> str:
    """Return the hash of everything that a generator's weights depend on.

    Args:
        samples: The samples.
        rows: Of the training part, (N,).
        config: Networks and fit.
        seed: Of the fit.
    """
    device = choose_device(config.fit)
    parts: dict[str, Any] = {
        "samples": samples.content_hash,
        "rows": np.sort(rows).tolist(),
        "model": config.model.model_dump(mode="json"),
        "fit": config.fit.model_dump(mode="json"),
        "seed": seed,
        "code": code_hash(fit_generator.__module__),
        "device": device.type,
        "precision": choose_precision(config.fit, device),
        "num_threads": (
            choose_num_threads(config.fit, samples.x.shape[1:]) if device.type == "cpu" else 0
        ),
        "versions": gan_versions(),
    }
    return json_hash(parts)


def gan_versions() -> dict[str, str]:
    """Return the versions of all that a generator's training computes with."""
    return installed_versions(_PACKAGES)


def _train_fold(
    parts: FoldParts,
    samples: Samples,
    folds_hash: str,
    config: TrainGanConfig,
    models: GanModels,
    observer: Observer,
) -> None:
    key = parts.repeat, parts.fold
    rows = samples.positions(parts.train)
    seed = generator_seed(config, *key)
    fingerprint = gan_fingerprint(samples, rows, config, seed)
    done = models.finished(*key, fingerprint)
    if done is not None:
        observer(GanFoldFinished(done, was_skipped=True))
        return

    def on_start(attempt: int, state: GanState, findings: tuple[Finding, ...]) -> None:
        losses = tuple(state.generator_losses), tuple(state.discriminator_losses)
        observer(GanFoldStarted(*key, attempt, tuple(state.history), *losses, findings))

    def on_epoch(report: GanEpochReport) -> None:
        observer(GanEpochFinished(*key, **vars(report)))

    folder = state_folder(models.folder(*key), fingerprint)
    fitted = fit_generator(samples, rows, config, seed, folder, on_epoch, on_start)
    card = _card(fitted, samples, config, parts, fingerprint, folds_hash)
    weights = {name: tensor.contiguous() for name, tensor in fitted.weights.items()}
    card = write_model(models.folder(*key), card, lambda path: save_file(weights, path))
    observer(GanFoldFinished(card, was_skipped=False))


def _card(
    fitted: FittedGan,
    samples: Samples,
    config: TrainGanConfig,
    parts: FoldParts,
    fingerprint: str,
    folds_hash: str,
) -> GanCard:
    return GanCard(
        model=config.model,
        **facts_of(samples, parts, folds_hash),
        preprocessing=fitted.preprocessing,
        fingerprint=fingerprint,
        class_counts=fitted.class_counts,
        history=tuple(asdict(record) for record in fitted.state.history),
        num_restarts=fitted.num_restarts,
        findings=fitted.findings,
        versions=gan_versions(),
        weights_sha256="",
    )

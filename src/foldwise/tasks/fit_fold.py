"""Fit one fold's network: data to the device, Lightning's trainer, and nothing kept alive after.

C: channels, H: height, W: width.
"""

import contextlib
import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning import Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import nn

from foldwise.data.augment import Augmenter
from foldwise.data.folds import FoldParts
from foldwise.data.preprocessing import Preprocessing
from foldwise.data.samples import Samples
from foldwise.models.build import build_cnn
from foldwise.models.data_initialised import DataInitialised
from foldwise.modules.classifier import Classifier
from foldwise.modules.config import FitConfig
from foldwise.modules.data_module import (
    EvaluationBatches,
    FoldData,
    Part,
    TrainingBatches,
    open_images,
    to_input,
)
from foldwise.modules.fold_state import FitState, FoldStateCallback, StateFolder
from foldwise.modules.hardware import (
    choose_device,
    choose_num_threads,
    choose_precision,
    lightning_precision,
    num_threads,
    reproducible,
)
from foldwise.modules.records import EpochRecord
from foldwise.seeds import derive_seed
from foldwise.tasks.recipe import Recipe

_INITIAL_IMAGES = 5000  # that a network may draw its first weights from
OnEpoch = Callable[[EpochRecord], None]


@dataclass(frozen=True)
class FoldJob:
    """One fold's training: what goes in, and the fingerprint of all that."""

    parts: FoldParts
    training: Part
    validation: Part
    fingerprint: str

    @property
    def key(self) -> tuple[int, int]:
        """(repeat, fold)."""
        return self.parts.repeat, self.parts.fold


def fit_fold(
    job: FoldJob,
    samples: Samples,
    preprocessing: Preprocessing,
    recipe: Recipe,
    state_folder: Path,
    on_start: Callable[[tuple[EpochRecord, ...]], None],
    on_epoch: OnEpoch,
) -> FitState:
    """Fit the network of one fold, or go on where it was interrupted.

    Args:
        job: The parts of the fold.
        samples: The samples.
        preprocessing: Statistics of the training part.
        recipe: Network, fit, augmentation, seed.
        state_folder: Where the state after each epoch is kept.
        on_start: Is told the epochs that were made before.
        on_epoch: Is told each finished epoch.

    Raises:
        DivergedError: The loss became infinite or not a number.
    """
    fit, device = recipe.fit, choose_device(recipe.fit)
    seed = derive_seed(recipe.seed, *job.key, "fit")
    states = StateFolder(state_folder)
    resumed = states.load()
    history = tuple(resumed.history) if resumed else ()
    on_start(history)
    callback = FoldStateCallback(fit, seed, states, resumed, on_epoch)
    if callback.state.is_finished(fit):
        return callback.state
    with (
        contextlib.closing(open_images(samples.x, job.training.rows, device)) as fitted,
        contextlib.closing(open_images(samples.x, job.validation.rows, device)) as inner,
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        num_threads(choose_num_threads(fit, image_shape(samples))),
        reproducible(),
    ):
        training = TrainingBatches(
            fitted,
            job.training,
            preprocessing,
            Augmenter(recipe.augment),
            batch_size=fit.batch_size,
            seed=seed,
            epoch=lambda: callback.epoch,
            device=device,
        )
        validation = EvaluationBatches(inner, job.validation, preprocessing, device)
        module = Classifier(
            _network(job, samples, preprocessing, recipe, seed),
            len(samples.classes),
            fit,
            total_steps=fit.max_epochs * len(training),
            first_step=len(history) * len(training),
        )
        with _interruptible():
            _trainer(fit, device, len(history), callback).fit(
                module, datamodule=FoldData(training, validation)
            )
    return callback.state


def image_shape(samples: Samples) -> tuple[int, int, int]:
    """Return (C, H, W) of the samples' images."""
    channels, height, width = samples.x.shape[1:]
    return channels, height, width


def _network(
    job: FoldJob, samples: Samples, preprocessing: Preprocessing, recipe: Recipe, seed: int
) -> nn.Module:
    torch.manual_seed(derive_seed(seed, "init"))
    network = build_cnn(recipe.model, image_shape(samples), len(samples.classes))
    if isinstance(network, DataInitialised):
        rows = np.sort(job.training.rows[:_INITIAL_IMAGES])
        images = torch.from_numpy(samples.x[rows]).float().div_(255)
        network.initialise_from(to_input(images, preprocessing))
    return network.to(memory_format=torch.channels_last)


def _trainer(
    fit: FitConfig, device: torch.device, first_epoch: int, callback: FoldStateCallback
) -> Trainer:
    silence_lightning()
    return Trainer(
        max_epochs=fit.max_epochs - first_epoch,
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision=lightning_precision(choose_precision(fit, device)),  # type: ignore[arg-type]  # a plain str
        callbacks=[callback],
        plugins=[LightningEnvironment()],  # one process, also inside a job of a cluster
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C be a KeyboardInterrupt again, and end with an error when told to terminate.

    Lightning turns the first into an exit, and the second into one that looks like success.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SIGTERMException:
        raise SystemExit(128 + signal.SIGTERM) from None
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def silence_lightning() -> None:
    """Keep Lightning's device banner, its advertising tips and its loader advice off the log."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning\.")

"""Fit one fold's network: data to the device, Lightning's trainer, and nothing kept alive after.

C: channels, H: height, W: width.
"""

import contextlib
import logging
import math
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import nn

from foldwise.data.augment import Augmenter
from foldwise.data.balance.config import LdamDrw, Smote
from foldwise.data.folds import FoldParts
from foldwise.data.preprocessing import Preprocessing, fit_preprocessing
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.models.build import build_cnn
from foldwise.models.data_initialised import DataInitialised
from foldwise.models.parts import find_head
from foldwise.modules.balanced_mixup import build_balanced_mixup
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
from foldwise.modules.epoch_order import permutation
from foldwise.modules.fold_state import FitState, FoldStateCallback, StateFolder
from foldwise.modules.hardware import (
    choose_device,
    choose_num_threads,
    choose_precision,
    lightning_precision,
    num_threads,
    reproducible,
)
from foldwise.modules.logit_scale import logit_scale
from foldwise.modules.losses import Loss, build_loss
from foldwise.modules.mixing import build_mixer
from foldwise.modules.records import EpochRecord
from foldwise.modules.schedules import steps_of_epoch
from foldwise.seeds import derive_seed
from foldwise.tasks.pretrained import PretrainedWeights
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.transfer import Transfer, prepare_transfer

# That a network may draw its first weights from: so many images, and of large ones fewer, as many
# as hold the numbers of 5,000 with 3 x 32 x 32.
_INITIAL_IMAGES = 5000
_INITIAL_NUMBERS = _INITIAL_IMAGES * 3 * 32 * 32
OnEpoch = Callable[[EpochRecord], None]


@dataclass(frozen=True)
class FoldJob:
    """One fold's training: what goes in, and the fingerprint of all that."""

    parts: FoldParts
    training: Part
    validation: Part
    fingerprint: str
    pretrained: PretrainedWeights | None = None  # that the network starts from

    @property
    def key(self) -> tuple[int, int]:
        """(repeat, fold)."""
        return self.parts.repeat, self.parts.fold


@dataclass(frozen=True)
class FittedFold:
    """What a fit has made of one fold."""

    state: FitState
    network: nn.Module  # with its best weights, on the CPU
    preprocessing: Preprocessing  # that its inputs have to undergo
    transfer: Transfer


def fit_fold(
    job: FoldJob,
    samples: Samples,
    recipe: Recipe,
    state_folder: Path,
    on_start: Callable[[tuple[EpochRecord, ...]], None],
    on_epoch: OnEpoch,
) -> FittedFold:
    """Fit the network of one fold, or go on where it was interrupted.

    Args:
        job: The parts of the fold.
        samples: The samples.
        recipe: Network, fit, augmentation, seed.
        state_folder: Where the state after each epoch is kept.
        on_start: Is told the epochs that were made before.
        on_epoch: Is told each finished epoch.

    Raises:
        DivergedError: The loss became infinite or not a number.
        TransferError: The weights to start from are of another network or of other classes.
    """
    fit, device = recipe.fit, choose_device(recipe.fit)
    seed = derive_seed(recipe.seed, *job.key, "fit")
    states = StateFolder(state_folder)
    resumed = states.load()
    history = tuple(resumed.history) if resumed else ()
    on_start(history)
    callback = FoldStateCallback(fit, seed, states, resumed, on_epoch)
    with as_configured(fit, samples):
        network, preprocessing, transfer = build_network(job, samples, recipe, seed)
        if not callback.state.is_finished(fit):
            with open_fold(
                job, samples, preprocessing, recipe, seed, lambda: callback.epoch, device
            ) as data:
                steps_per_epoch = steps_of_epoch(len(data.train_dataloader()), fit.accumulate)
                module = Classifier(
                    network,
                    len(samples.classes),
                    fit,
                    total_steps=fit.max_epochs * steps_per_epoch,
                    first_step=len(history) * steps_per_epoch,
                    loss=fold_loss(job, len(samples.classes), recipe),
                    rate_factors=transfer.rate_factors,
                    logit_scale=logit_scale(recipe.balance),
                )
                with interruptible():
                    num_epochs = fit.max_epochs - len(history)
                    build_trainer(fit, device, num_epochs, callback).fit(module, datamodule=data)
    network.cpu().load_state_dict(callback.state.best_weights)
    return FittedFold(callback.state, network.eval(), preprocessing, transfer)


@contextlib.contextmanager
def as_configured(fit: FitConfig, samples: Samples) -> Iterator[None]:
    """Compute reproducibly by the threads of the fit; leave torch's generators as they were."""
    with (
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        num_threads(choose_num_threads(fit, image_shape(samples))),
        reproducible(),
    ):
        yield


@contextlib.contextmanager
def open_fold(
    job: FoldJob,
    samples: Samples,
    preprocessing: Preprocessing,
    recipe: Recipe,
    seed: int,
    epoch: Callable[[], int],
    device: torch.device,
) -> Iterator[FoldData]:
    """Give the batches of a fold's training and inner validation part, for as long as needed."""
    num_classes = len(samples.classes)
    with (
        contextlib.closing(open_images(samples.x, job.training.rows, device)) as fitted,
        contextlib.closing(open_images(samples.x, job.validation.rows, device)) as inner,
    ):
        training = TrainingBatches(
            fitted,
            job.training,
            preprocessing,
            Augmenter(recipe.augment, derive_seed(seed, "augmenter")),
            batch_size=recipe.fit.samples_per_batch,
            seed=seed,
            epoch=epoch,
            device=device,
            mix=build_mixer(recipe.augment.mix, num_classes),
            balanced_mixup=build_balanced_mixup(recipe.balance, num_classes),
        )
        yield FoldData(training, EvaluationBatches(inner, job.validation, preprocessing, device))


def build_network(
    job: FoldJob, samples: Samples, recipe: Recipe, seed: int
) -> tuple[nn.Module, Preprocessing, Transfer]:
    """Build a fold's network as it is before the first step, from torch's global generator.

    Weights that were fitted before come with their own preprocessing; else the training part's
    statistics are taken.

    Raises:
        TransferError: The weights to start from are of another network or of other classes.
        UserError: The remedy needs a last dense layer, and the network has none.
    """
    torch.manual_seed(derive_seed(seed, "init"))
    shape = image_shape(samples)
    network = build_cnn(recipe.model, shape, len(samples.classes))
    _require_head(network, recipe)
    transfer = prepare_transfer(
        network,
        recipe.transfer,
        job.pretrained,
        model=recipe.model,
        shape=shape,
        classes=samples.classes,
    )
    preprocessing = transfer.preprocessing or fit_preprocessing(samples.x, job.training.rows)
    if job.pretrained is None and isinstance(network, DataInitialised):
        rows = initial_rows(job.training.rows, shape, derive_seed(seed, "initial_images"))
        images = torch.from_numpy(samples.x[rows]).float().div_(255)
        network.initialise_from(to_input(images, preprocessing))
    return network.to(memory_format=torch.channels_last), preprocessing, transfer


def _require_head(network: nn.Module, recipe: Recipe) -> None:
    """Refuse, before the fit, a network without the layer that the remedy changes after it."""
    if isinstance(recipe.balance.remedy, LdamDrw | Smote) and find_head(network) is None:
        raise UserError(
            f"balance.method is {recipe.balance.method!r}, which changes the last dense layer of "
            f"the fitted network, but {recipe.model.name!r} has none. Take another method, or "
            "another network."
        )


def initial_rows(
    rows: npt.NDArray[np.int64], shape: tuple[int, int, int], seed: int
) -> npt.NDArray[np.int64]:
    """Return those of the training rows that a network may draw its first weights from, sorted.

    They are drawn: rows often come class by class, and the first of them would show few classes.
    """
    number = min(_INITIAL_IMAGES, max(1, _INITIAL_NUMBERS // math.prod(shape)))
    return np.sort(rows[permutation(len(rows), seed)[:number].numpy()])


def fold_loss(job: FoldJob, num_classes: int, recipe: Recipe) -> Loss:
    """Return the loss that a fold's network is fitted with."""
    counts = np.bincount(job.training.labels, minlength=num_classes)
    fit = recipe.fit
    return build_loss(
        recipe.balance, counts, label_smoothing=fit.label_smoothing, max_epochs=fit.max_epochs
    )


def image_shape(samples: Samples) -> tuple[int, int, int]:
    """Return (C, H, W) of the samples' images."""
    channels, height, width = samples.x.shape[1:]
    return channels, height, width


def build_trainer(
    fit: FitConfig, device: torch.device, num_epochs: int, callback: Callback
) -> Trainer:
    """Return Lightning's trainer for one process, without any books of its own."""
    silence_lightning()
    return Trainer(
        max_epochs=num_epochs,
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision=lightning_precision(choose_precision(fit, device)),  # type: ignore[arg-type]  # a plain str
        callbacks=[callback],
        accumulate_grad_batches=fit.accumulate,
        plugins=[LightningEnvironment()],  # one process, also inside a job of a cluster
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
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

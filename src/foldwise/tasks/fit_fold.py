"""Fit one fold's network: data to the device, Lightning's trainer, nothing kept alive after."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from foldwise.data.augment.build import build_augmenter
from foldwise.data.balance.config import LdamDrw, Smote
from foldwise.data.preprocessing import AnyPreprocessing, fit_preprocessing
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.models.build import build_network
from foldwise.models.data_initialised import DataInitialised
from foldwise.models.input_spec import TableSpec
from foldwise.models.parts import find_head, head_name
from foldwise.modules.balanced_mixup import build_balanced_mixup
from foldwise.modules.data_module import EvaluationBatches, FoldData, TrainingBatches
from foldwise.modules.epoch_order import permutation
from foldwise.modules.fold_state import FitState, FoldStateCallback, StateFolder
from foldwise.modules.hardware import choose_device
from foldwise.modules.inputs import input_spec, open_inputs
from foldwise.modules.mixing import build_mixer
from foldwise.modules.records import EpochRecord
from foldwise.modules.schedules import steps_of_epoch
from foldwise.seeds import derive_seed
from foldwise.tasks.fit_module import TargetScale, build_module, standardised
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.lightning_trainer import as_configured, build_trainer, interruptible
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.targets import num_outputs
from foldwise.tasks.transfer import Transfer, prepare_transfer

# That a network may draw its first weights from: so many samples, and of large ones fewer, as many
# as hold the numbers of 5,000 images with 3 x 32 x 32.
_INITIAL_SAMPLES = 5000
_INITIAL_NUMBERS = _INITIAL_SAMPLES * 3 * 32 * 32
OnEpoch = Callable[[EpochRecord], None]


@dataclass(frozen=True)
class FittedFold:
    """What a fit has made of one fold."""

    state: FitState
    network: nn.Module  # with its best weights, on the CPU
    preprocessing: AnyPreprocessing  # that its inputs have to undergo
    transfer: Transfer
    target_scale: TargetScale | None = None  # of the numbers that it predicts


def fit_fold(
    job: FoldJob,
    samples: Samples,
    recipe: Recipe,
    state_folder: Path | None,
    on_start: Callable[[tuple[EpochRecord, ...]], None],
    on_epoch: OnEpoch,
) -> FittedFold:
    """Fit the network of one fold, or go on where it was interrupted.

    Args:
        job: The parts of the fold.
        samples: The samples.
        recipe: Network, fit, augmentation, seed.
        state_folder: Where the state after each epoch is kept; None: in memory only.
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
    job, scale = standardised(job, samples)
    with as_configured(fit, samples):
        network, preprocessing, transfer = first_network(job, samples, recipe, seed)
        if not callback.state.is_finished(fit):
            with open_fold(
                job, samples, preprocessing, recipe, seed, lambda: callback.epoch, device
            ) as data:
                steps_per_epoch = steps_of_epoch(len(data.train_dataloader()), fit.accumulate)
                module = build_module(
                    network,
                    job,
                    samples,
                    recipe,
                    transfer,
                    total_steps=fit.max_epochs * steps_per_epoch,
                    first_step=len(history) * steps_per_epoch,
                )
                with interruptible():
                    num_epochs = fit.max_epochs - len(history)
                    build_trainer(fit, device, num_epochs, callback).fit(module, datamodule=data)
    network.cpu().load_state_dict(callback.state.best_weights)
    return FittedFold(callback.state, network.eval(), preprocessing, transfer, scale)


@contextlib.contextmanager
def open_fold(
    job: FoldJob,
    samples: Samples,
    preprocessing: AnyPreprocessing,
    recipe: Recipe,
    seed: int,
    epoch: Callable[[], int],
    device: torch.device,
) -> Iterator[FoldData]:
    """Give the batches of a fold's training and inner validation part, for as long as needed."""
    num_classes = len(samples.classes)
    spec = input_spec(preprocessing, samples.x.shape[1:])
    # Series in one long row are no series to whoever changes them at random; images still are.
    is_row = isinstance(spec, TableSpec) and samples.modality != "image"
    modality = "table" if is_row else samples.modality
    with (
        contextlib.closing(
            open_inputs(samples, job.training.rows, preprocessing, device)
        ) as fitted,
        contextlib.closing(
            open_inputs(samples, job.validation.rows, preprocessing, device)
        ) as inner,
    ):
        training = TrainingBatches(
            fitted,
            job.training,
            build_augmenter(recipe.augment, modality, derive_seed(seed, "augmenter")),
            batch_size=recipe.fit.samples_per_batch,
            seed=seed,
            epoch=epoch,
            device=device,
            mix=build_mixer(recipe.augment.mix, num_classes, spec),
            balanced_mixup=build_balanced_mixup(recipe.balance, num_classes, spec),
        )
        yield FoldData(training, EvaluationBatches(inner, job.validation, device))


def first_network(
    job: FoldJob, samples: Samples, recipe: Recipe, seed: int
) -> tuple[nn.Module, AnyPreprocessing, Transfer]:
    """Build a fold's network as it is before the first step, from torch's global generator.

    Weights that were fitted before come with their own preprocessing; else the training part's
    statistics are taken.

    Raises:
        TransferError: The weights to start from are of another network or of other classes.
        UserError: The remedy needs a last dense layer, and the network has none.
    """
    shape = samples.x.shape[1:]
    is_forecast = job.channel is not None
    fitted = fit_preprocessing(samples, job.training.rows, recipe.inputs, is_forecast=is_forecast)
    torch.manual_seed(derive_seed(seed, "init"))
    network = build_network(recipe.model, input_spec(fitted, shape), num_outputs(samples, recipe))
    _require_head(network, recipe)
    if is_forecast:
        _start_from_no_change(network)
    transfer = prepare_transfer(
        network,
        recipe.transfer,
        job.pretrained,
        model=recipe.model,
        shape=shape,
        classes=samples.classes,
    )
    preprocessing = transfer.preprocessing or fitted
    if job.pretrained is None and isinstance(network, DataInitialised):
        rows = initial_rows(job.training.rows, shape, derive_seed(seed, "initial_images"))
        with contextlib.closing(
            open_inputs(samples, rows, preprocessing, torch.device("cpu"))
        ) as inputs:
            network.initialise_from(inputs.finish(inputs.take(torch.arange(len(rows)))))
    return network.to(memory_format=torch.channels_last), preprocessing, transfer


def _start_from_no_change(network: nn.Module) -> None:
    """Let the first outputs be 0: of changes that is the naive forecast, the last value."""
    head = network.get_submodule(head_name(network))
    assert isinstance(head, nn.Linear)
    for parameter in head.parameters():
        nn.init.zeros_(parameter)


def _require_head(network: nn.Module, recipe: Recipe) -> None:
    """Refuse, before the fit, a network without the layer that the remedy changes after it."""
    if isinstance(recipe.balance.remedy, LdamDrw | Smote) and find_head(network) is None:
        raise UserError(
            f"balance.method is {recipe.balance.method!r}, which changes the last dense layer of "
            f"the fitted network, but {recipe.model.name!r} has none. Take another method, or "
            "another network."
        )


def initial_rows(
    rows: npt.NDArray[np.int64], shape: tuple[int, ...], seed: int
) -> npt.NDArray[np.int64]:
    """Return those of the training rows that a network may draw its first weights from, sorted.

    They are drawn: rows often come class by class, and the first of them would show few classes.
    """
    number = min(_INITIAL_SAMPLES, max(1, _INITIAL_NUMBERS // math.prod(shape)))
    return np.sort(rows[permutation(len(rows), seed)[:number].numpy()])

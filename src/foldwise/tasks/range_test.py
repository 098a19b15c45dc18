"""The learning-rate range test: at which rate does a loss fall fastest, at which does it diverge?

"Cyclical Learning Rates for Training Neural Networks" (Smith, WACV 2017). Lightning's own finder
is not used: it pickles a checkpoint, gives all parameters one rate and saves no divergence.
"""

import dataclasses
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from foldwise.data.folds import Folds
from foldwise.data.preprocessing import require_complete, require_readable
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.modules.config import FitConfig
from foldwise.modules.divergence import DivergedError
from foldwise.modules.hardware import (
    choose_device,
)
from foldwise.modules.schedules import Factor, steps_of_epoch
from foldwise.seeds import derive_seed
from foldwise.tasks.batch_size import with_batch_size
from foldwise.tasks.fit_fold import first_network, open_fold
from foldwise.tasks.fit_module import build_module, standardised
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.lightning_trainer import as_configured, build_trainer, interruptible
from foldwise.tasks.pretrained import FindRun
from foldwise.tasks.range_test_config import RangeTestConfig
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.targets import require_task
from foldwise.tasks.train import fold_jobs

_LOG = logging.getLogger(__name__)
Floats = npt.NDArray[np.float64]
_TENTH = 0.1  # of the rate at which the loss diverges, as a rule of thumb for a peak


@dataclass(frozen=True)
class RangeTest:
    """What a range test has found."""

    table: pd.DataFrame  # one row per step: step, lr, loss, smoothed_loss
    record: dict[str, Any]  # JSON: the suggestions, and what they are for


def run_range_test(
    samples: Samples,
    folds: Folds,
    plan: pd.DataFrame,
    recipe: Recipe,
    config: RangeTestConfig,
    find_run: FindRun | None = None,
) -> RangeTest:
    """Fit the first fold's network at exponentially growing rates; keep nothing but the losses.

    The schedule, the mean of weights and early stopping do not take part; all else does: the
    first weights, batches, augmentation, loss, precision, the rates of parts of the network.

    Args:
        samples: The samples.
        folds: Of which the first one's training part is fitted.
        plan: The balance plan.
        recipe: Network, fit, augmentation, seed.
        config: The rates.
        find_run: From an MLflow run's id to its networks, for weights to start from.

    Raises:
        SamplesError: The networks of this family do not take such samples.
        UserError: The optimiser is one whose steps do not depend on a rate.
    """
    require_readable(samples, recipe.inputs)
    require_task(samples, recipe)
    require_complete(samples, recipe.inputs)
    if recipe.fit.optimizer.name == "lbfgs":
        raise UserError(
            "fit.optimizer.name is 'lbfgs', which finds the length of each step by itself: a "
            "range test has nothing to find for it."
        )
    fit = recipe.fit.model_copy(update={"ema_decay": 0.0, "compile": False})
    recipe = with_batch_size(dataclasses.replace(recipe, fit=fit), samples, plan)
    job = fold_jobs(samples, folds, plan, recipe, find_run)[0]
    losses = _losses(job, samples, recipe, config)
    rates = np.array([_rate(config, step) for step in range(len(losses))])
    smoothed = smooth(losses, config.smoothing)
    table = pd.DataFrame(
        {"step": np.arange(len(losses)), "lr": rates, "loss": losses, "smoothed_loss": smoothed}
    )
    found = suggestions(rates, smoothed, config.divergence_factor)
    _LOG.info("The range test of %s found %s.", fit.optimizer.name, _in_words(found))
    record = {
        "repeat": job.parts.repeat,
        "fold": job.parts.fold,
        **_described(recipe.fit),
        **found,
    }
    return RangeTest(table, {"range_test": record})


def smooth(losses: Floats, kept: float) -> Floats:
    """Return the running means of losses, without the pull of a start at zero."""
    mean, means = 0.0, []
    for number, loss in enumerate(losses, 1):
        mean = kept * mean + (1 - kept) * loss
        means.append(mean / (1 - kept**number))
    return np.array(means)


def suggestions(
    rates: Floats, smoothed: Floats, divergence_factor: float
) -> dict[str, float | None]:
    """Return what the curve says about rates.

    Args:
        rates: Growing, (steps,).
        smoothed: The smoothed losses, (steps,); infinite or not a number at the end if diverged.
        divergence_factor: Of the least loss so far, from which on it has diverged.

    Returns:
        `steepest`: where the loss falls fastest over the logarithm of the rate, before its
        minimum; `minimum`: where it is least; `diverged`: where it has diverged, or None if
        nowhere; `tenth_of_diverged`: a tenth of that.
    """
    diverged = _first_diverged(smoothed, divergence_factor)
    sound = smoothed if diverged is None else smoothed[:diverged]
    lowest = int(np.argmin(sound))
    steepest = None
    if lowest > 0:
        slopes = np.gradient(sound, np.log10(rates[: len(sound)]))
        steepest = float(rates[int(np.argmin(slopes[: lowest + 1]))])
    at = None if diverged is None else float(rates[diverged])
    return {
        "steepest": steepest,
        "minimum": float(rates[lowest]),
        "diverged": at,
        "tenth_of_diverged": None if at is None else _TENTH * at,
    }


def _in_words(found: Mapping[str, float | None]) -> str:
    """Name the rates.

    >>> _in_words({"steepest": 0.00312, "diverged": None})
    'steepest at 0.0031, diverged nowhere'
    """
    rates = {name: "nowhere" if rate is None else f"at {rate:.2g}" for name, rate in found.items()}
    return ", ".join(f"{name} {rate}" for name, rate in rates.items())


def _first_diverged(smoothed: Floats, factor: float) -> int | None:
    least = math.inf
    for step, loss in enumerate(smoothed):
        if step and not loss <= factor * least:  # also when it is not a number
            return step
        least = min(least, loss)
    return None


def _described(fit: FitConfig) -> Mapping[str, Any]:
    return {"optimizer": fit.optimizer.name, "batch_size": fit.samples_per_batch * fit.accumulate}


def _rate(config: RangeTestConfig, step: int) -> float:
    return float(config.start * (config.end / config.start) ** (step / (config.num_steps - 1)))


def _losses(job: FoldJob, samples: Samples, recipe: Recipe, config: RangeTestConfig) -> Floats:
    """Return the loss before each step, up to the one at which it has diverged."""
    fit, device = recipe.fit, choose_device(recipe.fit)
    seed = derive_seed(recipe.seed, *job.key, "range_test")
    callback = _RangeTestCallback(config, seed)
    job, _ = standardised(job, samples)
    with as_configured(fit, samples):
        network, preprocessing, transfer = first_network(job, samples, recipe, seed)
        with open_fold(
            job, samples, preprocessing, recipe, seed, lambda: callback.epoch, device
        ) as data:
            steps = steps_of_epoch(len(data.train_dataloader()), fit.accumulate)
            module = build_module(
                network,
                job,
                samples,
                recipe,
                transfer,
                total_steps=config.num_steps,
                schedule=_growing(config, fit),
            )
            trainer = build_trainer(fit, device, -(-config.num_steps // steps), callback)
            try:
                with interruptible():
                    trainer.fit(module, train_dataloaders=data.train_dataloader())
            except DivergedError:
                callback.losses.append(math.nan)
    return np.array(callback.losses)


def _growing(config: RangeTestConfig, fit: FitConfig) -> Factor:
    last = config.num_steps - 1  # the schedule is asked once more after the last step
    return lambda step: _rate(config, min(step, last)) / fit.optimizer.lr


class _RangeTestCallback(Callback):
    """Keeps the loss before each step, and ends the test."""

    def __init__(self, config: RangeTestConfig, seed: int) -> None:
        self._config, self._seed = config, seed
        self._of_step = 0.0  # sum over the batches so far: Lightning gives each its share
        self.epoch = 0
        self.losses: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.epoch = trainer.current_epoch
        torch.manual_seed(derive_seed(self._seed, self.epoch, "network"))

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401  (as Lightning has it)
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        self._of_step += float(outputs["loss"])
        if trainer.global_step > len(self.losses):  # the step is done
            self.losses.append(self._of_step)
            self._of_step = 0.0
            smoothed = smooth(np.array(self.losses), self._config.smoothing)
            has_diverged = _first_diverged(smoothed, self._config.divergence_factor) is not None
            trainer.should_stop = has_diverged or len(self.losses) == self._config.num_steps

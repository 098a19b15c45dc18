"""The Lightning module that fits a fold's network: of classes or of numbers."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from foldwise.data.forecast_anchor import ForecastAnchor, fit_forecast_anchor
from foldwise.data.samples import Samples
from foldwise.data.target_scaling import TargetScaling, fit_target_scaling
from foldwise.modules.classifier import Classifier
from foldwise.modules.data_module import Part
from foldwise.modules.fitted_module import FittedModule
from foldwise.modules.logit_scale import logit_scale
from foldwise.modules.loss_config import class_loss
from foldwise.modules.losses import Loss, build_loss
from foldwise.modules.regressor import Regressor
from foldwise.modules.schedules import Factor
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.transfer import Transfer


def build_module(
    network: nn.Module,
    job: FoldJob,
    samples: Samples,
    recipe: Recipe,
    transfer: Transfer,
    *,
    total_steps: int,
    first_step: int = 0,
    schedule: Factor | None = None,
) -> FittedModule:
    """Return what fits the network.

    Args:
        network: As it is before the first step.
        job: The parts of the fold; numbers that are to be predicted are standardised.
        samples: The samples.
        recipe: Fit, loss and remedy.
        transfer: How parts of the network are fitted.
        total_steps: Optimiser steps of the whole fit.
        first_step: Steps that were made before a resume.
        schedule: Factors of the rate by step, in place of the fit's own.

    Raises:
        UserError: The fit or the loss is not for such targets.
    """
    if samples.task == "regression":
        return Regressor(
            network,
            recipe.fit,
            recipe.loss,
            total_steps=total_steps,
            first_step=first_step,
            rate_factors=transfer.rate_factors,
            schedule=schedule,
        )
    return Classifier(
        network,
        len(samples.classes),
        recipe.fit,
        total_steps=total_steps,
        first_step=first_step,
        loss=_class_loss(job, len(samples.classes), recipe),
        rate_factors=transfer.rate_factors,
        schedule=schedule,
        logit_scale=logit_scale(recipe.balance),
    )


@dataclass(frozen=True)
class TargetScale:
    """How the numbers that are to be predicted become what a network is fitted on."""

    scaling: TargetScaling  # of the training part
    anchor: ForecastAnchor | None = None  # whose changes are scaled; None: the numbers themselves

    def numbers(self, part: Part, samples: Samples) -> npt.NDArray[np.float64]:
        """Return what is scaled of a part's targets, (N, H)."""
        return _numbers(part, samples, self.anchor)


def standardised(job: FoldJob, samples: Samples) -> tuple[FoldJob, TargetScale | None]:
    """Return the job with targets on the scale of its training part; classes stay as they are.

    Changes keep their zero, so that a network that says 0 says the naive forecast.
    """
    if samples.task == "classification":
        return job, None
    anchor = None
    if job.channel is not None:
        anchor = fit_forecast_anchor(samples, job.training.rows, job.channel)
    numbers = _numbers(job.training, samples, anchor)
    scaling = fit_target_scaling(numbers, np.arange(len(numbers)), is_centred=anchor is None)
    scale = TargetScale(scaling, anchor)
    training, validation = (
        dataclasses.replace(
            part, targets=scaling.scale(scale.numbers(part, samples)).astype(np.float32)
        )
        for part in (job.training, job.validation)
    )
    return dataclasses.replace(job, training=training, validation=validation), scale


def _numbers(
    part: Part, samples: Samples, anchor: ForecastAnchor | None
) -> npt.NDArray[np.float64]:
    targets = part.targets.astype(np.float64)
    return targets if anchor is None else anchor.of_rows(samples, part.rows).changes(targets)


def _class_loss(job: FoldJob, num_classes: int, recipe: Recipe) -> Loss:
    fit = recipe.fit
    return build_loss(
        recipe.balance,
        np.bincount(job.training.labels, minlength=num_classes),
        label_smoothing=fit.label_smoothing,
        max_epochs=fit.max_epochs,
        loss=class_loss(recipe.loss, network=recipe.model.name),
    )

"""The Lightning module of all regressions.

B: batch, H: targets of a sample, Q: quantile levels of the loss, 1 without.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from foldwise.errors import UserError
from foldwise.modules.config import FitConfig
from foldwise.modules.fitted_module import FittedModule
from foldwise.modules.loss_config import LossConfig, number_loss
from foldwise.modules.regression_losses import build_regression_loss, point_outputs
from foldwise.modules.schedules import Factor


class Regressor(FittedModule):
    """Fits any network that maps a batch of inputs to numbers (B, H * Q), target by target."""

    def __init__(
        self,
        network: nn.Module,
        fit: FitConfig,
        loss: LossConfig,
        *,
        total_steps: int,
        first_step: int = 0,
        rate_factors: Mapping[str, float] | None = None,
        schedule: Factor | None = None,
    ) -> None:
        """Take the network as it is.

        Args:
            network: Maps inputs to outputs (B, H * Q), all levels of the first target first.
            fit: Optimiser, schedule and their parameters.
            loss: Of training and of validation; targets are (B, H), standardised.
            total_steps: Optimiser steps of the whole fit, over which the schedule runs.
            first_step: Steps that were made before a resume.
            rate_factors: Factors of the rate by the name of a parameter of the network.
            schedule: Factors of the rate by step, in place of `fit.schedule`.

        Raises:
            UserError: The fit or the loss is for classes.
        """
        require_fit_of_numbers(fit)
        super().__init__(
            network,
            fit,
            total_steps=total_steps,
            first_step=first_step,
            rate_factors=rate_factors,
            schedule=schedule,
        )
        self._config = number_loss(loss)
        self._loss = build_regression_loss(self._config)

    def data_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of outputs (B, H * Q) for targets (B, H)."""
        return self._loss(outputs, targets, weights, self.epoch)

    def validation_scores(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the loss, all samples alike, and the mean absolute error of point forecasts."""
        errors = point_outputs(outputs, self._config) - targets
        loss = self._loss(outputs, targets, torch.ones_like(targets[:, 0]), self.epoch)
        return {"val_loss": float(loss), "val_mae": float(errors.abs().mean())}


def require_fit_of_numbers(fit: FitConfig) -> None:
    """Refuse what only classes have.

    Raises:
        UserError: The best epoch is to be chosen by F1, or labels are to be smoothed.
    """
    if fit.monitor == "val_f1":
        raise UserError(
            "fit.monitor is 'val_f1', but the targets are numbers, which have no F1. Allowed: "
            "val_loss, last."
        )
    if fit.label_smoothing > 0:
        raise UserError(
            f"fit.label_smoothing is {fit.label_smoothing:g}, but the targets are numbers, not "
            "classes that a share could go to. Allowed: 0."
        )

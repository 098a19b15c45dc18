"""The Lightning module of all classifiers.

B: batch, K: classes.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.data.balance.config import BalanceConfig
from foldwise.metrics.classification import macro_f1
from foldwise.models.auxiliary import AuxiliaryLogits
from foldwise.modules.config import FitConfig
from foldwise.modules.fitted_module import FittedModule
from foldwise.modules.losses import Loss, build_loss
from foldwise.modules.schedules import Factor


class Classifier(FittedModule):
    """Fits any network that maps a batch of inputs to logits (B, K)."""

    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        fit: FitConfig,
        *,
        total_steps: int,
        first_step: int = 0,
        loss: Loss | None = None,
        rate_factors: Mapping[str, float] | None = None,
        schedule: Factor | None = None,
        logit_scale: float = 1.0,
    ) -> None:
        """Take the network as it is.

        Args:
            network: Maps inputs to logits (B, K), or to `AuxiliaryLogits` while it is trained.
            num_classes: K.
            fit: Optimiser, schedule and their parameters.
            total_steps: Optimiser steps of the whole fit, over which the schedule runs.
            first_step: Steps that were made before a resume.
            loss: Of training; None: weighted cross-entropy. Validation is plain cross-entropy.
            rate_factors: Factors of the rate by the name of a parameter of the network.
            schedule: Factors of the rate by step, in place of `fit.schedule`.
            logit_scale: What the loss multiplies logits by. Validation does so too: it is to see
                the network that will be kept, whose last layer takes the scale over.
        """
        super().__init__(
            network,
            fit,
            total_steps=total_steps,
            first_step=first_step,
            rate_factors=rate_factors,
            schedule=schedule,
        )
        self._num_classes, self._logit_scale = num_classes, logit_scale
        self._loss = loss or _plain_loss(num_classes, fit)

    def data_loss(
        self, outputs: Tensor | AuxiliaryLogits, targets: Tensor, weights: Tensor
    ) -> Tensor:
        """Return the loss of logits (B, K), of auxiliary ones too, by their weight."""
        if not isinstance(outputs, AuxiliaryLogits):
            return self._loss(outputs, targets, weights, self.epoch)
        loss = self._loss(outputs.logits, targets, weights, self.epoch)
        for logits in outputs.auxiliary:
            loss = loss + outputs.weight * self._loss(logits, targets, weights, self.epoch)
        return loss

    def validation_scores(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Return loss, accuracy and macro F1 of logits (n, K) for labels (n,)."""
        logits = self._logit_scale * outputs
        cells = targets * self._num_classes + logits.argmax(dim=1)
        counts = torch.bincount(cells, minlength=self._num_classes**2).cpu().numpy()
        confusion = counts.reshape(self._num_classes, self._num_classes)
        return {
            "val_loss": float(functional.cross_entropy(logits, targets)),
            "val_accuracy": float(np.trace(confusion) / confusion.sum()),
            "val_f1": float(macro_f1(confusion)),
        }


def _plain_loss(num_classes: int, fit: FitConfig) -> Loss:
    """Return weighted cross-entropy, which no counts of classes change."""
    counts = np.ones(num_classes, dtype=np.int64)
    return build_loss(
        BalanceConfig(), counts, label_smoothing=fit.label_smoothing, max_epochs=fit.max_epochs
    )

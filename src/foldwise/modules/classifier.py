"""The Lightning module of all classifiers.

B: batch, K: classes.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from foldwise.metrics.classification import macro_f1
from foldwise.modules.config import CosineScheduleConfig, FitConfig, OptimizerConfig, SgdConfig


class Classifier(LightningModule):
    """Fits any network that maps a batch of inputs to logits (B, K)."""

    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        fit: FitConfig,
        *,
        total_steps: int,
        first_step: int = 0,
    ) -> None:
        """Take the network as it is.

        Args:
            network: Maps inputs to logits (B, K).
            num_classes: K.
            fit: Optimiser, schedule and their parameters.
            total_steps: Optimiser steps of the whole fit, over which the schedule runs.
            first_step: Steps that were made before a resume.
        """
        super().__init__()
        self.network = network
        self.train_loss = math.nan  # mean over the samples of the last epoch
        self.validation: dict[str, float] = {}  # of the last epoch
        self._num_classes, self._fit = num_classes, fit
        self._total_steps, self._first_step = total_steps, first_step
        self._losses: list[tuple[Tensor, int]] = []
        self._logits: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the weighted mean cross-entropy of a batch."""
        inputs, labels, weights = batch
        losses = functional.cross_entropy(self.network(inputs), labels, reduction="none")
        loss = (losses * weights).mean()
        self._losses.append((loss.detach(), len(labels)))
        return loss

    def finish_epoch(self) -> None:
        """Average the training loss of the epoch that has just ended."""
        losses = torch.stack([loss for loss, _ in self._losses]).double().cpu()
        sizes = torch.tensor([size for _, size in self._losses], dtype=torch.float64)
        self.train_loss = float((losses * sizes).sum() / sizes.sum())
        self._losses.clear()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Keep the logits of a batch."""
        inputs, labels = batch
        self._logits.append((self.network(inputs).float(), labels))

    def on_validation_epoch_end(self) -> None:
        """Compute loss, accuracy and macro F1 over the whole validation part."""
        logits = torch.cat([logits for logits, _ in self._logits])
        labels = torch.cat([labels for _, labels in self._logits])
        self._logits.clear()
        cells = labels * self._num_classes + logits.argmax(dim=1)
        counts = torch.bincount(cells, minlength=self._num_classes**2).cpu().numpy()
        confusion = counts.reshape(self._num_classes, self._num_classes)
        self.validation = {
            "val_loss": float(functional.cross_entropy(logits, labels)),
            "val_accuracy": float(np.trace(confusion) / confusion.sum()),
            "val_f1": float(macro_f1(confusion)),
        }

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient's norm here: Lightning refuses to for a fused optimiser."""
        if self._fit.gradient_clip_norm > 0:
            nn.utils.clip_grad_norm_(self.network.parameters(), self._fit.gradient_clip_norm)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimiser and its schedule, stepped once a batch."""
        optimizer = build_optimizer(self.network, self._fit.optimizer)
        factor = schedule_factor(self._fit.schedule, self._total_steps)
        scheduler = LambdaLR(optimizer, lambda step: factor(step + self._first_step))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def build_optimizer(network: nn.Module, config: OptimizerConfig) -> Optimizer:
    """Return the optimiser; biases and norms (one-dimensional parameters) do not decay."""
    decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if isinstance(config, SgdConfig):
        nesterov = config.momentum > 0
        return torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=True
        )
    return torch.optim.AdamW(groups, lr=config.lr, fused=True)


def schedule_factor(config: CosineScheduleConfig, total_steps: int) -> Callable[[int], float]:
    """Return the factor of the peak rate at a step: a linear rise, then half a cosine down."""
    warmup = round(config.warmup_fraction * total_steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        cosine = (1 + math.cos(math.pi * progress)) / 2
        return config.final_fraction + (1 - config.final_fraction) * cosine

    return factor

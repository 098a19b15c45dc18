"""The Lightning module that any fit is: all but what the outputs mean and how they are scored.

B: batch.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from foldwise.errors import UserError
from foldwise.modules.config import FitConfig
from foldwise.modules.divergence import DivergedError
from foldwise.modules.optimizers import build_optimizer, decayed_parameters
from foldwise.modules.penalties import penalty
from foldwise.modules.schedules import Factor, schedule_factor
from foldwise.modules.weight_average import WeightAverage

_LOOK_EVERY = 32  # steps between two looks at the losses on a GPU, as each look makes it wait


class FittedModule(LightningModule):
    """Fits any network; a subclass says by which loss, and how the outputs are validated."""

    def __init__(
        self,
        network: nn.Module,
        fit: FitConfig,
        *,
        total_steps: int,
        first_step: int = 0,
        rate_factors: Mapping[str, float] | None = None,
        schedule: Factor | None = None,
    ) -> None:
        """Take the network as it is.

        Args:
            network: Maps inputs to outputs (B, ...); their meaning is the subclass's.
            fit: Optimiser, schedule and their parameters.
            total_steps: Optimiser steps of the whole fit, over which the schedule runs.
            first_step: Steps that were made before a resume.
            rate_factors: Factors of the rate by the name of a parameter of the network.
            schedule: Factors of the rate by step, in place of `fit.schedule`.
        """
        super().__init__()
        self.network = network
        # Compiled for training only, beside the network, which stays what it is. As it is called,
        # not its `forward`: hooks turn what torchvision's networks return into ours.
        self._trained = torch.compile(network.__call__) if fit.compile else network
        self.epoch = 0  # counted over resumes, set from outside; the loss may depend on it
        self.train_loss = math.nan  # mean over the samples of the last epoch, without penalties
        self.validation: dict[str, float] = {}  # of the last epoch
        self.monitored: list[float] = []  # one value per epoch, added from outside: for `plateau`
        self.average: WeightAverage | None = None  # from the start of training, with ema_decay
        self._fit = fit
        self._first_step, self._num_steps = first_step, 0
        self._rate_factors = rate_factors
        self._factor = schedule or schedule_factor(
            fit.schedule, total_steps, self.monitored, higher_is_better=fit.monitor == "val_f1"
        )
        self._decayed = decayed_parameters(network)
        self._losses: dict[int, tuple[Tensor, int]] = {}  # and the number of samples, by batch
        self._unseen: list[tuple[Tensor, int]] = []  # losses not yet looked at, with their steps
        self._outputs: list[tuple[Tensor, Tensor]] = []  # of the validation, with the targets

    @abstractmethod
    def data_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of a training batch, a scalar without penalties.

        Args:
            outputs: What the network returned while it was trained.
            targets: As the batches have them, (B, ...).
            weights: Of the samples, (B,).
        """

    @abstractmethod
    def validation_scores(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Return scores over the whole validation part; `val_loss` is one of them.

        Args:
            outputs: What the network returned, one row per sample.
            targets: As the batches have them, one per sample.
        """

    @property
    def evaluated(self) -> nn.Module:
        """What is validated, kept and predicted with: the network, or the mean of its weights."""
        return self.network if self.average is None else self.average.network

    @property
    def rate(self) -> float:
        """The optimiser's rate after the last step, before the factors of some parameters."""
        return self._fit.optimizer.lr * self._factor(self._first_step + self._num_steps)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch, penalties included.

        Raises:
            DivergedError: The loss is infinite or not a number.
            UserError: A network with batch norm is given a single sample.
        """
        inputs, targets, weights = batch
        if len(inputs) == 1:
            self._require_no_batch_norm()
        loss = self.data_loss(self._trained(inputs), targets, weights)
        self._keep_loss(loss.detach(), len(inputs), batch_idx)
        if self._fit.l1 > 0 or self._fit.l2 > 0:
            loss = loss + penalty(self._decayed, l1=self._fit.l1, l2=self._fit.l2)
        return self._for_accumulation(loss, batch_idx)

    def finish_epoch(self) -> None:
        """Average the training loss of the epoch that has just ended.

        Raises:
            DivergedError: The loss of a batch is infinite or not a number.
        """
        self._look_at_losses()
        losses = torch.stack([loss for loss, _ in self._losses.values()]).double().cpu()
        sizes = torch.tensor([size for _, size in self._losses.values()], dtype=torch.float64)
        self.train_loss = float((losses * sizes).sum() / sizes.sum())
        self._losses.clear()

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Make a step, and take its weights into their mean."""
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        self._num_steps += 1
        if self.average is not None:
            self.average.update(self.network)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Keep the outputs of a batch."""
        inputs, targets = batch
        self._outputs.append((self.evaluated(inputs).float(), targets))

    def on_validation_epoch_end(self) -> None:
        """Score the outputs for the whole validation part."""
        outputs = torch.cat([outputs for outputs, _ in self._outputs])
        targets = torch.cat([targets for _, targets in self._outputs])
        self._outputs.clear()
        self.validation = self.validation_scores(outputs, targets)

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
        """Return the optimiser and its schedule, stepped once a step; start the mean of weights.

        Lightning calls this when the network lies on its device.
        """
        if self._fit.ema_decay > 0:
            self.average = WeightAverage(self.network, self._fit.ema_decay)
        optimizer = build_optimizer(self.network, self._fit.optimizer, self._rate_factors)
        scheduler = LambdaLR(optimizer, lambda step: self._factor(step + self._first_step))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def refresh_rates(self) -> None:
        """Set the rates of the coming step anew, after `monitored` has changed."""
        scheduler = self.lr_schedulers()
        assert isinstance(scheduler, LambdaLR)
        factor = self._factor(self._first_step + self._num_steps)
        for group, base in zip(scheduler.optimizer.param_groups, scheduler.base_lrs, strict=True):
            group["lr"] = base * factor

    def _keep_loss(self, loss: Tensor, size: int, batch_idx: int) -> None:
        # L-BFGS asks several times for one batch: the first answer is the one before the step.
        self._losses.setdefault(batch_idx, (loss, size))
        self._unseen.append((loss, self._first_step + self._num_steps))
        if not loss.is_cuda or len(self._unseen) >= _LOOK_EVERY:
            self._look_at_losses()

    def _look_at_losses(self) -> None:
        if not self._unseen:
            return
        finite = torch.stack([loss for loss, _ in self._unseen]).isfinite()
        if not bool(finite.all()):
            loss, step = self._unseen[int(finite.int().argmin())]
            raise DivergedError(
                f"The training loss is {float(loss)} at step {step + 1}, in epoch "
                f"{self.epoch + 1},",
                self._fit.optimizer.lr * self._factor(step),
            )
        self._unseen.clear()

    def _for_accumulation(self, loss: Tensor, batch_idx: int) -> Tensor:
        """Let batches of one step count alike: Lightning divides by `accumulate` in any case."""
        accumulate = self._fit.accumulate
        if accumulate == 1:
            return loss
        first = batch_idx - batch_idx % accumulate
        in_step = min(accumulate, int(self.trainer.num_training_batches) - first)
        return loss * (accumulate / in_step)

    def _require_no_batch_norm(self) -> None:
        if any(isinstance(module, _BatchNorm) for module in self.network.modules()):
            raise UserError(
                "A network with batch norm cannot be fitted on a batch of one sample, whose "
                "variance is 0: the training part of this fold has a single one. Give it more "
                "samples, or take a network without batch norm."
            )

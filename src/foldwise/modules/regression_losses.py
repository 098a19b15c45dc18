"""The losses of regressions.

B: batch, H: targets of a sample, Q: quantile levels, 1 without. Outputs are (B, H * Q), all
levels of the first target first; targets are (B, H). The loss of a sample is the mean over its
targets and levels; the loss of a batch the mean over its samples, each times its weight.
"""

import torch
from torch import Tensor
from torch.nn import functional

from foldwise.modules.loss_config import (
    HuberLossConfig,
    L1LossConfig,
    MseLossConfig,
    NumberLossConfig,
    QuantileLossConfig,
)
from foldwise.modules.losses import Loss


def build_regression_loss(config: NumberLossConfig) -> Loss:
    """Return the loss of a batch, of which the epoch changes nothing.

    The loss raises ValueError where outputs and targets do not fit: they would be broadcast.
    """

    def loss(outputs: Tensor, targets: Tensor, weights: Tensor, epoch: int) -> Tensor:
        return (regression_losses(outputs, targets, config) * weights).mean()

    return loss


def regression_losses(outputs: Tensor, targets: Tensor, config: NumberLossConfig) -> Tensor:
    """Return the loss of each sample, (B, H * Q) and (B, H) -> (B,)."""
    _require_shapes(outputs, targets, config.num_per_target)
    outputs, targets = outputs.float(), targets.float()  # sums of squares in half precision err
    match config:
        case MseLossConfig():
            each = functional.mse_loss(outputs, targets, reduction="none")
        case L1LossConfig():
            each = functional.l1_loss(outputs, targets, reduction="none")
        case HuberLossConfig():
            each = functional.huber_loss(outputs, targets, reduction="none", delta=config.delta)
        case QuantileLossConfig():
            each = pinball_losses(outputs, targets, config.quantiles).flatten(1)
    return each.mean(dim=1)


def pinball_losses(outputs: Tensor, targets: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Return max(a e, (a - 1) e) with e = y - q_a, (B, H * Q) and (B, H) -> (B, H, Q)."""
    quantiles = torch.unflatten(outputs, 1, (-1, len(levels)))  # (B, H * Q) -> (B, H, Q)
    level = torch.tensor(levels, dtype=outputs.dtype, device=outputs.device)
    below = targets.unsqueeze(2) - quantiles
    return torch.maximum(level * below, (level - 1) * below)


def point_outputs(outputs: Tensor, config: NumberLossConfig) -> Tensor:
    """Return the point forecasts among the outputs, (B, H * Q) -> (B, H)."""
    if not isinstance(config, QuantileLossConfig):
        return outputs
    return outputs[:, config.point :: config.num_per_target]


def _require_shapes(outputs: Tensor, targets: Tensor, num_per_target: int) -> None:
    if targets.ndim != 2 or outputs.shape != (len(targets), targets.shape[1] * num_per_target):
        raise ValueError(
            f"Outputs have to be (B, H * Q) and targets (B, H) with Q = {num_per_target}, but "
            f"they are {tuple(outputs.shape)} and {tuple(targets.shape)}."
        )

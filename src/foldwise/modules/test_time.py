"""Predictions that are averaged over changed copies of the input.

B: batch, C: channels, H: height, W: width, K: classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.errors import UserError
from foldwise.modules.test_time_config import TestTimeConfig


def predict_logits(network: nn.Module, inputs: Tensor, config: TestTimeConfig) -> Tensor:
    """Return logits (B, K), averaged over the copies of the inputs (B, C, H, W).

    As in airbench (Jordan, arXiv 2404.00498): half the weight lies on the image itself, half on
    the two shifted ones; each of them counts as the mean of both ways round.

    Args:
        network: In evaluation mode.
        inputs: Standardised images.
        config: Which copies.
    """
    logits = _both_ways(network, inputs, config)
    if config.shift == 0:
        return logits
    shifted = [_both_ways(network, moved, config) for moved in _shifted(inputs, config.shift)]
    return 0.5 * logits + 0.5 * torch.stack(shifted).mean(0)


def _both_ways(network: nn.Module, inputs: Tensor, config: TestTimeConfig) -> Tensor:
    logits: Tensor = network(inputs)
    if config.flip:
        logits = 0.5 * (logits + network(inputs.flip(-1)))
    return logits


def _shifted(inputs: Tensor, shift: int) -> tuple[Tensor, Tensor]:
    """Return the inputs moved right and down, and left and up; what comes in is reflected."""
    height, width = inputs.shape[-2:]
    if shift >= min(height, width):
        raise UserError(
            f"test_time.shift is {shift} px, but the images have only {height} x {width} px. "
            f"Allowed: 0 to {min(height, width) - 1}; 1 is usual for 32 x 32 px."
        )
    padded = functional.pad(inputs, (shift,) * 4, mode="reflect")
    return padded[..., :height, :width], padded[..., 2 * shift :, 2 * shift :]

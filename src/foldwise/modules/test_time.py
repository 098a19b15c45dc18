"""Predictions that are averaged over changed copies of the input.

B: batch, C: channels, H: height, W: width, K: classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.modules.test_time_config import TestTimeConfig, require_fitting_shift


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
    require_fitting_shift(config, *inputs.shape[-2:])
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
    padded = functional.pad(inputs, (shift,) * 4, mode="reflect")
    return padded[..., :height, :width], padded[..., 2 * shift :, 2 * shift :]

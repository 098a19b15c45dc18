"""From the features of all steps to those of a sequence.

B: batch, C: channels, T: steps.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from foldwise.models.real_steps import Steps, fill_padding

Readout = Literal["mean", "max", "last"]


def read_steps(x: Tensor, steps: Steps, readout: Readout) -> Tensor:
    """Return mean or maximum over the real steps, or the last of them, (B, C, 1, T) -> (B, C)."""
    if readout == "mean":
        return _mean(x, steps)
    if readout == "max":
        return fill_padding(x, steps, torch.finfo(x.dtype).min).amax(dim=(2, 3))
    return _last(x, steps)


def flatten_steps(x: Tensor, steps: Steps, num_steps: int) -> Tensor:
    """Return the features of the first `num_steps` steps, (B, C, 1, T) -> (B, C num_steps).

    Where there are fewer, and at padding, they are 0.
    """
    kept = fill_padding(x, steps)[..., :num_steps]
    return functional.pad(kept, (0, num_steps - kept.shape[-1])).flatten(1)


def _mean(x: Tensor, steps: Steps) -> Tensor:
    if steps is None:
        return x.mean(dim=(2, 3))
    return fill_padding(x, steps).sum(dim=(2, 3)) / steps.num_steps


def _last(x: Tensor, steps: Steps) -> Tensor:
    if steps is None:
        return x[:, :, 0, -1]
    last = (steps.num_steps - 1).unsqueeze(1).expand(-1, x.shape[1], 1)  # (B, C, 1)
    return x.squeeze(2).gather(2, last).squeeze(2)

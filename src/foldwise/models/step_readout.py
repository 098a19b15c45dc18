"""From the features of all steps to those of a sequence.

B: batch, C: channels, T: steps.
"""

from typing import Literal

import torch
from torch import Tensor

from foldwise.models.real_steps import Steps, fill_padding, num_steps

Readout = Literal["mean", "max", "last"]


def read_steps(x: Tensor, steps: Steps, readout: Readout) -> Tensor:
    """Return mean or maximum over the real steps, or the last of them, (B, C, T) -> (B, C)."""
    if readout == "mean":
        return _mean(x, steps)
    if readout == "max":
        return fill_padding(x, steps, torch.finfo(x.dtype).min).amax(dim=-1)
    return _last(x, steps)


def _mean(x: Tensor, steps: Steps) -> Tensor:
    if steps is None:
        return x.mean(dim=-1)
    return fill_padding(x, steps).sum(dim=-1) / num_steps(steps)


def _last(x: Tensor, steps: Steps) -> Tensor:
    if steps is None:
        return x[..., -1]
    last = (num_steps(steps) - 1).unsqueeze(1).expand(-1, x.shape[1], 1)  # (B, C, 1)
    return x.gather(2, last).squeeze(2)

"""Which steps of a batch are real, for layers that work along the steps.

B: batch, C: channels, T: steps.
"""

import torch
from torch import Tensor

# True at real steps (B, 1, T); None where no step is padding, so that no layer has to look.
Steps = Tensor | None


def real_steps(mask: Tensor) -> Steps:
    """Look once for padding, so that batches without any cost nothing in the layers.

    The first step of an empty sequence, which holds zeros, counts as real: then every mean is one
    over something. On the device `meta` and in an export nothing depends on numbers: there no
    step is padding, and here any may be.

    Args:
        mask: True at steps (B, T); padding comes last.
    """
    if mask.is_meta:
        return None
    if not torch.compiler.is_exporting() and bool(mask.all()):
        return None
    is_first = torch.arange(mask.shape[1], device=mask.device) == 0
    return (mask | is_first).unsqueeze(1)


def fill_padding(x: Tensor, steps: Steps, value: float = 0.0) -> Tensor:
    """Return features (B, C, T) with a value at padding."""
    return x if steps is None else x.masked_fill(~steps, value)


def num_steps(steps: Tensor) -> Tensor:
    """Return how many steps of each sequence are real, (B, 1, T) -> (B, 1)."""
    return steps.sum(dim=-1)

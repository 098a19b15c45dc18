"""Penalties on the size of weights, as terms of the loss."""

from collections.abc import Sequence

import torch
from torch import Tensor


def penalty(parameters: Sequence[Tensor], *, l1: float, l2: float) -> Tensor:
    """Return `l1` times the sum of |w| plus `l2` times the sum of w squared; one or both above 0.

    Unlike `weight_decay`, which is added to each gradient as `weight_decay * w`, this is the
    formula of the textbooks: with plain gradient descent `l2=a` does what `weight_decay=2a` does.

    Args:
        parameters: At least one tensor, of any shape.
        l1: Factor, at least 0.
        l2: Factor, at least 0.
    """
    terms = []
    for factor, order in ((l1, 1), (l2, 2)):
        if factor > 0:
            sums = [w.abs().sum() if order == 1 else w.square().sum() for w in parameters]
            terms.append(factor * torch.stack(sums).sum())
    return torch.stack(terms).sum()

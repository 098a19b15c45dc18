"""Batch norm that padding does not take part in.

B: batch, C: channels, T: steps.
"""

import torch
from torch import Tensor, nn

from foldwise.models.real_steps import Steps, fill_padding


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm over the real steps of a batch (Ioffe and Szegedy, 2015); 0 at padding.

    Where nothing is padding it is `nn.BatchNorm1d`, whose parameters and statistics it has.
    """

    def forward(self, x: Tensor, steps: Steps = None) -> Tensor:
        """Map features (B, C, T) to as many."""
        if steps is None:
            return super().forward(x)
        if not self.training:
            return fill_padding(super().forward(x), steps)
        return self._normalised(x, steps)

    def _normalised(self, x: Tensor, steps: Tensor) -> Tensor:
        # In half precision, sums over a batch would lose what a deviation is made of.
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        is_real = steps.to(values.dtype)
        count = is_real.sum()
        mean = (values * is_real).sum((0, 2), keepdim=True) / count  # (1, C, 1)
        centred = (values - mean) * is_real
        variance = centred.square().sum((0, 2), keepdim=True) / count
        self._remember(mean.detach().flatten(), variance.detach().flatten(), count)
        scale = self.weight[:, None] * torch.rsqrt(variance + self.eps)
        return (centred * scale + self.bias[:, None] * is_real).to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Move the running statistics, as torch does, towards mean and unbiased variance."""
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        rate = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        unbiased = variance * count / (count - 1).clamp_min(1)
        self.running_mean += rate * (mean - self.running_mean)
        self.running_var += rate * (unbiased - self.running_var)

"""Batch norm that padding does not take part in.

B: batch, C: channels, T: steps, N: real steps of all sequences of a batch.
"""

from torch import Tensor, nn

from foldwise.models.real_steps import PaddedSteps, Steps, fill_padding


class MaskedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the real steps of a batch (Ioffe and Szegedy, 2015); 0 at padding.

    Where nothing is padding it is `nn.BatchNorm1d` of sequences, to the layout. What it gives may
    be a view: work on it in place is slow.
    """

    def forward(self, x: Tensor, steps: Steps = None) -> Tensor:
        """Map features (B, C, 1, T) to as many."""
        if steps is None:
            return super().forward(x)
        if not self.training:
            return fill_padding(super().forward(x), steps)
        return self._normalised(x, steps)

    def _normalised(self, x: Tensor, steps: PaddedSteps) -> Tensor:
        num_batch, num_channels, _, num_steps = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(-1, num_channels)  # (B * T, C)
        real = rows.index_select(0, steps.places)  # (N, C)
        normed = super().forward(real[..., None, None])[..., 0, 0]
        padded = normed.new_zeros(rows.shape).index_copy(0, steps.places, normed)
        return padded.view(num_batch, 1, num_steps, num_channels).permute(0, 3, 1, 2)

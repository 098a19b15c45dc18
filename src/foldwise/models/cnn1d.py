"""A small convolutional network for sequences, whose first filters can be read as motifs.

Filters over one-hot letters that find motifs: Alipanahi et al., Predicting the sequence
specificities of DNA- and RNA-binding proteins by deep learning (Nature Biotechnology, 2015).

B: batch, C: channels, D: features of a step, T: steps, V: token numbers.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.activation import make_activation
from foldwise.models.config.temporal import Cnn1dConfig
from foldwise.models.input_spec import SequenceSpec
from foldwise.models.masked_norm import MaskedBatchNorm
from foldwise.models.real_steps import PaddedSteps, Steps, as_rows, fill_padding, real_steps
from foldwise.models.sequence_input import SequenceInput
from foldwise.models.step_convolution import SameConvolution
from foldwise.models.step_readout import flatten_steps, read_steps

_POOLED = (1, 2)  # rows, of which there is one, and steps


class ActivatedConvolution(nn.Module):
    """A convolution along the steps, batch norm and an activation."""

    def __init__(self, num_in: int, num_out: int, kernel_size: int, config: Cnn1dConfig) -> None:
        super().__init__()
        self.convolution = SameConvolution(num_in, num_out, kernel_size)
        self.norm = MaskedBatchNorm(num_out)
        self.activation = make_activation(config.activation)
        if isinstance(self.activation, nn.ReLU | nn.LeakyReLU | nn.ELU):
            self.activation.inplace = False  # behind the norm, that would be slow
        self._keeps_zeros = config.activation != "sigmoid"

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, num_in, 1, T), 0 at padding, to (B, num_out, 1, T), 0 there too."""
        out: Tensor = self.activation(self.norm(self.convolution(x), steps))
        return out if self._keeps_zeros else fill_padding(out, steps)


class Cnn1d(nn.Module):
    """Convolutions with norm and activation, pooling between them, and a linear layer.

    Pooling halves the steps, rounded up; what is left over alone stays as it is, so that one step
    is enough.

    Attributes:
        receptive_field: Steps that a step behind the last convolution sees, itself included.
    """

    def __init__(self, config: Cnn1dConfig, spec: SequenceSpec, num_outputs: int) -> None:
        super().__init__()
        self.input = SequenceInput(config, spec)
        widths = pairwise((self.input.num_features, *config.widths))
        self._block_names = [f"block{number}" for number in range(1, len(config.widths) + 1)]
        for name, (num_in, num_out), size in zip(
            self._block_names, widths, config.kernel_sizes, strict=True
        ):
            self.add_module(name, ActivatedConvolution(num_in, num_out, size, config))
        self.receptive_field = _receptive_field(config)
        self._pooling, self._readout = config.pooling, config.readout
        self._num_left = _steps_left(config, spec.num_steps)
        self._is_never_negative = config.activation in ("relu", "sigmoid")
        self.dropout = nn.Dropout(config.dropout)
        num_read = self._num_left if config.readout == "flatten" else 1
        self.head = nn.Linear(config.widths[-1] * num_read, num_outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map series or tokens to outputs (B, num_outputs)."""
        features, mask = self.input(inputs)
        steps = real_steps(mask)
        x = as_rows(features)  # (B, T, D) -> (B, D, 1, T)
        for index, name in enumerate(self._block_names):
            if index:
                x, steps = self._pooled(x, steps)
            x = self.get_submodule(name)(x, steps)
        result: Tensor = self.head(self.dropout(self._read(x, steps)))
        return result

    def first_filters(self) -> Tensor:
        """Return what the filters of the first convolution answer to, (filters, D, kernel).

        The answer of filter i to a window is the sum of `filters[i, d, j]` times feature d at the
        window's step j, but for an offset: the scale of the norm is part of it. D are the
        channels of a series, or the tokens from number 1 on, of which a step has one: an
        embedding is multiplied with the filter.
        """
        first = self.get_submodule(self._block_names[0])
        assert isinstance(first, ActivatedConvolution)
        norm = first.norm
        assert norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        filters = first.convolution.weight.squeeze(2) * scale[:, None, None]
        if self.input.embedding is not None:
            tokens = self.input.embedding.weight[1:]  # (V - 1, D)
            filters = torch.einsum("fdk,vd->fvk", filters, tokens)
        return filters.detach()

    def _read(self, x: Tensor, steps: Steps) -> Tensor:
        if self._readout == "flatten":
            return flatten_steps(x, steps, self._num_left)
        return read_steps(x, steps, self._readout)

    def _pooled(self, x: Tensor, steps: Steps) -> tuple[Tensor, Steps]:
        """Pool pairs of steps, (B, C, 1, T) -> (B, C, 1, ceil(T / 2))."""
        if self._pooling == "none":
            return x, steps
        left = None if steps is None else PaddedSteps(steps.mask[..., :: _POOLED[1]])
        if self._pooling == "mean":
            return _mean_of_pairs(x, steps), left
        if self._is_never_negative:  # zeros of padding win nothing
            return functional.max_pool2d(x, _POOLED, ceil_mode=True), left
        lowest = fill_padding(x, steps, torch.finfo(x.dtype).min)
        return fill_padding(functional.max_pool2d(lowest, _POOLED, ceil_mode=True), left), left


def _steps_left(config: Cnn1dConfig, num_steps: int) -> int:
    """Return how many steps there are behind the last convolution."""
    if config.pooling != "none":
        for _ in config.widths[1:]:
            num_steps = -(-num_steps // _POOLED[1])
    return num_steps


def _receptive_field(config: Cnn1dConfig) -> int:
    seen = apart = 1  # what a step sees, and how far the next is away
    for index, size in enumerate(config.kernel_sizes):
        if index and config.pooling != "none":
            seen += (_POOLED[1] - 1) * apart
            apart *= _POOLED[1]
        seen += (size - 1) * apart
    return seen


def _mean_of_pairs(x: Tensor, steps: Steps) -> Tensor:
    pooled = functional.avg_pool2d(x, _POOLED, ceil_mode=True)
    if steps is None:
        return pooled
    shares = functional.avg_pool2d(steps.mask.to(x.dtype), _POOLED, ceil_mode=True)
    return pooled / shares.clamp_min(1 / _POOLED[1])


build = Cnn1d

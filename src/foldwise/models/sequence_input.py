"""The first layer of all networks for sequences: channels and mask of what they are given.

B: batch, T: steps, F: channels of a series, V: token numbers, D: features of a step.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.config.sequence import SequenceConfig
from foldwise.models.input_spec import SequenceSpec, SeriesSpec

_PADDING = 0


class SequenceInput(nn.Module):
    """Maps inputs to features (B, T, D), 0 at padding, and a mask (B, T) that is true at steps.

    Series (B, T, F + 1) keep their channels and lose the last, which is the mask; tokens (B, T)
    are embedded, or one-hot without a column for padding. A sequence without steps counts as one
    step of zeros: then there is always something to take a mean or a softmax over.

    Attributes:
        num_features: D.
    """

    num_features: int

    def __init__(self, config: SequenceConfig, spec: SequenceSpec) -> None:
        super().__init__()
        self._is_series = isinstance(spec, SeriesSpec)
        self.embedding: nn.Embedding | None = None
        if isinstance(spec, SeriesSpec):
            self.num_features = spec.num_channels
        elif config.token_input == "one_hot":
            self.num_features = spec.num_tokens - 1
        else:
            self.num_features = config.embedding_size
            self.embedding = nn.Embedding(spec.num_tokens, config.embedding_size, _PADDING)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, T, D) and mask (B, T)."""
        if self._is_series:
            return inputs[..., :-1], _with_a_step(inputs[..., -1] > 0)
        mask = _with_a_step(inputs != _PADDING)
        if self.embedding is not None:
            return self.embedding(inputs), mask
        return functional.one_hot(inputs, self.num_features + 1)[..., 1:].float(), mask


def lengths_of(mask: Tensor) -> Tensor:
    """Return the number of steps of each sequence, (B, T) -> (B,), at least 1."""
    return mask.sum(dim=1).clamp_min(1)


def zero_padding(features: Tensor, mask: Tensor) -> Tensor:
    """Return features (B, T, D) with zeros at padding."""
    return features.masked_fill(~mask.unsqueeze(-1), 0.0)


def _with_a_step(mask: Tensor) -> Tensor:
    return mask | (torch.arange(mask.shape[1], device=mask.device) == 0)

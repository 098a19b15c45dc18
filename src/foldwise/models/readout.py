"""From the features of all steps to those of the sequence.

B: batch, T: steps, D: features. Masks (B, T) are true at steps; every sequence has a step.
"""

import math

import torch
from torch import Tensor, nn

from foldwise.models.config.recurrent import Readout
from foldwise.models.sequence_input import lengths_of, zero_padding


class LastStep(nn.Module):
    """Takes the features of the step at which each direction has seen the whole sequence."""

    def __init__(self, num_directions: int) -> None:
        """Expect the features of the direction ahead, then those of the one back, if any."""
        super().__init__()
        self._num_directions = num_directions

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map features (B, T, D) and mask (B, T) to (B, D)."""
        index = (lengths_of(mask) - 1).view(-1, 1, 1).expand(-1, 1, features.shape[-1])
        last = features.gather(1, index).squeeze(1)  # (B, D)
        size_ahead = features.shape[-1] // self._num_directions
        return torch.cat([last[:, :size_ahead], features[:, 0, size_ahead:]], dim=-1)


class MeanOverSteps(nn.Module):
    """Takes the mean of each feature."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map features (B, T, D) and mask (B, T) to (B, D)."""
        return zero_padding(features, mask).sum(dim=1) / lengths_of(mask).unsqueeze(-1)


class MaxOverSteps(nn.Module):
    """Takes the largest value of each feature."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map features (B, T, D) and mask (B, T) to (B, D)."""
        return features.masked_fill(~mask.unsqueeze(-1), -math.inf).amax(dim=1)


class AdditiveAttention(nn.Module):
    """Takes a mean with learned weights: softmax over the steps of v . tanh(W h + b).

    Bahdanau, Cho and Bengio (ICLR 2015), with one question for all sequences in the place of a
    decoder's state. The scores have no bias, which a softmax would not see.
    """

    def __init__(self, num_features: int) -> None:
        """Take D."""
        super().__init__()
        self.projection = nn.Linear(num_features, num_features)
        self.score = nn.Linear(num_features, 1, bias=False)

    def weights(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return the weights of the steps (B, T): they sum to 1 and are 0 at padding."""
        scores: Tensor = self.score(self.projection(features).tanh()).squeeze(-1)
        return scores.float().masked_fill(~mask, -math.inf).softmax(dim=1)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map features (B, T, D) and mask (B, T) to (B, D)."""
        return (self.weights(features, mask).unsqueeze(-1) * features).sum(dim=1)


def make_readout(name: Readout, num_features: int, *, num_directions: int = 1) -> nn.Module:
    """Return a new readout.

    Args:
        name: Which.
        num_features: D.
        num_directions: 2 where the second half of D was computed from the last step to the first.
    """
    match name:
        case "last":
            return LastStep(num_directions)
        case "mean":
            return MeanOverSteps()
        case "max":
            return MaxOverSteps()
        case "attention":
            return AdditiveAttention(num_features)

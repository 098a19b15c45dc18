"""A small transformer encoder with the norm first.

Vaswani et al., Attention Is All You Need (NeurIPS 2017); Xiong et al., On Layer Normalization in
the Transformer Architecture (ICML 2020).

B: batch, T: steps, W: width.
"""

import math

import torch
from torch import Tensor, nn

from foldwise.models.config.temporal import TransformerSmallConfig
from foldwise.models.input_spec import SequenceSpec
from foldwise.models.real_steps import PaddedSteps, Steps, real_steps
from foldwise.models.sequence_input import SequenceInput
from foldwise.models.step_readout import read_steps

_SLOWEST = 10_000.0  # the longest wave is so many times 2 pi steps


class TransformerSmall(nn.Module):
    """Steps with their places, layers of self-attention, a norm, and a linear layer."""

    def __init__(
        self, config: TransformerSmallConfig, spec: SequenceSpec, num_outputs: int
    ) -> None:
        super().__init__()
        self.input = SequenceInput(config, spec)
        self.projection = nn.Linear(self.input.num_features, config.width)
        self.places = (
            nn.Embedding(spec.num_steps, config.width) if config.position == "learned" else None
        )
        self.summary = (
            nn.Parameter(torch.randn(1, 1, config.width)) if config.readout == "cls" else None
        )
        self.dropout = nn.Dropout(config.dropout)
        self._layer_names = [f"layer{number}" for number in range(1, config.depth + 1)]
        for name in self._layer_names:
            self.add_module(name, _layer(config))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, num_outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map series or tokens to outputs (B, num_outputs)."""
        features, mask = self.input(inputs)
        steps = real_steps(mask)
        x = self.projection(features)  # (B, T, W)
        x, steps = self._with_summary(x + self._places(x), steps)
        x = self.dropout(x)
        is_padding = None if steps is None else ~steps.mask.flatten(1)
        for name in self._layer_names:
            x = self.get_submodule(name)(x, src_key_padding_mask=is_padding)
        result: Tensor = self.head(self._read(self.norm(x), steps))
        return result

    def _places(self, x: Tensor) -> Tensor:
        numbers = torch.arange(x.shape[1], device=x.device)
        if self.places is None:
            return sinusoids(numbers, x.shape[2]).to(x.dtype)
        learned: Tensor = self.places(numbers.clamp_max(self.places.num_embeddings - 1))
        return learned

    def _with_summary(self, x: Tensor, steps: Steps) -> tuple[Tensor, Steps]:
        """Put the step that sums up before the others."""
        if self.summary is None:
            return x, steps
        x = torch.cat([self.summary.to(x.dtype).expand(len(x), -1, -1), x], dim=1)
        if steps is None:
            return x, None
        first = steps.mask[..., :1]  # which always is real
        return x, PaddedSteps(torch.cat([first, steps.mask], dim=3))

    def _read(self, x: Tensor, steps: Steps) -> Tensor:
        if self.summary is not None:
            return x[:, 0]
        return read_steps(x.transpose(1, 2).unsqueeze(2), steps, "mean")


def sinusoids(places: Tensor, width: int) -> Tensor:
    """Return sines, then cosines, of geometrically slower waves, (T,) -> (T, W)."""
    num_waves = (width + 1) // 2
    exponents = torch.arange(num_waves, device=places.device) / num_waves
    angles = places[:, None] * torch.exp(-math.log(_SLOWEST) * exponents)
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]


def _layer(config: TransformerSmallConfig) -> nn.Module:
    return nn.TransformerEncoderLayer(
        config.width,
        config.num_heads,
        config.feedforward,
        config.dropout,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )


build = TransformerSmall

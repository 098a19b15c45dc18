"""A generator and two discriminators for series (RCGAN, Esteban et al., arXiv 1706.02633).

B: batch, T: steps, F: channels, Z: latent size, K: classes, H: width.
"""

from functools import partial

import torch
from torch import Tensor, nn

from foldwise.models.gan.class_code import ClassCode
from foldwise.models.gan.config import RecurrentGanConfig
from foldwise.models.gan.initialisation import LEAK
from foldwise.models.gan.projection import ProjectionHead
from foldwise.models.input_spec import SeriesSpec
from foldwise.models.recurrent_layer import RecurrentLayer, draw_weights

_UPDATE_BIAS = 1.0  # a GRU keeps 0.73 of what it holds per step at first
_KERNEL_SIZE = 5


class RecurrentGenerator(nn.Module):
    """A GRU that is given noise at each step, and at each step what the whole series shares.

    Shared are the noise of the first step and the code of the class: how a series differs from
    others need not be remembered from its beginning.

    Attributes:
        latent_shape: (T, Z).
    """

    def __init__(self, config: RecurrentGanConfig, spec: SeriesSpec, num_classes: int) -> None:
        super().__init__()
        self.latent_shape = (spec.num_steps, config.latent_size)
        self.code = ClassCode(config.latent_size, num_classes)
        self.layers = _gru_layers(
            config, config.latent_size + self.code.num_features, bidirectional=False
        )
        self.last = nn.Linear(config.width, spec.num_channels)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Map latents (B, T, Z) and labels (B,) to standardised series (B, T, F)."""
        shared = self.code(latents[:, 0], labels)  # (B, Z + E)
        at_each_step = shared.unsqueeze(1).expand(-1, latents.shape[1], -1)
        series: Tensor = self.last(_states(self.layers, torch.cat([latents, at_each_step], 2)))
        return series


class GruDiscriminator(nn.Module):
    """GRUs in both directions, the mean and the maximum of their states, and the head."""

    def __init__(self, config: RecurrentGanConfig, spec: SeriesSpec, num_classes: int) -> None:
        super().__init__()
        self.layers = _gru_layers(config, spec.num_channels, bidirectional=True)
        self.head = ProjectionHead(4 * config.width, num_classes)

    def forward(self, series: Tensor, labels: Tensor) -> Tensor:
        """Map series (B, T, F) and labels (B,) to scores (B,)."""
        states = _states(self.layers, series)  # (B, T, 2 H)
        scores: Tensor = self.head(torch.cat([states.mean(1), states.amax(1)], 1), labels)
        return scores


class StepConvolutionDiscriminator(nn.Module):
    """Convolutions along time that halve the steps, a dense layer that sees all, and the head."""

    def __init__(self, config: RecurrentGanConfig, spec: SeriesSpec, num_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        num_channels, num_steps = spec.num_channels, spec.num_steps
        while num_steps > _KERNEL_SIZE or not layers:
            convolution = nn.Conv1d(
                num_channels, config.width, _KERNEL_SIZE, stride=2, padding=_KERNEL_SIZE // 2
            )
            layers += [convolution, nn.LeakyReLU(LEAK)]
            num_channels, num_steps = config.width, (num_steps + 1) // 2
        layers += [nn.Flatten(), nn.Linear(num_channels * num_steps, config.width)]
        self.features = nn.Sequential(*layers, nn.LeakyReLU(LEAK))
        self.head = ProjectionHead(config.width, num_classes)

    def forward(self, series: Tensor, labels: Tensor) -> Tensor:
        """Map series (B, T, F) and labels (B,) to scores (B,)."""
        scores: Tensor = self.head(self.features(series.transpose(1, 2)), labels)
        return scores


def _gru_layers(
    config: RecurrentGanConfig, num_features: int, *, bidirectional: bool
) -> nn.ModuleList:
    layers = nn.ModuleList()
    for _ in range(config.num_layers):
        make_cell = partial(_make_cell, config.width)
        layers.append(RecurrentLayer(make_cell, num_features, bidirectional=bidirectional))
        num_features = config.width * (2 if bidirectional else 1)
    return layers


def _make_cell(width: int, num_features: int) -> nn.GRU:
    cell = nn.GRU(num_features, width, batch_first=True)
    draw_weights(cell, _UPDATE_BIAS)
    return cell


def _states(layers: nn.ModuleList, features: Tensor) -> Tensor:
    """Return what the last layer holds at each step, (B, T, D) -> (B, T, H or 2 H)."""
    num_samples, num_steps, _ = features.shape
    backwards = torch.arange(num_steps - 1, -1, -1, device=features.device)
    for layer in layers:
        features = layer(features, backwards.expand(num_samples, -1))
    return features

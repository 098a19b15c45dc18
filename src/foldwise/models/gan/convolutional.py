"""Generators and discriminators for images, by strided convolutions (Radford et al., 2016).

B: batch, C: channels, H: height, W: width, Z: latent size, K: classes, D: features.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.gan.class_code import ClassCode
from foldwise.models.gan.conditional_norm import make_class_norm
from foldwise.models.gan.config import ConvolutionalGanConfig, DcganConfig
from foldwise.models.gan.image_size import smallest_map, widths_of
from foldwise.models.gan.initialisation import LEAK
from foldwise.models.gan.projection import ProjectionHead
from foldwise.models.input_spec import ImageSpec

_TWICE = 4, 2, 1  # kernel, stride and padding that double, or halve, both sides


class ConvolutionalGenerator(nn.Module):
    """A dense layer to the smallest map, then transposed convolutions that double its sides.

    Classes enter by a code beside the latents, and by the gains and offsets of batch norm.

    Attributes:
        latent_shape: (Z,).
    """

    def __init__(self, config: ConvolutionalGanConfig, spec: ImageSpec, num_classes: int) -> None:
        super().__init__()
        self.latent_shape = (config.latent_size,)
        widths = widths_of(config, spec.height, spec.width)
        self._first = widths[0], *smallest_map(config, spec.height, spec.width)
        self.code = ClassCode(config.latent_size, num_classes)
        num_first = self._first[0] * self._first[1] * self._first[2]
        # A norm brings its own offset: a bias before it would never matter.
        self.dense = nn.Linear(self.code.num_features, num_first, bias=False)
        self.norms = nn.ModuleList(make_class_norm(width, num_classes) for width in widths)
        self.doublings = nn.ModuleList(
            nn.ConvTranspose2d(width, following, *_TWICE, bias=False)
            for width, following in itertools.pairwise(widths)
        )
        self.last = nn.ConvTranspose2d(widths[-1], spec.channels, *_TWICE)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Map latents (B, Z) and labels (B,) to images (B, C, H, W) in -1..1."""
        maps = self.dense(self.code(latents, labels)).unflatten(1, self._first)
        maps = functional.relu(self.norms[0](maps, labels))
        for doubling, norm in zip(self.doublings, self.norms[1:], strict=True):
            maps = functional.relu(norm(doubling(maps), labels))
        return torch.tanh(self.last(maps))


class ConvolutionalDiscriminator(nn.Module):
    """Convolutions that halve the sides, a dense layer that sees all places, and the head."""

    def __init__(self, config: ConvolutionalGanConfig, spec: ImageSpec, num_classes: int) -> None:
        super().__init__()
        widths = widths_of(config, spec.height, spec.width)[::-1]
        height, width = smallest_map(config, spec.height, spec.width)
        # As in the paper, the layer that sees the image has no norm.
        has_norm = isinstance(config, DcganConfig)
        layers: list[nn.Module] = []
        num_channels = spec.channels
        for index, following in enumerate(widths):
            normed = has_norm and index > 0
            layers.append(nn.Conv2d(num_channels, following, *_TWICE, bias=not normed))
            layers += [nn.BatchNorm2d(following)] if normed else []
            layers.append(nn.LeakyReLU(LEAK))
            num_channels = following
        layers.append(nn.Flatten())
        layers += [nn.Linear(num_channels * height * width, config.hidden_size)]
        self.features = nn.Sequential(*layers, nn.LeakyReLU(LEAK))
        self.head = ProjectionHead(config.hidden_size, num_classes)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Map images (B, C, H, W) and labels (B,) to scores (B,)."""
        scores: Tensor = self.head(self.features(images), labels)
        return scores

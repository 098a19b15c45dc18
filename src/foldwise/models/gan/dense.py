"""A generator and a discriminator of dense layers, for images (Goodfellow et al., 2014).

B: batch, C: channels, H: height, W: width, Z: latent size, K: classes.
"""

import math

from torch import Tensor, nn

from foldwise.models.gan.class_code import ClassCode
from foldwise.models.gan.config import DenseGanConfig
from foldwise.models.gan.initialisation import LEAK
from foldwise.models.gan.projection import ProjectionHead
from foldwise.models.input_spec import ImageSpec


class DenseGenerator(nn.Module):
    """Dense layers with batch norm and rectifiers; classes enter by a code beside the latents.

    Attributes:
        latent_shape: (Z,).
    """

    def __init__(self, config: DenseGanConfig, spec: ImageSpec, num_classes: int) -> None:
        super().__init__()
        self.latent_shape = (config.latent_size,)
        self.code = ClassCode(config.latent_size, num_classes)
        layers: list[nn.Module] = []
        num_features = self.code.num_features
        for width in config.widths:
            # A norm brings its own offset: a bias before it would never matter.
            layers += [nn.Linear(num_features, width, bias=False), nn.BatchNorm1d(width)]
            layers.append(nn.ReLU())
            num_features = width
        last = nn.Linear(num_features, math.prod(spec.shape))
        self.layers = nn.Sequential(*layers, last, nn.Tanh(), nn.Unflatten(1, spec.shape))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Map latents (B, Z) and labels (B,) to images (B, C, H, W) in -1..1."""
        images: Tensor = self.layers(self.code(latents, labels))
        return images


class DenseDiscriminator(nn.Module):
    """Dense layers with leaky rectifiers, and the head."""

    def __init__(self, config: DenseGanConfig, spec: ImageSpec, num_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        num_features = math.prod(spec.shape)
        for width in config.widths[::-1]:
            layers += [nn.Linear(num_features, width), nn.LeakyReLU(LEAK)]
            num_features = width
        self.features = nn.Sequential(*layers)
        self.head = ProjectionHead(num_features, num_classes)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Map images (B, C, H, W) and labels (B,) to scores (B,)."""
        scores: Tensor = self.head(self.features(images), labels)
        return scores

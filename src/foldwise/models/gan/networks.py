"""A generator and its discriminator."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class GanNetworks:
    """The two networks, which play against one another.

    Attributes:
        generator: Maps latents (B, *latent_shape) and labels (B,), int64, to samples: images
            (B, C, H, W) in -1..1, or standardised series (B, T, F). Has `latent_shape`.
        discriminator: Maps samples and labels to scores (B,): logits, the higher the more real.
    """

    generator: nn.Module
    discriminator: nn.Module

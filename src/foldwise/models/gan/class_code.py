"""Latents joined by a learned code of the class.

B: batch, Z: latent size, E: size of the code.
"""

import torch
from torch import Tensor, nn

CODE_SIZE = 32  # E


class ClassCode(nn.Module):
    """Puts a learned code of the class behind latents (B, Z), as Mirza and Osindero (2014) do."""

    def __init__(self, latent_size: int, num_classes: int) -> None:
        """Draw a code for each class; with 0 classes there is none, and labels are not looked at.

        Args:
            latent_size: Z.
            num_classes: K.
        """
        super().__init__()
        self.codes = nn.Embedding(num_classes, CODE_SIZE) if num_classes else None
        self.num_features = latent_size + (CODE_SIZE if num_classes else 0)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Map latents (B, Z) and labels (B,) to (B, Z + E)."""
        if self.codes is None:
            return latents
        return torch.cat([latents, self.codes(labels)], dim=1)

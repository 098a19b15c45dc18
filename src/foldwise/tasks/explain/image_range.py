"""From standardised images to pictures and back: which values a pixel can have.

B: batch, C: channels, H: height, W: width.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from foldwise.data.preprocessing import ImagePreprocessing


def pixel_limits(preprocessing: ImagePreprocessing, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return what black and white are, standardised, (1, C, 1, 1) each."""
    mean = torch.tensor(preprocessing.mean, device=device).view(1, -1, 1, 1)
    std = torch.tensor(preprocessing.std, device=device).view(1, -1, 1, 1)
    return -mean / std, (1 - mean) / std


def as_pictures(
    images: Tensor, preprocessing: ImagePreprocessing
) -> list[npt.NDArray[np.float64]]:
    """Return standardised images (B, C, H, W) as pictures (H, W, C) in 0..1."""
    black, white = pixel_limits(preprocessing, images.device)
    values = ((images.detach() - black) / (white - black)).clamp(0, 1)
    return list(values.permute(0, 2, 3, 1).double().cpu().numpy())

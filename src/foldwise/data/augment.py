"""Random changes to whole batches of images, each sample by its own draw.

Torch is imported where it runs, so that the parameters can be read without it.

B: batch, C: channels, H: height, W: width, D: draws per sample.
"""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator

from foldwise.config import Config
from foldwise.seeds import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor

Draws = npt.NDArray[np.float64]  # uniform in 0..1: (B,) for one parameter, (B, D) for all

# One column of draws per parameter, whether it is in use or not: to switch one parameter on or
# off leaves the draws of all others as they were. New ones go to the end.
_DRAWN = (
    "horizontal_flip",
    "vertical_flip",
    "shift_x",
    "shift_y",
    "rotation",
    "scale",
    "brightness",
    "contrast",
    "erasing",
    "erasing_area",
    "erasing_aspect",
    "erasing_left",
    "erasing_top",
)
_GREATEST_ASPECT = 10 / 3  # of an erased rectangle, as in the paper


def _symmetric(value: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
    """Read 0.1 as [0.9, 1.1]."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (round(1 - value, 12), round(1 + value, 12))
    return value


Probability = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0.1, le=10)]
Area = Annotated[float, Field(gt=0, le=0.5)]
Padding = Literal["reflection", "border", "zeros"]


class AugmentConfig(Config):
    """How training images are changed at random; the default is not at all.

    Each sample is flipped, then scaled and rotated about its centre, shifted, erased in part, and
    its contrast and brightness are changed.
    """

    horizontal_flip: Probability = 0.0  # left becomes right
    vertical_flip: Probability = 0.0  # top becomes bottom
    shift: float = Field(0.0, ge=0, le=0.5)  # at most, in both directions: fraction of the side
    rotation: float = Field(0.0, ge=0, le=180)  # degrees, at most, both ways
    scale: Annotated[tuple[Factor, Factor], BeforeValidator(_symmetric)] = (1.0, 1.0)  # or 0.1
    padding: Padding = "border"  # what comes in from outside
    brightness: float = Field(0.0, ge=0, lt=1)  # factor of all pixels: 1 - b to 1 + b
    contrast: float = Field(0.0, ge=0, lt=1)  # factor of the distance to the mean: 1 - c to 1 + c
    erasing: Probability = 0.0  # a rectangle gets the image's mean colour
    erasing_area: tuple[Area, Area] = (0.02, 0.2)  # fraction of the image

    @model_validator(mode="after")
    def _check_ranges(self) -> "AugmentConfig":
        for name in ("scale", "erasing_area"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be [low, high], but got [{low}, {high}].")
        return self

    @property
    def moves(self) -> bool:
        """Whether images are shifted, rotated or scaled."""
        return self.shift > 0 or self.rotation > 0 or self.scale != (1.0, 1.0)

    @property
    def recolours(self) -> bool:
        """Whether brightness or contrast change."""
        return self.brightness > 0 or self.contrast > 0


class Augmenter:
    """Changes a batch at random; the seed alone decides how.

    The draws are made on the CPU, so they are the same on every device; a sample's draws depend on
    the seed and its position, not on how many others follow it. Global generators are not used.
    """

    def __init__(self, config: AugmentConfig) -> None:
        self._config = config

    def __call__(self, images: "Tensor", seed: int) -> "Tensor":
        """Map images (B, C, H, W), float32 in 0..1, to changed ones of the same kind.

        The input stays as it is; a policy that changes nothing returns it itself.
        """
        config = self._config
        generator = numpy_generator(seed, "augment")
        draws = dict(zip(_DRAWN, generator.random((len(images), len(_DRAWN))).T, strict=True))
        if config.horizontal_flip:
            images = flip(images, draws["horizontal_flip"] < config.horizontal_flip, axis=-1)
        if config.vertical_flip:
            images = flip(images, draws["vertical_flip"] < config.vertical_flip, axis=-2)
        if config.moves:
            maps = affine_maps(config, draws, *images.shape[-2:])
            images = resample(images, maps, config.padding)
        if config.erasing:
            images = erase(images, _rectangles(config, draws, *images.shape[-2:]))
        if config.recolours:
            gain = 1 + config.brightness * (2 * draws["brightness"] - 1)
            contrast = 1 + config.contrast * (2 * draws["contrast"] - 1)
            images = recolour(images, gain, contrast)
        return images


def flip(images: "Tensor", chosen: npt.NDArray[np.bool_], axis: int) -> "Tensor":
    """Mirror the chosen samples, (B, C, H, W) -> the same."""
    import torch

    mask = torch.from_numpy(chosen).to(images.device).view(-1, 1, 1, 1)
    return torch.where(mask, images.flip(axis), images)


def resample(images: "Tensor", maps: npt.NDArray[np.float32], padding: Padding) -> "Tensor":
    """Move, turn and scale each sample in one bilinear step, (B, C, H, W) -> the same.

    Several steps would blur several times and cost several times.

    Args:
        images: In 0..1.
        maps: (B, 2, 3), from coordinates in the result to coordinates in the image, both -1..1.
        padding: What comes in from outside.
    """
    import torch
    from torch.nn import functional

    theta = torch.from_numpy(maps).to(images.device)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode=padding, align_corners=False)
    return moved.clamp_(0, 1)  # weights that sum to 1 + 1e-7 may leave the range


def recolour(images: "Tensor", gain: Draws, contrast: Draws) -> "Tensor":
    """Change brightness and contrast, (B, C, H, W) -> the same, clipped to 0..1.

    Args:
        images: In 0..1.
        gain: (B,), the factor of all pixels.
        contrast: (B,), the factor of the distance to the image's mean.
    """
    slope = _column(gain * contrast, images)
    offset = _column(gain * (1 - contrast), images) * images.mean((1, 2, 3), keepdim=True)
    return (images * slope).add_(offset).clamp_(0, 1)


def erase(images: "Tensor", rectangles: npt.NDArray[np.int64]) -> "Tensor":
    """Fill one rectangle of each sample with its mean colour, (B, C, H, W) -> the same.

    Random erasing data augmentation (Zhong et al., AAAI 2020); the mean, not noise, since noise
    would be the only sharp texture in many small images.

    Args:
        images: In 0..1.
        rectangles: (B, 4), left, top, right, bottom, the last two exclusive; empty: none.
    """
    import torch

    height, width = images.shape[-2:]
    left, top, right, bottom = torch.from_numpy(rectangles).to(images.device).T[..., None]
    x = torch.arange(width, device=images.device)
    y = torch.arange(height, device=images.device)
    columns = (x >= left) & (x < right)  # (B, W)
    rows = (y >= top) & (y < bottom)  # (B, H)
    inside = (rows[:, :, None] & columns[:, None, :])[:, None]  # (B, 1, H, W)
    return torch.where(inside, images.mean((2, 3), keepdim=True), images)


def affine_maps(
    config: AugmentConfig, draws: dict[str, Draws], height: int, width: int
) -> npt.NDArray[np.float32]:
    """Return the maps (B, 2, 3) from places in the result to places in the image, both -1..1.

    Args:
        config: The greatest shift, rotation and scale.
        draws: `shift_x`, `shift_y`, `rotation` and `scale`, each (B,), uniform in 0..1.
        height: H.
        width: W.
    """
    low, high = config.scale
    scale = low + (high - low) * draws["scale"]
    angle = math.radians(config.rotation) * (2 * draws["rotation"] - 1)
    shift = 2 * config.shift * (2 * np.stack([draws["shift_x"], draws["shift_y"]], axis=1) - 1)
    # A turn is a turn in pixels; in units of the half sides it has to be stretched.
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    maps = np.empty((len(scale), 2, 3))
    maps[:, 0, 0], maps[:, 0, 1] = cosine, sine * height / width
    maps[:, 1, 0], maps[:, 1, 1] = -sine * width / height, cosine
    maps[:, :, 2] = -np.einsum("bij,bj->bi", maps[:, :, :2], shift)
    return maps.astype(np.float32)


def _rectangles(
    config: AugmentConfig, draws: dict[str, Draws], height: int, width: int
) -> npt.NDArray[np.int64]:
    """Return the rectangles to erase, (B, 4): left, top, right, bottom; empty where none."""
    low, high = config.erasing_area
    area = low + (high - low) * draws["erasing_area"]
    # Log-uniform; narrowed such that no side of the rectangle is longer than the image's.
    widest = np.log(np.minimum(_GREATEST_ASPECT, 1 / area))
    aspect = np.exp(widest * (2 * draws["erasing_aspect"] - 1))
    rows = np.clip(np.round(np.sqrt(area * aspect) * height), 1, height)
    columns = np.clip(np.round(area * height * width / rows), 1, width)
    chosen = draws["erasing"] < config.erasing
    left = np.floor(draws["erasing_left"] * (width - columns + 1))
    top = np.floor(draws["erasing_top"] * (height - rows + 1))
    corners = np.stack([left, top, left + columns, top + rows], axis=1)
    return np.where(chosen[:, None], corners, 0).astype(np.int64)


def _column(values: Draws, images: "Tensor") -> "Tensor":
    """Return values (B,) as a tensor (B, 1, 1, 1) beside the images."""
    import torch

    return torch.from_numpy(values.astype(np.float32)).to(images.device).view(-1, 1, 1, 1)

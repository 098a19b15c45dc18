"""Policies of random operations whose strengths were tuned by others, on whole batches.

B: batch, C: channels, H: height, W: width, L: level, 0 (none) to 1 (strongest).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.affine import Maps, resample, to_maps
from foldwise.data.augment.colour import blend, column, grey, saturate
from foldwise.data.augment.config import AugmentConfig, Padding
from foldwise.data.augment.draws import Draws, draw

if TYPE_CHECKING:
    from torch import Tensor

_GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
_LEVELS = 30  # beside level 0


@dataclass(frozen=True)
class Strengths:
    """What level 1 means."""

    shear: float  # x per y
    translation: Callable[[int], float]  # side in px -> fraction of the side
    degrees: float
    factor: float  # of brightness, colour, contrast, sharpness: 1 - factor to 1 + factor
    lost_bits: int  # of 8, by posterizing


# Both as in torchvision, but about the centre of the image and with bilinear interpolation.
RAND_AUGMENT = Strengths(0.3, lambda _: 150 / 331, 30.0, 0.9, 4)
TRIVIAL_AUGMENT = Strengths(0.99, lambda side: min(32, side) / side, 135.0, 0.99, 6)


def apply_policy(images: "Tensor", config: AugmentConfig, seed: int) -> "Tensor":
    """Apply the policy, each sample by its own draw, (B, C, H, W) in 0..1 -> the same.

    RandAugment (Cubuk et al., NeurIPS 2020) applies `num_ops` operations of one strength,
    TrivialAugment (Müller and Hutter, ICCV 2021) one of a random strength.
    """
    is_trivial = config.policy == "trivial_augment"
    strengths = TRIVIAL_AUGMENT if is_trivial else RAND_AUGMENT
    for turn in range(1 if is_trivial else config.num_ops):
        drawn = draw(("operation", "level", "sign"), len(images), seed, "policy", str(turn))
        steps = np.floor(drawn["level"] * (_LEVELS + 1)) if is_trivial else config.magnitude
        images = operate(
            images,
            np.array(OPERATIONS)[(drawn["operation"] * len(OPERATIONS)).astype(np.int64)],
            np.where(drawn["sign"] < 0.5, -1.0, 1.0) * steps / _LEVELS,
            strengths,
            config.padding,
        )
    return images


def operate(
    images: "Tensor",
    names: npt.NDArray[np.str_],
    levels: Draws,
    strengths: Strengths,
    padding: Padding,
) -> "Tensor":
    """Apply one operation to each sample, all samples of one operation together.

    Sample by sample, torchvision's classes take three to five times as long on 3 x 32 x 32.

    Args:
        images: (B, C, H, W) in 0..1.
        names: (B,), of OPERATIONS.
        levels: (B,), -1..1; operations that know no sign ignore it.
        strengths: What level 1 means.
        padding: What comes in from outside.
    """
    import torch

    def rows_of(chosen: npt.NDArray[np.bool_]) -> "Tensor":
        return torch.from_numpy(np.flatnonzero(chosen)).to(images.device)

    changed = images.clone()
    moving = np.isin(names, _GEOMETRIC)
    if moving.any():
        maps = _maps(names[moving], levels[moving], strengths, *images.shape[-2:])
        rows = rows_of(moving)
        changed[rows] = resample(images[rows], maps, padding)
    for name, operation in _POINTWISE.items():
        chosen = names == name
        if chosen.any():
            rows = rows_of(chosen)
            changed[rows] = operation(images[rows], levels[chosen], strengths)
    return changed


def _maps(
    names: npt.NDArray[np.str_], levels: Draws, strengths: Strengths, height: int, width: int
) -> Maps:
    """Return the maps of geometric operations, one per sample."""

    def where(name: str, greatest: float) -> Draws:
        return np.where(names == name, levels * greatest, 0.0)

    along_x = where("translate_x", strengths.translation(width))
    along_y = where("translate_y", strengths.translation(height))
    shears = where("shear_x", strengths.shear), where("shear_y", strengths.shear)
    return to_maps(
        height,
        width,
        angle=where("rotate", np.radians(strengths.degrees)),
        shift=np.stack([along_x, along_y], axis=1),
        scale=np.ones(len(names)),
        shear=np.stack(shears, axis=1),
    )


def _brightness(images: "Tensor", levels: Draws, strengths: Strengths) -> "Tensor":
    return (images * column(1 + strengths.factor * levels, images)).clamp_(0, 1)


def _color(images: "Tensor", levels: Draws, strengths: Strengths) -> "Tensor":
    """Change the distance to grey; images that are no RGB have no colours and stay."""
    if images.shape[1] != 3:
        return images
    return saturate(images, 1 + strengths.factor * levels)


def _contrast(images: "Tensor", levels: Draws, strengths: Strengths) -> "Tensor":
    seen = grey(images) if images.shape[1] == 3 else images
    return blend(images, seen.mean((1, 2, 3), keepdim=True), 1 + strengths.factor * levels)


def _sharpness(images: "Tensor", levels: Draws, strengths: Strengths) -> "Tensor":
    from torchvision.transforms.v2 import functional

    smooth = functional.adjust_sharpness(images, 0.0)
    return blend(images, smooth, 1 + strengths.factor * levels)


def _posterize(images: "Tensor", levels: Draws, strengths: Strengths) -> "Tensor":
    import torch

    steps = column(2.0 ** (8 - np.round(np.abs(levels) * strengths.lost_bits)), images)
    return torch.minimum((images * steps).floor_(), steps - 1) / steps


def _solarize(images: "Tensor", levels: Draws, _: Strengths) -> "Tensor":
    import torch

    return torch.where(images >= column(1 - np.abs(levels), images), 1 - images, images)


def _autocontrast(images: "Tensor", *_: object) -> "Tensor":
    from torchvision.transforms.v2 import functional

    stretched: Tensor = functional.autocontrast(images)
    return stretched


def _equalize(images: "Tensor", *_: object) -> "Tensor":
    from torchvision.transforms.v2 import functional

    equalized: Tensor = functional.equalize(images)
    return equalized


_POINTWISE: dict[str, Callable[["Tensor", Draws, Strengths], "Tensor"]] = {
    "brightness": _brightness,
    "color": _color,
    "contrast": _contrast,
    "sharpness": _sharpness,
    "posterize": _posterize,
    "solarize": _solarize,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
}
OPERATIONS = ("identity", *_GEOMETRIC, *_POINTWISE)

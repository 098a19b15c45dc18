"""Random changes to whole batches of images, each sample by its own draw.

B: batch, C: channels, H: height, W: width.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.affine import affine_maps, resample
from foldwise.data.augment.colour import recolour, saturate, turn_hue
from foldwise.data.augment.config import AugmentConfig, require_suitable
from foldwise.data.augment.crop import crop
from foldwise.data.augment.draws import Draws, draw
from foldwise.data.augment.erasing import erase, rectangles
from foldwise.data.augment.flips import AlternatingFlip, flip
from foldwise.data.augment.policy import apply_policy

if TYPE_CHECKING:
    from torch import Tensor

# One column of draws per parameter, whether it is in use or not: to switch one parameter on or
# off leaves the draws of all others as they were.
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
# A further column would change the draws of all samples but the first: what came later draws by
# itself.
_DRAWN_APART = {
    "crop": ("crop_y", "crop_x"),
    "shear": ("shear",),
    "saturation": ("saturation",),
    "hue": ("hue",),
}


class Augmenter:
    """Changes a batch at random; the seeds alone decide how.

    The draws are made on the CPU, so they are the same on every device; a sample's draws depend on
    the seed and its place in the batch, not on how many others follow it. Global generators are
    not used.
    """

    def __init__(self, config: AugmentConfig, seed: int = 0) -> None:
        """Take the policy, and a seed for what lasts longer than a batch.

        Args:
            config: The policy.
            seed: Says who is mirrored first where flips alternate; the same in all epochs.
        """
        self._config = config
        self._alternating = AlternatingFlip(seed)

    def __call__(
        self,
        images: "Tensor",
        seed: int,
        positions: "Tensor | None" = None,
        epoch: int | None = None,
    ) -> "Tensor":
        """Map images (B, C, H, W), float32 in 0..1, to changed ones of the same kind.

        The input stays as it is; a policy that changes nothing returns it itself.

        Args:
            images: The batch.
            seed: A new one for each batch of each epoch.
            positions: (B,), int64 on the CPU, each sample's among all; only alternating flips
                need it.
            epoch: From 0; only alternating flips need it.
        """
        config = self._config
        require_suitable(config, *images.shape[1:])
        draws = self._draw(len(images), seed)
        images = self._mirror(images, draws, positions, epoch)
        if config.crop:
            images = crop(images, _offsets(config.crop, draws), config.padding)
        if config.moves:
            maps = affine_maps(config, draws, *images.shape[-2:])
            images = resample(images, maps, config.padding)
        if config.policy != "none":
            images = apply_policy(images, config, seed)
        if config.erasing:
            images = erase(images, rectangles(config, draws, *images.shape[-2:]))
        return _recolour(images, config, draws)

    def _draw(self, size: int, seed: int) -> dict[str, Draws]:
        draws = draw(_DRAWN, size, seed, "augment")
        for name, columns in _DRAWN_APART.items():
            if getattr(self._config, name) > 0:
                draws |= draw(columns, size, seed, "augment", name)
        return draws

    def _mirror(
        self,
        images: "Tensor",
        draws: dict[str, Draws],
        positions: "Tensor | None",
        epoch: int | None,
    ) -> "Tensor":
        config = self._config
        if config.horizontal_flip == "alternating":
            if positions is None or epoch is None:
                raise ValueError(
                    "Alternating flips need the positions of the samples and an epoch."
                )
            chosen = self._alternating.chosen(positions.numpy(), epoch)
            images = flip(images, chosen, axis=-1)
        elif config.horizontal_flip:
            images = flip(images, draws["horizontal_flip"] < config.horizontal_flip, axis=-1)
        if config.vertical_flip:
            images = flip(images, draws["vertical_flip"] < config.vertical_flip, axis=-2)
        return images


def _offsets(greatest: int, draws: dict[str, Draws]) -> npt.NDArray[np.int64]:
    """Return where crops begin, (B, 2): rows and columns, -greatest to greatest."""
    places = np.stack([draws["crop_y"], draws["crop_x"]], axis=1) * (2 * greatest + 1)
    return places.astype(np.int64) - greatest


def _recolour(images: "Tensor", config: AugmentConfig, draws: dict[str, Draws]) -> "Tensor":
    if config.recolours:
        gain = 1 + config.brightness * (2 * draws["brightness"] - 1)
        contrast = 1 + config.contrast * (2 * draws["contrast"] - 1)
        images = recolour(images, gain, contrast)
    if config.saturation:
        images = saturate(images, 1 + config.saturation * (2 * draws["saturation"] - 1))
    if config.hue:
        images = turn_hue(images, config.hue * (2 * draws["hue"] - 1))
    return images

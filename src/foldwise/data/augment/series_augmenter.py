"""Random changes to whole batches of series, each sample by its own draw.

B: batch, T: steps, F: channels, K: knots.
"""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.data.augment.series_config import SeriesAugmentConfig
from foldwise.data.augment.smooth_curves import KNOTS, smooth_curves
from foldwise.data.augment.step_draws import Floats, Lengths, normal_steps, normal_table
from foldwise.data.augment.step_draws import uniform_table as uniform
from foldwise.data.augment.step_masking import hidden_steps
from foldwise.data.augment.step_places import (
    permuted_steps,
    read_at,
    read_between,
    sliced_places,
    warped_places,
)

if TYPE_CHECKING:
    from torch import Tensor

_PURPOSE = ("augment", "series")


class SeriesAugmenter:
    """Changes a batch at random; the seed alone decides how.

    The draws are made on the CPU, each operation's by themselves: they are the same on every
    device, and to switch one operation on or off leaves those of the others as they were. A
    sample's draws depend on the seed and on the samples before it in the batch, not on those that
    follow, nor on how far the batch is padded. Global generators are not used.
    """

    def __init__(self, config: SeriesAugmentConfig) -> None:
        """Take the policy."""
        self._config = config

    def __call__(
        self,
        inputs: "Tensor",
        seed: int,
        positions: "Tensor | None" = None,
        epoch: int | None = None,
    ) -> "Tensor":
        """Map series (B, T, F + 1) to changed ones; only steps change, not padding and mask.

        The input stays as it is; a policy that changes nothing returns it itself.

        Args:
            inputs: Standardised, float32; the last channel is 1 at steps and 0 at the padding.
            seed: A new one for each batch of each epoch.
            positions: Not needed.
            epoch: Not needed.
        """
        config = self._config
        if not (config.moves_steps or config.changes_values):
            return inputs
        lengths: Lengths = inputs[..., -1].sum(1).cpu().numpy().astype(np.int64)
        if config.moves_steps:
            inputs = self._move_steps(inputs, lengths, seed)
        if config.changes_values:
            inputs = inputs.clone()
            self._change_values(inputs[..., :-1], lengths, seed)
        return inputs

    def _move_steps(self, inputs: "Tensor", lengths: Lengths, seed: int) -> "Tensor":
        """Read all at other places, in one step: several would smooth several times."""
        config, (size, num_steps, _) = self._config, inputs.shape
        steps = np.tile(np.arange(num_steps), (size, 1))
        if config.permutation > 1:
            draws = uniform(size, 2 * config.permutation - 1, seed, *_PURPOSE, "permutation")
            steps = permuted_steps(lengths, num_steps, draws)
        if config.time_warp == 0 and config.window_slice == 1:
            return read_at(inputs, steps, lengths)
        places: Floats = steps.astype(np.float64)
        if config.time_warp > 0:
            knots = config.time_warp * normal_table(size, KNOTS, seed, *_PURPOSE, "time_warp")
            warped = warped_places(lengths, num_steps, knots)
            places = np.take_along_axis(warped, np.clip(steps, 0, num_steps - 1), axis=1)
        if config.window_slice < 1:
            draws = uniform(size, 1, seed, *_PURPOSE, "window_slice")
            places = sliced_places(lengths, places, config.window_slice, draws[:, 0])
        return read_between(inputs, places, lengths)

    def _change_values(self, values: "Tensor", lengths: Lengths, seed: int) -> None:
        """Change values (B, T, F) in place; zeros of the padding stay, as they are multiplied."""
        import torch

        config, (size, num_steps, num_channels) = self._config, values.shape
        if config.magnitude_warp > 0:
            width = KNOTS * num_channels
            knots = normal_table(size, width, seed, *_PURPOSE, "magnitude_warp")
            knots = 1 + config.magnitude_warp * knots.reshape(size, KNOTS, num_channels)
            curves = smooth_curves(knots, lengths, num_steps).astype(np.float32)
            values *= torch.from_numpy(curves).to(values.device)
        if config.scaling > 0 or config.negate > 0:
            factors = self._factors(size, num_channels, seed).astype(np.float32)
            values *= torch.from_numpy(factors).to(values.device)[:, None]
        if config.jitter > 0:
            noise = normal_steps(lengths, num_steps, num_channels, seed, *_PURPOSE, "jitter")
            values.add_(torch.from_numpy(noise).to(values.device), alpha=config.jitter)
        if config.masks:
            draws = uniform(size, 2 + config.masking_blocks, seed, *_PURPOSE, "masking")
            hidden = hidden_steps(
                lengths, num_steps, config.masking, config.masking_probability, draws
            )
            values.masked_fill_(torch.from_numpy(hidden).to(values.device)[..., None], 0.0)

    def _factors(self, size: int, num_channels: int, seed: int) -> Floats:
        """Return one factor of each channel, (B, F)."""
        config, factors = self._config, np.ones((size, num_channels))
        if config.scaling > 0:
            draws = uniform(size, num_channels, seed, *_PURPOSE, "scaling")
            factors += config.scaling * (2 * draws - 1)
        if config.negate > 0:
            draws = uniform(size, 1, seed, *_PURPOSE, "negate")
            factors *= np.where(draws < config.negate, -1.0, 1.0)
        return factors

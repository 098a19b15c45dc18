"""Random changes to whole batches of texts, each sample by its own draw.

B: batch, T: tokens.
"""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.data.augment.step_draws import Lengths, uniform_steps, uniform_table
from foldwise.data.augment.token_config import TokenAugmentConfig
from foldwise.data.augment.token_places import (
    Places,
    remaining_first,
    swapped_with_any,
    swapped_with_neighbour,
)
from foldwise.data.vocabulary import PADDING_ID, UNKNOWN_ID

if TYPE_CHECKING:
    from torch import Tensor

_PURPOSE = ("augment", "tokens")


class TokenAugmenter:
    """Changes a batch at random; the seed alone decides how.

    The draws are made as those of `SeriesAugmenter` are.
    """

    def __init__(self, config: TokenAugmentConfig) -> None:
        """Take the policy."""
        self._config = config

    def __call__(
        self,
        inputs: "Tensor",
        seed: int,
        positions: "Tensor | None" = None,
        epoch: int | None = None,
    ) -> "Tensor":
        """Map token numbers (B, T), int64, to changed ones of the same shape.

        Padding comes last and stays; where tokens are left out, there is more of it. The input
        stays as it is; a policy that changes nothing returns it itself.

        Args:
            inputs: 0 at the padding.
            seed: A new one for each batch of each epoch.
            positions: Not needed.
            epoch: Not needed.
        """
        config = self._config
        if not config.changes_tokens:
            return inputs
        lengths: Lengths = (inputs != PADDING_ID).sum(1).cpu().numpy()
        if config.masking > 0:
            inputs = self._mask(inputs, lengths, seed)
        if config.swap > 0:
            inputs = _read(inputs, self._swapped(lengths, inputs.shape[1], seed))
        if config.deletion > 0:
            inputs = self._delete(inputs, lengths, seed)
        return inputs

    def _mask(self, inputs: "Tensor", lengths: Lengths, seed: int) -> "Tensor":
        import torch

        draws = uniform_steps(lengths, inputs.shape[1], seed, *_PURPOSE, "masking")
        hidden = torch.from_numpy(draws < self._config.masking).to(inputs.device)
        return inputs.masked_fill(hidden, UNKNOWN_ID)

    def _swapped(self, lengths: Lengths, num_steps: int, seed: int) -> Places:
        config = self._config
        draws = uniform_steps(lengths, num_steps, seed, *_PURPOSE, "swap")
        if config.swap_with == "any":
            return swapped_with_any(draws, config.swap)
        offsets = uniform_table(len(lengths), 1, seed, *_PURPOSE, "swap_offset")[:, 0]
        return swapped_with_neighbour(draws, lengths, config.swap, offsets)

    def _delete(self, inputs: "Tensor", lengths: Lengths, seed: int) -> "Tensor":
        import torch

        num_steps = inputs.shape[1]
        draws = uniform_steps(lengths, num_steps, seed, *_PURPOSE, "deletion")
        places, numbers = remaining_first(draws, self._config.deletion)
        is_empty = torch.from_numpy(np.arange(num_steps) >= numbers[:, np.newaxis])
        return _read(inputs, places).masked_fill_(is_empty.to(inputs.device), PADDING_ID)


def _read(inputs: "Tensor", places: Places) -> "Tensor":
    import torch

    return inputs.gather(1, torch.from_numpy(places).to(inputs.device))

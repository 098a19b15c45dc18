"""What changes the training inputs of a kind of samples.

B: batch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from foldwise.data.augment.augmenter import Augmenter
from foldwise.data.augment.config import AugmentConfig
from foldwise.data.augment.series_augmenter import SeriesAugmenter
from foldwise.data.augment.token_augmenter import TokenAugmenter
from foldwise.data.samples import Modality

if TYPE_CHECKING:
    from torch import Tensor

# A batch, a seed, the samples' positions among all (B,), the epoch -> the same
Augment = Callable[["Tensor", int, "Tensor", int], "Tensor"]


def build_augmenter(config: AugmentConfig, modality: Modality, seed: int) -> Augment:
    """Return what changes a batch at random; rows of a table stay as they are.

    Parameters of other kinds of samples are not looked at: one file may hold those of several.

    Args:
        config: The policy.
        modality: Of what is changed: `image` for images (B, C, H, W) in 0..1 whatever a network
            reads them as, `series` for (B, T, F + 1), `tokens` for (B, T), else `table`.
        seed: For what lasts longer than a batch; the same in all epochs.
    """
    match modality:
        case "image":
            return Augmenter(config, seed)
        case "series":
            return SeriesAugmenter(config.series)
        case "tokens":
            return TokenAugmenter(config.tokens)
        case "table":
            return _unchanged


def _unchanged(inputs: "Tensor", _seed: int, _positions: "Tensor", _epoch: int) -> "Tensor":
    return inputs

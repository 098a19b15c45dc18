"""Pictures of what mixing does, for the sheet of the augmentation policy.

N: samples, M: mixtures, C: channels, H: height, W: width, K: classes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from foldwise.data.augment import AugmentConfig, Augmenter, MixConfig
from foldwise.data.augmentation_sheet import MixedRow
from foldwise.modules.mixing import build_mixer
from foldwise.seeds import derive_seed

_PICTURES = 8  # of each kind
_LONGEST_NAME = 12  # of a class; longer ones are cut


def mixed_rows(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    classes: Sequence[str],
    config: AugmentConfig,
    seed: int,
) -> list[MixedRow]:
    """Return a row of mixtures for each kind of mixing that is on.

    Every picture comes from a mixture of its own, so each shows another share; batches that stay
    as they are by `probability` are not shown.

    Args:
        images: (N, C, H, W), the batch.
        labels: (N,), class indices.
        classes: (K,), their names.
        config: The policy; the images are augmented before they are mixed.
        seed: Of all draws.
    """
    if not config.mix.is_on:
        return []
    originals = torch.from_numpy(np.ascontiguousarray(images)).float().div_(255)
    positions = torch.arange(len(images))
    augmented = Augmenter(config, seed)(originals, derive_seed(seed, "mixed"), positions, 0)
    alone = {
        "MixUp, then the shares of the label": MixConfig(mixup_alpha=config.mix.mixup_alpha),
        "CutMix, then the shares of the label": MixConfig(cutmix_alpha=config.mix.cutmix_alpha),
    }
    return [
        _row(title, augmented, torch.from_numpy(labels), classes, kind, seed)
        for title, kind in alone.items()
        if kind.is_on
    ]


def _row(
    title: str,
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    config: MixConfig,
    seed: int,
) -> MixedRow:
    mix = build_mixer(config, len(classes))
    assert mix is not None, "only kinds that are on are shown"
    pictures, captions = [], []
    for i in range(min(_PICTURES, len(images))):
        mixed, shares = mix(images, labels, derive_seed(seed, i))  # (N, C, H, W), (N, K)
        pictures.append(mixed[i].clamp(0, 1).numpy())
        captions.append(_caption(shares[i], classes))
    return MixedRow(title, np.stack(pictures), tuple(captions))


def _caption(shares: Tensor, classes: Sequence[str]) -> str:
    """Return one line per class in the mixture, the largest share first."""
    largest = shares.topk(min(2, len(classes)))
    return "\n".join(
        f"{share:.0%} {classes[k][:_LONGEST_NAME]}"
        for share, k in zip(largest.values.tolist(), largest.indices.tolist(), strict=True)
        if share > 0
    )

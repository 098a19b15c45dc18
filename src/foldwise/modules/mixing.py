"""Batches whose images and labels are mixed with one another.

B: batch, C: channels, H: height, W: width, K: classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from foldwise.data.augment.mix_config import MixConfig
from foldwise.seeds import derive_seed, numpy_generator

# Images (B, C, H, W), labels (B) and a seed -> mixed images and their shares of classes (B, K)
Mixer = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
_Mix = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def build_mixer(config: MixConfig, num_classes: int) -> Mixer | None:
    """Return what mixes batches, or None where none is mixed.

    MixUp (Zhang et al., ICLR 2018) adds two images, CutMix (Yun et al., ICCV 2019) pastes a
    rectangle of one into the other; both share out the label likewise. Each sample meets its
    neighbour in the batch, so batches must be shuffled; one share holds for the whole batch. The
    seed alone decides: torch's generator is left as it was.

    Args:
        config: Kinds and their strengths.
        num_classes: K.
    """
    if not config.is_on:
        return None
    # Here, since torchvision takes seconds to import.
    from torchvision.transforms import v2

    mixes: list[_Mix] = []
    if config.mixup_alpha > 0:
        mixes.append(v2.MixUp(alpha=config.mixup_alpha, num_classes=num_classes))
    if config.cutmix_alpha > 0:
        mixes.append(v2.CutMix(alpha=config.cutmix_alpha, num_classes=num_classes))

    def mix(images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        is_mixed, kind = numpy_generator(seed, "mix").random(2)
        if is_mixed >= config.probability:
            return images, functional.one_hot(labels, num_classes).float()
        with torch.random.fork_rng(devices=[]):  # torchvision draws on the CPU for any device
            torch.default_generator.manual_seed(derive_seed(seed, "mix", "share"))
            return mixes[int(kind * len(mixes))](images, labels)

    return mix

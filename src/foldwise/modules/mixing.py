"""Batches whose inputs and labels are mixed with one another.

B: batch, C: channels, H: height, W: width, T: steps, F: channels of a series, D: columns,
K: classes.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from foldwise.data.augment.mix_config import MixConfig
from foldwise.errors import UserError
from foldwise.models.input_spec import ImageSpec, InputSpec, SeriesSpec, TableSpec
from foldwise.modules.series_mixing import cutmix_series, mixup_series
from foldwise.seeds import derive_seed, numpy_generator

# Inputs, labels (B) and a seed -> mixed inputs and their shares of classes (B, K)
Mixer = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]

_OFF = "Set augment.mix.mixup_alpha=0 and augment.mix.cutmix_alpha=0."


class MixingError(UserError):
    """Samples of this kind cannot be mixed as the parameters say."""


def build_mixer(
    config: MixConfig, num_classes: int, spec: InputSpec | None = None
) -> Mixer | None:
    """Return what mixes batches, or None where none is mixed.

    MixUp (Zhang et al., ICLR 2018) adds two inputs, CutMix (Yun et al., ICCV 2019) pastes a
    rectangle of one image, or a window of time of one series, into the other; both share out the
    label likewise. Each sample meets its neighbour in the batch, so batches must be shuffled; one
    share holds for the whole batch. The seed alone decides: torch's generator is left as it was.

    Args:
        config: Kinds and their strengths.
        num_classes: K; 0 for a regression.
        spec: What a network is given; by default images.

    Raises:
        MixingError: Such inputs cannot be mixed in this way, or there are no classes to share out.
    """
    if not config.is_on:
        return None
    _require_mixable(config, num_classes, spec)
    mixes = _mixes(config, num_classes, spec)

    def mix(inputs: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        is_mixed, kind = numpy_generator(seed, "mix").random(2)
        if is_mixed >= config.probability:
            return inputs, functional.one_hot(labels, num_classes).float()
        return mixes[int(kind * len(mixes))](inputs, labels, seed)

    return mix


def _mixes(config: MixConfig, num_classes: int, spec: InputSpec | None) -> list[Mixer]:
    """Return the kinds that are on."""
    if isinstance(spec, TableSpec):
        return [functools.partial(_mixup_rows, alpha=config.mixup_alpha, num_classes=num_classes)]
    if isinstance(spec, SeriesSpec):
        kinds = ((mixup_series, config.mixup_alpha), (cutmix_series, config.cutmix_alpha))
        return [
            functools.partial(mix, alpha=alpha, num_classes=num_classes)
            for mix, alpha in kinds
            if alpha > 0
        ]
    # Here, since torchvision takes seconds to import.
    from torchvision.transforms import v2

    mixes: list[Mixer] = []
    if config.mixup_alpha > 0:
        mixes.append(_seeded(v2.MixUp(alpha=config.mixup_alpha, num_classes=num_classes)))
    if config.cutmix_alpha > 0:
        mixes.append(_seeded(v2.CutMix(alpha=config.cutmix_alpha, num_classes=num_classes)))
    return mixes


def _seeded(mix: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Mixer:
    """Return one of torchvision's, which draws from torch's generator of the CPU, seeded."""

    def seeded(images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive_seed(seed, "mix", "share"))
            return mix(images, labels)

    return seeded


def _mixup_rows(
    rows: Tensor, labels: Tensor, seed: int, *, alpha: float, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Mix rows of numbers, (B, D), as MixUp does."""
    share = float(numpy_generator(seed, "mix", "share").beta(alpha, alpha))
    shares = functional.one_hot(labels, num_classes).float()
    return rows.roll(1, 0).lerp(rows, share), shares.roll(1, 0).lerp(shares, share)


def _require_mixable(config: MixConfig, num_classes: int, spec: InputSpec | None) -> None:
    if not num_classes:
        raise MixingError(
            f"augment.mix shares labels out among classes, but the samples have none: numbers are "
            f"predicted. {_OFF}"
        )
    if spec is None or isinstance(spec, ImageSpec | SeriesSpec):
        return
    if not isinstance(spec, TableSpec):
        raise MixingError(
            "augment.mix is on, but the samples are texts: numbers of tokens have no mean. "
            f"{_OFF} For texts there are augment.tokens.masking, swap and deletion."
        )
    if any(spec.cardinalities):
        raise MixingError(
            "augment.mix is on, but the table has columns of categories: their numbers have no "
            f"mean. {_OFF}"
        )
    if config.cutmix_alpha > 0:
        raise MixingError(
            f"augment.mix.cutmix_alpha is {config.cutmix_alpha:g}, but the samples are rows of a "
            "table, whose columns have no neighbours to be cut out with. Set it to 0; "
            "mixup_alpha works."
        )

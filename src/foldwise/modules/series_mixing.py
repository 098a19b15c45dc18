"""Series mixed with one another, of unequal lengths too.

B: batch, T: steps, F: channels, K: classes.
"""

import torch
from torch import Tensor
from torch.nn import functional

from foldwise.seeds import numpy_generator


def blend_series(series: Tensor, partners: Tensor, share: float) -> Tensor:
    """Return `share` of the series and the rest of their partners, (B, T, F + 1) each.

    The result is as long as the longer one: where the other has ended, it adds 0, the mean. The
    mask stays one of zeros and ones.

    Args:
        series: Standardised, the last channel 1 at steps and 0 at the padding.
        partners: Likewise; T may be another.
        share: In 0..1.
    """
    num_steps = max(series.shape[1], partners.shape[1])
    series, partners = _padded(series, num_steps), _padded(partners, num_steps)
    mixed = partners.lerp(series, share)
    mixed[..., -1] = torch.maximum(series[..., -1], partners[..., -1])
    return mixed


def mixup_series(
    series: Tensor, labels: Tensor, seed: int, *, alpha: float, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Add to each series its neighbour in the batch, by one share from Beta(alpha, alpha).

    Args:
        series: (B, T, F + 1).
        labels: (B,), class indices.
        seed: Decides on the share.
        alpha: Of the distribution.
        num_classes: K.

    Returns:
        Mixed series (B, T, F + 1) and their shares of classes (B, K).
    """
    share = float(numpy_generator(seed, "mix", "share").beta(alpha, alpha))
    shares = functional.one_hot(labels, num_classes).float()
    return blend_series(series, series.roll(1, 0), share), shares.roll(1, 0).lerp(shares, share)


def cutmix_series(
    series: Tensor, labels: Tensor, seed: int, *, alpha: float, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Paste a window of time of each series' neighbour in the batch into it.

    The window lies within the steps of both; its fraction of them is 1 - Beta(alpha, alpha), the
    same for the whole batch. The label is shared out by the steps that each series keeps.

    Args:
        series: (B, T, F + 1).
        labels: (B,), class indices.
        seed: Decides on the window.
        alpha: Of the distribution.
        num_classes: K.

    Returns:
        Mixed series (B, T, F + 1) and their shares of classes (B, K).
    """
    generator = numpy_generator(seed, "mix", "share")
    pasted, place = 1 - float(generator.beta(alpha, alpha)), float(generator.random())
    partners = series.roll(1, 0)
    lengths = series[..., -1].sum(1)
    common = torch.minimum(lengths, lengths.roll(1, 0))
    widths = (pasted * common).round_()
    starts = (place * (common - widths + 1)).floor_().minimum(common - widths)[:, None]
    steps = torch.arange(series.shape[1], device=series.device)
    inside = (steps >= starts) & (steps < starts + widths[:, None])  # (B, T)
    shares = functional.one_hot(labels, num_classes).float()
    foreign = (widths / lengths.clamp_min(1))[:, None]
    mixed = torch.where(inside[..., None], partners, series)
    return mixed, shares.lerp(shares.roll(1, 0), foreign)


def _padded(series: Tensor, num_steps: int) -> Tensor:
    return functional.pad(series, (0, 0, 0, num_steps - series.shape[1]))

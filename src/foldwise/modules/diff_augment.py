"""Changes that real and generated samples both get before the discriminator sees them.

DiffAugment (Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, NeurIPS
2020): they are differentiable, so that the generator learns through them and does not learn to
make changed samples. Each sample has its own draw.

B: batch, C: channels, H: height, W: width, T: steps, F: channels of a series.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from foldwise.errors import UserError

Change = Callable[[Tensor, Generator], Tensor]

_MOST_TRANSLATION = 1 / 8  # of a side, as in the paper
_CUTOUT = 1 / 2  # of each side, as in the paper
_MOST_SHIFT = 1 / 8  # of the steps
_SCALING = 0.2  # deviation of the factors of series, in units of 1
_JITTER = 0.1  # deviation of the noise of series, in units of the channel's deviation


class DiffAugmentError(UserError):
    """A policy is unknown, or is none for such samples."""


def diff_augment(samples: Tensor, policies: Sequence[str], generator: Generator) -> Tensor:
    """Change each sample of a batch at random, one policy after the other.

    Images (B, C, H, W) in -1..1: `color` (brightness, then saturation, then contrast),
    `translation`, `cutout`. Standardised series (B, T, F): `jitter`, `scaling`, `shift`.

    Args:
        samples: Images or series.
        policies: Names; none leaves the samples as they are.
        generator: On the CPU, so that the draws are the same on each device.

    Returns:
        Samples of the same shape; images may leave -1..1 a little by `color`.

    Raises:
        DiffAugmentError: There is no such policy for such samples.
    """
    known = IMAGE_POLICIES if samples.ndim == 4 else SERIES_POLICIES
    require_known(policies, "images" if samples.ndim == 4 else "series")
    for policy in policies:
        for change in known[policy]:
            samples = change(samples, generator)
    return samples


def require_known(policies: Sequence[str], kind: str) -> None:
    """Refuse policies that there are not for `images` or for `series`.

    Raises:
        DiffAugmentError: It names those that there are.
    """
    known = IMAGE_POLICIES if kind == "images" else SERIES_POLICIES
    for policy in policies:
        if policy not in known:
            raise DiffAugmentError(
                f"diff_augment has {policy!r}, which there is not for {kind}. "
                f"Allowed: {', '.join(known)}, and several joined by ';'."
            )


def brighten(images: Tensor, generator: Generator) -> Tensor:
    """Add to each image one number from -0.5..0.5."""
    return images + _draw(images, generator) - 0.5


def saturate(images: Tensor, generator: Generator) -> Tensor:
    """Multiply the distance of each pixel's channels from their mean by a factor of 0..2.

    An image of one channel has no colours and stays.
    """
    grey = images.mean(1, keepdim=True)
    return grey + (images - grey) * (2 * _draw(images, generator))


def contrast(images: Tensor, generator: Generator) -> Tensor:
    """Multiply the distance of each number from the image's mean by a factor of 0.5..1.5."""
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (0.5 + _draw(images, generator))


def translate(images: Tensor, generator: Generator) -> Tensor:
    """Move each image by whole pixels, up to an eighth of each side; zeros come in.

    Zero is the middle grey of -1..1, as in the paper.
    """
    height, width = images.shape[-2:]
    rows, is_row_inside = _moved(images, height, _MOST_TRANSLATION, generator)
    columns, is_column_inside = _moved(images, width, _MOST_TRANSLATION, generator)
    moved = images.gather(2, rows[:, None, :, None].expand_as(images))
    moved = moved.gather(3, columns[:, None, None, :].expand_as(images))
    is_inside = is_row_inside[:, None, :, None] & is_column_inside[:, None, None, :]
    return moved * is_inside


def cut_out(images: Tensor, generator: Generator) -> Tensor:
    """Set a rectangle of half of each side to zero; its middle is anywhere in the image."""
    height, width = images.shape[-2:]
    is_row_cut = _window(images, height, generator)
    is_column_cut = _window(images, width, generator)
    is_cut = is_row_cut[:, None, :, None] & is_column_cut[:, None, None, :]
    return images * ~is_cut


def jitter(series: Tensor, generator: Generator) -> Tensor:
    """Add noise of a tenth of a deviation to each number."""
    return series + _JITTER * torch.randn(series.shape, generator=generator).to(series)


def rescale(series: Tensor, generator: Generator) -> Tensor:
    """Multiply each channel of each series by a factor, normal with mean 1 and deviation 0.2."""
    size = len(series), 1, series.shape[2]
    return series * (1 + _SCALING * torch.randn(size, generator=generator).to(series))


def shift(series: Tensor, generator: Generator) -> Tensor:
    """Move each series by whole steps, up to an eighth of them; its end steps are repeated."""
    steps, _ = _moved(series, series.shape[1], _MOST_SHIFT, generator)
    return series.gather(1, steps[:, :, None].expand_as(series))


IMAGE_POLICIES: dict[str, tuple[Change, ...]] = {
    "color": (brighten, saturate, contrast),
    "translation": (translate,),
    "cutout": (cut_out,),
}
SERIES_POLICIES: dict[str, tuple[Change, ...]] = {
    "jitter": (jitter,),
    "scaling": (rescale,),
    "shift": (shift,),
}


def _draw(samples: Tensor, generator: Generator) -> Tensor:
    """Return one number of 0..1 for each sample, (B, 1, ...)."""
    size = len(samples), *[1] * (samples.ndim - 1)
    return torch.rand(size, generator=generator).to(samples)


def _moved(
    samples: Tensor, length: int, most: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Return from where each place of an axis is taken, (B, length), and if that is inside."""
    reach = int(length * most + 0.5)
    offsets = torch.randint(-reach, reach + 1, (len(samples), 1), generator=generator)
    places = (torch.arange(length) - offsets).to(samples.device)
    is_inside = (places >= 0) & (places < length)
    return places.clamp(0, length - 1), is_inside


def _window(images: Tensor, length: int, generator: Generator) -> Tensor:
    """Return which places of an axis lie in each sample's window, (B, length).

    The window is half of the length; where its middle is near an end, a part of it is outside.
    """
    size = int(length * _CUTOUT + 0.5)
    middles = torch.randint(0, length + (1 - size % 2), (len(images), 1), generator=generator)
    first = middles - size // 2
    places = torch.arange(length)
    return ((places >= first) & (places < first + size)).to(images.device)

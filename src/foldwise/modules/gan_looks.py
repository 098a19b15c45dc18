"""Looks at what a generator draws from the same latents, again and again.

N: samples, C: channels, H: height, W: width, T: steps, F: channels of a series, K: classes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.modules.gan import GanDivergedError
from foldwise.modules.gan_health import NUM_GENERATED, RealSamples, SampleLook
from foldwise.modules.sample_grid import sample_grid
from foldwise.modules.sampler import draw_in_chunks

_LARGEST_SIDE, _MOST_STEPS = 16, 64  # of what is compared
_GRID_ROWS, _GRID_COLUMNS = 10, 8
_LEVELS = 127.5


class GanLooks:
    """Compares the samples of a generator with real ones, and lays them out."""

    def __init__(
        self,
        real: Tensor,
        labels: Tensor,
        latents: Tensor,
        drawn: Tensor,
        *,
        seed: int,
        classes: Sequence[str] = (),
    ) -> None:
        """Take the real samples and what is drawn each time.

        Args:
            real: As the discriminator sees them, (N, C, H, W) or (N, T, F).
            labels: Their classes, (N,); all 0 where the generator knows no classes.
            latents: Of the drawn samples, (M, *latent_shape).
            drawn: Their classes, (M,).
            seed: Of the clusters.
            classes: Names of the classes that the generator knows; none: it knows none.
        """
        self._latents, self._drawn, self._classes = latents, drawn, tuple(classes)
        self._real = RealSamples(reduced(real), labels.numpy(), seed)
        self._shown = _shown(drawn, is_conditional=bool(classes))

    def look(self, generator: nn.Module) -> tuple[SampleLook, npt.NDArray[np.uint8] | None]:
        """Compare samples of the generator; return what was found, and a grid of pictures.

        Raises:
            GanDivergedError: It makes values that are infinite or no numbers.
        """
        samples = draw_in_chunks(generator, self._latents, self._drawn)
        _require_finite(samples)
        labels = self._drawn if self._classes else torch.zeros_like(self._drawn)
        look = self._real.look(reduced(samples), labels.numpy())
        return look, _grid(samples[self._shown])

    def grid(self, generator: nn.Module) -> npt.NDArray[np.uint8] | None:
        """Return that grid alone; None where no pictures are made."""
        return _grid(
            draw_in_chunks(generator, self._latents[self._shown], self._drawn[self._shown])
        )

    def class_name(self, label: int | None) -> str | None:
        """Return the name of a class; None where the generator knows none."""
        return self._classes[label] if self._classes and label is not None else None


def reduced(samples: Tensor) -> npt.NDArray[np.float32]:
    """Return samples in a few numbers each, (N, D): means over patches, or over stretches."""
    if samples.ndim == 4:
        height, width = (min(side, _LARGEST_SIDE) for side in samples.shape[2:])
        pooled = functional.adaptive_avg_pool2d(samples.float(), (height, width))
    else:
        steps = min(samples.shape[1], _MOST_STEPS)
        pooled = functional.adaptive_avg_pool1d(samples.float().transpose(1, 2), steps)
    reduced: npt.NDArray[np.float32] = pooled.flatten(1).cpu().numpy()
    return reduced


def fixed_labels(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the classes of the samples that are looked at, by the shares of the classes (K,).

    >>> fixed_labels(np.array([0.5, 0.0, 0.5])).tolist() == [0] * 256 + [2] * 256
    True
    """
    ends = np.round(np.cumsum(shares / shares.sum()) * NUM_GENERATED).astype(np.int64)
    return np.repeat(np.arange(len(shares)), np.diff(ends, prepend=0))


def _grid(samples: Tensor) -> npt.NDArray[np.uint8] | None:
    if samples.ndim != 4:
        return None
    pixels = samples.add(1).mul(_LEVELS).round().clamp(0, 255)
    return sample_grid(pixels.to(torch.uint8).numpy(), _GRID_COLUMNS)


def _require_finite(samples: Tensor) -> None:
    """Refuse what the last step of a fit may leave: no loss is computed after it."""
    num_bad = int((~samples.isfinite()).flatten(1).any(dim=1).sum())
    if num_bad:
        raise GanDivergedError(
            f"{num_bad} of {len(samples)} samples that the generator makes hold values that are "
            "infinite or no numbers. Try lower rates (train_gan.fit.generator.lr, "
            "train_gan.fit.discriminator.lr), train_gan.fit.precision=float32, or another "
            "train_gan.model.loss."
        )


def _shown(drawn: Tensor, *, is_conditional: bool) -> Tensor:
    """Return which samples stand on the grid: of a class a row, for at most ten classes."""
    if not is_conditional:
        return torch.arange(min(len(drawn), _GRID_COLUMNS**2))
    rows = []
    for label in np.unique(drawn.numpy())[:_GRID_ROWS].tolist():
        places = torch.nonzero(drawn == label)[:, 0]
        times = -(-_GRID_COLUMNS // len(places))
        rows.append(places.repeat(times)[:_GRID_COLUMNS])
    return torch.cat(rows)

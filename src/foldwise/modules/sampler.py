"""From latents to samples in the user's units.

N: samples, C: channels, H: height, W: width, T: steps, F: channels of a series.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from foldwise.data.preprocessing import AnyPreprocessing, ImagePreprocessing, SeriesPreprocessing
from foldwise.errors import UserError
from foldwise.modules.hardware import reproducible
from foldwise.seeds import derive_seed

Labels = npt.NDArray[np.int64]
Latents = npt.NDArray[np.float32]

_CHUNK = 256  # samples at a time
_LEVELS = 127.5
_ROUNDING = 1e-3  # by which tanh may leave -1..1 in low precision


class GeneratedValueError(UserError):
    """A generator made a value that no sample can have."""


class Sampler:
    """Draws samples as ingest stores them."""

    def __init__(self, generator: nn.Module, preprocessing: AnyPreprocessing) -> None:
        """Take a generator and what the real samples underwent.

        Args:
            generator: On its device.
            preprocessing: Of images, with mean and deviation 1/2; or of series.
        """
        self._generator, self._preprocessing = generator.eval(), preprocessing
        self.latent_shape: tuple[int, ...] = generator.latent_shape  # type: ignore[assignment]  # no tensor

    def latents(self, num: int, seed: int) -> Latents:
        """Draw standard normal latents, (N, *latent_shape); the first ones do not depend on N."""
        random = torch.Generator().manual_seed(derive_seed(seed, "latents"))
        chunks = [torch.randn(self.latent_shape, generator=random) for _ in range(num)]
        shape = (num, *self.latent_shape)
        return torch.stack(chunks).numpy() if num else np.empty(shape, np.float32)

    def generate(self, labels: Labels, latents: Latents) -> npt.NDArray[Any]:
        """Draw samples: images uint8 (N, C, H, W), or series float32 (N, T, F).

        Args:
            labels: Their classes, (N,); without effect where the generator knows none.
            latents: (N, *latent_shape).

        Raises:
            GeneratedValueError: A value is no number, or beyond what a picture can show.
            UserError: The latents are of another shape.
        """
        if latents.shape != (len(labels), *self.latent_shape):
            sides = ", ".join(map(str, ("N", *self.latent_shape)))
            raise UserError(
                f"The generator takes latents of the shape ({sides}), one for each of the "
                f"{len(labels)} labels, but got {latents.shape}."
            )
        samples = draw_in_chunks(
            self._generator,
            torch.from_numpy(np.ascontiguousarray(latents, dtype=np.float32)),
            torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64)),
        )
        num_bad = int((~samples.isfinite()).sum())
        if num_bad:
            raise GeneratedValueError(
                f"{num_bad} of {samples.numel()} generated values are infinite or no numbers. "
                "Look at the latents; else train the generator again with lower rates."
            )
        if isinstance(self._preprocessing, ImagePreprocessing):
            return _to_pixels(samples)
        assert isinstance(self._preprocessing, SeriesPreprocessing)
        return _to_units(samples, self._preprocessing)


def draw_in_chunks(generator: nn.Module, latents: Tensor, labels: Tensor) -> Tensor:
    """Return what a generator makes, in evaluation mode and float32, on the CPU."""
    device = next(generator.parameters()).device
    was_training = generator.training
    generator.eval()
    try:
        with (
            torch.inference_mode(),
            torch.autocast(device.type, enabled=False),
            reproducible(),
        ):
            parts = zip(torch.split(latents, _CHUNK), torch.split(labels, _CHUNK), strict=True)
            drawn = [
                generator(part.to(device), of_part.to(device)).float().cpu()
                for part, of_part in parts
            ]
    finally:
        generator.train(was_training)
    return torch.cat(drawn)


def _to_pixels(samples: Tensor) -> npt.NDArray[np.uint8]:
    """Return images of 0..255 from -1..1."""
    largest = float(samples.abs().max()) if samples.numel() else 0.0
    if largest > 1 + _ROUNDING:
        raise GeneratedValueError(
            f"A generated picture has the value {largest:g}, but a generator of pictures makes "
            "-1 to 1."
        )
    pixels: npt.NDArray[np.uint8] = (
        samples.add(1).mul(_LEVELS).round().clamp(0, 255).to(torch.uint8).contiguous().numpy()
    )
    return pixels


def _to_units(samples: Tensor, fitted: SeriesPreprocessing) -> npt.NDArray[np.float32]:
    """Return series in the units of each channel."""
    values = samples.double().numpy() * np.array(fitted.std) + np.array(fitted.mean)
    in_units: npt.NDArray[np.float32] = values.astype(np.float32)
    return in_units

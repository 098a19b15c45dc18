"""The inputs of a part of a fold, batch by batch, whatever kind of samples they are.

B: batch, N: samples of the part, C: channels, H: height, W: width, T: steps, F: channels of a
series, D: columns.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from foldwise.data.preprocessing import (
    AnyPreprocessing,
    ImagePreprocessing,
    SeriesPreprocessing,
    TablePreprocessing,
    TokenPreprocessing,
)
from foldwise.data.samples import Samples
from foldwise.models.input_spec import ImageSpec, InputSpec, SeriesSpec, TableSpec, TokenSpec
from foldwise.modules.images import Images, StreamedImages, fits_in_memory, open_images

Rows = npt.NDArray[np.int64]
Encode = Callable[[Rows], npt.NDArray[Any]]  # rows of the samples (B,) -> what a network takes

_CHUNK = 4096  # samples at a time
_FLAT = 1 / 255  # deviation of an image below which nothing is on it: one level


class Inputs(Protocol):
    """Samples of a part, taken by position; in between they may be changed at random."""

    shape: tuple[int, ...]  # of one input of the network, at its longest
    lengths: Tensor | None  # (N,) steps of each on the CPU; None: all alike

    def take(self, positions: Tensor) -> Tensor:
        """Return a batch as augmentation takes it, on the device."""

    def finish(self, batch: Tensor) -> Tensor:
        """Return a batch as the network takes it."""

    def close(self) -> None:
        """Let go of the memory."""


class ImageInputs:
    """Images: augmented in 0..1, then standardised."""

    lengths: Tensor | None = None

    def __init__(self, images: Images, preprocessing: ImagePreprocessing) -> None:
        self._images, self._preprocessing = images, preprocessing
        shape = images.take(torch.empty(0, dtype=torch.int64)).shape[1:]
        self.shape = input_spec(preprocessing, tuple(shape)).shape

    def take(self, positions: Tensor) -> Tensor:
        """Return images (B, C, H, W) in 0..1."""
        return self._images.take(positions).float().div_(255)

    def finish(self, batch: Tensor) -> Tensor:
        """Return them standardised, in the layout that the network takes."""
        return to_input(batch, self._preprocessing)

    def close(self) -> None:
        """Let go of the memory."""
        self._images.close()


class EncodedInputs:
    """Series, texts and tables, encoded once if they fit into memory; augmented as they are."""

    def __init__(
        self,
        encode: Encode,
        rows: Rows,
        shape: tuple[int, ...],
        device: torch.device,
        *,
        lengths: Rows | None = None,
        is_resident: bool = True,
    ) -> None:
        """Take the samples.

        Args:
            encode: From rows of the samples to inputs.
            rows: Of the part, (N,); a row may come several times.
            shape: Of one input at its longest.
            device: Where the batches are needed.
            lengths: Steps of each of `rows`, (N,); None: all are as long as `shape` says.
            is_resident: Whether all are encoded at once.
        """
        self.shape, self._device = shape, device
        self.lengths = None if lengths is None else torch.from_numpy(lengths)
        self._encode, self._rows = encode, rows
        self._all: Tensor | None = None
        if is_resident:
            unique, places = np.unique(rows, return_inverse=True)
            self._places = torch.from_numpy(places)
            self._all = self._encoded(unique)

    def take(self, positions: Tensor) -> Tensor:
        """Return a batch as the network takes it, as long as its longest."""
        if self._all is None:
            return torch.from_numpy(self._encode(self._rows[positions.numpy()])).to(self._device)
        batch = self._all[self._places[positions].to(self._device)]
        if self.lengths is None or not len(positions):
            return batch
        return batch[:, : int(self.lengths[positions].max())]

    def finish(self, batch: Tensor) -> Tensor:
        """Return the batch itself."""
        return batch

    def close(self) -> None:
        """Free the memory."""
        self._all = None
        self._encode = _closed

    def _encoded(self, rows: Rows) -> Tensor:
        """Return all inputs of some rows, (N, *shape), in chunks that need little beside them."""
        first = torch.from_numpy(self._encode(rows[:1]))
        found = torch.zeros((len(rows), *self.shape), dtype=first.dtype, device=self._device)
        for start in range(0, len(rows), _CHUNK):
            chunk = torch.from_numpy(self._encode(rows[start : start + _CHUNK]))
            if self.lengths is None:
                found[start : start + _CHUNK] = chunk
            else:
                found[start : start + _CHUNK, : chunk.shape[1]] = chunk
        return found


def open_inputs(
    samples: Samples,
    rows: Rows,
    preprocessing: AnyPreprocessing,
    device: torch.device,
    *,
    is_resident: bool | None = None,
) -> Inputs:
    """Return the inputs of some samples.

    Args:
        samples: The samples.
        rows: Which of them, (N,).
        preprocessing: What they undergo.
        device: Where they are needed.
        is_resident: Whether they are to be held in memory; by default if they fit.

    Raises:
        MissingValueError: A series lacks a value, and nothing is to stand in its place.
    """
    if isinstance(preprocessing, ImagePreprocessing):
        images = (
            StreamedImages(samples.x, rows, device)
            if is_resident is False
            else open_images(samples.x, rows, device)
        )
        return ImageInputs(images, preprocessing)
    spec = input_spec(preprocessing, samples.x.shape[1:])
    if is_resident is None:
        is_resident = fits_in_memory(len(np.unique(rows)) * int(np.prod(spec.shape)) * 8, device)
    return EncodedInputs(
        _encoder(samples, preprocessing),
        rows,
        spec.shape,
        device,
        lengths=_lengths(samples, rows, preprocessing),
        is_resident=is_resident,
    )


def input_spec(preprocessing: AnyPreprocessing, shape: tuple[int, ...]) -> InputSpec:
    """Return what a network is given.

    Args:
        preprocessing: What samples undergo.
        shape: Of one sample, as it is stored.
    """
    match preprocessing:
        case ImagePreprocessing(layout="maps"):
            channels, height, width = shape
            return ImageSpec(channels, height, width)
        case ImagePreprocessing(layout="rows"):
            channels, height, width = shape
            return SeriesSpec(num_channels=channels * width, num_steps=height)
        case SeriesPreprocessing(layout="steps"):
            return SeriesSpec(shape[1], _cut(shape[0], preprocessing.max_length))
        case TokenPreprocessing():
            size = preprocessing.vocabulary.size
            return TokenSpec(size, _cut(shape[0], preprocessing.max_length))
        case TablePreprocessing():
            return TableSpec(preprocessing.encoding.cardinalities)
        case _:  # in one long row
            return TableSpec((0,) * int(np.prod(shape)))


def example_inputs(spec: InputSpec, size: int, device: torch.device | str) -> Tensor:
    """Return a batch of zeros as a network takes it, all of it at its longest."""
    match spec:
        case TokenSpec():
            return torch.ones((size, *spec.shape), dtype=torch.int64, device=device)
        case SeriesSpec():
            batch = torch.zeros((size, *spec.shape), device=device)
            batch[..., -1] = 1.0
            return batch
        case ImageSpec():
            batch = torch.zeros((size, *spec.shape), device=device)
            return batch.contiguous(memory_format=torch.channels_last)
        case TableSpec():
            return torch.zeros((size, *spec.shape), device=device)


def to_input(images: Tensor, preprocessing: ImagePreprocessing) -> Tensor:
    """Standardise images in 0..1, (B, C, H, W), and lay them out as a network takes them.

    Returns:
        Of the layout `maps` (B, C, H, W), channels last; of `rows` (B, H, C W + 1), a sequence of
        rows with its mask; of `flat` (B, C H W).
    """
    if preprocessing.standardise == "image":
        # Not by std_mean, which warns of a part without pictures.
        centred = images - images.mean(dim=(2, 3), keepdim=True)
        std = centred.square().mean(dim=(2, 3), keepdim=True).sqrt().clamp_min(_FLAT)
    else:
        mean = torch.tensor(preprocessing.mean, device=images.device).view(1, -1, 1, 1)
        centred = images - mean
        std = torch.tensor(preprocessing.std, device=images.device).view(1, -1, 1, 1)
    standard = centred / std
    if preprocessing.layout == "maps":
        return standard.contiguous(memory_format=torch.channels_last)
    if preprocessing.layout == "flat":
        return standard.flatten(1)
    steps = standard.transpose(1, 2).flatten(2)  # (B, H, C W)
    return torch.cat([steps, torch.ones_like(steps[..., :1])], dim=2)


def _encoder(samples: Samples, preprocessing: AnyPreprocessing) -> Encode:
    x, lengths = samples.x, samples.lengths
    match preprocessing:
        case SeriesPreprocessing(layout="flat"):
            return lambda rows: _flat(preprocessing.encode(x[rows], lengths[rows]), x.shape[1])
        case SeriesPreprocessing():
            return lambda rows: preprocessing.encode(x[rows], lengths[rows])
        case TokenPreprocessing():

            def tokens(rows: Rows) -> npt.NDArray[np.int64]:
                longest = _cut(int(lengths[rows].max(initial=1)), preprocessing.max_length)
                found = preprocessing.vocabulary.encode(x[rows, :longest], samples.tokens)
                return found.astype(np.int64)

            return tokens
        case TablePreprocessing():
            return lambda rows: preprocessing.encoding.encode(x[rows], samples.features)
    raise AssertionError(preprocessing)


def _flat(encoded: npt.NDArray[np.float32], num_steps: int) -> npt.NDArray[np.float32]:
    """Return series in one long row, (B, T, F + 1) -> (B, num_steps F)."""
    values = encoded[..., :-1]
    flat = np.zeros((len(values), num_steps, values.shape[2]), np.float32)
    flat[:, : values.shape[1]] = values
    return flat.reshape(len(values), num_steps * values.shape[2])


def _lengths(samples: Samples, rows: Rows, preprocessing: AnyPreprocessing) -> Rows | None:
    """Return the steps that are kept of each, at least 1; None where no input is a sequence."""
    if isinstance(preprocessing, TablePreprocessing) or (
        isinstance(preprocessing, SeriesPreprocessing) and preprocessing.layout == "flat"
    ):
        return None
    assert not isinstance(preprocessing, ImagePreprocessing)
    kept = np.maximum(samples.lengths[rows], 1)
    return kept if preprocessing.max_length is None else np.minimum(kept, preprocessing.max_length)


def _cut(length: int, max_length: int | None) -> int:
    return length if max_length is None else min(length, max_length)


def _closed(_: Rows) -> npt.NDArray[Any]:
    raise RuntimeError("These inputs are closed.")

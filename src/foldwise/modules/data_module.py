"""Batches by index from tensors that stay where they are used.

N: samples, B: batch, C: channels, H: height, W: width.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import psutil
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from foldwise.data.preprocessing import Preprocessing
from foldwise.seeds import derive_seed

Batch = tuple[Tensor, Tensor, Tensor]  # inputs (B, C, H, W) float, labels (B), loss weights (B)
Augment = Callable[[Tensor, int], Tensor]  # images (B, C, H, W) in 0..1 and a seed -> the same

_EVALUATION_BATCH = 512
_COPIED = 4096  # images at a time
_RESIDENT_SHARE = 0.5  # of the free memory that a data set may take


@dataclass(frozen=True)
class Part:
    """The samples of one part of a fold, as rows of the samples' arrays."""

    rows: npt.NDArray[np.int64]  # (N,)
    labels: npt.NDArray[np.int64]  # (N,) class indices
    sampling_weights: npt.NDArray[np.float64] | None = None  # (N,); None: all alike
    loss_weights: npt.NDArray[np.float64] | None = None  # (N,); None: all 1


class Images(Protocol):
    """Pixels of a part, taken by position."""

    def take(self, positions: Tensor) -> Tensor:
        """Return uint8 images (B, C, H, W) on the device."""

    def close(self) -> None:
        """Let go of them: Lightning's trainer, a knot of references, would hold them for long."""


class ResidentImages:
    """All images of a part in the memory of the device: one copy, made once."""

    def __init__(
        self, x: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], device: torch.device
    ) -> None:
        self._images = torch.empty((len(rows), *x.shape[1:]), dtype=torch.uint8, device=device)
        for start in range(0, len(rows), _COPIED):  # so that a GPU's data need not fit beside it
            chunk = torch.from_numpy(x[rows[start : start + _COPIED]])
            self._images[start : start + _COPIED] = chunk

    def take(self, positions: Tensor) -> Tensor:
        """Return uint8 images (B, C, H, W) on the device."""
        return self._images[positions.to(self._images.device)]

    def close(self) -> None:
        """Free the memory."""
        self._images = torch.empty(0, dtype=torch.uint8)


class StreamedImages:
    """Images that are read from a memory map batch by batch, for data larger than memory."""

    def __init__(
        self, x: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], device: torch.device
    ) -> None:
        self._x, self._rows, self._device = x, rows, device

    def take(self, positions: Tensor) -> Tensor:
        """Return uint8 images (B, C, H, W) on the device."""
        rows = self._rows[positions.numpy()]
        order = np.argsort(rows)  # a map is read fastest from front to back
        images = np.empty((len(rows), *self._x.shape[1:]), dtype=self._x.dtype)
        images[order] = self._x[rows[order]]
        return torch.from_numpy(images).to(self._device)

    def close(self) -> None:
        """Do nothing: nothing is held."""


def open_images(
    x: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], device: torch.device
) -> Images:
    """Return resident images where they fit into half of the free memory, else streamed ones."""
    needed = len(rows) * int(np.prod(x.shape[1:]))
    kind = ResidentImages if needed <= _free_memory(device) * _RESIDENT_SHARE else StreamedImages
    return kind(x, rows, device)


def _free_memory(device: torch.device) -> int:
    """Return the bytes that are free on the device, or in the main memory for a CPU."""
    if device.type != "cuda":
        return int(psutil.virtual_memory().available)
    # What torch keeps for later use counts as taken by the driver, but is free for tensors.
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0] + kept)


def to_input(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Standardise images in 0..1, (B, C, H, W) -> the same, channels last."""
    mean = torch.tensor(preprocessing.mean, device=images.device).view(1, -1, 1, 1)
    std = torch.tensor(preprocessing.std, device=images.device).view(1, -1, 1, 1)
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


class TrainingBatches:
    """One epoch of shuffled, augmented, standardised batches; each epoch its own draws.

    All draws derive from (seed, epoch), so an epoch is the same whether or not others ran before.
    """

    def __init__(
        self,
        images: Images,
        part: Part,
        preprocessing: Preprocessing,
        augment: Augment,
        *,
        batch_size: int,
        seed: int,
        epoch: Callable[[], int],
        device: torch.device,
    ) -> None:
        self._images, self._preprocessing, self._augment = images, preprocessing, augment
        self._labels = torch.from_numpy(part.labels).to(device)
        weights = np.ones(len(part.labels)) if part.loss_weights is None else part.loss_weights
        self._loss_weights = torch.from_numpy(weights.astype(np.float32)).to(device)
        self._sampling_weights = part.sampling_weights
        size = len(part.rows)
        self._num_batches = max(1, min(-(-size // batch_size), size // 2))
        self._seed, self._epoch, self._device = seed, epoch, device

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[Batch]:
        epoch = self._epoch()
        for step, positions in enumerate(self._order(epoch).tensor_split(len(self))):
            images = self._images.take(positions).float().div_(255)
            images = self._augment(images, derive_seed(self._seed, epoch, step, "augment"))
            here = positions.to(self._device)
            inputs = to_input(images, self._preprocessing)
            yield inputs, self._labels[here], self._loss_weights[here]

    def _order(self, epoch: int) -> Tensor:
        """Return the positions of one epoch, (N,): a permutation, or draws by weight."""
        generator = torch.Generator().manual_seed(derive_seed(self._seed, epoch, "order"))
        size = len(self._labels)
        weights = self._sampling_weights
        if weights is None or np.ptp(weights) == 0:
            return torch.randperm(size, generator=generator)
        # torch.multinomial takes at most 2**24 categories; a search in the cumulative sum any.
        draws = torch.rand(size, generator=generator, dtype=torch.float64)
        cumulative = torch.from_numpy(np.cumsum(weights / weights.sum()))
        # From the right: a draw of exactly 0 must not hit a first sample of weight 0.
        return torch.searchsorted(cumulative, draws, right=True).clamp_(max=size - 1)


class EvaluationBatches:
    """All samples of a part once, in order, standardised."""

    def __init__(
        self, images: Images, part: Part, preprocessing: Preprocessing, device: torch.device
    ) -> None:
        self._images, self._preprocessing = images, preprocessing
        self._labels = torch.from_numpy(part.labels).to(device)

    def __len__(self) -> int:
        return -(-len(self._labels) // _EVALUATION_BATCH)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for positions in torch.split(torch.arange(len(self._labels)), _EVALUATION_BATCH):
            images = self._images.take(positions).float().div_(255)
            labels = self._labels[positions.to(self._labels.device)]
            yield to_input(images, self._preprocessing), labels


class FoldData(LightningDataModule):
    """The training and the inner validation part of one fold."""

    def __init__(self, training: TrainingBatches, validation: EvaluationBatches) -> None:
        super().__init__()
        self._training, self._validation = training, validation

    def train_dataloader(self) -> TrainingBatches:
        """Return the batches that the network is fitted on."""
        return self._training

    def val_dataloader(self) -> EvaluationBatches:
        """Return the batches that the best epoch is chosen on."""
        return self._validation

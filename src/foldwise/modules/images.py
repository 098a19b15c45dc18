"""The pixels of a part of a fold: in the memory of the device where they fit, else on disk.

B: batch, C: channels, H: height, W: width, N: samples of the part.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import psutil
import torch
from torch import Tensor

_COPIED = 4096  # images at a time
_RESIDENT_SHARE = 0.5  # of the free memory that a data set may take


class Images(Protocol):
    """Pixels of a part, taken by position."""

    def take(self, positions: Tensor) -> Tensor:
        """Return uint8 images (B, C, H, W) on the device."""

    def close(self) -> None:
        """Let go of them: Lightning's trainer, a knot of references, would hold them for long."""


class ResidentImages:
    """All images of a part in the memory of the device: one copy, made once.

    A row that comes several times is held once.
    """

    def __init__(
        self, x: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], device: torch.device
    ) -> None:
        unique, places = np.unique(rows, return_inverse=True)
        self._places = torch.from_numpy(places) if len(unique) < len(rows) else None
        rows = rows if self._places is None else unique
        self._images = torch.empty((len(rows), *x.shape[1:]), dtype=torch.uint8, device=device)
        for start in range(0, len(rows), _COPIED):  # so that a GPU's data need not fit beside it
            chunk = torch.from_numpy(x[rows[start : start + _COPIED]])
            self._images[start : start + _COPIED] = chunk

    def take(self, positions: Tensor) -> Tensor:
        """Return uint8 images (B, C, H, W) on the device."""
        places = positions if self._places is None else self._places[positions]
        return self._images[places.to(self._images.device)]

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
    needed = len(np.unique(rows)) * int(np.prod(x.shape[1:]))
    kind = ResidentImages if fits_in_memory(needed, device) else StreamedImages
    return kind(x, rows, device)


def fits_in_memory(num_bytes: int, device: torch.device) -> bool:
    """Whether so much fits into half of the free memory, of the device or of the machine."""
    return num_bytes <= _free_memory(device) * _RESIDENT_SHARE


def _free_memory(device: torch.device) -> int:
    """Return the bytes that are free on the device, or in the main memory for a CPU."""
    if device.type != "cuda":
        return int(psutil.virtual_memory().available)
    # What torch keeps for later use counts as taken by the driver, but is free for tensors.
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0] + kept)

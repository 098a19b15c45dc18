"""Batches by index from tensors that stay where they are used.

N: samples, B: batch, C: channels, H: height, W: width, K: classes.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from foldwise.data.balance.weights import inverse_frequency
from foldwise.data.preprocessing import Preprocessing
from foldwise.errors import UserError
from foldwise.modules.balanced_mixup import BalancedMixup
from foldwise.modules.epoch_order import (
    permutation,
    process_purpose,
    process_share,
    process_share_size,
    weighted_draws,
)
from foldwise.modules.images import Images, ResidentImages, StreamedImages, open_images
from foldwise.modules.mixing import Mixer
from foldwise.seeds import derive_seed

__all__ = [
    "Augment",
    "Batch",
    "EvaluationBatches",
    "FoldData",
    "Images",
    "LabelError",
    "MixError",
    "Part",
    "ResidentImages",
    "StreamedImages",
    "TrainingBatches",
    "open_images",
    "to_input",
]

# Inputs (B, C, H, W) float, labels (B) or shares of classes (B, K), loss weights (B).
Batch = tuple[Tensor, Tensor, Tensor]
# Images (B, C, H, W) in 0..1, a seed, their positions in the part (B) and the epoch -> the same.
Augment = Callable[[Tensor, int, Tensor, int], Tensor]

_EVALUATION_BATCH = 512
_EVALUATION_NUMBERS = _EVALUATION_BATCH * 3 * 64 * 64  # of larger images, fewer at a time


class LabelError(UserError):
    """A label is no class."""


class MixError(UserError):
    """Batches are to be mixed in two ways at once."""


@dataclass(frozen=True)
class Part:
    """The samples of one part of a fold, as rows of the samples' arrays."""

    rows: npt.NDArray[np.int64]  # (N,)
    labels: npt.NDArray[np.int64]  # (N,) class indices
    sampling_weights: npt.NDArray[np.float64] | None = None  # (N,); None: all alike
    loss_weights: npt.NDArray[np.float64] | None = None  # (N,); None: all 1

    def __post_init__(self) -> None:
        """Refuse a label that is no class: on a GPU it would end the process.

        Raises:
            LabelError: It names the first such row.
        """
        wrong = np.flatnonzero(self.labels < 0)
        if len(wrong):
            raise LabelError(
                f"Row {self.rows[wrong[0]]} of the samples has the label "
                f"{self.labels[wrong[0]]}, as have {len(wrong)} of {len(self.labels)} rows of "
                "the part, but classes are counted from 0."
            )


def to_input(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Standardise images in 0..1, (B, C, H, W) -> the same, channels last."""
    mean = torch.tensor(preprocessing.mean, device=images.device).view(1, -1, 1, 1)
    std = torch.tensor(preprocessing.std, device=images.device).view(1, -1, 1, 1)
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


class TrainingBatches:
    """One epoch of shuffled, augmented, standardised, mixed batches; each epoch its own draws.

    All draws derive from (seed, epoch), so an epoch is the same whether or not others ran before.
    Where several processes fit one network, they share one order out between them: each has as
    many batches of up to `batch_size` as the others, and draws of its own within them.
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
        mix: Mixer | None = None,
        balanced_mixup: BalancedMixup | None = None,
    ) -> None:
        """Take the samples and what is done to them.

        Args:
            images: The pixels of the part.
            part: Its labels and weights.
            preprocessing: Mean and deviation of the channels.
            augment: Changes images in 0..1.
            batch_size: The largest batch.
            seed: Of all draws.
            epoch: Tells the number of the epoch that begins.
            device: Where the batches are needed.
            mix: Mixes the images of a batch with one another.
            balanced_mixup: Mixes a batch with one in which classes are drawn alike.

        Raises:
            MixError: Both of the latter are given.
        """
        if mix is not None and balanced_mixup is not None:
            raise MixError(
                "balance.method is 'mixup_balanced', which mixes batches, but MixUp or CutMix "
                "mixes them as well. Switch one of the two off."
            )
        self._images, self._part, self._preprocessing = images, part, preprocessing
        self._augment, self._mix, self._balanced_mixup = augment, mix, balanced_mixup
        self._batch_size, self._seed, self._epoch = batch_size, seed, epoch
        self._device = device
        self._labels = torch.from_numpy(part.labels).to(device)
        weights = np.ones(len(part.labels)) if part.loss_weights is None else part.loss_weights
        self._loss_weights = torch.from_numpy(weights.astype(np.float32)).to(device)

    def __len__(self) -> int:
        size = process_share_size(len(self._labels))
        return max(1, min(-(-size // self._batch_size), size // 2))

    def __iter__(self) -> Iterator[Batch]:
        epoch = self._epoch()
        partners = self._partners(epoch)
        for step, positions in enumerate(self._order(epoch).tensor_split(len(self))):
            seed = functools.partial(derive_seed, self._seed, epoch, step, *process_purpose())
            inputs, labels = self._take(positions, epoch, seed("augment"))
            weights = self._loss_weights[positions.to(self._device)]
            if self._mix is not None:
                inputs, shares = self._mix(inputs, labels, seed("mix"))
                yield inputs, *self._weigh(shares, weights)
            elif self._balanced_mixup is not None:
                balanced = self._take(partners[step], epoch, seed("augment", "balanced"))
                inputs, shares = self._balanced_mixup((inputs, labels), balanced, seed("mix"))
                yield inputs, *self._weigh(shares, weights)
            else:
                yield inputs, labels, weights

    def _take(self, positions: Tensor, epoch: int, seed: int) -> tuple[Tensor, Tensor]:
        """Return inputs (B, C, H, W) and labels (B) at positions (B)."""
        images = self._images.take(positions).float().div_(255)
        images = self._augment(images, seed, positions, epoch)
        return to_input(images, self._preprocessing), self._labels[positions.to(self._device)]

    def _order(self, epoch: int) -> Tensor:
        """Return this process's positions of one epoch: a permutation, or draws by weight."""
        seed = derive_seed(self._seed, epoch, "order")
        weights = self._part.sampling_weights
        if weights is None or np.ptp(weights) == 0:
            return process_share(permutation(len(self._labels), seed))
        return process_share(weighted_draws(weights, seed))

    def _partners(self, epoch: int) -> tuple[Tensor, ...]:
        """Return positions for each batch, drawn such that classes are alike, where needed."""
        if self._balanced_mixup is None:
            return ()
        weights = inverse_frequency(self._part.labels.astype(object))
        seed = derive_seed(self._seed, epoch, "order", "balanced")
        return process_share(weighted_draws(weights, seed)).tensor_split(len(self))

    @functools.cached_property
    def _class_weights(self) -> Tensor | None:
        """Each class's loss weight, (K,) without classes after the last; None: all alike."""
        weights, labels = self._part.loss_weights, self._part.labels
        if weights is None or np.ptp(weights) == 0:
            return None
        sizes = np.maximum(np.bincount(labels), 1)
        means = np.bincount(labels, weights) / sizes
        return torch.from_numpy(means.astype(np.float32)).to(self._device)

    def _weigh(self, shares: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return shares and weights of mixed samples in which each class has its own weight.

        Of shares y_k and class weights w_k, y_k w_k / sum(y w) and sum(y w): as cross-entropy is
        linear in the shares, it becomes the sum over what was mixed, each with its own weight.
        """
        if self._class_weights is None:
            return shares, weights
        weighed = shares.clone()
        weighed[:, : len(self._class_weights)] *= self._class_weights
        totals = weighed.sum(dim=1)
        return weighed / totals[:, None], totals


class EvaluationBatches:
    """All samples of a part once, in order, standardised.

    Of large images a batch holds fewer: 64 maps of 224 px each would fill 7 GB for 512 of them.
    """

    def __init__(
        self, images: Images, part: Part, preprocessing: Preprocessing, device: torch.device
    ) -> None:
        self._images, self._preprocessing = images, preprocessing
        self._labels = torch.from_numpy(part.labels).to(device)

    @functools.cached_property
    def _batch_size(self) -> int:
        shape = self._images.take(torch.empty(0, dtype=torch.int64)).shape[1:]
        return max(1, min(_EVALUATION_BATCH, _EVALUATION_NUMBERS // shape.numel()))

    def __len__(self) -> int:
        return -(-len(self._labels) // self._batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for positions in torch.split(torch.arange(len(self._labels)), self._batch_size):
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

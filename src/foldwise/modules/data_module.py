"""Batches by index from tensors that stay where they are used.

N: samples, B: batch, K: classes, H: numbers to be predicted.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from foldwise.data.balance.weights import inverse_frequency
from foldwise.errors import UserError
from foldwise.modules.balanced_mixup import BalancedMixup
from foldwise.modules.epoch_order import (
    bucketed_batches,
    permutation,
    process_purpose,
    process_share,
    process_share_size,
    weighted_draws,
)
from foldwise.modules.inputs import Inputs
from foldwise.modules.mixing import Mixer
from foldwise.seeds import derive_seed

__all__ = [
    "Augment",
    "Batch",
    "EvaluationBatches",
    "FoldData",
    "LabelError",
    "MixError",
    "Part",
    "TrainingBatches",
]

# Inputs (B, ...), targets: labels (B), shares of classes (B, K) or numbers (B, H), and loss
# weights (B).
Batch = tuple[Tensor, Tensor, Tensor]
# A batch as `Inputs.take` gives it, a seed, its positions in the part (B), the epoch -> the same.
Augment = Callable[[Tensor, int, Tensor, int], Tensor]

_EVALUATION_BATCH = 512
_EVALUATION_NUMBERS = _EVALUATION_BATCH * 3 * 64 * 64  # of larger inputs, fewer at a time


class LabelError(UserError):
    """A label is no class."""


class MixError(UserError):
    """Batches are to be mixed in two ways at once."""


@dataclass(frozen=True)
class Part:
    """The samples of one part of a fold, as rows of the samples' arrays."""

    rows: npt.NDArray[np.int64]  # (N,)
    # (N,) class indices, or in a regression (N, H): in their own units, for the fit standardised
    targets: npt.NDArray[np.int64] | npt.NDArray[np.float64] | npt.NDArray[np.float32]
    sampling_weights: npt.NDArray[np.float64] | None = None  # (N,); None: all alike
    loss_weights: npt.NDArray[np.float64] | None = None  # (N,); None: all 1

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The targets where they are class indices, (N,)."""
        assert np.issubdtype(self.targets.dtype, np.integer), "a regression has no labels"
        return self.targets.astype(np.int64, copy=False)

    def __post_init__(self) -> None:
        """Refuse a label that is no class: on a GPU it would end the process.

        Raises:
            LabelError: It names the first such row.
        """
        if self.targets.ndim == 2:
            return
        wrong = np.flatnonzero(self.targets < 0)
        if len(wrong):
            raise LabelError(
                f"Row {self.rows[wrong[0]]} of the samples has the label "
                f"{self.targets[wrong[0]]}, as have {len(wrong)} of {len(self.targets)} rows of "
                "the part, but classes are counted from 0."
            )


class TrainingBatches:
    """One epoch of shuffled, augmented, standardised, mixed batches; each epoch its own draws.

    All draws derive from (seed, epoch), so an epoch is the same whether or not others ran before.
    Where several processes fit one network, they share one order out between them: each has as
    many batches of up to `batch_size` as the others, and draws of its own within them.
    """

    def __init__(
        self,
        inputs: Inputs,
        part: Part,
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
            inputs: Of the samples of the part.
            part: Its targets and weights.
            augment: Changes batches at random.
            batch_size: The largest batch.
            seed: Of all draws.
            epoch: Tells the number of the epoch that begins.
            device: Where the batches are needed.
            mix: Mixes the samples of a batch with one another.
            balanced_mixup: Mixes a batch with one in which classes are drawn alike.

        Raises:
            MixError: Both of the latter are given.
        """
        if mix is not None and balanced_mixup is not None:
            raise MixError(
                "balance.method is 'mixup_balanced', which mixes batches, but MixUp or CutMix "
                "mixes them as well. Switch one of the two off."
            )
        self._inputs, self._part = inputs, part
        self._augment, self._mix, self._balanced_mixup = augment, mix, balanced_mixup
        self._batch_size, self._seed, self._epoch = batch_size, seed, epoch
        self._device = device
        self._targets = torch.from_numpy(part.targets).to(device)
        weights = np.ones(len(part.targets)) if part.loss_weights is None else part.loss_weights
        self._loss_weights = torch.from_numpy(weights.astype(np.float32)).to(device)

    def __len__(self) -> int:
        size = process_share_size(len(self._targets))
        return max(1, min(-(-size // self._batch_size), size // 2))

    def __iter__(self) -> Iterator[Batch]:
        epoch = self._epoch()
        order = self._order(epoch)
        order_seed = derive_seed(self._seed, epoch, "order", "batches")
        batches = bucketed_batches(order, self._inputs.lengths, len(self), order_seed)
        partners = self._partners(epoch, [len(positions) for positions in batches])
        for step, positions in enumerate(batches):
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
        """Return inputs (B, ...) and targets at positions (B)."""
        batch = self._augment(self._inputs.take(positions), seed, positions, epoch)
        return self._inputs.finish(batch), self._targets[positions.to(self._device)]

    def _order(self, epoch: int) -> Tensor:
        """Return this process's positions of one epoch: a permutation, or draws by weight."""
        seed = derive_seed(self._seed, epoch, "order")
        weights = self._part.sampling_weights
        if weights is None or np.ptp(weights) == 0:
            return process_share(permutation(len(self._targets), seed))
        return process_share(weighted_draws(weights, seed))

    def _partners(self, epoch: int, sizes: list[int]) -> tuple[Tensor, ...]:
        """Return as many positions as each batch has, drawn such that classes are alike.

        Where batches are mixed with no others, return nothing.
        """
        if self._balanced_mixup is None:
            return ()
        weights = inverse_frequency(self._part.targets.astype(object))
        seed = derive_seed(self._seed, epoch, "order", "balanced")
        return torch.split(process_share(weighted_draws(weights, seed)), sizes)

    @functools.cached_property
    def _class_weights(self) -> Tensor | None:
        """Each class's loss weight, (K,) without classes after the last; None: all alike."""
        weights, labels = self._part.loss_weights, self._part.targets
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

    Of large inputs a batch holds fewer: 64 maps of 224 px each would fill 7 GB for 512 of them.
    """

    def __init__(self, inputs: Inputs, part: Part, device: torch.device) -> None:
        self._inputs = inputs
        self._targets = torch.from_numpy(part.targets).to(device)

    @functools.cached_property
    def _batch_size(self) -> int:
        size = max(1, math.prod(self._inputs.shape))
        return max(1, min(_EVALUATION_BATCH, _EVALUATION_NUMBERS // size))

    def __len__(self) -> int:
        return -(-len(self._targets) // self._batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for positions in torch.split(torch.arange(len(self._targets)), self._batch_size):
            targets = self._targets[positions.to(self._targets.device)]
            yield self._inputs.finish(self._inputs.take(positions)), targets


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

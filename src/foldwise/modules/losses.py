"""The losses of classifiers, by imbalance remedy.

B: batch, K: classes. Targets are class indices (B,) or, of mixed batches, shares (B, K) that sum
to 1. A loss is the mean over the batch of each sample's loss times its weight; class weights are
in the plan, and so in the samples' weights, unless a remedy changes them during the fit.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from foldwise.data.balance.config import BalanceConfig, Focal, LdamDrw, LogitAdjustment
from foldwise.data.balance.weights import class_weights
from foldwise.models.perceptron import perceptron_losses
from foldwise.modules.loss_config import (
    ClassLossConfig,
    CrossEntropyLossConfig,
    LossError,
    NllLossConfig,
    PerceptronLossConfig,
)

# logits (B, K), targets (B,) or (B, K), weights (B,), epoch from 0 -> scalar
Loss = Callable[[Tensor, Tensor, Tensor, int], Tensor]
SampleLosses = Callable[[Tensor, Tensor, int], Tensor]  # logits, targets, epoch -> (B,)
Counts = npt.NDArray[np.int64]


def build_loss(
    balance: BalanceConfig,
    class_counts: Counts,
    *,
    label_smoothing: float,
    max_epochs: int,
    loss: ClassLossConfig | None = None,
) -> Loss:
    """Return the loss of a remedy; of those that leave the loss alone, the one asked for.

    Args:
        balance: The remedy.
        class_counts: Samples of each class in the training part, (K,). A class without any is
            treated like the commonest: it is pushed down as by plain cross-entropy.
        label_smoothing: Share of a target that is spread evenly over all classes.
        max_epochs: Of the whole fit, for remedies that change during it.
        loss: What is asked for; None: cross-entropy.

    Raises:
        LossError: The remedy changes cross-entropy, but another loss is asked for.

    The loss raises ValueError for a label that is no class.
    """
    asked = loss or CrossEntropyLossConfig()
    losses = _sample_losses(balance, class_counts, label_smoothing, max_epochs, asked)

    def batch_loss(logits: Tensor, targets: Tensor, weights: Tensor, epoch: int) -> Tensor:
        _require_classes(targets, len(class_counts))
        return (losses(logits, targets, epoch) * weights).mean()

    return batch_loss


def _sample_losses(
    balance: BalanceConfig,
    counts: Counts,
    label_smoothing: float,
    max_epochs: int,
    loss: ClassLossConfig,
) -> SampleLosses:
    if isinstance(balance.remedy, Focal | LogitAdjustment | LdamDrw):
        _require_cross_entropy(loss, balance.method)
    match balance.remedy:
        case Focal() as focal:
            return lambda logits, targets, _: focal_losses(
                logits, targets, focal.gamma, label_smoothing
            )
        case LogitAdjustment() as adjustment:
            offsets = torch.from_numpy(adjustment.tau * log_shares(counts)).float()
            return lambda logits, targets, _: functional.cross_entropy(
                logits + offsets.to(logits.device),
                targets,
                reduction="none",
                label_smoothing=label_smoothing,
            )
        case LdamDrw() as ldam:
            return _ldam_drw(ldam, counts, label_smoothing, max_epochs)
        case _:
            return lambda logits, targets, _: class_losses(logits, targets, loss, label_smoothing)


def class_losses(
    logits: Tensor, targets: Tensor, loss: ClassLossConfig, label_smoothing: float = 0.0
) -> Tensor:
    """Return the loss of each sample without any remedy, (B, K) -> (B,)."""
    match loss:
        case CrossEntropyLossConfig():
            return functional.cross_entropy(
                logits, targets, reduction="none", label_smoothing=label_smoothing
            )
        case NllLossConfig():
            shares = _shares(targets, logits.shape[1], label_smoothing)
            return -(shares * functional.log_softmax(logits.float(), dim=1)).sum(1)
        case PerceptronLossConfig():
            is_hard = targets.ndim == 1 and label_smoothing == 0
            shares = targets if is_hard else _shares(targets, logits.shape[1], label_smoothing)
            return perceptron_losses(logits, shares)


def _require_cross_entropy(loss: ClassLossConfig, method: str) -> None:
    if not isinstance(loss, CrossEntropyLossConfig):
        raise LossError(
            f"balance.method is {method!r}, which changes cross-entropy, but the loss is "
            f"{loss.name!r}. Allowed for loss.name with it: auto, cross_entropy; the other "
            "methods leave the loss as it is."
        )


def focal_losses(
    logits: Tensor, targets: Tensor, gamma: float, label_smoothing: float = 0.0
) -> Tensor:
    """Return -sum_k y_k (1 - p_k)^gamma log p_k of each sample, (B, K) -> (B,).

    "Focal Loss for Dense Object Detection" (Lin et al., ICCV 2017), with softmax in place of the
    sigmoid. With gamma 0 it is cross-entropy.
    """
    log_p = functional.log_softmax(logits.float(), dim=1)
    # 1 - exp(log p) loses all digits where p is nearly 1, and the power its gradient at p = 1.
    misses = (-torch.expm1(log_p)).clamp_min(torch.finfo(torch.float32).tiny)
    shares = _shares(targets, logits.shape[1], label_smoothing)
    return -(shares * misses**gamma * log_p).sum(1)


def log_shares(counts: Counts) -> npt.NDArray[np.float64]:
    """Return the logarithm of each class's share of the samples, (K,).

    A class without samples counts like the commonest. An offset of -inf would leave its logit
    where it began, above those of classes that were learnt.
    """
    known = np.where(counts > 0, counts, counts.max())
    return np.asarray(np.log(known / counts.sum()), dtype=np.float64)


def ldam_margins(counts: Counts, max_margin: float) -> npt.NDArray[np.float64]:
    """Return the margin of each class, max_margin (n_min / n_c)^(1/4), (K,).

    "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss" (Cao et al., NeurIPS
    2019). A class without samples has none.
    """
    margins = np.zeros(len(counts))
    present = counts > 0
    margins[present] = max_margin * (counts[present].min() / counts[present]) ** 0.25
    return margins


def _ldam_drw(
    config: LdamDrw, counts: Counts, label_smoothing: float, max_epochs: int
) -> SampleLosses:
    """Return cross-entropy with margins, and with class weights from a part of the epochs on.

    Of a mixed target, each class's margin counts by its share.
    """
    margins = torch.from_numpy(ldam_margins(counts, config.max_margin)).float()
    weights = torch.from_numpy(class_weights(counts, "effective", config.beta)).float()

    def losses(logits: Tensor, targets: Tensor, epoch: int) -> Tensor:
        is_late = epoch >= config.reweight_from * max_epochs
        shares = _shares(targets, logits.shape[1])
        return functional.cross_entropy(
            config.scale * (logits - shares * margins.to(logits.device)),
            targets,
            weight=weights.to(logits.device) if is_late else None,
            reduction="none",
            label_smoothing=label_smoothing,
        )

    return losses


def _shares(targets: Tensor, num_classes: int, label_smoothing: float = 0.0) -> Tensor:
    """Return targets as shares, (B,) or (B, K) -> (B, K)."""
    hard = targets.ndim == 1
    shares = functional.one_hot(targets, num_classes).float() if hard else targets
    return shares * (1 - label_smoothing) + label_smoothing / num_classes


def _require_classes(targets: Tensor, num_classes: int) -> None:
    """Refuse what is no class; on a GPU the data module has looked, and a look would wait."""
    if targets.ndim != 1 or targets.device.type != "cpu":
        return
    wrong = (targets < 0) | (targets >= num_classes)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise ValueError(
            f"Row {row} of the batch has the label {int(targets[row])}, but allowed are 0 to "
            f"{num_classes - 1}."
        )

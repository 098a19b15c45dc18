"""The perceptron: Rosenblatt's rule, and the loss whose descent it is.

B: batch, N: samples, D: columns, K: classes.

The network of it is `linear_model.LinearModel`. With single samples, the rate 1 and weights that
start at zero, descent on `perceptron_loss` makes the very steps of `fit_perceptron`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]


def perceptron_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of `perceptron_losses`, a scalar."""
    return perceptron_losses(outputs, targets).mean()


def perceptron_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return how far each sample lies on the wrong side, (B, K) -> (B,).

    Of K classes max(0, max_j f_j - f_y) over all j but y; of one output, for two classes,
    max(0, -y f) with y = -1 for class 0 and 1 for class 1. On the border itself the gradient is
    that of a mistake, as in Rosenblatt's rule; weights of zero would never move otherwise.

    Args:
        outputs: (B, K), or (B, 1) for two classes.
        targets: Class indices (B,), or shares (B, K), of which each class's loss counts by its
            share.
    """
    # Differences of near outputs would be lost in half precision.
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    if outputs.shape[1] == 1:
        return _positive_part(-(2 * targets - 1) * outputs.squeeze(1))
    num_classes = outputs.shape[1]
    shares = functional.one_hot(targets, num_classes) if targets.ndim == 1 else targets
    best, classes = outputs.topk(2, dim=1)
    is_best = torch.arange(num_classes, device=outputs.device) == classes[:, :1]
    rivals = best[:, 1:].where(is_best, best[:, :1])  # (B, K): the best of all other classes
    return (shares * _positive_part(rivals - outputs)).sum(1)


def _positive_part(x: Tensor) -> Tensor:
    """Return max(0, x) with the gradient 1 at 0, where torch's own functions have 0."""
    return x.where(x >= 0, 0.0)


@dataclass(frozen=True)
class Perceptron:
    """A fitted perceptron."""

    weights: Floats  # (K, 1 + D); the first column is the bias, as the weight of a constant 1
    mistakes: tuple[int, ...]  # in each epoch; the last one is 0 where it separates the classes

    def predict(self, x: Floats) -> Classes:
        """Return the class of each sample, (N, D) -> (N,)."""
        outputs = with_constant(x) @ self.weights.T  # (N, K)
        return np.asarray(outputs.argmax(1), dtype=np.int64)


def fit_perceptron(
    x: Floats, y: Classes, *, num_classes: int = 2, max_epochs: int = 1000
) -> Perceptron:
    """Fit by Rosenblatt's rule: w_y += x and w_j -= x where class j outdoes the right one, y.

    "The Perceptron" (Rosenblatt, 1958), in its form for K classes; of two classes, the difference
    of their weights is the classic perceptron. Samples are seen in order, again and again, until
    an epoch has no mistake. A tie is a mistake. If a hyperplane separates two classes by a margin
    m, and no sample is longer than R, there are at most (R / m)^2 mistakes (Novikoff, 1962); else
    it goes on until `max_epochs`.

    Args:
        x: (N, D).
        y: Class indices (N,).
        num_classes: K, at least 2.
        max_epochs: At least 1.
    """
    samples = with_constant(x)
    weights = np.zeros((num_classes, samples.shape[1]))
    mistakes: list[int] = []
    while len(mistakes) < max_epochs and 0 not in mistakes:
        mistakes.append(sum(_learn(weights, *pair) for pair in zip(samples, y, strict=True)))
    return Perceptron(weights, tuple(mistakes))


def _learn(weights: Floats, sample: Floats, label: np.int64) -> bool:
    """Correct the weights in place if they are wrong; say whether they were."""
    outputs = weights @ sample
    right, outputs[label] = outputs[label], -np.inf
    rival = outputs.argmax()
    is_mistake = bool(outputs[rival] >= right)
    if is_mistake:
        weights[label] += sample
        weights[rival] -= sample
    return is_mistake


def with_constant(x: Floats) -> Floats:
    """Put a constant 1 before each sample, (N, D) -> (N, 1 + D), so that a bias is a weight.

    >>> with_constant(np.array([[2.0, 3.0]])).tolist()
    [[1.0, 2.0, 3.0]]
    """
    return np.hstack([np.ones((len(x), 1)), x])

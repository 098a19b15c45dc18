"""Fit the last layer of a fitted network anew, on embeddings that SMOTE made even.

N: samples, D: numbers in an embedding, K: classes.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from foldwise.data.balance.config import Smote
from foldwise.data.balance.smote import resample_vectors
from foldwise.models.parts import head_name

Embeddings = npt.NDArray[np.float32]  # (N, D)
Codes = npt.NDArray[np.int64]

_MOST_STEPS = 1000  # of the solver; some dozens are usual
_NEVER = 20.0  # how far the logit of a class without samples lies below all others


def embed(
    network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]
) -> tuple[Embeddings, Codes]:
    """Return what reaches the last layer, (N, D), and the labels, (N,).

    Args:
        network: Fitted; it is left in the mode that it came in.
        batches: Inputs as the network takes them, without random changes, and labels (B,).

    Raises:
        PartError: The network has no dense layer.
    """
    head, found, labels = _head(network), [], []
    hook = head.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0].float().cpu()))
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            for inputs, of_batch in batches:
                network(inputs)
                labels.append(of_batch.cpu())
    finally:
        hook.remove()
        network.train(was_training)
    return torch.cat(found).numpy(), torch.cat(labels).numpy()


def refit_head(
    network: nn.Module, embeddings: Embeddings, labels: Codes, config: Smote, seed: int
) -> None:
    """Put a logistic regression on evened embeddings in the place of the last layer.

    The body stays as it was fitted: "Decoupling Representation and Classifier for Long-Tailed
    Recognition" (Kang et al., ICLR 2020), with SMOTE where they draw classes alike. A class
    without samples gets a bias that puts its logit below all others.

    Args:
        network: Fitted; its last dense layer is changed.
        embeddings: (N, D), of the training part, as `embed` returns them.
        labels: (N,), class indices.
        config: How embeddings are made.
        seed: Of the draws.

    Raises:
        PartError: The network has no dense layer.
    """
    head = _head(network)
    present = np.unique(labels)
    if len(present) < 2:  # nothing can be told apart, and the layer knows that one class
        return
    vectors, codes = resample_vectors(embeddings, labels, config, seed)
    weight, bias = logistic_layer(vectors, codes, head.bias is not None)
    all_weights = np.zeros((head.out_features, head.in_features))
    all_biases = np.full(head.out_features, (embeddings @ weight.T + bias).min() - _NEVER)
    all_weights[present], all_biases[present] = weight, bias
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(all_weights))
        if head.bias is not None:
            head.bias.copy_(torch.from_numpy(all_biases))


def logistic_layer(
    vectors: npt.NDArray[np.floating[Any]], labels: Codes, has_bias: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return weight (K, D) and bias (K,) of the classes that occur, fitted with an L2 penalty.

    The penalty is on what standardised vectors are multiplied by, so their units do not matter.
    """
    # Here, since it takes seconds to import.
    from sklearn.linear_model import LogisticRegression

    scale = np.maximum(vectors.std(axis=0, dtype=np.float64), 1e-6)
    centre = vectors.mean(axis=0, dtype=np.float64) if has_bias else np.zeros(len(scale))
    model = LogisticRegression(max_iter=_MOST_STEPS, fit_intercept=has_bias)
    model.fit((vectors - centre) / scale, labels)
    weight, bias = model.coef_ / scale, np.broadcast_to(model.intercept_, len(model.coef_))
    if len(weight) == 1:  # of two classes there is one row, the logit of the second
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias - weight @ centre


def _head(network: nn.Module) -> nn.Linear:
    head = network.get_submodule(head_name(network))
    assert isinstance(head, nn.Linear)
    return head

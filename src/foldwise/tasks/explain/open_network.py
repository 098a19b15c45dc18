"""One fold's network, opened to be looked into."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.modules.hardware import reproducible
from foldwise.tasks.fold_models import FoldModels, ModelCard
from foldwise.tasks.predict import Predictor, require_same_data


@dataclass(frozen=True)
class OpenNetwork:
    """A network in evaluation mode, and what travels with it."""

    network: nn.Module
    card: ModelCard


def checked_cards(
    models: FoldModels, samples: Samples, folds: Folds
) -> dict[tuple[int, int], ModelCard]:
    """Return the cards of all networks by (repeat, fold).

    Raises:
        ModelError: There is none, or they were trained on other samples or folds.
    """
    cards = {(card.repeat, card.fold): card for card in models.cards()}
    for key, card in cards.items():
        require_same_data(models.folder(*key), card, samples, folds, stage="train")
    return cards


def open_network(models: FoldModels, repeat: int, fold: int) -> OpenNetwork:
    """Load a fold's network; no layer writes over its input, so that all can be looked at.

    Raises:
        ModelError: A file is missing or damaged.
    """
    predictor = Predictor(models.folder(repeat, fold))
    for module in predictor.network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]  # a flag of activations
    return OpenNetwork(predictor.network.requires_grad_(True), predictor.card)


@contextlib.contextmanager
def looked_into(network: nn.Module) -> Iterator[None]:
    """Compute reproducibly, and by kernels that have gradients in evaluation mode."""
    is_recurrent = any(isinstance(module, nn.RNNBase) for module in network.modules())
    with reproducible(), torch.enable_grad(), contextlib.ExitStack() as stack:
        if is_recurrent:  # cuDNN's have gradients in training mode alone
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield

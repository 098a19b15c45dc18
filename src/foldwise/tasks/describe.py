"""What a network costs and sees, before it is trained."""

from dataclasses import asdict
from typing import Any

import torch

from foldwise.models.build import build_cnn
from foldwise.models.config import CnnModelConfig
from foldwise.models.model_card import model_card
from foldwise.tasks.transfer import freeze_body
from foldwise.tasks.transfer_config import NoTransfer, TransferConfig


def describe_network(
    model: CnnModelConfig, shape: tuple[int, ...], num_classes: int, transfer: TransferConfig
) -> dict[str, Any]:
    """Return parameters, megabytes, operations, receptive field and layers as JSON values.

    Args:
        model: Which network.
        shape: (C, H, W) of one image.
        num_classes: K.
        transfer: What of it is trained.

    Raises:
        PartError: There is no part that transfer names; the message lists the stages.
    """
    channels, height, width = shape
    with torch.device("meta"):  # nothing is computed, and no weights are drawn
        network = build_cnn(model, (channels, height, width), num_classes)
    if not isinstance(transfer, NoTransfer):
        freeze_body(network, transfer)
    return {"name": model.name, **asdict(model_card(network, (channels, height, width)))}

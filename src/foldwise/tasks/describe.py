"""What a network costs and sees, before it is trained."""

from dataclasses import asdict
from typing import Any

import torch

from foldwise.models.build import build_cnn
from foldwise.models.config import CnnModelConfig
from foldwise.models.model_card import model_card


def describe_network(
    model: CnnModelConfig, shape: tuple[int, ...], num_classes: int
) -> dict[str, Any]:
    """Return parameters, megabytes, operations, receptive field and layers as JSON values.

    Args:
        model: Which network.
        shape: (C, H, W) of one image.
        num_classes: K.
    """
    channels, height, width = shape
    with torch.device("meta"):  # nothing is computed, and no weights are drawn
        network = build_cnn(model, (channels, height, width), num_classes)
    return {"name": model.name, **asdict(model_card(network, (channels, height, width)))}

"""What a loss multiplies logits by, taken over by the fitted network."""

import torch
from torch import nn

from foldwise.data.balance.config import BalanceConfig, LdamDrw
from foldwise.models.parts import head_name


def absorb_scale(network: nn.Module, balance: BalanceConfig) -> None:
    """Multiply the last layer by the scale of the loss that the network was fitted with.

    Decisions stay; probabilities become those that the loss saw. Other remedies have no scale.

    Raises:
        PartError: There is a scale, and the network has no dense layer.
    """
    if not isinstance(balance.remedy, LdamDrw):
        return
    head = network.get_submodule(head_name(network))
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.mul_(balance.remedy.scale)

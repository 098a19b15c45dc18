"""What a loss multiplies logits by, taken over by the fitted network."""

import torch
from torch import nn

from foldwise.data.balance.config import BalanceConfig, LdamDrw
from foldwise.models.parts import head_name


def logit_scale(balance: BalanceConfig) -> float:
    """Return what the loss of a remedy multiplies logits by; only `ldam_drw` has a scale."""
    return balance.remedy.scale if isinstance(balance.remedy, LdamDrw) else 1.0


def absorb_scale(network: nn.Module, balance: BalanceConfig) -> None:
    """Multiply the last layer by the scale of the loss that the network was fitted with.

    Decisions stay; probabilities become those that the loss saw.

    Raises:
        PartError: There is a scale, and the network has no dense layer.
    """
    scale = logit_scale(balance)
    if scale == 1:
        return
    head = network.get_submodule(head_name(network))
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.mul_(scale)

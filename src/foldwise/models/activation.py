"""Activations by their name."""

from collections.abc import Callable

from torch import nn

from foldwise.models.config.base import Activation

LEAKY_SLOPE = 0.1  # below zero; torch's own default is 0.01

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
    "elu": lambda: nn.ELU(inplace=True),
    "gelu": nn.GELU,
}


def make_activation(name: Activation) -> nn.Module:
    """Return a new activation.

    Args:
        name: One of the names; `leaky_relu` has the slope 0.1 below zero, `elu` an alpha of 1.
    """
    return _ACTIVATIONS[name]()


def replace_activations(network: nn.Module, name: Activation) -> nn.Module:
    """Put another activation in the place of each ReLU (ReLU6 too) of a network; return it.

    With `relu` the network stays as its authors made it.
    """
    if name == "relu":
        return network
    for module in network.modules():
        for child_name, child in module.named_children():
            if isinstance(child, nn.ReLU | nn.ReLU6):
                setattr(module, child_name, make_activation(name))
    return network

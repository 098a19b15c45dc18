"""How weights are drawn before training."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from foldwise.models.config.base import Initialisation

# Glorot and Bengio (AISTATS 2010), and He et al. (ICCV 2015) for rectifiers.
_DRAWS: dict[str, Callable[[Tensor], Tensor]] = {
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "he_uniform": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
    "he_normal": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "zeros": nn.init.zeros_,
}


def initialise(network: nn.Module, how: Initialisation) -> nn.Module:
    """Draw the weights of all trainable convolutions and dense layers anew; biases become zero.

    `default` leaves the network as its own code has made it. The standard deviation, with n inputs
    and m outputs of a unit, is sqrt(2 / (n + m)) for Xavier, so 1 / sqrt(n) where they are as
    many, and sqrt(2 / n) for He. Returns the network.
    """
    if how == "default":
        return network
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear) and module.weight.requires_grad:
            _DRAWS[how](module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network

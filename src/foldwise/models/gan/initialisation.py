"""How the weights of generators and discriminators are drawn, and normalised."""

import math

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from foldwise.models.gan.config import GanInitialisation

LEAK = 0.2  # slope of the discriminators' leaky rectifiers below zero (Radford et al., 2016)
_DEVIATION = 0.02
_WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
RECTIFIER_GAIN = math.sqrt(2)  # keeps the length of signals through rectifiers (He et al., 2015)


def draw_weights(network: nn.Module, how: GanInitialisation, gain: float = 1.0) -> None:
    """Draw the weights of convolutions and dense layers anew, in place; biases become zero.

    What normalises and what recurs stays as it is made.

    Args:
        network: Is changed.
        how: `normal` with mean 0 and deviation 0.02, or `orthogonal`.
        gain: Times this, where they are orthogonal.
    """
    for module in network.modules():
        if not isinstance(module, _WEIGHTED):
            continue
        if how == "normal":
            nn.init.normal_(module.weight, std=_DEVIATION)
        else:
            nn.init.orthogonal_(module.weight, gain)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def normalise_spectrum(network: nn.Module) -> None:
    """Divide all weights of dense layers, convolutions and embeddings by their largest gain.

    Spectral norm (Miyato et al., ICLR 2018), in place. Each pass in training mode improves the
    estimate of the largest singular value by one power iteration, which is kept in buffers.
    """
    for module in list(network.modules()):
        if isinstance(module, (*_WEIGHTED, nn.Embedding)):
            spectral_norm(module)

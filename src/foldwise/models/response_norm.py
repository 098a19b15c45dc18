"""Local response normalisation, which networks had before batch norm."""

from torch import nn

NEIGHBOURS = 5  # maps that a map is compared with, itself among them


def response_norm() -> nn.LocalResponseNorm:
    """Return the layer with the constants of section 3.3 of Krizhevsky et al. (2012).

    torch takes the mean of the squares over the neighbours where the paper takes their sum, so its
    alpha is the paper's 1e-4 times their number.
    """
    return nn.LocalResponseNorm(NEIGHBOURS, alpha=NEIGHBOURS * 1e-4, beta=0.75, k=2.0)

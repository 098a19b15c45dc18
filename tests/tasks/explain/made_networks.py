"""Small networks whose answers are known, as explanations see them."""

from types import SimpleNamespace

import torch
from torch import nn

from foldwise.tasks.explain.attributed_input import AttributedInput
from foldwise.tasks.explain.attributions import Question
from foldwise.tasks.explain.open_network import OpenNetwork


class FromFunction(nn.Module):
    """A network that is a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.scale * self.function(x)


def about_image(network, image, output=0):
    """Ask about an image (1, C, H, W)."""
    explained = AttributedInput("image", (image,), network, lambda found: found[0][0], image)
    return Question(network.eval(), explained, output)


def about_series(network, values, output=0):
    """Ask about a series (1, T, F) that a network takes as it is."""
    explained = AttributedInput("series", (values,), network, lambda f: f[0][0].T, values)
    return Question(network.eval(), explained, output)


def opened(network, **card):
    """Open a network with what its card says; no layer writes over its input."""
    for module in network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    return OpenNetwork(network.eval(), SimpleNamespace(**card))


def drawn(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def seeded(build, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()

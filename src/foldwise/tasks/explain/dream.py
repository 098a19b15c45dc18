"""DeepDream: what a layer sees in a picture is made stronger, from coarse to fine.

Mordvintsev, Olah and Tyka, Inceptionism: Going Deeper into Neural Networks (2015).

C: channels, H: height, W: width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.seeds import numpy_generator
from foldwise.tasks.explain.config import DreamConfig
from foldwise.tasks.explain.findings import MadeImage
from foldwise.tasks.explain.image_range import as_pictures, pixel_limits
from foldwise.tasks.explain.open_network import OpenNetwork, looked_into

_SMALLEST_SIDE = 8  # pixels; coarser scales are left out


class _Reached(Exception):  # noqa: N818  (no error: it ends a pass)
    """The layer has spoken: later ones may not even take a picture of this size."""


def dream(
    opened: OpenNetwork, image: Tensor, layer: str, config: DreamConfig, seed: int
) -> tuple[MadeImage, MadeImage]:
    """Return a picture before and after a dream.

    Args:
        opened: A network of convolutions over pictures.
        image: Standardised, (1, C, H, W).
        layer: Whose activations grow: half their mean square is climbed.
        config: Scales, steps and jitter.
        seed: Of the jitter.
    """
    preprocessing = opened.card.preprocessing
    assert isinstance(preprocessing, ImagePreprocessing)
    limits = pixel_limits(preprocessing, image.device)
    draw = numpy_generator(seed, "explain", "dream")
    sides = image.shape[2:]
    detail = torch.zeros_like(image)
    with looked_into(opened.network):
        for octave in reversed(range(config.num_octaves)):
            size = [max(1, round(side / config.octave_scale**octave)) for side in sides]
            if octave and min(size) < _SMALLEST_SIDE:
                continue
            base = _resized(image, size)
            seen = base + _resized(detail, size)
            for _ in range(config.num_steps):
                moved = draw.integers(-config.jitter, config.jitter + 1, 2).tolist()
                rolled = seen.roll(moved, dims=(2, 3)).detach().requires_grad_()
                (slope,) = torch.autograd.grad(_strength(opened.network, rolled, layer), rolled)
                step = config.rate * slope / slope.abs().mean().clamp_min(1e-12)
                seen = (rolled.detach() + step).roll([-m for m in moved], dims=(2, 3))
                seen = seen.clamp(*limits)
            detail = _resized(seen - base, list(sides))
    before, after = as_pictures(torch.cat([image, (image + detail).clamp(*limits)]), preprocessing)
    return MadeImage("before", before), MadeImage(f"after: {layer}", after)


def _strength(network: nn.Module, images: Tensor, layer: str) -> Tensor:
    found: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        found.append(output)
        raise _Reached

    hook = network.get_submodule(layer).register_forward_hook(keep)
    try:
        network(images)
    except _Reached:
        pass
    finally:
        hook.remove()
    return found[0].square().mean() / 2


def _resized(image: Tensor, size: list[int]) -> Tensor:
    return functional.interpolate(image, size, mode="bilinear", align_corners=False)

"""Images that activate a unit most.

Erhan et al., Visualizing Higher-Layer Features of a Deep Network (2009); jitter as in Mordvintsev,
Olah and Tyka, Inceptionism (2015), total variation as in Mahendran and Vedaldi, Understanding Deep
Image Representations by Inverting Them (CVPR 2015).

U: units, C: channels, H: height, W: width.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.explain.chosen_samples import ExplainError
from foldwise.tasks.explain.config import MaximiseConfig
from foldwise.tasks.explain.findings import MadeImage
from foldwise.tasks.explain.image_range import as_pictures, pixel_limits
from foldwise.tasks.explain.layers import find_layer, layer_outputs
from foldwise.tasks.explain.open_network import OpenNetwork, looked_into

_NOISE = 0.1  # standard deviation of the pixels that are begun with


def maximise_units(
    opened: OpenNetwork, config: MaximiseConfig, seed: int
) -> tuple[MadeImage, ...]:
    """Return one image for each unit, made from faint noise.

    Args:
        opened: A network of convolutions over pictures.
        config: Which units, and how their images are made.
        seed: Of noise and jitter.

    Raises:
        ExplainError: There is no such layer or unit.
    """
    network, preprocessing = opened.network, opened.card.preprocessing
    assert isinstance(preprocessing, ImagePreprocessing)
    device = next(network.parameters()).device
    shape = opened.card.shape
    answers, num_units = _answers(network, torch.zeros(1, *shape, device=device), config)
    units = _units(config, num_units)
    noise = numpy_generator(seed, "explain", "maximise").normal(0, _NOISE, (len(units), *shape))
    images = torch.from_numpy(noise).float().to(device)
    limits = pixel_limits(preprocessing, device)
    with looked_into(network):
        found = _climb(answers, images, units, config, limits, derive_seed(seed, "jitter"))
    pictures = as_pictures(found, preprocessing)
    titles = [_title(unit, config.layer, opened.card.classes) for unit in units]
    return tuple(MadeImage(*pair) for pair in zip(titles, pictures, strict=True))


def activations(
    network: nn.Module, images: Tensor, units: Sequence[int], layer: str | None
) -> Tensor:
    """Return how active the u-th unit is for the u-th image, (U,): of maps, their mean."""
    if layer is None:
        outputs: Tensor = network(images)
    else:
        found: list[Tensor] = []
        hook = network.get_submodule(layer).register_forward_hook(
            lambda _, __, output: found.append(output)
        )
        try:
            network(images)
        finally:
            hook.remove()
        outputs = found[0]
    by_unit = outputs.flatten(2).mean(dim=2) if outputs.ndim > len("BK") else outputs
    return by_unit[torch.arange(len(units)), torch.as_tensor(units, device=images.device)]


def _answers(
    network: nn.Module, example: Tensor, config: MaximiseConfig
) -> tuple[Callable[[Tensor, Sequence[int]], Tensor], int]:
    layer = config.layer
    if layer is None:
        with torch.no_grad():
            num_units = network(example).shape[1]
    else:
        outputs = layer_outputs(network, example)
        find_layer(network, outputs, layer, "explain.maximise.layer")
        num_units = {found.name: found.output for found in outputs}[layer].shape[1]
    return lambda images, units: activations(network, images, units, layer), num_units


def _units(config: MaximiseConfig, num_units: int) -> tuple[int, ...]:
    if config.units == "auto":
        return tuple(range(min(config.max_units, num_units)))
    wrong = [unit for unit in config.units if not 0 <= unit < num_units]
    if wrong:
        raise ExplainError(
            f"explain.maximise.units names {wrong[0]}, but the layer has {num_units} units. "
            f"Allowed: 0 to {num_units - 1}."
        )
    return config.units


def _climb(
    answers: Callable[[Tensor, Sequence[int]], Tensor],
    images: Tensor,
    units: Sequence[int],
    config: MaximiseConfig,
    limits: tuple[Tensor, Tensor],
    seed: int,
) -> Tensor:
    images = images.clamp(*limits).requires_grad_()
    optimizer = torch.optim.Adam([images], lr=config.rate)
    draw = numpy_generator(seed)
    for _ in range(config.num_steps):
        moved = draw.integers(-config.jitter, config.jitter + 1, 2).tolist()
        optimizer.zero_grad()
        rolled = images.roll(moved, dims=(2, 3))
        loss = config.total_variation * _total_variation(images) - answers(rolled, units).sum()
        (images.grad,) = torch.autograd.grad(loss, images)
        optimizer.step()
        with torch.no_grad():
            images.clamp_(*limits)
    return images.detach()


def _total_variation(images: Tensor) -> Tensor:
    """Return the mean difference of neighbouring pixels, summed over the images."""
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().mean()
    across = (images[..., 1:] - images[..., :-1]).abs().mean()
    return (down + across) * len(images)


def _title(unit: int, layer: str | None, classes: tuple[str, ...]) -> str:
    if layer is not None:
        return f"{layer}, unit {unit}"
    return classes[unit] if classes else f"output {unit}"

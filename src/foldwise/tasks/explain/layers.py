"""The layers of a network by name: what each gives for an input, and which maps come last."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import torch
from torch import Tensor, nn

from foldwise.data.bad_input import listing
from foldwise.models.parts import is_auxiliary
from foldwise.tasks.explain.chosen_samples import ExplainError

_MAPS = len(("B", "C", "H", "W"))
_LEAST_CONVOLUTIONS = 2  # a network with one cuts pictures into patches, and has no maps


class LayerOutput(NamedTuple):
    """What a layer gave, in the order in which layers finished."""

    name: str
    output: Tensor


def layer_outputs(network: nn.Module, inputs: Tensor) -> list[LayerOutput]:
    """Return what each layer gives that runs once and gives one tensor, without gradients."""
    found: list[tuple[str, object]] = []
    with ExitStack() as stack, torch.no_grad():
        for name, module in network.named_modules():
            if name and not is_auxiliary(name):
                hook = module.register_forward_hook(
                    lambda _, __, output, name=name: found.append((name, output))
                )
                stack.callback(hook.remove)
        network(inputs)
    names = [name for name, _ in found]
    return [
        LayerOutput(name, output)
        for name, output in found
        if isinstance(output, Tensor) and names.count(name) == 1
    ]


def find_layer(network: nn.Module, outputs: Sequence[LayerOutput], name: str, by: str) -> str:
    """Return the name of a layer if it has an output that can be looked at.

    Args:
        network: That it is part of.
        outputs: Of `layer_outputs`.
        name: Its name.
        by: The parameter that names it.

    Raises:
        ExplainError: There is no such layer; it lists those there are.
    """
    names = [layer.name for layer in outputs]
    if name not in names:
        raise ExplainError(
            f"{by} is {name!r}, which is no layer of {type(network).__name__} with one output. "
            f"Allowed: {listing(names, limit=60)}."
        )
    return name


def last_maps(network: nn.Module, outputs: Sequence[LayerOutput]) -> str | None:
    """Return the innermost layer that gives the last maps of more than one place; None: no maps.

    Args:
        network: With convolutions over pictures.
        outputs: Of `layer_outputs`.
    """
    if len(convolutions(network)) < _LEAST_CONVOLUTIONS:
        return None
    maps = [layer for layer in outputs if _is_map(layer.output)]
    if not maps:
        return None
    last = maps[-1].output
    return next(layer.name for layer in maps if layer.output is last)


def first_maps(network: nn.Module, outputs: Sequence[LayerOutput]) -> str | None:
    """Return the first convolution that has an output; None: there is none."""
    names = [name for name, _ in convolutions(network)]
    found = [layer.name for layer in outputs if layer.name in names]
    return found[0] if found else None


def convolutions(network: nn.Module) -> list[tuple[str, nn.Conv2d]]:
    """Return all convolutions by name, in order of definition, auxiliary heads left out."""
    return [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and not is_auxiliary(name)
    ]


def _is_map(output: Tensor) -> bool:
    return output.ndim == _MAPS and min(output.shape[2:]) > 1

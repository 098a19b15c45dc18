"""What a network costs and sees: parameters, megabytes, operations, receptive field, layers.

C: channels, H: height, W: width.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from foldwise.models.receptive_field import ReceptiveField

_BYTES = 4  # of a parameter in float32
_MILLION = 1e6


@dataclass(frozen=True)
class LayerSummary:
    """One layer, in the order of the definition."""

    name: str
    kind: str
    output_shape: tuple[int, ...] | None  # of one sample; None: it works in training only
    num_parameters: int


@dataclass(frozen=True)
class NetworkSummary:
    """What one network costs and sees, for one image."""

    num_parameters: int
    num_trainable: int
    megabytes: float  # of all parameters in float32
    flops: int  # of convolutions and matrix products, a multiplication and an addition each
    macs: int  # multiplications with an addition: half of them
    weights_per_first_neuron: int  # of one filter or unit of the first layer, without the bias
    dense_weights_per_neuron: int  # of a unit that sees all pixels: what sharing weights saves
    receptive_field: tuple[int, int] | None  # pixels (H, W) that a unit of the last map sees
    layers: tuple[LayerSummary, ...]


def model_card(network: nn.Module, shape: tuple[int, ...]) -> NetworkSummary:
    """Summarise a network in evaluation, without running it: only shapes are computed.

    The receptive field is the theoretical one: it may be larger than the image, and norms and
    gates that look at the whole map do not count. It is counted in pixels of what the network
    sees: of the scaled image, if it scales its images itself.

    Args:
        network: Maps inputs to logits.
        shape: Of one input, e.g. (C, H, W).
    """
    outputs: dict[str, Tensor] = {}
    images = torch.empty((1, *shape), device="meta")
    counter, field = FlopCounterMode(display=False), ReceptiveField(images)
    with _in_evaluation(network), _outputs_kept(network, outputs), torch.no_grad(), counter, field:
        functional_call(network, _without_numbers(network), images)
    num_parameters = sum(p.numel() for p in network.parameters())
    return NetworkSummary(
        num_parameters=num_parameters,
        num_trainable=sum(p.numel() for p in network.parameters() if p.requires_grad),
        megabytes=round(num_parameters * _BYTES / _MILLION, 3),
        flops=counter.get_total_flops(),
        macs=counter.get_total_flops() // 2,
        weights_per_first_neuron=_weights_per_neuron(network, outputs),
        dense_weights_per_neuron=prod(shape),
        receptive_field=field.size,
        layers=tuple(_layers(network, outputs)),
    )


def summary_text(summary: NetworkSummary) -> str:
    """Return the summary as plain text: the totals, then a table of the layers."""
    field = summary.receptive_field
    totals = [
        f"parameters: {summary.num_parameters:,} ({summary.num_trainable:,} trainable), "
        f"{summary.megabytes:,.1f} MB",
        f"one image: {summary.macs:,} MACs, {summary.flops:,} FLOPs",
        f"weights per first-layer neuron: {summary.weights_per_first_neuron:,} "
        f"(dense: {summary.dense_weights_per_neuron:,})",
        f"receptive field: {f'{field[0]} x {field[1]} pixels' if field else 'all'}",
    ]
    rows = [("layer", "kind", "output", "parameters")]
    rows += [
        (layer.name, layer.kind, _shape_text(layer.output_shape), f"{layer.num_parameters:,}")
        for layer in summary.layers
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {output:>{widths[2]}}  {count:>{widths[3]}}"
        for name, kind, output, count in rows
    ]
    return "\n".join([*totals, "", *lines])


def _shape_text(shape: tuple[int, ...] | None) -> str:
    return "in training only" if shape is None else " x ".join(map(str, shape))


def _without_numbers(network: nn.Module) -> dict[str, Tensor]:
    tensors = [*network.named_parameters(), *network.named_buffers()]
    return {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}


@contextmanager
def _in_evaluation(network: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in network.modules()}
    try:
        network.eval()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _outputs_kept(network: nn.Module, outputs: dict[str, Tensor]) -> Iterator[None]:
    def keep(name: str) -> Any:  # noqa: ANN401  (torch's contract)
        def hook(module: nn.Module, args: tuple[Any, ...], output: object) -> None:
            if isinstance(output, Tensor):
                outputs[name] = output

        return hook

    with ExitStack() as stack:
        for name, module in _listed(network):
            stack.callback(module.register_forward_hook(keep(name)).remove)
        yield


def _listed(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules without children, and those with parameters of their own."""
    for name, module in network.named_modules():
        has_children = next(module.children(), None) is not None
        if not has_children or next(module.parameters(recurse=False), None) is not None:
            yield name, module


def _layers(network: nn.Module, outputs: dict[str, Tensor]) -> Iterator[LayerSummary]:
    for name, module in _listed(network):
        output = outputs.get(name)
        yield LayerSummary(
            name,
            type(module).__name__,
            None if output is None else tuple(output.shape[1:]),
            sum(p.numel() for p in module.parameters(recurse=False)),
        )


def _weights_per_neuron(network: nn.Module, outputs: dict[str, Tensor]) -> int:
    """Return the weights of one filter or unit of the layer that was called first."""
    modules = dict(network.named_modules())
    for name in outputs:  # in the order of the calls
        module = modules[name]
        if isinstance(module, nn.Conv2d | nn.Linear):
            return module.weight[0].numel()
    return 0

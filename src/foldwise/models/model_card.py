"""What a network costs and sees: parameters, megabytes, operations, receptive field, layers.

C: channels, H: height, W: width, T: steps, F: channels of a series.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from foldwise.models.input_spec import InputSpec, SeriesSpec, TokenSpec
from foldwise.models.receptive_field import ReceptiveField
from foldwise.models.recurrent_cost import RecurrentCost

_BYTES = 4  # of a parameter in float32
_MILLION = 1e6
_IMAGE_NDIM = len(("B", "C", "H", "W"))


@runtime_checkable
class _SeesSteps(Protocol):
    """A network whose features of a step depend on so many steps, itself included."""

    receptive_field: int


@dataclass(frozen=True)
class LayerSummary:
    """One layer, in the order of the definition."""

    name: str
    kind: str
    output_shape: tuple[int, ...] | None  # of one sample; None: it works in training only
    num_parameters: int


@dataclass(frozen=True)
class NetworkSummary:
    """What one network costs and sees, for one input: of a sequence, the longest."""

    num_parameters: int
    num_trainable: int
    megabytes: float  # of all parameters in float32
    flops: int  # of convolutions and matrix products, a multiplication and an addition each
    macs: int  # multiplications with an addition: half of them
    # Of one filter or unit of the first layer, without the bias. None: it is a recurrent one.
    weights_per_first_neuron: int | None
    # Of a unit that sees the whole input: what sharing weights saves. None: of tokens.
    dense_weights_per_neuron: int | None
    # Pixels (H, W) that a unit of the last map sees; or steps, of a network that tells how many.
    # None: of all others.
    receptive_field: tuple[int, ...] | None
    layers: tuple[LayerSummary, ...]


def model_card(network: nn.Module, inputs: InputSpec | tuple[int, ...]) -> NetworkSummary:
    """Summarise a network in evaluation, without running it: only shapes are computed.

    The receptive field is the theoretical one: it may be larger than the image, and norms and
    gates that look at the whole map do not count. It is counted in pixels of what the network
    sees: of the scaled image, if it scales its images itself.

    Args:
        network: Maps inputs to outputs.
        inputs: What it is given; or the shape of one input of floats, e.g. (C, H, W).
    """
    outputs: dict[str, Tensor] = {}
    given = _one_input(inputs)
    counter, field = FlopCounterMode(display=False), ReceptiveField(given)
    recurrent = RecurrentCost()
    with (
        _in_evaluation(network),
        _outputs_kept(network, outputs),
        torch.no_grad(),
        counter,
        field,
        recurrent,
    ):
        functional_call(network, _without_numbers(network), given)
    flops = counter.get_total_flops() + recurrent.flops
    num_parameters = sum(p.numel() for p in network.parameters())
    return NetworkSummary(
        num_parameters=num_parameters,
        num_trainable=sum(p.numel() for p in network.parameters() if p.requires_grad),
        megabytes=round(num_parameters * _BYTES / _MILLION, 3),
        flops=flops,
        macs=flops // 2,
        weights_per_first_neuron=_weights_per_neuron(network, outputs),
        dense_weights_per_neuron=_numbers_of(inputs),
        receptive_field=field.size if given.ndim == _IMAGE_NDIM else _steps_seen(network),
        layers=tuple(_layers(network, outputs)),
    )


def summary_text(summary: NetworkSummary) -> str:
    """Return the summary as plain text: the totals, then a table of the layers."""
    totals = [
        f"parameters: {summary.num_parameters:,} ({summary.num_trainable:,} trainable), "
        f"{summary.megabytes:,.1f} MB",
        f"one input: {summary.macs:,} MACs, {summary.flops:,} FLOPs",
    ]
    per_neuron = summary.weights_per_first_neuron, summary.dense_weights_per_neuron
    if None not in per_neuron:
        shared, dense = per_neuron
        totals.append(f"weights per first-layer neuron: {shared:,} (dense: {dense:,})")
    if summary.receptive_field is not None:
        unit = "pixels" if len(summary.receptive_field) > 1 else "steps"
        totals.append(f"receptive field: {_shape_text(summary.receptive_field)} {unit}")
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


def _one_input(inputs: InputSpec | tuple[int, ...]) -> Tensor:
    shape = inputs if isinstance(inputs, tuple) else inputs.shape
    dtype = torch.int64 if isinstance(inputs, TokenSpec) else torch.float32
    return torch.empty((1, *shape), dtype=dtype, device="meta")


def _numbers_of(inputs: InputSpec | tuple[int, ...]) -> int | None:
    """Return how many numbers one input has: F a step, without the mask."""
    match inputs:
        case TokenSpec():
            return None
        case SeriesSpec():
            return inputs.num_steps * inputs.num_channels
        case tuple():
            return prod(inputs)
        case _:
            return prod(inputs.shape)


def _steps_seen(network: nn.Module) -> tuple[int] | None:
    return (network.receptive_field,) if isinstance(network, _SeesSteps) else None


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
            if isinstance(output, tuple) and output:  # of a recurrent layer: states, last state
                output = output[0]
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


def _weights_per_neuron(network: nn.Module, outputs: dict[str, Tensor]) -> int | None:
    """Return the weights of one filter or unit of the layer that was called first."""
    modules = dict(network.named_modules())
    for name in outputs:  # in the order of the calls
        module = modules[name]
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            return module.weight[0].numel()
        if isinstance(module, nn.RNNBase):
            return None
    return None

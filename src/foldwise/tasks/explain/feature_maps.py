"""What layers make of one sample.

B: batch, K: maps, H: height, W: width, T: steps.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from foldwise.tasks.explain.attributed_input import AttributedInput
from foldwise.tasks.explain.config import FeatureMapConfig
from foldwise.tasks.explain.findings import Array, FeatureMaps
from foldwise.tasks.explain.layers import (
    LayerOutput,
    find_layer,
    first_maps,
    last_maps,
    layer_outputs,
)
from foldwise.tasks.explain.open_network import looked_into

_STEPS, _MAPS = len("BTK"), len("BKHW")


def feature_maps(
    network: nn.Module, explained: AttributedInput, sample_id: str, config: FeatureMapConfig
) -> tuple[FeatureMaps, ...]:
    """Return the most active maps of some layers; nothing where no layer has more than one place.

    Args:
        network: In evaluation mode.
        explained: The sample as the network takes it.
        sample_id: Its id.
        config: Which layers, and how many maps.

    Raises:
        ExplainError: There is no such layer; it lists those there are.
    """
    with looked_into(network):
        outputs = layer_outputs(network, explained.inputs)
    if config.layers == "auto":
        names = _telling(network, outputs)
    else:
        by = "explain.feature_maps.layers"
        names = tuple(find_layer(network, outputs, name, by) for name in config.layers)
    by_name = {layer.name: layer.output for layer in outputs}
    return tuple(_shown(name, by_name[name], sample_id, config.num_maps) for name in names)


def _telling(network: nn.Module, outputs: Sequence[LayerOutput]) -> tuple[str, ...]:
    """Return the first and the last layer that say something of places."""
    first, last = first_maps(network, outputs), last_maps(network, outputs)
    if first is not None and last is not None:
        return tuple(dict.fromkeys((first, last)))
    placed = [
        layer.name
        for layer in outputs
        if layer.output.ndim in (_STEPS, _MAPS)
        and layer.output[0].numel() > max(layer.output.shape[1:])
        and not layer.name.startswith("input")
    ]
    blocks = [name for name in placed if "." not in name] or placed  # not what they are made of
    return tuple(dict.fromkeys((blocks[0], blocks[-1]))) if blocks else ()


def _shown(name: str, output: Tensor, sample_id: str, number: int) -> FeatureMaps:
    """Return the maps of one sample that are the most active, in order of their number."""
    values: Array = output[0].detach().double().cpu().numpy()
    if output.ndim == _STEPS:  # (T, K)
        return FeatureMaps(name, values.T[np.newaxis], values.shape[1], sample_id)
    if output.ndim != _MAPS:  # (K,)
        return FeatureMaps(name, values.reshape(1, -1, 1), values.size, sample_id)
    if values.shape[1] == 1:  # (K, 1, T), along steps
        return FeatureMaps(name, values.transpose(1, 0, 2), len(values), sample_id)
    order = np.argsort(-np.abs(values).mean(axis=(1, 2)), kind="stable")[:number]
    return FeatureMaps(name, values[np.sort(order)], len(values), sample_id)

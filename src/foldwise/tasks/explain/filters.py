"""The filters of the first layer, as they can be looked at.

K: filters, C: channels, H: height, W: width, T: steps, F: channels of a series.
"""

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from foldwise.data.preprocessing import ImagePreprocessing, SeriesPreprocessing
from foldwise.data.samples import Modality
from foldwise.models.cnn1d import Cnn1d
from foldwise.tasks.explain.findings import Filters
from foldwise.tasks.explain.layers import convolutions
from foldwise.tasks.explain.open_network import OpenNetwork

_MOST = 32  # that are shown
_COLOURS = 3


def first_filters(opened: OpenNetwork, kind: Modality) -> Filters | None:
    """Return the filters of the first layer; None where they are no pictures.

    Args:
        opened: The network.
        kind: Of its inputs.
    """
    preprocessing = opened.card.preprocessing
    if isinstance(preprocessing, ImagePreprocessing):
        if preprocessing.layout == "maps":
            return _of_pictures(opened.network)
        if preprocessing.layout == "flat":
            return _of_whole(opened.network, opened.card.shape, is_image=True)
    if isinstance(preprocessing, SeriesPreprocessing) and preprocessing.layout == "flat":
        return _of_whole(opened.network, opened.card.shape, is_image=False)
    return None if kind in ("tokens", "table") else _along_steps(opened.network)


def _of_pictures(network: nn.Module) -> Filters | None:
    found = convolutions(network)
    if not found or min(found[0][1].kernel_size) < 2:
        return None
    name, first = found[0]
    weights = _numbers(first.weight)  # (K, C, h, w)
    return Filters(
        name, _seen(weights), len(weights), "picture", weights.shape[1] not in (1, _COLOURS)
    )


def _along_steps(network: nn.Module) -> Filters | None:
    """Take the first convolution along steps, of which a recurrent network has none."""
    found = [pair for pair in convolutions(network) if pair[1].kernel_size[1] > 1]
    if not found:
        return None
    name, first = found[0]
    weights = network.first_filters() if isinstance(network, Cnn1d) else first.weight.squeeze(2)
    values = _numbers(weights)  # (K, F, T)
    return Filters(name, values[:_MOST], len(values), "steps")


def _of_whole(network: nn.Module, shape: tuple[int, ...], *, is_image: bool) -> Filters | None:
    """Take the first dense layer, each of whose units sees the whole input."""
    name, first = next(
        (name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)
    )
    weights = _numbers(first.weight)
    if weights.shape[1] != np.prod(shape):  # the numbers were embedded before
        return None
    by_unit = weights.reshape(-1, *shape)
    if is_image:
        return Filters(name, _seen(by_unit), len(weights), "whole", shape[0] not in (1, _COLOURS))
    return Filters(name, by_unit.transpose(0, 2, 1)[:_MOST], len(weights), "whole")


def _seen(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return (K, C, H, W) as pictures: (K, H, W, 3) of three channels, else (K, H, W)."""
    shown = weights[:_MOST]
    return shown.transpose(0, 2, 3, 1) if shown.shape[1] == _COLOURS else shown.mean(axis=1)


def _numbers(weights: Tensor) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = weights.detach().double().cpu().numpy()
    return values

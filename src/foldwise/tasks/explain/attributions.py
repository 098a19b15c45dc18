"""How much each part of one input speaks for an output of a network.

Saliency: Simonyan, Vedaldi and Zisserman (ICLR workshop 2014). Integrated gradients: Sundararajan,
Taly and Yan (ICML 2017). Occlusion: Zeiler and Fergus (ECCV 2014), of texts by leaving a token out
(Li, Monroe and Jurafsky, arXiv 1612.08220). Grad-CAM: Selvaraju et al. (ICCV 2017). Attention:
Bahdanau, Cho and Bengio (ICLR 2015).

H: height, W: width, T: steps or tokens, F: columns of a table, O: outputs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.recurrent import Recurrent
from foldwise.tasks.explain.attributed_input import AttributedInput, Values
from foldwise.tasks.explain.config import ExplainConfig, Method
from foldwise.tasks.explain.layers import find_layer, last_maps, layer_outputs
from foldwise.tasks.explain.open_network import looked_into

Array = npt.NDArray[np.float64]

_WINDOWS_PER_SIDE = 8  # of occlusion
_SMALLEST_WINDOW = 2
_COPIES = 32  # inputs that are computed at once; of large ones fewer
_NUMBERS = 2**22  # in them


@dataclass(frozen=True)
class Question:
    """What is asked of a network about one input."""

    network: nn.Module
    explained: AttributedInput
    output: int  # which of O

    def values(self) -> Values:
        """Return the values with a gradient of their own."""
        return tuple(value.clone().requires_grad_() for value in self.explained.values)

    def answers(self, *values: Tensor) -> Tensor:
        """Return the output (B,) for values (B, ...)."""
        found: Tensor = self.explained.outputs(*values)[:, self.output]
        return found


def attribute(method: Method, question: Question, config: ExplainConfig) -> Array:
    """Return what is attributed to each part: of images (H, W), else (T,) or (F,).

    Saliency, Grad-CAM and attention are never negative; the others are in units of the output
    (logits, or standardised numbers), positive where a part speaks for it.

    Args:
        method: One that fits the network.
        question: About which output of which input.
        config: Steps, window and layer.

    Raises:
        ExplainError: The layer for Grad-CAM does not exist.
    """
    with looked_into(question.network):
        found = _METHODS[method](question, config)
    values: Array = found.detach().double().cpu().numpy()
    return values


def _saliency(question: Question, _: ExplainConfig) -> Tensor:
    from captum.attr import Saliency

    found = Saliency(question.answers).attribute(question.values(), abs=True)
    return question.explained.arrange(found).amax(dim=0)


def _integrated_gradients(question: Question, config: ExplainConfig) -> Tensor:
    from captum.attr import IntegratedGradients

    values = question.values()
    baselines = tuple(torch.zeros_like(value) for value in values)
    found = IntegratedGradients(question.answers).attribute(
        values, baselines, n_steps=config.num_steps, internal_batch_size=_copies(values[0])
    )
    return question.explained.arrange(found).sum(dim=0)


def _occlusion(question: Question, config: ExplainConfig) -> Tensor:
    match question.explained.kind:
        case "tokens":
            return _without_each_token(question)
        case "table":
            return _without_each_column(question)
        case _:
            return _behind_windows(question, config.occlusion_size)


def _behind_windows(question: Question, size: int | None) -> Tensor:
    """Slide a window of the mean along; each part gets the mean of the windows that hid it."""
    from captum.attr import Occlusion

    (values,) = question.explained.values
    is_image = question.explained.kind == "image"
    sides = values.shape[2:] if is_image else values.shape[1:2]
    windows = [_window(side, size) for side in sides]
    # A series costs little, and where something happened is of more interest.
    strides = [max(1, window // (2 if is_image else 4)) for window in windows]
    channels = values.shape[1] if is_image else values.shape[2]
    order: Callable[[list[int]], tuple[int, ...]] = (
        (lambda of_sides: (channels, *of_sides)) if is_image else (lambda s: (*s, channels))
    )
    with torch.no_grad():
        found = Occlusion(question.answers).attribute(
            values,
            sliding_window_shapes=order(windows),
            strides=order(strides),
            baselines=0.0,
            perturbations_per_eval=_copies(values),
        )
    return question.explained.arrange((found,)).mean(dim=0)


def _copies(values: Tensor) -> int:
    """Return how many inputs of this size are computed at once."""
    return max(1, min(_COPIES, _NUMBERS // max(1, values.numel())))


def _window(side: int, size: int | None) -> int:
    wanted = math.ceil(side / _WINDOWS_PER_SIDE) if size is None else size
    return min(side, max(_SMALLEST_WINDOW if size is None else 1, wanted))


def _without_each_token(question: Question) -> Tensor:
    """Leave out one token at a time; of a text of one token, the text is empty then."""
    tokens = question.explained.inputs  # (1, T)
    num_tokens = tokens.shape[1]
    shortened = torch.cat(
        [torch.cat([tokens[:, :i], tokens[:, i + 1 :]], dim=1) for i in range(num_tokens)]
    )
    if num_tokens == 1:
        shortened = torch.zeros_like(tokens)
    with torch.no_grad():
        whole: Tensor = question.network(tokens)[:, question.output]
        parts = [
            question.network(some)[:, question.output] for some in torch.split(shortened, _COPIES)
        ]
    return whole - torch.cat(parts)


def _without_each_column(question: Question) -> Tensor:
    """Put nothing in the place of one column at a time: the mean, or an unknown category."""
    values = question.explained.values
    num_columns = question.explained.arrange(values).shape[1]
    marks = tuple(value.clone().zero_() for value in values)
    parts = []
    with torch.no_grad():
        whole = question.answers(*values)
        for column in range(num_columns):
            kept = _kept_without(question, marks, column)
            parts.append(question.answers(*(v * k for v, k in zip(values, kept, strict=True))))
    return whole - torch.cat(parts)


def _kept_without(question: Question, zeros: Values, column: int) -> Values:
    """Return 1 at all values but those of one column, where it is 0."""
    # What a column is made of is known by where its share of a sum goes.
    places = tuple(value.clone().requires_grad_() for value in zeros)
    with torch.enable_grad():
        total = question.explained.arrange(places)[0, column]
        slopes = torch.autograd.grad(total, places, allow_unused=True)
    return tuple(
        torch.ones_like(zero) if slope is None else (slope == 0).to(zero.dtype)
        for zero, slope in zip(zeros, slopes, strict=True)
    )


def _gradcam(question: Question, config: ExplainConfig) -> Tensor:
    from captum.attr import LayerGradCam

    network, inputs = question.network, question.explained.inputs
    outputs = layer_outputs(network, inputs)
    if config.gradcam_layer is None:
        name = last_maps(network, outputs)
        assert name is not None, "The method was asked for where it does not fit."
    else:
        name = find_layer(network, outputs, config.gradcam_layer, "explain.gradcam_layer")
    method: Any = LayerGradCam(question.answers, network.get_submodule(name))
    found = method.attribute(question.values(), relu_attributions=True)  # (1, 1, h, w)
    size = inputs.shape[2:]
    whole: Tensor = functional.interpolate(found, size, mode="bilinear", align_corners=False)[0, 0]
    return whole


def _attention(question: Question, _: ExplainConfig) -> Tensor:
    network = question.network
    assert isinstance(network, Recurrent)
    with torch.no_grad():
        weights = network.attention(question.explained.inputs)[0]  # (T,)
    if question.explained.kind == "image":  # a step is a row of pixels
        return weights[:, None].expand(-1, question.explained.values[0].shape[3])
    return weights


_METHODS: dict[Method, Callable[[Question, ExplainConfig], Tensor]] = {
    "saliency": _saliency,
    "integrated_gradients": _integrated_gradients,
    "occlusion": _occlusion,
    "gradcam": _gradcam,
    "attention": _attention,
}

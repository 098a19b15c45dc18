"""Which methods of attribution fit a network."""

from collections.abc import Callable

from torch import nn

from foldwise.models.readout import AdditiveAttention
from foldwise.models.recurrent import Recurrent
from foldwise.tasks.explain.attributed_input import AttributedInput
from foldwise.tasks.explain.chosen_samples import ExplainError
from foldwise.tasks.explain.config import METHODS, ExplainConfig, Method
from foldwise.tasks.explain.layers import last_maps, layer_outputs


def choose_methods(
    network: nn.Module, explained: AttributedInput, config: ExplainConfig
) -> tuple[tuple[Method, ...], tuple[str, ...]]:
    """Return the methods that are asked for, or all that fit, and why the others do not.

    Raises:
        ExplainError: A method that is asked for by its name does not fit.
    """
    reasons = {
        method: reason
        for method in METHODS
        if (reason := _obstacle(method, network, explained, config)) is not None
    }
    fitting = tuple(method for method in METHODS if method not in reasons)
    if config.methods == "auto":
        left_out = "; ".join(f"{method} ({reason})" for method, reason in reasons.items())
        return fitting, (f"Methods that do not fit: {left_out}.",) if reasons else ()
    for method in config.methods:
        if method in reasons:
            raise ExplainError(
                f"explain.methods names {method!r}, but {reasons[method]}. These fit: "
                f"{', '.join(fitting)}."
            )
    return config.methods, ()


def _obstacle(
    method: Method, network: nn.Module, explained: AttributedInput, config: ExplainConfig
) -> str | None:
    """Return why a method does not fit; None: it does."""
    checks: dict[Method, Callable[[], str | None]] = {
        "saliency": lambda: _no_neighbours(explained),
        "gradcam": lambda: _no_maps(network, explained, config),
        "attention": lambda: _no_attention(network),
    }
    return checks[method]() if method in checks else None


def _no_neighbours(explained: AttributedInput) -> str | None:
    if explained.kind in ("image", "series"):
        return None
    what = {"tokens": "tokens", "table": "categories"}[explained.kind]
    return f"there is nothing between two {what} that a slope could lead to"


def _no_maps(network: nn.Module, explained: AttributedInput, config: ExplainConfig) -> str | None:
    if explained.kind != "image" or explained.inputs.ndim != explained.values[0].ndim:
        return "the network has no convolutions over pictures"
    if config.gradcam_layer is not None:
        return None
    found = last_maps(network, layer_outputs(network, explained.inputs))
    return None if found else "the network has no maps of features behind a first convolution"


def _no_attention(network: nn.Module) -> str | None:
    if isinstance(network, Recurrent) and isinstance(network.readout, AdditiveAttention):
        return None
    return "the network has no readout 'attention' that would weigh its steps"

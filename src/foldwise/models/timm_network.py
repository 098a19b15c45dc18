"""Networks of PyTorch Image Models (timm), an optional extra.

B: batch, C: channels, H: height, W: width, K: classes.
"""

import difflib
from types import ModuleType
from typing import Any

import torch
from torch import nn

from foldwise.errors import UserError
from foldwise.models.config import TimmConfig


def build(config: TimmConfig, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build a network of timm with random weights for images of a shape (C, H, W).

    Raises:
        UserError: timm is not installed, has no such network, or the network cannot take these
            images or parameters.
    """
    timm = _timm(config.architecture)
    _check_name(timm, config.architecture)
    try:
        network: nn.Module = timm.create_model(
            config.architecture,
            pretrained=False,
            in_chans=shape[0],
            num_classes=num_classes,
            **_options(timm, config, shape),
        )
        _try_out(network, shape, num_classes)
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise UserError(
            f"model.name 'timm:{config.architecture}' cannot be built for {shape[0]} x {shape[1]} "
            f"x {shape[2]} images (channels x height x width) with these parameters: {error}"
        ) from error
    return network


def _timm(architecture: str) -> ModuleType:
    try:
        import timm
    except ImportError as error:
        raise UserError(
            f"model.name 'timm:{architecture}' needs the package timm, which is not installed: "
            "pip install 'foldwise[timm]' (or pip install timm)."
        ) from error
    module: ModuleType = timm
    return module


def _check_name(timm: ModuleType, architecture: str) -> None:
    if timm.is_model(architecture):
        return
    known = timm.list_models()
    near = difflib.get_close_matches(architecture, known, n=5)
    hint = f"Did you mean {', '.join(near)}?" if near else "timm.list_models() lists them."
    raise UserError(
        f"model.name 'timm:{architecture}': timm {timm.__version__} has no network of this name "
        f"among its {len(known)}. {hint}"
    )


def _options(timm: ModuleType, config: TimmConfig, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Return what is asked for and not the default, which some networks do not know."""
    options: dict[str, Any] = {}
    if config.dropout:
        options["drop_rate"] = config.dropout
    if config.stochastic_depth:
        options["drop_path_rate"] = config.stochastic_depth
    known = timm.models.get_pretrained_cfg(config.architecture, allow_unregistered=True)
    if known is not None and known.fixed_input_size:
        options["img_size"] = shape[1:]
    return options


def _try_out(network: nn.Module, shape: tuple[int, int, int], num_classes: int) -> None:
    """Map one black image to logits; in evaluation mode nothing in the network changes."""
    network.eval()
    with torch.no_grad():
        logits = network(torch.zeros(1, *shape))
    if logits.shape != (1, num_classes):
        raise ValueError(f"it gives {tuple(logits.shape)} values instead of (1, {num_classes}).")
    network.train()

"""Read a file of weights that any program may have written, without running code from it."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from foldwise.tasks.pretrained import PretrainedError

_NESTED = ("state_dict", "model_state_dict", "model")  # where checkpoints keep their weights
_PARALLEL = "module."  # what torch's DistributedDataParallel puts before every name


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from a `.safetensors` file, or a `.pth` or `.pt` file without code.

    A checkpoint may keep them under `state_dict`, `model_state_dict` or `model`; the prefix
    `module.` of distributed training is taken off.

    Raises:
        PretrainedError: The file is damaged, or holds anything but tensors by name.
    """
    state: Any = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickled(path)
    for key in _NESTED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
            break
    if (
        not isinstance(state, Mapping)
        or not state
        or not all(isinstance(value, Tensor) for value in state.values())
    ):
        raise PretrainedError(
            f"{path} does not hold weights: expected tensors by name (a state dict), or one under "
            f"{', '.join(_NESTED)}, but found {_told(state)}."
        )
    names = [str(name) for name in state]
    prefix = _PARALLEL if all(name.startswith(_PARALLEL) for name in names) else ""
    return {str(name).removeprefix(prefix): tensor for name, tensor in state.items()}


def _told(state: object) -> str:
    if isinstance(state, Mapping):
        return f"a dictionary with {', '.join(map(str, list(state)[:5])) or 'nothing in it'}"
    return f"a {type(state).__name__}"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise PretrainedError(f"{path} is damaged or no safetensors file ({error}).") from None


def _read_pickled(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise PretrainedError(
            f"{path} is damaged, or holds more than weights. Such a file can run code when it is "
            "read, so only tensors are: save the network's state_dict(), best as .safetensors."
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PretrainedError(f"{path} is damaged ({first}).") from None

"""The state of an optimiser as named tensors, and back, bit for bit.

A value of the parameter `i` (counted over all groups) is named `i.<name>`, the items of a list
`i.<name>[<place>]`, an empty list `i.<name>[]`, a number `i.<name>:int` or `i.<name>:float`.
"""

import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_KEY = re.compile(r"(\d+)\.(\w+)(?:\[(\d*)\])?(?::(int|float))?")
_NUMBERS = {int: torch.int64, float: torch.float64}


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the state by names, without copying."""
    return {
        key: tensor
        for number, (parameter, _) in enumerate(_parameters(optimizer))
        for name, value in optimizer.state.get(parameter, {}).items()
        for key, tensor in _tensors(f"{number}.{name}", value)
    }


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put a state back into an optimiser of the same parameters."""
    parameters = _parameters(optimizer)
    for number, name, place, kind, tensor in sorted(map(_parsed, tensors.items()), key=_order):
        parameter, group = parameters[number]
        # A copy is aligned in memory; a tensor in a file may not be, and sums in another order.
        value: Any = tensor.to(parameter.device, copy=True)
        if kind:
            value = tensor.item()
        elif name == "step" and not group.get("fused"):
            value = tensor.cpu()  # where torch itself counts
        elif tensor.shape == parameter.shape:  # moments lie in memory as their parameter does
            value = torch.empty_like(parameter, requires_grad=False).copy_(tensor)
        state = optimizer.state[parameter]
        if place is None:
            state[name] = value
        elif not place:
            state[name] = []
        else:
            state.setdefault(name, []).append(value)


def _tensors(key: str, value: Any) -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401  (torch's state)
    if isinstance(value, Tensor):
        yield key, value
    elif type(value) in _NUMBERS:
        yield f"{key}:{type(value).__name__}", torch.tensor(value, dtype=_NUMBERS[type(value)])
    elif value == []:
        yield f"{key}[]", torch.empty(0)
    # A list with gaps is scratch space of L-BFGS: nothing is read from it before it is written.
    elif isinstance(value, list) and all(isinstance(item, Tensor) for item in value):
        for place, item in enumerate(value):
            yield f"{key}[{place}]", item


_Parsed = tuple[int, str, str | None, str | None, Tensor]


def _parsed(item: tuple[str, Tensor]) -> _Parsed:
    match = _KEY.fullmatch(item[0])
    if match is None:
        raise ValueError(f"{item[0]!r} is no part of an optimiser's state")
    return int(match[1]), match[2], match[3], match[4], item[1]


def _order(parsed: _Parsed) -> int:
    return int(parsed[2] or 0)  # lists are filled from their start


def _parameters(optimizer: Optimizer) -> list[tuple[Tensor, dict[str, Any]]]:
    return [(p, group) for group in optimizer.param_groups for p in group["params"]]

"""Muon for kernels and dense weights, with AdamW for all other parameters."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Muon, Optimizer

Groups = list[dict[str, Any]]


class MuonAndAdamW(Optimizer):
    """Two of torch's optimisers as one, with the groups and the state of both.

    Muon (Jordan et al., 2024) takes matrices only. A kernel (out, in, height, width) is shown to
    it as a matrix (out, rest) that shares the kernel's memory; the order of the columns does not
    matter to Muon, so it is that of the memory. Hence the network must lie where it is trained,
    in its memory format, before this is made.
    """

    def __init__(self, matrices: Groups, others: Groups, *, lr: float, momentum: float) -> None:
        """Take the groups of both.

        Args:
            matrices: Groups for Muon: parameters of two or more dimensions.
            others: Groups for AdamW, each with its own `lr`.
            lr: Muon's, where a group has none.
            momentum: Muon's.
        """
        self._shown = [(p, _as_matrix(p.detach(), p)) for g in matrices for p in g["params"]]
        views = iter([view for _, view in self._shown])
        shown = [{**group, "params": [next(views) for _ in group["params"]]} for group in matrices]
        self._parts: list[Optimizer] = []
        if shown:
            self._parts.append(Muon(shown, lr=lr, momentum=momentum))
        if others:
            self._parts.append(AdamW(others, fused=True))
        super().__init__([group for part in self._parts for group in part.param_groups], {})
        # The very same groups and one state: what a schedule or a resume changes, both parts see.
        self.param_groups = [group for part in self._parts for group in part.param_groups]
        for part in self._parts:
            part.state = self.state

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch overloads it
        """Make a step of both."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for parameter, view in self._shown:
            gradient = parameter.grad
            view.grad = None if gradient is None else _as_matrix(gradient, parameter)
        for part in self._parts:
            part.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, those of the kernels and dense weights too."""
        super().zero_grad(set_to_none)
        for parameter, _ in self._shown:
            parameter.grad = None


def _as_matrix(tensor: Tensor, like: Tensor) -> Tensor:
    """Return a kernel or a gradient of one as (out, rest), columns in the kernel's order."""
    if like.ndim == 4 and not like.is_contiguous():
        tensor = tensor.permute(0, 2, 3, 1)  # channels last
    return tensor.reshape(len(tensor), -1)

"""What recurrent layers cost, counted at once: step by step, 5,000 steps take a minute.

B: batch, T: steps, H: hidden size.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

_LAYERS = ("rnn_tanh", "rnn_relu", "gru", "lstm")


class RecurrentCost(TorchFunctionMode):
    """While it is active, torch's recurrent layers give empty tensors of the right shapes.

    Attributes:
        flops: Of their matrix products so far, a multiplication and an addition each: every
            weight of a matrix is used once per step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  (torch's contract)
        """Call the function, unless it is a recurrent layer on sequences that are not packed."""
        name = getattr(func, "__name__", "")
        if name not in _LAYERS or not isinstance(args[2], list | tuple):
            return func(*args, **(kwargs or {}))
        inputs, first_state, weights = args[:3]
        bidirectional, batch_first = args[-2:]
        batch, steps = inputs.shape[:2] if batch_first else reversed(inputs.shape[:2])
        matrices = [weight for weight in weights if weight.ndim > 1]
        self.flops += 2 * batch * steps * sum(matrix.numel() for matrix in matrices)
        state: Tensor = first_state[0] if name == "lstm" else first_state
        width = state.shape[-1] * (2 if bidirectional else 1)
        outputs = inputs.new_empty((*inputs.shape[:2], width))
        return (outputs, *first_state) if name == "lstm" else (outputs, first_state)

"""What the convolutional networks that keep all steps have in common.

B: batch, C: channels, T: steps.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from foldwise.models.real_steps import Steps, as_rows, real_steps
from foldwise.models.sequence_input import SequenceInput
from foldwise.models.step_readout import Readout, read_steps


class StepNetwork(nn.Module):
    """Blocks along the steps, then what they say of all steps, and a linear layer.

    Attributes:
        receptive_field: Steps that a step behind the last block sees, itself included.
    """

    def __init__(
        self,
        sequence: SequenceInput,
        blocks: Sequence[nn.Module],
        head: nn.Linear,
        *,
        receptive_field: int,
        readout: Readout = "mean",
        dropout: float = 0.0,
    ) -> None:
        """Put a network together.

        Args:
            sequence: From inputs to features (B, T, D).
            blocks: Each maps features (B, C, 1, T), and which steps are real, to
                (B, C', 1, T).
            head: From C of the last block to the outputs.
            receptive_field: Steps that a step behind the last block sees.
            readout: How steps become one.
            dropout: Before the head.
        """
        super().__init__()
        self.receptive_field = receptive_field
        self.input = sequence
        self._block_names = [f"block{number}" for number in range(1, len(blocks) + 1)]
        for name, block in zip(self._block_names, blocks, strict=True):
            self.add_module(name, block)
        self._readout = readout
        self.dropout = nn.Dropout(dropout)
        self.head = head

    def forward(self, inputs: Tensor) -> Tensor:
        """Map series or tokens to outputs (B, num_outputs)."""
        outputs, steps = self._run(inputs)
        read = read_steps(outputs[-1], steps, self._readout)
        result: Tensor = self.head(self.dropout(read))
        return result

    def step_outputs(self, inputs: Tensor) -> list[Tensor]:
        """Return what each block gives at every step, (B, C', T); at padding it means nothing."""
        return [output.squeeze(2) for output in self._run(inputs)[0]]

    def _run(self, inputs: Tensor) -> tuple[list[Tensor], Steps]:
        features, mask = self.input(inputs)
        steps = real_steps(mask)
        x = as_rows(features)  # (B, T, D) -> (B, D, 1, T)
        outputs = []
        for name in self._block_names:
            x = self.get_submodule(name)(x, steps)
            outputs.append(x)
        return outputs, steps

"""One dense layer: logistic and linear regression, and the perceptron as a network.

B: batch, D: columns, K: outputs.
"""

from torch import Tensor, nn

from foldwise.models.config.dense import LinearConfig, LogisticConfig, PerceptronConfig
from foldwise.models.input_spec import TableSpec
from foldwise.models.table_input import TableInput


class LinearModel(nn.Module):
    """Maps rows (B, D) to W x + b, (B, K); categories are one-hot.

    What it is depends on the loss: with cross-entropy logistic regression, with squares linear
    regression, with the perceptron criterion a perceptron. Of one-hot categories a layer learns
    one number each, which is all that a linear model can make of an embedding, and the first two
    losses stay convex.
    """

    def __init__(self, spec: TableSpec, num_outputs: int) -> None:
        super().__init__()
        self.input = TableInput(spec, embedding_size="one_hot")
        self.head = nn.Linear(self.input.num_features, num_outputs)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (B, D) to outputs (B, K)."""
        outputs: Tensor = self.head(self.input(rows))
        return outputs


def build(
    config: PerceptronConfig | LogisticConfig | LinearConfig,
    spec: TableSpec,
    num_outputs: int,
) -> LinearModel:
    """Build one dense layer; its loss is the caller's."""
    return LinearModel(spec, num_outputs)

"""Multilayer perceptrons for tables.

B: batch, N: samples, D: columns, K: outputs.
"""

from itertools import pairwise

from torch import Tensor, nn

from foldwise.models.activation import make_activation
from foldwise.models.config.dense import MlpConfig
from foldwise.models.input_spec import TableSpec
from foldwise.models.maxout import Maxout
from foldwise.models.number_embedding import make_number_embedding
from foldwise.models.table_input import TableInput

_SATURATING = ("sigmoid", "tanh")


class Mlp(nn.Module):
    """Hidden layers of dense layer, norm, activation and dropout; then one dense layer.

    With one hidden layer and relu it is W2 max(0, W1 x + b1) + b2, with two
    W3 max(0, W2 max(0, W1 x + b1) + b2) + b3.
    """

    def __init__(self, config: MlpConfig, spec: TableSpec, num_outputs: int) -> None:
        super().__init__()
        is_one_hot = config.category_input == "one_hot"
        self.input = TableInput(
            spec,
            embedding_size="one_hot" if is_one_hot else config.embedding_size,
            numbers=make_number_embedding(config, spec.cardinalities.count(0)),
        )
        widths = self.input.num_features, *config.widths
        self.input_dropout = nn.Dropout(config.input_dropout)
        self.hidden = nn.Sequential(*(_hidden_layer(config, *pair) for pair in pairwise(widths)))
        self.head = nn.Linear(widths[-1], num_outputs)

    def initialise_from(self, inputs: Tensor) -> None:
        """Look at training rows (N, D), where numbers are placed among their quantiles."""
        self.input.initialise_from(inputs)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (B, D) to outputs (B, K)."""
        outputs: Tensor = self.head(self.hidden(self.input_dropout(self.input(rows))))
        return outputs


class Residual(nn.Module):
    """Adds what a layer makes of its input to the input itself, through a dense layer if need be.

    "Deep Residual Learning for Image Recognition" (He et al., CVPR 2016); for tables "Revisiting
    Deep Learning Models for Tabular Data" (Gorishniy et al., NeurIPS 2021).
    """

    def __init__(self, layer: nn.Module, num_in: int, num_out: int) -> None:
        super().__init__()
        self.shortcut = (
            nn.Identity() if num_in == num_out else nn.Linear(num_in, num_out, bias=False)
        )
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, num_in) to (B, num_out)."""
        out: Tensor = self.shortcut(x) + self.layer(x)
        return out


def build(config: MlpConfig, spec: TableSpec, num_outputs: int) -> Mlp:
    """Build the network that maps rows (B, D) to outputs (B, K)."""
    return Mlp(config, spec, num_outputs)


def _hidden_layer(config: MlpConfig, num_in: int, num_out: int) -> nn.Module:
    layer = nn.Sequential(
        _dense(config, num_in, num_out),
        _norm(config, num_out),
        _activation(config),
        nn.Dropout(config.dropout),
    )
    return Residual(layer, num_in, num_out) if config.residual else layer


def _dense(config: MlpConfig, num_in: int, num_out: int) -> nn.Linear:
    """Return a layer whose signals keep their size; biases spread the kinks of rectifiers."""
    # A norm brings its own offset: a bias before it would never matter.
    dense = nn.Linear(num_in, num_out * _num_pieces(config), bias=config.norm == "none")
    if config.activation in _SATURATING:
        nn.init.xavier_uniform_(dense.weight)
    else:
        nn.init.kaiming_uniform_(dense.weight, nonlinearity="relu")
    return dense


def _norm(config: MlpConfig, num_out: int) -> nn.Module:
    num_features = num_out * _num_pieces(config)
    if config.norm == "batch":
        return nn.BatchNorm1d(num_features)
    return nn.LayerNorm(num_features) if config.norm == "layer" else nn.Identity()


def _activation(config: MlpConfig) -> nn.Module:
    if config.activation == "maxout":
        return Maxout(config.maxout_pieces)
    return make_activation(config.activation)


def _num_pieces(config: MlpConfig) -> int:
    return config.maxout_pieces if config.activation == "maxout" else 1
